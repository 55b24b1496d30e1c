"""Every gradient entry of random cells of the whole language against complex step on an independent interpreter."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import sympy
from hypothesis import given, note, settings
from hypothesis import strategies as st

import symrnn
from symrnn.checking.oracles import complex_step
from symrnn.checking.points import draw_upstreams, find_point
from symrnn.equations.sample import default_dims
from symrnn.testing import cells

TOLERANCE = 1e-12
# An array that is this small beside the whole gradient is a difference of large terms: its entries are held to
# the rounding of those.
SMALL = 1e-2

REGRESSIONS = {
    # The operand of a softmax had no name, and its gradient went missing.
    "softmax_of_a_negative": "def f(x, h):\n    b: vector\n    h = 0.5 * h + tanh(softmax(-b) * h + W @ x)\n    return h",
    # Terms of a carry that cancel once an adjoint that only passes on is put into them.
    "carry_that_cancels": 'def f(x: "(n,)", /, h: "(n,)", S: "(n, m)"):\n    P: (n, n)\n    V = S\n    S = tanh((0.5 * mean(P) * P) @ (V - S))\n    h = x\n    return h, S',
    # A function of what cancels to a constant.
    "function_of_a_constant": "def f(x, h):\n    h = tanh(abs(h - h)) + gelu(x[0] - x[0]) * x[1] + tanh(W @ x)\n    return h",
    # A value that cancels to zero while the names in it still have an axis of sequences.
    "cancelled_terms": "def f(x, h):\n    h = tanh((h - h) - mean(h - h) + W @ x)\n    return h",
    # An output that depends on parameters alone.
    "param_only_output": 'def f(x: vector, h: "(n,)"):\n    p: scalar\n    h = tanh(h)\n    y = sqrt(1 + square(p))\n    return y, (h,)',
    # The derivative of an activation was written with the name of the sum that it was a part of.
    "activation_beside_summands": 'def f(x: "(m,)", /, S: "(n, n)"):\n    R: (n, n)\n    S = tanh(elu(S) + S @ R)\n    return S',
    "sigmoid_beside_product": "def f(x, h):\n    h = tanh(sigmoid(h) + W @ x)\n    return h",
    # Half of a parameter is packed for a gate that tanh(a/2) makes; it is a half where it is a factor, and only there.
    "parameter_as_factor_and_within": "def f(x, h):\n    i = sigmoid(W @ x + R @ h - p * tanh(p * h) + 3 * q * h)\n    h = tanh(i * h) + i\n    return h",
    # A product whose vector is made of parameters alone was taken for one of the loop.
    "product_with_a_constant": "def f(x, h):\n    u = exp(v)\n    a = R @ h + b\n    y = a + W @ u + V @ x\n    h = tanh(y)\n    return h",
    "product_with_a_constant_in_a_gate": "def f(x, h):\n    u = exp(v)\n    i = sigmoid(W @ x + R @ h + U @ u + b)\n    h = tanh(i * h + U @ u)\n    return h",
    # The same product twice in one adjoint, of which one was lost.
    "equal_terms_of_a_carry": "def f(x, h):\n    h = tanh(W @ x + R.T @ h + h @ R)\n    return h",
    "equal_terms_of_an_input": 'def f(x: "(n,)", /, h: "(n,)"):\n    a = R @ h + W.T @ x\n    y = sigmoid(a) + W.T @ x + x @ W\n    h = tanh(y)\n    return h',
    # A net input that leaves the cell keeps its place in the block.
    "net_input_that_is_an_output": "def f(x, h):\n    a = W @ x + R @ h + b\n    h = 0.5 * tanh(a)\n    return a, (h,)",
    # A long chain of factors is cut in pieces.
    "long_chain": "def f(x, h):\n    a_0 = W @ x + R @ h\n"
    + "".join(f"    a_{k + 1} = tanh(w * a_{k} + b)\n" for k in range(12))
    + "    h = a_12\n    return h",
    # A size in a formula that shares its name with a value.
    "size_called_like_a_value": "def f(x, h):\n    n = tanh(W @ x)\n    h = tanh(n - mean(n) + h)\n    return h",
}


def worst_entry(text, seed=0, T=2, N=2, change=lambda derivation: derivation, backend="numpy"):
    """The largest error of any entry that sits on no kink (one of equal operands is there at every point), in parts of
    what its array is measured by."""
    cell = symrnn.cell(text)
    kernel = change(symrnn.derive(cell)).numpy(backend=backend)
    point, base, _ = find_point(cell, T, N, default_dims(cell, (2, 3, 4)), seed)
    upstream = draw_upstreams(point, seed)[0]

    def single(arrays):
        return arrays if len(arrays) != 1 else next(iter(arrays.values()))

    outputs, final, tape = kernel.forward(point.params, single(dict(point.x)), point.state)
    grads = kernel.backward(tape, single(dict(upstream.outputs)), upstream.final)
    x = grads.x if isinstance(grads.x, dict) else {next(iter(cell.inputs)): grads.x}
    computed = {("params", k): v for k, v in grads.params.items()}
    computed |= {("x", k): v for k, v in x.items()} | {("state", k): v for k, v in grads.state.items()}
    (truth,) = complex_step(point, (upstream,), base)
    assert computed.keys() == truth.values.keys()
    overall = max(np.abs(value).max() for value in truth.values.values())
    worst = 0.0
    for key, expected in truth.values.items():
        assert computed[key].shape == expected.shape
        scale = max(np.abs(expected).max(), SMALL * overall)
        error = np.where(truth.kinked[key], 0.0, np.abs(computed[key] - expected)).max()
        worst = max(worst, error / scale if scale else error)
    return worst


@settings(print_blob=True)
@given(cells(), st.integers(0, 2**16))
def test_every_entry_agrees_with_complex_step(text, seed):
    note(text)
    assert worst_entry(text, seed) <= TOLERANCE


# Each example is compiled, which takes a while; the C itself has tests of its own.
@pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="there is no C compiler")
@settings(print_blob=True, max_examples=15)
@given(cells(), st.integers(0, 2**16))
def test_every_entry_of_compiled_cells_agrees_with_complex_step(text, seed):
    note(text)
    assert worst_entry(text, seed, backend="c") <= TOLERANCE


@pytest.mark.parametrize("name", REGRESSIONS)
def test_shrunk_failures_stay_mended(name, backend):
    assert worst_entry(REGRESSIONS[name], T=3, backend=backend) <= TOLERANCE


def test_a_wrong_formula_would_be_seen():
    """The comparison can fail: with one equation wrong it does."""

    def break_one(derivation):
        broken = []
        for equation in derivation.adjoints:
            terms = tuple(replace(term, expr=term.expr * sympy.Rational(1001, 1000)) for term in equation.terms)
            wrong = equation.name == "delta_a_h"
            broken.append(
                replace(equation, expr=equation.expr * sympy.Rational(1001, 1000), terms=terms) if wrong else equation
            )
        return replace(derivation, adjoints=tuple(broken))

    text = "def f(x, h):\n    h = tanh(W @ x + R @ h)\n    return h"
    assert worst_entry(text) <= TOLERANCE
    assert worst_entry(text, change=break_one) > 1e-4
