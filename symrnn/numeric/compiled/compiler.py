"""From C source to a shared library in the user's cache; the compiler is `$CC`, cc, gcc or clang."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ...errors import CompilerError
from ..cache import hash_of, read_file, working_folder, write_file

_COMPILERS = ("cc", "gcc", "clang")
# Nobody reads errno or asks for floating-point exceptions; everything else stays as the standard has it.
_FLAGS = ("-std=c99", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared")
_WITHOUT = 'derive(…).numpy(), with backend="numpy", needs no compiler'


def load_library(source: str, name: str, functions: Sequence[str], flags: Sequence[str] = ()) -> ctypes.CDLL:
    """The library of a source, which has these functions, compiled where the cache lacks it. Its file's name tells all
    that its bytes depend on, and a hash of them: a file cut short would not raise but end the process.

    No instructions are used that only this machine has, unless `$CFLAGS` asks for them.
    """
    command = [*find_compiler(), *_FLAGS, *flags, *_words("CFLAGS")]
    name = name[:40]  # a file's name has an end, which a cell's need not have
    stem = f"{name}-{hash_of(source, _version(command[0]), platform.machine(), *command)}"
    try:
        folder = working_folder()
        for path in folder.glob(f"{stem}-*.so"):
            if path.name != _library_name(stem, read_file(path)):
                continue  # damaged since, or not ours
            try:
                return _load(path, functions)
            except (OSError, AttributeError):
                continue
        made = compile_library(command, source, name, folder)
        path = folder / _library_name(stem, made)
        write_file(path, made)
    except OSError as error:
        raise CompilerError(
            f"compiled code cannot be kept: {error}\n"
            f"  mend: set XDG_CACHE_HOME to a folder that can be written; {_WITHOUT}"
        ) from None
    try:
        return _load(path, functions)
    except (OSError, AttributeError) as error:
        raise CompilerError(
            f"{path} was compiled and cannot be loaded: {error}\n"
            f"  mend: see that $CC makes code for this Python ({platform.machine()}), and that programs may run from "
            "that folder ($XDG_CACHE_HOME sets another)"
        ) from None


def _library_name(stem: str, data: bytes | None) -> str:
    return f"{stem}-{hash_of(data)}.so" if data is not None else ""


def _load(path: Path, functions: Sequence[str]) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    for function in functions:
        getattr(library, function)
    return library


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


def compile_library(command: Sequence[str], source: str, name: str, folder: Path) -> bytes:
    """What the compiler makes of a source, in a folder of its own within the cache."""
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as place:
        (Path(place) / f"{name}.c").write_text(source, encoding="utf-8")
        done = subprocess.run(
            [*command, f"{name}.c", "-o", f"{name}.so", "-lm"],
            cwd=place, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            raise CompilerError(
                f"{shlex.join(command)} failed on {name}.c: {_first_error(done.stderr, done.returncode)}\n"
                f"  mend: check $CC and $CFLAGS if they are set; {_WITHOUT}"
            )
        return (Path(place) / f"{name}.so").read_bytes()


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
