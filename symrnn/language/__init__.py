"""The language of cells: Python syntax for mathematics, read and never run.

`source`       text with a place for errors
`read`         a function definition -> `Definition` (who is an input, a state, an output)
`expressions`  expressions -> nodes
`nodes`        the tree: names, numbers, operations
`infer`        names and shapes -> `Program`
`doubts`       what a text allows and its writer hardly meant
`program`      the result: one step, every name given once, every shape known
`wiring/`      networks: cells and the wires between them
"""

from .doubts import doubts
from .infer import infer
from .program import Program, State, Variable
from .read import Definition, defined_names, read_definition
from .source import Source, source_of_function

__all__ = [
    "Definition",
    "Program",
    "Source",
    "State",
    "Variable",
    "defined_names",
    "doubts",
    "infer",
    "read_definition",
    "source_of_function",
]
