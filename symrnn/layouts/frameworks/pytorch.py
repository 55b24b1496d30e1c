"""PyTorch's recurrent layers and cells: gates one below the other, two biases that are added up."""

from __future__ import annotations

from collections.abc import Mapping

from ..row import Data, Preset, below, shared

DATA = Data("run, torch 2.13.0", "T N m", "T N n", "1 N n")
STEP = Data("run, torch 2.13.0")
LAYER = "one layer, one direction, batch_first=False; other layers and directions have other endings than l0"


def _two_biases(weights: Mapping[str, str], gates: str) -> dict[str, str]:
    return {**weights, "bias_ih": shared(gates), "bias_hh": shared(gates)}


_LSTM = _two_biases({"weight_ih": below("W", "ifgo"), "weight_hh": below("R", "ifgo")}, "ifgo")
_GRU = {
    "weight_ih": below("W", "rzn"),
    "weight_hh": below("R", "rzn"),
    "bias_ih": "[share(b_r), share(b_z), b_Wn]",
    "bias_hh": "[share(b_r), share(b_z), b_Rn]",
}


def first(params: Mapping[str, str]) -> dict[str, str]:
    """The names of the first layer."""
    return {f"{name}_l0": block for name, block in params.items()}


_PROJECTED = Data("run, torch 2.13.0", "T N m", "T N p", {"h": "1 N p", "c": "1 N n"})

ROWS = (
    Preset("pytorch", "lstm", "torch.nn.LSTM", first(_LSTM), DATA, LAYER),
    Preset(
        "pytorch",
        "projected_lstm",
        "torch.nn.LSTM",
        first({**_LSTM, "weight_hr": "W_h"}),
        _PROJECTED,
        f"proj_size; {LAYER}",
    ),
    Preset("pytorch", "gru_reset_after", "torch.nn.GRU", first(_GRU), DATA, LAYER),
    Preset("pytorch_cell", "lstm", "torch.nn.LSTMCell", _LSTM, STEP),
    Preset("pytorch_cell", "gru_reset_after", "torch.nn.GRUCell", _GRU, STEP),
)
