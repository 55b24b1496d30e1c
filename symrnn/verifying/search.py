"""Which forward pass is this? A search for the cell, variant and order of gates that a person's outputs agree with.

The code is called once. Every candidate is a program, run by its meaning at the same point; all orders of the gates run
side by side on a leading axis. An order is a permutation of what the parameters' names have behind the last `_`: the
arrays of one gate go together, W_f with R_f and b_f.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, permutations, product

import numpy as np

from ..checking.floats import FLOATS
from ..checking.meaning import Meaning, run_sequence
from ..checking.oracles import Key, Point
from ..equations import Cell
from ..language import Program
from ..layouts.blocks import Array
from ..library import zoo
from ..sizes import Shape, shape_at
from .cell_text import write_cell
from .variants import Variant, build_variants

# Far above rounding and far below what another formula makes of numbers of order one.
_SAME = 1e-6
_MOST_ORDERS = 720
_MOST_PAIRS = 600
_LANES = 512

Params = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Found:
    """A forward that computes what the person's does: which cell's, with what change, its gates in which order
    (`order` maps a parameter of that cell to the one of ours that stands in its place), and as text."""

    cell: str
    change: str
    order: Mapping[str, str]
    text: str

    def words(self) -> str:
        """The finding in a sentence's part."""
        parts = [self.cell, *([self.change] if self.change else [])]
        moved = {mine: given for mine, given in self.order.items() if mine != given}
        gates = {(mine.rpartition("_")[2], given.rpartition("_")[2]) for mine, given in moved.items() if given}
        of_gates = len(gates) == len({mine for mine, _ in gates}) and all("_" in mine for mine in moved)
        if of_gates and gates and all(moved.values()):
            order = sorted(gates, key=lambda pair: [name.rpartition("_")[2] for name in self.order].index(pair[0]))
            parts.append("its gates " + ", ".join(f"{given} for {mine}" for mine, given in order))
        else:
            parts += [f"{given} for {mine}" if given else f"{mine} = 0" for mine, given in moved.items()]
        return "; ".join(parts)


def search_forward(cell: Cell, point: Point, outputs: Mapping[Key, Array]) -> Found | None:
    """The plainest forward that agrees with `outputs` (their steps being the last ones), or None."""
    own = _orders(cell.params)
    straight = own[:1]
    found = _first(cell.name, cell.params, [Variant("", cell.program)], own, point, outputs)
    if found:
        return found
    variants = build_variants(cell.program)
    return (
        _first(cell.name, cell.params, variants, straight, point, outputs)
        or _zoo_cell(cell, point, outputs)
        or _first(cell.name, cell.params, variants, own, point, outputs)
        or _first(cell.name, cell.params, islice(_pairs(variants), _MOST_PAIRS), straight, point, outputs)
    )


def _zoo_cell(cell: Cell, point: Point, outputs: Mapping[Key, Array]) -> Found | None:
    """Another cell of the zoo whose inputs and states are among ours, and whose parameters can be filled by ours."""
    for name, other in zoo.items():
        if name == cell.name or dict(other.inputs) != dict(cell.inputs):
            continue
        if any(cell.states.get(state) != shape for state, shape in other.states.items()):
            continue
        if tuple(other.outputs) != tuple(cell.outputs):
            continue
        fillings = _fillings(other.params, cell.params)
        found = _first(name, other.params, [Variant("", other.program)], fillings, point, outputs)
        if found:
            return found
    return None


def _pairs(variants: Sequence[Variant]) -> Iterator[Variant]:
    """Two changes at once, the second one made to the program of the first; pairs of common changes come first."""
    seconds: dict[int, list[Variant]] = {}
    for total in range(2 * len(variants)):
        for k in range(min(total + 1, len(variants))):
            if k not in seconds:
                seconds[k] = build_variants(variants[k].program)
            if k <= total - k < len(seconds[k]):
                second = seconds[k][total - k]
                yield Variant(f"{variants[k].words}; {second.words}", second.program)


# Orders ----------------------------------------------------------------------------------------------------------


def _orders(params: Mapping[str, Shape]) -> list[dict[str, str]]:
    """All ways to let gates change places, the straight one first: for each parameter the one that stands for it."""
    stems: dict[str, dict[str, str]] = {}
    for name in params:
        stem, _, gate = name.rpartition("_")
        stems.setdefault(stem, {})[gate] = name
    families: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for stem, gates in stems.items():
        by_shape: dict[Shape, list[str]] = {}
        for gate, name in gates.items():
            by_shape.setdefault(params[name], []).append(gate)
        families.setdefault(tuple(tuple(sorted(group)) for group in by_shape.values()), []).append(stem)
    choices: list[list[dict[str, str]]] = []
    for groups, members in families.items():
        for group in groups:
            choices.append(
                [
                    {stems[stem][a]: stems[stem][b] for stem in members for a, b in zip(group, order, strict=True)}
                    for order in islice(permutations(group), _MOST_ORDERS)
                ]
            )
    whole = ({name: given for part in parts for name, given in part.items()} for parts in product(*choices))
    return list(islice(whole, _MOST_ORDERS))


