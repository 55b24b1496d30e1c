"""References for the gated recurrent units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch.func import functional_call

from .reference import Arrays, Reference, Run, by_steps


def rows(params: Arrays, names: str) -> Any:
    """Parameters one above the other, as most libraries keep them."""
    return torch.cat([params[name] for name in names.split()])


def torchrecurrent_cell(
    name: str, arrange: Callable[[Arrays], Mapping[str, Any]], states: tuple[str, ...] = ("h",), decoupled: bool = False
) -> Run:
    """One of torchrecurrent's cells, step by step; what it has and `arrange` does not name is zero.

    A cell called decoupled returns (output, state) where the others return the state alone.
    """

    def run(params: Arrays, x: Any, state: Arrays) -> tuple[Any, Arrays]:
        import torchrecurrent

        cell = getattr(torchrecurrent, name)(x.shape[-1], state[states[0]].shape[-1], dtype=torch.float64)
        arrays = {of: torch.zeros_like(held) for of, held in cell.named_parameters()} | dict(arrange(params))

        def step(_: Arrays, x_t: Any, *carried: Any) -> tuple[Any, ...]:
            answer = functional_call(cell, arrays, (x_t, carried if len(carried) > 1 else carried[0]))
            output, new = answer if decoupled else (answer, answer)
            new = new if isinstance(new, tuple) else (new,)
            return (output if decoupled else new[0], *new)

        return by_steps(step, states, torch.stack)(params, x, state)

    return run


def stacked(gates: str, ih: str = "", hh: str = "") -> Callable[[Arrays], dict[str, Any]]:
    """The usual arrangement: the gates' W, R and b one above the other, biases on the input's side."""

    def arrange(params: Arrays) -> dict[str, Any]:
        inputs, states = (ih or gates).split(), (hh or gates).split()
        return {
            "weight_ih": rows(params, " ".join(f"W_{gate}" for gate in inputs)),
            "weight_hh": rows(params, " ".join(f"R_{gate}" for gate in states)),
            "bias_ih": rows(params, " ".join(f"b_{gate}" for gate in inputs)),
        }

    return arrange


# The GRU ------------------------------------------------------------------------------------------------------


def gru_of_the_paper(params, x, state):
    """Cho et al. 2014 for rows, with the biases that the paper leaves out for brevity."""
    h, outputs = state["h"], []
    for x_t in x:
        update = (x_t @ params["W_z"].T + h @ params["R_z"].T + params["b_z"]).sigmoid()
        reset = (x_t @ params["W_r"].T + h @ params["R_r"].T + params["b_r"]).sigmoid()
        candidate = (x_t @ params["W_n"].T + (reset * h) @ params["R_n"].T + params["b_n"]).tanh()
        h = candidate + update * (h - candidate)
        outputs.append(h)
    return torch.stack(outputs), {"h": h}


def torch_gru(sign: int) -> Run:
    """torch.nn.GRU, whose z keeps the old state; with sign −1 the cell's z lets the new in: σ(−a) = 1 − σ(a)."""

    def run(params: Arrays, x: Any, state: Arrays) -> tuple[Any, Arrays]:
        layer = torch.nn.GRU(x.shape[-1], state["h"].shape[-1], dtype=torch.float64)
        none = torch.zeros_like(params["b_r"])
        arrays = {
            "weight_ih_l0": torch.cat([params["W_r"], sign * params["W_z"], params["W_n"]]),
            "weight_hh_l0": torch.cat([params["R_r"], sign * params["R_z"], params["R_n"]]),
            "bias_ih_l0": torch.cat([params["b_r"], sign * params["b_z"], params["b_Wn"]]),
            "bias_hh_l0": torch.cat([none, none, params["b_Rn"]]),
        }
        outputs, h = functional_call(layer, arrays, (x, state["h"][None]))
        return outputs, {"h": h[0]}

    return run


def keras_gru(reset_after: bool) -> Run:
    """keras.layers.GRU on its PyTorch backend; kernels are transposed, in the order z, r, n."""

    def run(params: Arrays, x: Any, state: Arrays) -> tuple[Any, Arrays]:
        import keras

        layer = keras.layers.GRU(
            state["h"].shape[-1], reset_after=reset_after, return_sequences=True, return_state=True, dtype="float64"
        )
        layer.build((x.shape[1], x.shape[0], x.shape[2]))
        if reset_after:
            none = torch.zeros_like(params["b_r"])
            bias = torch.stack([rows(params, "b_z b_r b_Wn"), torch.cat([none, none, params["b_Rn"]])])
        else:
            bias = rows(params, "b_z b_r b_n")
        weights = [rows(params, "W_z W_r W_n").T, rows(params, "R_z R_r R_n").T, bias]
        others = [variable.value for variable in layer.non_trainable_variables]
        (outputs, h), _ = layer.stateless_call(weights, others, x.transpose(0, 1), initial_state=state["h"])
        return outputs.transpose(0, 1), {"h": h}

    return run


