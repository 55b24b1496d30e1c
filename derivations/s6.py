"""s6: forward and backward pass in NumPy, derived by symrnn.

Selective state space, one channel of Mamba (Gu & Dao 2023).

params: b_delta, d (); a_log (k,)
x: a dict of u (T, N); delta (T, N); B (T, N, k); C (T, N, k); z (T, N)
state: h (N, k)
outputs: o (T, N)
"""

import numpy as np


def array(work, name, shape, like):
    """A work array, the one of the call before where its shape and type still fit."""
    held = work.get(name)
    if held is None or held.shape != shape or held.dtype != like.dtype:
        held = work[name] = np.empty(shape, like.dtype)
    return held


def sigmoid(a):
    """1 / (1 + exp(-a)) without overflow."""
    decay = np.exp(np.where(a >= 0, -a, a))
    return np.where(a >= 0, 1, decay) / (1 + decay)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    a_log = params["a_log"]
    exp_a_log = np.exp(a_log)
    return {
        "params": params,
        "exp_a_log": exp_a_log,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    b_delta = params["b_delta"]
    d = params["d"]
    exp_a_log = packed["exp_a_log"]
    T, N = x["u"].shape[:2]
    k = x["B"].shape[2]
    h_states = array(work, "h_states", (T + 1, N, k), x["u"])
    spare_1 = array(work, "spare_1", (N, k), x["u"])
    h_states[0] = state["h"]
    a_Δ_all = x["delta"] + b_delta  # (1)
    Δ_all = np.logaddexp(a_Δ_all, 0)  # (2)
    a_all = np.exp(-exp_a_log * Δ_all[..., None])  # (3)
    silu_z_all = x["z"] * sigmoid(x["z"])
    for u_t, B_t, h_prev, Δ, a, h in zip(
        x["u"],
        x["B"],
        h_states[:-1],
        Δ_all,
        a_all,
        h_states[1:],
        strict=True,
    ):
        np.multiply(h_prev, a, out=h)  # (4)
        np.multiply(u_t[..., None], B_t, out=spare_1)
        spare_1 *= Δ[..., None]
        h += spare_1
    y_all = np.einsum("...i,...i->...", x["C"], h_states[1:]) + d * x["u"]  # (5)
    o_all = silu_z_all * y_all  # (6)
    outputs = np.array(o_all)
    kept = {name: packed[name] for name in ("params", "exp_a_log")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, Δ_all, a_all, y_all, a_Δ_all, silu_z_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, Δ_all, a_all, y_all, a_Δ_all, silu_z_all = tape
    work = {} if work is None else work
    params = packed["params"]
    d = params["d"]
    exp_a_log = packed["exp_a_log"]
    T, N = x["u"].shape[:2]
    k = x["B"].shape[2]
    delta_o_all = array(work, "delta_o_all", (T, N), d_outputs)
    delta_y_all = array(work, "delta_y_all", (T, N), d_outputs)
    delta_h_all = array(work, "delta_h_all", (T, N, k), d_outputs)
    carry_h = np.array(d_final_state["h"])
    for C_t, a, upstream_o, delta_o, delta_y, delta_h, silu_z in zip(
        x["C"][::-1],
        a_all[::-1],
        d_outputs[::-1],
        delta_o_all[::-1],
        delta_y_all[::-1],
        delta_h_all[::-1],
        silu_z_all[::-1],
        strict=True,
    ):
        np.copyto(delta_o, upstream_o)  # (7)
        np.multiply(delta_o, silu_z, out=delta_y)  # (8)
        np.multiply(delta_y[..., None], C_t, out=delta_h)  # (9)
        delta_h += carry_h
        np.multiply(delta_h, a, out=carry_h)  # (13)
    delta_a_all = delta_h_all * h_states[:-1]  # (10)
    delta_Δ_all = np.einsum("...i,...i->...", delta_h_all, x["B"]) * x["u"] - np.einsum("...i,...i->...", delta_a_all, exp_a_log * a_all)  # (11)
    grads = {
        "b_delta": (delta_Δ_all * sigmoid(a_Δ_all)).sum(axis=(0, 1)),  # (14)
        "a_log": (-delta_a_all * exp_a_log * Δ_all[..., None] * a_all).sum(axis=(0, 1)),  # (15)
        "d": (delta_y_all * x["u"]).sum(axis=(0, 1)),  # (16)
    }
    d_x = {
        "u": np.array(np.einsum("...i,...i->...", delta_h_all, x["B"]) * Δ_all + d * delta_y_all),
        "delta": np.array(delta_Δ_all * sigmoid(a_Δ_all)),
        "B": np.array(delta_h_all * x["u"][..., None] * Δ_all[..., None]),
        "C": np.array(delta_y_all[..., None] * h_states[1:]),
        "z": np.array(delta_o_all * y_all * sigmoid(x["z"]) * (1 + x["z"] * (1 - sigmoid(x["z"])))),
    }
    return grads, d_x, {"h": carry_h}


def loss(arrays, d_outputs, d_final_state):
    """A number that depends on everything: outputs and final state, weighted."""
    params, x, state = arrays
    outputs, final_state, _ = forward(pack(params), x, state)
    total = (d_outputs * outputs).sum()
    return total + sum((d_final_state[name] * final_state[name]).sum() for name in final_state)


def slope(arrays, array, index, d_outputs, d_final_state):
    """The derivative of the loss by one entry: five-point differences."""
    kept, losses = array[index], []
    for step in (-2, -1, 1, 2):
        array[index] = kept + 1e-4 * step
        losses.append(loss(arrays, d_outputs, d_final_state))
    array[index] = kept
    return (losses[0] - 8 * losses[1] + 8 * losses[2] - losses[3]) / 12e-4


def check(T=3, N=2, k=4):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "b_delta": np.array(draw()),
        "a_log": draw((k,)),
        "d": np.array(draw()),
    }
    x = {"u": draw((T, N)), "delta": draw((T, N)), "B": draw((T, N, k)), "C": draw((T, N, k)), "z": draw((T, N))}
    state = {"h": draw((N, k))}
    d_outputs = draw((T, N))
    d_final_state = {"h": draw((N, k))}
    _, _, tape = forward(pack(params), x, state)
    grads, d_x, d_state = backward(tape, d_outputs, d_final_state)
    pairs = [(params[name], grads[name]) for name in params]
    pairs += [(x[name], d_x[name]) for name in x]
    pairs += [(state[name], d_state[name]) for name in state]
    worst = 0.0
    for array, gradient in pairs:
        scale = max(1e-3, float(np.abs(gradient).max()))
        for index in np.ndindex(*array.shape):
            expected = slope((params, x, state), array, index, d_outputs, d_final_state)
            worst = max(worst, float(abs(gradient[index] - expected)) / scale)
    return worst


if __name__ == "__main__":
    error = check()
    print(f"largest relative error against differences: {error:.1e}")
    raise SystemExit(error > 1e-6)
