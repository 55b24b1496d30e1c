"""A person's code for a cell, looked at once: how its functions are called, and what they call things."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..checking.oracles import Key, Point
from ..equations import Cell
from ..errors import OptionError, SubjectError
from ..layouts.layout import Bound, Layout
from ..sizes import shape_at
from .calling import Call, Pool, pool_of, read_signature
from .running import reading, run_call
from .styles import Code
from .words import Words, build_words

_CANONICAL = {
    "make": ("params",),
    "forward": ("params", "x", "state"),
    "backward": ("params", "x", "state", "d_outputs", "d_final_state"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A person's code, bound to a cell and a layout.

    `finals` are the final states that a forward returns for torch to differentiate; None before it has run.
    """

    cell: Cell
    code: Code
    bound: Bound
    seconds: float
    words: Words
    make: Call | None
    forward_call: Call | None
    backward_call: Call | None
    finals: frozenset[str] | None = None

    @property
    def has_forward(self) -> bool:
        return self.forward_call is not None

    def takes(self, group: str, member: str = "") -> bool:
        """Whether any function of the code asks for a group of arrays, or for this one of it."""
        calls = (self.make, self.forward_call, self.backward_call)
        return any(call is not None and call.takes(group, member) for call in calls)

    def takes_final(self, state: str) -> bool:
        """Whether a gradient can enter on the final value of a state."""
        if self.backward_call is None:
            return self.finals is None or state in self.finals
        return self.code.stepwise or self.takes("d_final_state", self.bound.called[state])

    def after(self, forward: Iterable[Key]) -> Subject:
        """The subject after a look at what its forward returns: these arrays."""
        return replace(self, finals=frozenset(name for group, name in forward if group == "final state"))


def build_subject(point: Point, code: Code, layout: Layout, *, seconds: float = 30.0) -> Subject:
    """A subject out of code and a layout without open orders; names and shapes are checked here, once, and an object is
    made with the parameters and sizes of `point`, to see its methods."""
    cell = point.cell
    if layout.free:
        raise OptionError("the layout has orders that are open (`?`): they are found by trial")
    if not seconds > 0:
        raise OptionError(f"seconds is how long a call may take, a number above zero, not {seconds!r}")
    if code.forward is None and code.backward is None:
        raise SubjectError("there is neither a forward nor a backward function to run")
    bound = _bind(cell, code, layout)
    others = {name: np.zeros(shape_at(shape, point.dims)) for name, shape in bound.shapes.items()}
    arrays = bound.plan(point.dims).lay_out({**others, **point.params})
    words = build_words(cell, bound, code)
    make = _read_call(code, "make", None, words)
    thing = None if make is None else _probe(make, pool_of(arrays, point), point.dims, seconds)
    with reading("make", seconds):
        forward, backward = (_read_call(code, which, thing, words) for which in ("forward", "backward"))
    return Subject(cell, code, bound, seconds, words, make, forward, backward)


def _bind(cell: Cell, code: Code, layout: Layout) -> Bound:
    extra = code.loss.shapes(next(iter(cell.outputs.values()))) if code.loss else {}
    clash = [name for name in extra if name in cell.params]
    if clash:
        raise OptionError(f"{cell.name} has a parameter {clash[0]!r} of its own: call the loss's another name")
    bound = layout.bind(cell, extra)
    sequences = {**bound.inputs, **bound.outputs} if code.stepwise else {}
    for name, axes in sequences.items():  # they are taken apart into steps along their first axis
        in_front = axes.steps is None or (
            not axes.steps.before and (axes.order[0] == 0 or axes.steps.container != "axis")
        )
        if not in_front:
            raise OptionError(
                f"functions of one step get arrays step by step: the steps come first, and {name} is `{axes.text}`\n"
                "  mend: say how one step is laid out, with T before it: T N m"
            )
    return bound


def _read_call(code: Code, which: str, thing: Any, words: Words) -> Call | None:
    """How one of the code's functions is called; `thing` is the object whose method it is."""
    function, method = getattr(code, which), ""
    if function is None:
        return None
    if isinstance(function, str):
        method = function
        function = getattr(thing, method, None)
        if function is None:
            known = [name for name in dir(thing) if not name.startswith("_") and callable(getattr(thing, name))]
            raise SubjectError(
                f"{type(thing).__name__} has no method `{method}`; it has: {', '.join(known) or 'none'}\n"
                f"  mend: name it, {which}={known[0] if known else '…'!r}"
            )
    return read_signature(function, code.label(which), words.arguments, _CANONICAL[which], method)


def _probe(make: Call, pool: Pool, dims: Mapping[str, int], seconds: float) -> Any:
    """An object, made once to see its methods."""
    for name, (group, _) in make.arguments:
        if group not in ("params", "size"):
            raise SubjectError(
                f"{make.label} asks for `{name or group}`: an object is made from parameters and sizes alone"
            )
    return run_call(make, pool, lambda: f"sizes {dict(dims)}", seconds)
