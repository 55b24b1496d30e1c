"""The language of networks: cells and the wires between them, read and never run.

`arguments`  what a network is given: sequences, contexts, tokens, lengths
`find`       which definition of a text is its network
`read`       a function definition -> `Wiring`
`items`      its lines: computed, wired, scanned
`infer`      names, shapes and axes -> `Plan`; `known` what is known on the way, `scans` the lines that scan
"""

from .find import find_network, is_network, refuse_network
from .infer import infer_network
from .items import EACH, FIXED, STEPS, Argument, Way, Wiring, has_steps
from .known import FindCell
from .plan import Computed, Plan, Scanned, Step, Wired
from .read import read_wiring

__all__ = [
    "EACH",
    "FIXED",
    "STEPS",
    "Argument",
    "Computed",
    "FindCell",
    "Plan",
    "Scanned",
    "Step",
    "Way",
    "Wired",
    "Wiring",
    "find_network",
    "has_steps",
    "infer_network",
    "is_network",
    "read_wiring",
    "refuse_network",
]
