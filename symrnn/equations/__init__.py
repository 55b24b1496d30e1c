"""Cells as named equations, and networks of them.

`cell`      text or function -> `Cell`
`equation`  what an equation and a term are
`lower`     net inputs and operands get names; nodes become SymPy expressions
`sample`    random arrays for a cell
`blocks`    a network's plan -> cells and wires
`network`   text -> `Network`
"""

from ..contents import TYPE_CHECKING, contents
from .cell import Cell as Cell
from .cell import build_cell as build_cell
from .cell import cell as cell
from .cell import cell_of_source as cell_of_source
from .equation import Equation as Equation
from .equation import Term as Term

if TYPE_CHECKING:
    from .blocks import Block as Block
    from .blocks import Wire as Wire
    from .network import Network as Network
    from .network import network_of_source as network_of_source
else:
    __getattr__, __dir__ = contents()
