"""A cell, by every door of symrnn, beside the truth; whatever differs beyond rounding is a finding."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from ...derivation import Derivation, derive
from ...equations import cell as read_cell
from ...errors import CompilerError, SymrnnError
from .chance import Chance
from .doors import compute, compute_in_torch
from .draw import Drawn
from .interpret import meaning_of
from .truth import Sample, Truth, sample, torch_gradients, truth

DOORS = ("fast", "plain", "checkpoint", "float32", "torch", "c", "pages", "check", "prove")
PROOF_LIMIT = 20.0
LIMIT = 100.0
"""How many times what rounding explains is a disagreement."""
_KINK, _LARGEST, _ILL, _USELESS = 1e-3, 1e4, 1e-8, 1e-2
_FLOAT32 = 2.0**29
_WITH_NAN = " with NaN in work arrays"


@dataclass(frozen=True, slots=True)
class Case:
    """Sizes to look at a cell at."""

    T: int
    N: int
    sizes: Mapping[str, int]

    def __str__(self) -> str:
        sizes = ", ".join(f"{name}={count}" for name, count in self.sizes.items())
        return f"T={self.T}, N={self.N}" + (f", {sizes}" if sizes else "")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be: by which door, at which sizes, in what, and how it shows."""

    door: str
    what: str
    story: str
    case: Case | None = None

    @property
    def sort(self) -> str:
        """What two findings of one defect have in common, as far as can be told."""
        if self.what.split()[0] in ("output", "final", "by"):
            kind = "shape" if self.what.endswith("shape") else "wrong"
            return f"{self.door}: {kind}{_WITH_NAN if self.what.endswith(_WITH_NAN) else ''}"
        return f"{self.door}: {self.what}"

    def text(self) -> str:
        place = f" at {self.case}" if self.case else ""
        return f"{self.door}, {self.what}{place}: {self.story}"


@dataclass
class Examined:
    """What came of a cell: by door the entries compared and the largest error in units of the limit; and findings.

    A door that is in none of them had nothing to be compared with, or gave up.
    """

    entries: dict[str, int] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def cases(drawn: Drawn, seed: int) -> list[Case]:
    """Every size 1; all different; any."""
    chance = Chance(seed)
    steps, sequences = (1, 2, 3, 7), (1, 2, 5)
    names = drawn.sizes
    different = list(range(2, 2 + len(names)))
    offset = chance.below(len(names)) if names else 0
    sizes = [
        dict.fromkeys(names, 1),
        dict(zip(names, different[offset:] + different[:offset], strict=True)),
        {name: chance.below(4) + 1 for name in names},
    ]
    return [Case(chance.pick(steps), chance.pick(sequences), its) for its in sizes]


def settle(drawn: Drawn, case: Case, seed: int) -> tuple[Sample, Truth] | None:
    """A sample that is away from kinks, in bounds and well conditioned; None where none is found."""
    for attempt in range(5):
        scale, bare = (1.0, 2.0, 1.0, 0.5, 0.25)[(seed + attempt) % 5], (seed + attempt) % 4 == 3
        given = sample(drawn, case.T, case.N, case.sizes, seed * 5 + attempt, scale, bare)
        found = truth(drawn, given)
        if found.nearest_kink < _KINK or not found.largest < _LARGEST:
            continue
        if all(found.noise[name] <= _ILL * (1 + np.abs(array).max()) for name, array in found.arrays.items()):
            return given, found
    return None


def examine(drawn: Drawn, seed: int, doors: tuple[str, ...] = DOORS, at: list[Case] | None = None) -> Examined:
    """Look at a cell by some doors, at a few sizes."""
    examined = Examined()
    with _guarded(examined, "read"):
        derivation = derive(read_cell(drawn.text))
        _compare(drawn, derivation, seed, doors, cases(drawn, seed) if at is None else at, examined)
        if "pages" in doors:
            with _guarded(examined, "pages"):
                examined.entries["pages"] = _pages(derivation)
        if "check" in doors:
            with _guarded(examined, "check"):
                _verdict(examined, "check", derivation)
        if "prove" in doors:
            with _guarded(examined, "prove"):
                _verdict(examined, "prove", derivation)
    return examined


def _compare(
    drawn: Drawn, derivation: Derivation, seed: int, doors: tuple[str, ...], at: list[Case], examined: Examined
) -> None:
    run = {name: make for name, make in _runs(derivation).items() if name in doors}
    if not run:
        return
    ready: dict[str, Callable[[Sample, Truth], Iterator[dict[str, np.ndarray]]]] = {}
    for name, make in run.items():
        with _guarded(examined, name):
            ready[name] = make()
    for case in at:
        settled = settle(drawn, case, seed)
        if settled is None:
            continue
        given, expected = settled
        if "torch" in doors:
            _second_opinion(drawn, given, expected, case, examined)
        for name, door in ready.items():
            with _guarded(examined, name, case):
                for again, found in enumerate(door(given, expected)):
                    _arrays(examined, name, found, expected, case, _WITH_NAN if again else "")


