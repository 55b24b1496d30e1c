"""An LSTM layer on (N, T, D) arrays with row-vector weights per gate, in a params dict."""

import numpy as np


def _sig(z):
    return 1 / (1 + np.exp(-z))


def forward(X, h0, c0, params):
    N, T, D = X.shape
    n = h0.shape[1]
    cache = {k: np.zeros((T, N, n)) for k in ("i", "f", "o", "cbar")}
    H, C = np.zeros((T + 1, N, n)), np.zeros((T + 1, N, n))
    H[0], C[0] = h0, c0
    for t in range(T):
        x = X[:, t, :]
        cache["i"][t] = _sig(np.dot(x, params["Wxi"]) + np.dot(H[t], params["Whi"]) + params["bi"])
        cache["f"][t] = _sig(np.dot(x, params["Wxf"]) + np.dot(H[t], params["Whf"]) + params["bf"])
        cache["o"][t] = _sig(np.dot(x, params["Wxo"]) + np.dot(H[t], params["Who"]) + params["bo"])
        cache["cbar"][t] = np.tanh(np.dot(x, params["Wxc"]) + np.dot(H[t], params["Whc"]) + params["bc"])
        C[t + 1] = cache["f"][t] * C[t] + cache["i"][t] * cache["cbar"][t]
        H[t + 1] = cache["o"][t] * np.tanh(C[t + 1])
    cache.update(X=X, H=H, C=C)
    return H[1:].transpose(1, 0, 2), H[T], C[T], cache


def backward(dH, cache, params, dh_T, dc_T):
    X, H, C = cache["X"], cache["H"], cache["C"]
    T = X.shape[1]
    grads = {k: np.zeros_like(v) for k, v in params.items()}
    dX = np.zeros_like(X)
    dh_prev, dc_prev = dh_T, dc_T
    for t in range(T - 1, -1, -1):
        i, f, o, cbar = (cache[k][t] for k in ("i", "f", "o", "cbar"))
        tanh_c = np.tanh(C[t + 1])
        dh = dH[:, t, :] + dh_prev
        dc = dc_prev + dh * o * (1 - tanh_c**2)
        dz = {
            "i": dc * cbar * i * (1 - i),
            "f": dc * C[t] * f * (1 - f),
            "o": dh * tanh_c * o * (1 - o),
            "c": dc * i * (1 - cbar**2),
        }
        dh_prev = 0
        for k in "ifoc":
            grads["Wx" + k] += np.dot(X[:, t, :].T, dz[k])
            grads["Wh" + k] += np.dot(H[t].T, dz[k])
            grads["b" + k] += np.sum(dz[k], axis=0)
            dX[:, t, :] += np.dot(dz[k], params["Wx" + k].T)
            dh_prev += np.dot(dz[k], params["Wh" + k].T)
        dc_prev = f * dc
    return grads, dX, dh_prev, dc_prev
