"""Moments: a value as a formula of step t may speak of it besides, at another step or as something else would have it.

A derivation speaks of one step, and of the one after it by carries alone. What people get wrong with steps takes more:

    t-1 t+1 T          the value of another step (zero beyond the ends), or of the last, at every step
    zero               a state before the step that was forgotten: zero at t = 1
    wrap               Python's list[-1]: at t = 1 the value of the last step
    start              the initial state, at every step
    back               one step too old, as list[t - 1] gives it: at t = 1 the last of all
    ahead              the state after the step, but for t = 1
    local              an adjoint as it is when no step hands anything back
    bare               the same, and without the gradients of the final states
    alone              what the step after hands back by itself: the recurrence is cut after one step
    end                of a carry, the gradient of the final state
    own                of a carry, what step 1 hands back by the derivation, where the code has another carry
    dial               numbers that stand in the step's values under this moment itself

and of the step alone, where there is no name:

    steps sequences    how many there are, T and N
    first odd          1 at t = 1, at t odd, and 0 elsewhere
    late1 late2 late3  1 at the last step, at the last two, three, and 0 elsewhere
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import sympy

Moment = Literal[
    "t-1", "t+1", "T", "zero", "wrap", "start", "back", "ahead", "local", "bare", "alone", "end", "own", "dial",
    "steps", "sequences", "first", "odd", "late1", "late2", "late3",
]  # fmt: skip
PAST = ("local", "bare", "alone")
"""Moments that are what they are for lack of other steps."""


class At(sympy.Symbol):
    """The value called `name` at the moment `when`. It has the name of that value, so its shape and its part in the
    cell are found as the value's own are."""

    __slots__ = ("when",)
    when: Moment

    def __new__(cls, name: str, when: Moment) -> At:
        symbol: Any = sympy.Symbol.__xnew__(cls, name)
        symbol.when = when
        return symbol

    def __getnewargs_ex__(self) -> Any:
        return (self.name, self.when), {}

    def _hashable_content(self) -> tuple[Any, ...]:
        return (*super()._hashable_content(), self.when)

    def _sympystr(self, printer: object) -> str:
        return f"{self.name}[{self.when}]" if self.name else self.when


STEPS, SEQUENCES = At("", "steps"), At("", "sequences")
FIRST, ODD, LAST = At("", "first"), At("", "odd"), At("", "late1")


@lru_cache(maxsize=2**15)
def moments_in(expr: sympy.Basic) -> frozenset[At]:
    """The moments that an expression speaks of."""
    return frozenset(expr.atoms(At))
