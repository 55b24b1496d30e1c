"""`assert_gradients` passes what is right, names what is wrong, and says what it cannot know."""

from __future__ import annotations

import re

import numpy as np
import pytest

import symrnn
from symrnn.errors import GradientError
from symrnn.testing import assert_gradients

W = np.random.default_rng(0).standard_normal((4, 3))
x = np.random.default_rng(1).standard_normal(3)
b = np.random.default_rng(2).standard_normal(4)


def layer(W, x, b):
    return np.tanh(W @ x + b).sum()


def layer_gradient(W, x, b):
    y = np.tanh(W @ x + b)
    d = 1 - y * y
    return np.outer(d, x), W.T @ d, d


def bent(index, factor):
    """The gradient with one entry of W's wrong by a factor."""

    def gradient(W, x, b):
        dW, dx, db = layer_gradient(W, x, b)
        dW = dW.copy()
        dW[index] *= dW.dtype.type(factor)
        return dW, dx, db

    return gradient


def failure(*arguments, **options) -> str:
    with pytest.raises(GradientError) as caught:
        assert_gradients(*arguments, **options)
    assert isinstance(caught.value, AssertionError)
    assert isinstance(caught.value, symrnn.SymrnnError)
    return str(caught.value)


def words(report) -> list[tuple[str, tuple[str, ...]]]:
    return [(row.array, row.agreed) for row in report.rows]


# Right and wrong ---------------------------------------------------------------------------------------------


def test_a_right_gradient_passes():
    report = assert_gradients(layer, layer_gradient, W, x, b)
    assert report
    assert words(report) == [(name, ("complex step",)) for name in ("W", "x", "b")]
    assert report.entries == 19
    assert report.text().startswith("layer: all 3 arrays agree (19 entries, seed 0, ")


@pytest.mark.parametrize("index", list(np.ndindex(4, 3)))
@pytest.mark.parametrize("sign", [1, -1])
def test_one_entry_wrong_by_a_part_in_1e11_is_found(index, sign):
    message = failure(layer, bent(index, 1 + sign * 1e-11), W, x, b)
    assert f"W{list(index)} is " in message
    assert "by complex step it is " in message


def test_the_message_says_everything():
    message = failure(layer, bent((2, 1), 1.5), W, x, b, seed=7)
    right = layer_gradient(W, x, b)[0][2, 1]
    story = re.search(
        r"W\[2, 1\] is (\S+), and by complex step it is (\S+) ± \S+: off by (\S+), \S+ times what", message
    )
    assert story is not None
    computed, expected, error = map(float, story.groups())
    assert computed == pytest.approx(1.5 * right, rel=1e-15)
    assert expected == pytest.approx(right, rel=1e-14)
    assert error == pytest.approx(0.5 * abs(right), rel=0.1)
    assert "by seven-point it is " in message
    assert message.startswith("layer: 2 of 3 arrays agree (19 entries, seed 7, ")
    assert message.endswith("\nreproduce: assert_gradients(layer, gradient, W, x, b, seed=7)")


def test_arrays_in_a_dict():
    def loss(p):
        return layer(p["W"], x, p["b"])

    def gradient(p):
        dW, _, db = layer_gradient(p["W"], x, p["b"])
        return {"b": db, "W": dW}

    assert words(assert_gradients(loss, gradient, {"W": W, "b": b})) == [
        ("W", ("complex step",)),
        ("b", ("complex step",)),
    ]
    swapped = failure(loss, lambda p: {**gradient(p), "b": -gradient(p)["b"]}, {"W": W, "b": b})
    assert "loss: 1 of 2 arrays agree" in swapped
    assert "reproduce: assert_gradients(loss, gradient, {…}, seed=0)" in swapped


def test_a_function_that_returns_an_array_has_a_gradient_from_above():
    def activation(a):
        return np.sin(a)

    def pull(a, upstream):
        return upstream * np.cos(a)

    assert_gradients(activation, pull, x)
    assert_gradients(activation, pull, x, upstream=[1.0, 0.0, -2.0])
    assert "a[" in failure(activation, lambda a, upstream: np.cos(a), x)
    with pytest.raises(symrnn.InputError, match=r"upstream has the shape \(2,\), and activation returns \(3,\)"):
        assert_gradients(activation, pull, x, upstream=[1.0, 2.0])
    with pytest.raises(
        symrnn.InputError, match=r"as activation returns an array, it is called as .*\(\*arrays, upstream\)"
    ):
        assert_gradients(activation, lambda a: np.cos(a), x)


