"""Where an entry is, in words: gate, unit, step and sequence. Words count from 1, as people do; indices from 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from ..equations import Cell
from ..language.nodes import Apply, Assignment, Name, walk
from ..operations import OPERATIONS
from ..sizes import Shape, Size, Slice
from .oracles import Key


def label(key: Key) -> str:
    """An array as reports call it: `output h`, `final state c`, `∂L/∂W_f`, `∂L/∂h_0`."""
    group, name = key
    match group:
        case "params" | "x":
            return f"∂L/∂{name}"
        case "state":
            return f"∂L/∂{name}_0"
        case _:
            return f"{group} {name}"


def place(cell: Cell, dims: Mapping[str, int], key: Key, index: tuple[int, ...]) -> str:
    """The words for an index: `step 5, sequence 1, input 2`, `gate f, unit 3, from unit 4`."""
    group, name = key
    match group:
        case "output":
            return _joined(_step(index), _axes(cell, cell.outputs[name], index[2:]))
        case "x":
            return _joined(_step(index), _axes(cell, cell.inputs[name], index[2:]))
        case "state" | "final state":
            return _joined(f"sequence {index[0] + 1}", _axes(cell, cell.states[name], index[1:]))
        case _:
            return _parameter(cell, dims, name, index)


def _joined(*words: str) -> str:
    return ", ".join(word for word in words if word)


def _step(index: tuple[int, ...]) -> str:
    return f"step {index[0] + 1}, sequence {index[1] + 1}"


def _axes(cell: Cell, shape: Shape, index: tuple[int, ...]) -> str:
    if len(index) == 1:
        return f"{_kind(cell, shape[0])} {index[0] + 1}"
    return _joined(*(f"{word} {k + 1}" for word, k in zip(("row", "column"), index, strict=False)))


def _kind(cell: Cell, size: Size) -> str:
    """What an axis of that size runs over."""
    if any(shape == (size,) for shape in cell.states.values()):
        return "unit"
    return "input" if any(shape == (size,) for shape in cell.inputs.values()) else "entry"


def _parameter(cell: Cell, dims: Mapping[str, int], name: str, index: tuple[int, ...]) -> str:
    """Rows belong to the value that the one line with the parameter gives, or to the gate that takes its part of it."""
    shape = cell.params[name]
    lines = _uses(cell)[name]
    if not index:
        return f"in {cell.variables[lines[0].name].written}" if len(lines) == 1 else ""
    columns = f"from {_kind(cell, shape[1])} {index[1] + 1}" if len(shape) == 2 else ""
    if len(lines) != 1 or lines[0].node.shape[:1] != shape[:1]:
        return _axes(cell, shape, index)
    line, row = lines[0], index[0]
    for taker, part in _parts(cell, line.name):
        first, last = _bounds(part, shape[0], dims)
        if first <= row < last:
            return _joined(_value(cell, taker), f"unit {row - first + 1}", columns)
    return _joined(_value(cell, line.name), f"{_kind(cell, shape[0])} {row + 1}", columns)


@lru_cache(maxsize=8)
def _uses(cell: Cell) -> Mapping[str, Sequence[Assignment]]:
    """The lines in which each parameter occurs."""
    uses: dict[str, list[Assignment]] = {name: [] for name in cell.params}
    for line in cell.program.assignments:
        for name in {node.id for node in walk(line.node) if isinstance(node, Name)} & set(uses):
            uses[name].append(line)
    return uses


@lru_cache(maxsize=64)
def _parts(cell: Cell, name: str) -> Sequence[tuple[str, Slice]]:
    """The values that take a part of a value, and which part."""
    return [
        (line.name, part)
        for line in cell.program.assignments
        for node in walk(line.node)
        if isinstance(node, Apply) and node.operation == "slice" and node.operands == (Name(name, node.span),)
        for part in node.options[:1]
        if isinstance(part, Slice)
    ]


def _bounds(part: Slice, size: Size, dims: Mapping[str, int]) -> tuple[int, int]:
    length = size.value(dims)
    if part.index is not None:
        first = part.index.value(dims) % length
        return first, first + 1
    lower, upper = (None if bound is None else bound.value(dims) for bound in (part.lower, part.upper))
    first, last, _ = slice(lower, upper).indices(length)
    return first, last


def _value(cell: Cell, name: str) -> str:
    """`gate f` for an activation that the step keeps to itself; other values by their names."""
    node = next(line.node for line in cell.program.assignments if line.name == name)
    kept = {*cell.program.outputs, *(state.new for state in cell.program.states)}
    gate = isinstance(node, Apply) and OPERATIONS[node.operation].activation and name not in kept
    written = cell.variables[name].written
    return f"gate {written}" if gate else written
