"""Rows of frameworks that cannot be run here, against formulas and shapes written from their own descriptions; the rows
of the others are run in `test_weights_*`."""

import numpy as np
import pytest

import symrnn
from symrnn.checking.oracles import Point
from symrnn.checking.points import meaning_of
from symrnn.layouts import frameworks_of, presets
from symrnn.layouts.layout import Layout

M, H, P = 3, 4, 2
DIMS, T, N = {"m": M, "n": H, "p": P}, 3, 2
RUN = (
    "pytorch", "pytorch_cell", "torchrecurrent", "keras", "onnx", "equinox", "flax_linen", "flax_nnx",
    "flax_nnx_optimized", "haiku",
)  # fmt: skip
ROWS = [(row.framework, row.cell) for row in presets() if row.framework not in RUN]
# One step of the framework, in two notations of the zoo.
SAME = {
    "lstm_concatenated": "lstm", "lstm_stacked": "lstm", "gru_update": "gru", "gru_reset_after_update": "gru_reset_after",
    "rnn_relu": "rnn", "rnn_sigmoid": "rnn", "slstm": "slstm_stabilised",
}  # fmt: skip


def s(a):
    return 1 / (1 + np.exp(-a))


ACTIVATIONS = {"rnn": np.tanh, "rnn_relu": lambda a: np.maximum(a, 0), "rnn_sigmoid": s}


def split(a, count):
    return np.split(a, count, axis=-1)


def xh(x, h):
    return np.hstack([x, h])


def lstm(a, c, order, forget=0.0):
    """One step of an LSTM from fused net inputs whose gates stand in an order."""
    gates = dict(zip(order, split(a, 4), strict=True))
    c = s(gates["f"] + forget) * c + s(gates["i"]) * np.tanh(gates["g"])
    return s(gates["o"]) * np.tanh(c), c


def peephole(a, c, order, p_i, p_f, p_o, forget=0.0):
    gates = dict(zip(order, split(a, 4), strict=True))
    i, f = s(gates["i"] + p_i * c), s(gates["f"] + p_f * c + forget)
    c = f * c + i * np.tanh(gates["g"])
    return s(gates["o"] + p_o * c) * np.tanh(c), c


def projected(step, matrix):
    h, c = step
    return h @ matrix, c


def gru_before(x, h, Wz, Wr, Wn, Rz, Rr, Rn, bz, br, bn, keep):
    z, r = s(x @ Wz + h @ Rz + bz), s(x @ Wr + h @ Rr + br)
    n = np.tanh(x @ Wn + (r * h) @ Rn + bn)
    return keep(z) * h + (1 - keep(z)) * n, None


def after(wx, rh, b, inner, order, h):
    """A GRU with the reset gate after the product, from its products each with an input's bias and an inner one."""
    Wx, Rh, outer, inside = (dict(zip(order, split(a, 3), strict=True)) for a in (wx, rh, b, inner))
    z = s(Wx["z"] + outer["z"] + Rh["z"] + inside["z"])
    r = s(Wx["r"] + outer["r"] + Rh["r"] + inside["r"])
    n = np.tanh(Wx["n"] + outer["n"] + r * (Rh["n"] + inside["n"]))
    return z * h + (1 - z) * n, None


def same(z):
    return z


def opposite(z):
    return 1 - z


def sonnet_gru(p, x, h, c):
    (Wz, Wr, Wn), (Rz, Rr, Rn), (bz, br, bn) = split(p["w_i"], 3), split(p["w_h"], 3), split(p["b"], 3)
    return gru_before(x, h, Wz, Wr, Wn, Rz, Rr, Rn, bz, br, bn, opposite)


def tf_gru(gates, b_gates, candidate, b, x, h):
    r, u = split(s(xh(x, h) @ gates + b_gates), 2)
    return u * h + (1 - u) * np.tanh(xh(x, r * h) @ candidate + b), None


def mxnet(p, x, h):
    return x @ p["l0_i2h_weight"].T + p["l0_i2h_bias"] + h @ p["l0_h2h_weight"].T + p["l0_h2h_bias"]


def one_dnn(p, x, h):
    a = np.einsum("bi,igo->bgo", x, p["weights_layer"][0, 0]) + np.einsum("bi,igo->bgo", h, p["weights_iter"][0, 0])
    return (a + p["bias"][0, 0]).reshape(len(x), -1)


