"""Mutants of a derivation: every way in which one derived equation is got wrong, by rules on its expression.

`mutant`    what a mutant is, and the cues of those that depend on the step
`normal`    a normal form, in which mutants that are the same are equal
`changes`   one change somewhere in an expression
`names`     what stands where a name stands: its shape, its part, what may be taken for it
`products`  rules on sums, products and powers
`arrays`    rules on functions, matrix products and parts of vectors
`terms`     rules on whole terms and equations
`timing`    rules on steps: sums over time, boundaries, values of another step
`mutate`    all of them, in order
`run`       a mutant as a kernel
`exact`     whether a mutant changes a number, in 40 digits
"""

from .mutant import KINDS, Cue, Kind, Mutant, cue_at
from .mutate import mutate
from .run import build_mutant

__all__ = ["KINDS", "Cue", "Kind", "Mutant", "build_mutant", "cue_at", "mutate"]
