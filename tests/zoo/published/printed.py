"""Equations of the page that are one line, each with the lines that symrnn prints for it.

Three things are spelt differently. The page folds the slope of a gate's σ or tanh into its δ, where symrnn prints the
adjoint of the gate (δ_f) and then of its net input (δ_a_f). The page's terms at t + 1 are gathered in what a step hands
back, κ. And the page's z of an LSTM, its block input, is g.
"""

ELMAN = {
    "dh_t = G_t + R' da_{t+1}": ("δ_h = ε_{h,t} + κ_{h,t+1}", "κ_{h,t} = Rᵀ δ_a_h"),
    "dR = sum da_t h_{t-1}'": ("∂L/∂R = Σ_t δ_a_h h_{t−1}ᵀ",),
    "dW = sum da_t x_t'": ("∂L/∂W = Σ_t δ_a_h x_tᵀ",),
    "db = sum da_t": ("∂L/∂b = Σ_t δ_a_h",),
    "dx_t = W' da_t": ("∂L/∂x_t = Wᵀ δ_a_h",),
    "dh_0 = R' da_1": ("∂L/∂h_0 = κ_{h,1}",),
}

# What every LSTM with a gate f of its own has in common, peepholes or not, projected or not.
_GATES = {
    "da_f = dc_t odot c_{t-1} odot f(1-f)": ("δ_f = δ_c ⊙ c_{t−1}", "δ_a_f = δ_f ⊙ f ⊙ (1 − f)"),
    "da_i = dc_t odot z odot i(1-i)": ("δ_i = δ_c ⊙ g", "δ_a_i = δ_i ⊙ i ⊙ (1 − i)"),
    "dW_f = sum da_f x_t'": ("∂L/∂W_f = Σ_t δ_a_f x_tᵀ",),
    "dR_f = sum_{t=1}^{T} da_f,t h_{t-1}'": ("∂L/∂R_f = Σ_t δ_a_f h_{t−1}ᵀ",),
    "dx_t = W_z' da_z + W_i' da_i + W_f' da_f + W_o' da_o": (
        "∂L/∂x_t = W_iᵀ δ_a_i + W_fᵀ δ_a_f + W_gᵀ δ_a_g + W_oᵀ δ_a_o",
    ),
    "dh_t = G_t + R_z' da_z,t+1 + R_i' da_i,t+1 + R_f' da_f,t+1 + R_o' da_o,t+1": (
        "δ_h = ε_{h,t} + κ_{h,t+1}",
        "κ_{h,t} = R_iᵀ δ_a_i + R_fᵀ δ_a_f + R_gᵀ δ_a_g + R_oᵀ δ_a_o",
    ),
}
_BLOCK_INPUT = {"da_z = dc_t odot i odot g'(a_z)": ("δ_g = δ_c ⊙ i", "δ_a_g = δ_g ⊙ (1 − g²)")}
_OUTPUT_GATE = {
    "da_o = dh_t odot hsq(c_t) odot o(1-o)": ("δ_o = δ_h ⊙ tanh(c_t)", "δ_a_o = δ_o ⊙ o ⊙ (1 − o)"),
}

LSTM = {
    **_GATES,
    **_BLOCK_INPUT,
    **_OUTPUT_GATE,
    "dc_t = dh_t odot o odot hsq'(c_t) + f_{t+1} odot dc_{t+1}": (
        "δ_c = δ_h ⊙ o ⊙ (1 − tanh²(c_t)) + κ_{c,t+1}",
        "κ_{c,t} = δ_c ⊙ f",
    ),
    "dc_0 = f_1 odot dc_1": ("∂L/∂c_0 = κ_{c,1}",),
}

