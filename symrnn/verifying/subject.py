"""The code that is verified, behind one safe call: canonical arrays in, canonical arrays or a clear error out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..checking.oracles import Key, Point, Upstream
from ..checking.points import meaning_of
from ..equations import Cell
from ..equations.sample import default_dims
from ..errors import OptionError, SubjectError
from ..layouts.blocks import Array
from ..layouts.layout import Bound, Layout
from .calling import Call, Slot, argument_names, plan_call
from .losses import Targets
from .returns import forward_names, gradient_names, split_names
from .running import reading, run_call
from .styles import Code

FORWARD = ("params", "x", "state")
BACKWARD = ("params", "x", "state", "d_outputs", "d_final_state")


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What the code did at a point.

    `point` and `upstream` are what it could be given: a code that takes no initial states has zeros there, and one that
    takes no gradient of the final states has none. `outputs` have the steps that the code returned, the last ones.
    `readings` are the gradients; there are several where a parameter is split into shares, each of which must be the
    whole gradient. `expected` are gradients that a loss has by its own parameters. `noise` bounds what was lost where
    a gradient is recovered from an update.
    """

    point: Point
    upstream: Upstream | None
    outputs: Mapping[str, Array]
    final: Mapping[str, Array]
    readings: tuple[Mapping[Key, Array], ...] = ({},)
    expected: Mapping[Key, Array] = field(default_factory=dict)
    noise: Mapping[Key, Array] = field(default_factory=dict)
    missing: tuple[Key, ...] = ()
    mutated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    dtype: str = "float64"

    @property
    def gradients(self) -> Mapping[Key, Array]:
        """The first reading, which is the only one unless parameters are split."""
        return self.readings[0]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A person's code for a cell. `run` is what there is to it: deterministic if the code is, and never a traceback
    from in here."""

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
    _facts: dict[str, bool] = field(default_factory=dict, repr=False)

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

    def effective(self, point: Point, upstream: Upstream) -> Upstream:
        """What of an upstream the code can take, or what its loss makes of it."""
        return self._task(self.settle(point), upstream)[0]

    def forward(self, point: Point, dtype: str = "float64") -> Observation:
        """The forward pass alone."""
        point = self.settle(point)
        upstream = Upstream("none", {name: _zeros(point, shape) for name, shape in self.cell.outputs.items()}, {})
        _, targets = self._task(point, upstream, final=False)
        return self._each_sequence(point, upstream, targets, dtype, backward=False)

    def run(self, point: Point, upstream: Upstream, dtype: str = "float64") -> Observation:
        """Outputs, final states and gradients at a point, for a gradient from above, computed in `dtype`."""
        point = self.settle(point)
        upstream, targets = self._task(point, upstream)
        return self._each_sequence(point, upstream, targets, dtype, backward=True)

    def _task(self, point: Point, upstream: Upstream, *, final: bool = True) -> tuple[Upstream, Targets | None]:
        outputs = dict(upstream.outputs)
        if self.bound.last_only:
            for name, g in outputs.items():
                outputs[name] = np.concatenate([np.zeros_like(g[:-1]), g[-1:]])
        called = self.bound.called
        loss = self.code.loss
        if loss is None and self.backward_call is not None and not self.code.stepwise:
            for name, g in outputs.items():
                if not self.takes("d_outputs", called[name]):
                    outputs[name] = np.zeros_like(g)
        ends = (
            {name: np.zeros_like(array) for name, array in point.state.items()} if not final else dict(upstream.final)
        )
        for name, g in ends.items():
            if final and not self._takes_final(point, name):
                ends[name] = np.zeros_like(g)
        changed = any(not np.array_equal(outputs[name], g) for name, g in upstream.outputs.items())
        changed = changed or any(not np.array_equal(ends[name], g) for name, g in upstream.final.items())
        given = Upstream(upstream.label, outputs, ends) if changed else upstream
        if loss is None:
            return given, None
        meant = {name: array for (kind, name), array in meaning_of(point).items() if kind == "output"}
        targets = loss.set_targets(meant, given, batched=self.bound.batched)
        return targets.upstream, targets

    def _takes_final(self, point: Point, name: str) -> bool:
        if self.backward_call is not None:
            return self.code.stepwise or self.takes("d_final_state", self.bound.called[name])
        if not self._facts:
            # Autograd can take a gradient of the final states that the forward returns: one look tells.
            self._facts.update(dict.fromkeys(self.cell.states, False))
            self._facts.update(dict.fromkeys(self.forward(point).final, True))
        return self._facts[name]

    def _each_sequence(
        self, point: Point, upstream: Upstream, targets: Targets | None, dtype: str, *, backward: bool
    ) -> Observation:
        """One call for the batch, or one for each sequence where the code takes no batch."""
        from .session import Session

        if self.bound.batched:
            return Session.of(self, point, upstream, targets, dtype).observe(backward=backward)
        pieces: list[Observation] = []
        for k in range(point.N):
            one, from_above, aims = _sequence(point, k), _upstream_of(upstream, k), _targets_of(targets, k)
            pieces.append(Session.of(self, one, from_above, aims, dtype).observe(backward=backward))
        return _joined(pieces, point, upstream, targets)


def _zeros(point: Point, shape: Any) -> Array:
    return np.zeros((point.T, point.N, *(size.value(point.dims) for size in shape)))


def _sequence(point: Point, k: int) -> Point:
    x = {name: array[:, k : k + 1] for name, array in point.x.items()}
    return replace(point, N=1, x=x, state={name: array[k : k + 1] for name, array in point.state.items()})


def _upstream_of(upstream: Upstream, k: int) -> Upstream:
    outputs = {name: g[:, k : k + 1] for name, g in upstream.outputs.items()}
    return Upstream(upstream.label, outputs, {name: g[k : k + 1] for name, g in upstream.final.items()})


def _targets_of(targets: Targets | None, k: int) -> Targets | None:
    return None if targets is None else replace(targets, targets=targets.targets[:, k : k + 1])


def _joined(pieces: Sequence[Observation], point: Point, upstream: Upstream, targets: Targets | None) -> Observation:
    """The batch out of its sequences: gradients of parameters are summed, all else stands side by side."""

    def join(key: Key, arrays: list[Array]) -> Array:
        if key[0] == "params":
            return np.sum(arrays, axis=0)
        return np.concatenate(arrays, axis=0 if key[0] == "state" else 1)

    def gather(maps: list[Mapping[Key, Array]]) -> dict[Key, Array]:
        return {key: join(key, [each[key] for each in maps]) for key in maps[0] if all(key in each for each in maps)}

    first = pieces[0]
    readings = tuple(gather([piece.readings[k] for piece in pieces]) for k in range(len(first.readings)))
    outputs = {name: np.concatenate([piece.outputs[name] for piece in pieces], axis=1) for name in first.outputs}
    final = {name: np.concatenate([piece.final[name] for piece in pieces]) for name in first.final}
    return Observation(
        point,
        upstream,
        outputs,
        final,
        readings,
        targets.gradients if targets else {},
        gather([piece.noise for piece in pieces]),
        tuple(dict.fromkeys(key for piece in pieces for key in piece.missing)),
        tuple(dict.fromkeys(name for piece in pieces for name in piece.mutated)),
        tuple(dict.fromkeys(note for piece in pieces for note in piece.notes)),
        first.dtype,
    )


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
