"""A network with everything that its loss depends on, and that loss by its meaning, as the oracles ask for it.

The sequences of a batch are the lanes of the problem: they share the parameters and nothing else. Where sequences have
lengths, those of equal lengths are walked together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from ...equations import Network
from ...language.wiring import EACH, FIXED, STEPS, has_steps
from ...sizes import shape_at
from ..floats import FLOATS
from ..kit import Array, Kit
from ..meaning import Recorder
from ..oracles import Key, Kinks, Losses, Problem, Upstream
from ..oracles.jolt import Jolt
from ..oracles.precise import exactly
from ..oracles.problem import Arrays, inner, meant_problem
from ..points import clearest
from .meaning import NetworkMeaning, Values, steps_of

LOSS = "loss"
"""What the loss is called among the outputs."""


@dataclass(frozen=True)
class NetworkPoint:
    """A network and its arrays, floating-point ones in float64; `dims` has other axes than T and N too."""

    network: Network
    dims: Mapping[str, int]
    T: int
    N: int
    params: Mapping[str, Array]
    x: Mapping[str, Array]

    @property
    def sizes(self) -> dict[str, int]:
        """Every size, and the length of every axis."""
        return {**self.dims, STEPS: self.T, EACH: self.N}

    def arrays(self) -> dict[Key, Array]:
        """Every array that a gradient is taken by."""
        moved = {name: array for name, array in self.x.items() if self.network.is_differentiable(name)}
        groups = (("params", self.params), ("x", moved))
        return {(group, name): array for group, arrays in groups for name, array in arrays.items()}

    def held(self) -> dict[str, Array]:
        """The inputs that no gradient is taken by: tokens, lengths, masks, constants."""
        return {name: array for name, array in self.x.items() if not self.network.is_differentiable(name)}

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The sequences, by their lengths."""
        lanes: dict[tuple[int, ...], list[int]] = {}
        measured = list(self.network.lengths.items())
        for n in range(self.N):
            lanes.setdefault(tuple(int(self.x[name][n]) for _, name in measured), []).append(n)
        axes = [axis for axis, _ in measured]
        return tuple(Group(dict(zip(axes, found, strict=True)), tuple(of)) for found, of in lanes.items())

    @cached_property
    def weights(self) -> Array:
        """By how much every step of every sequence counts in the loss, (T, N), or (1, N) where it has no steps."""
        net, sizes = self.network, self.sizes
        assert net.loss is not None
        axis = net.axes[net.loss]
        steps = sizes[axis] if has_steps(axis) else 1
        counts = np.ones((steps, self.N))
        for name, argument in net.arguments.items():
            if argument.axis == axis and argument.given == "mask":
                counts = counts * self.x[name]
            if argument.axis == axis and argument.given == "lengths":
                counts = counts * (np.arange(steps)[:, None] < self.x[name])
        if axis in net.mean and EACH in net.mean:
            return counts / counts.sum()
        if axis in net.mean:
            return counts / np.maximum(counts.sum(axis=0), 1)
        return counts / self.N if EACH in net.mean else counts


@dataclass(frozen=True, slots=True)
class Group:
    """Sequences, by number, of the same length along each axis."""

    lengths: Mapping[str, int]
    lanes: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class NetworkBase:
    """The unperturbed runs, one for each group: their values, what `stop_gradient` holds, distances from kinks."""

    runs: tuple[tuple[Values, Recorder, Kinks], ...]

    @property
    def kinks(self) -> Kinks:
        return Kinks([met for _, _, kinks in self.runs for met in kinks.met])


def run_network(point: NetworkPoint, numbers: Kit = FLOATS) -> NetworkBase:
    """The network's meaning at the point itself; values have an axis of length one before that of the sequences."""
    arrays = {key: array[None] for key, array in point.arrays().items()}
    if numbers is not FLOATS:
        arrays = {key: exactly(array, numbers) for key, array in arrays.items()}
    runs: list[tuple[Values, Recorder, Kinks]] = []
    with np.errstate(all="ignore"):
        for group in point.groups:
            held, kinks = Recorder(), Kinks()
            walk = _walker(point, group, numbers)
            values = replace(walk, hold=held.record, watch=kinks.watch).run(_given(point, group, arrays, numbers))
            runs.append((values, held, kinks))
    return NetworkBase(tuple(runs))


def _walker(point: NetworkPoint, group: Group, numbers: Kit) -> NetworkMeaning:
    return NetworkMeaning(point.network.plan, point.sizes, group.lengths, numbers, 2)


def _given(point: NetworkPoint, group: Group, arrays: Arrays, numbers: Kit) -> Values:
    """What a group of sequences is given, with axes of copies and of sequences in front; steps one by one."""
    net, lanes = point.network, list(group.lanes)
    given: Values = {name: arrays["params", name][:, None] for name in point.params}
    for name, array in point.x.items():
        argument = net.arguments[name]
        if argument.given == "lengths":
            continue
        if ("x", name) in arrays:
            copies = arrays["x", name]
        else:
            copies = array[None] if numbers is FLOATS or argument.given == "integer" else exactly(array[None], numbers)
        if argument.axis == FIXED:
            given[name] = copies[:, None]
        elif argument.axis == EACH:
            given[name] = copies[:, lanes]
        else:
            given[name] = [copies[:, t][:, lanes] for t in range(copies.shape[1])]
    return given


