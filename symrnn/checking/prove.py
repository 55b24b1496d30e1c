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
from ..derivation import Derivation, NetworkDerivation, derive
from ..equations import Cell, Network
from ..equations.network_sample import complete_network_dims, default_network_dims
from ..equations.sample import complete_dims, default_dims
from ..library import as_model
from .apart import Request, prove_apart
from .course import Course, Event, Progress, Used
from .networks.steps import NetworkSteps
from .polynomials import Algebra, OutOfTime
from .proof import TOO_DEEP, Complete, Proof
from .symbols import LEMMAS, stand
from .unrolled import Beyond, CellSteps, Steps, Unrolled

# Sizes for one step, all different, and for more steps; expressions grow with the product of all sizes and the number
# of steps, so where the first sizes are beyond the budget, the next are tried.
_ONE_STEP = ((2, 3, 4, 5, 6, 7), (2, 3, 1, 2, 1, 2), (1, 2, 1, 2, 1, 2))
_MORE_STEPS = ((1, 2, 3, 4, 5, 6), (1, 2, 2, 1, 2, 1), (1, 1, 2, 1, 2, 1), (1, 1, 1, 1, 1, 1))
# Of networks, which have a size for every layer.
_NETWORK_MORE_STEPS = ((1, 2, 1, 2, 1, 2), (1, 1, 1, 2, 1, 1))


PROOF_LIMIT = 60.0
"""The seconds after which a proof gives up, unless it is told otherwise."""


def prove(
    source: Cell | Network | str | Callable[..., Any],
    *,
    derivation: Derivation | NetworkDerivation | None = None,
    dims: Mapping[str, int] | None = None,
    steps: tuple[int, ...] = (1, 2),
    budget: int = 2_000_000,
    limit: float | None = PROOF_LIMIT,
    progress: Progress = lambda stage: None,
) -> Proof:
    """Prove the derived gradient of a cell or of a whole network in scalar components, at one step and at two.

    `limit` is the time in seconds after which the proof gives up: what was proved by then counts, the proof is false,
    and its `complete` tells why. It runs in a process of its own, with at most 2 GB of memory. With `limit=None` it
    runs here, to its end; so does, within the limit, the proof of a `derivation` that is given in place of the cell's
    own, and every proof where no process of Python can be started. Here nothing bounds the memory, and the time is
    looked at between the steps of the algebra.

    `dims` sets sizes for every number of steps. `budget` bounds the algebra of one entry, in products of terms: an
    entry beyond it is listed as not proved. `progress` is told how far the proof is.
    """
    model = as_model(source)
    for T in instance("steps", steps, (tuple, list), "the numbers of steps, such as (1, 2)"):
        whole("steps", T, 1)
    whole("budget", budget, 1)
    limit = None if limit is None else real("limit", limit)
    sizes = None if dims is None else _complete(model, dims)
    course = Course(model.name)
    if limit is not None and derivation is None:
        complete = prove_apart(_request(model, sizes, steps, budget), course, limit, progress)
        if complete is not None:
            return course.proof(complete)
    deadline = math.inf if limit is None else time.monotonic() + limit
    following = events(derivation or derive(model), sizes, steps, budget, deadline)
    return course.proof(_follow(following, course, progress, limit))


def _follow(following: Iterator[Event], course: Course, progress: Progress, limit: float | None) -> Complete:
    """Take the events of a proof here, to its end."""
    try:
        for event in following:
            course.take(event)
            progress(course.stage())
    except OutOfTime:
        return Complete(f"the limit of {limit:g} s", "time")
    except RecursionError:
        return TOO_DEEP
    return Complete()


def _request(model: Cell | Network, dims: dict[str, int] | None, steps: tuple[int, ...], budget: int) -> Request:
    """A cell is its text; a network is one of the text that it was read from, as it scans cells of that text."""
    if isinstance(model, Network):
        return Request(model.plan.wiring.source.text, dims, steps, budget, model.name)
    return Request(model.text, dims, steps, budget)


def _complete(model: Cell | Network, dims: Mapping[str, int]) -> dict[str, int]:
    return complete_network_dims(model, dims) if isinstance(model, Network) else complete_dims(model, dims)


def events(
    derivation: Derivation | NetworkDerivation,
    dims: Mapping[str, int] | None,
    steps: tuple[int, ...],
    budget: int,
    deadline: float = math.inf,
) -> Iterator[Event]:
    """The course of a proof: attempts, entries, and at last the lemmas. `OutOfTime` is raised at the deadline."""
    used: set[type[sympy.Function]] = set()
    for T in steps:
        sizes = [dict(dims)] if dims is not None else _sizes(derivation, T)
        if isinstance(derivation, NetworkDerivation):
            what: Steps = NetworkSteps(derivation)
            sizes = [what.sizes(choice, T) for choice in sizes]
        else:
            what = CellSteps(derivation.cell, derivation)
        wanted: list[str] | None = None
        # With names first: it is quick and nearly always enough. Without, equal arguments are equal however written.
        for names in (True, False):
            for number, choice in enumerate(sizes, start=1):
                unrolled = Unrolled(what, choice, T, Algebra(budget, names, deadline))
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


def _sizes(derivation: Derivation | NetworkDerivation, T: int) -> list[dict[str, int]]:
    """Sizes to try, the most telling first."""
    if isinstance(derivation, NetworkDerivation):
        choices = _ONE_STEP if T == 1 else _NETWORK_MORE_STEPS
        sizes = [default_network_dims(derivation.network, choice) for choice in choices]
    else:
        sizes = [default_dims(derivation.cell, choice) for choice in (_ONE_STEP if T == 1 else _MORE_STEPS)]
    return [choice for k, choice in enumerate(sizes) if choice not in sizes[:k]]
