"""References for the state spaces: transcriptions of the papers, RecurrentGemma's RG-LRU, mambapy's selective scan."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch.func import functional_call
from torch.nn.functional import silu, softplus

from .reference import Reference, by_steps


def _lmu_step(p, x, h, m):
    """Voelker, Kajić & Eliasmith 2019, equations 6 to 8, with the discretised matrices given."""
    signal = x @ p["e_x"] + h @ p["e_h"] + m @ p["e_m"]
    memory = m @ p["A"].T + torch.outer(signal, p["b"])
    hidden = torch.tanh(x @ p["W"].T + h @ p["R"].T + memory @ p["W_m"].T)
    return hidden, hidden, memory


def lru_paper(p, x, state):
    """Orvieto et al. 2023 in complex numbers: λ = exp(−exp(ν) + i exp(θ))."""
    eigenvalues = torch.exp(torch.complex(-torch.exp(p["nu_log"]), torch.exp(p["theta_log"])))
    B = torch.exp(p["gamma_log"])[:, None] * torch.complex(p["B_u"], p["B_v"])
    C = torch.complex(p["C_u"], p["C_v"])
    hidden = torch.complex(state["u"], state["v"])
    outputs = []
    for x_t in x:
        hidden = eigenvalues * hidden + x_t.to(B.dtype) @ B.T
        outputs.append((hidden @ C.T).real + p["d"] * x_t)
    return torch.stack(outputs), {"u": hidden.real, "v": hidden.imag}


def _rg_lru_step(p, x, h):
    """De et al. 2024, equations 1 to 4, with log a = −c softplus(−Λ), c = 8."""
    r = torch.sigmoid(x @ p["W_r"].T + p["b_r"])
    i = torch.sigmoid(x @ p["W_i"].T + p["b_i"])
    a = torch.sigmoid(p["Lambda"]) ** (8 * r)
    new = a * h + torch.sqrt(1 - a**2) * (i * x)
    return new, new


def rg_lru_transformers(p, x, state):
    """RecurrentGemma's layer in transformers, one head: its parameter is −Λ, and no position is a sequence's first.

    It adds up in float32.
    """
    from transformers.models.recurrent_gemma.modeling_recurrent_gemma import RecurrentGemmaRglru

    T, N, width = x.shape
    layer = RecurrentGemmaRglru(SimpleNamespace(num_attention_heads=1, lru_width=width))
    layer.recurrent_states = state["h"].float()
    arrays = {
        "recurrent_param": -p["Lambda"],
        "input_gate_weight": p["W_i"].T[None],
        "input_gate_bias": p["b_i"][None],
        "recurrent_gate_weight": p["W_r"].T[None],
        "recurrent_gate_bias": p["b_r"][None],
    }
    positions = torch.arange(1, T + 1).expand(N, T)
    outputs = functional_call(layer, arrays, (x.transpose(0, 1), positions)).transpose(0, 1)
    return outputs, {"h": outputs[-1]}


def _s6_step(p, given, h):
    """Gu & Dao 2023, algorithm 2 for one channel: B̄ = Δ B, as in the paper's code."""
    step = softplus(given["delta"] + p["b_delta"])[:, None]
    h = torch.exp(step * -torch.exp(p["a_log"])) * h + step * given["B"] * given["u"][:, None]
    y = (given["C"] * h).sum(-1) + p["d"] * given["u"]
    return y * silu(given["z"]), h


def s6_mambapy(p, x, state):
    """mambapy's scan over time, one channel. It starts at zero and keeps its state to itself, so a step of length one
    writes the state first, and steps of length zero read its entries last."""
    from mambapy.mamba import MambaBlock

    h = state["h"]
    N, k = h.shape
    read = torch.eye(k, dtype=h.dtype)[:, None].expand(k, N, k)
    u = torch.cat([torch.ones(1, N), x["u"], torch.zeros(k, N)])
    lengths = torch.cat([torch.ones(1, N), softplus(x["delta"] + p["b_delta"]), torch.zeros(k, N)])
    B = torch.cat([h[None], x["B"], torch.zeros_like(read)])
    C = torch.cat([torch.zeros(1, N, k), x["C"], read])
    block = SimpleNamespace(config=SimpleNamespace(d_inner=1, d_state=k))
    A = -torch.exp(p["a_log"])[None]
    first = [array.transpose(0, 1) for array in (u[..., None], lengths[..., None])]
    y = MambaBlock.selective_scan_seq(block, *first, A, B.transpose(0, 1), C.transpose(0, 1), p["d"].reshape(1))[
        ..., 0
    ].T
    T = len(x["u"])
    return y[1 : T + 1] * silu(x["z"]), {"h": y[T + 1 :].T}


PAPER = "the paper in PyTorch"
REFERENCES = [
    Reference("lmu", PAPER, by_steps(_lmu_step, ("h", "m"), torch.stack), needs=("torch",)),
    Reference("lru", PAPER, lru_paper, needs=("torch",)),
    Reference("rg_lru", PAPER, by_steps(_rg_lru_step, ("h",), torch.stack), needs=("torch",)),
    Reference(
        "rg_lru", "transformers' RecurrentGemmaRglru", rg_lru_transformers,
        needs=("torch", "transformers"), third_party=True, tolerance=1e-5,
    ),
    Reference("s6", PAPER, by_steps(_s6_step, ("h",), torch.stack), needs=("torch",)),
    Reference(
        "s6", "mambapy's selective_scan_seq", s6_mambapy, needs=("torch", "mambapy"), third_party=True
    ),
]  # fmt: skip
