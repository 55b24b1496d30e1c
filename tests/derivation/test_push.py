"""Rates of every operation against the complex step, in forward equations and in derived backward ones."""

from dataclasses import replace

import numpy as np
import pytest
from operations.conformance import cell_texts

import symrnn
from symrnn.checking.components import Evaluator
from symrnn.checking.floats import FLOATS
from symrnn.derivation.push import Push
from symrnn.sizes import shape_at

STEP = 1e-30
COMPLEX = replace(FLOATS, dtype=complex)
CELLS = {name: text for name, text in cell_texts().items() if name != "stop_gradient"}


def worst_rate(cell):
    """The largest error of a rate, relative to 1 or to the rate's own size, in all equations of a derivation."""
    derivation = symrnn.derive(cell)
    dims = {dim: 3 + place for place, dim in enumerate(derivation.cell.dims)}
    shapes = {name: variable.shape for name, variable in derivation.variables.items()}
    rng = np.random.default_rng(5)
    values = {name: 0.3 + rng.random((1, *shape_at(shape, dims))) for name, shape in shapes.items()}
    moved = {name: rng.normal(size=value.shape) for name, value in values.items()}
    dots = {name: f"{name}~" for name in shapes}
    push = Push(shapes | {dots[name]: shape for name, shape in shapes.items()}, dots)
    found = 0.0
    for equation in derivation.equations:
        with np.errstate(all="ignore"):
            at = values | {dots[name]: value for name, value in moved.items()}
            got = Evaluator(FLOATS, dims, at, lead=1).spread(push(equation.expr), equation.shape)
            beside = {name: value + STEP * 1j * moved[name] for name, value in values.items()}
            wanted = Evaluator(COMPLEX, dims, beside, lead=1).spread(equation.expr, equation.shape).imag / STEP
        there = np.isfinite(wanted)
        found = max(found, float((abs(got - wanted) / np.maximum(1, abs(wanted)))[there].max(initial=0)))
    return found


@pytest.mark.parametrize("name", CELLS)
def test_every_operation_and_its_derivatives(name):
    assert worst_rate(symrnn.cell(CELLS[name])) <= 1e-12


def test_what_is_held_by_the_gradient_does_not_move():
    cell = symrnn.cell("def f(x, h):\n    h = stop_gradient(h) + tanh(W @ x)\n    return h")
    (held,) = [e for e in symrnn.tangent(cell).forward if e.name == "h_dot"]
    assert "h_prev_dot" not in held.reads


def test_names_of_rates_step_aside():
    tangent = symrnn.tangent("def f(x, h):\n    x_dot = tanh(x)\n    h = x_dot * h\n    return h")
    assert tangent.dots["x"] == "x_dot_"
    assert not {*tangent.dots.values()} & {*tangent.derivation.variables}
