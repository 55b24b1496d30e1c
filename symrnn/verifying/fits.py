"""Formulas read off numbers: what no prepared edit explains is fitted.

One step, one sequence and many units make each unit a sample of the same local formula. An adjoint is never returned,
but arrays are that it enters as a factor, row by row: turning a dial on the adjoint in the model shows which. There the
ratio of what was computed to what is right is a product of powers of the derivation's own factors, a linear equation in
logarithms with whole coefficients. What a step hands back is a sum of terms, and the coefficients are fitted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import sympy

from ..checking.oracles import Key
from ..derivation import Derivation
from ..equations import Equation, Term
from ..equations.shapes import names_in, shape_of
from ..operations import BY_HEAD
from ..operations.structured import transpose
from .edits import Edit
from .model import Array, Changes, Model, Run, Tape, special

_SAME = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A probe of one step and one sequence, what the code gave for it, and the model as it is bent by now."""

    tape: Tape
    gradients: Mapping[Key, Array]
    run: Run


def fitted_edits(model: Model, seen: Seen, changes: Changes) -> Iterator[Edit]:
    """Edits that the numbers of a probe suggest; whether they hold is for the search to see."""
    if seen.run.values is None or seen.tape.point.N != 1:
        return
    derivation = model.derivation
    with np.errstate(all="ignore"):
        for equation in derivation.adjoints:
            terms = current_terms(equation, changes)
            if equation.kind == "carry":
                state = next(s for s, carry in derivation.carries.items() if carry == equation.name)
                yield from _of_sum(model, seen, equation, terms, seen.gradients.get(("state", state)))
            elif len(equation.shape) == 1:
                yield from _of_products(model, seen, changes, equation, terms)
        for equation in derivation.gradients:
            if equation.why == "input":
                computed = seen.gradients.get(("x", derivation.variables[equation.name].written))
                terms = current_terms(equation, changes)
                yield from _of_sum(model, seen, equation, terms, None if computed is None else computed[0])


def current_terms(equation: Equation, changes: Changes) -> tuple[Term, ...]:
    """The summands of an equation as it stands in the model by now."""
    expr = changes.get(equation.name)
    if expr is None:
        return equation.terms
    return tuple(Term(term, "addition") for term in sympy.Add.make_args(expr))


# Products ----------------------------------------------------------------------------------------------------


def _of_products(
    model: Model, seen: Seen, changes: Changes, equation: Equation, terms: tuple[Term, ...]
) -> Iterator[Edit]:
    """The ratio of an adjoint as computed to the one that is right, as a product of powers."""
    ratios = [r for r in _ratios(model, seen, changes, equation) if not np.allclose(r, 1, rtol=_SAME, atol=0)]
    if not ratios:
        return
    factors = _factors(model, seen, equation)
    for ratio in ratios:
        yield from _of_ratio(model, seen, equation, terms, ratio, factors)


def _of_ratio(
    model: Model,
    seen: Seen,
    equation: Equation,
    terms: tuple[Term, ...],
    ratio: Array,
    factors: list[tuple[sympy.Expr, Array]],
) -> Iterator[Edit]:
    assert seen.run.values is not None
    right = seen.run.values[equation.name][0]
    values = [_value(model, seen, equation, term.expr) for term in terms]
    for place, (term, value) in enumerate(zip(terms, values, strict=True)):
        # One term is wrong and the others are right, or there is no other that counts here.
        wrong = ratio * right - (right - value)
        own = [(f, v) for f in sympy.Mul.make_args(term.expr) if (v := _sample(model, seen, equation, f)) is not None]
        product = _product(wrong / value, own, factors)
        if product is not None:
            expr = term.expr * product
            changed = (*terms[:place], replace(term, expr=expr, factor=None), *terms[place + 1 :])
            yield _edit(equation, changed, _kind(term.expr, expr))


