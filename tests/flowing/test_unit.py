"""The single unit and its error surface, against numbers printed elsewhere and derivatives taken without symrnn."""

import json
import math
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symrnn
from symrnn.flowing import bifurcation_edges

SLOPES = {"tanh": 1.0, "sigmoid": 0.25, "relu": 1.0, "linear": 1.0}
FUNCTIONS = {
    "tanh": np.tanh,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "relu": lambda a: a * (np.real(a) > 0),
    "linear": lambda a: a,
}


def error(w, b, x, T, target):
    """E by hand, for complex numbers too."""
    for _ in range(T):
        x = w / (1 + np.exp(-x)) + b
    return (1 / (1 + np.exp(-x)) - target) ** 2


# Pascanu, Mikolov & Bengio 2013, the unit of their figures 3 and 6.
@pytest.mark.parametrize(
    ("w", "b", "loss", "d_w", "d_b"),
    [
        (5.0, -2.5, 0.0240888688134, 0.0863116694771, 0.100925017637),
        (5.4, -3.0, 0.401222907488, -0.00788913522325, -0.118493892012),
    ],
)
def test_the_cliff_of_pascanu(w, b, loss, d_w, d_b):
    point = symrnn.cliff(w=w, b=b, x0=0.5, T=50, target=0.7)
    assert point.loss == pytest.approx(loss, rel=2e-12)
    assert point.d_w == pytest.approx(d_w, rel=2e-12)
    assert point.d_b == pytest.approx(d_b, rel=2e-12)


def test_the_edges_of_pascanu_are_where_the_number_of_fixed_points_changes():
    edges = bifurcation_edges(5.0)
    assert edges == pytest.approx((-2.344389661369312, -2.655610338630688), abs=1e-15)
    x = np.linspace(-10, 10, 2_000_001)
    for edge in edges:
        counts = [np.count_nonzero(np.diff(np.sign(5 / (1 + np.exp(-x)) + b - x))) for b in (edge - 1e-6, edge + 1e-6)]
        assert sorted(counts) == [1, 3]
    assert bifurcation_edges(4.0) == ()


@given(st.floats(-6, 6), st.floats(-4, 4), st.floats(-2, 2), st.integers(1, 12), st.floats(0.05, 0.95))
def test_the_cliff_by_complex_step(w, b, x0, T, target):
    point, h = symrnn.cliff(w, b, x0=x0, T=T, target=target), 1e-30
    scale = max(1.0, point.norm)
    assert point.loss == pytest.approx(error(w, b, x0, T, target), rel=1e-12, abs=1e-15)
    assert abs(point.d_w - np.imag(error(w + h * 1j, b, x0, T, target)) / h) <= 1e-12 * scale
    assert abs(point.d_b - np.imag(error(w, b + h * 1j, x0, T, target)) / h) <= 1e-12 * scale


def test_the_surface_is_its_points_and_its_wall_lies_between_the_edges_fixed_points():
    surface = symrnn.error_surface(points=30, start=None)
    for j, i in ((0, 0), (7, 20), (29, 11)):
        point = symrnn.cliff(surface.w[i], surface.b[j])
        assert surface.loss[j][i] == pytest.approx(point.loss, rel=1e-12)
        assert surface.steepness[j][i] == pytest.approx(point.norm, rel=1e-9, abs=1e-15)
    for w, b in zip(surface.w, surface.wall, strict=True):
        # The wall is found far more closely than a grid of 30 points has it.
        near = [error(w, b + step, 0.5, 50, 0.7) for step in (-0.02, 0.02)]
        assert abs(near[1] - near[0]) > 0.05
        if w > 5:  # the side that x_0 = 0.5 falls to changes between the edges
            high, low = bifurcation_edges(w)
            assert low < b < high
    assert all(map(math.isnan, symrnn.error_surface((0.1, 1), points=5, start=None).wall))


