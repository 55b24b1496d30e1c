"""A person's training loop: how it is called, and its loss and gradients, told apart by name, with both sides where
names or shapes are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...checking.kit import Array
from ...checking.networks.points import NetworkPoint
from ...checking.oracles import Key
from ...equations import Network
from ...errors import OptionError, SubjectError, nearest, visible
from ...layouts.axes import kind
from ...sizes import show_dims
from ..calling import Call, read_signature
from ..returns import by_name, zip_names
from ..running import Misfit, reading, run_call
from ..styles import Code
from ..words import Slot

_GRADIENT = "d{} d_{} grad_{} {}_grad g_{} {}"


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a loop gave at a point; `dtype` is float32 where any of it was, `mutated` what it changed of what it got."""

    loss: Array
    gradients: Mapping[Key, Array]
    dtype: str
    mutated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """A function of parameters and inputs that returns the loss and its gradients, looked at once."""

    network: Network
    call: Call
    returns: tuple[str, ...]
    gradients: Mapping[str, Slot]
    seconds: float

    def run(self, point: NetworkPoint) -> Answer:
        """One call, with arrays of its own."""
        params = {name: array.copy() for name, array in point.params.items()}
        x = {name: array.copy() for name, array in point.x.items()}
        pool: dict[Slot, Any] = {("params", ""): params, ("x", ""): x}
        pool |= {("params", name): array for name, array in params.items()}
        pool |= {("x", name): array for name, array in x.items()}
        pool |= {("size", name): value for name, value in point.sizes.items()}
        given = run_call(self.call, pool, lambda: f"sizes {show_dims(point.sizes)}", self.seconds)
        label = self.call.label
        with reading(label, self.seconds):
            try:
                answer = self._answer(given, point)
            except Misfit as misfit:
                raise SubjectError(f"{label} {misfit}" + (f"\n  mend: {misfit.mend}" if misfit.mend else "")) from None
        held = {**point.params, **point.x}
        changed = (name for name, array in {**params, **x}.items() if not np.array_equal(array, held[name]))
        return replace(answer, mutated=tuple(changed))

    def _answer(self, given: Any, point: NetworkPoint) -> Answer:
        label = self.call.label
        if self.returns:
            parts = zip_names(given, self.returns, label, "returns")
            loss, gradients = parts.pop("loss"), {name: part for name, part in parts.items() if name != "_"}
        else:
            if not isinstance(given, tuple | list) or len(given) != 2 or not isinstance(given[1], Mapping):
                raise Misfit(
                    f"returned {kind(given)}; loss and gradients come back as (loss, grads), grads a dict by name",
                    "for another tuple say what its parts are: functions(…, returns='loss, dE, …')",
                )
            loss, gradients = given
        found = _number("loss", loss, ())
        named, unknown = by_name(gradients, self.gradients, label, "the gradient")
        lacking = [name for name in self.network.params if ("params", name) not in named]
        wanted = ", ".join(self.network.params)
        if unknown:
            without = f", and none for {', '.join(lacking)}" if lacking else ""
            raise Misfit(
                f"returned a gradient called {unknown[0]!r}{without}; {self.network.name} has: {wanted}",
                nearest(unknown[0], list(self.gradients)) or "gradients are called as their arrays are: h1.W or dh1.W",
            )
        if lacking:
            there = ", ".join(visible(str(name)) for name in gradients) or "nothing"
            raise Misfit(
                f"returned no gradient of {', '.join(lacking)}; it has {there}\n  {self.network.name} has: {wanted}"
            )
        arrays: dict[Key, Array] = {}
        for key, value in named.items():
            right = point.arrays()[key]
            arrays[key] = _number(f"the gradient of {key[1]}", value, right.shape)
        coarse = any(array.dtype == np.float32 for array in arrays.values())
        return Answer(found, arrays, "float32" if coarse else "float64")


def _number(what: str, value: Any, shape: tuple[int, ...]) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise Misfit(f"returned {what} as {kind(value)}; it is made of real numbers")
    if array.shape != shape:
        if array.size == 1 and shape == ():
            return array.reshape(())
        raise Misfit(f"returned {what} in the shape {array.shape}, and {shape or 'one number'} is right")
    return array.copy() if array.dtype == np.float32 else array.astype(float)


def build_loop(network: Network, code: Code, seconds: float) -> Loop:
    """Look at a loop; what is for cells alone is refused."""
    if network.loss is None:
        raise OptionError(
            f"{network.name} returns no loss, and a training loop has one\n  mend: return it: return loss"
        )
    if not seconds > 0:
        raise OptionError(f"seconds is how long a call may take, a number above zero, not {seconds!r}")
    for_cells = {
        "a forward of its own": code.forward, "make": code.make, "steps": code.stepwise, "rate": code.rate,
        "tensors": code.tensors, "a loss": code.loss, "forward_returns": code.forward_returns,
    }  # fmt: skip
    for what, given in for_cells.items():
        if given:
            raise OptionError(
                f"{what} is for cells; of a network the whole loop is one function: "
                f"loss_and_grads(params, {', '.join(network.inputs)}) -> loss, grads"
            )
    if code.backward is None:
        raise SubjectError("there is no function to run")
    returns = tuple(code.returns.replace(",", " ").split())
    if returns and "loss" not in returns:
        raise OptionError(f"returns={code.returns!r} has no `loss`\n  mend: returns='loss, dE, …'")
    function: Any = code.backward
    call = read_signature(function, code.label("backward"), _arguments(network), ("params", *network.inputs))
    return Loop(network, call, returns, _gradients(network), seconds)


def _arguments(network: Network) -> dict[str, Slot]:
    """What arguments may be called; a dot in a name is an underscore where it must be."""
    names: dict[str, Slot] = {"params": ("params", "")}
    names |= {name: ("x", name) for name in network.inputs}
    for name in network.params:
        names.setdefault(name.replace(".", "_"), ("params", name))
    names.setdefault("x", ("x", ""))
    sizes = [*network.dims, *network.axes.values()]
    for size in sizes:
        if size.isidentifier():
            names.setdefault(size, ("size", size))
    return names


def _gradients(network: Network) -> dict[str, Slot]:
    """What gradients may be called."""
    slots: list[Slot] = [("params", name) for name in network.params]
    slots += [("x", name) for name in network.inputs if network.is_differentiable(name)]
    names: dict[str, Slot] = {}
    for pattern in reversed(_GRADIENT.split()):
        for slot in slots:
            for name in dict.fromkeys((slot[1], slot[1].replace(".", "_"))):
                names.setdefault(pattern.format(name), slot)
    return names
