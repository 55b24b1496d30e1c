"""Pieces of source that every NumPy module has: docstring, imports, helper functions, sizes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..equations import Cell
from ..operations.entry import Operation
from ..operations.table import BY_HEAD
from ..sizes import Shape, Size
from .dimensions import Reading, plan_readings
from .printer import NumpyPrinter
from .statement import ATOM, Call, Statement, Text, block, let, local, piece

WIDTH = 100


@dataclass(frozen=True, slots=True)
class Core:
    """What a NumPy module computes with: its imports, its functions; whether `pack` is one of them."""

    imports: tuple[str, ...]
    functions: str
    packs: bool


def in_docstring(text: str) -> str:
    """A text that neither ends the docstring that it stands in nor is read as an escape there: whoever wrote it must
    not write the program."""
    return text.replace("\\", "\\\\").replace('"""', "'''")


def docstring(cell: Cell) -> str:
    """What the module computes, and the shapes of what goes in and out."""
    first = in_docstring(cell.doc.split("\n")[0]) if cell.doc else cell.name
    lines = [f'"""{cell.name}: forward and backward pass in NumPy, derived by symrnn.', "", first, ""]
    shapes: dict[Shape, list[str]] = {}
    for name, shape in cell.params.items():
        shapes.setdefault(shape, []).append(name)
    params = [f"{', '.join(names)} {_lead('', shape)}" for shape, names in shapes.items()]
    lines.append("params: " + ("; ".join(params) or "none"))
    inputs = "; ".join(f"{name} {_lead('T, N', shape)}" for name, shape in cell.inputs.items())
    lines.append(f"x: {'a dict of ' if len(cell.inputs) > 1 else ''}{inputs}")
    lines.append("state: " + ("; ".join(f"{n} {_lead('N', s)}" for n, s in cell.states.items()) or "none"))
    outputs = "; ".join(f"{name} {_lead('T, N', shape)}" for name, shape in cell.outputs.items())
    lines.append(f"outputs: {'a dict of ' if len(cell.outputs) > 1 else ''}{outputs}")
    return "\n".join([*lines, '"""'])


def _lead(lead: str, shape: Shape) -> str:
    """A shape as Python writes it, with leading axes."""
    sizes = [*([lead] if lead else []), *map(str, shape)]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 and ',' not in sizes[0] else ''})"


def show_array(name: str, shape: Shape) -> str:
    """`W (n, m)`"""
    return f"{name} {_lead('', shape)}"


def helper_sources(heads: Iterable[Call]) -> str:
    """The helper functions of the operations that a source calls."""
    return "\n\n".join(sorted({row.helper for row in _rows_of(heads)} - {""}))


def imports(heads: Iterable[Call]) -> list[str]:
    """The import lines of a module that calls some operations."""
    forms = (form for row in _rows_of(heads) for form in (row.helper, row.numpy))
    needs_math = any(isinstance(form, str) and "math." in form for form in forms)
    return [*(["import math", ""] if needs_math else []), "import numpy as np"]


def _rows_of(heads: Iterable[Call]) -> list[Operation]:
    return [BY_HEAD[head] for head in heads if isinstance(head, type) and head in BY_HEAD]


def dimension_statements(
    cell: Cell, printer: NumpyPrinter, wanted: Iterable[str], state: str = "state"
) -> list[Statement]:
    """Read each wanted dimension off an array that shows it, the plainest first."""
    statements: list[Statement] = []
    for reading in needed_readings(cell, wanted):
        holder = {"x": "x", "state": state, "params": "params"}[reading.holder]
        array = f'{holder}["{reading.array}"]' if reading.holder != "x" or len(cell.inputs) > 1 else holder
        value = piece("{}.shape[{}]", Text(array, ATOM, frozenset((holder,))), str(reading.axis))
        statements.append(let(printer.dims[reading.dim], "{}", solved(reading, value, printer)))
    return statements


def needed_readings(cell: Cell, wanted: Iterable[str]) -> list[Reading]:
    """The readings that some dimensions take, in an order in which each rests on earlier ones."""
    readings = plan_readings(cell)
    needed = set(wanted)
    for reading in reversed(readings):
        if reading.dim in needed:
            needed |= set(reading.size.names)
    return [reading for reading in readings if reading.dim in needed]


def solved(reading: Reading, length: Text, printer: NumpyPrinter) -> Text:
    """A dimension from the length of an axis that holds it."""
    if reading.rest != Size():
        length = piece("({} - ({}))", length, printer.spoken_size(reading.rest))
    return length if reading.factor == 1 else piece("{} // {}", length, str(reading.factor))


def loop_over(pairs: list[tuple[str, Text]], body: list[Statement]) -> Statement:
    """`for names in zip(arrays):`, broken where it is long; a count of the steps where there is nothing to read."""
    if not pairs:
        return block("for _ in range(T):", [local("T")], ["_"], body)
    names, arrays = [name for name, _ in pairs], [array for _, array in pairs]
    left = ", ".join(names) + ("," if len(pairs) == 1 else "")
    header = [f"for {left} in zip({', '.join(map(str, arrays))}, strict=True):"]
    if len(header[0]) > WIDTH - 4:
        opening = [f"for {left} in zip("] if len(left) < WIDTH - 20 else ["for (", f"    {left}", ") in zip("]
        header = [*opening, *(f"    {array}," for array in arrays), "    strict=True,", "):"]
    return block("\n".join(header), arrays, names, body)
