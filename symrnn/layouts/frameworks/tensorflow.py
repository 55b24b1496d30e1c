"""TensorFlow 1's cells, its block kernels, and Sonnet 2."""

from __future__ import annotations

from ..row import Data, Preset, side, stacked, vector

TF1 = Data("run, tensorflow 2.15.1")
_BLOCK = Data("run, tensorflow 2.15.1", "T N m", "T N n")
SONNET = Data("run, dm-sonnet 2.0.2")
_RUN_TIME = "the code adds 1 to the forget gate's net input when it runs"
_FORGET_BIAS = f"{_RUN_TIME} (forget_bias=1.0)"
_CLIP = f"{_RUN_TIME}; cell_clip is 3 unless it is switched off"
_BIAS = "[b_i, b_g, b_f - 1, b_o]"

ROWS = (
    Preset(
        "tf1",
        "lstm",
        "tf.compat.v1.nn.rnn_cell.BasicLSTMCell, LSTMCell",
        {"kernel": stacked("igfo"), "bias": _BIAS},
        TF1,
        _FORGET_BIAS,
    ),
    Preset(
        "tf1",
        "peephole_lstm",
        "tf.compat.v1.nn.rnn_cell.LSTMCell",
        {"kernel": stacked("igfo"), "bias": _BIAS, "w_i_diag": "p_i", "w_f_diag": "p_f", "w_o_diag": "p_o"},
        TF1,
        f"use_peepholes=True; {_FORGET_BIAS}",
    ),
    Preset(
        "tf1",
        "projected_lstm",
        "tf.compat.v1.nn.rnn_cell.LSTMCell",
        {"kernel": stacked("igfo"), "bias": _BIAS, "projection.kernel": "W_h.T"},
        TF1,
        f"num_proj; {_FORGET_BIAS}",
    ),
    Preset(
        "tf1",
        "projected_peephole_lstm",
        "tf.compat.v1.nn.rnn_cell.LSTMCell",
        {
            "kernel": stacked("igfo"),
            "bias": _BIAS,
            "w_i_diag": "p_i",
            "w_f_diag": "p_f",
            "w_o_diag": "p_o",
            "projection.kernel": "W_h.T",
        },
        TF1,
        f"use_peepholes=True, num_proj; {_FORGET_BIAS}",
    ),
    Preset(
        "tf1",
        "gru",
        "tf.compat.v1.nn.rnn_cell.GRUCell",
        {
            "gates.kernel": stacked("rz"),
            "gates.bias": vector("b", "rz"),
            "candidate.kernel": "[[W_n.T], [R_n.T]]",
            "candidate.bias": "b_n",
        },
        TF1,
    ),
    Preset(
        "tf_block",
        "lstm",
        "tf.raw_ops.BlockLSTM, LSTMBlockCell",
        {"w": stacked("igfo"), "b": _BIAS},
        _BLOCK,
        _CLIP,
    ),
    Preset(
        "tf_block",
        "peephole_lstm",
        "tf.raw_ops.BlockLSTM, LSTMBlockCell",
        {"w": stacked("igfo"), "b": _BIAS, "wci": "p_i", "wcf": "p_f", "wco": "p_o"},
        _BLOCK,
        f"use_peephole=True; {_CLIP}",
    ),
    Preset(
        "tf_block",
        "gru",
        "tf.raw_ops.GRUBlockCell",
        {"w_ru": stacked("rz"), "w_c": "[[W_n.T], [R_n.T]]", "b_ru": vector("b", "rz"), "b_c": "b_n"},
        TF1,
    ),
    Preset("tf_block_v2", "lstm", "tf.raw_ops.BlockLSTMV2", {"w": stacked("ifgo"), "b": vector("b", "ifgo")}, _BLOCK),
    Preset(
        "sonnet",
        "lstm",
        "sonnet.LSTM",
        {"w_i": side("W", "ifgo"), "w_h": side("R", "ifgo"), "b": vector("b", "ifgo")},
        SONNET,
    ),
    Preset(
        "sonnet",
        "projected_lstm",
        "sonnet.LSTM",
        {
            "w_i": side("W", "ifgo"),
            "w_h": side("R", "ifgo"),
            "b": vector("b", "ifgo"),
            "projection": "W_h.T",
        },
        SONNET,
        "projection_size",
    ),
    Preset(
        "sonnet",
        "gru_update",
        "sonnet.GRU",
        {"w_i": side("W", "zrn"), "w_h": side("R", "zrn"), "b": vector("b", "zrn")},
        SONNET,
    ),
)
