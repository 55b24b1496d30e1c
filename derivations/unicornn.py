"""unicornn: forward and backward pass in NumPy, derived by symrnn.

UnICORNN, undamped independent oscillators, one layer (Rusch & Mishra 2021).

params: dt, alpha (); c, w, b (n,); W (n, m)
x: x (T, N, m)
state: h (N, n); z (N, n)
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
    dt = params["dt"]
    c = params["c"]
    W = params["W"]
    b = params["b"]
    sigmoid_c = sigmoid(c)
    s = dt * sigmoid_c  # (1)
    return {
        "params": params,
        "sigmoid_c": sigmoid_c,
        "s": s,
        "weight_x_t": W,
        "net_bias": np.concatenate([b]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    w = params["w"]
    alpha = params["alpha"]
    s = packed["s"]
    weight_x_t = packed["weight_x_t"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    z_states = array(work, "z_states", (T + 1, N, dim_n), x)
    block = array(work, "block", (T, N, dim_n), x)
    n_all = block[..., :dim_n]
    spare_1 = array(work, "spare_1", (N, dim_n), x)
    h_states[0] = state["h"]
    z_states[0] = state["z"]
    np.matmul(rows(x), weight_x_t.T, out=rows(block))  # (2)
    block += net_bias
    for net, h_prev, z_prev, n, z, h in zip(
        block,
        h_states[:-1],
        z_states[:-1],
        n_all,
        z_states[1:],
        h_states[1:],
        strict=True,
    ):
        np.multiply(w, h_prev, out=spare_1)
        n += spare_1
        np.tanh(net, out=net)  # (3)
        np.multiply(alpha, h_prev, out=z)  # (4)
        z += n
        z *= s
        np.subtract(z_prev, z, out=z)
        np.multiply(s, z, out=h)  # (5)
        h += h_prev
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "sigmoid_c", "s", "weight_x_t")}
    return outputs, {"h": h_states[-1].copy(), "z": z_states[-1].copy()}, (kept, x, h_states, block, z_states)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, block, z_states = tape
    work = {} if work is None else work
    params = packed["params"]
    dt = params["dt"]
    w = params["w"]
    alpha = params["alpha"]
    sigmoid_c = packed["sigmoid_c"]
    s = packed["s"]
    weight_x_t = packed["weight_x_t"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    n_all = block[..., :dim_n]
    delta_block = array(work, "delta_block", (T, N, dim_n), d_outputs)
    delta_a_n_all = delta_block[..., :dim_n]
    delta_h_all = array(work, "delta_h_all", (T, N, dim_n), d_outputs)
    delta_z_all = array(work, "delta_z_all", (T, N, dim_n), d_outputs)
    spare_1 = array(work, "spare_1", (N, dim_n), d_outputs)
    np.square(n_all, out=delta_a_n_all)  # (9)
    np.subtract(1, delta_a_n_all, out=delta_a_n_all)
    delta_a_n_all *= s
    np.multiply(delta_a_n_all, -1, out=delta_a_n_all)
    carry_h = np.array(d_final_state["h"])
    carry_z = np.array(d_final_state["z"])
    for upstream_h, delta_h, delta_z, delta_a_n in zip(
        d_outputs[::-1],
        delta_h_all[::-1],
        delta_z_all[::-1],
        delta_a_n_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (6)
        np.multiply(delta_h, s, out=delta_z)  # (7)
        delta_z += carry_z
        delta_a_n *= delta_z  # (9)
        np.multiply(w, delta_a_n, out=carry_h)  # (11)
        np.multiply(alpha, delta_z, out=spare_1)
        spare_1 *= s
        carry_h -= spare_1
        carry_h += delta_h
        np.copyto(carry_z, delta_z)  # (12)
    delta_s = np.einsum("tni,tni->i", delta_h_all, z_states[1:]) + (delta_z_all * (-alpha * h_states[:-1] - n_all)).sum(axis=(0, 1))  # (10)
    grads = {
        "dt": np.einsum("i,i->", delta_s, sigmoid_c),  # (13)
        "c": dt * delta_s * sigmoid_c * (1 - sigmoid_c),  # (14)
        "W": rows(delta_a_n_all).T @ rows(x),  # (15)
        "w": np.einsum("tni,tni->i", delta_a_n_all, h_states[:-1]),  # (16)
        "b": delta_a_n_all.sum(axis=(0, 1)),  # (17)
        "alpha": (-np.einsum("...i,...i->...", delta_z_all, h_states[:-1] * s)).sum(axis=(0, 1)),  # (18)
    }
    d_x = product(delta_block, weight_x_t.T)
    return grads, d_x, {"h": carry_h, "z": carry_z}


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
        "dt": np.array(draw()),
        "c": draw((n,)),
        "W": draw((n, m)) / (m) ** 0.5,
        "w": draw((n,)),
        "b": draw((n,)),
        "alpha": np.array(draw()),
    }
    x = draw((T, N, m))
    state = {"h": draw((N, n)), "z": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"h": draw((N, n)), "z": draw((N, n))}
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
