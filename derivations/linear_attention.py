"""linear_attention: forward and backward pass in NumPy, derived by symrnn.

Linear attention as a recurrent network (Katharopoulos et al. 2020).

params: W_q, W_k (d, m); W_v (n, m)
x: x (T, N, m)
state: S (N, n, d); z (N, d)
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


def product(a, weight):
    """a @ weight.T for all steps and sequences in one product."""
    return (rows(a) @ weight.T).reshape(*a.shape[:-1], -1)


def above(a, b):
    """1 where a > b, 0 elsewhere, in the type of the operands."""
    return (a > b).astype(np.result_type(a, b))


def elu(a, alpha):
    return np.where(a > 0, a, alpha * np.expm1(np.minimum(a, 0)))


def where(condition, a, b):
    """a where the condition is 1, b elsewhere, in the type of all three."""
    return np.where(condition > 0, a, b).astype(np.result_type(condition, a, b), copy=False)


def pack(params):
    """Weights that meet the same vector side by side; done once for many calls."""
    return {
        "params": params,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    W_q = params["W_q"]
    W_k = params["W_k"]
    W_v = params["W_v"]
    T, N = x.shape[:2]
    n = state["S"].shape[1]
    d = state["S"].shape[2]
    S_states = array(work, "S_states", (T + 1, N, n, d), x)
    z_states = array(work, "z_states", (T + 1, N, d), x)
    S_states[0] = state["S"]
    z_states[0] = state["z"]
    a_q_all = product(x, W_q)  # (1)
    elu_a_q_all = elu(a_q_all, 1)
    q_all = elu_a_q_all + 1  # (2)
    a_k_all = product(x, W_k)  # (3)
    elu_a_k_all = elu(a_k_all, 1)
    k_all = elu_a_k_all + 1  # (4)
    v_all = product(x, W_v)  # (5)
    for S_prev, z_prev, k, v, S, z in zip(
        S_states[:-1],
        z_states[:-1],
        k_all,
        v_all,
        S_states[1:],
        z_states[1:],
        strict=True,
    ):
        np.copyto(S, np.einsum("...i,...j->...ij", v, k))  # (6)
        S += S_prev
        np.add(z_prev, k, out=z)  # (7)
    u_y_all = np.einsum("...ij,...j->...i", S_states[1:], q_all)  # (8)
    u_y_2_all = np.einsum("...i,...i->...", z_states[1:], q_all)  # (9)
    y_all = u_y_all / u_y_2_all[..., None]  # (10)
    outputs = np.array(y_all)
    kept = {name: packed[name] for name in ("params",)}
    return outputs, {"S": S_states[-1].copy(), "z": z_states[-1].copy()}, (kept, x, q_all, k_all, v_all, S_states, z_states, a_q_all, a_k_all, u_y_all, u_y_2_all, elu_a_q_all, elu_a_k_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, q_all, k_all, v_all, S_states, z_states, a_q_all, a_k_all, u_y_all, u_y_2_all, elu_a_q_all, elu_a_k_all = tape
    work = {} if work is None else work
    params = packed["params"]
    W_q = params["W_q"]
    W_k = params["W_k"]
    W_v = params["W_v"]
    T, N = x.shape[:2]
    n = d_final_state["S"].shape[1]
    d = d_final_state["S"].shape[2]
    delta_y = array(work, "delta_y", (N, n), d_outputs)
    delta_u_y_2_all = array(work, "delta_u_y_2_all", (T, N), d_outputs)
    delta_u_y_all = array(work, "delta_u_y_all", (T, N, n), d_outputs)
    delta_z_all = array(work, "delta_z_all", (T, N, d), d_outputs)
    delta_S_all = array(work, "delta_S_all", (T, N, n, d), d_outputs)
    factor_1_all = array(work, "factor_1_all", (T, N), d_outputs)
    spare_1 = array(work, "spare_1", (N,), d_outputs)
    np.divide(1, u_y_2_all, out=factor_1_all)  # (13)
    carry_S = np.array(d_final_state["S"])
    carry_z = np.array(d_final_state["z"])
    for q, u_y, u_y_2, upstream_y, delta_u_y_2, delta_u_y, delta_z, delta_S, factor_1 in zip(
        q_all[::-1],
        u_y_all[::-1],
        u_y_2_all[::-1],
        d_outputs[::-1],
        delta_u_y_2_all[::-1],
        delta_u_y_all[::-1],
        delta_z_all[::-1],
        delta_S_all[::-1],
        factor_1_all[::-1],
        strict=True,
    ):
        np.copyto(delta_y, upstream_y)  # (11)
        np.copyto(delta_u_y_2, np.einsum("...i,...i->...", delta_y, u_y))  # (12)
        np.square(u_y_2, out=spare_1)
        delta_u_y_2 /= spare_1
        np.multiply(delta_u_y_2, -1, out=delta_u_y_2)
        np.multiply(delta_y, factor_1[..., None], out=delta_u_y)  # (13)
        np.multiply(delta_u_y_2[..., None], q, out=delta_z)  # (14)
        delta_z += carry_z
        np.copyto(delta_S, np.einsum("...i,...j->...ij", delta_u_y, q))  # (15)
        delta_S += carry_S
        np.copyto(carry_S, delta_S)  # (21)
        np.copyto(carry_z, delta_z)  # (22)
    delta_v_all = np.einsum("...ij,...j->...i", delta_S_all, k_all)  # (16)
    delta_k_all = delta_z_all + np.einsum("...ij,...j->...i", np.swapaxes(delta_S_all, -1, -2), v_all)  # (17)
    delta_a_k_all = delta_k_all * where(above(a_k_all, 0), 1, 1 + elu_a_k_all)  # (18)
    delta_q_all = delta_u_y_2_all[..., None] * z_states[1:] + np.einsum("...ij,...j->...i", np.swapaxes(S_states[1:], -1, -2), delta_u_y_all)  # (19)
    delta_a_q_all = delta_q_all * where(above(a_q_all, 0), 1, 1 + elu_a_q_all)  # (20)
    grads = {
        "W_q": rows(delta_a_q_all).T @ rows(x),  # (23)
        "W_k": rows(delta_a_k_all).T @ rows(x),  # (24)
        "W_v": rows(delta_v_all).T @ rows(x),  # (25)
    }
    d_x = np.array(product(delta_a_q_all, W_q.T) + product(delta_a_k_all, W_k.T) + product(delta_v_all, W_v.T))
    return grads, d_x, {"S": carry_S, "z": carry_z}


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


def check(T=3, N=2, m=4, n=6, d=3):
    """The largest error of a gradient entry, in parts of the largest entry of its array."""
    draw = np.random.default_rng(0).standard_normal
    params = {
        "W_q": draw((d, m)) / (m) ** 0.5,
        "W_k": draw((d, m)) / (m) ** 0.5,
        "W_v": draw((n, m)) / (m) ** 0.5,
    }
    x = draw((T, N, m))
    state = {"S": draw((N, n, d)), "z": draw((N, d))}
    d_outputs = draw((T, N, n))
    d_final_state = {"S": draw((N, n, d)), "z": draw((N, d))}
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
