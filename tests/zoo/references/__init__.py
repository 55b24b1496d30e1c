"""Other people's implementations of the zoo's cells: libraries, and transcriptions of the papers' forward equations.

One module a family. A transcription is written from the paper in PyTorch, for batches of row vectors, by a person who
does not look at the cell's text; it shares no code with symrnn.
"""

from . import attention, basics, dynamics, exponential, gated, gru, lstm, odyssey, parallel, rnn, statespace
from .reference import Answer as Answer
from .reference import Reference as Reference
from .reference import answer_of as answer_of

FAMILIES = (rnn, lstm, odyssey, gru, gated, dynamics, parallel, statespace, attention, exponential, basics)
REFERENCES: tuple[Reference, ...] = tuple(reference for family in FAMILIES for reference in family.REFERENCES)
