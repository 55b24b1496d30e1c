"""Mutants: every mistake that people make is among them, each once, and each runs as its changed equation says."""

import textwrap
from collections import Counter

import numpy as np
import pytest
import sympy
from benchmarks.mutants import build_mutant, run_exact, why_equivalent
from benchmarks.mutation import run_backward as run_kernel
from hypothesis import given
from hypothesis import strategies as st

import symrnn
from symrnn.checking.components import Evaluator
from symrnn.checking.digits import numbers_of
from symrnn.checking.floats import FLOATS
from symrnn.checking.interpreter import run_backward, run_forward
from symrnn.checking.oracles.cells import complex_step
from symrnn.checking.points import draw_upstreams, find_point
from symrnn.derivation.moments import FIRST, LAST, ODD, SEQUENCES, STEPS, At, moments_in
from symrnn.equations.sample import default_dims
from symrnn.mistakes import KINDS, mutate
from symrnn.mistakes.normal import normal_form
from symrnn.operations.functions import tanh
from symrnn.operations.structured import diagonal, matmul, outer, transpose

DELTA_A = {gate: sympy.Symbol(f"delta_a_{gate}") for gate in "ifgo"}
R = {gate: sympy.Symbol(f"R_{gate}") for gate in "ifgo"}
S = sympy.Symbol


@pytest.fixture(scope="module")
def lstm():
    return mutate(symrnn.derive("lstm"))


def exact_of(derivation, seed, T=3, N=2, sizes=(2, 3, 4, 5, 6, 7)):
    point, base, _ = find_point(derivation.cell, T, N, default_dims(derivation.cell, sizes), seed)
    return run_exact(derivation, point, draw_upstreams(point, seed)[0])


@pytest.mark.parametrize("value", ["a - floor(a)", "mod(a, 0.75)", "softplus(a)", "gelu(a)"])
def test_the_exact_judge_computes_what_the_operation_says(value):
    """Beside complex step, which knows the operation's definition alone."""
    derivation = symrnn.derive(f"def f(x, h):\n    a = 3 * (W @ x + R @ h)\n    h = {value}\n    return h\n")
    point, base, _ = find_point(derivation.cell, 2, 2, default_dims(derivation.cell, (2, 3)), 0)
    upstream = draw_upstreams(point, 0)[0]
    found = run_exact(derivation, point, upstream).right.gradients
    (expected,) = complex_step(point, [upstream], base)
    for key, array in expected.values.items():
        np.testing.assert_allclose(found[key].astype(float), array, rtol=1e-12, atol=1e-12)


def test_the_exact_judge_refuses_a_function_that_it_does_not_know():
    unknown = sympy.Function("erfi")(sympy.S.One)
    with pytest.raises(NotImplementedError, match="erfi is no operation, so it has no value"):
        Evaluator(numbers_of(40), {}, {})(unknown)


# What is generated -------------------------------------------------------------------------------------------


def test_every_kind_of_mistake_occurs_and_every_backward_equation_has_some(lstm):
    derivation = symrnn.derive("lstm")
    assert set(Counter(mutant.kind for mutant in lstm)) == set(KINDS)
    backward = (*derivation.adjoints, *derivation.gradients)
    assert {mutant.number for mutant in lstm} == {equation.number for equation in backward}
    assert [mutant.number for mutant in lstm] == sorted(mutant.number for mutant in lstm)


def test_the_same_derivation_has_the_same_mutants(lstm):
    again = mutate(symrnn.derive("lstm"))
    assert [(m.number, m.kind, m.description, m.equation.expr) for m in again] == [
        (m.number, m.kind, m.description, m.equation.expr) for m in lstm
    ]


@pytest.mark.parametrize("name", ["rnn", "gru"])
def test_no_two_mutants_are_the_same_and_none_is_right(name):
    """SymPy's own `expand` says so."""
    derivation = symrnn.derive(name)
    seen = {(e.number, sympy.expand(e.expr)) for e in (*derivation.adjoints, *derivation.gradients)}
    count = len(seen)
    mutants = mutate(derivation)
    seen |= {(m.number, sympy.expand(m.equation.expr)) for m in mutants}
    assert len(seen) == count + len(mutants)


