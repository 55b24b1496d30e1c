"""Pictures of numbers: curves, maps, stacked parts, contours; in light and dark, on paper and in a terminal.

`chart`      what is drawn: panels of marks over two axes
`scale`      from numbers to places: ranges, ticks, gaps
`colours`    palettes that colour-blind readers tell apart
`marks`      each mark as SVG
`svg`        a whole chart as SVG; no package is needed
`png`        the same with matplotlib (the extra `plot`)
`contours`   lines of equal height through a grid
`sparkline`  a curve as one line of text
"""

from .chart import Axis, Chart, Contours, Heat, Line, Mark, Panel, Rule, Stack
from .png import draw_png
from .sparkline import sparkline
from .svg import draw_svg, in_words

__all__ = [
    "Axis",
    "Chart",
    "Contours",
    "Heat",
    "Line",
    "Mark",
    "Panel",
    "Rule",
    "Stack",
    "draw_png",
    "draw_svg",
    "in_words",
    "sparkline",
]
