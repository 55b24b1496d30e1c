"""The arguments of the Python surface: each is checked where it comes in, and what is wrong is said of it by name."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection, Mapping
from numbers import Real
from typing import Any, TypeVar

from .errors import OptionError, nearest, shorten

T = TypeVar("T")

# What NumPy can count, and no more: sizes and steps beyond that are slips.
LARGEST = 2**63 - 1


def whole(name: str, value: Any, least: int = 0, most: int = LARGEST) -> int:
    """A whole number within bounds, NumPy's included; True is none."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or not least <= number <= most:
        bounds = f"of at least {least}" if number is None or number < least else f"of at most {most}"
        raise wrong(name, f"a whole number {bounds}", value)
    return number


def number(name: str, value: Any) -> float:
    """A finite number."""
    found = _float(value)
    if not math.isfinite(found):
        raise wrong(name, "a finite number", value)
    return found


def real(name: str, value: Any) -> float:
    """A finite number above zero."""
    found = _float(value)
    if not math.isfinite(found) or found <= 0:
        raise wrong(name, "a finite number above 0", value)
    return found


def _float(value: Any) -> float:
    try:
        return float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return math.inf


def choice(name: str, value: Any, known: Collection[str]) -> str:
    """One of the known words."""
    if not isinstance(value, str) or value not in known:
        meant = nearest(value, list(known)) if isinstance(value, str) else ""
        raise wrong(name, f"one of {', '.join(map(repr, known))}", value, meant)
    return value


def sizes(name: str, value: Any) -> dict[str, int]:
    """Sizes by the names of dimensions; None is none."""
    given = instance(name, {} if value is None else value, Mapping, "a dict of sizes such as {'n': 4}")
    return {dim: whole(f"{name}[{dim!r}]", size, 1) for dim, size in given.items()}


def instance(name: str, value: Any, kind: type[T] | tuple[type[T], ...], wanted: str) -> T:
    """A value of a type; `wanted` says in words what that is."""
    if not isinstance(value, kind):
        raise wrong(name, wanted, value)
    return value


def wrong(name: str, wanted: str, value: Any, mend: str = "") -> OptionError:
    """The error that says what an argument is, and what was given."""
    return OptionError(f"`{name}` is {wanted}, not {_shown(value)}" + (f"; {mend}" if mend else ""))


def _shown(value: Any) -> str:
    try:
        text = shorten(repr(value))
    except Exception:  # a number of ten thousand digits, or a repr that raises
        text = "what cannot be shown"
    return text if value is None else f"{text} ({type(value).__name__})"
