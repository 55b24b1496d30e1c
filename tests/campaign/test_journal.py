"""A journal survives being cut anywhere, and is gone on with by its own campaign alone."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import symrnn
from symrnn.campaign import Outcome, plan
from symrnn.campaign.journal import Journal
from symrnn.campaign.summary import summarize
from symrnn.errors import CampaignError

PLAN = plan(["rnn"], seeds=2, kinds=["ordinary", "zeros"])
TASKS = list(PLAN.tasks())
OUTCOMES = [
    Outcome("held", 10, 0.25),
    Outcome("failed", 10, math.inf, "∂L/∂R[0, 1] is 1\nand \udc80 \x00 is 2"),
    Outcome("undecided", story="on a kink"),
]
DONE = list(zip(TASKS, OUTCOMES, strict=False))


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "night.jsonl"
    with Journal(path, PLAN) as journal:
        assert journal.done == {}
        journal.append(DONE[:1])
        journal.append(DONE[1:])
    return path


def test_what_was_appended_is_read_again(whole: Path) -> None:
    with Journal(whole, PLAN) as journal:
        assert journal.done == {task.key: outcome for task, outcome in DONE}
    lines = whole.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4
    assert json.loads(lines[0])["symrnn"] == symrnn.__version__
    assert all(json.loads(line)["task"] for line in lines[1:])


@given(
    st.builds(
        Outcome,
        st.sampled_from(["held", "failed", "undecided", "error", "lost"]),
        st.integers(0, 10**9),
        st.floats(0, allow_nan=False),
        st.text(),
    )
)
def test_every_outcome_survives_its_line(outcome: Outcome) -> None:
    assert Outcome.of_record(json.loads(json.dumps(outcome.to_record(), allow_nan=False))) == outcome


def test_a_journal_cut_at_any_byte_keeps_every_whole_line_and_goes_on(whole: Path) -> None:
    content = whole.read_bytes()
    for length in range(len(content) + 1):
        whole.write_bytes(content[:length])
        ends = [match.end() for match in re.finditer(b"\n", content[:length])]
        with Journal(whole, PLAN) as journal:
            kept = max(0, len(ends) - 1)
            assert journal.done == {task.key: outcome for task, outcome in DONE[:kept]}, length
            journal.append(DONE[kept:])
        assert whole.read_bytes() == content, length


def test_a_line_counts_only_when_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each append forces its bytes to the disk before it returns."""
    synced: list[int] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(os.fstat(handle).st_size), fsync(handle))[1])
    path = tmp_path / "journal"
    with Journal(path, PLAN) as journal:
        for pair in DONE:
            journal.append([pair])
            assert synced[-1] == path.stat().st_size


