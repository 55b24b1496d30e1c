"""Who takes part, and what a checker says of a claimed gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..rivals import Absent
from .trials import Trial

Opinion = Callable[[Trial], float]
"""How strongly a gradient is objected to: above the checker's limit, it is called wrong."""


@dataclass(frozen=True, slots=True)
class Checker:
    """An opinion and the limit above which it objects. One that gives a distance and leaves the limit to its caller
    has None: it is then granted the best one there is, the largest distance that right code shows in all trials.
    `most` is how many trials of a sort it is asked about, where it takes seconds for each."""

    opinion: Opinion
    limit: float | None = 0.5
    most: int | None = None


def checkers() -> Mapping[str, Checker | Absent]:
    """Everybody, in the order of the table."""
    from .frameworks import autograd_checker, jax_checker, scipy_checker, torch_checker
    from .own import derived_checker, function_checker

    return {
        "torch gradcheck": torch_checker(fast=False),
        "torch gradcheck, fast_mode": torch_checker(fast=True),
        "jax check_grads": jax_checker(),
        "autograd check_grads": autograd_checker(),
        "scipy check_grad": scipy_checker(),
        "symrnn, of the cell": derived_checker(),
        "symrnn, of the loss alone": function_checker(),
    }
