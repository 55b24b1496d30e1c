"""A batched LSTM after Karpathy's gist: one matrix for the bias, the input and the last output; gates i, f, o, g."""

import numpy as np


def forward(X, WLSTM, c0, h0):
    """X (n, b, input_size), n the length of the sequence and b the size of the batch."""
    n, b, input_size = X.shape
    d = WLSTM.shape[1] // 4
    xphpb = WLSTM.shape[0]
    Hin = np.zeros((n, b, xphpb))
    Hout = np.zeros((n, b, d))
    IFOG, IFOGf = np.zeros((n, b, d * 4)), np.zeros((n, b, d * 4))
    C, Ct = np.zeros((n, b, d)), np.zeros((n, b, d))
    for t in range(n):
        prevh = Hout[t - 1] if t > 0 else h0
        prevc = C[t - 1] if t > 0 else c0
        Hin[t, :, 0] = 1
        Hin[t, :, 1 : input_size + 1] = X[t]
        Hin[t, :, input_size + 1 :] = prevh
        IFOG[t] = Hin[t].dot(WLSTM)
        IFOGf[t, :, : 3 * d] = 1.0 / (1.0 + np.exp(-IFOG[t, :, : 3 * d]))
        IFOGf[t, :, 3 * d :] = np.tanh(IFOG[t, :, 3 * d :])
        C[t] = IFOGf[t, :, :d] * IFOGf[t, :, 3 * d :] + IFOGf[t, :, d : 2 * d] * prevc
        Ct[t] = np.tanh(C[t])
        Hout[t] = IFOGf[t, :, 2 * d : 3 * d] * Ct[t]
    cache = {"WLSTM": WLSTM, "Hout": Hout, "IFOGf": IFOGf, "C": C, "Ct": Ct, "Hin": Hin, "c0": c0, "X": X}
    return Hout, C[-1], Hout[-1], cache


def backward(dHout_in, cache, dcn, dhn):
    WLSTM, Hout, IFOGf, C, Ct = cache["WLSTM"], cache["Hout"], cache["IFOGf"], cache["C"], cache["Ct"]
    Hin, c0, X = cache["Hin"], cache["c0"], cache["X"]
    n, b, d = Hout.shape
    input_size = X.shape[2]
    dIFOG, dIFOGf = np.zeros((n, b, d * 4)), np.zeros((n, b, d * 4))
    dWLSTM = np.zeros(WLSTM.shape)
    dHin, dC, dX = np.zeros(Hin.shape), np.zeros(C.shape), np.zeros(X.shape)
    dHout = dHout_in.copy()
    dC[n - 1] += dcn
    dHout[n - 1] += dhn
    for t in reversed(range(n)):
        dIFOGf[t, :, 2 * d : 3 * d] = Ct[t] * dHout[t]
        dC[t] += (1 - Ct[t] ** 2) * (IFOGf[t, :, 2 * d : 3 * d] * dHout[t])
        if t > 0:
            dIFOGf[t, :, d : 2 * d] = C[t - 1] * dC[t]
            dC[t - 1] += IFOGf[t, :, d : 2 * d] * dC[t]
        else:
            dIFOGf[t, :, d : 2 * d] = c0 * dC[t]
            dc0 = IFOGf[t, :, d : 2 * d] * dC[t]
        dIFOGf[t, :, :d] = IFOGf[t, :, 3 * d :] * dC[t]
        dIFOGf[t, :, 3 * d :] = IFOGf[t, :, :d] * dC[t]
        # backprop activation functions
        dIFOG[t, :, 3 * d :] = (1 - IFOGf[t, :, 3 * d :] ** 2) * dIFOGf[t, :, 3 * d :]
        y = IFOGf[t, :, : 3 * d]
        dIFOG[t, :, : 3 * d] = (y * (1.0 - y)) * dIFOGf[t, :, : 3 * d]
        # backprop matrix multiply
        dWLSTM += np.dot(Hin[t].T, dIFOG[t])
        dHin[t] = dIFOG[t].dot(WLSTM.T)
        # backprop the identity transforms into Hin
        dX[t] = dHin[t, :, 1 : input_size + 1]
        if t > 0:
            dHout[t - 1] += dHin[t, :, input_size + 1 :]
        else:
            dh0 = dHin[t, :, input_size + 1 :]
    return dX, dWLSTM, dc0, dh0
