"""Bugs that are not explained, or by another formula than their own: patterns 7 to 13."""

from verifying.handwritten.bug import table

_DA = ("delta_a_h", "delta_h")

BUGS = (
    *table(
        "logistic_rnn",
        ("tanh-derivative", 7, "wrong factor", _DA, "delta_h * (1 − h²)", "return y * (1 - y)", "return 1 - y**2"),
        ("sigmoid-twice", 7, "wrong factor", _DA, "delta_h * σ(h) (1 − σ(h))", "return y * (1 - y)", "return sigmoid(y) * (1 - sigmoid(y))"),
        ("half-derivative", 7, "missing factor", _DA, "delta_h * (1 − h)", "return y * (1 - y)", "return 1 - y"),
        ("first-step-left-out", 8, "first step", "grad_R", "the sum from t = 2", '        grads["W_rec"] +=', '        if t > 1:\n            grads["W_rec"] +='),
        ("h-wraps", 10, "wrong time index", "grad_R", "outer(delta_a_h, h_{t−2}), at t = 1 h_T", "h[t - 1].T @ delta", "h[t - 2].T @ delta"),
    ),
    *table(
        "gru_cached",
        ("two-of-carry", 9, "missing path", "carry_h", "without delta_h * z and without delta_u_n * r", "dh = dnew * z + dhr * r + dgates @ Ug.T", "dh = dgates @ Ug.T"),
        ("direct-not-multiplied", 9, "missing factor", "carry_h", "delta_h for delta_h * z", "dh = dnew * z + dhr * r", "dh = dnew + dhr * r"),
        ("candidate-by-z", 9, "wrong factor", "carry_h", "delta_u_n * z for delta_u_n * r", "+ dhr * r +", "+ dhr * z +"),
        ("tanh-for-sigma", 7, "wrong factor", ("delta_a_r",), "delta_r * (1 − r²)", "dr * r * (1 - r)", "dr * (1 - r**2)"),
        ("sigma-for-tanh", 7, "wrong factor", ("delta_a_n",), "delta_n * n (1 − n)", "dac = dc * (1 - c**2)", "dac = dc * c * (1 - c)"),
        ("reset-after-weights", 11, "wrong factor", "grad_R_n", "outer(delta_a_n * r, h_prev)", "hr.T @ dac,", "h.T @ (dac * r),"),
        ("reset-after-carry", 11, "wrong factor", ("delta_u_n", "carry_h"), "R_nᵀ (delta_a_n * r), and once more by r", "dhr = dac @ Uc.T", "dhr = (dac * r) @ Uc.T"),
        ("reset-gate-after", 11, "wrong factor", ("delta_r", "delta_a_r"), "delta_a_n * (R_n h_prev)", "dr = dhr * h\n", "dr = dac * (h @ Uc)\n"),
        ("first-only", 8, "lost accumulation", ("grad_W_z", "grad_R_z"), "sums of the last two steps at most", "tuple(a + b for a, b in zip(sums, grads))", "tuple(grads)", "each sum is its last summand, that of t = 1"),
    ),
    *table(
        "gru_after",
        ("reset-before-weights", 11, "wrong factor", "grad_R_n", "outer(delta_a_n, r * h_prev)", 'd["W_hn"] += dq.T @ hp', 'd["W_hn"] += dan.T @ (r * hp)'),
        ("reset-before-carry", 11, "wrong factor", "carry_h", "(R_nᵀ delta_a_n) * r", 'dq @ p["W_hn"] +', '(dan @ p["W_hn"]) * r +'),
        ("reset-before-gate", 11, "wrong factor", ("delta_r", "delta_a_r"), "(R_nᵀ delta_a_n) * h_prev", "dar = dan * q * r", 'dar = (dan @ p["W_hn"]) * hp * r'),
        ("bias-outside", 11, "missing factor", "grad_b_Rn", "delta_a_n", 'd["b_hn"] += dq.sum(0)', 'd["b_hn"] += dan.sum(0)'),
        ("keeps-other-way", 11, "wrong factor", "carry_h", "delta_h * (1 − z)", "carry = total * z", "carry = total * (1 - z)"),
        ("last-step-skipped", 8, "missing path", ("delta_h",), "the step T is left out", "for t in reversed(range(len(self.x))):", "for t in reversed(range(len(self.x) - 1)):"),
        ("two-of-dx", 9, "missing path", "grad_x", "W_nᵀ delta_a_n alone", ' + daz @ p["W_iz"] + dar @ p["W_ir"]', ""),
    ),
    *table(
        "rnn_slices",
        ("both-from-start", 10, "wrong time index", "grad_R", "Σ_{t<T} outer(delta_a_h, h_t)", "states[:-1], deltas)", "states[1:-1], deltas[:-1])"),
        ("shifted-up", 10, "wrong time index", "grad_R", "outer(delta_a_h, h)", "states[:-1], deltas)", "states[1:], deltas)"),
        ("without-first", 8, "first step", "grad_R", "the sum from t = 2", "states[:-1], deltas)", "states[1:-1], deltas[1:])"),
        ("without-last-x", 8, "missing path", "grad_W", "the sum to T − 1", '"tnd,tnh->dh", X, deltas)', '"tnd,tnh->dh", X[:-1], deltas[:-1])'),
        ("x-shifted", 10, "wrong time index", "grad_W", "outer(delta_a_h, x_{t+1})", '"tnd,tnh->dh", X, deltas)', '"tnd,tnh->dh", X[1:], deltas[:-1])'),
        ("slope-of-before", 10, "wrong time index", _DA, "delta_h * (1 − h_{t−1}²)", "slopes = 1 - states[1:] ** 2", "slopes = 1 - states[:-1] ** 2"),
        ("last-without-slope", 8, "missing factor", _DA, "at t = T delta_h", "deltas[-1] = dY[-1] * slopes[-1]", "deltas[-1] = dY[-1]"),
        ("dh0-of-last", 10, "wrong time index", "grad_h_0", "R.T @ delta_a_h of the last step", "dh0 = deltas[0]", "dh0 = deltas[-1]"),
    ),
    *table(
        "lstm_slices",
        ("dU-new-h", 10, "wrong time index", ("grad_R_i", "grad_R_f", "grad_R_g", "grad_R_o"), "outer(delta_a, h)", "h[:, :-1].reshape", "h[:, 1:].reshape"),
        ("forget-new-c", 10, "wrong time index", ("delta_f", "delta_a_f"), "delta_c * c", "dc * c[:, t] *", "dc * c[:, t + 1] *"),
        ("tanh-of-old-c", 10, "wrong time index", ("delta_c", "delta_o"), "tanh(c_prev) in delta_c and delta_o", "np.tanh(c[:, 1:])", "np.tanh(c[:, :-1])"),
        ("g-through-sigma", 7, "wrong factor", ("delta_a_g", "delta_g"), "delta_g * g (1 − g)", "dc * i * (1 - g**2)", "dc * i * g * (1 - g)"),
        ("i-as-tanh", 7, "wrong factor", ("delta_a_i", "delta_i"), "delta_i * (1 − i²)", "dc * g * i * (1 - i)", "dc * g * (1 - i**2)"),
        ("first-step-left-out", 8, "first step", ("delta_h", "delta_c"), "the step 1 is left out", "for t in reversed(range(T)):", "for t in reversed(range(1, T)):"),
        ("derivative-twice", 7, "wrong factor", "delta_c", "1 − tanh(tanh(c))²", "(1 - tanh_c[:, t] ** 2)", "(1 - np.tanh(tanh_c[:, t]) ** 2)"),
    ),
    *table(
        "columns_lists",
        ("wraps", 10, "wrong time index", "grad_R", "at t = 1 outer(delta_a_h, h_T)", "states[t - 1] if t > 0 else s[-1]", "states[t - 1]", "list[−1] is the last step"),
        ("last-above-missing", 8, "missing path", "delta_h", "no upstream_h at T", "(ds[t] + from_later)", "((ds[t] if t + 1 < steps else 0 * ds[t]) + from_later)"),
        ("ds0-untransposed", 9, "missing transpose", "grad_h_0", "R @ delta_a_h", "dxs, W.T @ delta[0]", "dxs, W @ delta[0]"),
    ),
    *table(
        "softmax_tagger",
        ("targets-shifted", 12, "wrong time index", ("delta_z", "upstream_h"), "p − onehot(y_{t−1})", "[tags]) / (T * N)", "[np.roll(tags, 1, axis=0)]) / (T * N)"),
        ("mean-over-batch", 12, "scale", ("delta_z",), "1/N for 1/(T N)", "/ (T * N)", "/ N"),
        ("mean-twice", 12, "scale", ("grad_V",), "outer(delta_z, h) / N", "self.h[t + 1].T @ dscores[t]", "self.h[t + 1].T @ dscores[t] / N"),
        ("readout-old-h", 12, "wrong time index", "grad_V", "outer(delta_z, h_prev)", "self.h[t + 1].T @ dscores[t]", "self.h[t].T @ dscores[t]"),
        ("sign", 12, "sign", ("delta_z",), "onehot(y) − p", "(self.y - np.eye(self.y.shape[-1])[tags])", "(np.eye(self.y.shape[-1])[tags] - self.y)"),
        ("softmax-derivative", 12, "extra factor", ("delta_z",), "(p − onehot) * p (1 − p)", "[tags]) / (T * N)", "[tags]) * self.y * (1 - self.y) / (T * N)"),
        ("above-missing", 9, "missing path", "delta_h", "carry_h", 'dh = dscores[t] @ p["Who"].T + dh_next', "dh = dh_next"),
    ),
)  # fmt: skip
