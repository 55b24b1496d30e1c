"""Explanations: words for every rule, and the rule, the path and the identity of each line."""

import string

import pytest

import symrnn
from symrnn.operations import OPERATIONS
from symrnn.render.languages import ENGLISH

EXTRA = {"definition", "addition", "product", "broadcast", "upstream", "carry", "initial"}


def test_every_rule_has_words() -> None:
    named = {name for name, operation in OPERATIONS.items() if operation.head is not None}
    assert named | EXTRA <= set(ENGLISH.rules)


def test_labels_can_stand_inside_formulas_and_sentences_know_their_places() -> None:
    for rule in ENGLISH.rules.values():
        assert rule.label.isascii()
        assert not set(rule.label) & set("{}_^&%$#\\")
        places = {field for _, field, _, _ in string.Formatter().parse(rule.sentence) if field}
        assert places <= {
            "label",
            "term",
            "x",
            "y",
            "factor",
            "identity",
            "local",
            "slope",
            "wx",
            "to_x",
            "to_w",
            "ab",
            "to_a",
            "to_b",
            "inner",
            "outer",
            "outer_a",
            "outer_b",
        }


def test_every_rule_of_every_cell_has_words(any_cell: str) -> None:
    for equation in symrnn.derive(any_cell).equations:
        assert all(term.rule in ENGLISH.rules for term in equation.terms)


def notes(cell: str, left: str) -> list[str]:
    """The explanations under one line, each on one line."""
    found: list[str] = []
    inside = False
    for line in symrnn.derive(cell).text(steps=True).splitlines():
        if line.strip().startswith("· ") and inside:
            found.append(line.strip()[2:])
        elif line.startswith("          ") and inside and found:
            found[-1] += " " + line.strip()
        else:
            inside = line.split(")", 1)[-1].strip().startswith(f"{left} ")
    return found


def test_lines_of_the_lstm() -> None:
    assert set(notes("lstm", "δ_c")) == {
        "κ_{c,t+1}: carried back from step t+1",
        "through (10) h_t = o ⊙ tanh(c_t): chain rule, ∂h_t/∂c_t = o ⊙ (1 − tanh²(c_t)), by tanh′(a) = 1 − tanh²(a)",
    }
    assert notes("lstm", "δ_a_f") == [
        "through (4) f = σ(a_f): chain rule for sigmoid, σ′(a) = σ(a) · (1 − σ(a)), so ∂f/∂a_f = f ⊙ (1 − f)"
    ]
    assert notes("lstm", "δ_o") == ["through (10) h_t = o ⊙ tanh(c_t): product rule, ∂h_t/∂o = tanh(c_t)"]
    assert notes("lstm", "∂L/∂R_f") == [
        "through (3) a_f = W_f x_t + R_f h_{t−1} + b_f: matrix product, the gradient of W in W x is δ xᵀ"
    ]
    assert notes("lstm", "∂L/∂x_t")[0].endswith("matrix product, the adjoint of x in W x is Wᵀ δ")
    assert notes("lstm", "∂L/∂b_f") == [
        "through (3) a_f = W_f x_t + R_f h_{t−1} + b_f: sum rule, b_f enters with the factor 1"
    ]


def test_the_sum_of_entries_is_not_the_sum_rule() -> None:
    text = "def total(x, h):\n    s = sum(h)\n    h = s * x + h\n    return h\n"
    assert any("each of them receives δ" in note for note in notes(text, "κ_{h,t}"))
    assert any("enters with the factor 1" in note for note in notes(text, "κ_{h,t}"))


def test_a_scalar_sums_over_the_entries(odd_cells: dict[str, str]) -> None:
    (note,) = notes(odd_cells["delta"], "∂L/∂β")
    assert "β is a scalar and acts on every entry" in note
    assert note.endswith("by σ′(a) = σ(a) · (1 − σ(a))")


@pytest.mark.parametrize(
    ("line", "identity"),
    [
        ("y = maximum(x, h)", "∂max(a, b)/∂b = [b > a]"),
        ("y = sqrt(h)", "∂√a/∂a = 1 / (2 √a)"),
        ("y = exp(h) + x", "exp′(a) = exp(a)"),
        ("y = abs(h)", "∂|a|/∂a = sign(a)"),
        ("y = leaky_relu(h, 0.2)", "leaky_relu′(a; 0.2) = where(a > 0, 1, 0.2)"),
    ],
)
def test_identities(line: str, identity: str) -> None:
    text = f"def tiny(x: vector, h: vector):\n    {line}\n    h = 0.5 * h\n    return y, (h,)\n"
    assert identity in " ".join(symrnn.derive(text).text(steps=True).split())


def test_latex_steps_name_rules_and_lines() -> None:
    latex = symrnn.derive("lstm").latex(steps=True)
    assert r"\text{(13)} &\quad \text{chain rule for sigmoid (9)}" in latex
    assert r"\text{matrix product (1), (3), (5), (8)}" in latex
