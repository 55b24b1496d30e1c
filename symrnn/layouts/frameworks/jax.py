"""Equinox, Flax (linen and nnx) and Haiku."""

from __future__ import annotations

from ..row import Data, Preset, below, side, stacked, vector

_EQUINOX = Data("run, equinox 0.13.8", "T m", "T n", "n")
FLAX = Data("run, flax 0.12.8")
HAIKU = Data("run, dm-haiku 0.0.17")
_CARRY = "the carry is (c, h)"
_RUN_TIME = "the code adds 1 to the forget gate's net input when it runs"


def _kernels(kernel: str, letter: str, gates: str) -> dict[str, str]:
    """A kernel of its own for each gate: {"ii.kernel": "W_i.T", …}."""
    return {f"{kernel}{gate}.kernel": f"{letter}_{gate}.T" for gate in gates}


_LSTM_BIASES = {f"h{gate}.bias": f"b_{gate}" for gate in "ifgo"}

ROWS = (
    # One sequence; batches by jax.vmap.
    Preset(
        "equinox",
        "lstm",
        "equinox.nn.LSTMCell",
        {"weight_ih": below("W", "ifgo"), "weight_hh": below("R", "ifgo"), "bias": vector("b", "ifgo")},
        _EQUINOX,
        "one sequence; batches by jax.vmap",
    ),
    Preset(
        "equinox",
        "gru_reset_after",
        "equinox.nn.GRUCell",
        {
            "weight_ih": below("W", "rzn"),
            "weight_hh": below("R", "rzn"),
            "bias": "[b_r, b_z, b_Wn]",
            "bias_n": "b_Rn",
        },
        _EQUINOX,
        "one sequence; batches by jax.vmap",
    ),
    Preset(
        "flax_linen",
        "lstm",
        "flax.linen.LSTMCell, OptimizedLSTMCell",
        {**_kernels("i", "W", "ifgo"), **_kernels("h", "R", "ifgo"), **_LSTM_BIASES},
        FLAX,
        _CARRY,
    ),
    Preset(
        "flax_linen",
        "gru_reset_after",
        "flax.linen.GRUCell",
        {
            **_kernels("i", "W", "rzn"),
            "ir.bias": "b_r",
            "iz.bias": "b_z",
            "in.bias": "b_Wn",
            **_kernels("h", "R", "rzn"),
            "hn.bias": "b_Rn",
        },
        FLAX,
    ),
    Preset(
        "flax_linen",
        "mgu_reset_after",
        "flax.linen.MGUCell",
        {
            **_kernels("i", "W", "fn"),
            "if.bias": "b_f",
            "in.bias": "b_Wn",
            **_kernels("h", "R", "fn"),
            "hn.bias": "b_Rn",
        },
        FLAX,
    ),
    Preset(
        "flax_linen",
        "ugrnn",
        "flax.linen.MGUCell",
        {
            "if.kernel": "W_g.T",
            "if.bias": "b_g",
            "hf.kernel": "R_g.T",
            "in.kernel": "W_n.T",
            "in.bias": "b_n",
            "hn.kernel": "R_n.T",
        },
        FLAX,
        "reset_gate=False",
    ),
    Preset(
        "flax_nnx",
        "lstm",
        "flax.nnx.LSTMCell",
        {
            "ii.kernel": "W_i.T",
            "if_.kernel": "W_f.T",
            "ig.kernel": "W_g.T",
            "io.kernel": "W_o.T",
            **_kernels("h", "R", "ifgo"),
            **_LSTM_BIASES,
        },
        FLAX,
        _CARRY,
    ),
    Preset(
        "flax_nnx",
        "gru_reset_after",
        "flax.nnx.GRUCell",
        {
            "dense_i.kernel": side("W", "rzn"),
            "dense_i.bias": "[b_r, b_z, b_Wn]",
            "dense_h.kernel": side("R", "rzn"),
        },
        FLAX,
        absent={
            "b_Rn": "its recurrent product has no bias, and the reset gate multiplies this one, so no other is like it"
        },
    ),
    Preset(
        "flax_nnx_optimized",
        "lstm",
        "flax.nnx.OptimizedLSTMCell",
        {
            "dense_i.kernel": side("W", "ifgo"),
            "dense_h.kernel": side("R", "ifgo"),
            "dense_h.bias": vector("b", "ifgo"),
        },
        FLAX,
        _CARRY,
    ),
    Preset(
        "haiku",
        "lstm",
        "haiku.LSTM",
        {"linear.w": stacked("igfo"), "linear.b": "[b_i, b_g, b_f - 1, b_o]"},
        HAIKU,
        _RUN_TIME,
    ),
    Preset(
        "haiku",
        "gru_update",
        "haiku.GRU",
        {"w_i": side("W", "zrn"), "w_h": side("R", "zrn"), "b": vector("b", "zrn")},
        HAIKU,
    ),
)
