"""Arrays that remember the absolute terms of the sum that they came from.

A sum s = Σ_k a_k, in whatever order it is taken, rounds by a few units of Σ_k |a_k|, its *magnitude*. Sums of sums are
one sum; a product or a function of a sum is a single term again. A magnitude is worked out when somebody asks for it,
since only those of results are asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from ...operations.table import ALL
from .passes import Array, Helpers

ROUNDS = dict(row.rounds for row in ALL if row.rounds)
"""Ufuncs and helpers that are one function to whoever judges rounding, and the part of 1 that they are off by."""


class Sum:
    """Parts, each of them a sum of its own, a matrix product, or an array of absolute terms, worked out when asked."""

    __slots__ = ("_known", "_parts", "_product", "_terms")

    def __init__(
        self,
        *parts: Sum,
        terms: Callable[[], Array] | None = None,
        product: tuple[Array, Array] | None = None,
    ) -> None:
        self._known: Array | None = None
        self._parts: tuple[Sum, ...] = parts
        self._terms, self._product = terms, product

    def magnitude(self) -> Array:
        """The sum of the absolute terms. A sum may have a part for every step of a sequence, one within the other: no
        recursion, and matrix products of equal shapes become one."""
        if self._known is None:
            total: Any = 0.0
            products: dict[Any, list[tuple[Array, Array]]] = defaultdict(list)
            pending: list[Sum] = [self]
            while pending:
                part = pending.pop()
                if part._known is not None:
                    total = total + part._known
                elif part._terms is not None:
                    total = total + part._terms()
                elif part._product is not None:
                    a, b = part._product
                    products[a.shape, b.shape].append((a, b))
                pending.extend(part._parts)
            self._known = np.asarray(total + sum(map(_absolute_product, products.values())))
            self._parts, self._terms, self._product = (), None, None
        return self._known


class Traced(np.ndarray[Any, Any]):
    """An array with the sum that it is; without one every entry is a single term."""

    terms: Sum | None = None

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        rule = _RULES.get((ufunc, method))
        if out is not None:
            # The array is about to change, and may be an operand: its terms are those of now.
            inputs = tuple(_as_it_is(a) if a is out[0] else a for a in inputs)
        operands = tuple(map(bare, inputs))
        terms = rule(inputs, operands, options) if rule is not None else None
        if out is None:
            return _as_traced(getattr(ufunc, method)(*operands, **options), terms)
        getattr(ufunc, method)(*operands, out=(bare(out[0]),), **options)
        out[0].terms = terms
        return out[0]

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.einsum:
            subscripts, *operands = (bare(a) for a in args)
            terms = Sum(terms=lambda: np.einsum(subscripts, *map(np.abs, operands)))
            return _as_traced(np.einsum(subscripts, *operands), terms)
        if func in MOVES:
            terms = Sum(terms=lambda: func(*inside(args, _moved), **kwargs))
            return _as_traced(func(*inside(args, bare), **kwargs), terms)
        return super().__array_function__(func, types, args, kwargs)

    def __getitem__(self, place: Any) -> Any:
        whole = self.terms
        terms = None if whole is None else Sum(terms=lambda: whole.magnitude()[place])
        return _as_traced(bare(self)[place], terms)

    def copy(self, order: Any = "C") -> Any:
        return _as_traced(bare(self).copy(order), self.terms)

    @property
    def T(self) -> Any:
        whole = self.terms
        return _as_traced(bare(self).T, None if whole is None else Sum(terms=lambda: whole.magnitude().T))


def traced(array: Array) -> Traced:
    """A given array: every entry is a term."""
    return array.view(Traced)


def magnitude_of(array: Any) -> Array:
    """The sum of the absolute terms of every entry, at least its absolute value."""
    terms = getattr(array, "terms", None)
    size = np.abs(bare(array))
    return size if terms is None else np.maximum(np.broadcast_to(terms.magnitude(), size.shape), size)


def trace_helpers(helpers: Helpers) -> Helpers:
    """A module's own functions: `embed` moves entries; a function of numbers gives single terms; what else there is
    keeps to array operations and so traces itself."""

    def embed(piece: Any, *rest: Any) -> Any:
        terms = Sum(terms=lambda: helpers["embed"](magnitude_of(piece), *rest))
        return _as_traced(helpers["embed"](bare(piece), *rest), terms)

    def term(name: str) -> Any:
        return lambda a: _as_traced(helpers[name](bare(a)), None)

    found = {name: term(name) for name in ROUNDS if name in helpers}
    return found | ({"embed": embed} if "embed" in helpers else {})


MOVES = frozenset(
    {np.stack, np.concatenate, np.broadcast_to, np.swapaxes, np.diagonal, np.zeros_like, np.where, np.copy}
)
"""Functions that put entries somewhere else."""


def bare(value: Any) -> Any:
    """An array of any class as a plain one."""
    return value.view(np.ndarray) if isinstance(value, np.ndarray) else value


def inside(arguments: Any, change: Callable[[Any], Any]) -> Any:
    """Arguments of a function, with arrays changed, also those in lists."""
    if isinstance(arguments, list | tuple):
        return type(arguments)(inside(argument, change) for argument in arguments)
    return change(arguments)


def _moved(value: Any) -> Any:
    """Where entries are moved, so are magnitudes; a condition stays what it is."""
    return magnitude_of(value) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else bare(value)


def _as_traced(result: Any, terms: Sum | None) -> Any:
    found = np.asarray(result).view(Traced)
    found.terms = terms
    return found


def _terms_of(value: Any) -> Sum:
    terms = getattr(value, "terms", None)
    return terms if terms is not None else Sum(terms=lambda: np.abs(bare(value)))


def _as_it_is(array: Any) -> Any:
    """The array with what its terms are at present."""
    if array.terms is not None:
        return array
    held = np.abs(bare(array))
    return _as_traced(array, Sum(terms=lambda: held))


def _absolute_product(pairs: list[tuple[Array, Array]]) -> Array:
    """Σ |A| |B| over pairs of the same shapes: [|A₁| |A₂| …] [|B₁|; |B₂|; …]."""
    (a, b), *others = pairs
    if others and a.ndim == b.ndim == 2:
        a = np.concatenate([left.T for left, _ in pairs]).T
        b = np.concatenate([right for _, right in pairs])
        return np.abs(a) @ np.abs(b)
    total = np.abs(a) @ np.abs(b)
    for left, right in others:
        total = total + np.abs(left) @ np.abs(right)
    return total


# Rules: the operands as they came and as plain arrays, and the options -> the sum that the result is ---------------

Rule = Callable[[tuple[Any, ...], tuple[Any, ...], dict[str, Any]], Sum | None]


def _added(given: Any, plain: Any, options: Any) -> Sum:
    return Sum(_terms_of(given[0]), _terms_of(given[1]))


def _same(given: Any, plain: Any, options: Any) -> Sum | None:
    return getattr(given[0], "terms", None)


def _matmul(given: Any, plain: Any, options: Any) -> Sum:
    return Sum(product=plain)


def _scaled(given: Any, plain: Any, options: Any) -> Sum | None:
    """A number times a sum; a product of arrays is a single term."""
    number, array = given if np.ndim(plain[0]) == 0 else given[::-1]
    terms = getattr(array, "terms", None)
    if terms is None or np.ndim(number) != 0:
        return None
    return Sum(terms=lambda: abs(number) * terms.magnitude())


def _divided(given: Any, plain: Any, options: Any) -> Sum | None:
    terms = getattr(given[0], "terms", None)
    return None if terms is None or np.ndim(plain[1]) != 0 else Sum(terms=lambda: terms.magnitude() / abs(plain[1]))


def _totalled(given: Any, plain: Any, options: Any) -> Sum:
    axis, keepdims = options.get("axis", 0), options.get("keepdims", False)
    return Sum(terms=lambda: np.abs(plain[0]).sum(axis=axis, keepdims=keepdims))


_RULES: dict[tuple[Any, str], Rule] = {
    (np.add, "__call__"): _added,
    (np.subtract, "__call__"): _added,
    (np.negative, "__call__"): _same,
    (np.multiply, "__call__"): _scaled,
    (np.true_divide, "__call__"): _divided,
    (np.matmul, "__call__"): _matmul,
    (np.add, "reduce"): _totalled,
}
