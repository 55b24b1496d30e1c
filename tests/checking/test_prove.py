"""Proofs hold for the zoo and the cells of the language, and fail for every broken derivation."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest
import sympy

import symrnn
from symrnn.checking import prove as prove_within_a_limit
from symrnn.checking.symbols import LEMMAS, Exp, Logistic, Shared, Step, Tanh, spelled_out, stand
from symrnn.operations.structured import outer, transpose

# In this process: starting another takes most of the time of a small proof.
prove = partial(prove_within_a_limit, limit=None)

ZOO = ["rnn", "lstm", "peephole_lstm", "gru", "gru_reset_after"]


@pytest.mark.parametrize("name", ZOO)
def test_zoo(name):
    proof = prove(name)
    assert proof, proof.text()
    cell = symrnn.load(name)
    arrays = len(cell.outputs) + 2 * len(cell.states) + len(cell.params) + len(cell.inputs)
    assert [sum(a.steps == T for a in proof.arrays) for T in (1, 2)] == [arrays, arrays]
    assert {a.dims for a in proof.arrays} == {(("m", 2), ("n", 3)), (("m", 1), ("n", 2))}


@pytest.mark.parametrize(
    "name",
    ["delta", "lnrnn", "catlstm", "tied", "lse", "branches", "stopped", "matrix", "gated", "picking"],
)
def test_cells_of_the_language(texts, name):
    proof = prove(texts[name])
    assert proof, proof.text()


@pytest.mark.parametrize(
    ("name", "dims"),
    [("attention", {"m": 1, "n": 2, "p": 3, "q": 2}), ("kinked", {"m": 2, "n": 3}), ("smooth", {"m": 2, "n": 3})],
)
def test_large_cells_at_one_step(texts, name, dims):
    proof = prove(texts[name], steps=(1,), dims=dims)
    assert proof, proof.text()


def test_softmax_of_the_rows_of_a_matrix():
    assert prove("def f(x, h):\n    S = softmax(R + outer(h, h))\n    h = S.T @ h + W @ x\n    return h\n")


def test_softmax_over_two_steps():
    proof = prove("def f(x, h):\n    a = softmax(W @ x + R @ h)\n    h = tanh(A @ a) + a\n    return h\n")
    assert proof, proof.text()


@pytest.mark.parametrize(
    "value",
    [
        "maximum(h, h) + minimum(a, a) * where(h >= h, a, 2 * a)",
        "minimum(elu(h), h) + sqrt(1 + square(sqrt(1 + square(a))))",
        "a / norm(a) + norm(a) ** 3",
        "log(1 + exp(a)) * exp(-square(h)) + softplus(a) * sigmoid(-a)",
        "stop_gradient(a) * a + sign(a) * abs(h) ** 2",
    ],
)
def test_expressions_in_which_equal_things_look_different(value):
    proof = prove(f"def f(x, h):\n    a = W @ x + R @ h\n    h = {value}\n    return h\n", steps=(1,))
    assert proof, proof.text()


# Broken derivations ------------------------------------------------------------------------------------------


def _broken(derivation, name, change):
    """The derivation with one equation's right side changed."""

    def bent(equations):
        return tuple(replace(e, expr=change(e.expr)) if e.name == name else e for e in equations)

    changed = replace(derivation, adjoints=bent(derivation.adjoints), gradients=bent(derivation.gradients))
    assert changed.adjoints + changed.gradients != derivation.adjoints + derivation.gradients
    return changed


def _without(name):
    return lambda expr: sympy.Add(*(term for term in expr.args if not term.has(sympy.Symbol(name))))


def _untransposed(expr):
    return expr.replace(transpose, lambda a: a)


def test_right_derivations_are_proved_when_given():
    derivation = symrnn.derive("lstm")
    assert prove("lstm", derivation=derivation, steps=(1,))


@pytest.mark.parametrize("name", ["rnn", "gru"])
def test_a_wrong_sign_in_any_equation(name):
    derivation = symrnn.derive(name)
    for equation in derivation.adjoints + derivation.gradients:
        broken = _broken(derivation, equation.name, lambda e: -e)
        assert not prove(name, derivation=broken, dims={"m": 1, "n": 1}, steps=(1,)), equation.name


