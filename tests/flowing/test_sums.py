"""Of every cell of the zoo: the paths add up to what is handed back, the contributions to the gradient."""

import numpy as np
import pytest

import symrnn
from symrnn.derivation import derive
from symrnn.equations.sample import default_dims
from symrnn.sizes import shape_at

T, N = 4, 2
CELLS = [name for name, cell in symrnn.zoo.items() if cell.states]


@pytest.mark.parametrize("name", CELLS)
def test_paths_and_contributions_add_up(name: str) -> None:
    cell = symrnn.zoo[name]
    dims = default_dims(cell, (2, 3, 2, 2, 2))
    sample = cell.sample(T, N, 1, dims)
    found = symrnn.flow(cell, T=T, N=N, dims=dims, seed=1)[0]
    u = np.random.default_rng((1, 1)).standard_normal(shape_at(cell.outputs[cell.program.outputs[0]], found.dims))
    u = u / np.linalg.norm(u)
    # The emitted program: another way from the equations to numbers.
    kernel = derive(cell).numpy(plain=True)
    with np.errstate(all="ignore"):
        outputs, _, tape = kernel.forward(sample.params, sample.x, sample.state)
        above = np.zeros_like(outputs)
        above[-1] = u
        gradients = kernel.backward(tape, above)
    for param, parts in found.contributions.items():
        scale = np.abs(parts).sum(axis=0) + 1e-300
        assert np.all(np.abs(parts.sum(axis=0) - gradients.params[param] / N) <= 1e-12 * scale.max()), param
    for state, paths in found.shares.items():
        if not paths:
            continue
        first = sum(path.vectors[0] for path in paths)
        handed = gradients.state[state][0]
        scale = sum(np.abs(path.vectors[0]).max() for path in paths) + np.abs(handed).max() + 1e-300
        assert np.abs(first - handed).max() <= 1e-12 * scale, state
        summed = sum(path.shares for path in paths)
        sizes = sum(np.abs(path.shares) for path in paths)
        comes = np.isfinite(summed)
        assert np.all(np.abs(summed - 1)[comes] <= 1e-11 * sizes[comes]), state
    joint = sum(path.of_all for paths in found.shares.values() for path in paths)
    sizes = sum(np.abs(path.of_all) for paths in found.shares.values() for path in paths)
    comes = np.isfinite(joint)
    assert np.all(np.abs(joint - 1)[comes] <= 1e-11 * sizes[comes])
