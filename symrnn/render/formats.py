"""From a derivation, a notation and a language to a page in any format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..arguments import instance
from ..derivation import Derivation, NetworkDerivation
from ..errors import OptionError, nearest
from .ahead import Ahead, build_ahead_article, build_ahead_document
from .ahead.document import AheadDocument
from .document import CellDocument, Document, build_document
from .languages import Language, read_language
from .networks.article import build_network_article
from .networks.document import NetworkDocument, build_network_document
from .notation import STANDARD, Notation, read_notation
from .pages.article import Article, Evidence, build_article
from .pages.html import write_html
from .pages.latex import write_align, write_aligned, write_macros
from .pages.markdown import write_markdown
from .pages.pdf import compile_typst
from .pages.tex import write_tex
from .pages.text import write_text
from .pages.typst import write_typst


@dataclass(frozen=True, slots=True)
class Whole:
    """A format of whole articles: who writes them, how the names of their files end, and how a comment opens them."""

    write: Callable[[Article], str]
    ending: str
    comment: str = ""


PARTS: Mapping[str, Callable[[Document], str]] = MappingProxyType(
    {"text": write_text, "latex": write_aligned, "align": write_align, "macros": write_macros}
)
"""`latex` is an `aligned` block, `align` environments with labels, `macros` the same with commands that an author may
restyle, defined before them."""
ARTICLES: Mapping[str, Whole] = MappingProxyType(
    {
        "markdown": Whole(write_markdown, "md", "<!-- {} -->\n\n"),
        "html": Whole(write_html, "html"),
        "typst": Whole(write_typst, "typ", "// {}\n"),
        "tex": Whole(write_tex, "tex", "% {}\n"),
    }
)
"""The formats of whole articles; `tex` is a document that compiles as it is."""
FORMATS = (*PARTS, *ARTICLES)


def render(
    derivation: Derivation | NetworkDerivation | Ahead,
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
    if form in PARTS:
        return PARTS[form](_make_document(derivation, steps, notation, lang))
    article = make_article(derivation, steps=steps, notation=notation, lang=lang, evidence=evidence)
    return ARTICLES[form].write(article)


def _make_document(
    derivation: Derivation | NetworkDerivation | Ahead, steps: bool, notation: Notation | str, lang: Language | str
) -> CellDocument | NetworkDocument | AheadDocument:
    """Sections of rows, each a tree of a left and a right side; the words of a language between them."""
    notation, language = read_notation(notation), read_language(lang)
    if isinstance(derivation, NetworkDerivation):
        return build_network_document(derivation, steps=steps, notation=notation, language=language)
    if not isinstance(derivation, Derivation):
        return build_ahead_document(derivation, notation=notation, language=language)
    return build_document(derivation, steps=steps, notation=notation, language=language)


def make_article(
    derivation: Derivation | NetworkDerivation | Ahead,
    *,
    steps: bool = True,
    notation: Notation | str = STANDARD,
    lang: Language | str = "en",
    evidence: Evidence | None = None,
    code: bool = True,
    figure: str | None = None,
    links: bool = False,
) -> Article:
    """Everything that is published about a derivation, to be written in several formats; `figure` is the address of the
    drawing for Markdown, which cannot hold it, and `links` lead from a network to the pages of its cells."""
    document = _make_document(derivation, steps, notation, lang)
    # Blocks: the document's, and the graph, the Jacobian, the evidence and the program.
    if isinstance(document, NetworkDocument):
        return build_network_article(document, evidence=evidence, code=code, figure=figure, links=links)
    if isinstance(document, AheadDocument):
        return build_ahead_article(document)
    return build_article(document, evidence=evidence, code=code, figure=figure)


def write_article(article: Article, form: str) -> str:
    """An article in one of `ARTICLES`."""
    return ARTICLES[form].write(article)


def render_pdf(
    derivation: Derivation | NetworkDerivation | Ahead,
    *,
    steps: bool = True,
    notation: Notation | str = STANDARD,
    lang: Language | str = "en",
) -> bytes:
    """A PDF, set by the `typst` package (the extra `pdf`); no TeX is needed."""
    return compile_typst(render(derivation, "typst", steps=steps, notation=notation, lang=lang))
