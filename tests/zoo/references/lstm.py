"""References for the LSTM and its relatives: torchrecurrent's cells, the papers, and the list of all."""

from __future__ import annotations

import torch
from torch.func import functional_call

from .lstm_frameworks import (
    equinox_lstm,
    haiku_concatenated,
    haiku_lstm,
    haiku_stacked,
    joined,
    keras_lstm,
    linen_lstm,
    nnx_lstm,
    onnx_lstm,
    stack_in_jax,
    torch_concatenated,
    torch_coupled,
    torch_coupled_forget,
    torch_lstm,
    torch_stacked,
)
from .reference import Reference, by_steps

# torchrecurrent: its second bias is zero ---------------------------------------------------------------------------


def one_step(name, x, states, arrays):
    """One step of a cell of torchrecurrent with n units that runs with these arrays."""
    import torchrecurrent

    module = getattr(torchrecurrent, name)(x.shape[-1], states[1].shape[-1], dtype=torch.float64)
    return functional_call(module, arrays, (x, states))


def recurrent_peephole(params, x, h, c):
    """torchrecurrent.PeepholeLSTMCell."""
    biases = joined(params, "b", "ifgo")
    arrays = {
        "weight_ih": joined(params, "W", "ifgo"),
        "weight_hh": joined(params, "R", "ifgo"),
        "weight_ph": joined(params, "p", "ifo"),
        "bias_ih": biases,
        "bias_hh": torch.zeros_like(biases),
    }
    h, c = one_step("PeepholeLSTMCell", x, (h, c), arrays)
    return h, h, c


def recurrent_projected_peephole(params, x, h, c):
    """torchrecurrent.PeepholeLSTMCell, whose output is projected before it goes round: its weight_hh is R, n by p."""
    _, gated, c = recurrent_peephole(params, x, h, c)
    h = gated @ params["W_h"].T
    return h, h, c


def recurrent_1997(params, x, h, c):
    """torchrecurrent.OriginalLSTMCell, which has tanh twice.

    4σ(a) − 2 = 2 tanh(a/2) and 2σ(c) − 1 = tanh(c/2): its memory is c/2, its block input has half the net input.
    """
    half = {**params, "W_g": params["W_g"] / 2, "R_g": params["R_g"] / 2, "b_g": params["b_g"] / 2}
    biases = joined(half, "b", "igo")
    arrays = {
        "weight_ih": joined(half, "W", "igo"),
        "weight_hh": joined(half, "R", "igo"),
        "bias_ih": biases,
        "bias_hh": torch.zeros_like(biases),
    }
    h, half_c = one_step("OriginalLSTMCell", x, (h, c / 2), arrays)
    return h, h, 2 * half_c


def recurrent_residual(params, x, h, c):
    """torchrecurrent.ResLSTMCell."""
    biases = joined(params, "b", "ifgo")
    arrays = {
        "weight_ih": joined(params, "W", "ifgo"),
        "weight_hh": joined(params, "R", "ifgo"),
        "weight_ph": joined(params, "p", "ifo"),
        "weight_proj": params["W_h"],
        "weight_res": params["W_s"],
        "bias_ih": biases,
        "bias_hh": torch.zeros_like(biases),
    }
    h, c = one_step("ResLSTMCell", x, (h, c), arrays)
    return h, h, c


def recurrent_working_memory(params, x, h, c):
    """torchrecurrent.WMCLSTMCell, whose biases inside the tanh are zero."""
    biases, peepholes = joined(params, "b", "ifgo"), joined(params, "P", "ifo")
    arrays = {
        "weight_ih": joined(params, "W", "ifgo"),
        "weight_hh": joined(params, "R", "ifgo"),
        "weight_mh": peepholes,
        "bias_ih": biases,
        "bias_hh": torch.zeros_like(biases),
        "bias_mh": torch.zeros_like(peepholes[:, 0]),
    }
    h, c = one_step("WMCLSTMCell", x, (h, c), arrays)
    return h, h, c


def recurrent_memory_controller(params, x, v, c):
    """torchrecurrent.MCLSTMCell, whose blocks are f, i, o, k, g."""
    biases = joined(params, "b", "fiokg")
    arrays = {
        "weight_ih": joined(params, "W", "fiokg"),
        "weight_hh": joined(params, "R", "fiokg"),
        "bias_ih": biases,
        "bias_hh": torch.zeros_like(biases),
    }
    h, (v, c) = one_step("MCLSTMCell", x, (v, c), arrays)
    return h, v, c


def recurrent_multiplicative(params, x, h, c):
    """torchrecurrent.MultiplicativeLSTMCell, whose biases in both factors are zero."""
    biases, none = joined(params, "b", "ifgo"), torch.zeros_like(params["b_i"])
    arrays = {
        "weight_ih": joined(params, "W", "qifgo"),
        "weight_hh": params["R_q"],
        "weight_mh": joined(params, "R", "ifgo"),
        "bias_ih": torch.cat([none, biases]),
        "bias_hh": none,
        "bias_mh": torch.zeros_like(biases),
    }
    h, c = one_step("MultiplicativeLSTMCell", x, (h, c), arrays)
    return h, h, c


