"""The figures of the zoo as a viewer sees them: every edge keeps clear of every box that it does not end at."""

import re
import xml.etree.ElementTree as ET

import numpy as np

import symrnn
from symrnn.render import LANGUAGES
from symrnn.render.figure import LARGEST, draw_figure
from symrnn.render.names import name_variables

SVG = "{http://www.w3.org/2000/svg}"
CLEARANCE = 5


def drawn(cell):
    derivation = symrnn.derive(cell)
    figure = draw_figure(derivation, name_variables(derivation), LANGUAGES["en"])
    return figure.svg if figure is not None else ""


def boxes_of(root):
    """Corners (left, top, right, bottom) of every box."""
    rects = [group.find(f"{SVG}rect") for group in root.iter(f"{SVG}g") if group.get("class")]
    numbers = [[float(rect.get(key)) for key in ("x", "y", "width", "height")] for rect in rects]
    return np.array([(x, y, x + width, y + height) for x, y, width, height in numbers])


def points_of(path):
    """Many points along a path of M, H and C."""
    place, found = np.zeros(2), []
    for command, numbers in re.findall(r"([A-Z])([^A-Z]*)", path):
        values = [float(number) for number in re.findall(r"-?[\d.]+", numbers)]
        if command == "C":
            ends = np.array([place, *np.reshape(values, (3, 2))])
        else:
            ends = np.linspace(
                place if command == "H" else values, [values[0], place[1]] if command == "H" else values, 4
            )
        t = np.linspace(0, 1, 41)[:, None]
        found.append(
            (1 - t) ** 3 * ends[0] + 3 * t * (1 - t) ** 2 * ends[1] + 3 * t**2 * (1 - t) * ends[2] + t**3 * ends[3]
        )
        place = ends[-1]
    return np.concatenate(found)


def trespasses(svg):
    """Edges that come near a box other than the one they start from and the one they end at."""
    root = ET.fromstring(svg)
    boxes = boxes_of(root)
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    found = []
    edges = [path.get("d") for path in root.findall(f"{SVG}path")]
    for edge in edges:
        points = points_of(edge)
        source = (abs(boxes[:, 2] - points[0, 0]) < 0.1) & (abs(middle - points[0, 1]) < 0.1)
        target = (abs(boxes[:, 0] - points[-1, 0]) < 0.1) & (abs(middle - points[-1, 1]) < 0.1)
        assert source.sum() == target.sum() == 1, edge
        others = boxes[~(source | target)][:, None]
        low, high = others[..., :2] - CLEARANCE, others[..., 2:] + CLEARANCE
        inside = ((points > low) & (points < high)).all(axis=-1)
        # An edge starts at the side of its box and leaves it at once.
        own = boxes[source | target][:, None]
        inside_own = ((points > own[..., :2] + 0.1) & (points < own[..., 2:] - 0.1)).all(axis=-1)
        found += [edge] * bool(inside.any() or inside_own.any())
    return found, len(edges)


def test_no_edge_of_the_zoo_passes_a_box():
    wrong, edges = {}, 0
    for cell in symrnn.zoo:
        found, count = trespasses(drawn(cell))
        edges += count
        wrong |= {cell: found} if found else {}
    assert wrong == {}
    assert edges > 1000


def test_an_edge_behind_a_box_is_noticed():
    svg = drawn("lstm")
    (left, top, right, bottom), *_ = boxes_of(ET.fromstring(svg))[2:]
    edge = next(edge for edge in re.findall(r'd="(M[^"]*C[^"]*)"', svg) if not edge.startswith(f"M{right:g} "))
    start, end = edge.split("C")[0], edge.split(" ")[-2:]
    behind = f"{start}C{left:g} {top:g} {right:g} {bottom:g} {' '.join(end)}"
    assert trespasses(svg) == ([], trespasses(svg)[1])
    assert trespasses(svg.replace(edge, behind))[0]


def test_a_graph_too_large_to_read_is_left_out_and_the_page_says_so():
    lines = "\n".join(f"    h = tanh(h + b_{k})" for k in range(LARGEST + 1))
    derivation = symrnn.derive(f"def f(x: (n,), h: (n,)):\n{lines}\n    h = h + x\n    return h\n")
    page = derivation.markdown()
    assert "<svg" not in derivation.html()
    assert f"No graph is drawn: it would have more than {LARGEST} boxes for equations." in page
