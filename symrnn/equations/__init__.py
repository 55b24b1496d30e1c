"""Cells as named equations, and networks of them.

`cell`      text or function -> `Cell`
`equation`  what an equation and a term are
`lower`     net inputs and operands get names; nodes become SymPy expressions
`sample`    random arrays for a cell
`blocks`    a network's plan -> cells and wires
`network`   text -> `Network`
"""

from .blocks import Block, Wire
from .cell import Cell, build_cell, cell, cell_of_source
from .equation import Equation, Term
from .network import Network, network_of_source

__all__ = [
    "Block",
    "Cell",
    "Equation",
    "Network",
    "Term",
    "Wire",
    "build_cell",
    "cell",
    "cell_of_source",
    "network_of_source",
]
