"""LaTeX blocks of equations: `aligned` for KaTeX and MathJax, `align` with labels for documents that are \\input."""

from __future__ import annotations

import re
from itertools import groupby

from ..document import Document, Row
from ..languages import Language
from ..printers.latex import LatexPrinter, MacroPrinter, macro_file
from ..prose import Prose, Setting
from ..steps import Step
from ..tree import Tree

WIDTH = 64
"""Where right sides break, in letters as they appear on the page."""
_BESIDE_TAG = 56
"""The same where the column is that of an article and the number stands in it too."""


def write_aligned(document: Document) -> str:
    """One `aligned` block with forward equations, backward equations and gradients; with steps, each line names
    the rules that its terms came from."""
    printer = LatexPrinter(document.notation.product)
    blocks: list[str] = []
    for section in document.sections:
        word = section.title.replace("，", ",").split(",")[0].replace("_", r"\_")
        times = r", \quad {} = {}, \dots, {}".format(*section.course) if section.course else ""
        rows = [_numbered(row, printer, document.language) for row in section.rows]
        # Lines with fractions and sums over t stand a little apart.
        apart = " \\\\[0.4em]\n" if section.key == "gradients" else " \\\\\n"
        blocks.append(rf"&\textbf{{{word}}}{times}" + " \\\\\n" + apart.join(rows))
    return "\\begin{aligned}\n" + " \\\\[1.2em]\n".join(blocks) + "\n\\end{aligned}\n"


def aligned_rows(rows: tuple[Row, ...], printer: LatexPrinter) -> str:
    """Rows as an `aligned` block without labels."""
    body = " \\\\[0.3em]\n".join(_numbered(row, printer) for row in rows)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n"


def write_align(document: Document) -> str:
    """`align` environments with labels such as eq:lstm-delta-c, for a document that is \\input; amsmath, amssymb and
    bm are all it needs."""
    return _sections(document, LatexPrinter(document.notation.product))


def write_macros(document: Document) -> str:
    """The same with commands that an author may restyle, defined before them."""
    product = document.notation.product
    return macro_file(product) + _sections(document, MacroPrinter(product))


def _sections(document: Document, printer: LatexPrinter) -> str:
    return "\n".join(align(section.rows, printer) for section in document.sections)


def align(rows: tuple[Row, ...], printer: LatexPrinter) -> str:
    """Rows as an `align` environment, every equation with its own number as the tag."""
    lines: list[str] = []
    for row in rows:
        *more, last = _broken(row, printer, _BESIDE_TAG)
        lines += [rf"{line} \notag" for line in more]
        lines.append(rf"{last} \tag{{{row.number}}}\label{{eq:{row.label}}}" if row.number else rf"{last} \notag")
    return "\\begin{align}\n" + " \\\\\n".join(lines) + "\n\\end{align}\n"


def _numbered(row: Row, printer: LatexPrinter, language: Language | None = None) -> str:
    """A row with its number behind it, and in a language the rules of its terms."""
    lines = _broken(row, printer, WIDTH)
    lines[-1] += rf" &\qquad \text{{({row.number})}}" if row.number else ""
    lines[-1] += rf" &\quad \text{{{_rules(row.steps, language)}}}" if row.steps and language else ""
    return " \\\\\n".join(lines)


def _broken(row: Row, printer: LatexPrinter, width: int) -> list[str]:
    """A row on as many lines as it needs, an equation aligned at the equals sign."""
    if row.right is None and row.left is None:
        return [rf"&{line}" for line in _wrapped(row.words, printer)]
    left = printer.flat(row.left) if row.left is not None else ""
    if row.right is None:
        return [rf"{left} &= {_prose(row.words, printer)}"]
    first, *more = printer.lines(row.right, width)
    return [f"{left} &= {first.text}", *(rf"&\{'qquad' if line.inner else 'quad'} {line.text}" for line in more)]


def _prose(prose: Prose, printer: LatexPrinter) -> str:
    """Words and formulas inside of mathematics."""

    def words(text: str) -> str:
        plain = text.replace("−", "-").replace("∂L/∂", "dL/d").replace("…", "...")
        return rf"\text{{{plain}}}"

    return Setting(words, printer.flat, words)(prose)


def _wrapped(prose: Prose, printer: LatexPrinter) -> list[str]:
    """A sentence on as many lines as it needs, broken at spaces."""
    lines: list[list[str | Tree]] = [[]]
    room = WIDTH
    for piece in prose:
        for word in re.findall(r"\S+\s*|\s+", piece) if isinstance(piece, str) else [piece]:
            size = len(word) if isinstance(word, str) else printer.measure(printer.flat(word))
            if size > room and lines[-1]:
                lines.append([])
                room = WIDTH
            lines[-1].append(word)
            room -= size
    return [_prose(_together(line), printer) for line in lines]


def _together(pieces: list[str | Tree]) -> Prose:
    """Words next to each other as one string."""
    runs = ((kind, list(run)) for kind, run in groupby(pieces, lambda piece: isinstance(piece, str)))
    return tuple(piece for words, run in runs for piece in (["".join(map(str, run))] if words else run))


def _rules(steps: tuple[Step, ...], language: Language) -> str:
    """The rules of a line, each once, with the lines that they were applied to."""
    through: dict[str, dict[str, None]] = {}
    for step in steps:
        numbers = through.setdefault(language.rules[step.rule].label, {})
        if step.number is not None:
            numbers[f"({step.number})"] = None
    return "; ".join(f"{label} {', '.join(numbers)}".rstrip() for label, numbers in through.items())
