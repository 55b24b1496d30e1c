"""The backward equations in the form in which people write them: adjoints at the net inputs, without stops between.

A person writes δ_a_f = δ_c ⊙ c_{t−1} ⊙ f ⊙ (1 − f) in one line; the derivation has two, δ_f and δ_a_f. An adjoint that
a single equation reads, as a factor, is written into that equation. So a wrong factor has one place where it can be,
whichever of the two lines a person would have put it on.
"""

from __future__ import annotations

from dataclasses import replace

import sympy

from ..derivation import Derivation
from ..equations import Equation, Term
from ..equations.shapes import names_in, shape_of

_FROM_OUTSIDE = ("upstream", "carry")


def fold(derivation: Derivation) -> Derivation:
    """The same backward pass in fewer equations; those that stay keep their numbers."""
    adjoints = list(derivation.adjoints)
    while (found := _next(derivation, adjoints)) is not None:
        inner, outer = found
        terms = tuple(_through(term, inner, outer) for term in inner.terms)
        merged = replace(outer, expr=sympy.Add(*(term.expr for term in terms)), terms=terms)
        adjoints = [merged if e.name == outer.name else e for e in adjoints if e.name != inner.name]
    return replace(derivation, adjoints=tuple(adjoints))


def _next(derivation: Derivation, adjoints: list[Equation]) -> tuple[Equation, Equation] | None:
    """An equation and the only one that reads it, where the two can be one."""
    everything = (*adjoints, *derivation.gradients)
    for inner in adjoints:
        if inner.kind != "adjoint" or any(term.rule in _FROM_OUTSIDE for term in inner.terms):
            continue
        readers = [equation for equation in everything if inner.name in names_in(equation.expr)]
        if len(readers) == 1 and _takes_as_factor(derivation, readers[0], inner):
            return inner, readers[0]
    return None


def _takes_as_factor(derivation: Derivation, outer: Equation, inner: Equation) -> bool:
    """Whether outer = inner ⊙ (something without it), entry by entry and of one shape."""
    if outer.kind != "adjoint" or len(outer.terms) != 1 or outer.shape != inner.shape:
        return False
    factors = sympy.Mul.make_args(outer.terms[0].expr)
    rest = [factor for factor in factors if factor != inner.symbol]
    if len(rest) != len(factors) - 1 or any(inner.name in names_in(factor) for factor in rest):
        return False
    shapes = {name: variable.shape for name, variable in derivation.variables.items()}
    # A scalar that stands for an array of equal entries is not written into a product.
    return all(shape_of(term.expr, shapes) == inner.shape for term in inner.terms)


def _through(term: Term, inner: Equation, outer: Equation) -> Term:
    (last,) = outer.terms
    local = last.expr / inner.symbol
    factor = None if term.factor is None or last.factor is None else term.factor * last.factor
    return Term(term.expr * local, last.rule, (*term.path, *last.path[1:]), last.through, factor)
