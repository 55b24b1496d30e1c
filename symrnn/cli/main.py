"""From the arguments to an exit code: 0 held, 1 a check failed, 2 the call or the input was wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..errors import SymrnnError
from . import commands
from .output import emit, tolerate_any_encoding
from .parser import parse

HELD, FAILED, WRONG_CALL, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; `arguments` are those of the process unless given."""
    tolerate_any_encoding()
    try:
        call = parse(sys.argv[1:] if arguments is None else arguments)
        answer = commands.run(call)
        if answer.text:
            emit(answer.text, call.output)
    except SymrnnError as error:
        print(f"symrnn: {error}", file=sys.stderr)
        return WRONG_CALL
    except KeyboardInterrupt:
        return INTERRUPTED
    return HELD if answer.held else FAILED
