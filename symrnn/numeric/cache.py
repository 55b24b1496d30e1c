"""A folder that is its user's alone, for what would cost time to make again: compiled code, verdicts on kernels.

Whatever lies there may be run, so nothing is believed that somebody else could have written: the folder and its files
belong to the user, nobody else may write them, no link is followed, and every file tells the hash of its content.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import stat
import tempfile
from functools import lru_cache
from pathlib import Path

from ..files import put_whole


def kept_folder() -> Path | None:
    """`$XDG_CACHE_HOME/symrnn`, or `~/.cache/symrnn`: made where it is not there, and private where it is not; None
    where that cannot be, because it is a link or another user's, or cannot be written."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        # A relative path there is to be ignored, says its specification.
        folder = (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "symrnn"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or not _own(found):
            return None
        if _POSIX and stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)
    except (OSError, RuntimeError, ValueError):
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None


def working_folder() -> Path:
    """The kept folder, or a private one that goes when the process ends."""
    return kept_folder() or _temporary_folder()


def write_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Put a file in its place whole, for its user's eyes alone."""
    put_whole(path, data, 0o600, durable=durable)


def read_file(path: Path) -> bytes | None:
    """What is in a file that only its user can have written, or None."""
    try:
        with open(os.open(path, os.O_RDONLY | _NO_LINKS), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or not _own(found) or (_POSIX and found.st_mode & 0o022):
                return None
            return file.read()
    except OSError:
        return None


def hash_of(*parts: str | bytes) -> str:
    """One short name for everything that something depends on."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode(errors="surrogatepass") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:32]


_POSIX = hasattr(os, "geteuid")
# A device or a pipe must not hold the reader up either.
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def _own(found: os.stat_result) -> bool:
    return not _POSIX or found.st_uid == os.geteuid()


@lru_cache
def _temporary_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="symrnn-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
