"""The operations that cells and their gradients are made of.

`table`       every operation, one row each: shape, derivative, NumPy, text, LaTeX
`entry`       what a row holds
`functions`   SymPy heads of the elementwise functions, with their derivatives
`structured`  products, reductions, slices: shapes, adjoint rules and NumPy forms
"""

from .entry import Operation
from .table import BY_HEAD, OPERATIONS

__all__ = ["BY_HEAD", "OPERATIONS", "Operation"]
