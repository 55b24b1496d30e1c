"""Forward steps as a user of an autograd framework writes them; PyTorch and JAX spell them alike.

`a` is the input's share of the net inputs, W x + b, which both compute for all steps at once before the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Params = Mapping[str, Any]
States = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Ops:
    """What a framework calls the three functions that the steps need; `split` cuts the last axis into equal parts."""

    sigmoid: Callable[[Any], Any]
    tanh: Callable[[Any], Any]
    split: Callable[[Any, int], Any]


Step = Callable[[Ops, Params, Any, States], States]
"""The new states, the output first."""


def lstm(ops: Ops, p: Params, a: Any, states: States) -> States:
    h, c = states
    a_i, a_f, a_g, a_o = ops.split(a + h @ p["R"].T, 4)
    c = ops.sigmoid(a_f) * c + ops.sigmoid(a_i) * ops.tanh(a_g)
    return ops.sigmoid(a_o) * ops.tanh(c), c


def peephole_lstm(ops: Ops, p: Params, a: Any, states: States) -> States:
    h, c = states
    a_i, a_f, a_g, a_o = ops.split(a + h @ p["R"].T, 4)
    c = ops.sigmoid(a_f + p["p_f"] * c) * c + ops.sigmoid(a_i + p["p_i"] * c) * ops.tanh(a_g)
    return ops.sigmoid(a_o + p["p_o"] * c) * ops.tanh(c), c


def gru(ops: Ops, p: Params, a: Any, states: States) -> States:
    (h,) = states
    a_r, a_z, a_n = ops.split(a, 3)
    u_r, u_z = ops.split(h @ p["R"].T, 2)
    r, z = ops.sigmoid(a_r + u_r), ops.sigmoid(a_z + u_z)
    n = ops.tanh(a_n + (r * h) @ p["R_n"].T)
    return (n + z * (h - n),)


def gru_reset_after(ops: Ops, p: Params, a: Any, states: States) -> States:
    (h,) = states
    a_r, a_z, a_n = ops.split(a, 3)
    u_r, u_z, u_n = ops.split(h @ p["R"].T, 3)
    r, z = ops.sigmoid(a_r + u_r), ops.sigmoid(a_z + u_z)
    n = ops.tanh(a_n + r * (u_n + p["b_n"]))
    return (n + z * (h - n),)


def mgu(ops: Ops, p: Params, a: Any, states: States) -> States:
    (h,) = states
    a_f, a_n = ops.split(a, 2)
    f = ops.sigmoid(a_f + h @ p["R_f"].T)
    n = ops.tanh(a_n + (f * h) @ p["R_n"].T)
    return (h + f * (n - h),)


STEPS: Mapping[str, Step] = {
    "lstm": lstm,
    "peephole_lstm": peephole_lstm,
    "gru": gru,
    "gru_reset_after": gru_reset_after,
    "mgu": mgu,
}
