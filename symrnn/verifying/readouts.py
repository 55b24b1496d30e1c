"""What is wrong in a loss that the code has inside, and in its read-out: the network that it is, bent until it gives
the code's numbers, with the cell below it.

The cell goes on from what the bent read-out hands down, so that a mistake is said once, where it is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from ..checking.interpreter import Tape, run_backward
from ..checking.kit import Array
from ..checking.networks.points import NetworkBase
from ..checking.networks.subject import NetworkAt
from ..checking.oracles import Key, Upstream
from ..equations import Block
from .explain import Evidence
from .findings import Finding
from .losses import Targets
from .networks.comparing import Draw
from .networks.explain import NetworkSearch
from .networks.loops import Answer
from .networks.model import Model, build_model, fold_blocks
from .networks.pages import Page
from .probes import Comparison


@dataclass(slots=True, eq=False, kw_only=True)
class _Joined(Model):
    """The bent read-out, and the cell below it, whose gradients follow from what is handed down."""

    below: Tape
    upstream: Upstream

    def gradients(self) -> dict[Key, Array]:
        if self._found is None:
            own = Model.gradients(self)
            with np.errstate(all="ignore"):
                own |= run_backward(self.below.with_upstream(self.handed_down()), {}).gradients
        return Model.gradients(self)

    def handed_down(self) -> Upstream:
        """What enters into the cell."""
        found = Model.gradients(self)
        outputs = {name: found["x", name].reshape(g.shape) for name, g in self.upstream.outputs.items()}
        return replace(self.upstream, outputs=outputs)


@dataclass(slots=True, eq=False)
class _ReadoutSearch(NetworkSearch):
    """One search over a read-out and the cell that it reads."""

    def run(self) -> list[Finding]:
        (block,), own = self.derivation.network.blocks, self._own()
        cell = [key for key in self._all_keys() if key not in own]
        right = [key for key in cell if key not in self._wrong(cell)]
        if self._wrong(own) and not self._of_mean([*own, *right]):
            self._within(block)
        if self._wrong(cell) and not self._of_mean([*own, *cell]):
            self._handed_down([self._output()], cell)
        return [replace(finding, number=None, block=block.name) for finding in self.findings]

    def _own(self) -> list[Key]:
        return [("params", name) for name in self.derivation.network.params]

    def _output(self) -> str:
        return next(name for name in self.derivation.network.inputs if name != "targets")

    def _evidence(self, block: Block) -> Iterator[Evidence]:
        """What is handed down is right where all of the cell's gradients are."""
        cell = [key for key in self._all_keys() if key not in self._own()]
        known = bool(cell) and not self._wrong(cell)
        for evidence, model in zip(NetworkSearch._evidence(self, block), self.models, strict=True):
            seen = dict(evidence.gradients)
            if known:
                seen["x", self._output()] = model.gradients()["x", self._output()]
            there = {key: seen[key] for key in seen if key[0] == "x" or key in self._all_keys()}
            yield replace(evidence, gradients=there)


def search_readout(
    comparisons: Sequence[Comparison], evidence: Sequence[Evidence]
) -> tuple[list[Finding], list[Evidence]]:
    """What is wrong in the read-out of some comparisons, and the cell's evidence with what is handed down."""
    tasks = [c.observation.targets for c in comparisons]
    held = [targets for targets in tasks if targets is not None]
    if len(held) < len(tasks):
        return [], list(evidence)
    derivation = held[0].derivation
    folded = fold_blocks(derivation)
    rows = list(zip(comparisons, held, evidence, strict=True))
    models: list[_Joined] = []
    for comparison, targets, known in rows:
        model = build_model(derivation, targets.point, folded)
        parts = {f.name: getattr(model, f.name) for f in fields(model)}
        parts.pop("_found")
        models.append(_Joined(**parts, below=known.tape, upstream=comparison.observation.upstream))
    search = _ReadoutSearch(
        derivation, [_draw(c, t) for c, t, _ in rows], Page(derivation), folded, list[Model](models)
    )
    found = search.run()
    bent = [replace(e, tape=e.tape.with_upstream(m.handed_down())) for e, m in zip(evidence, models, strict=True)]
    return found, bent


def _draw(comparison: Comparison, targets: Targets) -> Draw:
    own = {key: array for key, array in comparison.observation.gradients.items() if key in targets.gradients}
    answer = Answer(np.zeros(()), {**comparison.seen, **own}, comparison.observation.dtype)
    at = NetworkAt(targets.derivation, targets.point, NetworkBase(()))
    return Draw(at, answer, comparison.agreements, comparison.unit)
