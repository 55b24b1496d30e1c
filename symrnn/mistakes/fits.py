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

from ..checking.interpreter import Backward, run_backward
from ..checking.kit import Array
from ..checking.oracles import Key
from ..derivation import Derivation
from ..derivation.moments import At
from ..equations import Equation, Term
from ..equations.shapes import names_in, shape_of
from ..operations import BY_HEAD
from ..operations.structured import transpose
from ..sizes import Shape
from .mistake import Kind, Mistake, with_terms

_SAME = 1e-7
_COST = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the code gave for a probe of one step and one sequence, and the derivation's run there as it is by now."""

    gradients: Mapping[Key, Array]
    run: Backward

    @property
    def shapes(self) -> Mapping[str, Shape]:
        return {name: variable.shape for name, variable in self.run.derivation.variables.items()}

    def value(self, expr: sympy.Expr, shape: Shape) -> Array:
        """A term's value at the probe."""
        return self.run.evaluator(0).spread(expr, shape)[0]

    def sample(self, factor: sympy.Expr, shape: Shape) -> Array | None:
        """The values of a factor, unit by unit, where it has one for each."""
        if factor.is_number or shape_of(factor, self.shapes) != shape:
            return None
        value = self.value(factor, shape)
        return value if np.isfinite(value).all() and np.abs(value).min(initial=1) > 0 else None

    def terms(self, equation: Equation) -> tuple[Term, ...]:
        """The summands of an equation as it stands by now."""
        if equation.name not in self.run.changes:
            return equation.terms
        return tuple(Term(term, "addition") for term in sympy.Add.make_args(self.run.expr(equation)))


def fitted_mistakes(seen: Seen) -> Iterator[Mistake]:
    """Mistakes that the numbers of a probe suggest; whether they are made is for the search to see."""
    if len(seen.run.steps) > 1 or seen.run.tape.of.sequences != 1:
        return
    derivation = seen.run.derivation
    with np.errstate(all="ignore"):
        for equation in derivation.adjoints:
            if equation.kind == "carry":
                state = next(s for s, carry in derivation.carries.items() if carry == equation.name)
                yield from _of_sum(seen, equation, seen.gradients.get(("state", state)))
            elif len(equation.shape) == 1:
                yield from _of_products(seen, equation)
        for equation in derivation.gradients:
            if equation.why == "input":
                computed = seen.gradients.get(("x", derivation.variables[equation.name].written))
                yield from _of_sum(seen, equation, None if computed is None else computed[0])


# Products ----------------------------------------------------------------------------------------------------


def _of_products(seen: Seen, equation: Equation) -> Iterator[Mistake]:
    """The ratio of an adjoint as computed to the one that is right, as a product of powers."""
    ratios = [r for r in _ratios(seen, equation) if not np.allclose(r, 1, rtol=_SAME, atol=0)]
    factors = _factors(seen, equation) if ratios else []
    for ratio in ratios:
        yield from _of_ratio(seen, equation, ratio, factors)


def _of_ratio(
    seen: Seen, equation: Equation, ratio: Array, factors: list[tuple[sympy.Expr, Array]]
) -> Iterator[Mistake]:
    right, terms, shape = seen.run.steps[0][equation.name][0], seen.terms(equation), equation.shape
    values = [seen.value(term.expr, shape) for term in terms]
    for place, (term, value) in enumerate(zip(terms, values, strict=True)):
        # One term is wrong and the others are right, or there is no other that counts here.
        wrong = ratio * right - (right - value)
        own = [(f, v) for f in sympy.Mul.make_args(term.expr) if (v := seen.sample(f, shape)) is not None]
        product = _product(wrong / value, own, factors)
        if product is not None:
            expr = term.expr * product
            changed = (*terms[:place], replace(term, expr=expr, factor=None), *terms[place + 1 :])
            yield with_terms(equation, changed, _kind(term.expr, expr), _COST)


def _ratios(seen: Seen, equation: Equation) -> list[Array]:
    """How many times too large the adjoint is, unit by unit, by the arrays that it enters as a factor; where these do
    not agree, something is wrong on the way to some of them as well."""
    run, turned = seen.run, At(equation.name, "dial")
    dial = np.linspace(1.1, 1.9, run.steps[0][equation.name][0].size)
    tape = replace(run.tape, steps=[{**run.tape.steps[0], turned: dial[None]}])
    moved = run_backward(tape, {**run.changes, equation.name: run.expr(equation) * turned}, run).gradients
    ratios: list[Array] = []
    for key, computed in seen.gradients.items():
        mine = run.gradients[key]
        if not mine.ndim or len(mine) != len(dial) or key[0] != "params" or not mine.any():
            continue
        if not np.allclose(moved[key], dial.reshape(-1, *(1,) * (mine.ndim - 1)) * mine, rtol=_SAME, atol=0):
            continue
        flat, given = mine.reshape(len(mine), -1), computed.reshape(len(mine), -1)
        ratio = (flat * given).sum(axis=1) / (flat * flat).sum(axis=1)
        if not np.allclose(given, ratio[:, None] * flat, rtol=1e-6, atol=1e-12 * np.abs(given).max(initial=0)):
            continue
        if not any(np.allclose(other, ratio, rtol=1e-6, atol=1e-12) for other in ratios):
            ratios.append(ratio)
    return ratios


def _factors(seen: Seen, equation: Equation) -> list[tuple[sympy.Expr, Array]]:
    """What may be a factor: the factors of the derivation itself, values and what activations make of them."""
    derivation = seen.run.derivation
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
                if not base.is_number and names_in(base) <= seen.run.steps[0].keys():
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
    sampled = [(expr, seen.sample(expr, equation.shape)) for expr in usable]
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


def _kind(was: sympy.Expr, now: sympy.Expr) -> Kind:
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


def _of_sum(seen: Seen, equation: Equation, computed: Array | None) -> Iterator[Mistake]:
    """Each term with a coefficient, and where a matrix is square, the term with it untransposed."""
    if computed is None or not computed.size:
        return
    terms = seen.terms(equation)
    candidates: list[Term] = list(terms)
    for term in terms:
        for turned in term.expr.atoms(transpose):
            rows, columns = shape_of(turned.args[0], seen.shapes)
            if rows == columns:
                candidates.append(replace(term, expr=term.expr.xreplace({turned: turned.args[0]})))
    if computed.size < len(candidates) + 2:
        return
    basis = np.array([seen.value(term.expr, equation.shape).ravel() for term in candidates])
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
    kind: Kind = "missing transpose" if any(t.expr not in {x.expr for x in terms} for t in changed) else "missing path"
    if len(changed) == len(terms) and kind == "missing path":
        return
    if len(changed) == len(terms) and any((t.expr / x.expr).is_number for t, x in zip(changed, terms, strict=True)):
        kind = "scale"
    yield with_terms(equation, tuple(changed), kind, _COST)
