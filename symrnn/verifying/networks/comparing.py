"""Where a training loop is compared with a network: draws of all arrays, from one step to a few, every entry of each.

The first has one step, one sequence and many units, so that each unit is a sample of the same local formula; in the
last ones classes repeat, within a step and from step to step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...checking.networks.points import LOSS, NetworkBase, NetworkPoint, draw_network_upstreams, find_network_point
from ...checking.networks.subject import NetworkAt
from ...checking.oracles import Key
from ...checking.places import label
from ...checking.reference import FLOAT32, FLOAT64, Agreement
from ...derivation import NetworkDerivation
from ...equations import Network
from ...equations.network_sample import complete_network_dims, default_network_dims
from ...errors import SymrnnError
from ..behaviour import Behaviour
from ..explain import agrees
from ..findings import Finding
from ..probes import judge
from .loops import Answer, Loop

_MANY = (23, 24, 25, 26, 27, 28)
_FEW = (3, 4, 2, 5, 6, 7)
_OTHER = (5, 3, 4, 2, 7, 6)
_CASES = ((1, 1, _MANY), (1, 3, _FEW), (2, 1, _FEW), (3, 1, _OTHER), (3, 2, _FEW), (5, 3, _OTHER))
LOSS_KEY: Key = ("output", LOSS)


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """A network's arrays, and what the loop made of them, beside what is right."""

    at: NetworkAt
    answer: Answer
    agreements: tuple[Agreement, ...]
    unit: float

    @property
    def point(self) -> NetworkPoint:
        return self.at.point

    @property
    def wrong(self) -> tuple[Key, ...]:
        return tuple(agreement.key for agreement in self.agreements if not agreement)

    @property
    def loss(self) -> Agreement:
        return next(agreement for agreement in self.agreements if agreement.key == LOSS_KEY)

    @property
    def gradients(self) -> tuple[Agreement, ...]:
        return tuple(agreement for agreement in self.agreements if agreement.key != LOSS_KEY)


def draw(loop: Loop, derivation: NetworkDerivation, seed: int, dims: Mapping[str, int] | None = None) -> Iterator[Draw]:
    """The loop at all draws, from the simplest to the general."""
    for number, (T, N, sizes) in enumerate(_CASES):
        fitting = _dims(derivation.network, sizes, dims)
        point, base, _ = find_network_point(derivation.network, T, N, fitting, seed + number)
        yield compare_at(loop, derivation, point, base, seed)


def compare_at(loop: Loop, derivation: NetworkDerivation, point: NetworkPoint, base: NetworkBase, seed: int) -> Draw:
    """The loop at a point."""
    answer = loop.run(point)
    at, unit = NetworkAt(derivation, point, base), FLOAT32 if answer.dtype == "float32" else FLOAT64
    (reference,) = at.references(draw_network_upstreams(point, seed)[:1], seed)
    computed = {LOSS_KEY: answer.loss, **answer.gradients}
    return Draw(at, answer, tuple(judge(computed, reference, unit).values()), unit)


def watch_loop(loop: Loop, first: Draw) -> Behaviour:
    """The same call twice: a loop whose gradients differ then keeps something from call to call."""
    before, again = (loop.run(first.point).gradients for _ in range(2))
    edge = first.unit**0.5
    leaks = tuple(key for key, array in before.items() if not agrees(array, again[key], edge))
    return Behaviour(leaks, bool(leaks) and all(agrees(2 * before[key], again[key], edge) for key in leaks))


def smallest_draws(
    loop: Loop, derivation: NetworkDerivation, findings: Sequence[Finding], dims: Mapping[str, int] | None
) -> list[str]:
    """For each finding the first of some small cases in which one of its arrays is wrong; empty when there is none."""
    shown = [""] * len(findings)
    for sizes in ((1,), (2, 3)):
        for T, N in ((1, 1), (1, 2), (2, 1), (2, 2), (3, 2)):
            if all(shown):
                return shown
            try:
                fitting = _dims(derivation.network, sizes, dims)
                point, base, _ = find_network_point(derivation.network, T, N, fitting, 0)
                draw = compare_at(loop, derivation, point, base, 0)
            except SymrnnError:
                continue  # the loop may not take such sizes
            wrong = set(map(label, draw.wrong))
            for place, finding in enumerate(findings):
                if not shown[place] and wrong & {*finding.arrays, *finding.through}:
                    shown[place] = draw.at.case
    return shown


def _dims(network: Network, sizes: tuple[int, ...], dims: Mapping[str, int] | None) -> dict[str, int]:
    """Sizes that differ, but for those that are given; `n` is that of every scan."""
    fitting = default_network_dims(network, sizes)
    if not dims:
        return fitting
    free = {name: size for name, size in fitting.items() if not {name, name.rpartition(".")[2]} & dims.keys()}
    return complete_network_dims(network, {**free, **dims})
