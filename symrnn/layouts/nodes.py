"""What the language of layouts is made of: blocks of a cell's parameters, as trees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import Span
from ..sizes import Size


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the cell; the member `W.0` of a family is written `W[0]`."""

    name: str
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        return re.sub(r"\.(\d+)", r"[\1]", self.name)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Parts side by side, or (`rows`) one below the other; those in `free` may change places."""

    parts: tuple[Block, ...]
    rows: bool
    free: tuple[int, ...]
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        if len(self.free) == len(self.parts) > 1:
            return f"?[{', '.join(map(str, self.parts))}]"
        return f"[{', '.join(('?' if k in self.free else '') + str(part) for k, part in enumerate(self.parts))}]"


@dataclass(frozen=True, slots=True)
class Affine:
    """scale · part + shift."""

    part: Block
    scale: float
    shift: float
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        part = (
            str(self.part)
            if self.scale == 1
            else f"-{self.part}"
            if self.scale == -1
            else f"{self.scale:g} * {self.part}"
        )
        if not self.shift:
            return part if self.scale == 1 else f"({part})"
        return f"({part} {'+' if self.shift > 0 else '-'} {abs(self.shift):g})"


@dataclass(frozen=True, slots=True)
class Share:
    """One of the summands that a parameter is split into."""

    part: Block
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        return f"share({self.part})"


@dataclass(frozen=True, slots=True)
class Turned:
    """The part with its axes in another order; None reverses them, as `.T` does."""

    part: Block
    axes: tuple[int, ...] | None
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.part}.T" if self.axes is None else f"{self.part}.transpose({', '.join(map(str, self.axes))})"


@dataclass(frozen=True, slots=True)
class Reshaped:
    """The part's entries, in NumPy's order, in another shape."""

    part: Block
    shape: tuple[Size, ...]
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.part}.reshape({', '.join(map(str, self.shape))})"


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece of the part, as `W[:n, n:]` cuts it: for each axis where it begins and ends, None for the part's own."""

    part: Block
    ranges: tuple[tuple[Size | None, Size | None], ...]
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.part}[{', '.join(f'{_bound(lower)}:{_bound(upper)}' for lower, upper in self.ranges)}]"


@dataclass(frozen=True, slots=True)
class Widened:
    """The part with new axes of length one: `b[:, None]`; `pattern` has True for a new axis."""

    part: Block
    pattern: tuple[bool, ...]
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.part}[{', '.join('None' if new else ':' for new in self.pattern)}]"


@dataclass(frozen=True, slots=True)
class Fill:
    """Entries that hold no parameter: all of them `value` when arrays are laid out. Those of a `fixed` one have to be
    that in arrays that are read; what the others hold is nobody's business."""

    value: float
    shape: tuple[Size, ...]
    fixed: bool
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        if not self.shape:
            return f"{self.value:g}"
        return f"{'zeros' if self.fixed else 'unused'}({', '.join(map(str, self.shape))})"


Block = Parameter | Blocks | Affine | Share | Turned | Reshaped | Cut | Widened | Fill


def _bound(size: Size | None) -> str:
    return "" if size is None else str(size)


def children(block: Block) -> tuple[Block, ...]:
    """The blocks that a block is made of."""
    match block:
        case Parameter() | Fill():
            return ()
        case Blocks(parts=parts):
            return parts
        case _:
            return (block.part,)


def walk_blocks(block: Block) -> Iterator[Block]:
    """The block and everything in it, from left to right."""
    yield block
    for child in children(block):
        yield from walk_blocks(child)


def parameters_of(block: Block) -> dict[str, None]:
    """The names of the parameters in a block, each once, from left to right."""
    return dict.fromkeys(inner.name for inner in walk_blocks(block) if isinstance(inner, Parameter))
