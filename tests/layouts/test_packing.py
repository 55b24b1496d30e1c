"""Packing and unpacking: round trips, what is kept, whose cells may use a row, and what is refused, word for word."""

import ast
from pathlib import Path

import numpy as np
import pytest

import symrnn
from symrnn.layouts import Layout, flat, nested, presets

DIMS = {"m": 3, "n": 4}


def params_of(name, dtype="float64"):
    cell = symrnn.load(name)
    params = dict(cell.sample(seed=2, dtype=dtype).params)
    return cell, params


@pytest.mark.parametrize("row", presets(), ids=lambda row: f"{row.framework}-{row.cell}")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_there_and_back(row, dtype):
    cell, params = params_of(row.cell, dtype)
    params = {name: array * 0 if name in row.absent else array for name, array in params.items()}
    arrays = cell.pack(params, row.framework)
    back = cell.unpack(arrays, row.framework)
    assert list(back) == list(params)
    assert {array.dtype.name for array in (*arrays.values(), *back.values())} == {dtype}
    # Exactly, except where the code adds a constant: 1 + (b - 1) may differ from b in the last bit.
    shifted = any("- 1" in block for block in row.params.values())
    for name, array in params.items():
        room = 2 * np.finfo(dtype).eps * max(1, np.abs(array).max()) if shifted and name.startswith("b") else 0
        assert np.abs(back[name] - array).max() <= room, name


def test_what_is_added_up_goes_whole_to_the_first():
    cell, params = params_of("gru_reset_after")
    arrays = cell.pack(params, "pytorch")
    wanted = [params["b_r"], params["b_z"], params["b_Wn"]]
    assert np.array_equal(arrays["bias_ih_l0"], np.concatenate(wanted))
    zeros = np.zeros(2 * len(params["b_r"]))
    assert np.array_equal(arrays["bias_hh_l0"], np.concatenate([zeros, params["b_Rn"]]))
    arrays["bias_hh_l0"][0] = 0.25
    assert cell.unpack(arrays, "pytorch")["b_r"][0] == params["b_r"][0] + 0.25


def test_packed_arrays_are_new():
    cell, params = params_of("rnn")
    arrays = cell.pack(params, "pytorch")
    arrays["weight_ih_l0"][:] = 0
    assert params["W"].all()
    read = cell.unpack(arrays, "pytorch")
    read["R"][:] = 0
    assert arrays["weight_hh_l0"].all()


def test_weights_that_are_infinite_or_missing_pass():
    cell, params = params_of("lstm")
    params["b_i"][0], params["W_f"][0, 0] = np.inf, np.nan
    back = cell.unpack(cell.pack(params, "keras"), "keras")
    assert np.isinf(back["b_i"][0])
    assert np.isnan(back["W_f"][0, 0])


def test_tensors_lists_and_trees_come_as_they_are():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")
    cell = symrnn.load("lstm")
    module = torch.nn.LSTM(3, 4)
    read = cell.unpack(module.state_dict(), "pytorch")
    assert read["W_g"].dtype == np.float32
    assert np.array_equal(read["W_g"], module.weight_ih_l0.detach().numpy()[8:12])
    with pytest.raises(
        symrnn.InputError, match=r"`weight_ih_l0` cannot be read by NumPy: .*BFloat16\n  mend: make it float32"
    ):
        cell.unpack(module.bfloat16().state_dict(), "pytorch")
    tree = nested(cell.pack(params_of("lstm")[1], "flax_linen"))
    assert set(tree["if"]) == {"kernel"}
    assert np.array_equal(cell.unpack(tree, "flax_linen")["W_f"], params_of("lstm")[1]["W_f"])


def test_trees_and_flat_names():
    tree = {"a": {"b": {"c": 1}, "d": 2}, "e": 3}
    assert flat(tree) == {"a.b.c": 1, "a.d": 2, "e": 3}
    assert nested(flat(tree)) == tree
    for names in (["a", "a.b"], ["a.b", "a"]):
        with pytest.raises(symrnn.InputError):
            nested(dict.fromkeys(names, 0))


# A layout of one's own --------------------------------------------------------------------------------------------


def test_a_layout_of_ones_own():
    cell, params = params_of("lstm")
    layout = Layout("W = [[W_f.T, W_i.T], [R_f.T, R_i.T], [b_f, b_i]]\n...")
    arrays = cell.pack(params, layout)
    assert np.array_equal(arrays["W"][-1], np.concatenate([params["b_f"], params["b_i"]]))
    assert arrays["W"].shape == (4 + 6 + 1, 12)
    assert np.array_equal(cell.unpack(arrays, layout)["R_i"], params["R_i"])


def test_what_stands_twice_has_to_agree():
    cell, params = params_of("rnn")
    layout = Layout("one = [W, R]\ntwo = W.T\n...")
    arrays = cell.pack(params, layout)
    assert np.array_equal(cell.unpack(arrays, layout)["W"], params["W"])
    arrays["one"][0, 0] = 5
    with pytest.raises(symrnn.InputError) as caught:
        cell.unpack(arrays, layout)
    assert str(caught.value).startswith("the layout of rnn: one[0, 0] is 5 and has to be ")
    assert str(caught.value).endswith("its parameter stands in another place too, with that value")


