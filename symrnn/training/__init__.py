"""Training: update rules that are cells, truncated backpropagation in windows, and a language model of characters.

`updates`     an update rule as a cell, with clipping and weight decay as lines of it
`trainer`     parameters that move by a network's gradients
`windows`     truncated backpropagation: what runs over which steps, and what is dropped
`characters`  texts as whole numbers, streams of them, bits a character, samples
`model`       the network of `symrnn demo char-rnn` and its training, which goes on where it ended
"""

from ..contents import TYPE_CHECKING, contents
from .updates import RULES as RULES
from .updates import write_update as write_update

if TYPE_CHECKING:  # what needs NumPy
    from .model import Order as Order
    from .model import Progress as Progress
    from .model import train as train
    from .trainer import Trainer as Trainer
    from .windows import Windows as Windows
else:
    __getattr__, __dir__ = contents()
