"""Trust: is the derived gradient the gradient of what was written?

`meanings`     what each operation computes, one line over the functions of a `kit`
`kit`          a kind of number; `floats` (real and complex), `digits` (many), `symbols` (SymPy's, and the lemmas about
               its functions) and the exact forms of `polynomials` are kits
`meaning`      what a cell's text computes: an interpreter of its tree, over any kit
`oracles`      gradients without any derivation: complex step, differences, mpmath; of cells and of any function
`points`       where a cell is checked: samples that are finite and clear of kinks, gradients from above
`adjudicate`   gradients beside the oracles: what each says of every array
`cases`        the kernel against all of these, over several sizes and gradients from above, or at one case of your own
`places`       where an entry is, in words
`report`       what a check found
`components`   expressions, evaluated entry by entry over any kit
`interpreter`  a derivation, run forward and backward over any kit, and bent: with other right sides, at other moments
`subject`      what a check asks of a cell, or a network, at a point
`networks`     what networks mean, their points, their derivation over any kit: for `check` and `prove`
`unrolled`     a few steps in components: SymPy's derivatives beside the derived equations
`prove`        the proof that the two are equal, exactly
`apart`        the same in a process of its own, with limits; `prover` is what runs there
`grids`        arrays for a proof where NumPy is absent
`course`       how a proof goes, event by event
`proof`        what it found

Nothing here shares code with the adjoint rules, the heads' derivatives or the emitter.
"""

from ..contents import TYPE_CHECKING, contents
from .proof import Proof as Proof
from .prove import PROOF_LIMIT as PROOF_LIMIT
from .prove import prove as prove

if TYPE_CHECKING:  # what needs NumPy
    from .cases import check as check
    from .cases import check_case as check_case
    from .report import CheckReport as CheckReport
else:
    __getattr__, __dir__ = contents()
