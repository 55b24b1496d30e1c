"""The table of what was published: a line for each cell, with what it is made of and what speaks for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import sympy

from ..catalogue import read_catalogue, references_of
from ..derivation import derive
from ..equations import Cell
from ..layouts import frameworks_of
from ..operations import BY_HEAD
from ..operations.entry import size_expr
from ..render import read_language
from ..render.pages.markdown import words_of
from ..sizes import Shape, show_shape
from .pages import MARK, Page, Published


def index_page(cells: Sequence[Cell], published: Sequence[Published], lang: str = "en") -> Page:
    """A page of contents: the cells in tables, those of the zoo by family, with links to their files."""
    phrases = read_language(lang).phrases
    lines = [f"<!-- {MARK} -->", f"# {phrases['index_title']}", phrases["index_intro"]]
    with_evidence = all(item.evidence is not None for item in published)
    catalogue = read_catalogue()
    rows: dict[str, list[str]] = {}
    for cell, item in zip(cells, published, strict=True):
        entry = catalogue.entries.get(cell.name)
        family = entry.family if entry is not None and cell.text in entry.page else ""
        rows.setdefault(family, []).append(_row(_fields(cell, item, with_evidence, phrases)))
    names = ["cell", "states", "parameters", "operations", "equations"]
    names += ["proof", "checks"] if with_evidence else []
    names += ["tested", "layouts"]
    head = _row(phrases[f"index_{name}"] for name in names) + "\n" + _row("---" for _ in names)
    for family, found in rows.items():
        if family:
            lines.append(f"## {catalogue.families[family].removesuffix('.')}")
        lines.append("\n".join([head, *found]))
    return Page("README.md", ("\n\n".join(lines) + "\n").encode())


def _fields(cell: Cell, item: Published, with_evidence: bool, phrases: Mapping[str, str]) -> Iterator[str]:
    derivation = derive(cell)
    names = [page.name for page in item.pages]
    first = next((name for name in names if name.endswith((".md", ".html", ".pdf"))), names[0])
    files = ", ".join(f"[{name.removeprefix(cell.name + '.')}]({name})" for name in names)
    summary = words_of(cell.doc.strip().split("\n")[0])
    yield "<br>".join(part for part in (f"[{cell.name}]({first})", summary, files) if part)
    yield ", ".join(f"{name} {show_shape(shape)}" for name, shape in cell.states.items())
    yield f"{len(cell.params)}: {count_entries(cell.params.values())}" if cell.params else "0"
    yield ", ".join(operations_of(cell))
    yield f"{len(derivation.forward)} / {len(derivation.adjoints) + len(derivation.gradients)}"
    if with_evidence:
        evidence = item.evidence
        pairs = ((evidence.proved, evidence.unproved), (evidence.agreeing, evidence.differing)) if evidence else ()
        yield from (phrases["index_of"].format(part=held, whole=held + failed) for held, failed in pairs)
    yield ", ".join(references_of(cell.doc))
    yield ", ".join(frameworks_of(cell))


def _row(fields: Iterable[str]) -> str:
    return "| " + " | ".join(re.sub(r"(?<!\\)\|", r"\|", field) for field in fields) + " |"


def count_entries(shapes: Iterable[Shape]) -> str:
    """How many numbers arrays of these shapes hold, in symbols: `4n(m + n + 1)`."""
    count = sympy.factor(sympy.Add(*(sympy.Mul(*map(size_expr, shape)) for shape in shapes)))
    return re.sub(r"\*\*(\d)", lambda power: "⁰¹²³⁴⁵⁶⁷⁸⁹"[int(power[1])], str(count)).replace("*", "")


def operations_of(cell: Cell) -> tuple[str, ...]:
    """The operations of the forward equations beyond + − * /, in the order in which they come."""
    found: dict[str, None] = {}
    for equation in cell.equations:
        for part in sympy.preorder_traversal(equation.expr):
            if type(part) in BY_HEAD:
                found.setdefault(BY_HEAD[type(part)].name)
    return tuple(found)
