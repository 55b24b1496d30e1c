"""Who is measured: every implementation of the same training step, prepared on the same arrays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from symrnn.errors import SymrnnError

from .problem import Array, Key, Problem
from .rival import Prepare
from .rival_jax import jax_scan
from .rival_numpy import textbook
from .rival_products import bare_products
from .rival_symrnn import symrnn_in_c
from .rival_torch import torch_eager, torch_layer

TOLERANCES = {"float64": 1e-10, "float32": 1e-3}
"""How far rivals may be apart, of an array's largest entry (or a hundredth of the largest of all)."""


class Disagreement(SymrnnError):
    """An implementation that computes something else must not be measured."""


def rivals() -> Mapping[str, Prepare]:
    """Our other backend and everybody else, in the order of the table."""
    return {
        "symrnn in C": symrnn_in_c,
        "bare products": bare_products,
        "torch.nn": torch_layer,
        "PyTorch eager": torch_eager,
        "jax.jit of scan": jax_scan,
        "textbook NumPy": textbook,
    }


def compare(problem: Problem, mine: Mapping[Key, Array], theirs: Mapping[Key, Array], who: str) -> None:
    """Raise where a rival's outputs or gradients are not ours."""
    overall = max(float(np.abs(value).max()) for value in mine.values())
    for key, expected in mine.items():
        got = theirs[key]
        if got.shape != expected.shape:
            raise Disagreement(f"{who}: {key[1]} has the shape {got.shape}, and symrnn's has {expected.shape}")
        scale = max(float(np.abs(expected).max()), 0.01 * overall)
        apart = float(np.abs(got - expected).max()) / scale
        if not apart <= TOLERANCES[problem.dtype]:
            what = f"gradient by {key[1]}" if key[0] != "outputs" else "outputs"
            raise Disagreement(
                f"{problem.name} at (m, n, N, T) = {problem.sizes}, {problem.dtype}: the {what} of {who} and of symrnn "
                f"differ by {apart:.1e} of the largest entry; up to {TOLERANCES[problem.dtype]:.0e} is rounding. "
                "One of them computes something else, so their times are not compared."
            )
