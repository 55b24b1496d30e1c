"""A check holds for right kernels and names the array of a wrong one."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import symrnn
from symrnn.checking import CheckReport, adjudicate, cases, check, check_case
from symrnn.checking.oracles import by_complex_step, by_differences
from symrnn.checking.points import draw_point
from symrnn.numeric import Gradients, Kernel, build_kernel

ZOO = ["rnn", "lstm", "peephole_lstm", "gru", "gru_reset_after"]


@pytest.mark.parametrize("name", ZOO)
def test_zoo(name):
    report = check(name)
    assert report, report.text()
    for row in report.rows:
        gradient = row.array.startswith("∂")
        wanted = (
            ("derivation", "complex step", "five-point", "float32")
            if gradient
            else ("derivation", "meaning", "float32")
        )
        assert row.agreed == wanted
        assert all(d.error < 1e-12 for d in row.deviations if d.oracle in ("derivation", "meaning", "complex step"))


@pytest.mark.parametrize(
    "name",
    [
        "delta", "lnrnn", "catlstm", "attention", "tied", "lse", "branches", "stopped", "kinked", "smooth", "matrix", "gated",
        "picking",
    ],
)  # fmt: skip
def test_cells_of_the_language(texts, name):
    report = check(texts[name], seed=1)
    assert report, report.text()


def test_cases_cover_one_step_one_sequence_and_different_sizes():
    report = check("lstm")
    assert report.cases == ("T = 4, N = 2, m = 3, n = 4", "T = 1, N = 1, m = 4, n = 6", "T = 3, N = 3, m = 5, n = 2")
    assert check("lstm", dims={"n": 3}).cases[0] == "T = 4, N = 2, m = 4, n = 3"


# Wrong kernels -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bent:
    """A kernel with one thing done wrong."""

    kernel: Kernel
    bend: Callable[[Gradients, Any], Gradients] = lambda grads, tape: grads
    bend_forward: Callable[[Any], Any] = lambda outputs: outputs

    @property
    def dtype(self) -> str:
        return self.kernel.dtype

    def forward(self, *arguments: Any) -> Any:
        outputs, final, tape = self.kernel.forward(*arguments)
        return self.bend_forward(outputs), final, tape

    def backward(self, tape: Any, d_outputs: Any, d_final: Any) -> Gradients:
        return self.bend(self.kernel.backward(tape, d_outputs, d_final), tape)


def _failing(report: CheckReport) -> list[str]:
    assert not report
    return sorted(row.array for row in report.failures)


def _scaled(array: np.ndarray, index: Any, factor: float) -> np.ndarray:
    changed = array.copy()
    changed[index] *= factor
    return changed


def test_one_entry_wrong_by_a_part_in_a_billion():
    def bend(grads: Gradients, tape: Any) -> Gradients:
        largest = np.unravel_index(np.abs(grads.params["R_f"]).argmax(), grads.params["R_f"].shape)
        return replace(grads, params={**grads.params, "R_f": _scaled(grads.params["R_f"], largest, 1 + 1e-9)})

    report = check("lstm", build=lambda d, dtype: Bent(build_kernel(d, dtype), bend))
    assert _failing(report) == ["∂L/∂R_f"]
    found = {d.oracle: d for d in report.failures[0].deviations}
    for oracle in ("derivation", "complex step", "five-point", "50 digits"):
        deviation = found[oracle]
        assert deviation.verdict == "disagree"
        assert deviation.error == pytest.approx(1e-9 * abs(deviation.expected), rel=1e-2)
        assert deviation.ratio > 10
        row, column = deviation.index
        assert deviation.place == f"gate f, unit {row + 1}, from unit {column + 1}"
    assert f"∂L/∂R_f[{row}, {column}] (gate f, unit {row + 1}, from unit {column + 1}) is " in report.text()
    assert "and by 50 digits it is " in report.text()


def test_a_wrong_sign_in_the_first_initial_state_alone():
    def bend(grads: Gradients, tape: Any) -> Gradients:
        return replace(grads, state={**grads.state, "c": -grads.state["c"]})

    report = check("lstm", build=lambda d, dtype: Bent(build_kernel(d, dtype), bend))
    assert _failing(report) == ["∂L/∂c_0"]


def test_gradients_on_the_final_state_left_out():
    @dataclass(frozen=True)
    class Deaf(Bent):
        def backward(self, tape: Any, d_outputs: Any, d_final: Any) -> Gradients:
            return self.kernel.backward(tape, d_outputs, None)

    report = check("rnn", build=lambda d, dtype: Deaf(build_kernel(d, dtype)))
    assert _failing(report) == ["∂L/∂R", "∂L/∂W", "∂L/∂b", "∂L/∂h_0", "∂L/∂x"]


def test_a_wrong_forward_pass():
    report = check("rnn", build=lambda d, t: Bent(build_kernel(d, t), bend_forward=lambda y: y * (1 + 1e-10)))
    assert _failing(report) == ["output h"]
    assert "and by meaning it is " in report.text()


def test_float32_that_is_worse_than_float32():
    def coarse(grads: Gradients, tape: Any) -> Gradients:
        rounded = {name: array.astype("float16").astype(array.dtype) for name, array in grads.params.items()}
        return replace(grads, params=rounded) if grads.params["W"].dtype == np.float32 else grads

    report = check("rnn", build=lambda d, dtype: Bent(build_kernel(d, dtype), coarse))
    assert _failing(report) == ["∂L/∂R", "∂L/∂W", "∂L/∂b"]
    assert {d.oracle for row in report.failures for d in row.deviations if d.verdict != "agree"} == {"float32"}


def test_saturation_magnifies_rounding_and_is_no_mistake():
    """1 − h² has no digits left in float32 when h is near 1; the gradient is right all the same."""
    report = check("def f(x, h):\n    h = tanh(W @ x + R @ h + 8)\n    return h\n")
    assert report, report.text()


def test_nan_in_a_gradient_is_said():
    def bend(grads: Gradients, tape: Any) -> Gradients:
        return replace(grads, x=_scaled(grads.x, (0, 0, 0), np.nan))

    report = check("rnn", build=lambda d, dtype: Bent(build_kernel(d, dtype), bend))
    assert [(row.array, row.verdict) for row in report.failures] == [("∂L/∂x", "not finite")]
    assert json.loads(report.to_json())["arrays"][5]["deviations"][0]["computed"] is None
    assert "∂L/∂x[0, 0, 0] (step 1, sequence 1, input 1) is nan, and by complex step it is " in report.text()


def test_a_wrong_shape_raises():
    def bend(grads: Gradients, tape: Any) -> Gradients:
        return replace(grads, params={**grads.params, "b": grads.params["b"][:-1]})

    with pytest.raises(symrnn.InputError, match=r"kernel's ∂L/∂b has the shape \(3,\), and \(4,\) is right"):
        check("rnn", build=lambda d, dtype: Bent(build_kernel(d, dtype), bend))


# Witnesses ---------------------------------------------------------------------------------------------------


def test_of_larger_cells_a_sample_is_moved_and_slopes_take_all_of_it(monkeypatch):
    monkeypatch.setattr(cases, "ENTRIES", 30)
    report = check("rnn", dims={"m": 4, "n": 5})
    assert report, report.text()
    assert report.notes[0] == (
        "T = 4, N = 2, m = 4, n = 5: 30 of 71 entries were moved one by one, chosen at random; all of them took part "
        "in slopes"
    )
    assert {row.agreed for row in report.rows if row.array.startswith("∂")} == {
        ("derivation", "complex step", "five-point", "slopes", "float32")
    }

    def bend(grads: Gradients, tape: Any) -> Gradients:
        return replace(grads, params={**grads.params, "R": grads.params["R"].T})

    bent = check("rnn", dims={"m": 4, "n": 5}, build=lambda d, dtype: Bent(build_kernel(d, dtype), bend))
    assert _failing(bent) == ["∂L/∂R"]
    assert "slopes" in {d.oracle for d in bent.failures[0].deviations if d.verdict == "disagree"}


def _lying(factor: float, bar: float) -> Callable[..., Any]:
    """Five-point differences that are off by a factor and sure of it."""

    def oracle(problem: Any, entries: Any = None, **options: Any) -> Any:
        return tuple(
            replace(
                estimate,
                values={key: value * factor for key, value in estimate.values.items()},
                measure=lambda e=estimate: {key: np.full(v.shape, bar) for key, v in e.values.items()},
            )
            for estimate in by_differences(problem, entries, **options)
        )

    return oracle


def test_50_digits_overrule_an_oracle_that_is_wrong(monkeypatch):
    monkeypatch.setattr(adjudicate, "by_differences", _lying(1 + 1e-6, 1e-12))
    monkeypatch.setattr(adjudicate, "_ASKED_DIGITS", 10_000)
    text = "def f(x, h):\n    h = tanh(w * x + h)\n    return h\n"
    report = check(text, dims={"n": 1})
    assert report, report.text()
    assert "T = 1, N = 1, n = 1: five-point disputes ∂L/∂w, and 50 digits overrule it" in report.notes


def test_50_digits_do_not_overrule_what_is_right(monkeypatch):
    monkeypatch.setattr(adjudicate, "_ASKED_DIGITS", 10_000)

    def bend(grads: Gradients, tape: Any) -> Gradients:
        return replace(grads, params={**grads.params, "w": grads.params["w"] * (1 + 1e-4)})

    text = "def f(x, h):\n    h = tanh(w * x + h)\n    return h\n"
    report = check(text, dims={"n": 1}, build=lambda d, dtype: Bent(build_kernel(d, dtype), bend))
    assert _failing(report) == ["∂L/∂w"]
    assert {d.oracle: d.verdict for d in report.failures[0].deviations}["50 digits"] == "disagree"
    assert report.notes == ()


def test_the_derivation_alone_is_no_witness(monkeypatch):
    """When no oracle resolves anything, agreement with the derivation that the kernel came from shows nothing."""
    for name, oracle in (("by_differences", by_differences), ("by_complex_step", by_complex_step)):

        def blind(problem: Any, entries: Any = None, oracle: Any = oracle, **options: Any) -> Any:
            return tuple(
                replace(e, kinked={key: np.ones(v.shape, bool) for key, v in e.values.items()})
                for e in oracle(problem, entries, **options)
            )

        monkeypatch.setattr(adjudicate, name, blind)
    report = check("rnn")
    assert not report
    assert {row.verdict for row in report.failures} == {"unresolved"}
    assert [row.array for row in report.rows if row] == ["output h", "final state h"]
    assert "∂L/∂W: complex step cannot resolve it (T = 4, N = 2, m = 3, n = 4; gradient on everything)" in report.text()


# Reports -----------------------------------------------------------------------------------------------------


def test_report_as_text_and_json(capsys):
    report = check("rnn", seed=3)
    assert repr(report) == "<CheckReport rnn: 7 of 7 arrays agree>"
    lines = report.text().split("\n")
    assert lines[0].startswith("rnn: all 7 arrays agree (")
    head = "array error derivation meaning complex step five-point float32 verdict worst entry"
    assert " ".join(lines[1].split()) == head
    assert lines[-1].split()[0] == "∂L/∂h_0"
    data = json.loads(report.to_json())
    assert (data["cell"], data["ok"], data["seed"], len(data["arrays"])) == ("rnn", True, 3, 7)
    assert capsys.readouterr() == ("", "")


def test_reports_are_reproducible():
    one, two = (replace(check("gru", seed=5), seconds=0.0) for _ in range(2))
    assert one == two
    assert one != replace(check("gru", seed=6), seconds=0.0)


def test_an_array_that_cancels_has_a_floor():
    """Softmax does not change when its whole argument is shifted, so ∂L/∂s is nothing but rounding."""
    report = check("def f(x, h):\n    s: scalar\n    h = softmax(W @ x + R @ h + s)\n    return h\n")
    assert report, report.text()
    # Nothing is what it is: an entry that is wrong by no more than a part in 1e12 of the others shows.
    bent = check(
        "def f(x, h):\n    s: scalar\n    h = softmax(W @ x + R @ h + s)\n    return h\n",
        build=lambda d, dtype: Bent(
            build_kernel(d, dtype),
            lambda grads, tape: replace(
                grads, params={**grads.params, "s": grads.params["s"] + grads.x.dtype.type(1e-12)}
            ),
        ),
    )
    assert _failing(bent) == ["∂L/∂s"]


def test_report_for_rich():
    rich = pytest.importorskip("rich.console", reason="rich is not installed (extra: rich)")
    right, wrong = check("rnn"), check("rnn", build=lambda d, t: Bent(build_kernel(d, t), bend_forward=lambda y: -y))
    for report in (right, wrong):
        console = rich.Console(width=200, record=True, file=io.StringIO())
        console.print(report)
        shown = console.export_text()
        assert report.headline in shown
        for row in report.rows:
            assert any(
                row.array in line and row.verdict in line and row.worst.place in line for line in shown.split("\n")
            )
    assert "output h[" in shown


def test_json_has_everything():
    report = check("rnn", seed=2)
    data = json.loads(report.to_json())
    row = next(row for row in data["arrays"] if row["array"] == "∂L/∂R")
    assert row["agreed"] == ["derivation", "complex step", "five-point", "float32"]
    found = row["deviations"][1]
    assert found["oracle"] == "complex step"
    assert found["error"] == pytest.approx(abs(found["computed"] - found["expected"]), abs=1e-300)
    assert found["ratio"] == pytest.approx(found["error"] / found["tolerance"])
    assert found["place"].startswith("h, unit ")
    again = json.loads(check("rnn", seed=2).to_json())
    assert {**data, "seconds": 0} == {**again, "seconds": 0}


# Where a cell cannot be checked ------------------------------------------------------------------------------


def test_not_finite_names_the_equation_and_the_value():
    with pytest.raises(symrnn.InputError) as caught:
        check("def f(x, h):\n    u = W @ x\n    v = log(u) + R @ h\n    h = tanh(v)\n    return h\n")
    message = str(caught.value)
    assert "f is not finite at any of 24 samples: `v = log(u) + R @ h` in line 3 gives v[" in message
    assert "= nan at step 1 of sequence 1" in message


def test_division_by_zero_is_named():
    with pytest.raises(symrnn.InputError, match=r"`h = h / \(x - x\[0\]\)` in line 2 gives h\[0\] = -?inf"):
        check("def f(x, h):\n    h = h / (x - x[0])\n    return h\n")


def test_a_sample_near_a_kink_is_moved():
    """|x − x₀| sits on its kink at the first sample of seed 0, so another is drawn."""
    cell = symrnn.load("rnn")
    point = draw_point(cell, 4, 2, {"m": 3, "n": 4}, 0)
    near = float(point.x["x"][0, 0, 0])
    text = f"def f(x, h):\n    h = tanh(W @ abs(x - {near!r}) + R @ h + b)\n    return h\n"
    report = check(text)
    assert report, report.text()


def test_a_misspelt_dimension_raises():
    with pytest.raises(symrnn.OptionError, match="has no dimension 'k'"):
        check("rnn", dims={"k": 3})


def test_what_a_complex_step_bends_is_no_slope():
    """Where all weights are zero ∂L/∂R is zero, and what h² leaves of a complex step, 4e-61, is not."""
    report = check_case("rnn", T=8, N=1, dims={"m": 1, "n": 3}, seed=54, kind="zeros")
    assert report, report.text()
