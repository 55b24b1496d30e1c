"""torchrecurrent's cells: PyTorch's names, two biases that are added up, an order of gates for each cell.

Where its cells have a bias that the paper's cell lacks, zeros stand for it. Numbers that it takes as arguments of the
constructor, such as dt, are among the arrays under the argument's name.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..row import Data, Preset, below, shared, vector

_DATA = Data("run, torchrecurrent 0.2.5")


def _stacked(gates: str) -> dict[str, str]:
    """All gates in one array, in an order of the cell's own."""
    return {
        "weight_ih": below("W", gates),
        "weight_hh": below("R", gates),
        "bias_ih": shared(gates),
        "bias_hh": shared(gates),
    }


def _row(cell: str, layer: str, params: Mapping[str, str], note: str = "") -> Preset:
    return Preset("torchrecurrent", cell, f"torchrecurrent.{layer}", params, _DATA, note)


def _arguments(*names: str) -> str:
    return f"{', '.join(names)} {'is an argument' if len(names) == 1 else 'are arguments'} of the constructor"


_PLAIN = {"weight_ih": "W", "weight_hh": "R", "bias_ih": "share(b)", "bias_hh": "share(b)"}
_PEEPHOLES = {**_stacked("ifgo"), "weight_ph": vector("p", "ifo")}
_BISTABLE = {
    "weight_ih": "[[W_a], [W_c], [W]]",
    "bias_ih": "[share(b_a), share(b_c), zeros(n)]",
    "bias_hh": "[share(b_a), share(b_c)]",
}
_SIMPLE_GATED = {
    "weight_ih": below("W", "qz"),
    "weight_hh": "[[R_p], [R_z]]",
    "bias_ih": "[b_q, share(b_z)]",
    "bias_hh": "[zeros(n), share(b_z)]",
}
_TYPED = {
    "weight_ih": below("W", "zfo"),
    "weight_hh": below("V", "zfo"),
    "bias_ih": shared("zfo"),
    "bias_hh": shared("zfo"),
}

