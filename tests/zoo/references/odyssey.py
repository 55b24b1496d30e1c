"""References for the eight variants of "LSTM: A Search Space Odyssey"."""

from __future__ import annotations

import torch

from .lstm import onnx, paper, recurrent, recurrent_peephole
from .lstm_frameworks import coupled

WIDE_OPEN = 1000.0
"""A net input at which the logistic function is exactly 1 in floating point and its derivative exactly 0."""


def without(gate):
    """torchrecurrent.PeepholeLSTMCell with one gate's net input at +1000, whatever is read: the gate is 1."""

    def step(params, x, h, c):
        other = "f" if gate == "i" else "i"
        constant = {f"{name}_{gate}": torch.zeros_like(params[f"{name}_{other}"]) for name in "WRp"}
        constant[f"b_{gate}"] = torch.full_like(params[f"b_{other}"], WIDE_OPEN)
        return recurrent_peephole({**params, **constant}, x, h, c)

    return step


def peephole_coupled(params, x, h, c):
    """torchrecurrent.PeepholeLSTMCell with the forget gate that is 1 − i."""
    return recurrent_peephole(coupled(params, "i", "f"), x, h, c)


def vanilla(params, x, h, c, block_input=torch.tanh, block_output=torch.tanh, gates=None):
    """Section II of the paper, row vectors; `gates` are those of the step before, which FGR reads.

    The paper writes z for the block input, y for the output, and R_if for the weights from i to f.
    """

    def net(k):
        a = x @ params[f"W_{k}"].T + h @ params[f"R_{k}"].T + params[f"b_{k}"]
        if gates is not None and k != "g":
            for source, activation in gates.items():
                a = a + activation @ params[f"R_{source}{k}"].T
        return a

    z = block_input(net("g"))
    i = torch.sigmoid(net("i") + params["p_i"] * c)
    f = torch.sigmoid(net("f") + params["p_f"] * c)
    c = z * i + c * f
    o = torch.sigmoid(net("o") + params["p_o"] * c)
    y = block_output(c) * o
    return y, c, {"i": i, "f": f, "o": o}


def paper_niaf(params, x, h, c):
    h, c, _ = vanilla(params, x, h, c, block_input=lambda a: a)
    return h, h, c


def paper_noaf(params, x, h, c):
    h, c, _ = vanilla(params, x, h, c, block_output=lambda a: a)
    return h, h, c


def paper_fgr(params, x, h, c, i, f, o):
    h, c, gates = vanilla(params, x, h, c, gates={"i": i, "f": f, "o": o})
    return h, h, c, gates["i"], gates["f"], gates["o"]


REFERENCES = [
    recurrent("lstm_nig", "PeepholeLSTMCell", without("i")),
    recurrent("lstm_nfg", "PeepholeLSTMCell", without("f")),
    recurrent("lstm_nog", "PeepholeLSTMCell", without("o")),
    paper("lstm_niaf", paper_niaf),
    paper("lstm_noaf", paper_noaf),
    recurrent("lstm_cifg", "PeepholeLSTMCell", peephole_coupled),
    onnx("lstm_cifg", peepholes=True, forget_is_one_minus_input=True),
    paper("lstm_fgr", paper_fgr, ("h", "c", "i", "f", "o")),
]
