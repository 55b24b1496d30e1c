"""Code that does not do what it was called for: a clear message, never a traceback from inside."""

import contextlib
import threading
import time

import numpy as np
import pytest
from verifying.subjects import subject_of

import symrnn
from symrnn.checking.oracles import Point, Upstream
from symrnn.layouts.layout import Layout
from symrnn.verifying.losses import CrossEntropy, SquaredError
from symrnn.verifying.observing import run_code
from symrnn.verifying.styles import functions, objects, steps, updates

RNN = symrnn.load("rnn")
GOOD = {"W": np.zeros((4, 3)), "R": np.zeros((4, 4)), "b": np.zeros(4)}
SHAPES = "params {W (4, 3), R (4, 4), b (4,)}, x (2, 3, 3), state {h (3, 4)}, d_outputs (2, 3, 4) (T = 2, N = 3)"


def run(code, layout=None, cell=RNN, seconds=30.0, dtype="float64"):
    sample = cell.sample(T=2, N=3, seed=0, dims={"m": 3, "n": 4})
    final = {name: np.ones(array.shape) for name, array in sample.state.items()}
    upstream = Upstream("on everything", {"h": np.ones((2, 3, 4))}, final)
    point = Point(cell, {"m": 3, "n": 4}, 2, 3, sample.params, {"x": sample.x}, sample.state)
    return run_code(subject_of(cell, code, layout, seconds=seconds), point, upstream, dtype)


def message(code, layout=None, **options):
    with pytest.raises(symrnn.SymrnnError) as caught:
        run(code, layout, **options)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def backward_that(body):
    """A backward that does something with what it is given."""

    def backward(params, x, state, d_outputs):
        return body(params, x, state, d_outputs)

    return backward


def test_a_call_that_raises():
    def backward(params, x, state, d_outputs):
        return params["Wx"]

    text = message(backward)
    line = backward.__code__.co_firstlineno + 1
    assert text == (
        f"backward raised KeyError: 'Wx'\n  test_subject.py:{line}, in backward: return params[\"Wx\"]\n"
        f"  it was called with {SHAPES}"
    )


def test_the_innermost_line_of_the_person_is_quoted():
    def helper(x):
        return np.concatenate([x, x[0]])

    def backward(params, x, state, d_outputs):
        return helper(x)

    text = message(backward)
    assert text.startswith("backward raised ValueError: all the input arrays must have same number of dimensions")
    assert "in helper: return np.concatenate([x, x[0]])" in text


def test_endless_recursion():
    def backward(params, x, state, d_outputs):
        return backward(params, x, state, d_outputs)

    assert message(backward).startswith("backward raised RecursionError: maximum recursion depth exceeded")


def test_a_program_that_ends():
    assert message(backward_that(lambda *_: exit(3))).startswith("backward ended the program (exit code 3)\n")


@pytest.mark.parametrize(
    ("result", "start"),
    [
        (None, "backward returned None\n  it was called with"),
        (3.0, "backward returned a float; gradients come back as (d_params, d_x, d_state)"),
        (np.zeros(3), "backward returned an array (3,); gradients come back as"),
        ((1, 2, 3, 4), "backward returned a tuple of 4; gradients come back as"),
        ({}, "backward gave back no gradient at all"),
        ({"V": 1}, "backward returned a gradient called 'V', and none for W, R, b"),
        ({**GOOD, "W": np.zeros((3, 4))}, "backward returned the gradient of W with the shape (3, 4); (4, 3) is right"),
        ({**GOOD, "W": "no"}, "backward returned the gradient of W, which is a str, not an array of numbers; (4, 3) is right"),
        ({**GOOD, "b": np.zeros(4) * 1j}, "backward returned the gradient of b, which holds complex numbers; (4,) is right"),
        ({**GOOD, "b": [1, [2], 3]}, "backward returned the gradient of b, which is a list of 3, not an array of numbers"),
        ({**GOOD, "b": np.array([0, np.nan, 0, 0])}, "backward returned the gradient of b with nan at [1]"),
        ({**GOOD, "R": np.full((4, 4), np.inf)}, "backward returned the gradient of R with inf at [0, 0]"),
        ((GOOD, np.zeros((3, 2, 3))), "backward returned the gradient of x, which has the shape (3, 2, 3), and `T N m` is (2, 3, 3)"),
        ((GOOD, None, np.zeros(4)), "backward returned the gradient of the initial h, which has the shape (4,), and `N n` is (3, 4)"),
        ((GOOD, None, {"c": 1}), "backward gave back"),
    ],
)  # fmt: skip
def test_what_comes_back_is_not_what_was_expected(result, start):
    if start == "backward gave back":
        # An unknown name beside a full set of gradients is said, and no error.
        notes = run(backward_that(lambda *_: result)).notes
        assert notes == ("c came back and belongs to nothing in the layout: not checked",)
        return
    text = message(backward_that(lambda *_: result))
    assert text.startswith(start), text
    assert text.count("\n") >= 1


