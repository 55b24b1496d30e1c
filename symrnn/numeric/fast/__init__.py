"""Fast NumPy modules: what an expert writes by hand, found by rules on the equations.

`formula`   an equation as it is computed here
`rewrite`   which formulas there are
`slots`     which net inputs lie side by side, which weights are stacked
`schedule`  what is computed where
`plan`      the steps that come of it
`table`     these to read
`context`   names, printers, work arrays
`ufuncs`    elementwise expressions as calls with `out=`
`forward`   the forward pass
`backward`  the backward pass
`module`    the whole source
"""

from .module import emit_fast, fast_core
from .table import plan_table

__all__ = ["emit_fast", "fast_core", "plan_table"]
