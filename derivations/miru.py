"""miru: forward and backward pass in NumPy, derived by symrnn.

Minion recurrent unit, a GRU with two numbers for gates (Zyarah & Kudithipudi 2025).

params: W (n, m); R (n, n); beta, lam (); b (n,)
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
    W = params["W"]
    R = params["R"]
    b = params["b"]
    return {
        "params": params,
        "weight_x_t": W,
        "weight_u_n": R,
        "net_bias": np.concatenate([b]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    beta = params["beta"]
    lam = params["lam"]
    weight_x_t = packed["weight_x_t"]
    weight_u_n = packed["weight_u_n"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    block = array(work, "block", (T, N, dim_n), x)
    n_all = block[..., :dim_n]
    u_n_all = array(work, "u_n_all", (T, N, dim_n), x)
    sums_u_n = array(work, "sums_u_n", (N, dim_n), x)
    spare_2 = array(work, "spare_2", (N, dim_n), x)
    h_states[0] = state["h"]
    np.matmul(rows(x), weight_x_t.T, out=rows(block))  # (2)
    block += net_bias
    for net, h_prev, n, h, u_n in zip(
        block,
        h_states[:-1],
        n_all,
        h_states[1:],
        u_n_all,
        strict=True,
    ):
        np.multiply(beta, h_prev, out=u_n)  # (1)
        np.matmul(u_n, weight_u_n.T, out=sums_u_n)  # (2)
        np.add(net, sums_u_n, out=net)
        np.tanh(n, out=n)  # (3)
        np.multiply(lam, h_prev, out=h)  # (4)
        np.multiply(n, (1 - lam), out=spare_2)
        h += spare_2
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "weight_x_t", "weight_u_n")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, block, u_n_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, block, u_n_all = tape
    work = {} if work is None else work
    params = packed["params"]
    beta = params["beta"]
    lam = params["lam"]
    weight_x_t = packed["weight_x_t"]
    weight_u_n = packed["weight_u_n"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    n_all = block[..., :dim_n]
    delta_block = array(work, "delta_block", (T, N, dim_n), d_outputs)
    delta_a_n_all = delta_block[..., :dim_n]
    delta_h_all = array(work, "delta_h_all", (T, N, dim_n), d_outputs)
    delta_u_n_all = array(work, "delta_u_n_all", (T, N, dim_n), d_outputs)
    spare_1 = array(work, "spare_1", (N, dim_n), d_outputs)
    np.square(n_all, out=delta_a_n_all)  # (7)
    np.subtract(1, delta_a_n_all, out=delta_a_n_all)
    delta_a_n_all *= (1 - lam)
    carry_h = np.array(d_final_state["h"])
    for delta_net, upstream_h, delta_h, delta_a_n, delta_u_n in zip(
        delta_block[::-1],
        d_outputs[::-1],
        delta_h_all[::-1],
        delta_a_n_all[::-1],
        delta_u_n_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (5)
        delta_a_n *= delta_h  # (7)
        np.matmul(delta_net, weight_u_n, out=delta_u_n)  # (8)
        np.multiply(beta, delta_u_n, out=carry_h)  # (9)
        np.multiply(lam, delta_h, out=spare_1)
        carry_h += spare_1
    grads = {
        "W": rows(delta_a_n_all).T @ rows(x),  # (10)
        "R": rows(delta_a_n_all).T @ rows(u_n_all),  # (11)
        "beta": np.einsum("...i,...i->...", delta_u_n_all, h_states[:-1]).sum(axis=(0, 1)),  # (12)
        "b": delta_a_n_all.sum(axis=(0, 1)),  # (13)
        "lam": np.einsum("...i,...i->...", delta_h_all, h_states[:-1] - n_all).sum(axis=(0, 1)),  # (14)
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
        "R": draw((n, n)) / (n) ** 0.5,
        "beta": np.array(draw()),
        "b": draw((n,)),
        "lam": np.array(draw()),
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
