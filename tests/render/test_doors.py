"""What a derivation offers: every format by a method, a PDF, and what a notebook shows."""

import sys

import pytest

import symrnn
from symrnn.errors import OptionError
from symrnn.render import FORMATS, render


def test_methods_are_the_formats():
    derivation = symrnn.derive("rnn")
    for form in ("text", "latex"):
        assert getattr(derivation, form)() == render(derivation, form)
    for form in ("markdown", "html", "typst", "tex"):
        assert getattr(derivation, form)() == render(derivation, form, steps=True)
    assert derivation.latex(labels=True) == render(derivation, "align")
    assert len({render(derivation, form) for form in FORMATS}) == len(FORMATS)


def test_a_wrong_format_raises_with_the_nearest():
    with pytest.raises(OptionError, match="'htm' is not a format; did you mean `html`"):
        render(symrnn.derive("rnn"), "htm")


def test_pdf():
    pytest.importorskip("typst", reason="python -m pip install typst")
    assert symrnn.derive("gru").pdf(notation="graves", lang="zh").startswith(b"%PDF")


def test_pdf_without_its_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(OptionError, match=r"symrnn\[pdf\]"):
        symrnn.derive("rnn").pdf()


def test_notebooks():
    derivation = symrnn.derive("rnn")
    bundle = derivation._repr_mimebundle_()
    assert bundle["text/plain"] == derivation.text()
    assert bundle["text/latex"] == derivation._repr_latex_() == f"$$\n{derivation.latex()}$$"


def test_labels_stay_and_differ():
    latex = symrnn.derive("lstm").latex(labels=True)
    assert r"\tag{14}\label{eq:lstm-delta-c}" in latex
    assert r"\label{eq:lstm-grad-W-f}" in latex


def test_a_document_is_the_same_every_time(any_cell):
    for form in ("html", "typst"):
        assert render(symrnn.derive(any_cell), form, steps=True) == render(symrnn.derive(any_cell), form, steps=True)
