"""Each mark of a panel as SVG, between two scales."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from .chart import Axis, Contours, Heat, Line, Rule, Stack
from .colours import part_of, ramp
from .contours import segments
from .scale import Scale, bars, edges, range_of

DASHES = {"solid": "", "dashed": ' stroke-dasharray="7 4"', "dotted": ' stroke-dasharray="1.5 3.5"'}


@dataclass(frozen=True, slots=True)
class Frame:
    """The two scales of a panel."""

    x: Scale
    y: Scale

    def at(self, x: float, y: float) -> str:
        return f"{self.x(x):.1f} {self.y(y):.1f}"

    def shows(self, x: float, y: float) -> bool:
        return self.x.shows(x) and self.y.shows(y)


def runs(frame: Frame, *columns: Sequence[float]) -> Iterator[list[tuple[float, ...]]]:
    """The stretches of a curve between its gaps; the first column is along x, all others along y."""
    run: list[tuple[float, ...]] = []
    for row in zip(*columns, strict=True):
        if frame.x.shows(row[0]) and all(map(frame.y.shows, row[1:])):
            run.append(row)
        elif run:
            yield run
            run = []
    if run:
        yield run


def draw_line(line: Line, frame: Frame, colour: int) -> Iterator[str]:
    """The band below, the curve above it; a number between two gaps is a point."""
    if line.band is not None:
        for run in runs(frame, line.xs, *line.band):
            there = [frame.at(x, high) for x, _, high in run]
            back = [frame.at(x, low) for x, low, _ in reversed(run)]
            yield f'<path class="band f{colour}" d="M{"L".join(there + back)}z"/>'
    for run in runs(frame, line.xs, line.ys):
        if len(run) == 1:
            x, y = run[0]
            yield f'<circle class="f{colour}" cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="2.5"/>'
        else:
            points = "L".join(frame.at(x, y) for x, y in run)
            yield f'<path class="curve s{colour}"{DASHES[line.style]} d="M{points}"/>'


def draw_stacks(stacks: Sequence[Stack], frame: Frame, colours: Sequence[int]) -> Iterator[str]:
    """All layers, one path each."""
    width = min((abs(b - a) for s in stacks for a, b in zip(s.xs, s.xs[1:], strict=False)), default=1.0)
    pieces: dict[int, list[str]] = {}
    for number, x, low, high in bars(stacks):
        left, right = frame.x(x - width / 2), frame.x(x + width / 2)
        top, bottom = frame.y(high), frame.y(low)
        pieces.setdefault(number, []).append(f"M{left:.1f} {top:.1f}H{right:.1f}V{bottom:.1f}H{left:.1f}z")
    for number, found in pieces.items():
        yield f'<path class="f{colours[number]}" d="{"".join(found)}"/>'


def draw_heat(heat: Heat, frame: Frame) -> str:
    """One picture element a number; gaps are left out."""
    lower, upper = range_of(Axis("", heat.log), (v for row in heat.rows for v in row))
    lines: list[bytes] = []
    for row in reversed(heat.rows):  # y grows upwards
        parts = [part_of(value, lower, upper, heat.log) for value in row]
        lines.append(b"".join(b"\0\0\0\0" if part is None else bytes((*ramp(part), 255)) for part in parts))
    (left, right), (low, high) = edges(heat.xs), edges(heat.ys)
    return _image(_png(len(heat.xs), lines), frame.x(left), frame.y(high), frame.x(right), frame.y(low))


def draw_bar(x: float, top: float, bottom: float, width: float) -> str:
    """The colours of a heat map from its smallest number, below, to its largest."""
    lines = [bytes((*ramp(1 - k / 63), 255)) for k in range(64)]
    return _image(_png(1, lines), x, top, x + width, bottom)


def draw_contours(mark: Contours, frame: Frame) -> Iterator[str]:
    for level in mark.levels:
        pieces = [f"M{frame.at(*a)}L{frame.at(*b)}" for a, b in segments(mark, level)]
        if pieces:
            yield f'<path class="contour" d="{"".join(pieces)}"><title>{level:g}</title></path>'


def draw_rule(rule: Rule, frame: Frame) -> Iterator[str]:
    """The line, and its label where it ends."""
    if rule.x is not None:
        x = frame.x(rule.x)
        anchor, shift = ("end", -4) if x > (frame.x.start + frame.x.end) / 2 else ("start", 4)
        yield f'<path class="rule" d="M{x:.1f} {frame.y.start:.1f}V{frame.y.end:.1f}"/>'
        place = f'x="{x + shift:.1f}" y="{frame.y.end + 12:.1f}"'
        yield f'<text class="note" {place} text-anchor="{anchor}">{escape(rule.label)}</text>'
    if rule.y is not None:
        y = frame.y(rule.y)
        yield f'<path class="rule" d="M{frame.x.start:.1f} {y:.1f}H{frame.x.end:.1f}"/>'
        place = f'x="{frame.x.end - 4:.1f}" y="{y - 4:.1f}"'
        yield f'<text class="note" {place} text-anchor="end">{escape(rule.label)}</text>'


def _image(png: bytes, left: float, top: float, right: float, bottom: float) -> str:
    return (
        f'<image x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" '
        f'preserveAspectRatio="none" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{b64encode(png).decode()}"/>'
    )


def _png(width: int, lines: Sequence[bytes]) -> bytes:
    """A picture of red, green, blue and opacity, a byte each."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, len(lines), 8, 6, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + line for line in lines), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
