"""References and comparisons: right code agrees, one wrong entry is named, whatever is not a number is said to be."""

import importlib.util
import json
import pathlib
from dataclasses import replace

import numpy as np
import pytest

import symrnn
from symrnn.checking.oracles import Point, Upstream
from symrnn.checking.reference import FLOAT32, FLOAT64, build_references, compare
from symrnn.checking.rounding import Spread
from symrnn.errors import InputError, OptionError

_path = pathlib.Path(__file__).parents[1] / "numeric" / "handwritten.py"
_spec = importlib.util.spec_from_file_location("handwritten", _path)
handwritten = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(handwritten)

UNITS = {"float32": FLOAT32, "float64": FLOAT64}


def pose(name="peephole_lstm", T=6, N=3, m=4, n=5, seed=0, scale=1.0, dtype="float64"):
    """A point and a gradient from above whose numbers the type holds."""
    cell = symrnn.load(name)
    sample = cell.sample(T=T, N=N, dims={"m": m, "n": n}, seed=seed, scale=scale, dtype=dtype)
    generator = np.random.default_rng(seed + 1)

    def wide(arrays):
        return {key: array.astype(float) for key, array in arrays.items()}

    def draw(shape):
        return generator.standard_normal(shape).astype(dtype).astype(float)

    point = Point(cell, {"m": m, "n": n}, T, N, wide(sample.params), {"x": sample.x.astype(float)}, wide(sample.state))
    return point, Upstream("all", {"h": draw((T, N, n))}, {key: draw((N, n)) for key in cell.states})


def by_hand(point, upstream, dtype="float64"):
    """What the pass written by hand computes, under the names of a reference."""

    def cast(arrays):
        return {key: array.astype(dtype) for key, array in arrays.items()}

    pass_ = getattr(handwritten, point.cell.name)
    state, final = cast(point.state), cast(upstream.final)
    with np.errstate(all="ignore"):
        h, d, dx, *d_state = pass_(
            cast(point.params),
            point.x["x"].astype(dtype),
            *state.values(),
            upstream.outputs["h"].astype(dtype),
            *final.values(),
        )
    found = {("output", "h"): h, ("x", "x"): dx} | {("params", key): value for key, value in d.items()}
    return found | {("state", key): value for key, value in zip(state, d_state, strict=True)}


def refer(point, upstream, **options):
    (reference,) = build_references(symrnn.derive(point.cell), point, (upstream,), **options)
    return reference


@pytest.mark.parametrize("name", ["rnn", "peephole_lstm"])
@pytest.mark.parametrize("dtype", UNITS)
@pytest.mark.parametrize(("scale", "T"), [(0.1, 1), (1.0, 20), (8.0, 30)])
def test_passes_written_by_hand_agree(name, dtype, scale, T):
    point, upstream = pose(name, T=T, scale=scale, dtype=dtype)
    agreements = compare(by_hand(point, upstream, dtype), refer(point, upstream), UNITS[dtype])
    assert {a.key for a in agreements} == set(by_hand(point, upstream, dtype))
    for agreement in agreements:
        assert agreement, agreement
        assert agreement.verdict == "agree"
        assert agreement.ratio <= 1


@pytest.mark.parametrize(("dtype", "size"), [("float64", 1e-11), ("float32", 1e-2)])
def test_one_wrong_entry_is_named(dtype, size):
    point, upstream = pose(dtype=dtype)
    reference, right = refer(point, upstream), by_hand(point, upstream, dtype)
    for key, array in right.items():
        index = np.unravel_index(np.argmax(abs(array)), array.shape)
        wrong = array.copy()
        wrong[index] *= 1 + size
        (agreement,) = compare({key: wrong}, reference, UNITS[dtype])
        assert not agreement
        assert agreement.verdict == "disagree"
        assert agreement.index == tuple(index)
        assert agreement.wrong.sum() == 1
        assert agreement.wrong[index]
        assert agreement.computed == float(wrong[index])
        assert agreement.expected == reference.values[key][index]
        assert agreement.error == pytest.approx(size * abs(array[index]), rel=0.1)
        assert agreement.ratio == pytest.approx(agreement.error / agreement.tolerance)
        assert agreement.ratio > 1


