"""Files that are written whole or not at all, and never over what is not a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import OptionError, harmless

DRAFT = ".symrnn-draft-"
"""How the name of a file begins that is not yet written whole; one that is left over was cut short by a kill."""


def write_whole(path: Path, content: str | bytes, *, over_link: bool = False) -> None:
    """Write a file so that whoever reads it, after whatever end, finds the old content or the new one, never a part.

    A folder, a device, a pipe or a file that may not be written is an OSError, and so is a link: what it points to may
    be anywhere. With `over_link` the link itself gives way to the file.
    """
    mode = require_file(path, over_link=over_link)
    data = content.encode() if isinstance(content, str) else content
    put_whole(path, data, None if mode is None else stat.S_IMODE(mode))
    sync_folder(path.parent)


def put_whole(path: Path, content: bytes, mode: int | None = None, *, durable: bool = True) -> None:
    """Put a file in its place, whatever was there, so that no other process ever sees a part. `mode` are its
    permissions, where they are not the usual ones; `durable` lets not even a power cut leave a part."""
    draft = path.with_name(f"{DRAFT}{os.urandom(6).hex()}")
    alone = None if mode is None else lambda name, flags: os.open(name, flags, 0o600)
    try:
        with open(draft, "xb", opener=alone) as file:  # made here, so it is no link that somebody has laid
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        if mode is not None:
            draft.chmod(mode)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def require_file(path: Path, *, over_link: bool = False) -> int | None:
    """The mode of the file at a path, None where there is nothing; an OSError where a file must not be written."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(mode):
        if over_link:
            return None
        raise OSError(None, f"it is a link to {os.readlink(path)}; name that file itself, or remove the link")
    if stat.S_ISDIR(mode):
        raise OSError(None, "it is a folder; name a file in it")
    if not stat.S_ISREG(mode):
        raise OSError(None, "it is a device or a pipe, not a file; standard output may go there, as in `> FILE`")
    if not os.access(path, os.W_OK):
        raise OSError(None, "the file is read-only")
    return mode


@contextmanager
def told(what: str) -> Iterator[None]:
    """An error of the system while a file is written becomes one of ours: `cannot write WHAT: why`."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise OptionError(f"cannot write {harmless(what)}: {harmless(why_not(error))}") from None


def why_not(error: OSError | ValueError) -> str:
    """Why something cannot be opened or written, in the system's words; a ValueError is about a path with a NUL."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "a path cannot have such a character"


def hold(handle: int) -> bool:
    """Lock an open file or folder for this process alone, until it is closed or the process ends, however it ends.
    False where another process holds it."""
    try:
        import fcntl
    except ModuleNotFoundError:  # pragma: no cover - Windows
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def sync_folder(folder: Path) -> None:
    """The name of a new file is on the disk when its folder is."""
    with suppress(OSError):  # not every system lets a folder be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
