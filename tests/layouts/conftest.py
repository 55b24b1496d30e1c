"""What the tests of weights share: packed weights run in a library's own layer, and a layer's own weights in ours."""

import os
from functools import cache

import numpy as np
import pytest

import symrnn

os.environ.setdefault("KERAS_BACKEND", "torch")  # read when Keras is first imported

T, N = 4, 3


@cache
def kernel_of(name):
    return symrnn.derive(name).numpy()


def forward(cell, params, x, state):
    """Outputs and final states of a cell's own kernel, in float64."""
    params = {name: np.asarray(array, "float64") for name, array in params.items()}
    outputs, final, _ = kernel_of(cell.name).forward(params, x, state)
    return outputs, final


def compare(ours, theirs, tolerance):
    for what, one, two in [
        ("outputs", ours[0], theirs[0]),
        *((name, ours[1][name], a) for name, a in theirs[1].items()),
    ]:
        two = np.asarray(two)
        assert one.shape == two.shape, what
        assert np.abs(one - two).max() <= tolerance, what


@pytest.fixture
def runs_in_the_library():
    """Both ways for one row: `run(arrays, x, state)` runs the library's layer and gives its outputs and final states,
    `fresh()` gives the arrays of a layer as the library starts it."""

    def check(row, run, fresh, tolerance, dims=None):
        cell = symrnn.load(row.cell)
        sample = cell.sample(T=T, N=N, seed=7, dims=dims or {"m": 3, "n": 4})
        params = {name: array * 0 if name in row.absent else array for name, array in sample.params.items()}
        packed = cell.pack(params, row.framework)
        theirs = run(packed, sample.x, sample.state)
        assert np.abs(np.asarray(theirs[0])).max() > 0.1, "the library's layer is almost silent"
        compare(forward(cell, params, sample.x, sample.state), theirs, tolerance)
        own = fresh()
        read = cell.unpack(own, row.framework)
        compare(forward(cell, read, sample.x, sample.state), run(own, sample.x, sample.state), tolerance)

    return check
