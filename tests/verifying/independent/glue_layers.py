"""Programs whose gradient comes from above: layers and their functions. A test's loss for them is Σ g ∘ outputs."""

import numpy as np

from symrnn.verifying import Code, Layout, functions, objects, torch_functions

from .program import fill, pick


def dotted(outputs, g):
    return float(np.sum(outputs * g))


# torch -------------------------------------------------------------------------------------------------------


def _tensors(arrays):
    import torch

    return {k: torch.tensor(v, requires_grad=True) for k, v in arrays.items()}


def _differentiated(a, outputs_of):
    """A loss and its gradients by autograd; `g` is the gradient from above."""
    import torch

    tensors = _tensors({k: v for k, v in a.items() if k != "g"})
    loss = (outputs_of(tensors) * torch.tensor(a["g"])).sum()
    loss.backward()
    return float(loss.detach()), {k: t.grad.numpy() for k, t in tensors.items()}


def run_torch_step(m, a, T):
    return _differentiated(a, lambda t: m.forward(t["x"], t["W"], t["R"], t["b"]))


def verify_torch_step(m):
    return {"cell": "rnn", "backward": torch_functions(m.forward)}


def run_torch_gates(m, a, T):
    return _differentiated(a, lambda t: m.lstm(t["x"], t["w_ih"], t["w_hh"], t["bias"]))


def verify_torch_gates(m):
    rules = "w_ih = [[W_i], [W_f], [W_g], [W_o]]\nw_hh = [[R_i], [R_f], [R_g], [R_o]]\nbias = [b_i, b_f, b_g, b_o]"
    return {"cell": "lstm", "backward": torch_functions(m.lstm), "layout": Layout(rules, x="N T m", outputs="N T n")}


def _lists(a):
    return [[a[p + k] for k in "zrn"] for p in "wub"]


def run_torch_by_hand(m, a, T):
    t = {k: v.detach() for k, v in _tensors(a).items()}
    hs, saved = m.gru(t["x"], *_lists(t))
    *grads, dx = m.gru_backward(t["g"], saved, *_lists(t))
    named = {p + k: d.numpy() for p, group in zip("wub", grads, strict=True) for k, d in zip("zrn", group, strict=True)}
    return dotted(hs.numpy(), a["g"]), named | {"x": dx.numpy()}


def verify_torch_by_hand(m):
    def forward(params, x):
        return m.gru(x, *([params[f"{p}_{k}"] for k in "zrn"] for p in "WRb"))

    def backward(params, d_outputs, cache):
        dw, du, db, dx = m.gru_backward(d_outputs, cache, *([params[f"{p}_{k}"] for k in "zrn"] for p in "WRb"))
        return {f"{p}_{k}": d for p, ds in zip("WRb", (dw, du, db), strict=True) for k, d in zip("zrn", ds, strict=True)}, dx  # fmt: skip

    code = torch_functions(forward, backward, forward_returns="outputs cache", returns="params x")
    return {"cell": "gru", "backward": code}


# Attributes --------------------------------------------------------------------------------------------------


def run_layer(m, a, T):
    net = m.RNNLayer(*a["Wx"].shape)
    fill(net, pick(a, "Wx Wh b"))
    loss = dotted(net.forward(a["x"], a["h0"]), a["g"])
    net.backward(a["g"])
    return loss, {k: getattr(net, "d" + k) for k in ("Wx", "Wh", "b", "x")}


def verify_layer(m):
    RNNLayer = m.RNNLayer
    code = objects(lambda m, n: RNNLayer(m, n), returns="dx")
    return {"cell": "rnn", "backward": code, "layout": Layout("Wx = W.T\nWh = R.T\nb = b")}


_LSTM = " ".join(f"{p}{k}" for k in "ifgo" for p in "WUb")


def run_lstm_attributes(m, a, T):
    net = m.LSTM(a["Wi"].shape[1], a["Wi"].shape[0])
    fill(net, pick(a, _LSTM))
    loss = dotted(net.forward(a["x"]), a["g"])
    net.backward(a["g"])
    return loss, {k: getattr(net, "d" + k) for k in (*_LSTM.split(), "x")}


def verify_lstm_attributes(m):
    rules = "\n".join(f"W{k} = W_{k}\nU{k} = R_{k}\nb{k} = b_{k}" for k in "ifgo")
    LSTM = m.LSTM
    return {"cell": "lstm", "backward": objects(lambda m, n: LSTM(m, n)), "layout": Layout(rules)}


