"""Kernels against passes written by hand, and what they do with inputs that do not fit."""

import importlib.util
import pathlib

import numpy as np
import pytest

import symrnn
from symrnn.numeric import kernel as kernel_module

_spec = importlib.util.spec_from_file_location("handwritten", pathlib.Path(__file__).with_name("handwritten.py"))
handwritten = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(handwritten)

SIZES = [(1, 1), (1, 3), (2, 1), (5, 4)]


def upstream(shape, seed):
    return np.random.default_rng(seed).standard_normal(shape)


def close(mine, theirs, tolerance=1e-13):
    scale = max(1.0, np.abs(theirs).max())
    assert mine.shape == theirs.shape
    assert np.abs(mine - theirs).max() <= tolerance * scale


@pytest.mark.parametrize(("T", "N"), SIZES)
def test_rnn_by_hand(T, N, backend):
    cell = symrnn.load("rnn")
    s = cell.sample(T=T, N=N, dims={"m": 3, "n": 5}, seed=T)
    g, gT = upstream((T, N, 5), 1), upstream((N, 5), 2)
    kernel = symrnn.derive(cell).numpy(backend=backend)
    outputs, final, tape = kernel.forward(s.params, s.x, s.state)
    grads = kernel.backward(tape, g, {"h": gT})
    h, d, dx, dh0 = handwritten.rnn(s.params, s.x, s.state["h"], g, gT)
    close(outputs, h)
    close(final["h"], h[-1])
    for name in d:
        close(grads.params[name], d[name])
    close(grads.x, dx)
    close(grads.state["h"], dh0)


@pytest.mark.parametrize(("T", "N"), SIZES)
def test_peephole_lstm_by_hand(T, N, backend):
    cell = symrnn.load("peephole_lstm")
    s = cell.sample(T=T, N=N, dims={"m": 2, "n": 4}, seed=10 + T, scale=1.5)
    g, gh, gc = upstream((T, N, 4), 3), upstream((N, 4), 4), upstream((N, 4), 5)
    kernel = symrnn.derive(cell).numpy(backend=backend)
    outputs, final, tape = kernel.forward(s.params, s.x, s.state)
    grads = kernel.backward(tape, g, {"h": gh, "c": gc})
    h, d, dx, dh0, dc0 = handwritten.peephole_lstm(s.params, s.x, s.state["h"], s.state["c"], g, gh, gc)
    close(outputs, h)
    for name in d:
        close(grads.params[name], d[name])
    close(grads.x, dx)
    close(grads.state["h"], dh0)
    close(grads.state["c"], dc0)


@pytest.mark.parametrize("name", list(symrnn.zoo))
def test_float32_stays_float32_and_agrees_with_float64(name, backend):
    cell = symrnn.load(name)
    derivation = symrnn.derive(cell)
    results = {}
    for dtype in ("float32", "float64"):
        s = cell.sample(T=4, N=3, seed=3, dtype=dtype)
        kernel = derivation.numpy(dtype=dtype, backend=backend)
        outputs, final, tape = kernel.forward(s.params, s.x, s.state)
        one = not isinstance(outputs, dict)
        grads = kernel.backward(
            tape, np.ones_like(outputs) if one else {k: np.ones_like(v) for k, v in outputs.items()}
        )
        arrays = {**grads.params, **(outputs if not one else {"outputs": outputs})}
        arrays |= {f"d_{k}": v for k, v in (grads.x if isinstance(grads.x, dict) else {"x": grads.x}).items()}
        arrays |= {f"{k}_0": v for k, v in grads.state.items()} | {f"{k}_T": v for k, v in final.items()}
        assert {str(array.dtype) for array in arrays.values()} == {dtype}
        results[dtype] = arrays
    for key, wide in results["float64"].items():
        close(results["float32"][key], wide, 1e-5)


