"""More layers, whose gradient comes from above: cells in functions, slices, lists and classes."""

import numpy as np

from symrnn.verifying import Layout, functions

from .glue_layers import dotted
from .program import pick

# logistic_rnn ------------------------------------------------------------------------------------------------


def run_logistic(m, a, T):
    weights = pick(a, "W_in W_rec b")
    outputs, h = m.forward(a["x"], a["h0"], **weights)
    return dotted(outputs, a["g"]), m.backward(a["g"], a["x"], h, a["W_in"], a["W_rec"])


def verify_logistic(m):
    def backward(dh, x, h0, W_in, W_rec, b):
        return m.backward(dh, x, m.forward(x, h0, W_in, W_rec, b)[1], W_in, W_rec)

    layout = Layout("W_in = W.T\nW_rec = R.T\nb = b")
    return {"cell": "rnn_sigmoid", "backward": functions(backward, m.forward, forward_returns="hs _"), "layout": layout}


# gru_cached --------------------------------------------------------------------------------------------------

_GRU = "Wg Ug bg Wc Uc bc"


def run_gru_cached(m, a, T):
    outputs, caches = m.forward(a["x"], a["h0"], **pick(a, _GRU))
    results = m.backward(a["g"], caches, *(a[k] for k in ("Wg", "Ug", "Wc", "Uc")))
    return dotted(outputs, a["g"]), dict(zip(f"x h0 {_GRU}".split(), results, strict=True))


def verify_gru_cached(m):
    rules = "Wg = [W_z.T, W_r.T]\nUg = [R_z.T, R_r.T]\nbg = [b_z, b_r]\nWc = W_n.T\nUc = R_n.T\nbc = b_n"

    def backward(dh, cache, Wg, Ug, Wc, Uc):
        return m.backward(dh, cache, Wg, Ug, Wc, Uc)

    code = functions(backward, m.forward, returns="dx dh0 " + " ".join("d" + k for k in _GRU.split()))
    return {"cell": "gru", "backward": code, "layout": Layout(rules, x="N T m", outputs="N T n")}


# gru_after ---------------------------------------------------------------------------------------------------

_AFTER = {"W_ir": "W_r", "W_hr": "R_r", "b_r": "b_r", "W_iz": "W_z", "W_hz": "R_z", "b_z": "b_z"}
_AFTER |= {"W_hn": "R_n", "b_hn": "b_Rn", "W_in": "W_n", "b_in": "b_Wn"}


def run_gru_after(m, a, T):
    net = m.GRU({k: a[k] for k in _AFTER})
    outputs = net.forward(a["x"], a["h0"])
    d, dx, dh0 = net.backward(a["g"])
    return dotted(outputs, a["g"]), {**d, "x": dx, "h0": dh0}


def verify_gru_after(m):
    def backward(params, x, h0, dh):
        net = m.GRU(params)
        net.forward(x, h0)
        return net.backward(dh)

    layout = Layout("\n".join(f"{theirs} = {ours}" for theirs, ours in _AFTER.items()))
    code = functions(backward, lambda params, x, h0: m.GRU(params).forward(x, h0), returns="params dx dh0")
    return {"cell": "gru_reset_after", "backward": code, "layout": layout}


# rnn_slices --------------------------------------------------------------------------------------------------

_SLICES = "W_xh W_hh b_h"


def run_rnn_slices(m, a, T):
    states = m.rnn(a["X"], a["h0"], **pick(a, _SLICES))
    results = m.rnn_grads(a["X"], states, a["g"], a["W_xh"], a["W_hh"])
    return dotted(states[1:], a["g"]), dict(zip(f"{_SLICES} X h0".split(), results, strict=True))


def verify_rnn_slices(m):
    def backward(x, h0, dh, W_xh, W_hh, b_h):
        return m.rnn_grads(x, m.rnn(x, h0, W_xh, W_hh, b_h), dh, W_xh, W_hh)

    code = functions(
        backward, lambda x, h0, W_xh, W_hh, b_h: m.rnn(x, h0, W_xh, W_hh, b_h)[1:], returns="dW_xh dW_hh db_h dx dh0"
    )
    return {"cell": "rnn", "backward": code, "layout": Layout("W_xh = W.T\nW_hh = R.T\nb_h = b")}


# lstm_slices -------------------------------------------------------------------------------------------------


def run_lstm_slices(m, a, T):
    h, c, gates = m.lstm_forward(a["x"], a["h0"], a["c0"], **pick(a, "W U b"))
    results = m.lstm_backward(a["g"], a["x"], h, c, gates, a["W"], a["U"])
    return dotted(h[:, 1:], a["g"]), dict(zip(["x", "h0", "c0", "W", "U", "b"], results, strict=True))


