"""The oracles against backward passes that were written by hand, and against each other."""

from __future__ import annotations

import statistics
import textwrap

import numpy as np
import pytest
from benchmarks.oracles import measure

import symrnn
from symrnn.checking.oracles import (
    Entry,
    by_complex_step,
    by_differences,
    by_extrapolation,
    by_high_precision,
    by_slopes,
    cell_problem,
    complex_step,
    five_point,
    function_problem,
    judge,
    resolutions,
    run_base,
)
from symrnn.checking.oracles.noise import loss_noise
from symrnn.checking.points import draw_point, draw_upstreams
from symrnn.equations.sample import complete_dims


def _point(source, T=4, N=3, seed=0, dims=None):
    cell = symrnn.load(source) if source in symrnn.zoo else symrnn.cell(source)
    return draw_point(cell, T, N, complete_dims(cell, dims), seed)


def _sigma(a):
    return 1 / (1 + np.exp(-a))


def _hand_gru(p, x, h0, g, g_final):
    """The GRU with the reset before the product, as published; z keeps the old state; one sequence at a time, with loops."""
    T, N = x.shape[:2]
    grads = {name: np.zeros_like(value) for name, value in p.items()}
    dx, dh0 = np.zeros_like(x), np.zeros_like(h0)
    for b in range(N):
        h, tape = h0[b], []
        for t in range(T):
            z = _sigma(p["W_z"] @ x[t, b] + p["R_z"] @ h + p["b_z"])
            r = _sigma(p["W_r"] @ x[t, b] + p["R_r"] @ h + p["b_r"])
            n = np.tanh(p["W_n"] @ x[t, b] + p["R_n"] @ (r * h) + p["b_n"])
            tape.append((h, z, r, n))
            h = z * h + (1 - z) * n
        carry = g_final[b]
        for t in reversed(range(T)):
            h, z, r, n = tape[t]
            dh = g[t, b] + carry
            da_n = dh * (1 - z) * (1 - n**2)
            da_z = dh * (h - n) * z * (1 - z)
            u = p["R_n"].T @ da_n
            da_r = u * h * r * (1 - r)
            carry = dh * z + u * r + p["R_z"].T @ da_z + p["R_r"].T @ da_r
            for gate, da, inner in (("z", da_z, h), ("r", da_r, h), ("n", da_n, r * h)):
                grads[f"W_{gate}"] += np.outer(da, x[t, b])
                grads[f"R_{gate}"] += np.outer(da, inner)
                grads[f"b_{gate}"] += da
                dx[t, b] += p[f"W_{gate}"].T @ da
        dh0[b] = carry
    return grads, dx, dh0


def _hand_lstm(p, x, h0, c0, g, g_h, g_c):
    T, N = x.shape[:2]
    grads = {name: np.zeros_like(value) for name, value in p.items()}
    dx, dh0, dc0 = np.zeros_like(x), np.zeros_like(h0), np.zeros_like(c0)
    for b in range(N):
        h, c, tape = h0[b], c0[b], []
        for t in range(T):
            a = {k: p[f"W_{k}"] @ x[t, b] + p[f"R_{k}"] @ h + p[f"b_{k}"] for k in "ifgo"}
            i, f, o, u = _sigma(a["i"]), _sigma(a["f"]), _sigma(a["o"]), np.tanh(a["g"])
            tape.append((h, c, i, f, o, u, f * c + i * u))
            c = f * c + i * u
            h = o * np.tanh(c)
        carry_h, carry_c = g_h[b], g_c[b]
        for t in reversed(range(T)):
            h, c, i, f, o, u, c_new = tape[t]
            dh = g[t, b] + carry_h
            dc = carry_c + dh * o * (1 - np.tanh(c_new) ** 2)
            da = {
                "o": dh * np.tanh(c_new) * o * (1 - o),
                "f": dc * c * f * (1 - f),
                "i": dc * u * i * (1 - i),
                "g": dc * i * (1 - u**2),
            }
            carry_c = dc * f
            carry_h = sum(p[f"R_{k}"].T @ da[k] for k in "ifgo")
            dx[t, b] = sum(p[f"W_{k}"].T @ da[k] for k in "ifgo")
            for k in "ifgo":
                grads[f"W_{k}"] += np.outer(da[k], x[t, b])
                grads[f"R_{k}"] += np.outer(da[k], h)
                grads[f"b_{k}"] += da[k]
        dh0[b], dc0[b] = carry_h, carry_c
    return grads, dx, dh0, dc0


