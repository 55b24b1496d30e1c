"""`symrnn check` with several cells and over many seeds, as a person meets it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import symrnn
from symrnn import campaign
from symrnn.campaign import Progress
from symrnn.cli import main
from symrnn.cli.progress import Bar, clock

MGU = "def mgu(x, h):\n    f = sigmoid(W @ x + R @ h + b)\n    h = f * h\n    return h\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a cell is missing: give CELL, or --all for all cells of the zoo"),
        (["--all", "lstm"], "--all names all cells of the zoo; it does not go with lstm"),
        (["-", "-"], "standard input (-) can be read once"),
        (["lstm", "--jobs", "2"], "--jobs is for campaigns: say over how many seeds, --seeds N"),
        (["lstm", "--journal", "j"], "--journal is for campaigns: say over how many seeds, --seeds N"),
        (["lstm", "--dask", "tcp://a:1"], "--dask is for campaigns: say over how many seeds, --seeds N"),
        (
            ["lstm", "--seeds", "2", "--jobs", "2", "--dask", "tcp://a:1"],
            "--jobs is for processes of this machine, and --dask sends the work to others",
        ),
        (["lstm", "--seeds", "0"], "argument --seeds: this is a whole number from 1 on, not '0'"),
        (["lstm", "--jobs", "two"], "argument --jobs: this is a whole number from 1 on, not 'two'"),
        (["lstm", "--seeds"], "argument --seeds: expected one argument"),
        (["lstm", "--journl", "j"], "symrnn check has no option '--journl'; did you mean `--journal`?"),
    ],
)
def test_a_wrong_call_exits_with_2_and_says_why(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err == f"symrnn: {message}\n  try: symrnn check --help\n"
    assert captured.out == ""


def test_a_wrong_cell_or_journal_exits_with_2_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "rnn", "rnnn", "--seeds", "2"]) == 2
    assert "there is no cell called 'rnnn'; did you mean `rnn`?" in capsys.readouterr().err
    diary = tmp_path / "diary"
    diary.write_text("dear diary\n")
    assert main(["check", "rnn", "--seeds", "2", "--journal", str(diary)]) == 2
    assert (
        capsys.readouterr().err
        == f"symrnn: {diary} is not a journal of symrnn, and is left as it is\n  mend: give another file\n"
    )
    assert diary.read_text() == "dear diary\n"


class _Report:
    """A proof or a report: what it is of, and whether it held."""

    def __init__(self, cell: Any, held: bool = True) -> None:
        self.name, self.held, self.refuted = cell.name, held, not held

    def __bool__(self) -> bool:
        return self.held

    def text(self) -> str:
        return f"{self.name} {self.held}"

    def to_json(self) -> str:
        return json.dumps({"cell": self.name, "ok": self.held})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proofs hold; checks hold for every cell but the GRU."""
    monkeypatch.setattr(symrnn, "prove", lambda cell, **options: _Report(cell))
    monkeypatch.setattr(symrnn, "check", lambda cell, seed=0: _Report(cell, cell.name != "gru"))


