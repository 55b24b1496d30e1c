"""Tasks through an executor whose workers may die.

When a process of a pool dies, the pool breaks and every task in flight is lost, whichever of them was to blame. So a
new pool is made and the suspects are run one at a time: a task that then breaks the pool alone is guilty.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from itertools import islice

from ..errors import CampaignError, OptionError
from .executors import drop
from .task import Outcome, Performable, perform

TRIES = 3
"""A task is tried once, and twice again."""

Finished = list[tuple[Performable, Outcome]]


@dataclass(slots=True)
class _Try:
    task: Performable
    number: int = 1


class Crew:
    """An executor, with the means to make another where it was given."""

    def __init__(self, make: Callable[[], Executor] | None, executor: Executor, in_flight: int) -> None:
        if in_flight < 1:
            raise OptionError(f"in_flight is at least 1, not {in_flight}")
        self.make, self.executor, self.in_flight = make, executor, in_flight

    def renew(self) -> None:
        if self.make is None:
            raise CampaignError(
                "the executor's workers died, and it cannot be made anew\n"
                "  mend: give a function that makes the executor, or no executor"
            )
        self.executor.shutdown(wait=False, cancel_futures=True)
        self.executor = self.make()

    def leave(self) -> None:
        """End an executor of our own; one that was given belongs to its giver."""
        if self.make is not None:
            self.executor.shutdown(wait=True, cancel_futures=True)


def work(tasks: Iterable[Performable], crew: Crew) -> Generator[Finished]:
    """The outcomes of tasks, some at a time, as they come in."""
    fresh, suspects = iter(tasks), deque[_Try]()
    flying: dict[Future[Outcome], _Try] = {}
    withheld: Finished = []
    somebody_lives, deaths = False, 0
    try:
        while True:
            whole = _send(fresh, suspects, flying, crew)
            if not flying and whole:
                break
            alone = len(flying) == 1
            landed = _collect(flying, whole)
            deaths += not landed.whole
            somebody_lives = somebody_lives or bool(landed.finished)
            for attempt, story, guilty in landed.failed:
                attempt.number += guilty or alone
                if attempt.number <= TRIES:
                    suspects.append(attempt)
                else:
                    withheld.append((attempt.task, Outcome("lost", story=f"tried {TRIES} times: {story}")))
            if somebody_lives:
                finished, withheld = landed.finished + withheld, []
                yield finished
            # Where no worker ever finished anything, it is not the tasks that are at fault.
            elif len(withheld) >= TRIES or (deaths >= TRIES and suspects):
                raise CampaignError(_dead_workers(landed.failed[-1][1] if landed.failed else "its worker process died"))
            if not landed.whole:
                crew.renew()
        yield withheld
    except KeyboardInterrupt:
        yield _collect({future: attempt for future, attempt in flying.items() if future.done()}, True).finished
        raise
    finally:
        if flying:
            drop(crew.executor, flying)


def _send(fresh: Iterator[Performable], suspects: deque[_Try], flying: dict[Future[Outcome], _Try], crew: Crew) -> bool:
    """Put tasks in flight: one suspect alone, or as many others as there is room for. False if the pool is broken."""
    room = crew.in_flight - len(flying)
    if suspects:
        attempts = iter([suspects.popleft()] if not flying else [])
    else:
        attempts = (_Try(task) for task in islice(fresh, room))
    for attempt in attempts:
        try:
            flying[crew.executor.submit(perform, attempt.task)] = attempt
        except BrokenExecutor:
            suspects.append(attempt)
            return False
        except Exception as error:  # it was shut down, or its cluster is gone
            raise CampaignError(f"the executor takes no tasks: {type(error).__name__}: {error}") from None
    return True


@dataclass(frozen=True, slots=True)
class _Landed:
    """What came in: outcomes; tries that failed, why, and whether the task itself is to blame; is the pool whole?"""

    finished: Finished
    failed: list[tuple[_Try, str, bool]]
    whole: bool


def _collect(flying: dict[Future[Outcome], _Try], whole: bool) -> _Landed:
    """Wait for at least one task; where the pool broke, for all of them, which then end at once or nearly so."""
    finished: Finished = []
    failed: list[tuple[_Try, str, bool]] = []
    while flying:
        done, _ = wait(flying, return_when=FIRST_COMPLETED)
        for future in done:
            attempt = flying.pop(future)
            try:
                finished.append((attempt.task, future.result()))
            except BrokenExecutor:
                whole = False
                failed.append((attempt, "its worker process died", False))
            except CancelledError:  # a cluster that is gone cancels what it was given
                whole = False
                failed.append((attempt, "it was cancelled", False))
            except Exception as error:  # the cluster says why; `perform` itself raises nothing
                failed.append((attempt, f"{type(error).__name__}: {error}", True))
        if whole:
            break
    return _Landed(finished, failed, whole)


def _dead_workers(story: str) -> str:
    return (
        f"no worker has finished any task; of the last one: {story}\n"
        '  mend: a program that is run as a file must call this below `if __name__ == "__main__":`, because worker\n'
        "  processes start by importing that file; otherwise look at the workers' own messages"
    )
