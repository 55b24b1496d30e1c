"""Calls that write where they read, as fast kernels make them, on views whose entries lie apart."""

import ast

import numpy as np
import pytest

import symrnn

# What stands for the array is `v`. NumPy's own np.negative is wrong on some of these views: CONTRIBUTING tells which.
CALLS = """
np.tanh(v, out=v); np.exp(v, out=v); np.log(v, out=v); np.sqrt(v, out=v); np.sin(v, out=v); np.cos(v, out=v)
np.abs(v, out=v); np.sign(v, out=v); np.floor(v, out=v); np.square(v, out=v); np.power(v, 3, out=v)
np.maximum(v, 0, out=v); np.subtract(1, v, out=v); np.subtract(w, v, out=v); np.divide(1, v, out=v); np.divide(w, v, out=v)
np.multiply(v, 0.5, out=v); np.multiply(v, -1, out=v); np.add(v, w, out=v); v *= 0.5; v += 0.5; v += w; v -= w; v *= w; v /= w
""".replace("\n", ";")
FORMS = [call.strip() for call in CALLS.split(";") if call.strip()]
EVERYTHING = [
    *symrnn.zoo,
    "def f(x, h):\n    a = W @ x\n    h = log(2 + sin(a * h)) * exp(cos(a - h)) - sqrt(1 + abs(a + h)) / sign(2 * a - h)\n    return h",
    "def f(x, h):\n    a = W @ x\n    h = -relu(a * h) - floor(a - h) + (2 + square(a + h)) ** -1.5 + (a * h) ** 3 - 1 / (3 + tanh(a * h))\n    return h",
    "def f(x, h):\n    h = 2 * tanh(W @ x) / (3 + tanh(0.5 * h)) - maximum(h, 0.2) * sigmoid(-h - x[0])\n    return h",
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_computed_in_place_is_what_is_computed_elsewhere(form, dtype):
    code = compile(form, form, "exec")
    draw = np.random.default_rng(0)
    for width in (*range(1, 18), 32):
        for columns in {1, 2, 3, width - 1, width} - {0}:
            for rows in (1, 3, 4, 8, 17):
                block = np.full((rows, width), np.nan, dtype)
                v = block[:, -min(columns, width) :]
                v[...] = draw.uniform(0.1, 2.0, v.shape)
                w = draw.uniform(0.1, 2.0, v.shape).astype(dtype)
                apart = {"np": np, "v": v.copy(), "w": w}
                exec(code, apart)
                exec(code, {"np": np, "v": v, "w": w})
                np.testing.assert_allclose(
                    v, apart["v"], rtol=1e-6 if dtype == "float32" else 1e-14, err_msg=f"{width}"
                )


def shape_of_call(node):
    """A call or an assignment that writes where it reads, as `np.tanh(v)`: other operands become w, numbers stay kinds."""
    if isinstance(node, ast.AugAssign):
        return type(node.op).__name__
    target = next((ast.unparse(k.value) for k in node.keywords if k.arg == "out"), None)
    operands = [ast.unparse(argument) for argument in node.args]
    if target is None or target not in operands:
        return None
    return ast.unparse(node.func), tuple("v" if operand == target else "w" for operand in operands)


def shapes_in(source):
    nodes = (n for n in ast.walk(ast.parse(source)) if isinstance(n, (ast.Call, ast.AugAssign)))
    return {shape_of_call(node) for node in nodes} - {None}


def test_every_form_that_kernels_use_in_place_is_among_them():
    known = shapes_in("\n".join(FORMS))
    used = set()
    for cell in EVERYTHING:
        source = symrnn.derive(cell).code().split("\ndef loss(")[0]
        used |= shapes_in(source)
    assert len(used) > 12
    assert used <= known, used - known


def test_a_column_of_a_block_of_eight_is_negated():
    """Four gates of size 1 in float32, eight in float64: each has one column."""
    text = "def f(x, h, c):\n" + "".join(f"    g_{k} = sigmoid(W_{k} @ x + R_{k} @ h)\n" for k in range(8))
    text += "    c = (1 - g_0) * c - (1 - g_1) * g_2 - (1 - g_3) * h - (1 - g_4) * (1 - g_5)\n    h = -tanh(c) * (1 - g_6) * g_7\n    return h, c"
    derivation = symrnn.derive(text)
    for drop in (0, 4):
        for dtype, close in (("float32", 2e-5), ("float64", 1e-12)):
            sample = derivation.cell.sample(T=2, N=4, dims={"m": 2, "n": 1}, dtype=dtype, seed=drop)
            found = []
            for plain in (False, True):
                kernel = derivation.numpy(dtype, plain=plain)
                outputs, final, tape = kernel.forward(sample.params, sample.x, sample.state)
                found.append(kernel.backward(tape, np.ones_like(outputs), final))
            for name in found[0].params:
                np.testing.assert_allclose(found[0].params[name], found[1].params[name], rtol=close, atol=close)
