"""One function a format: from a derivation, a notation and a language to a string."""

from __future__ import annotations

from ..arguments import instance
from ..derivation import Derivation
from ..errors import OptionError, nearest
from .document import build_document
from .languages import Language, read_language
from .notation import STANDARD, Notation, read_notation
from .pages.article import Article, Evidence, build_article
from .pages.html import write_html
from .pages.latex import write_align, write_aligned
from .pages.markdown import write_markdown
from .pages.pdf import compile_typst
from .pages.tex import write_tex
from .pages.text import write_text
from .pages.typst import write_typst
from .printers.latex import macro_file

ARTICLES = ("markdown", "html", "typst", "tex")
"""The formats of whole articles."""
FORMATS = ("text", "latex", "align", "macros", *ARTICLES)
"""`latex` is an `aligned` block, `align` environments with labels, `macros` the same with commands that an author may
restyle, defined before them; `tex` is a document that compiles as it is."""


def render(
    derivation: Derivation,
    form: str,
    *,
    steps: bool = False,
    notation: Notation | str = STANDARD,
    lang: Language | str = "en",
    evidence: Evidence | None = None,
) -> str:
    """A derivation in one of `FORMATS`."""
    instance("format", form, str, "the name of a format, such as 'text'")
    if form not in FORMATS:
        meant = nearest(form, list(FORMATS)) or f"the formats are: {', '.join(FORMATS)}"
        raise OptionError(f"{form!r} is not a format; {meant}")
    if form in ARTICLES:
        article = make_article(derivation, steps=steps, notation=notation, lang=lang, evidence=evidence)
        return write_article(article, form)
    document = build_document(derivation, steps=steps, notation=read_notation(notation), language=read_language(lang))
    if form == "macros":
        return macro_file(document.notation.product) + write_align(document, macros=True)
    return {"text": write_text, "latex": write_aligned, "align": write_align}[form](document)


def make_article(
    derivation: Derivation,
    *,
    steps: bool = True,
    notation: Notation | str = STANDARD,
    lang: Language | str = "en",
    evidence: Evidence | None = None,
    code: bool = True,
) -> Article:
    """Everything that is published about a derivation, to be written in several formats."""
    document = build_document(derivation, steps=steps, notation=read_notation(notation), language=read_language(lang))
    return build_article(document, evidence=evidence, code=code)


def write_article(article: Article, form: str, figure: str | None = None) -> str:
    """An article in one of `ARTICLES`; `figure` is the address of the drawing for Markdown, which cannot hold it."""
    if form == "markdown":
        return write_markdown(article, figure)
    return {"html": write_html, "typst": write_typst, "tex": write_tex}[form](article)


def render_pdf(
    derivation: Derivation, *, steps: bool = True, notation: Notation | str = STANDARD, lang: Language | str = "en"
) -> bytes:
    """A PDF, set by the `typst` package (the extra `pdf`); no TeX is needed."""
    return compile_typst(write_typst(make_article(derivation, steps=steps, notation=notation, lang=lang)))
