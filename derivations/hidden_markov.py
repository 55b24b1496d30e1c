"""hidden_markov: the loss and all gradients in NumPy, derived by symrnn.

A hidden Markov model with the loss of the others, for contrast (Baum & Petrie 1966; Rabiner 1989).

params: y.A (y.n, y.n); E (y.n, K); alpha0 (y.n,)
x: ids (T, N); targets (T, N)
"""

from typing import Any

import numpy as np


def unit_vectors(ids: Any, classes: Any, dtype: Any) -> Any:
    """1 in the place of its class, 0 elsewhere; what names no class is 0 throughout."""
    return (np.asarray(ids)[..., None] == np.arange(classes)).astype(dtype)


def make_y_in():
    """The passes of y_in."""

    def rows(a):
        """All steps and sequences as the rows of one matrix."""
        return a.reshape(-1, a.shape[-1])


    def softmax(a):
        e = np.exp(a - a.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)


    def pack(params):
        """Weights that meet the same vector side by side; done once for many calls."""
        E = params["E"]
        u_L = softmax(E)  # (1)
        L = np.log(u_L)  # (2)
        return {
            "params": params,
            "u_L": u_L,
            "L": L,
        }


    def forward(packed, x, state, work=None):
        """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
        L = packed["L"]
        y_in_all = x @ L.T  # (3)
        outputs = np.array(y_in_all)
        kept = {name: packed[name] for name in ("u_L", "L")}
        return outputs, {}, (kept, x)


    def backward(tape, d_outputs, d_final_state, work=None):
        """Gradients by the parameters, the inputs and the initial state."""
        packed, x = tape
        u_L = packed["u_L"]
        L = packed["L"]
        delta_y_in_all = d_outputs  # (4)
        delta_L = rows(delta_y_in_all).T @ rows(x)  # (5)
        delta_u_L = delta_L / u_L  # (6)
        grads = {
            "E": (delta_u_L * u_L - (np.diagonal(delta_u_L @ u_L.T, axis1=-2, axis2=-1)[..., None] * np.eye(np.diagonal(delta_u_L @ u_L.T, axis1=-2, axis2=-1).shape[-1], dtype=np.diagonal(delta_u_L @ u_L.T, axis1=-2, axis2=-1).dtype)) @ u_L),  # (7)
        }
        d_x = np.array(delta_y_in_all @ L)
        return grads, d_x, {}

    return pack, forward, backward


def make_hidden_markov_step():
    """The passes of hidden_markov_step."""

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

    return pack, forward, backward


def make_loss():
    """The passes of loss."""

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
        E = params["E"]
        u_L = softmax(E)  # (1)
        L = np.log(u_L)  # (2)
        return {
            "params": params,
            "u_L": u_L,
            "L": L,
        }


    def forward(packed, x, state, work=None):
        """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""
        L = packed["L"]
        u_loss_all = x["y"] + x["targets_one_hot"] @ L.T  # (3)
        u_loss_2_all = logsumexp(u_loss_all)  # (4)
        loss_all = -u_loss_2_all  # (5)
        outputs = np.array(loss_all)
        kept = {name: packed[name] for name in ("u_L", "L")}
        return outputs, {}, (kept, x, u_loss_all, u_loss_2_all)


    def backward(tape, d_outputs, d_final_state, work=None):
        """Gradients by the parameters, the inputs and the initial state."""
        packed, x, u_loss_all, u_loss_2_all = tape
        u_L = packed["u_L"]
        L = packed["L"]
        delta_loss_all = d_outputs  # (6)
        delta_u_loss_2_all = -delta_loss_all  # (7)
        delta_u_loss_all = delta_u_loss_2_all[..., None] * np.exp(u_loss_all - u_loss_2_all[..., None])  # (8)
        delta_L = rows(delta_u_loss_all).T @ rows(x["targets_one_hot"])  # (9)
        delta_u_L = delta_L / u_L  # (10)
        grads = {
            "E": (delta_u_L * u_L - (np.diagonal(delta_u_L @ u_L.T, axis1=-2, axis2=-1)[..., None] * np.eye(np.diagonal(delta_u_L @ u_L.T, axis1=-2, axis2=-1).shape[-1], dtype=np.diagonal(delta_u_L @ u_L.T, axis1=-2, axis2=-1).dtype)) @ u_L),  # (11)
        }
        d_x = {
            "y": np.array(delta_u_loss_all),
            "targets_one_hot": np.array(delta_u_loss_all @ L),
        }
        return grads, d_x, {}

    return pack, forward, backward


y_in_pack, y_in_forward, y_in_backward = make_y_in()
hidden_markov_step_pack, hidden_markov_step_forward, hidden_markov_step_backward = make_hidden_markov_step()
loss_pack, loss_forward, loss_backward = make_loss()


def forward(params, x):
    """The loss, and the tape that `backward` reads."""
    values, tapes, sizes = dict(x), {}, {}
    sizes["T"] = x["ids"].shape[0]
    sizes["N"] = x["ids"].shape[1]
    sizes["y.n"] = params["y.A"].shape[0]
    sizes["K"] = params["E"].shape[1]
    like = next(iter(params.values()))
    values["ids_one_hot"] = unit_vectors(values["ids"], sizes["K"], like.dtype)
    # y_in: y_in over T
    own = {"E": params["E"]}
    state = {}
    outputs, final, tapes["y_in"] = y_in_forward(y_in_pack(own), values["ids_one_hot"], state)
    values["y_in"] = outputs
    # y: hidden_markov_step over T
    own = {"A": params["y.A"]}
    state = {
        "alpha": np.ascontiguousarray(np.broadcast_to(params["alpha0"], (sizes["N"], sizes["y.n"]))),
    }
    outputs, final, tapes["y"] = hidden_markov_step_forward(hidden_markov_step_pack(own), values["y_in"], state)
    values["y"] = outputs
    values["targets_one_hot"] = unit_vectors(values["targets"], sizes["K"], like.dtype)
    # loss: loss over T
    own = {"E": params["E"]}
    inputs = {"y": values["y"], "targets_one_hot": values["targets_one_hot"]}
    state = {}
    outputs, final, tapes["loss"] = loss_forward(loss_pack(own), inputs, state)
    values["loss"] = outputs
    weights = np.ones_like(values["loss"])
    weights = weights / (sizes["T"] * sizes["N"])
    loss = np.where(weights != 0, values["loss"], 0) * weights
    loss = float(loss.sum())
    return loss, (params, values, tapes, sizes)


def backward(tape, d_outputs=1.0):
    """Gradients by the parameters and by the inputs."""
    params, values, tapes, sizes = tape
    like = next(iter(params.values()))
    received = {}
    given = {name: np.zeros_like(value) for name, value in params.items()}
    weights = np.ones_like(values["loss"])
    weights = weights / (sizes["T"] * sizes["N"])
    received["loss"] = d_outputs * weights
    # loss
    final = {}
    d_own, d_in, d_state = loss_backward(tapes["loss"], received["loss"], final)
    given["E"] += d_own["E"]
    received["y"] = d_in["y"]
    # y
    final = {"alpha": np.zeros((sizes["N"], sizes["y.n"]), like.dtype)}
    d_own, d_in, d_state = hidden_markov_step_backward(tapes["y"], received["y"], final)
    given["y.A"] += d_own["A"]
    received["y_in"] = d_in
    given["alpha0"] += d_state["alpha"].sum(0)
    # y_in
    final = {}
    d_own, d_in, d_state = y_in_backward(tapes["y_in"], received["y_in"], final)
    given["E"] += d_own["E"]
    return given, {}
