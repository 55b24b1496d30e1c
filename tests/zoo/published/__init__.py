"""Backward passes as people published or derived them by hand, transcribed into NumPy; one module a family.

A transcription runs a cell forward and goes back over its steps with the page's equations, in the page's names, for a
batch of row vectors. It shares no code with symrnn. A variant that the zoo lacks is a text here; the losses behind a
network (cross-entropies, CTC) are no cells and left out.
"""

from . import attention, blocks, elman, exponential, gru, lstm, normalised, pooling, statespace
from .mistakes import MISTAKES as MISTAKES
from .printed import PRINTED as PRINTED
from .record import Published as Published

PUBLISHED = tuple(
    row
    for family in (elman, lstm, blocks, gru, pooling, exponential, attention, statespace, normalised)
    for row in family.PUBLISHED
)
