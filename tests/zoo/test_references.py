"""Every cell of the zoo against implementations that share no code with it: values and gradients."""

import importlib
import importlib.util
import os
import pathlib
import sys

import numpy as np
import pytest

import symrnn
from symrnn.catalogue import references_of
from symrnn.equations.sample import default_dims

pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")
os.environ.setdefault("KERAS_BACKEND", "torch")  # read when Keras is first imported

_HERE = pathlib.Path(__file__).parent / "references"
_spec = importlib.util.spec_from_file_location("symrnn_references", _HERE / "__init__.py")
references = importlib.util.module_from_spec(_spec)
sys.modules["symrnn_references"] = references
_spec.loader.exec_module(references)


def compared(reference, seed):
    """Triples (what, ours, theirs) of all values, and of all gradients where the reference has them."""
    cell = symrnn.load(reference.cell)
    dims = {**default_dims(cell, (4, 3)), **reference.dims}
    sample = cell.sample(T=reference.T, N=reference.N, seed=seed, dims=dims)
    params, x, state = dict(sample.params), sample.x, dict(sample.state)
    if reference.given is not None:
        params, x, state = reference.given(params, x, state)
    kernel = symrnn.derive(cell).numpy()
    outputs, final, tape = kernel.forward(params, x, state)
    generator = np.random.default_rng(seed + 1)
    named = outputs if isinstance(outputs, dict) else {next(iter(cell.outputs)): outputs}
    d_outputs = {name: generator.standard_normal(array.shape) for name, array in named.items()}
    d_final = {name: generator.standard_normal(array.shape) for name, array in final.items()}
    grads = kernel.backward(tape, d_outputs if isinstance(outputs, dict) else next(iter(d_outputs.values())), d_final)
    theirs = references.answer_of(reference, params, x, state, (d_outputs, d_final))
    triples = [(f"output {name}", named[name], theirs.outputs[name]) for name in named]
    triples += [(f"final {name}", final[name], theirs.final[name]) for name in final]
    d_x = grads.x if isinstance(grads.x, dict) else {"x": grads.x}
    ours = {"params": grads.params, "x": d_x, "state": grads.state}
    triples += [(f"∂L/∂{name}", ours[kind][name], gradient) for (kind, name), gradient in theirs.gradients.items()]
    return triples


@pytest.mark.parametrize("reference", references.REFERENCES, ids=str)
def test_values_and_gradients_agree(reference):
    if reference.lacking:
        pytest.skip(f"{reference.lacking} is not installed (extra: references)")
    for seed in (0, 1):
        for what, ours, theirs in compared(reference, seed):
            assert ours.shape == theirs.shape, what
            assert np.isfinite(ours).all(), what
            difference = np.abs(ours - theirs).max(initial=0.0)
            assert difference <= reference.tolerance * max(1.0, np.abs(theirs).max(initial=0.0)), what


@pytest.mark.parametrize("name", list(symrnn.zoo))
def test_a_page_names_the_references_that_are_run(name):
    run = [reference.whose for reference in references.REFERENCES if reference.cell == name]
    assert run
    assert sorted(references_of(symrnn.zoo[name].doc)) == sorted(run)


def test_many_cells_are_compared_with_a_third_party():
    """The zoo is not judged by transcriptions alone."""
    theirs = {reference.cell for reference in references.REFERENCES if reference.third_party}
    assert len(theirs) >= 30
    with_gradients = {
        r.cell for r in references.REFERENCES if r.third_party and r.kind != "arrays" and r.tolerance <= 1e-12
    }
    assert len(with_gradients) >= 30


def test_a_wrong_reference_would_be_seen():
    """The comparison can fail, in values and in each kind of gradient."""
    (right,) = (r for r in references.REFERENCES if r.whose == "torch.nn.RNN" and r.cell == "rnn")
    for scale in ("W", "R", "b"):
        wrong = references.Reference(
            "rnn", "wrong", lambda p, x, s, scale=scale: right.run({**p, scale: 1.001 * p[scale]}, x, s)
        )
        assert any(np.abs(ours - theirs).max() > 1e-6 for _, ours, theirs in compared(wrong, 0))
