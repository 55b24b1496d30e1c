"""Bugs in the fast weight memories and the tied minimal gated units."""

from .bug import table

_K, _Q, _G, _F, _N = (("delta_a_" + k, "delta_" + k) for k in "kqgfn")
_S, _CS = "delta_S", "carry_S"
_HF, _HU, _HD = "R.T @ delta_a_f", "delta_u_n * f", "delta_h * (1 - f)"

BUGS = (
    *table(
        "delta_rule_plain",
        ("diagonal-softmax", 14, "missing path", _K, "k * delta_k", "dak = k * (dk - (dk * k).sum(axis=1, keepdims=True))", "dak = k * dk"),
        ("softmax-as-sigmoid", 13, "wrong factor", _K, "k * (1 - k) * delta_k", "dak = k * (dk - (dk * k).sum(axis=1, keepdims=True))", "dak = k * (1 - k) * dk"),
        ("no-erasing-path", 6, "missing path", _CS, "delta_S", '        dS_next = dS - np.einsum("bn,bd->bnd", de, k)\n', "        dS_next = dS\n"),
        ("dk-without-memory", 6, "missing path", "delta_k", "delta_S.T @ u_S", '        dk -= np.einsum("bnd,bn->bd", S_prev, de)\n', ""),
        ("dk-new-memory", 8, "wrong time index", "delta_k", "delta_S.T @ u_S - S.T @ delta_e", "S_prev, de)", "S, de)"),
        ("dq-old-memory", 8, "wrong time index", ("delta_q", "delta_a_q"), "S_prev.T @ delta_y", '"bnd,bn->bd", S, dy', '"bnd,bn->bd", S_prev, dy'),
        ("dk-other-sign", 22, "sign", "delta_k", "delta_S.T @ u_S + S_prev.T @ delta_e", "dk -= np.einsum", "dk += np.einsum"),
        ("no-carry", 2, "missing carry", (_S, _CS), "outer(delta_y, q)", 'dS = dS_next + np.einsum("bn,bd->bnd", dy, q)', 'dS = np.einsum("bn,bd->bnd", dy, q)'),
        ("dg-by-v", 14, "wrong factor", ("delta_g", "delta_a_g"), "delta_u_S * v", "dg = du * e", "dg = du * v"),
        ("e-for-ge", 6, "missing factor", "delta_k", "delta_S.T @ e - S_prev.T @ delta_e", "dS, g * e)", "dS, e)"),
        ("W_v-from-du", 6, "missing factor", "grad_W_v", "outer(delta_u_S, x)", 'd["W_v"] += de.T', 'd["W_v"] += du.T'),
        ("dS0-zero", 11, "first step", "grad_S_0", "0 * carry_S", "return d, dx, dS_next", "return d, dx, np.zeros_like(dS_next)"),
    ),
    *table(
        "delta_rule_batch_first",
        ("dv-without-g", 6, "missing factor", "delta_e", "delta_u_S", "dv[:, t] = dwrite * g[:, t]", "dv[:, t] = dwrite"),
        ("erases-with-plus", 22, "sign", _CS, "delta_S + outer(delta_e, k)", "dS = dS - dv", "dS = dS + dv"),
        ("softmax-sum-over-all", 20, "wrong factor", _K, "", "np.sum(k * dk, axis=-1, keepdims=True)", "np.sum(k * dk)", "the sum of the softmax's derivative runs over batch and time, too"),
        ("dq-without-derivative", 13, "missing factor", _Q, "delta_q", "daq = (1 - q**2) * dq", "daq = dq"),
        ("bv-mean", 21, "scale", "grad_b_v", "delta_v / N / T", "dv.sum(axis=(0, 1))", "dv.mean(axis=(0, 1))"),
        ("dx-without-q", 6, "missing path", "grad_x", "W_k.T @ delta_a_k + W_v.T @ delta_v + W_g.T @ delta_a_g", " + daq @ Wq.T", ""),
        ("v-and-g-swapped", 18, "swapped gates", ("grad_W_v", "grad_W_g"), "grad_W_v = outer(delta_a_g, x)\ngrad_W_g = outer(delta_v, x)", "(dak, dv, daq, dag))", "(dak, dag, daq, dv))"),
        ("upstream-not-carried", 4, "missing carry", (_S, _CS), "outer(delta_y, q)", "dS = dS + dy[:, t, :, None]", "dS = dy[:, t, :, None]"),
    ),
    *table(
        "delta_rule_fused",
        ("jacobian-of-sigmoid", 14, "wrong factor", _K, "k * (1 - k) * delta_k", "jacobian = np.diag(k) - np.outer(k, k)", "jacobian = np.diag(k - k * k)"),
        ("biases-swapped", 18, "swapped gates", ("grad_b_v", "grad_b_g"), "grad_b_v = delta_a_g\ngrad_b_g = delta_v", "db += da[2 * d :]", "db += np.roll(da[2 * d :], n)"),
        ("S_prev-forgotten", 6, "missing path", "delta_k", "delta_S.T @ u_S", "dk = dS.T @ (g * e) - S_prev.T @ dv", "dk = dS.T @ (g * e)"),
        ("g-from-write", 13, "missing factor", _G, "delta_u_S * g * (1 - g)", "dge * e * g * (1 - g)", "dge * g * (1 - g)"),
        ("dS-only-from-dy", 2, "missing carry", (_S, _CS), "outer(delta_y, q)", "dS = dS + np.outer(dys[t], q)", "dS = np.outer(dys[t], q)"),
        ("dW-assigned", 19, "lost accumulation", ("grad_W_k", "grad_W_v", "grad_W_q", "grad_W_g"), "grad_W_k = outer(delta_a_k, x) * (t == 1)\ngrad_W_v = outer(delta_v, x) * (t == 1)\ngrad_W_q = outer(delta_a_q, x) * (t == 1)\ngrad_W_g = outer(delta_a_g, x) * (t == 1)", "dW += np.outer(da, xs[t])", "dW = np.outer(da, xs[t])"),
    ),
    *table(
        "delta_rule_object",
        ("slot-off-by-one", 8, "wrong time index", ("delta_q", "delta_a_q"), "S_prev.T @ delta_y", "np.dot(self.S[t].T, dy)", "np.dot(self.S[t - 1].T, dy)"),
        ("slot-off-by-one-in-dk", 8, "wrong time index", "delta_k", "delta_S.T @ u_S - S.T @ delta_e", "np.dot(self.S[t - 1].T, dv)", "np.dot(self.S[t].T, dv)"),
        ("q-of-tanh", 12, "wrong factor", _Q, "delta_q * (1 - tanh(q)**2)", "daq = dq * (1 - q * q)", "daq = dq * (1 - np.tanh(q) ** 2)"),
        ("bg-from-dv", 18, "swapped gates", "grad_b_g", "delta_v", "self.dbg += dg", "self.dbg += dv"),
        ("key-of-the-step-before", 8, "wrong time index", _CS, "delta_S - outer(delta_e, k_prev if t > 1 else k_last)", "dS = dS - np.outer(dv, k)", "dS = dS - np.outer(dv, self.trace[t - 2][1])"),
    ),
    *table(
        "tied_mgu_plain",
        ("R-of-the-gate-only", 6, "missing path", "grad_R", "outer(delta_a_f, h_prev)", " + dan.T @ (f * h)", ""),
        ("R-without-f", 6, "missing factor", "grad_R", "outer(delta_a_f, h_prev) + outer(delta_a_n, h_prev)", "dan.T @ (f * h)", "dan.T @ h"),
        ("df-without-candidate", 6, "missing path", ("delta_f", "delta_a_f"), "delta_h * (n - h_prev)", "df = dh * (n - h) + dfh * h", "df = dh * (n - h)"),
        ("no-direct-path", 6, "missing path", "carry_h", f"{_HF} + {_HU}", "dh_next = dh * (1 - f) + dfh * f", "dh_next = dfh * f"),
        ("no-candidate-path", 6, "missing path", "carry_h", f"{_HF} + {_HD}", "dh * (1 - f) + dfh * f +", "dh * (1 - f) +"),
        ("untransposed", 1, "missing transpose", "delta_u_n", "R @ delta_a_n", 'dfh = dan @ p["R"]', 'dfh = dan @ p["R"].T'),
        ("R-assigned", 19, "lost accumulation", "grad_R", "(outer(delta_a_f, h_prev) + outer(delta_a_n, u_n)) * (t == 1)", 'dp["R"] += ', 'dp["R"] = '),
        ("dn-by-keep", 14, "wrong factor", _N, "delta_h * (1 - f) * (1 - n**2)", "dan = dh * f * (1 - n**2)", "dan = dh * (1 - f) * (1 - n**2)"),
        ("no-carry", 2, "missing carry", ("delta_h", "carry_h"), "upstream_h", "dh = dhs[t] + dh_next", "dh = dhs[t]"),
        ("b_n-from-f", 18, "swapped gates", "grad_b_n", "delta_a_f", 'dp["b_n"] += dan', 'dp["b_n"] += daf'),
    ),
    *table(
        "tied_mgu_batch_first",
        ("dU-overwritten", 19, "missing path", "grad_R", "outer(delta_a_f, h_prev)", "dU += np.dot(h.T, df_raw)", "dU = np.dot(h.T, df_raw)"),
        ("df-overwritten", 19, "missing path", ("delta_f", "delta_a_f"), "delta_u_n * h_prev", "df += dfh * h", "df = dfh * h"),
        ("dh-overwritten", 19, "missing path", "carry_h", _HF, "dh += np.dot(df_raw, U.T)", "dh = np.dot(df_raw, U.T)"),
        ("fh-for-h", 6, "extra factor", "grad_R", "outer(delta_a_f, u_n) + outer(delta_a_n, u_n)", "dU += np.dot(h.T, df_raw)", "dU += np.dot(fh.T, df_raw)"),
        ("gate-derivative-missing", 13, "missing factor", _F, "delta_f", "df_raw = df * f * (1 - f)", "df_raw = df"),
        ("dn-derivative-of-f", 14, "wrong factor", _N, "delta_n * (1 - f * f)", "dn_raw = dn * (1 - n * n)", "dn_raw = dn * (1 - f * f)"),
        ("dh-minus", 22, "sign", ("delta_f", "delta_a_f"), "delta_h * (h_prev - n) + delta_u_n * h_prev", "df = dh_next * (n - h)", "df = dh_next * (h - n)"),
    ),
    *table(
        "tied_mgu_fused",
        ("halves-swapped-in-db", 18, "swapped gates", ("grad_b_n", "grad_b_f"), "grad_b_n = delta_a_f\ngrad_b_f = delta_a_n", 'db = np.einsum("tnh->h", da)', 'db = np.roll(np.einsum("tnh->h", da), H)'),
        ("dU-transposed", 1, "missing transpose", "grad_R", "outer(u_n, delta_a_n) + outer(delta_a_f, h_prev)", '"ni,nj->ij", da[t, :, :H], f * h', '"ni,nj->ji", da[t, :, :H], f * h'),
        ("dU-new-h", 8, "wrong time index", "grad_R", "outer(delta_a_n, u_n) + outer(delta_a_f, h)", "da[t, :, H:], h)", "da[t, :, H:], hs[t + 1])"),
        ("dfh-without-f", 6, "missing factor", "carry_h", f"{_HF} + delta_u_n + {_HD}", "dfh * f + da", "dfh + da"),
        ("db-over-N", 21, "scale", ("grad_b_n", "grad_b_f"), "grad_b_n = delta_a_n / N\ngrad_b_f = delta_a_f / N", 'db = np.einsum("tnh->h", da)', 'db = np.einsum("tnh->h", da) / x.shape[1]'),
    ),
    *table(
        "tied_mgu_object",
        ("accumulators-kept", 9, "state leak", "", "", "self.gb_f, self.gb_n = np.zeros(self.b_f.shape), np.zeros(self.b_n.shape)", 'self.gb_f, self.gb_n = getattr(self, "gb_f", np.zeros(self.b_f.shape)), np.zeros(self.b_n.shape)', "the gate's bias is not reset between calls"),
        ("df-lost-path", 6, "missing path", ("delta_f", "delta_a_f"), "delta_h * (n - h_prev)", "(dh * (n - h) + dfh * h)", "(dh * (n - h))"),
        ("gR-elementwise", 15, "wrong factor", "delta_u_n", "diag(R) * delta_a_n", "dfh = self.R.T @ dn", "dfh = np.diag(self.R) * dn"),
        ("f-and-n-swapped", 18, "swapped gates", ("grad_W_f", "grad_W_n"), "grad_W_f = outer(delta_a_n, x)\ngrad_W_n = outer(delta_a_f, x)", "self.gW_f += np.outer(df, x)\n        self.gW_n += np.outer(dn, x)", "self.gW_f += np.outer(dn, x)\n        self.gW_n += np.outer(df, x)"),
        ("new-h-in-gR", 8, "wrong time index", "grad_R", "outer(delta_a_f, h) + outer(delta_a_n, u_n)", "np.outer(df, h)", "np.outer(df, self.h[t])"),
        ("first-step-skipped", 11, "first step", "grad_R", "outer(delta_a_f, h_prev) * (t > 1) + outer(delta_a_n, u_n)", "self.gR += np.outer(df, h)", "self.gR += np.outer(df, h) if t > 1 else 0"),
    ),
)  # fmt: skip
