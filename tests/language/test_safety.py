"""Text is data: nothing in it is executed, and no text hangs the reader, exhausts memory or overflows the stack."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import symrnn

BODY = "def f(x, h):\n    h = h + x * ({})\n    return h\n"

# Each would leave a trace, had it been executed: {mark} is a path that must not come into being.
EXECUTABLE = {
    "import_call": BODY.format("__import__('pathlib').Path({mark}).touch()"),
    "exec_call": BODY.format("exec('open({mark}, \"w\")')"),
    "open_call": BODY.format("open({mark}, 'w')"),
    "attribute": BODY.format("x.__class__.__mro__[1].__subclasses__()"),
    "comprehension": BODY.format("[open({mark}, 'w') for _ in x]"),
    "generator": BODY.format("sum(open({mark}, 'w') for _ in x)"),
    "f_string": BODY.format("f'{{open({mark}, \"w\")}}'"),
    "lambda": BODY.format("(lambda: open({mark}, 'w'))()"),
    "walrus": BODY.format("(y := open({mark}, 'w'))"),
    "await": BODY.format("await open({mark}, 'w')"),
    "yield": BODY.format("(yield open({mark}, 'w'))"),
    "starred": BODY.format("tanh(*open({mark}, 'w'))"),
    "subscript": BODY.format("x[open({mark}, 'w')]"),
    "decorator": "@open({mark}, 'w').write\n" + BODY.format("1"),
    "decorator_with_its_own_name": "@symrnn.cell(open({mark}, 'w'))\n" + BODY.format("1"),
    "default": "def f(x, h=open({mark}, 'w')):\n    return h + x\n",
    "annotation": "def f(x, h: open({mark}, 'w')):\n    return h + x\n",
    "quoted_annotation": "def f(x, h: \"open({mark}, 'w')\"):\n    return h + x\n",
    "statement": "def f(x, h):\n    open({mark}, 'w')\n    return h + x\n",
    "import_statement": "def f(x, h):\n    import antigravity\n    return h + x\n",
    "nested_function": "def f(x, h):\n    def g(a=open({mark}, 'w')): pass\n    return h + x\n",
    "class_statement": "def f(x, h):\n    class A: open({mark}, 'w')\n    return h + x\n",
    "with_statement": "def f(x, h):\n    with open({mark}, 'w'): pass\n    return h + x\n",
    "for_statement": "def f(x, h):\n    for _ in open({mark}, 'w'): pass\n    return h + x\n",
    "assert_statement": "def f(x, h):\n    assert open({mark}, 'w')\n    return h + x\n",
    "global_statement": "def f(x, h):\n    global h\n    return h + x\n",
}


@pytest.mark.parametrize("name", EXECUTABLE)
def test_nothing_is_executed_and_the_place_is_shown(name: str, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    with pytest.raises(symrnn.CellError) as caught:
        symrnn.cell(EXECUTABLE[name].replace("{mark}", repr(str(mark))))
    assert not mark.exists()
    assert caught.value.span is not None
    assert "^" in str(caught.value).split("\n")[2]


def test_what_surrounds_a_cell_in_a_file_is_not_executed(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    file = tmp_path / "cell.py"
    file.write_text(f"open({str(mark)!r}, 'w')\n\ndef f(x, h) -> open({str(mark)!r}, 'w'):\n    return h + x\n")
    assert symrnn.load(str(file)).name == "f"
    assert not mark.exists()


def test_a_decorated_function_is_not_called() -> None:
    called: list[str] = []

    @symrnn.cell
    def f(x, h):
        return tanh(x + h)

    assert f.name == "f"
    assert called == []


# Built in a fresh process each: one that overflows its C stack or runs out of memory takes down nothing else.
LARGE = {
    "a_megabyte_of_terms": "BODY.format('x' + ' + x' * 249_980)",
    "a_megabyte_name": "BODY.format('x' * 999_900)",
    "a_megabyte_function_name": "BODY.format('x' * 999_900 + '(x)')",
    "a_megabyte_option_name": "BODY.format('elu(x, ' + 'x' * 999_900 + '=1)')",
    "more_than_is_read": "BODY.format('x' + ' + x' * 300_000)",
    "nested_parentheses": "BODY.format('(' * 10_000 + 'x' + ')' * 10_000)",
    "nested_lists": "BODY.format('[' * 10_000 + 'x' + ']' * 10_000)",
    "nested_calls": "BODY.format('tanh(' * 10_000 + 'x' + ')' * 10_000)",
    "nested_subscripts": "BODY.format('x[' * 10_000 + '0' + ']' * 10_000)",
    "unary_minuses": "BODY.format('-' * 100_000 + 'x')",
    "nots": "BODY.format('not ' * 100_000 + 'x')",
    "terms": "BODY.format('x' + ' + x' * 5_000)",
    "powers": "BODY.format('x' + ' ** 2' * 5_000)",
    "powers_from_the_left": "BODY.format('(' * 190 + '2' + ') ** 64' * 190)",
    "powers_of_hidden_numbers": "BODY.format('(' * 150 + '(h / h + 1)' + ') ** 64' * 150)",
    "squares_of_hidden_numbers": "BODY.format('square(' * 150 + '(h / h + 1)' + ')' * 150)",
    "transposes": "BODY.format('x' + '.T' * 100_000)",
    "lambdas": "BODY.format('lambda: ' * 50_000 + 'x')",
    "choices": "BODY.format('x if x else ' * 50_000 + 'x')",
    "decorators": "'@a' + '.b' * 900 + chr(10) + BODY.format('x')",
    "deeper_decorators": "'@a' + '.b' * 100_000 + chr(10) + BODY.format('x')",
    "blocks": "'def f(x, h):' + chr(10) + ''.join(' ' * k + 'if x:' + chr(10) for k in range(1, 200)) + ' ' * 200 + 'x'",
    "quoted_annotation": "'def f(x: ' + repr('-' * 100_000 + 'n') + ', h):' + chr(10) + '    return h'",
    "annotation_minuses": "'def f(x: (' + '-' * 900 + 'n,), h):' + chr(10) + '    return h'",
    "digits": "BODY.format('9' * 10**5)",
    "hexadecimal_digits": "BODY.format('0x' + 'f' * 10**5)",
    "exponent_digits": "BODY.format('x ** ' + '9' * 4_000)",
    "exponent": "BODY.format('x ** 10**9')",
    "nul_bytes": "BODY.format('x' + chr(0) * 10_000)",
    "lone_surrogate": "BODY.format('x' + chr(0xD800))",
    "lone_surrogate_in_a_docstring": "'def f(x, h):' + chr(10) + '    ' + repr('a').replace('a', chr(0xDC80)) + chr(10)",
    "many_lines_of_nothing": "chr(10) * 900_000 + 'x'",
    "unclosed_string": "BODY.format('\\'' * 3 + 'x' * 900_000)",
}
PROGRAM = """
import resource, sys
import symrnn
BODY = {body!r}
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
try:
    symrnn.cell({text})
