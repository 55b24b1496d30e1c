"""sru: forward and backward pass in NumPy, derived by symrnn.

Simple recurrent unit (Lei, Zhang, Wang, Dai & Artzi 2018).

params: W, W_f, W_r (n, n); v_f, b_f, v_r, b_r (n,); alpha ()
x: x (T, N, n)
state: c (N, n)
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
    W_f = params["W_f"]
    v_f = params["v_f"]
    b_f = params["b_f"]
    return {
        "params": params,
        "weight_x_t": W_f,
        "weight_x_t_half": np.concatenate([0.5 * W_f]),
        "net_bias": np.concatenate([0.5 * b_f]),
        "v_f_half": 0.5 * v_f,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W = params["W"]
    W_r = params["W_r"]
    v_r = params["v_r"]
    b_r = params["b_r"]
    alpha = params["alpha"]
    weight_x_t_half = packed["weight_x_t_half"]
    net_bias = packed["net_bias"]
    v_f_half = packed["v_f_half"]
    T, N = x.shape[:2]
    n = x.shape[2]
    c_states = array(work, "c_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, n), x)
    f_all = block[..., :n]
    spare_1 = array(work, "spare_1", (N, n), x)
    c_states[0] = state["c"]
    u_all = product(x, W)  # (1)
    np.matmul(rows(x), weight_x_t_half.T, out=rows(block))  # (2)
    block += net_bias
    for net, c_prev, u, f, c in zip(block, c_states[:-1], u_all, f_all, c_states[1:], strict=True):
        np.multiply(v_f_half, c_prev, out=spare_1)
        f += spare_1
        np.tanh(net, out=net)  # (3)
        gates = net
        gates *= 0.5
        gates += 0.5
        np.multiply(c_prev, f, out=c)  # (6)
        np.subtract(1, f, out=spare_1)
        spare_1 *= u
        c += spare_1
    a_r_all = product(x, W_r) + v_r * c_states[:-1] + b_r  # (4)
    r_all = sigmoid(a_r_all)  # (5)
    h_all = r_all * c_states[1:] + alpha * x * (1 - r_all)  # (7)
    outputs = np.array(h_all)
    kept = {name: packed[name] for name in ("params", "weight_x_t")}
    return outputs, {"c": c_states[-1].copy()}, (kept, x, c_states, u_all, block, r_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, c_states, u_all, block, r_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W = params["W"]
    v_f = params["v_f"]
    W_r = params["W_r"]
    v_r = params["v_r"]
    alpha = params["alpha"]
    weight_x_t = packed["weight_x_t"]
    T, N = x.shape[:2]
    n = x.shape[2]
    f_all = block[..., :n]
    delta_block = array(work, "delta_block", (T, N, n), d_outputs)
    delta_a_f_all = delta_block[..., :n]
    delta_h_all = array(work, "delta_h_all", (T, N, n), d_outputs)
    delta_c_all = array(work, "delta_c_all", (T, N, n), d_outputs)
    delta_a_r_all = array(work, "delta_a_r_all", (T, N, n), d_outputs)
    spare_all_1 = array(work, "spare_all_1", (T, N, n), d_outputs)
    spare_1 = array(work, "spare_1", (N, n), d_outputs)
    np.multiply(alpha, x, out=delta_a_r_all)  # (11)
    np.subtract(c_states[1:], delta_a_r_all, out=delta_a_r_all)
    delta_a_r_all *= r_all
    np.subtract(1, r_all, out=spare_all_1)
    delta_a_r_all *= spare_all_1
    np.subtract(c_states[:-1], u_all, out=delta_a_f_all)  # (13)
    delta_a_f_all *= f_all
    np.subtract(1, f_all, out=spare_all_1)
    delta_a_f_all *= spare_all_1
    carry_c = np.array(d_final_state["c"])
    for f, r, upstream_h, delta_h, delta_c, delta_a_r, delta_a_f in zip(
        f_all[::-1],
        r_all[::-1],
        d_outputs[::-1],
        delta_h_all[::-1],
        delta_c_all[::-1],
        delta_a_r_all[::-1],
        delta_a_f_all[::-1],
        strict=True,
    ):
        np.copyto(delta_h, upstream_h)  # (8)
        np.multiply(delta_h, r, out=delta_c)  # (9)
        delta_c += carry_c
        delta_a_r *= delta_h  # (11)
        delta_a_f *= delta_c  # (13)
        np.multiply(v_f, delta_a_f, out=carry_c)  # (15)
        np.multiply(v_r, delta_a_r, out=spare_1)
        carry_c += spare_1
        np.multiply(delta_c, f, out=spare_1)
        carry_c += spare_1
    delta_u_all = delta_c_all * (1 - f_all)  # (14)
    grads = {
        "W": rows(delta_u_all).T @ rows(x),  # (16)
        "W_f": rows(delta_a_f_all).T @ rows(x),  # (17)
        "v_f": np.einsum("tni,tni->i", delta_a_f_all, c_states[:-1]),  # (18)
        "b_f": delta_a_f_all.sum(axis=(0, 1)),  # (19)
        "W_r": rows(delta_a_r_all).T @ rows(x),  # (20)
        "v_r": np.einsum("tni,tni->i", delta_a_r_all, c_states[:-1]),  # (21)
        "b_r": delta_a_r_all.sum(axis=(0, 1)),  # (22)
        "alpha": np.einsum("...i,...i->...", delta_h_all, x * (1 - r_all)).sum(axis=(0, 1)),  # (23)
    }
    d_x = product(delta_block, weight_x_t.T) + product(delta_u_all, W.T) + product(delta_a_r_all, W_r.T) + alpha * delta_h_all * (1 - r_all)
    return grads, d_x, {"c": carry_c}


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


def check(T=3, N=2, n=4):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "W": draw((n, n)) / (n) ** 0.5,
        "W_f": draw((n, n)) / (n) ** 0.5,
        "v_f": draw((n,)),
        "b_f": draw((n,)),
        "W_r": draw((n, n)) / (n) ** 0.5,
        "v_r": draw((n,)),
        "b_r": draw((n,)),
        "alpha": np.array(draw()),
    }
    x = draw((T, N, n))
    state = {"c": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"c": draw((N, n))}
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
