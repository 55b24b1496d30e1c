"""Hand-written forward and backward passes, right ones and ones with planted bugs: what `verify` is measured by.

    sheets.py           the formulas of each cell, written by hand
    paper.py            their evaluation, step by step
    code/               the implementations, as people write them: plain Python files that know nothing of each other
    blocks.py, glue_*   from the cell's arrays to each implementation's, and back
    implementations.py  the table of right implementations
    spellings.py        the same ones respelt: still right
    bug.py, bugs_*      planted bugs, as edits of the source
    pairs.py            two bugs at once
    build.py            from an implementation and its bugs to callables

Nothing here uses symrnn.
"""

from .bug import KINDS as KINDS
from .bug import Bug as Bug
from .build import BUGS as BUGS
from .build import IMPLEMENTATIONS as IMPLEMENTATIONS
from .build import PAIRS as PAIRS
from .build import build as build
from .implementations import Implementation as Implementation
from .sheets import Sheet as Sheet
