"""Every row of the table of operations: shape rule, derivative, NumPy in both types, text and LaTeX."""

import numpy as np
import pytest
import sympy
from operations.conformance import CASES, cell_text

import symrnn
from symrnn.checking.oracles import complex_step
from symrnn.checking.points import draw_upstreams, find_point
from symrnn.equations.sample import default_dims
from symrnn.language.nodes import Apply, walk
from symrnn.operations.table import ALL


def cell_of(expression):
    return symrnn.cell(cell_text(expression))


def test_every_operation_of_the_language_is_here():
    named = {name for name, _, _ in CASES}
    assert named == {row.name for row in ALL if row.written}
    for name, expression, _ in CASES:
        program = cell_of(expression).program
        line = next(line for line in program.assignments if line.name == "y")
        assert name in {node.operation for node in walk(line.node) if isinstance(node, Apply)}, expression


@pytest.mark.parametrize(("name", "expression", "shape"), CASES)
def test_shape_rule(name, expression, shape):
    names = {"n": "n", "m": "m", "2": "2"}
    assert tuple(map(str, cell_of(expression).outputs["y"])) == tuple(names[letter] for letter in shape)


@pytest.mark.parametrize(("name", "expression", "shape"), CASES)
def test_derivative_and_numpy(name, expression, shape):
    cell = cell_of(expression)
    derivation = symrnn.derive(cell)
    point, base, moved = find_point(cell, 3, 2, default_dims(cell, (4, 3)), 5)
    assert moved == ""
    (upstream, *_) = draw_upstreams(point, 5)
    (truth,) = complex_step(point, (upstream,), base)
    for dtype, tolerance in (("float64", 1e-13), ("float32", 1e-4)):
        kernel = derivation.numpy(dtype)
        cast = {key: value.astype(dtype) for key, value in point.params.items()}
        state = {key: value.astype(dtype) for key, value in point.state.items()}
        _, _, tape = kernel.forward(cast, point.x["x"].astype(dtype), state)
        final = {key: value.astype(dtype) for key, value in upstream.final.items()}
        grads = kernel.backward(tape, upstream.outputs["y"].astype(dtype), final)
        computed = {("params", k): v for k, v in grads.params.items()} | {("x", "x"): grads.x}
        computed |= {("state", k): v for k, v in grads.state.items()}
        overall = max(np.abs(v).max() for v in truth.values.values())
        for key, expected in truth.values.items():
            assert computed[key].dtype == dtype
            assert np.abs(computed[key] - expected).max() <= tolerance * max(np.abs(expected).max(), 0.01 * overall)


@pytest.mark.parametrize(("name", "expression", "shape"), CASES)
def test_text_and_latex(name, expression, shape):
    derivation = symrnn.derive(cell_of(expression))
    text, latex = derivation.text(), derivation.latex()
    for opening, closing in ("()", "[]", "{}"):
        assert text.count(opening) == text.count(closing)
    assert latex.count("{") == latex.count("}")
    for raw in ("matmul(", "Apply(", "Symbol(", "**", "h_prev"):
        assert raw not in text
        assert raw not in latex
    row = next(row for row in ALL if row.name == name)
    if row.look is not None and row.look.kind == "call":
        assert row.look.text in text
        assert row.look.latex in latex


def test_operations_that_only_derivatives_use_are_covered_too():
    met = set()
    for _, expression, _ in CASES:
        for equation in symrnn.derive(cell_of(expression)).equations:
            met |= {type(part) for part in sympy.preorder_traversal(equation.expr)}
    assert {row.name for row in ALL if row.head is not None and row.head not in met} == set()
