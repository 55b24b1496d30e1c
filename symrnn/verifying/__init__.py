"""Verdicts on hand-written backprop: is it right, and if not, which formula does it compute instead?

Somebody's code, behind one safe call:
(how their arrays hold the canonical ones is said by a layout, in the room `layouts`)
`styles`       how their code is called; `words` has what arguments and results may be called
`running`      their turn: in time, and whatever is raised made an error; `surroundings` keeps apart what they change
`subject`      code and layout together, looked at once; `calling` reads a signature
`tasks`        what of a point and a gradient from above the code can be given; `losses` inside of it
`handing`      one run: canonical arrays as they have them, each call; `stepping`, `tensors`, `updating` call otherwise
`returns`      what came back, by name; `reading` makes it canonical arrays; `observing` is the whole of a run
`file`         what a file gives to be verified; `judge` is the process in which the command line has it judged

Forward first:
`forward`      does the forward pass compute the cell?
`orders`       orders of blocks, found by trial
`search`       which cell or variant it computes instead; `variants` makes the variants

Then backward:
`probes`       the conditions under which gradients are compared
`behaviour`    the same call twice, larger gradients from above
`fold`         the derivation in the lines that people write
`explain`      the search for the mistakes (see the room `mistakes`) that give the code's numbers
`formulas`     what is computed beside what should be, on paper
`smallest`     the smallest case; `lines` guesses the line of source
`findings`     what was found, `heat` where the wrong entries are, `report` all of it
`verify`       the whole
"""

from ..layouts.layout import Layout
from ..layouts.presets import presets
from .file import find_cell, read_code
from .findings import Finding
from .losses import CrossEntropy, SquaredError
from .report import ArrayVerdict, VerifyReport
from .styles import Code, functions, objects, steps, torch_functions, updates
from .verify import verify

__all__ = [
    "ArrayVerdict",
    "Code",
    "CrossEntropy",
    "Finding",
    "Layout",
    "SquaredError",
    "VerifyReport",
    "find_cell",
    "functions",
    "objects",
    "presets",
    "read_code",
    "steps",
    "torch_functions",
    "updates",
    "verify",
]