def test_an_open_order_is_no_layout_for_weights():
    cell, params = params_of("lstm")
    with pytest.raises(symrnn.OptionError, match="leaves the order of some blocks open"):
        cell.pack(params, Layout("Wx = ?[W_i.T, W_f.T]\n..."))


# Whose cells -------------------------------------------------------------------------------------------------------

OWN = """
def my_gru(z, s):
    u = sigmoid(W_z @ z + R_z @ s + b_z)
    reset = sigmoid(b_r + R_r @ s + W_r @ z)
    new = tanh(W_n @ z + R_n @ (reset * s) + b_n)
    s = new + u * (s - new)
    return s
"""


def test_a_cell_of_ones_own_that_computes_the_same():
    zoo, params = params_of("gru")
    own = symrnn.cell(OWN)
    assert own.dims == zoo.dims
    for framework in ("keras", "tf1", "haiku"):
        ours, theirs = own.pack(params, framework), zoo.pack(params, framework)
        assert all(np.array_equal(ours[name], array) for name, array in theirs.items())
    shaped = symrnn.cell(OWN.replace("def my_gru(z, s)", "def my_gru(z: (d,), s: (k,))"))
    assert np.array_equal(shaped.unpack(shaped.pack(params, "keras"), "keras")["R_n"], params["R_n"])


def test_the_same_parameters_are_not_the_same_cell():
    """With 1 − z in the place of z every shape fits, and every weight of the gate would have the wrong sign."""
    params = params_of("gru")[1]
    other = symrnn.cell(OWN.replace("new + u * (s - new)", "s + u * (new - s)"))
    assert np.array_equal(other.pack(params, "haiku")["w_i"][:, :6], params["W_z"].T)
    assert np.array_equal(other.pack(params, "keras")["kernel"][:, :6], -params["W_z"].T)
    neither = symrnn.cell(OWN.replace("new + u * (s - new)", "s + u * new").replace("my_gru", "gru"))
    with pytest.raises(symrnn.OptionError) as caught:
        neither.pack(params, "tf1")
    assert str(caught.value).startswith(
        "tf1 has no layout for gru: it is not the gru of the zoo, it computes something"
    )


# Refused -----------------------------------------------------------------------------------------------------------


def refused(call, kind):
    with pytest.raises(symrnn.SymrnnError) as caught:
        call()
    assert type(caught.value).__name__ == kind
    return str(caught.value)


def test_a_framework_without_the_cell_says_what_it_has_and_who_has_it():
    cell, params = params_of("gru")
    message = refused(lambda: cell.pack(params, "pytorch_cell"), "OptionError")
    assert message.split("\n")[:3] == [
        "pytorch_cell has no layout for gru",
        "  pytorch_cell has: torch.nn.LSTMCell (lstm, lstm_concatenated, lstm_stacked); "
        "torch.nn.GRUCell (gru_reset_after, gru_reset_after_update); torch.nn.RNNCell (rnn, rnn_relu)",
        "  gru resets before the product, R_n (r ⊙ h), and gru_reset_after resets after it, r ⊙ (R_n h + b_Rn): "
        "no weights make one the other",
    ]
    assert "gru is in: keras, onnx, " in message
    cell, params = params_of("jordan")
    assert "is in:" not in refused(lambda: cell.pack(params, "keras"), "OptionError")


def test_a_misspelt_framework():
    cell, params = params_of("rnn")
    message = refused(lambda: cell.pack(params, "torch"), "OptionError")
    assert message.startswith("there is no preset for 'torch'. did you mean `pytorch`?\n  there are: pytorch,")
    assert refused(lambda: cell.pack(params, 3), "OptionError") == (
        "weights go to a framework's name or a Layout, not to 3"
    )


def test_a_parameter_without_a_place():
    cell = symrnn.load("gru_reset_after")
    params = dict(cell.sample(dims=DIMS).params)
    params["b_Rn"] = np.array([0.0, -0.5, 0.25, 0.0])
    assert refused(lambda: cell.pack(params, "flax_nnx"), "InputError") == (
        "flax_nnx's gru_reset_after (flax.nnx.GRUCell) has no place for `b_Rn`: its recurrent product has no bias, and the "
        "reset gate multiplies this one, so no other is like it\n"
        "  its largest entry is b_Rn[1] = -0.5\n"
        "  mend: weights in which it is zero can be packed; there is a place for it in: pytorch, pytorch_cell, keras, "
        "onnx, equinox, flax_linen, mxnet, onednn, cudnn, haste"
    )
    params["b_Rn"][:] = np.nan
    assert "largest entry is b_Rn[0] = nan" in refused(lambda: cell.pack(params, "flax_nnx"), "InputError")
    params["b_Rn"][:] = 0
    read = cell.unpack(cell.pack(params, "flax_nnx"), "flax_nnx")
    assert np.array_equal(read["b_Rn"], np.zeros(4))


