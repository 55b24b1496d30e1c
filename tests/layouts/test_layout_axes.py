"""Axes of sequences and states, there and back; what they refuse, word for word."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symrnn
from symrnn.layouts.axes import Unlike, read_axes
from symrnn.layouts.layout import Layout
from symrnn.sizes import Size

N, M = Size.of("n"), Size.of("m")
T_, N_, F_ = 5, 3, 4
SEQUENCE = np.arange(60.0).reshape(T_, N_, F_)


@given(st.permutations(["T", "N", "n"]), st.sets(st.integers(0, 3), max_size=2))
def test_any_order_of_axes_with_ones_between(order, ones):
    words = list(order)
    for place in sorted(ones, reverse=True):
        words.insert(place, "1")
    axes = read_axes(" ".join(words), (N,), "outputs", timed=True)
    laid_out = axes.lay_out(SEQUENCE)
    letters = {"T": "t", "N": "b", "n": "f"}
    wanted = np.einsum(f"tbf->{''.join(letters[word] for word in order)}", SEQUENCE)
    wanted = wanted.reshape([{"T": T_, "N": N_, "n": F_, "1": 1}[word] for word in words])
    assert np.array_equal(laid_out, wanted)
    assert np.array_equal(axes.read(laid_out, SEQUENCE.shape), SEQUENCE)


def test_a_list_over_the_steps():
    axes = read_axes("[T] n N", (N,), "outputs", timed=True)
    items = axes.lay_out(SEQUENCE)
    assert isinstance(items, list)
    assert all(np.array_equal(item, SEQUENCE[t].T) for t, item in enumerate(items))
    assert np.array_equal(axes.read(items, SEQUENCE.shape), SEQUENCE)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("{T} N n", [0, 1, 2, 3, 4]),
        ("{1..T} N n", [1, 2, 3, 4, 5]),
        ("{0..T} N n", [0, 1, 2, 3, 4, 5]),
        ("{-1..T-1} N n", [0, 1, 2, 3, 4, -1]),
    ],
)
def test_a_dict_over_the_steps(text, keys):
    axes = read_axes(text, (N,), "outputs", timed=True)
    items = axes.lay_out(SEQUENCE)
    assert list(items) == keys
    own = {"{1..T} N n": 1, "{0..T} N n": 1}.get(text, 0)
    assert all(np.array_equal(items[t + own], SEQUENCE[t]) for t in range(T_))
    assert np.array_equal(axes.read(items, SEQUENCE.shape), SEQUENCE)


def test_a_slot_for_the_initial_state_need_not_be_filled():
    axes = read_axes("{-1..T-1} N n", (N,), "outputs", timed=True)
    assert np.array_equal(axes.read({t: SEQUENCE[t] for t in range(T_)}, SEQUENCE.shape), SEQUENCE)
    axes = read_axes("[0..T] N n", (N,), "outputs", timed=True)
    assert np.array_equal(axes.read([None, *SEQUENCE], SEQUENCE.shape), SEQUENCE)


def test_an_array_with_the_initial_state_behind():
    axes = read_axes("N -1..T-1 n", (N,), "outputs", timed=True)
    held = axes.lay_out(SEQUENCE)
    assert held.shape == (N_, T_ + 1, F_)
    assert np.array_equal(held[:, :T_], SEQUENCE.transpose(1, 0, 2))
    assert not held[:, -1].any()
    assert np.array_equal(axes.read(held + 0.0, SEQUENCE.shape), SEQUENCE)


def test_no_batch_the_last_step_and_both():
    one = SEQUENCE[:, :1]
    axes = read_axes("T n", (N,), "outputs", timed=True)
    assert not axes.batched
    assert np.array_equal(axes.lay_out(one), one[:, 0])
    assert np.array_equal(axes.read(one[:, 0], one.shape), one)
    axes = read_axes("N n", (N,), "outputs", timed=True)
    assert axes.last_only
    assert np.array_equal(axes.lay_out(SEQUENCE), SEQUENCE[-1])
    assert np.array_equal(axes.read(SEQUENCE[-1], SEQUENCE.shape), SEQUENCE[-1:])
    axes = read_axes("n 1", (N,), "outputs", timed=True)
    assert np.array_equal(axes.lay_out(one), one[-1, 0][:, None])
    assert np.array_equal(axes.read(one[-1, 0][:, None], one.shape), one[-1:])


def test_states_with_a_layer_axis_and_matrix_states():
    state = np.arange(24.0).reshape(2, 3, 4)
    axes = read_axes("1 n N m", (N, M), "state S", timed=False)
    assert axes.lay_out(state).shape == (1, 3, 2, 4)
    assert np.array_equal(axes.read(axes.lay_out(state), state.shape), state)
    axes = read_axes("N d d", (Size.of("d"), Size.of("d")), "state S", timed=False)
    assert np.array_equal(axes.lay_out(state), state)


def test_what_is_laid_out_is_a_copy():
    for text in ("T N n", "N T n", "[T] N n", "N n", "{T} N n"):
        held = read_axes(text, (N,), "outputs", timed=True).lay_out(SEQUENCE)
        for array in (
            [held] if isinstance(held, np.ndarray) else list(held.values() if isinstance(held, dict) else held)
        ):
            assert not np.shares_memory(array, SEQUENCE)


@pytest.mark.parametrize(
    ("text", "value", "problem"),
    [
        ("N T n", SEQUENCE, "has the shape (5, 3, 4), and `N T n` is (3, 5, 4)"),
        ("T N n", None, "is None"),
        ("T N n", "text", "is a str, not an array of numbers"),
        ("T N n", SEQUENCE * 1j, "holds complex numbers"),
        ("[T] N n", list(SEQUENCE[1:]), "has 4 items, and `[T] N n` has 5"),
        ("[T] N n", {"a": 1}, "is a dict with a, and `[T] N n` is a list over the steps"),
        ("[T] N n", [*SEQUENCE[1:], SEQUENCE[0, 0]], "has items of different shapes: (3, 4), (4,)"),
        ("{T} N n", list(SEQUENCE), "is a list of 5, and `{T} N n` is a dict over the steps 0 … 4"),
        ("{T} N n", dict(enumerate(SEQUENCE[1:])), "has no item 4; `{T} N n` is a dict over 0 … 4"),
    ],
)
def test_what_comes_back_in_another_form_is_refused(text, value, problem):
    with pytest.raises(Unlike) as caught:
        read_axes(text, (N,), "outputs", timed=True).read(value, SEQUENCE.shape)
    assert str(caught.value) == problem


REFUSED = {
    "N t m": """layout of x:1: `t` is not an axis of x
    1 | N t m
      |   ^
  x is `T N m` in the cell's own layout; features (m)
  mend: did you mean `T`?""",
    "T N": """layout of x:1: the axis m of x is missing
    1 | T N
      |   ^
  x is `T N m` in the cell's own layout; features (m)
  mend: such as `T N m`""",
    "N [T] m": """layout of x:1: the list over the steps comes first
    1 | N [T] m
      |   ^^^
  x is `T N m` in the cell's own layout; features (m)
  mend: move [T] to the front""",
    "T N T m": """layout of x:1: the steps are there twice
    1 | T N T m
      |     ^
  x is `T N m` in the cell's own layout; features (m)
  mend: one T is enough""",
    "[1..T] N m": """layout of x:1: `[1..T]` is not a way to hold steps
    1 | [1..T] N m
      | ^^^^^^
  x is `T N m` in the cell's own layout; features (m)
  mend: T, [T], {T}, {1..T}, 0..T or -1..T-1""",
    "T N N m": """layout of x:1: N is there twice
    1 | T N N m
      |     ^
  x is `T N m` in the cell's own layout; features (m)""",
}


@pytest.mark.parametrize("text", REFUSED)
def test_axes_that_cannot_be_are_refused(text):
    with pytest.raises(symrnn.SymrnnError) as caught:
        Layout(x=text).bind(symrnn.load("rnn"))
    assert str(caught.value) == REFUSED[text]


def test_a_batch_axis_stands_everywhere_or_nowhere():
    with pytest.raises(symrnn.OptionError) as caught:
        Layout(x="T m", state="N n").bind(symrnn.load("rnn"))
    assert str(caught.value) == (
        "the layout has a batch axis N in state (`N n`) and none in x (`T m`)\n  mend: N stands in all of them, or in none"
    )
    bound = Layout(x="T m").bind(symrnn.load("rnn"))
    assert not bound.batched
    assert bound.outputs["h"].text == "T n"
    assert bound.states["h"].text == "n"
