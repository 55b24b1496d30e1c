"""atr: forward and backward pass in NumPy, derived by symrnn.

Addition–subtraction twin-gated recurrent network (Zhang, Xiong, Su, Lin & Zhang 2018).

params: W (n, m); R (n, n)
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
    R = params["R"]
    return {
        "params": params,
        "weight_h_prev": R,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W = params["W"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, n), x)
    q_all = block[..., :n]
    a_i = array(work, "a_i", (N, n), x)
    i_all = array(work, "i_all", (T, N, n), x)
    a_f = array(work, "a_f", (N, n), x)
    f_all = array(work, "f_all", (T, N, n), x)
    sums_h_prev = array(work, "sums_h_prev", (N, n), x)
    spare_2 = array(work, "spare_2", (N, n), x)
    h_states[0] = state["h"]
    p_all = product(x, W)  # (1)
    q_all[...] = 0
    for net, h_prev, p, q, i, f, h in zip(
        block,
        h_states[:-1],
        p_all,
        q_all,
        i_all,
        f_all,
        h_states[1:],
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev.T, out=sums_h_prev)  # (2)
        np.add(net, sums_h_prev, out=net)
        np.add(p, q, out=a_i)  # (3)
        np.multiply(a_i, 0.5, out=i)  # (4)
        np.tanh(i, out=i)
        i *= 0.5
        i += 0.5
        np.subtract(p, q, out=a_f)  # (5)
        np.multiply(a_f, 0.5, out=f)  # (6)
        np.tanh(f, out=f)
        f *= 0.5
        f += 0.5
        np.multiply(p, i, out=h)  # (7)
        np.multiply(h_prev, f, out=spare_2)
        h += spare_2
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, p_all, i_all, f_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, p_all, i_all, f_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W = params["W"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    n = d_final_state["h"].shape[1]
    delta_block = array(work, "delta_block", (T, N, n), d_outputs)
    delta_q_all = delta_block[..., :n]
    delta_h_all = array(work, "delta_h_all", (T, N, n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    factor_2_all = array(work, "factor_2_all", (T, N, n), d_outputs)
    spare_1 = array(work, "spare_1", (N, n), d_outputs)
    np.subtract(1, f_all, out=factor_1_all)  # (13)
    factor_1_all *= h_states[:-1]
    factor_1_all *= f_all
    np.multiply(factor_1_all, -1, out=factor_1_all)
    np.subtract(1, i_all, out=factor_2_all)  # (13)
    factor_2_all *= p_all
    factor_2_all *= i_all
    carry_h = np.array(d_final_state["h"])
    for delta_net, f, upstream_h, delta_h, delta_q, factor_1, factor_2 in zip(
        delta_block[::-1],
        f_all[::-1],
        d_outputs[::-1],
        delta_h_all[::-1],
        delta_q_all[::-1],
        factor_1_all[::-1],
        factor_2_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (8)
        np.multiply(delta_h, factor_1, out=delta_q)  # (13)
        np.multiply(delta_h, factor_2, out=spare_1)
        delta_q += spare_1
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (15)
        np.multiply(delta_h, f, out=spare_1)
        carry_h += spare_1
    delta_p_all = delta_h_all * i_all + delta_h_all * h_states[:-1] * f_all * (1 - f_all) + delta_h_all * p_all * i_all * (1 - i_all)  # (14)
    grads = {
        "W": rows(delta_p_all).T @ rows(x),  # (16)
        "R": rows(delta_q_all).T @ rows(h_states[:-1]),  # (17)
    }
    d_x = np.array(product(delta_p_all, W.T))
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
        "W": draw((n, m)) / (m) ** 0.5,
        "R": draw((n, n)) / (n) ** 0.5,
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