def run_trace(m, a, T):
    h = m.rnn_forward(a["x"], a["U"], a["W"], a["b"])
    dx, _, dU, dW, db = m.rnn_backward(a["g"], a["x"], h, a["U"], a["W"])
    return dotted(h, a["g"]), {"x": dx, "U": dU, "W": dW, "b": db}


def verify_trace_unread(m):
    return _trace(m, "dx _ dU dW db")


def verify_trace(m):
    return _trace(m, "dx dh dU dW db")


def _trace(m, returns):
    layout = Layout("U = W.T\nW = R.T\nb = b", x="N T m", outputs="N T n")

    def backward(dout, x, U, W, b):
        return m.rnn_backward(dout, x, m.rnn_forward(x, U, W, b), U, W)

    return {"cell": "rnn", "backward": functions(backward, m.rnn_forward, returns=returns), "layout": layout}


# Updates that also return ------------------------------------------------------------------------------------


def run_trainer(m, a, T):
    net = m.RNN(*a["Wx"].shape[::-1], lr=1.0)
    fill(net, pick(a, "Wx Wh b"))
    loss = dotted(net.forward(a["x"], a["h0"]), a["g"])
    dx, dh0 = net.backward(a["g"])
    return loss, {**{k: a[k] - getattr(net, k) for k in ("Wx", "Wh", "b")}, "x": dx, "h0": dh0}


def verify_trainer(m):
    RNN = m.RNN
    code = objects(lambda m, n: RNN(m, n, lr=1.0), returns="dx dh0", rate=1.0)
    return {"cell": "rnn", "backward": code, "layout": Layout("Wx = W\nWh = R\nb = b")}


_GRU = [f"{p}{k}" for k in "zrc" for p in "WUb"]


def run_trainer_gru(m, a, T):
    p = {k: a[k].copy() for k in _GRU}
    loss = dotted(np.stack(m.gru_predict(p, a["X"], a["h0"])[0][1:], axis=2), a["g"])
    grads = m.gru_train(p, a["X"], a["h0"], a["g"], 1.0)
    returned = {k: grads[k] for k in ("dX", "dh0", *("d" + k for k in _GRU))}
    return loss, {**{k: a[k] - p[k] for k in _GRU}, "X": grads["dX"], "h0": grads["dh0"], "_returned": returned}


def verify_trainer_gru(m):
    rules = "\n".join(f"W{b} = W_{a}\nU{b} = R_{a}\nb{b} = b_{a}[:, None]" for a, b in zip("zrn", "zrc", strict=True))

    def forward(params, x, h0):
        return np.stack(m.gru_predict(params, x, h0)[0][1:], axis=2)

    def train(params, x, h0, d_outputs):
        grads = m.gru_train(params, x, h0, d_outputs, 1.0)
        return grads["dX"], grads["dh0"], *(grads["d" + k] for k in _GRU)

    code = Code(forward, train, returns=" ".join(["dx", "dh0", *("d" + k for k in _GRU)]), rate=1.0)
    return {"cell": "gru", "backward": code, "layout": Layout(rules, x="m N T", outputs="n N T", state="n N")}


def run_trainer_lstm(m, a, T):
    net = m.FusedLSTM(1, len(a["b"]) // 4, 1.0)
    fill(net, pick(a, "W b"))
    loss = dotted(net.forward(a["x"], a["h0"], a["c0"]), a["g"])
    dW, db, dx, dh0, dc0 = net.update(a["g"])
    taken = {"_returned": {"dW": dW, "db": db}}
    return loss, {"W": a["W"] - net.W, "b": a["b"] - net.b, "x": dx, "h0": dh0, "c0": dc0, **taken}


def verify_trainer_lstm(m):
    FusedLSTM = m.FusedLSTM
    code = objects(lambda m, n: FusedLSTM(m, n, 1.0), backward="update", returns="dW db dx dh0 dc0", rate=1.0)
    rules = "W = [[W_i, R_i], [W_f, R_f], [W_o, R_o], [W_g, R_g]]\nb = [b_i, b_f, b_o, b_g]"
    return {"cell": "lstm", "backward": code, "layout": Layout(rules)}
