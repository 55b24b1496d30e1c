"""A proof in a process of its own: the same proof, and every way in which it may be stopped."""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import symrnn
from symrnn.checking import apart
from symrnn.checking.course import Attempt, Course, Stage, Tried, Used, of_record, to_line
from symrnn.checking.proof import EntryFailure

HARD = runpy.run_path(str(Path(__file__).with_name("hard_cells.py")))["HARD"]
SMALL = "def f(x, h):\n    h = tanh(x + h)\n    return h\n"
ENDLESS = HARD["tanh_40"]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that were started."""
    processes: list[subprocess.Popen[bytes]] = []
    start = apart._start

    def noted() -> subprocess.Popen[bytes] | None:
        child = start()
        assert child is not None
        processes.append(child)
        return child

    monkeypatch.setattr(apart, "_start", noted)
    return processes


def _shape(proof: symrnn.Proof) -> list[tuple[object, ...]]:
    return [(a.array, a.steps, a.dims, a.entries, a.proved, a.tried) for a in proof.arrays]


def test_it_is_the_same_proof_and_leaves_no_process(started: list[subprocess.Popen[bytes]]) -> None:
    near, far = symrnn.prove(SMALL, limit=None), symrnn.prove(SMALL)
    assert near
    assert far
    assert (_shape(near), near.lemmas) == (_shape(far), far.lemmas)
    assert [child.returncode is not None for child in started] == [True]


def test_the_limit_of_time_is_kept_and_said(started: list[subprocess.Popen[bytes]]) -> None:
    proof = symrnn.prove(ENDLESS, limit=0.3)
    assert not proof
    assert not proof.refuted
    assert (str(proof.complete), proof.complete.cause) == ("the limit of 0.3 s", "time")
    assert "before the limit of 0.3 s" in proof.text() or "then the limit of 0.3 s" in proof.text()
    assert [child.returncode is not None for child in started] == [True]


def test_a_process_that_the_system_ends_has_given_up(started: list[subprocess.Popen[bytes]]) -> None:
    def end(stage: Stage) -> None:
        if stage.tried:
            os.kill(started[0].pid, signal.SIGKILL)

    proof = symrnn.prove(ENDLESS, progress=end)
    assert (bool(proof), proof.refuted, proof.complete.cause) == (False, False, "process")
    assert "the system ended its process (signal 9)" in proof.headline
    assert proof.proved >= 1


def test_ctrl_c_ends_the_process(started: list[subprocess.Popen[bytes]]) -> None:
    def interrupt(stage: Stage) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        symrnn.prove(ENDLESS, progress=interrupt)
    assert [child.returncode is not None for child in started] == [True]


def test_the_process_ends_itself_when_nobody_waits_any_more() -> None:
    child = apart._start()
    assert child is not None
    assert child.stdin is not None
    with child:
        assert child.stdin is not None
        request = f'{{"text": {ENDLESS!r}, "dims": null, "steps": [1], "budget": 2000000}}\n'.replace("'", '"')
        child.stdin.write(request.encode())
        child.stdin.close()
        assert child.wait(60) == 1


@pytest.mark.parametrize("executable", ["", "/nowhere/python", "/bin/true"])
def test_where_no_python_can_be_started_the_proof_runs_here(executable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    assert symrnn.prove(SMALL)
    proof = symrnn.prove(ENDLESS, limit=0.3)
    assert (bool(proof), proof.complete.cause) == (False, "time")


def test_formulas_that_are_nested_too_deeply_are_given_up() -> None:
    value = "h"
    for _ in range(60):
        value = f"tanh(a + {value})"
    proof = symrnn.prove(f"def f(x, h):\n    a = x * w\n    h = {value}\n    return h\n", limit=3.0)
    assert not proof.refuted


def test_a_limit_is_a_positive_number() -> None:
    for limit in (0, -1.0, float("inf"), float("nan")):
        with pytest.raises(symrnn.OptionError, match="`limit` is a"):
            symrnn.prove(SMALL, limit=limit)


# Events ------------------------------------------------------------------------------------------------------

FAILURE = EntryFailure((0, 1), "a", "b", "more than 20 products of terms", True)


@pytest.mark.parametrize(
    "event",
    [
        Attempt(2, (("m", 1), ("n", 2)), (("∂L/∂W", 4), ("output h", 2))),
        Tried("∂L/∂W", 0.5),
        Tried("∂L/∂W", 0.5, FAILURE),
        Used("exp′ = exp", "assumed"),
    ],
)
def test_events_survive_their_line(event: Attempt | Tried | Used) -> None:
    assert of_record(json.loads(to_line(event))) == event


def test_the_course_keeps_the_better_attempt_at_the_same_sizes_and_forgets_other_sizes() -> None:
    course = Course("f")
    for dims in ((("n", 3),), (("n", 2),)):
        course.take(Attempt(1, dims, (("h", 2), ("W", 2))))
        for array, failure in (("h", None), ("h", None), ("W", FAILURE)):
            course.take(Tried(array, 0.0, failure))
    course.take(Tried("W", 0.0))
    course.take(Attempt(1, (("n", 2),), (("W", 2),)))
    course.take(Tried("W", 0.0))
    proof = course.proof(apart.Complete("the limit of 1 s", "time"))
    assert [(a.array, dict(a.dims), a.proved, a.tried, len(a.failures)) for a in proof.arrays] == [
        ("h", {"n": 2}, 2, 2, 0),
        ("W", {"n": 2}, 1, 2, 1),
    ]
    assert proof.headline.startswith("f: 3 of 4 entries proved, exactly, then the limit of 1 s (")
