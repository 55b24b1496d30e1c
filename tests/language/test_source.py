"""Source text: places in characters, whatever the encoding and the line ends; and errors that point into it."""

import ast

import pytest

import symrnn
from symrnn.errors import Span
from symrnn.language import Source, source_of_function
from symrnn.language.source import parse_module


def refusal(text: str) -> symrnn.CellError:
    with pytest.raises(symrnn.CellError) as caught:
        symrnn.cell(text)
    return caught.value


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_kind_give_the_same_place(end: str) -> None:
    error = refusal(end.join(["def f(x, h):", "    h = x", "    h = foo(h)", "    return h", ""]))
    assert error.span == Span(3, 8, 3, 11)
    assert error.line_text == "    h = foo(h)"


def test_columns_count_characters_and_not_bytes() -> None:
    error = refusal("def f(x, h):\n    h = α * β + foo(x)\n    return h")
    assert error.span == Span(2, 16, 2, 19)
    assert str(error).split("\n")[1:3] == ["    2 |     h = α * β + foo(x)", "      |                 ^^^"]


def test_a_source_may_start_at_a_later_line_of_its_file() -> None:
    source = Source("def f(x, h):\n    return foo(x)", "file.py", first_line=40)
    module = parse_module(source)
    function = module.body[0]
    assert isinstance(function, ast.FunctionDef)
    span = source.span(function.body[0])
    assert (span.line, span.column) == (41, 4)
    assert str(source.error("no", span)).startswith("file.py:41: no\n   41 |     return foo(x)\n")


def test_long_excerpts_are_shortened_in_the_middle() -> None:
    source = Source("a" * 50 + "b" * 50)
    assert source.excerpt(Span(1, 0, 1, 100)) == "a" * 28 + " … " + "b" * 28


def test_indented_text_is_dedented() -> None:
    cell = symrnn.cell(
        """
        def f(x, h):
            h = tanh(W @ x + R @ h)
            return h
        """
    )
    assert cell.text == "def f(x, h):\n    h = tanh(W @ x + R @ h)\n    return h\n"


def test_a_function_without_source_says_how_to_go_on() -> None:
    made = eval("lambda x, h: h")
    with pytest.raises(symrnn.CellError, match="cannot be found\n  mend: pass the cell as text"):
        source_of_function(made)
    with pytest.raises(symrnn.CellError, match="the source of 'len' cannot be found"):
        source_of_function(len)


def test_an_odd_escape_in_a_docstring_is_no_warning() -> None:
    assert symrnn.cell('def f(x, h):\n    """\\d"""\n    return x + h\n').doc == "\\d"
