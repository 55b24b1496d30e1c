"""Whether a cell is one that a framework has: by the function that it computes, whatever it is called.

Names alone would be a trap. A GRU whose update gate keeps with 1 − z has the parameters of one that keeps with z, down
to their shapes, and its weights in the other one's places would be wrong and look right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OptionError, nearest
from ..library import zoo
from ..sizes import Shape, shape_at
from .nodes import parameters_of
from .presets import find_preset, presets, rows_of, zoo_name
from .row import Preset

if TYPE_CHECKING:
    from ..equations import Cell

_APART = {
    frozenset({"gru", "gru_reset_after"}): "gru resets before the product, R_n (r ⊙ h), and gru_reset_after resets "
    "after it, r ⊙ (R_n h + b_Rn): no weights make one the other",
}
"""Why two cells that one might take for each other are not the same in any layout."""


def row_for(cell: Cell, framework: str) -> Preset:
    """The row of a framework that holds a cell, or an error that says what the framework has and who has the cell."""
    rows = rows_of(framework)
    found = rows_for(cell, rows)
    if found:
        return found[0]
    lines = [f"{framework} has no layout for {cell.name}"]
    of_that_name = [row for row in presets() if row.cell == cell.name]
    own = bool(of_that_name) and not _same(cell, cell.name)
    if own:
        lines[0] += f": it is not the {cell.name} of the zoo, it computes something else"
    layers: dict[str, list[str]] = {}
    for row in rows:
        layers.setdefault(row.layer, []).append(row.cell)
    listed = [f"{layer} ({', '.join(names)})" for layer, names in layers.items()]
    lines.append(f"  {framework} has: {'; '.join(listed)}")
    near = nearest(cell.name, [row.cell for row in rows]) if not own else ""
    if near:
        lines[-1] += f". {near}"
    for row in rows:
        reason = _APART.get(frozenset({cell.name, row.cell}))
        if reason and not own:
            lines.append(f"  {reason}")
    others = frameworks_of(cell)
    if others:
        lines.append(f"  {cell.name} is in: {', '.join(others)}")
    lines.append("  mend: for arrays of your own give a Layout, such as Layout('Wx = [W_i.T, W_f.T]\\n...')")
    raise OptionError("\n".join(lines))


def frameworks_of(cell: Cell | str) -> tuple[str, ...]:
    """The frameworks that have a cell: one of the zoo by its name, or a cell that computes what one of the zoo does."""
    if isinstance(cell, str):
        rows = [row for row in presets() if row.cell == zoo_name(cell)]
    else:
        rows = rows_for(cell, presets())
    return tuple(dict.fromkeys(row.framework for row in rows))


def rows_for(cell: Cell, rows: Iterable[Preset]) -> list[Preset]:
    """The rows whose cell computes what this cell does, from parameters of the same names."""
    known: dict[str, bool] = {}
    found: list[Preset] = []
    for row in rows:
        if _named(row.framework, row.cell) != set(cell.params):
            continue
        if row.cell not in known:
            known[row.cell] = _same(cell, row.cell)
        if known[row.cell]:
            found.append(row)
    return found


@cache
def _named(framework: str, cell: str) -> frozenset[str]:
    """The parameters of a row's cell, read off the row, so that no cell of the zoo has to be parsed for it."""
    row = find_preset(framework, cell)
    return frozenset(name for rule in row.layout.rules.rules for name in parameters_of(rule.block)) | {*row.absent}


def _same(cell: Cell, name: str) -> bool:
    """Whether a cell computes what a cell of the zoo does: the same forms, and the same numbers at a random point."""
    if name not in zoo:
        return False
    other = zoo[name]
    if cell is other:
        return True
    renamed = _renamed(cell, other)
    return renamed is not None and _agree(cell, other, renamed)


def _forms(cell: Cell) -> list[Mapping[str, Shape]]:
    return [cell.inputs, cell.states, cell.outputs, cell.params]


def _renamed(cell: Cell, other: Cell) -> dict[str, str] | None:
    """The dimensions of a cell in another's names, or None where some form differs. Inputs, states and outputs are
    paired in order, parameters by name."""
    dims: dict[str, str] = {}
    if set(cell.params) != set(other.params):
        return None
    for ours, theirs in zip(_forms(cell), _forms(other), strict=True):
        if len(ours) != len(theirs):
            return None
        pairs = (
            [(shape, theirs[name]) for name, shape in ours.items()]
            if ours is cell.params
            else list(zip(ours.values(), theirs.values(), strict=True))
        )
        for one, two in pairs:
            if len(one) != len(two):
                return None
            for a, b in zip(one, two, strict=True):
                # Forms such as n + m are compared once their names have been paired.
                if len(a.names) == len(b.names) == 1 and dims.setdefault(a.names[0], b.names[0]) != b.names[0]:
                    return None
    if set(dims) != set(cell.dims) or len(set(dims.values())) != len(dims):
        return None
    sizes = {name: 3 + 2 * k for k, name in enumerate(dims)}
    other_sizes = {dims[name]: size for name, size in sizes.items()}
    if set(other_sizes) != set(other.dims):
        return None
    same = all(
        shape_at(shape, sizes) == shape_at(other.params[name], other_sizes) for name, shape in cell.params.items()
    )
    return dims if same else None


def _agree(cell: Cell, other: Cell, dims: Mapping[str, str]) -> bool:
    from ..checking.oracles import Point
    from ..checking.points import draw_point, meaning_of

    sizes = {name: 3 + 2 * k for k, name in enumerate(dims)}
    point = draw_point(cell, 3, 2, sizes, seed=1)
    there = Point(
        other,
        {dims[name]: size for name, size in sizes.items()},
        3,
        2,
        point.params,
        dict(zip(other.inputs, point.x.values(), strict=True)),
        dict(zip(other.states, point.state.values(), strict=True)),
    )
    ours: Iterable[Any] = meaning_of(point).values()
    theirs: Iterable[Any] = meaning_of(there).values()
    return all(
        a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in zip(ours, theirs, strict=True)
    )