def test_a_misspelt_gradient_gets_the_nearest():
    text = message(backward_that(lambda *_: {"dW": GOOD["W"], "dR": GOOD["R"], "bb": GOOD["b"]}))
    assert "  mend: did you mean `b`?" in text


def test_names_of_a_tuple():
    code = functions(backward_that(lambda *_: (1, 2)), returns="dW dR db")
    assert message(code).startswith("backward returned a tuple of 2, and returns='dW dR db' names 3 parts")
    code = functions(backward_that(lambda *_: (1, 2)), returns="dW dRR")
    assert message(code) == "returns names 'dRR', which is the gradient of nothing here. did you mean `dR`?"


def test_an_argument_that_nobody_knows():
    def backward(params, x, stat, d_outputs):
        return None

    text = message(backward)
    assert text.startswith(
        "backward(params, x, stat, d_outputs) asks for `stat`, which is none of the names that symrnn can pass; "
        "did you mean `state`?\n  all: params, x, state, d_outputs, d_final_state\n"
    )
    assert "  params, one by one: W, R, b\n" in text
    assert "mend: rename the argument, or wrap the function" in text


def test_a_cache_needs_a_forward():
    def backward(dh, cache):
        return None

    assert message(backward).startswith("backward asks for what the forward pass leaves, and there is no forward")


def test_a_forward_that_returns_nothing():
    def forward(x):
        return None

    def backward(dh, cache):
        return None

    assert message(functions(backward, forward)).startswith("forward returned None; outputs come first")


def test_a_call_that_never_returns():
    def backward(params, x, state, d_outputs):
        while True:
            time.sleep(0.01)

    start = time.perf_counter()
    text = message(backward, seconds=0.2)
    assert time.perf_counter() - start < 20
    assert text.startswith("backward did not return within 0.2 seconds\n  test_subject.py:")
    assert f"  it was called with {SHAPES}\n" in text


def test_a_call_that_swallows_everything_is_stopped_all_the_same():
    def backward(params, x, state, d_outputs):
        while True:
            with contextlib.suppress(Exception):
                time.sleep(0.01)

    assert message(backward, seconds=0.2).startswith("backward did not return within 0.2 seconds")


def test_a_call_that_never_returns_in_another_thread():
    stop = threading.Event()

    def backward(params, x, state, d_outputs):
        stop.wait(30)

    caught = []

    def work():
        try:
            run(backward, seconds=0.2)
        except symrnn.SymrnnError as error:
            caught.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    stop.set()
    assert caught[0].startswith("backward did not return within 0.2 seconds")


def test_an_update_that_changes_nothing():
    assert message(updates(backward_that(lambda *_: None), rate=1.0)).startswith(
        "backward changed none of the parameters\n  it was called with"
    )
    with pytest.raises(symrnn.OptionError, match="rate is what the update multiplies the gradient by"):
        updates(backward_that(lambda *_: None), rate=0.0)


class Empty:
    def forward(self, x):
        return x


def test_objects_without_the_methods():
    assert message(objects(Empty)).startswith(
        "Empty has no method `backward`; it has: forward\n  mend: name it, backward='forward'"
    )
    assert message(objects(lambda units, extra: Empty())).startswith("make(units, extra) asks for `units`")


