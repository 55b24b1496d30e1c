"""References for the cells that are trained in parallel over time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.func import functional_call
from torch.nn import functional

from .gru import library, rows, theirs, torchrecurrent_cell
from .reference import Arrays, Reference, Run

# minGRU and minLSTM -------------------------------------------------------------------------------------------


def mingru_as_trnn(params: Arrays) -> dict[str, Any]:
    """T-RNN is minGRU with the gate turned round, f = 1 − z = σ(−a_z): weights and bias of the gate are negated."""
    return {
        "weight_ih": torch.cat([params["W_n"], -params["W_z"]]),
        "bias_ih": torch.cat([params["b_n"], -params["b_z"]]),
    }


def mingru_library(params, x, state):
    """minGRU_pytorch.minGRU, all steps at once by its scan over logarithms; its arrays have the batch first."""
    from minGRU_pytorch.minGRU import minGRU

    layer = minGRU(x.shape[-1], expansion_factor=state["h"].shape[-1] / x.shape[-1], proj_out=False)
    arrays = {"to_hidden_and_gate.weight": rows(params, "W_n W_z")}
    out = functional_call(layer, arrays, (x.transpose(0, 1), state["h"][:, None]))
    return out.transpose(0, 1), {"h": out[:, -1]}


def minlstm_library(params, x, state):
    """minGRU_pytorch.minLSTM, all steps at once.

    Its scan takes g(a) for a given initial state a, so that it is given the a with g(a) = h: h − 1/2 from 1/2 on,
    log(h / (1 − h)) below.
    """
    from minGRU_pytorch.minLSTM import minLSTM

    layer = minLSTM(x.shape[-1], expansion_factor=state["h"].shape[-1] / x.shape[-1], proj_out=False)
    arrays = {"to_hidden_and_f_i_gate.weight": rows(params, "W_n W_f W_i")}
    h = state["h"]
    given = torch.where(h >= 0.5, h - 0.5, torch.logit(h.clamp(max=0.5)))
    out = functional_call(layer, arrays, (x.transpose(0, 1), given[:, None]))
    return out.transpose(0, 1), {"h": out[:, -1]}


def positive(params, x, state):
    """Logarithms of states need positive ones; some below 1/2 and some above."""
    return params, x, {name: np.exp(array) for name, array in state.items()}


def minlstm_of_the_paper(params, x, state):
    """Feng et al. 2024, section 3.2: normalised gates f′ and i′, then h = f′ h + i′ ĥ."""
    forget = (x @ params["W_f"].T + params["b_f"]).sigmoid()
    write = (x @ params["W_i"].T + params["b_i"]).sigmoid()
    candidate = x @ params["W_n"].T + params["b_n"]
    forget, write = forget / (forget + write), write / (forget + write)
    h, outputs = state["h"], []
    for t in range(len(x)):
        h = forget[t] * h + write[t] * candidate[t]
        outputs.append(h)
    return torch.stack(outputs), {"h": h}


# SRU ----------------------------------------------------------------------------------------------------------


def sru_naive(use_tanh: bool) -> Run:
    """The recurrence of `elementwise_recurrence_naive` in sru/ops.py of the package sru 2.6.0 (MIT licence), for one
    direction, k = 3 and no masks; the package itself compiles C++ when it is imported."""

    def run(params: Arrays, x: Any, state: Arrays) -> tuple[Any, Arrays]:
        none = torch.zeros_like(params["b_f"])
        forget_wc, reset_wc = params.get("v_f", none), params.get("v_r", none)
        x_prime = x * params["alpha"] if "alpha" in params else x
        u0 = x @ params["W"].T
        u1 = x @ params["W_f"].T + params["b_f"]
        u2 = x @ params["W_r"].T + params["b_r"]
        c_prev, h = state["c"], []
        for t in range(len(x)):
            forget_t = (u1[t] + c_prev * forget_wc).sigmoid()
            reset_t = (u2[t] + c_prev * reset_wc).sigmoid()
            c_t = u0[t] + (c_prev - u0[t]) * forget_t
            c_prev = c_t
            g_c_t = c_t.tanh() if use_tanh else c_t
            h.append(x_prime[t] + (g_c_t - x_prime[t]) * reset_t)
        return torch.stack(h), {"c": c_prev}

    return run


# QRNN ---------------------------------------------------------------------------------------------------------


def qrnn_of_the_paper(pooling: str) -> Run:
    """Bradbury et al. 2017: masked convolutions of width 2 along time, then the pooling.

    The input before the first step stands where the paper pads with zeros.
    """

    def run(params: Arrays, x: Any, state: Arrays) -> tuple[Any, Arrays]:
        sequence = torch.cat([state["p"][None], x]).permute(1, 2, 0)

        def convolved(gate: str) -> Any:
            kernel = torch.stack([params[f"V_{gate}"], params[f"W_{gate}"]], dim=-1)
            return functional.conv1d(sequence, kernel).permute(2, 0, 1)

        candidate, forget, out = convolved("z").tanh(), convolved("f").sigmoid(), convolved("o").sigmoid()
        write = convolved("i").sigmoid() if pooling == "ifo" else 1 - forget
        c, outputs = state["c"], []
        for t in range(len(x)):
            c = forget[t] * c + write[t] * candidate[t]
            outputs.append(out[t] * c)
        return torch.stack(outputs), {"c": c, "p": x[-1]}

    return run


# Strongly typed cells -----------------------------------------------------------------------------------------


def trnn(params: Arrays) -> dict[str, Any]:
    none = torch.zeros_like(params["b_f"])
    return {"weight_ih": rows(params, "W_z W_f"), "bias_ih": torch.cat([none, params["b_f"]])}


def with_former_input(params: Arrays) -> dict[str, Any]:
    return {
        "weight_ih": rows(params, "W_z W_f W_o"),
        "weight_hh": rows(params, "V_z V_f V_o"),
        "bias_ih": rows(params, "b_z b_f b_o"),
    }


REFERENCES = [
    theirs("mingru", "TRNNCell", torchrecurrent_cell("TRNNCell", mingru_as_trnn)),
    library("mingru_log", "minGRU_pytorch.minGRU", mingru_library, "torch", "minGRU_pytorch", given=positive),
    Reference("minlstm", "the paper in PyTorch", minlstm_of_the_paper, needs=("torch",)),
    library("minlstm_log", "minGRU_pytorch.minLSTM", minlstm_library, "torch", "minGRU_pytorch", given=positive),
    Reference("sru", "SRU's elementwise_recurrence_naive transcribed", sru_naive(use_tanh=False), needs=("torch",)),
    Reference("sru_v1", "SRU's elementwise_recurrence_naive transcribed", sru_naive(use_tanh=True), needs=("torch",)),
    Reference("qrnn", "the paper in PyTorch", qrnn_of_the_paper("fo"), needs=("torch",)),
    Reference("qrnn_ifo", "the paper in PyTorch", qrnn_of_the_paper("ifo"), needs=("torch",)),
    theirs("trnn", "TRNNCell", torchrecurrent_cell("TRNNCell", trnn)),
    theirs("tgru", "TGRUCell", torchrecurrent_cell("TGRUCell", with_former_input, ("h", "p"))),
]
