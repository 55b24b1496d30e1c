"""Whole campaigns: what they find, and that being killed costs nothing that was done."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import symrnn
from symrnn.campaign import Campaign, Progress, Summary, perform, plan, run
from symrnn.campaign import task as task_module
from symrnn.campaign.executors import process_pool
from symrnn.cli import main
from symrnn.errors import CampaignError, OptionError

SMALL = plan(["rnn"], seeds=1, kinds=["ordinary", "saturated"])
needs_posix = pytest.mark.skipif(os.name != "posix", reason="signals and /proc are those of POSIX")


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def timeless(summary: Summary) -> Summary:
    return replace(summary, seconds=0.0, resumed=0)


# What a campaign is ------------------------------------------------------------------------------------------


def test_a_plan_sweeps_cells_seeds_kinds_and_sizes() -> None:
    campaign = plan(["rnn", "lstm"], seeds=3, first_seed=4)
    tasks = list(campaign.tasks())
    assert len(tasks) == len(campaign) == len({task.key for task in tasks}) == 2 * 3 * 5 * 3
    assert {task.seed for task in tasks} == {4, 5, 6}
    assert {task.kind for task in tasks} == {"ordinary", "zeros", "tiny", "saturated", "huge"}
    assert {task.name for task in tasks} == {"rnn", "lstm"}
    assert (1, 1, (("m", 1), ("n", 1))) in {(task.T, task.N, task.dims) for task in tasks}
    assert any(dict(task.dims)["m"] > dict(task.dims)["n"] for task in tasks)
    assert tasks == list(plan(["rnn", "lstm"], seeds=3, first_seed=4).tasks())


def test_cells_of_one_name_are_told_apart_and_equal_ones_are_one() -> None:
    other = "def rnn(x, h):\n    h = tanh(W @ x + R @ h)\n    return h"
    assert [name for name, _ in plan(["rnn", other, "rnn", other]).cells] == ["rnn", "rnn#2"]


def test_sizes_fit_the_slices_of_a_cell(threads: Executor) -> None:
    text = "def f(x, h):\n    a = W @ x\n    h = tanh(a[:n] + a[n:2*n] * h) + x[2] * h\n    return h\n"
    assert run(plan([text], kinds=["ordinary"]), executor=threads)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cells": []}, "needs at least one cell"),
        ({"cells": ["rnn"], "seeds": 0}, "at least one seed"),
        ({"cells": ["rnn"], "kinds": ["zeroes"]}, "did you mean `zeros`?"),
        ({"cells": ["rnnn"]}, "did you mean `rnn`?"),
    ],
)
def test_a_wrong_plan_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        plan(**options)
    assert message in str(caught.value)


def test_jobs_are_at_least_one() -> None:
    with pytest.raises(OptionError, match=r"jobs is from 1 to \d+ here, 16 for each processor, not 0"):
        run(SMALL, jobs=0)
    with pytest.raises(OptionError, match="in_flight is at least 1, not 0"):
        run(SMALL, jobs=1, in_flight=0)


def test_a_task_names_its_cell_so_that_it_is_found_again() -> None:
    other = "def rnn(x, h):\n    h = tanh(W @ x + R @ h)\n    return h\n"
    calls = [next(plan([cell]).tasks()).again() for cell in ("rnn", other)]
    assert calls[0] == ("symrnn.checking.check_case('rnn', T=1, N=1, dims={'m': 1, 'n': 1}, seed=0, kind='ordinary')")
    assert calls[1].startswith(f"symrnn.checking.check_case({other!r}, T=1, ")


# What comes of it --------------------------------------------------------------------------------------------


def test_a_right_cell_holds_everywhere(threads: Executor) -> None:
    summary = run(SMALL, executor=threads)
    assert summary, summary.text()
    assert summary.tasks == 6
    (row,) = summary.rows
    assert (row.cell, row.held, row.failed, row.undecided) == ("rnn", 6, 0, 0)
    assert row.entries == summary.entries > 500
    assert summary.text().startswith(f"all 6 checks held ({summary.entries:,} entries, ")
    data = json.loads(summary.to_json())
    assert (data["ok"], data["tasks"], data["cells"][0]["held"], data["failures"]) == (True, 6, 6, [])


class Bent:
    """A kernel whose gradient is wrong where the recurrent weights are large."""

    def __init__(self, kernel: Any) -> None:
        self.kernel, self.dtype = kernel, kernel.dtype

    def forward(self, params: Any, *rest: Any) -> Any:
        self.large = abs(params["R"]).max() > 3
        return self.kernel.forward(params, *rest)

    def backward(self, *given: Any) -> Any:
        grads = self.kernel.backward(*given)
        return replace(grads, params={**grads.params, "R": grads.params["R"] * (1.5 if self.large else 1.0)})


def test_a_wrong_kernel_fails_where_it_is_wrong_and_says_how_to_see_it(
    threads: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = task_module._prepared.__wrapped__

    def bent(text: str) -> Any:
        derivation, kernels = right(text)
        return derivation, tuple(Bent(kernel) for kernel in kernels)

    monkeypatch.setattr(task_module, "_prepared", bent)
    summary = run(plan(["rnn"], seeds=2, kinds=["tiny", "huge"]), executor=threads)
    assert not summary
    assert {failure.verdict for failure in summary.failures} == {"failed"}
    assert all(" huge case " in failure.task for failure in summary.failures)
    failure = summary.failures[-1]
    assert "∂L/∂R" in failure.story
    text = summary.text()
    assert text.startswith(f"{len(summary.failures)} of 12 checks failed (")
    assert failure.again in text
    assert json.loads(summary.to_json())["failures"][-1]["again"] == failure.again
    monkeypatch.undo()
    # The call that it names runs, at the same sample, and holds for the right kernel.
    report = eval(failure.again, {"symrnn": symrnn})
    assert report
    assert report.cases[0].startswith("T = ")


def test_a_cell_that_is_not_finite_is_undecided_and_does_not_hold(threads: Executor) -> None:
    summary = run(plan(["def f(x, h):\n    h = log(-square(h) - 1) + W @ x\n    return h\n"]), executor=threads)
    assert not summary
    assert summary.rows[0].undecided == 15
    assert not summary.failures
    outcome = perform(next(plan(["def f(x, h):\n    h = log(-square(h) - 1) + W @ x\n    return h\n"]).tasks()))
    assert (outcome.verdict, "f is not finite at any of 24 samples" in outcome.story) == ("undecided", True)


def test_a_bug_in_a_check_is_the_tasks_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> Any:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(task_module, "_prepared", broken)
    outcome = perform(next(SMALL.tasks()))
    assert (outcome.verdict, outcome.story) == ("error", "ZeroDivisionError: oh")


def test_progress_counts_from_what_the_journal_had(threads: Executor, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    seen: list[Progress] = []
    first = run(SMALL, executor=threads, journal=path, progress=seen.append)
    assert seen[0] == Progress(0, 0, 6, 0)
    assert seen[-1] == Progress(6, 0, 6, 0)
    assert [p.done for p in seen] == sorted({p.done for p in seen})
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4]) + lines[4][:20])
    seen.clear()
    again = run(SMALL, executor=threads, journal=path, progress=seen.append)
    assert seen[0] == Progress(3, 3, 6, 0)
    assert (again.resumed, timeless(again)) == (3, timeless(first))
    assert sorted(path.read_bytes().splitlines()) == sorted(b"".join(lines).splitlines())
    seen.clear()
    assert timeless(run(SMALL, executor=threads, journal=path, progress=seen.append)) == timeless(first)
    assert seen == [Progress(6, 6, 6, 0)]


def test_an_error_in_the_callback_ends_the_campaign_and_the_journal_has_what_was_done(
    threads: Executor, tmp_path: Path
) -> None:
    def stop(progress: Progress) -> None:
        if progress.done:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        run(SMALL, executor=threads, journal=tmp_path / "journal", progress=stop)
    assert len((tmp_path / "journal").read_bytes().splitlines()) >= 2


# Processes that die ------------------------------------------------------------------------------------------


def children(pid: int) -> set[int]:
    """The processes that a process has started, by /proc."""
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found.add(int(entry.name))
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc here")


@needs_proc
def test_a_killed_worker_is_replaced_and_its_task_done(tmp_path: Path) -> None:
    pools: list[Any] = []
    killed: list[int] = []

    def make() -> Executor:
        pools.append(process_pool(2))
        return pools[-1]

    def kill(progress: Progress) -> None:
        if progress.done and not killed:
            killed.append(next(iter(pools[-1]._processes)))
            os.kill(killed[0], signal.SIGKILL)

    summary = run(SMALL, executor=make, in_flight=2, journal=tmp_path / "journal", progress=kill)
    assert killed
    assert summary.tasks == len(SMALL) == 6
    assert summary, summary.text()
    assert len(pools) == 2


def start(journal: Path, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-W", "error", "-m", "symrnn", "check", "rnn", "--seeds", "1", "--jobs", "2"]
    return subprocess.Popen(
        [*command, "--journal", str(journal)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def lines_of(journal: Path) -> list[bytes]:
    return journal.read_bytes().splitlines() if journal.exists() else []


def wait_for_lines(process: subprocess.Popen[bytes], journal: Path, count: int) -> None:
    end = time.monotonic() + 120
    while process.poll() is None and len(lines_of(journal)) < count and time.monotonic() < end:
        time.sleep(0.002)


CAMPAIGN = plan(["rnn"], seeds=1)


def assert_each_task_once(journal: Path, campaign: Campaign = CAMPAIGN) -> None:
    tasks = [json.loads(line)["task"] for line in lines_of(journal)[1:]]
    assert sorted(tasks) == sorted(task.key for task in campaign.tasks())


@needs_proc
def test_killed_at_random_moments_nothing_is_lost_and_nothing_done_twice(tmp_path: Path) -> None:
    journal, moments = tmp_path / "journal", random.Random(2002)
    before: list[bytes] = []
    kills = 0
    for more in (moments.randint(0, 2), moments.randint(3, 6)):
        process = start(journal)
        wait_for_lines(process, journal, len(before) + more)
        time.sleep(moments.uniform(0, 0.1))
        workers = children(process.pid)
        kills += process.poll() is None
        process.kill()
        process.communicate()
        whole = journal.read_bytes().split(b"\n")[:-1] if journal.exists() else []
        assert whole[: len(before)] == before  # what was there stays, byte for byte
        before = whole
        end = time.monotonic() + 30
        while any(map(alive, workers)) and time.monotonic() < end:
            time.sleep(0.05)
        assert not any(map(alive, workers)), "workers outlive a campaign that was killed"
    assert kills == 2
    process = start(journal)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err.decode()
    assert f"{len(before) - 1:,} of them from the journal".encode() in out
    assert_each_task_once(journal)
    with ThreadPoolExecutor(1) as threads:
        undisturbed = run(CAMPAIGN, executor=threads)
        resumed = run(CAMPAIGN, executor=threads, journal=journal)
    assert timeless(resumed) == timeless(undisturbed)


@needs_posix
def test_ctrl_c_leaves_a_whole_journal_and_says_how_to_go_on(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    process = start(journal, start_new_session=True)
    wait_for_lines(process, journal, 4)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the command and all of its workers
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err.decode()
    assert out == b""
    said = err.decode()
    assert "Traceback" not in said
    assert f"the same call goes on from there, by the journal {journal}" in said.splitlines()[-1]
    content = journal.read_bytes()
    assert content.endswith(b"\n")
    assert 3 < len(content.splitlines()) < 16
    out, err = start(journal).communicate(timeout=120)
    assert out.startswith(b"all 15 checks held")
    assert_each_task_once(journal)


# A Dask cluster ----------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")  # those of the cluster's own packages
def test_a_dask_cluster_with_a_worker_killed_half_way(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
    journal, killed = tmp_path / "journal", []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
            workers = client.run(os.getpid)

        def kill() -> None:
            end = time.monotonic() + 60
            while len(lines_of(journal)) < 5 and time.monotonic() < end:
                time.sleep(0.002)
            killed.append(next(iter(workers.values())))
            os.kill(killed[0], signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        call = ["check", "rnn", "--seeds", "1", "--dask", cluster.scheduler_address, "--journal", str(journal)]
        assert main(call) == 0
        killer.join()
    assert killed
    assert_each_task_once(journal)


@pytest.mark.filterwarnings("ignore")
def test_no_scheduler_is_said() -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    from symrnn.campaign.executors import dask_executor

    for address in ("tcp://127.0.0.1:9", "nonsense", "tcp://", "", ":::", "http://a:1", "inproc://a"):
        with pytest.raises(CampaignError, match=re.escape(f"no Dask scheduler answers at {address!r}: ")):
            dask_executor(address, timeout=0.5).__enter__()


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from symrnn.campaign.executors import dask_executor

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(symrnn.SymrnnError) as caught:
        dask_executor("tcp://127.0.0.1:9").__enter__()
    assert str(caught.value) == (
        "a Dask cluster needs the package distributed\n  mend: python -m pip install 'symrnn[dask]'"
    )
