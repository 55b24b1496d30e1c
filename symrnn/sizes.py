"""Sizes and shapes: linear forms over named dimensions, and the unification that infers them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Size:
    """An integer linear form such as `n`, `n + m`, `4*n - 1` or `3`.

    Concatenation adds sizes and slices subtract them, so sizes are linear and nothing more. A name that
    starts with `?` is a size not known yet.
    """

    coefficients: tuple[tuple[str, int], ...] = ()
    constant: int = 0

    @staticmethod
    def of(name: str) -> Size:
        return Size(((name, 1),), 0)

    @staticmethod
    def number(value: int) -> Size:
        return Size((), value)

    @staticmethod
    def build(coefficients: Mapping[str, int], constant: int) -> Size:
        return Size(tuple(sorted((k, v) for k, v in coefficients.items() if v)), constant)

    def __add__(self, other: Size) -> Size:
        merged = dict(self.coefficients)
        for name, k in other.coefficients:
            merged[name] = merged.get(name, 0) + k
        return Size.build(merged, self.constant + other.constant)

    def __sub__(self, other: Size) -> Size:
        return self + other.scaled(-1)

    def scaled(self, factor: int) -> Size:
        return Size.build({name: factor * k for name, k in self.coefficients}, factor * self.constant)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.coefficients)

    @property
    def is_number(self) -> bool:
        return not self.coefficients

    def substituted(self, values: Mapping[str, Size]) -> Size:
        total = Size((), self.constant)
        for name, k in self.coefficients:
            total = total + values.get(name, Size.of(name)).scaled(k)
        return total

    def renamed(self, names: Mapping[str, str]) -> Size:
        """The size over other names, in the order of these."""
        return Size(tuple((names[name], k) for name, k in self.coefficients), self.constant)

    def value(self, dims: Mapping[str, int]) -> int:
        return self.constant + sum(k * dims[name] for name, k in self.coefficients)

    def __str__(self) -> str:
        parts: list[str] = []
        for name, k in self.coefficients:
            factor = name if abs(k) == 1 else f"{abs(k)}*{name}"
            parts.append(f"{'-' if k < 0 else '+'} {factor}")
        if self.constant or not parts:
            parts.append(f"{'-' if self.constant < 0 else '+'} {abs(self.constant)}")
        text = " ".join(parts)
        return text[2:] if text.startswith("+ ") else "-" + text[2:]


Shape = tuple[Size, ...]
"""() a scalar, (n,) a vector, (p, n) a matrix."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One axis of a subscript: `lower:upper` (None where left out), or a single `index`."""

    lower: Size | None = None
    upper: Size | None = None
    index: Size | None = None


def shape_at(shape: Shape, dims: Mapping[str, int]) -> tuple[int, ...]:
    """The shape of an array at given sizes."""
    return tuple(size.value(dims) for size in shape)


def show_dims(dims: Mapping[str, int]) -> str:
    """`T = 3, N = 2, n = 4`."""
    return ", ".join(f"{name} = {size}" for name, size in dims.items())


def show_shape(shape: Shape) -> str:
    """`(n)`, `(p × n)` or `scalar`; a size not known yet shows as `·`."""
    if not shape:
        return "scalar"
    sizes = [" ".join("·" if word.startswith("?") else word for word in str(size).split(" ")) for size in shape]
    if len(sizes) > 1:
        sizes = [f"({size})" if " " in size else size for size in sizes]
    return f"({' × '.join(sizes)})"


def rank_word(rank: int) -> str:
    return ("a scalar", "a vector", "a matrix")[rank]


@dataclass
class Solver:
    """Unification of sizes by linear substitution.

    Each equation between two sizes is solved for an unknown whose coefficient divides the others; named dimensions
    are never solved for, so `n = d` between two names that a person wrote is a clash and not a discovery. Equations
    that no unknown can absorb yet wait in `pending`.
    """

    values: dict[str, Size] = field(default_factory=dict[str, Size])
    pending: list[tuple[Size, Size]] = field(default_factory=list[tuple[Size, Size]])
    count: int = 0

    def fresh(self) -> Size:
        self.count += 1
        return Size.of(f"?{self.count}")

    def resolve(self, size: Size) -> Size:
        """The size with every solved unknown replaced; chains are shortened on the way."""
        asked = size
        while any(name in self.values for name in size.names):
            size = size.substituted(self.values)
        if size is not asked and asked.coefficients == ((asked.names[0], 1),) and not asked.constant:
            self.values[asked.names[0]] = size
        return size

    def resolve_shape(self, shape: Shape) -> Shape:
        return tuple(self.resolve(size) for size in shape)

    def unify(self, left: Size, right: Size) -> bool:
        """Make two sizes equal; False when no positive sizes could be."""
        difference = self.resolve(left) - self.resolve(right)
        if difference.is_number:
            return difference.constant == 0
        if not _may_vanish(difference):
            return False
        unknowns = [(name, k) for name, k in difference.coefficients if name.startswith("?")]
        if not unknowns:
            return False
        # The youngest unknown gives way: a parameter's size follows from those of the input and the states.
        for name, k in sorted(unknowns, key=lambda item: -int(item[0][1:])):
            rest = difference - Size.of(name).scaled(k)
            if all(c % k == 0 for _, c in rest.coefficients) and rest.constant % k == 0:
                self.values[name] = Size.build({n: -c // k for n, c in rest.coefficients}, -rest.constant // k)
                return self._retry()
        self.pending.append((left, right))
        return True

    def unify_shapes(self, left: Shape, right: Shape) -> bool:
        return len(left) == len(right) and all(self.unify(a, b) for a, b in zip(left, right, strict=True))

    def _retry(self) -> bool:
        waiting, self.pending = self.pending, []
        return all(self.unify(left, right) for left, right in waiting)


def _may_vanish(size: Size) -> bool:
    """Whether a form can be zero when every dimension is at least one."""
    positive = [k for _, k in size.coefficients if k > 0]
    negative = [k for _, k in size.coefficients if k < 0]
    low = sum(positive) + size.constant if not negative else None
    high = sum(negative) + size.constant if not positive else None
    return not (low is not None and low > 0) and not (high is not None and high < 0)


def dimension_names(sizes: Iterable[Size]) -> tuple[str, ...]:
    """The named dimensions that appear, in order of appearance."""
    seen: dict[str, None] = {}
    for size in sizes:
        for name in size.names:
            seen.setdefault(name)
    return tuple(seen)
