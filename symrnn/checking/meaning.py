"""What a cell's text computes: its tree, walked for one step, on numbers of any kind.

This is the ground that everything else is measured against, so it is written from the language's definition alone: it
reads `Program` as the reader left it, before net inputs are named and before SymPy has seen anything.

Arrays may have leading axes (a batch, a set of perturbed copies) as NumPy broadcasts them; an operation acts on the
trailing ones, as many as its operand's shape has in the cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ..language import Program
from ..language.nodes import Apply, Name, Node, Number
from ..operations.table import OPERATIONS
from ..sizes import Size, Slice
from .kit import Array, Kit, Watch, np, watched
from .meanings import SCALARS, STRUCTURED

Values = dict[str, Array]


def keep(value: Array) -> Array:
    return value


@dataclass(frozen=True, slots=True)
class Meaning:
    """A program at given sizes and for a kind of number.

    `program` is None where single trees are asked for. `counted` says how many places count where a size is the length
    of a time axis: a softmax over it gives the others zero. `hold` receives the value of every `stop_gradient` and
    returns what takes its place, so that an oracle can keep it constant. `name` receives the value of every line and
    returns what later lines see. `watch` receives the distances from kinks, and the number of trailing axes that belong
    to the operation. `jolt` receives every operand and every result of an operation, so that rounding can be imitated.
    """

    program: Program | None
    dims: Mapping[str, int]
    kit: Kit
    hold: Callable[[Array], Array] = keep
    name: Callable[[Array], Any] = keep
    watch: Watch | None = None
    jolt: Callable[[Array], Array] = keep
    counted: Mapping[Size, int] = field(default_factory=dict)
    _kits: tuple[Kit, ...] = field(init=False, repr=False)
    """The kit by the rank of an operation's result: scalars, vectors, matrices."""

    def __post_init__(self) -> None:
        kits = [self.kit if self.watch is None else watched(self.kit, self.watch, rank) for rank in range(3)]
        object.__setattr__(self, "_kits", tuple(kits))

    def step(self, given: Mapping[str, Array]) -> Values:
        """Every named value of one step, from parameters, inputs and previous states."""
        assert self.program is not None
        values = dict(given)
        for line in self.program.assignments:
            values[line.name] = np.asarray(self.name(self.value(line.node, values)))
        return values

    def value(self, node: Node, values: Mapping[str, Array]) -> Array:
        """The value of a tree."""
        match node:
            case Name(id=name):
                return values[name]
            case Number(value=value):
                return np.asarray(self.kit.constant(value))
            case Apply():
                operands = [self.jolt(self.value(operand, values)) for operand in node.operands]
                return self.jolt(np.asarray(self._apply(node, operands)))

    def _apply(self, node: Apply, operands: list[Array]) -> Any:
        ranks = tuple(len(operand.shape) for operand in node.operands)
        rank = len(node.shape)
        kit = self._kits[rank]
        if node.operation == "slice":
            return self._slice(node, ranks[0], operands[0])
        if node.operation == "softmax" and node.shape[-1] in self.counted:
            return self._softmax(ranks, operands[0], self.counted[node.shape[-1]])
        if node.operation in STRUCTURED:
            return STRUCTURED[node.operation](kit, ranks, *operands)
        aligned = [_align(a, r, rank) for a, r in zip(operands, ranks, strict=True)]
        if node.operation == "stop_gradient":
            return self.hold(aligned[0])
        options: list[Any] = [o for o in node.options if isinstance(o, Fraction)]
        if node.operation != "pow":
            options = [kit.constant(o) for o in options]
        if OPERATIONS[node.operation].head is not None:
            aligned = [kit.again(a) for a in aligned]
        return SCALARS[node.operation](kit, *aligned, *options)

    def _softmax(self, ranks: tuple[int, ...], a: Array, counted: int) -> Any:
        """A softmax over the first places alone."""
        weights = np.asarray(STRUCTURED["softmax"](self._kits[ranks[0]], ranks, a[..., :counted]))
        absent = np.full((*a.shape[:-1], a.shape[-1] - counted), self.kit.constant(Fraction(0)), dtype=self.kit.dtype)
        return np.concatenate([weights, absent], axis=-1)

    def _slice(self, node: Apply, rank: int, a: Array) -> Any:
        """Python's subscripts at the given sizes; a slice cut short, which Python would do in silence, is an error."""
        subscript: list[Any] = [...]
        for axis in node.options:
            assert isinstance(axis, Slice)
            if axis.index is not None:
                subscript.append(axis.index.value(self.dims))
            else:
                bounds = (None if bound is None else bound.value(self.dims) for bound in (axis.lower, axis.upper))
                subscript.append(slice(*bounds))
        subscript += [slice(None)] * (rank - len(node.options))
        part = a[tuple(subscript)]
        wanted = tuple(size.value(self.dims) for size in node.shape)
        if part.shape[part.ndim - len(wanted) :] != wanted:
            raise IndexError(f"a slice of {a.shape} has the shape {part.shape}, and {wanted} is needed")
        return part


def _align(array: Array, rank: int, wanted: int) -> Array:
    """A scalar beside vectors gets trailing axes, behind any leading ones."""
    return array if rank == wanted else array[(..., *(None,) * (wanted - rank))]


# Whole sequences ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """The steps of a sequence: every named value at each, and the states after the last."""

    steps: tuple[Values, ...]
    final: Values


def run_sequence(
    meaning: Meaning, params: Mapping[str, Array], inputs: tuple[Mapping[str, Array], ...], state: Mapping[str, Array]
) -> Run:
    """The recurrence: one step for each of `inputs`, the states handed on; `state` and `final` by the states' names."""
    steps: list[Values] = []
    assert meaning.program is not None
    current = dict(state)
    for given in inputs:
        previous = {s.previous: current[s.name] for s in meaning.program.states}
        values = meaning.step({**params, **given, **previous})
        current = {s.name: values[s.new] for s in meaning.program.states}
        steps.append(values)
    return Run(tuple(steps), current)


@dataclass(slots=True)
class Recorder:
    """Keeps what passes through `stop_gradient` in a first run, in order, and hands the same out in later ones."""

    values: list[Array] = field(default_factory=list)

    def record(self, value: Array) -> Array:
        self.values.append(value)
        return value

    def replay(self) -> Callable[[Array], Array]:
        kept: Iterator[Array] = iter(self.values)
        return lambda value: next(kept)
