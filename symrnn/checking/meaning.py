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

import numpy as np

from ..language import Program
from ..language.nodes import Apply, Name, Node, Number
from ..sizes import Slice

Array = np.ndarray[Any, Any]
Values = dict[str, Array]
Watch = Callable[[Array, int], None]


@dataclass(frozen=True, slots=True)
class Numbers:
    """A kind of number: its constants, its scalar functions entry by entry, and the shift that keeps softmax from
    overflowing (zero where numbers are exact)."""

    constant: Callable[[Fraction], Any]
    functions: Mapping[str, Callable[..., Any]]
    shift: Callable[[Array], Any]
    # operation -> signed distances of its operands from the places where it is not smooth
    kinks: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


def _keep(value: Array) -> Array:
    return value


@dataclass(frozen=True, slots=True)
class Meaning:
    """A program at given sizes and for a kind of number.

    `hold` receives the value of every `stop_gradient` and returns what takes its place, so that an oracle can keep it
    constant. `name` receives the value of every line and returns what later lines see. `watch` receives the distances
    from kinks, and the number of trailing axes that belong to the operation. `jolt` receives every operand and every
    result of an operation, so that rounding can be imitated.
    """

    program: Program
    dims: Mapping[str, int]
    numbers: Numbers
    hold: Callable[[Array], Array] = _keep
    name: Callable[[Array], Any] = _keep
    watch: Watch | None = None
    jolt: Callable[[Array], Array] = _keep

    def step(self, given: Mapping[str, Array]) -> Values:
        """Every named value of one step, from parameters, inputs and previous states."""
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
                return np.asarray(self.numbers.constant(value))
            case Apply():
                operands = [self.jolt(self.value(operand, values)) for operand in node.operands]
                return self.jolt(np.asarray(self._apply(node, operands)))

    def _apply(self, node: Apply, operands: list[Array]) -> Any:
        structured = STRUCTURED.get(node.operation)
        ranks = [len(operand.shape) for operand in node.operands]
        if structured is not None:
            return structured(_Call(node, tuple(ranks), self), *operands)
        rank = len(node.shape)
        aligned = [_align(a, r, rank) for a, r in zip(operands, ranks, strict=True)]
        options = [self.numbers.constant(o) for o in node.options if isinstance(o, Fraction)]
        if node.operation == "stop_gradient":
            return self.hold(aligned[0])
        if node.operation == "pow":
            options = [o for o in node.options if isinstance(o, Fraction)]
        self._watch(node.operation, rank, *aligned, *options)
        return self.numbers.functions[node.operation](*aligned, *options)

    def _watch(self, operation: str, rank: int, *operands: Any) -> None:
        distances = self.numbers.kinks.get(operation)
        if self.watch is not None and distances is not None:
            for distance in distances(*operands):
                self.watch(np.asarray(distance), rank)


def _align(array: Array, rank: int, wanted: int) -> Array:
    """A scalar beside vectors gets trailing axes, behind any leading ones."""
    return array if rank == wanted else array[(..., *(None,) * (wanted - rank))]


@dataclass(frozen=True, slots=True)
class _Call:
    """What a structured operation needs besides its operands."""

    node: Apply
    ranks: tuple[int, ...]
    meaning: Meaning

    @property
    def functions(self) -> Mapping[str, Callable[..., Any]]:
        return self.meaning.numbers.functions


def _matmul(call: _Call, a: Array, b: Array) -> Any:
    match call.ranks:
        case 2, 1:
            return (a @ b[..., None])[..., 0]
        case 1, 2:
            return (a[..., None, :] @ b)[..., 0, :]
        case 1, 1:
            return (a * b).sum(axis=-1)
        case _:
            return a @ b


def _over(rank: int) -> tuple[int, ...]:
    return tuple(range(-rank, 0))


def _transpose(call: _Call, a: Array) -> Any:
    return np.swapaxes(a, -1, -2)


def _outer(call: _Call, a: Array, b: Array) -> Any:
    return a[..., :, None] * b[..., None, :]


def _dot(call: _Call, a: Array, b: Array) -> Any:
    return (a * b).sum(axis=_over(call.ranks[0]))


def _sum(call: _Call, a: Array) -> Any:
    return a.sum(axis=_over(call.ranks[0]))


def _mean(call: _Call, a: Array) -> Any:
    axes = _over(call.ranks[0])
    return a.sum(axis=axes) / call.meaning.numbers.constant(Fraction(int(np.prod([a.shape[axis] for axis in axes]))))


def _norm(call: _Call, a: Array) -> Any:
    length = np.asarray(call.functions["sqrt"]((a * a).sum(axis=_over(call.ranks[0]))))
    call.meaning._watch("norm", 0, length)
    return length


def _shifted_exp(call: _Call, a: Array) -> tuple[Any, Any]:
    shift = call.meaning.numbers.shift(a)
    return np.asarray(call.functions["exp"](a - shift)), shift


def _softmax(call: _Call, a: Array) -> Any:
    e, _ = _shifted_exp(call, a)
    return e / np.asarray(e.sum(axis=-1))[..., None]


def _logsumexp(call: _Call, a: Array) -> Any:
    e, shift = _shifted_exp(call, a)
    return call.functions["log"](np.asarray(e.sum(axis=-1))) + np.asarray(shift + 0 * a[..., :1])[..., 0]


def _diag(call: _Call, a: Array) -> Any:
    return a[..., :, None] * np.eye(a.shape[-1], dtype=int)


def _concatenate(call: _Call, *parts: Array) -> Any:
    lead = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
    return np.concatenate([np.broadcast_to(part, (*lead, part.shape[-1])) for part in parts], axis=-1)


def _slice(call: _Call, a: Array) -> Any:
    """Python's subscripts at the given sizes; a slice cut short, which Python would do in silence, is an error."""
    dims = call.meaning.dims
    subscript: list[Any] = [...]
    for axis in call.node.options:
        assert isinstance(axis, Slice)
        if axis.index is not None:
            subscript.append(axis.index.value(dims))
        else:
            lower, upper = (None if bound is None else bound.value(dims) for bound in (axis.lower, axis.upper))
            subscript.append(slice(lower, upper))
    subscript += [slice(None)] * (call.ranks[0] - len(call.node.options))
    part = a[tuple(subscript)]
    wanted = tuple(size.value(dims) for size in call.node.shape)
    if part.shape[part.ndim - len(wanted) :] != wanted:
        raise IndexError(f"a slice of {a.shape} has the shape {part.shape}, and {wanted} is needed")
    return part


STRUCTURED: Mapping[str, Callable[..., Any]] = {
    "matmul": _matmul,
    "transpose": _transpose,
    "outer": _outer,
    "dot": _dot,
    "sum": _sum,
    "mean": _mean,
    "norm": _norm,
    "softmax": _softmax,
    "logsumexp": _logsumexp,
    "diag": _diag,
    "concatenate": _concatenate,
    "slice": _slice,
}


def known_operations(numbers: Numbers) -> frozenset[str]:
    """The operations that have a meaning for this kind of number."""
    return frozenset({*STRUCTURED, *numbers.functions, "stop_gradient"})


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
