"""Gradient checkers side by side: `python tests/benchmark.py checkers`, everybody on the same planted errors.

`trials`     an LSTM's gradient, right and with an error planted in it
`checker`    an opinion on a gradient, and its limit
`checkers`   who takes part
`frameworks` the checkers of PyTorch, JAX, autograd and SciPy
`own`        symrnn
`report`     turns, shares, the table
"""

from .report import add_options, report

__all__ = ["add_options", "report"]
