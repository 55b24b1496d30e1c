"""The process in which a person's file is run and judged, and what it tells the one that waits for the verdict.

It is started by the command line with one line of JSON on standard input. What it says goes through a pipe that began
as its standard output and that the person's code is not given; what that code prints goes to standard error. Each
message is one line and opens with a word that only the two processes know, so that a line printed by anybody else is
no verdict:

    WORD ["turn", "backward", 30.0]     their code runs, for so many seconds at most; with an empty name, ours does
    WORD ["verdict", true, "forward   agrees …"]
    WORD ["error", "my_lstm.py cannot be run: …"]

Without a verdict or an error there is none: a process that ends in any other way has not held.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import io
import json
import os
import sys
import threading
import traceback
from typing import Any, NoReturn

from ..errors import SymrnnError
from .file import find_cell, read_code
from .running import quote_place
from .surroundings import surroundings
from .verify import verify

FAILED = 70
"""The exit code of a mistake of ours: its traceback is on standard error."""


def main() -> NoReturn:
    """Read the job, do it, say what came of it, and end, whatever threads the code has left behind."""
    job = json.loads(sys.stdin.buffer.readline())
    channel = _rearrange_streams()
    pipe = os.fstat(channel)
    faulthandler.enable(channel, all_threads=False)  # where a crash was is told to who waits, not printed

    def say(*message: Any) -> None:
        line = f"{job['word']} {json.dumps(message)}\n".encode()
        try:
            while line and os.path.samestat(
                os.fstat(channel), pipe
            ):  # and no file that the code has opened in its place
                line = line[os.write(channel, line) :]
        except OSError:
            pass
        if line:
            os._exit(job["closed"])

    try:
        held, text = _judge(job, lambda what, seconds: say("turn", what, seconds))
        _flush()
        say("verdict", held, text)
    except SymrnnError as error:
        _flush()
        say("error", str(error))
    except KeyboardInterrupt as error:
        say("error", f"{job['file']} raised KeyboardInterrupt\n{quote_place(error)}".rstrip())
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
        os._exit(FAILED)
    os._exit(0)


def _judge(job: dict[str, Any], told: Any) -> tuple[bool, str]:
    seed, seconds = job["seed"], job["seconds"]
    sys.argv = [job["file"]]
    with surroundings(told):
        given = read_code(job["file"], job["cell"], seconds=seconds)
        cell = find_cell(given, seed, seconds=seconds)
        report = verify(cell, given.code, layout=given.layout, seed=seed, seconds=seconds)
        return bool(report), report.to_json() if job["json"] else report.text(heat=job["heat"])


def _rearrange_streams() -> int:
    """The channel, out of the code's reach: it finds nothing to read, and all that it prints is standard error's."""
    channel, parent = os.dup(1), os.dup(0)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")

    def end_with_the_parent() -> None:
        with contextlib.suppress(OSError):
            os.read(parent, 1)  # nothing is ever written: it returns when the other end is closed
            os._exit(FAILED)

    threading.Thread(target=end_with_the_parent, daemon=True).start()
    return channel


def _flush() -> None:
    """What the code has printed, from Python or from C, is out before the verdict is."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).fflush(None)
