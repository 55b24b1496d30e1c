"""Derived gradients against backward passes that people published or derived by hand, in numbers and as printed."""

import functools
import importlib.util
import inspect
import pathlib
import re
import sys

import numpy as np
import pytest

import symrnn
from symrnn.equations.sample import default_dims

_HERE = pathlib.Path(__file__).parent / "published"
_spec = importlib.util.spec_from_file_location("symrnn_published", _HERE / "__init__.py")
published = importlib.util.module_from_spec(_spec)
sys.modules["symrnn_published"] = published
_spec.loader.exec_module(published)

TOLERANCE = 1e-12
ROWS = {str(row): row for row in published.PUBLISHED}


@functools.cache
def derivation_of(cell):
    derived = symrnn.derive(cell)
    return derived, derived.numpy()


def arguments(row, seed):
    """Parameters, inputs, states and gradients from outside, drawn for a row of the table."""
    derived, kernel = derivation_of(row.cell)
    cell = derived.cell
    sample = cell.sample(T=4, N=2, seed=seed, dims=default_dims(cell, (3, 5, 4)))
    drawn = dict(sample.params), sample.x, dict(sample.state)
    params, x, state = row.given(*drawn) if row.given else drawn
    generator = np.random.default_rng(seed + 1)
    outputs, final, _ = kernel.forward(params, x, state)
    d_outputs = generator.standard_normal(outputs.shape)
    d_final = {name: generator.standard_normal(array.shape) for name, array in final.items()}
    if row.final is not None:
        d_final = {name: array * (name in row.final) for name, array in d_final.items()}
    return params, x, state, d_outputs, d_final


def named(d_params, d_x, d_state):
    inputs = d_x if isinstance(d_x, dict) else {"x": d_x}
    groups = {"parameter": d_params, "input": inputs, "state": d_state}
    return {f"{kind} {name}": np.asarray(array) for kind, group in groups.items() for name, array in group.items()}


def differing(row, backward, seed):
    """The gradients in which a transcription and the derived kernel differ, with the relative difference."""
    params, x, state, d_outputs, d_final = arguments(row, seed)
    _, kernel = derivation_of(row.cell)
    gradients = kernel.backward(kernel.forward(params, x, state)[2], d_outputs, d_final)
    ours = named(gradients.params, gradients.x, gradients.state)
    theirs = named(*backward(params, x, state, d_outputs, d_final, **row.options))
    assert ours.keys() == theirs.keys()
    found = {}
    for name, array in ours.items():
        assert array.shape == theirs[name].shape, name
        assert np.isfinite(array).all(), name
        size, difference = np.abs(theirs[name]).max(), np.abs(array - theirs[name]).max()
        assert array.any() or name == "parameter period", name  # zeros would agree with much; a clock has no gradient
        if not difference <= TOLERANCE * size:
            found[name] = difference / size if size else np.inf
    return found


@pytest.mark.parametrize("row", published.PUBLISHED, ids=str)
def test_the_derived_gradients_are_the_published_ones(row):
    for seed in (0, 1):
        assert differing(row, row.backward, seed) == {}


def test_every_row_has_a_name_of_its_own():
    assert len(ROWS) == len(published.PUBLISHED)


def made_wrong(backward, right, wrong):
    """The function with one place of its text changed."""
    text = inspect.getsource(backward)
    assert text.count(right) == 1
    namespace = dict(backward.__globals__)
    exec(compile(text.replace(right, wrong), backward.__name__, "exec"), namespace)
    return namespace[backward.__name__]


@pytest.mark.parametrize(
    ("name", "what", "right", "wrong"),
    published.MISTAKES,
    ids=[f"{row}, {what}" for row, what, *_ in published.MISTAKES],
)
def test_a_mistake_would_be_seen(name, what, right, wrong):
    """The comparison can fail, in every transcription and for what people get wrong."""
    row = ROWS[name]
    found = differing(row, made_wrong(row.backward, right, wrong), 0)
    assert max(found.values(), default=0.0) > 1e-3, what


def test_every_transcription_is_made_wrong_once():
    assert {ROWS[name].backward for name, *_ in published.MISTAKES} == {row.backward for row in published.PUBLISHED}


def test_sums_as_the_paper_prints_them_leave_out_the_first_step():
    """Greff et al. count h_0 and c_0 as zero: where they are not, R, p_i and p_f lack a term, and nothing else does."""
    row = ROWS["1, V: peephole_lstm"]
    found = differing(row, functools.partial(row.backward, first=1), 0)
    assert found.keys() == {f"parameter {name}" for name in ("R_i", "R_f", "R_g", "R_o", "p_i", "p_f")}
    assert min(found.values()) > 1e-3


def printed_lines(cell):
    """The equations of a derivation as text, without their numbers and the spaces that align them."""
    derived, _ = derivation_of(cell)
    lines = (re.sub(r"^\s*\(\d+\)\s*", "", line) for line in derived.text().splitlines())
    return [" ".join(line.split()) for line in lines]


@pytest.mark.parametrize("cell", published.PRINTED)
def test_the_printed_equations_are_the_published_ones(cell):
    lines = printed_lines(cell)
    for formula, expected in published.PRINTED[cell].items():
        for line in expected:
            assert lines.count(line) == 1, (formula, line)
