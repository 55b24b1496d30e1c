"""The local Jacobian in closed form is the derivative of one step, by differences."""

import numpy as np
import pytest
from operations.conformance import CASES, step_text

import symrnn
from symrnn.equations.sample import default_dims
from symrnn.operations.table import OPERATIONS
from symrnn.render.display import build_display
from symrnn.render.document import build_document
from symrnn.render.jacobian import jacobian_tree, local_jacobians
from symrnn.render.printers import TextPrinter

SIZES = (3, 4)
INDRNN = "def indrnn(x, h):\n    h = tanh(W @ x + u * h + b)\n    return h\n"
TWO_WAYS = "def two(x, h, c):\n    h = 0.5 * h - R.T @ (c * h)\n    c = c + W @ [x, h]\n    return h, c\n"
STACKED = "def stacked(x, h):\n    a = R @ h\n    h = [a, x]\n    return h\n"
NESTED = "def nested(x, h):\n    h = tanh(W @ [x, [b, h]])\n    return h\n"
CUMULATIVE = "def total(x, h):\n    h = h + W @ x\n    return h\n"


# Cells whose Jacobians have a closed form, so that the page shows it.
CLOSED = (
    "rnn",
    "indrnn",
    "lstm",
    "peephole_lstm",
    "gru",
    "gru_reset_after",
    "mgu",
    "janet",
    "minlstm",
    "lru",
    "sru",
    NESTED,
)


# A difference does not know what is held constant.
STEPS = {step_text(case): name for name, case, shape in CASES if shape == "n" and name != "stop_gradient"}


@pytest.mark.parametrize("cell", [*symrnn.zoo, INDRNN, TWO_WAYS, CUMULATIVE, STACKED, NESTED, *STEPS])
def test_closed_form_is_the_derivative(cell, evaluator):
    derivation = symrnn.derive(cell)
    display = build_display(derivation)
    name = TextPrinter()
    program = derivation.cell.program
    sizes = default_dims(derivation.cell, SIZES)
    sample = derivation.cell.sample(T=1, N=1, seed=2, dims=sizes)
    inputs = sample.x if isinstance(sample.x, dict) else dict.fromkeys(derivation.cell.inputs, sample.x)
    given = {name.name(display.naming(key)): column(value) for key, value in sample.params.items()}
    given |= {name.name(display.naming(key)): column(value[0, 0]) for key, value in inputs.items()}
    given |= {name.name(display.naming(s.previous)): column(sample.state[s.name][0]) for s in program.states}
    shapes = {name.name(display.naming(e.name)): whole_shape(e.shape, sizes) for e in derivation.forward}
    page = evaluator.Page(build_text(derivation), {*given, *shapes, "I"}, sizes, rows=False)
    page.lines = page.lines[: len(derivation.forward)]
    values = page.compute(given, shapes)
    kernel = derivation.numpy(plain=True)
    found = local_jacobians(derivation)
    assert len(found) == len(program.states) ** 2
    for jacobian in found:
        if jacobian.paths is None:
            assert cell not in CLOSED
            assert not OPERATIONS[STEPS.get(cell, "softmax")].elementwise
            continue
        left, right = jacobian_tree(jacobian, display)
        assert name.flat(left).startswith("∂")
        new = next(s.name for s in program.states if s.new == jacobian.state)
        old = next(s.name for s in program.states if s.previous == jacobian.previous)
        rows, columns = sample.state[new][0].size, sample.state[old][0].size
        values["I"] = np.eye(columns)
        closed = evaluator.Reader(page, values, name.flat(right), (rows, columns)).whole()
        differences = np.empty((rows, columns))
        for k in range(columns):
            ends = []
            for step in (1e-5, -1e-5):
                state = {key: value.copy() for key, value in sample.state.items()}
                state[old].reshape(-1)[k] += step
                ends.append(kernel.forward(sample.params, sample.x, state)[1][new].ravel())
            differences[:, k] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(np.broadcast_to(closed, differences.shape), differences, rtol=1e-6, atol=1e-8)


def test_what_is_held_constant_has_no_slope(evaluator):
    derivation = symrnn.derive(step_text("stop_gradient(h)"))
    (jacobian,) = local_jacobians(derivation)
    assert TextPrinter().flat(jacobian_tree(jacobian, build_display(derivation))[1]) == "0"


def whole_shape(shape, sizes):
    """The shape of a scalar, of a vector as a column, of a matrix."""
    values = tuple(size.value(sizes) for size in shape)
    return (*values, 1) if len(values) == 1 else values


def column(array):
    return np.reshape(array, (-1, 1)) if np.ndim(array) == 1 else np.asarray(array)


def build_text(derivation):
    from symrnn.render.pages.text import write_text

    return write_text(build_document(derivation))


def test_what_it_says():
    page = " ".join(symrnn.derive("lstm").markdown().split())
    assert r"From $c_{t-1}$ to $c_{t}$ the paths $\operatorname{diag}(f)$ meet no weight matrix" in page
    assert "Paths through a weight matrix: 7." in page
    assert "one path is the identity" in symrnn.derive(CUMULATIVE).markdown()


def test_a_read_out_does_not_stand_in_the_way():
    text = "def f(x, h):\n    h = tanh(W @ x + R @ h)\n    y = softmax(U @ h)\n    return y, (h,)\n"
    (jacobian,) = local_jacobians(symrnn.derive(text))
    assert jacobian.paths is not None
    assert len(jacobian.paths) == 1


def test_matrix_states_have_no_closed_form(odd_cells):
    derivation = symrnn.derive(odd_cells["attention"])
    assert all(jacobian.paths is None for jacobian in local_jacobians(derivation))
    assert "no product of diagonal and weight matrices" in derivation.markdown()
