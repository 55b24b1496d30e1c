"""What `symrnn.flow` gives back: trajectories side by side, as text, as JSON and as a table of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from ..errors import OptionError, nearest
from ..records import to_json
from ..render.charts import Chart, draw_png, draw_svg
from .charts import draw_chart
from .jacobians import lengths_of
from .paths import Path
from .text import write_flow
from .trajectory import Norms, Trajectory

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """Trajectories of one figure. Where there is one, its measures are the flow's own: `flow.norms["h"].median`."""

    trajectories: tuple[Trajectory, ...]

    def __iter__(self) -> Iterator[Trajectory]:
        return iter(self.trajectories)

    def __len__(self) -> int:
        return len(self.trajectories)

    def __getitem__(self, which: int | str) -> Trajectory:
        """A trajectory by its place or by its label."""
        labels = [trajectory.label for trajectory in self.trajectories]
        if isinstance(which, str):
            if which not in labels:
                known = "; ".join(labels)
                raise OptionError(
                    f"no trajectory is called {which!r}; there are: {known}. {nearest(which, labels)}".rstrip()
                )
            which = labels.index(which)
        return self.trajectories[which]

    @property
    def only(self) -> Trajectory:
        """The trajectory, where there is one."""
        if len(self.trajectories) != 1:
            labels = ", ".join(repr(trajectory.label) for trajectory in self.trajectories)
            raise OptionError(
                f"the flow has {len(self.trajectories)} trajectories; take one, flow[0] or by label: {labels}"
            )
        return self.trajectories[0]

    @property
    def norms(self) -> Mapping[str, Norms]:
        return self.only.norms

    @property
    def singular_values(self) -> Mapping[str, Array]:
        return self.only.singular_values

    @property
    def shares(self) -> Mapping[str, tuple[Path, ...]]:
        return self.only.shares

    def text(self) -> str:
        """The flow in words and numbers."""
        return write_flow(self.trajectories)

    def chart(self, lang: str = "en") -> Chart:
        """The flow as panels of curves and maps, with what is said on them in English ("en") or Chinese ("zh")."""
        return draw_chart(self.trajectories, lang)

    def svg(self, lang: str = "en") -> str:
        """The chart as SVG, which follows its reader's light or dark page."""
        return draw_svg(self.chart(lang))

    def png(self, lang: str = "en") -> bytes:
        """The chart as PNG: the extra `plot` brings what draws it."""
        return draw_png(self.chart(lang))

    def csv(self) -> str:
        """The curves as a table, a line for each number: trajectory, measure, state or parameter, at, value."""
        rows = ["trajectory,measure,of,at,value"]
        for trajectory in self.trajectories:
            for measure, of, at, values in _curves(trajectory):
                start = ",".join(f'"{word}"' if "," in word else word for word in (trajectory.label, measure, of))
                rows += [f"{start},{place},{value!r}" for place, value in zip(at, values, strict=True)]
        return "\n".join(rows) + "\n"

    def to_json(self) -> str:
        """Everything as one JSON object, the vectors of the paths included; what is not finite is null."""
        return to_json({"trajectories": [_record(trajectory) for trajectory in self.trajectories]})

    def _repr_html_(self) -> str:
        return f"{self.svg()}<pre>{escape(self.text())}</pre>"

    def __repr__(self) -> str:
        return f"<Flow: {'; '.join(trajectory.label for trajectory in self.trajectories)}>"


Curve = tuple[str, str, list[int], list[float]]


def _curves(found: Trajectory) -> Iterator[Curve]:
    """Each measure that is a curve: its name, what it is of, where, and its values."""
    steps, lags = list(range(found.T + 1)), found.long_term.lags.tolist()
    for state, norms in found.norms.items():
        for word in ("median", "lower", "upper"):
            yield f"norm {word}", state, steps, getattr(norms, word).tolist()
    for state, values in found.singular_values.items():
        yield "largest singular value", state, lags, values[:, 0].tolist()
        yield "median singular value", state, lags, np.median(values, axis=1).tolist()
        yield "smallest singular value", state, lags, values[:, -1].tolist()
    yield "product of norms", "", lags, found.long_term.steps.tolist()
    yield "log10 condition", "", lags, found.long_term.condition.tolist()
    if found.bound is not None:
        yield "bound", found.bound.matrix, lags, found.bound.over(found.long_term.lags).tolist()
    for state, path in found.paths.items():
        products = np.abs(path.products.reshape(found.T + 1, -1))
        yield "constant path", state, steps, np.median(products, axis=1).tolist()
    for state, paths in found.shares.items():
        for path in paths:
            yield f"share of {path.term}", state, steps[1:], path.shares.tolist()
            yield f"share of {path.term} in all states", state, steps[1:], path.of_all.tolist()
    for name, parts in found.contributions.items():
        yield "contribution", name, steps[1:], lengths_of(parts, 1).tolist()
    yield "truncation cosine", "", found.truncation.k.tolist(), found.truncation.cosine.tolist()
    yield "truncation ratio", "", found.truncation.k.tolist(), found.truncation.ratio.tolist()
    yield "Lyapunov exponent", "", list(range(1, len(found.exponents) + 1)), found.exponents.tolist()
    last = found.connectivity.norms[-1]
    yield "last output by input", "", found.connectivity.k.tolist(), last.tolist()


def _record(found: Trajectory) -> dict[str, Any]:
    long_term, bound = found.long_term, found.bound
    return {
        "label": found.label,
        "cell": found.cell.name,
        "set": dict(found.setting),
        "dims": dict(found.dims),
        **{name: getattr(found, name) for name in ("T", "N", "seed", "loss", "transient", "overflow", "closed")},
        "norms": {
            state: {
                "trend": norms.trend,
                "rate": norms.rate,
                **{word: getattr(norms, word).tolist() for word in ("median", "lower", "upper")},
            }
            for state, norms in found.norms.items()
        },
        "lags": long_term.lags.tolist(),
        "singular_values": {state: values.tolist() for state, values in found.singular_values.items()},
        "product_of_norms": long_term.steps.tolist(),
        "log10_condition": long_term.condition.tolist(),
        "bound": None if bound is None else {"rate": bound.rate, **_fields(bound)},
        "constant_paths": {
            state: {"factor": path.factor, "products": path.products.tolist()} for state, path in found.paths.items()
        },
        "shares": {
            state: [
                {**_fields(path), "vectors": path.vectors.tolist(), "shares": path.shares.tolist()} for path in paths
            ]
            for state, paths in found.shares.items()
        },
        "contributions": {name: lengths_of(parts, 1).tolist() for name, parts in found.contributions.items()},
        "connectivity": {word: getattr(found.connectivity, word).tolist() for word in ("t", "k", "norms")},
        "lyapunov": found.exponents.tolist(),
        "truncation": {word: getattr(found.truncation, word).tolist() for word in ("k", "cosine", "ratio")},
        "clipping": {"factor": found.clipping.factor, **_fields(found.clipping)},
    }


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__ if not isinstance(getattr(value, name), np.ndarray)}
