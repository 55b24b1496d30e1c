"""Emitted C, compiled with all warnings and sanitizers: outputs and every gradient against an independent oracle."""

from dataclasses import replace

import numpy as np
import pytest
import sympy
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import symrnn
from symrnn.numeric.c import emit_c
from symrnn.testing import cells

TOLERANCE = {"double": 1e-12, "float": 1e-4}
KINDS = list(TOLERANCE)


def failures(harness, cases, kind, folder, **options):
    """The text of each case that is further off than the tolerance, with its error."""
    results = harness.run(cases, kind, folder, **options)
    errors = [(harness.worst(case, computed), case.cell.text) for case, computed in zip(cases, results, strict=True)]
    return [(error, text) for error, text in errors if not error <= TOLERANCE[kind]]


CLASSICS = ("gru", "gru_reset_after", "lstm", "peephole_lstm", "rnn")


@pytest.fixture(scope="session")
def named(harness, odd_cells):
    cells = [*symrnn.zoo.values(), *odd_cells.values()]
    return [harness.case(c) for c in cells] + [harness.case(symrnn.zoo[name], T=1, N=1) for name in CLASSICS]


@pytest.mark.parametrize("kind", KINDS)
def test_zoo_and_odd_cells(harness, named, kind, tmp_path):
    """All in double precision; in the other the best known cells and the odd ones."""
    some = [case for case in named if case.cell.name in CLASSICS or case.cell.name not in symrnn.zoo]
    assert failures(harness, named if kind == "double" else some, kind, tmp_path) == []


@pytest.fixture(scope="session")
def operations(harness, conformance):
    return [harness.case(cell, T=2) for cell in conformance.values()]


@pytest.mark.parametrize("kind", KINDS)
def test_every_operation(harness, operations, kind, tmp_path):
    assert failures(harness, operations, kind, tmp_path) == []


# A failure is one of five cells, so it is not shrunk: the message has the text of the cell that is wrong.
@settings(max_examples=4, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.lists(st.tuples(cells(), st.integers(0, 2**16)), min_size=5, max_size=5))
def test_random_cells(harness, tmp_path_factory, drawn):
    cases = [harness.case(text, T=2, N=2, sizes=(2, 3, 4), seed=seed) for text, seed in drawn]
    # The maximum of equal operands sits on its kink at every point.
    cases = [case for case in cases if not case.kinked]
    assert failures(harness, cases, "double", tmp_path_factory.mktemp("random")) == []


def test_without_states_they_start_at_zero(harness, tmp_path):
    case = harness.case(symrnn.load("lstm"))
    zeros = {name: np.zeros_like(array) for name, array in case.point.state.items()}
    expected = harness.run([zeroed(case, zeros)], "double", tmp_path / "zeros")[0]
    (computed,) = harness.run([case], "double", tmp_path / "null", null_states=True)
    for key, _ in harness.arrays_out(case):
        assert np.array_equal(computed[key], expected[key])


def zeroed(case, zeros):
    return replace(case, point=replace(case.point, state=zeros), upstream=replace(case.upstream, final=zeros))


def test_at_kinks_ties_and_large_numbers_it_agrees_with_numpy(harness, tmp_path):
    """There are no derivatives there for an oracle to find: the NumPy kernel says which are meant."""
    lines = ["relu(x)", "leaky_relu(x)", "elu(x)", "abs(x)", "sign(x) + x", "floor(x) * x", "mod(x, 1.25)", "hard_sigmoid(x)", "clip(x, -3, 3)",
             "maximum(x, k)", "minimum(x, k)", "where(x >= k, x, k)", "where(x > k, x, k)", "norm(0 * x) * x",
             "softplus(x * 300)", "sigmoid(x * 300)", "silu(x * 300)", "gelu(x * 10)", "softmax(x + 1000)",
             "logsumexp(x * 300) * x", "tanh(x * 300)"]  # fmt: skip
    x = np.array([[[-3.0, 0.0, 3.0, 1.0, -1.0, 0.5]]])
    k = np.array([[[-3.0, 0.0, 3.0, 1.5, -1.5, 0.25]]])
    cases = []
    for line in lines:
        cell = symrnn.cell(f'def f(x: "(m,)", k: "(m,)", /):\n    y = {line} + 0 * k\n    return y, ()')
        case = harness.case(cell, T=1, N=1, dims={"m": 6})
        kernel = symrnn.derive(cell).numpy()
        outputs, _, tape = kernel.forward({}, {"x": x, "k": k}, {})
        g = np.ones_like(x) + np.arange(6)
        grads = kernel.backward(tape, g)
        truth = {("x", name): value for name, value in grads.x.items()}
        point, upstream = replace(case.point, x={"x": x, "k": k}), replace(case.upstream, outputs={"y": g})
        cases.append(replace(case, point=point, upstream=upstream, truth=truth, outputs={"y": outputs}))
    for kind in KINDS:
        assert failures(harness, cases, kind, tmp_path / kind) == []


def test_a_wrong_formula_would_be_seen(harness, tmp_path):
    """The comparison can fail: with one equation wrong it does."""
    derivation = symrnn.derive("rnn")
    off = sympy.Rational(1001, 1000)
    wrong = [
        replace(e, expr=e.expr * off, terms=tuple(replace(t, expr=t.expr * off) for t in e.terms))
        if e.name == derivation.adjoints[-1].name
        else e
        for e in derivation.adjoints
    ]
    case = replace(harness.case(derivation.cell), source=emit_c(replace(derivation, adjoints=tuple(wrong))))
    assert len(failures(harness, [case], "double", tmp_path)) == 1


STEPWISE = """\
#include "rnn.c"
#include <string.h>

int main(void)
{
    const real W[6] = {1, -2, 3, 0, 1, 2}, R[4] = {1, 2, -1, 3}, b[2] = {0, 1}, x[9] = {1, 2, 3, 4, -5, 6, -7, 8, 9};
    const rnn_params params = {W, R, b};
    real start[2] = {1, -1}, whole[6], step[6], last[2], tape[64], work[64];
    const rnn_states_in initial = {start};
    const rnn_states_out final = {last}, in_place = {start};
    rnn_forward(3, 1, 3, 2, &params, x, &initial, whole, &final, tape, work);
    for (size_t t = 0; t < 3; t++)
        rnn_forward(1, 1, 3, 2, &params, x + 3 * t, &initial, step + 2 * t, &in_place, tape, work);
    return memcmp(whole, step, sizeof whole) != 0 || memcmp(start, last, sizeof last) != 0;
}
"""


def test_step_by_step_in_place(harness, tmp_path):
    (tmp_path / "rnn.c").write_text(emit_c(symrnn.derive("rnn")))
    (tmp_path / "main.c").write_text(STEPWISE)
    harness.command([harness.COMPILER, *harness.FLAGS, "main.c", "-o", "program", "-lm"], tmp_path)
    harness.command([str(tmp_path / "program")], tmp_path)
