"""slstm_stabilised: forward and backward pass in NumPy, derived by symrnn.

sLSTM of xLSTM, stabilised, as it is run (Beck et al. 2024).

params: W_i, W_f, W_z, W_o (n, m); R_i, R_f, R_z, R_o (n, n); b_i, b_f, b_z, b_o (n,)
x: x (T, N, m)
state: h (N, n); c (N, n); n (N, n); m (N, n)
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


def prefers(a, b):
    """1 where a > b, 1/2 at a tie, 0 elsewhere."""
    return 0.5 * (np.sign(a - b) + 1)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    W_i = params["W_i"]
    R_i = params["R_i"]
    b_i = params["b_i"]
    W_f = params["W_f"]
    R_f = params["R_f"]
    b_f = params["b_f"]
    W_z = params["W_z"]
    R_z = params["R_z"]
    b_z = params["b_z"]
    W_o = params["W_o"]
    R_o = params["R_o"]
    b_o = params["b_o"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_o, W_z, W_i, W_f]),
        "weight_x_t_half": np.concatenate([0.5 * W_o, W_z, W_i, W_f]),
        "weight_h_prev": np.concatenate([R_o, R_z, R_i, R_f]),
        "weight_h_prev_half": np.concatenate([0.5 * R_o, R_z, R_i, R_f]),
        "net_bias": np.concatenate([0.5 * b_o, b_z, b_i, b_f]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    weight_x_t_half = packed["weight_x_t_half"]
    weight_h_prev_half = packed["weight_h_prev_half"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    c_states = array(work, "c_states", (T + 1, N, dim_n), x)
    n_states = array(work, "n_states", (T + 1, N, dim_n), x)
    m_states = array(work, "m_states", (T + 1, N, dim_n), x)
    block = array(work, "block", (T, N, 4 * dim_n), x)
    o_all = block[..., :dim_n]
    z_all = block[..., dim_n:2 * dim_n]
    a_i_all = block[..., 2 * dim_n:3 * dim_n]
    a_f_all = block[..., 3 * dim_n:4 * dim_n]
    s_all = array(work, "s_all", (T, N, dim_n), x)
    i_all = array(work, "i_all", (T, N, dim_n), x)
    f_all = array(work, "f_all", (T, N, dim_n), x)
    sums_h_prev = array(work, "sums_h_prev", (N, 4 * dim_n), x)
    spare_2 = array(work, "spare_2", (N, dim_n), x)
    h_states[0] = state["h"]
    c_states[0] = state["c"]
    n_states[0] = state["n"]
    m_states[0] = state["m"]
    np.matmul(rows(x), weight_x_t_half.T, out=rows(block))  # (1) (2) (7) (9)
    block += net_bias
    for net, h_prev, c_prev, n_prev, m_prev, a_i, a_f, s, m, i, f, z, o, c, n, h in zip(
        block,
        h_states[:-1],
        c_states[:-1],
        n_states[:-1],
        m_states[:-1],
        a_i_all,
        a_f_all,
        s_all,
        m_states[1:],
        i_all,
        f_all,
        z_all,
        o_all,
        c_states[1:],
        n_states[1:],
        h_states[1:],
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (1) (2) (7) (9)
        np.add(net, sums_h_prev, out=net)
        np.tanh(net[..., :2 * dim_n], out=net[..., :2 * dim_n])  # (8) (10)
        gates = net[..., :dim_n]
        gates *= 0.5
        gates += 0.5
        np.copyto(s, np.logaddexp(-a_f, 0))  # (3)
        np.subtract(m_prev, s, out=s)
        np.maximum(s, a_i, out=m)  # (4)
        np.subtract(a_i, m, out=i)  # (5)
        np.exp(i, out=i)
        np.subtract(s, m, out=f)  # (6)
        np.exp(f, out=f)
        np.multiply(c_prev, f, out=c)  # (11)
        np.multiply(i, z, out=spare_2)
        c += spare_2
        np.multiply(n_prev, f, out=n)  # (12)
        n += i
        np.multiply(o, c, out=h)  # (13)
        h /= n
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("weight_x_t", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy(), "c": c_states[-1].copy(), "n": n_states[-1].copy(), "m": m_states[-1].copy()}, (kept, x, h_states, c_states, n_states, block, s_all, i_all, f_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, c_states, n_states, block, s_all, i_all, f_all = tape
    work = {} if work is None else work
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    o_all = block[..., :dim_n]
    z_all = block[..., dim_n:2 * dim_n]
    a_i_all = block[..., 2 * dim_n:3 * dim_n]
    a_f_all = block[..., 3 * dim_n:4 * dim_n]
    delta_block = array(work, "delta_block", (T, N, 4 * dim_n), d_outputs)
    delta_a_o_all = delta_block[..., :dim_n]
    delta_a_z_all = delta_block[..., dim_n:2 * dim_n]
    delta_a_i_all = delta_block[..., 2 * dim_n:3 * dim_n]
    delta_a_f_all = delta_block[..., 3 * dim_n:4 * dim_n]
    delta_h = array(work, "delta_h", (N, dim_n), d_outputs)
    delta_n = array(work, "delta_n", (N, dim_n), d_outputs)
    delta_c = array(work, "delta_c", (N, dim_n), d_outputs)
    delta_f = array(work, "delta_f", (N, dim_n), d_outputs)
    delta_i = array(work, "delta_i", (N, dim_n), d_outputs)
    delta_m = array(work, "delta_m", (N, dim_n), d_outputs)
    delta_s = array(work, "delta_s", (N, dim_n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, dim_n), d_outputs)
    factor_2_all = array(work, "factor_2_all", (T, N, dim_n), d_outputs)
    factor_3_all = array(work, "factor_3_all", (T, N, dim_n), d_outputs)
    factor_4_all = array(work, "factor_4_all", (T, N, dim_n), d_outputs)
    factor_5_all = array(work, "factor_5_all", (T, N, dim_n), d_outputs)
    factor_6_all = array(work, "factor_6_all", (T, N, dim_n), d_outputs)
    spare_all_1 = array(work, "spare_all_1", (T, N, dim_n), d_outputs)
    spare_1 = array(work, "spare_1", (N, dim_n), d_outputs)
    np.multiply(o_all, c_states[1:], out=factor_1_all)  # (15)
    np.square(n_states[1:], out=spare_all_1)
    factor_1_all /= spare_all_1
    np.multiply(factor_1_all, -1, out=factor_1_all)
    np.divide(o_all, n_states[1:], out=factor_2_all)  # (16)
    np.subtract(1, o_all, out=delta_a_o_all)  # (18)
    delta_a_o_all *= o_all
    delta_a_o_all *= c_states[1:]
    delta_a_o_all /= n_states[1:]
    np.square(z_all, out=delta_a_z_all)  # (20)
    np.subtract(1, delta_a_z_all, out=delta_a_z_all)
    delta_a_z_all *= i_all
    np.multiply(f_all, -1, out=factor_3_all)  # (23)
    np.multiply(i_all, -1, out=factor_4_all)  # (23)
    np.copyto(factor_5_all, prefers(s_all, a_i_all))  # (24)
    np.multiply(a_f_all, -1, out=delta_a_f_all)  # (25)
    np.multiply(delta_a_f_all, 0.5, out=delta_a_f_all)
    np.tanh(delta_a_f_all, out=delta_a_f_all)
    delta_a_f_all *= 0.5
    delta_a_f_all += 0.5
    np.copyto(factor_6_all, prefers(a_i_all, s_all))  # (26)
    carry_h = np.array(d_final_state["h"])
    carry_c = np.array(d_final_state["c"])
    carry_n = np.array(d_final_state["n"])
    carry_m = np.array(d_final_state["m"])
    for (
        delta_net, c_prev, n_prev, i, f, z, upstream_h, delta_a_o, delta_a_z, delta_a_f, delta_a_i, factor_1, factor_2, factor_3, factor_4, factor_5, factor_6
    ) in zip(
        delta_block[::-1],
        c_states[:-1][::-1],
        n_states[:-1][::-1],
        i_all[::-1],
        f_all[::-1],
        z_all[::-1],
        d_outputs[::-1],
        delta_a_o_all[::-1],
        delta_a_z_all[::-1],
        delta_a_f_all[::-1],
        delta_a_i_all[::-1],
        factor_1_all[::-1],
        factor_2_all[::-1],
        factor_3_all[::-1],
        factor_4_all[::-1],
        factor_5_all[::-1],
        factor_6_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (14)
        np.multiply(delta_h, factor_1, out=delta_n)  # (15)
        delta_n += carry_n
        np.multiply(delta_h, factor_2, out=delta_c)  # (16)
        delta_c += carry_c
        delta_a_o *= delta_h  # (18)
        delta_a_z *= delta_c  # (20)
        np.multiply(delta_n, n_prev, out=delta_f)  # (21)
        np.multiply(delta_c, c_prev, out=spare_1)
        delta_f += spare_1
        np.multiply(delta_c, z, out=delta_i)  # (22)
        delta_i += delta_n
        np.multiply(delta_f, factor_3, out=delta_m)  # (23)
        np.multiply(delta_i, factor_4, out=spare_1)
        delta_m += spare_1
        delta_m += carry_m
        np.multiply(delta_f, f, out=delta_s)  # (24)
        np.multiply(delta_m, factor_5, out=spare_1)
        delta_s += spare_1
        delta_a_f *= delta_s  # (25)
        np.multiply(delta_i, i, out=delta_a_i)  # (26)
        np.multiply(delta_m, factor_6, out=spare_1)
        delta_a_i += spare_1
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (27)
        np.multiply(delta_c, f, out=carry_c)  # (28)
        np.multiply(delta_n, f, out=carry_n)  # (29)
        np.copyto(carry_m, delta_s)  # (30)
    grad_weight_x_t = rows(delta_block).T @ rows(x)
    grad_weight_h_prev = rows(delta_block).T @ rows(h_states[:-1])
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_i": grad_weight_x_t[2 * dim_n:3 * dim_n],  # (31)
        "R_i": grad_weight_h_prev[2 * dim_n:3 * dim_n],  # (32)
        "b_i": grad_net[2 * dim_n:3 * dim_n],  # (33)
        "W_f": grad_weight_x_t[3 * dim_n:4 * dim_n],  # (34)
        "R_f": grad_weight_h_prev[3 * dim_n:4 * dim_n],  # (35)
        "b_f": grad_net[3 * dim_n:4 * dim_n],  # (36)
        "W_z": grad_weight_x_t[dim_n:2 * dim_n],  # (37)
        "R_z": grad_weight_h_prev[dim_n:2 * dim_n],  # (38)
        "b_z": grad_net[dim_n:2 * dim_n],  # (39)
        "W_o": grad_weight_x_t[:dim_n],  # (40)
        "R_o": grad_weight_h_prev[:dim_n],  # (41)
        "b_o": grad_net[:dim_n],  # (42)
    }
    d_x = product(delta_block, weight_x_t.T)
    return grads, d_x, {"h": carry_h, "c": carry_c, "n": carry_n, "m": carry_m}


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
        "W_f": draw((n, m)) / (m) ** 0.5,
        "R_f": draw((n, n)) / (n) ** 0.5,
        "b_f": draw((n,)),
        "W_z": draw((n, m)) / (m) ** 0.5,
        "R_z": draw((n, n)) / (n) ** 0.5,
        "b_z": draw((n,)),
        "W_o": draw((n, m)) / (m) ** 0.5,
        "R_o": draw((n, n)) / (n) ** 0.5,
        "b_o": draw((n,)),
    }
    x = draw((T, N, m))
    state = {"h": draw((N, n)), "c": draw((N, n)), "n": draw((N, n)), "m": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"h": draw((N, n)), "c": draw((N, n)), "n": draw((N, n)), "m": draw((N, n))}
    _, _, tape = forward(pack(params), x, state)
    grads, d_x, d_state = backward(tape, d_outputs, d_final_state)
    pairs = [(params[name], grads[name]) for name in params]
    pairs += [(x, d_x)]
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
