"""Backpropagation through the forward recursion of a hidden Markov model is Baum and Welch's backward recursion."""

from itertools import product

import numpy as np
import pytest

import symrnn

STATES, STEPS = 3, 4


def forward_backward(start, transitions, likelihoods):
    """Baum and Welch, with probabilities and no scaling: the likelihood, the posteriors (the first of them before the
    first observation) and the expected numbers of transitions."""
    forward, backward = [start], [np.ones(STATES)]
    for likelihood in likelihoods:
        forward.append((forward[-1] @ transitions) * likelihood)
    for likelihood in likelihoods[::-1]:
        backward.append(transitions @ (likelihood * backward[-1]))
    backward.reverse()
    total = forward[-1].sum()
    posteriors = np.array(forward) * np.array(backward) / total
    expected = sum(
        forward[t][:, None] * transitions * (likelihoods[t] * backward[t + 1]) / total for t in range(len(likelihoods))
    )
    return total, posteriors, expected


def every_path(start, transitions, likelihoods):
    """The same from the definition: all sequences of hidden states, one after the other."""
    total, posteriors, expected = 0.0, np.zeros((STEPS + 1, STATES)), np.zeros((STATES, STATES))
    for path in product(range(STATES), repeat=STEPS + 1):
        weight = start[path[0]]
        for t in range(STEPS):
            weight *= transitions[path[t], path[t + 1]] * likelihoods[t, path[t + 1]]
        total += weight
        for t, state in enumerate(path):
            posteriors[t, state] += weight
        for t in range(STEPS):
            expected[path[t], path[t + 1]] += weight
    return total, posteriors / total, expected / total


@pytest.fixture(scope="module", params=["probabilities", "any weights"])
def case(request):
    """Arrays of a model, and what the kernel makes of them; a batch of two sequences."""
    generator = np.random.default_rng(7)
    transitions, starts = (
        np.exp(generator.standard_normal((STATES, STATES))),
        np.exp(generator.standard_normal((2, STATES))),
    )
    likelihoods = np.exp(2 * generator.standard_normal((STEPS, 2, STATES)))
    if request.param == "probabilities":
        transitions /= transitions.sum(axis=1, keepdims=True)
        starts /= starts.sum(axis=1, keepdims=True)
    kernel = symrnn.derive("hmm_forward").numpy()
    outputs, final, tape = kernel.forward({"A": np.log(transitions)}, np.log(likelihoods), {"alpha": np.log(starts)})
    gradients = kernel.backward(tape, np.ones_like(outputs))
    return transitions, starts, likelihoods, outputs, final["alpha"], gradients


def test_the_two_ways_of_the_test_agree(case):
    transitions, starts, likelihoods, *_ = case
    ways = [way(starts[0], transitions, likelihoods[:, 0]) for way in (forward_backward, every_path)]
    for one, other in zip(*ways, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_outputs_add_up_to_the_log_likelihood(case):
    transitions, starts, likelihoods, outputs, _, _ = case
    for k in range(2):
        total, _, _ = every_path(starts[k], transitions, likelihoods[:, k])
        assert outputs[:, k].sum() == pytest.approx(np.log(total), rel=1e-12)


def test_the_state_is_the_filtered_distribution(case):
    transitions, starts, likelihoods, _, final, _ = case
    for k in range(2):
        _, posteriors, _ = every_path(starts[k], transitions, likelihoods[:, k])
        np.testing.assert_allclose(np.exp(final[k]), posteriors[-1], rtol=1e-12)


@pytest.mark.parametrize("way", [forward_backward, every_path])
def test_gradients_are_posteriors(case, way):
    transitions, starts, likelihoods, _, _, gradients = case
    counts = np.zeros((STATES, STATES))
    for k in range(2):
        _, posteriors, expected = way(starts[k], transitions, likelihoods[:, k])
        np.testing.assert_allclose(gradients.state["alpha"][k], posteriors[0], rtol=1e-11)
        np.testing.assert_allclose(gradients.x[:, k], posteriors[1:], rtol=1e-11)
        counts += expected
    np.testing.assert_allclose(gradients.params["A"], counts, rtol=1e-11)


def test_time_may_start_at_the_first_observation(case):
    """With log π + x_1 for the initial state, π at the first observation, the outputs of the rest hold everything."""
    transitions, starts, likelihoods, _, _, _ = case
    kernel = symrnn.derive("hmm_forward").numpy()
    first = np.log(starts) + np.log(likelihoods[0])
    outputs, _, tape = kernel.forward({"A": np.log(transitions)}, np.log(likelihoods[1:]), {"alpha": first})
    gradients = kernel.backward(tape, np.ones_like(outputs))
    for k in range(2):
        total, posteriors = 0.0, np.zeros((STEPS, STATES))
        for path in product(range(STATES), repeat=STEPS):
            weight = starts[k, path[0]] * likelihoods[0, k, path[0]]
            for t in range(1, STEPS):
                weight *= transitions[path[t - 1], path[t]] * likelihoods[t, k, path[t]]
            total += weight
            for t, state in enumerate(path):
                posteriors[t, state] += weight
        assert outputs[:, k].sum() == pytest.approx(np.log(total), rel=1e-12)
        np.testing.assert_allclose(gradients.state["alpha"][k], posteriors[0] / total, rtol=1e-11)
        np.testing.assert_allclose(gradients.x[:, k], posteriors[1:] / total, rtol=1e-11)


def test_an_unlikely_sequence_does_not_underflow():
    """A thousand observations of likelihood e^−800 each: the product is no float, its logarithm is."""
    kernel = symrnn.derive("hmm_forward").numpy()
    x = np.full((1000, 1, 2), -800.0)
    outputs, _, tape = kernel.forward({"A": np.log(np.full((2, 2), 0.5))}, x, {"alpha": np.log(np.full((1, 2), 0.5))})
    np.testing.assert_allclose(outputs, -800.0, rtol=1e-14)
    np.testing.assert_allclose(kernel.backward(tape, np.ones_like(outputs)).x, 0.5, rtol=1e-12)
