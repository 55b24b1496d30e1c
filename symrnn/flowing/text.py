"""A flow in words and numbers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..render.charts import sparkline
from ..sizes import show_dims
from ..tables import aligned
from .trajectory import Norms, Trajectory

Array = np.ndarray[Any, Any]

_FELT = 0.01
_WIDTH = 120


def write_flow(trajectories: Sequence[Trajectory]) -> str:
    """All trajectories, one after the other, and a table of the comparison where there are several."""
    blocks = ["\n".join(_lines(found)) for found in trajectories]
    if len(trajectories) > 1:
        blocks.insert(0, "\n".join(_comparison(trajectories)))
    return "\n\n".join(blocks)


def _comparison(trajectories: Sequence[Trajectory]) -> list[str]:
    rows = [["", "gradient", "a step", "T → 1", "λ₁", "10-step window"]]
    for found in trajectories:
        for state, norms in found.norms.items():
            rows.append(
                [
                    f"{found.label}: {state}",
                    norms.trend,
                    f"× {norms.rate:.3g}",
                    f"× {norms.change:.1e}",
                    f"{found.exponents[0]:.3f}",
                    _cosine(found, 10),
                ]
            )
    return aligned(rows)


def _cosine(found: Trajectory, k: int) -> str:
    """The cosine of the gradient of windows of k steps, or of the longest below."""
    place = int(np.searchsorted(found.truncation.k, k, side="right")) - 1
    return f"cos {_number(found.truncation.cosine[max(0, place)])}"


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "–"


def _lines(found: Trajectory) -> Iterator[str]:
    output = found.cell.program.outputs[0]
    losses = {"last": f"L = uᵀ {output}_T", "all": f"L = Σ_t uᵀ {output}_t", "own": "L is the network's own loss"}
    sizes = show_dims({"T": found.T, "N": found.N, **found.dims})
    yield f"{found.label}: {sizes}, seed {found.seed}, {losses[found.loss]}"
    if found.overflow is not None:
        yield f"  values are not finite from t = {found.overflow} on, and of those steps no number speaks: smaller T"
    rows = [list(_norm_row(state, norms)) for state, norms in found.norms.items()]
    yield from aligned(rows, indent="  ")
    yield from (f"  {line}" for line in _about_jacobians(found))
    yield from _about_paths(found)
    yield from (f"  {line}" for line in _about_parameters(found))
    yield "  from one step to the next" if found.closed else "  the local Jacobian has no closed form"
    for line in found.closed:
        yield from textwrap.wrap(line, _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8)


def _norm_row(state: str, norms: Norms) -> Iterator[str]:
    yield f"‖∂L/∂{state}_t‖"
    yield norms.trend
    steps = dict.fromkeys((len(norms.values) - 1, norms.last or 1, 1))
    yield ", ".join(f"{norms.median[t]:.2e} at t = {t}" for t in steps)
    yield f"× {norms.rate:.3g} a step"
    yield sparkline(norms.median[1:].tolist(), log=True, width=24)


def _about_paths(found: Trajectory) -> Iterator[str]:
    """The shares of the paths; a state's only path is its κ whole."""
    rows = [
        [f"κ_{state}", path.term, *_range(path.shares), _mean(path.of_all)]
        for state, paths in found.shares.items()
        for path in paths
    ]
    if len(rows) > 1:
        yield "  shares of the paths in what a step hands back; those of a state sum to 1, those of all states too"
        yield from aligned([["", "path", "mean", "range over t", "of all states"], *rows], indent="    ")


def _mean(shares: Array) -> str:
    known = shares[np.isfinite(shares)]
    return f"{known.mean():+.3f}" if known.size else "–"


def _range(shares: Array) -> tuple[str, str]:
    known = shares[np.isfinite(shares)]
    return _mean(shares), f"{known.min():+.3f} to {known.max():+.3f}" if known.size else "nothing comes back"


def _about_jacobians(found: Trajectory) -> Iterator[str]:
    for state, values in found.singular_values.items():
        yield (
            f"∂{state}_T/∂{state}_0 has singular values from {values[-1, 0]:.2e} to {values[-1, -1]:.2e}; "
            f"no larger than the product of the steps' norms, {found.long_term.steps[-1]:.2e}"
        )
    if found.bound is not None:
        yield from _about_bound(found)
    for state, path in found.paths.items():
        products = np.abs(path.products[-1])
        median, largest = float(np.median(products)), float(products.max())
        yield (
            f"constant error path: ∂{state}_T/∂{state}_t along {path.factor} is the product of these; over all "
            f"{found.T} steps {median:.2e} (median over the units; largest {largest:.2e})"
        )
    exponents = found.exponents
    yield (
        f"Lyapunov exponents from {exponents[0]:.4f} to {exponents[-1]:.4f}, their sum {exponents.sum():.4f} "
        f"(after {found.transient} steps)"
    )
    condition = float(found.long_term.condition[-1])
    least = "at least " if condition >= 13 else ""
    yield f"condition number of the Jacobian over all steps: {least}10^{condition:.1f}"
    last = found.connectivity.norms[-1]
    felt = np.flatnonzero(last >= _FELT * last.max(initial=0.0))
    if felt.size and last.max() > 0:
        yield f"y_T feels inputs back to x_{felt[0] + 1}: before that ‖∂y_T/∂x_k‖ is below 1 % of its largest"


def _about_bound(found: Trajectory) -> Iterator[str]:
    bound = found.bound
    assert bound is not None
    of = f"‖{bound.matrix}‖ sup|φ′| = {bound.norm:.4g} · {bound.slope:g} = {bound.rate:.4g} ({bound.function})"
    says = "it must vanish" if bound.rate < 1 else "this alone does not say that it vanishes"
    state = next(iter(found.norms))
    yield f"bound on ∂{state}_T/∂{state}_t: ({of})^(T−t), and {says}"
    yield "  of a single unit it is (|w| sup|φ′|)^(T−t)"
    norms = next(iter(found.norms.values()))
    if norms.trend == "vanishes" and bound.radius >= 1 and bound.slope * bound.radius >= 1:
        yield (
            f"why it vanishes although the spectral radius of {bound.matrix} is {bound.radius:.3g}: the units are "
            f"saturated, |φ′| is {bound.mean_slope:.3g} on average and not {bound.slope:g}:"
        )
        yield (
            f"  a step of this trajectory multiplies by diag(φ′) {bound.matrix} and not by {bound.matrix}, "
            f"and λ₁ = {found.exponents[0]:.3g} < 0"
        )


def _about_parameters(found: Trajectory) -> Iterator[str]:
    truncation, clipping = found.truncation, found.clipping
    shown = [k for k in (1, 2, 5, 10, 20, 50) if k < found.T and k in truncation.k]
    if shown:
        cosines = [f"{k}: {_number(truncation.cosine[truncation.k == k][0])}" for k in shown]
        ratios = [f"{k}: {_number(truncation.ratio[truncation.k == k][0])}" for k in shown]
        yield f"truncated to windows of k steps, the gradient has the cosine  {'  '.join(cosines)}"
        yield f"and the norm, as a part of the whole gradient's,              {'  '.join(ratios)}"
    acts = (
        f"clipping at {clipping.threshold:g} multiplies it by {clipping.factor:.3g}, and acts from windows of "
        f"{clipping.since} {'step' if clipping.since == 1 else 'steps'} on"
        if clipping.since is not None
        else f"clipping at {clipping.threshold:g} does not act"
    )
    yield f"the gradient by the cell's parameters has the norm {clipping.norm:.3g}; {acts}"
