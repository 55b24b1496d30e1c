"""Random cells of the whole language print without failing, balanced in every bracket, with every rule in words."""

import re

from hypothesis import given

import symrnn
from symrnn.testing import cells


@given(cells())
def test_every_random_cell_prints(text: str) -> None:
    derivation = symrnn.derive(text)
    page = derivation.text(steps=True)
    for left, right in ("()", "[]", "{}", "⟨⟩"):
        assert page.count(left) == page.count(right)
    latex = derivation.latex(steps=True)
    assert latex.isascii()
    marks = re.findall(r"\\.|[{}]", latex)
    assert marks.count("{") == marks.count("}")
    # Different variables of the cell have different names on paper.
    own = [line.split(" = ")[0].split(")")[-1].strip() for line in page.splitlines() if re.match(r"  \(\d+\) ", line)]
    assert len(own) == len(set(own))
