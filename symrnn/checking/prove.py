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
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import sympy

from ..arguments import instance, whole
from ..derivation import Derivation, derive
from ..equations import Cell
from ..equations.sample import complete_dims, default_dims
from ..library import as_cell
from .polynomials import Algebra
from .proof import ArrayProof, Proof
from .symbols import LEMMAS, prove_lemma
from .unrolled import Unrolled

# Sizes for one step, all different, and for more steps; expressions grow with the product of all sizes and the number
# of steps, so where the first sizes are beyond the budget, the next are tried.
_ONE_STEP = ((2, 3, 4, 5, 6, 7), (2, 3, 1, 2, 1, 2), (1, 2, 1, 2, 1, 2))
_MORE_STEPS = ((1, 2, 3, 4, 5, 6), (1, 2, 2, 1, 2, 1), (1, 1, 2, 1, 2, 1), (1, 1, 1, 1, 1, 1))


def prove(
    source: Cell | str | Callable[..., Any],
    *,
    derivation: Derivation | None = None,
    dims: Mapping[str, int] | None = None,
    steps: tuple[int, ...] = (1, 2),
    budget: int = 2_000_000,
) -> Proof:
    """Prove a cell's derived gradient in scalar components, at one step and at two.

    `derivation` is proved in place of the cell's own. `dims` sets sizes for every number of steps. `budget` bounds the
    algebra of one entry, in products of terms: an entry beyond it is listed as not proved.
    """
    start = time.perf_counter()
    cell = as_cell(source)
    for T in instance("steps", steps, (tuple, list), "the numbers of steps, such as (1, 2)"):
        whole("steps", T, 1)
    whole("budget", budget, 1)
    derived = derivation if derivation is not None else derive(cell)
    arrays: list[ArrayProof] = []
    used: dict[type[sympy.Function], None] = {}
    for T in steps:
        found: list[ArrayProof] = []
        sizes = _sizes(cell, dims, T)
        # With names first: it is quick and nearly always enough. Without, equal arguments are equal however written.
        for names in (True, False):
            tried, functions, sizes = _attempt(cell, derived, sizes, T, budget, names)
            used |= dict.fromkeys(functions)
            found = [min(pair, key=lambda a: len(a.failures)) for pair in zip(found or tried, tried, strict=True)]
            if all(found):
                break
        arrays += found
    lemmas: list[str] = []
    for function, lemma in LEMMAS.items():
        if function in used:
            if not prove_lemma(function):
                raise AssertionError(f"the lemma {lemma.statement} does not hold")
            lemmas.append(lemma.statement)
    return Proof(cell.name, tuple(arrays), tuple(lemmas), time.perf_counter() - start)


def _sizes(cell: Cell, dims: Mapping[str, int] | None, T: int) -> list[dict[str, int]]:
    """Sizes to try, the most telling first."""
    if dims is not None:
        return [complete_dims(cell, dims)]
    sizes = [default_dims(cell, choice) for choice in (_ONE_STEP if T == 1 else _MORE_STEPS)]
    return [choice for k, choice in enumerate(sizes) if choice not in sizes[:k]]


def _attempt(
    cell: Cell, derivation: Derivation, sizes: list[dict[str, int]], T: int, budget: int, names: bool
) -> tuple[list[ArrayProof], set[type[sympy.Function]], list[dict[str, int]]]:
    """The proof at the first sizes at which the derived equations are within the budget; those sizes, to stay with."""
    for number, choice in enumerate(sizes, start=1):
        unrolled = Unrolled(cell, derivation, choice, T, Algebra(budget, names))
        proofs = unrolled.prove(give_up=number < len(sizes))
        if proofs:
            return proofs, unrolled.functions(), [choice]
    raise AssertionError("the last sizes always give a proof")