TANH_C = tanh(S("c"))
LOCAL = S("f") * (1 - S("f"))
CARRIED = {gate: matmul(transpose(R[gate]), DELTA_A[gate]) for gate in "ifgo"}
PATTERNS = {
    "a recurrent matrix not transposed": (
        "carry_h",
        "missing transpose",
        matmul(R["f"], DELTA_A["f"]) + CARRIED["i"] + CARRIED["g"] + CARRIED["o"],
    ),
    "the way back through one gate forgotten": ("carry_h", "missing path", sum(CARRIED[gate] for gate in "igo")),
    "one gate's matrix for another's": (
        "carry_h",
        "swapped gates",
        matmul(transpose(R["i"]), DELTA_A["f"]) + CARRIED["i"] + CARRIED["g"] + CARRIED["o"],
    ),
    "the carry never fed back": ("delta_h", "missing carry", S("upstream_h")),
    "the cell's carry forgotten": ("delta_c", "missing carry", S("delta_h") * S("o") * (1 - TANH_C**2)),
    "the cell's carry from the wrong state": (
        "delta_c",
        "missing carry",
        S("delta_h") * S("o") * (1 - TANH_C**2) + S("carry_h"),
    ),
    "1 − c² for 1 − tanh(c)²": ("delta_c", "wrong factor", S("delta_h") * S("o") * (1 - S("c") ** 2) + S("carry_c")),
    "1 − h² for 1 − tanh(c)²": ("delta_c", "wrong factor", S("delta_h") * S("o") * (1 - S("h") ** 2) + S("carry_c")),
    "1 − tanh(c) for 1 − tanh(c)²": ("delta_c", "wrong factor", S("delta_h") * S("o") * (1 - TANH_C) + S("carry_c")),
    "the old cell for the new": ("delta_o", "wrong time index", S("delta_h") * tanh(S("c_prev"))),
    "the new cell for the old": ("delta_f", "wrong time index", S("delta_c") * S("c")),
    "another gate in its place": ("delta_g", "swapped gates", S("delta_c") * S("f")),
    "the derivative left out": ("delta_a_f", "missing factor", S("delta_f")),
    "half of the derivative left out": ("delta_a_f", "missing factor", S("delta_f") * (1 - S("f"))),
    "the activation for its derivative": ("delta_a_g", "wrong factor", S("delta_g") * S("g")),
    "the derivative of what is activated already": (
        "delta_a_g",
        "wrong factor",
        S("delta_g") * (1 - tanh(S("g")) ** 2),
    ),
    "the derivative written in the net input": ("delta_a_g", "wrong factor", S("delta_g") * (1 - S("a_g") ** 2)),
    "the derivative twice": ("delta_a_f", "extra factor", S("delta_f") * LOCAL**2),
    "the derivative of another gate": ("delta_a_f", "swapped gates", S("delta_f") * S("o") * (1 - S("o"))),
    "a plus for a minus": ("delta_a_f", "sign", S("delta_f") * S("f") * (1 + S("f"))),
    "an elementwise product for a matrix product": (
        "carry_h",
        "wrong factor",
        diagonal(transpose(R["f"])) * DELTA_A["f"] + CARRIED["i"] + CARRIED["g"] + CARRIED["o"],
    ),
    "one gate's delta for another's bias": ("grad_b_f", "swapped gates", DELTA_A["i"]),
    "h_t for h_{t−1}": ("grad_R_f", "wrong time index", outer(DELTA_A["f"], S("h"))),
    "an outer product the wrong way round": ("grad_R_f", "missing transpose", outer(S("h_prev"), DELTA_A["f"])),
    "the opposite sign": ("grad_R_f", "sign", -outer(DELTA_A["f"], S("h_prev"))),
    "divided by the number of steps": ("grad_b_f", "scale", DELTA_A["f"] / STEPS),
    "the last step alone": ("grad_W_f", "lost accumulation", outer(DELTA_A["f"], S("x")) * LAST),
    "the first step's term dropped": ("grad_R_f", "first step", outer(DELTA_A["f"], S("h_prev")) * (1 - FIRST)),
    "the last step's x at every step": ("grad_W_f", "wrong time index", outer(DELTA_A["f"], At("x", "T"))),
    "the upstream of the last step alone": ("delta_h", "missing path", S("upstream_h") * LAST + S("carry_h")),
    "the last upstream at every step": ("delta_h", "wrong time index", At("upstream_h", "T") + S("carry_h")),
    "no recursion": ("delta_h", "truncated carry", S("upstream_h") + S("carry_h") * LAST),
    "a forgotten way into the input": (
        "grad_x",
        "missing path",
        sum(matmul(transpose(S(f"W_{k}")), DELTA_A[k]) for k in "igo"),
    ),
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_people_get_wrong_is_among_the_mutants(lstm, pattern):
    name, kind, expr = PATTERNS[pattern]
    wanted = sympy.expand(expr)
    (found,) = [m for m in lstm if m.equation.name == name and sympy.expand(m.equation.expr) == wanted]
    assert found.kind == kind


def test_peepholes_and_reset_gates_forgotten():
    peephole = symrnn.derive("peephole_lstm")
    mutants = mutate(peephole)
    for name, term in (("delta_c", "p_o*delta_a_o"), ("carry_c", "p_f*delta_a_f")):
        (equation,) = [e for e in peephole.adjoints if e.name == name]
        without = equation.expr - sympy.sympify(term)
        (found,) = [m for m in mutants if m.equation.expr == without]
        assert (found.number, found.kind) == (equation.number, "missing path")
    gru = symrnn.derive("gru")
    missing = {m.equation.expr for m in mutate(gru) if m.kind == "missing path"}
    (carry,) = [e for e in gru.adjoints if e.name == "carry_h"]
    for term in carry.terms:  # the direct path, the candidate's, each gate's
        assert carry.expr - term.expr in missing


def test_words_for_a_mutant(lstm):
    (mutant,) = [m for m in lstm if m.number == 17 and m.kind == "wrong time index" and not moments_in(m.equation.expr)]
    assert mutant.description == "c in place of c_prev"
    assert repr(mutant) == "<Mutant of (17), wrong time index: c in place of c_prev>"
    assert mutant.equation.name == "delta_f"
    assert [e.expr for e in mutant.derivation.adjoints if e.number != 17] == [
        e.expr for e in mutant.right.adjoints if e.number != 17
    ]


# That a mutant computes what its equation says ----------------------------------------------------------------


def everything(kernel, exact):
    return run_kernel(kernel, exact.point, exact.upstream)


@pytest.mark.parametrize(("name", "every"), [("rnn", 1), ("two inputs", 5)])
def test_the_kernel_of_a_mutant_computes_the_changed_equations(name, every):
    """Beside the evaluation in 40 digits, and beside the emitted code, which shares nothing with either."""
    derivation = symrnn.derive(CELLS.get(name, name))
    exact = exact_of(derivation, 3, T=4)
    emitted = 0
    for mutant in mutate(derivation)[::every]:
        changed = exact.backward(mutant)
        kernels = [build_mutant(mutant)]
        if not moments_in(mutant.equation.expr) and mutant.equation.why != "initial":
            kernels.append(mutant.derivation.numpy(plain=True))
            emitted += 1
        for kernel in kernels:
            for key, value in everything(kernel, exact).items():
                expected = changed[key].astype(float)
                np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-11, err_msg=f"{mutant}: {key}")
    assert emitted > 20


