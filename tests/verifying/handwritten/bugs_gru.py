"""Bugs in the GRUs with the reset gate before the product."""

from .bug import table

_Z, _R, _N = (("delta_a_" + k, "delta_" + k) for k in "zrn")
_H = "carry_h"
_HZ, _HR, _HU, _HD = "R_z.T @ delta_a_z", "R_r.T @ delta_a_r", "delta_u_n * r", "delta_h * z"

BUGS = (
    *table(
        "gru_plain",
        ("no-direct-path", 6, "missing path", _H, f"{_HZ} + {_HR} + {_HU}", "dh_next = dh * z + drh * r", "dh_next = drh * r"),
        ("no-candidate-path", 6, "missing path", _H, f"{_HZ} + {_HR} + {_HD}", "dh_next = dh * z + drh * r +", "dh_next = dh * z +"),
        ("no-reset-on-candidate", 6, "missing factor", _H, f"{_HZ} + {_HR} + delta_u_n + {_HD}", "drh * r + daz @ Rz", "drh + daz @ Rz"),
        ("no-update-path", 6, "missing path", _H, f"{_HR} + {_HU} + {_HD}", " + daz @ Rz", ""),
        ("direct-path-other-way", 6, "wrong factor", _H, f"{_HZ} + {_HR} + {_HU} + delta_h * (1 - z)", "dh_next = dh * z", "dh_next = dh * (1 - z)"),
        ("dn-by-z", 6, "wrong factor", ("delta_n", "delta_a_n"), "delta_h * z", "dn = dh * (1 - z)", "dn = dh * z"),
        ("dz-other-sign", 22, "sign", ("delta_z", "delta_a_z"), "delta_h * (n - h_prev)", "dz = dh * (h_prev - n)", "dz = dh * (n - h_prev)"),
        ("dz-without-n", 6, "missing path", ("delta_z", "delta_a_z"), "delta_h * h_prev", "dz = dh * (h_prev - n)", "dz = dh * h_prev"),
        ("dRn-without-r", 6, "missing factor", "grad_R_n", "outer(delta_a_n, h_prev)", "dRn += dan.T @ (r * h_prev)", "dRn += dan.T @ h_prev"),
        ("dr-by-r", 14, "wrong factor", ("delta_r", "delta_a_r"), "delta_u_n * r", "dr = drh * h_prev", "dr = drh * r"),
        ("Rn-untransposed", 1, "missing transpose", "delta_u_n", "R_n @ delta_a_n", "drh = dan @ Rn", "drh = dan @ Rn.T"),
        ("elementwise-Rn", 15, "wrong factor", "delta_u_n", "diag(R_n) * delta_a_n", "drh = dan @ Rn", "drh = dan * np.diag(Rn)"),
        ("no-carry", 2, "missing carry", ("delta_h", _H), "upstream_h", "dh = dh_out[t] + dh_next", "dh = dh_out[t]"),
        ("br-from-z", 18, "swapped gates", "grad_b_r", "delta_a_z", "dbr += np.sum(dar, axis=0)", "dbr += np.sum(daz, axis=0)"),
        ("tanh-of-tanh", 12, "wrong factor", _N, "delta_n * (1 - tanh(n)**2)", "dan = dn * (1 - n**2)", "dan = dn * (1 - np.tanh(n) ** 2)"),
        ("dx-without-r", 6, "missing path", "grad_x", "W_z.T @ delta_a_z + W_n.T @ delta_a_n", "dx.append(daz @ Wz + dar @ Wr", "dx.append(daz @ Wz"),
        ("first-step-r", 11, "first step", ("delta_r", "delta_a_r"), "delta_u_n * h_prev * (t > 1)", "dr = drh * h_prev", "dr = drh * h_prev if t else np.zeros_like(drh)"),
        ("bz-averaged", 21, "scale", "grad_b_z", "delta_a_z / N", "dbz += np.sum(daz, axis=0)", "dbz += np.mean(daz, axis=0)"),
        ("upstream-in-place", 0, "mutation", "", "", "dh = dh_out[t] + dh_next", "dh = dh_out[t]\n        dh += dh_next", "dh is a view of the caller's d_outputs and is added to"),
        ("gradient-clipped", 23, "clipping", "", "", "dh = dh_out[t] + dh_next", "dh = np.clip(dh_out[t] + dh_next, -1, 1)", "the carried gradient is clipped to ±1 at each step"),
    ),
    *table(
        "gru_batch_first",
        ("dz-before-derivative", 12, "wrong factor", _Z, "delta_z * sigmoid(z) * (1 - sigmoid(z))", "dz = dz * z * (1 - z)", "dz = dz * sigm(z) * (1 - sigm(z))"),
        ("drs-from-ds", 6, "missing factor", "delta_u_n", "R_n.T @ (delta_h * (1 - z))", "drs = dhh.dot(", "drs = (ds * (1 - z)).dot("),
        ("Vr-for-Vz", 18, "swapped gates", _H, f"R_r.T @ delta_a_z + {_HR} + {_HU} + {_HD}", 'dz.dot(w["Vz"].T)', 'dz.dot(w["Vr"].T)'),
        ("bh-from-z", 18, "swapped gates", "grad_b_n", "delta_a_z", 'g["bh"] += dhh.sum(axis=0)', 'g["bh"] += dz.sum(axis=0)'),
        ("Uz-assigned", 19, "lost accumulation", "grad_W_z", "outer(delta_a_z, x) * (t == 1)", 'g["Uz"] += ', 'g["Uz"] = '),
        ("Vz-new-state", 8, "wrong time index", "grad_R_z", "outer(delta_a_z, h)", 'g["Vz"] += s.T', 'g["Vz"] += S[:, t + 1].T'),
        ("hh-not-squared", 14, "wrong factor", _N, "delta_n * (1 - n)", "(1 - hh * hh)", "(1 - hh)"),
        ("ds-dropped", 4, "missing carry", _H, "0 * delta_h", 'ds = ds * z + drs * r + dz.dot(w["Vz"].T) + dr.dot(w["Vr"].T)', "ds = np.zeros_like(ds)"),
        ("last-upstream", 5, "wrong time index", "delta_h", "upstream_h_last + carry_h", "ds = ds + dS[:, t]", "ds = ds + dS[:, -1]"),
        ("dr-without-s", 6, "missing factor", ("delta_r", "delta_a_r"), "delta_u_n", "dr = drs * s\n", "dr = drs\n"),
    ),
    *table(
        "gru_fused",
        ("r-and-z-swapped", 18, "swapped gates", (*_R, *_Z), "delta_a_r = delta_z * z * (1 - z)\ndelta_a_z = delta_r * r * (1 - r)", "np.concatenate([da_r, da_z], axis=1)", "np.concatenate([da_z, da_r], axis=1)"),
        ("candidate-over-xh", 6, "missing factor", "grad_R_n", "outer(delta_a_n, h_prev)", "dW_cand += x_rh.T @ da_n", "dW_cand += xh.T @ da_n"),
        ("dx-without-candidate", 6, "missing path", "grad_x", "W_z.T @ delta_a_z + W_r.T @ delta_a_r", "dx_rh[:, :D] + dxh[:, :D]", "dxh[:, :D]"),
        ("d_rh-without-r", 6, "missing factor", _H, f"{_HZ} + {_HR} + delta_u_n + {_HD}", "d_rh * r + dxh[:, D:]", "d_rh + dxh[:, D:]"),
        ("r-by-new-factor", 14, "wrong factor", ("delta_a_r", "delta_r"), "delta_u_n * n * r * (1 - r)", "d_rh * h_prev * r", "d_rh * n * r"),
        ("z-derivative-missing", 13, "missing factor", _Z, "delta_z", "da_z = dh * (h_prev - n) * z * (1 - z)", "da_z = dh * (h_prev - n)"),
        ("steps-beyond-two", 4, "truncated carry", _H, f"({_HZ} + {_HR} + {_HU} + {_HD}) * (T - t < 1)", "dh = dh * z + d_rh * r + dxh[:, D:]", "dh = (dh * z + d_rh * r + dxh[:, D:]) * (len(cache) - t < 2)"),
    ),
    *table(
        "gru_object",
        ("U-untransposed", 1, "missing transpose", (_H, "delta_u_n"), "delta_u_n = R_n @ delta_a_n\n" + f"{_H} = R_z @ delta_a_z + R_r @ delta_a_r + {_HU} + {_HD}", 'delta @ self.params["U" + gate]\n', 'delta @ self.params["U" + gate].T\n'),
        ("rh-for-h", 6, "missing factor", "grad_R_n", "outer(delta_a_n, h_prev)", 'self._affine_back("h", dh_hat, x, r * h_prev)', 'self._affine_back("h", dh_hat, x, h_prev)'),
        ("dh-from-z-missing", 6, "missing path", _H, f"{_HR} + {_HU} + {_HD}", " + dh_z + dh_r", " + dh_r"),
        ("biases-kept", 9, "state leak", "", "", "self.grads = {name: np.zeros_like(value) for name, value in self.params.items()}", 'old = getattr(self, "grads", {})\n        self.grads = {k: old[k] if k[0] == "b" and k in old and old[k].shape == v.shape else np.zeros_like(v) for k, v in self.params.items()}', "the biases' gradients are kept from call to call"),
        ("dr-through-h_hat", 14, "wrong factor", ("delta_a_r", "delta_r"), "delta_u_n * n * r * (1 - r)", "dr = drh * h_prev * r * (1 - r)", "dr = drh * h_hat * r * (1 - r)"),
        ("r-and-z-mixed", 18, "swapped gates", (*_R, *_Z), "delta_a_r = delta_z * z * (1 - z)\ndelta_a_z = delta_r * r * (1 - r)", 'self._affine_back("z", dz, x, h_prev)\n        dx_r, dh_r = self._affine_back("r", dr, x, h_prev)', 'self._affine_back("z", dr, x, h_prev)\n        dx_r, dh_r = self._affine_back("r", dz, x, h_prev)'),
    ),
    *table(
        "gru_sgd",
        ("wh-ascends", 22, "sign", ("grad_W_n", "grad_R_n", "grad_b_n"), "grad_W_n = -outer(delta_a_n, x)\ngrad_R_n = -outer(delta_a_n, u_n)\ngrad_b_n = -delta_a_n", "self.wh -= self.lr * gh", "self.wh += self.lr * gh"),
        ("u-for-v", 6, "missing factor", "grad_R_n", "outer(delta_a_n, h_prev)", "gh += dhh @ u.T", "gh += dhh @ v.T"),
        ("dv-without-r", 6, "missing path", (_H, "grad_x"), f"{_H} = {_HZ} + {_HU} + {_HD}\ngrad_x = W_z.T @ delta_a_z + W_n.T @ delta_a_n", "dv = self.wz.T @ dz + self.wr.T @ dr", "dv = self.wz.T @ dz"),
        ("gz-mean", 21, "scale", ("grad_W_z", "grad_R_z", "grad_b_z"), "grad_W_z = outer(delta_a_z, x) / T\ngrad_R_z = outer(delta_a_z, h_prev) / T\ngrad_b_z = delta_a_z / T", "self.wz -= self.lr * gz", "self.wz -= self.lr * gz / len(dhs)"),
        ("gr-assigned", 19, "lost accumulation", ("grad_W_r", "grad_R_r", "grad_b_r"), "grad_W_r = outer(delta_a_r, x) * (t == 1)\ngrad_R_r = outer(delta_a_r, h_prev) * (t == 1)\ngrad_b_r = delta_a_r * (t == 1)", "gr += dr @ v.T", "gr = dr @ v.T"),
    ),
    *table(
        "gru_steps",
        ("Uh-untransposed", 1, "missing transpose", "delta_u_n", "R_n @ delta_a_n", "drh = np.dot(Uh.T, dhhraw)", "drh = np.dot(Uh, dhhraw)"),
        ("dzraw-minus-hh", 22, "sign", _Z, "delta_h * (h_prev + n) * z * (1 - z)", "dh * (h - hh) * zt", "dh * (h + hh) * zt"),
        ("bz-from-r", 18, "swapped gates", "grad_b_z", "delta_a_r", '"bz": dzraw', '"bz": drraw'),
        ("Uz-outer-swapped", 1, "missing transpose", "grad_R_z", "outer(h_prev, delta_a_z)", "np.outer(dzraw, h)", "np.outer(h, dzraw)"),
        ("dhprev-without-rt", 6, "missing factor", _H, f"{_HZ} + {_HR} + delta_u_n + {_HD}", "drh * rt + np.dot(Uz.T, dzraw)", "drh + np.dot(Uz.T, dzraw)"),
        ("Uh-dot", 20, "wrong factor", "grad_R_n", "dot(delta_a_n, u_n) + 0 * R_n", "np.outer(dhhraw, rt * h)", "np.dot(dhhraw, rt * h) + np.zeros_like(Uh)"),
    ),
)  # fmt: skip
