"""Normal forms: equal expressions become equal, and only those."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from symrnn.checking.polynomials import Algebra, TooLarge

HALF = Fraction(1, 2)


def _symbols(algebra: Algebra, names: str = "xyz"):
    return [algebra.symbol(name) for name in names]


trees = st.recursive(
    st.sampled_from(["x", "y", "z"]) | st.integers(-3, 3),
    lambda inner: (
        st.tuples(st.sampled_from(["+", "-", "*"]), inner, inner) | st.tuples(st.just("^"), inner, st.integers(0, 3))
    ),
    max_leaves=12,
)


def _build(tree, leaf):
    match tree:
        case ("+", a, b):
            return _build(a, leaf) + _build(b, leaf)
        case ("-", a, b):
            return _build(a, leaf) - _build(b, leaf)
        case ("*", a, b):
            return _build(a, leaf) * _build(b, leaf)
        case ("^", a, k):
            base, result = _build(a, leaf), leaf(1)
            for _ in range(k):
                result = result * base
            return result
        case _:
            return leaf(tree)


@given(trees)
def test_polynomials_expand_as_sympy_expands(tree):
    algebra = Algebra(budget=10**9)
    mine = _build(tree, lambda v: algebra.symbol(v) if isinstance(v, str) else algebra.constant(v))
    theirs = sympy.Poly(_build(tree, sympy.sympify), *sympy.symbols("x y z")).as_dict()
    x, y, z = _symbols(algebra)
    total = algebra.constant(0)
    for (i, j, k), coefficient in theirs.items():
        powers = algebra.power(x, Fraction(i)) * algebra.power(y, Fraction(j)) * algebra.power(z, Fraction(k))
        total = total + powers * int(coefficient)
    assert mine.key == total.key


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.fractions(-3, 3, max_denominator=6)), min_size=1, max_size=6))
def test_fractions_add_and_multiply_as_in_sympy(terms):
    """Coefficients are kept whole over one divisor; forms that are equal have equal keys all the same."""
    k = Algebra()
    mine, theirs = k.constant(0), sympy.S.Zero
    for name, factor in terms:
        mine = mine * factor + k.symbol(name) / 4
        theirs = theirs * sympy.Rational(factor) + sympy.Symbol(name) / 4
    squared = sympy.Poly(theirs**2, *sympy.symbols("x y z")).as_dict()
    total = k.constant(0)
    for powers, coefficient in squared.items():
        factors = [k.power(symbol, Fraction(n)) for symbol, n in zip(_symbols(k), powers, strict=True)]
        total = total + factors[0] * factors[1] * factors[2] * Fraction(int(coefficient.p), int(coefficient.q))
    assert (mine * mine).key == total.key
    assert (mine - mine).key == k.constant(0).key
    assert (mine / 3 + mine / 3 + mine / 3).key == mine.key


def test_a_fraction_is_shown_as_one():
    k = Algebra()
    assert str(k.symbol("x") / 2 - k.constant(Fraction(2, 3))) == "1/2*x - 2/3"


def test_inverses():
    k = Algebra()
    x, y, z = _symbols(k)
    assert (x / x).key == k.constant(1).key
    assert ((x + y) / (2 * x + 2 * y)).key != k.constant(HALF).key
    assert k.vanishes((x + y) / (2 * x + 2 * y) - HALF)
    assert k.vanishes(1 / Fraction(1) * k.inverse(x + y) + k.inverse(x - y) - 2 * x / (x * x - y * y))
    assert k.vanishes(k.inverse(1 + k.inverse(x + z)) - (x + z) / (x + z + 1))
    assert not k.vanishes(k.inverse(x + y) - k.inverse(x) - k.inverse(y))
    with pytest.raises(ZeroDivisionError):
        k.inverse(x - x)


def test_roots():
    k = Algebra()
    x, y, _ = _symbols(k)
    root = k.power(x + y, HALF)
    assert k.vanishes(root * root - x - y)
    assert k.vanishes(1 / Fraction(2) * (x + y) / root - root * HALF)
    assert k.vanishes(k.power(x + y, Fraction(-3, 2)) * (x + y) * root - 1)
    assert k.vanishes(k.power(k.constant(2), HALF) * k.power(k.constant(2), HALF) - 2)
    # |x| is not x, and a root is not additive.
    assert not k.vanishes(k.power(x * x, HALF) - x)
    assert not k.vanishes(root - k.power(x, HALF) - k.power(y, HALF))


def test_roots_within_arguments_are_simplified_without_changing_them():
    k = Algebra()
    x, y, _ = _symbols(k)
    root = k.power(x + y, HALF)
    assert k.tanh(root * root).key == k.tanh(x + y).key
    assert k.exp(root * root * root).key == k.exp((x + y) * root).key
    assert k.tanh(2 * root * root + root).key != k.tanh(2 * root + 1).key


def test_exponentials_and_logarithms():
    k = Algebra()
    x, y, _ = _symbols(k)
    assert (k.exp(x + 2 * y) * k.exp(-y)).key == (k.exp(x) * k.exp(y)).key
    assert k.exp(k.constant(0)).key == k.constant(1).key
    total = k.exp(x) + k.exp(y)
    assert k.vanishes(k.exp(x - k.log(total)) - k.exp(x) / total)
    assert k.exp(2 * k.log(x)).key == (x * x).key
    assert k.log(k.constant(1)).key == k.constant(0).key
    half = k.exp(x * HALF)
    assert k.vanishes(half * half - k.exp(x))
    assert not k.vanishes(k.log(x * y) - k.log(x))
    assert not k.vanishes(k.exp(x * y) - k.exp(x) * k.exp(y))


def test_symmetries():
    k = Algebra()
    x, y, _ = _symbols(k)
    assert k.tanh(x - y).key == (-k.tanh(y - x)).key
    assert k.sin(-x).key == (-k.sin(x)).key
    assert k.cos(-x).key == k.cos(x).key
    assert k.logistic(-x).key == (1 - k.logistic(x)).key
    assert k.tanh(x + x).key == k.tanh(2 * x).key
    assert not k.vanishes(k.tanh(2 * x) - 2 * k.tanh(x))


def test_indicators():
    k = Algebra()
    x, y, _ = _symbols(k)
    step = k.step(x - y)
    assert (step * step).key == step.key
    assert (step * (1 - step)).key == k.constant(0).key
    assert k.step(3 * y - 3 * x).key == (1 - step).key
    assert k.step(k.constant(-2)).key == k.constant(0).key
    assert not k.vanishes(step - k.step(x))


def test_names_stand_for_what_they_name():
    k = Algebra(names=True)
    x, y, z = _symbols(k)
    long = x + y + z
    name = k.named(long)
    assert len(name.terms) == 1
    assert k.vanishes(name * name - long * long)
    assert k.vanishes(k.inverse(name) * long - 1)
    assert not k.vanishes(name - x - y)
    assert Algebra().named(long) is long


def test_exact_fractions():
    k = Algebra()
    (x,) = _symbols(k, "x")
    tenth = Fraction(1, 10)
    assert (x * tenth + x * Fraction(2, 10)).key == (x * Fraction(3, 10)).key
    assert (x / 3 * 3).key == x.key


def test_the_budget_holds():
    k = Algebra(budget=1000)
    total = sum((k.symbol(f"x{i}") for i in range(20)), k.constant(0))
    with pytest.raises(TooLarge):
        total * total * total
    k.restart()
    assert len((total * total).terms) == 210


def test_forms_can_be_read():
    k = Algebra()
    x, y, _ = _symbols(k)
    assert str(x * x - 2 * y * k.tanh(x) + HALF) == "x**2 - 2*y*tanh(x) + 1/2"
    assert str(k.constant(0)) == "0"
    assert str(-k.step(x)) == "- [x > 0]"
    assert str(k.inverse(x * y)) == "x**-1*y**-1"
