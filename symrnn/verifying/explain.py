"""Which equations does somebody's code compute? The model is bent, edit by edit, until it gives their numbers.

Probes go from the simplest to the general: one step and one sequence with a gradient on the output alone, on each
final state alone, two steps, many. At each the plainest edit is sought that makes wrong arrays right and no right one
wrong; among several, the one that explains most of all probes. So a mistake in the carry cannot hide one in a local
derivative, two mistakes are found one after the other, and what is found at the end has been seen to give every number.

Most edits are told off without a run. An equation whose value changes moves every array that it reaches, so it cannot
be the one if a right array is among these, and an edit must leave the value as it was where all is well already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import sympy

from ..checking.oracles import Key
from ..derivation import Derivation
from ..equations import Equation
from .alike import edits_alike
from .edits import Edit, edits_in_time, edits_of_many
from .fits import Seen, fitted_edits
from .model import Array, Changes, Model, Run, Tape, special
from .slips import slips

# Two programs that compute one formula differ by rounding; two formulas differ in the leading digits. The edge between
# lies half-way.
_HALF_WAY = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What somebody's backward pass gave for a probe; `unit` is the unit roundoff of its arrays."""

    tape: Tape
    gradients: Mapping[Key, Array]
    unit: float
    case: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Edits that, one after the other, turn the derivation into what the code computes, and arrays that they leave
    unexplained, with the probe (by its place) that shows it."""

    edits: tuple[Edit, ...]
    changes: Changes
    unexplained: Mapping[Key, int]


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """A probe under the model as it is bent by now: its run, and the arrays that are right and wrong."""

    run: Run
    right: frozenset[Key]
    wrong: frozenset[Key]


@dataclass(slots=True, eq=False)
class Search:
    """One search over the probes of one piece of code; `formulas` gives the edits of equations when they are needed."""

    model: Model
    evidence: Sequence[Evidence]
    formulas: Callable[[], Mapping[str, Sequence[Edit]]]
    changes: dict[str, sympy.Expr] = field(default_factory=dict)
    edits: list[Edit] = field(default_factory=list)
    _states: dict[int, _State] = field(default_factory=dict)
    _reaches: dict[int, Mapping[str, frozenset[Key]]] = field(default_factory=dict)

    def run(self) -> Explanation:
        unexplained: dict[Key, int] = {}
        with np.errstate(all="ignore"):
            for place, evidence in enumerate(self.evidence):
                if unexplained and evidence.tape.point.T > 1:
                    break  # what is not understood in one step hides everything in several
                while wrong := self._state(place).wrong - unexplained.keys():
                    edit = self._best(place, frozenset(wrong), frozenset(unexplained))
                    if edit is None:
                        unexplained |= dict.fromkeys(wrong, place)
                        break
                    self.changes |= edit.changes
                    self.edits.append(edit)
                    self._states.clear()
                    self._reaches.clear()
        return Explanation(tuple(self.edits), dict(self.changes), unexplained)

    # The model as it is bent by now --------------------------------------------------------------------------

    def _state(self, place: int) -> _State:
        found = self._states.get(place)
        if found is None:
            run = self.model.run(self.evidence[place].tape, self.changes)
            right = self._right(place, run)
            wrong = frozenset(self.evidence[place].gradients) - right
            found = self._states[place] = _State(run, right, wrong)
        return found

    def _reach(self, place: int) -> Mapping[str, frozenset[Key]]:
        """The arrays that move when an equation's value does: a run for every equation, made when it is asked for."""
        if place in self._reaches:
            return self._reaches[place]
        evidence, derivation, run = self.evidence[place], self.model.derivation, self._state(place).run
        reach = self._reaches[place] = {}
        for equation in (*derivation.adjoints, *derivation.gradients):
            expr = self.changes.get(equation.name, equation.expr)
            moved = self.model.run(evidence.tape, {**self.changes, equation.name: expr + sympy.pi}, run).gradients
            reach[equation.name] = frozenset(
                key for key in evidence.gradients if not np.array_equal(moved[key], run.gradients[key])
            )
        return reach

    def _right(self, place: int, run: Run) -> frozenset[Key]:
        """The arrays that the model gives."""
        evidence = self.evidence[place]
        edge = evidence.unit**_HALF_WAY
        return frozenset(key for key, seen in evidence.gradients.items() if _close(seen, run.gradients[key], edge))

    def _with(self, place: int, edit: Edit) -> frozenset[Key]:
        """The arrays that the model gives with one edit more."""
        changes = {**self.changes, **edit.changes}
        return self._right(place, self.model.run(self.evidence[place].tape, changes, self._state(place).run))

    # Choosing ------------------------------------------------------------------------------------------------

    def _best(self, place: int, wrong: frozenset[Key], ignored: frozenset[Key]) -> Edit | None:
        """The edit that explains most, of those that help here and spoil nothing; the plainest of several."""
        helping = self._helping(place, wrong, ignored, self._edits())
        if not helping:
            evidence = self.evidence[place]
            fitted = fitted_edits(
                self.model, Seen(evidence.tape, evidence.gradients, self._state(place).run), self.changes
            )
            helping = self._helping(place, wrong, ignored, fitted)
        if not helping:
            return None
        best = [edit for gained, edit in helping if gained == max(g for g, _ in helping)]
        return max(best, key=lambda edit: (self._total(edit), -edit.cost)) if len(best) > 1 else best[0]

    def _helping(
        self, place: int, wrong: frozenset[Key], ignored: frozenset[Key], edits: Iterable[Edit]
    ) -> list[tuple[int, Edit]]:
        """The edits that make most wrong arrays of a probe right, and spoil nothing, with how many."""
        helping: list[tuple[int, Edit]] = []
        most = 1
        promising = [(self._potential(place, edit, wrong, ignored), edit) for edit in edits]
        for potential, edit in sorted(promising, key=lambda pair: -pair[0]):
            if potential < most:
                break
            # What held for simpler probes must go on holding, which tells most edits off at small cost.
            if not all(self._keeps(k, edit, ignored) for k in range(place)):
                continue
            after = self._with(place, edit)
            gained = len(after & wrong)
            if gained >= most and self._state(place).right - ignored <= after:
                helping.append((gained, edit))
                most = gained
        return helping

    def _potential(self, place: int, edit: Edit, wrong: frozenset[Key], ignored: frozenset[Key]) -> int:
        """How many wrong arrays an edit could make right; none, where it would make right ones wrong."""
        state = self._state(place)
        reach = self._reach(place)
        reached = frozenset().union(*(reach[name] for name in edit.changes))
        spoils = len(edit.changes) == 1 and state.run.values is not None and reached & (state.right - ignored)
        return 0 if spoils else len(reached & wrong)

    def _keeps(self, place: int, edit: Edit, ignored: frozenset[Key]) -> bool:
        """Whether an edit leaves a simpler probe as right as it was."""
        state = self._state(place)
        if state.run.values is not None:
            same = [self._same_value(place, name, expr) for name, expr in edit.changes.items()]
            if all(same):
                return True
            name = next(iter(edit.changes))
            if same == [False] and self._reach(place)[name] & (state.right - ignored):
                return False
        return state.right - ignored <= self._with(place, edit)

    def _same_value(self, place: int, name: str, expr: sympy.Expr) -> bool | None:
        """Whether an equation of a single step has the same value by another right side, where a look tells."""
        return self.model.same_value(self.evidence[place].tape, name, expr, self._state(place).run)

    def _total(self, edit: Edit) -> int:
        """How many arrays of all probes it leaves right."""
        return sum(len(self._with(place, edit)) for place in range(len(self.evidence)))

    def _edits(self) -> Iterable[Edit]:
        derivation = self.model.derivation
        yield from edits_of_many(derivation, self.changes)
        formulas = self.formulas()
        single: dict[str, list[Edit]] = {}
        for equation in (*derivation.adjoints, *derivation.gradients):
            expr = self.changes.get(equation.name, equation.expr)
            untouched = expr == equation.expr
            in_time = edits_in_time(derivation, equation, expr)
            single[equation.name] = [*(formulas.get(equation.name, ()) if untouched else ()), *in_time]
            single[equation.name] += slips(derivation, equation, self.changes)
            yield from single[equation.name]
            if equation.kind == "carry":
                yield from _with_own_start(derivation, equation, single[equation.name])
        yield from edits_alike(derivation, self.changes, single)


def _with_own_start(derivation: Derivation, carry: Equation, edits: Iterable[Edit]) -> Iterable[Edit]:
    """The same edits, in code that computes the gradient of the initial state apart, and rightly."""
    initial = next(e for e in derivation.gradients if e.why == "initial" and e.terms[0].expr == carry.symbol)
    for edit in edits:
        changes = {**edit.changes, initial.name: special(carry.name, "own")}
        yield replace(edit, changes=changes, cost=edit.cost + 0.3, about=edit.changes)


def _close(seen: Array, modelled: Array, edge: float) -> bool:
    """Whether two arrays are the same but for rounding, by the larger of their scales."""
    if seen.shape != modelled.shape:
        return False
    scale = max(float(np.abs(seen).max(initial=0.0)), float(np.abs(modelled).max(initial=0.0)))
    return bool((np.abs(seen - modelled) <= edge * scale).all())
