"""layer_norm_lstm: forward and backward pass in NumPy, derived by symrnn.

LSTM with layer normalisation (Ba, Kiros & Hinton 2016).

params: W (4*n, m); R (4*n, n); gamma_x, beta_x, gamma_h, beta_h, b (4*n,); gamma_c, beta_c (n,)
x: x (T, N, m)
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


def embed(piece, shape, place):
    """Zeros of the shape with the piece in its place: the adjoint of a slice."""
    full = np.zeros(shape, dtype=piece.dtype)
    full[place] = piece
    return full


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    R = params["R"]
    return {
        "params": params,
        "weight_h_prev": R,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W = params["W"]
    gamma_x = params["gamma_x"]
    beta_x = params["beta_x"]
    gamma_h = params["gamma_h"]
    beta_h = params["beta_h"]
    b = params["b"]
    gamma_c = params["gamma_c"]
    beta_c = params["beta_c"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    c_states = array(work, "c_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, 4 * n), x)
    r_all = block[..., :4 * n]
    mu_r = array(work, "mu_r", (N,), x)
    v_all = array(work, "v_all", (T, N, 4 * n), x)
    u_var_r = array(work, "u_var_r", (N, 4 * n), x)
    var_r = array(work, "var_r", (N,), x)
    sqrt_var_r_all = array(work, "sqrt_var_r_all", (T, N), x)
    a = array(work, "a", (N, 4 * n), x)
    a_i = array(work, "a_i", (N, n), x)
    i_all = array(work, "i_all", (T, N, n), x)
    a_f = array(work, "a_f", (N, n), x)
    f_all = array(work, "f_all", (T, N, n), x)
    a_g = array(work, "a_g", (N, n), x)
    g_all = array(work, "g_all", (T, N, n), x)
    a_o = array(work, "a_o", (N, n), x)
    o_all = array(work, "o_all", (T, N, n), x)
    mu_c = array(work, "mu_c", (N,), x)
    w_all = array(work, "w_all", (T, N, n), x)
    u_var_c = array(work, "u_var_c", (N, n), x)
    var_c = array(work, "var_c", (N,), x)
    sqrt_var_c_all = array(work, "sqrt_var_c_all", (T, N), x)
    a_h = array(work, "a_h", (N, n), x)
    tanh_a_h_all = array(work, "tanh_a_h_all", (T, N, n), x)
    sums_h_prev = array(work, "sums_h_prev", (N, 4 * n), x)
    spare_2 = array(work, "spare_2", (N, 4 * n), x)
    spare_3 = array(work, "spare_3", (N, n), x)
    h_states[0] = state["h"]
    c_states[0] = state["c"]
    q_all = product(x, W)  # (1)
    mu_q_all = q_all.mean(axis=-1)  # (2)
    u_all = q_all - mu_q_all[..., None]  # (3)
    u_var_q_all = u_all**2  # (4)
    var_q_all = u_var_q_all.mean(axis=-1)  # (5)
    sqrt_var_q_all = np.sqrt(1e-05 + var_q_all)
    r_all[...] = 0
    for (
        net, h_prev, c_prev, u, r, v, i, f, g, o, c, w, h, sqrt_var_q, sqrt_var_r, sqrt_var_c, tanh_a_h
    ) in zip(
        block,
        h_states[:-1],
        c_states[:-1],
        u_all,
        r_all,
        v_all,
        i_all,
        f_all,
        g_all,
        o_all,
        c_states[1:],
        w_all,
        h_states[1:],
        sqrt_var_q_all,
        sqrt_var_r_all,
        sqrt_var_c_all,
        tanh_a_h_all,
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev.T, out=sums_h_prev)  # (6)
        np.add(net, sums_h_prev, out=net)
        np.copyto(mu_r, r.mean(axis=-1))  # (7)
        np.subtract(r, mu_r[..., None], out=v)  # (8)
        np.square(v, out=u_var_r)  # (9)
        np.copyto(var_r, u_var_r.mean(axis=-1))  # (10)
        np.add(1e-05, var_r, out=sqrt_var_r)
        np.sqrt(sqrt_var_r, out=sqrt_var_r)
        np.multiply(gamma_x, u, out=a)  # (11)
        a /= sqrt_var_q[..., None]
        a += beta_x
        np.multiply(gamma_h, v, out=spare_2)
        spare_2 /= sqrt_var_r[..., None]
        a += spare_2
        a += beta_h
        a += b
        np.copyto(a_i, a[..., :n])  # (12)
        np.multiply(a_i, 0.5, out=i)  # (13)
        np.tanh(i, out=i)
        i *= 0.5
        i += 0.5
        np.copyto(a_f, a[..., n:2 * n])  # (14)
        np.multiply(a_f, 0.5, out=f)  # (15)
        np.tanh(f, out=f)
        f *= 0.5
        f += 0.5
        np.copyto(a_g, a[..., 2 * n:3 * n])  # (16)
        np.tanh(a_g, out=g)  # (17)
        np.copyto(a_o, a[..., 3 * n:4 * n])  # (18)
        np.multiply(a_o, 0.5, out=o)  # (19)
        np.tanh(o, out=o)
        o *= 0.5
        o += 0.5
        np.multiply(c_prev, f, out=c)  # (20)
        np.multiply(i, g, out=spare_3)
        c += spare_3
        np.copyto(mu_c, c.mean(axis=-1))  # (21)
        np.subtract(c, mu_c[..., None], out=w)  # (22)
        np.square(w, out=u_var_c)  # (23)
        np.copyto(var_c, u_var_c.mean(axis=-1))  # (24)
        np.add(1e-05, var_c, out=sqrt_var_c)
        np.sqrt(sqrt_var_c, out=sqrt_var_c)
        np.multiply(gamma_c, w, out=a_h)  # (25)
        a_h /= sqrt_var_c[..., None]
        a_h += beta_c
        np.tanh(a_h, out=tanh_a_h)
        np.multiply(tanh_a_h, o, out=h)  # (26)
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy(), "c": c_states[-1].copy()}, (kept, x, h_states, c_states, u_all, v_all, i_all, f_all, g_all, o_all, w_all, sqrt_var_q_all, sqrt_var_r_all, sqrt_var_c_all, tanh_a_h_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, c_states, u_all, v_all, i_all, f_all, g_all, o_all, w_all, sqrt_var_q_all, sqrt_var_r_all, sqrt_var_c_all, tanh_a_h_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W = params["W"]
    gamma_x = params["gamma_x"]
    gamma_h = params["gamma_h"]
    gamma_c = params["gamma_c"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    n = d_final_state["h"].shape[1]
    delta_block = array(work, "delta_block", (T, N, 4 * n), d_outputs)
    delta_r_all = delta_block[..., :4 * n]
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_a_h_all = array(work, "delta_a_h_all", (T, N, n), d_outputs)
    delta_var_c = array(work, "delta_var_c", (N,), d_outputs)
    delta_u_var_c = array(work, "delta_u_var_c", (N, n), d_outputs)
    delta_w = array(work, "delta_w", (N, n), d_outputs)
    delta_mu_c = array(work, "delta_mu_c", (N,), d_outputs)
    delta_c = array(work, "delta_c", (N, n), d_outputs)
    delta_a_o = array(work, "delta_a_o", (N, n), d_outputs)
    delta_a_g = array(work, "delta_a_g", (N, n), d_outputs)
    delta_a_f = array(work, "delta_a_f", (N, n), d_outputs)
    delta_a_i = array(work, "delta_a_i", (N, n), d_outputs)
    delta_a_all = array(work, "delta_a_all", (T, N, 4 * n), d_outputs)
    delta_var_r = array(work, "delta_var_r", (N,), d_outputs)
    delta_u_var_r = array(work, "delta_u_var_r", (N, 4 * n), d_outputs)
    delta_v = array(work, "delta_v", (N, 4 * n), d_outputs)
    delta_mu_r = array(work, "delta_mu_r", (N,), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    factor_2_all = array(work, "factor_2_all", (T, N, n), d_outputs)
    factor_3_all = array(work, "factor_3_all", (T, N, n), d_outputs)
    factor_4_all = array(work, "factor_4_all", (T, N, n), d_outputs)
    factor_5_all = array(work, "factor_5_all", (T, N, n), d_outputs)
    factor_6_all = array(work, "factor_6_all", (T, N, n), d_outputs)
    factor_7_all = array(work, "factor_7_all", (T, N, 4 * n), d_outputs)
    factor_8_all = array(work, "factor_8_all", (T, N, 4 * n), d_outputs)
    spare_1 = array(work, "spare_1", (N,), d_outputs)
    spare_2 = array(work, "spare_2", (N, n), d_outputs)
    spare_3 = array(work, "spare_3", (N, 4 * n), d_outputs)
    np.square(tanh_a_h_all, out=delta_a_h_all)  # (28)
    np.subtract(1, delta_a_h_all, out=delta_a_h_all)
    delta_a_h_all *= o_all
    np.divide(gamma_c, sqrt_var_c_all[..., None], out=factor_1_all)  # (31)
    np.multiply(w_all, 2, out=factor_2_all)  # (31)
    np.subtract(1, o_all, out=factor_3_all)  # (35)
    factor_3_all *= tanh_a_h_all
    factor_3_all *= o_all
    np.square(g_all, out=factor_4_all)  # (37)
    np.subtract(1, factor_4_all, out=factor_4_all)
    factor_4_all *= i_all
    np.subtract(1, f_all, out=factor_5_all)  # (39)
    factor_5_all *= c_states[:-1]
    factor_5_all *= f_all
    np.subtract(1, i_all, out=factor_6_all)  # (41)
    factor_6_all *= i_all
    factor_6_all *= g_all
    np.divide(gamma_h, sqrt_var_r_all[..., None], out=factor_7_all)  # (45)
    np.multiply(v_all, 2, out=factor_8_all)  # (45)
    carry_h = np.array(d_final_state["h"])
    carry_c = np.array(d_final_state["c"])
    for (
        delta_net, v, f, w, upstream_h, delta_a_h, delta_a, delta_r, sqrt_var_r, sqrt_var_c, factor_1, factor_2, factor_3, factor_4, factor_5, factor_6, factor_7, factor_8
    ) in zip(
        delta_block[::-1],
        v_all[::-1],
        f_all[::-1],
        w_all[::-1],
        d_outputs[::-1],
        delta_a_h_all[::-1],
        delta_a_all[::-1],
        delta_r_all[::-1],
        sqrt_var_r_all[::-1],
        sqrt_var_c_all[::-1],
        factor_1_all[::-1],
        factor_2_all[::-1],
        factor_3_all[::-1],
        factor_4_all[::-1],
        factor_5_all[::-1],
        factor_6_all[::-1],
        factor_7_all[::-1],
        factor_8_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (27)
        delta_a_h *= delta_h  # (28)
        np.copyto(delta_var_c, np.einsum("...i,...i->...", delta_a_h, gamma_c * w))  # (29)
        np.power(sqrt_var_c, 3, out=spare_1)
        delta_var_c /= spare_1
        delta_var_c *= -0.5
        np.copyto(delta_u_var_c, (delta_var_c / n)[..., None])  # (30)
        np.multiply(delta_a_h, factor_1, out=delta_w)  # (31)
        np.multiply(delta_u_var_c, factor_2, out=spare_2)
        delta_w += spare_2
        np.copyto(delta_mu_c, delta_w.sum(axis=-1))  # (32)
        np.multiply(delta_mu_c, -1, out=delta_mu_c)
        np.add(delta_w, (delta_mu_c / n)[..., None], out=delta_c)  # (33)
        delta_c += carry_c
        np.multiply(delta_h, factor_3, out=delta_a_o)  # (35)
        np.multiply(delta_c, factor_4, out=delta_a_g)  # (37)
        np.multiply(delta_c, factor_5, out=delta_a_f)  # (39)
        np.multiply(delta_c, factor_6, out=delta_a_i)  # (41)
        np.copyto(delta_a, embed(delta_a_o, (*delta_a_o.shape[:-1], 4 * n), np.s_[..., 3 * n:4 * n]))  # (42)
        np.copyto(spare_3, embed(delta_a_g, (*delta_a_g.shape[:-1], 4 * n), np.s_[..., 2 * n:3 * n]))
        delta_a += spare_3
        np.copyto(spare_3, embed(delta_a_f, (*delta_a_f.shape[:-1], 4 * n), np.s_[..., n:2 * n]))
        delta_a += spare_3
        np.copyto(spare_3, embed(delta_a_i, (*delta_a_i.shape[:-1], 4 * n), np.s_[..., :n]))
        delta_a += spare_3
        np.copyto(delta_var_r, np.einsum("...i,...i->...", delta_a, gamma_h * v))  # (43)
        np.power(sqrt_var_r, 3, out=spare_1)
        delta_var_r /= spare_1
        delta_var_r *= -0.5
        np.copyto(delta_u_var_r, (0.25 * delta_var_r / n)[..., None])  # (44)
        np.multiply(delta_a, factor_7, out=delta_v)  # (45)
        np.multiply(delta_u_var_r, factor_8, out=spare_3)
        delta_v += spare_3
        np.copyto(delta_mu_r, delta_v.sum(axis=-1))  # (46)
        np.multiply(delta_mu_r, -1, out=delta_mu_r)
        np.add(delta_v, (0.25 * delta_mu_r / n)[..., None], out=delta_r)  # (47)
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (53)
        np.multiply(delta_c, f, out=carry_c)  # (54)
    delta_var_q_all = -0.5 * np.einsum("...i,...i->...", delta_a_all, gamma_x * u_all) / sqrt_var_q_all**3  # (48)
    delta_u_var_q_all = np.broadcast_to((0.25 * delta_var_q_all / n)[..., None], (T, N, 4 * n))  # (49)
    delta_u_all = gamma_x * delta_a_all / sqrt_var_q_all[..., None] + 2 * delta_u_var_q_all * u_all  # (50)
    delta_mu_q_all = -delta_u_all.sum(axis=-1)  # (51)
    delta_q_all = delta_u_all + (0.25 * delta_mu_q_all / n)[..., None]  # (52)
    grads = {
        "W": rows(delta_q_all).T @ rows(x),  # (55)
        "R": rows(delta_r_all).T @ rows(h_states[:-1]),  # (56)
        "gamma_x": (delta_a_all * u_all / sqrt_var_q_all[..., None]).sum(axis=(0, 1)),  # (57)
        "beta_x": delta_a_all.sum(axis=(0, 1)),  # (58)
        "gamma_h": (delta_a_all * v_all / sqrt_var_r_all[..., None]).sum(axis=(0, 1)),  # (59)
        "beta_h": delta_a_all.sum(axis=(0, 1)),  # (60)
        "b": delta_a_all.sum(axis=(0, 1)),  # (61)
        "gamma_c": (delta_a_h_all * w_all / sqrt_var_c_all[..., None]).sum(axis=(0, 1)),  # (62)
        "beta_c": delta_a_h_all.sum(axis=(0, 1)),  # (63)
    }
    d_x = np.array(product(delta_q_all, W.T))
    return grads, d_x, {"h": carry_h, "c": carry_c}


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
        "W": draw((4*n, m)) / (m) ** 0.5,
        "R": draw((4*n, n)) / (n) ** 0.5,
        "gamma_x": draw((4*n,)),
        "beta_x": draw((4*n,)),
        "gamma_h": draw((4*n,)),
        "beta_h": draw((4*n,)),
        "b": draw((4*n,)),
        "gamma_c": draw((n,)),
        "beta_c": draw((n,)),
    }
    x = draw((T, N, m))
    state = {"h": draw((N, n)), "c": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"h": draw((N, n)), "c": draw((N, n))}
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
