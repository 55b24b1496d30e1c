"""The operations that cells and their gradients are made of.

`entry`       what a row holds
`arithmetic`  the operators of SymPy's own algebra
`functions`   the elementwise functions
`structured`  products, reductions, slices
`table`       every row, by name and by head
"""

from .entry import Operation
from .table import BY_HEAD, OPERATIONS

__all__ = ["BY_HEAD", "OPERATIONS", "Operation"]
