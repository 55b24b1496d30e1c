"""Rows that follow from others, because two cells of the zoo are one cell in two notations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from .row import Preset

_OPPOSITE = {"gru": "gru_update", "gru_update": "gru", "gru_reset_after": "gru_reset_after_update"}
"""Cells whose z has the opposite sense: what keeps the old state in one lets the new in in the other."""

_BLOCKS = {"i": "0:n", "f": "n:2*n", "g": "2*n:3*n", "o": "3*n:"}


def in_other_notations(rows: Iterable[Preset]) -> tuple[Preset, ...]:
    """A GRU's rows for the GRU with the opposite z, an LSTM's for the LSTMs over [h, x]."""
    found: list[Preset] = []
    for row in rows:
        if row.cell in _OPPOSITE:
            found.append(_with_opposite_gate(row))
        if row.cell == "lstm":
            found += [_over_concatenation(row), _over_one_matrix(row)]
    return tuple(found)


def _with_opposite_gate(row: Preset) -> Preset:
    """σ(−a) = 1 − σ(a), so the arrays of z change their sign."""
    note = "z has the opposite sense there, so its arrays have the opposite sign"
    return _rewritten(row, _OPPOSITE[row.cell], {r"\b([WRb]_z)\b": r"-\1"}, note)


def _over_concatenation(row: Preset) -> Preset:
    """Each gate's matrix acts on [h, x]: its first n columns are R, the others W."""
    return _rewritten(row, "lstm_concatenated", {r"\bW_([ifgo])\b": r"W_\1[:, n:]", r"\bR_([ifgo])\b": r"W_\1[:, :n]"})


def _over_one_matrix(row: Preset) -> Preset:
    """One matrix acts on [h, x]: the gates i, f, g, o one below the other."""
    patterns: dict[str, str] = {}
    for gate, rows in _BLOCKS.items():
        patterns |= {
            rf"\bW_{gate}\b": f"W[{rows}, n:]",
            rf"\bR_{gate}\b": f"W[{rows}, :n]",
            rf"\bb_{gate}\b": f"b[{rows}]",
        }
    return _rewritten(row, "lstm_stacked", patterns)


def _rewritten(row: Preset, cell: str, patterns: dict[str, str], note: str = "") -> Preset:
    params: dict[str, str] = {}
    for name, block in row.params.items():
        for pattern, replacement in patterns.items():
            block = re.sub(pattern, replacement, block)
        params[name] = block
    return replace(row, cell=cell, params=params, note="; ".join(filter(None, (note, row.note))))
