"""A function and its hand-written gradient as the caller gave them: arrays by name, calls that are checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..checking.kit import first
from ..errors import GradientError, InputError, nearest

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """`arrays` are those of real numbers, by which the gradient is taken, and `given` everything that the function is
    called with, by name and in order; `packed` says that it takes one dict."""

    function: Callable[..., Any]
    gradient: Callable[..., Any]
    name: str
    given: Mapping[str, Any]
    arrays: Arrays
    packed: bool
    takes_upstream: bool = field(default=False)

    def call(self, arrays: Mapping[str, Array]) -> Any:
        """The function's value with these in place of the arrays."""
        given = self._fresh(arrays)
        return self.function(given) if self.packed else self.function(*given.values())

    def pull(self, arrays: Mapping[str, Array], upstream: Array) -> Arrays:
        """The gradients by name, or a `GradientError` that says what is wrong with their form."""
        given = self._fresh(arrays)
        positional: list[Any] = [given] if self.packed else list(given.values())
        if self.takes_upstream:
            positional.append(upstream)
        return self._named(self.gradient(*positional))

    def _fresh(self, arrays: Mapping[str, Array]) -> dict[str, Any]:
        """Everything by name, with these arrays in their places; whatever else is an array is a copy."""
        return {
            name: arrays[name] if name in arrays else given.copy() if isinstance(given, np.ndarray) else given
            for name, given in self.given.items()
        }

    def value(self) -> Array:
        """The function's value at the arrays themselves, or an error that says what is wrong with it."""
        try:
            with np.errstate(all="ignore"):
                value, again = self.call(copies(self.arrays)), self.call(copies(self.arrays))
        except Exception as error:
            raise InputError(f"{self.name} raises {type(error).__name__} at the arrays given: {error}") from error
        try:
            array = np.asarray(value)
        except ValueError:
            array = np.asarray(value, dtype=object)
        if array.dtype.kind not in "fiub":
            raise InputError(
                f"{self.name} must return a real number or an array of them, and returned {_shown(value)}\n"
                "  mend: return one array; several can be joined by np.concatenate"
            )
        if not np.isfinite(array).all():
            index = first(~np.isfinite(array))
            raise InputError(
                f"{self.name} is {array[index]} at the arrays given" + (f", at {list(index)}" if index else "")
            )
        if not np.array_equal(array, np.asarray(again)):
            raise InputError(
                f"{self.name} returns something else each time it is called: {_brief(value)}, then {_brief(again)}\n"
                "  mend: give it a generator with a fixed seed, made anew in each call"
            )
        return array

    def gradients(self, upstream: Array) -> Arrays:
        """The gradients at the arrays themselves."""
        try:
            with np.errstate(all="ignore"):
                return self.pull(copies(self.arrays), upstream)
        except GradientError:
            raise
        except Exception as error:
            name = name_of(self.gradient, "the gradient")
            call = f"{name}({'arrays' if self.packed else '*arrays'}, upstream)"
            confused = self.takes_upstream and isinstance(error, TypeError)
            hint = f"\n  as {self.name} returns an array, it is called as {call}" if confused else ""
            raise InputError(f"{name} raises {type(error).__name__} at the arrays given: {error}{hint}") from error

    def _named(self, found: Any) -> Arrays:
        pairs = self._from_mapping(found) if self.packed else self._from_sequence(found)
        problems: list[str] = []
        result: Arrays = {}
        for name, array in self.arrays.items():
            value = pairs[name]
            gradient = np.asarray(value)
            if value is None:
                problems.append(f"{name}: None")
            elif gradient.dtype.kind != "f":
                problems.append(f"{name}: an array of {gradient.dtype}, where a gradient is of floating-point numbers")
            elif gradient.shape != array.shape:
                problems.append(f"{name}: the shape {gradient.shape}, and {name} has {array.shape}")
            result[name] = gradient
        if problems:
            raise GradientError("\n  ".join([f"{name_of(self.gradient, 'the gradient')} has returned", *problems]))
        return result

    def _from_mapping(self, found: Any) -> Mapping[str, Any]:
        who, names = name_of(self.gradient, "the gradient"), list(self.arrays)
        if not isinstance(found, Mapping):
            raise GradientError(f"{who} must return a dict with {', '.join(names)}, and returned {_shown(found)}")
        unknown = [name for name in found if name not in self.arrays and found[name] is not None]
        missing = [name for name in names if name not in found]
        if unknown or missing:
            said = [f"has no {', '.join(missing)}"] if missing else []
            said += [f"has {', '.join(map(repr, unknown))}, which is not an array of the function"] if unknown else []
            meant = nearest(str(unknown[0]), names) if unknown else ""
            raise GradientError(f"what {who} returned {' and '.join(said)}. {meant}".rstrip())
        return found

    def _from_sequence(self, found: Any) -> Mapping[str, Any]:
        names = list(self.arrays)
        if len(names) == 1 and not isinstance(found, tuple | list):
            return {names[0]: found}
        who, all_names = name_of(self.gradient, "the gradient"), list(self.given)
        if not isinstance(found, tuple | list):
            raise GradientError(
                f"{who} must return {len(names)} arrays ({', '.join(names)}), and returned {_shown(found)}"
            )
        if len(found) == len(names):
            return dict(zip(names, found, strict=True))
        if len(found) == len(all_names):
            return dict(zip(all_names, found, strict=True))
        raise GradientError(f"{who} returned {len(found)} arrays, and {len(names)} are needed: {', '.join(names)}")


