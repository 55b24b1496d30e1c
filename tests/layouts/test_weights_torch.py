"""Weights packed for PyTorch and torchrecurrent run in their layers, and their own weights in ours."""

import numpy as np
import pytest

import symrnn
from symrnn.layouts import presets

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")

DIMS = {"m": 3, "n": 4}


def rows_of(framework):
    return [pytest.param(row, id=row.cell) for row in presets() if row.framework == framework]


def tensor(array):
    return torch.from_numpy(np.asarray(array, "float64").copy())


def loaded(module, arrays):
    module.load_state_dict({name: torch.as_tensor(array) for name, array in arrays.items()})
    return module


def first(arrays):
    """The arrays with an axis of layers in front."""
    return tuple(tensor(array)[None] for array in arrays.values())


@pytest.mark.parametrize("row", rows_of("pytorch"))
def test_pytorchs_layers(row, runs_in_the_library):
    kind = getattr(torch.nn, row.layer.rpartition(".")[2])
    options = {"proj_size": 2} if row.cell == "projected_lstm" else {}
    if row.cell == "rnn_relu":
        options["nonlinearity"] = "relu"

    def module():
        return kind(3, 4, dtype=torch.float64, **options)

    def run(arrays, x, state):
        # The zoo names h and c in PyTorch's order.
        given = first(state)
        outputs, final = loaded(module(), arrays)(tensor(x), given if len(given) > 1 else given[0])
        final = final if isinstance(final, tuple) else (final,)
        return outputs.detach(), {name: a[0].detach() for name, a in zip(state, final, strict=True)}

    torch.manual_seed(5)
    dims = {**DIMS, "p": 2} if "proj_size" in options else DIMS
    fresh = module().state_dict()
    runs_in_the_library(row, run, lambda: fresh, 1e-12, dims)


@pytest.mark.parametrize("row", rows_of("pytorch_cell"))
def test_pytorchs_cells(row, runs_in_the_library):
    kind = getattr(torch.nn, row.layer.rpartition(".")[2])
    options = {"nonlinearity": "relu"} if row.cell == "rnn_relu" else {}

    def run(arrays, x, state):
        module = loaded(kind(3, 4, dtype=torch.float64, **options), arrays)
        held, outputs = tuple(tensor(a) for a in state.values()), []
        for step in tensor(x):
            got = module(step, held if len(held) > 1 else held[0])
            held = got if isinstance(got, tuple) else (got,)
            outputs.append(held[0])
        return torch.stack(outputs).detach(), dict(zip(state, (a.detach() for a in held), strict=True))

    torch.manual_seed(5)
    fresh = kind(3, 4, dtype=torch.float64, **options).state_dict()
    runs_in_the_library(row, run, lambda: fresh, 1e-12)


# torchrecurrent: arguments that its cells need to be the zoo's, and those that are numbers of the zoo's cell ---------

OPTIONS = {"indrnn": {"nonlinearity": "relu"}, "fastgrnn": {"nonlinearity": "sigmoid"}}
ARGUMENTS = {
    "miru": ("reset_coefficient", "update_coefficient"),
    "antisymmetric_rnn": ("epsilon", "gamma"),
    "gated_antisymmetric_rnn": ("epsilon", "gamma"),
    "cornn": ("dt", "gamma", "epsilon"),
    "unicornn": ("dt", "alpha"),
}


def step_of(cell):
    """One step: (module, x, our states in order) -> (output, our states in order), for cells with odd signatures."""

    def one_state(module, x, held):
        h = module(x, held[0])
        return h, (h,)

    def several(module, x, held):
        h, c = module(x, held)
        return h, (h, c)

    def halved(module, x, held):
        h, c = module(x, (held[0], held[1] / 2))
        return h, (h, 2 * c)

    def twice(module, x, held):
        h, _ = module(x, (held[0], held[0]))
        return h, (h,)

    def delayed(module, x, held):
        h = module(x, *held)
        return h, (h, held[0])

    def with_output(module, x, held):
        return (lambda y, h: (y, (h,)))(*module(x, held[0]))

    def hidden(module, x, held):
        return module(x, held)

    odd = {
        "lstm_1997": halved,
        "janet": twice,
        "tau_gru": delayed,
        "intersection_rnn": with_output,
        "strongly_typed_lstm": hidden,
    }
    return odd.get(cell, several if cell in TWO_STATES else one_state)


TWO_STATES = (
    "peephole_lstm", "multiplicative_lstm", "residual_lstm", "working_memory_lstm", "ran", "cornn", "unicornn", "tgru",
)  # fmt: skip


@pytest.mark.parametrize("row", rows_of("torchrecurrent"))
def test_torchrecurrents_cells(row, runs_in_the_library):
    torchrecurrent = pytest.importorskip("torchrecurrent", reason="torchrecurrent is not installed")
    kind = getattr(torchrecurrent, row.layer.rpartition(".")[2])
    names = ARGUMENTS.get(row.cell, ())
    options = OPTIONS.get(row.cell, {})
    # Where the zoo's cell has more sizes than an input's and a state's, they are equal there.
    m = 4 if row.cell == "intersection_rnn" else 3
    dims = {name: m if name == "m" else 4 for name in symrnn.load(row.cell).dims}

    def run(arrays, x, state):
        arrays = dict(arrays)
        arguments = {name: float(arrays.pop(name)) for name in names}
        # What is float32 by default, such as JANET's beta, becomes float64 too.
        module = loaded(kind(m, 4, **options, **arguments).double(), arrays)
        step, held, outputs = step_of(row.cell), tuple(tensor(a) for a in state.values()), []
        for now in tensor(x):
            output, held = step(module, now, held)
            outputs.append(output)
        return torch.stack(outputs).detach(), dict(zip(state, (a.detach() for a in held), strict=True))

    torch.manual_seed(5)
    module = kind(m, 4, **options).double()
    fresh = {**module.state_dict(), **{name: getattr(module, name) for name in names}}
    runs_in_the_library(row, run, lambda: fresh, 1e-12, dims)
