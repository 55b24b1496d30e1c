"""Derivations on paper: one display tree, many printers.

`names`      what every variable is called: letters, subscripts, time
`tree`       the display tree, and how tightly its nodes bind
`layouts`    from an operation's layout to a node of the tree
`display`    from equations to trees, in the order of a person
`steps`      why each term stands in its equation
`explain`    the words for that, as data
`document`   symbols, legend and sections of numbered lines, before any format
`printer`    what all formats share: the walk, parentheses, line breaks
`text`       readable Unicode
`latex`      an `aligned` block for KaTeX, MathJax and amsmath
"""

from .latex import render_latex
from .text import render_text

__all__ = ["render_latex", "render_text"]
