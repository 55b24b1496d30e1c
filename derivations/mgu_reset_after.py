"""mgu_reset_after: forward and backward pass in NumPy, derived by symrnn.

Minimal gated unit as Flax computes it (Zhou, Wu, Zhang & Zhou 2016, reset after the product).

params: W_f, W_n (n, m); R_f, R_n (n, n); b_f, b_Rn, b_Wn (n,)
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
    W_f = params["W_f"]
    R_f = params["R_f"]
    b_f = params["b_f"]
    R_n = params["R_n"]
    b_Rn = params["b_Rn"]
    W_n = params["W_n"]
    b_Wn = params["b_Wn"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_f, W_n]),
        "weight_x_t_half": np.concatenate([0.5 * W_f, W_n]),
        "weight_h_prev": np.concatenate([R_f, R_n]),
        "weight_h_prev_half": np.concatenate([0.5 * R_f, R_n]),
        "net_bias": np.concatenate([0.5 * b_f, b_Rn, b_Wn]),
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
    block = array(work, "block", (T, N, 3 * dim_n), x)
    f_all = block[..., :dim_n]
    q_all = block[..., dim_n:2 * dim_n]
    n_all = block[..., 2 * dim_n:3 * dim_n]
    sums_h_prev = array(work, "sums_h_prev", (N, 2 * dim_n), x)
    spare_2 = array(work, "spare_2", (N, dim_n), x)
    h_states[0] = state["h"]
    input_sums = product(x, weight_x_t_half)
    f_all[...] = input_sums[..., :dim_n]
    n_all[...] = input_sums[..., dim_n:2 * dim_n]
    q_all[...] = 0
    block += net_bias
    for net, h_prev, f, q, n, h in zip(
        block,
        h_states[:-1],
        f_all,
        q_all,
        n_all,
        h_states[1:],
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev_half.T, out=sums_h_prev)  # (1) (3)
        np.add(net[..., :2 * dim_n], sums_h_prev, out=net[..., :2 * dim_n])
        np.tanh(net[..., :dim_n], out=net[..., :dim_n])  # (2)
        gates = net[..., :dim_n]
        gates *= 0.5
        gates += 0.5
        np.multiply(f, q, out=spare_2)
        n += spare_2
        np.tanh(n, out=n)  # (5)
        np.subtract(1, f, out=h)  # (6)
        h *= n
        np.multiply(h_prev, f, out=spare_2)
        h += spare_2
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, block)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, block = tape
    work = {} if work is None else work
    params = packed["params"]
    W_f = params["W_f"]
    W_n = params["W_n"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    f_all = block[..., :dim_n]
    q_all = block[..., dim_n:2 * dim_n]
    n_all = block[..., 2 * dim_n:3 * dim_n]
    delta_block = array(work, "delta_block", (T, N, 3 * dim_n), d_outputs)
    delta_a_f_all = delta_block[..., :dim_n]
    delta_q_all = delta_block[..., dim_n:2 * dim_n]
    delta_a_n_all = delta_block[..., 2 * dim_n:3 * dim_n]
    delta_h = array(work, "delta_h", (N, dim_n), d_outputs)
    delta_f = array(work, "delta_f", (N, dim_n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, dim_n), d_outputs)
    spare_all_1 = array(work, "spare_all_1", (T, N, dim_n), d_outputs)
    spare_1 = array(work, "spare_1", (N, dim_n), d_outputs)
    np.subtract(1, f_all, out=delta_a_n_all)  # (9)
    np.square(n_all, out=spare_all_1)
    np.subtract(1, spare_all_1, out=spare_all_1)
    delta_a_n_all *= spare_all_1
    np.subtract(h_states[:-1], n_all, out=factor_1_all)  # (11)
    np.subtract(1, f_all, out=delta_a_f_all)  # (12)
    delta_a_f_all *= f_all
    carry_h = np.array(d_final_state["h"])
    for delta_net, f, q, upstream_h, delta_a_n, delta_q, delta_a_f, factor_1 in zip(
        delta_block[::-1],
        f_all[::-1],
        q_all[::-1],
        d_outputs[::-1],
        delta_a_n_all[::-1],
        delta_q_all[::-1],
        delta_a_f_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (7)
        delta_a_n *= delta_h  # (9)
        np.multiply(delta_a_n, f, out=delta_q)  # (10)
        np.multiply(delta_h, factor_1, out=delta_f)  # (11)
        np.multiply(delta_a_n, q, out=spare_1)
        delta_f += spare_1
        delta_a_f *= delta_f  # (12)
        np.matmul(delta_net[..., :2 * dim_n], weight_h_prev, out=carry_h)  # (13)
        np.multiply(delta_h, f, out=spare_1)
        carry_h += spare_1
    grad_weight_h_prev = rows(delta_block[..., :2 * dim_n]).T @ rows(h_states[:-1])
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_f": rows(delta_a_f_all).T @ rows(x),  # (14)
        "R_f": grad_weight_h_prev[:dim_n],  # (15)
        "b_f": grad_net[:dim_n],  # (16)
        "R_n": grad_weight_h_prev[dim_n:2 * dim_n],  # (17)
        "b_Rn": grad_net[dim_n:2 * dim_n],  # (18)
        "W_n": rows(delta_a_n_all).T @ rows(x),  # (19)
        "b_Wn": grad_net[2 * dim_n:3 * dim_n],  # (20)
    }
    d_x = np.array(product(delta_a_f_all, W_f.T) + product(delta_a_n_all, W_n.T))
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
        "W_f": draw((n, m)) / (m) ** 0.5,
        "R_f": draw((n, n)) / (n) ** 0.5,
        "b_f": draw((n,)),
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