def test_what_is_not_an_array_of_floats_is_handed_through():
    labels = np.array([2, 0])

    def loss(logits, labels, reduction):
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        picked = -np.log(p[np.arange(len(labels)), labels])
        return picked.mean() if reduction == "mean" else picked.sum()

    def gradient(logits, labels, reduction):
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        p[np.arange(len(labels)), labels] -= 1
        return p / len(labels) if reduction == "mean" else p

    logits = np.random.default_rng(3).standard_normal((2, 4))
    assert words(assert_gradients(loss, gradient, logits, labels, "mean")) == [("logits", ("complex step",))]
    assert_gradients(loss, lambda *a: (gradient(*a), None, None), logits, labels, "sum")
    assert "logits[" in failure(loss, lambda z, y, r: gradient(z, y, "sum"), logits, labels, "mean")


def test_the_arrays_of_the_caller_are_never_changed():
    def rude(W, x, b, n):
        value = layer(W, x, b) * n[0]
        for array in (W, x, b, n):
            array[...] = 0
        return value

    def rude_gradient(W, x, b, n):
        found = tuple(g * n[0] for g in layer_gradient(W, x, b))
        for array in (W, x, b, n):
            array[...] = 0
        return found

    n = np.array([3])
    arrays = [W.copy(), x.copy(), b.copy(), n]
    for array in arrays:
        array.flags.writeable = True
    assert_gradients(rude, rude_gradient, *arrays)
    for array, before in zip(arrays, (W, x, b, [3]), strict=True):
        np.testing.assert_array_equal(array, before)


# Types -------------------------------------------------------------------------------------------------------


def test_float32_is_judged_by_what_float32_can_show():
    narrow = [array.astype("float32") for array in (W, x, b)]
    assert layer_gradient(*narrow)[0].dtype == np.float32
    assert_gradients(layer, layer_gradient, *narrow)
    # The same rounding is a mistake in float64.
    rounded = failure(
        layer, lambda *a: tuple(g.astype("float32").astype("float64") for g in layer_gradient(*a)), W, x, b
    )
    assert "layer: 0 of 3 arrays agree" in rounded
    largest = np.unravel_index(np.abs(layer_gradient(W, x, b)[0]).argmax(), W.shape)
    assert f"W{[int(k) for k in largest]} is" in failure(layer, bent(largest, 1 + 1e-4), *narrow)


def test_a_narrow_gradient_of_wide_arrays_is_said():
    report = assert_gradients(layer, lambda *a: tuple(g.astype("float32") for g in layer_gradient(*a)), W, x, b)
    assert "the gradient by W is float32, W float64: judged as the former" in report.notes


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shift", [0.0, 4.0, 8.0, 20.0])
def test_saturation_is_no_mistake(dtype, shift):
    """1 − y² has few digits left, or none; the gradient is as right as it can be."""
    arrays = [W.astype(dtype), x.astype(dtype), (b + shift).astype(dtype)]
    assert_gradients(layer, layer_gradient, *arrays)


def test_a_gradient_by_coarse_differences_shows_nothing():
    """Its rounding is so large that it could be anything: no tolerance is stretched that far."""

    def coarse(a):
        return np.array([(np.sin(a + h).sum() - np.sin(a - h).sum()) / 2e-9 for h in 1e-9 * np.eye(len(a))])

    message = failure(lambda a: np.sin(a).sum(), coarse, x)
    assert "0 of 1 arrays agree" in message
    assert "a: complex step cannot resolve it" in message


# Functions that are not analytic -----------------------------------------------------------------------------


def test_differences_where_complex_step_does_not_apply():
    def length(a):
        return np.linalg.norm(a)

    report = assert_gradients(length, lambda a: a / np.linalg.norm(a), x)
    assert words(report) == [("a", ("seven-point",))]
    assert report.notes[0].startswith("complex step does not apply: along a random direction of a it says ")
    message = failure(length, lambda a: a / np.linalg.norm(a) * (1 + 1e-7), x)
    assert "by seven-point it is" in message
    assert "by Richardson it is" in message


