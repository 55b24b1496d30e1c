"""Formulas in each format: walks over the same tree, each with marks of its own.

`text`    readable Unicode
`latex`   for KaTeX, MathJax and amsmath
`mathml`  for browsers
`typst`   for Typst and PDF
"""

from .latex import LatexPrinter
from .mathml import MathMLPrinter
from .text import TextPrinter
from .typst import TypstPrinter

__all__ = ["LatexPrinter", "MathMLPrinter", "TextPrinter", "TypstPrinter"]
