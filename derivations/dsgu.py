"""dsgu: forward and backward pass in NumPy, derived by symrnn.

Deep simple gated unit (Gao & Glowacka 2016).

params: W_q, W_z (n, m); b_q, b_z (n,); R_p, R_n, R_z (n, n)
x: x (T, N, m)
state: h (N, n)
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


def strictly_inside(a, lower, upper):
    """1 strictly within the bounds, 0 elsewhere."""
    return ((lower < a) & (a < upper)).astype(a.dtype)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    R_p = params["R_p"]
    R_n = params["R_n"]
    W_z = params["W_z"]
    R_z = params["R_z"]
    return {
        "params": params,
        "weight_u_p": R_p,
        "weight_u_n": R_n,
        "weight_u_n_half": np.concatenate([0.5 * R_n]),
        "weight_x_t": W_z,
        "weight_h_prev": R_z,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W_q = params["W_q"]
    b_q = params["b_q"]
    b_z = params["b_z"]
    weight_u_p = packed["weight_u_p"]
    weight_u_n_half = packed["weight_u_n_half"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    block = array(work, "block", (T, N, 3 * dim_n), x)
    p_all = block[..., :dim_n]
    n_all = block[..., dim_n:2 * dim_n]
    a_z_all = block[..., 2 * dim_n:3 * dim_n]
    u_p_all = array(work, "u_p_all", (T, N, dim_n), x)
    u_n_all = array(work, "u_n_all", (T, N, dim_n), x)
    z_all = array(work, "z_all", (T, N, dim_n), x)
    sums_h_prev = array(work, "sums_h_prev", (N, dim_n), x)
    sums_u_p = array(work, "sums_u_p", (N, dim_n), x)
    sums_u_n = array(work, "sums_u_n", (N, dim_n), x)
    spare_4 = array(work, "spare_4", (N, dim_n), x)
    h_states[0] = state["h"]
    q_all = product(x, W_q) + b_q  # (1)
    input_sums = product(x, weight_x_t)
    a_z_all[...] = input_sums[..., :dim_n]
    p_all[...] = 0
    n_all[...] = 0
    a_z_all += b_z
    for net, h_prev, q, p, n, z, h, u_p, u_n, a_z in zip(
        block,
        h_states[:-1],
        q_all,
        p_all,
        n_all,
        z_all,
        h_states[1:],
        u_p_all,
        u_n_all,
        a_z_all,
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev.T, out=sums_h_prev)  # (8)
        np.add(net[..., 2 * dim_n:3 * dim_n], sums_h_prev, out=net[..., 2 * dim_n:3 * dim_n])
        np.multiply(h_prev, q, out=u_p)  # (2)
        np.matmul(u_p, weight_u_p.T, out=sums_u_p)  # (3)
        np.add(net[..., :dim_n], sums_u_p, out=net[..., :dim_n])
        np.tanh(p, out=p)  # (4)
        np.multiply(h_prev, p, out=u_n)  # (5)
        np.matmul(u_n, weight_u_n_half.T, out=sums_u_n)  # (6)
        np.add(net[..., dim_n:2 * dim_n], sums_u_n, out=net[..., dim_n:2 * dim_n])
        np.tanh(n, out=n)  # (7)
        n *= 0.5
        n += 0.5
        np.copyto(z, np.clip(a_z / 6 + 0.5, 0, 1))  # (9)
        np.subtract(1, z, out=h)  # (10)
        h *= h_prev
        np.multiply(n, z, out=spare_4)
        h += spare_4
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_u_p", "weight_u_n", "weight_x_t", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, q_all, block, z_all, u_p_all, u_n_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, q_all, block, z_all, u_p_all, u_n_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_q = params["W_q"]
    weight_u_p = packed["weight_u_p"]
    weight_u_n = packed["weight_u_n"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    p_all = block[..., :dim_n]
    n_all = block[..., dim_n:2 * dim_n]
    a_z_all = block[..., 2 * dim_n:3 * dim_n]
    delta_block = array(work, "delta_block", (T, N, 3 * dim_n), d_outputs)
    delta_a_p_all = delta_block[..., :dim_n]
    delta_a_n_all = delta_block[..., dim_n:2 * dim_n]
    delta_a_z_all = delta_block[..., 2 * dim_n:3 * dim_n]
    delta_h = array(work, "delta_h", (N, dim_n), d_outputs)
    delta_u_n = array(work, "delta_u_n", (N, dim_n), d_outputs)
    delta_u_p_all = array(work, "delta_u_p_all", (T, N, dim_n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, dim_n), d_outputs)
    delta_gates_all = delta_block[..., dim_n:3 * dim_n].reshape(T, N, 2, dim_n)
    spare_all_1 = array(work, "spare_all_1", (T, N, dim_n), d_outputs)
    spare_1 = array(work, "spare_1", (N, dim_n), d_outputs)
    np.subtract(n_all, h_states[:-1], out=delta_a_z_all)  # (13)
    np.copyto(spare_all_1, strictly_inside(a_z_all, -3, 3))
    delta_a_z_all *= spare_all_1
    delta_a_z_all *= 1 / 6
    np.subtract(1, n_all, out=delta_a_n_all)  # (15)
    delta_a_n_all *= n_all
    delta_a_n_all *= z_all
    np.square(p_all, out=delta_a_p_all)  # (18)
    np.subtract(1, delta_a_p_all, out=delta_a_p_all)
    delta_a_p_all *= h_states[:-1]
    np.subtract(1, z_all, out=factor_1_all)  # (21)
    carry_h = np.array(d_final_state["h"])
    for delta_net, delta_gates, q, p, upstream_h, delta_a_p, delta_u_p, factor_1 in zip(
        delta_block[::-1],
        delta_gates_all[::-1],
        q_all[::-1],
        p_all[::-1],
        d_outputs[::-1],
        delta_a_p_all[::-1],
        delta_u_p_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (11)
        delta_gates *= delta_h[:, None]  # (13) (15)
        np.matmul(delta_net[..., dim_n:2 * dim_n], weight_u_n, out=delta_u_n)  # (16)
        delta_a_p *= delta_u_n  # (18)
        np.matmul(delta_net[..., :dim_n], weight_u_p, out=delta_u_p)  # (19)
        np.matmul(delta_net[..., 2 * dim_n:3 * dim_n], weight_h_prev, out=carry_h)  # (21)
        np.multiply(delta_u_p, q, out=spare_1)
        carry_h += spare_1
        np.multiply(delta_u_n, p, out=spare_1)
        carry_h += spare_1
        np.multiply(delta_h, factor_1, out=spare_1)
        carry_h += spare_1
    delta_q_all = delta_u_p_all * h_states[:-1]  # (20)
    grads = {
        "W_q": rows(delta_q_all).T @ rows(x),  # (22)
        "b_q": delta_q_all.sum(axis=(0, 1)),  # (23)
        "R_p": rows(delta_a_p_all).T @ rows(u_p_all),  # (24)
        "R_n": rows(delta_a_n_all).T @ rows(u_n_all),  # (25)
        "W_z": rows(delta_a_z_all).T @ rows(x),  # (26)
        "R_z": rows(delta_a_z_all).T @ rows(h_states[:-1]),  # (27)
        "b_z": delta_a_z_all.sum(axis=(0, 1)),  # (28)
    }
    d_x = product(delta_block[..., 2 * dim_n:3 * dim_n], weight_x_t.T) + product(delta_q_all, W_q.T)
    return grads, d_x, {"h": carry_h}


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
        "W_q": draw((n, m)) / (m) ** 0.5,
        "b_q": draw((n,)),
        "R_p": draw((n, n)) / (n) ** 0.5,
        "R_n": draw((n, n)) / (n) ** 0.5,
        "W_z": draw((n, m)) / (m) ** 0.5,
        "R_z": draw((n, n)) / (n) ** 0.5,
        "b_z": draw((n,)),
    }
    x = draw((T, N, m))
    state = {"h": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"h": draw((N, n))}
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
