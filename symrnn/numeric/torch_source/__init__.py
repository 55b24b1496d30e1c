"""PyTorch source from a derivation: `emit_torch`.

`forms`     how each operation is written in torch: one table
`printer`   a SymPy expression -> torch source
`plan`      names, what is kept of each step, what waits until all steps are done
`function`  the text of the autograd Function
`module`    the text of the module around it
"""

from .module import emit_torch

__all__ = ["emit_torch"]
