"""Presets against formulas written from the frameworks' own descriptions, and against PyTorch itself."""

import numpy as np
import pytest

import symrnn
from symrnn.checking.oracles import Point
from symrnn.checking.points import meaning_of
from symrnn.verifying.layout import Layout
from symrnn.verifying.presets import presets

DIMS, T, N = {"m": 3, "n": 4}, 3, 2
ROWS = [(row.framework, row.cell) for row in presets()]


def s(a):
    return 1 / (1 + np.exp(-a))


def lstm(a, c, order, forget=0.0):
    """One step of an LSTM from fused net inputs whose gates stand in an order."""
    gates = dict(zip(order, np.split(a, 4, axis=-1), strict=True))
    c = s(gates["f"] + forget) * c + s(gates["i"]) * np.tanh(gates["g"])
    return s(gates["o"]) * np.tanh(c), c


def split(a, count):
    return np.split(a, count, axis=-1)


def gru_before(x, h, Wz, Wr, Wn, Rz, Rr, Rn, bz, br, bn, keep):
    z, r = s(x @ Wz + h @ Rz + bz), s(x @ Wr + h @ Rr + br)
    n = np.tanh(x @ Wn + (r * h) @ Rn + bn)
    return keep(z) * h + (1 - keep(z)) * n


def same(z):
    return z


def opposite(z):
    return 1 - z


def fused_gru_before(order, keep, W, R, b):
    """A function of (p, x, h) whose arrays stand side by side in an order."""

    def step(p, x, h, c):
        Ws, Rs, bs = (dict(zip(order, split(p[name], 3), strict=True)) for name in (W, R, b))
        return gru_before(x, h, *(Ws[g] for g in "zrn"), *(Rs[g] for g in "zrn"), *(bs[g] for g in "zrn"), keep), None

    return step


def after(wx, rh, b, inner, order):
    """A GRU with the reset gate after the product, from its three products each with an input's bias and an inner one."""
    Wx, Rh, outer, inside = (dict(zip(order, split(a, 3), strict=True)) for a in (wx, rh, b, inner))

    def step(h):
        z = s(Wx["z"] + outer["z"] + Rh["z"] + inside["z"])
        r = s(Wx["r"] + outer["r"] + Rh["r"] + inside["r"])
        n = np.tanh(Wx["n"] + outer["n"] + r * (Rh["n"] + inside["n"]))
        return z * h + (1 - z) * n

    return step


def peephole(a, c, order, p_i, p_f, p_o, forget=0.0):
    gates = dict(zip(order, split(a, 4), strict=True))
    i, f = s(gates["i"] + p_i * c), s(gates["f"] + p_f * c + forget)
    c = f * c + i * np.tanh(gates["g"])
    return s(gates["o"] + p_o * c) * np.tanh(c), c


def xh(x, h):
    return np.hstack([x, h])


