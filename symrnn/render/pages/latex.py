"""LaTeX blocks of equations: `aligned` for KaTeX and MathJax, `align` with labels for documents that are \\input."""

from __future__ import annotations

import re
from dataclasses import replace

from ..document import Document, Row
from ..languages import Language
from ..printer import fill_lines
from ..printers.latex import LatexPrinter, measure
from ..prose import Prose, say
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
        rows = [_row(row, printer, document.language) for row in section.rows]
        # Lines with fractions and sums over t stand a little apart.
        apart = " \\\\[0.4em]\n" if section.key == "gradients" else " \\\\\n"
        blocks.append(f"&{_heading(section.key, document.language)} \\\\\n" + apart.join(rows))
    return "\\begin{aligned}\n" + " \\\\[1.2em]\n".join(blocks) + "\n\\end{aligned}\n"


def aligned_rows(rows: tuple[Row, ...], printer: LatexPrinter, language: Language) -> str:
    """Rows as an `aligned` block without labels."""
    plain = [replace(row, steps=()) for row in rows]
    body = " \\\\[0.3em]\n".join(_row(row, printer, language) for row in plain)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n"


_TIMES = {"forward": r", \quad t = 1, \dots, T", "backward": r", \quad t = T, \dots, 1", "gradients": ""}


def _heading(key: str, language: Language) -> str:
    word = language.phrases[key].replace("，", ",").split(",")[0]
    return rf"\textbf{{{word}}}{_TIMES[key]}"


def _row(row: Row, printer: LatexPrinter, language: Language) -> str:
    if row.right is None:
        words = latex_prose(row.words, printer)
        if row.left is None:
            return " \\\\\n".join(rf"&{line}" for line in _wrapped(row.words, printer))
        return rf"{printer.flat(row.left)} &= {words}"
    lines = broken(row, printer)
    lines[-1] += rf" &\qquad \text{{({row.number})}}" if row.number else ""
    if row.steps:
        lines[-1] += rf" &\quad \text{{{_words(row.steps, language)}}}"
    return " \\\\\n".join(lines)


def broken(row: Row, printer: LatexPrinter, width: int = WIDTH) -> list[str]:
    """An equation on as many lines as it needs, aligned at the equals sign."""
    assert row.left is not None
    assert row.right is not None
    filled = fill_lines(printer.write(row.right), width, measure)
    first = f"{printer.flat(row.left)} &= {filled[0].text}"
    return [first, *(rf"&\{'qquad' if line.inner else 'quad'} {line.text}" for line in filled[1:])]


def latex_prose(prose: Prose, printer: LatexPrinter) -> str:
    """Words and formulas inside of mathematics."""

    def words(text: str) -> str:
        plain = text.replace("−", "-").replace("∂L/∂", "dL/d").replace("…", "...")
        return rf"\text{{{plain}}}"

    return say(prose, words, printer.flat)


def _wrapped(prose: Prose, printer: LatexPrinter) -> list[str]:
    """A sentence on as many lines as it needs, broken at spaces."""
    lines: list[list[str | Tree]] = [[]]
    room = WIDTH
    for piece in prose:
        for word in re.findall(r"\S+\s*|\s+", piece) if isinstance(piece, str) else [piece]:
            size = len(word) if isinstance(word, str) else measure(printer.flat(word))
            if size > room and lines[-1]:
                lines.append([])
                room = WIDTH
            lines[-1].append(word)
            room -= size
    return [latex_prose(_together(line), printer) for line in lines]


def _together(pieces: list[str | Tree]) -> Prose:
    """Words next to each other as one string."""
    joined: list[str | Tree] = []
    for piece in pieces:
        if joined and isinstance(piece, str) and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return tuple(joined)


def _words(steps: tuple[Step, ...], language: Language) -> str:
    """The rules of a line, each once, with the lines that they were applied to."""
    through: dict[str, list[str]] = {}
    for step in steps:
        numbers = through.setdefault(language.rules[step.rule].label, [])
        if step.through is not None and f"({step.through.number})" not in numbers:
            numbers.append(f"({step.through.number})")
    return "; ".join(f"{label} {', '.join(numbers)}".rstrip() for label, numbers in through.items())


def write_align(document: Document, macros: bool = False) -> str:
    """`align` environments with labels such as eq:lstm-delta-c, for a document that is \\input; amsmath, amssymb and
    bm are all it needs, and with `macros` the commands of `macro_file`."""
    printer = LatexPrinter(document.notation.product, macros)
    return "\n".join(align(section.rows, printer) for section in document.sections)


def align(rows: tuple[Row, ...], printer: LatexPrinter) -> str:
    """Rows as an `align` environment, every equation with its own number as the tag."""
    lines: list[str] = []
    for row in rows:
        if row.right is None:
            words = latex_prose(row.words, printer)
            if row.left is None:
                lines += [rf"&{line} \notag" for line in _wrapped(row.words, printer)]
            else:
                lines.append(rf"{printer.flat(row.left)} &= {words} \notag")
            continue
        shown = broken(row, printer, _BESIDE_TAG)
        lines += [rf"{line} \notag" for line in shown[:-1]]
        mark = rf"\tag{{{row.number}}}\label{{eq:{row.label}}}" if row.number else r"\notag"
        lines.append(f"{shown[-1]} {mark}")
    return "\\begin{align}\n" + " \\\\\n".join(lines) + "\n\\end{align}\n"
