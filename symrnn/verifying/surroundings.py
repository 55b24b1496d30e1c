"""What somebody's code may change around itself: held for ours while ours runs, and put back when all is said.

Their code and ours share a process and take turns. In ours every function of NumPy is the one that NumPy has, whatever
they have put in its place, so that a replaced `np.abs` bends no verdict; in theirs they find what they have put there.
In the end the caller has everything as it was before: functions, streams, limits, filters, generators, folder.
"""

from __future__ import annotations

import builtins
import contextlib
import math
import operator
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
from numpy import _core

from ..errors import SubjectError

Place = tuple[str, str]
"""A module's name and what is replaced in it: ("numpy", "abs")."""

_GONE = object()
_FREE = {"input", "print", "open", "breakpoint"}
"""What reads and writes bears on no verdict, and notebooks and debuggers put their own in its place."""
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGALRM", "SIGABRT") if hasattr(signal, name)]


def _functions(module: ModuleType) -> dict[str, Any]:
    held = {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and name not in _FREE and callable(value) and hasattr(value, "__name__")
    }
    if module is np:  # the core has them once more: what was replaced before symrnn was imported is found there
        held |= {name: getattr(_core, name, value) for name, value in held.items()}
    return held


_HELD = {module.__name__: (vars(module), _functions(module)) for module in (builtins, math, np, np.linalg, np.random)}
_QUICK = [(now, operator.itemgetter(*held), tuple(held.values())) for now, held in _HELD.values()]


def _replaced(the_same: Any = operator.is_, every: Any = all, each: Any = map) -> dict[Place, Any]:
    """What is not what it should be. Its own tools are bound beforehand: they may be what was replaced."""
    with contextlib.suppress(KeyError):  # something is gone
        if every([every(each(the_same, read(now), held)) for now, read, held in _QUICK]):
            return {}
    return {
        (module, name): now.get(name, _GONE)
        for module, (now, held) in _HELD.items()
        for name in held
        if now.get(name, _GONE) is not held[name]
    }


def _put_right() -> None:
    for now, held in _HELD.values():
        now.update(held)


def _put_in(replaced: Mapping[Place, Any]) -> None:
    for (module, name), value in replaced.items():
        if value is _GONE:
            _HELD[module][0].pop(name, None)
        else:
            _HELD[module][0][name] = value


def _ignore(what: str, seconds: float) -> None:
    """Nobody wants to be told whose turn it is."""


Told = Callable[[str, float], None]
"""Is told whose turn begins, and for how many seconds at most; an empty name says that ours has begun again."""


@dataclass(slots=True)
class Surroundings:
    """Both sides' own, in turns. `replaced` is what their code has put in the place of functions, `seen` all of it."""

    told: Told
    replaced: dict[Place, Any]
    limit: int = field(default_factory=sys.getrecursionlimit)
    streams: tuple[Any, Any, Any] = field(default_factory=lambda: (sys.stdin, sys.stdout, sys.stderr))
    their_limit: int = 0
    their_streams: tuple[Any, Any, Any] | None = None
    seen: set[str] = field(default_factory=set)

    @contextmanager
    def their_turn(self, what: str, seconds: float) -> Iterator[None]:
        """`what` is the code that runs: everything is as it left it, and is ours again after it."""
        self.expect_ours()
        self.told(what, seconds)
        _put_in(self.replaced)
        if self.their_streams is not None:
            sys.stdin, sys.stdout, sys.stderr = self.their_streams
        if self.their_limit > self.limit:  # a lower one would stop our calls of it rather than their own
            sys.setrecursionlimit(self.their_limit)
        try:
            with np.errstate():
                yield
        finally:
            self.their_limit = sys.getrecursionlimit()
            sys.setrecursionlimit(self.limit)
            self.their_streams = sys.stdin, sys.stdout, sys.stderr
            sys.stdin, sys.stdout, sys.stderr = self.streams
            self.replaced = _replaced()
            if self.replaced:
                _put_right()
            self.seen |= {f"{module}.{name}" for module, name in self.replaced}
            self.told("", 0.0)

    def expect_ours(self) -> None:
        """What changed in our turn was changed by a thread, and then nothing that was compared is worth a thing."""
        changed = _replaced()
        if changed:
            _put_right()
            raise SubjectError(
                f"{', '.join(map('.'.join, changed))} was replaced while symrnn compared, by another thread\n"
                "  mend: end the threads that the code starts before it returns"
            ) from None

    def note(self) -> tuple[str, ...]:
        """What to say of functions that were replaced."""
        if not self.seen:
            return ()
        names = ", ".join(sorted(self.seen))
        return (f"the code replaces {names}: it ran with its own, and was judged with the right ones",)


_NOW: ContextVar[Surroundings | None] = ContextVar("surroundings", default=None)


@contextmanager
def surroundings(told: Told = _ignore) -> Iterator[Surroundings]:
    """Hold what their code may change; within another one, that one."""
    within = _NOW.get()
    if within is not None:
        yield within
        return
    before = _replaced()
    _put_right()
    held = Surroundings(told, before, seen={f"{module}.{name}" for module, name in before})
    token = _NOW.set(held)
    try:
        with _put_back(), warnings.catch_warnings(), np.printoptions(), np.errstate():
            try:
                yield held
            except Exception:  # ours, perhaps, and for that reason
                held.expect_ours()
                raise
            held.expect_ours()
    finally:
        _NOW.reset(token)
        _put_right()
        _put_in(before)


@contextmanager
def _put_back() -> Iterator[None]:
    """Generators of random numbers, folder, environment and handlers of signals, as they were."""
    numbers, plain = np.random.get_state(legacy=False), random.getstate()
    environment, folder = dict(os.environ), _folder()
    main = threading.current_thread() is threading.main_thread()  # nobody else may set a handler
    handlers = {number: signal.getsignal(number) for number in _SIGNALS} if main else {}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        if folder and _folder() != folder:
            with contextlib.suppress(OSError):
                os.chdir(folder)
        random.setstate(plain)
        np.random.set_state(numbers)


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it has been removed
        return ""
