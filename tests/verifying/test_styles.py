"""Every shape of real code, served in ten lines of glue or fewer, and found right; with a planted error, found wrong."""

import importlib.util
import inspect
import pathlib

import numpy as np
import pytest
from verifying.subjects import subject_of

import symrnn
from symrnn.checking.oracles import Point, Upstream, complex_step
from symrnn.layouts.layout import Layout
from symrnn.verifying.forward import open_subject
from symrnn.verifying.losses import CrossEntropy, SquaredError
from symrnn.verifying.observing import run_code
from symrnn.verifying.styles import functions, objects, steps, updates

_spec = importlib.util.spec_from_file_location("people", pathlib.Path(__file__).with_name("people.py"))
people = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(people)


def fused_with_a_cache():
    layout = Layout.preset("cs231n", "lstm")
    code = functions(people.lstm_backward, people.lstm_forward, returns="dx dh0 dWx dWh db")
    return "lstm", code, layout


def step_functions():
    code = steps(people.lstm_step_forward, people.lstm_step_backward, returns="dx dprev_h dprev_c dWx dWh db")
    params = Layout.preset("cs231n", "lstm").params
    return "lstm", code, Layout(params)


def features_first_time_last():
    layout = Layout(
        {
            **{f"W{theirs}": f"[R_{gate}, W_{gate}]" for theirs, gate in zip("fico", "figo", strict=True)},
            **{f"b{theirs}": f"b_{gate}[:, None]" for theirs, gate in zip("fico", "figo", strict=True)},
        },
        x="m N T", outputs="n N T", state="n N", names={"h": "a"},
    )  # fmt: skip
    return "lstm", functions(people.coursera_backward, people.coursera_forward), layout


def object_with_attributes():
    layout = Layout("W = [[b], [W.T], [R.T]]")
    return "rnn", objects(lambda m, n: people.FoldedRNN(m, n)), layout


def no_batch_axis():
    layout = Layout("U = W\nW = R\nb = b", x="T m", outputs="-1..T-1 n")
    return "rnn", functions(people.vector_rnn_backward, people.vector_rnn_forward), layout


def in_place_updater():
    return "rnn", updates(people.train_step, rate=0.5), None


def last_step_only():
    layout = Layout("Wxh = W.T\nWhh = R.T\nbh = b", x="N T m", outputs="N n")
    return "rnn", functions(people.many_to_one_backward, people.many_to_one), layout


def globals_and_softmax_inside():
    def backward(params, x, state, targets):
        for name, array in params.items():
            setattr(people, name, array)
        return people.loss_fun(x, targets, state["h"])

    layout = Layout(
        "Wxh = W\nWhh = R\nbh = b[:, None]\nWhy = V\nby = c[:, None]", x="{T} m 1", outputs="{T} n 1", state="n 1"
    )
    code = functions(backward, returns="_ dWxh dWhh dWhy dbh dby _", loss=CrossEntropy(targets="{T}"))
    return "rnn", code, layout


def squared_error_inside():
    def backward(params, x, targets):
        return people.mse_gradients(params, x, targets)

    return "rnn", functions(backward, loss=SquaredError(half=False, mean="T N n")), None


def accumulators_step_by_step():
    def backward(params, x, state, d_outputs):
        net, h, dx = people.Accumulating(**params), state["h"], []
        for x_t in x:
            h = net.step(x_t, h)
        back = 0
        for d in d_outputs[::-1]:
            d_x, back = net.back(d + back)
            dx.insert(0, d_x)
        return {"W": net.gW, "R": net.gR, "b": net.gb}, np.array(dx), {"h": back}

    return "rnn", functions(backward), None


EXAMPLES = {
    example.__name__: example
    for example in (
        fused_with_a_cache,
        step_functions,
        features_first_time_last,
        object_with_attributes,
        no_batch_axis,
        in_place_updater,
        last_step_only,
        globals_and_softmax_inside,
        squared_error_inside,
        accumulators_step_by_step,
    )
}


def draw(cell, T, N, seed=0, dims=None):
    sample = cell.sample(T=T, N=N, seed=seed, dims=dims or {"m": 3, "n": 4})
    generator = np.random.default_rng(seed + 1)
    upstream = Upstream(
        "on everything",
        {"h": generator.standard_normal((T, N, 4))},
        {name: generator.standard_normal(array.shape) for name, array in sample.state.items()},
    )
    return Point(cell, {"m": 3, "n": 4}, T, N, sample.params, {"x": sample.x}, sample.state), upstream


