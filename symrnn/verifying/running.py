"""Somebody's code, run: in its time and surroundings, and whatever it raises made an error with its line."""

from __future__ import annotations

import linecache
import signal
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import SubjectError, SymrnnError, visible
from .surroundings import surroundings

if TYPE_CHECKING:
    from .calling import Call
    from .words import Slot

_OURS = Path(__file__).parent.parent
_STANDARD = Path(sysconfig.get_path("stdlib"))
_MOST = 400
GUARD = "  mend: guard what a script does with `if __name__ == '__main__':`"
"""So many letters of what an exception says are shown."""


class StoppedError(SubjectError):
    """The code did not come back by itself: it never ended, or it ended the program."""


class Misfit(Exception):
    """What came back is not what was asked for: the problem, and perhaps a way to mend it."""

    def __init__(self, problem: str, mend: str = "") -> None:
        super().__init__(problem)
        self.mend = mend


class TimeIsUp(BaseException):
    """Not an Exception, so that `except Exception` in a person's code does not swallow it."""


def run_theirs(label: str, seconds: float, work: Callable[[], Any]) -> Any:
    """Give somebody's code its turn; what it raises comes through, and `TimeIsUp` if it takes too long."""
    with surroundings() as around, around.their_turn(label, seconds):
        return _within(seconds, work)


def run_call(call: Call, pool: Mapping[Slot, Any], shown: Callable[[], str], seconds: float) -> Any:
    """Call a function with what it asks for out of `pool`; whatever goes wrong becomes a `SubjectError` that names the
    call, shows what was handed in and quotes the line of the person's code."""
    positional = [pool[slot] for name, slot in call.arguments if name is None]
    named = {name: pool[slot] for name, slot in call.arguments if name is not None}

    def work() -> Any:
        with np.errstate(all="ignore"):
            return call.function(*positional, **named)

    try:
        return run_theirs(call.label, seconds, work)
    except TimeIsUp as stopped:
        place = quote_place(stopped)
        raise StoppedError(
            f"{call.label} did not return within {seconds:g} seconds\n{place}  it was called with {shown()}\n"
            "  mend: look for a loop that does not end for these sizes, or give it more time: seconds=…, --seconds"
        ) from None
    except (KeyboardInterrupt, SubjectError):
        raise
    except SystemExit as error:
        raise StoppedError(ended(call.label, error)) from None
    except BaseException as error:
        raise SubjectError(
            f"{call.label} raised {described(error)}\n{quote_place(error)}  it was called with {shown()}"
        ) from None


@contextmanager
def reading(label: str, seconds: float) -> Iterator[None]:
    """Some work of ours on what somebody's code gave back: its methods are theirs, and may raise or never end."""
    in_time = _alarm(seconds) if _can_be_stopped() else nullcontext()
    try:
        with in_time:
            yield
    except (KeyboardInterrupt, SymrnnError, Misfit):
        raise
    except BaseException as error:
        place = quote_place(error, own=True)
        if not place:
            raise  # no line of theirs had a part in it: the mistake is ours
        problem = (
            f"did not end within {seconds:g} seconds" if isinstance(error, TimeIsUp) else f"raised {described(error)}"
        )
        raise SubjectError(f"reading what {label} gave back {problem}\n{place}".rstrip()) from None


def ended(label: str, error: SystemExit) -> str:
    """What is said of code that ends the program."""
    code = error.code or 0 if isinstance(error.code, int | None) else type(error.code).__name__
    return f"{label} ended the program (exit code {code})\n{quote_place(error)}{GUARD}"


def described(error: BaseException) -> str:
    """`ValueError: operands could not be …`: an exception in its own words, as far as they can be had and are read."""
    name = visible(type(error).__name__)[:_MOST]
    try:
        words = " ".join(str.split(str(error)))
    except KeyboardInterrupt:
        raise
    except BaseException as other:
        return f"{name}, whose message cannot be had: its __str__ raises {visible(type(other).__name__)[:_MOST]}"
    words = visible(words if len(words) <= _MOST else f"{words[:_MOST]}…")
    return f"{name}: {words or 'no message'}"


def quote_place(error: BaseException, *, own: bool = False) -> str:
    """The innermost line of the person's own code in a traceback, or of a library's that it called; empty when there is
    none. With `own`, their own lines alone."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen") and _OURS not in Path(frame.filename).parents
    ]
    mine = [frame for frame in frames if not is_installed(frame.filename)] or ([] if own else frames)
    if not mine:
        return ""
    frame = mine[-1]
    line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
    shown = f": {visible(line)[:_MOST]}" if line else ""
    return f"  {Path(frame.filename).name}:{frame.lineno}, in {frame.name}{shown}\n"


def is_installed(file: str) -> bool:
    """Whether a file belongs to a library, Python's own among them."""
    path = Path(file)
    return bool({"site-packages", "dist-packages"} & set(path.parts)) or _STANDARD in path.parents


def _can_be_stopped() -> bool:
    return threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")


def _within(seconds: float, work: Callable[[], Any]) -> Any:
    """The result of some work, or `TimeIsUp`. In the main thread an alarm interrupts it wherever it is; elsewhere a
    thread is waited for, which can be left behind but not stopped."""
    if _can_be_stopped():
        with _alarm(seconds):
            return work()
    result: list[Any] = []
    failure: list[BaseException] = []

    def target() -> None:
        try:
            result.append(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeIsUp
    if failure:
        raise failure[0]
    return result[0]


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(*_: Any) -> None:
        raise TimeIsUp

    before = signal.signal(signal.SIGALRM, ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        # Somebody else's alarm, such as a test runner's, goes on from where it was.
        signal.setitimer(signal.ITIMER_REAL, left, interval)
        signal.signal(signal.SIGALRM, before)
