"""Two hundred drawn cells by every backend against an interpreter of their text, and whether these eyes see at all."""

from __future__ import annotations

import hashlib
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symrnn
from symrnn.cli import main
from symrnn.testing.outside import Case, Drawn, draw, examine, shrink
from symrnn.testing.outside.compare import cases
from symrnn.testing.outside.doors import fill
from symrnn.testing.outside.interpret import meaning_of
from symrnn.testing.outside.numpy_numbers import NumpyNumbers
from symrnn.testing.outside.truth import run, sample, truth
from symrnn.testing.outside.words import FUNCTIONS

README = Path(__file__).parents[2] / "README.md"
N, M = ("n",), ("m",)


@pytest.mark.parametrize("first", range(0, 200, 10))
def test_drawn_cells_come_to_what_their_text_says(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CFLAGS", "-O1")
    turns = (("float32",), ("torch",) if find_spec("torch") else ())
    for seed in range(first, first + 10):
        drawn = draw(seed)
        ones, different, free = cases(drawn, seed)
        doors = ("fast", "plain", "checkpoint", *turns[seed % 2], *("c", "pages") * (seed % 10 == 0))
        examined = examine(drawn, seed, doors, [different, (ones, free)[seed // 2 % 2]])
        stories = [shrink(drawn, seed, finding, seconds=10).text() for finding in examined.findings[:1]]
        assert not stories, f"seed {seed}\n" + "\n".join(stories)


def test_a_seed_gives_the_same_text_on_every_python() -> None:
    texts = "".join(draw(seed).text for seed in range(100))
    assert hashlib.sha256(texts.encode()).hexdigest()[:16] == "6198b8738e141764"


def test_the_t_of_a_transpose_is_no_name() -> None:
    """A matrix that is turned beside a parameter `T` that nothing reads: an annotation of it would be refused."""
    text = draw(73150104).text
    assert ".T" in text
    assert "    T: " not in text
    with pytest.warns(symrnn.CellWarning, match="nothing reads"):
        assert symrnn.cell(text)


def test_the_language_that_is_drawn_is_the_readmes() -> None:
    table = re.findall(r"^\| `(\w+)\(", README.read_text(), re.M)
    assert sorted(FUNCTIONS) == sorted(table)
    texts = "".join(draw(seed).text for seed in range(400))
    for name in FUNCTIONS:
        assert f"{name}(" in texts, name
    for piece in (
        " @ ",
        ".T",
        "[:",
        ":]",
        "[-1]",
        "[0]",
        " ** ",
        ">=",
        "-> "[:1],
        "/,",
        ": scalar",
        "2*",
        "return (",
        '"""',
    ):
        assert piece in texts, piece


def test_truth_of_a_cell_that_is_worked_out_by_hand() -> None:
    """h_t = a h_{t−1} + x_t: after two steps ∂h_2/∂a = 2 a h_0 + x_1, ∂h_2/∂h_0 = a²."""
    drawn = Drawn(
        "def f(x: scalar, h: scalar):\n    a: scalar\n    h = a * h + x\n    return h\n", {"x": (), "h": (), "a": ()}
    )
    given = sample(drawn, 2, 1, {}, 0)
    found = truth(drawn, given)
    a, h, (x, _) = float(given.params["a"]), float(given.state["h"][0]), given.x["x"][:, 0]
    u_1, u_2 = (float(above[0]) for above in found.d_outputs[0])
    u_2 += float(found.d_final["h"][0])
    assert found.arrays["by a"] == pytest.approx(u_1 * h + u_2 * (2 * a * h + x))
    assert found.arrays["by first h"][0] == pytest.approx(u_1 * a + u_2 * a**2)
    assert found.arrays["by x"][:, 0] == pytest.approx([u_1 + u_2 * a, u_2])


def test_a_return_sees_what_was_assigned_before_it() -> None:
    text = "def f(x, h, c):\n    h = x\n    return tanh(c), (h, h + c)\n"
    given = sample(Drawn(text, {"x": (N,), "h": (N,), "c": (N,)}), 1, 1, {"n": 2}, 0)
    outputs, final = run(meaning_of(text), NumpyNumbers(), given)
    np.testing.assert_array_equal(outputs[0][0], np.tanh(given.state["c"]))
    np.testing.assert_array_equal(final["c"], given.x["x"][0] + given.state["c"])


def test_work_arrays_that_a_kernel_keeps_are_filled() -> None:
    kernel = symrnn.derive("lstm").numpy()
    s = symrnn.load("lstm").sample(T=3, N=2, seed=0)
    outputs, _, tape = kernel.forward(s.params, s.x, s.state)
    kernel.backward(tape, np.ones_like(outputs))
    del tape
    assert fill(kernel) > 5


@pytest.mark.parametrize("door", ["fast", "plain"])
def test_a_planted_mistake_is_seen_and_made_small(door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradient by h_0 that is half of what it should be, where a tanh is near."""
    from symrnn.testing.outside import compare, doors

    compute = doors.compute

    def half(kernel: Any, *others: Any) -> Any:
        for arrays in compute(kernel, *others):
            yield arrays | ({"by first h": arrays["by first h"] / 2} if "tanh" in kernel.cell.text else {})

    monkeypatch.setattr(compare, "compute", half)
    text = (
        "def f(x, h):\n    g = sigmoid(W @ x + b)\n    y = g * x\n    h = 0.5 * tanh(g + h) + g\n    return y, (h,)\n"
    )
    drawn = Drawn(text, {"x": (M,), "h": (N,), "W": (N, M), "b": (N,)} | {"x": (N,), "W": (N, N)})
    finding = examine(drawn, 0, (door,), [Case(3, 2, {"n": 3})]).findings[0]
    assert finding.what == "by first h"
    smallest = shrink(drawn, 0, finding)
    assert smallest.finding.case == Case(1, 1, {"n": 1})
    assert len(smallest.drawn.text) <= len("def f(v1, h):\n    return tanh(h)\n"), smallest.drawn.text


def test_a_campaign_goes_on_from_its_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = tmp_path / "cells.jsonl"
    arguments = ["check", "--random", "2", "--seed", "12", "--jobs", "1", "--journal", str(journal)]
    assert main(arguments) == 0
    first = capsys.readouterr().out
    assert re.match(r"(all|\d of) 2 checks held \([\d,]+ entries, ", first)
    assert re.search(r"^  door +held +failed +undecided", first, re.M)
    assert main(arguments) == 0
    assert "2 of them from the journal" in capsys.readouterr().out
    assert main(["check", "--random", "3", *arguments[3:]]) == 2
    assert "belongs to another campaign" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lstm", "--random", "3"], "--random draws its cells; it does not go with lstm"),
        (["--all", "--random", "3"], "--random draws its cells; it does not go with --all"),
        (["--random", "3", "--seeds", "2"], "--random draws its cells; it does not go with --seeds"),
        (["--random", "0"], "argument --random: this is a whole number from 1 on, not '0'"),
    ],
)
def test_a_wrong_call(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"symrnn: {message}\n")
