"""What the strategies draw fits the cell, covers the edges, costs few draws, and shrinks to sizes that a person can read."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

import symrnn
from symrnn.equations.sample import KINDS
from symrnn.testing import DrawnSample, Sizes, cells, samples, shapes, upstream

SLICED = "def f(x, h):\n    a = W @ x\n    h = tanh(a[:n] + h) * a[2*n:3*n] + x[2] * h\n    return h\n"


@given(shapes())
def test_shapes_without_a_cell_are_those_of_m_and_n(sizes: Sizes) -> None:
    assert set(sizes.dims) == {"m", "n"}
    assert 1 <= sizes.T <= 6
    assert 1 <= sizes.N <= 3
    assert all(1 <= size <= 6 for size in sizes.dims.values())


@given(shapes("lstm", max_T=2, max_N=1, max_size=3))
def test_shapes_keep_within_their_bounds(sizes: Sizes) -> None:
    assert sizes.T <= 2
    assert sizes.N == 1
    assert set(sizes.dims) == {"m", "n"}
    assert max(sizes.dims.values()) <= 3


@given(samples(SLICED))
def test_sizes_fit_the_slices_of_a_cell(s: DrawnSample) -> None:
    y, _, _ = symrnn.derive(SLICED).numpy().forward(s.params, s.x, s.state)
    assert y.shape == (s.sizes.T, s.sizes.N, s.sizes.dims["n"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["gru", "gru_reset_after", "lstm", "peephole_lstm", "rnn", "projected_lstm", "indrnn"])
def test_samples_and_gradients_from_above_go_through_a_kernel(name: str, dtype: str) -> None:
    kernel = symrnn.derive(name).numpy(dtype=dtype)

    @settings(max_examples=20)
    @given(samples(name, dtype=dtype), st.data())
    def runs(s: DrawnSample, data: st.DataObject) -> None:
        above = data.draw(upstream(s))
        outputs, final, tape = kernel.forward(s.params, s.x, s.state)
        grads = kernel.backward(tape, above.d_outputs, above.d_final_state)
        assert outputs.shape == above.d_outputs.shape
        assert {k: v.shape for k, v in final.items()} == {k: v.shape for k, v in above.d_final_state.items()}
        arrays = [*s.params.values(), s.x, *s.state.values(), grads.x, *grads.params.values()]
        assert {array.dtype for array in arrays} == {np.dtype(dtype)}

    runs()


@pytest.mark.parametrize("name", list(symrnn.zoo))
def test_every_cell_of_the_zoo_is_drawn(name: str) -> None:
    """Sizes, inputs and states of every kind; what a cell makes of huge numbers is its own affair."""
    kernel = symrnn.derive(name).numpy()

    @settings(max_examples=5)
    @given(samples(name), st.data())
    def runs(s: DrawnSample, data: st.DataObject) -> None:
        above = data.draw(upstream(s))
        with np.errstate(all="ignore"):
            _, final, tape = kernel.forward(s.params, s.x, s.state)
            grads = kernel.backward(tape, above.d_outputs, above.d_final_state)
        assert {k: v.shape for k, v in grads.params.items()} == {k: v.shape for k, v in s.params.items()}
        assert final.keys() == grads.state.keys() == s.state.keys()

    runs()


@given(cells(max_lines=3).flatmap(samples))
@settings(max_examples=20)
def test_samples_of_random_cells(s: DrawnSample) -> None:
    assert s.params.keys() == s.cell.params.keys()
    assert s.state.keys() == s.cell.states.keys()


@given(samples("gru"))
def test_a_sample_is_shown_as_the_call_that_draws_it_again(s: DrawnSample) -> None:
    match = re.fullmatch(r"gru\.sample\((.*)\)", repr(s))
    assert match
    again = symrnn.zoo["gru"].sample(**eval(f"dict({match[1]})"))
    np.testing.assert_equal(
        [*again.params.values(), again.x, *again.state.values()], [*s.params.values(), s.x, *s.state.values()]
    )


def smallest(strategy: st.SearchStrategy, condition) -> object:
    return find(
        strategy,
        condition,
        settings=settings(
            max_examples=2000,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=list(Phase),
        ),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_and_shrinks_to_one_number_each(kind: str) -> None:
    s = smallest(samples("lstm"), lambda s: s.kind == kind)
    assert repr(s) == f"lstm.sample(T=1, N=1, seed=0, dims={{'m': 1, 'n': 1}}, kind={kind!r})"


def test_a_failure_that_needs_a_second_step_shrinks_to_two() -> None:
    s = smallest(samples("lstm"), lambda s: s.sizes.T > 1 and s.sizes.dims["n"] > 2)
    assert repr(s) == "lstm.sample(T=2, N=1, seed=0, dims={'m': 1, 'n': 3}, kind='ordinary')"


@pytest.mark.parametrize("kind", ["everything", "last output", "one step", "final states"])
def test_gradients_from_above_are_where_their_kind_says(kind: str) -> None:
    @settings(max_examples=20)
    @given(samples("lstm", sizes=Sizes(4, 2, {"m": 2, "n": 3})), st.data())
    def holds(s: DrawnSample, data: st.DataObject) -> None:
        above = data.draw(upstream(s, kinds=[kind]))
        steps = [bool(g.any()) for g in above.d_outputs]
        ends = [bool(g.any()) for g in above.d_final_state.values()]
        assert ends == [kind in ("everything", "final states")] * 2
        expected = {
            "everything": [True] * 4,
            "last output": [False] * 3 + [True],
            "final states": [False] * 4,
            "one step": [t == above.step for t in range(4)],
        }
        assert steps == expected[kind]

    holds()


def test_several_inputs_and_outputs_are_dicts_by_name() -> None:
    text = "def f(x, k, /, h):\n    h = tanh(W @ x + V @ k + h)\n    y = h * p\n    return (y, h), (h,)\n"

    @settings(max_examples=10)
    @given(samples(text), st.data())
    def holds(s: DrawnSample, data: st.DataObject) -> None:
        assert set(s.x) == {"x", "k"}
        assert set(data.draw(upstream(s)).d_outputs) == {"y", "h"}

    holds()


def test_drawing_costs_as_much_for_a_large_cell_as_for_a_small_one() -> None:
    """Entries follow from one seed: large arrays neither slow drawing down nor overrun Hypothesis' buffer."""
    large = Sizes(50, 20, {"m": 100, "n": 100})

    @settings(max_examples=5)
    @given(samples("lstm", sizes=large), st.data())
    def holds(s: DrawnSample, data: st.DataObject) -> None:
        assert data.draw(upstream(s)).d_outputs.shape == (50, 20, 100)
        assert s.params["R_f"].size == 10_000

    holds()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: samples("lstm", kinds=["zeroes"]), "'zeroes' is not a kind of sample; did you mean `zeros`?"),
        (lambda: samples("lstm", kinds="zeros"), "kinds is a list with at least one of: ordinary, zeros, tiny"),
        (lambda: samples("lstm", kinds=[]), "kinds is a list with at least one of"),
        (lambda: samples("ltsm"), "there is no cell called 'ltsm'; did you mean `lstm`?"),
        (lambda: shapes(max_T=0), "max_T must be at least 1, not 0"),
    ],
)
def test_wrong_calls_say_so_when_they_are_written(call, message: str) -> None:
    with pytest.raises(symrnn.SymrnnError) as caught:
        call()
    assert message in str(caught.value)
