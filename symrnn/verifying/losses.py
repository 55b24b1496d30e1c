"""Losses that a person's code has inside: it takes targets where others take a gradient from above.

The reference stops at the outputs, so a loss says which gradient it sends into them. Squared error can send any, by
the choice of the targets; cross-entropy sends what its targets and its read-out make.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from ..checking.oracles import Key, Upstream
from ..errors import OptionError
from ..sizes import Shape, Size

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What a loss asks of the code: the targets, in the layout of `axes`; the loss's own parameters; the gradient that
    it sends into the outputs; and its gradients by its own parameters."""

    targets: Array
    axes: str
    features: Shape
    params: Mapping[str, Array]
    upstream: Upstream
    gradients: Mapping[Key, Array]


@dataclass(frozen=True, slots=True)
class SquaredError:
    """Σ (y − target)², times ½ unless `half=False`, over the sizes in `mean`: `"T N n"` for the mean of all entries,
    `"N"` for a mean over the batch. The targets are laid out like the outputs."""

    half: bool = True
    mean: str = ""

    def shapes(self, features: Shape) -> Mapping[str, Shape]:
        return {}

    def set_targets(self, outputs: Mapping[str, Array], upstream: Upstream, *, batched: bool = True) -> Targets:
        """The targets for which the loss sends exactly `upstream` into the outputs."""
        name, y = _single(outputs)
        g = upstream.outputs[name]
        steps = y - g * (_count(self.mean, y, batched) * (1.0 if self.half else 0.5))
        return Targets(steps, "", (), {}, upstream, {})


@dataclass(frozen=True, slots=True)
class CrossEntropy:
    """−Σ log softmax(V y + c)[target], summed, or divided by the sizes in `mean`: `"T"`, `"N"`, `"T N"`.

    The layout says how the code holds the read-out's V (k × n) and c (k); `targets` how it holds the classes:
    `"T N"`, `"N T"`, `"[T]"`, or with a k for one-hot rows, `"T N k"`.
    """

    classes: int = 5
    mean: str = ""
    targets: str = "T N"
    weight: str = "V"
    bias: str = "c"
    _seed: int = field(default=0, repr=False)

    def shapes(self, features: Shape) -> Mapping[str, Shape]:
        k = Size.number(self.classes)
        return {self.weight: (k, *features), **({self.bias: (k,)} if self.bias else {})}

    def set_targets(self, outputs: Mapping[str, Array], upstream: Upstream, *, batched: bool = True) -> Targets:
        """Classes drawn by the label of `upstream`, and the gradient that they send into the outputs."""
        name, y = _single(outputs)
        T, N, n = y.shape
        generator = np.random.default_rng([zlib.crc32(upstream.label.encode()), T, N, n, self._seed])
        V, c = generator.standard_normal((self.classes, n)), generator.standard_normal(self.classes)
        c = c if self.bias else 0 * c
        drawn = generator.integers(self.classes, size=(T, N))
        one_hot = np.eye(self.classes)[drawn]
        logits = y @ V.T + c
        p = np.exp(logits - logits.max(axis=-1, keepdims=True))
        delta = (p / p.sum(axis=-1, keepdims=True) - one_hot) / _count(self.mean, y, batched)
        gradients: dict[Key, Array] = {("params", self.weight): np.einsum("tnk,tnj->kj", delta, y)}
        params = {self.weight: V}
        if self.bias:
            gradients["params", self.bias], params[self.bias] = delta.sum(axis=(0, 1)), c
        sent = Upstream(upstream.label, {name: delta @ V}, upstream.final)
        hot = "k" in self.targets.split()
        features = (Size.of("k"),) if hot else ()
        return Targets(one_hot if hot else drawn, self.targets, features, params, sent, gradients)


Loss = SquaredError | CrossEntropy


def _single(outputs: Mapping[str, Array]) -> tuple[str, Array]:
    if len(outputs) != 1:
        raise OptionError(f"a loss inside the code is for cells with one output, and there are {', '.join(outputs)}")
    return next(iter(outputs.items()))


def _count(mean: str, y: Array, batched: bool) -> int:
    # Code without a batch sees one sequence at a time.
    sizes = {"T": y.shape[0], "N": y.shape[1] if batched else 1, "n": prod(y.shape[2:])}
    for word in mean.split():
        if word not in sizes:
            raise OptionError(f"mean of a loss names sizes, T, N and n, not {word!r}: mean='T N'")
    return prod(sizes[word] for word in mean.split())
