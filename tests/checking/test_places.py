"""Where an entry is, in words: gates, units, steps, sequences, also where gates share one matrix."""

import textwrap

import pytest

import symrnn
from symrnn.checking.places import label, place

DIMS = {"m": 3, "n": 4}


@pytest.mark.parametrize(
    ("key", "index", "words"),
    [
        (("params", "R_f"), (2, 3), "gate f, unit 3, from unit 4"),
        (("params", "W_g"), (0, 1), "gate g, unit 1, from input 2"),
        (("params", "b_o"), (3,), "gate o, unit 4"),
        (("x", "x"), (4, 0, 1), "step 5, sequence 1, input 2"),
        (("output", "h"), (0, 2, 1), "step 1, sequence 3, unit 2"),
        (("state", "c"), (1, 3), "sequence 2, unit 4"),
        (("final state", "h"), (0, 0), "sequence 1, unit 1"),
    ],
)
def test_the_places_of_an_lstm(key, index, words):
    assert place(symrnn.load("lstm"), DIMS, key, index) == words


@pytest.mark.parametrize(
    ("row", "gate"), [(0, "gate i, unit 1"), (4, "gate f, unit 1"), (11, "gate g, unit 4"), (12, "gate o, unit 1")]
)
def test_gates_that_share_a_matrix_are_told_apart(texts, row, gate):
    cell = symrnn.cell(texts["catlstm"])
    assert place(cell, DIMS, ("params", "W"), (row, 0)) == f"{gate}, from entry 1"
    assert place(cell, DIMS, ("params", "b"), (row,)) == gate


def test_states_values_scalars_and_matrices():
    assert place(symrnn.load("rnn"), DIMS, ("params", "R"), (1, 2)) == "h, unit 2, from unit 3"
    assert place(symrnn.load("gru_reset_after"), DIMS, ("params", "b_Rn"), (1,)) == "q, unit 2"
    text = "def f(x, M):\n    s: scalar\n    M = tanh(s * M + outer(x, x))\n    return M\n"
    cell = symrnn.cell(textwrap.dedent(text))
    assert place(cell, {"m": 3}, ("params", "s"), ()) == "in M"
    assert place(cell, {"m": 3}, ("state", "M"), (1, 0, 2)) == "sequence 2, row 1, column 3"


def test_a_parameter_of_several_lines_has_no_gate(texts):
    cell = symrnn.cell(texts["tied"])
    assert place(cell, {"m": 3, "n": 4}, ("params", "W"), (1, 2)) == "row 2, column 3"


def test_labels():
    assert [label(key) for key in (("params", "W"), ("x", "x"), ("state", "h"), ("final state", "c"))] == [
        "∂L/∂W", "∂L/∂x", "∂L/∂h_0", "final state c",
    ]  # fmt: skip
