"""One use of one value's name misspelt in one place: is it warned of?

python tests/language/test_slips.py        every use in every cell of the zoo, and the rate by kind of slip
"""

import ast
import random
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import symrnn
from symrnn.cli import main
from symrnn.operations.table import FUNCTIONS

KINDS = ("doubled", "dropped", "swapped", "replaced", "case")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def slipped(name: str, kind: str, chance: random.Random) -> str:
    """The name with one slip at a random place; "" where there is no such slip."""
    places = [k for k, letter in enumerate(name) if letter.isalpha()]
    if kind == "swapped":
        places = [k for k in range(len(name) - 1) if name[k] != name[k + 1]]
    if not places or (kind == "dropped" and len(name) == 1):
        return ""
    k = chance.choice(places)
    letter = name[k]
    if kind == "swapped":
        return name[:k] + name[k + 1] + letter + name[k + 2 :]
    other = chance.choice([a for a in LETTERS if a != letter.lower()])
    new = {
        "doubled": letter * 2,
        "dropped": "",
        "replaced": other if letter.islower() else other.upper(),
        "case": letter.swapcase(),
    }
    return name[:k] + new[kind] + name[k + 1 :]


@cache
def uses(cell: str) -> tuple[str, list[tuple[int, int, str]], set[str]]:
    """A cell's text, where in it a value, a state or an input is read (line, column, name), and all of its names."""
    text = symrnn.zoo[cell].text
    values = {
        variable.written for variable in symrnn.zoo[cell].program.variables.values() if variable.role != "parameter"
    }
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    nodes = [node for line in function.body for node in ast.walk(line) if isinstance(node, ast.Name)]
    read = [(n.lineno, n.col_offset, n.id) for n in nodes if isinstance(n.ctx, ast.Load) and n.id in values]
    return text, read, {node.id for node in nodes} | values


def planted(cells: list[str], seed: int = 0) -> Iterator[tuple[str, str, str, str]]:
    """Every use of every value with each kind of slip: cell, kind, what became of the name, and the text."""
    chance = random.Random(seed)
    for cell in cells:
        text, read, names = uses(cell)
        for line, column, name in read:
            for kind in KINDS:
                new = slipped(name, kind, chance)
                # A slip into another name of the cell, or of the language, is no name that gets no value.
                if not new.isidentifier() or new in names or new in FUNCTIONS or new == name:
                    continue
                lines = text.split("\n")
                place = len(lines[line - 1].encode()[:column].decode())
                lines[line - 1] = lines[line - 1][:place] + new + lines[line - 1][place + len(name) :]
                yield cell, kind, f"{name} -> {new}, line {line}: {lines[line - 1].strip()}", "\n".join(lines)


def verdict(text: str) -> str:
    """`refused`, `warned`, or `silent`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            symrnn.cell(text)
        except symrnn.CellError:
            return "refused"
    return "warned" if any(issubclass(w.category, symrnn.CellWarning) for w in caught) else "silent"


def rates(slips: Iterable[tuple[str, str, str, str]]) -> tuple[dict[str, Counter[str]], list[str]]:
    """The verdicts by kind of slip, and the slips that nothing was said of."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    missed: list[str] = []
    for cell, kind, what, text in slips:
        found = verdict(text)
        counts[kind][found] += 1
        if found == "silent":
            missed.append(f"{cell}: {kind}: {what}")
    return counts, missed


def test_nine_slips_of_ten_are_warned_of() -> None:
    counts, missed = rates(random.Random(3).sample(list(planted(list(symrnn.zoo))), 240))
    total = sum(counts.values(), Counter())
    assert total["warned"] + total["silent"] > 100
    assert total["warned"] >= 0.9 * (total["warned"] + total["silent"]), missed


@pytest.mark.parametrize("cell", symrnn.zoo)
def test_no_cell_of_the_zoo_is_doubted(cell: str) -> None:
    assert verdict(symrnn.zoo[cell].text) == "silent"