CELLS = {
    "two inputs": """
def two(x, k, /, h):
    s: scalar
    v = sigmoid(s * (W @ x))
    h = tanh(v * (R @ h) + V @ k)
    y = v * h
    return (y, h), (h,)
""",
    "is_first": """
def odd(x, h):
    T_: vector
    h = tanh(W @ x + T_ * h + is_first * h + x_last)
    return h
""",
}


def hand_written(x, h0, g, g_final, p, mistake):
    """The simple recurrent network's backward pass, with one mistake; written by hand."""
    h = [h0]
    for x_t in x:
        h.append(np.tanh(x_t @ p["W"].T + h[-1] @ p["R"].T + p["b"]))
    T, N = x.shape[:2]
    d = {name: np.zeros_like(value) for name, value in p.items()}
    dx = np.zeros_like(x)
    back = np.zeros_like(g_final) if mistake == "final state ignored" else g_final
    for t in reversed(range(T)):
        above = g[t]
        if mistake == "upstream of the last step alone" and t < T - 1:
            above = 0 * above
        if mistake == "upstream of the last step everywhere":
            above = g[-1]
        if mistake == "carried for two steps at most" and t % 2 == 1:
            back = 0 * back
        da = (above + back) * (1 - h[t + 1] ** 2)
        if mistake == "assignment for accumulation":
            d["R"] = da.T @ h[t]
        elif mistake != "first step dropped" or t > 0:
            d["R"] += da.T @ h[t]
        if mistake != "x of the next step":
            d["W"] += da.T @ x[t]
        elif t < T - 1:
            d["W"] += da.T @ x[t + 1]
        d["b"] += da.sum(axis=0) / (N if mistake == "mean over the batch" else 1)
        dx[t] = da @ p["W"]
        back = da @ p["R"]
    return {**{("params", name): value for name, value in d.items()}, ("x", "x"): dx, ("state", "h"): back}


