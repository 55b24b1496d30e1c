"""Bugs in the peephole LSTMs."""

from .bug import table

_C, _CC = "delta_c", "carry_c"
_DC = "delta_h * o * (1 - tanh(c)**2)"

BUGS = (
    *table(
        "peephole_plain",
        ("no-peephole-in-dc", 16, "missing path", _C, f"{_DC} + carry_c", ' + p["po"] * do + dc_rec', " + dc_rec"),
        ("no-peepholes-in-carry", 16, "missing path", _CC, "delta_c * f", 'dc_rec = dc * f[t] + p["pi"] * di + p["pf"] * df', "dc_rec = dc * f[t]"),
        ("no-pf-in-carry", 16, "missing path", _CC, "delta_c * f + p_i * delta_a_i", ' + p["pf"] * df', ""),
        ("po-at-old-c", 17, "wrong time index", "grad_p_o", "delta_a_o * c_prev", 'grad["po"] += (c[t] * do)', 'grad["po"] += (c[t - 1] * do)'),
        ("pi-at-new-c", 17, "wrong time index", "grad_p_i", "delta_a_i * c", 'grad["pi"] += (c[t - 1] * di)', 'grad["pi"] += (c[t] * di)'),
        ("df-new-c", 14, "wrong time index", ("delta_a_f", "delta_f"), "delta_c * c * f * (1 - f)", "df = dc * c[t - 1]", "df = dc * c[t]"),
        ("pf-gets-di", 18, "swapped gates", "grad_p_f", "delta_a_i * c_prev", 'grad["pf"] += (c[t - 1] * df)', 'grad["pf"] += (c[t - 1] * di)'),
        ("no-cell-carry", 3, "missing carry", (_C, _CC), f"{_DC} + p_o * delta_a_o", ' + p["po"] * do + dc_rec', ' + p["po"] * do'),
        ("first-step-of-R", 11, "first step", tuple("grad_R_" + k for k in "ifgo"), "\n".join(f"grad_R_{k} = outer(delta_a_{k}, h_prev) * (t > 1)" for k in "ifgo"), 'grad["R" + k] += delta.T @ y[t - 1]', 'grad["R" + k] += delta.T @ y[t - 1] * (t > 1)'),
        ("po-assigned", 19, "lost accumulation", "grad_p_o", "delta_a_o * c * (t == 1)", 'grad["po"] += (c[t] * do)', 'grad["po"] = (c[t] * do)'),
        ("dz-by-f", 14, "wrong factor", ("delta_a_g", "delta_g"), "delta_c * f * (1 - g**2)", "dz = dc * i[t] * (1 - z[t] ** 2)", "dz = dc * f[t] * (1 - z[t] ** 2)"),
        ("gates-in-another-order", 18, "swapped gates", ("grad_W_i", "grad_W_f", "grad_R_i", "grad_R_f", "grad_b_i", "grad_b_f"), "\n".join(f"grad_W_{a} = outer(delta_a_{b}, x)\ngrad_R_{a} = outer(delta_a_{b}, h_prev)\ngrad_b_{a} = delta_a_{b}" for a, b in ("if", "fi")), 'zip("zifo", (dz, di, df, do)', 'zip("zifo", (dz, df, di, do)'),
    ),
    *table(
        "peephole_batch_first",
        ("no-peephole-in-dc", 16, "missing path", _C, f"{_DC} + carry_c", '        dc += d_o * peep["o"]\n', ""),
        ("no-pi-in-carry", 16, "missing path", _CC, "p_f * delta_a_f + delta_c * f", '        dc += d_i * peep["i"]\n', ""),
        ("po-at-old-c", 17, "wrong time index", "grad_p_o", "delta_a_o * c_prev", 'd_o, c_t)', 'd_o, c_prev)'),
        ("pi-assigned", 19, "lost accumulation", "grad_p_i", "delta_a_i * c_prev * (t == 1)", 'gpeep["i"] += ', 'gpeep["i"] = '),
        ("cell-carry-without-f", 3, "missing factor", _CC, "p_i * delta_a_i + p_f * delta_a_f + delta_c", "        dc = dc * f\n", ""),
        ("c-squared", 14, "wrong factor", _C, "delta_h * o * (1 - c**2) + p_o * delta_a_o + carry_c", "dc = dc + dh * o * (1 - th**2)", "dc = dc + dh * o * (1 - c_t**2)"),
        ("upstream-in-place", 0, "mutation", "", "", "dh = dh + d_out[:, t]", "d_out[:, t] += dh\n        dh = d_out[:, t]", "the carry is added into the caller's d_outputs"),
        ("upstream-twice", 5, "scale", "delta_h", "2 * upstream_h + carry_h", "dh = dh + d_out[:, t]", "dh = dh + 2 * d_out[:, t]"),
        ("peephole-twice", 16, "extra factor", _C, f"{_DC} + 2 * p_o * delta_a_o + carry_c", 'dc += d_o * peep["o"]', 'dc += 2 * d_o * peep["o"]'),
    ),
    *table(
        "peephole_fused",
        ("P1-for-P0", 18, "swapped gates", _CC, "p_f * delta_a_i + p_f * delta_a_f + delta_c * f", "dzifo[:, H : 2 * H] * P[0] +", "dzifo[:, H : 2 * H] * P[1] +"),
        ("o-peephole-through-net-i", 18, "swapped gates", _C, f"{_DC} + p_i * delta_a_o + carry_c", "dzifo[:, 3 * H :] * P[2]", "dzifo[:, 3 * H :] * P[0]"),
        ("dP2-at-old-c", 17, "wrong time index", "grad_p_o", "delta_a_o * c_prev", "dP[2] += (dzifo[:, 3 * H :] * c)", "dP[2] += (dzifo[:, 3 * H :] * c_prev)"),
        ("missing-derivative-f", 13, "missing factor", ("delta_a_f", "delta_f"), "delta_c * c_prev", "dc * c_prev * f * (1 - f)", "dc * c_prev"),
        ("peephole-before-derivative", 16, "wrong factor", _C, f"{_DC} + p_o * delta_o + carry_c", "+ dzifo[:, 3 * H :] * P[2]\n", "+ dh * np.tanh(c) * P[2]\n"),
        ("dR-assigned", 19, "lost accumulation", tuple("grad_R_" + k for k in "ifgo"), "\n".join(f"grad_R_{k} = outer(delta_a_{k}, h_prev) * (t == 1)" for k in "ifgo"), "dR += dzifo.T @ h_prev", "dR = dzifo.T @ h_prev"),
    ),
    *table(
        "peephole_object",
        ("no-peephole-in-dc", 16, "missing path", _C, f"{_DC} + carry_c", " + eo * self.po + dc_next", " + dc_next"),
        ("eo-through-pf", 18, "swapped gates", _CC, "p_i * delta_a_i + p_o * delta_a_f + delta_c * f", " + ef * self.pf", " + ef * self.po"),
        ("dpo-at-old-c", 17, "wrong time index", "grad_p_o", "delta_a_o * c_prev", "self.dpo += np.sum(eo * c, axis=0)", "self.dpo += np.sum(eo * c_old, axis=0)"),
        ("dpf-at-new-c", 17, "wrong time index", "grad_p_f", "delta_a_f * c", "self.dpf += np.sum(ef * c_old, axis=0)", "self.dpf += np.sum(ef * c, axis=0)"),
        ("dbg-from-o", 18, "swapped gates", "grad_b_g", "delta_a_o", "self.dbg += np.sum(eg, axis=0)", "self.dbg += np.sum(eo, axis=0)"),
        ("dUg-new-h", 8, "wrong time index", "grad_R_g", "outer(delta_a_g, h)", "self.dUg += eg.T @ h_old", "self.dUg += eg.T @ self.hs[t + 1]"),
        ("Uo-untransposed", 1, "missing transpose", "carry_h", "R_i.T @ delta_a_i + R_f.T @ delta_a_f + R_g.T @ delta_a_g + R_o @ delta_a_o", " + eo @ self.Uo\n", " + eo @ self.Uo.T\n"),
        ("ei-minus", 22, "sign", ("delta_a_i", "delta_i"), "-delta_i * i * (1 - i)", "ei = dc * g * i * (1 - i)", "ei = dc * g * i * (i - 1)"),
        ("not-reset", 9, "state leak", "", "", 'setattr(self, "d" + name, np.zeros_like(getattr(self, name)))', 'setattr(self, "d" + name, getattr(self, "d" + name, 0) + np.zeros_like(getattr(self, name)))', "all accumulators are kept from call to call"),
    ),
)  # fmt: skip
