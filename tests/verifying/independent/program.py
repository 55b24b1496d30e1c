"""A right program: where its text is, how its own loss is run, and what `verify` has to be told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

CODE = Path(__file__).with_name("code")
SIZES = {"D": 3, "H": 4, "G": 2, "K": 5, "N": 2}

Arrays = Mapping[str, Any]
Run = Callable[[ModuleType, Arrays, int], tuple[float, Mapping[str, Any]]]
Glue = Callable[[ModuleType], Mapping[str, Any] | str]


@dataclass(frozen=True, slots=True)
class Program:
    """`run(module, arrays, T)` gives the program's own loss and its gradients, by names of `arrays`; code without a loss
    gets one, Σ g ∘ outputs, from the glue. `arrays` are names and shapes in letters: `Wx: D H; h0: N H`. `T` steps show
    every bug of the program. `glue(module)` gives the arguments of `symrnn.verify`, or in words why there are none today.
    `edits` respell the text of a file and leave it right."""

    name: str
    file: str
    style: str
    arrays: str
    run: Run
    glue: Glue
    T: int = 4
    edits: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> Path:
        return CODE / f"{self.file}.py"

    def draw(self, seed: int = 0) -> dict[str, np.ndarray]:
        """Arrays of order one; sizes all differ."""
        generator = np.random.default_rng(seed)
        drawn = {}
        for word in self.arrays.split(";"):
            name, _, letters = word.partition(":")
            shape = tuple(self._size(letter) for letter in letters.split())
            drawn[name.strip()] = np.asarray(generator.standard_normal(shape) * 0.7)
        return drawn

    def _size(self, letters: str) -> int:
        if letters.isdigit():
            return int(letters)
        return sum(self.T if letter == "T" else SIZES[letter] for letter in letters.split("+"))


def classes(*shape: int) -> np.ndarray:
    """Whole numbers below K that are no pattern."""
    return np.random.default_rng([9, *shape]).integers(SIZES["K"], size=shape)


def fill(module: ModuleType, arrays: Arrays) -> None:
    """A script's globals, or an object's attributes."""
    for name, array in arrays.items():
        setattr(module, name, array.copy())


def pick(arrays: Arrays, names: str) -> dict[str, Any]:
    return {name: arrays[name] for name in names.split()}