@pytest.mark.usefixtures("quick")
def test_several_cells_are_proved_and_checked_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "rnn", "lstm"]) == 0
    assert capsys.readouterr().out.split("\n\n") == ["rnn True", "rnn True", "lstm True", "lstm True\n"]
    assert main(["check", "rnn", "gru", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["held"] is False
    assert [cell["held"] for cell in answer["cells"]] == [True, False]
    assert [cell["check"]["cell"] for cell in answer["cells"]] == ["rnn", "gru"]


@pytest.mark.usefixtures("quick")
def test_all_is_the_whole_zoo(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--all"]) == 1
    shown = capsys.readouterr().out.split()
    assert [word for word in shown if word in symrnn.zoo] == [name for name in symrnn.zoo for _ in range(2)]


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[tuple[campaign.Campaign, dict[str, Any]]]:
    """What the command asks the library to run; the answer is a summary that did not hold, of the last call."""
    asked: list[tuple[campaign.Campaign, dict[str, Any]]] = []

    def run(plan: campaign.Campaign, **options: Any) -> campaign.Summary:
        asked.append((plan, options))
        options["progress"](Progress(0, 0, len(plan), 0))
        options["progress"](Progress(len(plan), 0, len(plan), 1))
        rows = tuple(campaign.summary.CellSummary(name, 1, 0, 0, 7, 0.5) for name, _ in plan.cells)
        failure = campaign.Failure("rnn tiny case 0 seed 0", "failed", "∂L/∂R is wrong", "again()")
        return campaign.Summary(rows, (failure,) if plan.seeds > 5 else (), len(plan), 0, 1.25)

    monkeypatch.setattr(campaign, "run", run)
    return asked


def test_the_command_asks_for_the_campaign_that_it_was_given(
    plans: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mgu.py").write_text(MGU)
    call = ["check", "rnn", str(tmp_path / "mgu.py"), "--seeds", "3", "--seed", "4", "--jobs", "2", "--journal", "j"]
    assert main(call) == 0
    ((plan, options),) = plans
    assert [name for name, _ in plan.cells] == ["rnn", "mgu"]
    assert (plan.first_seed, plan.seeds) == (4, 3)
    assert (options["jobs"], options["journal"]) == (2, "j")
    captured = capsys.readouterr()
    assert captured.out.startswith("all 90 checks held (14 entries, 1.2 s)\n  cell  held  failed")
    assert captured.err == "symrnn: 0 of 90 checks\nsymrnn: 90 of 90 checks, 1 failed\n"


def test_a_campaign_that_fails_exits_with_1_and_as_json_is_one_object(
    plans: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--all", "--seeds", "6", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["ok"], answer["failures"][0]["again"]) == (False, "again()")
    assert [row["cell"] for row in answer["cells"]] == list(symrnn.zoo)
    assert main(["check", "rnn", "--seeds", "6"]) == 1
    assert "rnn tiny case 0 seed 0: failed\n    ∂L/∂R is wrong\n    to see it again: again()" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("journal", "advice"),
    [
        (["--journal", "j"], "after 3 of 30 checks; the same call goes on from there, by the journal j"),
        ([], "after 3 of 30 checks; with --journal FILE the same call could go on from there"),
    ],
)
def test_an_interrupt_exits_with_130_and_says_how_to_go_on(
    journal: list[str], advice: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(plan: Any, *, progress: Callable[[Progress], None], **options: Any) -> None:
        progress(Progress(3, 0, 30, 0))
        raise KeyboardInterrupt

    monkeypatch.setattr(campaign, "run", interrupted)
    assert main(["check", "rnn", "--seeds", "2", *journal]) == 130
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1] == f"symrnn: interrupted {advice}"


# The bar -----------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_one_line_that_redraws_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 1.01, 2.0, 3.0])
    monkeypatch.setattr("symrnn.cli.progress.time.monotonic", lambda: next(now))
    terminal = Terminal()
    bar = Bar(terminal)
    bar.show(Progress(0, 0, 48, 0))
    bar.show(Progress(1, 0, 48, 0))  # too soon
    bar.show(Progress(24, 0, 48, 2))
    bar.show(Progress(48, 0, 48, 2))
    bar.end()
    first, middle, last, blank, rest = terminal.getvalue().split("\r")[1:]
    assert first == "[........................] 0 of 48 checks"
    assert middle == "[############............] 24 of 48 checks, 2 failed, 0:02 left"
    assert last.rstrip() == "[########################] 48 of 48 checks, 2 failed"
    assert len(last) == len(middle)  # nothing of the longer line stays
    assert (blank.strip(), rest) == ("", "")


def test_anything_else_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 20.0, 45.0, 46.0])
    monkeypatch.setattr("symrnn.cli.progress.time.monotonic", lambda: next(now))
    stream = io.StringIO()
    bar = Bar(stream)
    for done in (10, 20, 40, 50):
        bar.show(Progress(done, 10, 50, 0))
    bar.end()
    assert stream.getvalue() == (
        "symrnn: 10 of 50 checks\nsymrnn: 40 of 50 checks, 0:15 left\nsymrnn: 50 of 50 checks\n"
    )


def test_a_reader_that_went_away_does_not_end_the_work() -> None:
    stream = io.StringIO()
    bar = Bar(stream)
    stream.close()
    bar.show(Progress(1, 0, 2, 0))
    assert bar.seen == Progress(1, 0, 2, 0)


@pytest.mark.parametrize(("seconds", "shown"), [(0.2, "0:00"), (7, "0:07"), (750, "12:30"), (11_100, "3:05:00")])
def test_times_are_written_as_one_reads_them(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
