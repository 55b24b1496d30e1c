"""The code that is verified, behind one safe call: canonical arrays in, canonical arrays or a clear error out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..checking.oracles import Point
from ..equations import Cell
from ..equations.sample import default_dims
from ..errors import OptionError, SubjectError
from ..layouts.layout import Bound, Layout
from .calling import Call, Slot, argument_names, plan_call
from .returns import forward_names, gradient_names, split_names
from .running import reading, run_call
from .styles import Code

FORWARD = ("params", "x", "state")
BACKWARD = ("params", "x", "state", "d_outputs", "d_final_state")


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A person's code for a cell, bound to a layout; `facts` are what was found out about it by looking once."""

    cell: Cell
    code: Code
    bound: Bound
    seconds: float
    make: Call | None
    forward_call: Call | None
    backward_call: Call | None
    gradient_words: Mapping[bool, Mapping[str, Slot]]
    forward_words: Mapping[str, Slot]
    returns: tuple[str, ...]
    forward_returns: tuple[str, ...]
    facts: dict[str, bool] = field(default_factory=dict, repr=False)

    @property
    def has_forward(self) -> bool:
        return self.forward_call is not None

    @property
    def has_backward(self) -> bool:
        """Whether there is a gradient to ask for: torch makes one out of the forward."""
        return self.backward_call is not None or (self.code.tensors and self.has_forward)

    def takes(self, group: str, member: str = "") -> bool:
        """Whether any function of the code asks for a group of arrays, or for this one of it."""
        calls = (self.make, self.forward_call, self.backward_call)
        return any(call is not None and call.takes(group, member) for call in calls)

    def settle(self, point: Point) -> Point:
        """The point at which the code can be run: initial states that it does not ask for are zero."""
        zero = [name for name in point.state if not self.takes("state", self.bound.called[name])]
        if self.code.stepwise or not zero:
            return point
        state = {name: np.zeros_like(array) if name in zero else array for name, array in point.state.items()}
        return replace(point, state=state)


# Building --------------------------------------------------------------------------------------------------------


def build_subject(
    cell: Cell,
    code: Code | Callable[..., Any],
    layout: Layout | None = None,
    *,
    seconds: float = 30.0,
) -> Subject:
    """A subject out of code and a layout whose orders are settled; names and shapes are checked here, once."""
    code = code if isinstance(code, Code) else Code(backward=code)
    layout = layout or Layout()
    if layout.free:
        raise OptionError("the layout has orders that are open (`?`): settle_orders finds them by trial")
    if not seconds > 0:
        raise OptionError(f"seconds is how long a call may take, a number above zero, not {seconds!r}")
    if code.forward is None and code.backward is None:
        raise SubjectError("there is neither a forward nor a backward function to run")
    extra = code.loss.shapes(next(iter(cell.outputs.values()))) if code.loss else {}
    clash = [name for name in extra if name in cell.params]
    if clash:
        raise OptionError(f"{cell.name} has a parameter {clash[0]!r} of its own: call the loss's another name")
    bound = layout.bind(cell, extra)
    if code.stepwise:
        _check_steps(bound)
    called = bound.called
    inputs = [called[name] for name in cell.inputs]
    states = [called[name] for name in cell.states]
    outputs = [called[name] for name in cell.outputs]
    params = list(bound.blocks)
    names = argument_names(params, inputs, states, outputs, cell.dims)
    forward_returns = split_names(code.forward_returns)
    words = forward_names(states, outputs)
    for word in forward_returns:
        if word not in words:
            names.setdefault(word, ("passed", word))
    make = None if code.make is None else plan_call(code.make, code.label("make"), names, ("params",))
    thing = None if make is None else _probe(make, cell, bound, extra, seconds)
    forward, backward = reading(lambda: "make", seconds, lambda: _plan_both(code, thing, names))
    gradients = {bare: gradient_names(params, inputs, states, bare=bare) for bare in (True, False)}
    return Subject(
        cell,
        code,
        bound,
        seconds,
        make,
        forward,
        backward,
        gradients,
        words,
        split_names(code.returns),
        forward_returns,
    )


def _check_steps(bound: Bound) -> None:
    """symrnn takes sequences apart into steps along their first axis."""
    for name, axes in (*bound.inputs.items(), *bound.outputs.items()):
        in_front = axes.steps is None or (
            not axes.steps.before and (axes.order[0] == 0 or axes.steps.container != "axis")
        )
        if not in_front:
            raise OptionError(
                f"functions of one step get arrays step by step: the steps come first, and {name} is `{axes.text}`\n"
                "  mend: say how one step is laid out, with T before it: T N m"
            )


def _plan_both(code: Code, thing: Any, names: Mapping[str, Slot]) -> tuple[Call | None, Call | None]:
    return _plan(code, "forward", thing, names, FORWARD), _plan(code, "backward", thing, names, BACKWARD)


def _plan(code: Code, which: str, thing: Any, names: Mapping[str, Slot], canonical: Sequence[str]) -> Call | None:
    function = getattr(code, which)
    if isinstance(function, str):
        method = getattr(thing, function, None)
        if method is None:
            known = [name for name in dir(thing) if not name.startswith("_") and callable(getattr(thing, name))]
            raise SubjectError(
                f"{type(thing).__name__} has no method `{function}`; it has: {', '.join(known) or 'none'}\n"
                f"  mend: name it, {which}={known[0] if known else '…'!r}"
            )
        function = method
    return None if function is None else plan_call(function, code.label(which), names, canonical)


def _probe(make: Call, cell: Cell, bound: Bound, extra: Mapping[str, Any], seconds: float) -> Any:
    """An object, made once to see its methods."""
    dims = default_dims(cell)
    params = dict(cell.sample(T=1, N=1, dims=dims).params)
    params |= {name: np.zeros(tuple(size.value(dims) for size in shape)) for name, shape in extra.items()}
    arrays = bound.plan(dims).lay_out(params)
    pool: dict[Slot, Any] = {("params", ""): arrays, ("size", "T"): 1, ("size", "N"): 1}
    pool |= {("params", name): array for name, array in arrays.items()}
    pool |= {("size", name): value for name, value in dims.items()}
    for name, (group, _) in make.arguments:
        if group not in ("params", "size"):
            raise SubjectError(
                f"{make.label} asks for `{name or group}`: an object is made from parameters and sizes alone"
            )
    return run_call(make, pool, lambda: f"sizes {dims}", seconds)
