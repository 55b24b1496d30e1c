"""A fast kernel proves itself before its first use: beside plain NumPy, once, on a small case; the verdict is kept.

The plain form is one equation a line, and it is what everything else here is checked with; the fast forms are found by
rules. Should a rule be wrong for a cell, the plain kernel serves, and a `KernelWarning` shows the smallest case.
"""

from __future__ import annotations

import platform
import types
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from ..derivation import Derivation
from ..equations.sample import Arrays, default_dims
from ..errors import InputError, KernelWarning, SymrnnError
from ..sizes import shape_at, show_dims
from ..version import __version__
from .cache import hash_of, kept_folder, read_file, write_file
from .compiled import compiled_passes
from .emit import emit
from .fast import emit_fast

Namespace = dict[str, Any]
Found = dict[str, np.ndarray[Any, Any]]

_T, _N = 3, 2
_SIZES = (4, 5, 6, 7, 8, 9)
# How samples are drawn until one is finite: as they come, positive (for roots and logarithms), and small.
_DRAWS = tuple(product((1.0, 2.0**-6), (False, True), range(3)))
# That a rounding is met by chance (a floor, a comparison) must happen at two samples before it counts.
_WITNESSES = 2
# What is left of a gradient that cancels, as all do behind a normalisation of one entry, in roundings of the largest.
_CANCELLED = 4096
_AGREES = "agrees"


class Candidate(NamedTuple):
    """A kernel that wants to be used: its text, its functions, and all that its numbers depend on besides."""

    source: str
    namespace: Namespace
    rests_on: str


@dataclass(frozen=True, slots=True)
class _Case:
    """Sizes, and the number of the sample that was drawn at them."""

    derivation: Derivation
    dtype: str
    T: int
    N: int
    dims: Mapping[str, int]
    draw: int

    def arrays(self) -> tuple[Arrays, Any, Arrays, Any, Arrays]:
        """What goes into both passes: nothing of it may be written."""
        scale, positive, seed = _DRAWS[self.draw]
        cell, draw = self.derivation.cell, np.random.default_rng(self.draw)
        sample = cell.sample(self.T, self.N, seed, self.dims, self.dtype)
        shapes = {name: shape_at(shape, self.dims) for name, shape in cell.outputs.items()}
        inputs = sample.x if isinstance(sample.x, dict) else dict.fromkeys(cell.inputs, sample.x)
        groups: list[Arrays] = [
            sample.params,
            inputs,
            sample.state,
            {name: draw.standard_normal((self.T, self.N, *shape)) for name, shape in shapes.items()},
            {name: draw.standard_normal(value.shape) for name, value in sample.state.items()},
        ]
        for place, group in enumerate(groups):
            for name, value in group.items():
                drawn = np.abs(value) if positive and place < 3 else value
                group[name] = np.asarray(drawn * (scale if place < 3 else 1.0), self.dtype)
                group[name].flags.writeable = False
        params, x, state, upstream, final = groups
        return params, _one_or_all(x), state, _one_or_all(upstream), final

    @property
    def sizes(self) -> str:
        return show_dims({"T": self.T, "N": self.N, **self.dims})


def trusted(derivation: Derivation, dtype: str, backend: str) -> tuple[str, Namespace]:
    """The source and the functions of the fast form, if it computes what the plain one does; else those of the plain
    one, with a warning."""
    candidate, objection = try_out(derivation, dtype, backend)
    if candidate is not None and not objection:
        return candidate.source, candidate.namespace
    warnings.warn(f"{objection}\n  plain NumPy serves in its place", KernelWarning, stacklevel=4)
    return plain_form(derivation)


def try_out(derivation: Derivation, dtype: str, backend: str) -> tuple[Candidate | None, str]:
    """A fast form, and what speaks against it: nothing, if it is right."""
    try:
        candidate = _MAKERS[backend](derivation, dtype)
    except (SymrnnError, MemoryError):
        raise
    except Exception as error:
        return None, _complaint(derivation, dtype, backend, f"  making it raises {type(error).__name__}: {error}")
    key = hash_of(_surroundings(), backend, dtype, candidate.rests_on, candidate.source)
    known = _recall(key)
    if known is None:
        known = _objection(derivation, dtype, candidate) or _AGREES
        _remember(key, known)
    return candidate, "" if known == _AGREES else _complaint(derivation, dtype, backend, known)


def is_right(derivation: Derivation) -> bool:
    """Whether the fast NumPy form computes what the plain one does; if not, with a warning."""
    candidate, objection = try_out(derivation, "float64", "numpy")
    if candidate is None or objection:
        warnings.warn(f"{objection}\n  plain NumPy serves in its place", KernelWarning, stacklevel=4)
    return candidate is not None and not objection


