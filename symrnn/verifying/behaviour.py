"""How code behaves besides its formulas: twice in a row, with larger gradients from above, with the caller's arrays.

A backward pass is linear in the gradient from above: B(2v) = 2 B(v). Where it is not, something clips. The same call
twice gives the same; where it does not, something is left over from call to call.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..checking.oracles import Key, Upstream
from ..checking.reference import FLOAT32, FLOAT64, compare
from ..layouts.blocks import Array
from .observing import Observation, run_code, run_forward
from .probes import Comparison
from .subject import Subject

_LARGE = 2.0**14
_SMALL = 2.0**-14
_BLUNT = 2.0**-9


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`leaks`: the arrays that differ the second time, `accumulates` where the second is the first once more;
    `clipped`: those that do not grow with the gradient from above, and the bound that they stay within; `bent`: those
    that are not linear in it in another way; `coarse`: those that lose digits which the forward pass has."""

    leaks: tuple[Key, ...] = ()
    accumulates: bool = False
    clipped: tuple[Key, ...] = ()
    bound: float = np.inf
    by_norm: bool = False
    bent: tuple[Key, ...] = ()
    coarse: tuple[Key, ...] = ()


def watch(subject: Subject, first: Comparison) -> Behaviour:
    """Call again, and with larger gradients from above."""
    probe, before = first.probe, first.observation
    again = run_code(subject, probe.point, probe.upstream)
    leaks = tuple(key for key in before.gradients if not np.array_equal(before.gradients[key], again.gradients[key]))
    leaks = tuple(key for key in leaks if not _close(before.gradients[key], again.gradients[key], before))
    if leaks:
        doubled = {key: 2 * before.gradients[key] for key in leaks}
        accumulates = all(_close(doubled[key], again.gradients[key], before) for key in leaks)
        return Behaviour(leaks, accumulates)
    if subject.code.loss is not None:
        return Behaviour(coarse=_coarse(subject, first))  # what enters from above is the loss's own
    return _linearity(subject, first)


def _largest(observation: Observation, key: Key) -> float:
    return float(np.abs(observation.gradients[key]).max(initial=0))


def _coarse(subject: Subject, first: Comparison) -> tuple[Key, ...]:
    """Where the forward pass computes in float64 and the backward loses half of the digits on the way."""
    if first.unit != FLOAT32 or not subject.has_forward or run_forward(subject, first.probe.point).dtype != "float64":
        return ()
    agreements = compare(first.seen, first.reference, FLOAT64)
    return tuple(agreement.key for agreement in agreements if not agreement and agreement.key not in first.wrong)


def _linearity(subject: Subject, first: Comparison) -> Behaviour:
    """Three gradients from above that differ by a scale."""
    probe, usual = first.probe, first.observation
    small = run_code(subject, probe.point, scaled(probe.upstream, _SMALL))
    large = run_code(subject, probe.point, scaled(probe.upstream, _LARGE))
    bent = tuple(
        key
        for key in usual.gradients
        if not _close(small.gradients[key] / _SMALL, large.gradients[key] / _LARGE, usual)
        or not _close(small.gradients[key] / _SMALL, usual.gradients[key], usual)
    )
    if not bent:
        return Behaviour(coarse=_coarse(subject, first))
    if any(_largest(large, key) / _LARGE > 1.01 * _largest(small, key) / _SMALL for key in bent):
        return Behaviour(bent=bent)
    bound = max(_largest(large, key) for key in bent)
    at_bound = sum(int(np.isclose(np.abs(large.gradients[key]), bound, rtol=1e-6).sum()) for key in bent)
    return Behaviour(clipped=bent, bound=bound, by_norm=at_bound < 2)


def scaled(upstream: Upstream, factor: float) -> Upstream:
    """The same gradient from above, larger or smaller."""
    outputs = {name: factor * g for name, g in upstream.outputs.items()}
    return replace(upstream, outputs=outputs, final={name: factor * g for name, g in upstream.final.items()})


def _close(one: Array, other: Array, like: Observation) -> bool:
    if one.shape != other.shape:
        return False
    edge = _BLUNT if like.dtype == "float32" else FLOAT32
    scale = max(float(np.abs(one).max(initial=0)), float(np.abs(other).max(initial=0)))
    return bool((np.abs(one - other) <= edge * scale).all())
