"""A cell's equations as a fast kernel computes them: pieces that both passes share have a name, adjoints that only pass
a factor on are put into their readers, and what nobody reads is left out."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

import sympy

from ...derivation import Derivation
from ...derivation.analysis import Analysis, live, names_read, reached
from ...equations.shapes import names_in, shape_of
from ...operations.entry import SizeSymbol
from ...operations.functions import Elementwise
from ...operations.structured import Structured
from ...sizes import Shape
from .formula import Formula, formula


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The formulas of both passes in their order of computation, the shapes of all names, and those that have an axis
    of sequences."""

    forward: tuple[Formula, ...]
    backward: tuple[Formula, ...]
    gradients: tuple[Formula, ...]
    shapes: dict[str, Shape]
    batched: frozenset[str]


def rewrite(derivation: Derivation) -> Rewritten:
    """What has to be computed, without a word about where."""
    analysis, variables = Analysis(derivation), derivation.variables.values()
    shapes = analysis.shapes
    forward = [Formula.of(equation) for equation in derivation.forward]
    backward = [Formula.of(equation) for equation in derivation.adjoints]
    gradients = [Formula.of(equation) for equation in analysis.gradients]
    # An output that depends on parameters alone is spread over steps and sequences; what it is a function of is not.
    spread = analysis.leaving - reached((v.name for v in variables if v.role in ("input", "previous")), forward)
    forward, shared = _share_functions(forward, [*backward, *gradients], shapes, spread)
    backward, gradients = ([line.rewritten(shared) for line in lines] for lines in (backward, gradients))
    carries = set(derivation.carries.values())
    backward, gradients = _eliminate(backward, gradients, shapes, carries)
    backward = live(backward, carries | names_read(gradients))
    batched = _batched(derivation, forward, shapes)
    forward = live(forward, analysis.leaving | names_read([*backward, *gradients]))
    return Rewritten(forward, backward, tuple(gradients), shapes, batched)


def _batched(derivation: Derivation, forward: list[Formula], shapes: dict[str, Shape]) -> frozenset[str]:
    """Names with an axis of sequences, among them constants that need a size, which parameters alone may not show, and
    what rests on these."""
    found = derivation.batched | {
        line.name
        for line in forward
        if len(shape_of(line.expr, shapes)) < len(line.shape) or not line.reads or line.expr.atoms(SizeSymbol)
    }
    found |= reached(found, forward)
    return found | {name for value, name in derivation.adjoint_of.items() if value in found}


def fresh(wish: str, names: Container[str]) -> str:
    """A name that no value has."""
    while wish in names:
        wish += "_"
    return wish


# Shared pieces -----------------------------------------------------------------------------------------------


def _share_functions(
    forward: list[Formula], backward: list[Formula], shapes: dict[str, Shape], spread: frozenset[str]
) -> tuple[list[Formula], dict[sympy.Expr, sympy.Expr]]:
    """A function of forward values that the backward pass uses again gets a name: tanh(c) in h = o ⊙ tanh(c)."""
    roots = {line.terms[0] for line in forward if len(line.terms) == 1 and line.name not in spread}
    backwards = {atom for line in backward for atom in line.expr.atoms(Elementwise)}
    shared: dict[sympy.Expr, sympy.Expr] = {}
    result: list[Formula] = []
    for line in forward:
        again = [a for a in line.expr.atoms(Elementwise) if a in backwards and a not in shared and a not in roots]
        for atom in sorted(again, key=lambda a: (len(str(a)), str(a))) if again[1:] else again:
            name = fresh("_".join([type(atom).__name__, *sorted(names_in(atom))]), shapes)
            shapes[name] = shape_of(atom, shapes)
            result.append(formula(name, (atom.xreplace(shared),), shapes[name]))
            shared[atom] = sympy.Symbol(name)
        result.append(line.rewritten(shared))
    # Where the function is the whole right side of a line, the line's name stands for it everywhere.
    named = {line.name for line in forward} - spread
    for line in result:
        if line.name in named and len(line.terms) == 1 and isinstance(line.terms[0], Elementwise):
            shared[line.terms[0]] = sympy.Symbol(line.name)
    return result, shared


# Adjoints that only pass a factor on -------------------------------------------------------------------------


def _eliminate(
    backward: list[Formula], gradients: list[Formula], shapes: dict[str, Shape], carries: set[str]
) -> tuple[list[Formula], list[Formula]]:
    """Drop adjoints that are another adjoint times a factor and are themselves only multiplied: δ_a_f = δ_f ⊙ f (1 − f)
    with δ_f = δ_c ⊙ c_{t−1} becomes δ_a_f = δ_c ⊙ (c_{t−1} ⊙ f ⊙ (1 − f)), whose factor no carry reaches."""
    deltas = {line.name for line in backward} - carries
    readers: dict[str, list[tuple[int, Formula, sympy.Expr]]] = {}
    for place, reader in enumerate((*backward, *gradients)):
        for term in reader.terms:
            for name in names_in(term) & deltas:
                readers.setdefault(name, []).append((place, reader, term))
    values: dict[sympy.Expr, sympy.Expr] = {}
    kept: list[Formula] = []
    for place, line in enumerate(backward):
        line = line.rewritten(values) if any(sympy.Symbol(name) in values for name in line.reads) else line
        later = [(reader, term) for at, reader, term in readers.get(line.name, ()) if at > place]
        if later and _is_passed_on(line, deltas, shapes) and all(_only_multiplied(line, *reader) for reader in later):
            values[sympy.Symbol(line.name)] = line.terms[0]
        else:
            kept.append(line)
    return kept, [line.rewritten(values) for line in gradients]


# A product that grows from line to line would make a long cell's code grow as the square of its length.
_LONGEST = 6


def _is_passed_on(line: Formula, deltas: set[str], shapes: dict[str, Shape]) -> bool:
    if len(line.terms) != 1 or line.terms[0].atoms(Structured):
        return False
    factors = sympy.Mul.make_args(line.terms[0])
    sources = [f for f in factors if f.is_Symbol and f.name in deltas]
    return len(factors) <= _LONGEST and len(sources) == 1 and shapes[sources[0].name] == line.shape


def _only_multiplied(line: Formula, reader: Formula, term: sympy.Expr) -> bool:
    return len(reader.shape) == len(line.shape) and sympy.Symbol(line.name) in sympy.Mul.make_args(term)


def source_and_factor(term: sympy.Expr, deltas: Container[str]) -> tuple[sympy.Symbol, sympy.Expr] | None:
    """A term δ ⊙ k, whose k rests on no adjoint, as (δ, k)."""
    factors = sympy.Mul.make_args(term)
    sources = [factor for factor in factors if factor.is_Symbol and factor.name in deltas]
    if len(sources) != 1:
        return None
    rest = [factor for factor in factors if factor is not sources[0]]
    if any(name in deltas for factor in rest for name in names_in(factor)):
        return None
    return sources[0], sympy.Mul(*rest)
