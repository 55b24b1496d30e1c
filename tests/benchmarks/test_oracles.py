"""The benchmark of the oracles: its truth is the truth, its options are checked."""

from argparse import Namespace

import numpy as np
import pytest

import symrnn
from benchmarks import oracles
from benchmarks.main import main
from symrnn.checking.oracles import by_high_precision, cell_problem


def test_the_truth_in_scalars_is_what_50_digits_say_of_the_cell_as_it_was_written():
    point, upstream = oracles._draw(1)
    problem = cell_problem(point, (upstream,))
    entries = problem.entries()[::9]
    (estimate,) = by_high_precision(problem, entries)
    for entry in entries:
        said = float(estimate.values[entry.key][problem.place(entry)].sum())
        assert said == pytest.approx(float(oracles.truth(point, upstream, entry)), rel=3e-16)


def test_the_table_has_a_line_for_every_oracle(monkeypatch):
    short = {name: oracle for name, oracle in oracles._ORACLES.items() if name != "50 digits"}
    monkeypatch.setattr(oracles, "_ORACLES", short)
    monkeypatch.setattr(oracles, "truth", lambda point, upstream, entry: oracles.mpmath.mpf(1))
    lines = list(oracles.report(Namespace(points=1)))
    assert lines[0].startswith("86 gradient entries of an LSTM")
    named = [line for line in lines if line.startswith(tuple(short))]
    assert len(named) >= len(short)
    # Against a wrong truth every error bar is exceeded, and said to be.
    assert all("100.0%" in line for line in named if line.startswith("complex step"))


def test_a_bad_number_of_points_is_refused(capsys):
    with pytest.raises(symrnn.OptionError, match="--points is a whole number from 1 on, not 0"):
        list(oracles.report(Namespace(points=0)))
    assert main(["oracles", "--points", "0"]) == 2
    assert "--points" in capsys.readouterr().err


def test_evaluations_are_counted():
    rows = {row.name: row for row in oracles.measure([2])}
    assert rows["central, step 1e-6"].evaluations == 2
    assert rows["complex step"].evaluations == 9  # one, and eight jolted ones for the error bar
    assert np.isfinite(rows["five-point"].errors).all()
