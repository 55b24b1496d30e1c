"""A check holds for right kernels and names the array of a wrong one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import symrnn
from symrnn.checking import CheckReport, check
from symrnn.checking.check import draw_point, scales
from symrnn.numeric import Gradients, Kernel, build_kernel

ZOO = ["rnn", "lstm", "peephole_lstm", "gru", "gru_reset_after"]


@pytest.mark.parametrize("name", ZOO)
def test_zoo(name):
    report = check(name)
    assert report, report.text()
    exact = [d for row in report.rows for d in row.deviations if d.oracle == "complex step"]
    assert len(exact) == len([row for row in report.rows if row.array.startswith("∂")])
    assert max(d.relative for d in exact) < 1e-13


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
    deviation = next(d for d in report.failures[0].deviations if d.oracle == "complex step")
    assert deviation.verdict == "disagree"
    assert deviation.relative == pytest.approx(1e-9, rel=1e-3)
    assert "∂L/∂R_f: [" in report.text()
    assert "complex step says" in report.text()


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
    assert "meaning says" in report.text()


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


def test_a_wrong_shape_raises():
    def bend(grads: Gradients, tape: Any) -> Gradients:
        return replace(grads, params={**grads.params, "b": grads.params["b"][:-1]})

    with pytest.raises(symrnn.InputError, match=r"kernel's ∂L/∂b has the shape \(3,\), and \(4,\) is right"):
        check("rnn", build=lambda d, dtype: Bent(build_kernel(d, dtype), bend))


# Reports -----------------------------------------------------------------------------------------------------


def test_report_as_text_and_json(capsys):
    report = check("rnn", seed=3)
    assert repr(report) == "<CheckReport rnn: 7 of 7 arrays agree>"
    lines = report.text().split("\n")
    assert lines[0].startswith("rnn: all 7 arrays agree (")
    assert lines[1].split() == ["array", "meaning", "complex", "step", "five-point", "float32", "verdict"]
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
    assert scales({("params", "a"): np.array([2.0]), ("params", "b"): np.zeros(3)})["params", "b"] == 0.02


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
