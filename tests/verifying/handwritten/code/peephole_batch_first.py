"""A peephole LSTM on (N, T, D) arrays: row vectors, Python lists over time, einsum."""

import numpy as np


def logistic(x):
    return 1.0 / (1.0 + np.exp(-x))


def run(X, h0, c0, Wx, Wh, peep, bias):
    hs, cs, gates = [h0], [c0], []
    for x in X.swapaxes(0, 1):
        h, c = hs[-1], cs[-1]
        i = logistic(x @ Wx["i"] + h @ Wh["i"] + c * peep["i"] + bias["i"])
        f = logistic(x @ Wx["f"] + h @ Wh["f"] + c * peep["f"] + bias["f"])
        g = np.tanh(x @ Wx["g"] + h @ Wh["g"] + bias["g"])
        c = f * c + i * g
        o = logistic(x @ Wx["o"] + h @ Wh["o"] + c * peep["o"] + bias["o"])
        gates.append((i, f, g, o))
        cs.append(c)
        hs.append(o * np.tanh(c))
    return hs, cs, gates


def gradients(X, hs, cs, gates, d_out, Wx, Wh, peep, bias):
    """d_out (N, T, H)."""
    gWx = {k: np.zeros(v.shape) for k, v in Wx.items()}
    gWh = {k: np.zeros(v.shape) for k, v in Wh.items()}
    gpeep = {k: np.zeros(v.shape) for k, v in peep.items()}
    gbias = {k: np.zeros(v.shape) for k, v in bias.items()}
    gX = np.zeros(X.shape)
    dh, dc = np.zeros(hs[0].shape), np.zeros(cs[0].shape)
    for t in range(X.shape[1] - 1, -1, -1):
        i, f, g, o = gates[t]
        c_prev, c_t = cs[t], cs[t + 1]
        dh = dh + d_out[:, t]
        th = np.tanh(c_t)
        d_o = dh * th * o * (1 - o)
        dc = dc + dh * o * (1 - th**2)
        dc += d_o * peep["o"]
        d_i = dc * g * i * (1 - i)
        d_f = dc * c_prev * f * (1 - f)
        d_g = dc * i * (1 - g**2)
        gpeep["i"] += np.einsum("nh,nh->h", d_i, c_prev)
        gpeep["f"] += np.einsum("nh,nh->h", d_f, c_prev)
        gpeep["o"] += np.einsum("nh,nh->h", d_o, c_t)
        for k, delta in {"i": d_i, "f": d_f, "g": d_g, "o": d_o}.items():
            gWx[k] += np.einsum("nd,nh->dh", X[:, t], delta)
            gWh[k] += np.einsum("nk,nh->kh", hs[t], delta)
            gbias[k] += delta.sum(axis=0)
            gX[:, t] += np.einsum("nh,dh->nd", delta, Wx[k])
        dh = sum(delta @ Wh[k].T for k, delta in {"i": d_i, "f": d_f, "g": d_g, "o": d_o}.items())
        dc = dc * f
        dc += d_i * peep["i"]
        dc += d_f * peep["f"]
    return gWx, gWh, gpeep, gbias, gX, dh, dc