def network_problem(point: NetworkPoint, upstreams: Sequence[Upstream], base: NetworkBase | None = None) -> Problem:
    """The losses of a network at a point, one for each upstream, as the oracles ask for them."""
    axes = {key: int(point.network.axes[key[1]] != EACH) for key in point.arrays() if key[0] == "x"}
    run, evaluate = partial(run_network, point), partial(_evaluate, point, upstreams)
    return meant_problem(point.arrays(), axes, len(upstreams), point.N, base or run(), run, evaluate)


def _evaluate(
    point: NetworkPoint, upstreams: Sequence[Upstream], base: NetworkBase, arrays: Arrays, numbers: Kit,
    jolt: Jolt | None,
) -> Losses:  # fmt: skip
    found: dict[int, tuple[Array, Array]] = {}
    for group, (_, held, before) in zip(point.groups, base.runs, strict=True):
        kinks = Kinks()
        walk = replace(_walker(point, group, numbers), hold=held.replay(), watch=kinks.watch)
        values = (walk if jolt is None else replace(walk, jolt=jolt)).run(_given(point, group, arrays, numbers))
        losses = np.stack(np.broadcast_arrays(*(_loss(point, group, values, upstream) for upstream in upstreams)))
        # Jolts move what sits on a kink; which side it is on is asked without them.
        smooth = np.broadcast_to(np.asarray(kinks.same_sides(before) if jolt is None else True), losses.shape[1:])
        for place, lane in enumerate(group.lanes):
            found[lane] = losses[..., place], smooth[..., place]
    lanes = [found[lane] for lane in range(point.N)]
    return Losses(np.stack([loss for loss, _ in lanes], -1), np.stack([smooth for _, smooth in lanes], -1))


def _loss(point: NetworkPoint, group: Group, values: Values, upstream: Upstream) -> Array:
    """What an upstream makes of the values of a group: by copy and sequence."""
    net, lanes = point.network, list(group.lanes)
    total: Any = np.zeros((1, len(lanes)))
    if net.loss is not None and upstream.outputs[LOSS]:
        for weights, loss in zip(point.weights[:, lanes], steps_of(values[net.loss]), strict=True):
            total = total + float(upstream.outputs[LOSS]) * np.where(weights != 0, loss, 0) * weights
    for name, value in net.outputs.items():
        g = upstream.outputs[name]
        if not has_steps(net.axes[value]):
            total = total + inner(g[lanes], values[value])
        else:
            total = total + sum(inner(part[lanes], step) for part, step in zip(g, values[value], strict=True))
    return np.asarray(total)


# Points and what enters from above ---------------------------------------------------------------------------


def find_network_point(
    network: Network, T: int, N: int, dims: Mapping[str, int], seed: int
) -> tuple[NetworkPoint, NetworkBase, str]:
    """A sample at which the network is finite and clear of kinks: the first such, or the one that keeps farthest."""

    def draw(seed: int) -> NetworkPoint:
        sample = network.sample(T=T, N=N, seed=seed, dims=dims)
        assert isinstance(sample.x, dict)
        return NetworkPoint(network, dims, T, N, sample.params, sample.x)

    return clearest(network.name, draw, run_network, _not_finite, seed)


def _not_finite(point: NetworkPoint, base: NetworkBase) -> str:
    """Which value first leaves the finite numbers; empty when none does."""
    for values, _, _ in base.runs:
        for name, value in values.items():
            for t, step in enumerate(steps_of(value)):
                if not np.isfinite(step).all():
                    return f"{name} is not finite" + (f" at step {t + 1}" if isinstance(value, list) else "")
    return ""


def draw_network_upstreams(point: NetworkPoint, seed: int) -> tuple[Upstream, ...]:
    """The gradient of the loss itself, and random gradients from above on everything that is returned."""
    net = point.network
    generator = np.random.default_rng((seed, point.T, point.N))
    shapes = {name: output_shape(point, value) for name, value in net.outputs.items()}
    loss: dict[str, Any] = {} if net.loss is None else {LOSS: np.ones(())}
    zeros = {name: np.zeros(shape) for name, shape in shapes.items()}
    found = [Upstream("on the loss", {**loss, **zeros}, {})] if loss else []
    if shapes:
        drawn = {n: np.asarray(generator.standard_normal(s)) for n, s in (dict.fromkeys(loss, ()) | shapes).items()}
        found.append(Upstream("on everything", drawn, {}))
    return tuple(found)


def output_shape(point: NetworkPoint, value: str) -> tuple[int, ...]:
    """The shape of a value with its axes."""
    net, sizes = point.network, point.sizes
    own = shape_at(net.shapes[value], sizes)
    axis = net.axes[value]
    return (sizes[axis], point.N, *own) if has_steps(axis) else (point.N, *own)


def network_meaning_of(point: NetworkPoint, base: NetworkBase) -> dict[Key, Array]:
    """The loss and the outputs by the network's meaning, in the canonical layout."""
    net = point.network
    meant: dict[Key, Array] = {}
    for name, value in net.outputs.items():
        full = meant["output", name] = np.zeros(output_shape(point, value))
        for group, (values, _, _) in zip(point.groups, base.runs, strict=True):
            lanes = list(group.lanes)
            if not has_steps(net.axes[value]):
                full[lanes] = values[value][0]
            else:
                for t, step in enumerate(values[value]):
                    full[t, lanes] = step[0]
    if net.loss is not None:
        alone = Upstream(
            "", {LOSS: np.ones(()), **{name: np.zeros_like(meant["output", name]) for name in net.outputs}}, {}
        )
        parts: Iterable[Any] = (
            _loss(point, group, values, alone).sum()
            for group, (values, _, _) in zip(point.groups, base.runs, strict=True)
        )
        meant["output", LOSS] = np.asarray(sum(parts))
    return meant
