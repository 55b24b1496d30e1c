"""Scalar functions for SymPy, each with its derivative as a lemma, and a proof of each lemma.

The meaning of a cell on SymPy's symbols is written with these. SymPy's own `diff` does the differentiating: it applies
the chain, product and quotient rules and asks a function only for its derivative by its argument. That derivative is
the lemma, and `stand` checks it twice: the function's elementary definition has the values of the function that the
numbers are computed with, and SymPy's own `diff` and `simplify` get from it what the lemma says. A lemma without a
definition is assumed, and called so.

Functions with a kink are written with the indicator `Step(u)` = [u > 0], as relu(u) = u [u > 0]; its lemma is that it
is constant on either side of its jump. So what is proved of them holds away from their kinks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, Literal

import sympy

from .digits import numbers_of
from .kit import Kit, lifted, np

_HALF = sympy.Rational(1, 2)


class Scalar(sympy.Function):
    """A function of one number that SymPy leaves as it is."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return LEMMAS[type(self)].derivative(self.args[0])


class Exp(Scalar):
    pass


class Log(Scalar):
    pass


class Sin(Scalar):
    pass


class Cos(Scalar):
    pass


class Tanh(Scalar):
    pass


class Logistic(Scalar):
    pass


class Softplus(Scalar):
    pass


class NormalCdf(Scalar):
    pass


class Step(Scalar):
    pass


class Floor(Scalar):
    pass


class Shared(sympy.Dummy):
    """A leaf that stands for an expression; its derivative is a leaf that stands for the expression's derivative.

    SymPy differentiates trees, and walks over the whole result at every level. A recurrence is a small graph and an
    enormous tree; with leaves for the named values, what SymPy sees stays as small as the lines of the cell.
    """

    __slots__ = ("derivatives", "expr", "is_value", "leaves")

    expr: sympy.Expr
    leaves: set[sympy.Basic]
    is_value: bool
    derivatives: dict[sympy.Basic, sympy.Expr]

    @staticmethod
    def of(expr: sympy.Expr, is_value: bool = True) -> sympy.Expr:
        """A leaf for an expression that is not one already: a value of the cell, or a derivative of one."""
        if expr.is_Atom:
            return expr
        leaf = Shared("shared")
        leaf.expr, leaf.leaves, leaf.derivatives, leaf.is_value = expr, expr.free_symbols, {}, is_value
        return leaf

    @property
    def free_symbols(self) -> set[sympy.Basic]:
        return self.leaves

    def _eval_derivative(self, s: sympy.Basic) -> sympy.Expr:
        found = self.derivatives.get(s)
        if found is None:
            found = self.derivatives[s] = Shared.of(sympy.diff(self.expr, s), is_value=False)
        return found

    def _eval_derivative_n_times(self, s: sympy.Basic, n: int) -> sympy.Expr:
        return self._eval_derivative(s) if n == 1 else sympy.diff(self._eval_derivative(s), s, n - 1)


share = np.frompyfunc(Shared.of, 1, 1)
"""Leaves for the entries of an array."""


def spelled_out(expr: sympy.Expr, longest: int) -> sympy.Expr:
    """The expression with what its leaves stand for, as far as it stays within some number of operations."""
    while leaves := {leaf: leaf.expr for leaf in expr.atoms(Shared)}:
        longer = expr.xreplace(leaves)
        if longer.count_ops() > longest:
            break
        expr = longer
    return expr


Standing = Literal["checked", "assumed", "false"]
"""What can be said of a lemma: it follows from a definition that fits the function; nobody looked; it does not hold."""


@dataclass(frozen=True, slots=True)
class Lemma:
    """f′ as it is used, f's definition by functions that SymPy knows, and which function of a kit f is."""

    statement: str
    derivative: Callable[[Any], sympy.Expr]
    definition: Callable[[Any], sympy.Expr] | None
    computed: str


def normal_density(u: Any) -> sympy.Expr:
    return Exp(-u * u / 2) * (2 * sympy.pi) ** -_HALF


