"""What can be wrong in a network: its blocks' own mistakes, and another mean of its loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations

import sympy

from ...checking.interpreter import Changes
from ...derivation import Derivation
from ...equations import Equation, Network, Term
from ...equations.shapes import names_in
from ...language.wiring import EACH, has_steps
from ...mistakes import Formulas, Mistake, all_mistakes


def other_means(network: Network) -> Iterator[Network]:
    """The network with other means of its loss."""
    assert network.loss is not None
    axis = network.axes[network.loss]
    axes = [axis, EACH] if has_steps(axis) else [EACH]
    for count in range(len(axes) + 1):
        for mean in combinations(axes, count):
            if set(mean) != set(network.mean):
                yield replace(network, mean=mean)


def in_words(network: Network) -> str:
    """What its loss is over steps and sequences."""
    return f"a mean over {' and '.join(network.mean)}" if network.mean else "a sum"


def mistakes_in_a_block(
    used: frozenset[str], derivation: Derivation, changes: Changes, formulas: Callable[[], Formulas]
) -> Iterator[Mistake]:
    """The mistakes of cells, but for what is rather said of another line: a factor on all of a block's gradients of
    what they come from, and one on a mere name for what comes from above (δ = ε) of the only line that reads it; of the
    gradients those that are `used`."""
    gradients = [equation for equation in derivation.gradients if equation.name in used]
    whole = {equation.name for equation in gradients if equation.why == "parameter"}
    names = {
        e.name
        for e in derivation.adjoints
        if [term.rule for term in e.terms] == ["upstream"]
        and sum(e.name in names_in(reader.expr) for reader in (*derivation.adjoints, *gradients)) == 1
    }
    for mistake in all_mistakes(derivation, changes, formulas):
        factor = mistake.kind in ("sign", "scale") and len(whole) > 1 and mistake.changes.keys() >= whole
        if not factor and not mistake.changes.keys() <= names:
            yield mistake


def input_equation(derivation: Derivation, part: str) -> Equation | None:
    """The gradient of an input, by the cell's name of it."""
    found = (e for e in derivation.gradients if e.why == "input")
    return next((e for e in found if derivation.variables[e.name].written == part), None)


def with_gradient(derivation: Derivation, name: str, expr: sympy.Expr, terms: tuple[Term, ...]) -> Derivation:
    """A derivation with another right side of one gradient."""
    summands = terms or tuple(Term(term, "addition") for term in sympy.Add.make_args(expr) if term != 0)
    gradients = tuple(
        replace(e, expr=expr, terms=summands, written=None) if e.name == name else e for e in derivation.gradients
    )
    return replace(derivation, gradients=gradients)
