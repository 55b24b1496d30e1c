"""What the language of networks says no to, word for word: the line, a caret, both sides, and a mend.

Each part of `refused_networks.txt` is a name, a network, and, below `--`, what symrnn says of it.
"""

import re
from pathlib import Path

import pytest

import symrnn
from symrnn.cli import main

PARTS = re.split(r"^== ", Path(__file__).with_name("refused_networks.txt").read_text("utf-8"), flags=re.MULTILINE)[1:]
REFUSED = {name: text.split("\n--\n") for name, text in (part.split("\n", 1) for part in PARTS)}
LOOPS = "".join("    " * k + f"for k{k} in range(64):\n" for k in range(1, 6)) + "    " * 6 + "h = tanh(h)\n"
LARGE = {
    "loops within loops": "def net(x):\n    h = scan(rnn, x)\n" + LOOPS + "    return h\n",
    "many lines": "def net(x):\n" + "    x = tanh(x)\n" * 2000 + "    h = scan(rnn, x)\n    return h\n",
    "many steps before": "def net(x):\n    h = scan(rnn, x" + "[t-1]" * 300 + ")\n    return h\n",
    "many brackets": "def net(x):\n    h = scan(rnn, " + "last(" * 80 + "x" + ")" * 80 + ")\n    return h\n",
    "many terms": "def net(x):\n    h = scan(rnn, x" + " + x" * 400 + ")\n    return h\n",
    "a long name": "def net(x):\n    " + "h" * 300 + " = scan(rnn, x)\n    return x\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_message(name: str) -> None:
    text, message = REFUSED[name]
    with pytest.raises(symrnn.CellError) as caught:
        symrnn.network(text)
    assert str(caught.value) == message.rstrip("\n")
    assert caught.value.span is not None
    assert caught.value.mend


@pytest.mark.parametrize("name", LARGE)
def test_what_is_too_large_is_said_at_once(name: str) -> None:
    with pytest.raises(symrnn.CellError) as caught:
        symrnn.network(LARGE[name])
    assert caught.value.span is not None
    assert caught.value.mend


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n"])
def test_an_empty_text(text: str) -> None:
    with pytest.raises(
        symrnn.CellError, match=r"no function definition(.|\n)*mend: a network is a function that scans"
    ):
        symrnn.network(text)


def test_networks_that_scan_each_other() -> None:
    text = "def a(x):\n    h = scan(b, x)\n    return h\n\ndef b(x):\n    h = scan(a, x)\n    return h\n"
    with pytest.raises(symrnn.CellError, match="`b` is a network, and a network holds cells alone"):
        symrnn.network(text)


def test_a_network_where_a_cell_is_asked_for() -> None:
    with pytest.raises(symrnn.SymrnnError, match="`net` is a network, and a cell is asked for"):
        symrnn.cell("def net(x):\n    h = scan(rnn, x)\n    return h\n")


@pytest.mark.parametrize("command", ["show", "check", "code"])
@pytest.mark.parametrize("name", [*list(REFUSED)[::12], *LARGE])
def test_commands_say_the_same(command: str, name: str, tmp_path, capsys) -> None:
    file = tmp_path / "net.py"
    file.write_text(REFUSED[name][0] if name in REFUSED else LARGE[name])
    assert main([command, str(file)]) == 2
    told = capsys.readouterr().err
    assert "net.py:" in told
    assert "mend: " in told
    assert "Traceback" not in told
