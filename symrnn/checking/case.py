"""One case of a check, chosen freely: lengths, sizes, seed and kind of values. Campaigns are made of these."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ..derivation import Derivation, derive
from ..equations import Cell
from ..equations.sample import Kind, complete_dims
from ..library import as_cell
from ..numeric import Kernel, build_kernel
from .check import Case
from .oracles import Base, Point
from .points import settle
from .report import CheckReport, gather


def check_case(
    source: Cell | str | Callable[..., Any],
    *,
    T: int,
    N: int,
    dims: Mapping[str, int] | None = None,
    seed: int = 0,
    kind: Kind = "ordinary",
) -> CheckReport:
    """What `check` does at its cases, at one of your own; `kind` is that of `cell.sample`."""
    cell = as_cell(source)
    derivation = derive(cell)
    kernels = build_kernel(derivation, "float64"), build_kernel(derivation, "float32")
    return check_at(derivation, kernels, *settle(cell, T, N, complete_dims(cell, dims), seed, kind), seed)


def check_at(
    derivation: Derivation, kernels: tuple[Kernel, Kernel], point: Point, base: Base, moved: str, seed: int
) -> CheckReport:
    """Kernels in float64 and float32 at a point that `settle` found."""
    start = time.perf_counter()
    label = ", ".join(f"{name} = {size}" for name, size in {"T": point.T, "N": point.N, **point.dims}.items())
    notes = [f"{label}: {moved}"] if moved else []
    found = list(Case(derivation, point, base, seed, label).compare(*kernels, notes))
    seconds = time.perf_counter() - start
    return CheckReport(derivation.cell.name, seed, gather(found), (label,), tuple(notes), seconds)
