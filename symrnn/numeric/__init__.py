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
`wires`       what a value becomes along a wire, and what it gets back
`network`     the kernels of blocks and the wires between them
"""

from ..contents import TYPE_CHECKING, contents
from .emit import emit as emit
from .fast import emit_fast as emit_fast
from .targets import emit_source as emit_source

if TYPE_CHECKING:  # what needs NumPy
    from .kernel import Gradients as Gradients
    from .kernel import Kernel as Kernel
    from .kernel import Packed as Packed
    from .kernel import Tape as Tape
    from .kernel import build_kernel as build_kernel
    from .network import NetworkKernel as NetworkKernel
    from .network import NetworkTape as NetworkTape
    from .network import build_network_kernel as build_network_kernel
else:
    __getattr__, __dir__ = contents()
