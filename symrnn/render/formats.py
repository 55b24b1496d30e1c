"""One function a format: from a derivation, a notation and a language to a string."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..derivation import Derivation
from ..errors import OptionError, nearest
from .document import build_document
from .languages import Language, read_language
from .notation import STANDARD, Notation, read_notation
from .pages.latex import write_align, write_aligned
from .pages.text import write_text

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "text": "txt",
        "latex": "tex",
        "align": "tex",
        "tex": "tex",
        "markdown": "md",
        "html": "html",
        "typst": "typ",
    }
)
"""The formats of text, and the ends of their files' names."""


def render_text(
    derivation: Derivation, *, steps: bool = False, notation: Notation | str = STANDARD, lang: Language | str = "en"
) -> str:
    """A page of readable Unicode."""
    return write_text(
        build_document(derivation, steps=steps, notation=read_notation(notation), language=read_language(lang))
    )


def render_latex(
    derivation: Derivation,
    *,
    steps: bool = False,
    notation: Notation | str = STANDARD,
    lang: Language | str = "en",
    labels: bool = False,
) -> str:
    """An `aligned` block for KaTeX and MathJax; with `labels`, `align` environments for a document that is \\input."""
    document = build_document(
        derivation, steps=steps, notation=read_notation(notation), language=read_language(lang)
    )
    return write_align(document) if labels else write_aligned(document)
