"""The process that `apart` starts: reads a request, proves, and writes the proof's course, a line for each event."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from dataclasses import asdict

from ..derivation import derive
from ..equations import build_cell
from ..language import Source
from ..library import network_in
from .apart import MEMORY, READY, Request
from .course import to_line
from .proof import TOO_DEEP, Complete
from .prove import events


def main() -> None:
    """Answer one request."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever waits, and ends this process
    _say(READY)
    request = Request(**json.loads(sys.stdin.buffer.readline()))
    threading.Thread(target=_end_with_input, daemon=True).start()
    _limit_memory()
    event, complete = "end", Complete()
    try:
        model = (
            build_cell(Source(request.text)) if request.network is None else network_in(request.text, request.network)
        )
        for step in events(derive(model), request.dims, tuple(request.steps), request.budget):
            _say(to_line(step))
    except (MemoryError, SystemError):  # the latter is what C code makes of the former
        complete = Complete(f"its limit of {MEMORY / 1e9:g} GB of memory", "memory")
    except RecursionError:
        complete = TOO_DEEP
    except Exception as error:  # a bug is no giving up
        event, complete = "broken", Complete(f"{type(error).__name__}: {error}")
    _say(json.dumps({"event": event, **asdict(complete)}).encode() + b"\n")


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _end_with_input() -> None:
    """Whoever asked holds the other end of the input, and lets go of it in dying too."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def _limit_memory() -> None:
    try:
        import resource
    except ModuleNotFoundError:  # pragma: no cover - Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    largest = min(bound for bound in (MEMORY, soft, hard) if bound != resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_AS, (largest, hard))


if __name__ == "__main__":
    main()