def doubts(text: str) -> list[str]:
    """The problem of each warning about a text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        symrnn.cell(text)
    assert all(w.filename == __file__ for w in caught)
    return [w.message.problem for w in caught if isinstance(w.message, symrnn.CellWarning)]


LSTM = "def f(x, h, c):\n    o = sigmoid(W @ x + R @ h + b)\n    {}\n    return h, c\n"


@pytest.mark.parametrize(
    ("lines", "problems"),
    [
        ("c = o * c\n    h = o * tanh(c)", []),
        ("c = o * c\n    h = o * tanh(cc)", ["`cc` gets no value, so it is a parameter; did you mean `c`?"]),
        ("cc: vector\n    c = o * c\n    h = o * tanh(cc)", []),
        (
            "c = o * c\n    h = o * tanh(d)",
            ["`tanh(d)` is made of parameters alone: `d` gets no value, so it is one"],
        ),
        ("d: vector\n    c = o * c\n    h = o * tanh(d)", []),
        (
            "c = o * c\n    h = o * c + V @ y",
            ["`V @ y` is made of parameters alone: `y` gets no value, so it is one"],
        ),
        ("y: vector\n    c = o * c\n    h = o * c + V @ y", []),
        (
            "c = o * c + (1 - p) * h\n    h = o",
            ["`1 - p` has no counterpart: `p` gets no value and is read nowhere else"],
        ),
        ("c = (1 - o) * c + q * h\n    h = c", ["`q` gets no value, so it is a parameter; did you mean `o`?"]),
        ("h = o\n    c = o", ["nothing reads the old value of the state `c`"]),
        ("u = o * x\n    c = o * c\n    h = c", ["nothing reads the value of `u`"]),
        ("u: vector = o * x\n    c = o * c\n    h = c", []),
        (
            "f_new = o * c\n    c = f_nwe * c\n    h = c",
            ["`f_nwe` gets no value, so it is a parameter; did you mean `f_new`?"],
        ),
    ],
)
def test_what_is_doubted_and_what_silences_it(lines: str, problems: list[str]) -> None:
    assert doubts(LSTM.format(lines)) == problems


def test_an_input_that_nothing_reads() -> None:
    assert doubts("def f(x, k, /, h):\n    h = tanh(W @ x + h)\n    return h\n") == ["nothing reads the input `k`"]
    assert doubts("def f(x, k: vector, /, h):\n    h = tanh(W @ x + h)\n    return h\n") == []


def test_the_message_shows_the_place_and_names_a_way_out() -> None:
    with pytest.warns(symrnn.CellWarning) as caught:
        symrnn.derive(LSTM.format("c = o * c\n    h = o * tanh(cc)"))
    assert str(caught[0].message) == (
        "cell:4: `cc` gets no value, so it is a parameter; did you mean `c`?\n"
        "    4 |     h = o * tanh(cc)\n"
        "      |                  ^^\n"
        "  mend: write `c`; if a parameter is meant, say so on a line of its own: `cc: vector`"
    )
    assert caught[0].filename == __file__


def test_the_command_line_says_it_in_one_plain_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cell.py"
    file.write_text(LSTM.format("c = o * c\n    h = o * tanh(cc)"))
    assert main(["show", str(file)]) == 0
    assert capsys.readouterr().err == (
        "symrnn: warning: cell.py:4: `cc` gets no value, so it is a parameter; did you mean `c`? "
        "write `c`; if a parameter is meant, say so on a line of its own: `cc: vector`\n"
    )


if __name__ == "__main__":
    tables, silent = rates(planted(list(symrnn.zoo)))
    if "--missed" in sys.argv:
        print(*silent, sep="\n")
    for kind, table in [*tables.items(), ("all", sum(tables.values(), Counter()))]:
        accepted = table["warned"] + table["silent"]
        print(
            f"{kind:>9}: {sum(table.values()):5} slips, {table['refused']:5} refused, {table['warned']:5} warned of, "
            f"{table['silent']:4} in silence: {table['warned'] / max(accepted, 1):.1%} of what was read, "
            f"{1 - table['silent'] / sum(table.values()):.1%} of all"
        )
