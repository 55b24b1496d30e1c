"""Texts as whole numbers: alphabets, streams side by side, what a bigram model makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

from ..errors import OptionError

Array = np.ndarray[Any, Any]

LARGEST_ALPHABET = 8192
HELD_OUT = 0.1
"""The last part of a text, which nobody learns from."""


@dataclass(frozen=True, slots=True, eq=False)
class Characters:
    """A text as the places of its characters in an alphabet; `train` is what is learnt from, `held` the rest."""

    alphabet: str
    train: Array
    held: Array

    @staticmethod
    def of(text: str, least: int) -> Characters:
        """The alphabet is that of the whole text; `least` characters must be there to learn from."""
        alphabet = "".join(sorted(set(text)))
        if len(alphabet) > LARGEST_ALPHABET:
            raise OptionError(
                f"the text has {len(alphabet):,} different characters, and an alphabet has at most {LARGEST_ALPHABET:,}"
            )
        split = int(len(text) * (1 - HELD_OUT))
        if split < least or len(text) - split < 2:
            raise OptionError(
                f"the text has {len(text):,} characters, and {least:,} are needed to learn from\n"
                "  mend: a longer text, fewer streams (--streams) or shorter windows (--window)"
            )
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        ids = np.searchsorted(np.array([ord(character) for character in alphabet], dtype="<u4"), points)
        return Characters(alphabet, ids[:split], ids[split:])

    def text(self, ids: Array) -> str:
        return "".join(self.alphabet[k] for k in ids)

    def bigram(self) -> Array:
        """log p(next | this), rows this: counted where it was learnt from, one more of each."""
        K = len(self.alphabet)
        counts = np.bincount(self.train[:-1] * K + self.train[1:], minlength=K * K).reshape(K, K) + 1.0
        return np.log(counts / counts.sum(axis=1, keepdims=True))

    def bigram_bits(self) -> float:
        """What the bigram model needs for a character of the held-out part."""
        return bits(-float(self.bigram()[self.held[:-1], self.held[1:]].mean()))


def streams(ids: Array, N: int) -> Array:
    """A text cut into N pieces of one length side by side: (T, N)."""
    T = len(ids) // N
    return np.ascontiguousarray(ids[: T * N].reshape(N, T).T)


def bits(nats: float) -> float:
    """Of a loss in natural units."""
    return nats / log(2)
