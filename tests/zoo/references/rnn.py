"""References for the simple recurrent networks."""

from __future__ import annotations

import numpy as np
import torch
from torch.func import functional_call

from .reference import Reference, by_steps


def torch_rnn(nonlinearity="tanh"):
    """torch.nn.RNN, one layer; b stands in its first bias."""

    def run(params, x, state):
        layer = torch.nn.RNN(x.shape[-1], state["h"].shape[-1], nonlinearity=nonlinearity, dtype=torch.float64)
        arrays = {
            "weight_ih_l0": params["W"],
            "weight_hh_l0": params["R"],
            "bias_ih_l0": params["b"],
            "bias_hh_l0": torch.zeros_like(params["b"]),
        }
        outputs, h = functional_call(layer, arrays, (x, state["h"][None]))
        return outputs, {"h": h[0]}

    return run


def torch_elman_with_read_out(params, x, state):
    """torch.nn.RNN on the two parts of the concatenated matrix, the state's columns first, then torch.nn.Linear."""
    n = state["h"].shape[-1]
    parts = {"W": params["W"][:, n:], "R": params["W"][:, :n], "b": params["b"]}
    hidden, final = torch_rnn()(parts, x, state)
    read_out = torch.nn.Linear(n, params["U"].shape[0], dtype=torch.float64)
    return functional_call(read_out, {"weight": params["U"], "bias": params["b_y"]}, (hidden,)), final


def torch_single_unit(params, x, state):
    """torch.nn.RNN with one input and one unit; the read-out is written out."""
    single = {name: params[name].reshape(1) for name in ("w", "r", "b")}
    parts = {"W": single["w"][:, None], "R": single["r"][:, None], "b": single["b"]}
    hidden, final = torch_rnn()(parts, x[..., None], {"h": state["h"][:, None]})
    return params["u"] * hidden[..., 0] + params["b_y"], {"h": final["h"][:, 0]}


def keras_rnn(activation):
    """keras.layers.SimpleRNN; it takes a step in float32 even where its policy is float64, hence the tolerance."""

    def run(params, x, state):
        import keras

        layer = keras.layers.SimpleRNN(
            state["h"].shape[-1], activation=activation, return_sequences=True, return_state=True, dtype="float64"
        )
        batch_first = x.transpose(0, 1)
        layer.build(tuple(batch_first.shape))
        weights = [params["W"].T, params["R"].T, params["b"]]
        rest = [variable.value for variable in layer.non_trainable_variables]
        (outputs, h), _ = layer.stateless_call(weights, rest, batch_first, initial_state=[state["h"]])
        return outputs.transpose(0, 1), {"h": h}

    return run


def linen_rnn(activation):
    """flax.linen.SimpleCell; its one bias is on the input's side."""

    def step(params, x, h):
        import jax
        from flax import linen

        function = {"tanh": jax.numpy.tanh, "sigmoid": jax.nn.sigmoid}[activation]
        cell = linen.SimpleCell(h.shape[-1], activation_fn=function, dtype="float64", param_dtype="float64")
        arrays = {"i": {"kernel": params["W"].T, "bias": params["b"]}, "h": {"kernel": params["R"].T}}
        new, output = cell.apply({"params": arrays}, h, x)
        return output, new

    return by_steps(step, ("h",), _jax_stack)


def nnx_rnn(params, x, h):
    """One step of flax.nnx.SimpleCell, whose default type is float32 whatever its weights are."""
    from flax import nnx

    cell = nnx.SimpleCell(x.shape[-1], h.shape[-1], dtype="float64", param_dtype="float64", rngs=nnx.Rngs(0))
    cell.dense_i.kernel[...] = params["W"].T
    cell.dense_i.bias[...] = params["b"]
    cell.dense_h.kernel[...] = params["R"].T
    new, output = cell(h, x)
    return output, new


def haiku_rnn(params, x, h):
    """One step of haiku.VanillaRNN, which has relu and two biases; b stands in the first."""
    import haiku

    def step(x, h):
        return haiku.VanillaRNN(h.shape[-1])(x, h)

    arrays = {
        "vanilla_rnn/linear": {"w": params["W"].T, "b": params["b"]},
        "vanilla_rnn/linear_1": {"w": params["R"].T, "b": 0 * params["b"]},
    }
    return haiku.without_apply_rng(haiku.transform(step)).apply(arrays, x, h)


