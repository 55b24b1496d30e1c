"""lstm_stacked: forward and backward pass in NumPy, derived by symrnn.

LSTM with a single matrix for all gates, over [h, x] (Gers, Schmidhuber & Cummins 2000).

params: W (4*n, m + n); b (4*n,)
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


def embed(piece, shape, place):
    """Zeros of the shape with the piece in its place: the adjoint of a slice."""
    full = np.zeros(shape, dtype=piece.dtype)
    full[place] = piece
    return full


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    W = params["W"]
    b = params["b"]
    return {
        "params": params,
        "weight_z": W,
        "net_bias": np.concatenate([b]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    weight_z = packed["weight_z"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    m = x.shape[2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    c_states = array(work, "c_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, 4 * n), x)
    a_all = block[..., :4 * n]
    z_all = array(work, "z_all", (T, N, m + n), x)
    a_i = array(work, "a_i", (N, n), x)
    i_all = array(work, "i_all", (T, N, n), x)
    a_f = array(work, "a_f", (N, n), x)
    f_all = array(work, "f_all", (T, N, n), x)
    a_g = array(work, "a_g", (N, n), x)
    g_all = array(work, "g_all", (T, N, n), x)
    a_o = array(work, "a_o", (N, n), x)
    o_all = array(work, "o_all", (T, N, n), x)
    tanh_c_all = array(work, "tanh_c_all", (T, N, n), x)
    sums_z = array(work, "sums_z", (N, 4 * n), x)
    spare_2 = array(work, "spare_2", (N, n), x)
    h_states[0] = state["h"]
    c_states[0] = state["c"]
    a_all[...] = 0
    block += net_bias
    for net, x_t, h_prev, c_prev, z, a, i, f, g, o, c, h, tanh_c in zip(
        block,
        x,
        h_states[:-1],
        c_states[:-1],
        z_all,
        a_all,
        i_all,
        f_all,
        g_all,
        o_all,
        c_states[1:],
        h_states[1:],
        tanh_c_all,
        strict=True,
    ):
        np.copyto(z, np.concatenate([h_prev, x_t], axis=-1))  # (1)
        np.matmul(z, weight_z.T, out=sums_z)  # (2)
        np.add(net, sums_z, out=net)
        np.copyto(a_i, a[..., :n])  # (3)
        np.multiply(a_i, 0.5, out=i)  # (4)
        np.tanh(i, out=i)
        i *= 0.5
        i += 0.5
        np.copyto(a_f, a[..., n:2 * n])  # (5)
        np.multiply(a_f, 0.5, out=f)  # (6)
        np.tanh(f, out=f)
        f *= 0.5
        f += 0.5
        np.copyto(a_g, a[..., 2 * n:3 * n])  # (7)
        np.tanh(a_g, out=g)  # (8)
        np.copyto(a_o, a[..., 3 * n:4 * n])  # (9)
        np.multiply(a_o, 0.5, out=o)  # (10)
        np.tanh(o, out=o)
        o *= 0.5
        o += 0.5
        np.multiply(c_prev, f, out=c)  # (11)
        np.multiply(i, g, out=spare_2)
        c += spare_2
        np.tanh(c, out=tanh_c)
        np.multiply(tanh_c, o, out=h)  # (12)
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("weight_z",)}
    return outputs, {"h": h_states[-1].copy(), "c": c_states[-1].copy()}, (kept, x, c_states, z_all, i_all, f_all, g_all, o_all, tanh_c_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, c_states, z_all, i_all, f_all, g_all, o_all, tanh_c_all = tape
    work = {} if work is None else work
    weight_z = packed["weight_z"]
    T, N = x.shape[:2]
    m = x.shape[2]
    n = d_final_state["h"].shape[1]
    delta_block = array(work, "delta_block", (T, N, 4 * n), d_outputs)
    delta_a_all = delta_block[..., :4 * n]
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_c = array(work, "delta_c", (N, n), d_outputs)
    delta_a_o = array(work, "delta_a_o", (N, n), d_outputs)
    delta_a_g = array(work, "delta_a_g", (N, n), d_outputs)
    delta_a_f = array(work, "delta_a_f", (N, n), d_outputs)
    delta_a_i = array(work, "delta_a_i", (N, n), d_outputs)
    delta_z_all = array(work, "delta_z_all", (T, N, m + n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    factor_2_all = array(work, "factor_2_all", (T, N, n), d_outputs)
    factor_3_all = array(work, "factor_3_all", (T, N, n), d_outputs)
    factor_4_all = array(work, "factor_4_all", (T, N, n), d_outputs)
    factor_5_all = array(work, "factor_5_all", (T, N, n), d_outputs)
    spare_1 = array(work, "spare_1", (N, 4 * n), d_outputs)
    np.square(tanh_c_all, out=factor_1_all)  # (14)
    np.subtract(1, factor_1_all, out=factor_1_all)
    factor_1_all *= o_all
    np.subtract(1, o_all, out=factor_2_all)  # (16)
    factor_2_all *= tanh_c_all
    factor_2_all *= o_all
    np.square(g_all, out=factor_3_all)  # (18)
    np.subtract(1, factor_3_all, out=factor_3_all)
    factor_3_all *= i_all
    np.subtract(1, f_all, out=factor_4_all)  # (20)
    factor_4_all *= c_states[:-1]
    factor_4_all *= f_all
    np.subtract(1, i_all, out=factor_5_all)  # (22)
    factor_5_all *= i_all
    factor_5_all *= g_all
    carry_h = np.array(d_final_state["h"])
    carry_c = np.array(d_final_state["c"])
    for (
        delta_net, f, upstream_h, delta_a, delta_z, factor_1, factor_2, factor_3, factor_4, factor_5
    ) in zip(
        delta_block[::-1],
        f_all[::-1],
        d_outputs[::-1],
        delta_a_all[::-1],
        delta_z_all[::-1],
        factor_1_all[::-1],
        factor_2_all[::-1],
        factor_3_all[::-1],
        factor_4_all[::-1],
        factor_5_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (13)
        np.multiply(delta_h, factor_1, out=delta_c)  # (14)
        delta_c += carry_c
        np.multiply(delta_h, factor_2, out=delta_a_o)  # (16)
        np.multiply(delta_c, factor_3, out=delta_a_g)  # (18)
        np.multiply(delta_c, factor_4, out=delta_a_f)  # (20)
        np.multiply(delta_c, factor_5, out=delta_a_i)  # (22)
        np.copyto(delta_a, embed(delta_a_o, (*delta_a_o.shape[:-1], 4 * n), np.s_[..., 3 * n:4 * n]))  # (23)
        np.copyto(spare_1, embed(delta_a_g, (*delta_a_g.shape[:-1], 4 * n), np.s_[..., 2 * n:3 * n]))
        delta_a += spare_1
        np.copyto(spare_1, embed(delta_a_f, (*delta_a_f.shape[:-1], 4 * n), np.s_[..., n:2 * n]))
        delta_a += spare_1
        np.copyto(spare_1, embed(delta_a_i, (*delta_a_i.shape[:-1], 4 * n), np.s_[..., :n]))
        delta_a += spare_1
        np.matmul(delta_net, weight_z, out=delta_z)  # (24)
        np.copyto(carry_h, delta_z[..., :n])  # (25)
        np.multiply(delta_c, f, out=carry_c)  # (26)
    grads = {
        "W": rows(delta_a_all).T @ rows(z_all),  # (27)
        "b": delta_a_all.sum(axis=(0, 1)),  # (28)
    }
    d_x = np.array(delta_z_all[..., n:m + n])
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
        "W": draw((4*n, m + n)) / (m + n) ** 0.5,
        "b": draw((4*n,)),
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
