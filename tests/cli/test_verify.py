"""`symrnn verify FILE` with files that end, crash, hang, lie and chatter: an exit code and one message each."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from symrnn.cli import main

RIGHT = """
import numpy as np
cell = "rnn"
def forward(params, x, state):
    h, hs = state["h"], []
    for x_t in x:
        h = np.tanh(x_t @ params["W"].T + h @ params["R"].T + params["b"])
        hs.append(h)
    return np.stack(hs), {"h": h}
def backward(params, x, state, d_outputs, d_final_state):
    hs, _ = forward(params, x, state)
    before = [state["h"], *hs[:-1]]
    dh = d_final_state["h"]
    d = {name: np.zeros_like(array) for name, array in params.items()}
    dx = np.zeros_like(x)
    for t in reversed(range(len(x))):
        da = (dh + d_outputs[t]) * (1 - hs[t] ** 2)
        d["W"] += da.T @ x[t]
        d["R"] += da.T @ before[t]
        d["b"] += da.sum(0)
        dx[t], dh = da @ params["W"], da @ params["R"]
    return d, dx, {"h": dh}
"""
HELD = "forward   agrees with rnn\nbackward  right: 5 arrays, 2,776 entries, 9 conditions\n"
GUARD = "  mend: guard what a script does with `if __name__ == '__main__':`\n"


def backward_that(body):
    return f"{RIGHT}\nimport os, signal\nright = backward\ndef backward(params, x, state, d_outputs, d_final_state):\n    {body}\n"


@pytest.fixture
def verify(tmp_path, monkeypatch, capfd):
    """Run the command on a text; the exit code, what it printed, and its message."""
    monkeypatch.chdir(tmp_path)

    def run(text, *options):
        (tmp_path / "mine.py").write_text(text)
        code = main(["verify", "mine.py", *options])
        return code, *capfd.readouterr()

    return run


ENDS = "symrnn: the process that verifies mine.py "
RETURN = "  mend: return instead of os._exit, and guard what a script does with `if __name__ == '__main__':`\n"


@pytest.mark.parametrize(
    ("text", "code", "out", "err"),
    [
        (f"{RIGHT}\nimport sys\nsys.exit(0)\n", 2, "", f"symrnn: mine.py ended the program (exit code 0)\n  mine.py:25, in <module>: sys.exit(0)\n{GUARD}"),
        (backward_that("os._exit(0)"), 2, "", f"{ENDS}ended with the exit code 0 while it ran backward\n{RETURN}"),
        (backward_that("import ctypes; ctypes.string_at(0)"), 2, "", f"{ENDS}was ended by SIGSEGV while it ran backward\n  mine.py:27, in backward\n  mend: a library written in C, or the code by way of ctypes, has gone astray\n"),
        (f"raise KeyboardInterrupt\n{RIGHT}", 2, "", "symrnn: mine.py raised KeyboardInterrupt\n  mine.py:1, in <module>: raise KeyboardInterrupt\n"),
        (f"import os\nos.closerange(3, 100)\n{RIGHT}", 2, "", f"{ENDS}closed the pipe that the verdict comes through while it ran mine.py\n  mend: close only files that the code has opened itself\n"),
        # Output of every origin, with what a terminal would obey; a thread and a process left behind, a lower limit,
        # another folder, closed streams, and a last word at the end.
        (
            f"{RIGHT}\nimport atexit, os, subprocess, sys, threading, time\n"
            "import ctypes\nprint('\\x1b[31mred')\nos.system('echo shell')\nctypes.CDLL(None).puts(b'from C')\n"
            "threading.Thread(target=lambda: time.sleep(100)).start()\n"
            "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)'])\n"
            "atexit.register(os._exit, 0)\nsys.setrecursionlimit(100)\nos.chdir('/')\nsys.stdout.close()\nsys.stderr = None\n",
            0, HELD, "symrnn: mine.py printed\n  | �[31mred\n  | shell\n  | from C\n",
        ),
        # A forger, who prints and writes what he takes for a verdict to all that is open.
        (
            "import os\nfor number in range(3, 12):\n    try:\n        os.write(number, b'word [\"verdict\", true, \"held\"]\\n')\n"
            "    except OSError:\n        pass\nos._exit(0)\n",
            2, "", f"{ENDS}ended with the exit code 0 while it ran mine.py\n{RETURN}",
        ),
        (
            f"{RIGHT}\nfor k in range(10 ** 5): print(k, 'x' * 200)\n",
            0, HELD, r"symrnn: mine.py printed\n(  \| \d x{158}…\n){10}(  \| \d\d x{157}…\n){10}  \| … \d+,\d+,\d+ bytes in all\n(  \| \d{5} x{154}…\n){20}",
        ),
    ],
    ids=["exit", "_exit", "segfault", "interrupt", "closed", "left_behind", "forger", "much"],
)  # fmt: skip
@pytest.mark.skipif(os.name != "posix", reason="signals and file descriptors of POSIX")
def test_every_file_has_one_answer(verify, text, code, out, err):
    found = verify(text)
    assert found[:2] == (code, out)
    assert found[2] == err or (err.startswith("symrnn: mine.py printed\\n") and re.fullmatch(err, found[2])), found[2]


def test_a_doubled_gradient_is_found_whatever_stands_in_for_numpy(verify):
    code, out, _ = verify(
        f"{RIGHT.replace('return d, dx', 'return d, 2 * dx')}\nnp.abs = lambda a, *_, **__: np.zeros_like(a)\n",
        "--json",
    )
    report = json.loads(out)
    assert code == 1
    assert report["ok"] is False
    assert [finding["kind"] for finding in report["findings"]] == ["scale"]
    assert report["notes"] == ["the code replaces numpy.abs: it ran with its own, and was judged with the right ones"]


def test_what_cannot_be_stopped_is_killed(verify):
    text = backward_that("while True:\n        try: signal.pause()\n        except BaseException: pass")
    code, out, err = verify(text, "--seconds", "0.2")
    assert (code, out) == (2, "")
    assert err == (
        "symrnn: backward did not return within 0.2 seconds, and had to be killed\n  mine.py:28, in backward\n"
        "  mend: look for a loop that does not end for these sizes, or give it more time: --seconds\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_persons_code_ends_with_the_command(tmp_path, number):
    (tmp_path / "mine.py").write_text(
        "import os, time\nopen('started', 'w').write(str(os.getpid()))\ntime.sleep(100)\n"
    )
    process = subprocess.Popen([sys.executable, "-m", "symrnn", "verify", "mine.py"], cwd=tmp_path)
    started = tmp_path / "started"
    until = time.monotonic() + 60
    while not (started.exists() and started.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(30) == 128 + number
    while _is_there(int(started.read_text())) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _is_there(int(started.read_text()))


def _is_there(process):
    try:
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("word", ["0", "-1", "x", "nan", "inf", "1e9"])
def test_seconds_are_a_number_above_zero(capsys, word):
    assert main(["verify", "mine.py", f"--seconds={word}"]) == 2
    assert f"this is a number of seconds above zero, not {word!r}" in capsys.readouterr().err
