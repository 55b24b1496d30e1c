"""`symrnn demo char-rnn`: a network learns a text, with its progress on standard error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OptionError, harmless
from .output import say
from .parser import Call
from .progress import TrainingLine, clock

if TYPE_CHECKING:
    from ..training import Progress

LARGEST_TEXT = 200_000_000
_MINUTES = 3.0


def run_demo(call: Call) -> str:
    """Train as a call says; the answer is what the held-out part needs, and a sample."""
    from ..training import Order, train

    file = Path(call.file)
    minutes = call.minutes or (None if "steps" in call.training else _MINUTES)
    order = Order(_read(file), **call.training, seconds=None if minutes is None else minutes * 60)
    checkpoint = Path(call.checkpoint or f"{file.stem}.char-rnn.npz")
    if checkpoint.exists() and file.exists() and checkpoint.samefile(file):
        raise OptionError("the checkpoint would be written over the text\n  mend: another --checkpoint")
    line, last = TrainingLine(sys.stderr), None
    try:
        for last in train(order, checkpoint):
            line.show(last)
    except KeyboardInterrupt:
        line.end()
        say(f"symrnn: interrupted; the same call goes on from the checkpoint {harmless(str(checkpoint))}")
        raise
    finally:
        line.end()
    assert last is not None
    return _told(last, checkpoint)


def _told(last: Progress, checkpoint: Path) -> str:
    return "\n".join([
        f"gradients: {last.checked}",
        f"{last.step:,} steps in {clock(last.seconds)}: {last.bits:.3f} bits a character, of the last steps",
        f"held out: {last.held:.3f} bits a character, perplexity {2 ** (last.held or 0):.2f}; "
        f"pairs of characters, counted: {last.bigram:.3f}",
        f"kept in {harmless(str(checkpoint))}; the same call with more --minutes or --steps goes on from there",
        "",
        "A sample:",
        *(f"  {harmless(text)}" for text in (last.sample or "").split("\n")),
    ])  # fmt: skip


def _read(file: Path) -> str:
    """The text of a file, which is read as a whole."""
    from ..library import read_bytes

    data = read_bytes(file, LARGEST_TEXT)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"{harmless(str(file))} is not UTF-8 text: {error.reason} at byte {error.start}"
        raise OptionError(f"{problem}\n  mend: save it as UTF-8") from None
