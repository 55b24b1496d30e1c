"""The mutation score: every mutant that changes a number is found, and judges that see nothing are noticed."""

import pytest

import symrnn
from benchmarks import mutation
from benchmarks.main import main
from benchmarks.mutants import build_mutant
from symrnn.mistakes import mutate

STOPPED = """
def stopped(x, h):
    v = stop_gradient(sigmoid(R @ h))
    h = relu(v * (W @ x)) + h / 2
    return h
"""


@pytest.mark.parametrize(
    ("cell", "every"), [("rnn", 1), ("gru", 20), ("gru_reset_after", 20), ("lstm", 20), ("peephole_lstm", 20)]
)
def test_the_score_is_full(cell, every):
    derivation = symrnn.derive(cell)
    score = mutation.score(derivation, 1, mutate(derivation)[::every])
    assert score, score.missed
    assert not score.equivalent
    assert score.found == len(score.judged) > 20


def test_mutants_that_change_nothing_are_told_apart():
    derivation = symrnn.derive(STOPPED)
    chosen = [mutant for mutant in mutate(derivation) if mutant.kind in ("extra factor", "missing factor")]
    score = mutation.score(derivation, 2, chosen)
    assert score, score.missed
    assert {one.equivalent for one in score.equivalent} == {
        "an indicator is its own square",
        "no gradient depends on the equation",
    }
    assert 0 < score.found < len(chosen)


def test_the_command_s_own_check_finds_mutants_too():
    """`symrnn.check`, end to end, as a person calls it."""
    derivation = symrnn.derive("rnn")
    assert symrnn.check("rnn", build=lambda right, dtype: right.numpy(dtype, plain=True))
    for mutant in mutate(derivation)[::60]:
        assert not symrnn.check("rnn", build=lambda _, dtype, mutant=mutant: build_mutant(mutant, dtype)), mutant


@pytest.mark.parametrize(
    ("blind", "judge"),
    [("compare", "measured rounding"), ("_oracle_agrees", "an oracle")],
)
def test_a_judge_that_sees_nothing_shows_in_the_score(monkeypatch, blind, judge):
    derivation = symrnn.derive("rnn")
    monkeypatch.setattr(mutation, blind, lambda *arguments: [True])
    score = mutation.score(derivation, 0, mutate(derivation)[:4])
    assert not score
    assert [one.escaped for one in score.missed] == [(judge,)] * 4
    assert list(mutation.kinds_table([score]))[-2].split() == ["truncated", "carry", "0", "0", "0", "0"]
    lines = list(mutation.stories([score]))
    assert lines[0] == f"rnn (3) missing path: upstream_h left out: missed by {judge}"


def test_a_right_kernel_that_is_refused_stops_the_benchmark(monkeypatch):
    derivation = symrnn.derive("rnn")
    monkeypatch.setattr(mutation, "compare", lambda *arguments: [False])
    with pytest.raises(mutation.RightCodeRefused, match=r"rnn: measured rounding refused the right kernel \(seed 7\)"):
        mutation.score(derivation, 7, ())


def test_the_command(capsys):
    assert main(["mutation", "--cells", "rnn", "--every", "9"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["cell", "mutants", "equivalent", "found", "missed", "score", "seconds"]
    cell, mutants, equivalent, found, missed, share, sign, _ = lines[1].split()
    assert (cell, equivalent, missed, share, sign) == ("rnn", "0", "0", "100", "%")
    assert mutants == found
    assert lines[2].split()[:2] == ["all", mutants]
    assert [line[:22].strip() for line in lines[5:]] == list(mutation.KINDS)


def test_a_wrong_option_is_named(capsys):
    assert main(["mutation", "--every", "0"]) == 2
    assert "--every is at least 1, not 0" in capsys.readouterr().err
    assert main(["mutation", "--cells", "lstn"]) == 2
    assert "lstn" in capsys.readouterr().err
