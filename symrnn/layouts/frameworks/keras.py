"""Keras 3 and TensorFlow Addons: gates side by side, one bias, two rows of biases for the GRU that resets after."""

from __future__ import annotations

from ..row import Data, Preset, side, vector

KERAS = Data("run, keras 3.15.1", "N T m", "N T n", "N n")
_ADDONS = Data("run, tensorflow-addons 0.23.0")
_LSTM = {"kernel": side("W", "ifgo"), "recurrent_kernel": side("R", "ifgo"), "bias": vector("b", "ifgo")}
_FLIPPED = "its update gate keeps with z, so the arrays of z have the opposite sign"


def _gru(gates: str) -> dict[str, str]:
    return {"kernel": side("W", gates), "recurrent_kernel": side("R", gates), "bias": vector("b", gates)}


ROWS = (
    Preset("keras", "lstm", "keras.layers.LSTM", _LSTM, KERAS),
    Preset("keras", "gru", "keras.layers.GRU", _gru("zrn"), KERAS, "reset_after=False"),
    Preset(
        "keras",
        "gru_reset_after",
        "keras.layers.GRU",
        {
            "kernel": side("W", "zrn"),
            "recurrent_kernel": side("R", "zrn"),
            "bias": "[[share(b_z), share(b_r), b_Wn], [share(b_z), share(b_r), b_Rn]]",
        },
        KERAS,
        "the default, reset_after=True",
    ),
    Preset(
        "tensorflow_addons",
        "peephole_lstm",
        "tfa.rnn.PeepholeLSTMCell",
        {
            **_LSTM,
            "input_gate_peephole_weights": "p_i",
            "forget_gate_peephole_weights": "p_f",
            "output_gate_peephole_weights": "p_o",
        },
        _ADDONS,
    ),
)