def _runs(derivation: Derivation) -> dict[str, Callable[[], Callable[[Sample, Truth], Any]]]:
    """By door what makes it ready, and then computes."""

    @cache
    def built(dtype: str, plain: bool, backend: str) -> Any:
        return derivation.numpy(dtype=dtype, plain=plain, backend=backend)

    def kernel(
        dtype: str = "float64", plain: bool = False, backend: str = "numpy", checkpoint: bool = False
    ) -> Callable[[], Callable[[Sample, Truth], Any]]:
        def make() -> Callable[[Sample, Truth], Any]:
            made = built(dtype, plain, backend)
            return lambda given, above: compute(made, given, above, dtype, checkpoint)

        return make

    def torch() -> Callable[[Sample, Truth], Any]:
        source = derivation.code("torch")
        return lambda given, above: [compute_in_torch(derivation, source, given, above)]

    return {
        "fast": kernel(),
        "plain": kernel(plain=True),
        "checkpoint": kernel(checkpoint=True),
        "float32": kernel(dtype="float32"),
        "c": kernel(backend="c"),
        "torch": torch,
    }


def _second_opinion(drawn: Drawn, given: Sample, expected: Truth, case: Case, examined: Examined) -> None:
    """The truth itself, beside PyTorch's autograd."""
    with _guarded(examined, "truth", case):
        found = torch_gradients(meaning_of(drawn.text), given, expected)
        forward = {name: array for name, array in expected.arrays.items() if name not in found}
        _arrays(examined, "truth", forward | found, expected, case)


def _arrays(
    examined: Examined, door: str, found: Mapping[str, np.ndarray], expected: Truth, case: Case, how: str = ""
) -> None:
    """Beside the truth, each array by its own measure of rounding."""

    def wrong(what: str, story: str) -> None:
        if not any(finding.what == what and finding.case == case for finding in examined.findings):
            examined.findings.append(Finding(door, what + how, story, case))

    if set(found) != set(expected.arrays):
        return wrong("names", f"{sorted(found)} for {sorted(expected.arrays)}")
    for what, wanted in expected.arrays.items():
        got = found[what]
        if got.shape != wanted.shape:
            wrong(f"{what} shape", f"{got.shape} for {wanted.shape}")
            continue
        limit = LIMIT * expected.noise[what] * (_FLOAT32 if door == "float32" else 1)
        if limit > _USELESS * (1 + np.abs(wanted).max()):
            continue
        error = np.abs(got - wanted)
        error = np.where(np.isnan(error), np.inf, error)
        ratio = float(error.max()) / limit
        examined.entries[door] = examined.entries.get(door, 0) + wanted.size
        if ratio <= 1:
            examined.ratios[door] = max(examined.ratios.get(door, 0.0), ratio)
            continue
        place = tuple(np.unravel_index(int(error.argmax()), error.shape))
        index = [int(k) for k in place]
        story = (
            f"{got[place]:.6g} for {wanted[place]:.6g} in {index}, {float(error.max()):.1e} with {limit:.1e} allowed"
        )
        wrong(what, story)


def _pages(derivation: Derivation) -> int:
    """Every page can be written; how many characters they have."""
    pages = [derivation.text(), derivation.text(steps=True), derivation.latex(), derivation.latex(steps=True)]
    pages += [derivation.markdown(), derivation.html(), derivation.typst(), derivation.tex()]
    return sum(map(len, pages))


def _verdict(examined: Examined, door: str, derivation: Derivation) -> None:
    """The package's own verdict on a cell that it derived; where nothing could be decided, none."""
    from ...checking import check, prove

    if door == "prove":
        proof = prove(derivation.cell, limit=PROOF_LIMIT)
        held, wrong, report = bool(proof), proof.refuted, proof  # one that gave up, even at an entry, says nothing
    else:
        report = check(derivation.cell)
        held, wrong = bool(report), any(row.verdict in ("disagree", "not finite") for row in report.rows)
    if held:
        examined.entries[door] = 1
    elif wrong:
        examined.findings.append(Finding(door, "verdict", report.text()))


@contextmanager
def _guarded(examined: Examined, door: str, case: Case | None = None) -> Iterator[None]:
    """Whatever is raised or warned of in here is a finding."""
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            yield
        except CompilerError:
            pass
        except SymrnnError as error:
            words = " ".join(str(error).rpartition(": ")[2].split()[:3])
            examined.findings.append(Finding(door, f"refused {type(error).__name__} {words}", str(error), case))
        except Exception as error:
            where = _place(error)
            story = f"{error}\n{where}"
            examined.findings.append(Finding(door, f"{type(error).__name__} {where}", story, case))
    for warning in caught:
        if type(warning.message).__name__ not in ("CellWarning", "RuntimeWarning"):
            examined.findings.append(Finding(door, f"warned {warning.category.__name__}", str(warning.message), case))


def _place(error: Exception) -> str:
    """The last place in symrnn that the error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [f for f in frames if "symrnn" in f.filename and "outside" not in f.filename.replace("wt/outside", "")]
    frame = (inside or frames)[-1]
    return f"{frame.filename.rpartition('symrnn/')[2]}:{frame.name}"
