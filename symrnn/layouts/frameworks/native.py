"""Libraries of kernels and those with their own: MXNet, oneDNN, cuDNN, Darknet, Haste, xLSTM."""

from __future__ import annotations

from ..row import Data, Preset, below, shared, side, vector

MXNET = Data("run, mxnet 1.9.1", "T N m", "T N n", "1 N n")
_ONEDNN = Data("run, oneDNN 2023.2", "T N m", "T N n", "1 1 N n")
CUDNN = Data("read", "T N m", "T N n", "1 N n")
_DARKNET = Data("run, f6afaabc", "T N m", "T N n")
_HASTE = Data("read", "T N m", "T N n")
IDS = "matrices and biases numbered as cudnnGetRNNWeightParams numbers them; CUDNN_RNN_DOUBLE_BIAS"
_ADDED = "there is one bias, and b has its place: add this one to b and set it to zero"
_HEADS = (
    "num_heads=1, conv1d_kernel_size=0, backend='vanilla'; its forward pass hands what it calls fgate to the input "
    "gate and igate to the forget gate, its step does not"
)
_LDIGO = "one layer, one direction; ldigo and ldgo"


def _igo(gates: str) -> dict[str, str]:
    """oneDNN's weights: inputs, then gates, then outputs."""
    count = len(gates)
    return {
        "weights_layer": f"{side('W', gates)}.reshape(1, 1, m, {count}, n)",
        "weights_iter": f"{side('R', gates)}.reshape(1, 1, n, {count}, n)",
    }


def _go(letter: str, gates: str) -> str:
    return f"{vector(letter, gates)}.reshape(1, 1, {len(gates)}, n)"


def _numbered(gates: str) -> dict[str, str]:
    """cuDNN's matrices: those of the input by number, then those of the state."""
    blocks = [*(f"W_{gate}" for gate in gates), *(f"R_{gate}" for gate in gates)]
    return {f"matrix_{k}": block for k, block in enumerate(blocks)}


def _reordered(name: str, more: str = "") -> str:
    """The blocks i, f, g, o of one array in the order i, g, f, o; `more` is the rest of each subscript."""
    bounds = ("0:n", "2*n:3*n", "n:2*n", "3*n:")
    pieces = [f"{name}[{bound}{more}]" for bound in bounds]
    return f"[{', '.join(f'[{piece}]' if more else piece for piece in pieces)}]"


def _connected(theirs: str, gates: str) -> dict[str, str]:
    """Darknet's connected layers: u for the input, w for the recurrence, each with biases."""
    rows: dict[str, str] = {}
    for letter, matrix in (("w", "R"), ("u", "W")):
        for name, gate in zip(theirs, gates, strict=True):
            rows[f"{letter}{name}.weights"] = f"{matrix}_{gate}"
            rows[f"{letter}{name}.biases"] = f"share(b_{gate})"
    return rows


