"""Every row of the table of operations: shape rule, derivative, NumPy in both types, text and LaTeX."""

import numpy as np
import pytest
import sympy

import symrnn
from symrnn.checking.check import draw_upstreams, settle
from symrnn.checking.oracles import complex_step
from symrnn.equations.sample import default_dims
from symrnn.operations.table import ALL, FUNCTIONS

# For each operation, expressions over x (m,), h (n,), S (n, n), a scalar s and parameters, with their shapes. Operands
# are chosen within the operation's domain.
EXPRESSIONS = {
    "add": [("h + s", "n"), ("S + S.T", "nn")],
    "sub": [("h - tanh(h)", "n"), ("s - h", "n")],
    "mul": [("h * s", "n"), ("S * S", "nn")],
    "div": [("h / (2 + square(h))", "n"), ("s / (2 + square(h))", "n")],
    "neg": [("-h", "n"), ("-(S @ h)", "n")],
    "pow": [("h ** 3", "n"), ("(1 + square(h)) ** -0.5", "n"), ("(1 + square(s)) ** (1/3)", "")],
    "square": [("square(h)", "n")],
    "matmul": [("W @ x", "n"), ("S @ h", "n"), ("h @ S", "n"), ("S @ R", "nn"), ("h @ h", ""), ("R.T @ h", "n")],
    "transpose": [("S.T", "nn"), ("R.T @ S", "nn")],
    "outer": [("outer(h, x)", "nm"), ("s * outer(h, h)", "nn")],
    "dot": [("dot(h, tanh(h))", ""), ("dot(S, R)", "")],
    "sum": [("sum(h)", ""), ("sum(S)", ""), ("h * sum(x)", "n")],
    "mean": [("mean(h)", ""), ("mean(S)", ""), ("h - mean(h)", "n")],
    "softmax": [
        ("softmax(h)", "n"),
        ("softmax(-h)", "n"),
        ("h * softmax(-h)", "n"),
        ("h + softmax(-b)", "n"),
        ("h * softmax(R @ h)", "n"),
        ("softmax(S)", "nn"),
        ("softmax(S @ R) @ diag(h)", "nn"),
        ("softmax(C) @ [h, x]", "n"),
    ],
    "logsumexp": [("logsumexp(h)", ""), ("logsumexp(-h)", ""), ("h - logsumexp(3 * h)", "n")],
    "norm": [("norm(h)", ""), ("norm(-S)", ""), ("S / norm(S)", "nn")],
    "diag": [("diag(h)", "nn"), ("S @ diag(h)", "nn")],
    "concatenate": [("C @ [h, x]", "n"), ("[h, x, h][m:m + n]", "n")],
    "slice": [("h[:2]", "2"), ("h[-2:]", "2"), ("h[1]", ""), ("S[0, 1:3]", "2"), ("S[:, 2]", "n"), ("S[1:3]", "2n")],
    "leaky_relu": [("leaky_relu(h)", "n"), ("leaky_relu(h, 0.3)", "n")],
    "elu": [("elu(h)", "n"), ("elu(S, alpha=0.6)", "nn")],
    "clip": [("clip(h, -0.5, 0.5)", "n"), ("clip(S, lower=-1, upper=0.25)", "nn")],
    "log": [("log(1.5 + square(h))", "n")],
    "sqrt": [("sqrt(0.5 + square(h))", "n")],
    "maximum": [("maximum(h, s)", "n"), ("maximum(S, S.T @ R)", "nn")],
    "mod": [("mod(h, 0.7)", "n"), ("mod(S, 1.5 + square(s))", "nn"), ("mod(2 * h, 1 + square(h))", "n")],
    "minimum": [("minimum(h, tanh(2 * h))", "n"), ("minimum(0.2, S)", "nn")],
    "where": [("where(h > s, h * h, s)", "n"), ("where(x[0] <= 0.3, h, -h)", "n"), ("where(S < 0, 2, 3) * S", "nn")],
    "stop_gradient": [("stop_gradient(h) * h", "n"), ("stop_gradient(S @ h)", "n")],
    "greater": [("(h > 0.1) * h", "n"), ("(0.1 > s) * h", "n")],
    "greater_equal": [("(h >= 0.1) * s", "n"), ("(h <= s) * h", "n")],
}
for _name in (
    "sigmoid",
    "tanh",
    "relu",
    "softplus",
    "silu",
    "gelu",
    "gelu_tanh",
    "hard_sigmoid",
    "exp",
    "sin",
    "cos",
    "abs",
    "sign",
    "floor",
):
    EXPRESSIONS[_name] = [
        (f"{_name}(h)", "n"),
        (f"{_name}(2 * S)", "nn"),
        (f"h * {_name}(s * h)", "n"),
        (f"{_name}(s)", ""),
    ]

CASES = [(name, expression, shape) for name, rows in EXPRESSIONS.items() for expression, shape in rows]


def cell_of(expression):
    """A cell whose output is the expression, with states that depend on it too where it is a vector."""
    return symrnn.cell(
        'def f(x: "(m,)", /, h: "(n,)", S: "(n, n)"):\n'
        "    s: scalar\n"
        "    C: (n, n + m)\n"
        f"    y = {expression}\n"
        "    h = tanh(W @ x + R @ h * s + C @ [h, x])\n"
        "    S = 0.5 * S + outer(h, h)\n"
        "    return y, (h, S)\n"
    )


def test_every_operation_of_the_language_is_here():
    assert set(EXPRESSIONS) == {row.name for row in ALL if row.written}
    assert set(FUNCTIONS) <= set(EXPRESSIONS)


@pytest.mark.parametrize(("name", "expression", "shape"), CASES)
def test_shape_rule(name, expression, shape):
    names = {"n": "n", "m": "m", "2": "2"}
    assert tuple(map(str, cell_of(expression).outputs["y"])) == tuple(names[letter] for letter in shape)


@pytest.mark.parametrize(("name", "expression", "shape"), CASES)
def test_derivative_and_numpy(name, expression, shape):
    cell = cell_of(expression)
    derivation = symrnn.derive(cell)
    point, base, moved = settle(cell, 3, 2, default_dims(cell, (4, 3)), 5)
    assert moved == ""
    (upstream, *_) = draw_upstreams(point, base, 5)
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
    if row.layout is not None and row.layout.kind == "call":
        assert row.layout.text in text
        assert row.layout.latex in latex


def test_operations_that_only_derivatives_use_are_covered_too():
    met = set()
    for _, expression, _ in CASES:
        for equation in symrnn.derive(cell_of(expression)).equations:
            met |= {type(part) for part in sympy.preorder_traversal(equation.expr)}
    assert {row.name for row in ALL if row.head is not None and row.head not in met} == set()
