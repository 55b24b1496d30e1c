"""A flow as charts: one panel a measure, all trajectories in it; for each its paths and its map of inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..render.charts import Axis, Chart, Heat, Line, Mark, Panel, Rule, Stack
from ..render.charts.chart import Style
from ..render.languages import read_language
from .jacobians import lengths_of
from .trajectory import Trajectory

Array = np.ndarray[Any, Any]

_STYLES: tuple[Style, ...] = ("solid", "dashed", "dotted")
_EACH = 4
"""Of more trajectories than this, panels of their own would hide what is compared."""


def draw_chart(trajectories: Sequence[Trajectory], lang: str) -> Chart:
    """The chart of a flow, in the words of a language."""
    words = read_language(lang).phrases
    panels = [
        _panel(words, "norms", _norms(trajectories), log_y=True),
        _panel(words, "singular", _singular(trajectories), log_y=True),
        _panel(words, "contributions", _contributions(trajectories), log_y=True),
        _panel(words, "lyapunov", (*_exponents(trajectories), Rule("", y=0.0))),
        _panel(words, "truncation", _truncation(trajectories), log_x=True),
        _panel(words, "clipping", (*_clipping(trajectories), *_thresholds(trajectories)), log_x=True, log_y=True),
    ]
    for found in trajectories if len(trajectories) <= _EACH else ():
        layers = tuple(_layers(found))
        if len(layers) > 1:
            panels.append(_panel(words, "shares", layers, of=found.label))
        panels.append(_panel(words, "connectivity", (_map(found, words["flow_connectivity_bar"]),), of=found.label))
    labels = "; ".join(found.label for found in trajectories)
    return Chart(words["flow_title"].format(labels), tuple(panels))


def _panel(
    words: Any,
    name: str,
    marks: Sequence[Mark] | Iterator[Mark],
    *,
    log_x: bool = False,
    log_y: bool = False,
    of: str = "",
) -> Panel:
    title = words[f"flow_{name}"]
    x, y = Axis(words[f"flow_{name}_x"], log_x), Axis(words[f"flow_{name}_y"], log_y)
    return Panel(f"{title}: {of}" if of else title, x, y, tuple(marks), words[f"flow_{name}_reading"])


def _norms(trajectories: Sequence[Trajectory]) -> Iterator[Line]:
    """A colour for each trajectory, a style for each of its states."""
    for colour, found in enumerate(trajectories):
        for place, (state, norms) in enumerate(found.norms.items()):
            label = f"{found.label}: {state}" if len(found.norms) > 1 else found.label
            steps, band = list(range(found.T + 1)), (norms.lower.tolist(), norms.upper.tolist())
            yield Line(label, steps, norms.median.tolist(), _style(place), band if place == 0 else None, colour)


def _style(place: int) -> Style:
    return _STYLES[min(place, len(_STYLES) - 1)]


def _singular(trajectories: Sequence[Trajectory]) -> Iterator[Line]:
    """The largest of each trajectory's state that keeps most, its bound where there is one, and the constant path."""
    for colour, found in enumerate(trajectories):
        state = max(found.singular_values, key=lambda name: float(np.nan_to_num(found.singular_values[name][-1, 0])))
        lags = found.long_term.lags
        label = f"{found.label}: ∂{state}_T/∂{state}_t"
        yield Line(label, lags.tolist(), found.singular_values[state][:, 0].tolist(), "solid", None, colour)
        if found.bound is not None:
            bound = found.bound.over(lags).tolist()
            yield Line(f"(‖{found.bound.matrix}‖ sup|φ′|)^(T−t)", lags.tolist(), bound, "dashed", None, colour)
        if state in found.paths:
            products = np.abs(found.paths[state].products.reshape(found.T + 1, -1)).max(axis=1)
            label = f"∏ {found.paths[state].factor}, max"
            yield Line(label, list(range(found.T + 1)), products.tolist(), "dotted", None, colour)


def _contributions(trajectories: Sequence[Trajectory]) -> Iterator[Line]:
    for colour, found in enumerate(trajectories):
        if found.contributions:
            parts = [lengths_of(array, 1) for array in found.contributions.values()]
            whole = lengths_of(np.stack(parts, axis=1), 1)
            yield Line(found.label, list(range(1, found.T + 1)), whole.tolist(), "solid", None, colour)


def _exponents(trajectories: Sequence[Trajectory]) -> Iterator[Line]:
    for colour, found in enumerate(trajectories):
        places = list(range(1, len(found.exponents) + 1))
        yield Line(found.label, places, found.exponents.tolist(), "solid", None, colour)


def _truncation(trajectories: Sequence[Trajectory]) -> Iterator[Line]:
    for colour, found in enumerate(trajectories):
        k, cosine = found.truncation.k.tolist(), found.truncation.cosine.tolist()
        yield Line(found.label, k, cosine, "solid", None, colour)


def _clipping(trajectories: Sequence[Trajectory]) -> Iterator[Line]:
    for colour, found in enumerate(trajectories):
        lengths = found.truncation.ratio * found.clipping.norm
        yield Line(found.label, found.truncation.k.tolist(), lengths.tolist(), "solid", None, colour)


def _thresholds(trajectories: Sequence[Trajectory]) -> Iterator[Rule]:
    for threshold in dict.fromkeys(found.clipping.threshold for found in trajectories):
        yield Rule(f"clip {threshold:g}", y=threshold)


def _layers(found: Trajectory) -> Iterator[Stack]:
    steps = list(range(1, found.T + 1))
    for state, paths in found.shares.items():
        for path in paths:
            yield Stack(f"κ_{state}: {path.term}", steps, path.of_all.tolist())


def _map(found: Trajectory, label: str) -> Heat:
    felt = found.connectivity
    return Heat(label, felt.k.tolist(), felt.t.tolist(), felt.norms.tolist(), log=True)