def cudnn(p, x, h, gates):
    """Net inputs of all gates from matrices and biases numbered as cuDNN numbers them."""
    return np.hstack([
        x @ p[f"matrix_{k}"].T + p[f"bias_{k}"] + h @ p[f"matrix_{k + gates}"].T + p[f"bias_{k + gates}"]
        for k in range(gates)
    ])  # fmt: skip


def cudnn_gru(p, x, h, c):
    products = (np.hstack([v @ p[f"matrix_{k}"].T for k in ks]) for v, ks in ((x, range(3)), (h, range(3, 6))))
    biases = (np.concatenate([p[f"bias_{k}"] for k in ks]) for ks in (range(3), range(3, 6)))
    return after(*products, *biases, "rzn", h)


def darknet(p, x, h, gate):
    return h @ p[f"w{gate}.weights"].T + p[f"w{gate}.biases"] + x @ p[f"u{gate}.weights"].T + p[f"u{gate}.biases"]


def normalised(a, scale):
    return scale * (a - a.mean(-1, keepdims=True)) / np.sqrt(a.var(-1, keepdims=True) + 1e-5)


def haste_layer_norm(p, x, h, c):
    a = normalised(x @ p["kernel"], p["gamma"][0]) + normalised(h @ p["recurrent_kernel"], p["gamma"][1]) + p["bias"]
    i, g, f, o = split(a, 4)
    c = s(f) * c + s(i) * np.tanh(g)
    return s(o) * np.tanh(normalised(c, p["gamma_h"]) + p["beta_h"]), c


def char_rnn(p, x, h, gate=""):
    return x @ p[f"{gate}i2h.weight"].T + p[f"{gate}i2h.bias"] + h @ p[f"{gate}h2h.weight"].T + p[f"{gate}h2h.bias"]


def char_rnn_gru(p, x, h, c):
    z, r = s(char_rnn(p, x, h, "update_gate.")), s(char_rnn(p, x, h, "reset_gate."))
    return (1 - z) * h + z * np.tanh(char_rnn(p, x, r * h, "hidden_candidate.")), None


def xlstm(p, x, h, c, n, m):
    """The stabilised cell of one head; the layer's forward pass hands its fgate to the first slot, i."""
    slots = np.hstack([x @ p[f"{gate}gate.weight"][0].T for gate in "fizo"])
    a_i, a_f, a_z, a_o = split(slots + h @ p["slstm_cell._recurrent_kernel_"][0].T + p["slstm_cell._bias_"], 4)
    log_f = -np.log1p(np.exp(-a_f))
    new = np.maximum(log_f + m, a_i)
    i, f = np.exp(a_i - new), np.exp(log_f + m - new)
    c, n = f * c + i * np.tanh(a_z), f * n + i
    return s(a_o) * c / n, c, n, new


# framework -> net input of its Elman network: (their parameters, x (N, m), h)
ELMAN = {
    "sonnet": lambda p, x, h: x @ p["input_to_hidden.w"] + h @ p["hidden_to_hidden.w"] + p["b"],
    "tf1": lambda p, x, h: xh(x, h) @ p["kernel"] + p["bias"],
    "mxnet": mxnet,
    "cudnn": lambda p, x, h: cudnn(p, x, h, 1),
    "cs231n": lambda p, x, h: x @ p["Wx"] + h @ p["Wh"] + p["b"],
    "char-rnn": char_rnn,
    "min-char-rnn": lambda p, x, h: (p["Wxh"] @ x.T + p["Whh"] @ h.T + p["bh"]).T,
}

