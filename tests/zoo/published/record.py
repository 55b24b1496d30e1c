"""What a published backward pass is: gradients written down by a person, for a cell by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
Given = Callable[[Arrays, Any, Arrays], tuple[Arrays, Any, Arrays]]


@dataclass(frozen=True)
class Published:
    """`backward(params, x, state, d_outputs, d_final, **options)` returns the gradients of params, x and state.

    Arrays are shaped as in the kernel, x and d_outputs (T, N, …), states (N, …). `section` is where the formulas
    stand on the page of hand-derived backward passes; `cell` is a name of the zoo, or the text of a cell that the zoo
    lacks. `given` prepares the drawn sample where the formulas ask for a smaller domain. `final` names the final states
    that get a gradient from outside, where the formulas do not hold for all of them.
    """

    section: str
    cell: str
    backward: Callable[..., tuple[Arrays, Any, Arrays]]
    options: Mapping[str, Any] = field(default_factory=dict)
    given: Given | None = None
    final: tuple[str, ...] | None = None

    def __str__(self) -> str:
        name = self.cell.split("(")[0].removeprefix("def ") if "\n" in self.cell else self.cell
        return f"{self.section}: {name}"


# The pages write columns, W x and da x'; the batch is rows, so W x is x @ W.T, W' da is da @ W, Σ da x' is da.T @ x.


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def softplus(a: np.ndarray) -> np.ndarray:
    return np.logaddexp(0.0, a)


def zeros_like(arrays: Mapping[str, np.ndarray]) -> Arrays:
    return {name: np.zeros_like(array) for name, array in arrays.items()}


def with_final(d_outputs: np.ndarray, d_final: np.ndarray) -> np.ndarray:
    """G of the pages where the output is the state h: the gradient of the final state is one more from outside."""
    G = d_outputs.copy()
    G[-1] += d_final
    return G
