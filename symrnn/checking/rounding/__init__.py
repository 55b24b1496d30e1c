"""How exactly can any right program know a gradient? The derived program, run on arrays that say so.

`passes`      the plain program, ready to run on arrays of any class
`magnitude`   arrays that remember the absolute terms of the sum that they came from
`perturbed`   arrays whose every operation rounds at random, as coarsely as a type rounds
`tolerance`   from the spread of perturbed runs to what an entry may be off
"""

from .passes import CellPasses, Key, Passes, plain_passes
from .tolerance import CONFIDENCE, FIRST, RUNS, Measurement, Spread, range_of

__all__ = [
    "CONFIDENCE",
    "FIRST",
    "RUNS",
    "CellPasses",
    "Key",
    "Measurement",
    "Passes",
    "Spread",
    "plain_passes",
    "range_of",
]
