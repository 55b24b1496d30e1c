"""From the name of an implementation and the bugs to plant in it to the canonical callables."""

import linecache
import zlib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType

from . import bugs_custom, bugs_gru, bugs_lstm, bugs_peephole, bugs_reset_after, bugs_rnn, pairs
from .bug import Bug
from .implementations import WRITTEN, edited
from .spellings import SPELLINGS

IMPLEMENTATIONS = WRITTEN | SPELLINGS

_ROOMS = (bugs_rnn, bugs_lstm, bugs_peephole, bugs_gru, bugs_reset_after, bugs_custom)
_PLANTED = [bug for room in _ROOMS for bug in room.BUGS]
BUGS = {bug.id: bug for bug in _PLANTED}
assert len(BUGS) == len(_PLANTED), "two bugs have the same id"

PAIRS = tuple((BUGS[first], BUGS[second]) for first, second in pairs.PAIRS)


@cache
def _compiled(source: str, path: str) -> CodeType:
    return compile(source, path, "exec")


def build(
    implementation: str, bug: Bug | str | None = None, *, bugs: Iterable[Bug | str] = ()
) -> tuple[str, Callable[..., tuple], Callable[..., tuple]]:
    """(cell, forward, backward) of an implementation, in a fresh module and with its bugs planted.

    `cell` is a name of the zoo or a text. `forward(params, x, state)` returns outputs (None where the code has only
    the final state) and final states. `backward(params, x, state, d_outputs, d_final_state)` lacks the argument that
    the code has no use for: `d_outputs` where only the last step counts, `d_final_state` where nothing may come from
    the final states.
    """
    found = IMPLEMENTATIONS[implementation]
    planted = [*([bug] if bug is not None else []), *bugs]
    source = edited_source(implementation, [BUGS[b] if isinstance(b, str) else b for b in planted])
    module = module_of(source, found.path, implementation)
    return found.cell, *found.glue(module)


def module_of(source: str, file: Path, name: str) -> ModuleType:
    """A fresh module that runs a text, which stands for that of a file."""
    # A name of its own, and the text behind it: whoever asks for the source of a function sees the bug.
    path = str(file.with_name(f"{name.replace(':', ' ')} {zlib.crc32(source.encode()):08x}.py"))
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    module = ModuleType(name)
    module.__file__ = path
    exec(_compiled(source, path), module.__dict__)
    return module


def edited_source(implementation: str, bugs: Iterable[Bug]) -> str:
    """The implementation's source with bugs planted."""
    source = IMPLEMENTATIONS[implementation].source
    for bug in bugs:
        if bug.implementation != implementation:
            raise AssertionError(f"{bug.id} is a bug of {bug.implementation}, not of {implementation}")
        source = edited(source, ((bug.replace, bug.by),), bug.id)
    return source
