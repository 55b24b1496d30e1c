"""A person's file, judged in a process of its own (`verifying.judge`): whatever the file does, there is one answer.

This process stays light: it starts the other, keeps the time, and believes what comes through the pipe between them
alone. A process that ends without a verdict has not held, however it ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

from ..errors import SubjectError, visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from symrnn.verifying.judge import main; main()"
CLOSED = 69
"""The exit code by which the other process says that it could not say more."""
_GRACE = 3.0
"""The other process stops what takes too long by itself, with the line that it was at; unless it cannot."""
_PART = 1 << 14
_LINES, _COLUMNS = 20, 160


def judge(job: dict[str, Any]) -> tuple[str, bool]:
    """The verdict on a file, as text, and whether it held; an error where there is none."""
    word = os.urandom(16).hex()
    process = subprocess.Popen(
        [sys.executable, "-u", "-P", "-c", _START, json.dumps(sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # so that Ctrl-C comes here alone, and all that the code has started can be ended
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    printed, lines = _Printed(process.stderr), _Lines(process.stdout)
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(f"{json.dumps({**job, 'word': word, 'closed': CLOSED})}\n".encode())
            process.stdin.flush()
        return _listen(process, lines, word, job["file"])
    finally:
        _end(process)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        lines.close()
        printed.close()
        printed.show(job["file"])


def _listen(process: subprocess.Popen[bytes], lines: _Lines, word: str, file: str) -> tuple[str, bool]:
    turn, allowed, until = "", 0.0, None
    rest: deque[str] = deque(maxlen=200)  # what the process says of its own crash
    while True:
        try:
            line = lines.read(None if until is None else max(0.0, until - time.monotonic()))
        except queue.Empty:
            place = _place_of_death(process, lines, rest)
            raise SubjectError(
                f"{turn} did not return within {allowed:g} seconds, and had to be killed\n{place}"
                f"  mend: look for a loop that does not end for these sizes, or give it more time: --seconds"
            ) from None
        opening, _, message = line.decode("utf-8", "replace").partition(" ")
        if opening != word:
            if line:
                rest.append(line.decode("utf-8", "replace"))
                continue
            raise SubjectError(_end_without_verdict(process, file, turn, _place(rest)))
        match json.loads(message):
            case ["turn", turn, allowed]:
                until = time.monotonic() + allowed + _GRACE if turn else None
            case ["verdict", held, text]:
                return text, held
            case reply:
                raise SubjectError(reply[1])


def _place_of_death(process: subprocess.Popen[bytes], lines: _Lines, rest: deque[str]) -> str:
    """Where the code was when it was killed: its last words tell, where it has any."""
    with contextlib.suppress(OSError):
        process.send_signal(signal.SIGABRT)
    with contextlib.suppress(queue.Empty):
        while line := lines.read(1.0):
            rest.append(line.decode("utf-8", "replace"))
    return _place(rest)


def _place(rest: deque[str]) -> str:
    """The innermost line of the person's own code in what faulthandler wrote."""
    frames = re.findall(r'File "(.*)", line (\d+) in (.*)', "".join(rest))
    others = Path(__file__).parent.parent, Path(os.__file__).parent  # ours, and Python's with what is installed in it
    own = (frame for frame in frames if Path(frame[0]).is_file() and not {*others} & {*Path(frame[0]).parents})
    return next((f"  {Path(file).name}:{line}, in {name}\n" for file, line, name in own), "")


def _end_without_verdict(process: subprocess.Popen[bytes], file: str, turn: str, place: str) -> str:
    try:
        code = process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        code = CLOSED
    if code == CLOSED:
        how, mend = "closed the pipe that the verdict comes through", "close only files that the code has opened itself"
    else:
        if code < 0:
            how = f"was ended by {_signal(-code)}"
            mend = (
                "the system ends a process so that takes too much memory: smaller arrays"
                if -code == getattr(signal, "SIGKILL", 0)
                else "a library written in C, or the code by way of ctypes, has gone astray"
            )
        else:
            how = f"ended with the exit code {code}"
            mend = "return instead of os._exit, and guard what a script does with `if __name__ == '__main__':`"
            if not turn:
                mend = "what it printed says why; if that is a traceback of symrnn's own, please report it"
    when = f"while it ran {turn}" if turn else "before there was a verdict"
    return f"the process that verifies {file} {how} {when}\n{place}  mend: {mend}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it has started, threads and processes alike."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


class _Reader:
    """A pipe, read by a thread of its own for as long as anybody writes to it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Wait for the end, though not for processes that the code has sent away and that still hold the pipe."""
        self._thread.join(1.0)
        if not self._thread.is_alive():
            self._stream.close()


class _Lines(_Reader):
    """The lines of a pipe as they come, the last one empty."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        super().__init__(stream)

    def read(self, seconds: float | None) -> bytes:
        return self._lines.get(timeout=seconds)

    def _read(self) -> None:
        for line in iter(lambda: self._stream.readline(1 << 26), b""):
            self._lines.put(line)
        self._lines.put(b"")


class _Printed(_Reader):
    """What the code has printed: the beginning and the end of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.head, self.tail, self.length = b"", b"", 0
        super().__init__(stream)

    def _read(self) -> None:
        while part := os.read(self._stream.fileno(), _PART):
            self.length += len(part)
            if len(self.head) < _PART:
                self.head, part = (self.head + part)[:_PART], part[_PART - len(self.head) :]
            self.tail = (self.tail + part)[-_PART:]

    def show(self, file: str) -> None:
        """Write it to standard error, under a heading, as text that no terminal obeys."""
        if not self.length:
            return
        cut = self.length > len(self.head) + len(self.tail)
        parts = [self.head, self.tail] if cut else [self.head + self.tail]
        lines = [line for part in parts for line in part.decode("utf-8", "replace").splitlines()]
        if cut or len(lines) > 2 * _LINES:
            left = f"… {self.length:,} bytes in all"
            lines = [*lines[:_LINES], left, *lines[-_LINES:]]
        shown = [line if len(line) <= _COLUMNS else f"{line[:_COLUMNS]}…" for line in map(visible, lines)]
        print(f"symrnn: {file} printed", *(f"  | {line}" for line in shown), sep="\n", file=sys.stderr)
