"""A kind of number: the few functions that the meanings of all operations are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
else:
    try:
        import numpy as np
    except ModuleNotFoundError:  # a proof computes with no numbers: arrays of objects are all that it needs
        from . import grids as np

Array = np.ndarray[Any, Any]
Index = tuple[int, ...]
Function = Callable[..., Any]
Watch = Callable[[Array, int], None]


def largest(array: Array) -> Index:
    """Where the largest entry is."""
    return tuple(int(k) for k in np.unravel_index(int(np.argmax(array)), array.shape))


def first(mask: Array) -> Index:
    """Where the first entry is that holds."""
    return tuple(int(k) for k in np.argwhere(mask)[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """Functions of arrays, entry by entry: of floating-point and complex numbers, of many digits, of SymPy's
    expressions, of exact normal forms. A kind of number has all of them."""

    constant: Function
    """The number for a fraction."""
    pi: Any
    exp: Function
    expm1: Function
    """exp(a) − 1."""
    log: Function
    sin: Function
    cos: Function
    tanh: Function
    logistic: Function
    """1 / (1 + exp(−a))."""
    softplus: Function
    """log(1 + exp(a))."""
    normal_cdf: Function
    """Φ, the distribution function of the standard normal."""
    power: Function
    """a to a constant fraction; what has no real value is NaN."""
    positive: Function
    """[a > 0]: 1 or 0."""
    choose: Function
    """choose(condition, a, b): a where the condition is 1, b where it is 0."""
    floor: Function
    top: Function
    """What each row loses before exp, so that nothing overflows: its largest entry; 0 where numbers are exact."""
    dtype: Any = object
    """What arrays of such numbers are made of."""
    again: Function = lambda a: a
    """What an operand becomes that a meaning may mention more than once."""


def watched(kit: Kit, watch: Watch, rank: int) -> Kit:
    """A kit that reports how far its operands are from where they decide: `positive` from zero, `floor` from the whole
    numbers. These are all the places where an operation is not smooth. `rank` is how many trailing axes belong to the
    operation."""

    def positive(a: Any) -> Any:
        watch(np.asarray(a), rank)
        return kit.positive(a)

    def floor(a: Any) -> Any:
        # A triangle wave that crosses zero at every whole number, where floor jumps.
        watch(np.asarray(abs((a.real - 0.5) % 2 - 1) - 0.5), rank)
        return kit.floor(a)

    return replace(kit, positive=positive, floor=floor)


def lifted(function: Function, count: int = 1) -> Function:
    """A function of numbers as one of object arrays, entry by entry."""
    over = np.frompyfunc(function, count, 1)
    return lambda *arrays: np.asarray(over(*arrays), dtype=object)
