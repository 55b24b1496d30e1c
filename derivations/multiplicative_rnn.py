"""multiplicative_rnn: forward and backward pass in NumPy, derived by symrnn.

Multiplicative network, whose recurrent matrix depends on the input (Sutskever, Martens & Hinton 2011).

params: W_m (p, m); R_m (p, n); W (n, m); R (n, p); b (n,)
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
    R_m = params["R_m"]
    W = params["W"]
    R = params["R"]
    return {
        "params": params,
        "weight_h_prev": R_m,
        "weight_x_t": W,
        "weight_m": R,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W_m = params["W_m"]
    b = params["b"]
    weight_h_prev = packed["weight_h_prev"]
    weight_x_t = packed["weight_x_t"]
    weight_m = packed["weight_m"]
    T, N = x.shape[:2]
    n = state["h"].shape[1]
    dim_p = params["W_m"].shape[0]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, n + dim_p), x)
    q_all = block[..., :dim_p]
    a_h_all = block[..., dim_p:n + dim_p]
    m_all = array(work, "m_all", (T, N, dim_p), x)
    sums_h_prev = array(work, "sums_h_prev", (N, dim_p), x)
    sums_m = array(work, "sums_m", (N, n), x)
    h_states[0] = state["h"]
    p_all = product(x, W_m)  # (1)
    input_sums = product(x, weight_x_t)
    a_h_all[...] = input_sums[..., :n]
    q_all[...] = 0
    a_h_all += b
    for net, h_prev, p, q, m, h, a_h in zip(
        block,
        h_states[:-1],
        p_all,
        q_all,
        m_all,
        h_states[1:],
        a_h_all,
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev.T, out=sums_h_prev)  # (2)
        np.add(net[..., :dim_p], sums_h_prev, out=net[..., :dim_p])
        np.multiply(p, q, out=m)  # (3)
        np.matmul(m, weight_m.T, out=sums_m)  # (4)
        np.add(net[..., dim_p:n + dim_p], sums_m, out=net[..., dim_p:n + dim_p])
        np.tanh(a_h, out=h)  # (5)
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_h_prev", "weight_x_t", "weight_m")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, p_all, block, m_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, p_all, block, m_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_m = params["W_m"]
    weight_h_prev = packed["weight_h_prev"]
    weight_x_t = packed["weight_x_t"]
    weight_m = packed["weight_m"]
    T, N = x.shape[:2]
    n = d_final_state["h"].shape[1]
    dim_p = params["W_m"].shape[0]
    q_all = block[..., :dim_p]
    delta_block = array(work, "delta_block", (T, N, n + dim_p), d_outputs)
    delta_q_all = delta_block[..., :dim_p]
    delta_a_h_all = delta_block[..., dim_p:n + dim_p]
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_m_all = array(work, "delta_m_all", (T, N, dim_p), d_outputs)
    np.square(h_states[1:], out=delta_a_h_all)  # (7)
    np.subtract(1, delta_a_h_all, out=delta_a_h_all)
    carry_h = np.array(d_final_state["h"])
    for delta_net, p, upstream_h, delta_a_h, delta_m, delta_q in zip(
        delta_block[::-1],
        p_all[::-1],
        d_outputs[::-1],
        delta_a_h_all[::-1],
        delta_m_all[::-1],
        delta_q_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (6)
        delta_a_h *= delta_h  # (7)
        np.matmul(delta_net[..., dim_p:n + dim_p], weight_m, out=delta_m)  # (8)
        np.multiply(delta_m, p, out=delta_q)  # (9)
        np.matmul(delta_net[..., :dim_p], weight_h_prev, out=carry_h)  # (11)
    delta_p_all = delta_m_all * q_all  # (10)
    grads = {
        "W_m": rows(delta_p_all).T @ rows(x),  # (12)
        "R_m": rows(delta_q_all).T @ rows(h_states[:-1]),  # (13)
        "W": rows(delta_a_h_all).T @ rows(x),  # (14)
        "R": rows(delta_a_h_all).T @ rows(m_all),  # (15)
        "b": delta_a_h_all.sum(axis=(0, 1)),  # (16)
    }
    d_x = product(delta_block[..., dim_p:n + dim_p], weight_x_t.T) + product(delta_p_all, W_m.T)
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


def check(T=3, N=2, m=4, n=6, p=3):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "W_m": draw((p, m)) / (m) ** 0.5,
        "R_m": draw((p, n)) / (n) ** 0.5,
        "W": draw((n, m)) / (m) ** 0.5,
        "R": draw((n, p)) / (p) ** 0.5,
        "b": draw((n,)),
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
