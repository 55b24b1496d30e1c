"""`verify` on hand-written code: right code is called right, and of wrong code the wrong formula is named."""

import importlib.util
import json
import pathlib
import sys

import numpy as np
import pytest

import symrnn
from symrnn.verifying import CrossEntropy, Layout, functions

HERE = pathlib.Path(__file__).parent


def _module(name, path):
    """A module by its path, as the tests' folders are no packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


handwritten = _module("handwritten", HERE / "handwritten" / "__init__.py")
measure = _module("measure", HERE / "measure.py")
BUGS, IMPLEMENTATIONS, PAIRS, build = (getattr(handwritten, k) for k in ("BUGS", "IMPLEMENTATIONS", "PAIRS", "build"))

# One bug of each kind and cell: the whole catalogue is what `measure.py` runs.
SAMPLE = list({(bug.kind, IMPLEMENTATIONS[bug.implementation].sheet.name): bug.id for bug in BUGS.values()}.values())
RIGHT = [name for k, name in enumerate(IMPLEMENTATIONS) if k % 4 == 0]
NOT_NAMED = {"rnn_sgd/updates-within-the-loop"}  # each step sees other weights: no formula of the cell says that


@pytest.mark.parametrize("name", RIGHT)
def test_right_code_is_called_right(name):
    cell, forward, backward = build(name)
    report = symrnn.verify(cell, backward, forward)
    assert report, report.text()
    assert not report.findings
    assert sum(array.entries for array in report.arrays) > 100


@pytest.mark.parametrize("name", [name for name in SAMPLE if name not in NOT_NAMED])
def test_a_planted_bug_is_named(name):
    bug = BUGS[name]
    report, error, _ = measure.run(bug.implementation, (bug,))
    assert not error
    assert not report
    assert measure.explains(report, bug), report.text()


@pytest.mark.parametrize("pair", PAIRS[::6], ids=lambda pair: f"{pair[0].id}+{pair[1].id}")
def test_two_bugs_are_told_apart(pair):
    report, error, _ = measure.run(pair[0].implementation, pair)
    assert not error
    assert all(measure.explains(report, bug) for bug in pair), report.text()


# What a person sees ------------------------------------------------------------------------------------------


def lstm(edit=("", "")):
    """Forward and backward of an LSTM, with an edit of its source."""
    cell, forward, backward = build("lstm_plain")
    if not edit[0]:
        return cell, forward, backward
    source = IMPLEMENTATIONS["lstm_plain"].source
    assert source.count(edit[0]) == 1
    bug = handwritten.Bug("x", "lstm_plain", 0, "wrong factor", "", "", *edit)
    return build("lstm_plain", bug)


def test_the_report_of_a_wrong_time_index():
    cell, forward, backward = lstm(("df = dc * c_prev", "df = dc * c"))
    report = symrnn.verify(cell, backward, forward)
    (finding,) = report.findings
    assert finding.kind == "wrong time index"
    assert (finding.equation, finding.number) == ("delta_a_f", 18)
    assert finding.computed == "δ_c ⊙ f ⊙ c_t ⊙ (1 − f)"
    assert finding.expected == "δ_c ⊙ c_{t−1} ⊙ f ⊙ (1 − f)"
    assert set(finding.arrays) == {"∂L/∂W_f", "∂L/∂R_f", "∂L/∂b_f"}
    assert finding.smallest == "T=1, N=1, m=1, n=1"
    assert "`df = dc * c`" in finding.line
    assert "likely" in finding.line  # a guess, and called one


def test_the_report_as_json_and_as_text():
    cell, forward, backward = lstm(("dc_next = dc * f", "dc_next = dc"))
    report = symrnn.verify(cell, backward, forward)
    data = json.loads(report.to_json())
    assert data["ok"] is False
    assert data["findings"][0]["equation"] == "carry_c"
    assert data["findings"][0]["expected"] == "δ_c ⊙ f"
    text = report.text()
    assert text.startswith("forward   agrees with lstm")
    assert "computed  δ_c" in text


def test_what_cannot_be_explained_is_located():
    cell, forward, backward = lstm(("dg = dc * i", "dg = dc * i * np.exp(np.sin(o))"))
    report = symrnn.verify(cell, backward, forward)
    (finding,) = report.findings
    assert finding.kind == "located, not explained"
    assert finding.equation == "delta_a_g"
    assert finding.smallest == "T=1, N=1, m=1, n=1"


def test_the_same_code_gives_the_same_report():
    cell, forward, backward = lstm(("di = dc * g", "di = dc * i"))
    first, second = (symrnn.verify(cell, backward, forward, seed=3) for _ in range(2))
    assert first.text() == second.text()


def test_another_forward_ends_the_verdict():
    cell, forward, backward = lstm(("h = o * np.tanh(c)", "h = o * c"))
    report = symrnn.verify(cell, backward, forward)
    assert not report
    assert not report.forward
    assert not report.findings
    assert "tanh" in report.text()


def test_a_layout_with_an_open_order():
    """cs231n's fused gates, in an order that is found by trial against the forward."""

    def forward(x, h0, c0, Wx, Wh, b):
        h, c, out = h0, c0, []
        for t in range(x.shape[1]):
            i, f, o, g = np.split(x[:, t] @ Wx + h @ Wh + b, 4, axis=1)
            i, f, o = (1 / (1 + np.exp(-a)) for a in (i, f, o))
            c = f * c + i * np.tanh(g)
            h = o * np.tanh(c)
            out.append(h)
        return np.stack(out, axis=1), {"h": h, "c": c}

    def backward(x, h0, c0, Wx, Wh, b, dh):
        return {"Wx": np.zeros_like(Wx), "Wh": np.zeros_like(Wh), "b": np.zeros_like(b)}

    layout = Layout("""
        Wx = [?W_i.T, ?W_f.T, ?W_g.T, ?W_o.T]
        Wh = [?R_i.T, ?R_f.T, ?R_g.T, ?R_o.T]
        b = [?b_i, ?b_f, ?b_g, ?b_o]
    """, x="N T m", outputs="N T n")  # fmt: skip
    report = symrnn.verify("lstm", backward, forward, layout=layout)
    assert report.forward.order == "order i, f, o, g, found by trial"
    assert not report
    assert {finding.kind for finding in report.findings} <= {"missing path", "missing carry", "located, not explained"}


