"""Workers that die: who is to blame is found out, nobody else suffers, and nothing goes on for ever."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Executor, Future
from concurrent.futures.process import BrokenProcessPool

import pytest

from symrnn.campaign import Outcome, Task, plan
from symrnn.campaign import work as work_module
from symrnn.campaign.work import Crew, work
from symrnn.errors import CampaignError

TASKS = list(plan(["rnn"], seeds=2).tasks())
HELD = Outcome("held", 1, 0.5)
BATCH = 4


class Script:
    """What goes wrong: how often each task kills its process, and the errors that the executor has instead."""

    def __init__(self, deadly: dict[Task, int] | None = None, errors: dict[Task, list[BaseException]] | None = None):
        self.deadly, self.errors = dict(deadly or {}), dict(errors or {})
        self.runs: Counter[str] = Counter()
        self.pools = 0
        self.moment = 0.003  # seconds

    def make(self) -> Pool:
        self.pools += 1
        return Pool(self)

    def kills(self, task: Task) -> bool:
        left = self.deadly.get(task, 0)
        self.deadly[task] = left - 1
        return left > 0


class Pool(Executor):
    """A pool as `concurrent.futures` has them: what was given within a moment runs together, and when one process dies
    all of it is lost."""

    def __init__(self, script: Script) -> None:
        self.script, self.broken = script, False
        self.given: list[tuple[Future[Outcome], Task]] = []
        self.lock = threading.Lock()

    def submit(self, fn: Callable[..., Outcome], /, task: Task) -> Future[Outcome]:
        with self.lock:
            if self.broken:
                raise BrokenProcessPool("it broke before")
            if not self.given:
                threading.Timer(self.script.moment, self.end).start()
            future: Future[Outcome] = Future()
            self.given.append((future, task))
            return future

    def end(self) -> None:
        with self.lock:
            given, self.given = self.given, []
            deaths = [self.script.kills(task) for _, task in given]
            self.broken = any(deaths)
        for future, task in given:
            self.script.runs[task.key] += 1
            errors = self.script.errors.get(task)
            if self.broken:
                future.set_exception(BrokenProcessPool("a process died"))
            elif errors:
                future.set_exception(errors.pop(0))
            else:
                future.set_result(HELD)


def run(script: Script, tasks: Iterable[Task] = TASKS) -> dict[Task, Outcome]:
    found = [pair for batch in work(tasks, Crew(script.make, script.make(), BATCH)) for pair in batch]
    assert len({task for task, _ in found}) == len(found)
    return dict(found)


def held(*but: Task) -> dict[Task, Outcome]:
    return {task: HELD for task in TASKS if task not in but}


def test_everything_is_done_once() -> None:
    script = Script()
    assert run(script) == held()
    assert set(script.runs.values()) == {1}
    assert script.pools == 1


@pytest.mark.parametrize("position", [0, 5, len(TASKS) - 1])
@pytest.mark.parametrize("deaths", [1, 2])
def test_a_task_whose_process_dies_once_or_twice_is_tried_again(position: int, deaths: int) -> None:
    script = Script({TASKS[position]: deaths})
    assert run(script) == held()
    assert script.pools == 1 + deaths


@pytest.mark.parametrize("position", [0, 5, len(TASKS) - 1])
def test_a_task_that_always_dies_is_lost_and_all_others_are_done(position: int) -> None:
    guilty = TASKS[position]
    script = Script({guilty: 10**6})
    outcomes = run(script)
    assert outcomes.pop(guilty) == Outcome("lost", story="tried 3 times: its worker process died")
    assert outcomes == held(guilty)
    # Those that flew with it were lost with it once, and then flew alone.
    assert max(count for key, count in script.runs.items() if key != guilty.key) <= 2
    assert script.runs[guilty.key] <= 4


def test_two_that_always_die_are_both_found() -> None:
    script = Script({TASKS[4]: 10**6, TASKS[6]: 10**6})
    outcomes = run(script)
    assert {task for task, outcome in outcomes.items() if outcome.verdict == "lost"} == {TASKS[4], TASKS[6]}
    assert len(outcomes) == len(TASKS)


def test_a_single_task_that_always_dies_is_lost() -> None:
    assert run(Script({TASKS[0]: 10**6}), TASKS[:1])[TASKS[0]].verdict == "lost"


def test_where_every_task_dies_it_is_not_the_tasks() -> None:
    script = Script(dict.fromkeys(TASKS, 10**6))
    with pytest.raises(CampaignError) as caught:
        run(script)
    assert str(caught.value).startswith("no worker has finished any task; of the last one: its worker process died\n")
    assert 'if __name__ == "__main__":' in str(caught.value)
    assert script.pools <= 4


def test_an_error_of_the_executor_is_the_tasks_own_and_it_is_tried_three_times() -> None:
    gone = [RuntimeError("the worker left") for _ in range(3)]
    script = Script(errors={TASKS[3]: gone[:2], TASKS[9]: gone})
    outcomes = run(script)
    assert outcomes.pop(TASKS[9]) == Outcome("lost", story="tried 3 times: RuntimeError: the worker left")
    assert outcomes == held(TASKS[9])
    assert script.pools == 1


def test_a_task_that_the_executor_cancelled_is_done_by_the_next() -> None:
    script = Script(errors={TASKS[3]: [CancelledError()]})
    assert run(script) == held()
    assert script.pools == 2


def test_an_executor_that_was_given_is_not_made_anew_and_not_shut_down() -> None:
    script = Script({TASKS[5]: 1})
    script.moment = 0.2  # all of a batch run together, however busy the machine is
    found: list[Task] = []

    def go() -> None:
        for batch in work(TASKS, Crew(None, script.make(), BATCH)):
            found.extend(task for task, _ in batch)

    with pytest.raises(CampaignError, match=r"the executor's workers died, and it cannot be made anew\n  mend: "):
        go()
    assert set(found) == set(TASKS[:BATCH])
    assert script.pools == 1


def test_an_executor_that_was_shut_down_is_said() -> None:
    class Closed(Executor):
        def submit(self, *_: object, **__: object) -> Future[Outcome]:  # type: ignore[override]
            raise RuntimeError("cannot schedule new futures after shutdown")

    with pytest.raises(CampaignError, match="the executor takes no tasks: RuntimeError: cannot schedule"):
        list(work(TASKS, Crew(None, Closed(), BATCH)))


def test_no_more_is_in_flight_than_was_allowed() -> None:
    class Counting(Pool):
        most = 0

        def submit(self, fn: Callable[..., Outcome], /, task: Task) -> Future[Outcome]:
            future = super().submit(fn, task)
            Counting.most = max(Counting.most, len(self.given))
            return future

    assert dict(pair for batch in work(TASKS, Crew(None, Counting(Script()), BATCH)) for pair in batch) == held()
    assert 1 < Counting.most <= BATCH


def test_an_interrupt_hands_over_what_is_done_and_cancels_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    futures: list[Future[Outcome]] = []

    class Slow(Executor):
        def submit(self, fn: Callable[..., Outcome], /, task: Task) -> Future[Outcome]:
            futures.append(Future())
            if len(futures) == 2:
                futures[-1].set_result(HELD)
            return futures[-1]

    real, calls = work_module.wait, []

    def interrupted(*given: object, **options: object) -> object:
        calls.append(given)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return real(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(work_module, "wait", interrupted)
    batches = work(TASKS, Crew(None, Slow(), BATCH))
    assert next(batches) == [(TASKS[1], HELD)]
    with pytest.raises(KeyboardInterrupt):
        next(batches)
    assert [future.cancelled() for future in futures] == [True, False, True, True]
