"""The flow through a network: the passes of every cell that it scans, with what the network's own loss sends back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..checking.floats import FLOATS
from ..checking.interpreter import Tape
from ..checking.networks.interpreter import NetworkInterpreter
from ..checking.networks.points import NetworkPoint
from ..derivation import NetworkDerivation
from ..equations import Block, Network
from ..equations.network_sample import complete_network_dims
from ..equations.sample import Sample
from ..errors import OptionError
from ..language.wiring import EACH, FIXED, STEPS, Scanned
from .passes import Passes, passes_of


def scans_of(network: Network) -> tuple[Block, ...]:
    """The blocks that have states, through which a gradient goes back in time."""
    found = tuple(block for block in network.blocks if block.scanned and block.cell.states)
    if not found:
        raise OptionError(f"{network.name} scans no cell with a state, so no gradient flows from step to step")
    if network.loss is None:
        raise OptionError(
            f"{network.name} returns no loss, and the flow through a network is that of its loss\n"
            "  mend: return one, as in `return cross_entropy(V @ h + c, targets)`"
        )
    return found


def network_dims(network: Network, given: Mapping[str, int], n: int) -> dict[str, int]:
    """The sizes that a person gives, and scans of size n where they say nothing of it."""
    usual = {"n": n} if any("n" in block.dims for block in scans_of(network)) else {}
    try:
        return complete_network_dims(network, {**usual, **given})
    except OptionError:
        return complete_network_dims(network, given)


def network_passes(
    derivation: NetworkDerivation, dims: Mapping[str, int], T: int, N: int, sample: Sample
) -> dict[str, Passes]:
    """The passes of each scanned block, by its name, for whole sequences: lengths are all that there is."""
    net = derivation.network
    assert isinstance(sample.x, dict)
    axes = {STEPS: T, **dims}
    lengths = {name: np.full_like(sample.x[name], axes[axis]) for axis, name in net.lengths.items()}
    x = {**sample.x, **lengths}
    point = NetworkPoint(net, dims, T, N, sample.params, x)
    tapes: dict[str, list[Tape]] = {}
    for n in range(N):
        for name, tape in _run(derivation, point, n).items():
            bare = replace(tape.of.derivation, gradients=())
            tapes.setdefault(name, []).append(Tape(replace(tape.of, derivation=bare), tape.steps, tape.final))
    scanned = {step.name: step.cell for step in net.plan.steps if isinstance(step, Scanned)}
    nodes = {name: {state.name: state.new for state in cell.states} for name, cell in scanned.items()}
    return {
        block.name: passes_of(tapes[block.name], derivation.derivations[block.name], 1.0, nodes.get(block.name))
        for block in scans_of(net)
        if block.name in tapes
    }


def _run(derivation: NetworkDerivation, point: NetworkPoint, n: int) -> dict[str, Tape]:
    """The tapes of all blocks that the loss of a sequence reaches."""
    net = derivation.network
    lengths = {axis: int(point.x[name][n]) for axis, name in net.lengths.items()}
    interpreter = NetworkInterpreter(derivation, FLOATS, point.sizes, lengths)
    given: dict[str, Any] = dict(point.params)
    for name, array in point.x.items():
        argument = net.arguments[name]
        if argument.given != "lengths":
            own = array if argument.axis == FIXED else array[n] if argument.axis == EACH else [*array[:, n]]
            given[name] = own
    interpreter.forward(given)
    before = dict(interpreter.tapes)
    assert net.loss is not None
    weights = [np.asarray(weight) for weight in point.weights[:, n]]
    interpreter.backward({net.loss: weights[0] if net.axes[net.loss] == EACH else weights})
    return {name: tape for name, tape in interpreter.tapes.items() if tape is not before[name]}
