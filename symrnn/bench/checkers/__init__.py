"""Gradient checkers side by side: `python -m symrnn.bench checkers`, everybody on the same planted errors.

`trials`     an LSTM's gradient, right and with an error planted in it
`checkers`   who takes part: an opinion on a gradient
`frameworks` the checkers of PyTorch, JAX, autograd and SciPy
`own`        symrnn
`report`     turns, shares, the table
"""

from .report import add_options, report

__all__ = ["add_options", "report"]