# (framework, cell) -> one step: (their parameters, x (N, m), states) -> states
STEPS = {
    ("tensorflow_addons", "peephole_lstm"): lambda p, x, h, c: peephole(
        x @ p["kernel"] + h @ p["recurrent_kernel"] + p["bias"], c, "ifgo",
        *(p[f"{gate}_gate_peephole_weights"] for gate in ("input", "forget", "output")),
    ),
    ("sonnet", "lstm"): lambda p, x, h, c: lstm(x @ p["w_i"] + h @ p["w_h"] + p["b"], c, "ifgo"),
    ("sonnet", "projected_lstm"): lambda p, x, h, c: projected(
        lstm(x @ p["w_i"] + h @ p["w_h"] + p["b"], c, "ifgo"), p["projection"]
    ),
    ("sonnet", "gru"): sonnet_gru,
    ("tf1", "lstm"): lambda p, x, h, c: lstm(xh(x, h) @ p["kernel"] + p["bias"], c, "igfo", forget=1.0),
    ("tf1", "peephole_lstm"): lambda p, x, h, c: peephole(
        xh(x, h) @ p["kernel"] + p["bias"], c, "igfo", p["w_i_diag"], p["w_f_diag"], p["w_o_diag"], forget=1.0
    ),
    ("tf1", "projected_lstm"): lambda p, x, h, c: projected(
        lstm(xh(x, h) @ p["kernel"] + p["bias"], c, "igfo", forget=1.0), p["projection.kernel"]
    ),
    ("tf1", "projected_peephole_lstm"): lambda p, x, h, c: projected(
        peephole(xh(x, h) @ p["kernel"] + p["bias"], c, "igfo", p["w_i_diag"], p["w_f_diag"], p["w_o_diag"], forget=1.0),
        p["projection.kernel"],
    ),
    ("tf1", "gru"): lambda p, x, h, c: tf_gru(
        p["gates.kernel"], p["gates.bias"], p["candidate.kernel"], p["candidate.bias"], x, h
    ),
    ("tf_block", "lstm"): lambda p, x, h, c: lstm(xh(x, h) @ p["w"] + p["b"], c, "igfo", forget=1.0),
    ("tf_block", "peephole_lstm"): lambda p, x, h, c: peephole(
        xh(x, h) @ p["w"] + p["b"], c, "igfo", p["wci"], p["wcf"], p["wco"], forget=1.0
    ),
    ("tf_block", "gru"): lambda p, x, h, c: tf_gru(p["w_ru"], p["b_ru"], p["w_c"], p["b_c"], x, h),
    ("tf_block_v2", "lstm"): lambda p, x, h, c: lstm(xh(x, h) @ p["w"] + p["b"], c, "ifgo"),
    ("mxnet", "lstm"): lambda p, x, h, c: lstm(mxnet(p, x, h), c, "ifgo"),
    ("mxnet", "projected_lstm"): lambda p, x, h, c: projected(lstm(mxnet(p, x, h), c, "ifgo"), p["l0_h2r_weight"].T),
    ("mxnet", "gru_reset_after"): lambda p, x, h, c: after(
        x @ p["l0_i2h_weight"].T, h @ p["l0_h2h_weight"].T, p["l0_i2h_bias"], p["l0_h2h_bias"], "rzn", h
    ),
    ("onednn", "lstm"): lambda p, x, h, c: lstm(one_dnn(p, x, h), c, "ifgo"),
    ("onednn", "peephole_lstm"): lambda p, x, h, c: peephole(one_dnn(p, x, h), c, "ifgo", *p["weights_peephole"][0, 0]),
    ("onednn", "projected_lstm"): lambda p, x, h, c: projected(
        lstm(one_dnn(p, x, h), c, "ifgo"), p["weights_projection"][0, 0]
    ),
    ("onednn", "gru"): lambda p, x, h, c: gru_before(
        x, h, *(p["weights_layer"][0, 0, :, g] for g in range(3)), *(p["weights_iter"][0, 0, :, g] for g in range(3)),
        *p["bias"][0, 0], same,
    ),
    ("onednn", "gru_reset_after"): lambda p, x, h, c: after(
        np.einsum("bi,igo->bgo", x, p["weights_layer"][0, 0]).reshape(N, 12),
        np.einsum("bi,igo->bgo", h, p["weights_iter"][0, 0]).reshape(N, 12),
        p["bias"][0, 0, :3].ravel(), np.concatenate([np.zeros(8), p["bias"][0, 0, 3]]), "zrn", h,
    ),
    ("cudnn", "lstm"): lambda p, x, h, c: lstm(cudnn(p, x, h, 4), c, "ifgo"),
    ("cudnn", "projected_lstm"): lambda p, x, h, c: projected(lstm(cudnn(p, x, h, 4), c, "ifgo"), p["matrix_8"].T),
    ("cudnn", "gru_reset_after"): cudnn_gru,
    ("darknet", "lstm"): lambda p, x, h, c: lstm(np.hstack([darknet(p, x, h, gate) for gate in "ifgo"]), c, "ifgo"),
    ("darknet", "gru"): lambda p, x, h, c: gru_before(
        x, h, *(p[f"u{g}.weights"].T for g in "zrh"), *(p[f"w{g}.weights"].T for g in "zrh"),
        *(p[f"u{g}.biases"] + p[f"w{g}.biases"] for g in "zrh"), same,
    ),
    ("haste", "lstm"): lambda p, x, h, c: lstm(x @ p["kernel"] + h @ p["recurrent_kernel"] + p["bias"], c, "igfo"),
    ("haste", "layer_norm_lstm"): haste_layer_norm,
    ("haste", "gru_reset_after"): lambda p, x, h, c: after(
        x @ p["kernel"], h @ p["recurrent_kernel"], p["bias"], p["recurrent_bias"], "zrn", h
    ),
    ("xlstm", "slstm_stabilised"): xlstm,
    ("cs231n", "lstm"): lambda p, x, h, c: lstm(x @ p["Wx"] + h @ p["Wh"] + p["b"], c, "ifog"),
    ("char-rnn", "lstm"): lambda p, x, h, c: lstm(char_rnn(p, x, h), c, "ifog"),
    ("char-rnn", "gru"): char_rnn_gru,
}  # fmt: skip


