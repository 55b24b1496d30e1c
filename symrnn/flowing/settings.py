"""What a call sets, by the name of a parameter, an input or a state: numbers and kinds of matrices; samples so set."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np

from ..arguments import instance, wrong
from ..equations import Cell, Network
from ..equations.sample import Sample
from ..errors import InputError, OptionError, nearest

Array = np.ndarray[Any, Any]
Value = float | str
Setting = Mapping[str, Value]

_MOST = 12
"""More trajectories than this are no figure that anybody reads."""


def _orthogonal(drawn: Array, size: float) -> Array:
    """The orthogonal factor of the drawn matrix, with the signs that make it uniformly distributed, times a number."""
    q, r = np.linalg.qr(drawn)
    return q * np.where(np.diag(r) < 0, -1.0, 1.0) * size


def _identity(drawn: Array, size: float) -> Array:
    return np.eye(len(drawn)) * size


def _radius(drawn: Array, size: float) -> Array:
    """The drawn matrix, scaled so that its largest eigenvalue has this absolute value."""
    return drawn * (size / np.abs(np.linalg.eigvals(drawn)).max())


def _norm(drawn: Array, size: float) -> Array:
    """The drawn matrix, scaled so that its largest singular value is this."""
    return drawn * (size / np.linalg.norm(drawn, 2))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of matrix: how the drawn one becomes one, whether it has to be square, the number where none is given."""

    make: Callable[[Array, float], Array]
    square: bool
    usual: float | None


KINDS: Mapping[str, Kind] = {
    "orthogonal": Kind(_orthogonal, True, 1.0),
    "identity": Kind(_identity, True, 1.0),
    "radius": Kind(_radius, True, None),
    "norm": Kind(_norm, False, None),
}
"""`orthogonal 0.9` is 0.9 Q; `identity`; `radius 1.5` has this spectral radius, `norm 1.5` this largest singular
value."""


Model = Cell | Network


def read_settings(cells: Sequence[Model], given: Mapping[str, Any] | None) -> list[tuple[Model, dict[str, Value]]]:
    """Each cell or network at each setting: every combination of the values that are listed. A name that one does not
    have is left out for it, and has to be another's."""
    chosen = {
        str(name): _values(str(name), value)
        for name, value in instance(
            "set", {} if given is None else given, Mapping, "a dict such as {'b_f': 5.0}"
        ).items()
    }
    for name in chosen:
        if not any(name in shapes_of(cell) for cell in cells):
            known = list(dict.fromkeys(known for cell in cells for known in shapes_of(cell)))
            meant = nearest(name, known)
            whose = " and ".join(dict.fromkeys(cell.name for cell in cells))
            raise OptionError(f"set: {whose} has no {name!r}; what can be set: {', '.join(known)}. {meant}".rstrip())
    found: list[tuple[Model, dict[str, Value]]] = []
    for cell in cells:
        own = {name: values for name, values in chosen.items() if name in shapes_of(cell)}
        found += [(cell, dict(zip(own, each, strict=True))) for each in itertools.product(*own.values())]
    if len(found) > _MOST:
        raise OptionError(
            f"{len(found)} trajectories are asked for, and one figure shows at most {_MOST}\n"
            "  mend: fewer cells, or fewer values of `set`"
        )
    return found


def shapes_of(model: Model) -> dict[str, Any]:
    """The shapes of all that can be set. What a cell calls a parameter stands for that of all of a network's scans."""
    if isinstance(model, Cell):
        return {**model.params, **model.inputs, **model.states}
    own = {name: b.cell.params[name] for b in model.blocks if b.scanned for name in b.params}
    inputs = {name: shape for name, shape in model.inputs.items() if model.is_differentiable(name)}
    return {**model.params, **inputs, **own}


def _targets(model: Model, name: str) -> list[str]:
    """The arrays of a sample that a name stands for."""
    if isinstance(model, Cell) or name in model.params or name in model.inputs:
        return [name]
    return [b.params[name] for b in model.blocks if b.scanned and b.params.get(name) in model.params]


