"""symrnn, which knows the cell: the claimed gradient beside the derived one, entry by entry, with tolerances from
measured rounding; and symrnn as one who knows the loss alone."""

from __future__ import annotations

import numpy as np

from symrnn.checking.oracles import Point, Upstream
from symrnn.checking.reference import FLOAT64, build_references, compare
from symrnn.errors import GradientError
from symrnn.testing import assert_gradients

from .checker import Checker
from .trials import NUMPY, Trial, lstm_loss


def derived_checker() -> Checker:
    """What `verify` and the tests' fixtures stand on."""

    def opinion(trial: Trial) -> float:
        problem = trial.problem
        m, n, N, T = problem.sizes
        point = Point(problem.derivation.cell, {"m": m, "n": n}, T, N, problem.params, {"x": problem.x}, problem.state)
        upstream = Upstream("on everything", {"h": problem.d_outputs}, problem.d_final)
        (reference,) = build_references(problem.derivation, point, [upstream], seed=trial.seed)
        claimed = {("x", "x"): trial.claimed["x"]} | {("state", name): trial.claimed[name] for name in problem.state}
        for key, names in problem.packing.items():
            pieces = np.split(trial.claimed[key], len(names))
            claimed |= {("params", name): piece for name, piece in zip(names, pieces, strict=True)}
        return float(not all(compare(claimed, reference, FLOAT64)))

    return Checker(opinion)


def function_checker() -> Checker:
    """`symrnn.testing.assert_gradients`, which has no derivation to go by."""

    def opinion(trial: Trial) -> float:
        problem = trial.problem
        try:
            assert_gradients(
                lambda arguments: lstm_loss(NUMPY, arguments, problem.d_outputs, problem.d_final),
                lambda arguments: trial.claimed,
                trial.arguments,
                seed=trial.seed,
            )
        except GradientError:
            return 1.0
        return 0.0

    return Checker(opinion, most=10)
