"""Edits of a backward pass: the mistakes that people make, as other right sides for its equations.

Those of one formula, and of its steps, are the mutants that the checks themselves are measured by
(`checking.mutants`). What is added here needs the run as a whole: initial states that were forgotten, a recurrence that
is cut, gradients that leave out their past, and one scale on many arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import sympy

from ..checking.mutants import Cue, Mutant, mutate
from ..derivation import Derivation
from ..equations import Equation, Term
from ..equations.shapes import names_in, shape_of
from ..operations.entry import ShapeClash
from .model import BAR, Changes, base_of, special


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """Equations that are changed, what kind of mistake that is, and how far-fetched: the plainest explanation wins.

    `terms` are the summands of a changed equation, where it is one alone. `note` says in words what a formula of one
    step does not show. `about` are the equations to speak of, where these are not the changed ones.
    """

    changes: Mapping[str, sympy.Expr]
    kind: str
    cost: float
    note: str = ""
    terms: tuple[Term, ...] = ()
    about: Mapping[str, sympy.Expr] = field(default_factory=dict)


_TAGS = {"is first": "first", "is last": "final", "steps": "T", "sequences": "N"}
_SHIFTS = {"previous": "-1", "next": "+1", "last": "T"}


def edits_of_formulas(derivation: Derivation) -> Mapping[str, Sequence[Edit]]:
    """The mutants of every equation, by its name."""
    found: dict[str, list[Edit]] = {}
    for mutant in mutate(derivation):
        edit = _as_edit(derivation, mutant)
        if edit is not None:
            (name,) = edit.changes
            found.setdefault(name, []).append(edit)
    return found


def _as_edit(derivation: Derivation, mutant: Mutant) -> Edit | None:
    """A mutant in the names that the model knows."""
    if any(cue.moment == "is odd" for cue in mutant.cues):
        return None
    if derivation.equations[0].number <= mutant.number and mutant.equation.number != mutant.number:
        return None  # of an initial state, by way of the carry: the model has that gradient's own equation
    names = {sympy.Symbol(cue.name): _known(cue) for cue in mutant.cues}
    equation = mutant.equation
    terms = tuple(replace(term, expr=term.expr.xreplace(names)) for term in equation.terms)
    cost = 1.5 if mutant.cues else 1.0
    expr = sympy.Add(*(term.expr for term in terms))
    kind = "missing carry" if equation.kind == "carry" and expr == 0 else mutant.kind
    return Edit({equation.name: expr}, kind, cost, terms=terms)


def _known(cue: Cue) -> sympy.Symbol:
    return special(cue.of, _SHIFTS[cue.moment]) if cue.of else special("", _TAGS[cue.moment])


def edits_in_time(derivation: Derivation, equation: Equation, expr: sympy.Expr) -> Iterator[Edit]:
    """The further edits of one equation, whose right side is `expr` by now."""
    if equation.why == "initial":
        yield Edit({equation.name: sympy.S.Zero}, "missing path", 1.0, "it is left at zero")
        yield Edit({equation.name: -expr}, "sign", 1.0)
    elif equation.kind == "gradient":
        average = expr / (special("", "T") * special("", "N"))
        yield Edit({equation.name: average}, "scale", 1.4, "divided by T·N: a mean over all steps and sequences")
    yield from _boundaries(derivation, equation, expr)
    yield from _hand_backs(derivation, equation, expr)


def _boundaries(derivation: Derivation, equation: Equation, expr: sympy.Expr) -> Iterator[Edit]:
    """What stands for the initial state in the first step."""
    for state in derivation.cell.program.states:
        if state.previous not in names_in(expr):
            continue
        old = sympy.Symbol(state.previous)
        told = {
            "zero": ("first step", f"the initial {state.name} is taken for zero"),
            "wrap": ("first step", f"in the first step the last {state.name} stands for the initial one, as list[-1]"),
            "back": ("wrong time index", f"{state.name} is one step too old, as list[t − 1] gives it"),
            "ahead": ("wrong time index", f"but for the first step it is the new {state.name}"),
            "start": ("wrong time index", f"the initial {state.name} is used at every step"),
        }
        for tag, (kind, note) in told.items():
            yield Edit({equation.name: expr.xreplace({old: special(state.previous, tag)})}, kind, 1.3, note)
    for name in sorted(names_in(expr)):
        if BAR not in name and derivation.variables[name].role in ("input", "value"):
            note = f"{name} is one step too old, as list[t − 1] gives it"
            older = expr.xreplace({sympy.Symbol(name): special(name, "back")})
            yield Edit({equation.name: older}, "wrong time index", 1.4, note)


def _hand_backs(derivation: Derivation, equation: Equation, expr: sympy.Expr) -> Iterator[Edit]:
    """What comes in from the step after."""
    names = names_in(expr)
    if equation.kind == "adjoint":
        for state, carry in derivation.carries.items():
            if carry in names:
                cut = expr.xreplace({sympy.Symbol(carry): special(carry, "alone")})
                note = f"what comes back through {state} reaches one step and no further"
                yield Edit({equation.name: cut}, "truncated carry", 1.6, note)
    adjoints = [name for name in names if BAR not in name and derivation.variables[name].role == "adjoint"]
    if adjoints and equation.kind == "gradient":
        alone = {sympy.Symbol(name): special(name, "local") for name in adjoints}
        note = "what comes back from later steps is left out"
        yield Edit({equation.name: expr.xreplace(alone)}, "missing carry", 1.3, note)
        bare = {sympy.Symbol(name): special(name, "bare") for name in adjoints}
        note += ", and what comes from outside at the end as well"
        yield Edit({equation.name: expr.xreplace(bare)}, "missing carry", 1.4, note)


def wrong_factors(*, over_time: bool) -> Iterator[tuple[sympy.Expr, str, str]]:
    """Factors of a whole gradient, each with its kind and in words: signs and scales that people mistake for one
    another, and for sums over time the steps that are lost."""
    T, N, first = special("", "T"), special("", "N"), special("", "first")
    yield sympy.Integer(-1), "sign", "the sign is turned"
    yield 1 / T, "scale", "divided by the number of steps T"
    yield 1 / N, "scale", "divided by the number of sequences N"
    yield 1 / (T * N), "scale", "divided by T·N"
    yield T, "scale", "multiplied by the number of steps T"
    yield N, "scale", "multiplied by the number of sequences N"
    yield sympy.Integer(2), "scale", "doubled"
    yield sympy.Rational(1, 2), "scale", "halved"
    if over_time:
        yield special("", "final"), "lost accumulation", "the last step alone counts"
        yield first, "lost accumulation", "the first step alone counts"
        yield 1 - first, "first step", "the first step is left out of the sum"


def _ended_loops(derivation: Derivation, changes: Changes) -> Iterator[Edit]:
    """A loop over time that ends before the first step: what was to be handed back then stays as it is."""
    for steps in (1, 2, 3):
        reached = special("", f"late{steps}")
        changed: dict[str, sympy.Expr] = {}
        about: dict[str, sympy.Expr] = {}
        for equation in (*derivation.adjoints, *derivation.gradients):
            expr = changes.get(equation.name, equation.expr)
            if equation.kind == "carry":
                changed[equation.name] = reached * expr + (1 - reached) * equation.symbol
                about[equation.name] = reached * expr
            elif equation.kind == "gradient" and equation.why != "initial":
                changed[equation.name] = reached * expr
        note = f"the loop over time ends after {steps} step{'s' if steps > 1 else ''}"
        yield Edit(changed, "truncated carry", 1.0 + steps / 100, note, about=about)


def fits(derivation: Derivation, equation: Equation, expr: sympy.Expr) -> bool:
    """Whether an expression has the shape of what an equation defines."""
    shapes = {name: variable.shape for name, variable in derivation.variables.items()}
    names = {n for n in names_in(expr) if BAR in n}
    try:
        return shape_of(expr, shapes | {n: shapes.get(base_of(n), ()) for n in names}) == equation.shape
    except ShapeClash:
        return False


def edits_of_many(derivation: Derivation, changes: Changes) -> Iterator[Edit]:
    """One scale on many arrays: on everything, all parameters, all matrices, all vectors; a loop that ends too soon."""
    yield from _ended_loops(derivation, changes)
    parameters = [e for e in derivation.gradients if e.why == "parameter"]
    groups: tuple[tuple[str, Sequence[Equation]], ...] = (
        ("every gradient", derivation.gradients),
        ("the gradients of all parameters", parameters),
        ("the gradients of all matrices", [e for e in parameters if len(e.shape) == 2]),
        ("the gradients of all vectors", [e for e in parameters if len(e.shape) == 1]),
    )
    seen: set[tuple[str, ...]] = set()
    for place, (words, group) in enumerate(groups):
        names = tuple(e.name for e in group)
        if len(names) < 2 or names in seen:
            continue
        seen.add(names)
        for factor, kind, note in wrong_factors(over_time=all(e.over_time for e in group)):
            changed = {e.name: factor * changes.get(e.name, e.expr) for e in group}
            # Twice everything is rather what comes from above twice, which is an edit of its own.
            cost = 0.9 if factor not in (2, sympy.Rational(1, 2)) else 1.1
            yield Edit(changed, kind, cost + place / 100, f"{words}: {note}")
