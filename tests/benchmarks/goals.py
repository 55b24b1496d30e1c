"""What the kernels are to reach, and by how much they do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .measure import COMPILED, PRODUCTS, Record
from .problem import SIZES, Sizes

COMPILE_MS = 50.0
LAYERS = ("lstm", "gru_reset_after")
NO_FRAMEWORK = ("peephole_lstm", "mgu")


@dataclass(frozen=True, slots=True)
class Goal:
    """`limit` or less against `who`; None for cells, types or sizes means all."""

    who: str
    limit: float
    cells: tuple[str, ...] | None = None
    dtypes: tuple[str, ...] | None = None
    sizes: tuple[Sizes, ...] | None = None

    def concerns(self, record: Record) -> bool:
        return (
            self.who in record.ratios
            and (self.cells is None or record.cell in self.cells)
            and (self.dtypes is None or record.dtype in self.dtypes)
            and (self.sizes is None or record.sizes in self.sizes)
        )

    def text(self) -> str:
        cells = ", ".join(self.cells) if self.cells else "every cell"
        dtypes = f", {', '.join(self.dtypes)}" if self.dtypes else ""
        sizes = f", n = {', '.join(str(size[1]) for size in self.sizes)}" if self.sizes else ""
        return f"{self.limit:.1f} against {self.who}: {cells}{dtypes}{sizes}"


GOALS = (
    Goal("torch.nn", 1.0, LAYERS, ("float64",)),
    Goal("torch.nn", 1.3, LAYERS, ("float32",), SIZES[:2]),
    Goal("torch.nn", 1.0, LAYERS, ("float32",), SIZES[2:]),
    Goal(PRODUCTS, 1.5, sizes=SIZES[3:]),
    Goal("PyTorch eager", 0.5, NO_FRAMEWORK),
    Goal("jax.jit of scan", 1.0),
)


def limit_for(record: Record, who: str) -> float | None:
    """The goal that a figure is held to."""
    return next((goal.limit for goal in GOALS if goal.who == who and goal.concerns(record)), None)


def verdicts(records: Sequence[Record], compiled: Mapping[str, float]) -> Iterator[str]:
    """One line a goal: met, or in how many cases missed and by how much at worst."""
    for goal in GOALS:
        cases = [(record.ratios[goal.who], record) for record in records if goal.concerns(record)]
        yield f"  {goal.text():<72} {_verdict(goal.limit, cases)}"
    slow = {name: ms for name, ms in compiled.items() if ms > COMPILE_MS}
    if compiled:
        worst = max(compiled, key=compiled.__getitem__)
        text = f"missed: {compiled[worst]:.0f} ms for {worst}" if slow else f"met ({compiled[worst]:.0f} ms at most)"
        yield f"  {f'compile in {COMPILE_MS:.0f} ms':<72} {text}"


def _verdict(limit: float, cases: Iterable[tuple[float, Record]]) -> str:
    measured = sorted(cases, key=lambda case: -case[0])
    if not measured:
        return "not measured"
    missed = [case for case in measured if case[0] > limit]
    if not missed:
        return f"met in all {len(measured)} cases ({measured[0][0]:.2f} at most)"
    worst, record = missed[0]
    where = f"{record.cell}, {record.dtype}, n = {record.sizes[1]}, {_threads(record.threads)}"
    by = f"{worst:.2f}, {100 * (worst / limit - 1):.0f} % above the goal"
    left = sum(value / max(1.0, record.ratios.get(COMPILED, 1.0)) > limit for value, record in missed)
    faster = f" ({left} with the faster backend)" if left < len(missed) else ""
    return (
        f"missed in {len(missed)} of {len(measured)} cases{faster}, at worst {by} ({where})"
        f"{_floor(limit, record, worst)}"
    )


def _floor(limit: float, record: Record, worst: float) -> str:
    """What the products alone would reach, where that is above the goal: no kernel of these products can meet it."""
    products = worst / record.ratios[PRODUCTS] if PRODUCTS in record.ratios else 0.0
    return f"; the products alone take {products:.2f}" if products > limit else ""


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}" if count else "threads as they are"
