"""PDF without a TeX installation: the Typst page, set by the `typst` package."""

from __future__ import annotations

import json
import unicodedata
from importlib import import_module
from typing import Any

from ...errors import OptionError
from .typst import FONTS


def compile_typst(source: str, form: str = "pdf", *, system_fonts: bool = True) -> bytes:
    """A Typst document as a PDF; the compiler comes with the extra `pdf`. Letters that no font has are an error, as
    Typst would set empty boxes in silence; without `system_fonts` only the compiler's own are used."""
    try:
        typst = import_module("typst")
    except ModuleNotFoundError:
        raise OptionError("PDF needs the typst package\n  mend: python -m pip install 'symrnn[pdf]'") from None
    missing = _missing(typst, source, system_fonts)
    if missing:
        raise OptionError(
            f"no font on this machine has the letters {' '.join(missing[:8])}{' …' if len(missing) > 8 else ''}\n"
            f"  looked for: {', '.join(FONTS[1:])}, then any other that has them\n"
            "  mend: install one, such as Noto Serif CJK (Debian and Ubuntu: fonts-noto-cjk; Fedora: "
            "google-noto-serif-cjk-fonts; macOS: brew install --cask font-noto-serif-cjk), or write another format"
        )
    made = typst.compile(source.encode(), format=form, ignore_system_fonts=not system_fonts)
    assert isinstance(made, bytes)
    return made


# A letter that no font has is as wide as one that no font can have.
_PROBE = """\
#set text(font: (NAMES), size: 10pt)
#context [#metadata(("\\u{10FFFD}",).map(c => measure(text(c)).width / 1pt) + LETTERS.clusters().map(c => measure(text(c)).width / 1pt)) <widths>]
"""  # noqa: E501


def _missing(typst: Any, source: str, system_fonts: bool) -> list[str]:
    """The letters of East Asian scripts in a text that no font has."""
    letters = sorted({c for c in source if unicodedata.east_asian_width(c) == "W" and c.isalpha()})
    if not letters:
        return []
    names = ", ".join(json.dumps(name) for name in FONTS)
    probe = _PROBE.replace("NAMES", names).replace("LETTERS", json.dumps("".join(letters), ensure_ascii=False))
    answer = typst.query(probe.encode(), "<widths>", field="value", one=True, ignore_system_fonts=not system_fonts)
    box, *widths = json.loads(answer)
    return [letter for letter, width in zip(letters, widths, strict=True) if width == box]
