"""Where an answer goes: standard output, whatever its encoding and whoever reads it, or a file, whole or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Generator
from pathlib import Path

from ..errors import CellWarning, OptionError


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
                print(f"symrnn: warning: {message.line}", file=sys.stderr)
            else:
                others(message, category, *place)  # type: ignore[arg-type]

        warnings.showwarning = show
        yield


def emit(text: str, path: str | None) -> None:
    """Write a text, ended by one newline, to a file or (without one, or as `-`) to standard output."""
    text = text.rstrip("\n") + "\n"
    if path is None or path == "-":
        _print(text)
        return
    try:
        write_whole(Path(path), text)
    except OSError as error:
        raise OptionError(f"cannot write {path}: {error.strerror or error}") from None


def _print(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, say `head -1`, has seen enough. Python would complain once more when it flushes at exit, so
        # the stream is pointed at nothing.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_whole(path: Path, text: str | bytes) -> None:
    """Write a file so that whoever reads it sees the old text or the new one, never a part."""
    data = text.encode() if isinstance(text, str) else text
    target = path.resolve()  # behind a symbolic link it is the file that is replaced, not the link
    if target.is_dir():
        raise IsADirectoryError(None, "it is a directory")
    exists = target.exists()
    if exists and not os.access(target, os.W_OK):
        raise PermissionError(None, "the file is read-only")
    if exists and not target.is_file():  # a device or a pipe cannot be replaced by a file
        target.write_bytes(data)
        return
    draft = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        with draft.open("xb") as file:
            file.write(data)
        if exists:
            draft.chmod(target.stat().st_mode & 0o7777)
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
