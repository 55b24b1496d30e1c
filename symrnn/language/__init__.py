"""The language of cells: Python syntax for mathematics, read and never run.

`source`       text with a place for errors
`read`         a function definition -> `Definition` (who is an input, a state, an output)
`expressions`  expressions -> nodes
`nodes`        the tree: names, numbers, operations
`infer`        names and shapes -> `Program`
`doubts`       what a text allows and its writer hardly meant
`program`      the result: one step, every name given once, every shape known
"""

from .doubts import doubts
from .infer import infer
from .program import Program, State, Variable
from .read import Definition, read_definition
from .source import Source, source_of_function

__all__ = [
    "Definition",
    "Program",
    "Source",
    "State",
    "Variable",
    "doubts",
    "infer",
    "read_definition",
    "source_of_function",
]