def step_of(framework, cell):
    formula = SAME.get(cell, cell)
    if formula == "rnn":
        return lambda p, x, h, c: (ACTIVATIONS[cell](ELMAN[framework](p, x, h)), None)
    return STEPS[framework, formula]


def test_every_row_that_is_not_run_has_a_formula():
    assert len(ROWS) == len(set(ROWS))
    formulas = {(framework, SAME.get(cell, cell)) for framework, cell in ROWS}
    assert formulas == {*STEPS, *((framework, "rnn") for framework in ELMAN)}


@pytest.mark.parametrize(("framework", "name"), ROWS)
def test_a_preset_makes_the_frameworks_formula_the_cell(framework, name):
    cell = symrnn.load(name)
    dims = {dim: size for dim, size in DIMS.items() if dim in cell.dims}
    sample = cell.sample(T=T, N=N, seed=3, dims=dims)
    row = next(row for row in presets() if (row.framework, row.cell) == (framework, name))
    params = {key: array * 0 if key in row.absent else array for key, array in sample.params.items()}
    arrays = cell.pack(params, framework)
    held = [*sample.state.values()]
    held += [np.zeros((N, H))] * {"slstm": 1}.get(name, 2 - len(held))
    wanted = meaning_of(Point(cell, dims, T, N, params, {"x": sample.x}, sample.state))["output", "h"]
    for t in range(T):
        held = step_of(framework, name)(arrays, sample.x[t], *held)
        assert np.allclose(held[0], wanted[t], rtol=0, atol=1e-14)
    for key, array in cell.unpack(arrays, framework).items():
        assert np.allclose(array, params[key], rtol=0, atol=1e-15)


