"""A proof in a process of its own: it can be stopped at any moment, and when it takes all of its memory nobody else
falls.

The process is a fresh Python that runs `prover`. It is not one of `multiprocessing`, which would import the main module
of whoever calls a second time. It reads a request from its standard input, one line of JSON, and answers with a line
for each event of the proof; so what was proved before it was stopped is known. Its input stays open as long as somebody
waits for it: when that ends, however it ends, the process ends itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from .course import Course, Progress, of_record
from .proof import Complete

MEMORY = 2_000_000_000
"""Bytes that the process may take."""

READY = b'{"event": "ready"}\n'
"""The first line of an answer: this is a Python, and it knows symrnn."""

# How often somebody who watches is told that the proof is still at work.
_TICK = 0.25


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be proved, as text and numbers: the cell of a text, or its network of a name."""

    text: str
    dims: Mapping[str, int] | None
    steps: tuple[int, ...]
    budget: int
    network: str | None = None


def prove_apart(request: Request, course: Course, limit: float, progress: Progress) -> Complete | None:
    """Run a proof in a process of its own and note its course; how it ended, or None where no such process is to be
    had: there is no Python to start, or what was started is none that knows symrnn."""
    deadline = time.monotonic() + limit
    child = _start()
    if child is None:
        return None
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_converse, args=(child, request, lines), daemon=True)
    reader.start()
    ready = False
    try:
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = lines.get(timeout=min(left, _TICK))
            except queue.Empty:
                progress(course.stage())
                continue
            if line is None:
                return _cause(child.wait()) if ready else None
            if not ready:
                if line != READY:
                    return None
                ready = True
                continue
            record = json.loads(line)
            match record["event"]:
                case "end":
                    return Complete(record["reason"], record["cause"])
                case "broken":
                    raise RuntimeError(f"the proof broke off: {record['reason']}")
                case _:
                    course.take(of_record(record))
                    progress(course.stage())
        return Complete(f"the limit of {limit:g} s", "time")
    finally:
        child.kill()
        child.wait()
        reader.join()


def _start() -> subprocess.Popen[bytes] | None:
    if not sys.executable or getattr(sys, "frozen", False):
        return None
    # What this process can import, that one can, from the same places: -P keeps out the folder that it is started in.
    places = os.pathsep.join(os.path.abspath(place) for place in sys.path if place)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "symrnn.checking.prover"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **threads, "PYTHONPATH": places},
        )
    except OSError:
        return None


def _converse(child: subprocess.Popen[bytes], request: Request, lines: queue.SimpleQueue[bytes | None]) -> None:
    """Ask, and hand on what is answered, until the process ends; then leave no pipe behind."""
    assert child.stdin is not None
    assert child.stdout is not None
    with contextlib.suppress(OSError):
        child.stdin.write(json.dumps(asdict(request)).encode() + b"\n")
        child.stdin.flush()
        for line in child.stdout:
            lines.put(line)
    lines.put(None)
    child.stdout.close()
    with contextlib.suppress(OSError):
        child.stdin.close()


def _cause(code: int) -> Complete:
    """Why a process ended without its last word."""
    if code < 0:
        return Complete(f"the system ended its process (signal {-code}), most likely for want of memory", "process")
    return Complete(f"its process ended in the middle (exit code {code})", "process")
