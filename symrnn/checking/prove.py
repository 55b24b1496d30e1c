"""Exact proof: every entry of the derived gradient is SymPy's own derivative of what the cell means.

At small sizes, all different, a cell's steps are written out in scalar components with a symbol for every entry of the
parameters, inputs, initial states and incoming gradients g. On one side is the loss L = Σ_t ⟨g_t, y_t⟩ + Σ_s ⟨g_s, s_T⟩
from the cell's meaning, differentiated by SymPy's `diff`, which is given the derivatives of the scalar functions as
lemmas that are proved from elementary definitions. On the other side are the derived equations, evaluated on the same
symbols as the recurrence says: the carry into the last step is the gradient on the final states, gradients of
parameters are summed over t, the carry out of the first step is the gradient of the initial states. The difference of
the two is brought to an exact normal form (see `polynomials`), and it must vanish.

So a proof holds for all real values of all symbols at which the cell is defined, away from kinks, at the sizes and the
numbers of steps that it names. For other sizes and more steps it is evidence of the strongest kind, not a proof: the
formulas are the same there, and sizes enter them only as the number of summands.

Algebra has no bounds of its own, so a proof runs in a process of its own with a limit on its time and its memory (see
`apart`); what is proved when it ends counts, and that it gave up is said.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sympy

from ..arguments import instance, real, whole
from ..derivation import Derivation, derive
from ..equations import Cell
from ..equations.sample import complete_dims, default_dims
from ..library import as_cell
from .apart import Request, prove_apart
from .course import Course, Event, Progress, Used
from .polynomials import Algebra, OutOfTime
from .proof import TOO_DEEP, Complete, Proof
from .symbols import LEMMAS, stand
from .unrolled import Beyond, Unrolled

# Sizes for one step, all different, and for more steps; expressions grow with the product of all sizes and the number
# of steps, so where the first sizes are beyond the budget, the next are tried.
_ONE_STEP = ((2, 3, 4, 5, 6, 7), (2, 3, 1, 2, 1, 2), (1, 2, 1, 2, 1, 2))
_MORE_STEPS = ((1, 2, 3, 4, 5, 6), (1, 2, 2, 1, 2, 1), (1, 1, 2, 1, 2, 1), (1, 1, 1, 1, 1, 1))


PROOF_LIMIT = 60.0
"""The seconds after which a proof gives up, unless it is told otherwise."""


def prove(
    source: Cell | str | Callable[..., Any],
    *,
    derivation: Derivation | None = None,
    dims: Mapping[str, int] | None = None,
    steps: tuple[int, ...] = (1, 2),
    budget: int = 2_000_000,
    limit: float | None = PROOF_LIMIT,
    progress: Progress = lambda stage: None,
) -> Proof:
    """Prove a cell's derived gradient in scalar components, at one step and at two.

    `limit` is the time in seconds after which the proof gives up: what was proved by then counts, the proof is false,
    and its `complete` tells why. It runs in a process of its own, with at most 2 GB of memory. With `limit=None` it
    runs here, to its end; so does, within the limit, the proof of a `derivation` that is given in place of the cell's
    own, and every proof where no process of Python can be started. Here nothing bounds the memory, and the time is
    looked at between the steps of the algebra.

    `dims` sets sizes for every number of steps. `budget` bounds the algebra of one entry, in products of terms: an
    entry beyond it is listed as not proved. `progress` is told how far the proof is.
    """
    cell = as_cell(source)
    for T in instance("steps", steps, (tuple, list), "the numbers of steps, such as (1, 2)"):
        whole("steps", T, 1)
    whole("budget", budget, 1)
    limit = None if limit is None else real("limit", limit)
    sizes = None if dims is None else complete_dims(cell, dims)
    course = Course(cell.name)
    if limit is not None and derivation is None:
        complete = prove_apart(Request(cell.text, sizes, steps, budget), course, limit, progress)
        if complete is not None:
            return course.proof(complete)
    deadline = math.inf if limit is None else time.monotonic() + limit
    try:
        for event in events(cell, derivation or derive(cell), sizes, steps, budget, deadline):
            course.take(event)
            progress(course.stage())
        complete = Complete()
    except OutOfTime:
        complete = Complete(f"the limit of {limit:g} s", "time")
    except RecursionError:
        complete = TOO_DEEP
    return course.proof(complete)


def events(
    cell: Cell,
    derivation: Derivation,
    dims: Mapping[str, int] | None,
    steps: tuple[int, ...],
    budget: int,
    deadline: float = math.inf,
) -> Iterator[Event]:
    """The course of a proof: attempts, entries, and at last the lemmas. `OutOfTime` is raised at the deadline."""
    used: set[type[sympy.Function]] = set()
    for T in steps:
        sizes = [dict(dims)] if dims is not None else _sizes(cell, T)
        wanted: list[str] | None = None
        # With names first: it is quick and nearly always enough. Without, equal arguments are equal however written.
        for names in (True, False):
            for number, choice in enumerate(sizes, start=1):
                unrolled = Unrolled(cell, derivation, choice, T, Algebra(budget, names, deadline))
                try:
                    wanted = yield from unrolled.prove(wanted, give_up=number < len(sizes))
                except Beyond:
                    continue
                # The sizes at which the derived equations are within the budget are those to stay with.
                sizes = [choice]
                used |= unrolled.functions()
                break
            if not wanted:
                break
    yield from (Used(lemma.statement, stand(function)) for function, lemma in LEMMAS.items() if function in used)


def _sizes(cell: Cell, T: int) -> list[dict[str, int]]:
    """Sizes to try, the most telling first."""
    sizes = [default_dims(cell, choice) for choice in (_ONE_STEP if T == 1 else _MORE_STEPS)]
    return [choice for k, choice in enumerate(sizes) if choice not in sizes[:k]]
