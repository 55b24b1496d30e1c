"""The LSTM of PyTorch, Keras, ONNX Runtime, Equinox, Flax and Haiku, called with our parameters."""

from __future__ import annotations

import torch
from torch.func import functional_call


def joined(params, name, gates, axis=0):
    """The parameters `name_gate` of the gates, in this order, along an axis."""
    return torch.cat([params[f"{name}_{gate}"] for gate in gates], dim=axis)


def in_jax(params, name, gates):
    """The same along the first axis, for JAX arrays."""
    import jax.numpy as jnp

    return jnp.concatenate([params[f"{name}_{gate}"] for gate in gates])


# PyTorch -----------------------------------------------------------------------------------------------------------


def torch_layer(weights, x, state):
    """torch.nn.LSTM, one layer, with weight_ih, weight_hh, one bias in place of its two, and weight_hr if it projects."""
    cells = state["c"].shape[-1]
    projection = state["h"].shape[-1] if len(weights) == 4 else 0
    layer = torch.nn.LSTM(x.shape[-1], cells, proj_size=projection, dtype=torch.float64)
    both = [*weights[:3], torch.zeros_like(weights[2]), *weights[3:]]
    arrays = dict(zip((name for name, _ in layer.named_parameters()), both, strict=True))
    outputs, (h, c) = functional_call(layer, arrays, (x, (state["h"][None], state["c"][None])))
    return outputs, {"h": h[0], "c": c[0]}


def torch_lstm(params, x, state):
    """torch.nn.LSTM; with proj_size where the cell projects."""
    projection = [params["W_h"]] if "W_h" in params else []
    return torch_layer([*(joined(params, name, "ifgo") for name in "WRb"), *projection], x, state)


def torch_concatenated(params, x, state):
    """torch.nn.LSTM, where each W over [h, x] is cut into what belongs to h and to x."""
    n = state["h"].shape[-1]
    both = joined(params, "W", "ifgo")
    return torch_layer([both[:, n:], both[:, :n], joined(params, "b", "ifgo")], x, state)


def torch_stacked(params, x, state):
    """torch.nn.LSTM, where W over [h, x] is cut into what belongs to h and to x."""
    n = state["h"].shape[-1]
    both = params["W"]
    return torch_layer([both[:, n:], both[:, :n], params["b"]], x, state)


def coupled(params, kept, lacking):
    """The gate that a coupled cell lacks, by 1 − σ(a) = σ(−a): its parameters are those of the kept one, negated."""
    names = [name for name in ("W", "R", "b", "p") if f"{name}_{kept}" in params]
    return {**params, **{f"{name}_{lacking}": -params[f"{name}_{kept}"] for name in names}}


def torch_coupled(params, x, state):
    """torch.nn.LSTM with the forget gate that is 1 − i."""
    return torch_lstm(coupled(params, "i", "f"), x, state)


def torch_coupled_forget(params, x, state):
    """torch.nn.LSTM with the input gate that is 1 − f."""
    return torch_lstm(coupled(params, "f", "i"), x, state)


# Keras and ONNX Runtime --------------------------------------------------------------------------------------------


def keras_lstm(params, x, state):
    """keras.layers.LSTM on PyTorch, in float64; its arrays are ours transposed."""
    import keras

    n = state["h"].shape[-1]
    layer = keras.layers.LSTM(n, return_sequences=True, return_state=True, dtype="float64")
    layer.build((x.shape[1], x.shape[0], x.shape[2]))
    weights = [joined(params, "W", "ifgo").T, joined(params, "R", "ifgo").T, joined(params, "b", "ifgo")]
    (outputs, h, c), _ = layer.stateless_call(
        weights, layer.non_trainable_variables, x.transpose(0, 1), initial_state=[state["h"], state["c"]]
    )
    return outputs.transpose(0, 1), {"h": h, "c": c}


