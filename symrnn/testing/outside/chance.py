"""Chance that comes out the same on every Python, and names that no two things of a cell share."""

from __future__ import annotations

import keyword
import random
import unicodedata
from collections.abc import Sequence
from typing import TypeVar

from . import words

Item = TypeVar("Item")


class Chance:
    """Draws by `random()` alone, the one method whose sequence Python promises to keep."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def below(self, bound: int) -> int:
        """A whole number from 0 to bound − 1."""
        return int(self._random() * bound)

    def maybe(self, probability: float) -> bool:
        """True as often as that."""
        return self._random() < probability

    def pick(self, options: Sequence[Item]) -> Item:
        """One of several."""
        return options[self.below(len(options))]

    def count(self, *weights: float) -> int:
        """1, 2, 3, … with these probabilities."""
        left = self._random() * sum(weights)
        for number, weight in enumerate(weights, start=1):
            left -= weight
            if left < 0:
                return number
        return len(weights)


class Names:
    """Names for the parts of one cell: ordinary ones, words of other programs, and what those make of other names."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._hostile = chance.pick([0.0, 0.3, 0.9])
        self._taken: list[str] = []

    def take(self, *names: str) -> None:
        """Names that have a meaning already."""
        self._taken += names

    def new(self, usual: Sequence[str] = words.ORDINARY) -> str:
        """A name that is not taken; `usual` are those that a person would choose."""
        while True:
            name = self._draw(usual)
            name = unicodedata.normalize("NFKC", name)
            if (
                name.isidentifier()
                and not keyword.iskeyword(name)
                and name not in self._taken
                and name not in words.FUNCTIONS
            ):
                self._taken.append(name)
                return name

    def _draw(self, usual: Sequence[str]) -> str:
        chance = self._chance
        if not chance.maybe(self._hostile):
            name = chance.pick(usual)
            return name if chance.maybe(0.7) else f"{name}_{chance.below(30)}"
        if self._taken and chance.maybe(0.3):
            old = chance.pick(self._taken)
            return chance.pick(words.PREFIXES) + old if chance.maybe(0.5) else old + chance.pick(words.SUFFIXES)
        return chance.pick(words.WORDS)