def _values(name: str, value: Any) -> tuple[Value, ...]:
    listed = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not listed:
        raise wrong(f"set[{name!r}]", "a number, a kind of matrix, or several of these", value)
    return tuple(_value(name, each) for each in listed)


def _value(name: str, value: Any) -> Value:
    if isinstance(value, Real) and not isinstance(value, bool) and np.isfinite(float(value)):
        return float(value)
    if isinstance(value, str):
        number = _number(value)
        if number is not None:
            return number
        word, _, size = value.strip().partition(" ")
        if word in KINDS and (KINDS[word].usual is not None if not size else (_number(size) or 0.0) > 0):
            return value.strip()
    kinds = ", ".join(f"'{word}'" if kind.usual else f"'{word} 1.5'" for word, kind in KINDS.items())
    meant = nearest(value.split()[0], list(KINDS)) if isinstance(value, str) and value.strip() else ""
    raise wrong(f"set[{name!r}]", f"a finite number, or for a matrix one of {kinds}", value, meant)


def _number(word: str) -> float | None:
    try:
        number = float(word)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def show_setting(setting: Setting) -> str:
    """`b_f = 5, R orthogonal`."""
    return ", ".join(f"{name} {v}" if isinstance(v, str) else f"{name} = {v:g}" for name, v in setting.items())


def apply(model: Model, sample: Sample, setting: Setting) -> Sample:
    """The sample with what is set in place of what was drawn; `x` by name."""
    inputs = sample.x if isinstance(sample.x, dict) else {next(iter(model.inputs)): sample.x}
    params, x, state = dict(sample.params), dict(inputs), dict(sample.state)
    for name, value in setting.items():
        for target in _targets(model, name):
            held = next(arrays for arrays in (params, x, state) if target in arrays)
            held[target] = _made(target, held[target], value, matrix=target in params)
    return Sample(params, x, state)


def _made(name: str, drawn: Array, value: Value, *, matrix: bool) -> Array:
    if not isinstance(value, str):
        return np.full_like(drawn, value)
    word, _, size = value.partition(" ")
    kind = KINDS[word]
    if not matrix or drawn.ndim != 2:
        raise OptionError(f"set[{name!r}]: {value!r} is for a matrix of parameters; give a number")
    if kind.square and drawn.shape[0] != drawn.shape[1]:
        raise OptionError(
            f"set[{name!r}]: {value!r} is for a square matrix, and {name} is {drawn.shape[0]} × {drawn.shape[1]}\n"
            "  mend: a number, or 'norm 1.5'"
        )
    return kind.make(drawn, float(size) if size else kind.usual or 1.0)


def replaced(cell: Model, sample: Sample, given: Mapping[str, Mapping[str, Any] | None]) -> Sample:
    """The sample with a person's own arrays, `params`, `x` and `state`, in place of what was drawn."""
    for holder, arrays in given.items():
        if arrays is not None:
            drawn: dict[str, Array] = getattr(sample, holder)
            sample = replace(sample, **{holder: {**drawn, **dict(_checked(cell, holder, arrays, drawn))}})
    return sample


def _checked(cell: Model, holder: str, given: Any, drawn: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    if holder == "x" and len(drawn) == 1 and not isinstance(given, Mapping):
        given = {next(iter(drawn)): given}
    for name, value in instance(holder, given, Mapping, "a dict of arrays by name").items():
        if name not in drawn:
            meant = nearest(str(name), list(drawn))
            raise InputError(f"{holder}: {cell.name} has no {name!r}; it has: {', '.join(drawn)}. {meant}".rstrip())
        try:
            array = np.asarray(value, dtype=drawn[name].dtype)
        except (TypeError, ValueError) as error:
            raise InputError(f"{holder}[{name!r}] holds no numbers: {error}") from None
        if array.shape != drawn[name].shape:
            raise InputError(
                f"{holder}[{name!r}] has the shape {array.shape}, and {drawn[name].shape} is needed\n"
                "  mend: give T, N and dims as your arrays have them"
            )
        yield name, array
