"""Elman networks in all frameworks: the same arrays whatever the activation, which is an option of the layer."""

from __future__ import annotations

from collections.abc import Mapping

from ..row import Data, Preset
from . import jax, keras, native, onnx, programs, pytorch, tensorflow

_TWO_BIASES = {"weight_ih": "W", "weight_hh": "R", "bias_ih": "share(b)", "bias_hh": "share(b)"}


def _rows(
    framework: str, layer: str, params: Mapping[str, str], data: Data, notes: Mapping[str, str]
) -> tuple[Preset, ...]:
    """A row for each activation that the layer has; `notes` says how to ask for it."""
    cells = {"tanh": "rnn", "relu": "rnn_relu", "sigmoid": "rnn_sigmoid"}
    return tuple(Preset(framework, cells[kind], layer, params, data, note) for kind, note in notes.items())


def _options(option: str, *kinds: str) -> dict[str, str]:
    """tanh without an option, the others by one."""
    return {"tanh": "", **{kind: option.format(kind) for kind in kinds}}


_ALL = ("relu", "sigmoid")

ROWS = (
    *_rows(
        "pytorch",
        "torch.nn.RNN",
        pytorch.first(_TWO_BIASES),
        pytorch.DATA,
        {"tanh": pytorch.LAYER, "relu": f"nonlinearity='relu'; {pytorch.LAYER}"},
    ),
    *_rows("pytorch_cell", "torch.nn.RNNCell", _TWO_BIASES, pytorch.STEP, _options("nonlinearity='{}'", "relu")),
    *_rows(
        "keras",
        "keras.layers.SimpleRNN",
        {"kernel": "W.T", "recurrent_kernel": "R.T", "bias": "b"},
        keras.KERAS,
        _options("activation='{}'", *_ALL),
    ),
    *_rows(
        "onnx",
        "RNN",
        {"W": "W[None, :, :]", "R": "R[None, :, :]", "B": "[share(b), share(b)][None, :]"},
        onnx.DATA,
        {"tanh": "", "relu": "activations=['Relu']", "sigmoid": "activations=['Sigmoid']"},
    ),
    *_rows(
        "flax_linen",
        "flax.linen.SimpleCell",
        {"i.kernel": "W.T", "i.bias": "b", "h.kernel": "R.T"},
        jax.FLAX,
        _options("activation_fn=flax.linen.{}", *_ALL),
    ),
    *_rows(
        "flax_nnx",
        "flax.nnx.SimpleCell",
        {"dense_i.kernel": "W.T", "dense_i.bias": "b", "dense_h.kernel": "R.T"},
        jax.FLAX,
        _options("activation_fn=flax.nnx.{}", *_ALL),
    ),
    *_rows(
        "haiku",
        "haiku.VanillaRNN",
        {"linear.w": "W.T", "linear.b": "share(b)", "linear_1.w": "R.T", "linear_1.b": "share(b)"},
        jax.HAIKU,
        {"relu": "double_bias=True, the default"},
    ),
    *_rows(
        "sonnet",
        "sonnet.VanillaRNN",
        {"input_to_hidden.w": "W.T", "hidden_to_hidden.w": "R.T", "b": "b"},
        tensorflow.SONNET,
        _options("activation=tf.nn.{}", *_ALL),
    ),
    *_rows(
        "tf1",
        "tf.compat.v1.nn.rnn_cell.BasicRNNCell",
        {"kernel": "[[W.T], [R.T]]", "bias": "b"},
        tensorflow.TF1,
        _options("activation=tf.nn.{}", *_ALL),
    ),
    *_rows(
        "mxnet",
        "mxnet.gluon.rnn.RNN",
        {"l0_i2h_weight": "W", "l0_h2h_weight": "R", "l0_i2h_bias": "share(b)", "l0_h2h_bias": "share(b)"},
        native.MXNET,
        {"tanh": "activation='tanh'; its default is relu", "relu": "the default, activation='relu'"},
    ),
    *_rows(
        "cudnn",
        "CUDNN_RNN_TANH, CUDNN_RNN_RELU",
        {"matrix_0": "W", "matrix_1": "R", "bias_0": "share(b)", "bias_1": "share(b)"},
        native.CUDNN,
        {"tanh": f"CUDNN_RNN_TANH; {native.IDS}", "relu": f"CUDNN_RNN_RELU; {native.IDS}"},
    ),
    *_rows("cs231n", "rnn_forward", {"Wx": "W.T", "Wh": "R.T", "b": "b"}, programs.CS231N, {"tanh": ""}),
    *_rows(
        "char-rnn",
        "model/RNN.lua",
        {"i2h.weight": "W", "i2h.bias": "share(b)", "h2h.weight": "R", "h2h.bias": "share(b)"},
        programs.CHAR_RNN,
        {"tanh": ""},
    ),
    *_rows(
        "min-char-rnn", "lossFun", {"Wxh": "W", "Whh": "R", "bh": "b[:, None]"}, programs.MIN_CHAR_RNN, {"tanh": ""}
    ),
)
