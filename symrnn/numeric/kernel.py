"""Running the emitted source: kernels with checked inputs, gradients with names, work arrays that are reused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isqrt
from typing import Any, NamedTuple

import numpy as np

from ..derivation import Derivation
from ..equations import Cell
from ..equations.sample import Arrays
from ..errors import InputError, OptionError, nearest
from .arrays import DTYPES, Array, Checker
from .trial import plain_form, trusted

# As many calls may be under way at once (several tapes, several threads) before work arrays are made anew.
_KEPT = 4

BACKENDS = ("numpy", "c")


@dataclass(frozen=True, slots=True, eq=False)
class Gradients:
    """Gradients in the layout of what they belong to: `params` and `state` by name, `x` like the input."""

    params: Arrays
    x: Array | Arrays
    state: Arrays


class Maker(NamedTuple):
    """What a kernel's parameters and tapes are good for: kernels that run the same source in the same type."""

    name: str
    dtype: str
    source: str

    def refuse_other(self, other: Maker, what: str, mend: str) -> None:
        """Emitted code reads memory as it was laid out, so what another kernel left is not for this one."""
        if self != other:
            apart = "of other source" if self[:2] == other[:2] else f"of {self.name} in {self.dtype}"
            raise InputError(
                f"{what} comes from a kernel of {other.name} in {other.dtype}, and this is one {apart}: {mend}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """Parameters that were checked and stacked once, for many calls of one kernel. They are copies where weights are
    stacked: after changing a parameter, pack again."""

    params: Arrays
    values: Any
    made_by: Maker


class Tape:
    """What a forward pass leaves for the backward pass, with the sizes that it ran at.

    Its work arrays go back to the kernel when nobody holds the tape any more, so no later call can change them
    before that.
    """

    __slots__ = ("N", "T", "_pool", "_work", "dims", "made_by", "values")

    def __init__(
        self, made_by: Maker, values: Any, T: int, N: int, dims: Mapping[str, int], work: Any, pool: list[Any]
    ) -> None:
        self.made_by, self.values = made_by, values
        self.T, self.N, self.dims = T, N, dims
        self._work, self._pool = work, pool

    # Python's end takes a module's names away before its last arrays: a default argument stays.
    def __del__(self, kept: int = _KEPT) -> None:
        if self._work is not None and len(self._pool) < kept:
            self._pool.append(self._work)

    def __repr__(self) -> str:
        return f"<Tape of {self.T} steps, {self.N} sequences>"


@dataclass(frozen=True, slots=True, eq=False)
class _Checkpoints:
    """States at the starts of segments, and what runs the segments again."""

    packed: Packed
    x: Arrays
    starts: list[Arrays]
    length: int


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """The forward and backward pass of a cell over batches of whole sequences, in one floating-point type.

    `source` is the text that runs. Arrays are checked by name, shape and type, and never changed.
    """

    cell: Cell
    dtype: str
    source: str
    _checker: Checker = field(repr=False)
    _namespace: Mapping[str, Any] = field(repr=False)
    _pool: list[Any] = field(default_factory=list, repr=False)
    _spare: list[Any] = field(default_factory=list, repr=False)

    def pack(self, params: Mapping[str, Array]) -> Packed:
        """Check and stack parameters once; `forward` takes the result in place of them."""
        given = self._checker.named(params, self.cell.params, "params")
        return Packed(given, self._namespace["pack"](given) if "pack" in self._namespace else given, self._maker)

    @property
    def _maker(self) -> Maker:
        return Maker(self.cell.name, self.dtype, self.source)

    def forward(
        self,
        params: Mapping[str, Array] | Packed,
        x: Array | Mapping[str, Array],
        state: Mapping[str, Array] | None = None,
        *,
        tape: str = "full",
    ) -> tuple[Array | Arrays, Arrays, Tape]:
        """Outputs at every step, the final state, and the tape; without `state` the initial one is zero.

        `tape="checkpoint"` keeps about √T states instead of every step's values, and the backward pass computes the
        steps again: for long sequences, at the price of one more forward pass.
        """
        if tape not in ("full", "checkpoint"):
            raise OptionError(f"tape is 'full' or 'checkpoint', not {tape!r}. {nearest(tape, ['full', 'checkpoint'])}")
        cell, check = self.cell, self._checker
        inputs = check.one_or_named(x, cell.inputs, "x")
        if isinstance(params, Packed):
            self._maker.refuse_other(params.made_by, "what was packed", "pack the parameters with this one")
        given = params.params if isinstance(params, Packed) else check.named(params, cell.params, "params")
        T, N = check.sequence(inputs)
        start = check.named(state, cell.states, "state") if state is not None else {}
        dims = check.dimensions(inputs, start, given)
        check.fit(inputs, start, given, dims, (T, N))
        start = start or check.zeros(cell.states, dims, (N,))
        packed = params if isinstance(params, Packed) else self.pack(given)
        if tape == "checkpoint" and T > 1:
            return self._forward_in_segments(packed, inputs, start, T, N, dims)
        work = self._pool.pop() if self._pool else {}
        outputs, final, values = self._run_forward(packed, inputs, start, work)
        return outputs, final, Tape(self._maker, values, T, N, dims, work, self._pool)

    def backward(
        self,
        tape: Tape,
        d_outputs: Array | Mapping[str, Array],
        d_final_state: Mapping[str, Array] | None = None,
    ) -> Gradients:
        """Gradients of L, given ∂L/∂outputs at every step and ∂L/∂(final state); what is left out is zero."""
        cell, check = self.cell, self._checker
        if not isinstance(tape, Tape):
            raise InputError(f"tape must be what forward returned last, not {type(tape).__name__}")
        self._maker.refuse_other(tape.made_by, "the tape", "run its forward pass first")
        upstream = check.one_or_named(d_outputs, cell.outputs, "d_outputs")
        check.shapes(upstream, cell.outputs, tape.dims, (tape.T, tape.N), "d_outputs")
        given = {} if d_final_state is None else d_final_state
        final = check.named(given, cell.states, "d_final_state", partial=True)
        if len(final) < len(cell.states):
            final = check.zeros(cell.states, tape.dims, (tape.N,)) | final
        check.shapes(final, cell.states, tape.dims, (tape.N,), "d_final_state")
        if isinstance(tape.values, _Checkpoints):
            return self._backward_in_segments(tape.values, upstream, final, tape.T)
        return self._run_backward(tape.values, upstream, final)

    # Running ------------------------------------------------------------------------------------------------

    def _run_forward(self, packed: Packed, inputs: Arrays, start: Arrays, work: Any) -> tuple[Any, Arrays, Any]:
        passed = inputs if len(self.cell.inputs) > 1 else next(iter(inputs.values()))
        return self._namespace["forward"](packed.values, passed, start, work)

    def _run_backward(self, values: Any, upstream: Arrays, final: Arrays) -> Gradients:
        passed = upstream if len(self.cell.outputs) > 1 else next(iter(upstream.values()))
        work = self._spare.pop() if self._spare else {}
        try:
            return Gradients(*self._namespace["backward"](values, passed, final, work))
        finally:
            if len(self._spare) < _KEPT:
                self._spare.append(work)

    def _forward_in_segments(
        self, packed: Packed, inputs: Arrays, start: Arrays, T: int, N: int, dims: Mapping[str, int]
    ) -> tuple[Any, Arrays, Tape]:
        length = isqrt(T - 1) + 1
        starts, pieces, current = [], [], {name: np.array(value) for name, value in start.items()}
        work: Any = {}
        for first in range(0, T, length):
            starts.append(current)
            segment = {name: array[first : first + length] for name, array in inputs.items()}
            outputs, current, _ = self._run_forward(packed, segment, current, work)
            pieces.append(outputs)
        whole = _joined(pieces)
        kept = _Checkpoints(packed, inputs, starts, length)
        return whole, dict(current), Tape(self._maker, kept, T, N, dims, None, self._pool)

    def _backward_in_segments(self, kept: _Checkpoints, upstream: Arrays, final: Arrays, T: int) -> Gradients:
        total: Arrays = {name: np.zeros_like(value) for name, value in kept.packed.params.items()}
        d_x: list[Any] = []
        work: Any = {}
        for first in reversed(range(0, T, kept.length)):
            stretch = slice(first, first + kept.length)
            segment = {name: array[stretch] for name, array in kept.x.items()}
            _, _, values = self._run_forward(kept.packed, segment, kept.starts[first // kept.length], work)
            part = self._run_backward(values, {name: g[stretch] for name, g in upstream.items()}, final)
            for name, value in part.params.items():
                total[name] += value
            d_x.append(part.x)
            final = part.state
        return Gradients(total, _joined(d_x[::-1]), final)


def _joined(pieces: list[Any]) -> Any:
    """Segments of a sequence, one after the other."""
    if isinstance(pieces[0], dict):
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    return np.concatenate(pieces)


def build_kernel(
    derivation: Derivation, dtype: str = "float64", *, plain: bool = False, backend: str = "numpy"
) -> Kernel:
    """Emit the source of a derivation and compile it: NumPy, with `plain` one equation a line, or C."""
    if dtype not in DTYPES:
        raise OptionError(f"dtype is 'float32' or 'float64', not {dtype!r}")
    if backend not in BACKENDS:
        known = " or ".join(map(repr, BACKENDS))
        raise OptionError(f"backend is {known}, not {backend!r}. {nearest(str(backend), list(BACKENDS))}".rstrip())
    if backend == "c" and plain:
        raise OptionError('plain=True asks for plain NumPy; leave it out, or backend="c"')
    source, namespace = plain_form(derivation) if plain else trusted(derivation, dtype, backend)
    return Kernel(derivation.cell, dtype, source, Checker.of(derivation.cell, dtype), namespace)
