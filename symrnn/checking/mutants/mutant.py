"""What a mutant is: a derivation with one equation changed, and the cues that the change needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import sympy

from ...derivation import Derivation
from ...equations import Equation

Kind = Literal[
    "wrong factor",
    "missing factor",
    "extra factor",
    "missing path",
    "wrong time index",
    "missing transpose",
    "swapped gates",
    "sign",
    "scale",
    "lost accumulation",
    "missing carry",
    "truncated carry",
    "first step",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

Moment = Literal["is first", "is last", "is odd", "steps", "sequences", "previous", "next", "last"]


@dataclass(frozen=True, slots=True)
class Cue:
    """A quantity that depends on the step, which formulas of one step cannot say: an input more to the mutated cell.

    `is first`, `is last`, `is odd` are 1 at the steps t = 1, t = T, t odd, and 0 elsewhere; `steps` is T and
    `sequences` is N; `previous`, `next` and `last` are the value of `of` at the steps t − 1, t + 1 (zero beyond the
    ends) and T.
    """

    name: str
    moment: Moment
    of: str = ""


def cue_at(cue: Cue, t: int, T: int, N: int, read: Callable[[str, int], Any]) -> Any:
    """The value of a cue at step t = 0 … T − 1, where `read(name, t)` is a value at a step."""
    match cue.moment:
        case "is first":
            return int(t == 0)
        case "is last":
            return int(t == T - 1)
        case "is odd":
            return int(t % 2 == 0)
        case "steps":
            return T
        case "sequences":
            return N
        case "last":
            return read(cue.of, T - 1)
    there = t + 1 if cue.moment == "next" else t - 1
    return read(cue.of, there) if 0 <= there < T else 0 * read(cue.of, t)


@dataclass(frozen=True, slots=True, eq=False)
class Mutant:
    """A derivation with the equation `number` got wrong.

    `equation` is the changed equation, as it stands in `derivation`, which is complete: whatever takes a derivation
    takes the mutated one, and computes what somebody with this one mistake computes; `right` is the derivation without
    it. Where `cues` are not empty, the mutated cell has these as inputs more; `build_mutant` feeds them. A gradient by
    an initial state is what step 1 hands back, so there the carry's equation is the changed one. `was` and `now` are
    the part that changed.
    """

    number: int
    kind: Kind
    how: str
    was: sympy.Expr
    now: sympy.Expr
    equation: Equation
    derivation: Derivation
    right: Derivation
    cues: tuple[Cue, ...] = ()

    @property
    def description(self) -> str:
        """The change in words, in the names of the cell."""
        return self.how.format(was=self.was, now=self.now)

    def __repr__(self) -> str:
        return f"<Mutant of ({self.number}), {self.kind}: {self.description}>"
