"""How frameworks lay out the parameters and sequences of the cells that they share with the zoo: one table.

Names of nested parameters are joined by dots, as in `ii.kernel`. `Data.known` says how a row is known: run against the
library itself from non-zero initial states, or read in its source. A row is about arrays alone; where the data axes are
those of a single step, x and outputs are left as they are in the cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import OptionError, nearest
from .layout import Layout


@dataclass(frozen=True, slots=True)
class Data:
    """The axes of a framework's sequences and states, and how its rows are known."""

    known: str
    x: str = ""
    outputs: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Preset:
    """One framework's layout of one cell; `note` is what else to know."""

    framework: str
    cell: str
    params: Mapping[str, str]
    data: Data
    note: str = ""

    @property
    def layout(self) -> Layout:
        return Layout(self.params, self.data.x, self.data.outputs, self.data.state)


def side(letter: str, gates: str) -> str:
    """Gates side by side, for row vectors: [W_i.T, W_f.T, …]."""
    return f"[{', '.join(f'{letter}_{gate}.T' for gate in gates)}]"


def below(letter: str, gates: str) -> str:
    """Gates one below the other, for column vectors: [[W_i], [W_f], …]."""
    return f"[{', '.join(f'[{letter}_{gate}]' for gate in gates)}]"


def vector(letter: str, gates: str) -> str:
    """Biases or peepholes in a row: [b_i, b_f, …]."""
    return f"[{', '.join(f'{letter}_{gate}' for gate in gates)}]"


_TORCH = Data("run, torch 2.13.0", "T N m", "T N n", "1 N n")
_KERAS = Data("run, keras 3.15.1", "N T m", "N T n", "N n")
_ADDONS = Data("run, tensorflow-addons 0.23.0")
_ONNX = Data("run, onnxruntime 1.31.1", "T N m", "T 1 N n", "1 N n")
_EQUINOX = Data("run, equinox 0.13.8", "T m", "T n", "n")
_FLAX = Data("run, flax 0.12.8")
_HAIKU = Data("run, dm-haiku 0.0.17")
_SONNET = Data("run, dm-sonnet 2.0.2")
_TF1 = Data("run, tensorflow 2.15.1")
_TF_BLOCK = Data("run, tensorflow 2.15.1", "T N m", "T N n")
_MXNET = Data("run, mxnet 1.9.1", "T N m", "T N n", "1 N n")
_ONEDNN = Data("run, oneDNN 2023.2", "T N m", "T N n", "1 1 N n")
_DARKNET = Data("run, f6afaabc", "T N m", "T N n")
_TORCHRECURRENT = Data("run, torchrecurrent 0.2.5")
_HASTE = Data("read", "T N m", "T N n")
_CS231N = Data("read", "N T m", "N T n")
_CHAR_RNN = Data("read")
_MIN_CHAR_RNN = Data("read", "{T} m 1", "{-1..T-1} n 1", "n 1")

_RUN_TIME = "the code adds 1 to the forget gate's net input when it runs"
_FLIPPED = "the update gate keeps with 1 − z, so its arrays have the opposite sign"

