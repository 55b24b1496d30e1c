"""PyTorch source from a derivation: `emit_torch`.

`printer`   a SymPy expression -> torch source
`plan`      names, what is kept of each step, what waits until all steps are done
`function`  the text of the autograd Function
`module`    the text of the module around it
"""

from .module import emit_torch
from .network import emit_torch_network

__all__ = ["emit_torch", "emit_torch_network"]
