"""Verdicts on training loops: a loss and its gradients, written by hand, against a network.

`loops`      how a loop is called, what it gives back, by name and shape
`comparing`  where it is compared, every entry of it
`pages`      equations as the network's page has them: number, left side, right side
`model`      the network's backward pass, to be bent: block by block, and in the loss and the tables between them
`catalogue`  what can be wrong in a network
`explain`    what has to be bent so that it gives the loop's numbers
`verify`     the whole
"""

from .verify import verify_network

__all__ = ["verify_network"]