ROWS = (
    Preset(
        "mxnet",
        "lstm",
        "mxnet.gluon.rnn.LSTM",
        {
            "l0_i2h_weight": below("W", "ifgo"),
            "l0_h2h_weight": below("R", "ifgo"),
            "l0_i2h_bias": shared("ifgo"),
            "l0_h2h_bias": shared("ifgo"),
        },
        MXNET,
    ),
    Preset(
        "mxnet",
        "gru_reset_after",
        "mxnet.gluon.rnn.GRU",
        {
            "l0_i2h_weight": below("W", "rzn"),
            "l0_h2h_weight": below("R", "rzn"),
            "l0_i2h_bias": "[share(b_r), share(b_z), b_Wn]",
            "l0_h2h_bias": "[share(b_r), share(b_z), b_Rn]",
        },
        MXNET,
    ),
    Preset(
        "mxnet",
        "projected_lstm",
        "mxnet.gluon.rnn.LSTM",
        {
            "l0_i2h_weight": below("W", "ifgo"),
            "l0_h2h_weight": below("R", "ifgo"),
            "l0_i2h_bias": shared("ifgo"),
            "l0_h2h_bias": shared("ifgo"),
            "l0_h2r_weight": "W_h",
        },
        Data("read", "T N m", "T N p", {"h": "1 N p", "c": "1 N n"}),
        "projection_size",
    ),
    Preset("onednn", "lstm", "vanilla_lstm", {**_igo("ifgo"), "bias": _go("b", "ifgo")}, _ONEDNN, _LDIGO),
    Preset(
        "onednn",
        "peephole_lstm",
        "vanilla_lstm",
        {**_igo("ifgo"), "weights_peephole": _go("p", "ifo"), "bias": _go("b", "ifgo")},
        _ONEDNN,
        _LDIGO,
    ),
    Preset(
        "onednn",
        "projected_lstm",
        "vanilla_lstm",
        {
            "weights_layer": "[W_i.T, W_f.T, W_g.T, W_o.T].reshape(1, 1, m, 4, n)",
            "weights_iter": "[R_i.T, R_f.T, R_g.T, R_o.T].reshape(1, 1, p, 4, n)",
            "weights_projection": "W_h.T.reshape(1, 1, n, p)",
            "bias": _go("b", "ifgo"),
        },
        Data("read", "T N m", "T N p", {"h": "1 1 N p", "c": "1 1 N n"}),
        _LDIGO,
    ),
    Preset("onednn", "gru", "vanilla_gru", {**_igo("zrn"), "bias": _go("b", "zrn")}, _ONEDNN, _LDIGO),
    Preset(
        "onednn",
        "gru_reset_after",
        "lbr_gru",
        {**_igo("zrn"), "bias": "[b_z, b_r, b_Wn, b_Rn].reshape(1, 1, 4, n)"},
        _ONEDNN,
        _LDIGO,
    ),
    Preset(
        "cudnn",
        "lstm",
        "CUDNN_LSTM",
        {
            **_numbered("ifgo"),
            **{f"bias_{k}": f"share(b_{gate})" for k, gate in enumerate("ifgoifgo")},
        },
        CUDNN,
        IDS,
    ),
    Preset(
        "cudnn",
        "projected_lstm",
        "CUDNN_LSTM",
        {
            **_numbered("ifgo"),
            **{f"bias_{k}": f"share(b_{gate})" for k, gate in enumerate("ifgoifgo")},
            "matrix_8": "W_h",
        },
        Data("read", "T N m", "T N p", {"h": "1 N p", "c": "1 N n"}),
        IDS,
    ),
    Preset(
        "cudnn",
        "gru_reset_after",
        "CUDNN_GRU",
        {
            **_numbered("rzn"),
            "bias_0": "share(b_r)",
            "bias_1": "share(b_z)",
            "bias_2": "b_Wn",
            "bias_3": "share(b_r)",
            "bias_4": "share(b_z)",
            "bias_5": "b_Rn",
        },
        CUDNN,
        IDS,
    ),
    Preset("darknet", "lstm", "[lstm]", _connected("ifgo", "ifgo"), _DARKNET),
    Preset(
        "darknet",
        "gru",
        "[gru]",
        _connected("zrh", "zrn"),
        _DARKNET,
        "with tanh=1; its candidate is logistic otherwise",
    ),
    Preset(
        "haste",
        "lstm",
        "haste_pytorch.LSTM",
        {"kernel": side("W", "igfo"), "recurrent_kernel": side("R", "igfo"), "bias": vector("b", "igfo")},
        _HASTE,
    ),
    Preset(
        "haste",
        "layer_norm_lstm",
        "haste_pytorch.LayerNormLSTM",
        {
            "kernel": f"{_reordered('W', ', :')}.T",
            "recurrent_kernel": f"{_reordered('R', ', :')}.T",
            "bias": _reordered("b"),
            "gamma": f"[{_reordered('gamma_x')}, {_reordered('gamma_h')}]",
            "gamma_h": "gamma_c",
            "beta_h": "beta_c",
        },
        _HASTE,
        absent={"beta_x": _ADDED, "beta_h": _ADDED},
    ),
    Preset(
        "haste",
        "gru_reset_after",
        "haste_pytorch.GRU",
        {
            "kernel": side("W", "zrn"),
            "recurrent_kernel": side("R", "zrn"),
            "bias": "[share(b_z), share(b_r), b_Wn]",
            "recurrent_bias": "[share(b_z), share(b_r), b_Rn]",
        },
        _HASTE,
    ),
    *(
        Preset(
            "xlstm",
            cell,
            "xlstm.sLSTMLayer",
            {
                "igate.weight": "W_f[None, :, :]",
                "fgate.weight": "W_i[None, :, :]",
                "zgate.weight": "W_z[None, :, :]",
                "ogate.weight": "W_o[None, :, :]",
                "slstm_cell._recurrent_kernel_": f"{below('R', 'ifzo')}[None, :, :]",
                "slstm_cell._bias_": vector("b", "ifzo"),
            },
            Data("read"),
            _HEADS,
        )
        for cell in ("slstm", "slstm_stabilised")
    ),
)
