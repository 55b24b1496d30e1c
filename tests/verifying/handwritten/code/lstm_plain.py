"""An LSTM with one function for each direction and one matrix for each gate, over (T, N, features) arrays."""

import numpy as np


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


def lstm_forward(x, h0, c0, p):
    h, c, tape = h0, c0, []
    hs = []
    for t in range(len(x)):
        h_prev, c_prev = h, c
        i = sigmoid(x[t] @ p["W_i"].T + h_prev @ p["R_i"].T + p["b_i"])
        f = sigmoid(x[t] @ p["W_f"].T + h_prev @ p["R_f"].T + p["b_f"])
        g = np.tanh(x[t] @ p["W_g"].T + h_prev @ p["R_g"].T + p["b_g"])
        o = sigmoid(x[t] @ p["W_o"].T + h_prev @ p["R_o"].T + p["b_o"])
        c = f * c_prev + i * g
        h = o * np.tanh(c)
        tape.append((h_prev, c_prev, i, f, g, o, c))
        hs.append(h)
    return np.array(hs), h, c, tape


def lstm_backward(x, tape, p, dhs, dh_T, dc_T):
    d = {name: np.zeros_like(value) for name, value in p.items()}
    dx = np.zeros_like(x)
    dh_next, dc_next = dh_T, dc_T
    for t in reversed(range(len(x))):
        h_prev, c_prev, i, f, g, o, c = tape[t]
        dh = dhs[t] + dh_next
        do = dh * np.tanh(c)
        dc = dh * o * (1 - np.tanh(c) ** 2) + dc_next
        df = dc * c_prev
        di = dc * g
        dg = dc * i
        dai = di * i * (1 - i)
        daf = df * f * (1 - f)
        dag = dg * (1 - g**2)
        dao = do * o * (1 - o)
        d["W_i"] += dai.T @ x[t]
        d["W_f"] += daf.T @ x[t]
        d["W_g"] += dag.T @ x[t]
        d["W_o"] += dao.T @ x[t]
        d["R_i"] += dai.T @ h_prev
        d["R_f"] += daf.T @ h_prev
        d["R_g"] += dag.T @ h_prev
        d["R_o"] += dao.T @ h_prev
        d["b_i"] += dai.sum(axis=0)
        d["b_f"] += daf.sum(axis=0)
        d["b_g"] += dag.sum(axis=0)
        d["b_o"] += dao.sum(axis=0)
        dx[t] = dai @ p["W_i"] + daf @ p["W_f"] + dag @ p["W_g"] + dao @ p["W_o"]
        dh_next = dai @ p["R_i"] + daf @ p["R_f"] + dag @ p["R_g"] + dao @ p["R_o"]
        dc_next = dc * f
    return d, dx, dh_next, dc_next
