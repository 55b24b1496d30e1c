"""Where an answer goes: standard output, whatever its state, its encoding and its reader, or a file, whole or not."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Generator, Iterable
from pathlib import Path

from ..errors import CellWarning, OptionError, harmless
from ..files import require_file, told, why_not, write_whole

SIGNATURE = b"derived by symrnn."
"""How the first line of every program ends that `symrnn code` writes."""


def tolerate_any_encoding() -> None:
    """An ASCII terminal shows δ as \\u03b4: readable, and better than a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def plain_warnings() -> Generator[None]:
    """What is doubtful in a cell goes to standard error, a plain line each, without the place in symrnn."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", CellWarning)
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: object) -> None:
            if isinstance(message, CellWarning):
                say(f"symrnn: warning: {message.line}")
            else:
                others(message, category, *place)  # type: ignore[arg-type]

        warnings.showwarning = show
        yield


def require_output(path: str | None, cells: Iterable[str] = ()) -> None:
    """Before any work: there is somewhere for the answer to go, and nothing is lost when it goes there."""
    if path is None or path == "-":
        if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] - Python starts so where it is closed
            raise OptionError("cannot write to standard output: it is closed")
        return
    if not path:
        raise OptionError("cannot write: -o names no file\n  mend: -o FILE, or - for standard output")
    file = Path(path)
    with told(path):
        if require_file(file) is None:
            return
        if any(is_same(cell, file) for cell in cells):
            raise OSError(None, "the cell is read from it\n  mend: another name")
        if file.suffix.lower() in (".py", ".c") and not _is_ours(file):
            raise OSError(
                None,
                "symrnn did not write this program (the first line of its own ends with `derived by symrnn.`)\n"
                "  mend: another name, or move the file away",
            )


def is_same(cell: str, file: Path) -> bool:
    """Whether a cell is read from this file, by whatever name."""
    with contextlib.suppress(OSError, ValueError):
        if cell == "-":
            return os.path.samestat(os.fstat(0), file.stat())
        return any(os.path.exists(name) and file.samefile(name) for name in (cell, cell.rpartition(":")[0]))
    return False


def _is_ours(file: Path) -> bool:
    with file.open("rb") as opened:
        start = opened.read(2000)
    return not start or start.splitlines()[0].endswith(SIGNATURE)


def emit(text: str | bytes, path: str | None) -> None:
    """Write a text, ended by one newline, to a file or (without one, or as `-`) to standard output. Bytes, which no
    terminal shows, go to a file."""
    if isinstance(text, bytes):
        assert path not in (None, "-")
        with told(path):
            write_whole(Path(path), text)
        return
    text = text.rstrip("\n") + "\n"
    if path is None or path == "-":
        _print(harmless(text))
        return
    with told(path):
        write_whole(Path(path), text)


def _print(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        return  # the reader, say `head -1`, has seen enough
    except OSError as error:
        raise OptionError(f"cannot write to standard output: {why_not(error)}") from None


def say(line: str) -> None:
    """A line on standard error. Where nobody can read it, the work goes on."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{harmless(line)}\n")
        sys.stderr.flush()
