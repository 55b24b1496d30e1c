"""Jacobian–vector products and products of the Hessian, of every cell of the zoo and of hand-written layers."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

import symrnn
from symrnn.checking.floats import FLOATS
from symrnn.checking.interpreter import Interpreter, Tape, run_backward
from symrnn.checking.meaning import Meaning, run_sequence

STEP, T, N = 1e-30, 3, 2
COMPLEX = replace(FLOATS, dtype=complex)


def named(value, names):
    return value if isinstance(value, dict) else {next(iter(names)): value}


@cache
class Point:
    """A cell's arrays, a direction in which they move, and gradients from above."""

    def __init__(self, name):
        self.cell = symrnn.load(name)
        sample = self.cell.sample(T=T, N=N, seed=1)
        self.params, self.x, self.state = sample.params, named(sample.x, self.cell.inputs), sample.state
        self.rng = np.random.default_rng(3)
        self.dims = symrnn.numeric.arrays.Checker.of(self.cell, "float64").dimensions(self.x, self.state, self.params)
        self.moved = tuple(map(self.like, (self.params, self.x, self.state)))
        kernel = symrnn.derive(self.cell).numpy(plain=True)
        outputs, final, tape = kernel.forward(self.params, self.x, self.state)
        self.above = self.like(named(outputs, self.cell.outputs)), self.like(final)
        self.gradients = kernel.backward(tape, *self.above)

    def like(self, arrays):
        return {name: self.rng.normal(size=array.shape) for name, array in arrays.items()}

    def beside(self):
        """The arrays a step into the imaginary direction, parameters with an axis for the sequences."""
        params, x, state = (
            {name: array + 1j * STEP * way[name] for name, array in arrays.items()}
            for arrays, way in zip((self.params, self.x, self.state), self.moved, strict=True)
        )
        steps = tuple({name: array[t] for name, array in x.items()} for t in range(T))
        return {name: array[None] for name, array in params.items()}, steps, state


@pytest.mark.parametrize("name", symrnn.zoo)
def test_the_jacobian_of_every_cell(name):
    """Against the text's own meaning by a complex step, and against the backward pass: ⟨u, J v⟩ = ⟨Jᵀ u, v⟩."""
    point = Point(name)
    params, x, state = point.moved
    rates = symrnn.tangent(name).numpy().run(
        point.params, point.x, point.state, d_params=params, d_x=x, d_state=state
    )  # fmt: skip
    pushed = named(rates.d_outputs, point.cell.outputs), rates.d_final_state
    with np.errstate(all="ignore"):
        run = run_sequence(Meaning(point.cell.program, point.dims, FLOATS), *point.beside())
    for output, found in pushed[0].items():
        wanted = np.stack([np.broadcast_to(step[output], found.shape[1:]).imag for step in run.steps]) / STEP
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10)
    gradients = point.gradients
    pulled = gradients.params, named(gradients.x, point.cell.inputs), gradients.state
    left = sum((u[k] * way[k]).sum() for u, way in zip(point.above, pushed, strict=True) for k in u)
    right = sum((g[k] * way[k]).sum() for g, way in zip(pulled, point.moved, strict=True) for k in way)
    assert abs(left - right) <= 1e-12 * max(1, abs(left))


@pytest.mark.parametrize("name", symrnn.zoo)
def test_the_hessian_of_every_cell(name):
    """Against a complex step over the derived gradient."""
    point = Point(name)
    params, x, state = point.moved
    with np.errstate(all="ignore"):
        interpreter = Interpreter(symrnn.derive(point.cell), COMPLEX, point.dims, N)
        above = SimpleNamespace(outputs=point.above[0], final=point.above[1])
        tape = Tape(interpreter, interpreter.forward(*point.beside()), {}).with_upstream(above)
        backward = run_backward(tape)
    gradients, products = symrnn.hessian_product(name).numpy().run(
        point.params, point.x, point.state, *point.above, v_params=params, v_x=x, v_state=state
    )  # fmt: skip
    for (part, key), wanted in backward.gradients.items():
        for found, value in ((gradients, wanted.real), (products, wanted.imag / STEP)):
            array = found.x if part == "x" and not isinstance(found.x, dict) else getattr(found, part)[key]
            assert abs(array - value).max() <= 1e-12 * max(1, abs(value).max()), (part, key)


