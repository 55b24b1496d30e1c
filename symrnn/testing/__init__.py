"""Tools for tests that concern gradients.

`cells`  a Hypothesis strategy: texts of random cells of the language
"""

from .cells import cells

__all__ = ["cells"]
