"""Fast NumPy modules: what an expert writes by hand, found by rules on the equations.

`plan`      what is computed where, and which products become one
`context`   names, printers, sizes
`ufuncs`    elementwise expressions as calls with `out=`
`pack`      what is computed once for many calls
`forward`   the forward pass
`backward`  the backward pass
`module`    the whole source
"""

from .module import emit_fast

__all__ = ["emit_fast"]
