"""Printed formulas, computed from what is printed, are the gradients: over columns, over rows, in other notations."""

import numpy as np
import pytest
from hypothesis import Phase, assume, example, given, note, settings
from hypothesis import strategies as st
from operations.conformance import texts_of

import symrnn
from symrnn.checking.oracles import complex_step
from symrnn.checking.points import draw_upstreams, find_point
from symrnn.equations.sample import default_dims
from symrnn.render import read_notation
from symrnn.render.document import build_document
from symrnn.render.printers import TextPrinter
from symrnn.testing import cells

SIZES = {"m": 3, "n": 4, "d": 5, "p": 2, "k": 6}
COMPUTABLE = ("delta", "packed_lstm", "layer_norm", "attention", "rows")


def one_step(evaluator, cell, notation):
    """The page's own numbers for one step (T = 1) and the kernel's, by the names of the program."""
    derivation = symrnn.derive(cell)
    document = build_document(derivation, notation=read_notation(notation))
    derivation = document.derivation
    sizes = {name: SIZES.get(name, 7) for name in derivation.cell.dims}
    sample = derivation.cell.sample(T=1, N=1, seed=3, dims=sizes)
    rows = "row" in notation or notation == "cs231n"
    rng = np.random.default_rng(5)
    outputs, final, tape = derivation.numpy(plain=True).forward(sample.params, sample.x, sample.state)
    d_outputs = by_name(outputs, derivation.cell.outputs, lambda array: rng.standard_normal(array.shape))
    d_final = {key: rng.standard_normal(array.shape) for key, array in final.items()}
    grads = derivation.numpy(plain=True).backward(tape, d_outputs, d_final)

    inputs = by_name(sample.x, derivation.cell.inputs, lambda array: array)
    inputs = inputs if isinstance(inputs, dict) else {next(iter(derivation.cell.inputs)): inputs}
    ups = d_outputs if isinstance(d_outputs, dict) else {next(iter(derivation.cell.outputs)): d_outputs}
    xs = grads.x if isinstance(grads.x, dict) else {next(iter(derivation.cell.inputs)): grads.x}
    expected = {f"grad_{key}": shaped(value, rows) for key, value in grads.params.items()}
    expected |= {f"grad_{key}": shaped(value[0, 0], rows) for key, value in xs.items()}
    expected |= {f"grad_{key}_0": shaped(value[0], rows) for key, value in grads.state.items()}
    computed, _ = printed(evaluator, document, rows, sizes, (sample.params, inputs, sample.state), ups, d_final)
    return computed, expected


def shaped(array, rows):
    """A vector as a column or a row, a matrix as it is or transposed."""
    array = np.asarray(array)
    if array.ndim == 1:
        return array.reshape((1, -1) if rows else (-1, 1))
    return array.T if rows and array.ndim == 2 else array


def printed(evaluator, document, rows, sizes, arrays, ups, d_final):
    """The gradients of one step (T = 1, N = 1), computed from the page, by the names of the program; and whether
    a kink was met, of which formulas do not tell."""
    derivation, naming, name = document.derivation, document.naming, TextPrinter().name
    program = derivation.cell.program
    params, inputs, state = arrays
    given = {name(naming(key)): shaped(value, rows) for key, value in params.items()}
    given |= {name(naming(key)): shaped(value[0, 0], rows) for key, value in inputs.items()}
    given |= {name(naming(s.previous)): shaped(state[s.name][0], rows) for s in program.states}
    given |= {
        name(naming(derivation.upstream[key])): shaped(value[0, 0], rows) for key, value in by_output(ups, program)
    }
    given |= {name(naming(derivation.carries[s.name])): shaped(d_final[s.name][0], rows) for s in program.states}
    shapes = {}
    for equation in derivation.equations:
        left = name(naming(equation.name).at("t") if equation.kind == "carry" else naming(equation.name))
        shapes[left] = shaped(np.zeros([size.value(sizes) for size in equation.shape]), rows).shape
    known = {*given, *shapes, *(name(naming(derivation.carries[s.name]).at("1")) for s in program.states)}
    page = evaluator.Page(derivation_text(document), known, sizes, rows)
    # At T = 1 what the first step hands back is what this step hands back.
    first = {name(naming(equation.name)) for equation in derivation.gradients if equation.why == "initial"}
    page.lines = [(left, right.replace(",1}", ",t}") if left in first else right) for left, right in page.lines]
    values = page.compute(given, shapes)
    return {e.name: values[name(naming(e.name))] for e in derivation.gradients}, page.ties


def derivation_text(document):
    from symrnn.render.pages.text import write_text

    return write_text(document)


