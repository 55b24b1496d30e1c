"""By which way the gradient goes back: the share of each term of κ, and what each step contributes to ∂L/∂W."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .closed import Writing
from .passes import Passes, contributions

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """One summand of what a step hands back to a state: the term as text, the rule of differentiation that it came by,
    the forward equation that it goes through; its vectors (T, n), its shares ⟨path, κ⟩ / ‖κ‖² at t = 1 … T, and the
    same of all states' κ together, which says by which way the gradient goes back on the whole."""

    term: str
    rule: str
    path: tuple[str, ...]
    through: int | None
    vectors: Array
    shares: Array
    of_all: Array


def path_shares(passes: Passes, writing: Writing) -> dict[str, tuple[Path, ...]]:
    """The paths of each state's κ along the first sequence. Their vectors add up to κ and their shares to 1, by the
    equation's own terms."""
    derivation, first = passes.derivation, passes.of_first()
    evaluate = first.evaluator(first.values)
    found: dict[str, tuple[Path, ...]] = {}
    everything = np.concatenate(
        [passes.handed[carry][:, 0].reshape(passes.T, -1) for carry in derivation.carries.values()], axis=1
    )
    for state, carry in derivation.carries.items():
        equation = next(e for e in derivation.adjoints if e.name == carry)
        shape = passes.handed[carry].shape[2:]
        whole = passes.handed[carry][:, 0].reshape(passes.T, -1)
        paths: list[Path] = []
        for place, term in enumerate(equation.terms):
            value = np.broadcast_to(evaluate.spread(term.expr, equation.shape)[:, 0], (passes.T, *shape))
            flat = value.reshape(passes.T, -1)
            shares = _shares(flat, whole, whole), _shares(flat, whole, everything)
            paths.append(Path(writing.term(equation, place), term.rule, term.path, term.through, value, *shares))
        found[state] = tuple(paths)
    return found


def _shares(part: Array, along: Array, whole: Array) -> Array:
    """⟨part, along⟩ / ‖whole‖², row by row; NaN where there is nothing to share."""
    scale = np.abs(whole).max(axis=1, initial=0.0, keepdims=True)  # so that no square of a small number is lost
    return ((part / scale) * (along / scale)).sum(axis=1) / ((whole / scale) ** 2).sum(axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Truncation:
    """The gradient of truncated backpropagation beside the full one, over all parameters: for windows of k steps, the
    cosine of the angle between the two and the ratio of their norms."""

    k: Array
    cosine: Array
    ratio: Array


@dataclass(frozen=True, slots=True)
class Clipping:
    """Clipping by norm: the threshold, the gradient's norm, and the shortest window whose gradient exceeds it."""

    threshold: float
    norm: float
    since: int | None

    @property
    def factor(self) -> float:
        """What the gradient is multiplied by."""
        return min(1.0, self.threshold / self.norm) if self.norm > 0 else 1.0


def truncate(
    passes: Passes, parts: Mapping[str, Array], threshold: float, everywhere: bool
) -> tuple[Truncation, Clipping]:
    """Bias of truncation, and where clipping acts. Where the loss is at the end, a window of k steps is the sum of the
    last k contributions; where there is one at every step, each window is run."""
    full = _flat({name: array.sum(axis=0) for name, array in parts.items()})
    if everywhere:
        k = _windows(passes.T)
        gradients = [_windowed(passes, int(length)) for length in k[:-1]] + [full]
        dots = np.array([gradient @ full for gradient in gradients])
        norms = np.array([np.linalg.norm(gradient) for gradient in gradients])
    else:
        k = np.arange(1, passes.T + 1)
        dots, norms = np.zeros(passes.T), np.zeros(passes.T)
        for array in parts.values():
            summed = np.cumsum(array[::-1].reshape(passes.T, -1), axis=0)
            dots += summed @ summed[-1]
            norms += (summed**2).sum(axis=1)
        norms = np.sqrt(norms)
    whole = float(norms[-1])
    over = np.flatnonzero(norms > threshold)
    clipping = Clipping(threshold, whole, int(k[over[0]]) if over.size else None)
    return Truncation(k, dots / (norms * whole), norms / whole), clipping


def _windows(T: int) -> Array:
    """1, 2, 5, 10, 20, 50, … and T."""
    steps = [k * 10**e for e in range(len(str(T))) for k in (1, 2, 5)]
    return np.array([*(k for k in steps if k < T), T])


def _windowed(passes: Passes, length: int) -> Array:
    return _flat({name: array.sum(axis=0) for name, array in contributions(passes.cut(length)).items()})


def _flat(arrays: Mapping[str, Array]) -> Array:
    return np.concatenate([np.zeros(0), *(array.ravel() for array in arrays.values())])
