"""The independent programs are right by differences of their own losses, and every planted bug changes a gradient."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
from verifying.handwritten.bug import KINDS
from verifying.independent import BUGS, PROGRAMS, SEVERAL, build

_STEP = 2e-3


def _run(name, bugs=(), moved=None):
    program = PROGRAMS[name]
    arrays = {**program.draw(), **(moved or {})}
    return program.run(build(name, bugs), arrays, program.T)


@cache
def _truth(name):
    """Five-point differences of the program's own loss, entry by entry."""
    program, module = PROGRAMS[name], build(name)
    arrays = program.draw()

    def loss(key, at, shift):
        moved = arrays[key].copy()
        moved[at] += shift
        return program.run(module, {**arrays, key: moved}, program.T)[0]

    gradients = {}
    for key in program.run(module, program.draw(), program.T)[1]:
        if key.startswith("_"):
            continue
        gradients[key] = np.empty(arrays[key].shape)
        for at in np.ndindex(arrays[key].shape):
            far, near = (loss(key, at, k * _STEP) - loss(key, at, -k * _STEP) for k in (2, 1))
            gradients[key][at] = (8 * near - far) / (12 * _STEP)
    return gradients


def _distance(name, computed):
    """The largest error beside differences, also of what is returned beside an update."""
    truth, worst = _truth(name), 0.0
    returned = {key[1:]: value for key, value in computed.get("_returned", {}).items()}
    for source in (computed, returned):
        for key, expected in truth.items():
            if key in source:
                assert np.shape(source[key]) == expected.shape, key
                worst = max(worst, float(np.max(np.abs(source[key] - expected))))
    return worst


@pytest.mark.parametrize("name", PROGRAMS)
def test_right_programs_are_right(name):
    if "torch" in name:
        pytest.importorskip("torch")
    loss, computed = _run(name)
    assert np.isfinite(loss)
    assert _distance(name, computed) < 1e-8


@pytest.mark.parametrize("bugs", [*((bug,) for bug in BUGS.values()), *SEVERAL], ids=lambda bugs: "+".join(b.id for b in bugs))
def test_planted_bugs_change_a_gradient(bugs):
    name = bugs[0].implementation
    if "torch" in name:
        pytest.importorskip("torch")
    assert all(bug.kind in KINDS and 1 <= bug.pattern <= 15 for bug in bugs)
    assert _distance(name, _run(name, bugs)[1]) > 1e-6
