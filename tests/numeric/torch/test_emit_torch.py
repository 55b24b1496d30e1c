"""Emitted torch modules: gradients against gradcheck, complex step, and autograd of cells written by hand."""

import importlib.util
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from operations.conformance import CASES, cell_text

import symrnn
from symrnn.numeric.torch_source import emit_torch
from symrnn.testing import cells

torch = pytest.importorskip("torch", reason="the emitted modules need torch")


def _load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HERE = pathlib.Path(__file__).parent
oracle = _load("torch_oracle", HERE / "oracle.py")

ODD = {
    "mgu": "def mgu(x, h):\n    f = sigmoid(W_f @ x + R_f @ h + b_f)\n    n = tanh(W_n @ x + R_n @ (f * h) + b_n)\n    h = (1 - f) * h + f * n\n    return h",
    "delta_rule": 'def delta(x: "(d,)", k: "(d,)", /, S: "(p, d)"):\n    beta: scalar\n    v = V @ x\n    S = S + sigmoid(beta) * outer(v - S @ k, k)\n    y = S @ k\n    return y, (S,)',
    "layer_norm": "def ln(x, h):\n    a = W @ x + R @ h\n    u = a - mean(a)\n    h = tanh(g * u / sqrt(mean(square(u)) + 0.001) + b)\n    return h",
    "slices_and_concatenation": "def f(x, h):\n    a = W @ [h, x]\n    h = tanh(a[:n]) * a[n:2 * n] + a[-1]\n    return h",
    "concatenation_with_a_parameter": "def f(x, h):\n    h = tanh(W @ [h, x, b])\n    return h",
    "softmax": "def f(x, h):\n    h = softmax(W @ x + R @ h) * logsumexp(h) + h / (1 + norm(h))\n    return h",
    "kinks": "def f(x, h):\n    h = where(h > 0.1, relu(W @ x), maximum(h, 0.2) * clip(h, -1, 1)) + minimum(0.3, h) - maximum(h, W @ x)\n    return h",
    "several_inputs_and_outputs": 'def f(x: "(m,)", k: "(d,)", /, h: "(n,)", s: ""):\n    h = tanh(W @ x + V @ k + s * h)\n    s = mean(h)\n    y = h * s\n    return (y, s), (h, s)'.replace(
        's: ""', "s: scalar"
    ),
    "no_state": "def f(x):\n    y = relu(W @ x + b)\n    return y",
    "parameter_scalars": "def f(x, h):\n    p: scalar\n    u = sqrt(1 + square(p))\n    h = tanh(u * (W @ x) + exp(-u) * h) + sin(p)\n    return h",
    "parameters_alone": 'def f(x: vector, h: "(n,)"):\n    p: scalar\n    h = tanh(h)\n    y = sqrt(1 + square(p))\n    return y, (h,)',
    "parameter_vector_alone": "def f(x: vector, h: vector):\n    b: vector\n    h = tanh(b)\n    return h",
    "states_that_change_places": "def f(x, h, c: vector):\n    n = tanh(W @ x + h)\n    c = h\n    h = n\n    return h, c",
    "one_value_for_two_states": "def f(x, h, c):\n    h = tanh(W @ x + h * c)\n    c = h\n    return h, c",
    "a_state_that_is_a_slice": 'def f(x: "(n + 1,)", /, h: "(n,)"):\n    y = tanh(h)\n    h = x[:n]\n    return y, (h,)',
    "constants": "def f(x, h):\n    u = 0 * h + 1\n    s = 0.5\n    h = s * tanh(W @ x) + u\n    return h",
    "reserved_words": "def torch(x, h):\n    ctx = tanh(W @ x)\n    T = outer(ctx, h)\n    steps = T @ ctx\n    h = steps * params + N @ h * type * len\n    return h",
    "inputs_called_like_words": 'def f(t: "(m,)", steps: "(n,)", /, kept: "(n,)"):\n    kept = tanh(W @ t + steps * kept)\n    return kept',
    "greek": "def f(x, h):\n    σ_1 = sigmoid(α * h)\n    h = tanh(Θ @ x) * σ_1\n    return h",
    "a_sum_of_parameters_alone": "def f(x: (m,)):\n    b: (m,)\n    V: (m, m)\n    y = sum(V) + mean(b)\n    return y",
    "unused_input_and_parameter": 'def f(x: "(m,)", /, h: "(n,)"):\n    b: vector\n    h = tanh(h + sign(b))\n    return h',
}
CELLS = {**{name: name for name in symrnn.zoo}, **ODD}
FEW = {**{name: name for name in ("gru", "gru_reset_after", "lstm", "peephole_lstm", "rnn")}, **ODD}


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize(("T", "N"), [(1, 1), (3, 2)])
def test_gradcheck(name, T, N):
    cell = symrnn.load(name) if name in symrnn.zoo else symrnn.cell(CELLS[name])
    point, _ = oracle.point_of(cell, T, N)
    function = oracle.load(cell)[2]
    assert torch.autograd.gradcheck(function.apply, oracle.tensors(point), eps=1e-6, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", CELLS)
def test_complex_step_and_the_numpy_kernel(name):
    cell = symrnn.load(name) if name in symrnn.zoo else symrnn.cell(CELLS[name])
    assert oracle.worst_gradient(cell) <= 1e-12
    assert oracle.worst_output(cell) <= 1e-12


@pytest.mark.parametrize(("name", "expression", "shape"), CASES)
def test_every_operation_against_complex_step(name, expression, shape):
    assert oracle.worst_gradient(symrnn.cell(cell_text(expression))) <= 1e-12


# An example takes a third of a second.
@settings(max_examples=min(100, settings.default.max_examples))
@given(cells(), st.integers(0, 2**16))
def test_random_cells_against_complex_step(text, seed):
    note(text)
    assert oracle.worst_gradient(symrnn.cell(text), 2, 2, seed, (2, 3, 4)) <= 1e-12


def test_torch_s_own_lstm_and_gru_compute_the_same():
    for name, layer, gates, second in (
        ("lstm", torch.nn.LSTM, ("i", "f", "g", "o"), {}),
        ("gru_reset_after", torch.nn.GRU, ("r", "z", "n"), {"n": "b_Rn"}),
    ):
        mine = oracle.load(symrnn.load(name))[1](m=3, n=5, dtype=torch.float64)
        theirs = layer(3, 5, dtype=torch.float64)
        biases = [getattr(mine, f"b_{g}", None) for g in gates]
        biases = [mine.b_Wn if b is None else b for b in biases]
        packed = {
            "weight_ih_l0": torch.cat([getattr(mine, f"W_{g}") for g in gates]),
            "weight_hh_l0": torch.cat([getattr(mine, f"R_{g}") for g in gates]),
            "bias_ih_l0": torch.cat(biases),
            "bias_hh_l0": torch.cat(
                [getattr(mine, second[g]) if g in second else torch.zeros(5, dtype=torch.float64) for g in gates]
            ),
        }
        x = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
        expected, _ = torch.func.functional_call(theirs, packed, (x,))
        outputs, _ = mine(x)
        assert torch.allclose(outputs, expected, rtol=0, atol=1e-13)
        g = torch.randn_like(outputs)
        wanted = [x, *mine.parameters()]
        for a, b in zip(torch.autograd.grad(outputs, wanted, g), torch.autograd.grad(expected, wanted, g), strict=True):
            assert torch.allclose(a, b, rtol=0, atol=1e-12)


def test_peephole_lstm_by_hand():
    layer = oracle.load(symrnn.load("peephole_lstm"))[1](m=3, n=4, dtype=torch.float64)
    p = dict(layer.named_parameters())
    x = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    start = {name: torch.randn(2, 4, dtype=torch.float64, requires_grad=True) for name in ("h", "c")}
    h, c, hs = start["h"], start["c"], []
    for x_t in x:
        i = torch.sigmoid(x_t @ p["W_i"].T + h @ p["R_i"].T + p["p_i"] * c + p["b_i"])
        f = torch.sigmoid(x_t @ p["W_f"].T + h @ p["R_f"].T + p["p_f"] * c + p["b_f"])
        c = f * c + i * torch.tanh(x_t @ p["W_g"].T + h @ p["R_g"].T + p["b_g"])
        h = torch.sigmoid(x_t @ p["W_o"].T + h @ p["R_o"].T + p["p_o"] * c + p["b_o"]) * torch.tanh(c)
        hs.append(h)
    expected = [torch.stack(hs), h, c]
    outputs, final = layer(x, start)
    mine = [outputs, final["h"], final["c"]]
    g = [torch.randn_like(r) for r in mine]
    wanted = [x, *start.values(), *layer.parameters()]
    for a, b in zip(mine, expected, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-13)
    for a, b in zip(torch.autograd.grad(mine, wanted, g), torch.autograd.grad(expected, wanted, g), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_layers_keep_their_type_and_start_from_zero(name, dtype):
    cell = symrnn.load(name) if name in symrnn.zoo else symrnn.cell(CELLS[name])
    sample = cell.sample(T=2, N=3, dtype=str(dtype).removeprefix("torch."))
    point, _ = oracle.point_of(cell, 2, 3, sizes=(4, 6, 3, 5))
    sizes = [point.dims[dim] for dim in cell.dims]
    layer = oracle.load(cell)[1](*sizes, dtype=dtype)
    assert [tuple(p.shape) for p in layer.parameters()] == [v.shape for v in sample.params.values()]
    one = isinstance(sample.x, np.ndarray)
    x = torch.tensor(sample.x) if one else {k: torch.tensor(v) for k, v in sample.x.items()}
    outputs, final = layer(x)
    assert list(final) == list(cell.states)
    every = [*(outputs.values() if isinstance(outputs, dict) else [outputs]), *final.values()]
    assert {tensor.dtype for tensor in every} == {dtype}
    if any(tensor.requires_grad for tensor in every):
        sum(tensor.sum() for tensor in every).backward()
    assert all(p.grad.dtype == dtype for p in layer.parameters())
    zero = {k: torch.zeros(v.shape, dtype=dtype) for k, v in sample.state.items()}
    again, _ = layer(x, zero)
    for a, b in zip(again.values() if isinstance(again, dict) else [again], every, strict=False):
        assert torch.equal(a, b)


SECOND = [
    "rnn", "lstm", "gru", "peephole_lstm", "indrnn", "mlstm_stabilised", "delta_rule", "layer_norm", "softmax",
    "slices_and_concatenation", "several_inputs_and_outputs", "one_value_for_two_states", "parameters_alone", "no_state",
]  # fmt: skip


@pytest.mark.parametrize("name", SECOND)
def test_the_backward_pass_is_differentiated_in_turn(name):
    """gradgradcheck compares with differences of the backward pass, by what came in and by the gradients from above."""
    cell = symrnn.load(name) if name in symrnn.zoo else symrnn.cell(CELLS[name])
    point, _ = oracle.point_of(cell, 2, 1)
    function = oracle.load(cell)[2]
    tensors = oracle.tensors(point)
    assert torch.autograd.gradgradcheck(function.apply, tensors, eps=1e-6, atol=1e-6, rtol=1e-5)


def test_changing_a_saved_tensor_in_place_is_noticed():
    layer = oracle.load(symrnn.load("rnn"))[1](2, 3, dtype=torch.float64)
    outputs, _ = layer(torch.randn(2, 1, 2, dtype=torch.float64))
    with torch.no_grad():
        layer.R.mul_(2)
    with pytest.raises(RuntimeError, match="inplace"):
        outputs.sum().backward()


@pytest.mark.parametrize("name", CELLS)
def test_the_source_reads_like_a_person_s(name):
    derivation = symrnn.derive(CELLS[name])
    source = emit_torch(derivation)
    assert source == emit_torch(symrnn.derive(CELLS[name]))
    code = source.split('"""', 2)[2]
    assert "np." not in code
    assert "numpy" not in code
    for equation in derivation.forward:
        assert f"# ({equation.number})" in code
    for equation in derivation.adjoints:
        assert f"# ({equation.number})" in code or f"{equation.name} " not in code


def test_the_source_passes_ruff(tmp_path):
    ruff = importlib.util.find_spec("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed")
    for name, text in CELLS.items():
        (tmp_path / f"{name}.py").write_text(emit_torch(symrnn.derive(text)), encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E4,E7,E9,F,B,I", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["__init__", "_parameters", "__x", "training"])
def test_a_parameter_may_be_called_as_what_every_module_has(name):
    cell = symrnn.cell(f"def f(x, h):\n    {name}: matrix\n    h = tanh({name} @ x + R @ h)\n    return h\n")
    space = {}
    exec(symrnn.derive(cell).code("torch"), space)
    layer = space["F"](2, 3).double()
    W, R = (parameter.detach() for parameter in layer.parameters())
    x = torch.linspace(-1, 1, 2, dtype=torch.float64)[None, None]
    outputs, _ = layer(x, {"h": torch.full((1, 3), 0.25, dtype=torch.float64)})
    expected = torch.tanh(W @ x[0, 0] + R @ torch.full((3,), 0.25, dtype=torch.float64))
    torch.testing.assert_close(outputs[0, 0], expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", ["true", "none", "false"])
def test_a_cell_may_be_called_as_what_python_keeps_for_itself(name):
    code = symrnn.derive(f"def {name}(x, h):\n    h = tanh(W @ x + R @ h)\n    return h\n").code("torch")
    space = {}
    exec(code, space)
    assert issubclass(space[f"{name.title()}Cell"], torch.nn.Module)


def test_an_adjoint_that_cancels_is_zero_in_every_step():
    """M m − M m: what comes back to m is zero, and no line has made it before."""
    cell = symrnn.cell(
        "def f(x: (m,), h: (n,)):\n    M: (n, n)\n    u = tanh(W @ x + R @ h)\n"
        "    a = u @ M.T - M @ u + V @ x\n    h = tanh(a) + h\n    return h\n"
    )
    space = {}
    exec(symrnn.derive(cell).code("torch"), space)
    layer = space["F"](2, 3).double()
    x = torch.linspace(-1, 1, 8, dtype=torch.float64).reshape(2, 2, 2).requires_grad_()
    outputs, _ = layer(x)
    outputs.sum().backward()
    named = dict(layer.named_parameters())
    h = torch.zeros(2, 3, dtype=torch.float64)
    total = 0
    for step in x:
        h = torch.tanh(step @ named["V"].T) + h
        total = total + h.sum()
    (expected,) = torch.autograd.grad(total, x)
    torch.testing.assert_close(x.grad, expected, rtol=1e-13, atol=1e-14)
    assert not named["W"].grad.any()