LEMMAS: dict[type[sympy.Function], Lemma] = {
    Exp: Lemma("exp′ = exp", lambda u: Exp(u), sympy.exp, "exp"),
    Log: Lemma("log′(u) = 1/u", lambda u: 1 / u, sympy.log, "log"),
    Sin: Lemma("sin′ = cos", lambda u: Cos(u), sympy.sin, "sin"),
    Cos: Lemma("cos′ = −sin", lambda u: -Sin(u), sympy.cos, "cos"),
    Tanh: Lemma(
        "tanh′ = 1 − tanh², where tanh(u) = (exp(u) − exp(−u))/(exp(u) + exp(−u))",
        lambda u: 1 - Tanh(u) ** 2,
        lambda u: (sympy.exp(u) - sympy.exp(-u)) / (sympy.exp(u) + sympy.exp(-u)),
        "tanh",
    ),
    Logistic: Lemma(
        "σ′ = σ (1 − σ), where σ(u) = 1/(1 + exp(−u))",
        lambda u: Logistic(u) * (1 - Logistic(u)),
        lambda u: 1 / (1 + sympy.exp(-u)),
        "logistic",
    ),
    Softplus: Lemma(
        "softplus′ = σ, where softplus(u) = log(1 + exp(u))",
        lambda u: Logistic(u),
        lambda u: sympy.log(1 + sympy.exp(u)),
        "softplus",
    ),
    NormalCdf: Lemma(
        "Φ′(u) = exp(−u²/2)/√(2π), where Φ(u) = (1 + erf(u/√2))/2",
        normal_density,
        lambda u: (1 + sympy.erf(u / sympy.sqrt(2))) / 2,
        "normal_cdf",
    ),
    Floor: Lemma(
        "⌊u⌋′ = 0 between whole numbers, where it is constant",
        lambda u: sympy.S.Zero,
        lambda u: u - _HALF - sympy.atan(sympy.tan(sympy.pi * (u - _HALF))) / sympy.pi,
        "floor",
    ),
    Step: Lemma(
        "[u > 0]′ = 0 away from u = 0, where it is constant",
        lambda u: sympy.S.Zero,
        lambda u: _HALF + (sympy.atan(u) + sympy.atan(1 / u)) / sympy.pi,
        "positive",
    ),
}

# Where a definition is compared with its function: on both sides of zero and between several whole numbers.
_POINTS = (-2.625, -1.25, -0.375, 0.125, 0.75, 1.5, 3.375)


def stand(function: type[sympy.Function]) -> Standing:
    """What can be said of the lemma about a function."""
    return _stand(LEMMAS[function])


@cache
def _stand(lemma: Lemma) -> Standing:
    if lemma.definition is None:
        return "assumed"
    u = sympy.Symbol("u", real=True)
    defined = lemma.definition(u)
    for point in _POINTS:
        exact = complex(defined.subs(u, sympy.Rational(point)).evalf(30))
        mine = _number(lemma.computed, point)
        if not exact.imag and not abs(mine - exact.real) <= 1e-13 * max(1.0, abs(mine)):
            return "false"
    claimed = lemma.derivative(u)
    for used, other in LEMMAS.items():
        if other.definition is not None:
            claimed = claimed.replace(used, other.definition)
    return "checked" if sympy.simplify(sympy.diff(defined, u) - claimed) == 0 else "false"


def _number(function: str, point: float) -> float:
    """The value of a kit's function: as checks compute with it, or of many digits where there is no NumPy for that."""
    try:
        from .floats import FLOATS
    except ModuleNotFoundError:
        return float(getattr(numbers_of(30), function)(point)[()])
    with np.errstate(invalid="ignore"):  # a logarithm of a negative number is not defined on the real line
        return float(getattr(FLOATS, function)(np.asarray(point)))


def _rational(value: Fraction) -> sympy.Rational:
    return sympy.Rational(value.numerator, value.denominator)


SYMBOLS = Kit(
    constant=_rational,
    pi=sympy.pi,
    exp=lifted(Exp),
    expm1=lifted(lambda a: Exp(a) - 1),
    log=lifted(Log),
    sin=lifted(Sin),
    cos=lifted(Cos),
    tanh=lifted(Tanh),
    logistic=lifted(Logistic),
    softplus=lifted(Softplus),
    normal_cdf=lifted(NormalCdf),
    power=lambda a, exponent: lifted(lambda entry: entry ** _rational(exponent))(a),
    positive=lifted(Step),
    choose=lifted(lambda condition, a, b: condition * a + (1 - condition) * b, 3),
    floor=lifted(Floor),
    top=lambda a: 0,
    again=lifted(lambda a: Shared.of(a, is_value=False)),
)
"""SymPy's expressions in object arrays; nested, their trees would double where an operand is mentioned twice."""
