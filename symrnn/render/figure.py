"""The cell as a graph of its equations, drawn as SVG: layers from left to right, few crossings, no tool needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from ..derivation import Derivation
from ..equations.shapes import names_in
from .languages import Language
from .names import Name, Naming
from .printers.text import TextPrinter

LARGEST = 60
"""More equations than this make no figure that anybody reads."""
_COLUMN, _ROW, HALF_WIDTH, HALF_HEIGHT, _MARGIN = 104, 46, 32, 15, 40


@dataclass(frozen=True, slots=True)
class Node:
    """A box of the graph: an input or a previous state (without a number), or an equation."""

    key: str
    name: Name
    number: int | None
    role: str


@dataclass(frozen=True, slots=True)
class Figure:
    """The drawing, and what it says in words."""

    svg: str
    alternative: str


def draw_figure(derivation: Derivation, naming: Naming, language: Language) -> Figure | None:
    """The graph of the forward equations, or None where it would be too large to read."""
    if len(derivation.forward) > LARGEST:
        return None
    nodes, sources = _graph(derivation, naming)
    words = _in_words(derivation, nodes, sources, language)
    places, bends = _place(nodes, sources)
    return Figure(_svg(nodes, sources, places, bends, words), words)


def _graph(derivation: Derivation, naming: Naming) -> tuple[dict[str, Node], dict[str, list[str]]]:
    program = derivation.cell.program
    last = {state.new for state in program.states}
    nodes: dict[str, Node] = {}
    for name in program.inputs:
        nodes[name] = Node(name, naming(name), None, "input")
    for state in program.states:
        nodes[state.previous] = Node(state.previous, naming(state.previous), None, "previous")
    sources: dict[str, list[str]] = {name: [] for name in nodes}
    for equation in derivation.forward:
        role = "state" if equation.name in last else "output" if equation.name in program.outputs else "value"
        nodes[equation.name] = Node(equation.name, naming(equation.name), equation.number, role)
        read = names_in(equation.expr)
        sources[equation.name] = [name for name in nodes if name in read]
    return nodes, sources


def _in_words(
    derivation: Derivation, nodes: Mapping[str, Node], sources: Mapping[str, list[str]], language: Language
) -> str:
    text = TextPrinter()
    phrases = language.phrases
    lines = [
        phrases["figure_line"].format(
            name=text.name(nodes[key].name), sources=phrases["comma"].join(text.name(nodes[s].name) for s in read)
        )
        for key, read in sources.items()
        if read
    ]
    return phrases["figure_alt"].format(name=derivation.cell.name, lines=" ".join(lines)).strip()


# Layers, order, places -------------------------------------------------------------------------------------------

Point = tuple[float, float]


def _place(
    nodes: Mapping[str, Node], sources: Mapping[str, list[str]]
) -> tuple[dict[str, Point], dict[tuple[str, str], list[Point]]]:
    """Where each box stands, and the points that each long arrow passes between boxes."""
    layer: dict[str, int] = {}
    for key in nodes:
        layer[key] = 1 + max((layer[source] for source in sources[key]), default=-1)
    users: dict[str, list[str]] = {key: [] for key in nodes}
    for key, read in sources.items():
        for source in read:
            users[source].append(key)
    # A long arrow has an invisible box in every layer that it passes.
    columns: list[list[str]] = [[] for _ in range(max(layer.values(), default=0) + 1)]
    above: dict[str, list[str]] = {}
    chains: dict[tuple[str, str], list[str]] = {}
    for key in nodes:
        columns[layer[key]].append(key)
        above.setdefault(key, [])
        for source in sources[key]:
            chain = [f"{source}>{key}@{level}" for level in range(layer[source] + 1, layer[key])]
            chains[source, key] = chain
            for step, level in zip(chain, range(layer[source] + 1, layer[key]), strict=True):
                columns[level].append(step)
            for before, after in zip([source, *chain], [*chain, key], strict=True):
                above.setdefault(after, []).append(before)
    below: dict[str, list[str]] = {key: [] for column in columns for key in column}
    for after, befores in above.items():
        for before in befores:
            below[before].append(after)
    order = _uncrossed(columns, above, below)
    tallest = max(map(len, order), default=1)
    places: dict[str, Point] = {}
    for level, column in enumerate(order):
        offset = (tallest - len(column)) / 2
        for place, key in enumerate(column):
            places[key] = (_MARGIN + level * _COLUMN, _MARGIN / 2 + (offset + place + 0.5) * _ROW)
    bends = {edge: [places[step] for step in chain] for edge, chain in chains.items()}
    return places, bends


def _uncrossed(
    columns: list[list[str]], above: Mapping[str, list[str]], below: Mapping[str, list[str]]
) -> list[list[str]]:
    """The columns, each ordered by the mean place of its neighbours, left to right and back, as often as it helps."""
    best, fewest = columns, _crossings(columns, below)
    order = columns
    for sweep in range(12):
        neighbours = above if sweep % 2 == 0 else below
        levels = range(1, len(order)) if sweep % 2 == 0 else range(len(order) - 2, -1, -1)
        order = [list(column) for column in order]
        for level in levels:
            beside = order[level - 1] if sweep % 2 == 0 else order[level + 1]
            # places are counted from the middle, as the columns are centred
            index = {key: place - len(beside) / 2 for place, key in enumerate(beside)}
            own = {key: place - len(order[level]) / 2 for place, key in enumerate(order[level])}

            means: dict[str, float] = {}
            for key in order[level]:
                near = [index[other] for other in neighbours[key] if other in index]
                means[key] = sum(near) / len(near) if near else own[key]
            order[level].sort(key=means.__getitem__)
        count = _crossings(order, below)
        if count < fewest:
            best, fewest = [list(column) for column in order], count
    return best


def _crossings(columns: list[list[str]], below: Mapping[str, list[str]]) -> int:
    count = 0
    for left, right in pairwise(columns):
        index = {key: place for place, key in enumerate(right)}
        edges = [(place, index[after]) for place, key in enumerate(left) for after in below[key]]
        count += sum((a - c) * (b - d) < 0 for k, (a, b) in enumerate(edges) for c, d in edges[k + 1 :])
    return count


# The drawing -------------------------------------------------------------------------------------------------------

_STYLE = (
    ".symrnn-graph{--ink:#1f2328;--line:#6e7781;--box:#f6f8fa;--in:#ddf4ff;--state:#fff8c5}"
    "@media(prefers-color-scheme:dark){"
    ".symrnn-graph{--ink:#e6edf3;--line:#8b949e;--box:#21262d;--in:#0c2d4a;--state:#3a2f00}}"
    ".symrnn-graph text{fill:var(--ink);font:italic 15px 'STIX Two Math','Latin Modern Math','Cambria Math',serif;"
    "text-anchor:middle;dominant-baseline:central}.symrnn-graph .n{font:10px sans-serif;fill:var(--line)}"
    ".symrnn-graph rect{stroke:var(--line);fill:var(--box)}"
    ".symrnn-graph .input rect,.symrnn-graph .previous rect{fill:var(--in)}"
    ".symrnn-graph .state rect,.symrnn-graph .output rect{fill:var(--state)}"
    ".symrnn-graph path{fill:none;stroke:var(--line)}"
    ".symrnn-graph marker path{fill:var(--line);stroke:none}"
)
_VARIABLE = re.compile(r"(--[\w-]+):([^;}]+)")


def on_paper(svg: str) -> str:
    """A drawing or a chart for a renderer that knows no variables of CSS: light, each colour written out."""
    start = svg.index("<style>")
    end = svg.index("</style>")
    style = svg[start:end]
    style = style[: style.index("@media")] + style[style.index("}}") + 2 :]
    for variable, colour in _VARIABLE.findall(style):
        style = style.replace(f"var({variable})", colour)
    return svg[:start] + style + svg[end:]


def _svg(
    nodes: Mapping[str, Node],
    sources: Mapping[str, list[str]],
    places: Mapping[str, Point],
    bends: Mapping[tuple[str, str], list[Point]],
    words: str,
) -> str:
    width = max(x for x, _ in places.values()) + _MARGIN
    height = max(y for _, y in places.values()) + _MARGIN / 2 + _ROW / 2
    parts = [
        arrow(_curve(places[source], bends[source, key], places[key]))
        for key, read in sources.items()
        for source in read
    ]
    for key, node in nodes.items():
        x, y = places[key]
        parts.append(box(x, y, node.name, node.role, note=f"({node.number})" if node.number else ""))
    return page(width, height, words, parts)


def page(width: float, height: float, words: str, parts: Iterable[str]) -> str:
    """A drawing of a size, with what it says in words."""
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="symrnn-graph" role="img" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}">',
        f"<title>{escape(words)}</title><style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0.5 8 4 0 7.5z"/></marker></defs>',
    ]
    return "".join([*head, *parts]) + "</svg>\n"


def arrow(path: str) -> str:
    return f'<path marker-end="url(#tip)" d="{path}"/>'


def box(x: float, y: float, name: Name, role: str, *, half: float = HALF_WIDTH, note: str = "") -> str:
    """A box around a name, with a note at its upper right corner."""
    drawn = f'<rect x="{x - half:g}" y="{y - HALF_HEIGHT:g}" width="{2 * half:g}" height="{2 * HALF_HEIGHT}" rx="6"/>'
    if role == "state":
        drawn += (
            f'<rect x="{x - half + 3:g}" y="{y - HALF_HEIGHT + 3:g}" width="{2 * half - 6:g}" '
            f'height="{2 * HALF_HEIGHT - 6}" rx="4"/>'
        )
    label = f'<text x="{x:g}" y="{y:g}">{_label(name)}</text>'
    beside = f'<text class="n" x="{x + half - 2:g}" y="{y - HALF_HEIGHT - 6:g}">{escape(note)}</text>' if note else ""
    return f'<g class="{role}">{drawn}{label}{beside}</g>'


def _curve(start: Point, bends: list[Point], end: Point) -> str:
    """From box to box: straight through the columns that it passes, where it has a row of its own, and curved in the
    gaps between columns, where no box stands."""
    commands = [f"M{start[0] + HALF_WIDTH:g} {start[1]:g}"]
    for (x0, y0), (x1, y1) in pairwise([start, *bends, end]):
        left, right = x0 + HALF_WIDTH, x1 - HALF_WIDTH
        middle = (left + right) / 2
        passed = f"H{left:g}" if (x0, y0) != start else ""
        commands.append(f"{passed}C{middle:g} {y0:g} {middle:g} {y1:g} {right:g} {y1:g}")
    return "".join(commands)


_ACCENTS = {"bar": "\u0304", "tilde": "\u0303", "hat": "\u0302", "dot": "\u0307"}


def _label(name: Name) -> str:
    """A name with its index set lower, or its time higher."""
    low = list(name.subscripts)
    base = name.base + "".join(_ACCENTS[accent] for accent in name.accents) + "′" * name.primes
    high = f"({name.layer})" if name.layer else ""
    if name.time:
        shown = name.time.replace("-", "−")
        if name.raised:
            high = f"{high},{shown}" if high else shown
        else:
            low.append(shown)
    index = f'<tspan font-size="11" dy="4">{escape(",".join(low))}</tspan>' if low else ""
    back = f'<tspan font-size="11" dy="{-10 if low else -6}">{escape(high)}</tspan>' if high else ""
    return escape(base) + index + back