def test_clipped_descent_keeps_to_the_wall_and_other_descent_is_thrown_far_away():
    """How far, the last digits of the start decide: asked is what holds for most of many starts."""
    thrown, ended = [], []
    for shift in np.linspace(-1e-3, 1e-3, 9):
        surface = symrnn.error_surface(points=2, start=(5.5 + shift, -2.4))
        moves, losses = {}, {}
        for path in surface.descents:
            assert (path.points[0].w, path.points[0].b) == (5.5 + shift, -2.4)
            moves[path.clip] = max(math.dist((p.w, p.b), (q.w, q.b)) for p, q in pairwise(path.points))
            losses[path.clip] = path.points[-1].loss
            for point, following in pairwise(path.points):
                factor = 0.5 if path.clip is None else 0.5 * min(1.0, path.clip / point.norm)
                assert following.w == pytest.approx(point.w - factor * point.d_w)
                assert following.b == pytest.approx(point.b - factor * point.d_b)
        assert moves[0.2] <= 0.5 * 0.2 + 1e-12
        assert losses[0.2] < 0.02
        thrown.append(moves[None])
        ended.append(losses[None])
    assert max(thrown) > 1.0
    assert max(ended) > 0.05  # left on the plateau, where the gradient is next to nothing


@pytest.mark.parametrize("function", list(SLOPES))
@pytest.mark.parametrize("w", [0.5, 1.0, 1.5, -1.2, 4.0])
def test_the_influence_of_a_pulse(function, w):
    """By complex step, and by no more than its bound, for weights below, at and above 1."""
    T, tau, h = 12, 3, 1e-30
    found = symrnn.single_unit(w, function=function, T=T, tau=tau, x=0.7)
    state, expected = 0j, []
    for t in range(1, T + 1):
        state = FUNCTIONS[function](w * state + (0.7 + h * 1j if t == tau else 0))
        expected.append(np.imag(state) / h)
    (curve,) = found.curves
    np.testing.assert_allclose(curve.influence, expected[tau - 1 :], rtol=1e-12, atol=1e-14)
    bound = [SLOPES[function] * (abs(w) * SLOPES[function]) ** k for k in range(T - tau + 1)]
    np.testing.assert_allclose(curve.bound, bound, rtol=1e-12)
    assert np.all(np.abs(curve.influence) <= np.asarray(curve.bound) * (1 + 1e-12))


def test_what_vanishes_explodes_and_is_kept():
    ends = {c.w: abs(c.influence[-1]) for c in symrnn.single_unit((0.9, 1.0, 1.1), function="linear", T=100).curves}
    assert ends[0.9] == pytest.approx(0.9**99)
    assert ends[1.0] == 1.0
    assert ends[1.1] == pytest.approx(1.1**99)
    # What is saturated vanishes above 1, too.
    assert abs(symrnn.single_unit(1.5, function="tanh", T=100).curves[0].influence[-1]) < 1e-3


def test_every_function_has_a_panel_and_every_curve_a_bound():
    chart = symrnn.single_unit((0.9, 1.1), T=8).chart()
    assert [panel.title.split(",")[0] for panel in chart.panels] == [f"φ = {name}" for name in SLOPES]
    for panel in chart.panels:
        assert [mark.label for mark in panel.marks] == ["w = 0.9", "w = 1.1", "sup|φ′| (|w| sup|φ′|)^(t−1)", ""]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_pictures_and_records(lang):
    for found in (symrnn.single_unit(T=8), symrnn.error_surface(points=5, steps=3)):
        ET.fromstring(found.svg(lang))
        assert json.loads(found.to_json())["T"] == found.T
        assert found.text()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: symrnn.cliff(w=math.nan), "`w` is a finite number, not nan"),
        (lambda: symrnn.cliff(T=0), "`T` is a whole number of at least 1, not 0"),
        (lambda: symrnn.single_unit(()), "needs a weight, such as 0.9"),
        (lambda: symrnn.single_unit(function="tan"), "tanh"),
        (lambda: symrnn.single_unit(function=()), "needs a function: tanh, sigmoid, relu, linear"),
        (lambda: symrnn.single_unit(function=3), "`function` is one of 'tanh'"),
        (lambda: symrnn.single_unit(T=5, tau=6), "`tau` is a whole number of at most 5, not 6"),
        (lambda: symrnn.error_surface((5, 4)), "w goes from 5 to 4\n  mend: the smaller end first"),
        (lambda: symrnn.error_surface(points=5000), "mend: fewer points, or a smaller T"),
    ],
)
def test_what_is_wrong_is_said(call, message):
    with pytest.raises(symrnn.OptionError) as caught:
        call()
    assert message in str(caught.value)