except symrnn.CellError as error:
    message = str(error)
    assert len(message) < 2_000, len(message)
    message.encode()
    print("refused", error.span is not None)
else:
    print("read")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="memory is limited by POSIX means")
@pytest.mark.parametrize("name", LARGE)
def test_large_and_odd_texts_are_refused_quickly_in_a_short_message(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=BODY, text=LARGE[name])],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(symrnn.__file__).parents[1])},
    )
    assert done.stderr == ""
    assert done.returncode == 0
    # Only a text too long to look at has no place to point to.
    assert done.stdout == f"refused {name != 'more_than_is_read'}\n"


@pytest.mark.parametrize(
    "text",
    [
        "tanh(" * 150 + "x" + ")" * 150,
        "x" + " + x" * 190,
        "-" * 190 + "x",
        "(" * 100 + "x" + ")" * 100,
        "(x) * " * 60 + "x",
        "square(1 + " * 95 + "x" + ")" * 95,
    ],
)
def test_what_a_generous_person_might_write_is_read_and_derived(text: str) -> None:
    cell = symrnn.cell(BODY.format(text))
    assert symrnn.derive(cell).gradients


@pytest.mark.parametrize(
    ("written", "means"),
    [("ｔａｎｈ(x)", "tanh(x)"), ("ｘ", "x"), ("ﬁ", "fi"), ("ⅷ", "viii"), ("Ω @ x", "Ω @ x")],
)
def test_unicode_names_are_what_python_makes_of_them(written: str, means: str) -> None:
    text = "def f(x: vector, h):\n    h = h + ({})\n    return h\n"
    odd, plain = symrnn.cell(text.format(written)), symrnn.cell(text.format(means))
    assert [e.expr for e in odd.equations] == [e.expr for e in plain.equations]


@pytest.mark.parametrize("name", ["x\u0301", "אב", "权重", "é", "x\u200d", "_", "__"])
def test_names_that_no_formula_could_print_are_refused(name: str) -> None:
    with pytest.raises(symrnn.CellError) as caught:
        symrnn.cell(BODY.format(name))
    assert caught.value.span is not None
    assert caught.value.span.line == 2


def test_control_characters_do_not_reach_the_terminal() -> None:
    with pytest.raises(symrnn.CellError) as caught:
        symrnn.cell("def f(x, h):\n    'a\x1b[2J\u202e'; h = foo(x)\n    return h\n")
    assert str(caught.value).split("\n")[1:3] == [
        "    2 |     'a�[2J�'; h = foo(x)",
        "      |                   ^^^",
    ]
