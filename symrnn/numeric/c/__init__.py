"""Derivations as dependency-free C99: one file, no allocation inside, double or float by a macro.

`emit`        a derivation -> the file
`storage`     where every value lives: tape, work, arguments, local numbers
`statements`  an equation -> loops and calls
`printer`     one entry of a SymPy expression -> a C expression
`forms`       the C form of every elementwise operation, and the helper functions
`names`       identifiers that C accepts
"""

from .emit import emit_c

__all__ = ["emit_c"]