def onnx_gru(linear_before_reset: int) -> Run:
    """ONNX' operator GRU in ONNX Runtime: float32, values only; blocks in the order z, r, n."""

    def run(params: Arrays, x: Any, state: Arrays) -> tuple[Any, Arrays]:
        import onnx
        import onnxruntime

        n = state["h"].shape[-1]
        inner = params["b_Rn"] if linear_before_reset else np.zeros(n)
        outer = params["b_Wn"] if linear_before_reset else params["b_n"]
        feed = {
            "X": x,
            "W": np.concatenate([params["W_z"], params["W_r"], params["W_n"]])[None],
            "R": np.concatenate([params["R_z"], params["R_r"], params["R_n"]])[None],
            "B": np.concatenate([params["b_z"], params["b_r"], outer, np.zeros(2 * n), inner])[None],
            "h": state["h"][None],
        }
        node = onnx.helper.make_node(
            "GRU",
            ["X", "W", "R", "B", "", "h"],
            ["Y", "Y_h"],
            hidden_size=n,
            linear_before_reset=linear_before_reset,
        )

        def declared(name: str, shape: tuple[int, ...] | None) -> Any:
            return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)

        inputs = [declared(name, array.shape) for name, array in feed.items()]
        graph = onnx.helper.make_graph([node], "gru", inputs, [declared("Y", None), declared("Y_h", None)])
        opset = onnx.helper.make_opsetid("", 21)
        model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        y, h = session.run(None, {name: array.astype(np.float32) for name, array in feed.items()})
        return y[:, 0], {"h": h[0]}

    return run


def equinox_gru(params, x, state):
    """equinox.nn.GRUCell, for one sequence at a time; blocks in the order r, z, n."""
    import equinox
    import jax
    from jax import numpy as jnp

    blank = equinox.nn.GRUCell(x.shape[-1], state["h"].shape[-1], key=jax.random.key(0))

    def together(kind: str, last: str) -> Any:
        return jnp.concatenate([params[f"{kind}_r"], params[f"{kind}_z"], params[last]])

    cell = equinox.tree_at(
        lambda held: (held.weight_ih, held.weight_hh, held.bias, held.bias_n),
        blank,
        (together("W", "W_n"), together("R", "R_n"), together("b", "b_Wn"), params["b_Rn"]),
    )

    def step(_: Arrays, x_t: Any, h: Any) -> tuple[Any, Any]:
        h = jax.vmap(cell)(x_t, h)
        return h, h

    return by_steps(step, ("h",), jnp.stack)(params, x, state)


def flax_cell(name: str, arrange: Callable[[Arrays], dict[str, Any]]) -> Run:
    """One of flax.linen's cells."""

    def run(params: Arrays, x: Any, state: Arrays) -> tuple[Any, Arrays]:
        import flax.linen
        from jax import numpy as jnp

        cell = getattr(flax.linen, name)(state["h"].shape[-1])

        def step(params: Arrays, x_t: Any, h: Any) -> tuple[Any, Any]:
            h, y = cell.apply({"params": arrange(params)}, h, x_t)
            return y, h

        return by_steps(step, ("h",), jnp.stack)(params, x, state)

    return run


def flax_gru(params: Arrays) -> dict[str, Any]:
    return {
        "iz": {"kernel": params["W_z"].T, "bias": params["b_z"]},
        "ir": {"kernel": params["W_r"].T, "bias": params["b_r"]},
        "in": {"kernel": params["W_n"].T, "bias": params["b_Wn"]},
        "hz": {"kernel": params["R_z"].T},
        "hr": {"kernel": params["R_r"].T},
        "hn": {"kernel": params["R_n"].T, "bias": params["b_Rn"]},
    }


def flax_mgu(params: Arrays) -> dict[str, Any]:
    return {
        "if": {"kernel": params["W_f"].T, "bias": params["b_f"]},
        "in": {"kernel": params["W_n"].T, "bias": params["b_Wn"]},
        "hf": {"kernel": params["R_f"].T},
        "hn": {"kernel": params["R_n"].T, "bias": params["b_Rn"]},
    }


def haiku_gru(params, x, state):
    """haiku.GRU; kernels are transposed, in the order z, r, n."""
    import haiku
    from jax import numpy as jnp

    def together(kind: str) -> Any:
        return jnp.concatenate([params[f"{kind}_{gate}"] for gate in "zrn"])

    layer = haiku.without_apply_rng(haiku.transform(lambda x_t, h: haiku.GRU(h.shape[-1])(x_t, h)))
    weights = {"gru": {"w_i": together("W").T, "w_h": together("R").T, "b": together("b")}}

    def step(_: Arrays, x_t: Any, h: Any) -> tuple[Any, Any]:
        return layer.apply(weights, x_t, h)

    return by_steps(step, ("h",), jnp.stack)(params, x, state)


