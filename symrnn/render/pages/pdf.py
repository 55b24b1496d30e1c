"""PDF without a TeX installation: the Typst page, set by the `typst` package."""

from __future__ import annotations

from importlib import import_module

from ...errors import OptionError


def compile_typst(source: str, form: str = "pdf") -> bytes:
    """A Typst document as a PDF; the compiler comes with the extra `pdf`."""
    try:
        typst = import_module("typst")
    except ModuleNotFoundError:
        raise OptionError("PDF needs the typst package\n  mend: python -m pip install 'symrnn[pdf]'") from None
    made = typst.compile(source.encode(), format=form)
    assert isinstance(made, bytes)
    return made
