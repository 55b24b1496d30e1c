"""Exact normal forms: polynomials over generators, in which equal expressions become equal.

A generator is a symbol or a function of a normal form: tanh(p), exp(m), 1/p, p^(1/q). Exponents may be negative. Only
identities are used to bring two writings to one form:

    exp(p + q) = exp(p) exp(q),  exp(k log p) = p^k,  exp(0) = 1,  log 1 = 0
    (p^(1/q))^q = p in the arguments of functions
    tanh and sin are odd, cos is even,  logistic(−p) = 1 − logistic(p)
    [p > 0]² = [p > 0],  [−p > 0] = 1 − [p > 0] (away from p = 0),  [c p > 0] = [p > 0] for c > 0

and, where forms still differ, the relations p · (1/p) = 1 and (p^(1/q))^q = p, and what names stand for, clear what is
left. So a difference that vanishes is zero wherever the expressions are defined and no indicator is at its jump. The
converse does not hold: a difference that does not vanish is unproved, not disproved. Coefficients are exact.
"""

from __future__ import annotations

import math
import time
from fractions import Fraction
from functools import partialmethod
from itertools import islice
from typing import Any

Coefficient = int | Fraction
Monomial = tuple[int, int]
"""Powers and indicators. The power of generator k is digit k of a number with signed digits, so that multiplying
monomials is adding integers; the indicators are a set of bits, so that multiplying is their union."""

_BASE = 1 << 32
_ONE: Monomial = (0, 0)
# A form with more terms than this is worth a name.
_SHORT = 2
# Names of generators are for people, and hold the names of others: uncut they would grow with every function.
_LONGEST_NAME = 120


class TooLarge(Exception):
    """A product has more terms than the algebra was allowed."""


class OutOfTime(Exception):
    """The algebra was used beyond its deadline."""


