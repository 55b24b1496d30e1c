"""Errors show the place, and suggest what is near."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import symrnn
from symrnn.errors import Span, nearest, quote, visible


def test_every_error_has_one_base() -> None:
    for error in (symrnn.CellError, symrnn.OptionError, symrnn.InputError):
        assert issubclass(error, symrnn.SymrnnError)


def test_a_message_puts_the_place_first_and_the_mend_last() -> None:
    error = symrnn.CellError(
        "no", where="a.py", span=Span(3, 4, 3, 7), line_text="    abc", facts=("one", "two"), mend="yes"
    )
    assert str(error) == "a.py:3: no\n    3 |     abc\n      |     ^^^\n  one\n  two\n  mend: yes"
    assert str(symrnn.CellError("no")) == "no"
    assert str(symrnn.CellError("no", where="a.py")) == "a.py: no"


def test_errors_keep_their_parts_and_their_message_when_they_are_sent_elsewhere() -> None:
    error = symrnn.CellError("no", where="a.py", span=Span(3, 4, 3, 7), line_text="    abc", facts=("one",), mend="yes")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert (again.span, again.facts, again.mend) == (error.span, error.facts, error.mend)


def test_a_tab_keeps_the_caret_in_its_place() -> None:
    assert quote("\th = foo(x)", Span(2, 5, 2, 8)) == ["    2 |  h = foo(x)", "      |      ^^^"]


@pytest.mark.parametrize("column", [0, 47, 48, 500, 990])
def test_long_lines_are_cut_around_the_caret(column: int) -> None:
    line = "".join(chr(ord("a") + k % 26) for k in range(1000))
    shown, marks = quote(line, Span(1, column, 1, column + 3))
    assert len(shown) < 120
    assert shown[marks.index("^") : marks.rindex("^") + 1] == line[column : column + 3]


def test_a_stretch_over_several_lines_is_marked_to_the_end_of_its_first() -> None:
    assert quote("h = (x +", Span(1, 4, 2, 3)) == ["    1 | h = (x +", "      |     ^^^^"]


@given(st.text(max_size=300), st.integers(0, 310), st.integers(0, 20))
def test_a_quotation_is_two_lines_with_a_caret_whatever_the_text(text: str, column: int, width: int) -> None:
    lines = quote(text, Span(1, column, 1, column + width))
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)
    assert "^" in lines[1]


@given(st.text(max_size=50))
def test_visible_text_keeps_its_length(text: str) -> None:
    assert len(visible(text)) == len(text)
    assert visible(text).isprintable()


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("sigmod", "did you mean `sigmoid`?"),
        ("TANH", "did you mean `tanh`?"),
        ("zzz", ""),
        ("", ""),
        ("inv", ""),
        ("einsum", ""),
    ],
)
def test_nearest(word: str, hint: str) -> None:
    assert nearest(word, ["sigmoid", "tanh"]) == hint
