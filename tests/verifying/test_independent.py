"""The independent programs are right by differences of their own losses, and every planted bug changes a gradient."""

from functools import cache

import numpy as np
import pytest
from verifying.handwritten.bug import KINDS
from verifying.independent import BUGS, PROGRAMS, SEVERAL, build

_STEP = 2e-4
_SHIFTS = (-2, -1, 1, 2)


def _run(name, bugs=(), moved=None):
    program = PROGRAMS[name]
    arrays = {**program.draw(), **(moved or {})}
    return program.run(build(name, bugs), arrays, program.T)


@cache
def _truth(name):
    """Five-point differences of the program's own loss along random directions: array by array, direction and slope."""
    program, module = PROGRAMS[name], build(name)
    arrays, generator = program.draw(), np.random.default_rng(11)
    slopes = {}
    for key in program.run(module, program.draw(), program.T)[1]:
        if key.startswith("_"):
            continue
        slopes[key] = []
        for _ in range(3):
            v = generator.standard_normal(arrays[key].shape)
            losses = {
                k: program.run(module, {**arrays, key: arrays[key] + k * _STEP * v}, program.T)[0] for k in _SHIFTS
            }
            slopes[key].append((v, (8 * (losses[1] - losses[-1]) - (losses[2] - losses[-2])) / (12 * _STEP)))
    return slopes


def _distance(name, computed):
    """The largest error beside differences, also of what is returned beside an update."""
    worst = 0.0
    returned = {key[1:]: value for key, value in computed.get("_returned", {}).items()}
    for source in (computed, returned):
        for key, slopes in _truth(name).items():
            if key not in source:
                continue
            for v, slope in slopes:
                assert np.shape(source[key]) == v.shape, key
                worst = max(worst, abs(float(np.sum(source[key] * v)) - slope))
    return worst


@pytest.mark.parametrize("name", PROGRAMS)
def test_right_programs_are_right(name):
    if "torch" in name:
        pytest.importorskip("torch")
    loss, computed = _run(name)
    assert np.isfinite(loss)
    assert _distance(name, computed) < 1e-8


@pytest.mark.parametrize(
    "bugs", [*((bug,) for bug in BUGS.values()), *SEVERAL], ids=lambda bugs: "+".join(b.id for b in bugs)
)
def test_planted_bugs_change_a_gradient(bugs):
    name = bugs[0].implementation
    if "torch" in name:
        pytest.importorskip("torch")
    assert all(bug.kind in KINDS and 1 <= bug.pattern <= 15 for bug in bugs)
    assert _distance(name, _run(name, bugs)[1]) > 1e-6
