"""Which equations of the network does a training loop compute? Its backward pass is bent, from the loss down.

Where a block's gradients are wrong, though all that is above it gives the loop's numbers, the mistake is in one of
three places: in what the loss counts (another mean), in what a block that reads this one hands down (an equation of
that block, seen here first), or in the block's own equations, which are searched as those of a cell are, with what
comes from above as it is by now. At the end tables are looked at: what a row receives may be added up wrongly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial

import numpy as np
import sympy

from ...checking.interpreter import Changes
from ...checking.kit import Array
from ...checking.oracles import Key
from ...checking.places import label
from ...derivation import Derivation, NetworkDerivation
from ...derivation.moments import moments_in
from ...equations import Block, Term, Wire
from ...mistakes import Formulas, mistakes_in_formulas
from ..explain import Evidence, Search, agrees
from ..findings import Finding, findings_of
from .catalogue import in_words, input_equation, mistakes_in_a_block, other_means, with_gradient
from .comparing import Draw
from .model import Model, build_model, fold_blocks, tables
from .pages import Page

_LOCATED = "located, not explained"
Bend = tuple[str, Changes, str, tuple[Term, ...]]
"""A block, its changes, what kind of mistake they are, and the terms of the changed equation."""
Shown = tuple[tuple[str, ...], tuple[str, ...], str]
"""Arrays, those that are reached through them, and a case."""


@dataclass(slots=True, eq=False)
class NetworkSearch:
    """One search over all draws. `models` are bent step by step, `explained` the arrays that need no more words."""

    derivation: NetworkDerivation
    draws: Sequence[Draw]
    page: Page
    folded: Mapping[str, Derivation]
    models: list[Model]
    findings: list[Finding] = field(default_factory=list)
    _formulas: dict[int, Formulas] = field(default_factory=dict)

    def run(self) -> list[Finding]:
        network, lost = self.derivation.network, False
        for block in network.blocks[::-1]:
            keys, said = self._keys(block), len(self.findings)
            if not self._wrong(keys):
                continue
            if (not said and self._of_mean(keys)) or self._handed_down(list(block.outputs.values()), keys):
                continue
            if not self._within(block):
                if lost:  # what comes from above is not known, so that nothing can be said of what is below
                    del self.findings[said:]
                    return self.findings
                lost = True
        for wire in tables(network):
            key: Key = ("params", wire.table or "")
            if self._wrong([key]) and not self._handed_down([wire.name], [key]):
                self._added_up(wire, key)
        for name in network.inputs:
            if network.is_differentiable(name) and self._wrong([("x", name)]):
                self._handed_down([name], [("x", name)])
        if not lost:
            for key in self._wrong(self._all_keys()):
                self._locate(key)
        return self.findings

    # What agrees ---------------------------------------------------------------------------------------------

    def _all_keys(self) -> list[Key]:
        return list(dict.fromkeys(key for draw in self.draws for key in draw.answer.gradients))

    def _keys(self, block: Block) -> list[Key]:
        """The gradients that a block has a part in, but for those that it shares with a table."""
        looked_up = {wire.table for wire in tables(self.derivation.network)}
        params = [param for param in (*block.params.values(), *block.init.values()) if param not in looked_up]
        return [("params", param) for param in dict.fromkeys(params) if param in self.derivation.network.params]

    def _agree(self, place: int, keys: Iterable[Key]) -> bool:
        draw = self.draws[place]
        found = self.models[place].gradients()
        return all(agrees(draw.answer.gradients[key], found[key], draw.unit**0.5) for key in keys)

    def _wrong(self, keys: Iterable[Key]) -> list[Key]:
        """The gradients, of some, that the bent network does not give at every draw."""
        there = [key for key in keys if all(key in draw.answer.gradients for draw in self.draws)]
        return [key for key in there if not all(self._agree(place, [key]) for place in range(len(self.draws)))]

    def _before(self) -> list[dict[Key, Array]]:
        return [dict(model.gradients()) for model in self.models]

    def _shown(self, keys: Iterable[Key], before: list[dict[Key, Array]]) -> Shown:
        """Wrong gradients in which a mistake is seen, others that it has moved from what they were `before`, and the
        first draw that shows it."""
        wrong = [key for key in self._all_keys() if any(key in draw.wrong for draw in self.draws)]
        direct = [key for key in wrong if key in set(keys)]
        moved = [
            key
            for key in wrong
            if key not in direct
            and any(
                not np.allclose(had[key], model.gradients()[key], rtol=1e-9, atol=1e-12)
                for had, model in zip(before, self.models, strict=True)
            )
        ]
        case = next((draw.at.case for draw in self.draws if set(draw.wrong) & set(direct)), "")
        return tuple(map(label, direct)), tuple(map(label, moved)), case

    # The loss ------------------------------------------------------------------------------------------------

    def _of_mean(self, keys: list[Key]) -> bool:
        """Whether gradients are those of a loss that is another mean."""
        network = self.derivation.network
        assert network.loss is not None
        before = self._before()
        for other in other_means(network):
            for model in self.models:
                model.average(other)
            if self._wrong(keys):
                continue
            name, line = self.page.of_value(network.loss)
            _, bent = Page(replace(self.derivation, network=other)).of_value(network.loss)
            block = next(b for b in network.blocks if network.loss in b.outputs.values())
            if line is not None and bent is not None:
                direct, through, case = self._shown(keys, before)
                note = f"the gradient is that of {in_words(other)}"
                self.findings.append(
                    Finding("scale", name, line.number, line.left, bent.right, line.right, note, direct, through, case,
                            block=block.name)
                )  # fmt: skip
            return True
        for model in self.models:
            model.average(network)
        return False

    # What is handed down -------------------------------------------------------------------------------------

    def _handed_down(self, values: list[str], keys: list[Key]) -> bool:
        """Whether a mistake in what the readers of some values hand down gives the gradients."""
        before = self._before()
        for value in values:
            for block, changes, kind, terms in self._bends(value):
                had = self.models[0].blocks[block].changes
                for model in self.models:
                    model.bend(block, {**had, **changes})
                if not self._wrong(keys):
                    shown = self._shown(keys, before)
                    self.findings.append(self._of_received(value, block, changes, kind, terms, shown))
                    return True
                for model in self.models:
                    model.bend(block, had)
        return False

    def _bends(self, value: str) -> Iterator[Bend]:
        """Mistakes in the equation by which a reader of a value hands down: none of it first, then each of its terms
        bent."""
        for reader in self.derivation.readers.get(value, ()):
            block = next((b for b in self.derivation.network.blocks if b.name == reader.step), None)
            if block is None:
                yield from self._bends(reader.step)  # a wire's readers
                continue
            equation = input_equation(self.folded[block.name], reader.part)
            if equation is None:
                continue
            yield block.name, {equation.name: sympy.S.Zero}, "missing path", ()
            for mistake in self._mistakes(block).get(equation.name, ()):
                yield block.name, mistake.changes, mistake.kind, mistake.terms

    def _mistakes(self, block: Block) -> Formulas:
        own = self.folded[block.name]
        if id(own) not in self._formulas:
            self._formulas[id(own)] = mistakes_in_formulas(own)
        return self._formulas[id(own)]

    def _of_received(
        self, value: str, block: str, changes: Changes, kind: str, terms: tuple[Term, ...], where: Shown
    ) -> Finding:
        network = self.derivation.network
        name, line = self.page.of_value(value)
        ((equation, expr),) = changes.items()
        source = next(b for b in network.blocks if b.name == block)
        direct, through, case = where
        to = next((b.name for b in network.blocks if value in b.outputs.values()), "")
        folded = self.folded[block]
        if line is not None and not moments_in(expr):
            own = self.derivation.derivations[block]
            bent = self.page.with_block(block, with_gradient(own, equation, expr, terms))
            computed, expected = bent.of_value(value)[1], line.right
            shown = computed.right if computed is not None else "0"
        else:  # of other steps than the page's line
            formulas = self.page.formulas(source, folded)
            right = next(e for e in folded.gradients if e.name == equation)
            shown, expected = formulas.right(right, expr, terms), formulas.right(right)
        note = f"what `{block}` hands down"
        number, left = (line.number, line.left) if line is not None else (None, f"∂L/∂{value}")
        return Finding(
            kind, name, number, left, shown, expected, note, direct, through, case, block=to
        )  # fmt: skip

    # Within a block ------------------------------------------------------------------------------------------

    def _within(self, block: Block) -> bool:
        """Search a block's own equations; whether all of its gradients are explained then."""
        evidence = list(self._evidence(block))
        if not evidence:
            return False
        gradients, before = self._before(), self.models[0].blocks[block.name].changes
        formulas = cache(lambda: self._mistakes(block))
        catalogue = partial(mistakes_in_a_block, self._used(block))
        explanation = Search(evidence, formulas, dict(before), catalogue=catalogue).run()
        for model in self.models:
            model.bend(block.name, explanation.changes)
        for finding in findings_of(explanation, evidence, self.page.formulas(block, self.folded[block.name])):
            self._place(finding, block, gradients)
        return not explanation.unexplained

    def _evidence(self, block: Block) -> Iterator[Evidence]:
        """What the loop gave of a block's gradients, with what comes from above as it is by now; of what others read
        too, with their part taken away."""
        network = self.derivation.network
        for draw, model in zip(self.draws, self.models, strict=True):
            found, run = model.gradients(), model.blocks[block.name].run
            if run is None:
                continue  # nothing reaches it
            seen: dict[Key, Array] = {}
            for own, param in block.params.items():
                if param in network.params:
                    rest = found["params", param] - run.gradients["params", own]
                    seen["params", own] = draw.answer.gradients["params", param] - rest
            for state, param in block.init.items():
                if param in network.params and draw.point.N == 1:  # of more sequences there is the sum alone
                    part = run.gradients["state", state]
                    rest = found["params", param] - part.sum(axis=0)
                    seen["state", state] = (draw.answer.gradients["params", param] - rest)[None]
            yield Evidence(run.tape, seen, draw.unit, draw.at.case)

    def _used(self, block: Block) -> frozenset[str]:
        """The names of a block's gradients, but for those of masks, constants and unit vectors."""
        own, network = self.folded[block.name], self.derivation.network
        fixed = {name for name, value in block.inputs.items() if not network.is_differentiable(value)}
        return frozenset(
            e.name for e in own.gradients if not (e.why == "input" and own.variables[e.name].written in fixed)
        )

    def _place(self, finding: Finding, block: Block, before: list[dict[Key, Array]]) -> None:
        """A finding of a block's cell in the network: its number on the page, and the network's names of arrays."""
        called = {label(("params", own)): ("params", param) for own, param in block.params.items()}
        called |= {label(("state", state)): ("params", param) for state, param in block.init.items()}
        keys: list[Key] = [called[array] for array in finding.arrays if array in called]
        if finding.kind == _LOCATED and not finding.equation:
            for key in keys:
                self._locate(key)
            return
        direct, through, _ = self._shown(keys, before)
        of_one = all(e.kind == "gradient" for e in self.folded[block.name].backward if e.name in finding.names)
        line, note = self.page.of_equation(block, finding.equation), finding.note
        if finding.kind == _LOCATED:
            note = f"{note}; it should be {finding.expected}"
        self.findings.append(
            replace(
                finding,
                number=None if line is None else line.number,
                left=finding.left if line is None else line.left,
                note=note,
                arrays=direct,
                through=() if of_one else through,
                block=block.name,
            )
        )

    # Tables --------------------------------------------------------------------------------------------------

    def _added_up(self, wire: Wire, key: Key) -> None:
        """How the rows of a table are added up, where places that read the same row do not all count."""
        for way, words in _WAYS.items():
            if all(self._adds_up(place, wire, key, way) for place in range(len(self.draws))):
                line = self.page.line(f"grad_{wire.table}")
                direct, _, case = self._shown([key], self._before())
                note = f"where {words} read the same row, one of them counts, and not their sum: use np.add.at"
                left, number = (line.left, line.number) if line else (label(key), None)
                self.findings.append(
                    Finding("lost accumulation", f"grad_{wire.table}", number, left, "", line.right if line else "",
                            f"lost accumulation: {note}", direct, (), case)
                )  # fmt: skip
                for place, model in enumerate(self.models):  # explained
                    model.gradients()[key] = self.draws[place].answer.gradients[key]
                return

    def _adds_up(self, place: int, wire: Wire, key: Key, way: tuple[bool, int]) -> bool:
        model, draw = self.models[place], self.draws[place]
        received = model.gradients().get(("x", wire.name))
        if received is None or wire.of not in draw.point.x or received.ndim != 3:
            return False
        whole, ids = model.gradients()[key], draw.point.x[wire.of]
        own, table = np.zeros_like(whole), np.zeros_like(whole)
        np.add.at(own, ids, received)
        per_step, order = way
        for t in range(len(ids))[::order]:
            found = np.zeros_like(whole) if per_step else table
            found[ids[t]] = received[t]
            table = table + found if per_step else table
        return agrees(draw.answer.gradients[key], whole - own + table, draw.unit**0.5)

    # What is not understood ----------------------------------------------------------------------------------

    def _locate(self, key: Key) -> None:
        """A wrong gradient by its own equation."""
        block = next((b for b in self.derivation.network.blocks if key[1] in b.params.values()), None)
        name = f"grad_{key[1]}"
        if block is not None and key[0] == "params":
            own = next(own for own, param in block.params.items() if param == key[1])
            name = f"grad_{own}"
        line = self.page.of_equation(block, name) if block is not None else self.page.line(name)
        direct, _, case = self._shown([key], self._before())
        note = f"{_LOCATED}: the formula that the code computes is none that could be found"
        if line is not None:
            note += f"; it should be {line.right}"
        number, left = (line.number, line.left) if line is not None else (None, label(key))
        self.findings.append(
            Finding(_LOCATED, name, number, left, "", line.right if line else "", note, direct, (), case,
                    block=block.name if block else "")
        )  # fmt: skip


_WAYS = {
    (True, 1): "several sequences of a step",
    (False, -1): "several places",
    (False, 1): "several places",
}
"""How equal ids may be lost: within a step alone or in all, with the steps forward or backward."""


def search_network(derivation: NetworkDerivation, draws: Sequence[Draw]) -> list[Finding]:
    """What is wrong in a training loop, from what it gave at some draws."""
    folded = fold_blocks(derivation)
    models = [build_model(derivation, draw.point, folded) for draw in draws]
    return NetworkSearch(derivation, draws, Page(derivation), folded, models).run()
