"""One row of the table of layouts: how a framework's layer holds the parameters and sequences of a cell of the zoo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .layout import Layout


@dataclass(frozen=True, slots=True)
class Data:
    """The axes of a framework's sequences and states, and how its rows are known: run against the library itself from
    non-zero initial states, or read in its source."""

    known: str
    x: str = ""
    outputs: str = ""
    state: str | Mapping[str, str] = ""


@dataclass(frozen=True, slots=True)
class Preset:
    """One framework's layout of one cell.

    `layer` is what the framework calls it, `note` what else to know. `absent` has the parameters that the layer has no
    array for, and why: weights can be packed for it only where these are zero.
    """

    framework: str
    cell: str
    layer: str
    params: Mapping[str, str]
    data: Data
    note: str = ""
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        return Layout(self.params, self.data.x, self.data.outputs, self.data.state)


def side(letter: str, gates: str) -> str:
    """Gates side by side, for row vectors: [W_i.T, W_f.T, …]; a gate with a minus before it is negated."""
    return f"[{', '.join(f'{sign}{letter}_{gate}.T' for sign, gate in _signed(gates))}]"


def below(letter: str, gates: str) -> str:
    """Gates one below the other, for column vectors: [[W_i], [W_f], …]."""
    return f"[{', '.join(f'[{sign}{letter}_{gate}]' for sign, gate in _signed(gates))}]"


def vector(letter: str, gates: str) -> str:
    """Biases or peepholes in a row: [b_i, b_f, …]."""
    return f"[{', '.join(f'{sign}{letter}_{gate}' for sign, gate in _signed(gates))}]"


def stacked(gates: str) -> str:
    """What acts on [x; h]: the gates of W side by side, those of R below them."""
    return f"[{side('W', gates)}, {side('R', gates)}]"


def shared(gates: str) -> str:
    """Biases that are one of two summands: share([b_i, b_f, …])."""
    return f"share({vector('b', gates)})"


def _signed(gates: str) -> list[tuple[str, str]]:
    """The gates in `"-zrn"`, each with its sign."""
    signs = [" " if k == 0 else gates[k - 1] for k in range(len(gates))]
    return [("-" if sign == "-" else "", gate) for sign, gate in zip(signs, gates, strict=True) if gate != "-"]
