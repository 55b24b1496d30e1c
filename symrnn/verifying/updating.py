"""Gradients recovered from an update of the parameters, and what rounding costs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..checking.oracles import Key
from ..layouts.axes import Unlike, as_numbers
from ..layouts.blocks import Array
from .calling import Pool
from .handing import Run
from .returns import Slots
from .running import Misfit


def from_update(run: Run, pool: Pool, result: Any) -> Slots:
    """(before − after)/rate, from the arrays in place, from those that came back, or from the object."""
    held = pool["params", ""]  # where `params["W"] = params["W"] - …` puts the new one
    thing = pool.get(("object", ""))
    after = {name: getattr(thing, name, held.get(name, array)) for name, array in run.params.items()}
    if isinstance(result, Mapping):
        after |= {name: value for name, value in result.items() if name in after}
    slots: Slots = {}
    for name, value in after.items():
        try:
            slots["params", name] = (run.before(name).astype("float64") - as_numbers(value)) / _rate(run)
        except (Unlike, ValueError) as problem:
            raise Misfit(f"left a {name} that {problem}") from None
    if not any(np.any(gradient) for gradient in slots.values()):
        raise Misfit(
            "changed none of the parameters",
            "an update changes the arrays that it is given in place, or returns the new ones as a dict",
        )
    return slots


def rounding_of_update(run: Run, gradients: Mapping[Key, Array]) -> dict[Key, Array]:
    """What rounding the new parameters, before − rate · gradient, may have cost their differences."""
    unit, rate = float(np.finfo(run.dtype).eps), _rate(run)
    bounds = {
        name: (np.abs(run.before(name)) + rate * np.abs(gradients["params", name])) * (2 * unit / rate)
        for name in run.params
    }
    readings = run.subject.bound.plan(run.task.point.dims).read_gradients(bounds)
    return {("params", name): np.abs(array) for name, array in readings[0].items()}


def _rate(run: Run) -> float:
    return run.subject.code.rate or 1.0
