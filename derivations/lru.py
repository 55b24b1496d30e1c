"""lru: forward and backward pass in NumPy, derived by symrnn.

Linear recurrent unit, written as a real pair (Orvieto et al. 2023).

params: nu_log, theta_log, gamma_log (n,); B_u, B_v (n, m); C_u, C_v (m, n); d (m,)
x: x (T, N, m)
state: u (N, n); v (N, n)
outputs: y (T, N, m)
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
    nu_log = params["nu_log"]
    theta_log = params["theta_log"]
    gamma_log = params["gamma_log"]
    exp_nu_log = np.exp(nu_log)
    rho = np.exp(-exp_nu_log)  # (1)
    phi = np.exp(theta_log)  # (2)
    cos_phi = np.cos(phi)
    alpha = cos_phi * rho  # (3)
    sin_phi = np.sin(phi)
    beta = sin_phi * rho  # (4)
    gamma = np.exp(gamma_log)  # (5)
    return {
        "params": params,
        "exp_nu_log": exp_nu_log,
        "rho": rho,
        "phi": phi,
        "cos_phi": cos_phi,
        "alpha": alpha,
        "sin_phi": sin_phi,
        "beta": beta,
        "gamma": gamma,
    }


def forward(packed, x, state, work=None):
    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
    work = {} if work is None else work
    params = packed["params"]
    B_u = params["B_u"]
    B_v = params["B_v"]
    C_u = params["C_u"]
    C_v = params["C_v"]
    d = params["d"]
    alpha = packed["alpha"]
    beta = packed["beta"]
    gamma = packed["gamma"]
    T, N = x.shape[:2]
    n = state["u"].shape[1]
    u_states = array(work, "u_states", (T + 1, N, n), x)
    v_states = array(work, "v_states", (T + 1, N, n), x)
    spare_1 = array(work, "spare_1", (N, n), x)
    u_states[0] = state["u"]
    v_states[0] = state["v"]
    p_all = product(x, B_u)  # (6)
    q_all = product(x, B_v)  # (7)
    for u_prev, v_prev, p, q, u, v in zip(
        u_states[:-1],
        v_states[:-1],
        p_all,
        q_all,
        u_states[1:],
        v_states[1:],
        strict=True,
    ):
        np.multiply(u_prev, alpha, out=u)  # (8)
        np.multiply(v_prev, beta, out=spare_1)
        u -= spare_1
        np.multiply(gamma, p, out=spare_1)
        u += spare_1
        np.multiply(u_prev, beta, out=v)  # (9)
        np.multiply(v_prev, alpha, out=spare_1)
        v += spare_1
        np.multiply(gamma, q, out=spare_1)
        v += spare_1
    y_all = product(u_states[1:], C_u) - product(v_states[1:], C_v) + d * x  # (10)
    outputs = np.array(y_all)
    kept = {name: packed[name] for name in ("params", "exp_nu_log", "rho", "phi", "cos_phi", "alpha", "sin_phi", "beta", "gamma")}
    return outputs, {"u": u_states[-1].copy(), "v": v_states[-1].copy()}, (kept, x, u_states, v_states, p_all, q_all)


def backward(tape, d_outputs, d_final_state, work=None):
    """Gradients by the parameters, the inputs and the initial state."""
    packed, x, u_states, v_states, p_all, q_all = tape
    work = {} if work is None else work
    params = packed["params"]
    B_u = params["B_u"]
    B_v = params["B_v"]
    C_u = params["C_u"]
    C_v = params["C_v"]
    d = params["d"]
    exp_nu_log = packed["exp_nu_log"]
    rho = packed["rho"]
    phi = packed["phi"]
    cos_phi = packed["cos_phi"]
    alpha = packed["alpha"]
    sin_phi = packed["sin_phi"]
    beta = packed["beta"]
    gamma = packed["gamma"]
    T, N = x.shape[:2]
    m = x.shape[2]
    n = d_final_state["u"].shape[1]
    delta_y_all = array(work, "delta_y_all", (T, N, m), d_outputs)
    delta_v_all = array(work, "delta_v_all", (T, N, n), d_outputs)
    delta_u_all = array(work, "delta_u_all", (T, N, n), d_outputs)
    spare_1 = array(work, "spare_1", (N, n), d_outputs)
    carry_u = np.array(d_final_state["u"])
    carry_v = np.array(d_final_state["v"])
    for upstream_y, delta_y, delta_v, delta_u in zip(
        d_outputs[::-1],
        delta_y_all[::-1],
        delta_v_all[::-1],
        delta_u_all[::-1],
        strict=True,
    ):
        np.copyto(delta_y, upstream_y)  # (11)
        np.matmul(delta_y, C_v, out=delta_v)  # (12)
        np.subtract(carry_v, delta_v, out=delta_v)
        np.matmul(delta_y, C_u, out=delta_u)  # (13)
        delta_u += carry_u
        np.multiply(delta_u, alpha, out=carry_u)  # (21)
        np.multiply(delta_v, beta, out=spare_1)
        carry_u += spare_1
        np.multiply(delta_u, beta, out=carry_v)  # (22)
        np.multiply(carry_v, -1, out=carry_v)
        np.multiply(delta_v, alpha, out=spare_1)
        carry_v += spare_1
    delta_q_all = delta_v_all * gamma  # (14)
    delta_p_all = delta_u_all * gamma  # (15)
    delta_gamma = np.einsum("tni,tni->i", delta_v_all, q_all) + np.einsum("tni,tni->i", delta_u_all, p_all)  # (16)
    delta_beta = np.einsum("tni,tni->i", delta_v_all, u_states[:-1]) + -1 * np.einsum("tni,tni->i", delta_u_all, v_states[:-1])  # (17)
    delta_alpha = np.einsum("tni,tni->i", delta_v_all, v_states[:-1]) + np.einsum("tni,tni->i", delta_u_all, u_states[:-1])  # (18)
    delta_phi = delta_beta * cos_phi * rho + -delta_alpha * sin_phi * rho  # (19)
    delta_rho = delta_beta * sin_phi + delta_alpha * cos_phi  # (20)
    grads = {
        "nu_log": -delta_rho * exp_nu_log * rho,  # (23)
        "theta_log": delta_phi * phi,  # (24)
        "gamma_log": delta_gamma * gamma,  # (25)
        "B_u": rows(delta_p_all).T @ rows(x),  # (26)
        "B_v": rows(delta_q_all).T @ rows(x),  # (27)
        "C_u": rows(delta_y_all).T @ rows(u_states[1:]),  # (28)
        "C_v": -1 * (rows(delta_y_all).T @ rows(v_states[1:])),  # (29)
        "d": np.einsum("tni,tni->i", delta_y_all, x),  # (30)
    }
    d_x = np.array(product(delta_p_all, B_u.T) + product(delta_q_all, B_v.T) + d * delta_y_all)
    return grads, d_x, {"u": carry_u, "v": carry_v}


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
        "nu_log": draw((n,)),
        "theta_log": draw((n,)),
        "gamma_log": draw((n,)),
        "B_u": draw((n, m)) / (m) ** 0.5,
        "B_v": draw((n, m)) / (m) ** 0.5,
        "C_u": draw((m, n)) / (n) ** 0.5,
        "C_v": draw((m, n)) / (n) ** 0.5,
        "d": draw((m,)),
    }
    x = draw((T, N, m))
    state = {"u": draw((N, n)), "v": draw((N, n))}
    d_outputs = draw((T, N, m))
    d_final_state = {"u": draw((N, n)), "v": draw((N, n))}
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