def onnx_lstm(peepholes=False, forget_is_one_minus_input=False):
    """ONNX Runtime's LSTM, in float32 and without gradients: blocks i, o, f, g, peepholes i, o, f, two biases."""

    def run(params, x, state):
        import numpy as np
        import onnxruntime
        from onnx import TensorProto, helper

        if forget_is_one_minus_input:  # the blocks of f are there and not used
            params = {**params, **{f"{name}_f": np.zeros_like(params[f"{name}_i"]) for name in "WRb"}}
            if peepholes:
                params["p_f"] = np.zeros_like(params["p_i"])
        biases = np.concatenate([params[f"b_{gate}"] for gate in "iofg"])
        arrays = {
            "X": x,
            "W": np.concatenate([params[f"W_{gate}"] for gate in "iofg"])[None],
            "R": np.concatenate([params[f"R_{gate}"] for gate in "iofg"])[None],
            "B": np.concatenate([biases, np.zeros_like(biases)])[None],
            "initial_h": state["h"][None],
            "initial_c": state["c"][None],
        }
        inputs = ["X", "W", "R", "B", "", "initial_h", "initial_c"]
        if peepholes:
            arrays["P"] = np.concatenate([params[f"p_{gate}"] for gate in "iof"])[None]
            inputs.append("P")
        node = helper.make_node(
            "LSTM", inputs, ["Y", "Y_h", "Y_c"],
            hidden_size=state["h"].shape[-1], input_forget=int(forget_is_one_minus_input),
        )  # fmt: skip
        graph = helper.make_graph(
            [node],
            "lstm",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in arrays.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("Y", "Y_h", "Y_c")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        y, h, c = session.run(None, {name: array.astype(np.float32) for name, array in arrays.items()})
        return y[:, 0], {"h": h[0], "c": c[0]}

    return run


# JAX ---------------------------------------------------------------------------------------------------------------


def stack_in_jax(arrays):
    import jax.numpy as jnp

    return jnp.stack(arrays)


def equinox_lstm(params, x, h, c):
    """equinox.nn.LSTMCell, one sequence at a time."""
    import equinox
    import jax

    cell = equinox.nn.LSTMCell(x.shape[-1], h.shape[-1], key=jax.random.PRNGKey(0))
    arrays = (in_jax(params, "W", "ifgo"), in_jax(params, "R", "ifgo"), in_jax(params, "b", "ifgo"))
    cell = equinox.tree_at(lambda cell: (cell.weight_ih, cell.weight_hh, cell.bias), cell, arrays)
    h, c = jax.vmap(cell)(x, (h, c))
    return h, h, c


def linen_lstm(name):
    """flax.linen.LSTMCell or OptimizedLSTMCell: kernels are ours transposed, the bias is on the side of h."""

    def step(params, x, h, c):
        import flax.linen
        import jax.numpy as jnp

        cell = getattr(flax.linen, name)(h.shape[-1], param_dtype=jnp.float64)
        tree = {f"i{gate}": {"kernel": params[f"W_{gate}"].T} for gate in "ifgo"}
        tree |= {f"h{gate}": {"kernel": params[f"R_{gate}"].T, "bias": params[f"b_{gate}"]} for gate in "ifgo"}
        (c, h), output = cell.apply({"params": tree}, (c, h), x)
        return output, h, c

    return step


def nnx_lstm(params, x, h, c):
    """flax.nnx.LSTMCell."""
    import jax.numpy as jnp
    from flax import nnx

    cell = nnx.LSTMCell(x.shape[-1], h.shape[-1], dtype=jnp.float64, param_dtype=jnp.float64, rngs=nnx.Rngs(0))
    for gate, inner in zip("ifgo", (cell.ii, cell.if_, cell.ig, cell.io), strict=True):
        inner.kernel[...] = params[f"W_{gate}"].T
    for gate, outer in zip("ifgo", (cell.hi, cell.hf, cell.hg, cell.ho), strict=True):
        outer.kernel[...] = params[f"R_{gate}"].T
        outer.bias[...] = params[f"b_{gate}"]
    (c, h), output = cell((c, h), x)
    return output, h, c


def haiku_layer(w, b, x, h, c):
    """haiku.LSTM with its own arrays: w has the rows [x; h] and the blocks i, g, f, o; it adds 1 to f's net input."""
    import haiku

    step = haiku.without_apply_rng(haiku.transform(lambda x, state: haiku.LSTM(h.shape[-1])(x, state)))
    output, new = step.apply({"lstm/linear": {"w": w, "b": b}}, x, haiku.LSTMState(h, c))
    return output, new.hidden, new.cell


def haiku_lstm(params, x, h, c):
    """haiku.LSTM; the 1 that it adds to f is taken from b_f."""
    import jax.numpy as jnp

    shifted = {**params, "b_f": params["b_f"] - 1}
    w = jnp.concatenate([in_jax(params, "W", "igfo").T, in_jax(params, "R", "igfo").T])
    return haiku_layer(w, in_jax(shifted, "b", "igfo"), x, h, c)


def haiku_concatenated(params, x, h, c):
    """haiku.LSTM, whose rows are [x; h] where ours are [h, x]."""
    import jax.numpy as jnp

    n = h.shape[-1]
    shifted = {**params, "b_f": params["b_f"] - 1}
    both = in_jax(params, "W", "igfo")
    return haiku_layer(jnp.concatenate([both[:, n:].T, both[:, :n].T]), in_jax(shifted, "b", "igfo"), x, h, c)


def haiku_stacked(params, x, h, c):
    """haiku.LSTM, whose rows are [x; h] and whose blocks are i, g, f, o where ours are [h, x] and i, f, g, o."""
    import jax.numpy as jnp

    W, b = (dict(zip("ifgo", jnp.split(params[name], 4), strict=True)) for name in "Wb")
    return haiku_concatenated({f"W_{k}": W[k] for k in "ifgo"} | {f"b_{k}": b[k] for k in "ifgo"}, x, h, c)
