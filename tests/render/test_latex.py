"""LaTeX: the formulas of the zoo, plain and balanced (KaTeX reads them in `test_consumers`)."""

import re

import pytest

import symrnn
from symrnn.render.names import Name, split_name
from symrnn.render.printers import LatexPrinter


def rows(latex: str) -> list[str]:
    return [line.removesuffix(" \\\\").split(" &\\qquad")[0] for line in latex.splitlines()]


def test_lines_of_the_peephole_lstm() -> None:
    lines = rows(symrnn.derive("peephole_lstm").latex())
    assert r"a_{o} &= W_{o}\, x_{t} + R_{o}\, h_{t-1} + p_{o} \odot c_{t} + b_{o}" in lines
    assert r"\delta_{a_{f}} &= \delta_{f} \odot f \odot (1 - f)" in lines
    assert r"\delta_{a_{g}} &= \delta_{g} \odot (1 - g^{2})" in lines
    condition = (
        r"\kappa_{h,T+1} &= \text{the gradient of the final state }h_{T}\text{ from outside, 0 if there is none}"
    )
    assert condition in lines
    assert (
        "\n".join(lines).count(r"\frac{\partial L}{\partial R_{f}} &= \sum_{t=1}^{T} \delta_{a_{f}}\, h_{t-1}^{\top}")
        == 1
    )
    assert r"\frac{\partial L}{\partial c_{0}} &= \kappa_{c,1}" in [line.split(" \\\\")[0] for line in lines]


@pytest.mark.parametrize(
    ("written", "latex"),
    [
        ("W_f", "W_{f}"),
        ("b_Rn", "b_{Rn}"),
        ("alpha", r"\alpha"),
        ("α", r"\alpha"),
        ("lam_max", r"\lambda_{\mathrm{max}}"),
        ("gain", r"\mathrm{gain}"),
        ("W1", "W_{1}"),
        ("x_", "x'"),
        ("W_h_f", "W_{h,f}"),
        ("Omega", r"\Omega"),
        ("Α", r"\mathrm{A}"),
    ],
)
def test_names(written: str, latex: str) -> None:
    assert LatexPrinter().name(split_name(written)) == latex


def test_a_name_that_would_equal_another_keeps_its_letters() -> None:
    assert LatexPrinter().name(Name("W_1", verbatim=True)) == r"\mathrm{W\_1}"


@pytest.mark.parametrize("steps", [False, True])
def test_every_block_is_plain_and_balanced(any_cell: str, steps: bool) -> None:
    latex = symrnn.derive(any_cell).latex(steps=steps)
    assert latex.startswith("\\begin{aligned}\n")
    assert latex.endswith("\n\\end{aligned}\n")
    assert latex.isascii()
    depth = 0
    for mark in re.findall(r"\\.|[{}]", latex):
        depth += {"{": 1, "}": -1}.get(mark, 0)
        assert depth >= 0
    assert depth == 0
    assert len(re.findall(r"\\left(?![a-z])", latex)) == len(re.findall(r"\\right(?![a-z])", latex))
    assert latex.count(r"\Bigl") == latex.count(r"\Bigr")
    assert not re.search(r"\\(label|intertext|DeclareMathOperator|tag|mathrlap)\b", latex)
    for words in re.findall(r"\\text\{([^}]*)\}", latex):
        assert not set(words) & set("_^&%$#\\")