BY_HAND = {
    "upstream of the last step alone": ("delta_h", "upstream_h at the last step alone"),
    "upstream of the last step everywhere": ("delta_h", "upstream_h of the last step"),
    "final state ignored": ("delta_h", "the gradient of the final state left out"),
    "carried for two steps at most": ("delta_h", "carried for two steps at most, from t = 2 to 1, from 4 to 3, …"),
    "assignment for accumulation": ("grad_R", "the first step alone, as `=` leaves it for `+=`"),
    "first step dropped": ("grad_R", "the first step left out"),
    "x of the next step": ("grad_W", "x of step t + 1"),
    "mean over the batch": ("grad_b", "divided by N"),
}


@pytest.mark.parametrize("mistake", BY_HAND)
@pytest.mark.parametrize("T", [1, 4])
def test_mistakes_with_steps_are_what_a_person_s_loop_computes(mistake, T):
    derivation = symrnn.derive("rnn")
    name, words = BY_HAND[mistake]
    (mutant,) = [m for m in mutate(derivation) if m.equation.name == name and m.description == words]
    exact = exact_of(derivation, 5, T=T)
    point, upstream = exact.point, exact.upstream
    expected = hand_written(
        point.x["x"], point.state["h"], upstream.outputs["h"], upstream.final["h"], point.params, mistake
    )
    for key, value in everything(build_mutant(mutant), exact).items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-12, atol=1e-14, err_msg=str(key))


def test_a_mutant_in_float32_computes_in_float32():
    mutant = next(m for m in mutate(symrnn.derive("rnn")) if moments_in(m.equation.expr))
    kernel = build_mutant(mutant, "float32")
    sample = symrnn.load("rnn").sample(T=3, N=2, dtype="float32")
    outputs, _, tape = kernel.forward(sample.params, sample.x, sample.state)
    grads = kernel.backward(tape, np.ones_like(outputs))
    assert {a.dtype for a in (outputs, grads.x, *grads.params.values(), *grads.state.values())} == {np.dtype("float32")}


