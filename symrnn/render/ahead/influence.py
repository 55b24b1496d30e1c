"""RTRL on paper: local Jacobians, what a parameter does at once, and the recurrence of each influence matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy

from ...derivation import Derivation, Influence
from ...derivation.analysis import reached
from ...derivation.eligibility import learned_states, slope, split
from ...equations import Equation
from ...equations.shapes import names_in
from ...operations.structured import matmul
from ...sizes import Shape
from .. import tree as t
from ..document import Legend, Row, Section
from ..jacobian import LONGEST, Jacobian, NoClosedForm, Path, jacobian_tree, local_jacobians, path_tree, paths_from
from ..names import Name
from ..printers.text import show_size
from ..prose import Prose, fill, listed
from .costs import costs_words
from .leaf import Leaf, added


def sections_of_influence(influence: Influence, leaf: Leaf) -> tuple[Section, ...]:
    phrases, derivation = leaf.language.phrases, influence.derivation
    jacobians = [j for j in local_jacobians(derivation) if j.state in reached([j.previous], derivation.forward)]
    local = [leaf.formula(*jacobian_tree(j, leaf.display)) for j in jacobians if j.paths is not None]
    direct: list[Row] = []
    unknown = [t.Partial(leaf.symbol(j.state), leaf.symbol(j.previous)) for j in jacobians if j.paths is None]
    recurrences: list[Row] = []
    for param in influence.rates:
        found = _direct(derivation, leaf, param)
        direct += [
            leaf.formula(_at_once(leaf, state, param), tree) for state, tree in found.items() if tree is not None
        ]
        unknown += [_at_once(leaf, state, param) for state, tree in found.items() if tree is None]
        learned = learned_states(derivation, [param])
        for state in learned:
            terms = [
                t.Signed(False, t.MatrixProduct(_local(leaf, j), leaf.total(j.previous, param)))
                for j in jacobians
                if j.state == state.new and any(other.previous == j.previous for other in learned)
            ]
            terms += [t.Signed(False, _at_once(leaf, state.new, param))] if state.new in found else []
            number = len(derivation.forward) + len(recurrences) + 1
            recurrences.append(leaf.formula(leaf.total(state.new, param), added(terms), number))
    open_words = (fill(phrases["influence_open"], what=listed(unknown, leaf.language)),) if unknown else ()
    parts = (
        leaf.forward,
        leaf.section("influence_local", tuple(local), (phrases["influence_local_words"],)),
        leaf.section("influence_direct", tuple(direct), *open_words),
        leaf.section("influence", tuple(recurrences), (phrases["influence_words"],)),
        leaf.section("influence_gradient", (), _gradient_words(influence, leaf)),
        leaf.section("costs", (), *costs_words(derivation, leaf)),
    )
    return tuple(section for section in parts if section.rows or section.key not in ("influence_local", "influence"))


def legend_of_influence(influence: Influence, leaf: Leaf) -> Iterator[Legend]:
    """Each influence matrix with its sizes: the state's, and those of all entries of the parameter."""
    phrases, derivation = leaf.language.phrases, influence.derivation
    groups: dict[tuple[Any, Any], list[t.Tree]] = {}
    for param in influence.rates:
        for state in learned_states(derivation, [param]):
            key = derivation.variables[state.new].shape, derivation.variables[param].shape
            groups.setdefault(key, []).append(leaf.total(state.new, param))
    for (state, param), trees in groups.items():
        size = " × ".join(map(_entries, (state, param)))
        yield Legend(listed(trees, leaf.language), fill(phrases["influence_size"], size=size))


def _entries(shape: Shape) -> str:
    """How many entries an array has."""
    sizes = [f"({size})" if " " in size else size for size in map(show_size, shape)]
    return f"({'·'.join(sizes)})" if len(sizes) > 1 else sizes[0] if sizes else "1"


def _at_once(leaf: Leaf, state: str, param: str) -> t.Tree:
    return t.Partial(leaf.symbol(state), leaf.symbol(param))


