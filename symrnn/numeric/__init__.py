"""Numbers: NumPy source from a derivation, and kernels that run it.

`emit`        a derivation -> the source of a plain module, one equation a line
`fast`        a derivation -> the source of a fast module
`c`           a derivation -> C99
`torch_source`  a derivation -> a PyTorch module
`targets`     these by name
`selfcheck`   the end of a module that checks itself
`parts`       pieces of source that both have
`printer`     a SymPy expression -> NumPy source
`dimensions`  where sizes are read off
`arrays`      checks of what a person hands in
`compiled`    a derivation -> compiled C, called as emitted NumPy is
`cache`       a folder that is its user's alone
`trial`       a fast kernel proves itself before its first use
`kernel`      running, gradients, work arrays
"""

from .emit import emit
from .fast import emit_fast
from .kernel import Gradients, Kernel, Packed, Tape, build_kernel
from .targets import emit_source

__all__ = ["Gradients", "Kernel", "Packed", "Tape", "build_kernel", "emit", "emit_fast", "emit_source"]