# (framework, cell) -> one step: (their parameters, x (N, m), h, c) -> (h, c)
STEPS = {
    ("pytorch", "rnn"): lambda p, x, h, c: (
        np.tanh(x @ p["weight_ih_l0"].T + p["bias_ih_l0"] + h @ p["weight_hh_l0"].T + p["bias_hh_l0"]), None
    ),
    ("pytorch", "lstm"): lambda p, x, h, c: lstm(
        x @ p["weight_ih_l0"].T + p["bias_ih_l0"] + h @ p["weight_hh_l0"].T + p["bias_hh_l0"], c, "ifgo"
    ),
    ("pytorch", "gru_reset_after"): lambda p, x, h, c: (
        after(x @ p["weight_ih_l0"].T, h @ p["weight_hh_l0"].T, p["bias_ih_l0"], p["bias_hh_l0"], "rzn")(h), None
    ),
    ("keras", "rnn"): lambda p, x, h, c: (np.tanh(x @ p["kernel"] + h @ p["recurrent_kernel"] + p["bias"]), None),
    ("keras", "lstm"): lambda p, x, h, c: lstm(x @ p["kernel"] + h @ p["recurrent_kernel"] + p["bias"], c, "ifgo"),
    ("keras", "gru"): fused_gru_before("zrn", same, "kernel", "recurrent_kernel", "bias"),
    ("keras", "gru_reset_after"): lambda p, x, h, c: (
        after(x @ p["kernel"], h @ p["recurrent_kernel"], p["bias"][0], p["bias"][1], "zrn")(h), None
    ),
    ("tensorflow_addons", "peephole_lstm"): lambda p, x, h, c: peephole(
        x @ p["kernel"] + h @ p["recurrent_kernel"] + p["bias"], c, "ifgo",
        *(p[f"{gate}_gate_peephole_weights"] for gate in ("input", "forget", "output")),
    ),
    ("onnx", "rnn"): lambda p, x, h, c: (np.tanh(x @ p["W"][0].T + h @ p["R"][0].T + p["B"][0, :4] + p["B"][0, 4:]), None),
    ("onnx", "lstm"): lambda p, x, h, c: lstm(
        x @ p["W"][0].T + h @ p["R"][0].T + p["B"][0, :16] + p["B"][0, 16:], c, "iofg"
    ),
    ("onnx", "peephole_lstm"): lambda p, x, h, c: peephole(
        x @ p["W"][0].T + h @ p["R"][0].T + p["B"][0, :16] + p["B"][0, 16:], c, "iofg",
        p["P"][0, :4], p["P"][0, 8:], p["P"][0, 4:8],
    ),
    ("onnx", "gru"): lambda p, x, h, c: (
        gru_before(
            x, h, *np.split(p["W"][0].T, 3, axis=1), *np.split(p["R"][0].T, 3, axis=1),
            *split(p["B"][0, :12] + p["B"][0, 12:], 3), same,
        ), None,
    ),
    ("onnx", "gru_reset_after"): lambda p, x, h, c: (
        after(x @ p["W"][0].T, h @ p["R"][0].T, p["B"][0, :12], p["B"][0, 12:], "zrn")(h), None
    ),
    ("equinox", "lstm"): lambda p, x, h, c: lstm(x @ p["weight_ih"].T + h @ p["weight_hh"].T + p["bias"], c, "ifgo"),
    ("equinox", "gru_reset_after"): lambda p, x, h, c: (
        after(
            x @ p["weight_ih"].T, h @ p["weight_hh"].T, p["bias"], np.concatenate([np.zeros(8), p["bias_n"]]), "rzn"
        )(h), None,
    ),
    ("flax_linen", "rnn"): lambda p, x, h, c: (np.tanh(x @ p["i.kernel"] + p["i.bias"] + h @ p["h.kernel"]), None),
    ("flax_linen", "lstm"): lambda p, x, h, c: lstm(
        np.hstack([x @ p[f"i{g}.kernel"] + h @ p[f"h{g}.kernel"] + p[f"h{g}.bias"] for g in "ifgo"]), c, "ifgo"
    ),
    ("flax_linen", "gru_reset_after"): lambda p, x, h, c: (
        after(
            np.hstack([x @ p[f"i{g}.kernel"] + p[f"i{g}.bias"] for g in "rzn"]),
            np.hstack([h @ p[f"h{g}.kernel"] for g in "rzn"]),
            np.zeros(12), np.concatenate([np.zeros(8), p["hn.bias"]]), "rzn",
        )(h), None,
    ),
    ("flax_nnx", "rnn"): lambda p, x, h, c: (
        np.tanh(x @ p["dense_i.kernel"] + p["dense_i.bias"] + h @ p["dense_h.kernel"]), None
    ),
    ("flax_nnx", "lstm"): lambda p, x, h, c: lstm(
        np.hstack([
            x @ p["if_.kernel" if g == "f" else f"i{g}.kernel"] + h @ p[f"h{g}.kernel"] + p[f"h{g}.bias"] for g in "ifgo"
        ]), c, "ifgo",
    ),
    ("flax_nnx_optimized", "lstm"): lambda p, x, h, c: lstm(
        x @ p["dense_i.kernel"] + h @ p["dense_h.kernel"] + p["dense_h.bias"], c, "ifgo"
    ),
    ("haiku", "lstm"): lambda p, x, h, c: lstm(xh(x, h) @ p["linear.w"] + p["linear.b"], c, "igfo", forget=1.0),
    ("haiku", "gru"): fused_gru_before("zrn", opposite, "w_i", "w_h", "b"),
    ("sonnet", "rnn"): lambda p, x, h, c: (
        np.tanh(x @ p["input_to_hidden.w"] + h @ p["hidden_to_hidden.w"] + p["b"]), None
    ),
    ("sonnet", "lstm"): lambda p, x, h, c: lstm(x @ p["w_i"] + h @ p["w_h"] + p["b"], c, "ifgo"),
    ("sonnet", "gru"): fused_gru_before("zrn", opposite, "w_i", "w_h", "b"),
    ("tf1", "rnn"): lambda p, x, h, c: (np.tanh(xh(x, h) @ p["kernel"] + p["bias"]), None),
    ("tf1", "lstm"): lambda p, x, h, c: lstm(xh(x, h) @ p["kernel"] + p["bias"], c, "igfo", forget=1.0),
    ("tf1", "peephole_lstm"): lambda p, x, h, c: peephole(
        xh(x, h) @ p["kernel"] + p["bias"], c, "igfo", p["w_i_diag"], p["w_f_diag"], p["w_o_diag"], forget=1.0
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
    ("mxnet", "lstm"): lambda p, x, h, c: lstm(
        x @ p["l0_i2h_weight"].T + p["l0_i2h_bias"] + h @ p["l0_h2h_weight"].T + p["l0_h2h_bias"], c, "ifgo"
    ),
    ("mxnet", "gru_reset_after"): lambda p, x, h, c: (
        after(x @ p["l0_i2h_weight"].T, h @ p["l0_h2h_weight"].T, p["l0_i2h_bias"], p["l0_h2h_bias"], "rzn")(h), None
    ),
    ("onednn", "lstm"): lambda p, x, h, c: lstm(one_dnn(p, x, h), c, "ifgo"),
    ("onednn", "peephole_lstm"): lambda p, x, h, c: peephole(one_dnn(p, x, h), c, "ifgo", *p["weights_peephole"][0, 0]),
    ("onednn", "gru"): lambda p, x, h, c: (
        gru_before(
            x, h, *(p["weights_layer"][0, 0, :, g] for g in range(3)), *(p["weights_iter"][0, 0, :, g] for g in range(3)),
            *p["bias"][0, 0], same,
        ), None,
    ),
    ("onednn", "gru_reset_after"): lambda p, x, h, c: (
        after(
            np.einsum("bi,igo->bgo", x, p["weights_layer"][0, 0]).reshape(N, 12),
            np.einsum("bi,igo->bgo", h, p["weights_iter"][0, 0]).reshape(N, 12),
            p["bias"][0, 0, :3].ravel(), np.concatenate([np.zeros(8), p["bias"][0, 0, 3]]), "zrn",
        )(h), None,
    ),
    ("darknet", "lstm"): lambda p, x, h, c: lstm(
        np.hstack([
            h @ p[f"w{g}.weights"].T + p[f"w{g}.biases"] + x @ p[f"u{g}.weights"].T + p[f"u{g}.biases"] for g in "ifgo"
        ]), c, "ifgo",
    ),
    ("darknet", "gru"): lambda p, x, h, c: (
        gru_before(
            x, h, *(p[f"u{g}.weights"].T for g in "zrh"), *(p[f"w{g}.weights"].T for g in "zrh"),
            *(p[f"u{g}.biases"] + p[f"w{g}.biases"] for g in "zrh"), same,
        ), None,
    ),
    ("torchrecurrent", "peephole_lstm"): lambda p, x, h, c: peephole(
        x @ p["weight_ih"].T + p["bias_ih"] + h @ p["weight_hh"].T + p["bias_hh"], c, "ifgo", *np.split(p["weight_ph"], 3)
    ),
    ("haste", "lstm"): lambda p, x, h, c: lstm(x @ p["kernel"] + h @ p["recurrent_kernel"] + p["bias"], c, "igfo"),
    ("haste", "gru_reset_after"): lambda p, x, h, c: (
        after(x @ p["kernel"], h @ p["recurrent_kernel"], p["bias"], p["recurrent_bias"], "zrn")(h), None
    ),
    ("cs231n", "rnn"): lambda p, x, h, c: (np.tanh(x @ p["Wx"] + h @ p["Wh"] + p["b"]), None),
    ("cs231n", "lstm"): lambda p, x, h, c: lstm(x @ p["Wx"] + h @ p["Wh"] + p["b"], c, "ifog"),
    ("char-rnn", "lstm"): lambda p, x, h, c: lstm(
        x @ p["i2h.weight"].T + p["i2h.bias"] + h @ p["h2h.weight"].T + p["h2h.bias"], c, "ifog"
    ),
    ("min-char-rnn", "rnn"): lambda p, x, h, c: (np.tanh(p["Wxh"] @ x.T + p["Whh"] @ h.T + p["bh"]).T, None),
}  # fmt: skip


def tf_gru(gates, b_gates, candidate, b, x, h):
    r, u = split(s(xh(x, h) @ gates + b_gates), 2)
    return u * h + (1 - u) * np.tanh(xh(x, r * h) @ candidate + b), None


def one_dnn(p, x, h):
    a = np.einsum("bi,igo->bgo", x, p["weights_layer"][0, 0]) + np.einsum("bi,igo->bgo", h, p["weights_iter"][0, 0])
    return (a + p["bias"][0, 0]).reshape(len(x), -1)


def test_every_row_has_a_formula_here():
    assert set(STEPS) == set(ROWS)
    assert len(ROWS) == len(set(ROWS))


@pytest.mark.parametrize(("framework", "name"), ROWS)
def test_a_preset_makes_the_frameworks_formula_the_cell(framework, name):
    cell = symrnn.load(name)
    sample = cell.sample(T=T, N=N, seed=3, dims=DIMS)
    plan = Layout.preset(framework, name).bind(cell).plan(DIMS)
    params = plan.lay_out(sample.params)
    h, c = sample.state["h"], sample.state.get("c")
    wanted = meaning_of(Point(cell, DIMS, T, N, sample.params, {"x": sample.x}, sample.state))["output", "h"]
    for t in range(T):
        h, c = STEPS[framework, name](params, sample.x[t], h, c)
        assert np.allclose(h, wanted[t], rtol=0, atol=1e-14)
    for key, array in plan.read_params(params).items():
        assert np.allclose(array, sample.params[key], rtol=0, atol=1e-14)


@pytest.mark.parametrize(("name", "kind"), [("rnn", "RNN"), ("lstm", "LSTM"), ("gru_reset_after", "GRU")])
def test_pytorchs_names_and_shapes_are_its_own(name, kind):
    torch = pytest.importorskip("torch")
    cell = symrnn.load(name)
    module = getattr(torch.nn, kind)(3, 4)
    laid_out = Layout.preset("pytorch", name).bind(cell).plan(DIMS).lay_out(cell.sample(dims=DIMS).params)
    assert {key: tuple(value.shape) for key, value in module.state_dict().items()} == {
        key: value.shape for key, value in laid_out.items()
    }


def test_a_misspelt_preset_raises_with_the_nearest():
    with pytest.raises(symrnn.OptionError) as caught:
        Layout.preset("pytorc", "lstm")
    assert str(caught.value).startswith(
        "there is no preset for 'pytorc'. did you mean `pytorch`?\n  there are: pytorch, keras"
    )
    with pytest.raises(symrnn.OptionError) as caught:
        Layout.preset("haiku", "grü")
    assert str(caught.value) == "haiku has no preset for 'grü'; it has: lstm, gru. did you mean `gru`?"
