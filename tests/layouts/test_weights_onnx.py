"""Weights packed for ONNX run in ONNX Runtime, and any arrays of ONNX' shapes in ours."""

import numpy as np
import pytest

import symrnn
from symrnn.layouts import Layout, presets

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

ROWS = [row for row in presets() if row.framework == "onnx"]


def attributes(cell):
    if cell in ("coupled_lstm", "lstm_cifg"):
        return {"input_forget": 1}
    if cell.startswith("gru"):
        return {"linear_before_reset": int("reset_after" in cell)}
    return {"activations": [cell.removeprefix("rnn_").capitalize()]} if cell.startswith("rnn_") else {}


def session(row, arrays, x, state):
    """A model of one node, run in float32."""
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    given = {"X": x, **arrays, **{f"initial_{name}": array[None] for name, array in state.items()}}
    # The places of a node's inputs have a meaning; those that are left out have an empty name.
    places = ["X", "W", "R", "B", "", *(f"initial_{name}" for name in state), *(["P"] if "P" in arrays else [])]
    finals = [f"Y_{name}" for name in state]
    node = helper.make_node(row.layer, places, ["Y", *finals], hidden_size=4, **attributes(row.cell))
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info(name, real, array.shape) for name, array in given.items()],
        [
            helper.make_tensor_value_info("Y", real, (len(x), 1, *next(iter(state.values())).shape)),
            *(helper.make_tensor_value_info(f"Y_{name}", real, (1, *array.shape)) for name, array in state.items()),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    run = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    outputs, *final = run.run(None, {name: np.asarray(array, "float32") for name, array in given.items()})
    return outputs[:, 0], {name: array[0] for name, array in zip(state, final, strict=True)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.cell)
def test_onnx_nodes(row, runs_in_the_library):
    def random_arrays():
        """Arrays of ONNX' shapes with numbers everywhere, in the blocks that nobody reads too."""
        held = Layout.preset("onnx", row.cell).bind(symrnn.load(row.cell)).held
        generator = np.random.default_rng(3)
        sizes = {"m": 3, "n": 4}
        return {
            name: generator.standard_normal([size.value(sizes) for size in shape]).astype("float32") / 2
            for name, shape in held.items()
        }

    runs_in_the_library(row, lambda arrays, x, state: session(row, arrays, x, state), random_arrays, 1e-5)
