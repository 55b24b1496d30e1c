"""References for the other gated cells."""

from __future__ import annotations

from typing import Any

import torch

from .gru import rows, stacked, theirs, torchrecurrent_cell
from .reference import Arrays, Reference, by_steps


def bistable(recurrence: str):
    """The gates a and c; `recurrence` is r where they see one unit, R where they see all."""

    def arrange(params: Arrays) -> dict[str, Any]:
        none = torch.zeros_like(params["b_a"])
        return {
            "weight_ih": rows(params, "W_a W_c W"),
            "weight_hh": rows(params, f"{recurrence}_a {recurrence}_c"),
            "bias_ih": torch.cat([params["b_a"], params["b_c"], none]),
        }

    return arrange


def atr(params: Arrays) -> dict[str, Any]:
    return {"weight_ih": params["W"], "weight_hh": params["R"]}


def cfn(params: Arrays) -> dict[str, Any]:
    """The horizontal gate first, then the vertical one; the biases stand on the state's side."""
    return {
        "weight_ih": rows(params, "W_f W_i W"),
        "weight_hh": rows(params, "R_f R_i"),
        "bias_hh": rows(params, "b_f b_i"),
    }


def ran(params: Arrays) -> dict[str, Any]:
    return {
        "weight_ih": rows(params, "W W_i W_f"),
        "weight_hh": rows(params, "R_i R_f"),
        "bias_ih": rows(params, "b_i b_f"),
    }


def sgu(params: Arrays) -> dict[str, Any]:
    return {
        "weight_ih": rows(params, "W_q W_z"),
        "weight_hh": rows(params, "R_p R_z"),
        "bias_ih": rows(params, "b_q b_z"),
    }


def dsgu(params: Arrays) -> dict[str, Any]:
    return {**sgu(params), "weight_ho": params["R_n"]}


def minimal_rnn(params: Arrays) -> dict[str, Any]:
    return {
        "weight_ih": params["W"],
        "weight_hh": params["R_u"],
        "weight_mm": params["M_u"],
        "bias_ih": params["b"],
        "bias_hh": params["b_u"],
    }


def lightru(params: Arrays) -> dict[str, Any]:
    return {"weight_ih": rows(params, "W_n W_f"), "weight_hh": params["R_f"], "bias_hh": params["b_f"]}


def star(params: Arrays) -> dict[str, Any]:
    return {
        "weight_ih": rows(params, "W_n W_k"),
        "weight_hh": params["R_k"],
        "bias_ih": rows(params, "b_n b_k"),
    }


def intersection(params: Arrays) -> dict[str, Any]:
    return stacked("u n y h")(params)


def highway_of_the_paper(params, x, state):
    """Zilly et al. 2017, equations 6 to 9 with the carry gate coupled: s_l = (h_l − s_{l−1}) t_l + s_{l−1}."""
    h, outputs = state["h"], []
    for x_t in x:
        s = h
        for layer in (1, 2):
            transform = s @ params[f"R_t{layer}"].T + params[f"b_t{layer}"]
            update = s @ params[f"R_n{layer}"].T + params[f"b_n{layer}"]
            if layer == 1:
                transform = transform + x_t @ params["W_t"].T
                update = update + x_t @ params["W_n"].T
            s = s + (update.tanh() - s) * transform.sigmoid()
        h = s
        outputs.append(h)
    return torch.stack(outputs), {"h": h}


def nas_of_the_paper(params, x, state):
    """Zoph & Le 2017, the cell of their figure 8 (left): a tree over eight pairs of products.

    Leaves from left to right: how the two products are joined, and what is applied.
    """
    add, times = torch.add, torch.mul
    leaves = [
        (add, torch.sigmoid),
        (add, torch.relu),
        (add, torch.sigmoid),
        (times, torch.relu),
        (add, torch.tanh),
        (add, torch.sigmoid),
        (add, torch.tanh),
        (add, torch.sigmoid),
    ]
    h, c, outputs = state["h"], state["c"], []
    for x_t in x:
        base = [
            apply(join(x_t @ params[f"W_{k}"].T, h @ params[f"R_{k}"].T))
            for k, (join, apply) in enumerate(leaves, start=1)
        ]
        first = torch.tanh(base[0] * base[1])
        second = torch.tanh(base[2] + base[3])
        third = torch.tanh(base[4] * base[5])
        fourth = torch.sigmoid(base[6] + base[7])
        c = torch.tanh(first + c) * second
        h = torch.tanh(c * torch.tanh(third + fourth))
        outputs.append(h)
    return torch.stack(outputs), {"h": h, "c": c}


def _simple_gated_step(p, x, h):
    """Gao & Glowacka 2016, equations of the simple gated unit and of the deep one, with clip(a/6 + 1/2, 0, 1)."""
    thinned = torch.tanh(((x @ p["W_q"].T + p["b_q"]) * h) @ p["R_p"].T) * h
    new = torch.sigmoid(thinned @ p["R_n"].T) if "R_n" in p else torch.log1p(torch.exp(thinned))
    update = torch.clamp((x @ p["W_z"].T + h @ p["R_z"].T + p["b_z"]) / 6 + 0.5, 0, 1)
    h = (1 - update) * h + update * new
    return h, h


simple_gated_paper = by_steps(_simple_gated_step, ("h",), torch.stack)


REFERENCES = [
    theirs("atr", "ATRCell", torchrecurrent_cell("ATRCell", atr)),
    theirs("brc", "BRCell", torchrecurrent_cell("BRCell", bistable("r"))),
    theirs("nbrc", "NBRCell", torchrecurrent_cell("NBRCell", bistable("R"))),
    theirs("cfn", "CFNCell", torchrecurrent_cell("CFNCell", cfn)),
    theirs("ran", "RANCell", torchrecurrent_cell("RANCell", ran, ("h", "c"))),
    # PyTorch's derivative of hardsigmoid is 1/6 in float32, whatever the type.
    theirs("sgu", "SGUCell", torchrecurrent_cell("SGUCell", sgu), tolerance=1e-6),
    theirs("dsgu", "DSGUCell", torchrecurrent_cell("DSGUCell", dsgu), tolerance=1e-6),
    Reference("sgu", "the paper in PyTorch", simple_gated_paper, needs=("torch",)),
    Reference("dsgu", "the paper in PyTorch", simple_gated_paper, needs=("torch",)),
    theirs("minimal_rnn", "MinimalRNNCell", torchrecurrent_cell("MinimalRNNCell", minimal_rnn)),
    theirs("lightru", "LightRUCell", torchrecurrent_cell("LightRUCell", lightru)),
    theirs("star", "STARCell", torchrecurrent_cell("STARCell", star)),
    theirs(
        "intersection_rnn",
        "IntersectionRNNCell",
        torchrecurrent_cell("IntersectionRNNCell", intersection, decoupled=True),
        dims={"m": 3, "n": 3},
    ),
    Reference("recurrent_highway", "the paper in PyTorch", highway_of_the_paper, needs=("torch",)),
    Reference("nas", "the paper in PyTorch", nas_of_the_paper, needs=("torch",)),
]
