"""Which step a name speaks of: `t-1`, `T`, `T+1-t` as sums of t, T and a number, to be moved and turned."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PIECE = re.compile(r"([+-]?)(\d+|t|T)")


@dataclass(frozen=True, slots=True)
class Moment:
    """`step` times t, `last` times T, and a `number`."""

    step: int = 0
    last: int = 0
    number: int = 0

    @staticmethod
    def of(words: str) -> Moment:
        """From words such as `t-1`, as a cell has them."""
        found = {"t": 0, "T": 0, "": 0}
        for sign, piece in _PIECE.findall(words):
            factor = -1 if sign == "-" else 1
            found["" if piece.isdigit() else piece] += factor * (int(piece) if piece.isdigit() else 1)
        return Moment(found["t"], found["T"], found[""])

    def later(self, by: int) -> Moment:
        return Moment(self.step, self.last, self.number + by)

    def turned(self) -> Moment:
        """The step that is as far from the end as this one from the beginning: t becomes T + 1 − t."""
        return Moment(-self.step, 1 - self.last, 1 - self.number)

    def from_the_end(self) -> Moment:
        """What a block that runs from the end calls so, in the steps of the sequence: its t is t, its t − 1 is t + 1,
        its first step the last one."""
        return Moment(1, 0, -self.number) if self.step else self.turned()

    def within(self, now: Moment) -> Moment:
        """This moment, where `now` is what it calls t."""
        return Moment(
            self.step * now.step, self.last + self.step * now.last, self.number + self.step * now.number
        )  # fmt: skip

    def written(self, step: str, last: str) -> str:
        """In the letters of a time axis."""
        pieces = [("-" if k < 0 else "+", name) for k, name in ((self.step, step), (self.last, last)) if k]
        pieces += [("-" if self.number < 0 else "+", str(abs(self.number)))] if self.number or not pieces else []
        pieces.sort(key=lambda piece: piece[0] == "-")
        return "".join(sign + name for sign, name in pieces).removeprefix("+")


NOW = Moment(1, 0, 0)
FIRST = Moment(0, 0, 1)
LAST = Moment(0, 1, 0)
