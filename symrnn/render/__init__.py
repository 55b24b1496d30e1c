"""Derivations on paper: one display tree, many printers.

`notation`   every choice about how formulas are written, and presets
`names`      what every variable is called: letters, subscripts, accents, time
`view`       which equations are shown: merged lines, carries written out, slopes at the net input
`joined`     one matrix over [h, x]: the cell written anew
`tree`       the display tree, and how tightly its nodes bind
`arranging`  from an operation's layout to a node of the tree
`display`    from equations to trees, in the order of a person
`rows`       from columns to rows, and the transposed layout of gradients
`steps`      why each term stands in its equation
`languages/` the words for that, as data
`prose`      sentences with formulas in them
`document`   symbols, legend and sections of numbered lines, before any format
`jacobian`   from one step to the next, in closed form
`figure`     the cell as a graph of its equations
`printer`    what all formats share: the walk, parentheses, line breaks
`printers/`  the formulas in each format
`pages/`     whole pages in each format
`formats`    the way from a derivation to a page, and one row for each format
`difference` which equations of two derivations differ
"""

from .difference import Difference, compare
from .formats import ARTICLES, FORMATS, make_article, render, render_pdf, write_article
from .languages import LANGUAGES, read_language
from .notation import PRESETS, STANDARD, Notation, read_notation
from .pages.article import Article, Evidence

__all__ = [
    "ARTICLES",
    "FORMATS",
    "LANGUAGES",
    "PRESETS",
    "STANDARD",
    "Article",
    "Difference",
    "Evidence",
    "Notation",
    "compare",
    "make_article",
    "read_language",
    "read_notation",
    "render",
    "render_pdf",
    "write_article",
]
