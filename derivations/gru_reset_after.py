"""gru_reset_after: forward and backward pass in NumPy, derived by symrnn.

GRU with the reset gate after the product (Cho et al. 2014, as in the first version on arXiv).

params: W_z, W_r, W_n (n, m); R_z, R_r, R_n (n, n); b_z, b_r, b_Rn, b_Wn (n,)
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


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    W_z = params["W_z"]
    R_z = params["R_z"]
    b_z = params["b_z"]
    W_r = params["W_r"]
    R_r = params["R_r"]
    b_r = params["b_r"]
    R_n = params["R_n"]
    b_Rn = params["b_Rn"]
    W_n = params["W_n"]
    b_Wn = params["b_Wn"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_z, W_r, W_n]),
        "weight_x_t_half": np.concatenate([0.5 * W_z, 0.5 * W_r, W_n]),
        "weight_h_prev": np.concatenate([R_z, R_r, R_n]),
        "weight_h_prev_half": np.concatenate([0.5 * R_z, 0.5 * R_r, R_n]),
        "net_bias": np.concatenate([0.5 * b_z, 0.5 * b_r, b_Rn, b_Wn]),
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
    block = array(work, "block", (T, N, 4 * dim_n), x)
    z_all = block[..., :dim_n]
    r_all = block[..., dim_n:2 * dim_n]
    q_all = block[..., 2 * dim_n:3 * dim_n]
    n_all = block[..., 3 * dim_n:4 * dim_n]
    sums_h_prev = array(work, "sums_h_prev", (N, 3 * dim_n), x)
    spare_2 = array(work, "spare_2", (N, dim_n), x)
    h_states[0] = state["h"]
    input_sums = product(x, weight_x_t_half)
    z_all[...] = input_sums[..., :dim_n]
    r_all[...] = input_sums[..., dim_n:2 * dim_n]
    n_all[...] = input_sums[..., 2 * dim_n:3 * dim_n]
    q_all[...] = 0
    block += net_bias
    for net, h_prev, z, r, q, n, h in zip(
        block,
        h_states[:-1],
        z_all,
        r_all,
        q_all,
        n_all,
        h_states[1:],
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (1) (3) (5)
        np.add(net[..., :3 * dim_n], sums_h_prev, out=net[..., :3 * dim_n])
        np.tanh(net[..., :2 * dim_n], out=net[..., :2 * dim_n])  # (2) (4)
        gates = net[..., :2 * dim_n]
        gates *= 0.5
        gates += 0.5
        np.multiply(r, q, out=spare_2)
        n += spare_2
        np.tanh(n, out=n)  # (7)
        np.subtract(1, z, out=h)  # (8)
        h *= n
        np.multiply(h_prev, z, out=spare_2)
        h += spare_2
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, block)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, block = tape
    work = {} if work is None else work
    params = packed["params"]
    W_z = params["W_z"]
    W_r = params["W_r"]
    W_n = params["W_n"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    z_all = block[..., :dim_n]
    r_all = block[..., dim_n:2 * dim_n]
    q_all = block[..., 2 * dim_n:3 * dim_n]
    n_all = block[..., 3 * dim_n:4 * dim_n]
    delta_block = array(work, "delta_block", (T, N, 4 * dim_n), d_outputs)
    delta_a_z_all = delta_block[..., :dim_n]
    delta_a_r_all = delta_block[..., dim_n:2 * dim_n]
    delta_q_all = delta_block[..., 2 * dim_n:3 * dim_n]
    delta_a_n_all = delta_block[..., 3 * dim_n:4 * dim_n]
    delta_h = array(work, "delta_h", (N, dim_n), d_outputs)
    spare_all_1 = array(work, "spare_all_1", (T, N, dim_n), d_outputs)
    spare_1 = array(work, "spare_1", (N, dim_n), d_outputs)
    np.subtract(1, z_all, out=delta_a_n_all)  # (11)
    np.square(n_all, out=spare_all_1)
    np.subtract(1, spare_all_1, out=spare_all_1)
    delta_a_n_all *= spare_all_1
    np.subtract(1, r_all, out=delta_a_r_all)  # (14)
    delta_a_r_all *= r_all
    delta_a_r_all *= q_all
    np.subtract(h_states[:-1], n_all, out=delta_a_z_all)  # (16)
    delta_a_z_all *= z_all
    np.subtract(1, z_all, out=spare_all_1)
    delta_a_z_all *= spare_all_1
    carry_h = np.array(d_final_state["h"])
    for delta_net, z, r, upstream_h, delta_a_n, delta_q, delta_a_r, delta_a_z in zip(
        delta_block[::-1],
        z_all[::-1],
        r_all[::-1],
        d_outputs[::-1],
        delta_a_n_all[::-1],
        delta_q_all[::-1],
        delta_a_r_all[::-1],
        delta_a_z_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (9)
        delta_a_n *= delta_h  # (11)
        np.multiply(delta_a_n, r, out=delta_q)  # (12)
        delta_a_r *= delta_a_n  # (14)
        delta_a_z *= delta_h  # (16)
        np.matmul(delta_net[..., :3 * dim_n], weight_h_prev, out=carry_h)  # (17)
        np.multiply(delta_h, z, out=spare_1)
        carry_h += spare_1
    grad_weight_h_prev = rows(delta_block[..., :3 * dim_n]).T @ rows(h_states[:-1])
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_z": rows(delta_a_z_all).T @ rows(x),  # (18)
        "R_z": grad_weight_h_prev[:dim_n],  # (19)
        "b_z": grad_net[:dim_n],  # (20)
        "W_r": rows(delta_a_r_all).T @ rows(x),  # (21)
        "R_r": grad_weight_h_prev[dim_n:2 * dim_n],  # (22)
        "b_r": grad_net[dim_n:2 * dim_n],  # (23)
        "R_n": grad_weight_h_prev[2 * dim_n:3 * dim_n],  # (24)
        "b_Rn": grad_net[2 * dim_n:3 * dim_n],  # (25)
        "W_n": rows(delta_a_n_all).T @ rows(x),  # (26)
        "b_Wn": grad_net[3 * dim_n:4 * dim_n],  # (27)
    }
    d_x = np.array(product(delta_a_z_all, W_z.T) + product(delta_a_r_all, W_r.T) + product(delta_a_n_all, W_n.T))
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
        "W_z": draw((n, m)) / (m) ** 0.5,
        "R_z": draw((n, n)) / (n) ** 0.5,
        "b_z": draw((n,)),
        "W_r": draw((n, m)) / (m) ** 0.5,
        "R_r": draw((n, n)) / (n) ** 0.5,
        "b_r": draw((n,)),
        "R_n": draw((n, n)) / (n) ** 0.5,
        "b_Rn": draw((n,)),
        "W_n": draw((n, m)) / (m) ** 0.5,
        "b_Wn": draw((n,)),
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