def plain_form(derivation: Derivation) -> tuple[str, Namespace]:
    """One equation a line: what the others are compared with."""
    source = emit(derivation)
    return source, _executed(derivation, source)


# Making --------------------------------------------------------------------------------------------------------


def _in_numpy(derivation: Derivation, dtype: str) -> Candidate:
    source = emit_fast(derivation)
    return Candidate(source, _executed(derivation, source), "")


def _in_c(derivation: Derivation, dtype: str) -> Candidate:
    source, passes = compiled_passes(derivation, dtype)
    namespace = {"pack": passes.pack, "forward": passes.forward, "backward": passes.backward, "passes": passes}
    return Candidate(source, namespace, passes.file)


_MAKERS: Mapping[str, Callable[[Derivation, str], Candidate]] = {"numpy": _in_numpy, "c": _in_c}


def _executed(derivation: Derivation, source: str) -> Namespace:
    namespace: Namespace = {"__name__": f"symrnn_kernel_{derivation.cell.name}"}
    exec(compile(source, f"<kernel {derivation.cell.name}>", "exec"), namespace)
    return namespace


# Comparing -----------------------------------------------------------------------------------------------------


def _objection(derivation: Derivation, dtype: str, candidate: Candidate) -> str:
    """The smallest case in which a candidate is not what the plain kernel is; empty if there is none."""
    _, plain = plain_form(derivation)
    fast = _with_unwritten_memory(candidate.namespace)
    try:
        ordinary = default_dims(derivation.cell, _SIZES)
        smallest = default_dims(derivation.cell, (1,) * len(ordinary))
    except InputError:
        return ""  # nobody knows sizes that fit
    cases = [(_T, _N, ordinary), (_T, _N, smallest)]
    if not any(_witness(derivation, dtype, *case, plain, fast) for case in cases):
        return ""
    for dims, T, N in product((smallest, ordinary), (1, 2, _T), (1, _N)):
        told = _witness(derivation, dtype, T, N, dims, plain, fast)
        if told:
            return told
    return ""


def _witness(
    derivation: Derivation, dtype: str, T: int, N: int, dims: Mapping[str, int], plain: Namespace, fast: Namespace
) -> str:
    """What differs at two samples of these sizes, told at the first; empty if they agree, or nothing is finite."""
    told = ""
    witnesses = 0
    for draw in range(len(_DRAWS)):
        case = _Case(derivation, dtype, T, N, dims, draw)
        given = case.arrays()
        with np.errstate(all="ignore"):
            try:
                right = _run(plain, given, {}, {})
            except Exception:
                return ""  # then there is nothing to compare with, and nothing to serve in place of it
            if not all(np.isfinite(array).all() for array in right.values()):
                continue
            difference = _difference(plain, fast, given, right, dtype)
        if not difference:
            return ""
        told = told or f"  {difference}\n  at {case.sizes}, sample {draw}"
        witnesses += 1
        if witnesses == _WITNESSES:
            return told
    return ""


def _difference(plain: Namespace, fast: Namespace, given: Any, right: Found, dtype: str) -> str:
    """Where the fast kernel is off by more than rounding can be; it runs twice, the second time in the memory of the
    first, in which nothing is left."""
    work, back = {}, {}
    try:
        first = _run(fast, given, work, back)
        for held in (*work.values(), *back.values()):
            _forget(held)
        second = _run(fast, given, work, back)
    except Exception as error:
        return f"it raises {type(error).__name__}: {error}"
    for found in (first, second):
        wrong = _apart(found, right, dtype)
        if wrong is not None and not (
            wrong.name and wrong.off <= 64 * _movement(plain, given, right, wrong.name, dtype)
        ):
            return wrong.told
    return ""


class _Wrong(NamedTuple):
    """What is wrong with an array, and by how much."""

    told: str
    name: str = ""
    off: float = np.inf


def _apart(found: Found, right: Found, dtype: str) -> _Wrong | None:
    """The entry that is farthest off, if it has less than half of the digits; a wrong formula has none."""
    unit = float(np.finfo(dtype).eps)
    overall = max((float(np.abs(array).max()) for array in right.values() if array.size), default=0.0)
    if found.keys() != right.keys():
        return _Wrong(f"it returns {', '.join(found)} for {', '.join(right)}")
    for name, expected in right.items():
        mine = np.asarray(found[name])
        if mine.shape != expected.shape or mine.dtype != expected.dtype:
            return _Wrong(f"{name} is {mine.dtype} {mine.shape}, and {expected.dtype} {expected.shape} by plain NumPy")
        if not mine.size:
            continue
        off = np.abs(np.where(np.isfinite(mine), mine, np.inf) - expected)
        index = np.unravel_index(int(off.argmax()), off.shape)
        if off[index] > unit**0.5 * float(np.abs(expected).max()) + _CANCELLED * unit * overall:
            place = f"[{', '.join(map(str, index))}]" if index else ""
            told = f"{name}{place} is {mine[index]!s}, and {expected[index]!s} by plain NumPy"
            return _Wrong(told, name, float(off[index]))
    return None


