"""Charts: numbers end where they should on the picture, gaps are gaps, nothing overlaps or leaves it."""

import base64
import io
import math
import re
import struct
import xml.etree.ElementTree as ET
import zlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrnn.render.charts import Axis, Chart, Contours, Heat, Line, Panel, Rule, Stack, draw_png, draw_svg, sparkline
from symrnn.render.charts.colours import ramp
from symrnn.render.charts.contours import segments
from symrnn.render.charts.scale import Scale, bars, range_of
from symrnn.render.charts.svg import width_of, wrapped

SVG = "{http://www.w3.org/2000/svg}"
STEPS = list(range(1, 11))


def panel(*marks, log=False, title="a title", reading="How to read it."):
    return Panel(title, Axis("step t"), Axis("norm", log=log), marks, reading)


def drawn(*marks, log=False):
    return ET.fromstring(draw_svg(Chart("a chart", (panel(*marks, log=log),))))


def curves(svg):
    """The points of every curve, in pixels."""
    found = []
    for path in svg.iter(SVG + "path"):
        if "curve" in path.get("class", "") and not path.get("d").startswith("M0 -4H"):
            found.append([tuple(map(float, point.split())) for point in path.get("d")[1:].split("L")])
    return found


def ticks_along_y(svg):
    """What the grid's horizontal lines are called, by their height."""
    found = {}
    for text in svg.iter(SVG + "text"):
        if text.get("class") == "tick" and text.get("text-anchor") == "end":
            power = text.find(SVG + "tspan")
            name = text.text.replace("−", "-")
            value = float(name) if power is None else 10 ** float(power.text.replace("−", "-"))
            found[float(text.get("y")) - 4] = value
    return found


def test_a_straight_line_in_a_logarithmic_panel_is_straight_and_meets_the_ticks():
    svg = drawn(Line("falls", STEPS, [10.0**-t for t in STEPS]), log=True)
    (points,) = curves(svg)
    slopes = {round((b[1] - a[1]) / (b[0] - a[0]), 1) for a, b in pairwise(points)}
    assert len(slopes) == 1
    heights = ticks_along_y(svg)
    assert len(heights) >= 3
    for y, value in heights.items():
        nearest = min(points, key=lambda point: abs(point[1] - y))
        t = points.index(nearest) + 1
        assert abs(nearest[1] - y) < 0.2
        assert value == pytest.approx(10.0**-t)


def test_gaps_cut_a_curve_and_a_number_between_two_is_a_point():
    svg = drawn(Line("a", STEPS, [1, 2, 0, 4, math.nan, 6, 7, math.inf, 9, 10]), log=True)
    assert [len(points) for points in curves(svg)] == [2, 2, 2]
    assert len(list(svg.iter(SVG + "circle"))) == 1


def test_bars_pile_up_from_zero_in_both_directions():
    stacks = [Stack("a", [1, 2], [0.75, -0.5]), Stack("b", [1, 2], [0.5, 2.0]), Stack("c", [1, 2], [-0.25, -0.5])]
    found = {(number, x): (low, high) for number, x, low, high in bars(stacks)}
    assert found == {
        (0, 1.0): (0.0, 0.75), (1, 1.0): (0.75, 1.25), (2, 1.0): (-0.25, 0.0),
        (0, 2.0): (-0.5, 0.0), (1, 2.0): (0.0, 2.0), (2, 2.0): (-1.0, -0.5),
    }  # fmt: skip


def pixels(svg):
    """The first picture of a chart, row by row from above."""
    data = base64.b64decode(next(svg.iter(SVG + "image")).get("href").split(",")[1])
    width, height = struct.unpack(">II", data[16:24])
    start = data.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", data[start - 8 : start - 4])
    raw = zlib.decompress(data[start : start + length])
    rows = [raw[k * (4 * width + 1) + 1 : (k + 1) * (4 * width + 1)] for k in range(height)]
    return [[tuple(row[4 * i : 4 * i + 4]) for i in range(width)] for row in rows]


def test_a_map_has_its_first_row_below_and_gaps_left_out():
    svg = drawn(Heat("z", [1, 2, 3], [1, 2], [[1, 10, 0], [100, 1000, math.nan]], log=True))
    low, high = (*ramp(0), 255), (*ramp(1), 255)
    above, below = pixels(svg)
    assert below[0] == low
    assert above[1] == high
    assert above[2] == below[2] == (0, 0, 0, 0)


def test_lines_of_equal_height_lie_on_it():
    """On the circle x² + y² = 1, up to what a grid of 0.05 allows."""
    places = np.linspace(-1.5, 1.5, 61)
    rows = [[x * x + y * y for x in places] for y in places]
    found = list(segments(Contours("", places, places, rows, [1.0]), 1.0))
    assert sum(math.dist(a, b) for a, b in found) == pytest.approx(2 * math.pi, rel=2e-3)
    assert max(abs(math.hypot(*point) - 1) for pair in found for point in pair) < 1e-3


