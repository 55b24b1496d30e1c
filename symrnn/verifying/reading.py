"""What a person's functions gave back, as canonical arrays: in the cell's layout, finite, and copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..checking.kit import first
from ..checking.oracles import Key
from ..layouts.axes import Axes, Unlike, as_numbers, detached
from ..layouts.blocks import Array
from .handing import Run
from .returns import Slots, members
from .running import Misfit


def read_forward(run: Run, slots: Slots) -> dict[Key, Array]:
    """Outputs and final states, those that came back."""
    bound = run.subject.bound
    read: dict[Key, Array] = {}
    for group, kind, what, here, axes in (
        ("outputs", "output", "", run.task.upstream.outputs, bound.outputs),
        ("final", "final state", "final ", run.task.point.state, bound.states),
    ):
        found = members(slots, group, {bound.called[name]: each for name, each in axes.items()}, run.subject.words)
        for name, array in here.items():
            value = found.get(bound.called[name])
            if value is not None:
                read[kind, name] = _read(value, f"{what}{name}", array.shape, axes[name])
    if not read:
        raise Misfit("returned no outputs", "name what comes back: forward_returns='outputs cache'")
    return read


def read_gradients(run: Run, slots: Slots) -> dict[Key, Array]:
    """The gradients that came back: of parameters as the person has them, of inputs, and of initial states."""
    bound = run.subject.bound
    read: dict[Key, Array] = {}
    for name in run.params:
        value = slots.get(("params", name))
        if value is not None:
            read["params", name] = _read(value, f"the gradient of {name}", run.before(name).shape)
    for group, what, here, axes in (
        ("x", "the gradient of", run.task.point.x, bound.inputs),
        ("state", "the gradient of the initial", run.task.point.state, bound.states),
    ):
        for name, array in here.items():
            value = slots.get((group, bound.called[name]))
            if value is not None:
                read[group, name] = _read(value, f"{what} {bound.called[name]}", array.shape, axes[name])
    return read


def canonical_gradients(
    run: Run, gradients: Mapping[Key, Array]
) -> tuple[tuple[Mapping[Key, Array], ...], tuple[Key, ...]]:
    """The gradients of the cell's own parameters in the place of the person's, once for each share, and what of all
    there is to be did not come back."""
    point, bound = run.task.point, run.subject.bound
    theirs = {name: array for (group, name), array in gradients.items() if group == "params"}
    others = {key: array for key, array in gradients.items() if key[0] != "params"}
    readings = tuple(
        {("params", name): array for name, array in reading.items()} | others
        for reading in bound.plan(point.dims).read_gradients(theirs)
    )
    wanted = [("params", name) for name in bound.shapes]
    wanted += [key for key in point.arrays() if key[0] != "params"]
    missing = tuple(key for key in wanted if key not in readings[0])
    if len(missing) == len(wanted):
        raise Misfit(
            "gave back no gradient at all",
            "gradients are called as their arrays are, with a d before: dWx, dx, dh0; or say returns='dx dWx …'",
        )
    return readings, missing


def _read(value: Any, what: str, shape: tuple[int, ...], axes: Axes | None = None) -> Array:
    """The canonical array, of `shape`, in a value with these axes; without any it has that shape itself."""
    right = "" if axes else f"; {shape} is right"
    try:
        array = axes.read(detached(value), shape) if axes else as_numbers(value)
    except Unlike as problem:
        raise Misfit(f"returned {what}, which {problem}{right}") from None
    if axes is None and array.shape != shape:
        raise Misfit(f"returned {what} with the shape {array.shape}{right}")
    if array.dtype.kind != "f" or array.dtype.itemsize < np.dtype("float32").itemsize:
        why = "whose few digits hide mistakes" if array.dtype.kind == "f" else "which cuts off every fraction"
        mend = "compute in float32 or float64 from the start: np.zeros(shape), np.zeros_like(x), without a dtype"
        raise Misfit(f"returned {what} as {array.dtype}, {why}", mend)
    if not np.isfinite(array).all():
        index = first(~np.isfinite(array))
        raise Misfit(f"returned {what} with {array[index]} at {list(index)}")
    return array.copy()  # the code may hand out the same array again, with other numbers in it
