"""`assert_backward`: somebody's backward pass of a cell, with the verdict of `symrnn.verify` in a failing test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..equations import Cell
from ..errors import GradientError
from ..verifying import Code, Layout, VerifyReport, verify


def assert_backward(
    cell: Cell | str | Callable[..., Any],
    backward: Callable[..., Any] | Code,
    forward: Callable[..., Any] | None = None,
    layout: Layout | None = None,
    seed: int = 0,
    *,
    dims: Mapping[str, int] | None = None,
) -> VerifyReport:
    """Assert that a hand-written backward pass computes the cell's gradient; return the report. The message says which
    formula is wrong. Takes what `symrnn.verify` takes."""
    __tracebackhide__ = True
    report = verify(cell, backward, forward, layout, seed, dims=dims)
    if not report:
        raise GradientError(f"{report.text()}\nto see it again: symrnn.verify({report.cell!r}, …, seed={seed})")
    return report
