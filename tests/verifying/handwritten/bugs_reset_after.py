"""Bugs in the GRUs with the reset gate after the product."""

from .bug import table

_H = "carry_h"
_HZ, _HR, _HN, _HD = "R_z.T @ delta_a_z", "R_r.T @ delta_a_r", "R_n.T @ delta_q", "delta_h * z"

BUGS = (
    *table(
        "reset_after_plain",
        ("dq-without-r", 6, "missing factor", "delta_q", "delta_a_n", "dq = dan * r", "dq = dan"),
        ("bRn-from-dan", 18, "missing factor", "grad_b_Rn", "delta_a_n", 'g["bRn"] += dq', 'g["bRn"] += dan'),
        ("dar-by-h", 14, "wrong factor", ("delta_a_r", "delta_r"), "delta_a_n * h_prev * r * (1 - r)", "dar = dan * q * r", "dar = dan * h * r"),
        ("Rn-from-dan", 6, "missing factor", "grad_R_n", "outer(delta_a_n, h_prev)", 'g["Rn"] += dq.T @ h', 'g["Rn"] += dan.T @ h'),
        ("no-direct-path", 6, "missing path", _H, f"{_HZ} + {_HR} + {_HN}", "dh_next = dh * z + dq", "dh_next = dq"),
        ("no-candidate-path", 6, "missing path", _H, f"{_HZ} + {_HR} + {_HD}", ' + dq @ p["Rn"]', ""),
        ("dz-other-way", 22, "sign", ("delta_a_z", "delta_z"), "delta_h * (n - h_prev) * z * (1 - z)", "dh * (h - n) * z", "dh * (n - h) * z"),
        ("bWn-assigned", 19, "lost accumulation", "grad_b_Wn", "delta_a_n * (t == 1)", 'g["bWn"] += dan', 'g["bWn"] = dan'),
        ("no-carry", 2, "missing carry", ("delta_h", _H), "upstream_h", "dh = dout[t] + dh_next", "dh = dout[t]"),
        ("first-step", 11, "first step", "grad_R_z", "outer(delta_a_z, h_prev) * (t > 1)", 'g["Rz"] += daz.T @ h', 'g["Rz"] += daz.T @ h * (t > 0)'),
    ),
    *table(
        "reset_after_batch_first",
        ("dr-without-hn", 6, "wrong factor", ("delta_r", "delta_a_r"), "delta_n * q", "dr = dn_in * hn", "dr = dn * hn"),
        ("dhn-by-raw-dn", 12, "wrong factor", "delta_q", "delta_n * r", "dhn = dn_in * r", "dhn = dn * r"),
        ("hn-untransposed", 1, "missing transpose", _H, f"{_HZ} + {_HR} + R_n @ delta_q + {_HD}", 'dhn @ w["hn"].T', 'dhn @ w["hn"]'),
        ("hr-for-hz", 18, "swapped gates", _H, f"R_r.T @ delta_a_z + {_HR} + {_HN} + {_HD}", 'dz_in @ w["hz"].T', 'dz_in @ w["hr"].T'),
        ("tanh-of-tanh", 12, "wrong factor", ("delta_a_n", "delta_n"), "delta_n * (1 - tanh(n)**2)", "(1 - n**2)", "(1 - np.tanh(n) ** 2)"),
        ("bz-mean", 21, "scale", "grad_b_z", "delta_a_z / N", "dz_in.sum(axis=0)", "dz_in.mean(axis=0)"),
        ("dn-by-z", 14, "wrong factor", ("delta_n", "delta_a_n"), "delta_h * z", "dn = dh * (1 - z)", "dn = dh * z"),
    ),
    *table(
        "reset_after_fused",
        ("n-without-r", 6, "missing factor", "delta_q", "delta_a_n", "np.concatenate([dr, dz, dn * r], axis=1)", "np.concatenate([dr, dz, dn], axis=1)"),
        ("r-on-the-input-side", 6, "extra factor", ("grad_W_n", "grad_b_Wn", "grad_x"), "grad_W_n = outer(delta_a_n * r, x)\ngrad_b_Wn = delta_a_n * r\ngrad_x = W_z.T @ delta_a_z + W_r.T @ delta_a_r + W_n.T @ (delta_a_n * r)", "dgi[t] = np.concatenate([dr, dz, dn], axis=1)", "dgi[t] = np.concatenate([dr, dz, dn * r], axis=1)"),
        ("z-and-r-swapped", 18, "swapped gates", ("grad_W_r", "grad_W_z", "grad_x"), "grad_W_r = outer(delta_a_z, x)\ngrad_W_z = outer(delta_a_r, x)\ngrad_x = W_r.T @ delta_a_z + W_z.T @ delta_a_r + W_n.T @ delta_a_n", "dgi[t] = np.concatenate([dr, dz, dn], axis=1)", "dgi[t] = np.concatenate([dz, dr, dn], axis=1)"),
        ("hs-off-by-one", 8, "wrong time index", ("grad_R_z", "grad_R_r", "grad_R_n"), "grad_R_z = outer(delta_a_z, h)\ngrad_R_r = outer(delta_a_r, h)\ngrad_R_n = outer(delta_q, h)", "np.tensordot(dgh, hs[:-1],", "np.tensordot(dgh, hs[1:],"),
        ("hn-for-n", 14, "wrong factor", ("delta_a_n", "delta_n"), "delta_n * (1 - q**2)", "dn = dh * (1 - z) * (1 - n * n)", "dn = dh * (1 - z) * (1 - hn * hn)"),
        ("direct-path-lost", 6, "missing path", _H, f"{_HZ} + {_HR} + {_HN}", "dh = dh * z + dgh[t] @ w_hh", "dh = dgh[t] @ w_hh"),
        ("carry-overwritten", 2, "missing carry", ("delta_h", _H), "upstream_h", "dh = dh + dy[t]", "dh = dy[t]"),
    ),
    *table(
        "reset_after_object",
        ("er-by-h", 14, "wrong factor", ("delta_a_r", "delta_r"), "delta_a_n * h_prev * r * (1 - r)", "er = en * q * r", "er = en * h * r"),
        ("gbRn-from-en", 18, "missing factor", "grad_b_Rn", "delta_a_n", "self.gbRn += eq", "self.gbRn += en"),
        ("wrong-slot", 8, "wrong time index", ("delta_a_z", "delta_z"), "delta_h * (h - n) * z * (1 - z)", "ez = dh * (h - n)", "ez = dh * (self.hs[t] - n)"),
        ("elementwise-Rn", 15, "wrong factor", _H, f"{_HZ} + {_HR} + diag(R_n) * delta_q + {_HD}", "np.dot(eq, self.Rn)", "np.multiply(eq, np.diag(self.Rn))"),
        ("clear-forgets-n", 9, "state leak", "", "", '("Wz", "Wr", "Wn", "Rz", "Rr", "Rn", "bz", "br", "bWn", "bRn")', '("Wz", "Wr", "Wn", "Rz", "Rr", "Rn", "bz", "br") + (("bWn", "bRn") if not hasattr(self, "gbWn") else ())', "clear() forgets the two biases of the candidate"),
        ("gx-without-z", 6, "missing path", "grad_x", "W_r.T @ delta_a_r + W_n.T @ delta_a_n", "np.dot(ez, self.Wz) + np.dot(er, self.Wr)", "np.dot(er, self.Wr)"),
        ("mutated-weights", 0, "mutation", "", "", "self.gxs[t] = np.dot(ez, self.Wz)", "self.bz -= 0.01 * ez.sum(axis=0)\n            self.gxs[t] = np.dot(ez, self.Wz)", "the caller's bias takes a step of gradient descent"),
    ),
)  # fmt: skip
