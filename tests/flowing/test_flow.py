"""The call: what it refuses and how it says so, what its results look like, and the command."""

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import symrnn
from symrnn.cli import main
from symrnn.render.charts import Line, Stack

SMALL: Any = {"T": 5, "N": 2, "dims": {"n": 3, "m": 2}}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: symrnn.flow("lstm", T=0), "`T` is a whole number of at least 1, not 0"),
        (lambda: symrnn.flow("lstm", N=1.5), "`N` is a whole number of at least 1, not 1.5"),  # type: ignore[arg-type]
        (lambda: symrnn.flow([]), "flow(…) needs a cell, such as 'lstm'"),
        (lambda: symrnn.flow("lstn"), "there is no cell called 'lstn'; did you mean `lstm`?"),
        (lambda: symrnn.flow("feedforward"), "feedforward has no state, so no gradient flows from step to step\n  mend: "),
        (lambda: symrnn.flow("bigram"), "bigram scans no cell with a state"),
        (lambda: symrnn.flow("char_rnn", loss="all"), "char_rnn has a loss of its own; leave `loss` out"),
        (lambda: symrnn.flow("lstm", loss="first"), "`loss` is one of 'last', 'all', not 'first'"),
        (lambda: symrnn.flow("lstm", clip=-1), "`clip` is a finite number above 0, not -1"),
        (lambda: symrnn.flow("lstm", transient=100), "`transient` is a whole number of at most 99, not 100"),
        (lambda: symrnn.flow("lstm", dims={"k": 3}), "dims: lstm has no 'k'; sizes are m, n."),
        (lambda: symrnn.flow("lstm", set={"b_h": 1}), "set: lstm has no 'b_h'; what can be set: W_i, "),
        (lambda: symrnn.flow(["rnn", "gru"], set={"b_f": 1}), "set: rnn and gru has no 'b_f'"),
        (lambda: symrnn.flow("lstm", set=["b_f"]), "`set` is a dict such as {'b_f': 5.0}, not "),  # type: ignore[arg-type]
        (lambda: symrnn.flow("lstm", set={"b_f": []}), "`set['b_f']` is a number, a kind of matrix, or several of these"),
        (lambda: symrnn.flow("lstm", set={"b_f": math.nan}), "`set['b_f']` is a finite number, or for a matrix one of "),
        (lambda: symrnn.flow("lstm", set={"R_f": "ortogonal"}), "did you mean `orthogonal`?"),
        (lambda: symrnn.flow("lstm", set={"R_f": "radius"}), "one of 'orthogonal', 'identity', 'radius 1.5', 'norm 1.5'"),
        (lambda: symrnn.flow("lstm", set={"R_f": "radius -1"}), "not 'radius -1'"),
        (lambda: symrnn.flow("lstm", set={"b_f": "orthogonal"}), "'orthogonal' is for a matrix of parameters; give a number"),
        (lambda: symrnn.flow("lstm", set={"W_f": "radius 2"}), "is for a square matrix, and W_f is 32 × 8\n  mend: "),
        (lambda: symrnn.flow("lstm", set={"b_f": [*range(13)]}), "13 trajectories are asked for, and one figure shows at most 12"),
        (lambda: symrnn.flow("lstm", dims={"n": 10**6}), "lstm at T = 100, N = 8, m = 8, n = 1000000 takes "),
        (lambda: symrnn.flow("lstm", T=10**9), "numbers, and at most 67,108,864 are held\n  mend: smaller sizes"),
        (lambda: symrnn.flow("char_rnn", dims={"n": 10**6}), "char_rnn: h1 at T = 100"),
        (lambda: symrnn.flow("lstm", params={"W": 1}), "params: lstm has no 'W'; it has: W_i, "),
        (lambda: symrnn.flow("lstm", params={"b_f": [1, 2]}), "params['b_f'] has the shape (2,), and (32,) is needed\n"),
        (lambda: symrnn.flow("lstm", x="abc"), "x['x'] holds no numbers"),
        (lambda: symrnn.flow(["rnn", "gru"], **SMALL).norms, "the flow has 2 trajectories; take one, flow[0] or by label: 'rnn', 'gru'"),
        (lambda: symrnn.flow(["rnn", "gru"], **SMALL)["gur"], "no trajectory is called 'gur'; there are: rnn; gru. did you mean `gru`?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(symrnn.SymrnnError) as caught:
        call()
    assert message in str(caught.value)


def test_a_name_that_one_cell_lacks_is_left_out_for_it() -> None:
    flow = symrnn.flow(["rnn", "lstm"], set={"b_f": [0, 5]}, **SMALL)
    assert [each.label for each in flow] == ["rnn", "lstm, b_f = 0", "lstm, b_f = 5"]
    assert len(flow) == 3
    assert repr(flow) == "<Flow: rnn; lstm, b_f = 0; lstm, b_f = 5>"


def test_settings_are_what_they_say() -> None:
    for word, value in (("orthogonal 0.5", 0.5), ("identity", 1.0), ("norm 0.3", 0.3)):
        flow = symrnn.flow("def f(x, h):\n    h = R @ h + W @ x\n    return h", set={"R": word}, **SMALL)
        jacobian = flow.only.jacobians[0]
        assert np.linalg.norm(jacobian, 2) == pytest.approx(value)
        if word == "identity":
            np.testing.assert_allclose(jacobian, np.eye(3))


def test_arrays_of_a_person_are_used() -> None:
    R = np.array([[0.0, 2.0], [1.0, 0.0]])
    flow = symrnn.flow(
        "def f(x, h):\n    h = R @ h + x\n    return h", T=3, N=1, dims={"n": 2}, params={"R": R}, x=np.zeros((3, 1, 2))
    )
    np.testing.assert_array_equal(flow.only.jacobians, [R] * 3)


def test_the_first_gradients_of_what_does_not_reach_the_loss_are_no_error() -> None:
    """A state that the loss never sees, and one step alone."""
    flow = symrnn.flow(
        "def f(x, h, s):\n    s = s + x\n    h = tanh(R @ h + x)\n    return h, (h, s)", T=5, N=2, dims={"n": 3}
    )
    assert flow.norms["s"].trend == "is zero"
    assert flow.norms["h"].trend != "is zero"
    assert "nothing comes back" in flow.text()
    alone = symrnn.flow("gru", T=1, N=1, dims={"n": 2})
    assert alone.norms["h"].trend == "is kept"
    json.loads(alone.to_json())


def test_what_explodes_is_a_gap_and_no_error() -> None:
    linear = "def f(x, h):\n    h = R @ h + W @ x\n    return h"
    flow = symrnn.flow(linear, T=60, N=2, dims={"n": 4}, set={"R": "identity 1e8", "x": 1})
    assert flow.only.overflow == 39
    assert "values are not finite from t = 39 on" in flow.text()
    assert flow.norms["h"].trend == "explodes"
    record = json.loads(flow.to_json())
    assert None in record["trajectories"][0]["norms"]["h"]["median"]
    assert "explodes" in flow.text()
    flow.csv()


def test_json_has_the_vectors_of_the_paths() -> None:
    flow = symrnn.flow("lstm", **SMALL)
    (record,) = json.loads(flow.to_json())["trajectories"]
    paths = record["shares"]["h"]
    assert [path["term"] for path in paths] == ["R_iᵀ δ_a_i", "R_fᵀ δ_a_f", "R_gᵀ δ_a_g", "R_oᵀ δ_a_o"]
    assert [(path["rule"], path["path"], path["through"]) for path in paths[:1]] == [("matmul", ["a_i", "h_prev"], 1)]
    np.testing.assert_array_equal(paths[1]["vectors"], flow.shares["h"][1].vectors)
    assert record["norms"]["c"]["median"] == flow.norms["c"].median.tolist()
    assert record["cell"] == "lstm"
    assert record["dims"] == {"m": 2, "n": 3}
    assert record["closed"][3] == "∂c_t/∂c_{t−1} = diag(f)"


def test_csv_is_a_table_of_curves() -> None:
    flow = symrnn.flow("lstm", set={"b_f": [0, 5]}, **SMALL)
    rows = list(csv.DictReader(io.StringIO(flow.csv())))
    assert {row["trajectory"] for row in rows} == {"lstm, b_f = 0", "lstm, b_f = 5"}
    medians = [
        float(row["value"])
        for row in rows
        if (row["trajectory"], row["measure"], row["of"]) == ("lstm, b_f = 5", "norm median", "c")
    ]
    assert medians == flow["lstm, b_f = 5"].norms["c"].median.tolist()


def test_the_page_shows_its_parts() -> None:
    text = symrnn.flow(["rnn", "lstm"], **SMALL).text()
    for part in (
        "rnn: T = 5, N = 2, m = 2, n = 3, seed 0, L = uᵀ h_T",
        "bound on ∂h_T/∂h_t: (‖R‖ sup|φ′| = ",
        "∂h_t/∂h_{t−1} = diag(1 − h_t²) R",
        "constant error path: ∂c_T/∂c_t along diag(f) is the product of these",
        "Lyapunov exponents from ",
        "κ_h  R_fᵀ δ_a_f",
        "truncated to windows of k steps",
    ):
        assert part in text, part


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["flow", "rnn", "lstm", "--T", "5", "--N", "2", "--dims", "n=3,m=2", "--set", "b_f=0,5", "--seed", "3"]
    assert main(arguments) == 0
    flow = symrnn.flow(["rnn", "lstm"], set={"b_f": [0, 5]}, seed=3, **SMALL)
    assert capsys.readouterr().out.strip() == flow.text().strip()
    assert main([*arguments, "--format", "json", "-o", str(tmp_path / "f.json")]) == 0
    assert (tmp_path / "f.json").read_text(encoding="utf-8").strip() == flow.to_json()
    assert main([*arguments, "--format", "csv"]) == 0
    assert capsys.readouterr().out == flow.csv()
    assert main(["flow", "rnn", "--set", "R=radius 0.5,radius 1.5", "--set", "b=0", *arguments[3:9]]) == 0
    assert "rnn, R radius 0.5, b = 0" in capsys.readouterr().out


def test_charts_have_a_panel_for_every_measure_in_both_languages(tmp_path: Path) -> None:
    flow = symrnn.flow(["rnn", "lstm"], **SMALL)
    panels = {panel.title: panel for panel in flow.chart().panels}
    assert [*panels] == [
        "The gradient at every step", "What is left of the best direction", "What each step contributes to ∂L/∂W",
        "Lyapunov exponents", "What truncation keeps", "Where clipping acts", "Which inputs are felt: rnn",
        "By which path: lstm", "Which inputs are felt: lstm",
    ]  # fmt: skip
    assert all(panel.reading and panel.x.label and panel.y.label for panel in panels.values())
    curves = [mark for mark in panels["The gradient at every step"].marks if isinstance(mark, Line)]
    assert [curve.label for curve in curves] == ["rnn", "lstm: h", "lstm: c"]
    assert curves[2].ys == flow["lstm"].norms["c"].median.tolist()
    shares = [mark.ys for mark in panels["By which path: lstm"].marks if isinstance(mark, Stack)]
    np.testing.assert_allclose(np.sum(shares, axis=0), 1.0)
    for lang, word in (("en", "Lyapunov exponents"), ("zh", "李雅普诺夫指数")):
        text = "".join(ElementTree.fromstring(flow.svg(lang)).itertext())
        assert word in text
    assert flow._repr_html_().startswith("<svg")
    with pytest.raises(symrnn.OptionError, match="there is no language 'de'"):
        flow.svg("de")
    assert len(symrnn.flow("rnn", set={"b": [*range(6)]}, **SMALL).chart().panels) == 6
    assert main(["flow", "rnn", "--T", "5", "--format", "svg", "-o", str(tmp_path / "f.svg")]) == 0
    assert (tmp_path / "f.svg").read_text(encoding="utf-8") == symrnn.flow("rnn", T=5).svg()


def test_png_is_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert main(["flow", "rnn", "--T", "5", "--format", "png", "-o", str(tmp_path / "f.png")]) == 0
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["flow"], "the following arguments are required: CELL"),
        (["flow", "lstm", "--T", "0"], "argument --T: this is a whole number from 1 on, not '0'"),
        (["flow", "lstm", "--dims", "32"], "sizes are NAME=SIZE,NAME=SIZE such as n=32,m=8, not '32'"),
        (["flow", "lstm", "--set", "b_f"], "a setting is NAME=VALUE or NAME=VALUE,VALUE such as b_f=0,5, not 'b_f'"),
        (["flow", "lstm", "--set", "b_f=1", "--set", "b_f=2"], "--set gives b_f twice; list its values: --set b_f=0,5"),
        (["flow", "-", "-"], "standard input (-) can be read once"),
        (["flow", "lstm", "--format", "png"], "a PNG is not text: say where to, -o FILE.png"),
        (["flow", "lstm", "--format", "gif"], "argument --format: invalid choice: 'gif'"),
        (["flow", "lstm", "--set", "b_q=1"], "set: lstm has no 'b_q'"),
    ],
)
def test_a_wrong_call(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