# Its relatives ------------------------------------------------------------------------------------------------


def mut1(params: Arrays) -> dict[str, Any]:
    """The inner tanh has no bias; the candidate's is on the state's side."""
    none = torch.zeros_like(params["b_n"])
    return {
        "weight_ih": rows(params, "W_z W_r W_n"),
        "weight_hh": rows(params, "R_r R_n"),
        "bias_ih": torch.cat([params["b_z"], params["b_r"], none]),
        "bias_hh": torch.cat([none, params["b_n"]]),
    }


def tau_gru(params, x, state):
    """torchrecurrent.tauGRUCell, which is handed the state of one step earlier beside the state."""
    import torchrecurrent

    cell = torchrecurrent.tauGRUCell(x.shape[-1], state["h"].shape[-1], dtype=torch.float64)
    arrays = {name: torch.zeros_like(held) for name, held in cell.named_parameters()}
    arrays |= {"weight_ih": rows(params, "W_n W_p W_g W_a"), "weight_hh": rows(params, "R_n R_p R_g R_a")}
    h, before, outputs = state["h"], state["d"], []
    for x_t in x:
        h, before = functional_call(cell, arrays, (x_t, h, before)), h
        outputs.append(h)
    return torch.stack(outputs), {"h": h, "d": before}


def miru(params, x, state):
    """torchrecurrent.MiRU2Cell, whose two coefficients are numbers of the cell."""
    import torchrecurrent

    cell = torchrecurrent.MiRU2Cell(x.shape[-1], state["h"].shape[-1], dtype=torch.float64)
    cell.reset_coefficient, cell.update_coefficient = params["beta"], params["lam"]
    arrays = {"weight_ih": params["W"], "weight_hh": params["R"], "bias_ih": params["b"]}
    arrays["bias_hh"] = torch.zeros_like(params["b"])
    h, outputs = state["h"], []
    for x_t in x:
        h = functional_call(cell, arrays, (x_t, h))
        outputs.append(h)
    return torch.stack(outputs), {"h": h}


def library(cell: str, whose: str, run: Run, *needs: str, **more: Any) -> Reference:
    """A reference to a third party's code, and the modules that it needs."""
    return Reference(cell, whose, run, needs=needs, third_party=True, **more)


def theirs(cell: str, name: str, run: Run, **more: Any) -> Reference:
    """A reference to one of torchrecurrent's cells."""
    return library(cell, f"torchrecurrent.{name}", run, "torch", "torchrecurrent", **more)


REFERENCES = [
    # Keras runs a step in float32 where the reset gate comes first, even for float64.
    library("gru", "keras.layers.GRU", keras_gru(reset_after=False), "torch", "keras", tolerance=1e-5),
    library("gru", "ONNX Runtime GRU", onnx_gru(0), "onnx", "onnxruntime", kind="arrays", tolerance=1e-5),
    Reference("gru", "the paper in PyTorch", gru_of_the_paper, needs=("torch",)),
    library("gru_reset_after", "torch.nn.GRU", torch_gru(1), "torch"),
    library("gru_reset_after", "keras.layers.GRU", keras_gru(reset_after=True), "torch", "keras"),
    library("gru_reset_after", "ONNX Runtime GRU", onnx_gru(1), "onnx", "onnxruntime", kind="arrays", tolerance=1e-5),
    library("gru_reset_after", "equinox.nn.GRUCell", equinox_gru, "jax", "equinox", kind="jax"),
    library("gru_reset_after", "flax.linen.GRUCell", flax_cell("GRUCell", flax_gru), "jax", "flax", kind="jax"),
    library("gru_update", "haiku.GRU", haiku_gru, "jax", "haiku", kind="jax"),
    library("gru_reset_after_update", "torch.nn.GRU", torch_gru(-1), "torch"),
    theirs("mgu", "MGUCell", torchrecurrent_cell("MGUCell", stacked("f n"))),
    library("mgu_reset_after", "flax.linen.MGUCell", flax_cell("MGUCell", flax_mgu), "jax", "flax", kind="jax"),
    theirs("ugrnn", "UGRNNCell", torchrecurrent_cell("UGRNNCell", stacked("n g"))),
    theirs("mut1", "MUT1Cell", torchrecurrent_cell("MUT1Cell", mut1)),
    theirs("mut2", "MUT2Cell", torchrecurrent_cell("MUT2Cell", stacked("z r n"))),
    theirs("mut3", "MUT3Cell", torchrecurrent_cell("MUT3Cell", stacked("z r n"))),
    theirs("ligru", "LiGRUCell", torchrecurrent_cell("LiGRUCell", stacked("z n"))),
    theirs("tau_gru", "tauGRUCell", tau_gru),
    theirs("miru", "MiRU2Cell", miru),
]
