"""gru_update: forward and backward pass in NumPy, derived by symrnn.

GRU in which z lets the new in (Chung et al. 2014), with the reset gate before the product.

params: W_z, W_r, W_n (n, m); R_z, R_r, R_n (n, n); b_z, b_r, b_n (n,)
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
    W_n = params["W_n"]
    R_n = params["R_n"]
    b_n = params["b_n"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_r, W_z, W_n]),
        "weight_x_t_half": np.concatenate([0.5 * W_r, 0.5 * W_z, W_n]),
        "weight_h_prev": np.concatenate([R_r, R_z]),
        "weight_h_prev_half": np.concatenate([0.5 * R_r, 0.5 * R_z]),
        "weight_u_n": R_n,
        "net_bias": np.concatenate([0.5 * b_r, 0.5 * b_z, b_n]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    weight_x_t_half = packed["weight_x_t_half"]
    weight_h_prev_half = packed["weight_h_prev_half"]
    weight_u_n = packed["weight_u_n"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    block = array(work, "block", (T, N, 3 * dim_n), x)
    r_all = block[..., :dim_n]
    z_all = block[..., dim_n:2 * dim_n]
    n_all = block[..., 2 * dim_n:3 * dim_n]
    u_n_all = array(work, "u_n_all", (T, N, dim_n), x)
    sums_h_prev = array(work, "sums_h_prev", (N, 2 * dim_n), x)
    sums_u_n = array(work, "sums_u_n", (N, dim_n), x)
    spare_3 = array(work, "spare_3", (N, dim_n), x)
    h_states[0] = state["h"]
    np.matmul(rows(x), weight_x_t_half.T, out=rows(block))  # (1) (3) (6)
    block += net_bias
    for net, h_prev, z, r, n, h, u_n in zip(
        block,
        h_states[:-1],
        z_all,
        r_all,
        n_all,
        h_states[1:],
        u_n_all,
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (1) (3)
        np.add(net[..., :2 * dim_n], sums_h_prev, out=net[..., :2 * dim_n])
        np.tanh(net[..., :2 * dim_n], out=net[..., :2 * dim_n])  # (2) (4)
        gates = net[..., :2 * dim_n]
        gates *= 0.5
        gates += 0.5
        np.multiply(h_prev, r, out=u_n)  # (5)
        np.matmul(u_n, weight_u_n.T, out=sums_u_n)  # (6)
        np.add(net[..., 2 * dim_n:3 * dim_n], sums_u_n, out=net[..., 2 * dim_n:3 * dim_n])
        np.tanh(n, out=n)  # (7)
        np.subtract(1, z, out=h)  # (8)
        h *= h_prev
        np.multiply(z, n, out=spare_3)
        h += spare_3
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("weight_x_t", "weight_h_prev", "weight_u_n")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, block, u_n_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, block, u_n_all = tape
    work = {} if work is None else work
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    weight_u_n = packed["weight_u_n"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    r_all = block[..., :dim_n]
    z_all = block[..., dim_n:2 * dim_n]
    n_all = block[..., 2 * dim_n:3 * dim_n]
    delta_block = array(work, "delta_block", (T, N, 3 * dim_n), d_outputs)
    delta_a_r_all = delta_block[..., :dim_n]
    delta_a_z_all = delta_block[..., dim_n:2 * dim_n]
    delta_a_n_all = delta_block[..., 2 * dim_n:3 * dim_n]
    delta_h = array(work, "delta_h", (N, dim_n), d_outputs)
    delta_u_n = array(work, "delta_u_n", (N, dim_n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, dim_n), d_outputs)
    spare_all_1 = array(work, "spare_all_1", (T, N, dim_n), d_outputs)
    spare_1 = array(work, "spare_1", (N, dim_n), d_outputs)
    np.square(n_all, out=delta_a_n_all)  # (11)
    np.subtract(1, delta_a_n_all, out=delta_a_n_all)
    delta_a_n_all *= z_all
    np.subtract(1, r_all, out=delta_a_r_all)  # (14)
    delta_a_r_all *= h_states[:-1]
    delta_a_r_all *= r_all
    np.subtract(n_all, h_states[:-1], out=delta_a_z_all)  # (16)
    delta_a_z_all *= z_all
    np.subtract(1, z_all, out=spare_all_1)
    delta_a_z_all *= spare_all_1
    np.subtract(1, z_all, out=factor_1_all)  # (17)
    carry_h = np.array(d_final_state["h"])
    for delta_net, r, upstream_h, delta_a_n, delta_a_r, delta_a_z, factor_1 in zip(
        delta_block[::-1],
        r_all[::-1],
        d_outputs[::-1],
        delta_a_n_all[::-1],
        delta_a_r_all[::-1],
        delta_a_z_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (9)
        delta_a_n *= delta_h  # (11)
        np.matmul(delta_net[..., 2 * dim_n:3 * dim_n], weight_u_n, out=delta_u_n)  # (12)
        delta_a_r *= delta_u_n  # (14)
        delta_a_z *= delta_h  # (16)
        np.matmul(delta_net[..., :2 * dim_n], weight_h_prev, out=carry_h)  # (17)
        np.multiply(delta_u_n, r, out=spare_1)
        carry_h += spare_1
        np.multiply(delta_h, factor_1, out=spare_1)
        carry_h += spare_1
    grad_weight_x_t = rows(delta_block).T @ rows(x)
    grad_weight_h_prev = rows(delta_block[..., :2 * dim_n]).T @ rows(h_states[:-1])
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_z": grad_weight_x_t[dim_n:2 * dim_n],  # (18)
        "R_z": grad_weight_h_prev[dim_n:2 * dim_n],  # (19)
        "b_z": grad_net[dim_n:2 * dim_n],  # (20)
        "W_r": grad_weight_x_t[:dim_n],  # (21)
        "R_r": grad_weight_h_prev[:dim_n],  # (22)
        "b_r": grad_net[:dim_n],  # (23)
        "W_n": grad_weight_x_t[2 * dim_n:3 * dim_n],  # (24)
        "R_n": rows(delta_a_n_all).T @ rows(u_n_all),  # (25)
        "b_n": grad_net[2 * dim_n:3 * dim_n],  # (26)
    }
    d_x = product(delta_block, weight_x_t.T)
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
        "W_n": draw((n, m)) / (m) ** 0.5,
        "R_n": draw((n, n)) / (n) ** 0.5,
        "b_n": draw((n,)),
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
