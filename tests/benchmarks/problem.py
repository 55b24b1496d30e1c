"""What is measured: one training step of a cell at given sizes, the same arrays for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrnn import cell as read_cell
from symrnn import derive, load
from symrnn.derivation import Derivation
from symrnn.equations import Cell
from symrnn.errors import InputError

Array = np.ndarray[Any, Any]
Key = tuple[str, str]
"""("params", "W_i"), ("x", "x"), ("state", "h"): an array of a gradient; ("outputs", "y"): the forward pass."""

Sizes = tuple[int, int, int, int]
"""(m, n, N, T)."""

SIZES: tuple[Sizes, ...] = ((8, 8, 4, 5), (64, 128, 16, 20), (128, 256, 32, 50), (256, 512, 64, 50))

CUSTOM = {
    "mgu": """
def mgu(x, h):
    f = sigmoid(W_f @ x + R_f @ h + b_f)
    n = tanh(W_n @ x + R_n @ (f * h) + b_n)
    h = (1 - f) * h + f * n
    return h
""",
}
"""Cells that are not in the zoo: no framework has a kernel for them."""

# How the rivals' authors lay their parameters out: matrices of several gates one below the other.
PACKING: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "lstm": {
        "W": ("W_i", "W_f", "W_g", "W_o"),
        "R": ("R_i", "R_f", "R_g", "R_o"),
        "b": ("b_i", "b_f", "b_g", "b_o"),
    },
    "peephole_lstm": {
        "W": ("W_i", "W_f", "W_g", "W_o"),
        "R": ("R_i", "R_f", "R_g", "R_o"),
        "b": ("b_i", "b_f", "b_g", "b_o"),
        "p_i": ("p_i",),
        "p_f": ("p_f",),
        "p_o": ("p_o",),
    },
    "gru": {"W": ("W_r", "W_z", "W_n"), "R": ("R_r", "R_z"), "R_n": ("R_n",), "b": ("b_r", "b_z", "b_n")},
    "gru_reset_after": {
        "W": ("W_r", "W_z", "W_n"),
        "R": ("R_r", "R_z", "R_n"),
        "b": ("b_r", "b_z", "b_Wn"),
        "b_n": ("b_Rn",),
    },
    "mgu": {"W": ("W_f", "W_n"), "R_f": ("R_f",), "R_n": ("R_n",), "b": ("b_f", "b_n")},
}


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """A cell's training step: parameters, input and initial state, and the gradient that enters from above."""

    name: str
    derivation: Derivation
    sizes: Sizes
    dtype: str
    params: Mapping[str, Array]
    x: Array
    state: Mapping[str, Array]
    d_outputs: Array
    d_final: Mapping[str, Array]

    @property
    def packing(self) -> Mapping[str, tuple[str, ...]]:
        """How rivals lay the parameters out; empty where no rival was written by hand."""
        return PACKING.get(self.name, {})

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(self.derivation.cell.states)

    @property
    def dims(self) -> dict[str, int]:
        return dict(zip(("m", "n"), self.sizes[:2], strict=True))

    def packed(self) -> dict[str, Array]:
        """The parameters in the rivals' layout."""
        return {key: np.concatenate([self.params[name] for name in names]) for key, names in self.packing.items()}

    def unpacked(self, params: Mapping[str, Any], x: Any, state: Mapping[str, Any], outputs: Any) -> dict[Key, Array]:
        """A rival's outputs and gradients under the canonical names."""
        found: dict[Key, Array] = {("outputs", "y"): np.asarray(outputs), ("x", "x"): np.asarray(x)}
        for key, names in self.packing.items():
            pieces = np.split(np.asarray(params[key]), len(names))
            found |= {("params", name): piece for name, piece in zip(names, pieces, strict=True)}
        return found | {("state", name): np.asarray(state[name]) for name in self.states}


def pose(name: str, sizes: Sizes, dtype: str, seed: int = 0) -> Problem:
    """The training step of a cell by its name."""
    cell = find_cell(name)
    if len(cell.inputs) != 1 or len(cell.outputs) != 1 or set(cell.dims) != {"m", "n"}:
        raise InputError(f"{cell.name} cannot be measured: one input, one output and the dimensions m and n are needed")
    m, n, N, T = sizes
    dims = {"m": m, "n": n}
    sample = cell.sample(T=T, N=N, seed=seed, dims=dims, dtype=dtype)
    generator = np.random.default_rng(seed + 1)
    (shape,) = cell.outputs.values()
    d_outputs = generator.standard_normal((T, N, *(size.value(dims) for size in shape))).astype(dtype)
    d_final = {key: generator.standard_normal(value.shape).astype(dtype) for key, value in sample.state.items()}
    x = sample.x if isinstance(sample.x, np.ndarray) else next(iter(sample.x.values()))
    return Problem(name, derive(cell), sizes, dtype, sample.params, x, sample.state, d_outputs, d_final)


def find_cell(name: str) -> Cell:
    """One of ours, of the zoo, or from a file."""
    return read_cell(CUSTOM[name]) if name in CUSTOM else load(name)