ODD = {
    "constants": "def f(x, h):\n    u = 0 * h + 1\n    s = 0.5\n    h = s * tanh(W @ x) + u\n    return h",
    "param_only_output": "def f(x: vector, h: vector):\n    b: vector\n    h = tanh(b)\n    return h",
    "no_state": "def f(x):\n    y = relu(W @ x)\n    return y",
    "several_outputs": "def f(x, h):\n    h = tanh(W @ x + h)\n    s = sum(h)\n    return (h, s), (h,)",
    "slices": "def f(x, h):\n    a = W @ [h, x]\n    h = tanh(a[:n]) * a[n:2 * n] + a[-1]\n    return h",
    "mean_of_a_size_called_like_a_variable": "def f(x, h):\n    n = tanh(W @ x)\n    h = n - mean(n) + h\n    return h",
    "reserved_words": "def f(x, h):\n    np = tanh(W @ x)\n    T = outer(np, h)\n    t = T @ np\n    h = t * params + N @ h\n    return h",
    "builtins": "def f(x, h):\n    zip = tanh(W @ x)\n    h = zip * range + reversed * h\n    return h",
    "greek": "def f(x, h):\n    σ_1 = sigmoid(α * h)\n    h = tanh(Θ @ x) * σ_1\n    return h",
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("plain", [False, True])
def test_odd_cells_run_in_their_shapes_and_type(name, dtype, plain, backend):
    if plain and backend == "c":
        pytest.skip("plain is for NumPy")
    cell = symrnn.cell(ODD[name])
    s = cell.sample(T=2, N=3, dtype=dtype)
    dims = {"n": 6, "m": 4} if set(cell.dims) == {"m", "n"} else None
    kernel = symrnn.derive(cell).numpy(dtype, plain=plain, backend=backend)
    outputs, final, tape = kernel.forward(s.params, s.x, s.state)
    several = outputs if isinstance(outputs, dict) else {next(iter(cell.outputs)): outputs}
    d_outputs = {key: np.ones_like(value) for key, value in several.items()}
    grads = kernel.backward(tape, d_outputs if isinstance(outputs, dict) else d_outputs.popitem()[1])
    for key, value in several.items():
        assert value.dtype == dtype
        assert value.shape[:2] == (2, 3)
        assert dims is None or value.shape[2:] == tuple(size.value(dims) for size in cell.outputs[key])
    for key, value in grads.params.items():
        assert (value.shape, str(value.dtype)) == (s.params[key].shape, dtype)
    assert (grads.x.shape, str(grads.x.dtype)) == (s.x.shape, dtype)
    for key, value in grads.state.items():
        assert (value.shape, final[key].shape) == (s.state[key].shape, s.state[key].shape)


def test_a_tape_may_outlive_the_names_of_its_module(monkeypatch):
    """As where Python ends and something else still holds it: seen with JAX."""
    cell = symrnn.load("rnn")
    sample = cell.sample(seed=0)
    *_, tape = symrnn.derive(cell).numpy().forward(sample.params, sample.x, sample.state)
    for name in [name for name in vars(kernel_module) if not name.startswith("__")]:
        monkeypatch.setattr(kernel_module, name, None)
    tape.__del__()


def test_the_source_is_what_runs():
    kernel = symrnn.derive("gru").numpy()
    namespace = {}
    exec(kernel.source, namespace)
    s = symrnn.load("gru").sample()
    outputs, _, _ = namespace["forward"](namespace["pack"](s.params), s.x, s.state)
    assert np.array_equal(outputs, kernel.forward(s.params, s.x, s.state)[0])


def test_without_a_state_it_starts_from_zero_and_upstream_left_out_is_zero(backend):
    kernel = symrnn.derive("lstm").numpy(backend=backend)
    s = symrnn.load("lstm").sample()
    zero = {name: np.zeros_like(value) for name, value in s.state.items()}
    explicit, _, tape_1 = kernel.forward(s.params, s.x, zero)
    implicit, _, tape_2 = kernel.forward(s.params, s.x)
    assert np.array_equal(explicit, implicit)
    g = np.ones_like(explicit)
    a = kernel.backward(tape_1, g, {"c": zero["c"]})
    b = kernel.backward(tape_2, g)
    assert all(np.array_equal(a.params[k], b.params[k]) for k in a.params)


def test_calls_do_not_see_each_other_and_change_nothing_of_the_callers(backend):
    kernel = symrnn.derive("peephole_lstm").numpy(backend=backend)
    s = symrnn.load("peephole_lstm").sample(T=3, N=2)
    g = np.ones((3, 2, 6))
    final = {"h": np.ones((2, 6)), "c": np.ones((2, 6))}
    kept = [a.copy() for a in (*s.params.values(), s.x, *s.state.values(), g, *final.values())]
    _, _, tape = kernel.forward(s.params, s.x, s.state)
    first = kernel.backward(tape, g, final)
    other = symrnn.load("peephole_lstm").sample(T=5, N=4, seed=9)
    kernel.forward(other.params, other.x, other.state)
    second = kernel.backward(tape, g, final)
    for name, value in first.params.items():
        assert np.array_equal(value, second.params[name])
    for before, after in zip(kept, (*s.params.values(), s.x, *s.state.values(), g, *final.values()), strict=True):
        assert np.array_equal(before, after)
    assert not any(np.shares_memory(v, f) for v in first.state.values() for f in final.values())


def test_wrong_arrays_are_named_with_both_shapes(backend):
    kernel = symrnn.derive("rnn").numpy(backend=backend)
    s = symrnn.load("rnn").sample(T=2, N=3)

    def message(params=None, x=None, state=None):
        with pytest.raises(symrnn.InputError) as caught:
            kernel.forward(s.params if params is None else params, s.x if x is None else x, state or s.state)
        return str(caught.value)

    assert message({**s.params, "W": s.params["W"].T}) == (
        "params W has the shape (4, 6) and rnn needs (n, m) = (6, 4) with m = 4, n = 6"
    )
    assert message({k: v for k, v in s.params.items() if k != "b"}) == "params lacks b; rnn has: W, R, b"
    assert message({**s.params, "w": s.params["W"]}) == (
        "params has 'w', which rnn does not; it has: W, R, b. did you mean `W`?"
    )
    assert message(x=s.x[0, 0]) == "x has the shape (4,); a sequence has (T, N, …): steps, batch, features"
    assert message(x=s.x[:0]) == "x has the shape (0, 3, 4), so T = 0; T and N are at least 1"
    assert message(state={"h": s.state["h"][:2]}) == (
        "state h has the shape (2, 6) and rnn needs (N, n) = (3, 6) with m = 4, n = 6"
    )
    assert message(x=s.x.astype("float32")) == (
        "x is float32 and this kernel computes in float64: "
        "convert it with .astype('float64'), or derive(…).numpy(dtype='float32')"
    )
    assert message(params=[1, 2]) == "params must be a dict of arrays by name, not list"
    assert message({**s.params, "b": "abc"}).startswith("params['b'] is not an array of numbers: ")


def test_of_arrays_that_contradict_each_other_the_odd_one_is_blamed(backend):
    kernel = symrnn.derive("lstm").numpy(backend=backend)
    s = symrnn.load("lstm").sample(T=2, N=3)
    with pytest.raises(symrnn.InputError) as caught:
        kernel.forward(s.params, np.ones((2, 3, 5)), s.state)
    assert str(caught.value) == "x has the shape (2, 3, 5) and lstm needs (T, N, m) = (2, 3, 4) with m = 4, n = 6"
    with pytest.raises(symrnn.InputError, match=r"state h has the shape \(3, 7\) and lstm needs \(N, n\) = \(3, 6\)"):
        kernel.forward(s.params, s.x, {**s.state, "h": np.ones((3, 7))})
    with pytest.raises(
        symrnn.InputError, match=r"params W_f has the shape \(6, 5\) and lstm needs \(n, m\) = \(6, 4\)"
    ):
        kernel.forward({**s.params, "W_f": np.ones((6, 5))}, s.x, s.state)


def test_wrong_upstream_is_named(backend):
    kernel = symrnn.derive("lstm").numpy(backend=backend)
    s = symrnn.load("lstm").sample(T=2, N=3)
    _, _, tape = kernel.forward(s.params, s.x, s.state)
    with pytest.raises(
        symrnn.InputError, match=r"d_outputs h has the shape \(3, 2, 6\) and lstm needs \(T, N, n\) = \(2, 3, 6\)"
    ):
        kernel.backward(tape, np.ones((3, 2, 6)))
    with pytest.raises(symrnn.InputError, match="d_final_state has 'C', which lstm does not"):
        kernel.backward(tape, np.ones((2, 3, 6)), {"C": np.ones((3, 6))})


def test_a_misspelt_type_raises():
    with pytest.raises(symrnn.OptionError, match="dtype is 'float32' or 'float64', not 'float16'"):
        symrnn.derive("rnn").numpy(dtype="float16")


def test_several_inputs_are_a_dict(backend):
    cell = symrnn.cell("def f(q, k, /, h):\n    h = tanh(Q @ q + K @ k + h)\n    return h")
    s = cell.sample(T=2, N=2)
    kernel = symrnn.derive(cell).numpy(backend=backend)
    outputs, _, tape = kernel.forward(s.params, s.x, s.state)
    grads = kernel.backward(tape, np.ones_like(outputs))
    assert {name: value.shape for name, value in grads.x.items()} == {name: v.shape for name, v in s.x.items()}
    with pytest.raises(symrnn.InputError, match="x must be a dict with the arrays q, k, not ndarray"):
        kernel.forward(s.params, s.x["q"], s.state)
