"""References for the cells from dynamical systems."""

from __future__ import annotations

import torch
from torch.func import functional_call

from .reference import Reference, by_steps

# torchrecurrent's cells take one step. Each has two or three biases where the paper has one: ours stands in the first.


def _zeros(like):
    return torch.zeros_like(like)


def fastrnn(params, x, h):
    import torchrecurrent

    arrays = {
        "weight_ih": params["W"],
        "weight_hh": params["R"],
        "bias_ih": params["b"],
        "bias_hh": _zeros(params["b"]),
        "alpha": params["alpha"].reshape(1),
        "beta": params["beta"].reshape(1),
    }
    cell = torchrecurrent.FastRNNCell(x.shape[-1], h.shape[-1], dtype=torch.float64)
    new = functional_call(cell, arrays, (x, h))
    return new, new


def fastgrnn(params, x, h):
    """torchrecurrent.FastGRNNCell, told to gate with the logistic function as the paper does."""
    import torchrecurrent

    biases = torch.cat([params["b_z"], params["b_n"]])
    arrays = {
        "weight_ih": params["W"],
        "weight_hh": params["R"],
        "bias_ih": biases,
        "bias_hh": _zeros(biases),
        "zeta": params["zeta"].reshape(1),
        "nu": params["nu"].reshape(1),
    }
    cell = torchrecurrent.FastGRNNCell(x.shape[-1], h.shape[-1], nonlinearity="sigmoid", dtype=torch.float64)
    new = functional_call(cell, arrays, (x, h))
    return new, new


def _with_numbers(cell, **numbers):
    """A cell whose constructor would turn its hyper-parameters into floats, with tensors, so that gradients flow."""
    for name, value in numbers.items():
        setattr(cell, name, value)
    return cell


def antisymmetric(params, x, h):
    import torchrecurrent

    arrays = {
        "weight_ih": params["W"],
        "weight_hh": params["R"],
        "bias_ih": params["b"],
        "bias_hh": _zeros(params["b"]),
    }
    cell = torchrecurrent.AntisymmetricRNNCell(x.shape[-1], h.shape[-1], dtype=torch.float64)
    cell = _with_numbers(cell, epsilon=params["epsilon"], gamma=params["gamma"])
    new = functional_call(cell, arrays, (x, h))
    return new, new


def gated_antisymmetric(params, x, h):
    import torchrecurrent

    arrays = {
        "weight_ih": torch.cat([params["W_z"], params["W_n"]]),
        "weight_hh": params["R"],
        "bias_ih": torch.cat([params["b_z"], params["b_n"]]),
        "bias_hh": _zeros(params["b_n"]),  # it reaches the candidate alone
    }
    cell = torchrecurrent.GatedAntisymmetricRNNCell(x.shape[-1], h.shape[-1], dtype=torch.float64)
    cell = _with_numbers(cell, epsilon=params["epsilon"], gamma=params["gamma"])
    new = functional_call(cell, arrays, (x, h))
    return new, new


def cornn(params, x, h, c):
    import torchrecurrent

    arrays = {
        "weight_ih": params["W"],
        "weight_hh": params["R"],
        "weight_ch": params["R_c"],
        "bias_ih": params["b"],
        "bias_hh": _zeros(params["b"]),
        "bias_ch": _zeros(params["b"]),
    }
    cell = torchrecurrent.coRNNCell(x.shape[-1], h.shape[-1], dtype=torch.float64)
    cell = _with_numbers(cell, dt=params["dt"], gamma=params["gamma"], epsilon=params["epsilon"])
    new_h, new_c = functional_call(cell, arrays, (x, (h, c)))
    return new_h, new_h, new_c


def lem_paper(params, x, y, z):
    """Equation 3 of Rusch et al. 2022, y the state and z the memory, σ = tanh."""

    def net(gate, hidden):
        return hidden @ params[f"R_{gate}"].T + x @ params[f"W_{gate}"].T + params[f"b_{gate}"]

    length = params["dt"] * torch.sigmoid(net("s", y))
    length_bar = params["dt"] * torch.sigmoid(net("r", y))
    z = (1 - length) * z + length * torch.tanh(net("g", y))
    y = (1 - length_bar) * y + length_bar * torch.tanh(net("n", z))
    return y, y, z


def lem_twice(params, x, h, c):
    """torchrecurrent.LEMCell, called for the new c and again with the new c, for it shows h the c that it is given."""
    import torchrecurrent

    arrays = {
        "weight_ih": torch.cat([params[f"W_{gate}"] for gate in "rsgn"]),
        "weight_hh": torch.cat([params[f"R_{gate}"] for gate in "rsg"]),
        "weight_ch": params["R_n"],
        "bias_ih": torch.cat([params[f"b_{gate}"] for gate in "rsgn"]),
        "bias_hh": torch.zeros(3 * h.shape[-1], dtype=torch.float64),
        "bias_ch": _zeros(params["b_n"]),
    }
    cell = _with_numbers(torchrecurrent.LEMCell(x.shape[-1], h.shape[-1], dtype=torch.float64), dt=params["dt"])
    _, new_c = functional_call(cell, arrays, (x, (h, c)))
    new_h, _ = functional_call(cell, arrays, (x, (h, new_c)))
    return new_h, new_h, new_c


def unicornn(params, x, h, z):
    import torchrecurrent

    arrays = {
        "weight_ih": params["W"],
        "weight_hh": params["w"],
        "weight_ch": params["c"],
        "bias_ih": params["b"],
        "bias_hh": _zeros(params["b"]),
    }
    cell = torchrecurrent.UnICORNNCell(x.shape[-1], h.shape[-1], dtype=torch.float64)
    cell = _with_numbers(cell, dt=params["dt"], alpha=params["alpha"])
    new_h, new_z = functional_call(cell, arrays, (x, (h, z)))
    return new_h, new_h, new_z


def _torchrecurrent(cell, whose, step, *states):
    run = by_steps(step, states, torch.stack)
    return Reference(cell, f"torchrecurrent.{whose}", run, needs=("torchrecurrent",), third_party=True)


REFERENCES = [
    _torchrecurrent("fastrnn", "FastRNNCell", fastrnn, "h"),
    _torchrecurrent("fastgrnn", "FastGRNNCell", fastgrnn, "h"),
    _torchrecurrent("antisymmetric_rnn", "AntisymmetricRNNCell", antisymmetric, "h"),
    _torchrecurrent("gated_antisymmetric_rnn", "GatedAntisymmetricRNNCell", gated_antisymmetric, "h"),
    _torchrecurrent("cornn", "coRNNCell", cornn, "h", "c"),
    Reference("lem", "the paper in PyTorch", by_steps(lem_paper, ("h", "c"), torch.stack)),
    _torchrecurrent("lem", "LEMCell called twice a step", lem_twice, "h", "c"),
    _torchrecurrent("unicornn", "UnICORNNCell", unicornn, "h", "z"),
]
