"""Trust: is the derived gradient the gradient of what was written?

`meanings`     what each operation computes, one line over the functions of a `kit`
`kit`          a kind of number; `floats` (real and complex), `digits` (many), `symbols` (SymPy's, and the lemmas about
               its functions) and the exact forms of `polynomials` are kits
`meaning`      what a cell's text computes: an interpreter of its tree, over any kit
`oracles`      gradients without any derivation: complex step, differences, mpmath; of cells and of any function
`points`       where a cell is checked: samples that are finite and clear of kinks, gradients from above
`check`        the kernel against the oracles, over several sizes and upstream gradients
`places`       where an entry is, in words
`case`         the same at one case of your own
`report`       what a check found
`components`   the derived equations, evaluated entry by entry over any kit
`unrolled`     a few steps in components: SymPy's derivatives beside the derived equations
`mutants`      every way in which one derived equation is got wrong, by rules
`prove`        the proof that the two are equal, exactly
`apart`        the same in a process of its own, with limits; `prover` is what runs there
`course`       how a proof goes, event by event
`proof`        what it found

Nothing here shares code with the adjoint rules, the heads' derivatives or the emitter.
"""

from .case import check_case
from .check import check
from .proof import Proof
from .prove import PROOF_LIMIT, prove
from .report import CheckReport

__all__ = ["PROOF_LIMIT", "CheckReport", "Proof", "check", "check_case", "prove"]
