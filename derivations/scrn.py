"""scrn: forward and backward pass in NumPy, derived by symrnn.

Structurally constrained recurrent network (Mikolov et al. 2015).

params: alpha (); B (p, m); P (n, p); A (n, m); R (n, n); U (q, n); V (q, p)
x: x (T, N, m)
state: h (N, n); s (N, p)
outputs: y (T, N, q)
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


def softmax(a):
    e = np.exp(a - a.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    P = params["P"]
    A = params["A"]
    R = params["R"]
    return {
        "params": params,
        "weight_s": P,
        "weight_x_t": A,
        "weight_h_prev": R,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    alpha = params["alpha"]
    B = params["B"]
    U = params["U"]
    V = params["V"]
    weight_s = packed["weight_s"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    n = state["h"].shape[1]
    p = state["s"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    s_states = array(work, "s_states", (T + 1, N, p), x)
    block = array(work, "block", (T, N, n), x)
    a_h_all = block[..., :n]
    spare_1 = array(work, "spare_1", (N, p), x)
    sums_s = array(work, "sums_s", (N, n), x)
    sums_h_prev = array(work, "sums_h_prev", (N, n), x)
    h_states[0] = state["h"]
    s_states[0] = state["s"]
    u_s_all = product(x, B)  # (1)
    np.matmul(rows(x), weight_x_t.T, out=rows(block))  # (3)
    for net, h_prev, s_prev, s, h, u_s, a_h in zip(
        block,
        h_states[:-1],
        s_states[:-1],
        s_states[1:],
        h_states[1:],
        u_s_all,
        a_h_all,
        strict=True,
    ):
        np.multiply(u_s, (1 - alpha), out=s)  # (2)
        np.multiply(alpha, s_prev, out=spare_1)
        s += spare_1
        np.matmul(s, weight_s.T, out=sums_s)  # (3)
        np.add(net, sums_s, out=net)
        np.matmul(h_prev, weight_h_prev.T, out=sums_h_prev)  # (3)
        np.add(net, sums_h_prev, out=net)
        np.multiply(a_h, 0.5, out=h)  # (4)
        np.tanh(h, out=h)
        h *= 0.5
        h += 0.5
    a_y_all = product(h_states[1:], U) + product(s_states[1:], V)  # (5)
    y_all = softmax(a_y_all)  # (6)
    outputs = np.array(y_all)
    kept = {name: packed[name] for name in ("params", "weight_s", "weight_x_t", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy(), "s": s_states[-1].copy()}, (kept, x, h_states, s_states, y_all, u_s_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, s_states, y_all, u_s_all = tape
    work = {} if work is None else work
    params = packed["params"]
    alpha = params["alpha"]
    B = params["B"]
    U = params["U"]
    V = params["V"]
    weight_s = packed["weight_s"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    n = d_final_state["h"].shape[1]
    p = d_final_state["s"].shape[1]
    q = params["U"].shape[0]
    delta_block = array(work, "delta_block", (T, N, n), d_outputs)
    delta_a_h_all = delta_block[..., :n]
    delta_y = array(work, "delta_y", (N, q), d_outputs)
    delta_a_y_all = array(work, "delta_a_y_all", (T, N, q), d_outputs)
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_s_all = array(work, "delta_s_all", (T, N, p), d_outputs)
    spare_1 = array(work, "spare_1", (N, p), d_outputs)
    np.subtract(1, h_states[1:], out=delta_a_h_all)  # (10)
    delta_a_h_all *= h_states[1:]
    carry_h = np.array(d_final_state["h"])
    carry_s = np.array(d_final_state["s"])
    for delta_net, y, upstream_y, delta_a_y, delta_a_h, delta_s in zip(
        delta_block[::-1],
        y_all[::-1],
        d_outputs[::-1],
        delta_a_y_all[::-1],
        delta_a_h_all[::-1],
        delta_s_all[::-1],
        strict=True,
    ):
        np.copyto(delta_y, upstream_y)  # (7)
        np.subtract(delta_y, np.einsum("...i,...i->...", delta_y, y)[..., None], out=delta_a_y)  # (8)
        delta_a_y *= y
        np.matmul(delta_a_y, U, out=delta_h)  # (9)
        delta_h += carry_h
        delta_a_h *= delta_h  # (10)
        np.matmul(delta_net, weight_s, out=delta_s)  # (11)
        np.matmul(delta_a_y, V, out=spare_1)
        delta_s += spare_1
        delta_s += carry_s
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (13)
        np.multiply(alpha, delta_s, out=carry_s)  # (14)
    delta_u_s_all = delta_s_all * (1 - alpha)  # (12)
    grads = {
        "alpha": np.einsum("...i,...i->...", delta_s_all, s_states[:-1] - u_s_all).sum(axis=(0, 1)),  # (15)
        "B": rows(delta_u_s_all).T @ rows(x),  # (16)
        "P": rows(delta_a_h_all).T @ rows(s_states[1:]),  # (17)
        "A": rows(delta_a_h_all).T @ rows(x),  # (18)
        "R": rows(delta_a_h_all).T @ rows(h_states[:-1]),  # (19)
        "U": rows(delta_a_y_all).T @ rows(h_states[1:]),  # (20)
        "V": rows(delta_a_y_all).T @ rows(s_states[1:]),  # (21)
    }
    d_x = product(delta_block, weight_x_t.T) + product(delta_u_s_all, B.T)
    return grads, d_x, {"h": carry_h, "s": carry_s}


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


def check(T=3, N=2, m=4, n=6, p=3, q=5):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "alpha": np.array(draw()),
        "B": draw((p, m)) / (m) ** 0.5,
        "P": draw((n, p)) / (p) ** 0.5,
        "A": draw((n, m)) / (m) ** 0.5,
        "R": draw((n, n)) / (n) ** 0.5,
        "U": draw((q, n)) / (n) ** 0.5,
        "V": draw((q, p)) / (p) ** 0.5,
    }
    x = draw((T, N, m))
    state = {"h": draw((N, n)), "s": draw((N, p))}
    d_outputs = draw((T, N, q))
    d_final_state = {"h": draw((N, n)), "s": draw((N, p))}
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