def test_magnitudes_are_sums_of_absolute_terms_written_as_loops():
    point, upstream = pose("rnn", T=4)
    magnitudes = refer(point, upstream).magnitudes
    p, x, h = point.params, point.x["x"], [point.state["h"]]
    for t in range(4):
        h.append(np.tanh(x[t] @ p["W"].T + h[-1] @ p["R"].T + p["b"]))
    back, expected = upstream.final["h"], {"W": 0.0, "R": 0.0, "b": 0.0}
    for t in reversed(range(4)):
        delta = (upstream.outputs["h"][t] + back) * (1 - h[t + 1] ** 2)
        expected["W"] += np.einsum("bi,bj->ij", abs(delta), abs(x[t]))
        expected["R"] += np.einsum("bi,bj->ij", abs(delta), abs(h[t]))
        expected["b"] += abs(delta).sum(axis=0)
        np.testing.assert_allclose(magnitudes["x", "x"][t], abs(delta) @ abs(p["W"]), rtol=1e-12)
        back = delta @ p["R"]
    for name, value in expected.items():
        np.testing.assert_allclose(magnitudes["params", name], value, rtol=1e-12)
    np.testing.assert_allclose(magnitudes["state", "h"], abs(delta) @ abs(p["R"]), rtol=1e-12)
    np.testing.assert_allclose(magnitudes["output", "h"], abs(np.array(h[1:])), rtol=1e-12)


def test_saturated_gates_widen_the_tolerances_of_what_they_spoil_and_of_nothing_else():
    point, upstream = pose("lstm", T=5)
    bias = np.array([40.0, 0.0, 0.0, 0.0, 0.0])  # σ(40) is 1 in every type: what is left of f (1 − f) is rounding
    closed = replace(point, params={**point.params, "b_f": bias})
    reference = refer(closed, upstream)
    tolerances, values = reference.tolerances(FLOAT32)["params", "W_f"], abs(reference.values["params", "W_f"])
    assert (tolerances[0] > 1e3 * values[0]).all()
    assert np.median(tolerances[1:] / values[1:]) < 1e-3


def test_an_entry_that_cannot_but_be_zero_must_be_zero():
    point, upstream = pose("lstm", T=4)
    nothing = {"h": np.where(np.arange(4)[:, None, None] < 2, upstream.outputs["h"], 0.0)}
    early = replace(upstream, outputs=nothing, final={key: np.zeros_like(g) for key, g in upstream.final.items()})
    reference = refer(point, early)
    d_x = reference.values["x", "x"]
    assert not d_x[2:].any()
    for unit in (FLOAT32, FLOAT64):
        (agreement,) = compare({("x", "x"): d_x}, reference, unit)
        assert agreement
        wrong = d_x.copy()
        wrong[3, 1, 2] = 1e-30
        (agreement,) = compare({("x", "x"): wrong}, reference, unit)
        assert not agreement
        assert agreement.index == (3, 1, 2)


def test_what_is_no_number_is_wrong_where_there_is_one():
    point, upstream = pose()
    reference, right = refer(point, upstream), by_hand(point, upstream)
    for bad in (np.nan, np.inf, -np.inf):
        wrong = right["params", "R_f"].copy()
        wrong[1, 2] = bad
        (agreement,) = compare({("params", "R_f"): wrong}, reference, FLOAT64)
        assert not agreement
        assert agreement.verdict == "not finite"
        assert agreement.index == (1, 2)
        assert agreement.wrong.sum() == 1


def test_nothing_is_said_where_the_reference_is_no_number():
    point, upstream = pose("rnn")
    lost = replace(upstream, outputs={"h": np.full_like(upstream.outputs["h"], np.nan)})
    reference = refer(point, lost)
    (agreement,) = compare({("params", "W"): np.ones((5, 4))}, reference, FLOAT64)
    assert agreement.verdict == "unresolved"
    assert agreement.unknown.all()
    assert not agreement.wrong.any()


def test_a_number_too_large_for_float32_may_be_an_infinity_of_its_sign():
    point, upstream = pose("rnn", dtype="float32")
    huge = replace(upstream, outputs={"h": upstream.outputs["h"] * 1e39})
    reference = refer(point, huge)
    with np.errstate(over="ignore"):
        single = reference.values["params", "b"].astype(np.float32)
    assert np.isinf(single).all()
    (agreement,) = compare({("params", "b"): single}, reference, FLOAT32)
    assert agreement
    (agreement,) = compare({("params", "b"): -single}, reference, FLOAT32)
    assert agreement.verdict == "not finite"
    (agreement,) = compare({("params", "b"): single}, reference, FLOAT64)
    assert agreement.verdict == "not finite"


