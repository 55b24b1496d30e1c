"""mass_conserving_lstm: forward and backward pass in NumPy, derived by symrnn.

Mass-conserving LSTM: what comes in is stored or given out, and nothing else (Hoedt et al. 2021).

params: W_i, W_o (n, m); R_i, R_o, B (n, n); b_i, b_o (n,)
x: a dict of x (T, N); a (T, N, m)
state: c (N, n)
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


def softmax(a):
    e = np.exp(a - a.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    W_i = params["W_i"]
    R_i = params["R_i"]
    b_i = params["b_i"]
    W_o = params["W_o"]
    R_o = params["R_o"]
    b_o = params["b_o"]
    B = params["B"]
    S = softmax(B)  # (8)
    return {
        "params": params,
        "S": S,
        "weight_a_t": np.concatenate([W_i, W_o]),
        "weight_a_t_half": np.concatenate([W_i, 0.5 * W_o]),
        "weight_s": np.concatenate([R_i, R_o]),
        "weight_s_half": np.concatenate([R_i, 0.5 * R_o]),
        "net_bias": np.concatenate([b_i, 0.5 * b_o]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    S = packed["S"]
    weight_a_t_half = packed["weight_a_t_half"]
    weight_s_half = packed["weight_s_half"]
    net_bias = packed["net_bias"]
    T, N = x["x"].shape[:2]
    n = state["c"].shape[1]
    c_states = array(work, "c_states", (T + 1, N, n), x["x"])
    block = array(work, "block", (T, N, 2 * n), x["x"])
    a_i_all = block[..., :n]
    o_all = block[..., n:2 * n]
    u_s = array(work, "u_s", (N, n), x["x"])
    u_s_2_all = array(work, "u_s_2_all", (T, N), x["x"])
    s_all = array(work, "s_all", (T, N, n), x["x"])
    i_all = array(work, "i_all", (T, N, n), x["x"])
    m_all = array(work, "m_all", (T, N, n), x["x"])
    sums_s = array(work, "sums_s", (N, 2 * n), x["x"])
    spare_2 = array(work, "spare_2", (N, n), x["x"])
    c_states[0] = state["c"]
    np.matmul(rows(x["a"]), weight_a_t_half.T, out=rows(block))  # (4) (6)
    block += net_bias
    for net, x_t, c_prev, s, i, o, m, c, u_s_2, a_i in zip(
        block,
        x["x"],
        c_states[:-1],
        s_all,
        i_all,
        o_all,
        m_all,
        c_states[1:],
        u_s_2_all,
        a_i_all,
        strict=True,
    ):
        np.abs(c_prev, out=u_s)  # (1)
        np.copyto(u_s_2, u_s.sum(axis=-1))  # (2)
        np.divide(c_prev, (1e-05 + u_s_2)[..., None], out=s)  # (3)
        np.matmul(s, weight_s_half.T, out=sums_s)  # (4) (6)
        np.add(net, sums_s, out=net)
        np.copyto(i, softmax(a_i))  # (5)
        np.tanh(o, out=o)  # (7)
        o *= 0.5
        o += 0.5
        np.matmul(c_prev, S, out=m)  # (9)
        np.multiply(x_t[..., None], i, out=spare_2)
        m += spare_2
        np.subtract(1, o, out=c)  # (11)
        c *= m
    h_all = o_all * m_all  # (10)
    outputs = np.array(h_all)
    kept = {name: packed[name] for name in ("S", "weight_a_t", "weight_s")}
    return outputs, {"c": c_states[-1].copy()}, (kept, x, c_states, s_all, i_all, block, m_all, u_s_2_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, c_states, s_all, i_all, block, m_all, u_s_2_all = tape
    work = {} if work is None else work
    S = packed["S"]
    weight_a_t = packed["weight_a_t"]
    weight_s = packed["weight_s"]
    T, N = x["x"].shape[:2]
    n = d_final_state["c"].shape[1]
    o_all = block[..., n:2 * n]
    delta_block = array(work, "delta_block", (T, N, 2 * n), d_outputs)
    delta_a_i_all = delta_block[..., :n]
    delta_a_o_all = delta_block[..., n:2 * n]
    delta_c = array(work, "delta_c", (N, n), d_outputs)
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_m_all = array(work, "delta_m_all", (T, N, n), d_outputs)
    delta_o = array(work, "delta_o", (N, n), d_outputs)
    delta_i = array(work, "delta_i", (N, n), d_outputs)
    delta_s = array(work, "delta_s", (N, n), d_outputs)
    delta_u_s_2 = array(work, "delta_u_s_2", (N,), d_outputs)
    delta_u_s = array(work, "delta_u_s", (N, n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    factor_2_all = array(work, "factor_2_all", (T, N, n), d_outputs)
    factor_3_all = array(work, "factor_3_all", (T, N, n), d_outputs)
    factor_4_all = array(work, "factor_4_all", (T, N), d_outputs)
    spare_1 = array(work, "spare_1", (N, n), d_outputs)
    spare_2 = array(work, "spare_2", (N,), d_outputs)
    np.subtract(1, o_all, out=factor_1_all)  # (14)
    np.multiply(m_all, -1, out=factor_2_all)  # (16)
    np.subtract(1, o_all, out=delta_a_o_all)  # (17)
    delta_a_o_all *= o_all
    np.sign(c_states[:-1], out=factor_3_all)  # (23)
    np.add(1e-05, u_s_2_all, out=factor_4_all)  # (23)
    np.divide(1, factor_4_all, out=factor_4_all)
    carry_c = np.array(d_final_state["c"])
    for (
        delta_net, x_t, c_prev, i, o, m, u_s_2, upstream_h, delta_m, delta_a_o, delta_a_i, factor_1, factor_2, factor_3, factor_4
    ) in zip(
        delta_block[::-1],
        x["x"][::-1],
        c_states[:-1][::-1],
        i_all[::-1],
        o_all[::-1],
        m_all[::-1],
        u_s_2_all[::-1],
        d_outputs[::-1],
        delta_m_all[::-1],
        delta_a_o_all[::-1],
        delta_a_i_all[::-1],
        factor_1_all[::-1],
        factor_2_all[::-1],
        factor_3_all[::-1],
        factor_4_all[::-1],
        strict=True,
    ):
        np.copyto(delta_c, carry_c)  # (12)
        np.copyto(delta_h, upstream_h)  # (13)
        np.multiply(delta_c, factor_1, out=delta_m)  # (14)
        np.multiply(delta_h, o, out=spare_1)
        delta_m += spare_1
        np.multiply(delta_c, factor_2, out=delta_o)  # (16)
        np.multiply(delta_h, m, out=spare_1)
        delta_o += spare_1
        delta_a_o *= delta_o  # (17)
        np.multiply(delta_m, x_t[..., None], out=delta_i)  # (18)
        np.subtract(delta_i, np.einsum("...i,...i->...", delta_i, i)[..., None], out=delta_a_i)  # (19)
        delta_a_i *= i
        np.matmul(delta_net, weight_s, out=delta_s)  # (20)
        np.copyto(delta_u_s_2, np.einsum("...i,...i->...", delta_s, c_prev))  # (21)
        np.add(1e-05, u_s_2, out=spare_2)
        np.square(spare_2, out=spare_2)
        delta_u_s_2 /= spare_2
        np.multiply(delta_u_s_2, -1, out=delta_u_s_2)
        np.copyto(delta_u_s, delta_u_s_2[..., None])  # (22)
        np.multiply(delta_u_s, factor_3, out=carry_c)  # (23)
        np.multiply(delta_s, factor_4[..., None], out=spare_1)
        carry_c += spare_1
        np.matmul(delta_m, S.T, out=spare_1)
        carry_c += spare_1
    delta_S = rows(c_states[:-1]).T @ rows(delta_m_all)  # (15)
    grad_weight_a_t = rows(delta_block).T @ rows(x["a"])
    grad_weight_s = rows(delta_block).T @ rows(s_all)
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_i": grad_weight_a_t[:n],  # (24)
        "R_i": grad_weight_s[:n],  # (25)
        "b_i": grad_net[:n],  # (26)
        "W_o": grad_weight_a_t[n:2 * n],  # (27)
        "R_o": grad_weight_s[n:2 * n],  # (28)
        "b_o": grad_net[n:2 * n],  # (29)
        "B": (delta_S * S - (np.diagonal(delta_S @ S.T, axis1=-2, axis2=-1)[..., None] * np.eye(np.diagonal(delta_S @ S.T, axis1=-2, axis2=-1).shape[-1], dtype=np.diagonal(delta_S @ S.T, axis1=-2, axis2=-1).dtype)) @ S),  # (30)
    }
    d_x = {
        "x": np.array(np.einsum("...i,...i->...", delta_m_all, i_all)),
        "a": product(delta_block, weight_a_t.T),
    }
    return grads, d_x, {"c": carry_c}


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
        "W_i": draw((n, m)) / (m) ** 0.5,
        "R_i": draw((n, n)) / (n) ** 0.5,
        "b_i": draw((n,)),
        "W_o": draw((n, m)) / (m) ** 0.5,
        "R_o": draw((n, n)) / (n) ** 0.5,
        "b_o": draw((n,)),
        "B": draw((n, n)) / (n) ** 0.5,
    }
    x = {"x": draw((T, N)), "a": draw((T, N, m))}
    state = {"c": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"c": draw((N, n))}
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
