"""From the arguments to an exit code: 0 held, 1 a check failed, 2 the call or the input was wrong, 130 interrupted.

What is imported here at the top is light: everything else comes where an interrupt is already expected.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

HELD, FAILED, WRONG_CALL, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; `arguments` are those of the process unless given.

    Without `arguments` the process is ours: it answers SIGTERM as it does Ctrl-C, and whatever its state it ends
    without a traceback.
    """
    if arguments is not None:
        return _run(arguments)
    process = None
    try:
        from .process import Process

        process = Process()
        return process.run(_run, sys.argv[1:])
    except KeyboardInterrupt:  # between two lines of what answers signals
        return (process and process.signal and 128 + process.signal) or INTERRUPTED


def _run(arguments: Sequence[str]) -> int:
    try:
        from ..errors import MissingExtraError, SymrnnError
        from . import commands
        from .output import emit, plain_warnings, require_output, say, tolerate_any_encoding
        from .parser import parse

        tolerate_any_encoding()
        try:
            call = parse(arguments)
            require_output(call.output, (call.cell, *call.cells))
            with plain_warnings():
                answer = commands.run(call)
            if answer.text:
                emit(answer.text, call.output)
        except SymrnnError as error:
            say(f"symrnn: {error}")
            return WRONG_CALL
        except ModuleNotFoundError as error:
            if error.name != "numpy":
                raise
            say(f"symrnn: {MissingExtraError('this command', 'NumPy', None)}")
            return WRONG_CALL
    except KeyboardInterrupt:
        return INTERRUPTED
    return HELD if answer.held else FAILED