def test_numbers_that_float32_cannot_hold_may_enter_rounded():
    point, upstream = pose("rnn", T=3, scale=0.5)
    reference = refer(point, upstream)
    for agreement in compare(by_hand(point, upstream, "float32"), reference, FLOAT32):
        assert agreement, agreement


def test_the_same_seed_gives_the_same_tolerances_and_each_upstream_its_own_values():
    point, upstream = pose("rnn")
    other = replace(upstream, outputs={"h": -2.0 * upstream.outputs["h"]})
    first, second = (build_references(symrnn.derive("rnn"), point, (upstream, other), seed=4) for _ in range(2))
    for one, two in zip(first, second, strict=True):
        for key, tolerance in one.tolerances(FLOAT64).items():
            np.testing.assert_array_equal(tolerance, two.tolerances(FLOAT64)[key])
    third = refer(point, upstream, seed=5)
    assert (third.tolerances(FLOAT64)["params", "W"] != first[0].tolerances(FLOAT64)["params", "W"]).any()
    assert (first[0].values["params", "W"] != first[1].values["params", "W"]).any()
    np.testing.assert_array_equal(first[0].values["output", "h"], first[1].values["output", "h"])


def test_a_higher_confidence_allows_more():
    point, upstream = pose("rnn")
    low, high = (refer(point, upstream, confidence=c).tolerances(FLOAT32) for c in (1e3, 1e9))
    assert all((high[key] >= low[key]).all() and (high[key] > low[key]).any() for key in low)


@pytest.mark.parametrize("dtype", UNITS)
def test_right_code_of_an_ordinary_size_needs_no_perturbed_runs(dtype, monkeypatch):
    point, upstream = pose("peephole_lstm", T=20, N=8, m=24, n=32, dtype=dtype)
    reference = refer(point, upstream)
    monkeypatch.setattr(Spread, "extend", lambda self, runs: pytest.fail("a perturbed run"))
    agreements = compare(by_hand(point, upstream, dtype), reference, UNITS[dtype])
    assert all(agreements)
    assert not any(a.measured for a in agreements)


def test_what_the_first_perturbed_runs_settle_needs_no_others():
    point, upstream = pose()
    reference = refer(point, upstream)
    key, unit = ("params", "R_f"), FLOAT64
    whole, first = refer(point, upstream).tolerances(unit)[key], reference.first_tolerances(unit)[key]
    assert (first / whole > 0.3).all()
    assert (first / whole < 3).all()
    # The same runs, whether they are asked for at once or in two parts.
    np.testing.assert_array_equal(reference.tolerances(unit)[key], whole)


def test_nothing_that_is_given_is_changed():
    point, upstream = pose("lstm")
    arrays = {**point.arrays(), ("up", "h"): upstream.outputs["h"], **{("up", k): v for k, v in upstream.final.items()}}
    before = {key: array.copy() for key, array in arrays.items()}
    reference = refer(point, upstream)
    reference.tolerances(FLOAT64)
    for key, array in arrays.items():
        np.testing.assert_array_equal(array, before[key])
        assert type(array) is np.ndarray


def test_mistakes_in_a_call_are_explained():
    point, upstream = pose("rnn")
    reference = refer(point, upstream)
    with pytest.raises(InputError, match=r"params W has the shape \(4, 5\), and \(5, 4\) is right"):
        compare({("params", "W"): np.ones((4, 5))}, reference, FLOAT64)
    with pytest.raises(InputError, match=r"no params V to compare with; there are: output h, .*params W, params R"):
        compare({("params", "V"): np.ones((4, 5))}, reference, FLOAT64)
    with pytest.raises(InputError, match="params b is not an array of real numbers"):
        compare({("params", "b"): ["a"] * 5}, reference, FLOAT64)
    with pytest.raises(OptionError, match=r"a unit roundoff is 2\^-24 for float32"):
        compare({}, reference, 1.0)
    with pytest.raises(OptionError, match="confidence is the number of entries for one false alarm"):
        refer(point, upstream, confidence=0.5)


def test_no_error_is_none_of_no_tolerance():
    """0 over 0: the output is the constant zero, whatever comes in, and nothing of it may be off."""
    report = symrnn.check("def f(x, h):\n    h = 0 * h + 0 * x\n    return h\n")
    assert report
    assert {d.ratio for row in report.rows for d in row.deviations if d.tolerance == 0} == {0.0}
    assert "∞" not in report.text()
    json.loads(report.to_json(), parse_constant=pytest.fail)
