"""Cells from text and from functions; what they know of themselves."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

import symrnn

MGU = '''\
def mgu(x, h):
    """Minimal gated unit."""
    f = sigmoid(W_f @ x + R_f @ h + b_f)
    n = tanh(W_n @ x + R_n @ (f * h) + b_n)
    h = (1 - f) * h + f * n
    return h
'''


def texts(shapes) -> dict[str, tuple[str, ...]]:
    return {name: tuple(str(size) for size in shape) for name, shape in shapes.items()}


def test_a_cell_knows_its_parts() -> None:
    cell = symrnn.cell(MGU)
    assert cell.name == "mgu"
    assert cell.doc == "Minimal gated unit."
    assert cell.text == MGU
    assert cell.dims == ("m", "n")
    assert texts(cell.inputs) == {"x": ("m",)}
    assert texts(cell.states) == {"h": ("n",)}
    assert texts(cell.outputs) == {"h": ("n",)}
    assert texts(cell.params) == {
        "W_f": ("n", "m"), "R_f": ("n", "n"), "b_f": ("n",), "W_n": ("n", "m"), "R_n": ("n", "n"), "b_n": ("n",),
    }  # fmt: skip
    assert [equation.name for equation in cell.equations] == ["a_f", "f", "u_n", "a_n", "n", "h"]
    assert repr(cell) == "<Cell mgu: 6 equations, 6 parameters>"


def test_a_cell_cannot_be_changed() -> None:
    cell = symrnn.cell(MGU)
    with pytest.raises(AttributeError):
        cell.name = "other"
    with pytest.raises(TypeError):
        cell.params["W_f"] = ()


def test_a_cell_is_accepted_wherever_a_cell_is_asked_for() -> None:
    cell = symrnn.cell(MGU)
    assert symrnn.cell(cell) is cell
    assert symrnn.derive(cell).cell is cell


def test_only_its_own_function_is_the_text_of_a_cell() -> None:
    assert symrnn.load("gru").text.startswith("def gru(x, h):\n")
    assert "def gru_reset_after" not in symrnn.load("gru").text


MODULE = '''\
"""A module with cells."""

from __future__ import annotations

import symrnn


@symrnn.cell
def mgu(x, h):
    """Minimal gated unit."""
    f = sigmoid(W_f @ x + R_f @ h + b_f)
    n = tanh(W_n @ x + R_n @ (f * h) + b_n)
    h = (1 - f) * h + f * n
    return h


class Zoo:
    @symrnn.cell
    def plain(x: (k,), h):
        # a comment
        h = tanh(W @ x
                 + R @ h)
        return h


def wrong(x, h):
    h = tanh(W @ x + R @ h)
    return hh
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    file = tmp_path / "my_cells.py"
    file.write_text(MODULE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("my_cells", file)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "my_cells", made)
    spec.loader.exec_module(made)
    return made


def test_the_decorator_makes_a_cell_of_a_function(module: ModuleType) -> None:
    assert isinstance(module.mgu, symrnn.Cell)
    assert [e.expr for e in module.mgu.equations] == [e.expr for e in symrnn.cell(MGU).equations]
    assert texts(module.Zoo.plain.inputs) == {"x": ("k",)}


def test_a_function_is_taken_without_a_decorator_too(module: ModuleType) -> None:
    with pytest.raises(symrnn.CellError) as caught:
        symrnn.derive(module.wrong)
    assert str(caught.value) == (
        "my_cells.py:28: `hh` is returned and never given a value\n"
        "   28 |     return hh\n"
        "      |            ^^\n"
        "  mend: add a line `hh = …`, or return one of: h"
    )


def test_several_inputs_are_a_mapping_in_order() -> None:
    cell = symrnn.cell("def f(x, k, /, h):\n    h = tanh(W @ x + U @ k + R @ h)\n    return h\n")
    assert texts(cell.inputs) == {"x": ("m",), "k": ("p",)}


def test_outputs_apart_from_states() -> None:
    cell = symrnn.cell(
        "def f(x, h: vector, c):\n    c = c + W @ x\n    h = tanh(c)\n    y = V @ h\n    return y, (h, c)\n"
    )
    assert texts(cell.outputs) == {"y": ("p",)}
    assert texts(cell.states) == {"h": ("n",), "c": ("n",)}


def test_shapes_of_states_of_every_rank() -> None:
    cell = symrnn.cell(
        "def f(x, S: (n, n), h, s: scalar):\n    S = s * S + outer(h, h)\n    h = tanh(S @ h + W @ x)\n"
        "    s = sigmoid(w @ h + s)\n    return h, (S, h, s)\n"
    )
    assert texts(cell.states) == {"S": ("n", "n"), "h": ("n",), "s": ()}


def test_a_cell_without_states() -> None:
    cell = symrnn.cell("def f(x):\n    y = tanh(W @ x + b)\n    return y\n")
    assert texts(cell.states) == {}
    assert texts(cell.outputs) == {"y": ("p",)}
