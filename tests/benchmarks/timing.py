"""How it is measured: in turns, so that whatever else the machine does hits everybody, and medians of ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

TURN = 0.01
"""Seconds that one turn lasts at least: short steps are run several times in it."""


def in_turns(runs: Mapping[str, Callable[[], Any]], rounds: int, turn: float = TURN) -> dict[str, list[float]]:
    """Seconds a run takes, by name and round: A B C A B C …, each turn opening with a run that is not counted, so that
    caches and threads are its own again."""
    counts: dict[str, int] = {}
    for name, run in runs.items():
        run()
        counts[name] = max(1, round(turn / max(_seconds(run, 1), 1e-9)))
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            run()
            times[name].append(_seconds(run, counts[name]))
    return times


def ratio(mine: list[float], theirs: list[float]) -> float:
    """The median over the rounds of how many times as long ours takes."""
    return statistics.median(a / b for a, b in zip(mine, theirs, strict=True))


def median_seconds(run: Callable[[], Any], rounds: int) -> float:
    return statistics.median(_seconds(run, 1) for _ in range(rounds))


def _seconds(run: Callable[[], Any], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        run()
    return (time.perf_counter() - start) / count