def test_steps_that_return_too_little():
    def step(x, h):
        return h

    def back(dh):
        return {"W": GOOD["W"], "R": GOOD["R"], "b": GOOD["b"], "x": np.zeros((3, 3))}

    assert message(steps(step, back)).startswith("back returned no gradient of the states before the step: h\n  mend:")
    assert message(steps(lambda x: (1, 2, 3, 4), back)).startswith(
        "forward returned a tuple of 4; a step returns its new states h"
    )
    with pytest.raises(symrnn.OptionError, match="the steps come first"):
        subject_of(RNN, steps(step, back), Layout(x="N T m"))


def test_options():
    with pytest.raises(symrnn.SymrnnError, match="neither a forward nor a backward"):
        subject_of(RNN, functions(None))
    with pytest.raises(symrnn.OptionError, match="seconds is how long a call may take"):
        subject_of(RNN, backward_that(lambda *_: None), seconds=0)
    with pytest.raises(symrnn.OptionError, match="orders that are open"):
        subject_of(RNN, backward_that(lambda *_: None), Layout("W = ?[W, R]\n..."))
    with pytest.raises(symrnn.OptionError, match="a parameter 'W' of its own"):
        subject_of(RNN, functions(lambda targets: None, loss=CrossEntropy(weight="W")))
    with pytest.raises(symrnn.OptionError, match="mean of a loss names sizes"):
        run(functions(lambda params, targets: GOOD, loss=SquaredError(mean="B")))


def test_nothing_of_the_callers_changes():
    def backward(params, x, state, d_outputs, d_final_state):
        for array in (*params.values(), x, d_outputs, *state.values(), *d_final_state.values()):
            array[...] = 7
        return GOOD

    sample = RNN.sample(T=2, N=3, seed=0, dims={"m": 3, "n": 4})
    upstream = Upstream("u", {"h": np.ones((2, 3, 4))}, {"h": np.ones((3, 4))})
    point = Point(RNN, {"m": 3, "n": 4}, 2, 3, sample.params, {"x": sample.x}, sample.state)
    before = [array.copy() for array in (*point.arrays().values(), upstream.outputs["h"], upstream.final["h"])]
    seen = run_code(subject_of(RNN, backward), point, upstream)
    after = [*point.arrays().values(), upstream.outputs["h"], upstream.final["h"]]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    assert set(seen.mutated) == {"W", "R", "b", "x", "h", "gradient of h", "gradient of final h"}


def test_results_are_copies():
    """Code may hand out one buffer again and again; what was observed stays."""
    buffer = {name: array.copy() for name, array in GOOD.items()}

    def backward(params, x, state, d_outputs):
        for array in buffer.values():
            array += 1
        return buffer

    first = run(backward)
    run(backward)
    assert first.gradients["params", "W"][0, 0] == 1


def test_float32_code_is_seen():
    seen = run(backward_that(lambda p, *_: {name: array.astype("float32") for name, array in p.items()}))
    assert seen.dtype == "float32"
    assert "float32" in seen.notes[0]


def test_scalar_parameters_and_matrix_states():
    cell = symrnn.cell("""
def memory(x, S):
    S: matrix
    alpha: scalar
    S = alpha * S + outer(V @ x, K @ x)
    y = S @ (Q @ x)
    return y, (S,)
""")
    dims = dict.fromkeys(cell.dims, 3) | {"m": 2}

    def backward(params, x, state, d_outputs):
        assert params["alpha"].shape == ()
        return (
            {name: np.ones(array.shape) for name, array in params.items()},
            np.ones(x.shape),
            {"S": np.ones(state["S"].shape)},
        )

    sample = cell.sample(T=2, N=2, dims=dims)
    point = Point(cell, dims, 2, 2, sample.params, {"x": sample.x}, sample.state)
    upstream = Upstream("u", {"y": np.ones((2, 2, 3))}, {"S": np.zeros((2, 3, 3))})
    seen = run_code(subject_of(cell, backward, Layout(state="N p q" if "q" in cell.dims else "")), point, upstream)
    assert seen.missing == ()
    assert seen.gradients["state", "S"].shape == (2, 3, 3)
    assert seen.gradients["params", "alpha"].shape == ()