def test_a_saddle_has_two_pieces():
    """High corners are one region where the middle is high, and are cut off one by one where it is low."""
    for rows in ([[1, 0], [0, 1]], [[0, 1], [1, 0]]):
        for level in (0.4, 0.6):
            pieces = list(segments(Contours("", [0, 1], [0, 1], rows, [level]), level))
            middles = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in pieces]
            corners = {(x > 0.5, y > 0.5) for x, y in middles}
            assert len(corners) == 2
            assert {rows[y][x] for x, y in corners} == {0 if level < 0.5 else 1}


@given(
    st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.booleans()
)  # fmt: skip
def test_ticks_are_few_and_within(lower, length, log):
    ends = (abs(lower) + 1e-9, abs(lower) + length + 1) if log else (lower, lower + length)
    scale = Scale(*range_of(Axis("", log=log), ends), log, 0.0, 100.0)
    ticks = scale.ticks()
    assert len(ticks) <= 8
    for value, _ in ticks:
        assert -0.1 <= scale(value) <= 100.1
    names = [name for _, name in ticks]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("values", [[], [0.0], [5.0], [math.nan], [3.0, 3.0], [1e-320, 1e308], [-1e308, 1e308], [-2.0]])
def test_odd_numbers_make_a_chart_all_the_same(values, log):
    svg = draw_svg(Chart("odd", (panel(Line("a", range(len(values)), values), log=log),)))
    ET.fromstring(svg)
    assert not re.search(r"\b(nan|inf)\b", svg)


def test_texts_do_not_leave_the_picture_and_the_legend_does_not_overlap():
    marks = [Line(f"a curve of some length, number {k}", STEPS, [k + t for t in STEPS]) for k in range(7)]
    words = "One says how this is to be read, in more words than a line can hold. " * 3
    chart = Chart("a & b <c>", (panel(*marks, reading=words), panel(Rule("wall", x=2.0), Rule("bound", y=0.5))))
    svg = ET.fromstring(draw_svg(chart))
    width, height = float(svg.get("width")), float(svg.get("height"))
    assert "<c>" in svg.find(SVG + "title").text
    places = []
    for group in svg.iter(SVG + "g"):
        moved = re.match(r"translate\(([\d.]+) ([\d.]+)\)", group.get("transform"))
        for entry in group.findall(SVG + "g"):
            x, y = map(float, re.match(r"translate\(([\d.]+) ([\d.]+)\)", entry.get("transform")).groups())
            places.append((y, x, x + 28 + 5.5 * len(entry.find(SVG + "text").text)))
            assert float(moved[1]) + places[-1][2] <= width + 0.5 * 460
        for text in group.findall(SVG + "text"):
            assert 0 <= float(text.get("y") or 0) + float(moved[2]) <= height
    for one in places:
        for other in places:
            assert one is other or one[0] != other[0] or one[2] <= other[1] or other[2] <= one[1]


def test_no_line_begins_with_a_full_stop():
    for width in range(4, 60):
        lines = wrapped("一行是一个输出，一列是一个输入：离对角线左侧很远仍有颜色，就是记忆。", width)
        assert not any(line[0] in "，：。" for line in lines)
        assert max(map(width_of, lines)) <= width + 2
    assert wrapped("as many words as fit", 9) == ["as many", "words as", "fit"]


def test_png_is_one():
    pytest.importorskip("matplotlib", reason="PNG needs the extra plot")
    marks = (
        Heat("z", STEPS, STEPS, [[a * b for a in STEPS] for b in STEPS]), Line("δ_h", STEPS, STEPS), Rule("wall", x=3.0),
        Contours("z = 20", STEPS, STEPS, [[a * b for a in STEPS] for b in STEPS], [20.0]),
    )  # fmt: skip
    curve = Line("a", STEPS, [0, *STEPS[1:]], band=(STEPS, [2 * t for t in STEPS]))
    data = draw_png(Chart("图", (panel(*marks), panel(curve, log=True), panel(Stack("s", STEPS, STEPS)))))
    assert data.startswith(b"\x89PNG")
    assert io.BytesIO(data).getbuffer().nbytes > 10_000


def test_sparklines_show_shape_gaps_and_logarithms():
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([1, math.nan, 3]) == "▁ █"
    assert sparkline([1e-8, 1e-4, 1], log=True) == "▁▅█"
    assert sparkline([0, 1], log=True) == " ▁"
    assert sparkline([math.nan]) == " "
    assert len(sparkline(range(1000))) == 40
