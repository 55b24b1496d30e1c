"""From C source to a shared library in the user's cache; the compiler is `$CC`, cc, gcc or clang."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import re
import secrets
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ...errors import CompilerError

_COMPILERS = ("cc", "gcc", "clang")
# Nobody reads errno or asks for floating-point exceptions; everything else stays as the standard has it.
_FLAGS = ("-std=c99", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared")
_WITHOUT = 'derive(…).numpy(), with backend="numpy", needs no compiler'


def load_library(source: str, name: str, flags: Sequence[str] = ()) -> ctypes.CDLL:
    """The library of a source, compiled where it is not in the cache. The key is everything that its bytes depend on;
    no instructions are used that only this machine has, unless `$CFLAGS` asks for them."""
    command = [*find_compiler(), *_FLAGS, *flags, *_words("CFLAGS")]
    key = "\0".join([source, _version(command[0]), platform.machine(), *command])
    path = cache_folder() / f"{name[:40]}-{hashlib.sha256(key.encode()).hexdigest()[:24]}.so"
    try:
        return ctypes.CDLL(str(path))
    except OSError:  # it is not there yet, or it was damaged since
        compile_library(command, source, name, path)
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise CompilerError(
            f"{path} was compiled and cannot be loaded: {error}\n"
            f"  mend: see that $CC makes code for this Python ({platform.machine()}), and that programs may run from "
            "that folder ($XDG_CACHE_HOME sets another)"
        ) from None


def find_compiler() -> list[str]:
    """The command that compiles: `$CC` with its own options, or the first of the usual ones that is there."""
    wanted = _words("CC")
    if wanted:
        if shutil.which(wanted[0]) is None:
            raise CompilerError(
                f"$CC says {wanted[0]!r}, which is not on the PATH\n  mend: set CC to a C compiler; {_WITHOUT}"
            )
        return wanted
    found = next((name for name in _COMPILERS if shutil.which(name)), None)
    if found is None:
        raise CompilerError(
            f'backend="c" needs a C compiler, and none of {", ".join(_COMPILERS)} is on the PATH\n'
            f"  mend: install one, or set CC to one; {_WITHOUT}"
        )
    return [found]


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/symrnn`, or `~/.cache/symrnn`; made where it is not there."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        # A relative path there is to be ignored, says its specification.
        folder = (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "symrnn"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (OSError, RuntimeError) as error:
        raise CompilerError(
            f"there is no folder to keep compiled code in: {error}\n"
            f"  mend: set XDG_CACHE_HOME to a folder that can be written; {_WITHOUT}"
        ) from None
    return folder


def compile_library(command: Sequence[str], source: str, name: str, path: Path) -> None:
    """Compile beside the library's place and move it there whole, so that no other process ever sees a part."""
    name = name[:40]  # a file's name has an end, which a cell's need not have
    try:
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=path.parent) as folder:
            draft = f"{secrets.token_hex(4)}.so"
            (Path(folder) / f"{name}.c").write_text(source, encoding="utf-8")
            done = subprocess.run(
                [*command, f"{name}.c", "-o", draft, "-lm"],
                cwd=folder, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
            )  # fmt: skip
            if done.returncode:
                raise CompilerError(
                    f"{shlex.join(command)} failed on {name}.c: {_first_error(done.stderr, done.returncode)}\n"
                    f"  mend: check $CC and $CFLAGS if they are set; {_WITHOUT}"
                )
            os.replace(Path(folder) / draft, path)
    except OSError as error:
        raise CompilerError(
            f"cannot compile to {path}: {error}\n  mend: set XDG_CACHE_HOME to a folder that can be written; {_WITHOUT}"
        ) from None


def _words(variable: str) -> list[str]:
    """The words of an environment variable, as a shell would split them."""
    try:
        return shlex.split(os.environ.get(variable, ""))
    except ValueError as error:
        raise CompilerError(
            f"${variable} is {os.environ[variable]!r}: {error}\n  mend: write it as a shell would read it"
        ) from None


def _version(compiler: str) -> str:
    """What a compiler says of itself."""
    try:
        done = subprocess.run(
            [compiler, "--version"], capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL
        )
    except OSError as error:
        raise CompilerError(f"cannot run {compiler}: {error}\n  mend: set CC to a C compiler; {_WITHOUT}") from None
    return done.stdout + done.stderr


def _first_error(text: str, code: int) -> str:
    """The first line in which a compiler says what is wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = next((line for line in lines if re.search(r"\berror\b", line, re.IGNORECASE)), None)
    return told or (lines[0] if lines else f"exit code {code}")
