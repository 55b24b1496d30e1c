"""fastgrnn: forward and backward pass in NumPy, derived by symrnn.

FastGRNN, a gate and a candidate over the same two matrices (Kusupati et al. 2018).

params: W (n, m); R (n, n); b_z, b_n (n,); zeta, nu ()
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


def sigmoid(a):
    """1 / (1 + exp(-a)) without overflow."""
    decay = np.exp(np.where(a >= 0, -a, a))
    return np.where(a >= 0, 1, decay) / (1 + decay)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    W = params["W"]
    R = params["R"]
    zeta = params["zeta"]
    nu = params["nu"]
    sigmoid_nu = sigmoid(nu)
    sigmoid_zeta = sigmoid(zeta)
    return {
        "params": params,
        "sigmoid_nu": sigmoid_nu,
        "sigmoid_zeta": sigmoid_zeta,
        "weight_x_t": W,
        "weight_h_prev": R,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    b_z = params["b_z"]
    b_n = params["b_n"]
    sigmoid_nu = packed["sigmoid_nu"]
    sigmoid_zeta = packed["sigmoid_zeta"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    block = array(work, "block", (T, N, dim_n), x)
    a_all = block[..., :dim_n]
    a_z = array(work, "a_z", (N, dim_n), x)
    z_all = array(work, "z_all", (T, N, dim_n), x)
    a_n = array(work, "a_n", (N, dim_n), x)
    n_all = array(work, "n_all", (T, N, dim_n), x)
    sums_h_prev = array(work, "sums_h_prev", (N, dim_n), x)
    spare_2 = array(work, "spare_2", (N, dim_n), x)
    h_states[0] = state["h"]
    np.matmul(rows(x), weight_x_t.T, out=rows(block))  # (1)
    for net, h_prev, a, z, n, h in zip(
        block,
        h_states[:-1],
        a_all,
        z_all,
        n_all,
        h_states[1:],
        strict=True,
    ):
        np.matmul(h_prev, weight_h_prev.T, out=sums_h_prev)  # (1)
        np.add(net, sums_h_prev, out=net)
        np.add(a, b_z, out=a_z)  # (2)
        np.multiply(a_z, 0.5, out=z)  # (3)
        np.tanh(z, out=z)
        z *= 0.5
        z += 0.5
        np.add(a, b_n, out=a_n)  # (4)
        np.tanh(a_n, out=n)  # (5)
        np.subtract(1, z, out=h)  # (6)
        h *= sigmoid_zeta
        h += sigmoid_nu
        h *= n
        np.multiply(h_prev, z, out=spare_2)
        h += spare_2
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("sigmoid_nu", "sigmoid_zeta", "weight_x_t", "weight_h_prev")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, z_all, n_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, z_all, n_all = tape
    work = {} if work is None else work
    sigmoid_nu = packed["sigmoid_nu"]
    sigmoid_zeta = packed["sigmoid_zeta"]
    weight_x_t = packed["weight_x_t"]
    weight_h_prev = packed["weight_h_prev"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    delta_block = array(work, "delta_block", (T, N, dim_n), d_outputs)
    delta_a_all = delta_block[..., :dim_n]
    delta_h_all = array(work, "delta_h_all", (T, N, dim_n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, dim_n), d_outputs)
    factor_2_all = array(work, "factor_2_all", (T, N, dim_n), d_outputs)
    spare_all_1 = array(work, "spare_all_1", (T, N, dim_n), d_outputs)
    spare_1 = array(work, "spare_1", (N, dim_n), d_outputs)
    np.subtract(1, z_all, out=factor_1_all)  # (12)
    factor_1_all *= sigmoid_zeta
    factor_1_all += sigmoid_nu
    np.square(n_all, out=spare_all_1)
    np.subtract(1, spare_all_1, out=spare_all_1)
    factor_1_all *= spare_all_1
    np.multiply(sigmoid_zeta, n_all, out=factor_2_all)  # (12)
    np.subtract(h_states[:-1], factor_2_all, out=factor_2_all)
    factor_2_all *= z_all
    np.subtract(1, z_all, out=spare_all_1)
    factor_2_all *= spare_all_1
    carry_h = np.array(d_final_state["h"])
    for delta_net, z, upstream_h, delta_h, delta_a, factor_1, factor_2 in zip(
        delta_block[::-1],
        z_all[::-1],
        d_outputs[::-1],
        delta_h_all[::-1],
        delta_a_all[::-1],
        factor_1_all[::-1],
        factor_2_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (7)
        np.multiply(delta_h, factor_1, out=delta_a)  # (12)
        np.multiply(delta_h, factor_2, out=spare_1)
        delta_a += spare_1
        np.matmul(delta_net, weight_h_prev, out=carry_h)  # (13)
        np.multiply(delta_h, z, out=spare_1)
        carry_h += spare_1
    grads = {
        "W": rows(delta_a_all).T @ rows(x),  # (14)
        "R": rows(delta_a_all).T @ rows(h_states[:-1]),  # (15)
        "b_z": (delta_h_all * z_all * (h_states[:-1] - sigmoid_zeta * n_all) * (1 - z_all)).sum(axis=(0, 1)),  # (16)
        "b_n": (delta_h_all * (sigmoid_nu + sigmoid_zeta * (1 - z_all)) * (1 - n_all**2)).sum(axis=(0, 1)),  # (17)
        "zeta": (np.einsum("...i,...i->...", delta_h_all, n_all * (1 - z_all)) * sigmoid_zeta * (1 - sigmoid_zeta)).sum(axis=(0, 1)),  # (18)
        "nu": (np.einsum("...i,...i->...", delta_h_all, n_all) * sigmoid_nu * (1 - sigmoid_nu)).sum(axis=(0, 1)),  # (19)
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
        "b_z": draw((n,)),
        "b_n": draw((n,)),
        "zeta": np.array(draw()),
        "nu": np.array(draw()),
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
