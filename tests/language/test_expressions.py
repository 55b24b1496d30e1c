"""Operators, functions, numbers and subscripts, as nodes."""

import ast
from fractions import Fraction

import pytest

import symrnn
from symrnn.errors import Span
from symrnn.language.expressions import read_expression, signature
from symrnn.language.nodes import Apply, Name, Node, Number
from symrnn.language.source import Source
from symrnn.operations.table import FUNCTIONS, OPERATIONS
from symrnn.sizes import Size, Slice

NOWHERE = Span(0, 0, 0, 0)


def read(text: str) -> Node:
    return read_expression(Source(text), ast.parse(text, mode="eval").body)


def name(word: str) -> Name:
    return Name(word, NOWHERE)


a, b = name("a"), name("b")


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("a", a),
        ("a + b", Apply("add", (a, b))),
        ("a - b", Apply("sub", (a, b))),
        ("a * b", Apply("mul", (a, b))),
        ("a / b", Apply("div", (a, b))),
        ("a @ b", Apply("matmul", (a, b))),
        ("-a", Apply("neg", (a,))),
        ("+a", a),
        ("a.T", Apply("transpose", (a,))),
        ("a ** 2", Apply("pow", (a,), (Fraction(2),))),
        ("a ** -1", Apply("pow", (a,), (Fraction(-1),))),
        ("a ** (1/3)", Apply("pow", (a,), (Fraction(1, 3),))),
        ("a ** 0.1", Apply("pow", (a,), (Fraction(1, 10),))),
        ("[a, b]", Apply("concatenate", (a, b))),
        ("a > b", Apply("greater", (a, b))),
        ("a < b", Apply("greater", (b, a))),
        ("a >= b", Apply("greater_equal", (a, b))),
        ("a <= b", Apply("greater_equal", (b, a))),
        ("where(a > b, a, b)", Apply("where", (Apply("greater", (a, b)), a, b))),
        ("a[1:k]", Apply("slice", (a,), (Slice(Size.number(1), Size.of("k")),))),
        ("a[:]", Apply("slice", (a,), (Slice(),))),
        ("a[-1]", Apply("slice", (a,), (Slice(index=Size.number(-1)),))),
        ("a[0, 1:]", Apply("slice", (a,), (Slice(index=Size()), Slice(Size.number(1))))),
        ("a[2*k - 1:]", Apply("slice", (a,), (Slice(Size.build({"k": 2}, -1)),))),
        ("leaky_relu(a)", Apply("leaky_relu", (a,), (Fraction(1, 100),))),
        ("leaky_relu(a, 0.2)", Apply("leaky_relu", (a,), (Fraction(1, 5),))),
        ("leaky_relu(a, slope=0.2)", Apply("leaky_relu", (a,), (Fraction(1, 5),))),
        ("clip(a, upper=1, lower=-1)", Apply("clip", (a,), (Fraction(-1), Fraction(1)))),
        ("1 + 0.5", Apply("add", (Number(Fraction(1), NOWHERE), Number(Fraction(1, 2), NOWHERE)))),
        ("1e-3", Number(Fraction(1, 1000), NOWHERE)),
        ("0x10", Number(Fraction(16), NOWHERE)),
        ("1_000", Number(Fraction(1000), NOWHERE)),
    ],
)
def test_expression(text: str, node: Node) -> None:
    assert read(text) == node


def test_operators_bind_as_in_python() -> None:
    assert read("-a ** 2 * b + a @ b") == Apply(
        "add",
        (Apply("mul", (Apply("neg", (Apply("pow", (a,), (Fraction(2),)),)), b)), Apply("matmul", (a, b))),
    )


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_of_the_table_can_be_called_as_its_signature_says(function: str) -> None:
    operation = OPERATIONS[function]
    operands = ["a > b" if operand == "condition" else "a" for operand in operation.operands]
    options = [f"{option.name}=2" for option in operation.options]
    node = read(f"{function}({', '.join(operands + options)})")
    assert isinstance(node, Apply)
    assert node.operation == function
    assert node.options == (Fraction(2),) * len(operation.options)


def test_signatures_show_operands_options_and_defaults() -> None:
    assert signature(OPERATIONS["clip"]) == "clip(a, lower, upper)"
    assert signature(OPERATIONS["leaky_relu"]) == "leaky_relu(a, slope=0.01)"
    assert signature(OPERATIONS["tanh"]) == "tanh(a)"


@pytest.mark.parametrize(
    "text",
    [
        "1e400", "1e-400", "1e301", "1e-301", "0x" + "f" * 300, "1e200 * 1e200", "1e-200 * 1e-200", "2 ** 64 ** 2",
        "((2 ** 64) ** 64) ** 64", "(h / h + 1) ** 64 ** 64", "square(square((2 * h) ** 64))", "(h ** 60) ** 2",
        "a ** 65", "a ** -65", "a ** (1/0)", "a ** (1e300/1e-300)", "(0 - 2) ** 0.5", "nan", "inf", "True", "None",
        "...", "1j", "'a'", "b'a'",
    ],
)  # fmt: skip
def test_what_is_no_ordinary_number_is_refused(text: str) -> None:
    with pytest.raises(symrnn.CellError) as caught:
        symrnn.cell(f"def f(x, h):\n    h = h + x * ({text})\n    return h\n")
    assert caught.value.span is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.shape", "`.shape` is not part of the language; the only attribute is `.T`"),
        ("a.transpose", "mend: write W.T"),
        ("a // b", "the operator // is not part of the language"),
        ("a % b", "the operator % is not part of the language"),
        ("a and b", "`and`, `or` is not part of the language of cells"),
        ("not a", "the operator not is not part of the language"),
        ("~a", "the operator ~ is not part of the language"),
        ("a ^ b", "mend: write ** for a power"),
        ("a == b", "a comparison has one of > < >= <= between two values"),
        ("a < b < a", "a comparison has one of > < >= <= between two values"),
        ("[]", "an empty list concatenates nothing"),
        ("(a, b)", "a tuple is not part of the language of cells\n"),
        ("{a}", "a set or a dictionary is not part of the language of cells"),
        ("{a: b}", "a dictionary is not part of the language of cells"),
        ("tanh(*a)", "`*` is not part of the language of cells"),
        ("tanh(a, **b)", "`tanh` has no option `**`"),
        ("tanh()", "`tanh` is called as tanh(a); 0 arguments given"),
        ("tanh(a, b)", "`tanh` is called as tanh(a); 2 arguments given"),
        ("a[b[0]]", "a size is an integer, a dimension's name, or a sum of such\n"),
        ("a[k*k]", "a size is an integer, a dimension's name, or a sum of such\n"),
        ("a[...]", "a size is an integer, a dimension's name, or a sum of such\n"),
    ],
)
def test_what_the_language_does_not_have_is_named(text: str, words: str) -> None:
    with pytest.raises(symrnn.CellError) as caught:
        read(text)
    assert words in str(caught.value)