@pytest.mark.parametrize("name", ["gru", "lstm"])
@pytest.mark.parametrize(("T", "N"), [(5, 3), (1, 1)])
def test_complex_step_is_exact_to_rounding(name, T, N):
    point = _point(name, T, N)
    base = run_base(point)
    for upstream in draw_upstreams(point, 1):
        (estimate,) = complex_step(point, [upstream], base)
        if name == "gru":
            params, dx, dh = _hand_gru(
                point.params, point.x["x"], point.state["h"], upstream.outputs["h"], upstream.final["h"]
            )
            states = {"h": dh}
        else:
            arrays = (point.x["x"], point.state["h"], point.state["c"], upstream.outputs["h"])
            params, dx, dh, dc = _hand_lstm(point.params, *arrays, upstream.final["h"], upstream.final["c"])
            states = {"h": dh, "c": dc}
        wanted = {("params", k): v for k, v in params.items()} | {("x", "x"): dx}
        wanted |= {("state", k): v for k, v in states.items()}
        assert set(estimate.values) == set(wanted)
        for key, right in wanted.items():
            np.testing.assert_allclose(estimate.values[key], right, rtol=0, atol=1e-14 * max(1, np.abs(right).max()))


@pytest.mark.parametrize(
    "name",
    [
        "delta",
        "lnrnn",
        "catlstm",
        "attention",
        "tied",
        "lse",
        "branches",
        "stopped",
        "kinked",
        "smooth",
        "matrix",
        "gated",
    ],
)
def test_differences_stay_within_their_error_bar(texts, name):
    point = _point(texts[name])
    base = run_base(point)
    upstreams = draw_upstreams(point, 2)
    for exact, approximate in zip(
        complex_step(point, upstreams, base), five_point(point, upstreams, base), strict=True
    ):
        for key, truth in exact.values.items():
            errors = approximate.errors[key]
            assert (np.abs(approximate.values[key] - truth) <= errors).all()
            # The bar is of use: most entries are known to seven digits of the array's largest.
            assert np.median(errors) <= 1e-7 * max(np.abs(truth).max(), 1e-2)


def test_stop_gradient_is_constant_over_all_steps(texts):
    """h = s tanh(a) + (1 − s) h with s stopped, and a with h stopped: ∂h_t/∂h_{t−1} is 1 − s_t alone."""
    point = _point(texts["stopped"], T=3, N=2)
    base = run_base(point)
    upstream = draw_upstreams(point, 5)[-1]
    for (estimate,) in (complex_step(point, [upstream], base), five_point(point, [upstream], base)):
        keep = np.prod([1 - values["s"][0] for values in base.run.steps], axis=0)
        np.testing.assert_allclose(estimate.values["state", "h"], upstream.final["h"] * keep, rtol=1e-9)


def test_a_difference_does_not_cross_a_kink():
    """relu of 0.001: an ordinary step of 0.002 would cross zero; the step is shortened."""
    cell = symrnn.cell("def f(x, h):\n    h = relu(x) + h\n    return h\n")
    point = draw_point(cell, 1, 1, {"n": 3}, 0)
    point.x["x"][:] = [[[0.001, -0.001, 0.5]]]
    base = run_base(point)
    assert base.kinks.margin() == 0.001
    upstream = draw_upstreams(point, 0)[-1]
    (estimate,) = five_point(point, [upstream], base)
    wanted = upstream.final["h"] * [1, 0, 1]
    np.testing.assert_allclose(estimate.values["x", "x"][0], wanted, atol=1e-10)
    assert np.isfinite(estimate.errors["x", "x"]).all()


