"""Update rules are cells: their input is a gradient, their first state the parameters; so they are printed, run and
differentiated like any other cell. What is done to a gradient beforehand is lines of the same text."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import MappingProxyType

from ..arguments import real
from ..catalogue import read_catalogue
from ..equations import Cell, cell
from ..errors import OptionError, nearest
from ..library import as_cell

RULES: Mapping[str, Mapping[str, float]] = MappingProxyType({
    "sgd": MappingProxyType({"eta": 0.1}),
    "momentum": MappingProxyType({"eta": 0.01, "mu": 0.9}),
    "rmsprop": MappingProxyType({"eta": 0.002, "rho": 0.95, "epsilon": 1e-8}),
    "adam": MappingProxyType({"eta": 0.002, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}),
})  # fmt: skip
"""What the scalars of each rule are where nobody says."""


def write_update(
    rule: str, *, clip_value: float | None = None, clip_norm: float | None = None, decay: float = 0.0
) -> Cell:
    """The cell of an update rule. First the gradient is clipped, each entry to [−v, v] or the whole to a norm of at
    most c; weight decay adds λ w to it, the gradient of ½ λ ‖w‖²."""
    entries = read_catalogue("updates").entries
    if rule not in entries:
        meant = nearest(rule, list(entries)) or f"the rules are: {', '.join(entries)}"
        raise OptionError(f"there is no update rule {rule!r}; {meant}")
    before: list[str] = []
    if clip_value is not None:
        bound = real("clip_value", clip_value)
        before.append(f"g = clip(g, -{bound}, {bound})")
    if clip_norm is not None:
        before.append(f"g = g / maximum(1, norm(g) / {real('clip_norm', clip_norm)})")
    if decay != 0:
        before.append(f"g = g + {real('decay', decay)} * w")
    return cell(_with_lines(entries[rule].page, rule, before)) if before else as_cell(rule)


def _with_lines(page: str, name: str, lines: list[str]) -> str:
    """The definition of that name, with lines behind its docstring."""
    tree = next(node for node in ast.parse(page).body if isinstance(node, ast.FunctionDef) and node.name == name)
    text = page.splitlines()[tree.lineno - 1 : tree.end_lineno]
    place = (tree.body[0].end_lineno or 0) - tree.lineno + 1
    return "\n".join([*text[:place], *(f"    {line}" for line in lines), *text[place:]])
