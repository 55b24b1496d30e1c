"""slstm: forward and backward pass in NumPy, derived by symrnn.

sLSTM of xLSTM, as its formulas read before they are stabilised (Beck et al. 2024).

params: W_i, W_f, W_z, W_o (n, m); R_i, R_f, R_z, R_o (n, n); b_i, b_f, b_z, b_o (n,)
x: x (T, N, m)
state: h (N, n); c (N, n); n (N, n)
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


def sigmoid(a):
    """1 / (1 + exp(-a)) without overflow."""
    decay = np.exp(np.where(a >= 0, -a, a))
    return np.where(a >= 0, 1, decay) / (1 + decay)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    R_i = params["R_i"]
    W_f = params["W_f"]
    R_f = params["R_f"]
    W_z = params["W_z"]
    R_z = params["R_z"]
    W_o = params["W_o"]
    R_o = params["R_o"]
    return {
        "params": params,
        "weight_h_prev": np.concatenate([R_o, R_z, R_i, R_f]),
        "weight_h_prev_half": np.concatenate([0.5 * R_o, R_z, R_i, R_f]),
        "weight_x_t": np.concatenate([W_o, W_z, W_f]),
        "weight_x_t_half": np.concatenate([0.5 * W_o, W_z, W_f]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W_i = params["W_i"]
    b_i = params["b_i"]
    b_f = params["b_f"]
    b_z = params["b_z"]
    b_o = params["b_o"]
    weight_h_prev_half = packed["weight_h_prev_half"]
    weight_x_t_half = packed["weight_x_t_half"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    c_states = array(work, "c_states", (T + 1, N, dim_n), x)
    n_states = array(work, "n_states", (T + 1, N, dim_n), x)
    block = array(work, "block", (T, N, 4 * dim_n), x)
    o_all = block[..., :dim_n]
    z_all = block[..., dim_n:2 * dim_n]
    u_i_2_all = block[..., 2 * dim_n:3 * dim_n]
    a_f_all = block[..., 3 * dim_n:4 * dim_n]
    i_all = array(work, "i_all", (T, N, dim_n), x)
    f_all = array(work, "f_all", (T, N, dim_n), x)
    sums_h_prev = array(work, "sums_h_prev", (N, 4 * dim_n), x)
    spare_2 = array(work, "spare_2", (N, dim_n), x)
    h_states[0] = state["h"]
    c_states[0] = state["c"]
    n_states[0] = state["n"]
    u_i_all = product(x, W_i)  # (1)
    input_sums = product(x, weight_x_t_half)
    o_all[...] = input_sums[..., :dim_n]
    z_all[...] = input_sums[..., dim_n:2 * dim_n]
    a_f_all[...] = input_sums[..., 2 * dim_n:3 * dim_n]
    o_all += 0.5 * b_o
    z_all += b_z
    u_i_2_all[...] = 0
    a_f_all += b_f
    for net, h_prev, c_prev, n_prev, i, f, z, o, c, n, h, u_i, u_i_2, a_f in zip(
        block,
        h_states[:-1],
        c_states[:-1],
        n_states[:-1],
        i_all,
        f_all,
        z_all,
        o_all,
        c_states[1:],
        n_states[1:],
        h_states[1:],
        u_i_all,
        u_i_2_all,
        a_f_all,
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (2) (4) (6) (8)
        np.add(net, sums_h_prev, out=net)
        np.tanh(net[..., :2 * dim_n], out=net[..., :2 * dim_n])  # (7) (9)
        gates = net[..., :dim_n]
        gates *= 0.5
        gates += 0.5
        np.add(b_i, u_i, out=i)  # (3)
        i += u_i_2
        np.exp(i, out=i)
        np.copyto(f, sigmoid(a_f))  # (5)
        np.multiply(c_prev, f, out=c)  # (10)
        np.multiply(i, z, out=spare_2)
        c += spare_2
        np.multiply(n_prev, f, out=n)  # (11)
        n += i
        np.multiply(o, c, out=h)  # (12)
        h /= n
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy(), "c": c_states[-1].copy(), "n": n_states[-1].copy()}, (kept, x, h_states, c_states, n_states, i_all, f_all, block)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, c_states, n_states, i_all, f_all, block = tape
    work = {} if work is None else work
    params = packed["params"]
    W_i = params["W_i"]
    W_f = params["W_f"]
    W_z = params["W_z"]
    W_o = params["W_o"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    o_all = block[..., :dim_n]
    z_all = block[..., dim_n:2 * dim_n]
    delta_block = array(work, "delta_block", (T, N, 4 * dim_n), d_outputs)
    delta_a_o_all = delta_block[..., :dim_n]
    delta_a_z_all = delta_block[..., dim_n:2 * dim_n]
    delta_u_i_2_all = delta_block[..., 2 * dim_n:3 * dim_n]
    delta_a_f_all = delta_block[..., 3 * dim_n:4 * dim_n]
    delta_h = array(work, "delta_h", (N, dim_n), d_outputs)
    delta_n = array(work, "delta_n", (N, dim_n), d_outputs)
    delta_c = array(work, "delta_c", (N, dim_n), d_outputs)
    delta_f = array(work, "delta_f", (N, dim_n), d_outputs)
    delta_i_all = array(work, "delta_i_all", (T, N, dim_n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, dim_n), d_outputs)
    factor_2_all = array(work, "factor_2_all", (T, N, dim_n), d_outputs)
    spare_all_1 = array(work, "spare_all_1", (T, N, dim_n), d_outputs)
    spare_1 = array(work, "spare_1", (N, dim_n), d_outputs)
    np.multiply(o_all, c_states[1:], out=factor_1_all)  # (14)
    np.square(n_states[1:], out=spare_all_1)
    factor_1_all /= spare_all_1
    np.multiply(factor_1_all, -1, out=factor_1_all)
    np.divide(o_all, n_states[1:], out=factor_2_all)  # (15)
    np.subtract(1, o_all, out=delta_a_o_all)  # (17)
    delta_a_o_all *= o_all
    delta_a_o_all *= c_states[1:]
    delta_a_o_all /= n_states[1:]
    np.square(z_all, out=delta_a_z_all)  # (19)
    np.subtract(1, delta_a_z_all, out=delta_a_z_all)
    delta_a_z_all *= i_all
    np.subtract(1, f_all, out=delta_a_f_all)  # (21)
    delta_a_f_all *= f_all
    carry_h = np.array(d_final_state["h"])
    carry_c = np.array(d_final_state["c"])
    carry_n = np.array(d_final_state["n"])
    for (
        delta_net, c_prev, n_prev, i, f, z, upstream_h, delta_a_o, delta_a_z, delta_a_f, delta_i, delta_u_i_2, factor_1, factor_2
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
        delta_i_all[::-1],
        delta_u_i_2_all[::-1],
        factor_1_all[::-1],
        factor_2_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (13)
        np.multiply(delta_h, factor_1, out=delta_n)  # (14)
        delta_n += carry_n
        np.multiply(delta_h, factor_2, out=delta_c)  # (15)
        delta_c += carry_c
        delta_a_o *= delta_h  # (17)
        delta_a_z *= delta_c  # (19)
        np.multiply(delta_n, n_prev, out=delta_f)  # (20)
        np.multiply(delta_c, c_prev, out=spare_1)
        delta_f += spare_1
        delta_a_f *= delta_f  # (21)
        np.multiply(delta_c, z, out=delta_i)  # (22)
        delta_i += delta_n
        np.multiply(delta_i, i, out=delta_u_i_2)  # (23)
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (25)
        np.multiply(delta_c, f, out=carry_c)  # (26)
        np.multiply(delta_n, f, out=carry_n)  # (27)
    delta_u_i_all = delta_i_all * i_all  # (24)
    grad_weight_h_prev = rows(delta_block).T @ rows(h_states[:-1])
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_i": rows(delta_u_i_all).T @ rows(x),  # (28)
        "R_i": grad_weight_h_prev[2 * dim_n:3 * dim_n],  # (29)
        "b_i": np.einsum("tni,tni->i", delta_i_all, i_all),  # (30)
        "W_f": rows(delta_a_f_all).T @ rows(x),  # (31)
        "R_f": grad_weight_h_prev[3 * dim_n:4 * dim_n],  # (32)
        "b_f": grad_net[3 * dim_n:4 * dim_n],  # (33)
        "W_z": rows(delta_a_z_all).T @ rows(x),  # (34)
        "R_z": grad_weight_h_prev[dim_n:2 * dim_n],  # (35)
        "b_z": grad_net[dim_n:2 * dim_n],  # (36)
        "W_o": rows(delta_a_o_all).T @ rows(x),  # (37)
        "R_o": grad_weight_h_prev[:dim_n],  # (38)
        "b_o": grad_net[:dim_n],  # (39)
    }
    d_x = np.array(product(delta_u_i_all, W_i.T) + product(delta_a_f_all, W_f.T) + product(delta_a_z_all, W_z.T) + product(delta_a_o_all, W_o.T))
    return grads, d_x, {"h": carry_h, "c": carry_c, "n": carry_n}


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
    state = {"h": draw((N, n)), "c": draw((N, n)), "n": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"h": draw((N, n)), "c": draw((N, n)), "n": draw((N, n))}
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