def test_an_entry_on_a_kink_has_an_infinite_error_bar():
    cell = symrnn.cell(textwrap.dedent("def f(x, h):\n    h = abs(x) + h\n    return h\n"))
    point = draw_point(cell, 1, 1, {"n": 2}, 0)
    point.x["x"][:] = [[[1e-9, 0.5]]]
    (estimate,) = five_point(point, draw_upstreams(point, 0)[-1:])
    assert np.isinf(estimate.errors["x", "x"][0, 0, 0])
    assert np.isfinite(estimate.errors["x", "x"][0, 0, 1])


# Every oracle ------------------------------------------------------------------------------------------------

ORACLES = {
    "complex step": by_complex_step,
    "five-point": by_differences,
    "seven-point": lambda problem, entries=None: by_differences(problem, entries, points=7),
    "Richardson": by_extrapolation,
    "50 digits": by_high_precision,
}


def _lstm():
    point = _point("lstm", T=2, N=2, dims={"m": 1, "n": 2})
    base = run_base(point)
    upstream = draw_upstreams(point, 3)[0]
    params, dx, dh, dc = _hand_lstm(
        point.params, point.x["x"], *point.state.values(), upstream.outputs["h"], *upstream.final.values()
    )
    right = {("params", name): value for name, value in params.items()} | {("x", "x"): dx}
    return cell_problem(point, [upstream], base), right | {("state", "h"): dh, ("state", "c"): dc}


@pytest.mark.parametrize("name", ORACLES)
def test_an_oracle_agrees_with_a_right_gradient_and_catches_a_planted_error(name):
    problem, right = _lstm()
    (estimate,) = ORACLES[name](problem)
    assert (estimate.oracle, estimate.applies) == (name, True)
    widest = resolutions(problem.arrays, right, 2.0**-53, 1.0)
    for key, value in right.items():
        tolerance = 1e-14 * np.maximum(1.0, np.abs(value))
        found = judge(key, value, estimate, tolerance, widest[key])
        assert found.verdict == "agree", (key, found)
        assert found.asked.all()
        place = np.unravel_index(np.abs(value).argmax(), value.shape)
        wrong = value.copy()
        wrong[place] *= 1 + 1e-8
        bad = judge(key, wrong, estimate, tolerance, widest[key])
        assert (bad.verdict, bad.index) == ("disagree", tuple(map(int, place)))
        assert bad.wrong.sum() == 1
        assert bad.error == pytest.approx(1e-8 * abs(value[place]), rel=1e-2)
        wrong[place] = np.nan
        assert judge(key, wrong, estimate, tolerance, widest[key]).verdict == "not finite"


@pytest.mark.parametrize("name", ORACLES)
def test_an_oracle_can_be_asked_about_some_entries(name):
    problem, right = _lstm()
    entries = [Entry(("params", "R_f"), (1, 0)), Entry(("x", "x"), (1, 0))]
    (estimate,) = ORACLES[name](problem, entries)
    values = estimate.values
    assert np.isfinite(values["params", "R_f"]).sum() == 1
    assert values["params", "R_f"][1, 0] == pytest.approx(right["params", "R_f"][1, 0], rel=1e-9)
    # In the input it is the entry in every sequence of the batch.
    np.testing.assert_allclose(values["x", "x"][1, :, 0], right["x", "x"][1, :, 0], rtol=1e-9)
    assert np.isnan(values["x", "x"][0]).all()
    assert np.isnan(values["params", "W_i"]).all()


def test_error_bars_are_honest_and_of_use():
    """A small run of the benchmark: truth from 80-digit arithmetic in scalar loops."""
    rows = {row.name: row for row in measure(range(1))}
    medians = {name: statistics.median(row.errors) for name, row in rows.items()}
    assert medians["complex step"] < 1e-15
    assert medians["50 digits"] < 1e-16
    for name in ("five-point", "seven-point", "Richardson"):
        assert medians[name] < 1e-11
    for name in ORACLES:
        assert rows[name].dishonest == 0.0, name
        assert statistics.median(rows[name].bars) < 1e-9