def test_a_scaled_loss_is_one_finding():
    cell, forward, backward = build("rnn_plain")

    def mean(params, x, state, d_outputs, d_final_state):
        T, N = x.shape[:2]
        d_params, d_x, d_state = backward(params, x, state, d_outputs, d_final_state)
        return {k: v / (T * N) for k, v in d_params.items()}, d_x, d_state

    (finding,) = symrnn.verify(cell, mean, forward).findings
    assert finding.kind == "scale"
    assert "T·N" in finding.note


def test_code_that_fails_is_an_error_with_its_own_line():
    def backward(params, x, state, d_outputs, d_final_state):
        return params["W"] @ x

    with pytest.raises(symrnn.SymrnnError, match=r"return params\[.W.\] @ x"):
        symrnn.verify("rnn", backward)


def test_a_cell_of_ones_own():
    text = """
def mine(x, h):
    f = sigmoid(W @ x + R @ h)
    h = f * h + (1 - f) * tanh(U @ (f * h))
    return h
"""
    kernel = symrnn.derive(text).numpy()

    def forward(params, x, state):
        return kernel.forward(params, x, state)[:2]

    def backward(params, x, state, d_outputs, d_final_state):
        _, _, tape = kernel.forward(params, x, state)
        grads = kernel.backward(tape, d_outputs, d_final_state)
        return {**grads.params, "U": -grads.params["U"]}, grads.x, grads.state

    (finding,) = symrnn.verify(text, backward, forward).findings
    assert (finding.kind, finding.equation) == ("sign", "grad_U")


# Where it is wrong -------------------------------------------------------------------------------------------


def test_a_heat_map_shows_which_rows_are_wrong():
    cell, forward, backward = build("rnn_plain")

    def third_row(*arrays):
        d_params, d_x, d_state = backward(*arrays)
        R = d_params["R"].copy()
        if len(R) > 2:
            R[2] *= -1
        return {**d_params, "R": R}, d_x, d_state

    def named(params, x, state, d_outputs, d_final_state):
        return third_row(params, x, state, d_outputs, d_final_state)

    report = symrnn.verify(cell, named, forward)
    (heat,) = report.maps
    assert heat.array == "∂L/∂R"
    assert [any(row) for row in heat.errors] == [k == 2 for k in range(len(heat.errors))]
    assert heat.text() in report.text(heat=True)
    assert heat.text() not in report.text()
    assert "<table>" in report._repr_html_()


def test_the_report_in_colour():
    rich = pytest.importorskip("rich.console", reason="rich is not installed (extra: rich)")
    cell, forward, backward = lstm(("df = dc * c_prev", "df = dc * c"))
    console = rich.Console(force_terminal=True, width=160)
    with console.capture() as captured:
        console.print(symrnn.verify(cell, backward, forward))
    assert "\x1b[32mδ_c ⊙ c_{t−1} ⊙ f ⊙ (1 − f)" in captured.get()


def test_assert_backward_and_the_fixture_give_the_report(gradcheck):
    from symrnn.testing import assert_backward

    cell, forward, backward = lstm()
    assert assert_backward(cell, backward, forward)
    assert gradcheck.backward(cell, backward, forward)
    cell, forward, backward = lstm(("df = dc * c_prev", "df = dc * c"))
    with pytest.raises(symrnn.SymrnnError, match="should be δ_c"):
        assert_backward(cell, backward, forward)
    with pytest.raises(pytest.fail.Exception, match="should be δ_c"):
        gradcheck.backward(cell, backward, forward)


def test_a_wrong_gradient_of_the_read_out_is_found():
    def backward(params, x, state, targets):
        W, R, b, V, c = (params[name] for name in ("W", "R", "b", "V", "c"))
        h = [state["h"]]
        for x_t in x:
            h.append(np.tanh(x_t @ W.T + h[-1] @ R.T + b))
        d, back = {name: np.zeros_like(array) for name, array in params.items()}, 0
        for t in reversed(range(len(x))):
            y = h[t + 1] @ V.T + c
            p = np.exp(y) / np.exp(y).sum(axis=-1, keepdims=True)
            dy = p - np.eye(len(c))[targets[t]]
            d["V"] += 2 * dy.T @ h[t + 1]
            d["c"] += dy.sum(axis=0)
            da = (dy @ V + back) * (1 - h[t + 1] ** 2)
            d["W"] += da.T @ x[t]
            d["R"] += da.T @ h[t]
            d["b"] += da.sum(axis=0)
            back = da @ R
        return {"W": d["W"], "R": d["R"], "b": d["b"], "V": d["V"], "c": d["c"]}

    report = symrnn.verify("rnn", functions(backward, loss=CrossEntropy()))
    (finding,) = report.findings
    assert (finding.kind, finding.equation) == ("scale", "grad_V")
    assert finding.computed == "Σ_t 2 δ_u_loss h_tᵀ"
