"""cornn: forward and backward pass in NumPy, derived by symrnn.

coRNN, coupled oscillators driven and damped (Rusch & Mishra 2021).

params: W (n, m); R, R_c (n, n); b (n,); dt, gamma, epsilon ()
x: x (T, N, m)
state: h (N, n); c (N, n)
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
    R_c = params["R_c"]
    b = params["b"]
    return {
        "params": params,
        "weight_x_t": W,
        "weight_h_prev": R,
        "weight_c_prev": R_c,
        "net_bias": np.concatenate([b]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    dt = params["dt"]
    gamma = params["gamma"]
    epsilon = params["epsilon"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    weight_c_prev = packed["weight_c_prev"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    c_states = array(work, "c_states", (T + 1, N, dim_n), x)
    block = array(work, "block", (T, N, dim_n), x)
    n_all = block[..., :dim_n]
    sums_h_prev = array(work, "sums_h_prev", (N, dim_n), x)
    sums_c_prev = array(work, "sums_c_prev", (N, dim_n), x)
    spare_3 = array(work, "spare_3", (N, dim_n), x)
    h_states[0] = state["h"]
    c_states[0] = state["c"]
    np.matmul(rows(x), weight_x_t.T, out=rows(block))  # (1)
    block += net_bias
    for net, h_prev, c_prev, n, c, h in zip(
        block,
        h_states[:-1],
        c_states[:-1],
        n_all,
        c_states[1:],
        h_states[1:],
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev.T, out=sums_h_prev)  # (1)
        np.add(net, sums_h_prev, out=net)
        np.matmul(c_prev, weight_c_prev.T, out=sums_c_prev)  # (1)
        np.add(net, sums_c_prev, out=net)
        np.tanh(net, out=net)  # (2)
        np.multiply(epsilon, c_prev, out=c)  # (3)
        np.subtract(n, c, out=c)
        np.multiply(gamma, h_prev, out=spare_3)
        c -= spare_3
        c *= dt
        c += c_prev
        np.multiply(dt, c, out=h)  # (4)
        h += h_prev
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_x_t", "weight_h_prev", "weight_c_prev")}
    return outputs, {"h": h_states[-1].copy(), "c": c_states[-1].copy()}, (kept, x, h_states, c_states, block)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, c_states, block = tape
    work = {} if work is None else work
    params = packed["params"]
    dt = params["dt"]
    gamma = params["gamma"]
    epsilon = params["epsilon"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    weight_c_prev = packed["weight_c_prev"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    n_all = block[..., :dim_n]
    delta_block = array(work, "delta_block", (T, N, dim_n), d_outputs)
    delta_a_n_all = delta_block[..., :dim_n]
    delta_h_all = array(work, "delta_h_all", (T, N, dim_n), d_outputs)
    delta_c_all = array(work, "delta_c_all", (T, N, dim_n), d_outputs)
    spare_1 = array(work, "spare_1", (N, dim_n), d_outputs)
    np.square(n_all, out=delta_a_n_all)  # (8)
    np.subtract(1, delta_a_n_all, out=delta_a_n_all)
    delta_a_n_all *= dt
    carry_h = np.array(d_final_state["h"])
    carry_c = np.array(d_final_state["c"])
    for delta_net, upstream_h, delta_h, delta_c, delta_a_n in zip(
        delta_block[::-1],
        d_outputs[::-1],
        delta_h_all[::-1],
        delta_c_all[::-1],
        delta_a_n_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (5)
        np.multiply(dt, delta_h, out=delta_c)  # (6)
        delta_c += carry_c
        delta_a_n *= delta_c  # (8)
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (9)
        np.multiply(dt, gamma, out=spare_1)
        spare_1 *= delta_c
        carry_h -= spare_1
        carry_h += delta_h
        np.matmul(delta_net, weight_c_prev, out=carry_c)  # (10)
        np.multiply(delta_c, (1 - dt * epsilon), out=spare_1)
        carry_c += spare_1
    grads = {
        "W": rows(delta_a_n_all).T @ rows(x),  # (11)
        "R": rows(delta_a_n_all).T @ rows(h_states[:-1]),  # (12)
        "R_c": rows(delta_a_n_all).T @ rows(c_states[:-1]),  # (13)
        "b": delta_a_n_all.sum(axis=(0, 1)),  # (14)
        "dt": np.einsum("...i,...i->...", delta_c_all, n_all - gamma * h_states[:-1] - epsilon * c_states[:-1]).sum(axis=(0, 1)) + np.einsum("...i,...i->...", delta_h_all, c_states[1:]).sum(axis=(0, 1)),  # (15)
        "gamma": (-dt * np.einsum("...i,...i->...", delta_c_all, h_states[:-1])).sum(axis=(0, 1)),  # (16)
        "epsilon": (-dt * np.einsum("...i,...i->...", delta_c_all, c_states[:-1])).sum(axis=(0, 1)),  # (17)
    }
    d_x = product(delta_block, weight_x_t.T)
    return grads, d_x, {"h": carry_h, "c": carry_c}


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
        "W": draw((n, m)) / (m) ** 0.5,
        "R": draw((n, n)) / (n) ** 0.5,
        "R_c": draw((n, n)) / (n) ** 0.5,
        "b": draw((n,)),
        "dt": np.array(draw()),
        "gamma": np.array(draw()),
        "epsilon": np.array(draw()),
    }
    x = draw((T, N, m))
    state = {"h": draw((N, n)), "c": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"h": draw((N, n)), "c": draw((N, n))}
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
