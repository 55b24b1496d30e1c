"""Sizes are linear forms; the solver's answers satisfy the equations that it was given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrnn.sizes import Size, Solver, dimension_names, show_shape

n, m = Size.of("n"), Size.of("m")
DIMS = {"m": 3, "n": 5, "d": 7}

sizes = st.builds(Size.build, st.dictionaries(st.sampled_from(sorted(DIMS)), st.integers(-4, 4)), st.integers(-9, 9))


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (Size(), "0"),
        (Size.number(3), "3"),
        (Size.number(-3), "-3"),
        (n, "n"),
        (n + m, "m + n"),
        (n.scaled(4) - Size.number(1), "4*n - 1"),
        (m - n, "m - n"),
        (Size.number(2) - n, "-n + 2"),
        (n.scaled(-3), "-3*n"),
    ],
)
def test_size_reads_like_a_formula(size: Size, text: str) -> None:
    assert str(size) == text


@given(sizes, sizes)
def test_sums_and_differences_have_the_value_of_their_parts(a: Size, b: Size) -> None:
    assert (a + b).value(DIMS) == a.value(DIMS) + b.value(DIMS)
    assert (a - b).value(DIMS) == a.value(DIMS) - b.value(DIMS)


@given(sizes, st.integers(-5, 5))
def test_multiples_have_the_value_of_their_parts(a: Size, k: int) -> None:
    assert a.scaled(k).value(DIMS) == k * a.value(DIMS)


@given(sizes, sizes)
def test_equal_forms_are_equal_values(a: Size, b: Size) -> None:
    assert a + b == b + a
    assert hash(a + b) == hash(b + a)
    assert (a - a) == Size()


@given(sizes)
def test_text_evaluates_to_the_value(size: Size) -> None:
    assert eval(str(size), {"__builtins__": {}}, dict(DIMS)) == size.value(DIMS)


def test_substitution_replaces_names_at_once_and_not_one_after_the_other() -> None:
    assert (n + m.scaled(2)).substituted({"n": m, "m": n}) == m + n.scaled(2)


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((), "scalar"),
        ((n,), "(n)"),
        ((n + m,), "(m + n)"),
        ((n, m), "(n × m)"),
        ((n, m + n), "(n × (m + n))"),
        ((Size.of("?7"), n), "(· × n)"),
    ],
)
def test_shapes_are_shown_without_unknowns(shape: tuple[Size, ...], text: str) -> None:
    assert show_shape(shape) == text


def test_an_unknown_takes_the_size_it_must_have() -> None:
    solver = Solver()
    unknown = solver.fresh()
    assert solver.unify(unknown + m, n + m.scaled(2))
    assert solver.resolve(unknown) == n + m


def test_named_dimensions_are_never_solved_for() -> None:
    solver = Solver()
    assert not solver.unify(n, m)
    assert solver.unify(n, n)


def test_the_youngest_unknown_gives_way() -> None:
    solver = Solver()
    old, young = solver.fresh(), solver.fresh()
    assert solver.unify(old, young)
    assert solver.resolve(young) == old
    assert solver.resolve(old) == old


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Size.number(3), Size.number(4)),
        (n + Size.number(1), n),
        (Size.of("?1") + n + Size.number(1), Size.number(1)),
        (Size.of("?1") + n, n),
    ],
)
def test_what_no_positive_sizes_satisfy_is_refused(left: Size, right: Size) -> None:
    solver = Solver(count=1)
    assert not solver.unify(left, right)


def test_an_equation_that_cannot_be_solved_yet_waits_for_the_next() -> None:
    solver = Solver()
    a, b = solver.fresh(), solver.fresh()
    assert solver.unify(a.scaled(2), b.scaled(3))
    assert solver.pending
    assert solver.unify(b, n.scaled(2))
    assert solver.resolve(a) == n.scaled(3)
    assert not solver.pending


def test_a_waiting_equation_can_turn_out_to_be_impossible() -> None:
    solver = Solver()
    a, b = solver.fresh(), solver.fresh()
    assert solver.unify(a.scaled(2), b.scaled(3))
    assert solver.unify(b, Size.number(2))
    assert solver.resolve(a) == Size.number(3)
    assert not solver.unify(a, Size.number(4))


@st.composite
def systems(draw: st.DrawFn) -> tuple[list[tuple[Size, Size]], dict[str, int]]:
    """Equations between forms in unknowns and dimensions which a hidden assignment of positive sizes satisfies."""
    unknowns = [f"?{k}" for k in range(1, draw(st.integers(1, 5)) + 1)]
    # Unknowns are forms in the dimensions, so that the system holds whatever the dimensions are.
    hidden = {
        name: Size.build({"n": draw(st.integers(0, 2)), "m": draw(st.integers(0, 2))}, draw(st.integers(1, 3)))
        for name in unknowns
    }
    equations: list[tuple[Size, Size]] = []
    for _ in range(draw(st.integers(1, 6))):
        left = Size.build({name: draw(st.integers(0, 2)) for name in unknowns}, draw(st.integers(0, 3)))
        equations.append((left, left.substituted(hidden)))
    return equations, {"n": draw(st.integers(1, 9)), "m": draw(st.integers(1, 9))}


@given(systems())
def test_what_is_solved_satisfies_every_equation(system: tuple[list[tuple[Size, Size]], dict[str, int]]) -> None:
    equations, _ = system
    solver = Solver(count=5)
    assert all(solver.unify(left, right) for left, right in equations), "a satisfiable system was refused"
    if solver.pending:
        return  # underdetermined: nothing is claimed yet
    for left, right in equations:
        assert solver.resolve(left) == solver.resolve(right)


def test_dimension_names_come_in_order_of_appearance() -> None:
    assert dimension_names([n, m + n, Size.of("d")]) == ("n", "m", "d")
