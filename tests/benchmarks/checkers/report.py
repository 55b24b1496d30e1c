"""Everybody judges the same trials; the table says what each found, and how long a verdict took."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from symrnn.errors import OptionError

from ..rival import Absent
from .checker import Checker
from .checkers import checkers
from .trials import ONE_ENTRY, RIGHT, SORTS, Trial, plant, right_trial

# Over the largest distance that right code shows: planted errors of 1e-12 move that one too.
_SLACK = 1.01


@dataclass(frozen=True, slots=True)
class Record:
    """One checker: the share of the trials of each sort that it calls wrong, and its median processor seconds for a
    verdict, by sort."""

    name: str
    shares: Mapping[str, float]
    seconds: Mapping[str, float]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--trials", type=int, default=200, help="of each sort (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the trials (default: %(default)s)")


def report(options: argparse.Namespace) -> Iterator[str]:
    """The lines of the table, as they are measured."""
    if options.trials < 1:
        raise OptionError(f"--trials is at least 1, not {options.trials}")
    yield from table(options.trials, options.seed, checkers())


def table(trials: int, seed: int, everybody: Mapping[str, Checker | Absent]) -> Iterator[str]:
    """A row a checker; those that are not there, by name, with the reason."""
    posed = pose_trials(trials, seed)
    yield f"called wrong, of {trials} trials each, and processor time of a verdict; LSTM, by W, R, b, x, h_0, c_0"
    yield _row("", "right", *(f"{size:.0e}" for size in ONE_ENTRY), "no forget", "ms, right", "ms, wrong")
    yield _row("", "code", *("one entry" for _ in ONE_ENTRY), "block", "code", "code")
    for name, checker in everybody.items():
        if isinstance(checker, Absent):
            yield f"{name}: {checker.reason}"
            continue
        record = measure(name, checker, posed)
        if checker.most is not None and checker.most < trials:
            name = f"{name} ({checker.most} trials)"
        times = (1e3 * record.seconds[RIGHT], 1e3 * max(record.seconds[s] for s in SORTS if s != RIGHT))
        yield _row(name, *(f"{100 * record.shares[s]:.3g} %" for s in SORTS), *(f"{ms:.1f}" for ms in times))


def pose_trials(count: int, seed: int) -> Mapping[str, Sequence[Trial]]:
    """Trials of every sort, at the same points."""
    right = [right_trial(seed + k) for k in range(count)]
    return {sort: [plant(trial, sort) for trial in right] for sort in SORTS}


def measure(name: str, checker: Checker, posed: Mapping[str, Sequence[Trial]]) -> Record:
    """One checker's opinions of all trials."""
    checker.opinion(posed[RIGHT][0])  # compiles what there is to compile
    opinions: dict[str, list[float]] = {}
    seconds: dict[str, float] = {}
    for sort, trials in posed.items():
        times: list[float] = []
        opinions[sort] = []
        for trial in trials[: checker.most]:
            start = time.process_time()
            opinions[sort].append(checker.opinion(trial))
            times.append(time.process_time() - start)
        seconds[sort] = statistics.median(times)
    limit = checker.limit if checker.limit is not None else _SLACK * max(opinions[RIGHT])
    shares = {sort: sum(value > limit for value in values) / len(values) for sort, values in opinions.items()}
    return Record(name, shares, seconds)


def _row(first: str, *words: str) -> str:
    return (f"{first:<38}" + "".join(f"{word:>11}" for word in words)).rstrip()
