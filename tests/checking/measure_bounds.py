"""Does `symrnn check` come to its end? How long until the numbers, and until all of it, and how much memory it took.

    python tests/checking/measure_bounds.py             # the cells that once took all time or memory
    python tests/checking/measure_bounds.py lstm gru    # others; --zoo for all of the zoo

Memory is the largest that the command and the process of its proof took, added up.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from hard_cells import HARD

import symrnn


def measure(text: str, *options: str) -> tuple[float, float, float, float, int, str]:
    """Seconds to the numbers and to the end, those of processors, GB, the exit code, and the proof's verdict."""
    start, used = time.monotonic(), _processor()
    command = [sys.executable, "-m", "symrnn", "check", "-", *options]
    lines: list[tuple[float, str]] = []
    sizes: dict[int, int] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdin is not None
        run.stdin.write(text)
        run.stdin.close()

        def read() -> None:
            assert run.stdout is not None
            lines.extend((time.monotonic() - start, line) for line in run.stdout)

        reader = threading.Thread(target=read)
        reader.start()
        while reader.is_alive():
            sizes |= {pid: max(size, sizes.get(pid, 0)) for pid, size in _sizes(run.pid)}
            reader.join(0.05)
    proof = "".join(line for _, line in lines).partition("\n\n")[2].partition("\n")[0].partition(": ")[2]
    end = time.monotonic() - start
    numbers = lines[0][0] if lines else end
    return numbers, end, _processor() - used, sum(sizes.values()) / 1e6, run.returncode, proof


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _sizes(pid: int) -> Iterator[tuple[int, int]]:
    """The largest resident sizes so far, in kB, of a process and its children."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            yield pid, next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            pids = [int(word) for word in children.read().split()]
    except (OSError, StopIteration):
        return
    for child in pids:
        yield from _sizes(child)


def main() -> None:
    names = sys.argv[1:]
    chosen = list(symrnn.zoo) if names == ["--zoo"] else names or list(HARD)
    sys.stdout.write(f"{'cell':24} {'numbers, s':>10} {'end, s':>7} {'CPU, s':>7} {'GB':>5}  exit  proof\n")
    for name in chosen:
        numbers, end, used, size, code, proof = measure(HARD[name] if name in HARD else symrnn.load(name).text)
        sys.stdout.write(f"{name:24} {numbers:10.1f} {end:7.1f} {used:7.1f} {size:5.2f}  {code:4}  {proof}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
