"""What takes part in a measurement: a training step that is ready to run, or the reason why somebody is absent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .problem import Array, Key, Problem


@dataclass(frozen=True, slots=True, eq=False)
class Rival:
    """One training step, ready to run any number of times; `results` reads outputs and gradients off what it returns.

    `results` is None where only the cost is meant, as for the bare products.
    """

    run: Callable[[], Any]
    results: Callable[[Any], dict[Key, Array]] | None


@dataclass(frozen=True, slots=True)
class Absent:
    """Why somebody does not take part."""

    reason: str


Prepare = Callable[[Problem], Rival | Absent]
