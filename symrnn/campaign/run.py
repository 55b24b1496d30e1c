"""A campaign from beginning to end: what the journal lacks is done, and what came of it all is summed up."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from .executors import available_processors, process_pool
from .journal import Journal
from .plan import Plan
from .summary import Summary, summarize
from .task import Outcome
from .work import Crew, work


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a campaign is: tasks done, those of them that an earlier run did, all, and how many failed."""

    done: int
    resumed: int
    total: int
    failed: int


def run(
    campaign: Plan,
    *,
    executor: Executor | Callable[[], Executor] | None = None,
    jobs: int | None = None,
    in_flight: int | None = None,
    journal: str | Path | None = None,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> Summary:
    """Run a campaign's tasks, at most `in_flight` of them at once, and sum up.

    `executor` is any `concurrent.futures.Executor`, or a function that makes one: then it is made anew when its workers
    die. Without one, `jobs` processes do the work. With a `journal`, what that file has is not done again, and
    whatever is done is in it before it counts.
    """
    start = time.perf_counter()
    crew = _hire(executor, jobs, in_flight)
    try:
        with Journal(journal, campaign) if journal is not None else nullcontext() as book:
            done: dict[str, Outcome] = dict(book.done) if book else {}
            resumed = len(done)
            failed = sum(outcome.bad for outcome in done.values())
            progress(Progress(resumed, resumed, len(campaign), failed))
            todo = (task for task in campaign.tasks() if task.key not in done)
            # Closed at once when something goes wrong here, so that no task is left waiting.
            with closing(work(todo, crew)) as batches:
                for batch in filter(None, batches):
                    if book:
                        book.append(batch)
                    done |= {task.key: outcome for task, outcome in batch}
                    failed += sum(outcome.bad for _, outcome in batch)
                    progress(Progress(len(done), resumed, len(campaign), failed))
    finally:
        crew.leave()
    return summarize(campaign, done, resumed, time.perf_counter() - start)


def _hire(executor: Executor | Callable[[], Executor] | None, jobs: int | None, in_flight: int | None) -> Crew:
    if isinstance(executor, Executor):
        return Crew(None, executor, 64 if in_flight is None else in_flight)
    workers = available_processors() if jobs is None else jobs
    make = executor or (lambda: process_pool(workers))
    return Crew(make, make(), 4 * workers if in_flight is None else in_flight)
