"""What is said of equations without running them."""

from dataclasses import replace

import pytest

import symrnn
from symrnn.derivation.analysis import Analysis, live, names_read, reached

TEXT = """
def f(x, h):
    p: scalar
    u = W @ x
    v = exp(p)
    unread: vector = tanh(u)
    h = tanh(u + R @ h) * v
    y = h - mean(h)
    return y, (h,)
"""


@pytest.fixture(scope="module")
def analysis():
    return Analysis(symrnn.derive(symrnn.cell(TEXT)))


def names(equations):
    return [equation.name for equation in equations]


def test_liveness_keeps_what_is_wanted_and_what_that_reads(analysis):
    forward = analysis.derivation.forward
    assert names(live(forward, ["v"])) == ["v"]
    assert "unread" in names(forward)
    assert "unread" not in names(analysis.forward)
    assert live(forward, []) == ()


def test_reached_is_what_rests_on_the_start(analysis):
    forward = analysis.derivation.forward
    assert reached(["p"], forward) == {"v", "h", "y", "u_y"} & set(names(forward))
    assert "u" in reached(["x"], forward)
    assert reached(["nothing"], forward) == set()


def test_the_backward_pass_keeps_what_it_reads(analysis):
    read = names_read((*analysis.adjoints, *analysis.gradients))
    assert read == analysis.read_backwards
    assert set(analysis.kept(analysis.gradients, ("input",))) == {"x"}
    assert "h_prev" in analysis.kept((*analysis.adjoints, *analysis.gradients))


def test_what_rests_on_parameters_alone_has_no_axis_of_sequences_and_one_adjoint(analysis):
    assert "v" not in analysis.batched
    assert {"u", "h", "y", "delta_y"} <= analysis.batched
    summed = [equation.name for equation in analysis.derivation.equations if analysis.is_summed(equation)]
    assert summed == ["delta_v", "grad_W", "grad_p", "grad_R"]


def test_what_is_smaller_than_its_value_is_broadcast():
    analysis = Analysis(
        symrnn.derive(
            "def f(x: vector, h: vector):\n    v: vector\n    h = tanh(v)\n    y = mean(h) * h\n    return y, (h,)"
        )
    )
    broadcast = [equation.name for equation in analysis.derivation.forward if analysis.is_broadcast(equation)]
    assert broadcast == ["h"]
    assert analysis.speaks_of_sequences(analysis.derivation.forward)
    assert "n" in analysis.sizes_used(analysis.derivation.forward)


def test_terms_mention_what_their_sum_mentions():
    derivation = symrnn.derive(
        "def f(x, h):\n    h = h - h + tanh(W @ x) + 0 * x[0]\n    y = h @ R - R.T @ h + h\n    return y, (h,)"
    )
    for equation in derivation.equations:
        assert frozenset().union(*(term.expr.free_symbols for term in equation.terms)) == equation.expr.free_symbols
    adjoint = next(e for e in derivation.adjoints if e.name == "delta_h")
    assert [term.rule for term in adjoint.terms] == ["addition", "carry"], "what is left knows where it is from"
    same = replace(adjoint, number=99)
    assert same.terms == adjoint.terms
