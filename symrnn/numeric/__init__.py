"""Numbers: NumPy source from a derivation, and kernels that run it.

`emit`        a derivation -> the source of a module
`printer`     a SymPy expression -> NumPy source
`dimensions`  where sizes are read off
`kernel`      checked inputs, running, gradients
"""

from .emit import emit
from .kernel import Gradients, Kernel, Tape, build_kernel

__all__ = ["Gradients", "Kernel", "Tape", "build_kernel", "emit"]