def _relu(a):
    return np.maximum(a, 0).sum()


def _relu_gradient(a):
    return (a > 0).astype(float)


KINKS = {
    "relu": (_relu, _relu_gradient, [0.0, 1.0, -1.0]),
    "relu, all": (_relu, _relu_gradient, [0.0, 0.0]),
    "relu, number": (_relu, _relu_gradient, 0.0),
    "abs": (lambda a: np.abs(a).sum(), np.sign, [0.0, 2.0]),
    "max": (lambda a: a.max(), lambda a: (a == a.max()) / (a == a.max()).sum(), [3.0, 1.0, 3.0]),
}


@pytest.mark.parametrize("name", KINKS)
def test_an_entry_on_a_kink_is_checked_beside_it(name):
    function, gradient, point = KINKS[name]
    report = assert_gradients(function, gradient, np.array(point))
    assert any(
        note.startswith(
            "on a kink, and checked beside it: a[0]" if np.ndim(point) else "on a kink, and checked beside it: a"
        )
        for note in report.notes
    )
    assert "complex step" not in report.notes[0] or "does not apply" in report.notes[0]


def test_a_wrong_gradient_shows_beside_a_kink():
    assert "(beside a kink)" in failure(_relu, lambda a: np.where(a == 0, 0, 2.0 * (a > 0)), np.zeros(3))


def test_a_kink_within_reach_of_a_step_is_no_mistake():
    assert_gradients(_relu, _relu_gradient, np.array([1e-5, -1e-4, 1e-3, 0.5]))
    assert_gradients(lambda a: np.abs(a).sum(), np.sign, np.array([1e-4, -1e-3, 0.02, 0.5]))


def test_what_cannot_be_resolved_is_not_passed():
    """A function that computes in float32 inside says too little of a gradient in float64."""

    def coarse(a):
        return float(np.tanh(a.astype("float32")).astype("float64").sum())

    message = failure(coarse, lambda a: 1 - np.tanh(a) ** 2, x)
    assert "coarse: 0 of 1 arrays agree" in message
    assert "unresolved" in message
    assert "a: seven-point cannot resolve it" in message


def test_large_arrays_are_sampled_and_sloped():
    big = np.random.default_rng(5).standard_normal((40, 30))
    square = lambda a: (np.sin(a) ** 2).sum()  # noqa: E731
    right = lambda a: 2 * np.sin(a) * np.cos(a)  # noqa: E731
    report = assert_gradients(square, right, big, entries=100)
    assert words(report) == [("a", ("complex step", "slopes"))]
    assert report.notes == ("100 of 1,200 entries were moved one by one, all of them in slopes",)

    def wrong_in_one(a):
        found = right(a)
        found[17, 23] += 1e-3
        return found

    message = failure(square, wrong_in_one, big, entries=100)
    assert "by slopes it is" in message
    assert "along a random direction" in message


# Bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda dW, dx, db: None, "must return 3 arrays (W, x, b), and returned None"),
        (lambda dW, dx, db: dW, "must return 3 arrays (W, x, b), and returned an array of float64 of the shape (4, 3)"),
        (lambda dW, dx, db: (dW, dx), "returned 2 arrays, and 3 are needed: W, x, b"),
        (lambda dW, dx, db: (dW, None, db), "x: None"),
        (lambda dW, dx, db: (dW.T, dx, db), "W: the shape (3, 4), and W has (4, 3)"),
        (lambda dW, dx, db: (dW, dx.astype(int), db), "x: an array of int64, where a gradient is of floating-point"),
        (lambda dW, dx, db: (dW, dx + 0j, db), "x: an array of complex128, where a gradient is of floating-point"),
        (lambda dW, dx, db: (dW, "dx", db), "x: an array of <U2, where a gradient is of floating-point"),
    ],
)
def test_a_gradient_of_the_wrong_form(returned, message):
    def gradient(*arrays):
        return returned(*layer_gradient(*arrays))

    assert message in failure(layer, gradient, W, x, b)


