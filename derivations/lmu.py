"""lmu: forward and backward pass in NumPy, derived by symrnn.

Legendre memory unit (Voelker, Kajić & Eliasmith 2019).

params: e_x (m,); e_h (n,); e_m, b (d,); A (d, d); W (n, m); R (n, n); W_m (n, d)
x: x (T, N, m)
state: h (N, n); m (N, d)
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
    W = params["W"]
    R = params["R"]
    W_m = params["W_m"]
    return {
        "params": params,
        "weight_x_t": W,
        "weight_h_prev": R,
        "weight_m": W_m,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    e_x = params["e_x"]
    e_h = params["e_h"]
    e_m = params["e_m"]
    A = params["A"]
    b = params["b"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    weight_m = packed["weight_m"]
    T, N = x.shape[:2]
    n = state["h"].shape[1]
    d = state["m"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    m_states = array(work, "m_states", (T + 1, N, d), x)
    block = array(work, "block", (T, N, n), x)
    a_h_all = block[..., :n]
    s_all = array(work, "s_all", (T, N), x)
    spare_1 = array(work, "spare_1", (N,), x)
    spare_2 = array(work, "spare_2", (N, d), x)
    sums_h_prev = array(work, "sums_h_prev", (N, n), x)
    sums_m = array(work, "sums_m", (N, n), x)
    h_states[0] = state["h"]
    m_states[0] = state["m"]
    np.matmul(rows(x), weight_x_t.T, out=rows(block))  # (3)
    for net, x_t, h_prev, m_prev, s, m, h, a_h in zip(
        block,
        x,
        h_states[:-1],
        m_states[:-1],
        s_all,
        m_states[1:],
        h_states[1:],
        a_h_all,
        strict=True,
    ):
        np.copyto(s, np.einsum("i,...i->...", e_x, x_t))  # (1)
        np.copyto(spare_1, np.einsum("i,...i->...", e_h, h_prev))
        s += spare_1
        np.copyto(spare_1, np.einsum("i,...i->...", e_m, m_prev))
        s += spare_1
        np.matmul(m_prev, A.T, out=m)  # (2)
        np.multiply(b, s[..., None], out=spare_2)
        m += spare_2
        np.matmul(h_prev, weight_h_prev.T, out=sums_h_prev)  # (3)
        np.add(net, sums_h_prev, out=net)
        np.matmul(m, weight_m.T, out=sums_m)  # (3)
        np.add(net, sums_m, out=net)
        np.tanh(a_h, out=h)  # (4)
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_x_t", "weight_h_prev", "weight_m")}
    return outputs, {"h": h_states[-1].copy(), "m": m_states[-1].copy()}, (kept, x, h_states, m_states, s_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, m_states, s_all = tape
    work = {} if work is None else work
    params = packed["params"]
    e_x = params["e_x"]
    e_h = params["e_h"]
    e_m = params["e_m"]
    A = params["A"]
    b = params["b"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    weight_m = packed["weight_m"]
    T, N = x.shape[:2]
    n = d_final_state["h"].shape[1]
    d = d_final_state["m"].shape[1]
    delta_block = array(work, "delta_block", (T, N, n), d_outputs)
    delta_a_h_all = delta_block[..., :n]
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    delta_m_all = array(work, "delta_m_all", (T, N, d), d_outputs)
    delta_s_all = array(work, "delta_s_all", (T, N), d_outputs)
    spare_1 = array(work, "spare_1", (N, n), d_outputs)
    spare_2 = array(work, "spare_2", (N, d), d_outputs)
    np.square(h_states[1:], out=delta_a_h_all)  # (6)
    np.subtract(1, delta_a_h_all, out=delta_a_h_all)
    carry_h = np.array(d_final_state["h"])
    carry_m = np.array(d_final_state["m"])
    for delta_net, upstream_h, delta_a_h, delta_m, delta_s in zip(
        delta_block[::-1],
        d_outputs[::-1],
        delta_a_h_all[::-1],
        delta_m_all[::-1],
        delta_s_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (5)
        delta_a_h *= delta_h  # (6)
        np.matmul(delta_net, weight_m, out=delta_m)  # (7)
        delta_m += carry_m
        np.copyto(delta_s, np.einsum("...i,i->...", delta_m, b))  # (8)
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (9)
        np.multiply(e_h, delta_s[..., None], out=spare_1)
        carry_h += spare_1
        np.matmul(delta_m, A, out=carry_m)  # (10)
        np.multiply(e_m, delta_s[..., None], out=spare_2)
        carry_m += spare_2
    grads = {
        "e_x": (delta_s_all[..., None] * x).sum(axis=(0, 1)),  # (11)
        "e_h": (delta_s_all[..., None] * h_states[:-1]).sum(axis=(0, 1)),  # (12)
        "e_m": (delta_s_all[..., None] * m_states[:-1]).sum(axis=(0, 1)),  # (13)
        "A": rows(delta_m_all).T @ rows(m_states[:-1]),  # (14)
        "b": (delta_m_all * s_all[..., None]).sum(axis=(0, 1)),  # (15)
        "W": rows(delta_a_h_all).T @ rows(x),  # (16)
        "R": rows(delta_a_h_all).T @ rows(h_states[:-1]),  # (17)
        "W_m": rows(delta_a_h_all).T @ rows(m_states[1:]),  # (18)
    }
    d_x = product(delta_block, weight_x_t.T) + e_x * delta_s_all[..., None]
    return grads, d_x, {"h": carry_h, "m": carry_m}


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


def check(T=3, N=2, m=4, n=6, d=3):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "e_x": draw((m,)),
        "e_h": draw((n,)),
        "e_m": draw((d,)),
        "A": draw((d, d)) / (d) ** 0.5,
        "b": draw((d,)),
        "W": draw((n, m)) / (m) ** 0.5,
        "R": draw((n, n)) / (n) ** 0.5,
        "W_m": draw((n, d)) / (d) ** 0.5,
    }
    x = draw((T, N, m))
    state = {"h": draw((N, n)), "m": draw((N, d))}
    d_outputs = draw((T, N, n))
    d_final_state = {"h": draw((N, n)), "m": draw((N, d))}
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
