"""hidden_markov_step: forward and backward pass in NumPy, derived by symrnn.

hidden_markov_step

params: A (n, n)
x: x (T, N, n)
state: alpha (N, n)
outputs: y (T, N, n)
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


def logsumexp(a):
    top = a.max(axis=-1, keepdims=True)
    return np.log(np.exp(a - top).sum(axis=-1)) + top[..., 0]


def softmax(a):
    e = np.exp(a - a.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    A = params["A"]
    u_p = softmax(A)  # (1)
    return {
        "params": params,
        "u_p": u_p,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    u_p = packed["u_p"]
    T, N = x.shape[:2]
    n = x.shape[2]
    alpha_states = array(work, "alpha_states", (T + 1, N, n), x)
    u_p_2_all = array(work, "u_p_2_all", (T, N, n), x)
    u_p_3_all = array(work, "u_p_3_all", (T, N, n), x)
    p_all = array(work, "p_all", (T, N, n), x)
    u_alpha_all = array(work, "u_alpha_all", (T, N), x)
    alpha_states[0] = state["alpha"]
    for x_t, alpha_prev, p, alpha, u_p_2, u_p_3, u_alpha in zip(
        x,
        alpha_states[:-1],
        p_all,
        alpha_states[1:],
        u_p_2_all,
        u_p_3_all,
        u_alpha_all,
        strict=True,
    ):
        np.copyto(u_p_2, softmax(alpha_prev))  # (2)
        np.matmul(u_p_2, u_p, out=u_p_3)  # (3)
        np.log(u_p_3, out=p)  # (4)
        p += x_t
        np.copyto(u_alpha, logsumexp(p))  # (5)
        np.subtract(p, u_alpha[..., None], out=alpha)  # (6)
    u_y_all = np.exp(alpha_states[1:])  # (7)
    u_y_2_all = u_y_all @ u_p  # (8)
    y_all = np.log(u_y_2_all)  # (9)
    outputs = np.array(y_all)
    kept = {name: packed[name] for name in ("u_p",)}
    return outputs, {"alpha": alpha_states[-1].copy()}, (kept, x, p_all, u_p_2_all, u_p_3_all, u_alpha_all, u_y_all, u_y_2_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, p_all, u_p_2_all, u_p_3_all, u_alpha_all, u_y_all, u_y_2_all = tape
    work = {} if work is None else work
    u_p = packed["u_p"]
    T, N = x.shape[:2]
    n = x.shape[2]
    delta_y = array(work, "delta_y", (N, n), d_outputs)
    delta_u_y_2_all = array(work, "delta_u_y_2_all", (T, N, n), d_outputs)
    delta_u_y = array(work, "delta_u_y", (N, n), d_outputs)
    delta_alpha = array(work, "delta_alpha", (N, n), d_outputs)
    delta_u_alpha = array(work, "delta_u_alpha", (N,), d_outputs)
    delta_p_all = array(work, "delta_p_all", (T, N, n), d_outputs)
    delta_u_p_3_all = array(work, "delta_u_p_3_all", (T, N, n), d_outputs)
    delta_u_p_2 = array(work, "delta_u_p_2", (N, n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    np.divide(1, u_y_2_all, out=delta_u_y_2_all)  # (11)
    np.subtract(p_all, u_alpha_all[..., None], out=factor_1_all)  # (15)
    np.exp(factor_1_all, out=factor_1_all)
    np.divide(1, u_p_3_all, out=delta_u_p_3_all)  # (16)
    carry_alpha = np.array(d_final_state["alpha"])
    for u_p_2, u_y, upstream_y, delta_u_y_2, delta_p, delta_u_p_3, factor_1 in zip(
        u_p_2_all[::-1],
        u_y_all[::-1],
        d_outputs[::-1],
        delta_u_y_2_all[::-1],
        delta_p_all[::-1],
        delta_u_p_3_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.copyto(delta_y, upstream_y)  # (10)
        delta_u_y_2 *= delta_y  # (11)
        np.matmul(delta_u_y_2, u_p.T, out=delta_u_y)  # (12)
        np.multiply(delta_u_y, u_y, out=delta_alpha)  # (13)
        delta_alpha += carry_alpha
        np.copyto(delta_u_alpha, delta_alpha.sum(axis=-1))  # (14)
        np.multiply(delta_u_alpha, -1, out=delta_u_alpha)
        np.multiply(delta_u_alpha[..., None], factor_1, out=delta_p)  # (15)
        delta_p += delta_alpha
        delta_u_p_3 *= delta_p  # (16)
        np.matmul(delta_u_p_3, u_p.T, out=delta_u_p_2)  # (17)
        np.subtract(delta_u_p_2, np.einsum("...i,...i->...", delta_u_p_2, u_p_2)[..., None], out=carry_alpha)  # (19)
        carry_alpha *= u_p_2
    delta_u_p = rows(u_y_all).T @ rows(delta_u_y_2_all) + rows(u_p_2_all).T @ rows(delta_u_p_3_all)  # (18)
    grads = {
        "A": (delta_u_p * u_p - (np.diagonal(delta_u_p @ u_p.T, axis1=-2, axis2=-1)[..., None] * np.eye(np.diagonal(delta_u_p @ u_p.T, axis1=-2, axis2=-1).shape[-1], dtype=np.diagonal(delta_u_p @ u_p.T, axis1=-2, axis2=-1).dtype)) @ u_p),  # (20)
    }
    d_x = np.array(delta_p_all)
    return grads, d_x, {"alpha": carry_alpha}


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


def check(T=3, N=2, n=4):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "A": draw((n, n)) / (n) ** 0.5,
    }
    x = draw((T, N, n))
    state = {"alpha": draw((N, n))}
    d_outputs = draw((T, N, n))
    d_final_state = {"alpha": draw((N, n))}
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
