"""The command as a process of its own: its signals, its streams and its end."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


class Process:
    """This process, once it is ours. `signal` is the one that has told it to end."""

    def __init__(self) -> None:
        self.signal = 0

    def _take_over(self) -> None:
        for name in _ENDING:
            number = getattr(signal, name, None)
            # What is ignored stays so: `nohup`, and jobs of a script in the background.
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._interrupt)
        sys.unraisablehook = self._in_a_finaliser
        _fill_closed_streams()
        if not sys.warnoptions:  # what overflows is in the answer; NumPy's own words about it help nobody here
            warnings.filterwarnings("ignore", category=RuntimeWarning)

    def run(self, command: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> int:
        """The exit code of a command; of a process that was told to end it is 128 and the signal, as shells have it."""
        try:
            self._take_over()
            code = command(arguments)
        except BaseException:
            # An interrupt in the middle of an import or of somebody else's C comes out as anything.
            if not self.signal:
                raise
            code = 0
        finally:
            # From here on Python only cleans up: nothing is lost if that is cut short, and nothing needs to be said.
            for name in _ENDING:
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) == self._interrupt:
                    signal.signal(number, signal.SIG_DFL)
            if self.signal:
                # Python remembers an interrupt that left the text of an `exec` (dataclasses are made so), and would
                # kill itself by it at its end, whatever the exit code; the next text makes it forget.
                exec("")
            _let_go()
        return 128 + self.signal if self.signal else code

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.signal = self.signal or number
        raise KeyboardInterrupt

    def _in_a_finaliser(self, unraisable: Any) -> None:
        """An interrupt that meets Python in a finaliser would be printed and forgotten."""
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            os._exit(128 + self.signal)
        sys.__unraisablehook__(unraisable)


def _fill_closed_streams() -> None:
    """A stream that is closed leaves its number to the next file that is opened, into which others would then print."""
    for handle in range(3):
        try:
            os.fstat(handle)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number is this one
    if sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison] - Python starts so where it is closed
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end of the process


def _let_go() -> None:
    """What a stream could not write, Python would write once more at its end, and complain: so it goes nowhere."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
