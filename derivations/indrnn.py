"""indrnn: forward and backward pass in NumPy, derived by symrnn.

Independently recurrent network (Li et al. 2018).

params: W (n, m); u, b (n,)
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


def above(a, b):
    """1 where a > b, 0 elsewhere, in the type of the operands."""
    return (a > b).astype(np.result_type(a, b))


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    W = params["W"]
    b = params["b"]
    return {
        "params": params,
        "weight_x_t": W,
        "net_bias": np.concatenate([b]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    u = params["u"]
    weight_x_t = packed["weight_x_t"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, n), x)
    block = array(work, "block", (T, N, n), x)
    a_h_all = block[..., :n]
    spare_1 = array(work, "spare_1", (N, n), x)
    h_states[0] = state["h"]
    np.matmul(rows(x), weight_x_t.T, out=rows(block))  # (1)
    block += net_bias
    for h_prev, h, a_h in zip(h_states[:-1], h_states[1:], a_h_all, strict=True):
        np.multiply(u, h_prev, out=spare_1)
        a_h += spare_1
        np.maximum(a_h, 0, out=h)  # (2)
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_x_t")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, block)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, block = tape
    work = {} if work is None else work
    params = packed["params"]
    u = params["u"]
    weight_x_t = packed["weight_x_t"]
    T, N = x.shape[:2]
    n = d_final_state["h"].shape[1]
    a_h_all = block[..., :n]
    delta_block = array(work, "delta_block", (T, N, n), d_outputs)
    delta_a_h_all = delta_block[..., :n]
    delta_h = array(work, "delta_h", (N, n), d_outputs)
    np.copyto(delta_a_h_all, above(a_h_all, 0))  # (4)
    carry_h = np.array(d_final_state["h"])
    for upstream_h, delta_a_h in zip(d_outputs[::-1], delta_a_h_all[::-1], strict=True):
        np.add(upstream_h, carry_h, out=delta_h)  # (3)
        delta_a_h *= delta_h  # (4)
        np.multiply(u, delta_a_h, out=carry_h)  # (5)
    grads = {
        "W": rows(delta_a_h_all).T @ rows(x),  # (6)
        "u": np.einsum("tni,tni->i", delta_a_h_all, h_states[:-1]),  # (7)
        "b": delta_a_h_all.sum(axis=(0, 1)),  # (8)
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
        "W": draw((n, m)) / (m) ** 0.5,
        "u": draw((n,)),
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
