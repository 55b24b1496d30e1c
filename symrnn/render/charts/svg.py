"""A chart as SVG, drawn without any package: it follows its reader's light or dark page, and prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from .chart import Axis, Chart, Contours, Heat, Line, Mark, Panel, Rule, Stack
from .colours import DARK, SERIES
from .marks import DASHES, Frame, draw_bar, draw_contours, draw_heat, draw_line, draw_rule, draw_stacks
from .scale import Scale, numbers_along, range_of

WIDTH = 460
"""Of a panel, in pixels."""
_FONTS = "'Noto Sans','DejaVu Sans',Helvetica,Arial,'Noto Sans CJK SC',sans-serif"
_CLOSING = "。，；：！？）、”"
_PLOT, _LEFT, _RIGHT, _TOP, _BELOW = 210, 62, 18, 34, 52
_BAR, _LETTER, _SMALL_LETTER, _LINE_HEIGHT, _HEAD = 74, 6.6, 5.7, 17, 34


def draw_svg(chart: Chart) -> str:
    """The whole chart. What its panels say in words is said to a reader who does not see them, too."""
    columns = max(1, min(chart.columns, len(chart.panels)))
    drawn = [_draw_panel(panel) for panel in chart.panels]
    rows = [drawn[k : k + columns] for k in range(0, len(drawn), columns)]
    parts: list[str] = []
    y = _HEAD
    for row in rows:
        for place, (_, text) in enumerate(row):
            parts.append(f'<g transform="translate({place * WIDTH} {y})">{text}</g>')
        y += max(height for height, _ in row)
    width = columns * WIDTH
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="symrnn-chart" viewBox="0 0 {width} {y}" width="{width}" '
        f'height="{y}" role="img"><title>{escape(in_words(chart))}</title><style>{_style()}</style>'
        f'<text class="head" x="{width / 2:g}" y="22">{escape(chart.title)}</text>'
    )
    return head + "".join(parts) + "</svg>\n"


def in_words(chart: Chart) -> str:
    """What a chart is, for a reader who does not see it."""
    return ". ".join([chart.title, *(f"{panel.title}: {panel.reading}" for panel in chart.panels)])


def _style() -> str:
    def colours(palette: Sequence[str]) -> str:
        return "".join(f"--c{k}:{colour};" for k, colour in enumerate(palette))

    classes = "".join(
        f".symrnn-chart .s{k}{{stroke:var(--c{k})}}.symrnn-chart .f{k}{{fill:var(--c{k})}}" for k in range(len(SERIES))
    )
    return (
        f".symrnn-chart{{--ink:#1f2328;--soft:#59636e;--grid:#d8dee4;{colours(SERIES)}}}"
        f"@media(prefers-color-scheme:dark){{.symrnn-chart{{--ink:#e6edf3;--soft:#9198a1;--grid:#30363d;{colours(DARK)}}}}}"
        f".symrnn-chart text{{fill:var(--ink);font:12px {_FONTS}}}"
        ".symrnn-chart .head{font-size:16px;font-weight:600;text-anchor:middle}"
        ".symrnn-chart .title{font-size:13px;font-weight:600}.symrnn-chart .axis{text-anchor:middle}"
        ".symrnn-chart .tick,.symrnn-chart .reading{fill:var(--soft);font-size:11px}"
        ".symrnn-chart .note{fill:var(--ink);font-size:11px;font-style:italic}"
        ".symrnn-chart .grid{stroke:var(--grid);fill:none}.symrnn-chart .frame{stroke:var(--soft);fill:none}"
        ".symrnn-chart .curve{fill:none;stroke-width:1.8;stroke-linejoin:round}.symrnn-chart .band{opacity:.18}"
        ".symrnn-chart .rule{stroke:var(--ink);fill:none;stroke-dasharray:5 3}"
        f".symrnn-chart .contour{{stroke:var(--ink);fill:none;stroke-width:.7;opacity:.7}}"
        ".symrnn-chart .over .contour{stroke:#fff}.symrnn-chart .over .curve{filter:drop-shadow(0 0 1px #fff)}"
        f"{classes}"
    )


@dataclass(frozen=True, slots=True)
class Keyed:
    """A mark with its colour and what its line in the legend looks like."""

    mark: Mark
    colour: int
    sign: str
    label: str


def legend_of(panel: Panel) -> list[Keyed]:
    """The marks, in the order of drawing; curves and layers get a colour each unless they name one, but on a map none
    that sinks into it."""
    found: list[Keyed] = []
    following = int(any(isinstance(mark, Heat) for mark in panel.marks))
    for mark in panel.marks:
        colour = mark.colour if isinstance(mark, Line) and mark.colour is not None else following
        following = max(following, colour + 1) if isinstance(mark, Line | Stack) else following
        found.append(Keyed(mark, colour % len(SERIES), _sign(mark, colour % len(SERIES)), mark.label))
    return found


def _sign(mark: Mark, colour: int) -> str:
    if isinstance(mark, Line):
        return f'<path class="curve s{colour}"{DASHES[mark.style]} d="M0 -4H22"/>'
    if isinstance(mark, Stack):
        return f'<rect class="f{colour}" x="5" y="-10" width="11" height="11"/>'
    return '<path class="contour" d="M0 -4H22"/>' if isinstance(mark, Contours) else ""


def _draw_panel(panel: Panel) -> tuple[int, str]:
    """Its height, and the picture with the upper left corner at the origin."""
    heat = next((mark for mark in panel.marks if isinstance(mark, Heat)), None)
    right = WIDTH - (_BAR if heat else _RIGHT)
    xs, ys = numbers_along(panel)
    grid = any(isinstance(mark, Heat | Contours) for mark in panel.marks)
    frame = Frame(
        Scale(*range_of(panel.x, xs), panel.x.log, _LEFT, right),
        Scale(*range_of(panel.y, ys, margin=0 if grid else 0.04), panel.y.log, _TOP + _PLOT, _TOP),
    )
    keyed = legend_of(panel)
    parts = [f'<text class="title" x="{_LEFT}" y="{_TOP - 12}">{escape(panel.title)}</text>']
    parts += _axes(panel, frame)
    over = ' class="over"' if heat else ""
    parts.append(f'<svg{over} width="{WIDTH}" height="{_TOP + _PLOT + 1}">')  # what leaves the plot is cut
    parts += _marks(keyed, frame)
    parts += ["</svg>", f'<path class="frame" d="M{_LEFT} {_TOP}V{_TOP + _PLOT}H{right}"/>']
    if heat is not None:
        parts += _colour_bar(heat, right + 12)
    y = _TOP + _PLOT + _BELOW
    for line in _legend_lines(keyed):
        parts += [
            f'<g transform="translate({x} {y})">{key.sign}<text x="28" y="0">{escape(key.label)}</text></g>'
            for x, key in line
        ]
        y += _LINE_HEIGHT
    for line in wrapped(panel.reading, (WIDTH - _LEFT - _RIGHT) / _SMALL_LETTER):
        parts.append(f'<text class="reading" x="{_LEFT}" y="{y}">{escape(line)}</text>')
        y += _LINE_HEIGHT - 2
    return y + 12, "".join(parts)


def _axes(panel: Panel, frame: Frame) -> Iterator[str]:
    bottom, right = _TOP + _PLOT, frame.x.end
    for value, name in frame.x.ticks():
        x = frame.x(value)
        yield f'<path class="grid" d="M{x:.1f} {_TOP}V{bottom}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{_named(name)}</text>'
    for value, name in frame.y.ticks():
        y = frame.y(value)
        yield f'<path class="grid" d="M{_LEFT} {y:.1f}H{right:g}"/>'
        yield f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_named(name)}</text>'
    yield f'<text class="axis" x="{(_LEFT + right) / 2:g}" y="{bottom + 31}">{escape(panel.x.label)}</text>'
    yield _upright(panel.y.label, 14, _TOP + _PLOT / 2)


def _named(tick: str) -> str:
    """A tick's name, the exponent of a power of ten raised."""
    base, _, power = tick.partition("^")
    return f'{base}<tspan dy="-4" font-size="8">{power}</tspan>' if power else base


