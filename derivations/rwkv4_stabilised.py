"""rwkv4_stabilised: forward and backward pass in NumPy, derived by symrnn.

Time mixing of RWKV-4, stabilised, as it is run (Peng et al. 2023).

params: W_r, W_k, W_v (n, m); mu_r, mu_k, mu_v (m,); u, w (n,); W_o (m, n)
x: x (T, N, m)
state: s (N, m); a (N, n); b (N, n); p (N, n)
outputs: o (T, N, m)
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


def sigmoid(a):
    """1 / (1 + exp(-a)) without overflow."""
    decay = np.exp(np.where(a >= 0, -a, a))
    return np.where(a >= 0, 1, decay) / (1 + decay)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    W_k = params["W_k"]
    W_v = params["W_v"]
    w = params["w"]
    exp_w = np.exp(w)
    return {
        "params": params,
        "exp_w": exp_w,
        "weight_u_k": W_k,
        "weight_u_v": W_v,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W_r = params["W_r"]
    mu_r = params["mu_r"]
    mu_k = params["mu_k"]
    mu_v = params["mu_v"]
    u = params["u"]
    W_o = params["W_o"]
    exp_w = packed["exp_w"]
    weight_u_k = packed["weight_u_k"]
    weight_u_v = packed["weight_u_v"]
    T, N = x.shape[:2]
    m = x.shape[2]
    n = state["a"].shape[1]
    s_states = array(work, "s_states", (T + 1, N, m), x)
    a_states = array(work, "a_states", (T + 1, N, n), x)
    b_states = array(work, "b_states", (T + 1, N, n), x)
    p_states = array(work, "p_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, 2 * n), x)
    k_all = block[..., :n]
    v_all = block[..., n:2 * n]
    u_k_all = array(work, "u_k_all", (T, N, m), x)
    u_v_all = array(work, "u_v_all", (T, N, m), x)
    g_all = array(work, "g_all", (T, N, n), x)
    f_all = array(work, "f_all", (T, N, n), x)
    i_all = array(work, "i_all", (T, N, n), x)
    spare_1 = array(work, "spare_1", (N, m), x)
    sums_u_k = array(work, "sums_u_k", (N, n), x)
    sums_u_v = array(work, "sums_u_v", (N, n), x)
    spare_4 = array(work, "spare_4", (N, n), x)
    s_states[0] = state["s"]
    a_states[0] = state["a"]
    b_states[0] = state["b"]
    p_states[0] = state["p"]
    s_states[1:][...] = x  # (21)
    k_all[...] = 0
    v_all[...] = 0
    for net, x_t, s_prev, a_prev, b_prev, p_prev, k, v, g, p, f, i, a, b, u_k, u_v in zip(
        block,
        x,
        s_states[:-1],
        a_states[:-1],
        b_states[:-1],
        p_states[:-1],
        k_all,
        v_all,
        g_all,
        p_states[1:],
        f_all,
        i_all,
        a_states[1:],
        b_states[1:],
        u_k_all,
        u_v_all,
        strict=True,
    ):
        np.multiply(mu_k, x_t, out=u_k)  # (4)
        np.multiply(s_prev, (1 - mu_k), out=spare_1)
        u_k += spare_1
        np.matmul(u_k, weight_u_k.T, out=sums_u_k)  # (5)
        np.add(net[..., :n], sums_u_k, out=net[..., :n])
        np.multiply(mu_v, x_t, out=u_v)  # (6)
        np.multiply(s_prev, (1 - mu_v), out=spare_1)
        u_v += spare_1
        np.matmul(u_v, weight_u_v.T, out=sums_u_v)  # (7)
        np.add(net[..., n:2 * n], sums_u_v, out=net[..., n:2 * n])
        np.subtract(p_prev, exp_w, out=g)  # (15)
        np.maximum(g, k, out=p)  # (16)
        np.subtract(g, p, out=f)  # (17)
        np.exp(f, out=f)
        np.subtract(k, p, out=i)  # (18)
        np.exp(i, out=i)
        np.multiply(a_prev, f, out=a)  # (19)
        np.multiply(v, i, out=spare_4)
        a += spare_4
        np.multiply(b_prev, f, out=b)  # (20)
        b += i
    u_r_all = mu_r * x + s_states[:-1] * (1 - mu_r)  # (1)
    a_r_all = product(u_r_all, W_r)  # (2)
    r_all = sigmoid(a_r_all)  # (3)
    q_all = np.maximum(p_states[:-1], k_all + u)  # (8)
    d_all = np.exp(p_states[:-1] - q_all)  # (9)
    e_all = np.exp(k_all + u - q_all)  # (10)
    num_all = a_states[:-1] * d_all + v_all * e_all  # (11)
    den_all = b_states[:-1] * d_all + e_all  # (12)
    u_o_all = r_all * num_all / den_all  # (13)
    o_all = product(u_o_all, W_o)  # (14)
    outputs = np.array(o_all)
    kept = {name: packed[name] for name in ("params", "exp_w", "weight_u_k", "weight_u_v")}
    return outputs, {"s": s_states[-1].copy(), "a": a_states[-1].copy(), "b": b_states[-1].copy(), "p": p_states[-1].copy()}, (kept, x, s_states, a_states, b_states, p_states, r_all, block, d_all, e_all, num_all, den_all, g_all, f_all, i_all, u_r_all, u_k_all, u_v_all, u_o_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, s_states, a_states, b_states, p_states, r_all, block, d_all, e_all, num_all, den_all, g_all, f_all, i_all, u_r_all, u_k_all, u_v_all, u_o_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_r = params["W_r"]
    mu_r = params["mu_r"]
    mu_k = params["mu_k"]
    mu_v = params["mu_v"]
    u = params["u"]
    W_o = params["W_o"]
    exp_w = packed["exp_w"]
    weight_u_k = packed["weight_u_k"]
    weight_u_v = packed["weight_u_v"]
    T, N = x.shape[:2]
    m = x.shape[2]
    n = d_final_state["a"].shape[1]
    k_all = block[..., :n]
    v_all = block[..., n:2 * n]
    delta_block = array(work, "delta_block", (T, N, 2 * n), d_outputs)
    delta_k_all = delta_block[..., :n]
    delta_v_all = delta_block[..., n:2 * n]
    delta_s_all = array(work, "delta_s_all", (T, N, m), d_outputs)
    delta_b = array(work, "delta_b", (N, n), d_outputs)
    delta_a = array(work, "delta_a", (N, n), d_outputs)
    delta_i = array(work, "delta_i", (N, n), d_outputs)
    delta_f = array(work, "delta_f", (N, n), d_outputs)
    delta_p = array(work, "delta_p", (N, n), d_outputs)
    delta_g_all = array(work, "delta_g_all", (T, N, n), d_outputs)
    delta_o_all = array(work, "delta_o_all", (T, N, m), d_outputs)
    delta_u_o = array(work, "delta_u_o", (N, n), d_outputs)
    delta_e_all = array(work, "delta_e_all", (T, N, n), d_outputs)
    delta_d = array(work, "delta_d", (N, n), d_outputs)
    delta_q_all = array(work, "delta_q_all", (T, N, n), d_outputs)
    delta_u_v_all = array(work, "delta_u_v_all", (T, N, m), d_outputs)
    delta_u_k_all = array(work, "delta_u_k_all", (T, N, m), d_outputs)
    delta_a_r_all = array(work, "delta_a_r_all", (T, N, n), d_outputs)
    delta_u_r_all = array(work, "delta_u_r_all", (T, N, m), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    factor_2_all = array(work, "factor_2_all", (T, N, n), d_outputs)
    factor_3_all = array(work, "factor_3_all", (T, N, n), d_outputs)
    factor_4_all = array(work, "factor_4_all", (T, N, n), d_outputs)
    factor_5_all = array(work, "factor_5_all", (T, N, n), d_outputs)
    factor_6_all = array(work, "factor_6_all", (T, N, n), d_outputs)
    factor_7_all = array(work, "factor_7_all", (T, N, n), d_outputs)
    factor_8_all = array(work, "factor_8_all", (T, N, n), d_outputs)
    factor_9_all = array(work, "factor_9_all", (T, N, n), d_outputs)
    factor_10_all = array(work, "factor_10_all", (T, N, n), d_outputs)
    factor_11_all = array(work, "factor_11_all", (T, N, n), d_outputs)
    factor_12_all = array(work, "factor_12_all", (T, N, n), d_outputs)
    factor_13_all = array(work, "factor_13_all", (T, N, n), d_outputs)
    factor_14_all = array(work, "factor_14_all", (T, N, n), d_outputs)
    factor_15_all = array(work, "factor_15_all", (T, N, n), d_outputs)
    spare_all_1 = array(work, "spare_all_1", (T, N, n), d_outputs)
    spare_1 = array(work, "spare_1", (N, n), d_outputs)
    spare_2 = array(work, "spare_2", (N, m), d_outputs)
    np.multiply(i_all, -1, out=factor_1_all)  # (27)
    np.multiply(f_all, -1, out=factor_2_all)  # (27)
    np.copyto(factor_3_all, prefers(g_all, k_all))  # (28)
    np.multiply(r_all, num_all, out=factor_4_all)  # (33)
    np.square(den_all, out=spare_all_1)
    factor_4_all /= spare_all_1
    np.multiply(factor_4_all, -1, out=factor_4_all)
    np.multiply(r_all, v_all, out=factor_5_all)  # (33)
    factor_5_all /= den_all
    np.multiply(b_states[:-1], r_all, out=factor_6_all)  # (34)
    factor_6_all *= num_all
    np.square(den_all, out=spare_all_1)
    factor_6_all /= spare_all_1
    np.multiply(factor_6_all, -1, out=factor_6_all)
    np.multiply(a_states[:-1], r_all, out=factor_7_all)  # (34)
    factor_7_all /= den_all
    np.multiply(e_all, -1, out=factor_8_all)  # (35)
    np.multiply(d_all, -1, out=factor_9_all)  # (35)
    np.multiply(r_all, e_all, out=factor_10_all)  # (36)
    factor_10_all /= den_all
    np.copyto(factor_11_all, prefers(k_all, g_all))  # (38)
    np.copyto(factor_12_all, prefers(k_all + u, p_states[:-1]))  # (38)
    np.subtract(1, r_all, out=delta_a_r_all)  # (41)
    delta_a_r_all *= r_all
    delta_a_r_all *= num_all
    delta_a_r_all /= den_all
    np.multiply(r_all, d_all, out=factor_13_all)  # (44)
    factor_13_all /= den_all
    np.multiply(r_all, d_all, out=factor_14_all)  # (45)
    factor_14_all *= num_all
    np.square(den_all, out=spare_all_1)
    factor_14_all /= spare_all_1
    np.multiply(factor_14_all, -1, out=factor_14_all)
    np.copyto(factor_15_all, prefers(p_states[:-1], k_all + u))  # (46)
    carry_s = np.array(d_final_state["s"])
    carry_a = np.array(d_final_state["a"])
    carry_b = np.array(d_final_state["b"])
    carry_p = np.array(d_final_state["p"])
    for (
        delta_net, a_prev, b_prev, v, d, e, f, i, upstream_o, delta_s, delta_g, delta_o, delta_e, delta_q, delta_v, delta_u_v, delta_k, delta_u_k, delta_a_r, delta_u_r, factor_1, factor_2, factor_3, factor_4, factor_5, factor_6, factor_7, factor_8, factor_9, factor_10, factor_11, factor_12, factor_13, factor_14, factor_15
    ) in zip(
        delta_block[::-1],
        a_states[:-1][::-1],
        b_states[:-1][::-1],
        v_all[::-1],
        d_all[::-1],
        e_all[::-1],
        f_all[::-1],
        i_all[::-1],
        d_outputs[::-1],
        delta_s_all[::-1],
        delta_g_all[::-1],
        delta_o_all[::-1],
        delta_e_all[::-1],
        delta_q_all[::-1],
        delta_v_all[::-1],
        delta_u_v_all[::-1],
        delta_k_all[::-1],
        delta_u_k_all[::-1],
        delta_a_r_all[::-1],
        delta_u_r_all[::-1],
        factor_1_all[::-1],
        factor_2_all[::-1],
        factor_3_all[::-1],
        factor_4_all[::-1],
        factor_5_all[::-1],
        factor_6_all[::-1],
        factor_7_all[::-1],
        factor_8_all[::-1],
        factor_9_all[::-1],
        factor_10_all[::-1],
        factor_11_all[::-1],
        factor_12_all[::-1],
        factor_13_all[::-1],
        factor_14_all[::-1],
        factor_15_all[::-1],
        strict=True,
    ):
        np.copyto(delta_s, carry_s)  # (22)
        np.copyto(delta_b, carry_b)  # (23)
        np.copyto(delta_a, carry_a)  # (24)
        np.multiply(delta_a, v, out=delta_i)  # (25)
        delta_i += delta_b
        np.multiply(delta_b, b_prev, out=delta_f)  # (26)
        np.multiply(delta_a, a_prev, out=spare_1)
        delta_f += spare_1
        np.multiply(delta_i, factor_1, out=delta_p)  # (27)
        np.multiply(delta_f, factor_2, out=spare_1)
        delta_p += spare_1
        delta_p += carry_p
        np.multiply(delta_f, f, out=delta_g)  # (28)
        np.multiply(delta_p, factor_3, out=spare_1)
        delta_g += spare_1
        np.copyto(delta_o, upstream_o)  # (29)
        np.matmul(delta_o, W_o, out=delta_u_o)  # (30)
        np.multiply(delta_u_o, factor_4, out=delta_e)  # (33)
        np.multiply(delta_u_o, factor_5, out=spare_1)
        delta_e += spare_1
        np.multiply(delta_u_o, factor_6, out=delta_d)  # (34)
        np.multiply(delta_u_o, factor_7, out=spare_1)
        delta_d += spare_1
        np.multiply(delta_e, factor_8, out=delta_q)  # (35)
        np.multiply(delta_d, factor_9, out=spare_1)
        delta_q += spare_1
        np.multiply(delta_a, i, out=delta_v)  # (36)
        np.multiply(delta_u_o, factor_10, out=spare_1)
        delta_v += spare_1
        np.matmul(delta_net[..., n:2 * n], weight_u_v, out=delta_u_v)  # (37)
        np.multiply(delta_i, i, out=delta_k)  # (38)
        np.multiply(delta_p, factor_11, out=spare_1)
        delta_k += spare_1
        np.multiply(delta_e, e, out=spare_1)
        delta_k += spare_1
        np.multiply(delta_q, factor_12, out=spare_1)
        delta_k += spare_1
        np.matmul(delta_net[..., :n], weight_u_k, out=delta_u_k)  # (39)
        delta_a_r *= delta_u_o  # (41)
        np.matmul(delta_a_r, W_r, out=delta_u_r)  # (42)
        np.multiply(delta_u_r, (1 - mu_r), out=carry_s)  # (43)
        np.multiply(delta_u_k, (1 - mu_k), out=spare_2)
        carry_s += spare_2
        np.multiply(delta_u_v, (1 - mu_v), out=spare_2)
        carry_s += spare_2
        np.multiply(delta_u_o, factor_13, out=carry_a)  # (44)
        np.multiply(delta_a, f, out=spare_1)
        carry_a += spare_1
        np.multiply(delta_u_o, factor_14, out=carry_b)  # (45)
        np.multiply(delta_b, f, out=spare_1)
        carry_b += spare_1
        np.multiply(delta_q, factor_15, out=carry_p)  # (46)
        np.multiply(delta_d, d, out=spare_1)
        carry_p += spare_1
        carry_p += delta_g
    grads = {
        "W_r": rows(delta_a_r_all).T @ rows(u_r_all),  # (47)
        "mu_r": (delta_u_r_all * (x - s_states[:-1])).sum(axis=(0, 1)),  # (48)
        "W_k": rows(delta_k_all).T @ rows(u_k_all),  # (49)
        "mu_k": (delta_u_k_all * (x - s_states[:-1])).sum(axis=(0, 1)),  # (50)
        "W_v": rows(delta_v_all).T @ rows(u_v_all),  # (51)
        "mu_v": (delta_u_v_all * (x - s_states[:-1])).sum(axis=(0, 1)),  # (52)
        "u": (delta_q_all * prefers(k_all + u, p_states[:-1])).sum(axis=(0, 1)) + np.einsum("tni,tni->i", delta_e_all, e_all),  # (53)
        "W_o": rows(delta_o_all).T @ rows(u_o_all),  # (54)
        "w": (-delta_g_all * exp_w).sum(axis=(0, 1)),  # (55)
    }
    d_x = np.array(mu_r * delta_u_r_all + mu_k * delta_u_k_all + mu_v * delta_u_v_all + delta_s_all)
    return grads, d_x, {"s": carry_s, "a": carry_a, "b": carry_b, "p": carry_p}


def loss(arrays, d_outputs, d_final_state):
    """A number that depends on everything: outputs and final state, weighted."""
    params, x, state = arrays
    outputs, final_state, _ = forward(pack(params), x, state)
    total = (d_outputs * outputs).sum()
    return total + sum((d_final_state[name] * final_state[name]).sum() for name in final_state)


def slope(arrays, array, index, d_outputs, d_final_state):
    """The derivative of the loss by one entry: its imaginary part after a tiny imaginary step."""
    kept = array[index]
    array[index] = kept + 1e-30j
    result = loss(arrays, d_outputs, d_final_state).imag / 1e-30
    array[index] = kept
    return result


def check(T=3, N=2, m=4, n=6):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "W_r": draw((n, m)) / (m) ** 0.5,
        "mu_r": draw((m,)),
        "W_k": draw((n, m)) / (m) ** 0.5,
        "mu_k": draw((m,)),
        "W_v": draw((n, m)) / (m) ** 0.5,
        "mu_v": draw((m,)),
        "u": draw((n,)),
        "W_o": draw((m, n)) / (n) ** 0.5,
        "w": draw((n,)),
    }
    x = draw((T, N, m))
    state = {"s": draw((N, m)), "a": draw((N, n)), "b": draw((N, n)), "p": draw((N, n))}
    d_outputs = draw((T, N, m))
    d_final_state = {"s": draw((N, m)), "a": draw((N, n)), "b": draw((N, n)), "p": draw((N, n))}
    _, _, tape = forward(pack(params), x, state)
    grads, d_x, d_state = backward(tape, d_outputs, d_final_state)
    params = {name: value.astype(complex) for name, value in params.items()}
    x = x.astype(complex)
    state = {name: value.astype(complex) for name, value in state.items()}
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
    print(f"largest relative error against complex step: {error:.1e}")
    raise SystemExit(error > 1e-10)
