"""An independent catalogue: programs as people write them, and bugs by the patterns that real code shows.

    code/               the programs: plain Python files that know nothing of each other or of symrnn
    glue_*.py           for each program, how a test differentiates it by its own loss, and the lines that `verify` needs
    programs.py         the table of right programs
    rewritten.py        the same ones with edits that leave them right
    bugs_*.py           planted bugs, as edits of the text; `pattern` is one of the fifteen below
    several.py          two and three bugs at once
    build.py            from a program and its bugs to a module

It was written before the search that has to pass it. The patterns: 1 truncation, 2 clipping, 3 loss on the last output,
4 no initial state in torch, 5 an attribute that holds δ_h, 6 updates that also return, 7 tanh′ for σ′ and derivatives
taken twice, 8 loops that leave out a step, 9 terms missing from a sum, 10 slices off by one, 11 a sibling cell's
formula, 12 read-out and loss, 13 several at once, 14 forwards off by 1e-12, 15 tokens, layers, lists and fixed sizes.
"""

from .build import BUGS as BUGS
from .build import PROGRAMS as PROGRAMS
from .build import SEVERAL as SEVERAL
from .build import build as build
from .build import lines_of as lines_of
from .program import Program as Program
