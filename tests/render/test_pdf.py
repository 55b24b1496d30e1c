"""A PDF has a glyph for each of its letters, or there is no PDF."""

import pytest

import symrnn
from symrnn.errors import OptionError
from symrnn.render import make_article, write_article
from symrnn.render.pages.pdf import compile_typst

pytest.importorskip("typst", reason="python -m pip install typst")


def test_letters_that_no_font_has_are_an_error_that_names_fonts():
    with pytest.raises(OptionError) as raised:
        compile_typst(
            write_article(make_article(symrnn.derive("rnn"), lang="zh", code=False), "typst"), system_fonts=False
        )
    first, looked, mend = str(raised.value).split("\n")
    assert first.startswith("no font on this machine has the letters ")
    assert first.endswith("…")
    assert looked == (
        "  looked for: Noto Serif CJK SC, Source Han Serif SC, Songti SC, SimSun, then any other that has them"
    )
    assert "fonts-noto-cjk" in mend


def test_a_docstring_counts_too():
    derivation = symrnn.derive('def f(x, h):\n    """A cell of 李明."""\n    h = tanh(h + W @ x)\n    return h\n')
    page = write_article(make_article(derivation, code=False), "typst")
    with pytest.raises(OptionError, match="the letters 明 李\n"):
        compile_typst(page, system_fonts=False)


def test_what_the_compilers_own_fonts_have_is_set():
    assert compile_typst("α ⊙ é", system_fonts=False).startswith(b"%PDF")