def _ratios(model: Model, seen: Seen, changes: Changes, equation: Equation) -> list[Array]:
    """How many times too large the adjoint is, unit by unit, by the arrays that it enters as a factor; where these do
    not agree, something is wrong on the way to some of them as well."""
    size = int(np.prod([size.value(seen.tape.point.dims) for size in equation.shape]))
    dial = np.linspace(1.1, 1.9, size).reshape(1, *(s.value(seen.tape.point.dims) for s in equation.shape))
    turned = special(equation.name, "dial")
    tape = replace(seen.tape, steps=({**seen.tape.steps[0], turned.name: dial},))
    right = changes.get(equation.name, equation.expr)
    run = model.run(tape, {**changes, equation.name: right * turned}, seen.run)
    ratios: list[Array] = []
    for key, computed in seen.gradients.items():
        mine, moved = seen.run.gradients[key], run.gradients[key]
        if not mine.ndim or mine.shape[0] != dial.shape[1] or key[0] != "params" or not mine.any():
            continue
        rows = dial[0].reshape(-1, *(1,) * (mine.ndim - 1))
        if not np.allclose(moved, rows * mine, rtol=_SAME, atol=0):
            continue
        flat, given = mine.reshape(len(mine), -1), computed.reshape(len(mine), -1)
        ratio = (flat * given).sum(axis=1) / (flat * flat).sum(axis=1)
        if not np.allclose(given, ratio[:, None] * flat, rtol=1e-6, atol=1e-12 * np.abs(given).max(initial=0)):
            continue
        if not any(np.allclose(other, ratio, rtol=1e-6, atol=1e-12) for other in ratios):
            ratios.append(ratio)
    return ratios


def _value(model: Model, seen: Seen, equation: Equation, expr: sympy.Expr) -> Array:
    """A term's value at the probe."""
    assert seen.run.values is not None
    return model.evaluate(equation, expr, seen.run.values, seen.tape)[0]


def _sample(model: Model, seen: Seen, equation: Equation, factor: sympy.Expr) -> Array | None:
    """The values of a factor, unit by unit, where it has one for each."""
    shapes = {name: variable.shape for name, variable in model.derivation.variables.items()}
    if factor.is_number or shape_of(factor, shapes) != equation.shape:
        return None
    value = _value(model, seen, equation, factor)
    return value if np.isfinite(value).all() and np.abs(value).min(initial=1) > 0 else None


def _factors(model: Model, seen: Seen, equation: Equation) -> list[tuple[sympy.Expr, Array]]:
    """What may be a factor: the factors of the derivation itself, values and what activations make of them."""
    derivation = model.derivation
    assert seen.run.values is not None
    earlier = [e.name for e in derivation.adjoints if e.kind == "adjoint"]
    earlier = earlier[: earlier.index(equation.name)]
    pool: dict[sympy.Expr, None] = {}
    for variable in derivation.variables.values():
        if variable.role in ("value", "previous", "input") or variable.name in earlier or variable.role == "upstream":
            pool.setdefault(sympy.Symbol(variable.name))
    for other in (*derivation.adjoints, *derivation.gradients):
        for term in other.terms:
            for factor in sympy.Mul.make_args(term.expr):
                base = factor.as_base_exp()[0]
                if not base.is_number and names_in(base) <= seen.run.values.keys():
                    pool.setdefault(base)
    timed = [s for state in derivation.cell.program.states for s in (state.previous, state.new)]
    for forward in derivation.forward:
        operation = BY_HEAD.get(type(forward.expr))
        if operation is None or not (operation.activation and operation.elementwise):
            continue
        slope = forward.expr.fdiff(1)
        taken = [forward.symbol, forward.expr.args[0], *map(sympy.Symbol, timed)]
        taken += [forward.expr.func(value, *forward.expr.args[1:]) for value in taken]
        for value in taken:
            for factor in (value, 1 - value, *sympy.Mul.make_args(slope.xreplace({forward.expr: value}))):
                pool.setdefault(factor)
    known = earlier_names(derivation, earlier)
    usable = [expr for expr in pool if names_in(expr) <= known]
    sampled = [(expr, _sample(model, seen, equation, expr)) for expr in usable]
    return [(expr, value) for expr, value in sampled if value is not None]


def earlier_names(derivation: Derivation, earlier: list[str]) -> set[str]:
    """The names that an equation may speak of: everything of the forward pass, and adjoints computed before it."""
    forward = {v.name for v in derivation.variables.values() if v.role not in ("adjoint", "carry", "gradient")}
    return forward | set(earlier)