@pytest.mark.parametrize("name", ["gru", "peephole_lstm"])
def test_a_dropped_term_in_any_equation(name):
    derivation = symrnn.derive(name)
    tried = 0
    for equation in derivation.adjoints:
        if len(equation.terms) < 2:
            continue
        for term in equation.terms:
            broken = _broken(derivation, equation.name, lambda e, gone=term.expr: e - gone)
            assert not prove(name, derivation=broken, dims={"m": 1, "n": 1}, steps=(1,)), (equation.name, term)
            tried += 1
    assert tried == len([t for e in derivation.adjoints if len(e.terms) > 1 for t in e.terms]) > 5


def test_a_missing_transpose_is_found_where_sizes_do_not_show_it():
    """carry_h = Rᵀ δ with R square: only the entries tell."""
    derivation = symrnn.derive("rnn")
    broken = _broken(derivation, "carry_h", _untransposed)
    one, two = prove("rnn", derivation=broken, steps=(1,)), prove("rnn", derivation=broken, steps=(2,))
    assert [a.array for a in one.arrays if not a] == ["∂L/∂h_0"]
    assert {a.array for a in two.arrays if not a} == {"∂L/∂W", "∂L/∂R", "∂L/∂b", "∂L/∂x", "∂L/∂h_0"}


def test_swapped_outer_product():
    derivation = symrnn.derive("rnn")
    broken = _broken(derivation, "grad_R", lambda e: e.replace(outer, lambda a, b: outer(b, a)))
    assert {a.array for a in prove("rnn", derivation=broken).arrays if not a} == {"∂L/∂R"}


def test_a_missing_carry_is_found(texts):
    derivation = symrnn.derive(texts["delta"])
    broken = _broken(derivation, "delta_S", _without("carry_S"))
    assert not prove(texts["delta"], derivation=broken)


def test_a_lost_broadcast_sum(texts):
    """∂L/∂β of the delta rule sums over the whole matrix."""
    derivation = symrnn.derive(texts["delta"])
    name = "grad_beta"
    wrong = {e.name: e.expr for e in derivation.gradients}[name]
    assert not prove(texts["delta"], derivation=_broken(derivation, name, lambda e: 2 * wrong))


def test_failures_show_both_sides():
    derivation = symrnn.derive("rnn")
    proof = prove("rnn", derivation=_broken(derivation, "grad_b", lambda e: -e), dims={"m": 1, "n": 1}, steps=(1,))
    assert not proof
    (failed,) = [a for a in proof.arrays if not a]
    assert (failed.array, failed.proved, failed.entries) == ("∂L/∂b", 0, 1)
    text = proof.text()
    assert text.startswith("rnn: 6 of 7 entries proved, exactly (")
    assert "∂L/∂b[0] at 1 step: the two sides were not found to be equal" in text
    assert "  derived:  " in text
    assert "(1 - Tanh(R[0, 0]*h_0[0] + W[0, 0]*x_1[0] + b[0])**2)" in text
    data = json.loads(proof.to_json())
    assert not data["ok"]
    assert [a["array"] for a in data["arrays"] if a["unproved"]] == ["∂L/∂b"]


def test_an_equation_that_reads_the_wrong_step_is_found():
    """R's gradient with h_t in place of h_{t−1}: right in no size."""
    derivation = symrnn.derive("rnn")
    swap = {sympy.Symbol("h_prev"): sympy.Symbol("h")}
    assert not prove("rnn", derivation=_broken(derivation, "grad_R", lambda e: e.xreplace(swap)))


def test_a_wrong_reduction():
    text = "def f(x, h):\n    h = tanh(W @ x + R @ h) * mean(h)\n    return h\n"
    derivation = symrnn.derive(text)
    assert prove(text)
    sized = [e.name for e in derivation.adjoints if any(str(s) == "n" for s in e.expr.free_symbols)]
    assert sized
    broken = _broken(
        derivation, sized[0], lambda e: e.replace(lambda s: str(s) == "n" and s.is_Symbol, lambda s: s + 1)
    )
    assert not prove(text, derivation=broken, steps=(1,))


# Lemmas and leaves -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", list(LEMMAS), ids=lambda f: f.__name__)
def test_lemmas(function):
    assert stand(function) == "checked"


