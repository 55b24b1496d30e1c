"""The local Jacobian in closed form is the derivative of one step, by differences."""

import numpy as np
import pytest

import symrnn
from symrnn.render.display import build_display
from symrnn.render.document import build_document
from symrnn.render.jacobian import jacobian_tree, local_jacobians
from symrnn.render.printers import TextPrinter

SIZES = {"m": 3, "n": 4}
INDRNN = "def indrnn(x, h):\n    h = tanh(W @ x + u * h + b)\n    return h\n"
TWO_WAYS = "def two(x, h, c):\n    h = 0.5 * h - R.T @ (c * h)\n    c = c + W @ [x, h]\n    return h, c\n"
CUMULATIVE = "def total(x, h):\n    h = h + W @ x\n    return h\n"


@pytest.mark.parametrize("cell", [*symrnn.zoo, INDRNN, TWO_WAYS, CUMULATIVE])
def test_closed_form_is_the_derivative(cell, evaluator):
    derivation = symrnn.derive(cell)
    display, _ = build_display(derivation)
    name = TextPrinter()
    program = derivation.cell.program
    sample = derivation.cell.sample(T=1, N=1, seed=2, dims=SIZES)
    given = {name.name(display.naming(key)): column(value) for key, value in sample.params.items()}
    given |= {name.name(display.naming(key)): column(sample.x[0, 0]) for key in derivation.cell.inputs}
    given |= {name.name(display.naming(s.previous)): column(sample.state[s.name][0]) for s in program.states}
    given["I"] = np.eye(SIZES["n"])
    page = evaluator.Page(build_text(derivation), {*given}, SIZES, rows=False)
    shapes = {name.name(display.naming(e.name)): (e.shape[0].value(SIZES), 1) for e in derivation.forward}
    page = evaluator.Page(build_text(derivation), {*given, *shapes}, SIZES, rows=False)
    page.lines = page.lines[: len(derivation.forward)]
    values = page.compute(given, shapes)
    kernel = derivation.numpy(plain=True)
    found = local_jacobians(derivation)
    assert len(found) == len(program.states) ** 2
    for jacobian in found:
        left, right = jacobian_tree(jacobian, display)
        reader = evaluator.Reader(page, values, name.flat(right), (SIZES["n"], SIZES["n"]))
        closed = reader.whole()
        new = next(s.name for s in program.states if s.new == jacobian.state)
        old = next(s.name for s in program.states if s.previous == jacobian.previous)
        assert name.flat(left).startswith("∂")
        differences = np.empty((SIZES["n"], SIZES["n"]))
        for k in range(SIZES["n"]):
            ends = []
            for step in (1e-6, -1e-6):
                state = {key: value.copy() for key, value in sample.state.items()}
                state[old][0, k] += step
                ends.append(kernel.forward(sample.params, sample.x, state)[1][new][0])
            differences[:, k] = (ends[0] - ends[1]) / 2e-6
        np.testing.assert_allclose(np.broadcast_to(closed, differences.shape), differences, rtol=1e-6, atol=1e-8)


def column(array):
    return np.reshape(array, (-1, 1)) if np.ndim(array) == 1 else np.asarray(array)


def build_text(derivation):
    from symrnn.render.pages.text import write_text

    return write_text(build_document(derivation))


def test_what_it_says():
    page = " ".join(symrnn.derive("lstm").markdown().split())
    assert r"From $c_{t-1}$ to $c_{t}$ the paths $\operatorname{diag}(f)$ meet no weight matrix" in page
    assert "Paths through a weight matrix: 7." in page
    assert "one path is the identity" in symrnn.derive(CUMULATIVE).markdown()


def test_matrix_states_have_no_closed_form(odd_cells):
    derivation = symrnn.derive(odd_cells["attention"])
    assert all(jacobian.paths is None for jacobian in local_jacobians(derivation))
    assert "no product of diagonal and weight matrices" in derivation.markdown()
