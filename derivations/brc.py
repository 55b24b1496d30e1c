"""brc: forward and backward pass in NumPy, derived by symrnn.

Bistable recurrent cell (Vecoven, Ernst & Drion 2021).

params: W_a, W_c, W (n, m); r_a, b_a, r_c, b_c (n,)
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
    W_a = params["W_a"]
    W_c = params["W_c"]
    r_c = params["r_c"]
    W = params["W"]
    return {
        "params": params,
        "weight_x_t": np.concatenate([W_c, W_a, W]),
        "weight_x_t_half": np.concatenate([0.5 * W_c, W_a, W]),
        "r_c_half": 0.5 * r_c,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    r_a = params["r_a"]
    b_a = params["b_a"]
    b_c = params["b_c"]
    weight_x_t_half = packed["weight_x_t_half"]
    r_c_half = packed["r_c_half"]
    T, N = x.shape[:2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, 3 * n), x)
    c_all = block[..., :n]
    tanh_a_a_all = block[..., n:2 * n]
    tanh_a_h_all = block[..., 2 * n:3 * n]
    a_all = array(work, "a_all", (T, N, n), x)
    spare_1 = array(work, "spare_1", (N, n), x)
    h_states[0] = state["h"]
    np.matmul(rows(x), weight_x_t_half.T, out=rows(block))  # (1) (3) (5)
    c_all += 0.5 * b_c
    tanh_a_a_all += b_a
    for net, h_prev, a, c, h, tanh_a_a, tanh_a_h in zip(
        block,
        h_states[:-1],
        a_all,
        c_all,
        h_states[1:],
        tanh_a_a_all,
        tanh_a_h_all,
        strict=True,
    ):
        np.multiply(r_c_half, h_prev, out=spare_1)
        c += spare_1
        np.multiply(r_a, h_prev, out=spare_1)
        tanh_a_a += spare_1
        np.tanh(net[..., :2 * n], out=net[..., :2 * n])  # (4)
        gates = net[..., :n]
        gates *= 0.5
        gates += 0.5
        np.add(1, tanh_a_a, out=a)  # (2)
        np.multiply(h_prev, a, out=spare_1)
        tanh_a_h += spare_1
        np.tanh(tanh_a_h, out=tanh_a_h)
        np.multiply(h_prev, c, out=h)  # (6)
        np.subtract(1, c, out=spare_1)
        spare_1 *= tanh_a_h
        h += spare_1
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_x_t")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, a_all, block)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, a_all, block = tape
    work = {} if work is None else work
    params = packed["params"]
    r_a = params["r_a"]
    r_c = params["r_c"]
    weight_x_t = packed["weight_x_t"]
    T, N = x.shape[:2]
    n = d_final_state["h"].shape[1]
    c_all = block[..., :n]
    tanh_a_a_all = block[..., n:2 * n]
    tanh_a_h_all = block[..., 2 * n:3 * n]
    delta_block = array(work, "delta_block", (T, N, 3 * n), d_outputs)
    delta_a_c_all = delta_block[..., :n]
    delta_a_a_all = delta_block[..., n:2 * n]
    delta_a_h_all = delta_block[..., 2 * n:3 * n]
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    spare_all_1 = array(work, "spare_all_1", (T, N, n), d_outputs)
    spare_1 = array(work, "spare_1", (N, n), d_outputs)
    np.square(tanh_a_h_all, out=delta_a_h_all)  # (8)
    np.subtract(1, delta_a_h_all, out=delta_a_h_all)
    np.subtract(1, c_all, out=spare_all_1)
    delta_a_h_all *= spare_all_1
    np.subtract(h_states[:-1], tanh_a_h_all, out=delta_a_c_all)  # (10)
    delta_a_c_all *= c_all
    np.subtract(1, c_all, out=spare_all_1)
    delta_a_c_all *= spare_all_1
    np.square(tanh_a_a_all, out=delta_a_a_all)  # (12)
    np.subtract(1, delta_a_a_all, out=delta_a_a_all)
    delta_a_a_all *= h_states[:-1]
    carry_h = np.array(d_final_state["h"])
    for a, c, upstream_h, delta_a_h, delta_a_c, delta_a_a in zip(
        a_all[::-1],
        c_all[::-1],
        d_outputs[::-1],
        delta_a_h_all[::-1],
        delta_a_c_all[::-1],
        delta_a_a_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (7)
        delta_a_h *= delta_h  # (8)
        delta_a_c *= delta_h  # (10)
        delta_a_a *= delta_a_h  # (12)
        np.multiply(r_a, delta_a_a, out=carry_h)  # (13)
        np.multiply(r_c, delta_a_c, out=spare_1)
        carry_h += spare_1
        np.multiply(delta_a_h, a, out=spare_1)
        carry_h += spare_1
        np.multiply(delta_h, c, out=spare_1)
        carry_h += spare_1
    grad_weight_x_t = rows(delta_block).T @ rows(x)
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "W_a": grad_weight_x_t[n:2 * n],  # (14)
        "r_a": np.einsum("tni,tni->i", delta_a_a_all, h_states[:-1]),  # (15)
        "b_a": grad_net[n:2 * n],  # (16)
        "W_c": grad_weight_x_t[:n],  # (17)
        "r_c": np.einsum("tni,tni->i", delta_a_c_all, h_states[:-1]),  # (18)
        "b_c": grad_net[:n],  # (19)
        "W": grad_weight_x_t[2 * n:3 * n],  # (20)
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
        "W_a": draw((n, m)) / (m) ** 0.5,
        "r_a": draw((n,)),
        "b_a": draw((n,)),
        "W_c": draw((n, m)) / (m) ** 0.5,
        "r_c": draw((n,)),
        "b_c": draw((n,)),
        "W": draw((n, m)) / (m) ** 0.5,
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
