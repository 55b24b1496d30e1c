"""The same right code in other spellings: what a checker must not mistake for a bug."""

from dataclasses import replace

from .implementations import WRITTEN

# implementation, what is spelt differently, pairs of old and new text, and the type when it is not float64
_SPELLINGS = (
    ("rnn_plain", "sech", [("da = dh * (1 - hs[t + 1] ** 2)", "da = dh / np.cosh(x[t] @ W.T + hs[t] @ R.T + b) ** 2")]),
    ("rnn_plain", "net_input", [("da = dh * (1 - hs[t + 1] ** 2)", "da = dh * (1 - np.tanh(x[t] @ W.T + hs[t] @ R.T + b) ** 2)")]),
    ("rnn_plain", "einsum", [("dW += da.T @ x[t]", 'dW += np.einsum("ni,nj->ij", da, x[t])'), ("dh_next = da @ R", 'dh_next = np.einsum("ni,ij->nj", da, R)')]),
    ("rnn_plain", "factored", [("(1 - hs[t + 1] ** 2)", "(1 - hs[t + 1]) * (1 + hs[t + 1])")]),
    (
        "rnn_batch_first",
        "loops_over_the_batch",
        [("dWx = x.T.dot(dtanh)", "dWx = sum(np.outer(x[k], dtanh[k]) for k in range(len(x)))"), ("db = np.sum(dtanh, axis=0)", "db = np.ones(len(x)).dot(dtanh)")],
    ),
    ("rnn_object", "in_place_delta", [("delta = dh * (1 - np.square(self.h[t]))", "delta = np.ones_like(dh)\n        delta -= np.square(self.h[t])\n        delta *= dh")]),
    ("rnn_fused", "sums_at_the_end", [("dW += np.dot(zs[t].T, dy)", "dys = [dy, *dys] if t < len(zs) - 1 else [dy]"), ("return dW, db,", 'dW = np.einsum("tnz,tnh->zh", np.stack(zs), np.stack(dys))\n    return dW, db,')]),
    ("rnn_columns", "recursion", [("delta_t = np.zeros(len(W))", "delta_t = 0 * dLdb"), ("dLdb += delta_t", "dLdb = dLdb + delta_t")]),
    (
        "rnn_plain",
        "float32",
        [("T, N, _ = x.shape", "x, h0, W, R, b = (np.asarray(v, np.float32) for v in (x, h0, W, R, b))\n    T, N, _ = x.shape"), ("hs = np.zeros((T + 1, N, len(b)))", "hs = np.zeros((T + 1, N, len(b)), np.float32)"), ("    T = len(x)\n", "    T = len(x)\n    x, W, R, b, dh_out, dh_last = (np.asarray(v, np.float32) for v in (x, W, R, b, dh_out, dh_last))\n")],
        "float32",
    ),
    ("lstm_plain", "sigmoid_by_tanh", [("return 1.0 / (1.0 + np.exp(-a))", "return 0.5 * (1 + np.tanh(0.5 * a))")]),
    ("lstm_plain", "stable_sigmoid", [("return 1.0 / (1.0 + np.exp(-a))", "return np.where(a >= 0, 1 / (1 + np.exp(-np.abs(a))), np.exp(-np.abs(a)) / (1 + np.exp(-np.abs(a))))")]),
    (
        "lstm_plain",
        "f_minus_f_squared",
        [("daf = df * f * (1 - f)", "daf = df * (f - f**2)"), ("dai = di * i * (1 - i)", "dai = di * (i - i * i)"), ("dag = dg * (1 - g**2)", "dag = dg - dg * g * g")],
    ),
    ("lstm_plain", "tanh_from_h", [("do = dh * np.tanh(c)", "do = dh * (o * np.tanh(c)) / o")]),
    (
        "lstm_plain",
        "cotangents_by_name",
        [("dh_next = dai @ p[\"R_i\"] + daf @ p[\"R_f\"] + dag @ p[\"R_g\"] + dao @ p[\"R_o\"]", 'dh_next = sum(np.einsum("ni,ij->nj", d, p["R_" + k]) for k, d in zip("ifgo", (dai, daf, dag, dao), strict=True))')],
    ),
    (
        "lstm_plain",
        "float32",
        [("h, c, tape = h0, c0, []", "p = {k: v.astype(np.float32) for k, v in p.items()}\n    x, h, c, tape = x.astype(np.float32), h0.astype(np.float32), c0.astype(np.float32), []"), ("    d = {name: np.zeros_like(value)", "    p = {k: v.astype(np.float32) for k, v in p.items()}\n    x, dhs, dh_T, dc_T = (v.astype(np.float32) for v in (x, dhs, dh_T, dc_T))\n    d = {name: np.zeros_like(value)")],
        "float32",
    ),
    ("lstm_batch_first", "sech", [("dc = dc_prev + dh * o * (1 - tanh_c**2)", "dc = dc_prev + dh * o / np.cosh(C[t + 1]) ** 2")]),
    ("lstm_fused", "sigmoid_by_tanh", [("return 1 / (1 + np.exp(-x))", "return (np.tanh(x / 2) + 1) / 2")]),
    (
        "lstm_fused",
        "into_slices",
        [("da = np.hstack((i * (1 - i) * di, f * (1 - f) * df, o * (1 - o) * do, (1 - g**2) * dg))", "H = prev_h.shape[1]\n    da = np.zeros((len(x), 4 * H))\n    da[:, :H], da[:, H : 2 * H] = i * (1 - i) * di, f * (1 - f) * df\n    da[:, 2 * H : 3 * H], da[:, 3 * H :] = o * (1 - o) * do, (1 - g**2) * dg")],
    ),
    ("lstm_bias_row", "whole_sequence_at_once", [("        dWLSTM += np.dot(Hin[t].T, dIFOG[t])\n", ""), ("return dX, dWLSTM, dc0, dh0", "dWLSTM = np.tensordot(Hin, dIFOG, axes=([0, 1], [0, 1]))\n    return dX, dWLSTM, dc0, dh0")]),
    ("lstm_object", "derivative_of_net_input", [("return self.act(x @ self.W.T + h @ self.U.T + self.b)", "self.a = x @ self.W.T + h @ self.U.T + self.b\n        return self.act(self.a)"), ("grad = grad * self.dact(y)", "a = x @ self.W.T + h @ self.U.T + self.b\n        grad = grad * (1 / (4 * np.cosh(a / 2) ** 2) if self.dact is dsigmoid else 1 / np.cosh(a) ** 2)")]),
    ("lstm_steps", "outer_sums", [("dWf = np.dot(dft, concat.T)", "dWf = sum(np.outer(dft[:, k], concat[:, k]) for k in range(dft.shape[1]))")]),
    ("lstm_column", "outer", [('d["W_o"] += np.dot(do, z_s[t].T)', 'd["W_o"] += np.outer(do, z_s[t])'), ("dC = np.copy(dC_next)", "dC = dC_next + 0"), ("dC += dh * o_s[t] * (1 - np.tanh(C_s[t]) ** 2)", "dC = dC + dh * o_s[t] - dh * o_s[t] * np.tanh(C_s[t]) ** 2")]),
    ("peephole_plain", "carry_at_the_next_step", [("dc_rec = dc * f[t] + p[\"pi\"] * di + p[\"pf\"] * df", 'dc_rec = dc * f[t]\n        dc_rec += p["pi"] * di\n        dc_rec += p["pf"] * df')]),
    ("peephole_plain", "sigma_by_tanh", [("return 1 / (1 + np.exp(-a))", "return 0.5 + 0.5 * np.tanh(0.5 * a)")]),
    ("peephole_fused", "diagonal_matrices", [("+ dzifo[:, 3 * H :] * P[2]\n", "+ dzifo[:, 3 * H :] @ np.diag(P[2])\n")]),
    ("peephole_object", "total_differential", [("eg = dc * i * (1 - g**2)", "eg = dc * (i - i * g**2)")]),
    ("gru_plain", "split_difference", [("dz = dh * (h_prev - n)", "dz = dh * h_prev - dh * n")]),
    ("gru_plain", "sums_of_paths", [("dh_next = dh * z + drh * r + daz @ Rz + dar @ Rr", "dh_next = dh - dh * (1 - z)\n        dh_next = dh_next + drh * r\n        dh_next = dh_next + np.dot(daz, Rz) + np.dot(dar, Rr)")]),
    ("gru_plain", "merged_sign", [("daz = dz * z * (1 - z)", "daz = -dz * z * (z - 1)"), ("dan = dn * (1 - n**2)", "dan = -dn * (n + 1) * (n - 1)")]),
    ("gru_batch_first", "stable_sigmoid", [("return 1.0 / (1.0 + np.exp(-v))", "return np.exp(-np.logaddexp(0, -v))")]),
    ("gru_fused", "two_products", [("dxh = da_rz @ W_gates.T", "dxh = da_r @ W_gates[:, :H].T + da_z @ W_gates[:, H:].T")]),
    (
        "gru_object",
        "loops",
        [('self.grads["W" + gate] += delta.T @ x', 'for row in range(len(x)):\n            self.grads["W" + gate] += np.outer(delta[row], x[row])')],
    ),
    ("reset_after_plain", "expanded", [("dan = dh * (1 - z) * (1 - n**2)", "dan = (dh - dh * z) * (1 - n * n)")]),
    ("reset_after_batch_first", "sigmoid_by_tanh", [('z = 1 / (1 + np.exp(-(x @ w["xz"] + h @ w["hz"] + w["bz"])))', 'z = np.tanh((x @ w["xz"] + h @ w["hz"] + w["bz"]) / 2) / 2 + 0.5')]),
    ("reset_after_fused", "matmul", [("dw_ih = np.tensordot(dgi, x, axes=([0, 1], [0, 1]))", "dw_ih = dgi.reshape(T * N, -1).T @ x.reshape(T * N, D)")]),
    ("delta_rule_plain", "jacobian", [("dak = k * (dk - (dk * k).sum(axis=1, keepdims=True))", 'J = np.einsum("bi,ij->bij", k, np.eye(k.shape[1])) - np.einsum("bi,bj->bij", k, k)\n        dak = np.einsum("bij,bj->bi", J, dk)')]),
    ("delta_rule_plain", "one_product", [("dS_next = dS - np.einsum(\"bn,bd->bnd\", de, k)", 'dS_next = dS - de[:, :, None] * k[:, None, :]')]),
    ("delta_rule_fused", "without_jacobian", [("da[:d] = jacobian @ dk", "da[:d] = k * dk - k * k.dot(dk)")]),
    ("tied_mgu_plain", "stacked_recurrence", [('dp["R"] += daf.T @ h + dan.T @ (f * h)', 'dp["R"] += np.concatenate([daf, dan]).T @ np.concatenate([h, f * h])')]),
    ("tied_mgu_batch_first", "factored", [("dn_raw = dn * (1 - n * n)", "dn_raw = dn * (1 - n) * (1 + n)")]),
    ("tied_mgu_object", "loops", [("dfh = self.R.T @ dn", "dfh = np.array([sum(self.R[i, j] * dn[i] for i in range(len(dn))) for j in range(len(dn))])")]),
)  # fmt: skip

SPELLINGS = {
    f"{base}:{what}": replace(WRITTEN[base], name=f"{base}:{what}", edits=tuple(edits), dtype=(*dtype, "float64")[0])
    for base, what, edits, *dtype in _SPELLINGS
}
