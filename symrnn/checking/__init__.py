"""Trust: is the derived gradient the gradient of what was written?

`meaning`      what a cell's text computes: an interpreter of its tree, for any kind of number
`scalars`      scalar functions for real and complex NumPy arrays
`oracles`      gradients of whole sequences without any derivation: complex step, five-point differences
`check`        the kernel against the oracles, over several sizes and upstream gradients
`report`       what a check found
`symbols`      scalar functions for SymPy, and the lemmas about them
`polynomials`  exact normal forms, in which equal expressions are equal
`components`   the derived equations, evaluated entry by entry
`unrolled`     a few steps in components: SymPy's derivatives beside the derived equations
`prove`        the proof that the two are equal, exactly
`proof`        what it found

Nothing here shares code with the adjoint rules, the heads' derivatives or the emitter.
"""

from .check import check
from .proof import Proof
from .prove import prove
from .report import CheckReport

__all__ = ["CheckReport", "Proof", "check", "prove"]
