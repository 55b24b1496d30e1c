"""Where in an array the wrong entries are: a block of gates, a row of a unit, everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from ..checking.places import label
from .probes import Comparison

_SHADES = " ░▒▓█"
_EDGES = (1e-6, 1e-3, 1e-1)
_WIDEST = 48
_MOST = 3


@dataclass(frozen=True, slots=True)
class HeatMap:
    """An array's relative errors, entry by entry, in one condition; 0 where an entry is right."""

    array: str
    case: str
    errors: tuple[tuple[float, ...], ...]

    def text(self) -> str:
        """Shaded blocks: ░ the first digits agree, █ nothing does, and · where the entry is right."""
        rows = ["".join(_shade(error) * 2 for error in row) for row in self.errors]
        return "\n".join([f"{self.array} ({self.case})", *(f"  {row}" for row in rows)])

    def html(self) -> str:
        """The same as a small table."""
        cells = (
            "<tr>" + "".join(f'<td style="background:{_colour(e)};width:1em;height:1em"></td>' for e in row) + "</tr>"
            for row in self.errors
        )
        return f"<figure><table>{''.join(cells)}</table><figcaption>{escape(self.array)}</figcaption></figure>"


def draw_heat(comparisons: Sequence[Comparison]) -> tuple[HeatMap, ...]:
    """Maps of the matrices that are wrong, at the smallest of the conditions that have more than one unit."""
    maps: dict[str, HeatMap] = {}
    small = sorted(comparisons, key=lambda c: sum(c.probe.point.dims.values()))
    for comparison in small:
        for key in comparison.wrong:
            computed = comparison.seen.get(key)
            if computed is None or key[0] != "params" or computed.ndim != 2 or computed.shape[1] * 2 > _WIDEST:
                continue
            expected = comparison.reference.values[key]
            scale = float(np.abs(expected).max(initial=0)) or 1.0
            errors = np.abs(computed - expected) / scale
            errors[errors <= np.sqrt(comparison.unit)] = 0.0
            rows = tuple(tuple(float(e) for e in row) for row in errors)
            maps.setdefault(label(key), HeatMap(label(key), comparison.probe.case, rows))
    return tuple(maps.values())[:_MOST]


def _shade(error: float) -> str:
    return "·" if not error else _SHADES[1 + sum(error > edge for edge in _EDGES)]


def _colour(error: float) -> str:
    return "#8884" if not error else f"rgba(214,40,40,{0.25 + 0.25 * sum(error > edge for edge in _EDGES):.2f})"
