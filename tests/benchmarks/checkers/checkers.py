"""Who takes part, and what a checker says of a claimed gradient."""

from __future__ import annotations

from collections.abc import Mapping

from ..rival import Absent
from .checker import Checker
from .frameworks import autograd_checker, jax_checker, scipy_checker, torch_checker
from .own import derived_checker, function_checker


def checkers() -> Mapping[str, Checker | Absent]:
    """Everybody, in the order of the table."""
    return {
        "torch gradcheck": torch_checker(fast=False),
        "torch gradcheck, fast_mode": torch_checker(fast=True),
        "jax check_grads": jax_checker(),
        "autograd check_grads": autograd_checker(),
        "scipy check_grad": scipy_checker(),
        "symrnn, of the cell": derived_checker(),
        "symrnn, of the loss alone": function_checker(),
    }
