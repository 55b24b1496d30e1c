"""phased_lstm: forward and backward pass in NumPy, derived by symrnn.

Phased LSTM, for events at irregular times (Neil, Pfeiffer & Liu 2016).

params: shift, period, ratio, p_i, b_i, p_f, b_f, b_g, p_o, b_o (n,); leak (); W_i, W_f, W_g, W_o (n, m); R_i, R_f, R_g, R_o (n, n)
x: a dict of x (T, N, m); tau (T, N)
state: h (N, n); c (N, n)
outputs: h (T, N, n)
"""

import numpy as np


def array(work, name, shape, like):
    """A work array, the one of the call before where its shape and type still fit."""
    held = work.get(name)
    if held is None or held.shape != shape or held.dtype != like.dtype:
        held = work[name] = np.empty(shape, like.dtype)
    return held


def rows(a):
    """All steps and sequences as the rows of one matrix."""
    return a.reshape(-1, a.shape[-1])


def product(a, weight):
    """a @ weight.T for all steps and sequences in one product."""
    return (rows(a) @ weight.T).reshape(*a.shape[:-1], -1)


def above(a, b):
    """1 where a > b, 0 elsewhere, in the type of the operands."""
    return (a > b).astype(np.result_type(a, b))


def where(condition, a, b):
    """a where the condition is 1, b elsewhere, in the type of all three."""
    return np.where(condition > 0, a, b).astype(np.result_type(condition, a, b), copy=False)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    W_i = params["W_i"]
    R_i = params["R_i"]
    p_i = params["p_i"]
    b_i = params["b_i"]
    W_f = params["W_f"]
    R_f = params["R_f"]
    p_f = params["p_f"]
    b_f = params["b_f"]
    W_g = params["W_g"]
    R_g = params["R_g"]
    b_g = params["b_g"]
    W_o = params["W_o"]
    R_o = params["R_o"]
    p_o = params["p_o"]
    b_o = params["b_o"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_i, W_f, W_g, W_o]),
        "weight_x_t_half": np.concatenate([0.5 * W_i, 0.5 * W_f, W_g, 0.5 * W_o]),
        "weight_h_prev": np.concatenate([R_i, R_f, R_g, R_o]),
        "weight_h_prev_half": np.concatenate([0.5 * R_i, 0.5 * R_f, R_g, 0.5 * R_o]),
        "net_bias": np.concatenate([0.5 * b_i, 0.5 * b_f, b_g, 0.5 * b_o]),
        "p_i_half": 0.5 * p_i,
        "p_f_half": 0.5 * p_f,
        "p_o_half": 0.5 * p_o,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    shift = params["shift"]
    period = params["period"]
    ratio = params["ratio"]
    leak = params["leak"]
    weight_x_t_half = packed["weight_x_t_half"]
    weight_h_prev_half = packed["weight_h_prev_half"]
    net_bias = packed["net_bias"]
    p_i_half = packed["p_i_half"]
    p_f_half = packed["p_f_half"]
    p_o_half = packed["p_o_half"]
    T, N = x["x"].shape[:2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x["x"])
    c_states = array(work, "c_states", (T + 1, N, n), x["x"])
    block = array(work, "block", (T, N, 4 * n), x["x"])
    i_all = block[..., :n]
    f_all = block[..., n:2 * n]
    g_all = block[..., 2 * n:3 * n]
    o_all = block[..., 3 * n:4 * n]
    u_all = array(work, "u_all", (T, N, n), x["x"])
    tanh_u_all = array(work, "tanh_u_all", (T, N, n), x["x"])
    v_all = array(work, "v_all", (T, N, n), x["x"])
    sums_h_prev = array(work, "sums_h_prev", (N, 4 * n), x["x"])
    spare_2 = array(work, "spare_2", (N, n), x["x"])
    h_states[0] = state["h"]
    c_states[0] = state["c"]
    mod_period_shift_tau_all = np.mod(x["tau"][..., None] - shift, period)
    phase_all = mod_period_shift_tau_all / period  # (1)
    rise_all = 2 * phase_all / ratio  # (2)
    above_phase_ratio_all = above(ratio, phase_all)
    above_phase_ratio__all = above(0.5 * ratio, phase_all)
    k_all = where(above_phase_ratio__all, rise_all, where(above_phase_ratio_all, 2 - rise_all, leak * phase_all))  # (3)
    np.matmul(rows(x["x"]), weight_x_t_half.T, out=rows(block))  # (4) (6) (8) (11)
    block += net_bias
    for net, h_prev, c_prev, k, i, f, g, u, o, v, c, h, tanh_u in zip(
        block,
        h_states[:-1],
        c_states[:-1],
        k_all,
        i_all,
        f_all,
        g_all,
        u_all,
        o_all,
        v_all,
        c_states[1:],
        h_states[1:],
        tanh_u_all,
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (4) (6) (8) (11)
        np.add(net, sums_h_prev, out=net)
        np.multiply(p_i_half, c_prev, out=spare_2)
        i += spare_2
        np.multiply(p_f_half, c_prev, out=spare_2)
        f += spare_2
        np.tanh(net[..., :3 * n], out=net[..., :3 * n])  # (5) (7) (9)
        gates = net[..., :2 * n]
        gates *= 0.5
        gates += 0.5
        np.multiply(c_prev, f, out=u)  # (10)
        np.multiply(i, g, out=spare_2)
        u += spare_2
        np.multiply(p_o_half, u, out=spare_2)
        o += spare_2
        np.tanh(o, out=o)  # (12)
        o *= 0.5
        o += 0.5
        np.tanh(u, out=tanh_u)
        np.multiply(tanh_u, o, out=v)  # (13)
        np.multiply(k, u, out=c)  # (14)
        np.subtract(1, k, out=spare_2)
        spare_2 *= c_prev
        c += spare_2
        np.multiply(k, v, out=h)  # (15)
        np.subtract(1, k, out=spare_2)
        spare_2 *= h_prev
        h += spare_2
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_x_t", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy(), "c": c_states[-1].copy()}, (kept, x, h_states, c_states, phase_all, k_all, block, u_all, v_all, mod_period_shift_tau_all, above_phase_ratio_all, above_phase_ratio__all, tanh_u_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, c_states, phase_all, k_all, block, u_all, v_all, mod_period_shift_tau_all, above_phase_ratio_all, above_phase_ratio__all, tanh_u_all = tape
    work = {} if work is None else work
    params = packed["params"]
    shift = params["shift"]
    period = params["period"]
    ratio = params["ratio"]
    leak = params["leak"]
    p_i = params["p_i"]
    p_f = params["p_f"]
    p_o = params["p_o"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x["x"].shape[:2]
    n = d_final_state["h"].shape[1]
    i_all = block[..., :n]
    f_all = block[..., n:2 * n]
    g_all = block[..., 2 * n:3 * n]
    o_all = block[..., 3 * n:4 * n]
    delta_block = array(work, "delta_block", (T, N, 4 * n), d_outputs)
    delta_a_i_all = delta_block[..., :n]
    delta_a_f_all = delta_block[..., n:2 * n]
    delta_a_g_all = delta_block[..., 2 * n:3 * n]
    delta_a_o_all = delta_block[..., 3 * n:4 * n]
    delta_h_all = array(work, "delta_h_all", (T, N, n), d_outputs)
    delta_c_all = array(work, "delta_c_all", (T, N, n), d_outputs)
    delta_u = array(work, "delta_u", (N, n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    factor_2_all = array(work, "factor_2_all", (T, N, n), d_outputs)
    delta_gates_all = delta_block[..., :3 * n].reshape(T, N, 3, n)
    spare_1 = array(work, "spare_1", (N, n), d_outputs)
    np.subtract(1, o_all, out=delta_a_o_all)  # (20)
    delta_a_o_all *= tanh_u_all
    delta_a_o_all *= k_all
    delta_a_o_all *= o_all
    np.square(tanh_u_all, out=factor_1_all)  # (21)
    np.subtract(1, factor_1_all, out=factor_1_all)
    factor_1_all *= k_all
    factor_1_all *= o_all
    np.square(g_all, out=delta_a_g_all)  # (23)
    np.subtract(1, delta_a_g_all, out=delta_a_g_all)
    delta_a_g_all *= i_all
    np.subtract(1, f_all, out=delta_a_f_all)  # (25)
    delta_a_f_all *= c_states[:-1]
    delta_a_f_all *= f_all
    np.subtract(1, i_all, out=delta_a_i_all)  # (27)
    delta_a_i_all *= i_all
    delta_a_i_all *= g_all
    np.subtract(1, k_all, out=factor_2_all)  # (31)
    carry_h = np.array(d_final_state["h"])
    carry_c = np.array(d_final_state["c"])
    for (
        delta_net, delta_gates, k, f, upstream_h, delta_h, delta_c, delta_a_o, delta_a_f, delta_a_i, factor_1, factor_2
    ) in zip(
        delta_block[::-1],
        delta_gates_all[::-1],
        k_all[::-1],
        f_all[::-1],
        d_outputs[::-1],
        delta_h_all[::-1],
        delta_c_all[::-1],
        delta_a_o_all[::-1],
        delta_a_f_all[::-1],
        delta_a_i_all[::-1],
        factor_1_all[::-1],
        factor_2_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (16)
        np.copyto(delta_c, carry_c)  # (17)
        delta_a_o *= delta_h  # (20)
        np.multiply(delta_c, k, out=delta_u)  # (21)
        np.multiply(delta_h, factor_1, out=spare_1)
        delta_u += spare_1
        np.multiply(p_o, delta_a_o, out=spare_1)
        delta_u += spare_1
        delta_gates *= delta_u[:, None]  # (23) (25) (27)
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (31)
        np.multiply(delta_h, factor_2, out=spare_1)
        carry_h += spare_1
        np.multiply(p_i, delta_a_i, out=carry_c)  # (32)
        np.multiply(p_f, delta_a_f, out=spare_1)
        carry_c += spare_1
        np.multiply(delta_u, f, out=spare_1)
        carry_c += spare_1
        np.multiply(delta_c, factor_2, out=spare_1)
        carry_c += spare_1
    delta_k_all = delta_h_all * (v_all - h_states[:-1]) + delta_c_all * (u_all - c_states[:-1])  # (28)
    delta_phase_all = leak * delta_k_all * (1 - above_phase_ratio_all) * (1 - above_phase_ratio__all) + 2 * delta_k_all * (above_phase_ratio__all - above_phase_ratio_all * (1 - above_phase_ratio__all)) / ratio  # (30)
    grad_weight_x_t = rows(delta_block).T @ rows(x["x"])
    grad_weight_h_prev = rows(delta_block).T @ rows(h_states[:-1])
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "shift": (-delta_phase_all / period).sum(axis=(0, 1)),  # (33)
        "period": (delta_phase_all * (-mod_period_shift_tau_all / period**2 - np.floor((x["tau"][..., None] - shift) / period) / period)).sum(axis=(0, 1)),  # (34)
        "ratio": (-2 * delta_k_all * phase_all * (above_phase_ratio__all - above_phase_ratio_all * (1 - above_phase_ratio__all)) / ratio**2).sum(axis=(0, 1)),  # (35)
        "leak": np.einsum("...i,...i->...", delta_k_all, phase_all * (1 - above_phase_ratio_all) * (1 - above_phase_ratio__all)).sum(axis=(0, 1)),  # (36)
        "W_i": grad_weight_x_t[:n],  # (37)
        "R_i": grad_weight_h_prev[:n],  # (38)
        "p_i": np.einsum("tni,tni->i", delta_a_i_all, c_states[:-1]),  # (39)
        "b_i": grad_net[:n],  # (40)
        "W_f": grad_weight_x_t[n:2 * n],  # (41)
        "R_f": grad_weight_h_prev[n:2 * n],  # (42)
        "p_f": np.einsum("tni,tni->i", delta_a_f_all, c_states[:-1]),  # (43)
        "b_f": grad_net[n:2 * n],  # (44)
        "W_g": grad_weight_x_t[2 * n:3 * n],  # (45)
        "R_g": grad_weight_h_prev[2 * n:3 * n],  # (46)
        "b_g": grad_net[2 * n:3 * n],  # (47)
        "W_o": grad_weight_x_t[3 * n:4 * n],  # (48)
        "R_o": grad_weight_h_prev[3 * n:4 * n],  # (49)
        "p_o": np.einsum("tni,tni->i", delta_a_o_all, u_all),  # (50)
        "b_o": grad_net[3 * n:4 * n],  # (51)
    }
    d_x = {
        "x": product(delta_block, weight_x_t.T),
        "tau": np.array(np.einsum("...i,i->...", delta_phase_all, 1 / period)),
    }
    return grads, d_x, {"h": carry_h, "c": carry_c}


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


def check(T=3, N=2, m=4, n=6):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "shift": draw((n,)),
        "period": draw((n,)),
        "ratio": draw((n,)),
        "leak": np.array(draw()),
        "W_i": draw((n, m)) / (m) ** 0.5,
        "R_i": draw((n, n)) / (n) ** 0.5,
        "p_i": draw((n,)),
        "b_i": draw((n,)),
        "W_f": draw((n, m)) / (m) ** 0.5,
        "R_f": draw((n, n)) / (n) ** 0.5,
        "p_f": draw((n,)),
        "b_f": draw((n,)),
        "W_g": draw((n, m)) / (m) ** 0.5,
        "R_g": draw((n, n)) / (n) ** 0.5,
        "b_g": draw((n,)),
        "W_o": draw((n, m)) / (m) ** 0.5,
        "R_o": draw((n, n)) / (n) ** 0.5,
        "p_o": draw((n,)),
        "b_o": draw((n,)),
    }
    x = {"x": draw((T, N, m)), "tau": draw((T, N))}
    state = {"h": draw((N, n)), "c": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"h": draw((N, n)), "c": draw((N, n))}
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
