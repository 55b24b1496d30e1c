"""The table of what was published: a line for each cell and network, with what it is made of and what speaks for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import sympy

from ..catalogue import read_catalogue, references_of
from ..derivation import derive
from ..equations import Cell, Network
from ..layouts import frameworks_of
from ..operations import BY_HEAD
from ..operations.entry import size_expr
from ..render import read_language
from ..render.pages.markdown import words_of
from ..sizes import Shape, show_shape
from .pages import INDEX, MARK, Page, Published


def index_page(models: Sequence[Cell | Network], published: Sequence[Published], lang: str = "en") -> Page:
    """A page of contents: the cells in tables, those of the zoo by family, and the networks, with links to their
    files."""
    phrases = read_language(lang).phrases
    lines = [f"<!-- {MARK} -->", f"# {phrases['index_title']}", phrases["index_intro"]]
    both = list(zip(models, published, strict=True))
    cells = [(model, item) for model, item in both if isinstance(model, Cell)]
    with_evidence = all(item.evidence is not None for item in published)
    catalogue = read_catalogue()
    rows: dict[str, list[str]] = {}
    for cell, item in cells:
        entry = catalogue.entries.get(cell.name)
        family = entry.family if entry is not None and cell.text in entry.page else ""
        rows.setdefault(family, []).append(_row(_fields(cell, item, with_evidence, phrases)))
    names = ["cell", "states", "parameters", "operations", "equations"]
    names += ["proof", "checks"] if with_evidence else []
    names += ["tested", "layouts"]
    for family, found in rows.items():
        if family:
            lines.append(f"## {catalogue.families[family].removesuffix('.')}")
        lines.append("\n".join([*_head(names, phrases), *found]))
    networks = [_row(_network_fields(model, item, phrases)) for model, item in both if isinstance(model, Network)]
    if networks:
        names = ["network", "blocks", "parameters", "equations", *(["proof", "checks"] if with_evidence else [])]
        lines.append(f"## {phrases['index_networks']}")
        lines.append("\n".join([*_head(names, phrases), *networks]))
    return Page(INDEX, ("\n\n".join(lines) + "\n").encode())


def _head(names: Sequence[str], phrases: Mapping[str, str]) -> Iterator[str]:
    yield _row(phrases[f"index_{name}"] for name in names)
    yield _row("---" for _ in names)


def _network_fields(network: Network, item: Published, phrases: Mapping[str, str]) -> Iterator[str]:
    yield _linked(network, item)
    yield ", ".join(f"{block.name}: {block.cell.name}" if block.scanned else block.name for block in network.blocks)
    yield _counted(network.params)
    yield f"{item.lines[0]} / {item.lines[1]}"
    yield from _evidence(item, phrases)


def _fields(cell: Cell, item: Published, with_evidence: bool, phrases: Mapping[str, str]) -> Iterator[str]:
    derivation = derive(cell)
    yield _linked(cell, item)
    yield ", ".join(f"{name} {show_shape(shape)}" for name, shape in cell.states.items())
    yield _counted(cell.params)
    yield ", ".join(operations_of(cell))
    yield f"{len(derivation.forward)} / {len(derivation.adjoints) + len(derivation.gradients)}"
    if with_evidence:
        yield from _evidence(item, phrases)
    yield ", ".join(references_of(cell.doc))
    yield ", ".join(frameworks_of(cell))


def _evidence(item: Published, phrases: Mapping[str, str]) -> Iterator[str]:
    """How much of a proof and of checks held, where there is one."""
    evidence = item.evidence
    pairs = ((evidence.proved, evidence.unproved), (evidence.agreeing, evidence.differing)) if evidence else ()
    yield from (phrases["index_of"].format(part=held, whole=held + failed) for held, failed in pairs)


def _linked(model: Cell | Network, item: Published) -> str:
    """The name with a link, the first line of the docstring, and links to all files."""
    names = [page.name for page in item.pages]
    first = next((name for name in names if name.endswith((".md", ".html", ".pdf"))), names[0])
    files = ", ".join(f"[{name.removeprefix(model.name + '.')}]({name})" for name in names)
    summary = words_of(model.doc.strip().split("\n")[0])
    return "<br>".join(part for part in (f"[{model.name}]({first})", summary, files) if part)


def _counted(params: Mapping[str, Shape]) -> str:
    # names of sizes that are longer than a letter need a sign between them
    sign = "·" if any("." in name for shape in params.values() for size in shape for name in size.names) else ""
    return f"{len(params)}: {count_entries(params.values(), sign)}" if params else "0"


def _row(fields: Iterable[str]) -> str:
    return "| " + " | ".join(re.sub(r"(?<!\\)\|", r"\|", field) for field in fields) + " |"


def count_entries(shapes: Iterable[Shape], sign: str = "") -> str:
    """How many numbers arrays of these shapes hold, in symbols: `4n(m + n + 1)`."""
    count = sympy.factor(sympy.Add(*(sympy.Mul(*map(size_expr, shape)) for shape in shapes)))
    return re.sub(r"\*\*(\d)", lambda power: "⁰¹²³⁴⁵⁶⁷⁸⁹"[int(power[1])], str(count)).replace("*", sign)


def operations_of(cell: Cell) -> tuple[str, ...]:
    """The operations of the forward equations beyond + − * /, in the order in which they come."""
    found: dict[str, None] = {}
    for equation in cell.equations:
        for part in sympy.preorder_traversal(equation.expr):
            if type(part) in BY_HEAD:
                found.setdefault(BY_HEAD[type(part)].name)
    return tuple(found)