def _planted(monkeypatch, function, **changes):
    monkeypatch.setitem(LEMMAS, function, replace(LEMMAS[function], **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"statement": "[u > 0]′ = u", "derivative": lambda u: u},
        {"definition": lambda u: sympy.S.One},  # constant, with the derivative 0, and another function
        {"definition": lambda u: sympy.S.Zero},
    ],
)
def test_a_nonsense_lemma_is_refused(monkeypatch, changes):
    """1 and 0 have the derivative 0 as the indicator has, and are not the indicator."""
    _planted(monkeypatch, Step, **changes)
    assert stand(Step) == "false"
    proof = prove("def f(x, h):\n    h = relu(W @ x + R @ h)\n    return h\n", steps=(1,))
    assert not proof
    assert proof.refuted
    assert proof.false == (LEMMAS[Step].statement,)
    assert f"nothing is proved, as these lemmas do not hold: {LEMMAS[Step].statement}" in proof.text()


def test_a_lemma_without_a_definition_is_called_assumed(monkeypatch):
    _planted(monkeypatch, Tanh, statement="tanh′ is what it is", definition=None)
    proof = prove("rnn", steps=(1,))
    assert (proof.lemmas, proof.assumed) == ((), ("tanh′ is what it is",))
    assert proof.text().endswith("\nassuming, without a check: tanh′ is what it is")
    assert json.loads(proof.to_json())["assumed"] == ["tanh′ is what it is"]


def test_proofs_name_the_lemmas_that_they_use():
    assert [lemma.split(",")[0] for lemma in prove("lstm", steps=(1,)).lemmas] == [
        "tanh′ = 1 − tanh²",
        "σ′ = σ (1 − σ)",
    ]


def test_leaves_do_not_change_a_derivative():
    """SymPy's derivative of a tree, with leaves for its parts and without."""
    x, y = sympy.symbols("x y")
    inner = Tanh(x * y + Logistic(x)) ** 3 / (1 + y**2)
    plain = Exp(inner * x) * inner - Tanh(inner)
    leaf = Shared.of(Tanh(Shared.of(x * y + Logistic(x))) ** 3 / (1 + y**2))
    shared = Exp(Shared.of(leaf * x)) * leaf - Tanh(leaf)
    for symbol in (x, y):
        assert sympy.expand(spelled_out(sympy.diff(shared, symbol), 10**6) - sympy.diff(plain, symbol)) == 0
    assert sympy.diff(shared, sympy.Symbol("z")) == 0


# Options -----------------------------------------------------------------------------------------------------


def test_a_small_budget_is_reported_and_not_a_failure_to_answer():
    proof = prove("rnn", budget=20)
    assert not proof
    assert "more than 20 products of terms" in proof.text()


def test_sizes_that_take_much_of_the_budget_give_way_to_smaller_ones():
    """A budget with which the larger sizes would just do proves at them when it is eight times as large."""
    text = "def f(x, h):\n    u = W @ x\n    h = u * u * sum(h * h) + mean(u)\n    return h"
    found = {}
    for budget in (1, 8):
        proof = prove(text, steps=(1,), budget=budget * 250)
        assert proof
        found[budget] = {tuple(dict(array.dims).values()) for array in proof.arrays}
    assert found == {1: {(1, 2)}, 8: {(2, 3)}}


def test_options_that_make_no_sense_raise():
    with pytest.raises(symrnn.OptionError, match="`steps` is a whole number of at least 1, not 0"):
        prove("rnn", steps=(0,))
    with pytest.raises(symrnn.OptionError, match="has no dimension 'k'"):
        prove("rnn", dims={"k": 2})


def test_text_is_a_table(capsys):
    proof = prove("rnn")
    lines = proof.text().split("\n")
    assert lines[0].startswith("rnn: all 47 entries proved, exactly (")
    assert lines[1].split("  ")[-1] == "2 steps (m = 1, n = 2)"
    assert lines[-1] == "with the lemmas: tanh′ = 1 − tanh², where tanh(u) = (exp(u) − exp(−u))/(exp(u) + exp(−u))"
    assert repr(proof) == "<Proof rnn: 47 of 47 entries proved>"
    assert capsys.readouterr() == ("", "")
