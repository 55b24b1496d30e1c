"""Progress, on a terminal as a line that redraws itself: a campaign's and a training's, which elsewhere say a line now
and then, and a proof's, which elsewhere says nothing."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, TextIO

from ..errors import harmless

if TYPE_CHECKING:
    from ..campaign import Progress
    from ..checking.course import Stage
    from ..training import Progress as TrainingProgress

_WIDTH = 24
_REDRAW, _SPEAK = 0.1, 30.0
_PATIENCE = 1.0
"""Seconds for which nobody needs to be told anything."""


class _Line:
    """A stream, and the line of a terminal that is written again and again."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._terminal = stream.isatty()
        self._start = self._drawn = time.monotonic()
        self._length = 0

    def _redraw(self, line: str) -> None:
        self._write(f"\r{line.ljust(self._length)}")
        self._length = len(line)

    def end(self) -> None:
        """Leave the terminal's line, so that what follows begins on its own."""
        if self._terminal and self._length:
            self._write("\r" + " " * self._length + "\r")
            self._length = 0

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody looks any more; the work goes on
            self.stream.write(text)
            self.stream.flush()


class ProofLine(_Line):
    """How far a proof is, once it takes longer than a moment."""

    def show(self, stage: Stage) -> None:
        """Draw, if there is somebody to look, and it is time."""
        now = time.monotonic()
        if self._terminal and now - self._start >= _PATIENCE and now - self._drawn >= _REDRAW:
            self._drawn = now
            far = f"{stage.tried:,} of {stage.entries:,} entries at {stage.steps} step{'s' * (stage.steps > 1)}, "
            self._redraw(f"proving: {far if stage.entries else ''}{clock(stage.seconds)}")


class TrainingLine(_Line):
    """How far a training is, with the loss; samples above it as they come."""

    def show(self, far: TrainingProgress) -> None:
        """Draw, if it is time."""
        now = time.monotonic()
        if far.sample and far.held is None and self._terminal:
            self.end()
            self._write("".join(f"  {harmless(text)}\n" for text in far.sample.split("\n")) + "\n")
        elif now - self._drawn < (_REDRAW if self._terminal else _SPEAK):
            return
        self._drawn = now
        done = far.step / far.steps if far.steps else far.seconds / far.limit if far.limit else 0.0
        words = f"step {far.step:,}" + (f" of {far.steps:,}" if far.steps else "")
        words += f", {far.bits:.3f} bits a character, {clock(far.seconds)}"
        words += f" of {clock(far.limit)}" if far.limit else ""
        if not self._terminal:
            self._write(f"symrnn: {words}\n")
            return
        filled = min(_WIDTH, int(_WIDTH * done))
        self._redraw(f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {words}")


class Bar(_Line):
    """Shows what it is told, no more often than is good to look at; `seen` is the last of it."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.seen: Progress | None = None

    def show(self, progress: Progress) -> None:
        """Take note, and draw if it is time."""
        first, complete = self.seen is None, progress.done == progress.total
        self.seen = progress
        now = time.monotonic()
        if first or complete or now - self._drawn >= (_REDRAW if self._terminal else _SPEAK):
            self._drawn = now
            self._draw(progress, now - self._start)

    def _draw(self, progress: Progress, seconds: float) -> None:
        words = f"{progress.done:,} of {progress.total:,} checks"
        words += f", {progress.failed:,} failed" if progress.failed else ""
        fresh, left = progress.done - progress.resumed, progress.total - progress.done
        if fresh and left:
            words += f", {clock(seconds * left / fresh)} left"
        if not self._terminal:
            self._write(f"symrnn: {words}\n")
            return
        filled = _WIDTH * progress.done // max(1, progress.total)
        self._redraw(f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {words}")


def clock(seconds: float) -> str:
    """A time that is left, as one reads it: 0:07, 12:30, 3:05:00."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