ROWS = (
    # LSTMs
    _row("peephole_lstm", "PeepholeLSTMCell", _PEEPHOLES),
    _row(
        "lstm_1997",
        "OriginalLSTMCell",
        {
            "weight_ih": "[[W_i], [W_g / 2], [W_o]]",
            "weight_hh": "[[R_i], [R_g / 2], [R_o]]",
            "bias_ih": "share([b_i, b_g / 2, b_o])",
            "bias_hh": "share([b_i, b_g / 2, b_o])",
        },
        "it squashes with tanh, so its c is half of this one's",
    ),
    _row(
        "multiplicative_lstm",
        "MultiplicativeLSTMCell",
        {
            "weight_ih": below("W", "qifgo"),
            "weight_hh": "R_q",
            "weight_mh": below("R", "ifgo"),
            "bias_ih": f"[zeros(n), {shared('ifgo')}]",
            "bias_hh": "zeros(n)",
            "bias_mh": shared("ifgo"),
        },
        "as many factors as units",
    ),
    _row("residual_lstm", "ResLSTMCell", {**_PEEPHOLES, "weight_proj": "W_h", "weight_res": "W_s"}),
    _row(
        "working_memory_lstm",
        "WMCLSTMCell",
        {**_stacked("ifgo"), "weight_mh": below("P", "ifo"), "bias_mh": "zeros(3*n)"},
    ),
    _row("janet", "JANETCell", {**_stacked("fg"), "beta": "beta"}, "its states h and c are the same"),
    _row("strongly_typed_lstm", "TLSTMCell", _TYPED),
    # GRUs
    _row("mgu", "MGUCell", _stacked("fn")),
    _row("ugrnn", "UGRNNCell", _stacked("ng")),
    _row(
        "mut1",
        "MUT1Cell",
        {
            "weight_ih": below("W", "zrn"),
            "weight_hh": below("R", "rn"),
            "bias_ih": "[b_z, share(b_r), zeros(n)]",
            "bias_hh": "[share(b_r), b_n]",
        },
    ),
    _row("mut2", "MUT2Cell", _stacked("zrn")),
    _row("mut3", "MUT3Cell", _stacked("zrn")),
    _row("ligru", "LiGRUCell", _stacked("zn")),
    _row(
        "tau_gru",
        "tauGRUCell",
        {
            "weight_ih": below("W", "npga"),
            "weight_hh": below("R", "npga"),
            "bias_ih": "zeros(4*n)",
            "bias_hh": "zeros(4*n)",
        },
    ),
    _row(
        "miru",
        "MiRU2Cell",
        {**_PLAIN, "reset_coefficient": "beta", "update_coefficient": "lam"},
        _arguments("reset_coefficient", "update_coefficient"),
    ),
    # Other gates
    _row("atr", "ATRCell", {"weight_ih": "W", "weight_hh": "R", "bias_ih": "zeros(n)", "bias_hh": "zeros(n)"}),
    _row("brc", "BRCell", {**_BISTABLE, "weight_hh": "[r_a, r_c]"}),
    _row("nbrc", "NBRCell", {**_BISTABLE, "weight_hh": below("R", "ac")}),
    _row(
        "cfn",
        "CFNCell",
        {
            "weight_ih": "[[W_f], [W_i], [W]]",
            "weight_hh": below("R", "fi"),
            "bias_ih": "[share(b_f), share(b_i), zeros(n)]",
            "bias_hh": shared("fi"),
        },
    ),
    _row(
        "ran",
        "RANCell",
        {
            "weight_ih": "[[W], [W_i], [W_f]]",
            "weight_hh": below("R", "if"),
            "bias_ih": shared("if"),
            "bias_hh": shared("if"),
        },
    ),
    _row("sgu", "SGUCell", _SIMPLE_GATED),
    _row("dsgu", "DSGUCell", {**_SIMPLE_GATED, "weight_ho": "R_n"}),
    _row(
        "minimal_rnn",
        "MinimalRNNCell",
        {"weight_ih": "W", "weight_hh": "R_u", "weight_mm": "M_u", "bias_ih": "b", "bias_hh": "b_u"},
    ),
    _row(
        "lightru",
        "LightRUCell",
        {
            "weight_ih": below("W", "nf"),
            "weight_hh": "R_f",
            "bias_ih": "[zeros(n), share(b_f)]",
            "bias_hh": "share(b_f)",
        },
    ),
    _row(
        "star",
        "STARCell",
        {"weight_ih": below("W", "nk"), "weight_hh": "R_k", "bias_ih": "[b_n, share(b_k)]", "bias_hh": "share(b_k)"},
    ),
    _row(
        "intersection_rnn",
        "IntersectionRNNCell",
        {
            "weight_ih": below("W", "unyh"),
            "weight_hh": below("R", "unyh"),
            "bias_ih": shared("unyh"),
            "bias_hh": shared("unyh"),
        },
    ),
    # No products with the state
    _row("mingru", "TRNNCell", {"weight_ih": "[[W_n], [-W_z]]", "bias_ih": "[b_n, -b_z]"}, "its gate keeps the state"),
    _row("trnn", "TRNNCell", {"weight_ih": below("W", "zf"), "bias_ih": "[zeros(n), b_f]"}),
    _row("tgru", "TGRUCell", _TYPED),
    # Simple and dynamical ones
    _row(
        "indrnn",
        "IndRNNCell",
        {"weight_ih": "W", "vector_u": "u", "bias_ih": "share(b)", "bias_hh": "share(b)"},
        "nonlinearity='relu'; its default is tanh",
    ),
    _row("fastrnn", "FastRNNCell", {**_PLAIN, "alpha": "alpha[None]", "beta": "beta[None]"}),
    _row(
        "fastgrnn",
        "FastGRNNCell",
        {
            "weight_ih": "W",
            "weight_hh": "R",
            "bias_ih": shared("zn"),
            "bias_hh": shared("zn"),
            "zeta": "zeta[None]",
            "nu": "nu[None]",
        },
        "nonlinearity='sigmoid'; its gate has tanh by default",
    ),
    _row(
        "antisymmetric_rnn",
        "AntisymmetricRNNCell",
        {**_PLAIN, "epsilon": "epsilon", "gamma": "gamma"},
        _arguments("epsilon", "gamma"),
    ),
    _row(
        "gated_antisymmetric_rnn",
        "GatedAntisymmetricRNNCell",
        {
            "weight_ih": below("W", "zn"),
            "weight_hh": "R",
            "bias_ih": "[b_z, share(b_n)]",
            "bias_hh": "share(b_n)",
            "epsilon": "epsilon",
            "gamma": "gamma",
        },
        _arguments("epsilon", "gamma"),
    ),
    _row(
        "cornn",
        "coRNNCell",
        {
            **_PLAIN,
            "weight_ch": "R_c",
            "bias_ch": "share(b)",
            "dt": "dt",
            "gamma": "gamma",
            "epsilon": "epsilon",
        },
        _arguments("dt", "gamma", "epsilon"),
    ),
    _row(
        "unicornn",
        "UnICORNNCell",
        {
            "weight_ih": "W",
            "weight_hh": "w",
            "weight_ch": "c",
            "bias_ih": "share(b)",
            "bias_hh": "share(b)",
            "dt": "dt",
            "alpha": "alpha",
        },
        _arguments("dt", "alpha"),
    ),
)
