"""Who does the work: processes of this machine, or the workers of a Dask cluster."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from ..errors import CampaignError, MissingExtraError, OptionError
from ..version import __version__


def available_processors() -> int:
    """How many processors this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


MOST_JOBS = 16
"""Worker processes for each processor: more would only take memory, each some 100 MB."""


def process_pool(jobs: int) -> Executor:
    """Processes that start fresh (a fork would copy the locks of running threads) and import symrnn once."""
    most = MOST_JOBS * available_processors()
    if not 1 <= jobs <= most:
        raise OptionError(f"jobs is from 1 to {most} here, {MOST_JOBS} for each processor, not {jobs:,}")
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

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: Any) -> None:
        """Where it is left by an error or an interrupt, nobody waits for what its processes are at."""
        if kind is not None:
            self.kill()
        super().__exit__(kind, error, trace)

    def kill(self) -> None:
        """End its processes in the middle of what they do, and with them all that was submitted. (What is cancelled too
        makes the pool of Python 3.11 stumble, aloud.)"""
        for process in list((self._processes or {}).values()):
            process.kill()


def drop(executor: Executor, futures: Iterable[Future[Any]]) -> None:
    """Nobody wants these any more: ours are killed, another executor is asked to stop."""
    if isinstance(executor, _Pool):
        executor.kill()
        return
    for future in futures:
        future.cancel()


def _prepare_worker() -> None:
    """A parent that was killed takes its workers along, and the slow imports come before the first task. What NumPy
    says about values that overflow is in the answers, and not for the parent's standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if not sys.warnoptions:
        warnings.filterwarnings("ignore", category=RuntimeWarning)
    from .. import checking  # noqa: F401


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


@contextmanager
def dask_executor(address: str, *, timeout: float = 5.0) -> Iterator[Executor]:
    """The workers of the Dask scheduler at an address, as an executor; they need the same symrnn."""
    try:
        from distributed import Client  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError:
        raise MissingExtraError("a Dask cluster", "the package distributed", "dask") from None
    _require_scheduler(address, timeout)
    try:
        client = Client(address, timeout=timeout, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise _no_scheduler(address, error) from None
    with client:
        _require_same_version(client, address)
        try:
            # Equal tasks are not merged: each is run where it was sent, and again if its worker dies.
            yield client.get_executor(pure=False)
        except CampaignError:
            if client.status == "running":
                raise
            raise CampaignError(
                f"the Dask scheduler at {address} is gone\n"
                "  mend: start it again; a campaign that has a journal goes on from it"
            ) from None


def _require_scheduler(address: str, timeout: float) -> None:
    """Somebody answers at the address. A client made where nobody does waits long, and complains when it goes."""
    from distributed.comm.core import connect  # pyright: ignore[reportMissingImports]
    from distributed.security import Security  # pyright: ignore[reportMissingImports]
    from distributed.utils import LoopRunner  # pyright: ignore[reportMissingImports]

    async def greet() -> None:
        # A stranger's greeting may be read as that of much to come, which `connect` then waits for.
        arguments = Security().get_connection_args("client")
        comm = await asyncio.wait_for(connect(address, timeout=timeout, **arguments), timeout + 1)
        comm.abort()

    runner = LoopRunner()
    runner.start()
    try:
        runner.run_sync(greet)
    except Exception as error:  # an address that is none, and whatever a stranger's answer is taken for
        raise _no_scheduler(address, error) from None
    finally:
        runner.stop()


def _no_scheduler(address: str, error: Exception) -> CampaignError:
    return CampaignError(
        f"no Dask scheduler answers at {address!r}: {str(error) or 'something else is there'}\n"
        "  mend: start one, `dask scheduler`, and give the address that it shows, such as tcp://host:8786"
    )


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