def errors_of(subject, T, N, dtype="float64"):
    """The largest error of every array that the code returns, against complex step at what it was given."""
    point, upstream = draw(subject.cell, T, N)
    seen = run_code(subject, point, upstream, dtype)
    truth = complex_step(seen.point, [seen.upstream])[0].values
    found = {}
    for reading in seen.readings:
        for key, value in reading.items():
            expected = truth[key] if key in truth else seen.expected[key]
            assert value.shape == expected.shape
            found[key] = max(found.get(key, 0.0), float(np.abs(value - expected).max()))
    return found, seen


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize(("T", "N"), [(1, 1), (3, 2), (4, 1)])
def test_right_code_gives_the_right_gradients(example, T, N):
    cell, code, layout = EXAMPLES[example]()
    subject = subject_of(symrnn.load(cell), code, layout)
    errors, seen = errors_of(subject, T, N)
    assert {key[1] for key in errors if key[0] == "params"} >= set(subject.cell.params)
    assert max(errors.values()) < 1e-12, errors
    assert seen.mutated == ()


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_forward_agrees_where_there_is_one(example):
    cell, code, layout = EXAMPLES[example]()
    subject, verdict = open_subject(symrnn.load(cell), code, layout)
    assert verdict
    with_forward = {"fused_with_a_cache", "step_functions", "features_first_time_last", "object_with_attributes"}
    assert verdict.checked == subject.has_forward == (example in with_forward | {"no_batch_axis", "last_step_only"})


def test_every_glue_has_at_most_ten_lines():
    for name, example in EXAMPLES.items():
        body = inspect.getsource(example).splitlines()[1:]
        lines = [line for line in body if line.strip() and not line.strip().startswith('return "')]
        assert len(lines) <= 10, (name, lines)


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_a_code_cannot_take_is_not_given_to_the_reference(example):
    cell, code, layout = EXAMPLES[example]()
    subject = subject_of(symrnn.load(cell), code, layout)
    point, upstream = draw(subject.cell, 3, 2)
    seen = run_code(subject, point, upstream)
    takes_state = example not in ("last_step_only", "squared_error_inside")
    assert np.any(seen.point.state["h"]) == takes_state
    if cell == "lstm":
        assert np.any(seen.point.state["c"]) == (example == "step_functions")
    assert np.any(seen.upstream.final["h"]) == (example == "step_functions")
    if example == "last_step_only":
        assert not np.any(seen.upstream.outputs["h"][:-1])
        assert np.array_equal(seen.upstream.outputs["h"][-1], upstream.outputs["h"][-1])
        assert seen.forward["output", "h"].shape == (1, 2, 4)


PLANTED = {
    "fused_with_a_cache": ("lstm_step_backward", "dc * prev_c", "dc * next_c"),
    "step_functions": ("lstm_step_backward", "da @ Wh.T, dc * f", "da @ Wh.T, dc"),
    "features_first_time_last": ("coursera_backward", "Wf.T @ dft", "Wi.T @ dft"),
    "no_batch_axis": ("vector_rnn_backward", "np.outer(da, s[t - 1])", "np.outer(da, s[t])"),
    "in_place_updater": ("train_step", "db + da.sum(0)", "da.sum(0)"),
    "last_step_only": ("many_to_one_backward", "(1 - cache[t] ** 2)", "(1 - cache[t])"),
    "globals_and_softmax_inside": ("loss_fun", "dhnext = np.dot(Whh.T, dhraw)", "dhnext = np.dot(Whh, dhraw)"),
    "squared_error_inside": ("mse_gradients", "2 * (hs[t + 1]", "(hs[t + 1]"),
}


# Read before anything is changed: what was exec'ed has no source.
SOURCES = {name: inspect.getsource(getattr(people, name)) for name, _, _ in PLANTED.values()}


@pytest.mark.parametrize("example", PLANTED)
def test_a_planted_error_shows_through_the_glue(example):
    name, old, new = PLANTED[example]
    source = SOURCES[name]
    assert source.count(old) == 1
    exec(source.replace(old, new), vars(people))
    try:
        cell, code, layout = EXAMPLES[example]()
        subject = subject_of(symrnn.load(cell), code, layout)
        errors, _ = errors_of(subject, 3, 2)
        assert max(errors.values()) > 1e-3
    finally:
        exec(source, vars(people))


@pytest.mark.parametrize("example", ["fused_with_a_cache", "features_first_time_last", "object_with_attributes"])
def test_code_runs_in_float32(example):
    cell, code, layout = EXAMPLES[example]()
    subject = subject_of(symrnn.load(cell), code, layout)
    errors, seen = errors_of(subject, 3, 2, "float32")
    assert seen.dtype == "float32"
    assert 1e-10 < max(errors.values()) < 1e-4


def test_a_recovered_gradient_says_how_many_digits_it_lost():
    def train(params, x, state, d_outputs):
        people.train_step(params, x, state, d_outputs, lr=1e-6)

    subject = subject_of(symrnn.load("rnn"), updates(train, rate=1e-6))
    errors, seen = errors_of(subject, 3, 2)
    assert max(errors.values()) > 1e-11
    for key, bound in seen.noise.items():
        assert errors[key] <= bound.max() + 1e-12
    assert ("x", "x") in seen.missing
    assert ("state", "h") in seen.missing