def recurrent_janet(params, x, h):
    """torchrecurrent.JANETCell, which carries h twice."""
    biases = joined(params, "b", "fg")
    arrays = {
        "weight_ih": joined(params, "W", "fg"),
        "weight_hh": joined(params, "R", "fg"),
        "bias_ih": biases,
        "bias_hh": torch.zeros_like(biases),
        "beta": params["beta"],
    }
    h, _ = one_step("JANETCell", x, (h, h), arrays)
    return h, h


def recurrent_strongly_typed(params, x, c, y):
    """torchrecurrent.TLSTMCell."""
    import torchrecurrent

    biases = joined(params, "b", "zfo")
    arrays = {
        "weight_ih": joined(params, "W", "zfo"),
        "weight_hh": joined(params, "V", "zfo"),
        "bias_ih": biases,
        "bias_hh": torch.zeros_like(biases),
    }
    module = torchrecurrent.TLSTMCell(x.shape[-1], c.shape[-1], dtype=torch.float64)
    h, (c, y) = functional_call(module, arrays, (x, (c, y)))
    return h, c, y


# The papers --------------------------------------------------------------------------------------------------------


def paper_1997(params, x, h, c):
    """Hochreiter & Schmidhuber 1997, section 4 and the squashing functions of their experiments."""
    net = {k: x @ params[f"W_{k}"].T + h @ params[f"R_{k}"].T + params[f"b_{k}"] for k in "igo"}
    squashed = 4 / (1 + torch.exp(-net["g"])) - 2
    s = c + torch.sigmoid(net["i"]) * squashed
    y = torch.sigmoid(net["o"]) * (2 / (1 + torch.exp(-s)) - 1)
    return y, y, s


def paper_full_peepholes(params, x, h, c):
    """One product over [c, h, x] for each gate, over [h, x] for the block input, as lecture notes write it."""
    before = torch.cat([c, h, x], dim=1)
    over = {k: torch.cat([params[f"{name}_{k}"] for name in "PRW"], dim=1) for k in "ifo"}
    i = torch.sigmoid(before @ over["i"].T + params["b_i"])
    f = torch.sigmoid(before @ over["f"].T + params["b_f"])
    proposal = torch.tanh(before[:, c.shape[1] :] @ torch.cat([params["R_g"], params["W_g"]], dim=1).T + params["b_g"])
    c = f * c + i * proposal
    o = torch.sigmoid(torch.cat([c, h, x], dim=1) @ over["o"].T + params["b_o"])
    y = o * torch.tanh(c)
    return y, y, c


def paper_projected(params, x, r, c):
    """Sak, Senior & Beaufays 2014, equations 7 to 13, without the non-recurrent projection."""
    i = torch.sigmoid(x @ params["W_i"].T + r @ params["R_i"].T + params["p_i"] * c + params["b_i"])
    f = torch.sigmoid(x @ params["W_f"].T + r @ params["R_f"].T + params["p_f"] * c + params["b_f"])
    c = f * c + i * torch.tanh(x @ params["W_g"].T + r @ params["R_g"].T + params["b_g"])
    o = torch.sigmoid(x @ params["W_o"].T + r @ params["R_o"].T + params["p_o"] * c + params["b_o"])
    r = (o * torch.tanh(c)) @ params["W_h"].T
    return r, r, c


def paper_layer_norm(params, x, h, c):
    """Ba, Kiros & Hinton 2016, equations 20 to 22, with PyTorch's own layer normalisation and its epsilon."""
    normalised = torch.nn.functional.layer_norm
    n = h.shape[1]
    net = params["b"] + normalised(h @ params["R"].T, (4 * n,), params["gamma_h"], params["beta_h"], eps=1e-5)
    net = net + normalised(x @ params["W"].T, (4 * n,), params["gamma_x"], params["beta_x"], eps=1e-5)
    i, f, proposal, o = net.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(proposal)
    h = torch.sigmoid(o) * torch.tanh(normalised(c, (n,), params["gamma_c"], params["beta_c"], eps=1e-5))
    return h, h, c


def paper_multiplicative(params, x, h, c):
    """Krause, Lu, Murray & Renals 2016, equations 14 to 18; the intermediate state may have a size of its own."""
    m = (x @ params["W_q"].T) * (h @ params["R_q"].T)
    i, o, f = (torch.sigmoid(x @ params[f"W_{k}"].T + m @ params[f"R_{k}"].T + params[f"b_{k}"]) for k in "iof")
    c = f * c + i * torch.tanh(x @ params["W_g"].T + m @ params["R_g"].T + params["b_g"])
    h = torch.tanh(c) * o
    return h, h, c