def by_name(arrays, names, change):
    return {key: change(value) for key, value in arrays.items()} if isinstance(arrays, dict) else change(arrays)


def by_output(ups, program):
    return [(key, ups[key]) for key in dict.fromkeys(program.outputs)]


NOTATIONS = (
    "standard",
    "vectors=row",
    "cs231n",
    "weights=joined",
    "weights=joined,vectors=row",
    "derivative=net,lines=merged",
    "vectors=row,derivative=net,lines=merged,product=circ",
    "pytorch",
)


# Every cell of the zoo in the standard notation and in the one that turns most things, the best known ones in all.
CLASSICS = ("gru", "gru_reset_after", "lstm", "peephole_lstm", "rnn")
PRINTED = [
    (cell, notation)
    for cell in symrnn.zoo
    for notation in NOTATIONS
    if cell in CLASSICS or notation in ("standard", "vectors=row,derivative=net,lines=merged,product=circ")
]


@pytest.mark.parametrize(("cell", "notation"), PRINTED)
def test_the_zoo_as_printed(evaluator, cell, notation):
    computed, expected = one_step(evaluator, cell, notation)
    assert computed
    for key, value in expected.items():
        np.testing.assert_allclose(computed[key], value, rtol=1e-9, atol=1e-12, err_msg=key)


@pytest.mark.parametrize("notation", ["standard", "vectors=row"])
@pytest.mark.parametrize("cell", COMPUTABLE)
def test_odd_cells_as_printed(evaluator, cell, notation, odd_cells):
    computed, expected = one_step(evaluator, odd_cells[cell], notation)
    for key, value in expected.items():
        np.testing.assert_allclose(computed[key], value, rtol=1e-9, atol=1e-12, err_msg=key)


@pytest.mark.parametrize("notation", ["standard", "vectors=row"])
@pytest.mark.parametrize("text", texts_of(40), ids=lambda text: text.splitlines()[6].strip())
def test_every_operation_as_printed(evaluator, text, notation):
    computed, expected = one_step(evaluator, text, notation)
    for key, value in expected.items():
        np.testing.assert_allclose(computed[key], value, rtol=1e-9, atol=1e-12, err_msg=key)


RANDOM_NOTATIONS = (
    "standard",
    "vectors=row",
    "derivative=net,lines=merged",
    "vectors=row,derivative=net,lines=merged,product=circ",
)
MERGED_TWICE = (
    "def f(x: (n,), h: (n,)):\n    a = h + x\n    p = tanh(a)\n    q = sigmoid(p)\n    h = exp(q) * h\n    return h\n"
)


@settings(max_examples=12, phases=[Phase.explicit, Phase.generate])
@given(cells(max_lines=4), st.sampled_from(RANDOM_NOTATIONS))
@example(MERGED_TWICE, "lines=merged")
def test_random_cells_as_printed(evaluator, text, notation):
    """Against complex step through the cell's own text, which knows no derivative and no page."""
    cell = symrnn.cell(text)
    note(text)
    sizes = default_dims(cell, (2, 3, 4))
    point, base, _ = find_point(cell, 1, 1, sizes, 3)
    (upstream,) = draw_upstreams(point, 3)[:1]
    (truth,) = complex_step(point, (upstream,), base)
    rows = "row" in notation
    document = build_document(symrnn.derive(cell), notation=read_notation(notation))
    arrays = (point.params, point.x, point.state)
    computed, ties = printed(evaluator, document, rows, sizes, arrays, upstream.outputs, upstream.final)
    assume(not ties)
    largest = max(np.abs(value).max() for value in truth.values.values())
    for (kind, key), value in truth.values.items():
        array = (
            {"params": value, "x": value[0, 0] if kind == "x" else value, "state": value[0]}[kind]
            if value.ndim
            else value
        )
        own = computed[f"grad_{key}_0" if kind == "state" else f"grad_{key}"]
        np.testing.assert_allclose(own, shaped(array, rows), rtol=1e-8, atol=1e-9 * largest, err_msg=key)


def test_a_transpose_that_is_missing_is_noticed(evaluator):
    given = {"R": np.arange(4.0).reshape(2, 2), "δ": np.array([[1.0], [2.0]])}

    def read(formula):
        page = evaluator.Page(f"Forward,\n  (1)  y = {formula}\n", {"R", "δ", "y"}, SIZES, rows=False)
        return page.compute(given, {"y": (2, 1)})["y"]

    assert read("R δ").tolist() == [[2.0], [8.0]]
    assert read("Rᵀ δ").tolist() == [[4.0], [7.0]]
    with pytest.raises(ValueError, match="matmul"):
        read("δ R")
