"""Every cell that derives has every page, however odd or long it is."""

import re

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import symrnn
from symrnn.render import ARTICLES, LANGUAGES, PRESETS, make_article, read_notation, render, write_article
from symrnn.render.document import build_document
from symrnn.testing import cells

# A state that is a concatenation; concatenations within each other; sizes that no array tells.
ODD = (
    "def f(x, h):\n    a = R @ h\n    h = [a, x]\n    return h\n",
    "def f(x, h):\n    z = [[h, x], x]\n    h = tanh(W @ z)\n    return h\n",
    "def f(x: (n + m,), h: scalar):\n    h = tanh(h + sum(x[:m]))\n    return h\n",
)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("text", ODD)
def test_odd_cells_have_every_page(text, lang):
    article = make_article(symrnn.derive(text), steps=True, lang=lang)
    assert all(write_article(article, form) for form in ARTICLES)


def test_a_page_without_a_program_says_so():
    page = symrnn.derive(ODD[2]).markdown()
    assert "There is no program: the sizes of this cell cannot be read off the arrays that it is given." in page
    assert "np." not in page


@settings(max_examples=8, phases=[Phase.explicit, Phase.generate])
@given(cells(max_lines=4), st.sampled_from([*PRESETS, "weights=joined", "vectors=row,layout=numerator,adjoint=d"]))
def test_random_cells_have_every_page(text, notation):
    derivation = symrnn.derive(text)
    assert render(derivation, "macros", notation=notation)
    article = make_article(derivation, notation=notation, code=False)
    assert all(write_article(article, form) for form in ARTICLES)


def chain(count, line):
    """`count` lines, each of the value before."""
    lines = "".join(f"    a{k} = {line.format(before=f'a{k - 1}' if k else 'x', k=k)}\n" for k in range(count))
    return f"def f(x: (n,), h: (n,)):\n{lines}    h = tanh(a{count - 1} + h)\n    return h\n"


@pytest.mark.parametrize(
    ("line", "notation"), [("tanh({before})", "greff"), ("tanh(W{k} @ {before})", "weights=joined,carries=inline")]
)
def test_a_chain_of_a_thousand_lines_does_not_recurse(line, notation):
    document = build_document(symrnn.derive(chain(1000, line)), notation=read_notation(notation))
    assert len(document.sections[0].rows) > 1000


@pytest.mark.parametrize("form", ["tanh({})", "maximum({}, x)", "gelu({})", "where({} > x, h, x)"])
def test_deep_nesting_has_pages_of_a_length_that_grows_with_it(form):
    nested = ["h"]
    for _ in range(90):
        nested.append(form.format(nested[-1]))
    short, long = (
        len(symrnn.derive(f"def f(x: (n,), h: (n,)):\n    h = {nested[depth]} + x\n    return h\n").latex())
        for depth in (45, 90)
    )
    assert long < 3 * short


def test_what_is_deeper_than_is_read_is_refused_with_a_mend():
    with pytest.raises(symrnn.SymrnnError, match="nested"):
        symrnn.derive(f"def f(x, h):\n    h = {'tanh(' * 150}h{')' * 150} + {'-(' * 300}x{')' * 300}\n    return h\n")


def test_merged_lines_name_nothing_that_is_gone():
    page = symrnn.derive(
        "def f(x: (n,), h: (n,)):\n    p = tanh(h + x)\n    q = sigmoid(p)\n    h = exp(q) * h\n    return h\n"
    ).text(notation="lines=merged")
    backward = page[page.index("Backward") :]
    left = re.findall(r"\) +(\S+) += ", backward)
    assert set(re.findall(r"δ_\w+", backward)) <= set(left)
