"""The benchmark's table in text of fixed width."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .goals import limit_for, verdicts
from .measure import COMPILED, PRODUCTS, Record
from .problem import Sizes

ORDER = (COMPILED, PRODUCTS, "torch.nn", "PyTorch eager", "jax.jit of scan", "textbook NumPy")
_LABEL = 26
_COLUMN = 11


def lines(records: Sequence[Record], compiled: Mapping[str, float]) -> Iterator[str]:
    """Everything that was measured: a block for each number of threads, in it a block for each cell."""
    yield "Forward and backward pass of one training step: symrnn's time as a multiple of …"
    yield f'(symrnn with NumPy, that is; {COMPILED!r} is the same with backend="c")'
    yield "(below 1 symrnn is the faster one; ! a goal is missed; – nothing to compare with)"
    for threads in dict.fromkeys(record.threads for record in records):
        yield from _block(threads, [record for record in records if record.threads == threads], compiled)
    yield ""
    yield "goals"
    yield from verdicts(records, compiled)
    absent = {(who, why) for record in records for who, why in record.absent.items() if why == "not installed"}
    yield from (f"  {who}: {why}" for who, why in sorted(absent))


def _block(threads: int, records: Sequence[Record], compiled: Mapping[str, float]) -> Iterator[str]:
    sizes = list(dict.fromkeys(record.sizes for record in records))
    dtypes = list(dict.fromkeys(record.dtype for record in records))
    words = f"{threads} thread{'s' if threads > 1 else ''}" if threads else "threads as they are"
    width = _COLUMN * len(dtypes)
    yield ""
    yield f"{words:<{_LABEL}}" + "".join(f"{_show(size):>{width}}" for size in sizes)
    yield f"{'(m, n, N, T)':<{_LABEL}}" + "".join(f"{dtype:>{_COLUMN}}" for _ in sizes for dtype in dtypes)
    for cell in dict.fromkeys(record.cell for record in records):
        found = {(record.sizes, record.dtype): record for record in records if record.cell == cell}
        columns = [found.get((size, dtype)) for size in sizes for dtype in dtypes]
        note = f"   compiled in {compiled[cell]:.0f} ms" if cell in compiled else ""
        yield f"{cell}{note}"
        whos = [who for who in ORDER if any(who in {**r.ratios, **r.absent} for r in found.values())]
        for who in whos:
            yield f"{'  ' + who:<{_LABEL}}" + "".join(f"{_figure(record, who):>{_COLUMN}}" for record in columns)
        tapes = (f"{record.tape:.1f}" if record else "" for record in columns)
        yield f"{'  tape, in sizes of x':<{_LABEL}}" + "".join(f"{tape:>{_COLUMN}}" for tape in tapes)


def _show(sizes: Sizes) -> str:
    return ",".join(map(str, sizes))


def _figure(record: Record | None, who: str) -> str:
    if record is None:
        return ""
    if who not in record.ratios:
        return "not inst." if record.absent.get(who) == "not installed" else "–"
    value, limit = record.ratios[who], limit_for(record, who)
    return f"{value:.2f}{'!' if limit is not None and value > limit else ''}"