def test_a_short_write_goes_on_where_it_ended(tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data[:7])))
    with Journal(tmp_path / "other", PLAN) as journal:
        journal.append(DONE)
    assert (tmp_path / "other").read_bytes() == whole.read_bytes()


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(tmp_path / "journal", PLAN) as journal:

        def full(handle: int, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(CampaignError, match=r"cannot write the journal .*journal: No space left on device"):
            journal.append(DONE)
        monkeypatch.undo()


OTHERS = {
    "seeds": (plan(["rnn"], seeds=3, kinds=["ordinary", "zeros"]), "seeds there: 0 to 1\n  seeds here:  0 to 2"),
    "first seed": (
        plan(["rnn"], seeds=2, first_seed=5, kinds=["ordinary", "zeros"]),
        "seeds there: 0 to 1\n  seeds here:  5 to 6",
    ),
    "kinds": (
        plan(["rnn"], seeds=2),
        "kinds there: ordinary, zeros\n  kinds here:  ordinary, zeros, tiny, saturated, huge",
    ),
    "cells": (plan(["gru"], seeds=2, kinds=["ordinary", "zeros"]), "cells there: rnn ("),
    "text": (
        plan(["def rnn(x, h):\n    h = tanh(W @ x + R @ h)\n    return h"], seeds=2, kinds=["ordinary", "zeros"]),
        "cells there: rnn (",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_campaign_is_refused_with_both_sides(name: str, whole: Path) -> None:
    other, message = OTHERS[name]
    before = whole.read_bytes()
    with pytest.raises(CampaignError) as caught:
        Journal(whole, other)
    assert f"the journal {whole} belongs to another campaign\n  {message}" in str(caught.value)
    assert str(caught.value).endswith("mend: give the same call as before, or another journal")
    assert whole.read_bytes() == before


def test_another_version_is_refused(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["symrnn.campaign.plan"], "__version__", "9.9")
    with pytest.raises(CampaignError, match=rf"symrnn there: {symrnn.__version__}\n  symrnn here:  9\.9"):
        Journal(whole, PLAN)


@pytest.mark.parametrize(
    "content", [b"dear diary\n", b"{}\n", b"[1]\n", b"\xff\xfe", b'{"task": "a"}\n{"task": "b"}\n', b"\n"]
)
def test_a_file_that_is_no_journal_is_left_as_it_is(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "diary"
    path.write_bytes(content)
    with pytest.raises(CampaignError, match="is not a journal of symrnn, and is left as it is"):
        Journal(path, PLAN)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b'{"task": "rnn"}',
        b'{"task": "rnn", "verdict": "fine", "entries": 1, "ratio": 0, "story": ""}',
        b"",
    ],
)
def test_a_damaged_line_is_named_and_not_dropped(line: bytes, whole: Path) -> None:
    lines = whole.read_bytes().split(b"\n")
    damaged = b"\n".join([*lines[:2], line, *lines[2:]])
    whole.write_bytes(damaged)
    with pytest.raises(CampaignError, match=r"line 3 of the journal .* is damaged: .*\n  mend: delete this line"):
        Journal(whole, PLAN)
    assert whole.read_bytes() == damaged


def test_a_task_of_nobody_is_refused(whole: Path) -> None:
    with Journal(whole, PLAN) as journal:
        journal.append([(replace(TASKS[0], seed=77), OUTCOMES[0])])
    with pytest.raises(CampaignError, match="has a task that the campaign has not: 'rnn ordinary case 0 seed 77'"):
        Journal(whole, PLAN)


def test_two_writers_at_once_are_refused(whole: Path) -> None:
    pytest.importorskip("fcntl")
    with Journal(whole, PLAN), pytest.raises(CampaignError, match="another campaign is writing the journal"):
        Journal(whole, PLAN)


@pytest.mark.parametrize(
    ("place", "message"),
    [("", "cannot write the journal .*: Is a directory"), ("none/journal", "No such file or directory")],
)
def test_a_place_that_cannot_be_written_is_said(place: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match=message):
        Journal(tmp_path / place, PLAN)


def test_a_device_is_no_journal() -> None:
    with pytest.raises(CampaignError, match="is not a file"):
        Journal(os.devnull, PLAN)


DAMAGED = {
    "nested": (b"[" * 100_000, "it is nested too deeply"),
    "infinite": (
        b'{"task": "a", "verdict": "held", "entries": 1, "ratio": Infinity, "story": ""}',
        "Infinity is not a",
    ),
    "overflowing": (
        b'{"task": "a", "verdict": "held", "entries": 1, "ratio": 1e999, "story": ""}',
        "1e999 is too large",
    ),
    "long number": (b'{"task": "a", "verdict": "held", "entries": ' + b"9" * 400 + b"}", "a number has 400 digits"),
    "text for a number": (
        b'{"task": "a", "verdict": "held", "entries": "1", "ratio": 1, "story": ""}',
        "its entries is",
    ),
    "truth for a number": (
        b'{"task": "a", "verdict": "held", "entries": true, "ratio": 1, "story": ""}',
        "its entries",
    ),
    "list for a verdict": (b'{"task": "a", "verdict": [], "entries": 1, "ratio": 1, "story": ""}', "its verdict is"),
    "below zero": (b'{"task": "a", "verdict": "held", "entries": 1, "ratio": -1, "story": ""}', "below zero"),
    "number for a task": (b'{"task": 5, "verdict": "held", "entries": 1, "ratio": 1, "story": ""}', "it has no task"),
    "not UTF-8": (b'{"task": "\xff"}', "byte 11 is not UTF-8"),
    "NUL": (b"\0" * 40, "it is not JSON: Expecting value at character 1"),
    "very long": (b'{"task": "' + b"a" * 1_000_000 + b'"}', "it has 1,000,012 bytes, and at most 1,000,000 are read"),
    "escape code": (b'{"task": "\x1b[2J', "it is not JSON"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_whatever_a_line_has_become_is_an_error_with_its_place(name: str, whole: Path) -> None:
    line, reason = DAMAGED[name]
    content = whole.read_bytes()
    whole.write_bytes(content + line + b"\n")
    with pytest.raises(CampaignError) as caught:
        Journal(whole, PLAN)
    message = str(caught.value)
    assert message.startswith(f"line 5 of the journal {whole} is damaged: ")
    assert reason in message
    assert message.endswith("\n  mend: delete this line; its task will be run again")
    assert message.replace("\n", "").isprintable()
    whole.write_bytes(content + line)  # without its end it was being written: dropped
    with Journal(whole, PLAN) as journal:
        assert journal.done == {task.key: outcome for task, outcome in DONE}


def test_what_a_journal_says_is_not_obeyed_by_a_terminal(whole: Path) -> None:
    escape = "\x1b]0;owned\x07\x1b[2J"
    story = replace(OUTCOMES[1], story=f"first\n{escape}second")
    done = {task.key: Outcome("held", 1) for task in TASKS} | {TASKS[0].key: story}
    text = summarize(PLAN, done, 0, 1.0).text()
    assert text.replace("\n", "").isprintable()
    assert "\n    first\n    �]0;owned��[2Jsecond\n" in text
    header, rest = whole.read_bytes().split(b"\n", 1)
    record = {**json.loads(header), "seeds": escape}
    whole.write_bytes(json.dumps(record).encode() + b"\n" + rest)
    with pytest.raises(CampaignError, match="seeds there: �]0;owned��") as caught:
        Journal(whole, PLAN)
    assert str(caught.value).replace("\n", "").isprintable()
