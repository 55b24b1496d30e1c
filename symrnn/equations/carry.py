"""A network over one window of longer sequences: every scan begins at a state that is given and gives its last one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

from ..arguments import instance, whole
from ..errors import OptionError
from ..language.wiring import EACH, STEPS, Argument
from ..sizes import Shape
from .blocks import Block, Wire
from .network import Network


def carry(network: Network) -> tuple[Network, dict[str, str]]:
    """The network with a context for each state that begins at zero, `h1.h_0`, and each scan's last states among its
    outputs; and which output goes on as which context in the next window. Its loss is an output too, one number a step
    and sequence, so that who trains can say which steps count."""
    inputs, arguments, outputs = dict(network.inputs), dict(network.arguments), dict(network.outputs)
    axes, shapes = dict(network.axes), dict(network.shapes)
    onwards: dict[str, str] = {}
    steps: list[Block | Wire] = []

    def state(given: str | None, name: str, shape: Shape) -> str:
        """The value that stands for a state: what the text has, or a new one."""
        if given is None:
            axes[name], shapes[name] = EACH, shape
        return given or name

    for step in network.steps:
        if isinstance(step, Block) and step.scanned:
            init, finals = dict(step.init), dict(step.finals)
            for own, shape in step.cell.states.items():
                shape = tuple(size.substituted(step.dims) for size in shape)
                first = init[own] = state(init.get(own), f"{step.name}.{own}_0", shape)
                last = finals[own] = state(finals.get(own), f"{step.name}.{own}_T", shape)
                arguments.setdefault(first, Argument(first, "value", EACH, None, network.plan.wiring.span))
                inputs[first], onwards[last], outputs[last] = shape, first, last
            step = replace(step, init=MappingProxyType(init), finals=MappingProxyType(finals))
        steps.append(step)
    if network.loss is not None:
        outputs["loss"] = network.loss
    return replace(
        network, inputs=MappingProxyType(inputs), arguments=MappingProxyType(arguments), steps=tuple(steps),
        outputs=MappingProxyType(outputs), axes=MappingProxyType(axes), shapes=MappingProxyType(shapes), loss=None,
        mean=(),
    ), onwards  # fmt: skip


def read_truncation(network: Network, truncate: tuple[int, int]) -> tuple[int, int]:
    """k1 and k2, for a network that can be cut into windows."""
    k1, k2 = instance("truncate", truncate, tuple, "two numbers of steps such as (50, 100)")
    k1, k2 = whole("k1", k1, 1), whole("k2", k2, 1)
    if k2 < k1:
        raise OptionError(f"k2 = {k2} steps back would leave out steps after every k1 = {k1}; give k2 ≥ k1")
    if network.loss is None or network.axes[network.loss] != STEPS:
        what = "returns no loss" if network.loss is None else "has a loss at the end alone"
        raise OptionError(f"{network.name} {what}, and truncation is for a loss at every step")
    for step in network.steps:
        for own, first in step.init.items() if isinstance(step, Block) else ():
            if first in network.params:
                raise OptionError(f"{network.name} learns the first {own} of {step.name}, and it would be carried")
    for problem in _problems(network):
        raise OptionError(f"{network.name} cannot be cut into windows: {problem}\n  mend: train it on whole sequences")
    return k1, k2


def _problems(network: Network) -> Iterator[str]:
    """What knows a sequence's end, or what comes after, has no windows."""
    for step in network.steps:
        if isinstance(step, Block) and step.reverse:
            yield f"{step.name} runs from the end"
        if isinstance(step, Wire) and step.way not in ("steps", "places", "embed", "one_hot"):
            yield f"{step.name} needs {'the step before' if step.way == 'shift' else 'all steps'} of {step.of}"
    if network.lengths:
        yield f"it has lengths, {', '.join(network.lengths.values())}"
    if network.counted:
        yield f"it has a mask, {network.counted}"