# As their documentation and sources have them, for 3 inputs, 4 units and a projection to 2.
SHAPES = {
    ("tensorflow_addons", "peephole_lstm"): {
        "kernel": (3, 16), "recurrent_kernel": (4, 16), "bias": (16,), "input_gate_peephole_weights": (4,),
        "forget_gate_peephole_weights": (4,), "output_gate_peephole_weights": (4,),
    },
    ("sonnet", "rnn"): {"input_to_hidden.w": (3, 4), "hidden_to_hidden.w": (4, 4), "b": (4,)},
    ("sonnet", "lstm"): {"w_i": (3, 16), "w_h": (4, 16), "b": (16,)},
    ("sonnet", "projected_lstm"): {"w_i": (3, 16), "w_h": (2, 16), "b": (16,), "projection": (4, 2)},
    ("sonnet", "gru"): {"w_i": (3, 12), "w_h": (4, 12), "b": (12,)},
    ("tf1", "rnn"): {"kernel": (7, 4), "bias": (4,)},
    ("tf1", "lstm"): {"kernel": (7, 16), "bias": (16,)},
    ("tf1", "projected_peephole_lstm"): {
        "kernel": (5, 16), "bias": (16,), "w_i_diag": (4,), "w_f_diag": (4,), "w_o_diag": (4,),
        "projection.kernel": (4, 2),
    },
    ("tf1", "gru"): {"gates.kernel": (7, 8), "gates.bias": (8,), "candidate.kernel": (7, 4), "candidate.bias": (4,)},
    ("tf_block", "peephole_lstm"): {"w": (7, 16), "b": (16,), "wci": (4,), "wcf": (4,), "wco": (4,)},
    ("tf_block", "gru"): {"w_ru": (7, 8), "w_c": (7, 4), "b_ru": (8,), "b_c": (4,)},
    ("mxnet", "lstm"): {"l0_i2h_weight": (16, 3), "l0_h2h_weight": (16, 4), "l0_i2h_bias": (16,), "l0_h2h_bias": (16,)},
    ("mxnet", "projected_lstm"): {
        "l0_i2h_weight": (16, 3), "l0_h2h_weight": (16, 2), "l0_i2h_bias": (16,), "l0_h2h_bias": (16,),
        "l0_h2r_weight": (2, 4),
    },
    ("mxnet", "gru_reset_after"): {
        "l0_i2h_weight": (12, 3), "l0_h2h_weight": (12, 4), "l0_i2h_bias": (12,), "l0_h2h_bias": (12,)
    },
    ("onednn", "peephole_lstm"): {
        "weights_layer": (1, 1, 3, 4, 4), "weights_iter": (1, 1, 4, 4, 4), "bias": (1, 1, 4, 4),
        "weights_peephole": (1, 1, 3, 4),
    },
    ("onednn", "projected_lstm"): {
        "weights_layer": (1, 1, 3, 4, 4), "weights_iter": (1, 1, 2, 4, 4), "bias": (1, 1, 4, 4),
        "weights_projection": (1, 1, 4, 2),
    },
    ("onednn", "gru_reset_after"): {
        "weights_layer": (1, 1, 3, 3, 4), "weights_iter": (1, 1, 4, 3, 4), "bias": (1, 1, 4, 4)
    },
    ("haste", "lstm"): {"kernel": (3, 16), "recurrent_kernel": (4, 16), "bias": (16,)},
    ("haste", "layer_norm_lstm"): {
        "kernel": (3, 16), "recurrent_kernel": (4, 16), "bias": (16,), "gamma": (2, 16), "gamma_h": (4,), "beta_h": (4,)
    },
    ("haste", "gru_reset_after"): {
        "kernel": (3, 12), "recurrent_kernel": (4, 12), "bias": (12,), "recurrent_bias": (12,)
    },
    ("cs231n", "lstm"): {"Wx": (3, 16), "Wh": (4, 16), "b": (16,)},
    ("char-rnn", "lstm"): {"i2h.weight": (16, 3), "i2h.bias": (16,), "h2h.weight": (16, 4), "h2h.bias": (16,)},
}  # fmt: skip


@pytest.mark.parametrize(("framework", "name"), SHAPES)
def test_the_arrays_have_the_frameworks_shapes(framework, name):
    held = Layout.preset(framework, name)
    bound = held.bind(symrnn.load(name), without=("beta_x", "beta_h") if name == "layer_norm_lstm" else ())
    sizes = {key: tuple(size.value(DIMS) for size in shape) for key, shape in bound.held.items()}
    assert sizes == SHAPES[framework, name]


def test_frameworks_of_a_cell():
    assert set(frameworks_of("projected_lstm")) == {"pytorch", "sonnet", "tf1", "mxnet", "onednn", "cudnn"}
    assert frameworks_of("elman") == frameworks_of("rnn") != ()
    assert frameworks_of("jordan") == ()
    # By what it computes: MUT2, as libraries have it, is the GRU of Chung et al.
    assert {"haiku", "torchrecurrent"} <= set(frameworks_of(symrnn.load("mut2")))


def test_a_misspelt_preset_raises_with_the_nearest():
    with pytest.raises(symrnn.OptionError) as caught:
        Layout.preset("pytorc", "lstm")
    assert str(caught.value).startswith(
        "there is no preset for 'pytorc'. did you mean `pytorch`?\n  there are: pytorch, pytorch_cell, keras, tensorflow_addons, onnx"
    )
    with pytest.raises(symrnn.OptionError) as caught:
        Layout.preset("sonnet", "grü")
    assert str(caught.value) == (
        "sonnet has no preset for 'grü'; it has: lstm, projected_lstm, gru_update, rnn, rnn_relu, rnn_sigmoid, "
        "lstm_concatenated, lstm_stacked, gru. did you mean `gru`?"
    )
    assert Layout.preset("pytorch", "vanilla_lstm") == Layout.preset("pytorch", "lstm")
