"""The network unrolled over three steps: a row for each block, a column for each step, arrows for what is read.

Every time axis has its three columns; what is one value a sequence stands in a column between them. Boxes that share a
column have rows of their own, in the order in which they are computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...equations import Block, Network, Wire
from ...language.wiring import EACH, has_steps
from ..figure import HALF_HEIGHT, HALF_WIDTH, Figure, arrow, box, page
from ..languages import Language
from ..names import Name
from ..printers.text import TextPrinter
from .moments import NOW
from .names import NetworkNames

LARGEST = 24
"""More rows than this make no figure that anybody reads."""
_ROW, _MARGIN, _GAP, _LANE = 62, 26, 52, 13
_STEPS = (-1, 0, 1)

Place = tuple[str, int]
"""What a box holds, and the step that it belongs to: −1, 0, 1, or 0 for one value a sequence."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """From a box to a box; None stands for the step before the first one, or behind the last."""

    start: Place | None
    end: Place | None


def draw_network(network: Network, names: NetworkNames, language: Language) -> Figure | None:
    """The unrolled network, or None where it would be too large to read."""
    if len(network.blocks) + len(network.arguments) > LARGEST:
        return None
    plan = _Unrolled(network, names)
    plan.run()
    return Figure(plan.drawn(language), plan.in_words(language))


@dataclass(slots=True)
class _Unrolled:
    """Boxes by what they hold, and the arrows between them."""

    network: Network
    names: NetworkNames
    axis: dict[str, str] = field(default_factory=dict[str, str])
    row: dict[str, int] = field(default_factory=dict[str, int])
    slot: dict[str, int] = field(default_factory=dict[str, int])
    role: dict[str, str] = field(default_factory=dict[str, str])
    label: dict[str, str] = field(default_factory=dict[str, str])
    note: dict[str, str] = field(default_factory=dict[str, str])
    arrows: list[Arrow] = field(default_factory=list[Arrow])
    maker: dict[str, str] = field(default_factory=dict[str, str])

    def run(self) -> None:
        network = self.network
        drawn = [name for name, a in network.arguments.items() if a.given not in ("lengths", "constant", "mask")]
        late = [name for name in drawn if self._readers(name) == {network.blocks[-1].name}]
        late = late if set(drawn) - set(late) else []
        for name in drawn:
            if name not in late:
                self._add(name, network.axes[name], "input", name, [])
        for step in network.steps:
            if isinstance(step, Block):
                self._block(step, late if step is network.blocks[-1] else [])
            elif step.way not in ("steps", "places") and step.name not in self.names.inner:
                self._add(step.name, network.axes[step.name], "value", step.name, [step.of])
                self._read(step.name, step.name, [step.of])
        if network.loss is not None:
            self._add("loss of all", EACH, "output", "", [network.loss])
            self._read("loss of all", "", [network.loss], every=True)

    # Boxes --------------------------------------------------------------------------------------------------

    def _readers(self, value: str) -> set[str]:
        """The boxes that read a value."""
        found: set[str] = set()
        for step in self.network.steps:
            if isinstance(step, Block):
                found |= {step.name} if value in (*step.inputs.values(), *step.init.values()) else set()
            elif step.of == value:
                found |= self._readers(step.name) if step.name in self.names.inner else {step.name}
        return found

    def _block(self, block: Block, late: list[str]) -> None:
        value = next(iter(block.outputs.values()))
        value = value if block.scanned else block.name
        read = [v for v in block.inputs.values() if self._boxes(v)]
        self._add(block.name, block.axis, "state" if block.scanned else "value", value, [*read, *block.init.values()])
        for name in late:  # what the last block alone reads, targets say, stands above it
            self._add(name, self.network.axes[name], "input", name, [block.name])
        read += [v for v in block.inputs.values() if v not in read and self._boxes(v)]
        for made in (*block.outputs.values(), *block.finals.values()):
            self.maker[made] = block.name
        if block.scanned:
            self.note[block.name] = block.cell.name
            forward = [(k, k + 1) for k in _STEPS[:-1]]
            ends: list[tuple[Place | None, Place | None]] = [((block.name, a), (block.name, b)) for a, b in forward]
            begins = [] if block.init else [(None, (block.name, -1))]
            ends = [*begins, *ends, ((block.name, 1), None)]
            if block.reverse:
                ends = [(_mirrored(start), _mirrored(end)) for start, end in ends]
            self.arrows += [Arrow(start, end) for start, end in ends]
            for value in block.init.values():
                for start in self._boxes(value):
                    self.arrows.append(Arrow(start, (block.name, 1 if block.reverse else -1)))
        self._read(block.name, value, read)

    def _add(self, key: str, axis: str, role: str, value: str, read: list[str]) -> None:
        self.maker.setdefault(key, key)
        self.axis[key], self.role[key], self.label[key] = axis, role, value
        sources = [place for value in read for place in self._boxes(value)]
        self.slot[key] = self._slot(key, axis, sources)
        lowest = 1 + max((self.row[source] for source, _ in sources), default=-1)
        below = [row + 1 for other, row in self.row.items() if self.slot[other] == self.slot[key]]
        own = max([lowest, *below]) if role != "input" else lowest
        while any(self.row[other] == own and self.slot[other] == self.slot[key] for other in self.row):
            own += 1
        self.row[key] = own

    def _slot(self, key: str, axis: str, sources: list[Place]) -> int:
        """Axes have odd places from left to right, one value a sequence an even place behind what it is made of."""
        if has_steps(axis):
            known = {self.axis[other]: slot for other, slot in self.slot.items() if slot % 2}
            return known.get(axis, 2 * len(known) + 1)
        behind = [self.slot[source] for source, _ in sources]
        return max((slot + slot % 2 for slot in behind), default=0)

    # Arrows -------------------------------------------------------------------------------------------------

    def _boxes(self, value: str, step: int = 0) -> list[Place]:
        """The boxes where a value comes from, as the reader in a column sees it."""
        for wire in self.network.steps:
            if isinstance(wire, Wire) and wire.name == value:
                if wire.way in ("steps", "places"):
                    return []
                if value in self.names.inner or value not in self.axis:
                    return self._wired(wire, step)
        if value not in self.maker:
            return []
        key = self.maker[value]
        if not has_steps(self.axis[key]):
            return [(key, 0)]
        block = next((b for b in self.network.blocks if b.name == key), None)
        if block is not None and value in block.finals.values():
            return [(key, -1 if block.reverse else 1)]
        return [(key, step)] if step in _STEPS else []

    def _wired(self, wire: Wire, step: int) -> list[Place]:
        match wire.way:
            case "last":
                return self._boxes(wire.of, 1)
            case "first":
                return self._boxes(wire.of, -1)
            case "embed" | "one_hot":
                return self._boxes(wire.of, step)
            case "shift":
                return self._boxes(wire.of, step - 1)
            case "reverse":
                return self._boxes(wire.of, -step)
            case _:
                return [place for k in _STEPS for place in self._boxes(wire.of, k)]

    def _read(self, key: str, value: str, read: list[str], *, every: bool = False) -> None:
        wire = next((w for w in self.network.steps if isinstance(w, Wire) and w.name == value and w.name == key), None)
        steps = _STEPS if has_steps(self.axis[key]) else (0,)
        for step in steps:
            for source in read:
                if wire is not None:
                    starts = self._wired(wire, step)
                else:
                    starts = [place for k in (_STEPS if every else (step,)) for place in self._boxes(source, k)]
                self.arrows += [Arrow(start, (key, step)) for start in dict.fromkeys(starts)]

    # The drawing --------------------------------------------------------------------------------------------

    def _name(self, place: Place) -> Name:
        key, step = place
        return self.names.at(self.label[key], NOW.later(step)) if self.label[key] else Name("L")

    def drawn(self, language: Language) -> str:
        widths = {slot: self._half(slot) for slot in sorted(set(self.slot.values()))}
        left: dict[int, float] = {}
        x = float(_MARGIN)
        for slot, half in widths.items():
            left[slot] = x + half + (_GAP / 2 if slot % 2 else 0)
            x += (2 * half + _GAP) * (3 if slot % 2 else 1)
        height = _MARGIN * 2 + _ROW * max(self.row.values(), default=0) + 2 * HALF_HEIGHT
        where: dict[Place, tuple[float, float, float]] = {}
        for key, slot in self.slot.items():
            half = widths[slot]
            for column, step in enumerate(_STEPS if slot % 2 else (0,)):
                y = height - _MARGIN - HALF_HEIGHT - _ROW * self.row[key]
                where[key, step] = (left[slot] + column * (2 * half + _GAP), y, half)
        parts = [arrow(self._path(one, where)) for one in dict.fromkeys(self.arrows)]
        parts += [
            box(x, y, self._name(place), self.role[place[0]], half=half, note=self.note.get(place[0], ""))
            for place, (x, y, half) in where.items()
        ]
        return page(x - _GAP / 2 + _MARGIN / 2, height, self.in_words(language), parts)

    def _half(self, slot: int) -> float:
        """Half the width of the boxes in a slot: the longest name has room."""
        longest = max(
            _width(self._name((key, step))) for key, own in self.slot.items() if own == slot for step in _STEPS
        )
        return max(float(HALF_WIDTH), longest / 2 + 9)

    def _path(self, one: Arrow, where: Mapping[Place, tuple[float, float, float]]) -> str:
        if one.start is None or one.end is None:
            x, y, half = where[one.end or one.start or ("", 0)]
            right = (one.end or one.start or ("", 0))[1] > 0
            edge, away = (x + half, x + half + _GAP / 2) if right else (x - half, x - half - _GAP / 2)
            begin, stop = (away, edge) if one.start is None else (edge, away)
            return f"M{begin:g} {y:g}H{stop:g}"
        (x0, y0, half0), (x1, y1, half1) = where[one.start], where[one.end]
        if y0 == y1:
            begin, stop = (x0 + half0, x1 - half1) if x0 < x1 else (x0 - half0, x1 + half1)
            return f"M{begin:g} {y0:g}H{stop:g}"
        top, bottom = y0 - HALF_HEIGHT, y1 + HALF_HEIGHT
        if y0 < y1 and x0 == x1:
            return f"M{x0:g} {y0 + HALF_HEIGHT:g}V{y1 - HALF_HEIGHT:g}"
        if x0 == x1 and not self._between(one, where):
            return f"M{x0:g} {top:g}V{bottom:g}"
        if x0 == x1:  # along the side of the boxes that stand between
            lane, begin, stop = x0 + half0 + _LANE, x0 + half0 / 2, x1 + half1 / 2
            return (
                f"M{begin:g} {top:g}C{begin:g} {top - 16:g} {lane:g} {top - 4:g} {lane:g} {top - 24:g}"
                f"V{bottom + 22:g}C{lane:g} {bottom + 4:g} {stop:g} {bottom + 14:g} {stop:g} {bottom:g}"
            )
        if y0 - y1 > 1.5 * _ROW:  # in the gap above the start to a lane beside the end, and up there
            lane = x1 + (half1 + _LANE) * (-1 if x0 < x1 else 1)
            return (
                f"M{x0:g} {top:g}C{x0:g} {top - 14:g} {x0:g} {top - 14:g} {(x0 + lane) / 2:g} {top - 16:g}"
                f"S{lane:g} {top - 12:g} {lane:g} {top - 28:g}"
                f"V{bottom + 24:g}C{lane:g} {bottom + 4:g} {x1:g} {bottom + 16:g} {x1:g} {bottom:g}"
            )
        middle = (top + bottom) / 2
        return f"M{x0:g} {top:g}C{x0:g} {middle:g} {x1:g} {middle:g} {x1:g} {bottom:g}"

    def _between(self, one: Arrow, where: Mapping[Place, tuple[float, float, float]]) -> bool:
        assert one.start is not None
        assert one.end is not None
        (x, low, _), (_, high, _) = where[one.start], where[one.end]
        return any(own[0] == x and high < own[1] < low for own in where.values())

    def in_words(self, language: Language) -> str:
        """What the arrows into the middle column say."""
        text, phrases = TextPrinter(), language.phrases
        lines: list[str] = []
        for key in self.axis:
            sources = [one.start for one in self.arrows if one.end == (key, 0) and one.start is not None]
            if sources:
                shown = phrases["comma"].join(text.name(self._name(place)) for place in dict.fromkeys(sources))
                lines.append(phrases["figure_line"].format(name=text.name(self._name((key, 0))), sources=shown))
        return phrases["network_figure_alt"].format(name=self.network.name, lines=" ".join(lines)).strip()


def _mirrored(place: Place | None) -> Place | None:
    return place and (place[0], -place[1])


def _width(name: Name) -> float:
    """About how wide a name is drawn."""
    raised = len(f"({name.layer})") if name.layer else 0
    low = sum(len(part) + 1 for part in name.subscripts) + len(name.time)
    return 8.0 * len(name.base) + 5.5 * (low + raised)
