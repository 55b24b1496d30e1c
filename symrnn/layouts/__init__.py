"""Layouts: how frameworks, and people, hold the parameters and sequences of a cell; and weights from one to another.

`nodes`        the blocks that the language of layouts is made of; `language` reads them
`blocks`       the shape of a block, and which entries of the parameters it holds
`plan`         which entry of the parameters every entry of every array holds, for gradients
`values`       whole arrays moved there and back, for weights
`axes`         the axes of sequences and states
`layout`       a person's layout, and bound to a cell
`row`          one framework's layout of one cell; `frameworks` has the rows, `presets` the way to one of them
`alike`        is a cell the one that a framework has?
`read_sizes`   sizes read off arrays
`packing`      the parameters as a framework's arrays, and back; `trees` nests them
"""

from ..errors import MissingExtraError

try:
    import numpy as numpy
except ModuleNotFoundError:
    raise MissingExtraError("moving weights", "NumPy", None) from None

from .alike import frameworks_of
from .layout import Layout
from .packing import pack, unpack
from .presets import frameworks, presets
from .row import Preset
from .trees import flat, nested

__all__ = ["Layout", "Preset", "flat", "frameworks", "frameworks_of", "nested", "pack", "presets", "unpack"]
