"""The hand-written vanilla RNNs as canonical callables."""

import numpy as np

from .blocks import columns, join_all, one_by_one, split_all, with_last


def plain(m):
    def forward(params, x, state):
        hs = m.rnn_forward(x, state["h"], **params)
        return hs[1:], {"h": hs[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        hs = m.rnn_forward(x, state["h"], **params)
        dx, dh0, dW, dR, db = m.rnn_backward(d_outputs, d_final_state["h"], x, hs, **params)
        return {"W": dW, "R": dR, "b": db}, dx, {"h": dh0}

    return forward, backward


def batch_first(m):
    def forward(params, x, state):
        h, _ = m.rnn_forward(x.swapaxes(0, 1), state["h"], params["W"].T, params["R"].T, params["b"])
        return h.swapaxes(0, 1), {"h": h[:, -1]}

    def backward(params, x, state, d_outputs, d_final_state):
        _, cache = m.rnn_forward(x.swapaxes(0, 1), state["h"], params["W"].T, params["R"].T, params["b"])
        dh = with_last(d_outputs, d_final_state["h"]).swapaxes(0, 1)
        dx, dh0, dWx, dWh, db = m.rnn_backward(dh, cache)
        return {"W": dWx.T, "R": dWh.T, "b": db}, dx.swapaxes(0, 1), {"h": dh0}

    return forward, backward


def fused(m):
    layouts = {"W": "R.T; W.T", "b": "b"}

    def forward(params, x, state):
        hs, _ = m.forward(x, state["h"], **join_all(layouts, params))
        return hs, {"h": hs[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        _, cache = m.forward(x, state["h"], **join_all(layouts, params))
        dW, db, dx, dh0 = m.backward(with_last(d_outputs, d_final_state["h"]), cache)
        return split_all(layouts, {"W": dW, "b": db}, params), dx, {"h": dh0}

    return forward, backward


def layer(m):
    kept = {}

    def run(params, x, state):
        net = kept.setdefault(params["W"].shape, m.RNN(*params["W"].shape[::-1]))
        net.Wxh, net.Whh, net.bh = params["W"], params["R"], params["b"]
        net.reset_grads()
        net.start(state["h"])
        return net, np.array([net.step(x_t) for x_t in x])

    def forward(params, x, state):
        net, outputs = run(params, x, state)
        return outputs, {"h": net.h[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        net, _ = run(params, x, state)
        dh0 = net.backward(d_outputs, d_final_state["h"])
        return {"W": net.dWxh, "R": net.dWhh, "b": net.dbh}, np.array(net.dx), {"h": dh0}

    return forward, backward


def char(m):
    # The loss is inside, so the read-out is chosen such that the wanted gradient arrives at each step: character 0 has
    # all the probability, its row of Why is zero, and step t's target has the row −g_t.
    def loss(params, x, state, g):
        Why = np.concatenate([np.zeros((1, g.shape[1])), -g])
        by = np.where(np.arange(len(Why)) == 0, 1e3 + np.abs(g).sum(), 0.0)[:, None]
        weights = params["W"], params["R"], Why, params["b"][:, None], by
        with np.errstate(divide="ignore"):  # the value of the loss is infinite, and nobody looks at it
            return m.lossFun(columns(x), range(1, len(Why)), state["h"][:, None], *weights)

    def forward(params, x, state):
        *_, hs = loss(params, x, state, np.zeros((len(x), len(params["b"]))))
        return np.array([hs[t][:, 0] for t in range(len(x))]), {"h": hs[len(x) - 1][:, 0]}

    def backward(params, x, state, d_outputs, d_final_state):
        _, dW, dR, _, db, _, dxs, dh0, _ = loss(params, x, state, with_last(d_outputs, d_final_state["h"]))
        dx = np.array([dxs[t][:, 0] for t in range(len(x))])
        return {"W": dW, "R": dR, "b": db[:, 0]}, dx, {"h": dh0[:, 0]}

    return one_by_one(forward, backward)


def over_columns(m):
    def forward(params, x, state):
        H = m.predict(x.T, state["h"], *params.values())
        return H.T[1:], {"h": H[:, -1]}

    def backward(params, x, state, d_outputs, d_final_state):
        H = m.predict(x.T, state["h"], *params.values())
        upstream = with_last(d_outputs, d_final_state["h"]).T
        dU, dW, db, dX, dh0 = m.bptt(x.T, H, upstream, params["W"], params["R"])
        return {"W": dU, "R": dW, "b": db}, dX.T, {"h": dh0}

    return one_by_one(forward, backward)


def sgd(m):
    # One initial state for all sequences is a parameter there; here each sequence has its own, one row of h0.
    def run(params, x, state):
        net = m.VanillaRNN(*params["W"].shape[::-1], learning_rate=1.0)
        net.W_in, net.W_rec = params["W"].T.copy(), params["R"].T.copy()
        net.bias, net.h0 = params["b"][None].copy(), state["h"]
        return net, net.forward(x.swapaxes(0, 1)).swapaxes(0, 1)

    def forward(params, x, state):
        _, outputs = run(params, x, state)
        return outputs, {"h": outputs[-1]}

    def backward(params, x, state, d_outputs, d_final_state):
        net, _ = run(params, x, state)
        dx = net.backward(with_last(d_outputs, d_final_state["h"]).swapaxes(0, 1)).swapaxes(0, 1)
        d_params = {"W": params["W"] - net.W_in.T, "R": params["R"] - net.W_rec.T, "b": params["b"] - net.bias[0]}
        return d_params, dx, {"h": state["h"] - net.h0}

    return forward, backward


def last(m):
    def forward(params, x, state):
        h, _ = m.encode(x.swapaxes(0, 1), state["h"], params["W"].T, params["R"].T, params["b"])
        return None, {"h": h}

    def backward(params, x, state, d_final_state):
        seq, Wx, Wh = x.swapaxes(0, 1), params["W"].T, params["R"].T
        _, history = m.encode(seq, state["h"], Wx, Wh, params["b"])
        grads, dx, dh0 = m.encode_backward(d_final_state["h"], seq, history, Wx, Wh)
        return {"W": grads["Wx"].T, "R": grads["Wh"].T, "b": grads["b"]}, dx.swapaxes(0, 1), {"h": dh0}

    return forward, backward
