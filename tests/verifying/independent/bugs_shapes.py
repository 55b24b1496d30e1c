"""Bugs in programs that were not judged at all: patterns 14 and 15."""

from verifying.handwritten.bug import table

_DA = ("delta_a_h", "delta_h")

BUGS = (
    *table(
        "safe_lstm",
        ("dc-not-carried", 14, "missing carry", ("delta_c", "carry_c"), "delta_h * o * (1 − tanh(c)²)", "dc = dc + dh * o", "dc = dh * o"),
        ("gates-swapped", 14, "swapped gates", ("delta_f", "delta_i"), "delta_c * g and delta_c * c_prev exchanged", "[dc * c_prev * f * (1 - f), dc * g * i * (1 - i),", "[dc * g * f * (1 - f), dc * c_prev * i * (1 - i),"),
        ("half-sigma", 14, "missing factor", ("delta_a_o", "delta_o"), "delta_o * (1 − o)", "dh * tc * o * (1 - o)", "dh * tc * (1 - o)"),
        ("new-c", 14, "wrong time index", ("delta_f", "delta_a_f"), "delta_c * c", "dc * c_prev * f", "dc * c * f"),
    ),
    *table(
        "safe_softmax",
        ("carry-untransposed", 14, "missing transpose", "carry_h", "R @ delta_a_h", "dH = dA @ W.T", "dH = dA @ W"),
        ("target-of-next", 12, "wrong time index", ("delta_z",), "p − onehot(y_{t+1})", "dO = (P[:, t] - Y[:, t]) / N", "dO = (P[:, t] - Y[:, (t + 1) % T]) / N"),
        ("mean-missing", 12, "scale", ("delta_z",), "p − onehot without 1/N", "dO = (P[:, t] - Y[:, t]) / N", "dO = P[:, t] - Y[:, t]"),
        ("W-new-state", 14, "wrong time index", "grad_R", "outer(delta_a_h, h)", "dW += H[:, t].T @ dA", "dW += H[:, t + 1].T @ dA"),
    ),
    *table(
        "safe_gru",
        ("direct-path", 14, "missing path", "carry_h", "without delta_h * z", "dh = dnew * z + drh * r", "dh = drh * r"),
        ("tanh-for-sigma", 7, "wrong factor", ("delta_a_z", "delta_z"), "delta_z * (1 − z²)", "(h - n) * z * (1 - z)", "(h - n) * (1 - z**2)"),
        ("reset-forgotten", 14, "missing factor", "grad_R_n", "outer(delta_a_n, h_prev)", "(r * h).T @ dn]", "h.T @ dn]"),
        ("two-paths", 9, "missing path", "carry_h", "without R_zᵀ delta_a_z and R_rᵀ delta_a_r", " + dz @ self.R[0].T + dr @ self.R[1].T\n", "\n"),
    ),
    *table(
        "stacked",
        ("below-without-slope", 15, "missing factor", ("epsilon_h1", "delta_h"), "W₂ᵀ δ_h for W₂ᵀ δ_a", "below[t] = da @ self.W[layer]", "below[t] = (above[t] + carry) @ self.W[layer]"),
        ("carry-by-W", 15, "missing carry", "carry_h", "nothing is carried", "                carry = da @ self.R[layer]", "                carry = 0 * da"),
        ("inputs-of-layer-above", 15, "wrong time index", "grad_R", "outer(delta_a_h, h)", "gR += da.T @ h[t - 1]", "gR += da.T @ h[t]"),
        ("order-of-lists", 15, "swapped gates", ("grad_b",), "biases of the layers exchanged", "gb += da.sum(0)", "gb += da.mean(0)", "a mean over the batch in every layer"),
        ("above-not-handed-on", 15, "missing path", ("delta_h",), "layer 1 gets no gradient from above", "            above = below\n", "            above = 0 * below\n"),
    ),
    *table(
        "two_layer_words",
        ("rows-once", 15, "lost accumulation", "grad_E", "an id that comes again counts once", "np.add.at(dE, ids, d)", "dE[ids] += d"),
        ("ids-shifted", 15, "wrong time index", "grad_E", "the row of the word before", "np.add.at(dE, ids, d)", "np.add.at(dE, np.roll(ids, 1, axis=1), d)"),
        ("wraps", 10, "wrong time index", "grad_R", "at t = 1 outer(delta_a_h, h_T)", "before = h[:, t - 1] if t > 0 else np.zeros_like(carry)", "before = h[:, t - 1]"),
        ("readout-mean", 12, "scale", ("grad_c",), "delta_z / T", "dc = d.sum(axis=(0, 1))", "dc = d.mean(axis=1).sum(axis=0)"),
        ("layers-in-order", 15, "wrong factor", ("carry_h",), "R of the first layer throughout", 'carry = da @ layer["R"].T', 'carry = da @ layer["R"]'),
    ),
    *table(
        "next_value",
        ("target-is-input", 12, "wrong time index", ("delta_y",), "ŷ_t − x_{t−1} in the gradient of the state", "dh = dh + Wo.T @ errors[t]", "dh = dh + Wo.T @ (errors[t] + series[t + 1] - series[t])"),
        ("readout-old-state", 12, "wrong time index", "grad_V", "outer(delta_y, h_prev)", "np.outer(errors[t], hs[t + 1])", "np.outer(errors[t], hs[t])"),
        ("x-of-next", 15, "wrong time index", "grad_W", "outer(delta_a_h, x_{t+1})", "np.outer(da, series[t])", "np.outer(da, series[t + 1])"),
        ("last-left-out", 8, "missing path", ("delta_h",), "the last forecast is left out", "for t in reversed(range(T - 1)):", "for t in reversed(range(T - 2)):"),
    ),
    *table(
        "binary_sum",
        ("future-untransposed", 15, "missing transpose", "carry_h", "R @ delta_a_h", "future @ Wh.T", "future @ Wh"),
        ("tanh-derivative", 7, "wrong factor", _DA, "delta_h * (1 − h²)", "* hidden * (1 - hidden)", "* (1 - hidden**2)"),
        ("before-is-hidden", 10, "wrong time index", "grad_R", "outer(delta_a_h, h)", "layer_1[-position - 2]", "layer_1[-position - 1]"),
        ("future-summed", 15, "wrong factor", "carry_h", "the carry of all later steps", "future = delta", "future = future + delta"),
    ),
)  # fmt: skip