def _jax_stack(arrays):
    import jax

    return jax.numpy.stack(arrays)


def onnx_rnn(activation):
    """ONNX' operator RNN in ONNX Runtime, which has it in float32 alone; b stands in the first of its two biases."""

    def run(params, x, state):
        from onnx import TensorProto, helper
        from onnxruntime import InferenceSession

        feeds = {
            "X": x,
            "W": params["W"][None],
            "R": params["R"][None],
            "B": np.concatenate([params["b"], 0 * params["b"]])[None],
            "h_0": state["h"][None],
        }
        feeds = {name: array.astype(np.float32) for name, array in feeds.items()}
        node = helper.make_node(
            "RNN", ["X", "W", "R", "B", "", "h_0"], ["Y", "h_T"],
            hidden_size=state["h"].shape[-1], activations=[activation],
        )  # fmt: skip
        single = TensorProto.FLOAT
        graph = helper.make_graph(
            [node], "rnn",
            [helper.make_tensor_value_info(name, single, array.shape) for name, array in feeds.items()],
            [helper.make_tensor_value_info(name, single, None) for name in ("Y", "h_T")],
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        outputs, h = session.run(None, feeds)
        return outputs[:, 0], {"h": h[0]}

    return run


def jordan_step(params, x, y, s):
    """Jordan 1986, with logistic units; the context is what the plan of the paper's figure feeds back."""
    context = params["mu"] * s + y
    hidden = torch.sigmoid(x @ params["W"].T + context @ params["R"].T + params["b"])
    output = torch.sigmoid(hidden @ params["U"].T + params["b_y"])
    return output, output, context


def torchrecurrent_indrnn(params, x, h):
    import torchrecurrent

    cell = torchrecurrent.IndRNNCell(x.shape[-1], h.shape[-1], nonlinearity="relu", dtype=torch.float64)
    arrays = {
        "weight_ih": params["W"],
        "vector_u": params["u"],
        "bias_ih": params["b"],
        "bias_hh": torch.zeros_like(params["b"]),
    }
    new = functional_call(cell, arrays, (x, h))
    return new, new


def brainstorm_clockwork(params, x, state):
    """The forward pass of Brainstorm's ClockworkLayerImpl (IDSIA, MIT licence), line by line, on tensors.

    It computes every unit and then undoes the units whose period does not divide the step, except in step 0.
    """
    timing, h, outputs = params["period"], state["h"], []
    for t in range(len(x)):
        pre = x[t] @ params["W"].T + params["b"]
        pre = pre + h @ params["R"].T
        new = torch.tanh(pre)
        if t > 0:
            undone = (t % timing.detach()).bool().expand_as(new)
            new = torch.where(undone, h, new)
        outputs.append(new)
        h = new
    return torch.stack(outputs), {"h": h, "k": state["k"] + len(x)}


def with_periods(params, x, state):
    """Periods 1, 2, 3 and so on, and a count that starts at zero, as Brainstorm's does."""
    periods = 1.0 + np.arange(len(params["period"]))
    return {**params, "period": periods}, x, {**state, "k": np.zeros_like(state["k"])}


def scrn_step(params, x, h, s):
    """Equations 3 to 5 of Mikolov et al. 2015."""
    context = (1 - params["alpha"]) * (x @ params["B"].T) + params["alpha"] * s
    hidden = torch.sigmoid(context @ params["P"].T + x @ params["A"].T + h @ params["R"].T)
    output = torch.softmax(hidden @ params["U"].T + context @ params["V"].T, dim=-1)
    return output, hidden, context


def torchrecurrent_scrn(params, x, h, s):
    """torchrecurrent.SCRNCell with the identity for its last matrix, so that it returns tanh(h), which is undone.

    It would feed that back; here the paper's h goes in again. The output layer is written out.
    """
    import torchrecurrent

    n = h.shape[-1]
    cell = torchrecurrent.SCRNCell(x.shape[-1], n, dtype=torch.float64)
    zero, one = torch.zeros(n, n, dtype=torch.float64), torch.eye(n, dtype=torch.float64)
    nothing = torch.zeros(2 * n, dtype=torch.float64)
    arrays = {
        "weight_ih": torch.cat([params["B"], params["A"]]),
        "weight_hh": torch.cat([params["R"], one]),
        "weight_ch": torch.cat([params["P"], zero]),
        "bias_ih": nothing,
        "bias_hh": nothing,
        "bias_ch": nothing,
        "alpha": params["alpha"],
    }
    squashed, context = functional_call(cell, arrays, (x, (h, s)))
    hidden = torch.atanh(squashed)
    return torch.softmax(hidden @ params["U"].T + context @ params["V"].T, dim=-1), hidden, context


def multiplicative_step(params, x, h):
    """Equations 4 and 5 of Sutskever, Martens & Hinton 2011, the factors once as a diagonal matrix, and a bias."""
    diagonal = torch.diag_embed(x @ params["W_m"].T)
    factors = (diagonal @ (h @ params["R_m"].T)[..., None])[..., 0]
    new = torch.tanh(factors @ params["R"].T + x @ params["W"].T + params["b"])
    return new, new


PAPER = "the paper in PyTorch"
KERAS, ONNX, NNX = ("keras",), ("onnx", "onnxruntime"), ("jax", "flax")
REFERENCES = [
    Reference("rnn", "torch.nn.RNN", torch_rnn(), needs=("torch",), third_party=True),
    Reference("rnn", "keras.layers.SimpleRNN", keras_rnn("tanh"), needs=KERAS, third_party=True, tolerance=1e-5),
    Reference("rnn", "flax.linen.SimpleCell", linen_rnn("tanh"), kind="jax", needs=NNX, third_party=True),
    Reference(
        "rnn", "flax.nnx.SimpleCell", by_steps(nnx_rnn, ("h",), _jax_stack), kind="jax", needs=NNX, third_party=True
    ),
    Reference("rnn", "ONNX Runtime's RNN", onnx_rnn("Tanh"), "arrays", ONNX, third_party=True, tolerance=1e-5),
    Reference("rnn_relu", "torch.nn.RNN", torch_rnn("relu"), needs=("torch",), third_party=True),
    Reference(
        "rnn_relu", "haiku.VanillaRNN", by_steps(haiku_rnn, ("h",), _jax_stack), kind="jax", needs=("jax", "haiku"),
        third_party=True,
    ),
    Reference("rnn_sigmoid", "flax.linen.SimpleCell", linen_rnn("sigmoid"), kind="jax", needs=NNX, third_party=True),
    Reference(
        "rnn_sigmoid", "keras.layers.SimpleRNN", keras_rnn("sigmoid"), needs=KERAS, third_party=True, tolerance=1e-5
    ),
    Reference(
        "rnn_sigmoid", "ONNX Runtime's RNN", onnx_rnn("Sigmoid"), "arrays", ONNX, third_party=True, tolerance=1e-5
    ),
    Reference(
        "elman_concatenated", "torch.nn.RNN and torch.nn.Linear", torch_elman_with_read_out, needs=("torch",),
        third_party=True,
    ),
    Reference("jordan", PAPER, by_steps(jordan_step, ("y", "s"), torch.stack)),
    Reference("single_unit", "torch.nn.RNN", torch_single_unit, needs=("torch",), third_party=True),
    Reference(
        "indrnn", "torchrecurrent.IndRNNCell", by_steps(torchrecurrent_indrnn, ("h",), torch.stack),
        needs=("torchrecurrent",), third_party=True,
    ),
    Reference(
        "clockwork_rnn", "Brainstorm's clockwork layer transcribed", brainstorm_clockwork, given=with_periods, T=7
    ),
    Reference("scrn", PAPER, by_steps(scrn_step, ("h", "s"), torch.stack)),
    Reference(
        "scrn", "torchrecurrent.SCRNCell's inner layer", by_steps(torchrecurrent_scrn, ("h", "s"), torch.stack),
        needs=("torchrecurrent",), third_party=True, dims={"p": 3},
    ),
    Reference("multiplicative_rnn", PAPER, by_steps(multiplicative_step, ("h",), torch.stack)),
]  # fmt: skip