def _product(
    ratio: Array, own: list[tuple[sympy.Expr, Array]], factors: list[tuple[sympy.Expr, Array]]
) -> sympy.Expr | None:
    """The ratio as a product: some of the term's own factors gone, at most two others in, and a simple number."""
    if not np.isfinite(ratio).all() or not np.abs(ratio).min() > 0:
        return None
    target = np.log(np.abs(ratio)).ravel()
    powers = [(expr**k, value**k) for expr, value in factors for k in (1, 2)]
    logs = np.log(np.abs(np.array([value.ravel() for _, value in powers])))
    for count in range(len(own) + 1):
        for gone in combinations(own, count):
            without = sympy.Mul(*(1 / expr for expr, _ in gone))
            lost = np.prod([value for _, value in gone], axis=0) if gone else np.ones_like(ratio)
            log = target + np.log(np.abs(lost)).ravel()
            for chosen in _matching(log, logs):
                value = np.prod([powers[k][1] for k in chosen], axis=0) if chosen else np.ones_like(ratio)
                number = _constant(ratio * lost / value)
                if number is not None:
                    return number * without * sympy.Mul(*(powers[k][0] for k in chosen))
    return None


def _matching(log: Array, logs: Array) -> Iterator[tuple[int, ...]]:
    """None, one or two rows whose sum is `log` up to a constant."""
    if np.ptp(log) < _SAME:
        yield ()
    rest = log - logs
    for k in np.flatnonzero(np.ptp(rest, axis=1) < _SAME):
        yield (int(k),)
    for k, row in enumerate(rest):
        for other in np.flatnonzero(np.ptp(row - logs[k:], axis=1) < _SAME):
            yield (k, k + int(other))


def _constant(ratio: Array) -> sympy.Expr | None:
    """The number that all entries are, where it is a simple one."""
    mean = float(np.mean(ratio))
    if not np.allclose(ratio, mean, rtol=_SAME, atol=0):
        return None
    number = sympy.Rational(mean).limit_denominator(64)
    return number if abs(float(number) - mean) <= _SAME * abs(mean) and number != 0 else None


def _kind(was: sympy.Expr, now: sympy.Expr) -> str:
    """What a person would call the difference between two products."""
    old, new = (set(sympy.Mul.make_args(expr)) for expr in (was, now))
    if now == -was:
        return "sign"
    if (now / was).is_number:
        return "scale"
    if new < old:
        return "missing factor"
    return "extra factor" if old < new else "wrong factor"


# Sums --------------------------------------------------------------------------------------------------------


def _of_sum(
    model: Model, seen: Seen, equation: Equation, terms: tuple[Term, ...], computed: Array | None
) -> Iterator[Edit]:
    """Each term with a coefficient, and where a matrix is square, the term with it untransposed."""
    if computed is None or not computed.size:
        return
    shapes = {name: variable.shape for name, variable in model.derivation.variables.items()}
    candidates: list[Term] = list(terms)
    for term in terms:
        for turned in term.expr.atoms(transpose):
            rows, columns = shape_of(turned.args[0], shapes)
            if rows == columns:
                candidates.append(replace(term, expr=term.expr.xreplace({turned: turned.args[0]})))
    if computed.size < len(candidates) + 2:
        return
    basis = np.array([_value(model, seen, equation, term.expr).ravel() for term in candidates])
    solution = np.linalg.lstsq(basis.T, computed.ravel(), rcond=None)[0]
    if not np.allclose(solution @ basis, computed.ravel(), rtol=0, atol=_SAME * np.abs(computed).max(initial=0)):
        return
    changed: list[Term] = []
    for term, number in zip(candidates, solution, strict=True):
        factor = sympy.Rational(float(number)).limit_denominator(8)
        if abs(float(factor) - number) > 1e-6:
            return
        if factor:
            changed.append(replace(term, expr=factor * term.expr, factor=None))
    kind = "missing transpose" if any(t.expr not in {x.expr for x in terms} for t in changed) else "missing path"
    if len(changed) == len(terms) and kind == "missing path":
        return
    if len(changed) == len(terms) and any((t.expr / x.expr).is_number for t, x in zip(changed, terms, strict=True)):
        kind = "scale"
    yield _edit(equation, tuple(changed), kind)


def _edit(equation: Equation, terms: tuple[Term, ...], kind: str) -> Edit:
    return Edit({equation.name: sympy.Add(*(term.expr for term in terms))}, kind, 2.0, terms=terms)
