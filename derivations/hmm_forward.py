"""hmm_forward: forward and backward pass in NumPy, derived by symrnn.

Forward recursion of a hidden Markov model, in logarithms (Baum et al. 1970; Rabiner 1989).

params: A (n, n)
x: x (T, N, n)
state: alpha (N, n)
outputs: z (T, N)
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


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    A = params["A"]
    P = np.exp(A)  # (1)
    return {
        "params": params,
        "P": P,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    P = packed["P"]
    T, N = x.shape[:2]
    n = x.shape[2]
    alpha_states = array(work, "alpha_states", (T + 1, N, n), x)
    q_all = array(work, "q_all", (T, N, n), x)
    r_all = array(work, "r_all", (T, N, n), x)
    p_all = array(work, "p_all", (T, N, n), x)
    z_all = array(work, "z_all", (T, N), x)
    alpha_states[0] = state["alpha"]
    for x_t, alpha_prev, q, r, p, z, alpha in zip(
        x,
        alpha_states[:-1],
        q_all,
        r_all,
        p_all,
        z_all,
        alpha_states[1:],
        strict=True,
    ):
        np.exp(alpha_prev, out=q)  # (2)
        np.matmul(q, P, out=r)  # (3)
        np.log(r, out=p)  # (4)
        p += x_t
        np.copyto(z, logsumexp(p))  # (5)
        np.subtract(p, z[..., None], out=alpha)  # (6)
    outputs = np.array(z_all)
    kept = {name: packed[name] for name in ("P",)}
    return outputs, {"alpha": alpha_states[-1].copy()}, (kept, x, q_all, r_all, p_all, z_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, q_all, r_all, p_all, z_all = tape
    work = {} if work is None else work
    P = packed["P"]
    T, N = x.shape[:2]
    n = x.shape[2]
    delta_alpha = array(work, "delta_alpha", (N, n), d_outputs)
    delta_z = array(work, "delta_z", (N,), d_outputs)
    delta_p_all = array(work, "delta_p_all", (T, N, n), d_outputs)
    delta_r_all = array(work, "delta_r_all", (T, N, n), d_outputs)
    delta_q = array(work, "delta_q", (N, n), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N, n), d_outputs)
    np.subtract(p_all, z_all[..., None], out=factor_1_all)  # (9)
    np.exp(factor_1_all, out=factor_1_all)
    np.divide(1, r_all, out=delta_r_all)  # (10)
    carry_alpha = np.array(d_final_state["alpha"])
    for q, upstream_z, delta_p, delta_r, factor_1 in zip(
        q_all[::-1],
        d_outputs[::-1],
        delta_p_all[::-1],
        delta_r_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.copyto(delta_alpha, carry_alpha)  # (7)
        np.copyto(delta_z, delta_alpha.sum(axis=-1))  # (8)
        np.subtract(upstream_z, delta_z, out=delta_z)
        np.multiply(delta_z[..., None], factor_1, out=delta_p)  # (9)
        delta_p += delta_alpha
        delta_r *= delta_p  # (10)
        np.matmul(delta_r, P.T, out=delta_q)  # (11)
        np.multiply(delta_q, q, out=carry_alpha)  # (13)
    delta_P = rows(q_all).T @ rows(delta_r_all)  # (12)
    grads = {
        "A": delta_P * P,  # (14)
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
    d_outputs = draw((T, N))
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
