"""A LaTeX document that compiles as it is: amsmath, amssymb and bm for the formulas, and what a page needs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..printers.latex import GREEK_COMMANDS, LatexPrinter
from ..prose import Prose, Setting
from .article import Article, Block, Drawing, Explanation, Formulas, Heading, Listing, Paragraph, Table
from .latex import align

_SIGNS = {
    "⊙": r"\odot", "∘": r"\circ", "∗": r"\ast", "·": r"\cdot", "×": r"\times", "−": "-", "∂": r"\partial",
    "Σ": r"\Sigma",
    "√": r"\sqrt{}", "‖": r"\Vert ", "≥": r"\ge", "≤": r"\le", "→": r"\to", "…": r"\dots", "ᵀ": r"^{\top}", "′": r"'",
    **{sign: f"^{{{digit}}}" for sign, digit in zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True)},
    "½": r"\tfrac{1}{2}", "↦": r"\mapsto", "∞": r"\infty", "±": r"\pm",
    "∈": r"\in", "Φ": r"\Phi", "≠": r"\ne", "⟨": r"\langle ",
    "⟩": r"\rangle ", "←": r"\leftarrow", "ℓ": r"\ell", "₀": "_{0}", "₁": "_{1}", "₂": "_{2}",
}  # fmt: skip

# Letters that every installation sets: Latin ones with accents, quotation marks and dashes.
_KNOWN = re.compile("[\u00a0-\u017f\u2010-\u2027]")

# Columns of \\footnotesize typewriter between margins of 2.4 cm.
_WIDEST = 100


_LISTING = r"\usepackage{verbatim}\newenvironment{NAME}{\verbatim}{\endverbatim}"


def write_tex(article: Article) -> str:
    """The article as a document of its own."""
    printer = LatexPrinter(article.document.notation.product)
    listing = _listing(article)
    body = "\n\n".join(part for block in article.blocks for part in _block(block, printer, listing))
    chinese = article.document.language.code == "zh"
    title = _escaped(article.document.name)
    text = f"{title}{body}"
    head = [
        rf"\documentclass[a4paper]{{{'ctexart' if chinese else 'article'}}}",
        r"\usepackage[margin=2.4cm]{geometry}",
        r"\usepackage{amsmath,amssymb,bm,array}",
        *(() if listing == "verbatim" else [_LISTING.replace("NAME", listing)]),
        *(_declared(text) if not chinese else ()),
        r"\setlength{\emergencystretch}{3em}",
        r"\setlength{\parindent}{0pt}\setlength{\parskip}{0.6em}\allowdisplaybreaks\renewcommand{\arraystretch}{1.15}",
        # a line and the steps that explain it stay together
        r"\newenvironment{steps}{\par\nopagebreak\setlength{\parskip}{0pt}\begin{list}{\textbullet}{\setlength{\topsep}{2pt}%",
        r"\setlength{\partopsep}{0pt}\setlength{\parsep}{0pt}\setlength{\itemsep}{1pt}}}{\end{list}}",
        rf"\title{{{title}}}\author{{}}\date{{}}",
        r"\begin{document}",
        r"\maketitle",
    ]
    return "\n".join(head) + f"\n\n{body}\n\n\\end{{document}}\n"


def _declared(text: str) -> Iterator[str]:
    """What the letters mean that pdfTeX does not know."""
    for letter in sorted({letter for letter in text if ord(letter) > 127}):
        command = GREEK_COMMANDS.get(letter) or _SIGNS.get(letter)
        if command is not None:
            yield rf"\DeclareUnicodeCharacter{{{ord(letter):04X}}}{{\ensuremath{{{command}}}}}"
        elif not _KNOWN.match(letter):
            yield rf"\DeclareUnicodeCharacter{{{ord(letter):04X}}}{{{{\ttfamily[U+{ord(letter):04X}]}}}}"


def _listing(article: Article) -> str:
    """An environment whose end stands in no listing: verbatim, or one of the same kind with a longer name."""
    name = "verbatim"
    while any(f"\\end{{{name}}}" in block.code for block in article.blocks if isinstance(block, Listing)):
        name += "x"
    return name


def _block(block: Block, printer: LatexPrinter, listing: str) -> Iterator[str]:
    match block:
        case Heading(text=text, level=level):
            yield rf"\{'sub' * (level - 2)}section*{{{_escaped(text)}}}"
        case Paragraph(prose=prose):
            yield _inline(prose, printer)
        case Table(head=head, rows=rows):
            widths = {2: (0.2, 0.72), 4: (0.3, 0.12, 0.22, 0.25)}[len(head)]
            columns = "".join(rf">{{\raggedright\arraybackslash}}p{{{width}\linewidth}}" for width in widths)
            lines = [" & ".join(rf"\textbf{{{_escaped(word)}}}" for word in head) + r" \\ \hline"]
            lines += [" & ".join(_inline(cell, printer) for cell in row) + r" \\" for row in rows]
            inner = "\n".join(lines)
            yield f"\\begin{{tabular}}{{{columns}}}\n\\hline\n{inner}\n\\hline\n\\end{{tabular}}"
        case Formulas(rows=rows):
            yield align(rows, printer).rstrip()
        case Explanation(row=row, formula=formula, sentences=sentences):
            items = "\n".join(rf"\item {_inline(sentence, printer)}" for sentence in sentences)
            head = rf"\textbf{{({row.number})}} \(\displaystyle {printer.flat(formula)}\)"
            yield f"{head}\n\\begin{{steps}}\n{items}\n\\end{{steps}}"
        case Drawing():  # an SVG is for other formats
            return
        case Listing(code=code):
            lines = "\n".join(part for line in code.split("\n") for part in _broken(line))
            yield f"{{\\footnotesize\n\\begin{{{listing}}}\n{lines}\n\\end{{{listing}}}\n}}"


def _broken(line: str) -> Iterator[str]:
    """A line of Python on as many lines as the page is wide: broken where a bracket is open, or else with a backslash,
    so that it still runs."""
    indent = " " * (len(line) - len(line.lstrip()) + 8)
    while len(line) > _WIDEST:
        depth, inside, outside = 0, 0, 0
        for k, letter in enumerate(line[:_WIDEST]):
            depth += (letter in "([{") - (letter in ")]}")
            if letter == " " and k > len(indent):
                inside, outside = (k, outside) if depth > 0 else (inside, k)
        place = inside if 2 * inside > _WIDEST else outside
        if not place or "#" in line[:place]:
            break
        yield line[:place] + (" \\" if place == outside else "")
        line = indent + line[place + 1 :]
    yield line


def _inline(prose: Prose, printer: LatexPrinter) -> str:
    formula, code = (lambda tree: rf"\({printer.flat(tree)}\)"), (lambda text: rf"\texttt{{{_escaped(text)}}}")
    return Setting(_escaped, formula, code)(prose).strip()


_SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''",
}  # fmt: skip


def _escaped(text: str) -> str:
    return re.sub(r"[\\~^<>|\"&%$#_{}]", lambda sign: _SPECIAL.get(sign[0], rf"\{sign[0]}"), text)