def test_an_array_with_more_than_the_cell_has():
    cell, params = params_of("lightru")
    arrays = cell.pack(params, "torchrecurrent")
    arrays["bias_ih"][1] = 0.5
    assert refused(lambda: cell.unpack(arrays, "torchrecurrent"), "InputError") == (
        "torchrecurrent's lightru (torchrecurrent.LightRUCell): bias_ih[1] is 0.5 and has to be 0: lightru has no parameter "
        "there"
    )
    # What nobody reads may be anything.
    cell, params = params_of("coupled_lstm")
    arrays = cell.pack(params, "onnx")
    n = len(params["b_i"])
    assert not arrays["W"][0, 2 * n : 3 * n].any()
    arrays["W"][0, 2 * n : 3 * n] = 9
    assert np.array_equal(cell.unpack(arrays, "onnx")["W_g"], params["W_g"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda p: {**p, "W_i": p["W_i"].T},
            "`W_i` has the shape (3, 4), and lstm has it as (n × m) with n = 4 by `R_i` (4, 4), m = 3 by `W_f` (4, 3)\n"
            "  mend: it is transposed",
        ),
        (
            lambda p: {**p, "b_o": p["b_o"][:3]},
            "`b_o` has the shape (3,), and lstm has it as (n) with n = 4 by `W_i` (4, 3)",
        ),
        (
            lambda p: {**p, "b_o": p["b_o"][:, None]},
            "`b_o` has the shape (4, 1), and lstm has it as (n)\n  mend: transpose, squeeze or reshape it",
        ),
        (
            lambda p: {name.replace("b_o", "bo"): array for name, array in p.items()},
            "parameters of lstm: b_o (n) is missing; it has no parameter 'bo', did you mean `b_o`?\n"
            "  its parameters: W_i, R_i, b_i, W_f, R_f, b_f, W_g, R_g, b_g, W_o, R_o, b_o",
        ),
        (lambda p: {**p, "b_o": None}, "parameters of lstm: `b_o` is None"),
        (lambda p: {**p, "b_o": p["b_o"] * 1j}, "parameters of lstm: `b_o` holds complex numbers"),
        (lambda p: [p], "parameters of lstm: a dict by names is needed, not a list of 1"),
    ],
)
def test_parameters_that_do_not_fit(change, message):
    cell = symrnn.load("lstm")
    params = dict(cell.sample(dims=DIMS).params)
    assert refused(lambda: cell.pack(change(params), "keras"), "InputError") == message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda a: {name.replace("l0", "l1"): array for name, array in a.items() if "weight" in name},
            "pytorch's rnn (torch.nn.RNN): weight_ih_l0 (n × m), weight_hh_l0 (n × n), bias_ih_l0 (n), bias_hh_l0 (n) are "
            "missing; it has no arrays 'weight_ih_l1', 'weight_hh_l1', did you mean `weight_ih_l0`?\n"
            "  its arrays: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0\n"
            "  note: one layer, one direction, batch_first=False; other layers and directions have other endings than l0",
        ),
        (
            lambda a: {**a, "weight_ih_l0": a["weight_ih_l0"].T},
            "`weight_ih_l0` has the shape (3, 4), and pytorch's rnn (torch.nn.RNN) has it as (n × m) with n = 4 by "
            "`weight_hh_l0` (4, 4), m = 4",
        ),
    ],
)
def test_arrays_that_do_not_fit(change, message):
    cell = symrnn.load("rnn")
    arrays = cell.pack(dict(cell.sample(dims=DIMS).params), "pytorch")
    assert refused(lambda: cell.unpack(change(arrays), "pytorch"), "InputError") == message


def test_stacked_gates_of_a_wrong_size():
    cell = symrnn.load("lstm")
    arrays = cell.pack(dict(cell.sample(dims=DIMS).params), "pytorch")
    for wrong in (arrays["weight_hh_l0"].T, arrays["weight_hh_l0"][:-1]):
        message = refused(lambda wrong=wrong: cell.unpack({**arrays, "weight_hh_l0": wrong}, "pytorch"), "InputError")
        assert message.startswith(
            f"`weight_hh_l0` has the shape {wrong.shape}, and pytorch's lstm (torch.nn.LSTM) has it"
        )


# The room ----------------------------------------------------------------------------------------------------------


def test_layouts_stand_left_of_verifying():
    folder = Path(symrnn.__file__).parent / "layouts"
    right = ("verifying", "cli", "campaign", "testing", "bench", "render", "plugin")
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level > 1:
                assert (node.module or "").split(".")[0] not in right, file.name


def test_a_cell_without_parameters_goes_there_and_back():
    cell = symrnn.cell("def decay(x, h):\n    h = tanh(h) + x\n    return h\n")
    assert cell.pack({}, symrnn.Layout("...")) == {}
    assert cell.unpack({}, symrnn.Layout("...")) == {}
    one = cell.pack({}, symrnn.Layout("beta = 1\n..."))
    assert one == {"beta": 1.0}
    assert cell.unpack(one, symrnn.Layout("beta = 1\n...")) == {}
