"""Which equations does somebody's code compute? The derivation is bent until it gives their numbers.

Probes go from the simplest to the general: one step and one sequence with a gradient on the output alone, on each
final state alone, two steps, many. At each the plainest mistake is sought that makes wrong arrays right and no right
one wrong; among several, the one that explains most of all probes. So a mistake in the carry cannot hide one in a local
derivative, two are found one after the other, and what is found at the end has been seen to give every number.

Most are told off without a run. An equation whose value changes moves every array that it reaches, so it cannot be the
one if a right array is among these, and a mistake must leave the value as it was where all is well already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import sympy

from ..checking.interpreter import Backward, Changes, Tape, run_backward
from ..checking.kit import Array
from ..checking.oracles import Key
from ..derivation import Derivation
from ..mistakes import Formulas, Mistake, Seen, all_mistakes, fitted_mistakes

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
    """Mistakes that, one after the other, turn the derivation into what the code computes, and arrays that they leave
    unexplained, with the probe (by its place) that shows it."""

    mistakes: tuple[Mistake, ...]
    changes: Changes
    unexplained: Mapping[Key, int]


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """A probe under the model as it is bent by now: its run, and the arrays that are right and wrong."""

    run: Backward
    right: frozenset[Key]
    wrong: frozenset[Key]


Catalogue = Callable[[Derivation, Changes, Callable[[], Formulas]], Iterable[Mistake]]
"""The mistakes that may come beside the changes that there are."""


@dataclass(slots=True, eq=False)
class Search:
    """One search over the probes of one piece of code; `formulas` gives the mistakes in single equations when they are
    needed, `catalogue` all that are thought of."""

    evidence: Sequence[Evidence]
    formulas: Callable[[], Formulas]
    changes: dict[str, sympy.Expr] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    catalogue: Catalogue = all_mistakes
    _states: dict[int, _State] = field(default_factory=dict)
    _reaches: dict[int, Mapping[str, frozenset[Key]]] = field(default_factory=dict)

    def run(self) -> Explanation:
        unexplained: dict[Key, int] = {}
        with np.errstate(all="ignore"):
            for place, evidence in enumerate(self.evidence):
                if unexplained and len(evidence.tape.steps) > 1:
                    break  # what is not understood in one step hides everything in several
                while wrong := self._state(place).wrong - unexplained.keys():
                    mistake = self._best(place, frozenset(wrong), frozenset(unexplained))
                    if mistake is None:
                        unexplained |= dict.fromkeys(wrong, place)
                        break
                    self.changes |= mistake.changes
                    self.mistakes.append(mistake)
                    self._states.clear()
                    self._reaches.clear()
        return Explanation(tuple(self.mistakes), dict(self.changes), unexplained)

    # The derivation as it is bent by now ---------------------------------------------------------------------

    def _state(self, place: int) -> _State:
        found = self._states.get(place)
        if found is None:
            run = run_backward(self.evidence[place].tape, dict(self.changes))
            right = self._right(place, run)
            wrong = frozenset(self.evidence[place].gradients) - right
            found = self._states[place] = _State(run, right, wrong)
        return found

    def _reach(self, place: int) -> Mapping[str, frozenset[Key]]:
        """The arrays that move when an equation's value does: a run for every equation, made when it is asked for."""
        if place in self._reaches:
            return self._reaches[place]
        evidence, run = self.evidence[place], self._state(place).run
        reach = self._reaches[place] = {}
        for equation in run.derivation.backward:
            moved_by = {**self.changes, equation.name: run.expr(equation) + sympy.pi}
            moved = run_backward(evidence.tape, moved_by, run).gradients
            reach[equation.name] = frozenset(
                key for key in evidence.gradients if not np.array_equal(moved[key], run.gradients[key])
            )
        return reach

    def _right(self, place: int, run: Backward) -> frozenset[Key]:
        """The arrays that the bent derivation gives."""
        evidence = self.evidence[place]
        edge = evidence.unit**_HALF_WAY
        return frozenset(key for key, seen in evidence.gradients.items() if agrees(seen, run.gradients[key], edge))

    def _with(self, place: int, mistake: Mistake) -> frozenset[Key]:
        """The arrays that it gives with one mistake more."""
        changes = {**self.changes, **mistake.changes}
        return self._right(place, run_backward(self.evidence[place].tape, changes, self._state(place).run))

    # Choosing ------------------------------------------------------------------------------------------------

    def _best(self, place: int, wrong: frozenset[Key], ignored: frozenset[Key]) -> Mistake | None:
        """The mistake that explains most, of those that help here and spoil nothing; the plainest of several."""
        run = self._state(place).run
        helping = self._helping(place, wrong, ignored, self.catalogue(run.derivation, self.changes, self.formulas))
        if not helping:
            fitted = fitted_mistakes(Seen(self.evidence[place].gradients, run))
            helping = self._helping(place, wrong, ignored, fitted)
        if not helping:
            return None
        best = [mistake for gained, mistake in helping if gained == max(g for g, _ in helping)]
        return max(best, key=lambda one: (self._total(one), -one.cost)) if len(best) > 1 else best[0]

    def _helping(
        self, place: int, wrong: frozenset[Key], ignored: frozenset[Key], mistakes: Iterable[Mistake]
    ) -> list[tuple[int, Mistake]]:
        """The mistakes that make most wrong arrays of a probe right, and spoil nothing, with how many."""
        helping: list[tuple[int, Mistake]] = []
        most = 1
        promising = [(self._potential(place, mistake, wrong, ignored), mistake) for mistake in mistakes]
        for potential, mistake in sorted(promising, key=lambda pair: -pair[0]):
            if potential < most:
                break
            # What held for simpler probes must go on holding, which tells most off at small cost.
            if not all(self._keeps(k, mistake, ignored) for k in range(place)):
                continue
            after = self._with(place, mistake)
            gained = len(after & wrong)
            if gained >= most and self._state(place).right - ignored <= after:
                helping.append((gained, mistake))
                most = gained
        return helping

    def _potential(self, place: int, mistake: Mistake, wrong: frozenset[Key], ignored: frozenset[Key]) -> int:
        """How many wrong arrays a mistake could make right; none, where it would make right ones wrong."""
        state = self._state(place)
        reach = self._reach(place)
        reached = frozenset().union(*(reach[name] for name in mistake.changes))
        spoils = len(mistake.changes) == 1 and len(state.run.steps) == 1 and reached & (state.right - ignored)
        return 0 if spoils else len(reached & wrong)

    def _keeps(self, place: int, mistake: Mistake, ignored: frozenset[Key]) -> bool:
        """Whether a mistake leaves a simpler probe as right as it was."""
        state = self._state(place)
        if len(state.run.steps) == 1:
            same = [state.run.same_value(name, expr) for name, expr in mistake.changes.items()]
            if all(same):
                return True
            name = next(iter(mistake.changes))
            if same == [False] and self._reach(place)[name] & (state.right - ignored):
                return False
        return state.right - ignored <= self._with(place, mistake)

    def _total(self, mistake: Mistake) -> int:
        """How many arrays of all probes it leaves right."""
        return sum(len(self._with(place, mistake)) for place in range(len(self.evidence)))


def agrees(seen: Array, modelled: Array, edge: float) -> bool:
    """Whether two arrays are the same but for rounding, by the larger of their scales."""
    if seen.shape != modelled.shape:
        return False
    scale = max(float(np.abs(seen).max(initial=0.0)), float(np.abs(modelled).max(initial=0.0)))
    return bool((np.abs(seen - modelled) <= edge * scale).all())