def test_arguments_by_name_in_any_order_and_as_keywords():
    def backward(*, d_h, x, h_prev, b, W, R):
        grads, dx, dh = people_rnn(W, R, b, x, h_prev, d_h)
        return {**{f"d{name}": g for name, g in grads.items()}, "d_x": dx, "dh_prev": dh}

    subject = subject_of(symrnn.load("rnn"), backward)
    errors, _ = errors_of(subject, 3, 2)
    assert set(errors) == {("params", "W"), ("params", "R"), ("params", "b"), ("x", "x"), ("state", "h")}
    assert max(errors.values()) < 1e-13


def people_rnn(W, R, b, x, h, g, g_T=0):
    hs = [h]
    for x_t in x:
        hs.append(np.tanh(x_t @ W.T + hs[-1] @ R.T + b))
    d, dx, back = {"W": 0, "R": 0, "b": 0}, np.zeros_like(x), g_T
    for t in reversed(range(len(x))):
        da = (g[t] + back) * (1 - hs[t + 1] ** 2)
        d = {"W": d["W"] + da.T @ x[t], "R": d["R"] + da.T @ hs[t], "b": d["b"] + da.sum(0)}
        dx[t], back = da @ W, da @ R
    return d, dx, back


def canonical(params, x, state, d_outputs, d_final_state):
    d, dx, dh = people_rnn(params["W"], params["R"], params["b"], x, state["h"], d_outputs, d_final_state["h"])
    return d, dx, {"h": dh}


class Answer:
    """Gradients as attributes."""


def as_attributes(params, x, state, d_outputs, d_final_state):
    answer = Answer()
    d, answer.dx, dh = canonical(params, x, state, d_outputs, d_final_state)
    answer.dW, answer.dR, answer.db, answer.dh0 = d["W"], d["R"], d["b"], dh["h"]
    return answer


def as_groups(params, x, state, d_outputs, d_final_state):
    d, dx, dh = canonical(params, x, state, d_outputs, d_final_state)
    return {"d_params": d, "d_x": dx, "d_state": dh}


def as_other_names(p, xs, s, dy, dsT):
    return canonical(p, xs, s, dy, dsT)


def as_lists(params, x, state, d_outputs, d_final_state):
    d, dx, dh = canonical(params, x, state, d_outputs, d_final_state)
    return d, dx.tolist(), [dh["h"].tolist()]


@pytest.mark.parametrize("backward", [canonical, as_attributes, as_groups, as_other_names, as_lists])
def test_tuples_dicts_attributes_and_lists_come_back(backward):
    subject = subject_of(symrnn.load("rnn"), backward)
    errors, seen = errors_of(subject, 3, 2)
    assert len(errors) == 5
    assert max(errors.values()) < 1e-13
    assert seen.missing == ()
    assert np.any(seen.upstream.final["h"])


def test_what_does_not_come_back_is_missing():
    def backward(params, x, state, d_outputs, d_final_state):
        d, dx, dh = canonical(params, x, state, d_outputs, d_final_state)
        return {"W": d["W"], "R": None, "b": d["b"]}, None

    seen = errors_of(subject_of(symrnn.load("rnn"), backward), 2, 2)[1]
    assert seen.missing == (("params", "R"), ("x", "x"), ("state", "h"))


def test_shares_are_read_one_by_one():
    """A bias in two arrays: the gradient of each is the whole one, and a wrong one is not hidden by a right one."""

    def backward(W, R, b1, b2, x, h0, dh):
        d, dx, back = people_rnn(W, R, b1 + b2, x, h0, dh)
        return {"W": d["W"], "R": d["R"], "b1": d["b"], "b2": 2 * d["b"]}

    layout = Layout("b1 = share(b)\nb2 = share(b)\n...")
    subject = subject_of(symrnn.load("rnn"), backward, layout)
    point, upstream = draw(subject.cell, 3, 2)
    seen = run_code(subject, point, upstream)
    truth = complex_step(seen.point, [seen.upstream])[0].values["params", "b"]
    first, second = (reading["params", "b"] for reading in seen.readings)
    assert np.allclose(first, truth, rtol=0, atol=1e-13)
    assert np.allclose(second, 2 * truth, rtol=0, atol=1e-13)


def test_arrays_that_change_are_named():
    def backward(params, x, state, d_outputs):
        x *= 1.0
        d_outputs[-1] += 1
        params["W"][0] = 0
        return people_rnn(params["W"], params["R"], params["b"], x, state["h"], d_outputs)[0], None, None

    point, upstream = draw(symrnn.load("rnn"), 3, 2)
    before = {key: array.copy() for key, array in point.arrays().items()}
    seen = run_code(subject_of(point.cell, backward), point, upstream)
    assert set(seen.mutated) == {"W", "gradient of h"}
    assert all(np.array_equal(before[key], array) for key, array in point.arrays().items())
