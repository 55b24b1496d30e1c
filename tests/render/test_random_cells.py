"""200 random cells of the whole language, each in every preset, half of them in each language, are taken by what will
read them. (The zoo and the odd cells meet every preset in both languages, see `test_consumers`.)"""

import re
from dataclasses import dataclass, field
from xml.parsers import expat

import pytest
from hypothesis import HealthCheck, Phase, given, settings

import symrnn
from symrnn.render import LANGUAGES, PRESETS, make_article, write_article
from symrnn.testing import cells


def draw_cells(count):
    """The same cells every time."""
    found = {}

    @settings(
        max_examples=count + count // 4,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cells())
    def collect(text):
        found.setdefault(text)

    collect()
    assert len(found) >= count
    return list(found)[:count]


@dataclass
class Emitted:
    """All pages of all cells; what several pages say alike is kept once. `turns` are pages in which notations and
    languages take turns, one for every fourth cell."""

    pages: int = 0
    formulas: set[str] = field(default_factory=set)
    typst: set[str] = field(default_factory=set)
    turns: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def derivations():
    """200 in CI, fewer elsewhere."""
    return [symrnn.derive(text) for text in draw_cells(200 if settings.default.max_examples > 100 else 20)]


@pytest.fixture(scope="module")
def emitted(derivations, formulas_of):
    """Written one after the other, as the pages together would fill the memory; HTML is parsed on the way."""
    found = Emitted()
    for place, derivation in enumerate(derivations):
        for turn, notation in enumerate(PRESETS):
            lang = list(LANGUAGES)[(place + turn) % len(LANGUAGES)]
            article = make_article(derivation, notation=notation, lang=lang, code=False)
            expat.ParserCreate().Parse(write_article(article, "html"), True)
            blocks, inline = formulas_of(write_article(article, "markdown"))
            found.formulas.update(blocks, inline)
            page = write_article(article, "typst")
            if place % 4 == 0 and turn == place // 4 % len(PRESETS):
                found.turns.append(page)
            else:
                found.typst.add(page)
            found.pages += 1
    return found


def test_html_is_well_formed(emitted, derivations):
    assert emitted.pages == len(derivations) * len(PRESETS)
    with pytest.raises(expat.ExpatError):
        expat.ParserCreate().Parse("<p>a<b></p>", True)


def test_katex_takes_every_formula(emitted, katex):
    """To MathML: strict mode refuses while it reads, and the zoo's formulas are set in HTML too."""
    assert len(emitted.formulas) > 10 * len(PRESETS)
    assert katex(sorted(emitted.formulas), "mathml") == []
    assert katex([r"\frac{a", r"\nosuch", "δ"], "mathml") != []


def test_typst_takes_every_page(emitted, typst):
    """All are parsed and evaluated, some are also laid out."""
    pages = sorted(emitted.typst)
    assert emitted.turns
    for start in range(0, len(pages), 200):  # all at once would fill the memory
        typst(emitted.turns if start == 0 else [], pages[start : start + 200])


def test_text_and_latex_are_balanced(derivations):
    for derivation in derivations:
        page = derivation.text(steps=True)
        for left, right in ("()", "[]", "{}", "⟨⟩"):
            assert page.count(left) == page.count(right)
        latex = derivation.latex(steps=True)
        assert latex.isascii()
        marks = re.findall(r"\\.|[{}]", latex)
        assert marks.count("{") == marks.count("}")
        # Different variables of the cell have different names on paper.
        lines = page.splitlines()
        own = [line.split(" = ")[0].split(")")[-1].strip() for line in lines if re.match(r"  \(\d+\) ", line)]
        assert len(own) == len(set(own))
