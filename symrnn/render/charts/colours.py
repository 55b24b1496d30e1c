"""Colours that readers who see fewer tell apart, and that a grey print keeps in order."""

from __future__ import annotations

import math

from .scale import has_place

SERIES = ("#0072b2", "#d55e00", "#009e73", "#aa4c87", "#b87f00", "#3a9ad9", "#6e7781")
"""Those of Okabe and Ito, the lighter ones darkened for white paper."""
DARK = ("#56b4e9", "#ff9147", "#2fd0a2", "#e79bc8", "#f0b429", "#9ad1f5", "#9198a1")
"""The same on a dark page."""

# Points of matplotlib's viridis, from dark to light.
_RAMP = (
    (68, 1, 84), (71, 45, 123), (59, 82, 139), (44, 114, 142), (33, 145, 140),
    (40, 174, 128), (94, 201, 98), (173, 220, 48), (253, 231, 37),
)  # fmt: skip


def ramp(part: float) -> tuple[int, int, int]:
    """A colour for a number from 0 to 1."""
    place = min(max(part, 0.0), 1.0) * (len(_RAMP) - 1)
    k = min(int(place), len(_RAMP) - 2)
    red, green, blue = (round(a + (b - a) * (place - k)) for a, b in zip(_RAMP[k], _RAMP[k + 1], strict=True))
    return red, green, blue


def part_of(value: float, lower: float, upper: float, log: bool) -> float | None:
    """Where a number lies between two others; None for a gap."""
    if not has_place(value, log):
        return None
    if log:
        value, lower, upper = math.log10(value), math.log10(lower), math.log10(upper)
    return (value - lower) / (upper - lower)
