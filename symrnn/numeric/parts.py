"""Pieces of source that every NumPy module has: docstring, imports, helper functions, sizes."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable

from ..equations import Cell
from ..operations.table import BY_HEAD
from ..sizes import Shape, Size
from .dimensions import plan_readings
from .printer import NumpyPrinter

WIDTH = 100
BUILTINS = frozenset(dir(builtins))
"""Names that a module's own lines may call."""


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


def helper_sources(body: str) -> str:
    """The helper functions of the operations that a source calls, and those that these call."""
    sources: dict[str, None] = {}
    pending = [body]
    while pending:
        text = pending.pop()
        for row in BY_HEAD.values():
            if row.helper and row.helper not in sources and _calls(text, row.helper):
                sources[row.helper] = None
                pending.append(row.helper)
    return "\n\n".join(sorted(sources))


def _calls(text: str, helper: str) -> bool:
    name = helper.split("(")[0].removeprefix("def ")
    return re.search(rf"(?<![\w.]){name}\(", text.replace(f"def {name}(", "")) is not None


def imports(source: str) -> list[str]:
    """The import lines that a source needs."""
    return [*(["import math", ""] if "math." in source else []), "import numpy as np"]


def mentions(text: str, name: str) -> bool:
    """Whether source speaks of a name."""
    return re.search(rf"(?<![\w.\"]){re.escape(name)}(?!\w)", text) is not None


def dimension_lines(cell: Cell, printer: NumpyPrinter, wanted: Iterable[str], state: str = "state") -> list[str]:
    """Read each wanted dimension off an array that shows it, the plainest first."""
    readings = plan_readings(cell)
    needed = set(wanted)
    for reading in reversed(readings):
        if reading.dim in needed:
            needed |= set(reading.size.names)
    lines: list[str] = []
    for reading in readings:
        if reading.dim in needed:
            array = {"x": "x", "state": state, "params": "params"}[reading.holder]
            if reading.holder != "x" or len(cell.inputs) > 1:
                array += f'["{reading.array}"]'
            code = f"{array}.shape[{reading.axis}]"
            if reading.rest != Size():
                code = f"({code} - ({printer.size(reading.rest)}))"
            if reading.factor != 1:
                code = f"{code} // {reading.factor}"
            lines.append(f"    {printer.dims[reading.dim]} = {code}")
    return lines


def loop_header(pairs: list[tuple[str, str]]) -> list[str]:
    """`for names in zip(arrays):`, broken where it is long."""
    left = ", ".join(name for name, _ in pairs) + ("," if len(pairs) == 1 else "")
    arrays = [array for _, array in pairs]
    line = f"    for {left} in zip({', '.join(arrays)}, strict=True):"
    if len(line) <= WIDTH:
        return [line]
    names = [f"    for {left} in zip("] if len(left) < WIDTH - 20 else ["    for (", f"        {left}", "    ) in zip("]
    return [*names, *(f"        {array}," for array in arrays), "        strict=True,", "    ):"]