def test_a_gradient_under_wrong_names():
    arrays = {"weights": x, "bias": b}
    loss = lambda p: (p["weights"] ** 2).sum() + p["bias"].sum()  # noqa: E731
    message = failure(loss, lambda p: {"weigths": 2 * p["weights"], "bias": np.ones(4)}, arrays)
    assert "has no weights and has 'weigths', which is not an array of the function. did you mean `weights`?" in message
    assert "must return a dict with weights, bias, and returned a tuple" in failure(loss, lambda p: (1, 2), arrays)


def test_a_gradient_that_is_not_a_number():
    def gradient(W, x, b):
        dW, dx, db = layer_gradient(W, x, b)
        return dW, dx * np.array([1, np.nan, 1]), db

    message = failure(layer, gradient, W, x, b)
    assert "x[1] is nan, and by complex step it is " in message
    assert "not finite" in message


def _raising(*arrays):
    raise KeyError("nothing here")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, layer_gradient, W), "the function must be a function, not a int"),
        ((layer, None, W), "the gradient must be a function, not None"),
        ((layer, layer_gradient), "no array of floating-point numbers to differentiate by; given: nothing"),
        ((np.sum, np.ones_like, np.array([1, 2])), "given: a: an array of int64 of the shape (2,)"),
        ((np.sum, np.ones_like, np.array([1j, 2])), "a is complex"),
        ((np.sum, np.ones_like, np.array([1.0, np.inf])), "a[1] is inf: a gradient is taken at finite numbers"),
        ((_raising, np.ones_like, x), "_raising raises KeyError at the arrays given: 'nothing here'"),
        ((np.sum, _raising, x), "_raising raises KeyError at the arrays given: 'nothing here'"),
        ((lambda a: None, np.ones_like, x), "the function must return a real number or an array of them"),
        ((lambda a: (a, a[:1]), np.ones_like, x), "the function must return a real number or an array of them"),
        ((lambda a: a.sum() + 0j, np.ones_like, x), "the function must return a real number or an array of them"),
        ((lambda a: np.log(a - a), np.ones_like, x), "the function is -inf at the arrays given, at [0]"),
    ],
)
def test_wrong_calls(arguments, message):
    with pytest.raises(symrnn.InputError, match=re.escape(message)):
        assert_gradients(*arguments)


def test_a_function_that_is_random_is_refused():
    generator = np.random.default_rng(0)

    def dropout(a):
        return (a * generator.random(a.shape)).sum()

    with pytest.raises(symrnn.InputError, match="dropout returns something else each time it is called"):
        assert_gradients(dropout, np.ones_like, x)


def test_equal_seeds_give_equal_reports():
    one, two = (assert_gradients(layer, layer_gradient, W, x, b, seed=4) for _ in range(2))
    strip = lambda text: re.sub(r"\d+\.\d+ s", "", text)  # noqa: E731
    assert strip(one.text()) == strip(two.text())


def test_a_backward_pass_through_time():
    """An Elman network by hand, with a loop, buffers and in-place sums."""
    rng = np.random.default_rng(8)
    arrays = {"W": rng.standard_normal((4, 3)), "R": rng.standard_normal((4, 4)) / 2, "x": rng.standard_normal((6, 3))}

    def run(p):
        h, states = np.zeros(4), []
        for x_t in p["x"]:
            h = np.tanh(p["W"] @ x_t + p["R"] @ h)
            states.append(h)
        return states

    def loss(p):
        return sum((h**2).sum() for h in run(p))

    def gradient(p, transposed=True):
        states = run(p)
        grads = {name: np.zeros_like(value) for name, value in p.items()}
        carry = np.zeros(4)
        for t in reversed(range(6)):
            d = (2 * states[t] + carry) * (1 - states[t] ** 2)
            grads["W"] += np.outer(d, p["x"][t])
            grads["R"] += np.outer(d, states[t - 1]) if t else 0
            grads["x"][t] = p["W"].T @ d
            carry = (p["R"].T if transposed else p["R"]) @ d
        return grads

    report = assert_gradients(loss, gradient, arrays)
    assert {agreed for _, agreed in words(report)} == {("complex step",)}
    assert "loss: 0 of 3 arrays agree" in failure(loss, lambda p: gradient(p, transposed=False), arrays)