def verify_lstm_slices(m):
    rules = "W = [W_i.T, W_f.T, W_g.T, W_o.T]\nU = [R_i.T, R_f.T, R_g.T, R_o.T]\nb = [b_i, b_f, b_g, b_o]"

    def backward(x, h0, c0, dh, W, U, b):
        return m.lstm_backward(dh, x, *m.lstm_forward(x, h0, c0, W, U, b), W, U)

    def forward(x, h0, c0, W, U, b):
        return m.lstm_forward(x, h0, c0, W, U, b)[0][:, 1:]

    code = functions(backward, forward, returns="dx dh0 dc0 dW dU db")
    return {"cell": "lstm", "backward": code, "layout": Layout(rules, x="N T m", outputs="N T n")}


# columns_lists -----------------------------------------------------------------------------------------------


def run_columns(m, a, T):
    s = m.forward(list(a["xs"]), a["s0"], **pick(a, "U W b"))
    dU, dW, db, dxs, ds0 = m.backward(list(a["xs"]), s, list(a["g"]), a["U"], a["W"])
    loss = dotted(np.array([s[t] for t in range(T)]), a["g"])
    return loss, {"U": dU, "W": dW, "b": db, "xs": np.array(dxs), "s0": ds0}


def verify_columns(m):
    def backward(x, s0, ds, U, W, b):
        return m.backward(x, m.forward(x, s0, U, W, b), ds, U, W)

    layout = Layout(
        "U = W\nW = R\nb = b[:, None]", x="[T] m 1", outputs="[T] n 1", state="n 1", names={"x": "x", "h": "s"}
    )
    code = functions(
        backward,
        lambda x, s0, U, W, b: [m.forward(x, s0, U, W, b)[t] for t in range(len(x))],
        returns="dU dW db dx ds0",
    )
    return {"cell": "rnn", "backward": code, "layout": layout}


# safe_lstm ---------------------------------------------------------------------------------------------------


def run_safe_lstm(m, a, T):
    P = pick(a, "W b")
    hs, tape = m.forward(a["xs"], a["h"], a["c"], P)
    return dotted(hs, a["g"]), dict(zip(["W", "b", "xs", "h", "c"], m.backward(a["g"], tape, P), strict=True))


def verify_safe_lstm(m):
    rules = "W = [[R_f, W_f], [R_i, W_i], [R_g, W_g], [R_o, W_o]]\nb = [b_f, b_i, b_g, b_o]"

    def backward(params, x, h, c, dh):
        return m.backward(dh, m.forward(x, h, c, params)[1], params)

    def forward(params, x, h, c):
        return m.forward(x, h, c, params)[0]

    layout = Layout(rules, x="T m", outputs="T n", state="n")
    return {"cell": "lstm", "backward": functions(backward, forward, returns="dW db dx dh0 dc0"), "layout": layout}


# safe_gru ----------------------------------------------------------------------------------------------------


def _safe(m, W, R, b, x, h, g):
    """There and back over (N, T, D)."""
    cell, tape, outputs = m.Cell(W, R, b), [], np.zeros(x.shape[:2] + h.shape[1:])
    for t in range(x.shape[1]):
        h, saved = cell(x[:, t], h)
        tape.append(saved)
        outputs[:, t] = h
    dh, dx, total = 0, np.zeros_like(x), None
    for t in reversed(range(x.shape[1])):
        dx[:, t], dh, *parts = cell.grad(g[:, t] + dh, tape[t])
        flat = [array for part in parts for array in part]
        total = flat if total is None else [a + b for a, b in zip(total, flat, strict=True)]
    return outputs, dict(zip([p + k for p in "WRb" for k in "zrn"], total, strict=True)), dx, dh


def _groups(a, mark=""):
    return [[a[p + mark + k] for k in "zrn"] for p in "WRb"]


def run_safe_gru(m, a, T):
    outputs, grads, dx, dh = _safe(m, *_groups(a), a["x"], a["h0"], a["g"])
    return dotted(outputs, a["g"]), {**grads, "x": dx, "h0": dh}


def verify_safe_gru(m):
    def backward(params, x, state, d_outputs):
        _, grads, dx, dh = _safe(m, *_groups(params), x, state["h"], d_outputs)
        return grads, dx, {"h": dh}

    def forward(params, x, state):
        return _safe(m, *_groups(params), x, state["h"], np.zeros(x.shape[:2] + state["h"].shape[1:]))[0]

    rules = "\n".join(f"W{k} = W_{k}.T\nR{k} = R_{k}.T\nb{k} = b_{k}" for k in "zrn")
    return {
        "cell": "gru",
        "backward": functions(backward, forward),
        "layout": Layout(rules, x="N T m", outputs="N T n"),
    }
