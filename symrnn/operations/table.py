"""The table of operations: every operation of the language and of backward formulas, one row each.

Adding an operation is adding a head and its row to one of these modules, and its meaning to `checking/meanings.py`. The
conformance test finds what is missing. No other file names an operation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType, ModuleType

from . import arithmetic
from .entry import Operation
from .functions import activations, derived, kinks, smooth
from .structured import losses, places, products, reductions


def _rows(*modules: ModuleType) -> Iterator[Operation]:
    """The rows that modules define, in their order."""
    for module in modules:
        yield from (value for value in vars(module).values() if isinstance(value, Operation))


ALL: tuple[Operation, ...] = tuple(
    _rows(arithmetic, activations, smooth, kinks, derived, products, reductions, losses, places)
)
OPERATIONS: Mapping[str, Operation] = MappingProxyType({row.name: row for row in ALL})
BY_HEAD: Mapping[type, Operation] = MappingProxyType({row.head: row for row in ALL if row.head is not None})
_SIGNS = ("matmul", "transpose", "greater", "greater_equal", "concatenate", "slice")
FUNCTIONS: tuple[str, ...] = tuple(
    row.name for row in ALL if row.written and row.name not in _SIGNS and (row.head is not None or row.name == "square")
)
"""The names that a cell may call; other operations have signs of their own."""