def _local(leaf: Leaf, jacobian: Jacobian) -> t.Tree:
    return t.Partial(leaf.symbol(jacobian.state), leaf.symbol(jacobian.previous))


def _direct(derivation: Derivation, leaf: Leaf, param: str) -> dict[str, t.Tree | None]:
    """∂s_t/∂θ within the step, for the states that a parameter reaches there; None where there is no closed form."""
    reached_names = reached([param], derivation.forward)
    states = [state.new for state in derivation.cell.program.states if state.new in reached_names]
    terms: dict[str, list[t.Signed]] = {state: [] for state in states}
    try:
        for equation in derivation.forward:
            for factor, row in _seeds(derivation, equation, param):
                paths = paths_from(derivation, equation.name, factor)
                for state in states:
                    terms[state] += [_seeded(path, row, leaf) for path in paths.get(state, ())]
    except NoClosedForm:
        return dict.fromkeys(states)
    longest = max(map(len, terms.values()), default=0)
    return {state: added(found) if longest <= LONGEST else None for state, found in terms.items()}


def _seeds(derivation: Derivation, equation: Equation, param: str) -> Iterator[tuple[Any, Any]]:
    """What an equation makes of a parameter at once: a factor of each entry, and what stands beside it: of a matrix in
    W x the row xᵀ, of a number that every entry reads a column of ones, of a vector nothing."""
    if param not in equation.reads:
        return
    shape = derivation.variables[param].shape
    smooth, structured = split(equation)
    for atom in structured:
        if param not in names_in(atom):
            continue
        left, right = atom.args if isinstance(atom, matmul) else (None, None)
        if left != sympy.Symbol(param) or right is None or not right.is_Symbol or len(equation.shape) != 1:
            raise NoClosedForm
        yield equation.expr.coeff(atom), right
    factor = slope(equation, smooth, param)
    if factor != 0:
        if len(equation.shape) != 1 or shape not in (equation.shape, ()):
            raise NoClosedForm
        yield factor, None if shape else 1


def _seeded(path: Path, row: Any, leaf: Leaf) -> t.Signed:
    """The path from an equation to a state, times what the parameter does to the equation: (∂s/∂a) ⊗ xᵀ."""
    whole = t.signed(path_tree(path, leaf.display))
    if row is None:
        return whole
    if row == 1:
        ones = t.Constant("ones")
        return t.Signed(whole.negative, ones if not path else t.MatrixProduct(whole.node, ones))
    transposed = t.Transpose(leaf.symbol(row.name))
    return t.Signed(whole.negative, t.Product((whole.node, transposed), ("kronecker",)))


def _gradient_words(influence: Influence, leaf: Leaf) -> Prose:
    """∂L/∂θ step by step: what the backward equations of one step say when nothing comes back from later ones."""
    derivation, theta = influence.derivation, t.Symbol(Name("θ"))
    carries = [leaf.symbol(derivation.carries[s.name], "t") for s in derivation.cell.program.states]
    terms = [
        t.MatrixProduct(t.Transpose(_by_theta(leaf, s.previous)), carry)
        for s, carry in zip(derivation.cell.program.states, carries, strict=True)
    ]
    own = t.Symbol(Name("g", of=Name("θ"), time="t"))
    body = t.Sum(tuple(t.Signed(False, term) for term in (own, *terms)))
    formula = t.Equal(t.Partial(t.Symbol(Name("L")), theta), t.TimeSum(body))
    phrases = leaf.language.phrases
    return fill(
        phrases["influence_gradient_words"],
        formula=formula,
        own=own,
        carries=listed(carries, leaf.language),
        theta=theta,
    )


def _by_theta(leaf: Leaf, state: str) -> t.Tree:
    over = (leaf.display.naming(state), Name("θ"))
    return t.Quotient(*(t.Symbol(Name("d", of=name, prefixed=True)) for name in over))