def _upright(label: str, x: float, y: float) -> str:
    return f'<text class="axis" transform="translate({x:g} {y:g}) rotate(-90)">{escape(label)}</text>'


def _marks(keyed: Sequence[Keyed], frame: Frame) -> Iterator[str]:
    """Maps below, then stacks, lines and rules."""
    yield from (draw_heat(key.mark, frame) for key in keyed if isinstance(key.mark, Heat))
    stacked = [(key.mark, key.colour) for key in keyed if isinstance(key.mark, Stack)]
    if stacked:
        yield from draw_stacks([mark for mark, _ in stacked], frame, [colour for _, colour in stacked])
    for key in keyed:
        if isinstance(key.mark, Contours):
            yield from draw_contours(key.mark, frame)
        elif isinstance(key.mark, Line):
            yield from draw_line(key.mark, frame, key.colour)
        elif isinstance(key.mark, Rule):
            yield from draw_rule(key.mark, frame)


def _colour_bar(heat: Heat, x: float) -> Iterator[str]:
    lower, upper = range_of(Axis("", heat.log), (v for row in heat.rows for v in row))
    scale = Scale(lower, upper, heat.log, _TOP + _PLOT, _TOP)
    yield draw_bar(x, _TOP, _TOP + _PLOT, 10)
    for value, name in scale.ticks():
        yield f'<text class="tick" x="{x + 13:g}" y="{scale(value) + 4:.1f}">{_named(name)}</text>'
    yield _upright(heat.label, x + 56, _TOP + _PLOT / 2)


def _legend_lines(keyed: Sequence[Keyed]) -> list[list[tuple[int, Keyed]]]:
    """The legend's entries from left to right, with where each begins; none where there is one curve alone."""
    shown = [key for key in keyed if key.sign and key.label]
    if len(shown) < 2:
        return []
    lines: list[list[tuple[int, Keyed]]] = [[]]
    x = _LEFT
    for key in shown:
        width = round(40 + width_of(key.label) * _LETTER)
        if lines[-1] and x + width > WIDTH:
            lines.append([])
            x = _LEFT
        lines[-1].append((x, key))
        x += width
    return lines


def width_of(text: str) -> float:
    """How wide a text is, in letters: a Chinese one takes two."""
    return sum(2.0 if ord(letter) > 0x2E7F else 1.0 for letter in text)


def wrapped(text: str, width: float) -> list[str]:
    """A sentence in lines; Chinese breaks anywhere but before what closes, other words at spaces."""
    lines: list[str] = []
    line = ""
    for word in _words(text):
        if line and word not in _CLOSING and width_of(line + word.rstrip()) > width:
            lines.append(line.rstrip())
            line = word.lstrip()
        else:
            line += word
    return [*lines, line.rstrip()] if line.strip() else lines


def _words(text: str) -> Iterator[str]:
    word = ""
    for letter in text:
        word += letter
        if letter == " " or ord(letter) > 0x2E7F:
            yield word
            word = ""
    yield word
