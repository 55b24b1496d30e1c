"""A chart as PNG, by matplotlib (the extra `plot`)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from ...errors import MissingExtraError
from .chart import Axis, Chart, Contours, Heat, Line, Panel, Rule, Stack
from .colours import SERIES
from .scale import bars, edges, has_place, range_of
from .svg import legend_of, wrapped

_CHINESE = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "SimHei")
_DASHES = {"solid": "-", "dashed": "--", "dotted": ":"}


def draw_png(chart: Chart, *, dpi: int = 150) -> bytes:
    """The same panels, marks and colours as the SVG has, on white."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise MissingExtraError("a PNG", "matplotlib", "plot") from None
    columns = max(1, min(chart.columns, len(chart.panels)))
    rows = max(1, -(-len(chart.panels) // columns))
    with mpl.rc_context(_fonts()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # where no font has a letter a box stands for it
        figure: Any = Figure(figsize=(5.2 * columns, 3.9 * rows + 0.4), dpi=dpi, layout="constrained")
        figure.suptitle(chart.title, fontweight="bold")
        for place, panel in enumerate(chart.panels, start=1):
            _draw_panel(figure, figure.add_subplot(rows, columns, place), panel)
        out = BytesIO()
        figure.savefig(out, format="png")
    return out.getvalue()


def _fonts() -> Any:
    """Matplotlib's own font, and for Chinese one of the machine's."""
    from matplotlib.font_manager import fontManager

    known = {font.name for font in fontManager.ttflist}
    return {"font.family": ["DejaVu Sans", *(name for name in _CHINESE if name in known)], "font.size": 8}


def _draw_panel(figure: Any, axes: Any, panel: Panel) -> None:
    axes.set_title(panel.title, loc="left", fontsize=9, fontweight="bold")
    narrow = any(isinstance(mark, Heat | Stack) for mark in panel.marks)
    reading = "\n".join(wrapped(panel.reading, 54 if narrow else 68))
    axes.set_xlabel(f"{panel.x.label}\n{reading}" if reading else panel.x.label)
    axes.set_ylabel(panel.y.label)
    keyed = legend_of(panel)
    over = any(isinstance(mark, Heat) for mark in panel.marks)
    ink = "white" if over else "#1f2328"
    if not over:  # a grid over colours would look like lines of equal height
        axes.grid(color="#d8dee4", linewidth=0.5)
        axes.set_axisbelow(True)
    stacks = [(key.mark, key.colour) for key in keyed if isinstance(key.mark, Stack)]
    _draw_stacks(axes, [mark for mark, _ in stacks], [colour for _, colour in stacks])
    for key in keyed:
        mark = key.mark
        if isinstance(mark, Line):
            _draw_line(axes, mark, SERIES[key.colour], panel.y.log, over)
        elif isinstance(mark, Heat):
            _draw_heat(figure, axes, mark)
        elif isinstance(mark, Contours):
            axes.contour(mark.xs, mark.ys, mark.rows, levels=sorted(mark.levels), colors=ink, linewidths=0.5)
            axes.plot([], [], color="#8c959f", linewidth=0.8, label=mark.label)
        elif isinstance(mark, Rule):
            _draw_rule(axes, mark)
    for axis, scale, limit in ((panel.x, axes.set_xscale, axes.set_xlim), (panel.y, axes.set_yscale, axes.set_ylim)):
        if axis.log:
            scale("log")
        limit(axis.lower, axis.upper)
    if sum(bool(key.sign) for key in keyed) > 1:
        beside = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)} if stacks else {}  # bars fill the panel
        axes.legend(frameon=over, framealpha=0.9, fontsize=7, **beside)


def _draw_line(axes: Any, line: Line, colour: str, log: bool, over: bool) -> None:
    from matplotlib.patheffects import withStroke

    (drawn,) = axes.plot(line.xs, _gapped(line.ys, log), _DASHES[line.style], color=colour, label=line.label, lw=1.3)
    if over:  # a rim, so that it is seen on dark colours too
        drawn.set_path_effects([withStroke(linewidth=2.4, foreground="white")])
    if line.band is not None:
        low, high = (_gapped(ys, log) for ys in line.band)
        axes.fill_between(line.xs, low, high, color=colour, alpha=0.18, linewidth=0)


def _gapped(ys: Sequence[float], log: bool) -> list[float]:
    """Gaps as matplotlib knows them."""
    return [y if has_place(y, log) else math.nan for y in ys]


def _draw_stacks(axes: Any, stacks: Sequence[Stack], colours: Sequence[int]) -> None:
    labelled: set[int] = set()
    for number, x, low, high in bars(stacks):
        label = None if number in labelled else stacks[number].label
        labelled.add(number)
        axes.bar(x, high - low, 1.0, bottom=low, color=SERIES[colours[number]], label=label, linewidth=0)


def _draw_heat(figure: Any, axes: Any, heat: Heat) -> None:
    from matplotlib.colors import LogNorm, Normalize

    lower, upper = range_of(Axis("", heat.log), (v for row in heat.rows for v in row))
    extent = (*edges(heat.xs), *edges(heat.ys))
    rows = [_gapped(row, heat.log) for row in heat.rows]
    norm = (LogNorm if heat.log else Normalize)(lower, upper)
    image = axes.imshow(
        rows, extent=extent, origin="lower", aspect="auto", norm=norm, cmap="viridis", interpolation="nearest"
    )
    figure.colorbar(image, ax=axes, label=heat.label)


def _draw_rule(axes: Any, rule: Rule) -> None:
    if rule.x is not None:
        axes.axvline(rule.x, color="#1f2328", linestyle="--", linewidth=0.8)
        axes.annotate(rule.label, (rule.x, 0.97), xycoords=("data", "axes fraction"), fontsize=7, va="top")
    if rule.y is not None:
        axes.axhline(rule.y, color="#1f2328", linestyle="--", linewidth=0.8)
        axes.annotate(
            rule.label, (0.98, rule.y), xycoords=("axes fraction", "data"), fontsize=7, ha="right", va="bottom"
        )