def _movement(plain: Namespace, given: Any, right: Found, name: str, dtype: str) -> float:
    """How far an array moves when what goes in is known to a few roundings alone: a kink close by shows in it."""
    draw, unit = np.random.default_rng(0), float(np.finfo(dtype).eps)

    def nudged(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: nudged(array) for key, array in value.items()}
        return np.asarray(value * (1 + 4 * unit * draw.uniform(-1, 1, value.shape)), value.dtype)

    moved = 0.0
    for _ in range(4):
        array = _run(plain, tuple(map(nudged, given)), {}, {})[name]
        off = np.abs(array - right[name])
        moved = max(moved, float(np.where(np.isfinite(off), off, np.inf).max()))
    return moved


def _run(namespace: Namespace, given: Any, work: dict[str, Any], back: dict[str, Any]) -> Found:
    """Everything that both passes give back, under the names of the pages."""
    params, x, state, upstream, final = given
    packed = namespace["pack"](params) if "pack" in namespace else params
    outputs, last, tape = namespace["forward"](packed, x, state, work)
    grads, d_x, d_state = namespace["backward"](tape, upstream, final, back)
    found: Found = {}
    for label, value in (("output {}", outputs), ("final {}", last), ("∂L/∂{}", grads), ("∂L/∂{}", d_x)):
        named = value if isinstance(value, dict) else {"x" if value is d_x else "y": value}
        found |= {label.format(name): array for name, array in named.items()}
    return found | {f"∂L/∂{name}_0": array for name, array in d_state.items()}


def _one_or_all(arrays: Arrays) -> Any:
    return arrays if len(arrays) != 1 else next(iter(arrays.values()))


class _Unwritten:
    """NumPy whose new arrays hold NaN until something is written there."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def empty(shape: Any, dtype: Any = float) -> Any:
        return np.full(shape, np.nan, dtype)


def _with_unwritten_memory(namespace: Namespace) -> Namespace:
    """The same functions, in whose new memory there are no numbers."""
    if "passes" in namespace:
        passes = replace(namespace["passes"], empty=_Unwritten.empty)
        return {"pack": passes.pack, "forward": passes.forward, "backward": passes.backward}
    own: Namespace = {**namespace, "np": _Unwritten()}
    for name, value in namespace.items():
        if isinstance(value, types.FunctionType):
            own[name] = types.FunctionType(value.__code__, own, name, value.__defaults__, value.__closure__)
    return own


def _forget(held: Any) -> None:
    """NaN wherever there is room for numbers."""
    if isinstance(held, np.ndarray) and held.dtype.kind == "f":
        held.fill(np.nan)
    elif isinstance(held, dict):
        for value in held.values():
            _forget(value)
    elif is_dataclass(held):
        for part in fields(held):
            _forget(getattr(held, part.name))


# Remembering ---------------------------------------------------------------------------------------------------


def _surroundings() -> str:
    """What besides its text a kernel's numbers rest on: programs and processor."""
    return "\0".join([__version__, platform.python_version(), platform.machine(), repr(np.show_config("dicts"))])


def _recall(key: str) -> str | None:
    """What was found before."""
    folder = kept_folder()
    held = read_file(folder / f"verdict-{key[:3]}") if folder else None
    told_key, _, rest = (held or b"").decode(errors="replace").partition("\n")
    seal, _, verdict = rest.partition("\n")
    return verdict if told_key == key and seal == hash_of(key, verdict) else None


def _remember(key: str, verdict: str) -> None:
    """Keep a verdict in one of 4,096 places: the cache has an end, and a verdict that is lost costs a trial."""
    folder = kept_folder()
    if folder is None:
        return
    text = f"{key}\n{hash_of(key, verdict)}\n{verdict}"
    try:
        write_file(folder / f"verdict-{key[:3]}", text.encode(), durable=False)
    except OSError:
        return


# Telling -------------------------------------------------------------------------------------------------------


def _complaint(derivation: Derivation, dtype: str, backend: str, told: str) -> str:
    cell, form = derivation.cell, {"numpy": "fast NumPy", "c": "C"}[backend]
    text = "\n".join(f"    {line}" for line in cell.text.strip().splitlines())
    return (
        f"the {form} of {cell.name} in {dtype} is not what its equations say\n{told}\n{text}\n"
        f"  mend: the mistake is symrnn's; please report it with this message (symrnn {__version__}, "
        f"NumPy {np.__version__}, {platform.machine()})"
    )
