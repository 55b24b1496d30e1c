"""Streams that are closed, full or strange, and signals: each with exit code and what is said, in a process of its own.

The commands are those that need no SymPy, where the circumstance allows it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from symrnn.campaign import Outcome, plan
from symrnn.campaign.journal import Journal
from symrnn.cli import main

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the circumstances are made by a POSIX shell")

SYMRNN = f'"{sys.executable}" -m symrnn'
HEAD = "rnn                      Elman network with tanh"
NO_FAMILY = "symrnn: the zoo has no family 'nosuch'; the families are: "
CLOSED = "symrnn: cannot write to standard output: it is closed\n"
FULL = "symrnn: cannot write to standard output: No space left on device\n"

# A call and its circumstance, in the words of a shell; its exit code; how standard output and standard error begin.
STREAMS: list[tuple[str, int, str, str]] = [
    ("symrnn list", 0, HEAD, ""),
    ("symrnn list >&-", 2, "", CLOSED),
    ("symrnn --help >&-", 2, "", CLOSED),
    ("symrnn check lstm --seeds 100000 >&-", 2, "", CLOSED),  # before the work
    ("symrnn export -o none >&-", 2, "", CLOSED),
    ("symrnn list >/dev/full", 2, "", FULL),
    ("symrnn list 2>&- >/dev/full", 2, "", ""),
    ("symrnn list >&- 2>&-", 2, "", ""),
    ("symrnn list 2>&-", 0, HEAD, ""),
    ("symrnn list >/dev/full 2>/dev/full", 2, "", ""),
    ("symrnn list --family nosuch", 2, "", NO_FAMILY),
    ("symrnn list --family nosuch >&-", 2, "", CLOSED),
    ("symrnn list --family nosuch 2>&-", 2, "", ""),
    ("symrnn list --family nosuch 2>/dev/full", 2, "", ""),
    ("symrnn list <&-", 0, HEAD, ""),
    ("symrnn show - <&-", 2, "", "symrnn: standard input is closed\n  mend: give the cell's file, or its text on standard input\n"),
    ("symrnn code rnn -o rnn.py <&- >&- 2>&- && head -c 6 rnn.py", 0, '"""rnn', ""),
    ("symrnn show - -o mine.txt < mine.txt", 2, "", "symrnn: cannot write mine.txt: the cell is read from it\n  mend: another name\n"),
    ("(symrnn list; echo $? >&2) | head -1", 0, HEAD, "0\n"),
    ("(symrnn list --family nosuch 2>&1; echo $? >&2) | true", 0, "", "2\n"),
    ("PYTHONIOENCODING=ascii symrnn list --family δ", 2, "", r"symrnn: the zoo has no family '\u03b4'; the families are: "),
    ("PYTHONIOENCODING=ascii:strict symrnn list", 0, HEAD, ""),
    ("LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 symrnn list", 0, HEAD, ""),
    ("COLUMNS=1 TERM=dumb NO_COLOR=1 symrnn check --help", 0, "usage: symrnn check", ""),
    ("COLUMNS=-7 symrnn check --seeds", 2, "", "symrnn: argument --seeds: expected one argument\n  try: symrnn check --help\n"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "code", "out", "err"), STREAMS, ids=[row[0] for row in STREAMS])
def test_a_stream_that_is_not_what_it_should_be(call: str, code: int, out: str, err: str, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("def mine(x, h):\n    return tanh(W @ x + R @ h)\n")
    done = subprocess.run(
        ["sh", "-c", call.replace("symrnn ", f"{SYMRNN} ", 1)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={"PYTHONIOENCODING": "utf-8", **os.environ},
        check=False,
    )
    assert done.returncode == code
    for shown, expected in ((done.stdout, out), (done.stderr, err)):
        assert shown.startswith(expected)
        assert expected or not shown
        assert "Traceback" not in shown


# Signals -----------------------------------------------------------------------------------------------------


def _started(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "symrnn", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        start_new_session=True,
    )


def _wait_until_ours(process: subprocess.Popen[str]) -> None:
    """Until its signals are handled: before that it is Python that starts, and nothing of symrnn."""
    mask = 1 << (signal.SIGTERM - 1)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        status = Path(f"/proc/{process.pid}/status").read_text()
        (caught,) = (line for line in status.splitlines() if line.startswith("SigCgt:"))
        if int(caught.split()[1], 16) & mask:
            return
        time.sleep(0.001)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the moment is read from /proc")
@pytest.mark.parametrize(("number", "delay"), [("SIGINT", 0.0), ("SIGINT", 0.1), ("SIGTERM", 0.03), ("SIGHUP", 0.2)])
def test_a_signal_while_imports_go_on_ends_in_its_code_and_in_silence(
    number: str, delay: float, tmp_path: Path
) -> None:
    process = _started("check", "rnn", folder=tmp_path)
    _wait_until_ours(process)
    time.sleep(delay)
    process.send_signal(signal.Signals[number])
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (128 + signal.Signals[number], "", "")


def test_a_signal_in_the_text_of_an_exec_ends_in_its_code(tmp_path: Path) -> None:
    """Dataclasses are made by such texts, and Python itself remembers what interrupted them until its end."""
    (tmp_path / "work.py").write_text("""
import sys
from symrnn.cli.process import Process

def work(arguments):
    exec("import os, signal, time\\nos.kill(os.getpid(), signal.SIGTERM)\\ntime.sleep(60)")

sys.exit(Process().run(work, []))
""")
    call = [sys.executable, "-m", "work"]
    done = subprocess.run(call, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="children are read from /proc")
def test_an_interrupt_ends_a_campaign_with_its_workers_and_keeps_the_journal(tmp_path: Path) -> None:
    call = ["check", "rnn", "--seeds", "500", "--jobs", "2", "--journal", "j"]
    process = _started(*call, folder=tmp_path)
    journal = tmp_path / "j"
    while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") > 1):
        time.sleep(0.02)
    workers = _children(process.pid)
    assert len(workers) >= 2
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    first, last = err.splitlines()
    assert first == "symrnn: 0 of 7,500 checks"
    assert last.startswith("symrnn: interrupted after ")
    assert last.endswith(" of 7,500 checks; the same call goes on from there, by the journal j")
    end = time.monotonic() + 10
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < end:
        time.sleep(0.02)
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
    assert journal.read_bytes().endswith(b"}\n")


def _children(pid: int) -> list[int]:
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


# What a terminal would obey ----------------------------------------------------------------------------------


def test_escape_codes_in_a_journal_are_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = tmp_path / "j"
    campaign = plan(["rnn"], seeds=1)
    story = "a\x1b[2J\rb\x9b\u202ec"
    with Journal(journal, campaign) as book:
        book.append(
            (task, Outcome("failed" if n else "held", 1, 0.5, story)) for n, task in enumerate(campaign.tasks())
        )
    assert main(["check", "rnn", "--seeds", "1", "--jobs", "1", "--journal", str(journal)]) == 1
    assert "\n    a�[2J�b��c\n" in capsys.readouterr().out


def test_escape_codes_in_a_docstring_and_in_the_name_of_a_file_are_not_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mi\x1b[31mne.py"
    file.write_text('def mine(x, h):\n    """Mine\x1b[2J."""\n    return tanh(W @ x + R @ h)\n')
    assert main(["show", str(file)]) == 0
    assert capsys.readouterr().out.startswith("mine: Mine�[2J.\n")
    file.write_text("def mine(x, h):\n    return foo(x)\n")
    assert main(["show", str(file)]) == 2
    assert capsys.readouterr().err.startswith("symrnn: mi�[31mne.py:2: `foo` is not a function of the language\n")