class Polynomial:
    """A sum of whole coefficients times monomials, over one divisor, in lowest terms: fractions in every term would be
    many times slower. Immutable, with the arithmetic that object arrays need."""

    __slots__ = ("algebra", "divisor", "terms")

    def __init__(self, algebra: Algebra, terms: dict[Monomial, int], divisor: int = 1) -> None:
        common = math.gcd(divisor, *terms.values()) if divisor != 1 else 1
        self.algebra = algebra
        self.divisor = divisor // common
        self.terms = terms if common == 1 else {m: c // common for m, c in terms.items()}

    # What is not a number is left to the other side's arithmetic: an array adds itself entry by entry.

    def __add__(self, other: Any) -> Polynomial:
        if not isinstance(other, Polynomial | int | Fraction):
            return NotImplemented
        (mine, divisor), (theirs, second) = (self.terms, self.divisor), self._parts_of(other)
        if divisor != second:
            common = math.lcm(divisor, second)
            mine, theirs = _scaled(mine, common // divisor), _scaled(theirs, common // second)
            divisor = common
        shorter, longer = sorted((theirs, mine), key=len)
        total = dict(longer)
        for monomial, coefficient in shorter.items():
            total[monomial] = total.get(monomial, 0) + coefficient
            if not total[monomial]:
                del total[monomial]
        return Polynomial(self.algebra, total, divisor)

    def __mul__(self, other: Any) -> Polynomial:
        if not isinstance(other, Polynomial | int | Fraction):
            return NotImplemented
        mine, (theirs, divisor) = self.terms, self._parts_of(other)
        self.algebra.spend(len(mine) * len(theirs))
        if len(mine) < len(theirs):
            mine, theirs = theirs, mine
        if len(theirs) == 1 and not (only := next(iter(theirs)))[1]:  # one term: no two products meet
            shift, factor = only[0], theirs[only]
            shifted = {(powers + shift, steps): factor * c for (powers, steps), c in mine.items()}
            return Polynomial(self.algebra, shifted, self.divisor * divisor)
        product: dict[Monomial, int] = {}
        get = product.get
        for (powers, steps), a in mine.items():
            for (more, others), b in theirs.items():
                monomial = (powers + more, steps | others)
                product[monomial] = get(monomial, 0) + a * b
        return Polynomial(self.algebra, {m: c for m, c in product.items() if c}, self.divisor * divisor)

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> Polynomial:
        return Polynomial(self.algebra, _scaled(self.terms, -1), self.divisor)

    def __sub__(self, other: Any) -> Polynomial:
        return self + (-other)

    def __rsub__(self, other: Any) -> Polynomial:
        return (-self) + other

    def __truediv__(self, other: Any) -> Polynomial:
        if isinstance(other, Polynomial):
            return self * self.algebra.inverse(other)
        if not isinstance(other, int | Fraction):
            return NotImplemented
        return self * (1 / Fraction(other))

    def _parts_of(self, other: Polynomial | Coefficient) -> tuple[dict[Monomial, int], int]:
        if isinstance(other, Polynomial):
            return other.terms, other.divisor
        return ({_ONE: other.numerator} if other else {}), other.denominator

    @property
    def key(self) -> tuple[int, frozenset[tuple[Monomial, int]]]:
        """What two equal normal forms have in common."""
        return self.divisor, frozenset(self.terms.items())

    def as_number(self) -> Coefficient | None:
        """The value of a constant."""
        if not self.terms:
            return 0
        return Fraction(self.terms[_ONE], self.divisor) if self.terms.keys() == {_ONE} else None

    def __str__(self) -> str:
        return self.algebra.show(self)

    def __repr__(self) -> str:
        return f"<Polynomial {self.algebra.show(self, 6)}>"


class Algebra:
    """The generators of polynomials that are to be compared, in the order of their making, with their relations.

    `budget` bounds the work of one comparison, in products of terms; `restart` begins another. `deadline` ends all work
    at a moment of `time.monotonic`. With `names`, `named` gives long forms a generator of their own: quick, but equal
    functions of differently named arguments look different.
    """

    def __init__(self, budget: int = 2_000_000, names: bool = False, deadline: float = math.inf) -> None:
        self.budget = budget
        self.names = names
        self.deadline = deadline
        self._spent = 0
        self._known: dict[Any, int] = {}
        self._names: list[str] = []
        self._logarithms: dict[int, Polynomial] = {}
        self._known_steps: dict[Any, int] = {}
        self._step_names: list[str] = []
        # generator -> (degree, value): generator^degree = value; degree −1 is an inverse, degree 1 a name
        self._relations: dict[int, tuple[int, Polynomial]] = {}

    def restart(self) -> None:
        self._spent = 0
        self.watch()

    def spend(self, products: int) -> None:
        self._spent += products
        if self._spent > self.budget:
            raise TooLarge(f"more than {self.budget:,} products of terms")
        self.watch()

    def watch(self) -> None:
        """Stop where the time is over."""
        if time.monotonic() > self.deadline:
            raise OutOfTime

    # Constants and symbols ----------------------------------------------------------------------------------

    def constant(self, value: Coefficient) -> Polynomial:
        return Polynomial(self, {_ONE: value.numerator} if value else {}, value.denominator)

    def symbol(self, name: str) -> Polynomial:
        """The generator that stands for a name (or for a number such as π)."""
        return self._power_of(self._generator(("symbol", name), name), 1)

    def _generator(self, key: Any, name: str) -> int:
        if key not in self._known:
            self._known[key] = len(self._names)
            self._names.append(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…")
        return self._known[key]

    def _power_of(self, generator: int, exponent: int) -> Polynomial:
        return Polynomial(self, {(exponent * _BASE**generator, 0): 1})

    def _related(self, key: Any, name: str, degree: int, value: Polynomial) -> int:
        generator = self._generator(key, name)
        self._relations.setdefault(generator, (degree, value))
        return generator

    def named(self, p: Polynomial) -> Polynomial:
        """A generator in place of a long form, so that what is made of it stays short; its relation says what it is."""
        if not self.names or len(p.terms) <= _SHORT:
            return p
        return self._power_of(self._related(("named", p.key), f"({_short(p)})", 1, p), 1)

    def _reduced(self, p: Polynomial) -> Polynomial:
        """The form with (q^(1/k))^k written as q: arguments of functions are, so that equal ones look equal."""
        for generator in sorted({g for powers, _ in p.terms for g, e in _digits(powers) if e > 1}, reverse=True):
            degree = self._relations.get(generator, (0, p))[0]
            exponents = [dict(_digits(powers)).get(generator, 0) for powers, _ in p.terms]
            if degree > 1 and max(exponents) >= degree and min(exponents) >= 0:
                p = self._cleared(p, generator)
        return p

    # Functions ----------------------------------------------------------------------------------------------

    def apply(self, function: str, p: Polynomial) -> Polynomial:
        """A function without rules of its own: a generator."""
        p = self._reduced(p)
        return self._power_of(self._generator((function, p.key), f"{function}({_short(p)})"), 1)

    def _odd(self, function: str, p: Polynomial) -> Polynomial:
        p = self._reduced(p)
        if not p.terms:
            return p
        return self.apply(function, p) if _leading(p) > 0 else -self.apply(function, -p)

    tanh, sin = partialmethod(_odd, "tanh"), partialmethod(_odd, "sin")

    def cos(self, p: Polynomial) -> Polynomial:
        p = self._reduced(p)
        return self.apply("cos", p if _leading(p) > 0 else -p) if p.terms else self.constant(1)

    def logistic(self, p: Polynomial) -> Polynomial:
        p = self._reduced(p)
        if not p.terms:
            return self.constant(Fraction(1, 2))
        return self.apply("logistic", p) if _leading(p) > 0 else 1 - self.apply("logistic", -p)

    def log(self, p: Polynomial) -> Polynomial:
        p = self._reduced(p)
        if p.as_number() == 1:
            return self.constant(0)
        generator = self._generator(("log", p.key), f"log({_short(p)})")
        self._logarithms[generator] = p
        return self._power_of(generator, 1)

    def exp(self, p: Polynomial) -> Polynomial:
        """The product of exp(c m) over the terms c m; an integer multiple of a logarithm undoes it."""
        p = self._reduced(p)
        result = self.constant(1)
        for monomial, coefficient in p.terms.items():
            c = Fraction(coefficient, p.divisor)
            undone = self._argument_of_log(monomial) if c.denominator == 1 else None
            if undone is not None:
                result = result * self.power(undone, c)
                continue
            term = Polynomial(self, {monomial: 1})
            generator = self._generator(("exp", term.key, 1), f"exp({_short(term)})")
            if c.denominator != 1:
                whole = self._power_of(generator, 1)
                name = f"exp({_short(term)}/{c.denominator})"
                generator = self._related(("exp", term.key, c.denominator), name, c.denominator, whole)
            result = result * self._power_of(generator, c.numerator)
        return result

    def _argument_of_log(self, monomial: Monomial) -> Polynomial | None:
        match monomial[1], _digits(monomial[0]):
            case 0, [(generator, 1)]:
                return self._logarithms.get(generator)
        return None

    def step(self, p: Polynomial) -> Polynomial:
        """[p > 0], away from p = 0."""
        p = self._reduced(p)
        value = p.as_number()
        if value is not None:
            return self.constant(int(value > 0))
        leading = _leading(p)
        if leading < 0:
            return 1 - self.step(-p)
        normal = p * (1 / leading)
        bit = self._known_steps.setdefault(normal.key, len(self._step_names))
        if bit == len(self._step_names):
            self._step_names.append(f"[{_short(normal)} > 0]")
        return Polynomial(self, {(0, 1 << bit): 1})

    def inverse(self, p: Polynomial) -> Polynomial:
        """1/p, where p is not zero."""
        p = self._reduced(p)
        if not p.terms:
            raise ZeroDivisionError("the inverse of zero")
        if len(p.terms) == 1:
            ((powers, steps), coefficient), *_ = p.terms.items()
            if not steps:
                inverse = Fraction(p.divisor, coefficient)
                return Polynomial(self, {(-powers, 0): inverse.numerator}, inverse.denominator)
        leading = 1 / _leading(p)
        normal = p * leading
        generator = self._related(("inverse", normal.key), f"1/({_short(normal)})", -1, normal)
        return self._power_of(generator, 1) * leading

    def power(self, p: Polynomial, exponent: Fraction) -> Polynomial:
        """p^k for a constant rational k."""
        p = self._reduced(p)
        if exponent.denominator != 1:
            q = exponent.denominator
            name = f"({_short(p)})^(1/{q})"
            return self._power_of(self._related(("root", p.key, q), name, q, p), exponent.numerator)
        k = exponent.numerator
        base = p if k >= 0 else self.inverse(p)
        result, k = self.constant(1), abs(k)
        while k:
            if k & 1:
                result = result * base
            k >>= 1
            base = base * base if k else base
        return result

    # Zero? --------------------------------------------------------------------------------------------------

    def vanishes(self, p: Polynomial) -> bool:
        """Whether p is zero by the relations. Younger generators are functions of older ones, so they go first."""
        done = len(self._names)
        while related := {g for powers, _ in p.terms for g, _ in _digits(powers) if g in self._relations and g < done}:
            self.watch()
            done = max(related)
            p = self._cleared(p, done)
        return not p.terms

    def _cleared(self, p: Polynomial, generator: int) -> Polynomial:
        """p with as little as can be of a generator that has a relation; times something that is not zero where that
        takes away inverses or negative exponents."""
        degree, value = self._relations[generator]
        unit = _BASE**generator
        parts: dict[int, dict[Monomial, int]] = {}
        for (powers, steps), coefficient in p.terms.items():
            exponent = dict(_digits(powers)).get(generator, 0)
            parts.setdefault(exponent, {})[powers - exponent * unit, steps] = coefficient
        result = self.constant(0)
        top, bottom = max(parts), min(parts)
        for exponent, terms in parts.items():
            part = Polynomial(self, terms, p.divisor)
            if degree == 1:
                result = result + part * self.power(value, Fraction(exponent - min(bottom, 0)))
            elif degree == -1:
                result = result + part * self.power(value, Fraction(top - exponent))
            else:
                whole, rest = divmod(exponent, degree)
                lift = self.power(value, Fraction(whole - min(bottom // degree, 0)))
                result = result + part * lift * self._power_of(generator, rest)
        return result

    # For people ---------------------------------------------------------------------------------------------

    def show(self, p: Polynomial, longest: int = 12) -> str:
        """The polynomial in the order of its making, cut after `longest` terms."""
        if not p.terms:
            return "0"
        shown: list[str] = []
        for monomial, coefficient in islice(p.terms.items(), longest):
            factors = self._factors(monomial)
            size = abs(Fraction(coefficient, p.divisor))
            words = ([str(size)] if size != 1 or not factors else []) + factors
            shown.append(("- " if coefficient < 0 else "+ ") + "*".join(words))
        text = " ".join(shown).removeprefix("+ ")
        more = len(p.terms) - longest
        return text if more <= 0 else f"{text} + … ({more} more terms)"

    def _factors(self, monomial: Monomial) -> list[str]:
        powers, steps = monomial
        factors = [name for bit, name in enumerate(self._step_names) if steps >> bit & 1]
        for generator, exponent in _digits(powers):
            factors.append(self._names[generator] + (f"**{exponent}" if exponent != 1 else ""))
        return factors


def _digits(powers: int) -> list[tuple[int, int]]:
    """The generators of a monomial with their exponents: signed digits, the lowest first."""
    digits: list[tuple[int, int]] = []
    half, place = _BASE >> 1, 0
    while powers:
        # Skip the generators that are absent in one stride.
        gap = ((powers & -powers).bit_length() - 1) // 32
        powers >>= 32 * gap
        place += gap
        digit = (powers + half) % _BASE - half
        digits.append((place, digit))
        powers = (powers - digit) >> 32
        place += 1
    return digits


def _leading(p: Polynomial) -> Fraction:
    return Fraction(p.terms[max(p.terms)], p.divisor)


def _scaled(terms: dict[Monomial, int], factor: int) -> dict[Monomial, int]:
    return terms if factor == 1 else {m: factor * c for m, c in terms.items()}


def _short(p: Polynomial) -> str:
    return p.algebra.show(p, 4)
