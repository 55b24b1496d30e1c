"""Who does the work: processes of this machine, or the workers of a Dask cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from ..errors import CampaignError, MissingExtraError, OptionError
from ..version import __version__


def available_processors() -> int:
    """How many processors this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def process_pool(jobs: int) -> Executor:
    """Processes that start fresh (a fork would copy the locks of running threads) and import symrnn once."""
    if jobs < 1:
        raise OptionError(f"jobs is at least 1, not {jobs}")
    context = multiprocessing.get_context("spawn")
    return _Pool(jobs, mp_context=context, initializer=_prepare_worker)


class _Pool(ProcessPoolExecutor):
    """A pool whose processes are born deaf to Ctrl-C, which a terminal sends to all of them: it is for the parent,
    which ends its workers in order. They are started by `submit`, and inherit the mask of signals."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if not hasattr(signal, "pthread_sigmask"):  # pragma: no cover - Windows
            return super().submit(fn, *args, **kwargs)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare_worker() -> None:
    """A parent that was killed takes its workers along, and the slow imports come before the first task."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    from .. import checking  # noqa: F401


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


@contextmanager
def dask_executor(address: str, *, timeout: float = 10.0) -> Iterator[Executor]:
    """The workers of the Dask scheduler at an address, as an executor; they need the same symrnn."""
    try:
        from distributed import Client  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError:
        raise MissingExtraError("a Dask cluster", "the package distributed", "dask") from None
    try:
        client = Client(address, timeout=timeout, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise CampaignError(f"no Dask scheduler answers at {address}: {error}") from None
    with client:
        _require_same_version(client, address)
        # Equal tasks are not merged: each is run where it was sent, and again if its worker dies.
        yield client.get_executor(pure=False)


def _require_same_version(client: Any, address: str) -> None:
    try:
        versions = client.run(worker_version)
    except Exception as error:  # whatever a worker without symrnn makes of it
        raise CampaignError(f"the workers at {address} cannot import symrnn: {type(error).__name__}: {error}") from None
    if not versions:
        raise CampaignError(f"the Dask scheduler at {address} has no workers\n  mend: dask worker {address}")
    for worker, version in versions.items():
        if version != __version__:
            raise CampaignError(f"the worker {worker} has symrnn {version}, and here it is {__version__}")


def worker_version() -> str:
    """The symrnn that a worker has."""
    return __version__
