"""The oracles against backward passes that were written by hand, and against each other."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

import symrnn
from symrnn.checking.check import draw_point, draw_upstreams
from symrnn.checking.oracles import complex_step, five_point, run_base
from symrnn.equations.sample import complete_dims


def _point(source, T=4, N=3, seed=0, dims=None):
    cell = symrnn.load(source) if source in symrnn.zoo else symrnn.cell(source)
    return draw_point(cell, T, N, complete_dims(cell, dims), seed)


def _sigma(a):
    return 1 / (1 + np.exp(-a))


def _hand_gru(p, x, h0, g, g_final):
    """facts/backward.md 3a, z keeps the old state; one sequence at a time, with loops."""
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
    for upstream in draw_upstreams(point, base, 1):
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
    upstreams = draw_upstreams(point, base, 2)
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
    upstream = draw_upstreams(point, base, 5)[-1]
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
    upstream = draw_upstreams(point, base, 0)[-1]
    (estimate,) = five_point(point, [upstream], base)
    wanted = upstream.final["h"] * [1, 0, 1]
    np.testing.assert_allclose(estimate.values["x", "x"][0], wanted, atol=1e-10)
    assert np.isfinite(estimate.errors["x", "x"]).all()


def test_an_entry_on_a_kink_has_an_infinite_error_bar():
    cell = symrnn.cell(textwrap.dedent("def f(x, h):\n    h = abs(x) + h\n    return h\n"))
    point = draw_point(cell, 1, 1, {"n": 2}, 0)
    point.x["x"][:] = [[[1e-9, 0.5]]]
    (estimate,) = five_point(point, draw_upstreams(point, run_base(point), 0)[-1:])
    assert np.isinf(estimate.errors["x", "x"][0, 0, 0])
    assert np.isfinite(estimate.errors["x", "x"][0, 0, 1])