def read_subject(function: Any, gradient: Any, arrays: Sequence[Any]) -> Subject:
    """Sort what was given into arrays of real numbers and the rest."""
    for what, value in (("function", function), ("gradient", gradient)):
        if not callable(value):
            raise InputError(f"the {what} must be a function, not {_shown(value)}")
    packed = len(arrays) == 1 and isinstance(arrays[0], Mapping)
    given: dict[str, Any] = {str(k): v for k, v in arrays[0].items()} if packed else _by_parameter(function, arrays)
    real: Arrays = {}
    for name, value in given.items():
        array = _as_real(name, value)
        if array is not None:
            real[name] = given[name] = array
    if not any(array.size for array in real.values()):
        got = ", ".join(f"{name}: {_shown(value)}" for name, value in given.items()) or "nothing"
        raise InputError(f"there is no array of floating-point numbers to differentiate by; given: {got}")
    return Subject(function, gradient, name_of(function, "the function"), given, real, packed)


def _by_parameter(function: Any, arrays: Sequence[Any]) -> dict[str, Any]:
    """Positional arguments under the names that the function has for them."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    names = [positional[k] if k < len(positional) else f"argument {k + 1}" for k in range(len(arrays))]
    return dict(zip(names, arrays, strict=True))


def _as_real(name: str, value: Any) -> Array | None:
    """An array of real numbers; None for whatever is handed through as it is."""
    if isinstance(value, np.ndarray | np.generic | float | list | tuple):
        try:
            array = np.array(value)
        except ValueError:
            return None
        if array.dtype.kind == "c":
            raise InputError(f"{name} is complex: a gradient by complex numbers has no one meaning; split it in two")
        if array.dtype.kind == "f":
            if array.dtype.itemsize > 8:
                raise InputError(f"{name} is {array.dtype}: float64 is the widest type that is known here")
            if not np.isfinite(array).all():
                index = first(~np.isfinite(array))
                raise InputError(f"{name}{list(index) or ''} is {array[index]}: a gradient is taken at finite numbers")
            return array
    return None


def copies(arrays: Mapping[str, Array]) -> Arrays:
    """Fresh arrays: whatever is done to them, the caller's stay as they are."""
    return {name: array.copy() for name, array in arrays.items()}


def name_of(function: Any, otherwise: str) -> str:
    """What a function is called."""
    name = getattr(function, "__name__", "")
    return otherwise if name in ("", "<lambda>") else name


def _brief(value: Any) -> str:
    return np.array2string(np.asarray(value), precision=17, threshold=4, edgeitems=1)


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of the shape {value.shape}"
    return "None" if value is None else f"a {type(value).__name__}"
