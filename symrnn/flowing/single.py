"""The single unit: an input at step τ, zeros after it, and how much of it is felt at every later step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    """What a unit with one weight makes of a pulse: its values h_t, the influence ∂h_t/∂x_τ, and what that cannot
    exceed, sup|φ′| (|w| sup|φ′|)^(t−τ), each for t = τ … T."""

    w: float
    values: tuple[float, ...]
    influence: tuple[float, ...]
    bound: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SingleUnit:
    """One input, one unit, one weight: h_t = φ(w h_{t−1} + x_t)."""

    function: str
    slope: float
    tau: int
    T: int
    pulse: float
    curves: tuple[Influence, ...]

    @property
    def steps(self) -> list[int]:
        return list(range(self.tau, self.T + 1))

    def text(self) -> str:
        """A line for each weight."""
        rows = [["w", "|w| sup|φ′|", f"∂h_{self.T}/∂x_{self.tau}", "bound", f"t = {self.tau} … {self.T}, log scale"]]
        rows += [
            [
                f"{curve.w:g}",
                f"{abs(curve.w) * self.slope:g}",
                f"{curve.influence[-1]:.3e}",
                f"{curve.bound[-1]:.3e}",
                sparkline([abs(value) for value in curve.influence], log=True),
            ]
            for curve in self.curves
        ]
        what = f"h_t = φ(w h_(t−1) + x_t), φ = {self.function}, sup|φ′| = {self.slope:g}, x_{self.tau} = {self.pulse:g}"
        return "\n".join([what, *aligned(rows)])

    def chart(self, lang: str = "en") -> Chart:
        """The influence and its bound against t."""
        words = read_language(lang).phrases
        marks: list[Line] = []
        for k, curve in enumerate(self.curves):
            marks.append(Line(f"w = {curve.w:g}", self.steps, [abs(v) for v in curve.influence], colour=k))
            label = f"sup|φ′| (|w| sup|φ′|)^(t−{self.tau})" if k == 0 else ""
            marks.append(Line(label, self.steps, curve.bound, style="dotted", colour=k))
        title = words["unit_title"].format(function=self.function)
        x, y = Axis(words["unit_step"]), Axis(f"|∂h_t/∂x_{self.tau}|", log=True)
        return Chart(title, (Panel("", x, y, tuple(marks), words["unit_reading"]),), columns=1)

    def svg(self, lang: str = "en") -> str:
        """The picture, drawn without any package."""
        return draw_svg(self.chart(lang))

    def png(self, lang: str = "en") -> bytes:
        """The picture by matplotlib (the extra `plot`)."""
        return draw_png(self.chart(lang))

    def to_json(self) -> str:
        """All numbers as one JSON object."""
        return to_json({name: getattr(self, name) for name in ("function", "slope", "tau", "T", "pulse", "curves")})


def single_unit(
    w: float | Sequence[float] = (0.9, 1.0, 1.1),
    *,
    function: str = "tanh",
    T: int = 50,
    tau: int = 1,
    x: float = 1.0,
) -> SingleUnit:
    """How an input at step `tau` is felt later by a single unit, for one weight or several.

    The influence at t is the product of the slopes on the way, φ′(a_τ) Π w φ′(a_s): below |w| sup|φ′| = 1 it must
    vanish, above it may explode, and does so only where the unit is not saturated."""
    choice("function", function, tuple(FUNCTIONS))
    T = whole("T", T, 1, _LONGEST)
    tau = whole("tau", tau, 1, T)
    weights = [number("w", one) for one in (w if isinstance(w, list | tuple) else [w])]
    if not weights:
        raise OptionError("single_unit(w=…) needs a weight, such as 0.9, or several: (0.9, 1.0, 1.1)")
    pulse, (_, slope) = number("x", x), FUNCTIONS[function]
    curves: list[Influence] = []
    for weight in weights:
        values, felt = influence(function, weight, T, tau, pulse)
        bound = tuple(slope * (abs(weight) * slope) ** k for k in range(T - tau + 1))
        seen, influenced = (tuple(map(float, a[tau - 1 :])) for a in (values, felt))
        curves.append(Influence(weight, seen, influenced, bound))
    return SingleUnit(function, slope, tau, T, pulse, tuple(curves))
