"""janet: forward and backward pass in NumPy, derived by symrnn.

JANET, just another network: an LSTM with a forget gate alone (van der Westhuizen & Lasenby 2018).

params: W_f, W_g (n, m); R_f, R_g (n, n); b_f, b_g (n,); beta ()
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
    W_g = params["W_g"]
    R_g = params["R_g"]
    b_g = params["b_g"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_g, W_f]),
        "weight_h_prev": np.concatenate([R_g, R_f]),
        "net_bias": np.concatenate([b_g, b_f]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    beta = params["beta"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, 2 * n), x)
    g_all = block[..., :n]
    s_all = block[..., n:2 * n]
    f_all = array(work, "f_all", (T, N, n), x)
    a_u = array(work, "a_u", (N, n), x)
    u_all = array(work, "u_all", (T, N, n), x)
    sums_h_prev = array(work, "sums_h_prev", (N, 2 * n), x)
    spare_2 = array(work, "spare_2", (N, n), x)
    h_states[0] = state["h"]
    np.matmul(rows(x), weight_x_t.T, out=rows(block))  # (1) (2)
    block += net_bias
    for net, h_prev, s, g, f, u, h in zip(
        block,
        h_states[:-1],
        s_all,
        g_all,
        f_all,
        u_all,
        h_states[1:],
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev.T, out=sums_h_prev)  # (1) (2)
        np.add(net, sums_h_prev, out=net)
        np.tanh(net[..., :n], out=net[..., :n])  # (3)
        np.multiply(s, 0.5, out=f)  # (4)
        np.tanh(f, out=f)
        f *= 0.5
        f += 0.5
        np.subtract(s, beta, out=a_u)  # (5)
        np.multiply(a_u, 0.5, out=u)  # (6)
        np.tanh(u, out=u)
        u *= 0.5
        u += 0.5
        np.multiply(h_prev, f, out=h)  # (7)
        np.subtract(1, u, out=spare_2)
        spare_2 *= g
        h += spare_2
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("weight_x_t", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, block, f_all, u_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, block, f_all, u_all = tape
    work = {} if work is None else work
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    n = d_final_state["h"].shape[1]
    g_all = block[..., :n]
    delta_block = array(work, "delta_block", (T, N, 2 * n), d_outputs)
    delta_a_g_all = delta_block[..., :n]
    delta_s_all = delta_block[..., n:2 * n]
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_a_u_all = array(work, "delta_a_u_all", (T, N, n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    spare_all_1 = array(work, "spare_all_1", (T, N, n), d_outputs)
    spare_1 = array(work, "spare_1", (N, n), d_outputs)
    np.subtract(1, u_all, out=delta_a_u_all)  # (10)
    delta_a_u_all *= g_all
    delta_a_u_all *= u_all
    np.multiply(delta_a_u_all, -1, out=delta_a_u_all)
    np.square(g_all, out=delta_a_g_all)  # (13)
    np.subtract(1, delta_a_g_all, out=delta_a_g_all)
    np.subtract(1, u_all, out=spare_all_1)
    delta_a_g_all *= spare_all_1
    np.subtract(1, f_all, out=factor_1_all)  # (14)
    factor_1_all *= h_states[:-1]
    factor_1_all *= f_all
    carry_h = np.array(d_final_state["h"])
    for delta_net, f, upstream_h, delta_a_u, delta_a_g, delta_s, factor_1 in zip(
        delta_block[::-1],
        f_all[::-1],
        d_outputs[::-1],
        delta_a_u_all[::-1],
        delta_a_g_all[::-1],
        delta_s_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (8)
        delta_a_u *= delta_h  # (10)
        delta_a_g *= delta_h  # (13)
        np.multiply(delta_h, factor_1, out=delta_s)  # (14)
        delta_s += delta_a_u
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (15)
        np.multiply(delta_h, f, out=spare_1)
        carry_h += spare_1
    grad_weight_x_t = rows(delta_block).T @ rows(x)
    grad_weight_h_prev = rows(delta_block).T @ rows(h_states[:-1])
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_f": grad_weight_x_t[n:2 * n],  # (16)
        "R_f": grad_weight_h_prev[n:2 * n],  # (17)
        "b_f": grad_net[n:2 * n],  # (18)
        "W_g": grad_weight_x_t[:n],  # (19)
        "R_g": grad_weight_h_prev[:n],  # (20)
        "b_g": grad_net[:n],  # (21)
        "beta": (-delta_a_u_all.sum(axis=-1)).sum(axis=(0, 1)),  # (22)
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
        "W_f": draw((n, m)) / (m) ** 0.5,
        "R_f": draw((n, n)) / (n) ** 0.5,
        "b_f": draw((n,)),
        "W_g": draw((n, m)) / (m) ** 0.5,
        "R_g": draw((n, n)) / (n) ** 0.5,
        "b_g": draw((n,)),
        "beta": np.array(draw()),
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
