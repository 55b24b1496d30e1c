"""Courses and well-known programs: cs231n, char-rnn, min-char-rnn."""

from __future__ import annotations

from ..row import Data, Preset, below, shared, side, vector

CS231N = Data("read", "N T m", "N T n")
CHAR_RNN = Data("read")
MIN_CHAR_RNN = Data("read", "{T} m 1", "{-1..T-1} n 1", "n 1")


def _linears(gates: dict[str, str]) -> dict[str, str]:
    """char-rnn's GRU: two linear layers for each gate, named here after what they compute."""
    rows: dict[str, str] = {}
    for name, gate in gates.items():
        for layer, matrix in (("i2h", "W"), ("h2h", "R")):
            rows[f"{name}.{layer}.weight"] = f"{matrix}_{gate}"
            rows[f"{name}.{layer}.bias"] = f"share(b_{gate})"
    return rows


_GRU_GATES = {"update_gate": "z", "reset_gate": "r", "hidden_candidate": "n"}

ROWS = (
    Preset(
        "cs231n",
        "lstm",
        "lstm_forward",
        {"Wx": side("W", "ifog"), "Wh": side("R", "ifog"), "b": vector("b", "ifog")},
        CS231N,
    ),
    Preset(
        "char-rnn",
        "lstm",
        "model/LSTM.lua",
        {
            "i2h.weight": below("W", "ifog"),
            "i2h.bias": shared("ifog"),
            "h2h.weight": below("R", "ifog"),
            "h2h.bias": shared("ifog"),
        },
        CHAR_RNN,
    ),
    Preset(
        "char-rnn",
        "gru_update",
        "model/GRU.lua",
        _linears(_GRU_GATES),
        CHAR_RNN,
        "its linear layers have no names and are called after what they compute",
    ),
)
