"""Cells as named equations.

`cell`      text or function -> `Cell`
`equation`  what an equation and a term are
`lower`     net inputs and operands get names; nodes become SymPy expressions
`sample`    random arrays for a cell
"""

from .cell import Cell, build_cell, cell, cell_of_source
from .equation import Equation, Term

__all__ = ["Cell", "Equation", "Term", "build_cell", "cell", "cell_of_source"]
