"""A second pair of eyes: cells that nobody wrote, and what they come to by an interpreter that knows nothing of symrnn.

The generator was written from the README's account of the language by somebody who had not seen the first one, nor how
kernels are made. Nothing here reads an equation that symrnn derived.

`words`          names that emitted programs and other languages use for themselves
`chance`         chance that is equal on every Python, and names
`formulas`       expressions of a shape
`draw`           whole cells
`interpret`      what a text means, with arrays of NumPy (`numpy_numbers`) or PyTorch (`torch_numbers`)
`truth`          outputs, and gradients by complex step; how far rounding reaches
`doors`          what symrnn makes of the same arrays
`compare`        both, side by side: `examine`
`shrink`         the smallest text that shows a finding
"""

from .compare import DOORS, Case, Examined, Finding, examine
from .draw import Drawn, draw
from .shrink import Smallest, shrink

__all__ = ["DOORS", "Case", "Drawn", "Examined", "Finding", "Smallest", "draw", "examine", "shrink"]