def test_moments_are_no_names_of_the_cell():
    """A cell may call its own values as the moments are written."""
    derivation = symrnn.derive(CELLS["is_first"])
    timed = [mutant for mutant in mutate(derivation) if moments_in(mutant.equation.expr)]
    assert {at.name for mutant in timed for at in moments_in(mutant.equation.expr)} <= {"", *derivation.variables}
    assert S("steps") != STEPS
    assert At("x", "T") not in {S("x"), S("x_last"), S("x[T]"), At("x", "t-1")}
    assert (At("x", "T") + S("x")).xreplace({S("x"): S("y")}) == At("x", "T") + S("y")
    exact = exact_of(derivation, 1)
    for mutant in timed[::4]:
        changed = exact.backward(mutant)
        for key, value in everything(build_mutant(mutant), exact).items():
            np.testing.assert_allclose(value, changed[key].astype(float), rtol=1e-9, atol=1e-11)


def test_moments_by_step():
    """Read off the gradient of the input, which every step has its own of: here it is the moment itself."""
    derivation = symrnn.derive("def f(x, h):\n    h = x + h\n    return h\n")
    point, base, _ = find_point(derivation.cell, 3, 2, default_dims(derivation.cell, (1,)), 0)
    x = point.x["x"][..., 0]
    tape = run_forward(derivation, FLOATS, point, draw_upstreams(point, 0)[0])
    h = np.stack([step["h_prev"][:, 0] for step in tape.steps] + [tape.steps[-1]["h"][:, 0]])

    def series(moment):
        return run_backward(tape, {"grad_x": moment}).gradients["x", "x"][..., 0]

    def same(moment, *steps):
        np.testing.assert_array_equal(series(moment), np.stack([np.broadcast_to(step, 2) for step in steps]))

    zero = np.zeros(2)
    same(FIRST, 1, 0, 0)
    same(LAST, 0, 0, 1)
    same(ODD, 1, 0, 1)
    same(At("", "late2"), 0, 1, 1)
    same(STEPS, 3, 3, 3)
    same(SEQUENCES, 2, 2, 2)
    same(At("x", "t+1"), x[1], x[2], zero)
    same(At("x", "t-1"), zero, x[0], x[1])
    same(At("x", "T"), x[2], x[2], x[2])
    same(At("x", "back"), x[2], x[0], x[1])
    same(At("h_prev", "zero"), zero, h[1], h[2])
    same(At("h_prev", "wrap"), h[3], h[1], h[2])
    same(At("h_prev", "start"), h[0], h[0], h[0])
    same(At("h_prev", "back"), h[3], h[0], h[1])
    same(At("h_prev", "ahead"), h[0], h[2], h[3])


# Equivalence and normal forms ----------------------------------------------------------------------------------


def test_mutants_that_change_no_number_have_a_reason():
    text = textwrap.dedent("""
        def cell(x, h):
            v = stop_gradient(sigmoid(R @ h))
            h = relu(v * (W @ x)) + h / 2
            return h
        """)
    derivation = symrnn.derive(text)
    samples = [exact_of(derivation, seed) for seed in range(2)]
    reasons = {m: why_equivalent(m, samples.__getitem__, 2) for m in mutate(derivation)}
    squared = [m for m in reasons if m.kind == "extra factor" and "above" in m.description]
    assert squared
    assert {reasons[m] for m in squared} == {"an indicator is its own square"}
    assert "" in reasons.values()
    left_out = [m for m in reasons if m.kind == "missing factor" and "above" in m.description]
    assert left_out
    assert {reasons[m] for m in left_out} == {""}


symbols = st.sampled_from([sympy.Symbol(name) for name in "abcd"])
expressions = st.recursive(
    symbols | st.integers(-3, 3).map(sympy.Integer),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: sympy.Add(*pair)),
        st.tuples(inner, inner).map(lambda pair: sympy.Mul(*pair)),
        st.tuples(inner, st.integers(1, 3)).map(lambda pair: sympy.Pow(*pair)),
        inner.map(tanh),
    ),
    max_leaves=8,
)


@given(expressions)
def test_an_expression_and_its_expansion_have_one_normal_form(expr):
    assert normal_form(expr) == normal_form(sympy.expand(expr, deep=False))


@given(expressions, expressions)
def test_different_expressions_have_different_normal_forms(one, other):
    if sympy.expand(one - other, deep=False) != 0:
        assert normal_form(one) != normal_form(other)