def test_jolts_show_what_rounding_does_to_a_cancellation():
    """1 + h − 1 keeps few digits of a small h: the error bar of complex step knows."""
    (cancelled, plain) = (
        by_complex_step(cell_problem(point, draw_upstreams(point, 0)[:1]))[0]
        for point in (
            _point(f"def f(x, h):\n    h = square({text}) + x\n    return h\n", T=1, N=1) for text in ("1 + h - 1", "h")
        )
    )
    wide, narrow = (np.median(e.errors["state", "h"] / np.abs(e.values["state", "h"])) for e in (cancelled, plain))
    assert narrow < 1e-13 < 1e-13 / narrow  # a few units of 2^-53
    assert wide > narrow


# Kinks -------------------------------------------------------------------------------------------------------

KINKED = {
    "relu": "relu(x)",
    "abs": "abs(x)",
    "tie": "maximum(x, x * x)",
    "clip": "clip(x, 0, 2)",
    "norm": "norm(x) + 0 * x",
}


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("kink", KINKED)
def test_an_oracle_says_that_a_point_sits_on_a_kink(kink, name):
    point = _point(f"def f(x, h):\n    h = {KINKED[kink]} + h\n    return h\n", T=1, N=1, dims={"n": 1})
    point.x["x"][...] = 0.0
    problem = cell_problem(point, draw_upstreams(point, 0)[:1])
    (estimate,) = ORACLES[name](problem)
    assert estimate.kinked["x", "x"].all()
    assert np.isinf(estimate.errors["x", "x"]).all()
    # Only what crosses the kink is lost.
    assert not estimate.kinked["state", "h"].any()
    found = judge(("x", "x"), np.array([[[7.0]]]), estimate, np.zeros((1, 1, 1)), 1e-8)
    assert (found.verdict, bool(found.wrong.any())) == ("unresolved", False)


def test_a_kink_that_is_multiplied_by_zero_is_no_kink_for_complex_step():
    """relu of relu's zeros: nothing moves there."""
    point = _point("def f(x, h):\n    h = relu(relu(x)) + h\n    return h\n", T=1, N=1, dims={"n": 2})
    point.x["x"][...] = [[[-1.0, 0.5]]]
    base = run_base(point)
    assert base.kinks.exact()
    (estimate,) = by_complex_step(cell_problem(point, draw_upstreams(point, 0)[:1], base))
    assert not estimate.kinked["x", "x"].any()


# Functions ---------------------------------------------------------------------------------------------------


def _problem(function, **arrays):
    arrays = {name: np.asarray(array, dtype=float) for name, array in arrays.items()}
    return function_problem(lambda given: function(**given), arrays, np.ones(()))


def _stable_sigmoid(a):
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1 / (1 + e), e / (1 + e)).sum()


def _buffered(a):
    buffer = np.zeros(a.shape)
    buffer[:] = a
    return (buffer**2).sum()


DROPPING = {
    "abs": (lambda a: np.abs(a).sum(), "drops imaginary parts"),
    "stable sigmoid": (_stable_sigmoid, "drops imaginary parts"),
    "norm": (lambda a: np.linalg.norm(a) * a[0], "drops imaginary parts"),
    "vdot": (lambda a: np.vdot(a, a), "drops imaginary parts"),
    "real": (lambda a: (a.real**2).sum(), "drops imaginary parts"),
    "astype": (lambda a: (a.astype(float) ** 2).sum(), "raises ComplexWarning"),
    "buffer": (_buffered, "raises ComplexWarning"),
    "float": (lambda a: sum(float(v) ** 2 for v in a), "raises ComplexWarning"),
    "hypot": (lambda a: np.hypot(a, 1.0).sum(), "raises TypeError: ufunc 'hypot' not supported"),
}


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize("name", DROPPING)
def test_complex_step_refuses_functions_that_are_not_analytic(name):
    function, reason = DROPPING[name]
    problem = _problem(function, a=[0.5, -1.5, 2.0])
    (estimate,) = by_complex_step(problem)
    assert not estimate.applies
    assert reason in estimate.refusal
    (difference,) = by_differences(problem, points=7)
    (extrapolated,) = by_extrapolation(problem)
    gap = np.abs(difference.values["array", "a"] - extrapolated.values["array", "a"])
    assert (gap <= difference.errors["array", "a"] + extrapolated.errors["array", "a"]).all()


