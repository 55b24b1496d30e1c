"""Arrays that remember their terms, arrays that round at random, and the factor between a spread and a tolerance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symrnn
from symrnn.checking.points import draw_upstreams, find_point
from symrnn.checking.reference import FLOAT32, FLOAT64, build_references, compare
from symrnn.checking.rounding import plain_passes
from symrnn.checking.rounding.magnitude import magnitude_of, traced
from symrnn.checking.rounding.perturbed import Noise, Perturbed, perturbed
from symrnn.checking.rounding.tolerance import factor, product_scale, range_of, tail
from symrnn.equations.sample import default_dims
from symrnn.testing import cells

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.standard_normal(shape)


def noise(unit=2.0**-20, smallest=0.0, seed=0):
    return Noise(np.random.default_rng(seed), unit, smallest)


# Magnitudes --------------------------------------------------------------------------------------------------


def test_a_sum_of_products_has_the_sum_of_their_absolute_values():
    a, b, c, d, v = normal(3, 4), normal(4, 5), normal(3, 6), normal(6, 5), normal(5)
    result = traced(a) @ traced(b) - traced(c) @ traced(d) + traced(v)
    terms = np.einsum("ij,jk->ik", abs(a), abs(b)) + np.einsum("ij,jk->ik", abs(c), abs(d)) + abs(v)
    np.testing.assert_allclose(magnitude_of(result), terms, rtol=1e-14)
    np.testing.assert_array_equal(np.asarray(result), a @ b - c @ d + v)


def test_sums_in_place_collect_what_every_step_adds():
    pairs = [(normal(7, 3), normal(7, 4)) for _ in range(5)]
    total = np.zeros_like(traced(np.ones((3, 4))))
    for a, b in pairs:
        total += traced(a).T @ traced(b)
    np.testing.assert_allclose(magnitude_of(total), sum(abs(a).T @ abs(b) for a, b in pairs), rtol=1e-14)


def test_an_array_that_is_changed_in_place_counts_with_what_it_was():
    a, b = normal(4), normal(4)
    kept = traced(a.copy())
    kept += traced(b)
    np.testing.assert_allclose(magnitude_of(kept), abs(a) + abs(b), rtol=1e-14)


def test_magnitudes_move_with_entries_and_scale_with_numbers():
    a, b = normal(4, 3), normal(4, 3)
    size = abs(a) + abs(b)
    result = traced(a) - traced(b)
    np.testing.assert_allclose(magnitude_of(result[1:, 0]), size[1:, 0])
    np.testing.assert_allclose(magnitude_of(result.T), size.T)
    np.testing.assert_allclose(magnitude_of(np.stack([result, result])), np.stack([size, size]))
    np.testing.assert_allclose(magnitude_of(-0.5 * result), 0.5 * size)
    np.testing.assert_allclose(magnitude_of(result / 4.0), size / 4.0)
    np.testing.assert_allclose(magnitude_of(np.einsum("ij,ij->i", traced(a), traced(b))), (abs(a * b)).sum(1))
    np.testing.assert_allclose(magnitude_of(traced(a).sum(axis=0)), abs(a).sum(0))


def test_a_product_or_a_function_of_a_sum_is_a_term():
    a, b = normal(4), normal(4)
    for result in (np.tanh(traced(a) - traced(b)), (traced(a) - traced(b)) * traced(b)):
        np.testing.assert_array_equal(magnitude_of(result), abs(np.asarray(result)))


def test_sums_as_deep_as_a_long_sequence():
    total = traced(np.zeros(2))
    for _ in range(20_000):
        total = total + traced(np.array([1.0, -1.0]))
    np.testing.assert_array_equal(magnitude_of(total), [20_000.0, 20_000.0])


# Perturbed arrays --------------------------------------------------------------------------------------------


def test_every_operation_rounds_by_at_most_the_unit():
    held = noise()
    a, b = abs(normal(200)) + 0.5, abs(normal(200)) + 0.5
    for operation in (np.add, np.multiply, np.true_divide, np.exp, np.sqrt, np.tanh):
        operands = (a, b)[: operation.nin]
        exact, found = operation(*operands), operation(*(perturbed(one, held) for one in operands))
        moved = abs(np.asarray(found) / exact - 1) / held.unit
        assert isinstance(found, Perturbed)
        assert 0.8 < moved.max() <= 1 + 1e-6
        assert abs(moved.mean() - 0.5) < 0.15  # uniform, and so not always the same


def test_what_is_exact_stays_exact():
    held = noise()
    a, b = perturbed(normal(50), held), perturbed(normal(50), held)
    zero = perturbed(np.zeros(50), held)
    for exact, found in (
        (np.maximum(np.asarray(a), np.asarray(b)), np.maximum(a, b)),
        (-np.asarray(a), -a),
        (abs(np.asarray(a)), abs(a)),
        (np.where(np.asarray(a) > 0, np.asarray(a), np.asarray(b)), np.where(a > 0, a, b)),
        (np.stack([np.asarray(a), np.asarray(b)]), np.stack([a, b])),
        (np.zeros(50), zero * a + zero),
        (np.zeros(50), zero.sum(keepdims=True) * a),
    ):
        np.testing.assert_array_equal(np.asarray(found), exact)
    assert (a > b).dtype == bool


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("count", [10, 1000])
def test_a_sum_is_off_as_much_as_one_in_float32_that_goes_term_by_term(positive, count):
    """What a loop over float32 numbers is off: the perturbed sum is neither much finer nor many times as coarse."""
    generator = np.random.default_rng(count)
    a = generator.standard_normal((400, count)).astype(np.float32)
    a = abs(a) if positive else a
    exact = a.astype(float).sum(axis=1)
    # Products with one are exact, so that only the additions round.
    loop = np.zeros(400, dtype=np.float32)
    for column in a.T:
        loop = loop + column
    actual = np.sqrt(np.square(loop - exact).mean())
    held = noise(FLOAT32)
    summed = perturbed(a.astype(float), held).sum(axis=1)
    product = (perturbed(a.astype(float), held) @ perturbed(np.ones((count, 1)), held))[:, 0]
    for found in (summed, product):
        spread = np.sqrt(np.square(np.asarray(found) - exact).mean())
        assert 0.7 < spread / actual < 6


def test_a_sum_in_place_may_be_taken_from_the_other_end():
    """A large term first: every later addition rounds it. A program that adds it last shows nothing of that."""
    steps, entries = 60, 400
    terms = (RNG.standard_normal((steps, entries)) * 0.01).astype(np.float32)
    terms[0] = RNG.uniform(1, 2, entries)
    exact = terms.astype(float).sum(axis=0)
    forward = np.zeros(entries, dtype=np.float32)
    for term in terms:
        forward += term
    actual = np.sqrt(np.square(forward - exact).mean())
    spreads = []
    for together in (1, steps):
        held = Noise(np.random.default_rng(1), FLOAT32, 0.0, together)
        backward = np.zeros_like(perturbed(np.ones(entries), held))
        for term in terms[::-1]:
            backward += perturbed(term.astype(float), held)
        spreads.append(np.sqrt(np.square(np.asarray(backward) - exact).mean()))
    assert spreads[0] < 0.8 * actual
    assert 0.8 < spreads[1] / actual < 2


def test_an_einsum_counts_the_letters_that_it_sums_over():
    a, b = normal(40, 30, 400), normal(40, 400)
    exact = np.einsum("...ij,...j->...i", a, b)
    held = noise()
    found = np.einsum("...ij,...j->...i", perturbed(a, held), perturbed(b, held))
    by_matmul = (perturbed(a, held) @ perturbed(b[..., None], held))[..., 0]
    spreads = [np.sqrt(np.square(np.asarray(one) - exact).mean()) for one in (found, by_matmul)]
    assert 0.9 < spreads[0] / spreads[1] < 1.1


def test_small_numbers_lose_their_digits_as_in_the_type():
    value = np.full(300, 1e-41)  # below the normal numbers of float32, whose spacing there is 1.4e-45
    found = np.asarray(noise(FLOAT32, range_of(FLOAT32)[0]).rounded(value))
    assert 1e-39 < abs(found - value).max() <= 1.2e-38


def test_only_numbers_that_the_type_cannot_hold_enter_rounded():
    held = noise(FLOAT32)
    exact = normal(20).astype(np.float32).astype(float)
    np.testing.assert_array_equal(held.entering(exact), exact)
    others = np.array([1.0, 0.1, 0.5, 1 / 3])
    entered = held.entering(others)
    assert list(entered == others) == [True, False, True, False]
    np.testing.assert_allclose(entered, others, rtol=2 * FLOAT32)


# The quick test ----------------------------------------------------------------------------------------------


def test_the_scale_of_an_entry_is_that_of_its_row_times_that_of_its_column():
    rows, columns = RNG.uniform(1, 10, (300, 1)), RNG.uniform(1, 10, (1, 200))
    ratio = product_scale(normal(300, 200) * rows * columns) / (rows * columns)
    # The smallest rows lean a little towards the whole.
    assert ratio.min() > 0.6
    assert np.quantile(ratio, 0.95) < 1.6
    assert 0.9 < np.median(ratio) < 1.1
    np.testing.assert_array_equal(product_scale(np.zeros((2, 3))), np.zeros((2, 3)))
    np.testing.assert_allclose(product_scale(np.full((2, 3), -1e200)), 1e200)
    np.testing.assert_allclose(product_scale(np.array(-3.0)), 3.0)
    assert np.isfinite(product_scale(np.array([[1.0, np.nan], [np.inf, 2.0]]))).all()


def test_a_short_array_leans_towards_its_whole():
    scale = product_scale(np.array([1.0, 0.0, 0.0, 0.0]))
    assert scale[1:].min() > 0.4 * scale[0]


def test_a_derivation_is_emitted_once():
    derivation = symrnn.derive("rnn")
    assert plain_passes(derivation) is plain_passes(derivation)


# The factor --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("degrees", "quantile", "both_sides"),
    [(2, 4.303, 0.05), (8, 2.306, 0.05), (24, 2.064, 0.05), (24, 3.745, 0.001), (10, 3.169, 0.01)],
)
def test_students_t_as_the_printed_tables_have_it(degrees, quantile, both_sides):
    assert tail(quantile, degrees) == pytest.approx(both_sides, rel=2e-3)


def test_a_higher_confidence_asks_for_a_larger_factor():
    factors = [factor(confidence) for confidence in (1.0, 1e2, 1e4, 1e7, 1e10)]
    assert factors == sorted(factors)
    assert tail(factor(1e6)) == pytest.approx(1e-6, rel=1e-6)
    assert factors[0] < 1e-9


def test_ranges_of_types():
    assert range_of(FLOAT32) == (float(np.finfo("f4").tiny), float(np.finfo("f4").max))
    assert range_of(FLOAT64) == range_of(2.0**-30) == (float(np.finfo("f8").tiny), float(np.finfo("f8").max))


# Random cells of the whole language --------------------------------------------------------------------------


@settings(max_examples=10)
@given(text=cells(), seed=st.integers(0, 1000))
def test_kernels_of_random_cells_raise_no_alarm(text, seed):
    """The fast kernel orders its operations in another way than the plain program that the reference runs."""
    cell = symrnn.cell(text)
    derivation = symrnn.derive(cell)
    point, base, _ = find_point(cell, 3, 2, default_dims(cell, (2, 3, 4)), seed)
    upstream = draw_upstreams(point, seed)[0]
    (reference,) = build_references(derivation, point, (upstream,), seed=seed)
    for key, size in reference.magnitudes.items():
        assert size.shape == reference.values[key].shape
        assert (size >= abs(reference.values[key]) * (1 - 1e-12)).all()
    for dtype, unit in (("float64", FLOAT64), ("float32", FLOAT32)):
        for agreement in compare(run_kernel(derivation, point, upstream, dtype), reference, unit):
            assert agreement, (dtype, agreement)


def run_kernel(derivation, point, upstream, dtype):
    def cast(arrays, single=True):
        found = {name: array.astype(dtype) for name, array in arrays.items()}
        return found if len(found) != 1 or not single else next(iter(found.values()))

    def named(found, names):
        return found if isinstance(found, dict) else {next(iter(names)): found}

    kernel = derivation.numpy(dtype)
    with np.errstate(all="ignore"):
        outputs, final, tape = kernel.forward(cast(point.params, False), cast(point.x), cast(point.state, False))
        outputs = {name: np.array(value) for name, value in named(outputs, upstream.outputs).items()}
        grads = kernel.backward(tape, cast(upstream.outputs), cast(upstream.final, False))
    groups = {"output": outputs, "final state": final, "params": grads.params, "x": named(grads.x, point.x)}
    return {(group, name): v for group, found in {**groups, "state": grads.state}.items() for name, v in found.items()}
