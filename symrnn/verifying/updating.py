"""Gradients recovered from an update of the parameters, and what rounding costs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..checking.oracles import Key
from ..layouts.axes import Unlike, as_numbers
from ..layouts.blocks import Array
from .calling import Call, Slot
from .session import Session


def from_update(session: Session, result: Any, call: Call) -> dict[Slot, Any]:
    """(before − after)/rate, from the arrays in place, from those that came back, or from the object."""
    rate = session.subject.code.rate
    assert rate is not None
    arrays = session.given
    held = session.pool["params", ""]  # where `params["W"] = params["W"] - …` puts the new one
    after = {name: getattr(session.thing, name, held.get(name, array)) for name, array in arrays.items()}
    if isinstance(result, Mapping):
        after |= {name: value for name, value in result.items() if name in arrays}
    slots: dict[Slot, Any] = {}
    before = {id(array): copy for _, array, copy in session.handed}
    for name, array in arrays.items():
        try:
            slots["params", name] = (before[id(array)].astype("float64") - as_numbers(after[name])) / rate
        except (Unlike, ValueError) as problem:
            raise session.failed(call.label, f"left a {name} that {problem}") from None
    if not any(np.any(gradient) for gradient in slots.values()):
        raise session.failed(
            call.label,
            "changed none of the parameters",
            "an update changes the arrays that it is given in place, or returns the new ones as a dict",
        )
    return slots


def rounding_of_update(session: Session, found: Mapping[Slot, Any]) -> dict[Key, Array]:
    """What rounding the new parameters, before − rate · gradient, may have cost their differences."""
    rate = session.subject.code.rate or 1.0
    unit = float(np.finfo(session.dtype).eps)
    before = {id(array): copy for _, array, copy in session.handed}
    bounds = {
        name: (np.abs(before[id(array)]) + rate * np.abs(found["params", name])) * (2 * unit / rate)
        for name, array in session.given.items()
    }
    readings = session.subject.bound.plan(session.point.dims).read_gradients(bounds)
    return {("params", name): np.abs(array) for name, array in readings[0].items()}
