"""What a gradient checker says of a claimed gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .trials import Trial

Opinion = Callable[[Trial], float]
"""How strongly a gradient is objected to: above the checker's limit, it is called wrong."""


@dataclass(frozen=True, slots=True)
class Checker:
    """An opinion and the limit above which it objects. One that gives a distance and leaves the limit to its caller
    has None: it is then granted the best one there is, the largest distance that right code shows in all trials.
    `most` is how many trials of a sort it is asked about, where it takes seconds for each."""

    opinion: Opinion
    limit: float | None = 0.5
    most: int | None = None