def test_the_hessian_of_torch_s_lstm_and_a_loss_with_curvature():
    """L = ½ Σ h²: its gradient by h is h, and the rate of that the rate of h."""
    torch = pytest.importorskip("torch", reason="another implementation")
    sample = symrnn.load("lstm").sample(T=4, N=2, seed=2, dims={"m": 3, "n": 3})
    rng = np.random.default_rng(7)
    way = {name: rng.normal(size=array.shape) for name, array in sample.params.items()}
    rates = symrnn.tangent("lstm").numpy().run(sample.params, sample.x, sample.state, d_params=way)
    _, products = symrnn.hessian_product("lstm").numpy().run(
        sample.params, sample.x, sample.state, rates.outputs, v_outputs=rates.d_outputs, v_params=way
    )  # fmt: skip
    layer = torch.nn.LSTM(3, 3, dtype=torch.float64)
    given = {name: torch.tensor(array, requires_grad=True) for name, array in sample.params.items()}
    packed = {
        f"{kind}_{place}_l0": torch.cat([given[f"{letter}_{gate}"] for gate in "ifgo"])
        for kind, place, letter in (("weight", "ih", "W"), ("weight", "hh", "R"), ("bias", "ih", "b"))
    }
    packed["bias_hh_l0"] = torch.zeros(12, dtype=torch.float64)
    start = tuple(torch.tensor(sample.state[name])[None] for name in ("h", "c"))
    outputs, _ = torch.func.functional_call(layer, packed, (torch.tensor(sample.x), start))
    first = torch.autograd.grad((outputs**2).sum() / 2, [*given.values()], create_graph=True)
    along = sum((g * torch.tensor(way[name])).sum() for name, g in zip(given, first, strict=True))
    for name, wanted in zip(given, torch.autograd.grad(along, [*given.values()]), strict=True):
        np.testing.assert_allclose(products.params[name], wanted.numpy(), rtol=0, atol=1e-12)


def test_an_output_that_nothing_moves_has_the_rate_zero():
    cell = symrnn.cell("def f(x, h):\n    h = tanh(W @ x + h)\n    y = sign(h)\n    return y, (h,)")
    sample = cell.sample(T=3)
    rates = symrnn.tangent(cell).numpy().run(sample.params, sample.x, d_x=sample.x)
    assert rates.d_outputs.shape == rates.outputs.shape
    assert not rates.d_outputs.any()
    _, products = symrnn.hessian_product(cell).numpy().run(sample.params, sample.x, v_x=sample.x)
    assert not products.params["W"].any()


def test_what_is_left_out_stays():
    sample = symrnn.load("gru").sample()
    still = symrnn.tangent("gru").numpy().run(sample.params, sample.x)
    assert not still.d_outputs.any()
    assert not still.d_final_state["h"].any()


def test_misfits_are_refused():
    sample = symrnn.load("rnn").sample()
    kernel = symrnn.tangent("rnn").numpy()
    with pytest.raises(symrnn.InputError, match="d_params has 'V', which rnn does not"):
        kernel.run(sample.params, sample.x, d_params={"V": 1.0})
    with pytest.raises(symrnn.InputError, match=r"d_x x has the shape \(2, 3, 4\)"):
        kernel.run(sample.params, sample.x, d_x=sample.x[:2])
    with pytest.raises(symrnn.OptionError, match="char_rnn is a network, and a cell is asked for"):
        symrnn.tangent("char_rnn")