PEEPHOLE_LSTM = {
    **_GATES,
    **_BLOCK_INPUT,
    **_OUTPUT_GATE,
    "dc_t = ... + p_o odot da_o + p_i odot da_i,t+1 + p_f odot da_f,t+1 + f_{t+1} odot dc_{t+1}": (
        "δ_c = δ_h ⊙ o ⊙ (1 − tanh²(c_t)) + p_o ⊙ δ_a_o + κ_{c,t+1}",
        "κ_{c,t} = p_i ⊙ δ_a_i + p_f ⊙ δ_a_f + δ_c ⊙ f",
    ),
    "dp_i = sum_{t=1}^{T} c_{t-1} odot da_i,t": ("∂L/∂p_i = Σ_t δ_a_i ⊙ c_{t−1}",),
    "dp_f likewise": ("∂L/∂p_f = Σ_t δ_a_f ⊙ c_{t−1}",),
    "dp_o = sum_{t=1}^{T} c_t odot da_o,t": ("∂L/∂p_o = Σ_t δ_a_o ⊙ c_t",),
}

COUPLED_LSTM = {
    **_BLOCK_INPUT,
    **_OUTPUT_GATE,
    "da_i = dc_t odot (z - c_{t-1}) odot i(1-i)": ("δ_i = δ_c ⊙ (g − c_{t−1})", "δ_a_i = δ_i ⊙ i ⊙ (1 − i)"),
    "dc_t = dh_t odot o odot hsq'(c_t) + f_{t+1} odot dc_{t+1}": ("δ_c = δ_h ⊙ o ⊙ (1 − tanh²(c_t)) + κ_{c,t+1}",),
    "da_f = 0 in dh_t": ("κ_{h,t} = R_iᵀ δ_a_i + R_gᵀ δ_a_g + R_oᵀ δ_a_o",),
    "f_{t+1} odot dc_{t+1} with f = 1-i": ("κ_{c,t} = δ_c ⊙ (1 − i)",),
}

PROJECTED_LSTM = {
    **_GATES,
    **_BLOCK_INPUT,
    "dm_t = Wp' dr_t": ("δ_q = W_hᵀ δ_h",),
    "dWp = sum dr_t m_t'": ("∂L/∂W_h = Σ_t δ_h qᵀ",),
    "da_o, with dm_t in place of dh_t": ("δ_o = δ_q ⊙ tanh(c_t)", "δ_a_o = δ_o ⊙ o ⊙ (1 − o)"),
    "dc_t, with dm_t in place of dh_t": ("δ_c = δ_q ⊙ o ⊙ (1 − tanh²(c_t)) + κ_{c,t+1}", "κ_{c,t} = δ_c ⊙ f"),
}

_GRU = {
    "da_n = dh odot (1-k) odot (1-n^2)": ("δ_n = δ_h ⊙ (1 − z)", "δ_a_n = δ_n ⊙ (1 − n²)"),
    "da_z = dh odot (h' - n) odot z(1-z)": ("δ_z = δ_h ⊙ (h_{t−1} − n)", "δ_a_z = δ_z ⊙ z ⊙ (1 − z)"),
    "dR_z = sum da_z h''": ("∂L/∂R_z = Σ_t δ_a_z h_{t−1}ᵀ",),
    "dx = sum_* W_*' da_*": ("∂L/∂x_t = W_zᵀ δ_a_z + W_rᵀ δ_a_r + W_nᵀ δ_a_n",),
}

GRU = {
    **_GRU,
    "u = R_n' da_n": ("δ_u_n = R_nᵀ δ_a_n",),
    "da_r = u odot h' odot r(1-r)": ("δ_r = δ_u_n ⊙ h_{t−1}", "δ_a_r = δ_r ⊙ r ⊙ (1 − r)"),
    "dh' = dh odot k + u odot r + R_z' da_z + R_r' da_r": ("κ_{h,t} = R_zᵀ δ_a_z + R_rᵀ δ_a_r + δ_u_n ⊙ r + δ_h ⊙ z",),
    "dR_n = sum da_n (r odot h')'": ("u_n = r ⊙ h_{t−1}", "∂L/∂R_n = Σ_t δ_a_n u_nᵀ"),
}

