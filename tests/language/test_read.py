"""Who is an input, a state, a line and an output of a definition."""

import pytest

import symrnn
from symrnn.language import Source, read_definition


def roles(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    definition = read_definition(Source(text))
    return definition.inputs, definition.states


@pytest.mark.parametrize(
    ("header", "inputs", "states"),
    [
        ("x, h", ("x",), ("h",)),
        ("x, h, c", ("x",), ("h", "c")),
        ("x", ("x",), ()),
        ("x, /", ("x",), ()),
        ("x, /, h", ("x",), ("h",)),
        ("x, k, /, h, c", ("x", "k"), ("h", "c")),
        ("x, k, /", ("x", "k"), ()),
    ],
)
def test_arguments_before_the_slash_are_inputs(header: str, inputs: tuple[str, ...], states: tuple[str, ...]) -> None:
    returned = ", ".join(f"{state} + 1" for state in states) or "x"
    assert roles(f"def f({header}):\n    return {returned}\n") == (inputs, states)


def test_the_docstring_is_kept_and_other_strings_are_comments() -> None:
    cell = symrnn.cell('def f(x, h):\n    """A cell.\n\n    More.\n    """\n    "aside"\n    return x + h\n')
    assert cell.doc == "A cell.\n\nMore."
    assert len(cell.equations) == 1


def test_augmented_assignment_is_assignment() -> None:
    plain = symrnn.cell("def f(x, h):\n    h = h + x\n    h = h * a\n    return h\n")
    short = symrnn.cell("def f(x, h):\n    h += x\n    h *= a\n    return h\n")
    assert [(e.name, e.expr) for e in short.equations] == [(e.name, e.expr) for e in plain.equations]


def test_one_of_several_functions_is_chosen_by_name() -> None:
    text = "import numpy\n\ndef a(x, h):\n    return x + h\n\ndef b(x, h):\n    return x - h\n"
    assert read_definition(Source(text), "b").name == "b"
    assert read_definition(Source(text), "b").text == "def b(x, h):\n    return x - h\n"


def test_of_two_functions_with_one_name_the_last_counts_as_in_python() -> None:
    text = "def a(x, h):\n    return x + h\n\ndef a(x, h):\n    return x - h\n"
    assert read_definition(Source(text), "a").span.line == 4


@pytest.mark.parametrize("decorator", ["@symrnn.cell", "@cell"])
def test_its_own_decorator_is_allowed(decorator: str) -> None:
    cell = symrnn.cell(f"{decorator}\ndef f(x, h):\n    return x + h\n")
    assert cell.name == "f"
    assert cell.text.startswith(decorator)


def test_outputs_apart_from_states() -> None:
    cell = symrnn.cell("def f(x, h):\n    h = x + h\n    y = V @ h\n    return y, (h,)\n")
    assert list(cell.outputs) == ["y"]
    assert list(cell.states) == ["h"]


def test_several_outputs() -> None:
    cell = symrnn.cell("def f(x, h):\n    h = x + h\n    y = V @ h\n    z = sum(h)\n    return (y, z), (h,)\n")
    assert {name: len(shape) for name, shape in cell.outputs.items()} == {"y": 1, "z": 0}


@pytest.mark.parametrize(
    "body",
    ["    return x, ()", "    return x", "    y = x\n    return y, ()"],
)
def test_a_cell_may_have_no_state(body: str) -> None:
    cell = symrnn.cell(f"def f(x):\n{body}\n")
    assert list(cell.states) == []
    assert list(cell.outputs) == ["y"]


@pytest.mark.parametrize(
    ("annotation", "rank"),
    [("scalar", 0), ("vector", 1), ("matrix", 2), ("(k,)", 1), ("(p, k)", 2), ("()", 0)],
)
@pytest.mark.parametrize("quoted", [False, True])
def test_annotations_say_shapes_quoted_or_not(annotation: str, rank: int, quoted: bool) -> None:
    written = f'"{annotation}"' if quoted else annotation
    cell = symrnn.cell(f"def f(x, h, s: {written}):\n    h = h + x\n    s = 2 * s\n    return h, s\n")
    assert len(cell.states["s"]) == rank


def test_annotated_sizes_may_be_sums_and_multiples() -> None:
    cell = symrnn.cell("def f(x: (2*k + 1,), h):\n    h = W @ x[:k + 1] + R @ h\n    return h\n")
    assert str(cell.inputs["x"][0]) == "2*k + 1"
    assert [str(size) for size in cell.params["W"]] == ["n", "k + 1"]
