"""ONNX' RNN, LSTM and GRU in one direction: an axis of directions in front, all biases in one row."""

from __future__ import annotations

from ..row import Data, Preset, below, shared

DATA = Data("run, onnxruntime 1.31.1", "T N m", "T 1 N n", "1 N n")


def _arrays(gates: str, biases: str = "") -> dict[str, str]:
    """W and R with gates one below the other, and B: the biases of W, then those of R."""
    return {
        "W": f"{below('W', gates)}[None, :, :]",
        "R": f"{below('R', gates)}[None, :, :]",
        "B": (biases or f"[{shared(gates)}, {shared(gates)}]") + "[None, :]",
    }


_FORGET = "input_forget=1; the block of the forget gate is there and nobody reads it"
_COUPLED = {
    "W": "[[W_i], [W_o], [unused(n, m)], [W_g]][None, :, :]",
    "R": "[[R_i], [R_o], [unused(n, n)], [R_g]][None, :, :]",
    "B": "[share([b_i, b_o]), unused(n), share(b_g), share([b_i, b_o]), unused(n), share(b_g)][None, :]",
}

ROWS = (
    Preset("onnx", "lstm", "LSTM", _arrays("iofg"), DATA),
    Preset("onnx", "peephole_lstm", "LSTM", {**_arrays("iofg"), "P": "[p_i, p_o, p_f][None, :]"}, DATA),
    Preset("onnx", "coupled_lstm", "LSTM", _COUPLED, DATA, _FORGET),
    Preset("onnx", "lstm_cifg", "LSTM", {**_COUPLED, "P": "[p_i, p_o, unused(n)][None, :]"}, DATA, _FORGET),
    Preset("onnx", "gru", "GRU", _arrays("zrn"), DATA, "linear_before_reset=0, the default"),
    Preset(
        "onnx",
        "gru_reset_after",
        "GRU",
        _arrays("zrn", "[share(b_z), share(b_r), b_Wn, share(b_z), share(b_r), b_Rn]"),
        DATA,
        "linear_before_reset=1",
    ),
)
