"""single_unit: forward and backward pass in NumPy, derived by symrnn.

One recurrent unit with scalar weights (Lipton, Berkowitz & Elkan 2015).

params: w, r, b, u, b_y ()
x: x (T, N)
state: h (N,)
outputs: y (T, N)
"""

import numpy as np


def array(work, name, shape, like):
    """A work array, the one of the call before where its shape and type still fit."""
    held = work.get(name)
    if held is None or held.shape != shape or held.dtype != like.dtype:
        held = work[name] = np.empty(shape, like.dtype)
    return held


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    return {
        "params": params,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    w = params["w"]
    r = params["r"]
    b = params["b"]
    u = params["u"]
    b_y = params["b_y"]
    T, N = x.shape[:2]
    h_states = array(work, "h_states", (T + 1, N), x)
    a_h = array(work, "a_h", (N,), x)
    spare_1 = array(work, "spare_1", (N,), x)
    h_states[0] = state["h"]
    for x_t, h_prev, h in zip(x, h_states[:-1], h_states[1:], strict=True):
        np.multiply(w, x_t, out=a_h)  # (1)
        np.multiply(r, h_prev, out=spare_1)
        a_h += spare_1
        a_h += b
        np.tanh(a_h, out=h)  # (2)
    y_all = u * h_states[1:] + b_y  # (3)
    outputs = np.array(y_all)
    kept = {name: packed[name] for name in ("params",)}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states = tape
    work = {} if work is None else work
    params = packed["params"]
    w = params["w"]
    r = params["r"]
    u = params["u"]
    T, N = x.shape[:2]
    delta_y_all = array(work, "delta_y_all", (T, N), d_outputs)
    delta_h_all = array(work, "delta_h_all", (T, N), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N), d_outputs)
    np.square(h_states[1:], out=factor_1_all)  # (7)
    np.subtract(1, factor_1_all, out=factor_1_all)
    factor_1_all *= r
    carry_h = np.array(d_final_state["h"])
    for upstream_y, delta_y, delta_h, factor_1 in zip(
        d_outputs[::-1],
        delta_y_all[::-1],
        delta_h_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.copyto(delta_y, upstream_y)  # (4)
        np.multiply(u, delta_y, out=delta_h)  # (5)
        delta_h += carry_h
        np.multiply(delta_h, factor_1, out=carry_h)  # (7)
    grads = {
        "w": (delta_h_all * x * (1 - h_states[1:]**2)).sum(axis=(0, 1)),  # (8)
        "r": (delta_h_all * h_states[:-1] * (1 - h_states[1:]**2)).sum(axis=(0, 1)),  # (9)
        "b": (delta_h_all * (1 - h_states[1:]**2)).sum(axis=(0, 1)),  # (10)
        "u": (delta_y_all * h_states[1:]).sum(axis=(0, 1)),  # (11)
        "b_y": delta_y_all.sum(axis=(0, 1)),  # (12)
    }
    d_x = np.array(w * delta_h_all * (1 - h_states[1:]**2))
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


def check(T=3, N=2):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "w": np.array(draw()),
        "r": np.array(draw()),
        "b": np.array(draw()),
        "u": np.array(draw()),
        "b_y": np.array(draw()),
    }
    x = draw((T, N))
    state = {"h": draw((N,))}
    d_outputs = draw((T, N))
    d_final_state = {"h": draw((N,))}
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
