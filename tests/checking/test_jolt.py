"""Jolted arrays: every operation of a program is jolted, and nothing but its digits changes."""

import numpy as np
import pytest

from symrnn.checking.oracles.jolt import Jolt, Jolted, jolts, tolerance, wrap

A = np.random.default_rng(0).standard_normal((3, 4))
B = np.random.default_rng(1).standard_normal((4, 3))

PROGRAMS = {
    "sum": lambda a, b: a.sum(),
    "sum over an axis": lambda a, b: a.sum(axis=0),
    "product": lambda a, b: a @ b,
    "ufuncs": lambda a, b: np.exp(np.tanh(a)) / (2 - np.sin(b.T)),
    "plain on the left": lambda a, b: A * b.T - 1,
    "einsum": lambda a, b: np.einsum("ij,jk->i", a, b),
    "concatenate": lambda a, b: np.concatenate([a, b.T]),
    "where": lambda a, b: np.where(a > 0, a, b.T),
    "mean and maximum": lambda a, b: np.maximum(a, b.T).mean(axis=-1),
    "in place": lambda a, b: _in_place(a, b),
    "scatter": lambda a, b: _scatter(a),
    "list": lambda a, b: np.array([row.sum() for row in a]),
    "division": lambda a, b: np.divmod(a, 0.5)[1],
}


def _in_place(a, b):
    total = a.copy()
    total += b.T
    np.multiply(total, total, out=total)
    return total


def _scatter(a):
    total = a * 0.0
    np.add.at(total, (np.array([0, 0]), np.array([1, 1])), 2.5)
    return total * 1.0


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_a_program_runs_on_jolted_arrays_and_its_digits_move(name, dtype):
    if dtype == "complex128" and name in ("where", "mean and maximum", "division"):
        pytest.skip("has no complex form")
    program, a, b = PROGRAMS[name], A.astype(dtype), B.astype(dtype)
    size = 2.0**-20
    plain = np.asarray(program(a.copy(), b.copy()))
    jolt = Jolt((0,), size)
    moved = program(wrap(a, jolt), wrap(b, jolt))
    result = np.asarray(moved)
    assert (result.shape, result.dtype.kind) == (plain.shape, plain.dtype.kind)
    gap = np.abs(result - plain)
    assert (gap <= 64 * size * (1 + np.abs(plain))).all()
    assert gap.max() > 0.01 * size
    np.testing.assert_array_equal(a, A.astype(dtype))


def test_results_go_on_being_jolted_also_where_they_are_single_numbers():
    jolt = Jolt((0,), 2.0**-20)
    total = wrap(A, jolt).sum()
    assert isinstance(total, Jolted)
    assert float(total * 1.0) != float(total * 1.0)


def test_what_is_picked_is_what_was_there():
    a = wrap(A, Jolt((0,), 2.0**-20))
    assert (a == a.max()).sum() == 1
    assert (np.where(a > 0, a, -a) == abs(a)).all()
    assert (np.concatenate([a, a])[3:] == a).all()
    assert np.isin(np.max(a, axis=0), a).all()


def test_zeros_and_whole_numbers_stay():
    jolt = Jolt((0,), 2.0**-20)
    assert not np.asarray(wrap(np.zeros(3), jolt) * 2.0).any()
    whole = np.arange(3)
    assert wrap(whole, jolt) is whole
    assert np.asarray(wrap(A, jolt) > 0).dtype == bool


@pytest.mark.parametrize("unit", [2.0**-53, 2.0**-24])
def test_the_tolerance_of_one_rounding_is_a_few_units(unit):
    a = np.abs(A)
    found = tolerance(np.max([np.abs(jolt(a) - a) for jolt in jolts(0, unit)], axis=0))
    assert (found >= 2 * unit * a).all()
    assert (found <= 16.1 * unit * a).all()
