"""The smallest case in which a mistake shows, found by running the code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..checking.places import label
from ..checking.points import draw_upstream, find_point
from ..derivation import Derivation
from ..equations.sample import default_dims
from ..errors import SymrnnError
from .findings import Finding
from .probes import Probe, observe
from .subject import Subject


def smallest_cases(subject: Subject, derivation: Derivation, findings: Sequence[Finding]) -> list[str]:
    """For each finding the first of the small cases in which one of its arrays is wrong; empty when the code takes
    none. Each case is run once, for all findings that have none so far."""
    shown = [""] * len(findings)
    for T, N, sizes in _cases():
        if all(shown):
            break
        try:
            dims = default_dims(subject.cell, sizes)
            point, _, _ = find_point(subject.cell, T, N, dims, 0)
            upstream = draw_upstream(point, "on everything", (0, T, N, 7))
            comparison = observe(subject, derivation, Probe(point, upstream))
        except SymrnnError:
            continue  # the code may not take such sizes
        wrong = {label(key) for key in comparison.wrong}
        case = ", ".join(f"{name}={value}" for name, value in {"T": T, "N": N, **dims}.items())
        for place, finding in enumerate(findings):
            if not shown[place] and wrong & {*finding.arrays, *finding.through}:
                shown[place] = case
    return shown


def _cases() -> Iterator[tuple[int, int, tuple[int, ...]]]:
    for sizes in ((1,) * 6, (1, 2, 2, 2, 2, 2), (2, 3, 2, 2, 2, 2)):
        for T, N in ((1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)):
            yield T, N, sizes