def test_high_precision_refuses_functions():
    (estimate,) = by_high_precision(_problem(lambda a: a.sum(), a=[1.0]))
    assert estimate.refusal == "only what symrnn can read may be computed with other kinds of number"


def test_complex_step_of_a_function_and_its_error_bar():
    problem = _problem(lambda a, b: np.exp(a @ b) * np.tanh(a).sum(), a=[0.5, -1.5, 2.0], b=[1.0, 0.25, -0.5])
    (estimate,) = by_complex_step(problem)
    a, b = problem.arrays["array", "a"], problem.arrays["array", "b"]
    right = np.exp(a @ b) * (b * np.tanh(a).sum() + 1 - np.tanh(a) ** 2)
    gap = np.abs(estimate.values["array", "a"] - right)
    assert (gap <= 1e-14).all()
    assert (estimate.errors["array", "a"] < 1e-13).all()
    assert (estimate.errors["array", "a"] > 0).all()


@pytest.mark.parametrize("at", [0.0, 1e-5, -3e-4])
def test_differences_see_kinks_of_functions_that_say_nothing_of_them(at):
    problem = _problem(lambda a: np.abs(a).sum(), a=[at, 0.7])
    for (estimate,) in (by_differences(problem, points=7), by_differences(problem), by_extrapolation(problem)):
        bar = estimate.errors["array", "a"]
        if at == 0:
            assert np.isinf(bar[0])
            assert estimate.kinked["array", "a"].tolist() == [True, False]
        else:
            # Beside the kink, the step becomes shorter than the way to it, or the bar says so.
            assert abs(estimate.values["array", "a"][0] - np.sign(at)) <= bar[0]
        assert abs(estimate.values["array", "a"][1] - 1) <= bar[1] < 1e-9


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_steps_fit_the_size_of_the_array(scale):
    problem = _problem(lambda a: np.sin(a / scale).sum(), a=scale * np.array([0.5, -1.5, 2.0]))
    right = np.cos(problem.arrays["array", "a"] / scale) / scale
    for (estimate,) in (by_differences(problem, points=7), by_differences(problem), by_extrapolation(problem)):
        gap = np.abs(estimate.values["array", "a"] - right)
        assert (gap <= estimate.errors["array", "a"]).all()
        assert (estimate.errors["array", "a"] < 1e-8 * np.abs(right).max()).all()


def test_noise_is_measured_where_a_function_computes_in_a_narrow_type():
    problem = _problem(lambda a: np.tanh(a.astype("float32")).sum(), a=[0.5, -1.5, 2.0])
    noise = float(loss_noise(problem, 0)[0, 0])
    assert 1e-9 < noise < 1e-6
    exact = float(loss_noise(_problem(lambda a: np.tanh(a).sum(), a=[0.5, -1.5, 2.0]), 0)[0, 0])
    assert 1e-18 < exact < 1e-15
    (estimate,) = by_differences(problem)
    gap = np.abs(estimate.values["array", "a"] - (1 - np.tanh([0.5, -1.5, 2.0]) ** 2))
    assert (gap <= estimate.errors["array", "a"]).all()


def test_a_function_outside_of_its_domain_gets_a_shorter_step():
    problem = _problem(lambda a: np.log(a).sum(), a=[1e-4, 1.0])
    for (estimate,) in (by_differences(problem, points=7), by_extrapolation(problem)):
        assert (np.abs(estimate.values["array", "a"] - [1e4, 1.0]) <= estimate.errors["array", "a"]).all()
        assert np.isfinite(estimate.errors["array", "a"]).all()


def test_slopes_and_the_order_of_the_taylor_remainder():
    problem, right = _lstm()
    for slope in by_slopes(problem, (right,)):
        assert abs(slope.computed - slope.expected) <= slope.bar + 1e-14 * slope.magnitude
        assert slope.order == pytest.approx(2, abs=0.3)
    wrong = {key: value * (1 + 1e-3) for key, value in right.items()}
    for slope in by_slopes(problem, (wrong,)):
        assert abs(slope.computed - slope.expected) > 100 * slope.bar
        assert slope.order < 1.6