# fmt: off
_PRESETS: tuple[Preset, ...] = (
    # PyTorch: torch.nn.RNN, LSTM, GRU, one layer, one direction, batch_first=False
    Preset("pytorch", "rnn", {
        "weight_ih_l0": "W", "weight_hh_l0": "R", "bias_ih_l0": "share(b)", "bias_hh_l0": "share(b)",
    }, _TORCH),
    Preset("pytorch", "lstm", {
        "weight_ih_l0": below("W", "ifgo"), "weight_hh_l0": below("R", "ifgo"),
        "bias_ih_l0": "share([b_i, b_f, b_g, b_o])", "bias_hh_l0": "share([b_i, b_f, b_g, b_o])",
    }, _TORCH),
    Preset("pytorch", "gru_reset_after", {
        "weight_ih_l0": below("W", "rzn"), "weight_hh_l0": below("R", "rzn"),
        "bias_ih_l0": "[share(b_r), share(b_z), b_Wn]", "bias_hh_l0": "[share(b_r), share(b_z), b_Rn]",
    }, _TORCH),
    # Keras 3: SimpleRNN, LSTM, GRU
    Preset("keras", "rnn", {"kernel": "W.T", "recurrent_kernel": "R.T", "bias": "b"}, _KERAS),
    Preset("keras", "lstm", {
        "kernel": side("W", "ifgo"), "recurrent_kernel": side("R", "ifgo"), "bias": vector("b", "ifgo"),
    }, _KERAS),
    Preset("keras", "gru", {
        "kernel": side("W", "zrn"), "recurrent_kernel": side("R", "zrn"), "bias": vector("b", "zrn"),
    }, _KERAS, note="reset_after=False"),
    Preset("keras", "gru_reset_after", {
        "kernel": side("W", "zrn"), "recurrent_kernel": side("R", "zrn"),
        "bias": "[[share(b_z), share(b_r), b_Wn], [share(b_z), share(b_r), b_Rn]]",
    }, _KERAS, note="the default, reset_after=True"),
    # TensorFlow Addons: PeepholeLSTMCell
    Preset("tensorflow_addons", "peephole_lstm", {
        "kernel": side("W", "ifgo"), "recurrent_kernel": side("R", "ifgo"), "bias": vector("b", "ifgo"),
        "input_gate_peephole_weights": "p_i", "forget_gate_peephole_weights": "p_f",
        "output_gate_peephole_weights": "p_o",
    }, _ADDONS),
    # ONNX: RNN, LSTM, GRU, one direction
    Preset("onnx", "rnn", {"W": "W[None, :, :]", "R": "R[None, :, :]", "B": "[share(b), share(b)][None, :]"}, _ONNX),
    Preset("onnx", "lstm", {
        "W": below("W", "iofg") + "[None, :, :]", "R": below("R", "iofg") + "[None, :, :]",
        "B": "[share([b_i, b_o, b_f, b_g]), share([b_i, b_o, b_f, b_g])][None, :]",
    }, _ONNX),
    Preset("onnx", "peephole_lstm", {
        "W": below("W", "iofg") + "[None, :, :]", "R": below("R", "iofg") + "[None, :, :]",
        "B": "[share([b_i, b_o, b_f, b_g]), share([b_i, b_o, b_f, b_g])][None, :]", "P": "[p_i, p_o, p_f][None, :]",
    }, _ONNX),
    Preset("onnx", "gru", {
        "W": below("W", "zrn") + "[None, :, :]", "R": below("R", "zrn") + "[None, :, :]",
        "B": "[share([b_z, b_r, b_n]), share([b_z, b_r, b_n])][None, :]",
    }, _ONNX, note="linear_before_reset=0, the default"),
    Preset("onnx", "gru_reset_after", {
        "W": below("W", "zrn") + "[None, :, :]", "R": below("R", "zrn") + "[None, :, :]",
        "B": "[share(b_z), share(b_r), b_Wn, share(b_z), share(b_r), b_Rn][None, :]",
    }, _ONNX, note="linear_before_reset=1"),
    # Equinox: LSTMCell, GRUCell (one sequence; batches by vmap)
    Preset("equinox", "lstm", {
        "weight_ih": below("W", "ifgo"), "weight_hh": below("R", "ifgo"), "bias": vector("b", "ifgo"),
    }, _EQUINOX),
    Preset("equinox", "gru_reset_after", {
        "weight_ih": below("W", "rzn"), "weight_hh": below("R", "rzn"), "bias": "[b_r, b_z, b_Wn]",
        "bias_n": "b_Rn",
    }, _EQUINOX),
    # Flax: linen and nnx
    Preset("flax_linen", "rnn", {"i.kernel": "W.T", "i.bias": "b", "h.kernel": "R.T"}, _FLAX),
    Preset("flax_linen", "lstm", {
        **{f"i{gate}.kernel": f"W_{gate}.T" for gate in "ifgo"},
        **{f"h{gate}.kernel": f"R_{gate}.T" for gate in "ifgo"},
        **{f"h{gate}.bias": f"b_{gate}" for gate in "ifgo"},
    }, _FLAX, note="LSTMCell and OptimizedLSTMCell; the carry is (c, h)"),
    Preset("flax_linen", "gru_reset_after", {
        **{f"i{gate}.kernel": f"W_{gate}.T" for gate in "rzn"},
        **{"ir.bias": "b_r", "iz.bias": "b_z", "in.bias": "b_Wn"},
        **{f"h{gate}.kernel": f"R_{gate}.T" for gate in "rzn"}, "hn.bias": "b_Rn",
    }, _FLAX),
    Preset("flax_nnx", "rnn", {"dense_i.kernel": "W.T", "dense_i.bias": "b", "dense_h.kernel": "R.T"}, _FLAX),
    Preset("flax_nnx", "lstm", {
        "ii.kernel": "W_i.T", "if_.kernel": "W_f.T", "ig.kernel": "W_g.T", "io.kernel": "W_o.T",
        **{f"h{gate}.kernel": f"R_{gate}.T" for gate in "ifgo"},
        **{f"h{gate}.bias": f"b_{gate}" for gate in "ifgo"},
    }, _FLAX, note="LSTMCell; the carry is (c, h)"),
    Preset("flax_nnx_optimized", "lstm", {
        "dense_i.kernel": side("W", "ifgo"), "dense_h.kernel": side("R", "ifgo"),
        "dense_h.bias": vector("b", "ifgo"),
    }, _FLAX, note="OptimizedLSTMCell; the carry is (c, h)"),
    # Haiku
    Preset("haiku", "lstm", {
        "linear.w": "[[W_i.T, W_g.T, W_f.T, W_o.T], [R_i.T, R_g.T, R_f.T, R_o.T]]",
        "linear.b": "[b_i, b_g, b_f - 1, b_o]",
    }, _HAIKU, note=_RUN_TIME),
    Preset("haiku", "gru", {
        "w_i": "[-W_z.T, W_r.T, W_n.T]", "w_h": "[-R_z.T, R_r.T, R_n.T]", "b": "[-b_z, b_r, b_n]",
    }, _HAIKU, note=_FLIPPED),
    # Sonnet 2
    Preset("sonnet", "rnn", {"input_to_hidden.w": "W.T", "hidden_to_hidden.w": "R.T", "b": "b"}, _SONNET),
    Preset("sonnet", "lstm", {"w_i": side("W", "ifgo"), "w_h": side("R", "ifgo"), "b": vector("b", "ifgo")}, _SONNET),
    Preset("sonnet", "gru", {
        "w_i": "[-W_z.T, W_r.T, W_n.T]", "w_h": "[-R_z.T, R_r.T, R_n.T]", "b": "[-b_z, b_r, b_n]",
    }, _SONNET, note=_FLIPPED),
    # TensorFlow 1: BasicRNNCell, BasicLSTMCell, LSTMCell(use_peepholes=True), GRUCell
    Preset("tf1", "rnn", {"kernel": "[[W.T], [R.T]]", "bias": "b"}, _TF1),
    Preset("tf1", "lstm", {
        "kernel": "[[W_i.T, W_g.T, W_f.T, W_o.T], [R_i.T, R_g.T, R_f.T, R_o.T]]",
        "bias": "[b_i, b_g, b_f - 1, b_o]",
    }, _TF1, note=f"{_RUN_TIME} (forget_bias=1.0)"),
    Preset("tf1", "peephole_lstm", {
        "kernel": "[[W_i.T, W_g.T, W_f.T, W_o.T], [R_i.T, R_g.T, R_f.T, R_o.T]]",
        "bias": "[b_i, b_g, b_f - 1, b_o]", "w_i_diag": "p_i", "w_f_diag": "p_f", "w_o_diag": "p_o",
    }, _TF1, note=f"{_RUN_TIME} (forget_bias=1.0)"),
    Preset("tf1", "gru", {
        "gates.kernel": "[[W_r.T, W_z.T], [R_r.T, R_z.T]]", "gates.bias": vector("b", "rz"),
        "candidate.kernel": "[[W_n.T], [R_n.T]]", "candidate.bias": "b_n",
    }, _TF1),
    # TensorFlow's block kernels: BlockLSTM, BlockLSTMV2, GRUBlockCell
    Preset("tf_block", "lstm", {
        "w": "[[W_i.T, W_g.T, W_f.T, W_o.T], [R_i.T, R_g.T, R_f.T, R_o.T]]", "b": "[b_i, b_g, b_f - 1, b_o]",
    }, _TF_BLOCK, note=f"{_RUN_TIME}; cell_clip is 3 unless it is switched off"),
    Preset("tf_block", "peephole_lstm", {
        "w": "[[W_i.T, W_g.T, W_f.T, W_o.T], [R_i.T, R_g.T, R_f.T, R_o.T]]", "b": "[b_i, b_g, b_f - 1, b_o]",
        "wci": "p_i", "wcf": "p_f", "wco": "p_o",
    }, _TF_BLOCK, note=f"{_RUN_TIME}; cell_clip is 3 unless it is switched off"),
    Preset("tf_block", "gru", {
        "w_ru": "[[W_r.T, W_z.T], [R_r.T, R_z.T]]", "w_c": "[[W_n.T], [R_n.T]]", "b_ru": vector("b", "rz"),
        "b_c": "b_n",
    }, _TF1),
    Preset("tf_block_v2", "lstm", {
        "w": "[[W_i.T, W_f.T, W_g.T, W_o.T], [R_i.T, R_f.T, R_g.T, R_o.T]]", "b": vector("b", "ifgo"),
    }, _TF_BLOCK),
    # MXNet: gluon.rnn.LSTM, GRU
    Preset("mxnet", "lstm", {
        "l0_i2h_weight": below("W", "ifgo"), "l0_h2h_weight": below("R", "ifgo"),
        "l0_i2h_bias": "share([b_i, b_f, b_g, b_o])", "l0_h2h_bias": "share([b_i, b_f, b_g, b_o])",
    }, _MXNET),
    Preset("mxnet", "gru_reset_after", {
        "l0_i2h_weight": below("W", "rzn"), "l0_h2h_weight": below("R", "rzn"),
        "l0_i2h_bias": "[share(b_r), share(b_z), b_Wn]", "l0_h2h_bias": "[share(b_r), share(b_z), b_Rn]",
    }, _MXNET),
    # oneDNN: ldigo weights, ldgo biases, one layer, one direction
    Preset("onednn", "lstm", {
        "weights_layer": "[W_i.T, W_f.T, W_g.T, W_o.T].reshape(1, 1, m, 4, n)",
        "weights_iter": "[R_i.T, R_f.T, R_g.T, R_o.T].reshape(1, 1, n, 4, n)",
        "bias": "[b_i, b_f, b_g, b_o].reshape(1, 1, 4, n)",
    }, _ONEDNN),
    Preset("onednn", "peephole_lstm", {
        "weights_layer": "[W_i.T, W_f.T, W_g.T, W_o.T].reshape(1, 1, m, 4, n)",
        "weights_iter": "[R_i.T, R_f.T, R_g.T, R_o.T].reshape(1, 1, n, 4, n)",
        "weights_peephole": "[p_i, p_f, p_o].reshape(1, 1, 3, n)",
        "bias": "[b_i, b_f, b_g, b_o].reshape(1, 1, 4, n)",
    }, _ONEDNN),
    Preset("onednn", "gru", {
        "weights_layer": "[W_z.T, W_r.T, W_n.T].reshape(1, 1, m, 3, n)",
        "weights_iter": "[R_z.T, R_r.T, R_n.T].reshape(1, 1, n, 3, n)",
        "bias": "[b_z, b_r, b_n].reshape(1, 1, 3, n)",
    }, _ONEDNN),
    Preset("onednn", "gru_reset_after", {
        "weights_layer": "[W_z.T, W_r.T, W_n.T].reshape(1, 1, m, 3, n)",
        "weights_iter": "[R_z.T, R_r.T, R_n.T].reshape(1, 1, n, 3, n)",
        "bias": "[b_z, b_r, b_Wn, b_Rn].reshape(1, 1, 4, n)",
    }, _ONEDNN, note="lbr_gru"),
    # Darknet: connected layers, u for the input, w for the recurrence
    Preset("darknet", "lstm", {
        **{f"w{gate}.weights": f"R_{gate}" for gate in "ifgo"},
        **{f"w{gate}.biases": f"share(b_{gate})" for gate in "ifgo"},
        **{f"u{gate}.weights": f"W_{gate}" for gate in "ifgo"},
        **{f"u{gate}.biases": f"share(b_{gate})" for gate in "ifgo"},
    }, _DARKNET),
    Preset("darknet", "gru", {
        **{f"w{theirs}.weights": f"R_{gate}" for theirs, gate in zip("zrh", "zrn", strict=True)},
        **{f"w{theirs}.biases": f"share(b_{gate})" for theirs, gate in zip("zrh", "zrn", strict=True)},
        **{f"u{theirs}.weights": f"W_{gate}" for theirs, gate in zip("zrh", "zrn", strict=True)},
        **{f"u{theirs}.biases": f"share(b_{gate})" for theirs, gate in zip("zrh", "zrn", strict=True)},
    }, _DARKNET, note="with tanh=1; its candidate is logistic otherwise"),
    # torchrecurrent: PeepholeLSTMCell
    Preset("torchrecurrent", "peephole_lstm", {
        "weight_ih": below("W", "ifgo"), "weight_hh": below("R", "ifgo"), "bias_ih": "share([b_i, b_f, b_g, b_o])",
        "bias_hh": "share([b_i, b_f, b_g, b_o])", "weight_ph": vector("p", "ifo"),
    }, _TORCHRECURRENT),
    # Haste
    Preset("haste", "lstm", {
        "kernel": side("W", "igfo"), "recurrent_kernel": side("R", "igfo"), "bias": vector("b", "igfo"),
    }, _HASTE),
    Preset("haste", "gru_reset_after", {
        "kernel": side("W", "zrn"), "recurrent_kernel": side("R", "zrn"), "bias": "[share(b_z), share(b_r), b_Wn]",
        "recurrent_bias": "[share(b_z), share(b_r), b_Rn]",
    }, _HASTE),
    # Courses and well-known programs
    Preset("cs231n", "rnn", {"Wx": "W.T", "Wh": "R.T", "b": "b"}, _CS231N),
    Preset("cs231n", "lstm", {"Wx": side("W", "ifog"), "Wh": side("R", "ifog"), "b": vector("b", "ifog")}, _CS231N),
    Preset("char-rnn", "lstm", {
        "i2h.weight": below("W", "ifog"), "i2h.bias": "share([b_i, b_f, b_o, b_g])",
        "h2h.weight": below("R", "ifog"), "h2h.bias": "share([b_i, b_f, b_o, b_g])",
    }, _CHAR_RNN),
    Preset("min-char-rnn", "rnn", {"Wxh": "W", "Whh": "R", "bh": "b[:, None]"}, _MIN_CHAR_RNN),
)
# fmt: on


def presets() -> tuple[Preset, ...]:
    """All rows of the table."""
    return _PRESETS


def find_preset(framework: str, cell: str) -> Preset:
    """The row for a framework and a cell; a misspelt name raises with the nearest."""
    rows = [row for row in _PRESETS if row.framework == framework]
    if not rows:
        known = list(dict.fromkeys(row.framework for row in _PRESETS))
        raise OptionError(
            f"there is no preset for {framework!r}. {nearest(framework, known)}".rstrip()
            + f"\n  there are: {', '.join(known)}"
        )
    for row in rows:
        if row.cell == cell:
            return row
    cells = [row.cell for row in rows]
    raise OptionError(
        f"{framework} has no preset for {cell!r}; it has: {', '.join(cells)}. {nearest(cell, cells)}".rstrip()
    )


def preset(framework: str, cell: str) -> Layout:
    """The layout of a framework's arrays for a cell."""
    return find_preset(framework, cell).layout
