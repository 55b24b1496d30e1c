"""False alarms: right code, entry by entry, at every weight scale and length: `python tests/benchmark.py alarms`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from symrnn.checking.reference import Agreement, compare
from symrnn.errors import OptionError

from ..problem import Problem
from ..rival import Prepare
from .codes import right_codes, run_code
from .problems import EVERYTHING, UNITS, Range, draw_problems, keyed, refer

Progress = Callable[[str], None]


@dataclass(slots=True)
class Tally:
    """What one code showed in one type."""

    entries: int = 0
    unknown: int = 0
    alarms: int = 0
    ratio: float = 0.0
    where: str = ""

    def add(self, problem: Problem, agreement: Agreement) -> None:
        """Count an array; of ratios, those to a measured tolerance: a quick one is no measure of anything."""
        self.entries += agreement.entries
        self.unknown += int(agreement.unknown.sum())
        self.alarms += int(agreement.wrong.sum())
        if agreement.measured and agreement.ratio > self.ratio:
            self.ratio = agreement.ratio
            sizes = ", ".join(map(str, problem.sizes))
            place = ", ".join(map(str, agreement.index))
            self.where = f"{problem.name} (m, n, N, T) = ({sizes}): {' '.join(agreement.key)}[{place}]"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--entries", type=int, default=1_000_000, help="to compare in all (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="which problems are drawn (default: %(default)s)")


def report(options: argparse.Namespace) -> Iterator[str]:
    """The lines of the table."""
    if options.entries < 1:
        raise OptionError(f"--entries is at least 1, not {options.entries}")
    if options.seed < 0:
        raise OptionError(f"--seed is at least 0, not {options.seed}")
    start = time.perf_counter()
    tallies = count_alarms(options.entries, options.seed, progress=show_progress)
    yield from lines(tallies)
    yield f"seed {options.seed}, {time.perf_counter() - start:.0f} s"


def show_progress(text: str) -> None:
    """One line on standard error that is written over, where somebody looks at it."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def count_alarms(
    entries: int,
    seed: int = 0,
    *,
    within: Range = EVERYTHING,
    codes: Mapping[str, Prepare] | None = None,
    progress: Progress = lambda text: None,
) -> dict[tuple[str, str], Tally]:
    """Draw problems in both types in turn until so many entries of right code have been compared."""
    who = right_codes() if codes is None else codes
    tallies = {(code, dtype): Tally() for code in who for dtype in UNITS}
    streams = {dtype: draw_problems(within, dtype, seed) for dtype in UNITS}
    done = problems = 0
    while done < entries:
        for stream in streams.values():
            problem = next(stream)
            done += _judge(problem, who, tallies)
            problems += 1
            alarms = sum(tally.alarms for tally in tallies.values())
            progress(f"{min(done, entries):,} of {entries:,} entries, {problems:,} problems, {alarms} alarms")
    progress("")
    return tallies


def _judge(problem: Problem, codes: Mapping[str, Prepare], tallies: Mapping[tuple[str, str], Tally]) -> int:
    """Compare what every code computes; the entries that were compared."""
    reference, compared = refer(problem), 0
    for code, prepare in codes.items():
        found = run_code(prepare, problem)
        if found is not None:
            for agreement in compare(keyed(problem, found), reference, UNITS[problem.dtype]):
                tallies[code, problem.dtype].add(problem, agreement)
                compared += agreement.entries
    return compared


def lines(tallies: Mapping[tuple[str, str], Tally]) -> Iterator[str]:
    """The table, a code in a type a line, and where the largest ratio was met."""
    yield f"{'right code':<26}{'type':<10}{'entries':>12}{'largest ratio':>15}{'unknown':>9}{'alarms':>8}"
    for (code, dtype), tally in tallies.items():
        if tally.entries:
            yield (
                f"{code:<26}{dtype:<10}{tally.entries:>12,}{tally.ratio:>15.2f}{tally.unknown:>9,}{tally.alarms:>8,}"
            )
    worst = max(tallies.values(), key=lambda tally: tally.ratio)
    total, alarms = (sum(getattr(tally, what) for tally in tallies.values()) for what in ("entries", "alarms"))
    yield f"{'all':<36}{total:>12,}{worst.ratio:>15.2f}{sum(t.unknown for t in tallies.values()):>9,}{alarms:>8,}"
    if worst.where:
        yield f"largest ratio: {worst.where}"
