"""gated_antisymmetric_rnn: forward and backward pass in NumPy, derived by symrnn.

AntisymmetricRNN with an input gate (Chang et al. 2019).

params: R (n, n); gamma, epsilon (); W_z, W_n (n, m); b_z, b_n (n,)
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
    W_z = params["W_z"]
    b_z = params["b_z"]
    W_n = params["W_n"]
    b_n = params["b_n"]
    S = R - R.T  # (1)
    return {
        "params": params,
        "S": S,
        "weight_x_t": np.concatenate([W_z, W_n]),
        "weight_x_t_half": np.concatenate([0.5 * W_z, W_n]),
        "net_bias": np.concatenate([0.5 * b_z, b_n]),
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    gamma = params["gamma"]
    epsilon = params["epsilon"]
    S = packed["S"]
    weight_x_t_half = packed["weight_x_t_half"]
    net_bias = packed["net_bias"]
    T, N = x.shape[:2]
    dim_n = state["h"].shape[1]
    h_states = array(work, "h_states", (T + 1, N, dim_n), x)
    block = array(work, "block", (T, N, 2 * dim_n), x)
    z_all = block[..., :dim_n]
    n_all = block[..., dim_n:2 * dim_n]
    a = array(work, "a", (N, dim_n), x)
    spare_1 = array(work, "spare_1", (N, dim_n), x)
    h_states[0] = state["h"]
    np.matmul(rows(x), weight_x_t_half.T, out=rows(block))  # (3) (5)
    block += net_bias
    for h_prev, z, n, h in zip(h_states[:-1], z_all, n_all, h_states[1:], strict=True):
        np.matmul(h_prev, S.T, out=a)  # (2)
        np.multiply(gamma, h_prev, out=spare_1)
        a -= spare_1
        np.multiply(a, 0.5, out=spare_1)
        z += spare_1
        np.tanh(z, out=z)  # (4)
        z *= 0.5
        z += 0.5
        n += a
        np.tanh(n, out=n)  # (6)
        np.multiply(epsilon, z, out=h)  # (7)
        h *= n
        h += h_prev
    outputs = np.array(h_states[1:])
    kept = {name: packed[name] for name in ("params", "S", "weight_x_t")}
    return outputs, {"h": h_states[-1].copy()}, (kept, x, h_states, block)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, h_states, block = tape
    work = {} if work is None else work
    params = packed["params"]
    gamma = params["gamma"]
    epsilon = params["epsilon"]
    S = packed["S"]
    weight_x_t = packed["weight_x_t"]
    T, N = x.shape[:2]
    dim_n = d_final_state["h"].shape[1]
    z_all = block[..., :dim_n]
    n_all = block[..., dim_n:2 * dim_n]
    delta_block = array(work, "delta_block", (T, N, 2 * dim_n), d_outputs)
    delta_a_z_all = delta_block[..., :dim_n]
    delta_a_n_all = delta_block[..., dim_n:2 * dim_n]
    delta_h_all = array(work, "delta_h_all", (T, N, dim_n), d_outputs)
    delta_a_all = array(work, "delta_a_all", (T, N, dim_n), d_outputs)
    delta_gates_all = delta_block.reshape(T, N, 2, dim_n)
    spare_1 = array(work, "spare_1", (N, dim_n), d_outputs)
    np.square(n_all, out=delta_a_n_all)  # (10)
    np.subtract(1, delta_a_n_all, out=delta_a_n_all)
    delta_a_n_all *= epsilon
    delta_a_n_all *= z_all
    np.subtract(1, z_all, out=delta_a_z_all)  # (12)
    delta_a_z_all *= epsilon
    delta_a_z_all *= z_all
    delta_a_z_all *= n_all
    carry_h = np.array(d_final_state["h"])
    for delta_gates, upstream_h, delta_h, delta_a_n, delta_a_z, delta_a in zip(
        delta_gates_all[::-1],
        d_outputs[::-1],
        delta_h_all[::-1],
        delta_a_n_all[::-1],
        delta_a_z_all[::-1],
        delta_a_all[::-1],
        strict=True,
    ):
        np.add(upstream_h, carry_h, out=delta_h)  # (8)
        delta_gates *= delta_h[:, None]  # (10) (12)
        np.add(delta_a_n, delta_a_z, out=delta_a)  # (13)
        np.matmul(delta_a, S, out=carry_h)  # (15)
        np.multiply(gamma, delta_a, out=spare_1)
        carry_h -= spare_1
        carry_h += delta_h
    delta_S = rows(delta_a_all).T @ rows(h_states[:-1])  # (14)
    grad_weight_x_t = rows(delta_block).T @ rows(x)
    grad_net = rows(delta_block).sum(axis=0)
    grads = {
        "R": -delta_S.T + delta_S,  # (16)
        "gamma": (-np.einsum("...i,...i->...", delta_a_all, h_states[:-1])).sum(axis=(0, 1)),  # (17)
        "W_z": grad_weight_x_t[:dim_n],  # (18)
        "b_z": grad_net[:dim_n],  # (19)
        "W_n": grad_weight_x_t[dim_n:2 * dim_n],  # (20)
        "b_n": grad_net[dim_n:2 * dim_n],  # (21)
        "epsilon": np.einsum("...i,...i->...", delta_h_all, z_all * n_all).sum(axis=(0, 1)),  # (22)
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
        "R": draw((n, n)) / (n) ** 0.5,
        "gamma": np.array(draw()),
        "W_z": draw((n, m)) / (m) ** 0.5,
        "b_z": draw((n,)),
        "W_n": draw((n, m)) / (m) ** 0.5,
        "b_n": draw((n,)),
        "epsilon": np.array(draw()),
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