def _fillings(wanted: Mapping[str, Shape], given: Mapping[str, Shape]) -> list[dict[str, str]]:
    """Ways to fill the parameters of another cell with ours of the same shape: by name where that fits, then by the
    ones left over; a vector for which there is none may be zero, written as an empty name."""
    same = {name: name for name, shape in wanted.items() if given.get(name) == shape}
    open_names = [name for name in wanted if name not in same]
    spare = [name for name in given if name not in same.values()]
    may_be_zero = {name for name in open_names if len(wanted[name]) < 2}
    needed = Counter(wanted[name] for name in open_names if name not in may_be_zero)
    there = Counter(given[name] for name in spare)
    if any(there[shape] < count for shape, count in needed.items()):
        return []
    options = [
        [*(other for other in spare if given[other] == wanted[name]), *([""] if name in may_be_zero else [])]
        for name in open_names
    ]
    picks = islice(_distinct(options), _MOST_ORDERS)
    return [{**same, **dict(zip(open_names, pick, strict=True))} for pick in picks]


def _distinct(options: Sequence[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """One of each of the options, none twice but the empty name; in the order of `product`, without what it throws away
    where a cell wants many arrays and few are there."""
    if not options:
        yield ()
        return
    for pick in options[0]:
        rest = [[other for other in more if other != pick or not pick] for more in options[1:]]
        yield from ((pick, *others) for others in _distinct(rest))


# Candidates ------------------------------------------------------------------------------------------------------


def _first(
    cell: str,
    shapes: Mapping[str, Shape],
    candidates: Sequence[Variant] | Iterator[Variant],
    orders: Sequence[Mapping[str, str]],
    point: Point,
    outputs: Mapping[Key, Array],
) -> Found | None:
    """The first candidate and order that agree."""
    for start in range(0, len(orders), _LANES):
        chosen = orders[start : start + _LANES]
        if not chosen:
            return None
        params = stack_lanes([_filled(point, order, shapes) for order in chosen])
        first = _first_step(point, outputs)
        for candidate in candidates:
            # Nearly all that differ do so at the first step.
            if first is not None and not agreeing_lanes(candidate.program, first[0], params, first[1]).size:
                continue
            lanes = agreeing_lanes(candidate.program, point, params, outputs)
            if lanes.size:
                order = chosen[int(lanes[0])]
                return Found(cell, candidate.words, dict(order), write_cell(candidate.program))
    return None


def _first_step(point: Point, outputs: Mapping[Key, Array]) -> tuple[Point, dict[Key, Array]] | None:
    """The first step alone, where the code returned it."""
    steps = {key: array[:1] for key, array in outputs.items() if key[0] == "output" and len(array) == point.T}
    if not steps or point.T == 1:
        return None
    return replace(point, T=1, x={name: array[:1] for name, array in point.x.items()}), steps


def _filled(point: Point, order: Mapping[str, str], shapes: Mapping[str, Shape]) -> dict[str, Array]:
    return {
        name: point.params[given] if given else np.zeros(shape_at(shapes[name], point.dims))
        for name, given in order.items()
    }


def stack_lanes(params: Sequence[Params]) -> dict[str, Array]:
    """Many sets of parameters on a leading axis, with one of length one for the batch behind it."""
    return {name: np.stack([lane[name] for lane in params])[:, None] for name in params[0]}


def agreeing_lanes(program: Program, point: Point, params: Params, outputs: Mapping[Key, Array]) -> Array:
    """The lanes in which a program computes `outputs` at the point."""
    count = len(next(iter(params.values()))) if params else 1
    meaning = Meaning(program, point.dims, FLOATS)
    inputs = tuple({name: array[None, t] for name, array in point.x.items()} for t in range(point.T))
    state = {s.name: point.state[s.name][None] for s in program.states}
    same = np.ones(count, bool)
    with np.errstate(all="ignore"):
        run = run_sequence(meaning, params, inputs, state)
    for (kind, name), array in outputs.items():
        if kind == "output":
            steps = run.steps[point.T - len(array) :]
            mine = np.stack([np.broadcast_to(values[name], (count, *array.shape[1:])) for values in steps], axis=1)
        elif name in run.final:
            mine = np.broadcast_to(run.final[name], (count, *array.shape))
        else:
            continue
        gap = np.abs(mine - array).reshape(count, -1).max(axis=1)
        same &= gap <= _SAME * max(1.0, float(np.abs(array).max(initial=0.0)))
    return np.flatnonzero(same)
