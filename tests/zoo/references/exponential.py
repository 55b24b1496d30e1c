"""References for the extended LSTM: transcriptions of the paper, and the authors' package xlstm."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import logsigmoid

from .reference import Reference, by_steps


def _slstm_nets(p, x, h):
    return [x @ p[f"W_{g}"].T + h @ p[f"R_{g}"].T + p[f"b_{g}"] for g in "ifzo"]


def _slstm_step(p, x, h, c, n):
    """Beck et al. 2024, equations 8 to 14, with the logistic forget gate."""
    i, f, z, o = _slstm_nets(p, x, h)
    c = torch.sigmoid(f) * c + torch.exp(i) * torch.tanh(z)
    n = torch.sigmoid(f) * n + torch.exp(i)
    h = torch.sigmoid(o) * c / n
    return h, h, c, n


def _slstm_stabilised_step(p, x, h, c, n, m):
    """Beck et al. 2024, equations 15 to 17."""
    i, f, z, o = _slstm_nets(p, x, h)
    new = torch.maximum(logsigmoid(f) + m, i)
    c = torch.exp(logsigmoid(f) + m - new) * c + torch.exp(i - new) * torch.tanh(z)
    n = torch.exp(logsigmoid(f) + m - new) * n + torch.exp(i - new)
    h = torch.sigmoid(o) * c / n
    return h, h, c, n, new


def _in_xlstm(p, x, state):
    """xlstm's loop over time, one head, gates in the order i, f, z, o: all its states, (4, T + 1, N, n)."""
    from xlstm.blocks.slstm.src.vanilla import slstm_forward, slstm_pointwise_function_registry

    W, R, b = (torch.cat([p[f"{letter}_{g}"] for g in "ifzo"]) for letter in "WRb")
    states = torch.stack([state[name] for name in "hcnm"])
    return slstm_forward(x @ W.T, states, R[None], b, slstm_pointwise_function_registry["slstm"])[0]


def slstm_stabilised_xlstm(p, x, state):
    found = _in_xlstm(p, x, state)
    return found[0, 1:], dict(zip("hcnm", found[:, -1], strict=True))


def slstm_xlstm(p, x, state):
    """The stabilised code from m = 0; c and n are what it keeps times exp(m)."""
    found = _in_xlstm(p, x, {**state, "m": torch.zeros_like(state["c"])})
    h, c, n, m = found[:, -1]
    return found[0, 1:], {"h": h, "c": c * torch.exp(m), "n": n * torch.exp(m)}


def _mlstm_given(p, x):
    """q, k, v, the gates' net inputs and o, for all steps or one; k is divided by the root of its size in W_k and b_k."""
    q, k, v = (x @ p[f"W_{name}"].T + p[f"b_{name}"] for name in "qkv")
    i, f = (x @ p[f"w_{name}"] + p[f"b_{name}"] for name in "if")
    return q, k, v, i, f, torch.sigmoid(x @ p["W_o"].T + p["b_o"])


def _mlstm_step(p, x, C, n):
    """Beck et al. 2024, equations 19 to 27, with the logistic forget gate."""
    q, k, v, i, f, o = _mlstm_given(p, x)
    i, f = torch.exp(i)[:, None], torch.sigmoid(f)[:, None]
    C = f[..., None] * C + i[..., None] * torch.einsum("bi,bj->bij", v, k)
    n = f * n + i * k
    size = torch.clamp(torch.einsum("bj,bj->b", n, q).abs(), min=1)
    return o * torch.einsum("bij,bj->bi", C, q) / size[:, None], C, n


def _mlstm_stabilised_step(p, x, C, n, m):
    """Beck et al. 2024, appendix: the recurrent form that is run."""
    q, k, v, i, f, o = _mlstm_given(p, x)
    new = torch.maximum(logsigmoid(f) + m, i)
    keep, write = torch.exp(logsigmoid(f) + m - new)[:, None], torch.exp(i - new)[:, None]
    C = keep[..., None] * C + write[..., None] * torch.einsum("bi,bj->bij", v, k)
    n = keep * n + write * k
    size = torch.maximum(torch.einsum("bj,bj->b", n, q).abs(), torch.exp(-new))
    return o * torch.einsum("bij,bj->bi", C, q) / size[:, None], C, n, new


def mlstm_stabilised_xlstm(p, x, state):
    """xlstm's step, one head, without the 1e-6 in its denominator. It keeps the transpose of C and divides k by the
    root of its size."""
    from xlstm.blocks.mlstm.backends import recurrent_step_stabilized_simple

    C, n, m = state["C"].mT[:, None], state["n"][:, None, :, None], state["m"][:, None, None, None]
    outputs = []
    for x_t in x:
        q, k, v, i, f, o = _mlstm_given(p, x_t)
        rows = (array[:, None, None] for array in (q, k * math.sqrt(k.shape[-1]), v))
        gates = (array[:, None, None, None] for array in (i, f))
        h, (C, n, m) = recurrent_step_stabilized_simple(C, n, m, *rows, *gates, eps=0.0)
        outputs.append(o * h[:, 0, 0])
    return torch.stack(outputs), {"C": C[:, 0].mT, "n": n[:, 0, :, 0], "m": m[:, 0, 0, 0]}


def mlstm_xlstm(p, x, state):
    """The stabilised code from m = 0; C and n are what it keeps times exp(m)."""
    outputs, final = mlstm_stabilised_xlstm(p, x, {**state, "m": torch.zeros_like(state["n"][:, 0])})
    scale = torch.exp(final["m"])
    return outputs, {"C": final["C"] * scale[:, None, None], "n": final["n"] * scale[:, None]}


PAPER = "the paper in PyTorch"
LOOP, STEP = "xlstm's slstm_forward", "xlstm's recurrent_step_stabilized_simple"
XLSTM = ("torch", "xlstm", "mlstm_kernels")
REFERENCES = [
    Reference("slstm", PAPER, by_steps(_slstm_step, "hcn", torch.stack), needs=("torch",)),
    Reference("slstm", LOOP, slstm_xlstm, needs=XLSTM, third_party=True),
    Reference("slstm_stabilised", PAPER, by_steps(_slstm_stabilised_step, "hcnm", torch.stack), needs=("torch",)),
    Reference("slstm_stabilised", LOOP, slstm_stabilised_xlstm, needs=XLSTM, third_party=True),
    Reference("mlstm", PAPER, by_steps(_mlstm_step, "Cn", torch.stack), needs=("torch",)),
    Reference("mlstm", STEP, mlstm_xlstm, needs=XLSTM, third_party=True),
    Reference("mlstm_stabilised", PAPER, by_steps(_mlstm_stabilised_step, "Cnm", torch.stack), needs=("torch",)),
    Reference("mlstm_stabilised", STEP, mlstm_stabilised_xlstm, needs=XLSTM, third_party=True),
]
