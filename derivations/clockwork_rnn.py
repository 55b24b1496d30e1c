"""clockwork_rnn: forward and backward pass in NumPy, derived by symrnn.

Clockwork network, whose units run at different clock rates (Koutník et al. 2014).

params: period, b (n,); W (n, m); R (n, n)
x: x (T, N, m)
state: h (N, n); k (N,)
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


def above(a, b):
    """1 where a > b, 0 elsewhere, in the type of the operands."""
    return (a > b).astype(np.result_type(a, b))


def where(condition, a, b):
    """a where the condition is 1, b elsewhere, in the type of all three."""
    return np.where(condition > 0, a, b).astype(np.result_type(condition, a, b), copy=False)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    W = params["W"]
    R = params["R"]
    b = params["b"]
    return {
        "params": params,
        "weight_x_t": W,
        "weight_h_prev": R,
        "net_bias": np.concatenate([b]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    period = params["period"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    k_states = array(work, "k_states", (T + 1, N), x)
    block = array(work, "block", (T, N, dim_n), x)
    n_all = block[..., :dim_n]
    r = array(work, "r", (N, dim_n), x)
    above_r_all = array(work, "above_r_all", (T, N, dim_n), x)
    sums_h_prev = array(work, "sums_h_prev", (N, dim_n), x)
    h_states[0] = state["h"]
    k_states[0] = state["k"]
    np.matmul(rows(x), weight_x_t.T, out=rows(block))  # (2)
    block += net_bias
    for net, h_prev, k_prev, n, h, k, above_r in zip(
        block,
        h_states[:-1],
        k_states[:-1],
        n_all,
        h_states[1:],
        k_states[1:],
        above_r_all,
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev.T, out=sums_h_prev)  # (2)
        np.add(net, sums_h_prev, out=net)
        np.tanh(net, out=net)  # (3)
        np.copyto(r, np.mod(k_prev[..., None], period))  # (1)
        np.copyto(above_r, above(1, r))
        np.copyto(h, where(above_r, n, h_prev))  # (4)
        np.add(k_prev, 1, out=k)  # (5)
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_x_t", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy(), "k": k_states[-1].copy()}, (kept, x, h_states, block, above_r_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, block, above_r_all = tape
    work = {} if work is None else work
    params = packed["params"]
    period = params["period"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    n_all = block[..., :dim_n]
    delta_block = array(work, "delta_block", (T, N, dim_n), d_outputs)
    delta_a_n_all = delta_block[..., :dim_n]
    delta_k = array(work, "delta_k", (N,), d_outputs)
    delta_h = array(work, "delta_h", (N, dim_n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, dim_n), d_outputs)
    spare_1 = array(work, "spare_1", (N, dim_n), d_outputs)
    np.square(n_all, out=delta_a_n_all)  # (9)
    np.subtract(1, delta_a_n_all, out=delta_a_n_all)
    delta_a_n_all *= above_r_all
    np.subtract(1, above_r_all, out=factor_1_all)  # (10)
    carry_h = np.array(d_final_state["h"])
    carry_k = np.array(d_final_state["k"])
    for delta_net, upstream_h, delta_a_n, factor_1 in zip(
        delta_block[::-1],
        d_outputs[::-1],
        delta_a_n_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.copyto(delta_k, carry_k)  # (6)
        np.add(upstream_h, carry_h, out=delta_h)  # (7)
        delta_a_n *= delta_h  # (9)
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (10)
        np.multiply(delta_h, factor_1, out=spare_1)
        carry_h += spare_1
        np.copyto(carry_k, delta_k)  # (11)
    grads = {
        "period": np.zeros_like(period),  # (12)
        "W": rows(delta_a_n_all).T @ rows(x),  # (13)
        "R": rows(delta_a_n_all).T @ rows(h_states[:-1]),  # (14)
        "b": delta_a_n_all.sum(axis=(0, 1)),  # (15)
    }
    d_x = product(delta_block, weight_x_t.T)
    return grads, d_x, {"h": carry_h, "k": carry_k}


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
        "period": draw((n,)),
        "W": draw((n, m)) / (m) ** 0.5,
        "R": draw((n, n)) / (n) ** 0.5,
        "b": draw((n,)),
    }
    x = draw((T, N, m))
    state = {"h": draw((N, n)), "k": draw((N,))}
    d_outputs = draw((T, N, n))
    d_final_state = {"h": draw((N, n)), "k": draw((N,))}
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
