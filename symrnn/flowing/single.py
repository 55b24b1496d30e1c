"""The single unit: an input at step τ, zeros after it, and how much of it is felt at every later step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..arguments import choice, number, whole
from ..errors import OptionError
from ..records import to_json
from ..render import read_language
from ..render.charts import Axis, Chart, Line, Panel, draw_png, draw_svg, sparkline
from ..tables import aligned
from .unit import FUNCTIONS, influence

_LONGEST = 2000
"""Steps of a unit: a sequence for each is run."""


@dataclass(frozen=True, slots=True)
class Influence:
    """What a unit with one function and one weight makes of a pulse: its values h_t, the influence ∂h_t/∂x_τ, and what
    that cannot exceed, sup|φ′| (|w| sup|φ′|)^(t−τ), each for t = τ … T."""

    function: str
    slope: float
    w: float
    values: tuple[float, ...]
    influence: tuple[float, ...]
    bound: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SingleUnit:
    """One input, one unit, one weight: h_t = φ(w h_{t−1} + x_t); curves by function and weight."""

    functions: tuple[str, ...]
    tau: int
    T: int
    pulse: float
    curves: tuple[Influence, ...]

    @property
    def steps(self) -> list[int]:
        return list(range(self.tau, self.T + 1))

    def text(self) -> str:
        """A line for each weight."""
        rows = [
            ["φ", "w", "|w| sup|φ′|", f"∂h_{self.T}/∂x_{self.tau}", "bound", f"t = {self.tau} … {self.T}, log scales"]
        ]
        rows += [
            [
                curve.function,
                f"{curve.w:g}",
                f"{abs(curve.w) * curve.slope:g}",
                f"{curve.influence[-1]:.3e}",
                f"{curve.bound[-1]:.3e}",
                sparkline([abs(value) for value in curve.influence], log=True),
            ]
            for curve in self.curves
        ]
        what = f"h_t = φ(w h_(t−1) + x_t), x_{self.tau} = {self.pulse:g}, all other inputs 0; bound: "
        return "\n".join([f"{what}sup|φ′| (|w| sup|φ′|)^(t−{self.tau})", *aligned(rows)])

    def chart(self, lang: str = "en") -> Chart:
        """The influence and its bound against t."""
        words = read_language(lang).phrases
        x, y = Axis(words["unit_step"]), Axis(f"|∂h_t/∂x_{self.tau}|", log=True)
        panels: list[Panel] = []
        for function in self.functions:
            curves = list(enumerate(curve for curve in self.curves if curve.function == function))
            marks = [Line(f"w = {one.w:g}", self.steps, [abs(v) for v in one.influence], colour=k) for k, one in curves]
            label = f"sup|φ′| (|w| sup|φ′|)^(t−{self.tau})"
            bounds = [Line("" if k else label, self.steps, one.bound, style="dotted", colour=k) for k, one in curves]
            slope = f"φ = {function}, sup|φ′| = {curves[0][1].slope:g}"
            panels.append(Panel(slope, x, y, (*marks, *bounds), words["unit_reading"]))
        return Chart(words["unit_title"], tuple(panels), columns=2)

    def svg(self, lang: str = "en") -> str:
        """The picture, drawn without any package."""
        return draw_svg(self.chart(lang))

    def png(self, lang: str = "en") -> bytes:
        """The picture by matplotlib (the extra `plot`)."""
        return draw_png(self.chart(lang))

    def to_json(self) -> str:
        """All numbers as one JSON object."""
        return to_json({name: getattr(self, name) for name in ("functions", "tau", "T", "pulse", "curves")})


def single_unit(
    w: float | Sequence[float] = (0.9, 1.0, 1.1),
    *,
    function: str | Sequence[str] = tuple(FUNCTIONS),
    T: int = 50,
    tau: int = 1,
    x: float = 1.0,
) -> SingleUnit:
    """How an input at step `tau` is felt later by a single unit, for one weight and function or several.

    The influence at t is the product of the slopes on the way, φ′(a_τ) Π w φ′(a_s): below |w| sup|φ′| = 1 it must
    vanish, above it may explode, and does so only where the unit is not saturated."""
    functions: list[Any] = list(function) if isinstance(function, list | tuple) else [function]
    for one in functions:
        choice("function", one, tuple(FUNCTIONS))
    T = whole("T", T, 1, _LONGEST)
    tau = whole("tau", tau, 1, T)
    weights = [number("w", one) for one in (w if isinstance(w, list | tuple) else [w])]
    if not functions:
        raise OptionError(f"single_unit(function=…) needs a function: {', '.join(FUNCTIONS)}")
    if not weights:
        raise OptionError("single_unit(w=…) needs a weight, such as 0.9, or several: (0.9, 1.0, 1.1)")
    pulse = number("x", x)
    curves: list[Influence] = []
    for name in functions:
        slope = FUNCTIONS[name][1]
        for weight in weights:
            seen, felt = (tuple(map(float, a[tau - 1 :])) for a in influence(name, weight, T, tau, pulse))
            bound = tuple(slope * (abs(weight) * slope) ** k for k in range(T - tau + 1))
            curves.append(Influence(name, slope, weight, seen, felt, bound))
    return SingleUnit(tuple(functions), tau, T, pulse, tuple(curves))