def paper_phased(params, given, h, c):
    """Neil, Pfeiffer & Liu 2016, equations 6 to 11 with peepholes; tau (N,) is the time of each sequence's event."""
    x, tau = given["x"], given["tau"][:, None]
    period, ratio = params["period"], params["ratio"]
    phi = torch.remainder(tau - params["shift"], period) / period
    opening, closing, closed = 2 * phi / ratio, 2 - 2 * phi / ratio, params["leak"] * phi
    k = torch.where(phi < ratio / 2, opening, torch.where(phi < ratio, closing, closed))
    i = torch.sigmoid(x @ params["W_i"].T + h @ params["R_i"].T + params["p_i"] * c + params["b_i"])
    f = torch.sigmoid(x @ params["W_f"].T + h @ params["R_f"].T + params["p_f"] * c + params["b_f"])
    proposed_c = f * c + i * torch.tanh(x @ params["W_g"].T + h @ params["R_g"].T + params["b_g"])
    o = torch.sigmoid(x @ params["W_o"].T + h @ params["R_o"].T + params["p_o"] * proposed_c + params["b_o"])
    proposed_h = o * torch.tanh(proposed_c)
    h = k * proposed_h + (1 - k) * h
    return h, h, k * proposed_c + (1 - k) * c


def recurrent(cell, whose, step, states=("h", "c"), **more):
    run = by_steps(step, states, torch.stack)
    return Reference(cell, f"torchrecurrent.{whose}", run, needs=("torchrecurrent",), third_party=True, **more)


def paper(cell, step, states=("h", "c")):
    return Reference(cell, "the paper in PyTorch", by_steps(step, states, torch.stack))


def pytorch(cell, run, **more):
    return Reference(cell, "torch.nn.LSTM", run, needs=("torch",), third_party=True, **more)


def jax(cell, whose, step):
    needs = ("jax", whose.partition(".")[0])
    return Reference(cell, whose, by_steps(step, ("h", "c"), stack_in_jax), "jax", needs, third_party=True)


def onnx(cell, **options):
    needs = ("onnx", "onnxruntime")
    run = onnx_lstm(**options)
    return Reference(cell, "ONNX Runtime's LSTM", run, "arrays", needs, third_party=True, tolerance=1e-5)


def _mass_conserving_step(p, x, c):
    """Hoedt et al. 2021, section 2, with a redistribution that does not depend on the step; R acts as R c."""
    mass, a = x["x"][:, None], x["a"]
    share = c / (c.abs().sum(dim=1, keepdim=True) + 1e-5)
    into = torch.softmax(a @ p["W_i"].T + share @ p["R_i"].T + p["b_i"], dim=1)
    out = torch.sigmoid(a @ p["W_o"].T + share @ p["R_o"].T + p["b_o"])
    redistribution = torch.softmax(p["B"].T, dim=0)  # columns add up to one
    total = c @ redistribution.T + into * mass
    return out * total, (1 - out) * total


mass_conserving_paper = by_steps(_mass_conserving_step, ("c",), torch.stack)


REFERENCES = [
    Reference("mass_conserving_lstm", "the paper in PyTorch", mass_conserving_paper, needs=("torch",)),
    recurrent("lstm_1997", "OriginalLSTMCell", recurrent_1997),
    paper("lstm_1997", paper_1997),
    pytorch("lstm", torch_lstm),
    Reference("lstm", "keras.layers.LSTM", keras_lstm, needs=("keras",), third_party=True),
    onnx("lstm"),
    jax("lstm", "equinox.nn.LSTMCell", equinox_lstm),
    jax("lstm", "flax.linen.LSTMCell", linen_lstm("LSTMCell")),
    jax("lstm", "flax.linen.OptimizedLSTMCell", linen_lstm("OptimizedLSTMCell")),
    jax("lstm", "flax.nnx.LSTMCell", nnx_lstm),
    jax("lstm", "haiku.LSTM", haiku_lstm),
    pytorch("lstm_concatenated", torch_concatenated),
    jax("lstm_concatenated", "haiku.LSTM", haiku_concatenated),
    pytorch("lstm_stacked", torch_stacked),
    jax("lstm_stacked", "haiku.LSTM", haiku_stacked),
    recurrent("peephole_lstm", "PeepholeLSTMCell", recurrent_peephole),
    onnx("peephole_lstm", peepholes=True),
    paper("full_peephole_lstm", paper_full_peepholes),
    pytorch("coupled_lstm", torch_coupled),
    onnx("coupled_lstm", forget_is_one_minus_input=True),
    pytorch("coupled_lstm_forget", torch_coupled_forget),
    pytorch("projected_lstm", torch_lstm, dims={"p": 2}),
    recurrent("projected_peephole_lstm", "PeepholeLSTMCell", recurrent_projected_peephole),
    paper("projected_peephole_lstm", paper_projected),
    recurrent("residual_lstm", "ResLSTMCell", recurrent_residual),
    recurrent("working_memory_lstm", "WMCLSTMCell", recurrent_working_memory),
    recurrent("memory_controller_lstm", "MCLSTMCell", recurrent_memory_controller, ("v", "c")),
    paper("layer_norm_lstm", paper_layer_norm),
    recurrent("multiplicative_lstm", "MultiplicativeLSTMCell", recurrent_multiplicative, dims={"n": 3, "p": 3}),
    paper("multiplicative_lstm", paper_multiplicative),
    paper("phased_lstm", paper_phased),
    recurrent("janet", "JANETCell", recurrent_janet, ("h",)),
    recurrent("strongly_typed_lstm", "TLSTMCell", recurrent_strongly_typed, ("c", "y")),
]
