"""What `verify` finds in the hand-written implementations: a table, and every case that falls short.

    python tests/verifying/measure.py [--only TEXT] [--pairs] [--right] [--quiet]

All planted bugs singly unless `--pairs` (two at once) or `--right` (right code, which must not be called wrong) is given.
A bug counts as named when the equation is the one that is wrong, or one that may be blamed with equal right, and the
formula given for it yields the code's numbers under every condition; as one finding when there is one for each bug.
Seconds are those of the processor.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field

from handwritten import BUGS, IMPLEMENTATIONS, PAIRS, Bug, build

import symrnn
from symrnn.verifying import VerifyReport

_ALIKE = {
    "state leak": "state leaking between calls",
    "mutation": "mutation of the caller's arrays",
    "precision": "precision only",
    "clipping": "clipping",
}
"""The words of the planted bugs for what is no equation's, and those of `verify`."""


@dataclass
class Tally:
    counts: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


def explains(report: VerifyReport, bug: Bug) -> bool:
    """Whether a report names what a bug got wrong."""
    if any(finding.kind.startswith("located") for finding in report.findings):
        return False
    if not bug.equations:
        return any(finding.kind == _ALIKE.get(bug.kind) for finding in report.findings)
    return any(set(finding.names) & set(bug.equations) for finding in report.findings)


def run(implementation: str, bugs: tuple[Bug, ...]) -> tuple[VerifyReport | None, str, float]:
    """The report, or the error in its place, and the processor's seconds."""
    cell, forward, backward = build(implementation, bugs=bugs)
    start = time.process_time()
    try:
        report = symrnn.verify(cell, backward, forward)
        return report, "", time.process_time() - start
    except symrnn.SymrnnError as error:
        return None, str(error), time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names that contain this text")
    parser.add_argument("--pairs", action="store_true", help="two bugs at once")
    parser.add_argument("--right", action="store_true", help="right code")
    parser.add_argument("--quiet", action="store_true", help="the table alone")
    options = parser.parse_args()
    if options.right:
        cases = [(name, name, ()) for name in IMPLEMENTATIONS]
    elif options.pairs:
        cases = [(f"{a.id} + {b.id}", a.implementation, (a, b)) for a, b in PAIRS]
    else:
        cases = [(bug.id, bug.implementation, (bug,)) for bug in BUGS.values()]
    tally = Tally()
    for name, implementation, bugs in cases:
        if options.only in name:
            judge(name, implementation, bugs, tally, quiet=options.quiet)
    for word, count in sorted(tally.counts.items()):
        print(f"{word:<28}{count:>6}")
    if tally.seconds:
        print(f"seconds, median and largest {statistics.median(tally.seconds):>6.2f}{max(tally.seconds):>6.2f}")


def judge(name: str, implementation: str, bugs: tuple[Bug, ...], tally: Tally, *, quiet: bool) -> None:
    report, error, seconds = run(implementation, bugs)
    tally.counts["cases"] += 1
    tally.seconds.append(seconds)
    if report is None:
        tally.counts["errors"] += 1
        print(f"{name}: {error}")
        return
    if not bugs:
        tally.counts["called right" if report else "CALLED WRONG"] += 1
        if not report:
            print(f"{name}\n{report.text()}")
        return
    tally.counts["found" if not report else "MISSED"] += 1
    named = all(explains(report, bug) for bug in bugs)
    tally.counts["named exactly"] += named
    single = len(report.findings) == len(bugs)
    tally.counts["one finding for each bug"] += single
    if not quiet and not (named and single):
        told = "; ".join(f"{bug.kind} in {' or '.join(bug.equations) or 'none'}: {bug.computed}" for bug in bugs)
        print(f"{name}: planted {told}\n{report.text()}\n")


if __name__ == "__main__":
    main()
