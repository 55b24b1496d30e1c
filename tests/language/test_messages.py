"""The messages of refused cells, word for word: the line, a caret, both sides, where these came from, and a mend.

Each file in `refused/` holds a cell and, below `---`, what symrnn says of it.
"""

from pathlib import Path

import pytest

import symrnn

FOLDER = Path(__file__).parent / "refused"
REFUSED = {file.stem: file.read_text(encoding="utf-8").split("---\n") for file in sorted(FOLDER.glob("*.txt"))}


@pytest.mark.parametrize("name", REFUSED)
def test_message(name: str) -> None:
    text, message = REFUSED[name]
    with pytest.raises(symrnn.CellError) as caught:
        symrnn.cell(text)
    assert str(caught.value) + "\n" == message


@pytest.mark.parametrize("name", REFUSED)
def test_message_has_its_parts(name: str) -> None:
    text, _ = REFUSED[name]
    with pytest.raises(symrnn.CellError) as caught:
        symrnn.cell(text)
    error = caught.value
    assert error.span is not None
    assert error.line_text == text.split("\n")[error.span.line - 1]


def test_a_forgotten_sign_is_recognised() -> None:
    with pytest.raises(symrnn.CellError, match="mend: a product has a sign: W @ x, f \\* c"):
        symrnn.cell("def cell(x, h):\n    return tanh(W x)\n")


def test_several_functions_in_a_file_name_the_file(tmp_path) -> None:
    file = tmp_path / "pair.py"
    file.write_text("def first(x, h):\n    return x + h\n\ndef second(x, h):\n    return x - h\n")
    with pytest.raises(symrnn.CellError) as caught:
        symrnn.load(str(file))
    assert str(caught.value) == (
        "pair.py:4: there are 2 functions here: first, second\n"
        "    4 | def second(x, h):\n"
        "      | ^^^^^^^^^^\n"
        "  mend: say which one: pair.py:first"
    )
    with pytest.raises(symrnn.CellError) as caught:
        symrnn.load(f"{file}:secnod")
    assert str(caught.value) == (
        "pair.py: there is no function `secnod` here\n  found: first, second\n  mend: did you mean `second`?"
    )