GRU_RESET_AFTER = {
    **_GRU,
    "da_r = da_n odot m odot r(1-r)": ("δ_r = δ_a_n ⊙ q", "δ_a_r = δ_r ⊙ r ⊙ (1 − r)"),
    "dm = da_n odot r": ("δ_q = δ_a_n ⊙ r",),
    "dh' = dh odot k + R_n' dm + R_z' da_z + R_r' da_r": ("κ_{h,t} = R_zᵀ δ_a_z + R_rᵀ δ_a_r + R_nᵀ δ_q + δ_h ⊙ z",),
    "dR_n = sum dm h''": ("∂L/∂R_n = Σ_t δ_q h_{t−1}ᵀ",),
    "db_Rn = sum dm": ("∂L/∂b_Rn = Σ_t δ_q",),
    "db_Wn = sum da_n": ("∂L/∂b_Wn = Σ_t δ_a_n",),
}

# The zoo's φ is the library's, φ(c) = c and φ' = 1.
SRU = {
    "da_r = dh odot (phi(c_t) - alpha x_t) odot r(1-r)": (
        "δ_r = δ_h ⊙ (c_t − α x_t)",
        "δ_a_r = δ_r ⊙ r ⊙ (1 − r)",
    ),
    "dc = dh odot r odot phi'(c_t) + cur": ("δ_c = δ_h ⊙ r + κ_{c,t+1}",),
    "da_f = dc odot (c_{t-1} - u_t) odot f(1-f)": ("δ_f = δ_c ⊙ (c_{t−1} − u)", "δ_a_f = δ_f ⊙ f ⊙ (1 − f)"),
    "cur = dc odot f + da_f odot v_f + da_r odot v_r": ("κ_{c,t} = v_f ⊙ δ_a_f + v_r ⊙ δ_a_r + δ_c ⊙ f",),
    "du = dc odot (1-f)": ("δ_u = δ_c ⊙ (1 − f)",),
    "dx(highway) = dh odot (1-r) alpha": ("∂L/∂x_t = Wᵀ δ_u + W_fᵀ δ_a_f + W_rᵀ δ_a_r + α δ_h ⊙ (1 − r)",),
    "dv_f += da_f odot c_{t-1}": ("∂L/∂v_f = Σ_t δ_a_f ⊙ c_{t−1}",),
    "dv_r += da_r odot c_{t-1}": ("∂L/∂v_r = Σ_t δ_a_r ⊙ c_{t−1}",),
}

QRNN = {
    "e = e + dh odot o": ("δ_c = δ_h ⊙ o + κ_{c,t+1}",),
    "da_o = dh odot c odot o(1-o)": ("δ_o = δ_h ⊙ c_t", "δ_a_o = δ_o ⊙ o ⊙ (1 − o)"),
    "da_f = e odot (c_{t-1}-z) odot f(1-f)": ("δ_f = δ_c ⊙ (c_{t−1} − z)", "δ_a_f = δ_f ⊙ f ⊙ (1 − f)"),
    "da_z = e odot (1-f) odot (1-z^2)": ("δ_z = δ_c ⊙ (1 − f)", "δ_a_z = δ_z ⊙ (1 − z²)"),
    "e <- e odot f": ("κ_{c,t} = δ_c ⊙ f",),
}

PRINTED = {
    "rnn": {"da_t = dh_t odot (1-h^2)": ("δ_a_h = δ_h ⊙ (1 − h_t²)",), **ELMAN},
    "rnn_sigmoid": {"da_t = dh_t odot h(1-h)": ("δ_a_h = δ_h ⊙ h_t ⊙ (1 − h_t)",), **ELMAN},
    "lstm": LSTM,
    "peephole_lstm": PEEPHOLE_LSTM,
    "coupled_lstm": COUPLED_LSTM,
    "projected_lstm": PROJECTED_LSTM,
    "gru": GRU,
    "gru_reset_after": GRU_RESET_AFTER,
    "sru": SRU,
    "qrnn": QRNN,
}
