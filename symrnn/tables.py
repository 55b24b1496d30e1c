"""Tables as text: columns one beside the other, each as wide as its widest word."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], *, indent: str = "", numbers: bool = False) -> list[str]:
    """A line for each row; with `numbers`, all columns but the first end on the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        indent
        + "  ".join(
            word.rjust(width) if numbers and place else word.ljust(width)
            for place, (word, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
