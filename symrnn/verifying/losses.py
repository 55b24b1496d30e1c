"""Losses that a person's code has inside: it takes targets where others take a gradient from above.

A loss is a network that reads the cell's output: its kernel says which gradient enters there, and what those
by the loss's own parameters are. Squared error can send any gradient, by the choice of the targets; cross-entropy sends
what its targets and its read-out make.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from ..checking.networks.passes import gradients_of
from ..checking.networks.points import NetworkPoint
from ..checking.oracles import Key, Upstream
from ..derivation import NetworkDerivation, derive
from ..errors import OptionError
from ..library import network
from ..sizes import Shape, Size

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What a loss asks of the code: the targets, in the layout of `axes`; the gradient that it sends into the outputs;
    its gradients by its own parameters; and the network that it is, at the outputs that it reads."""

    targets: Array
    axes: str
    features: Shape
    upstream: Upstream
    gradients: Mapping[Key, Array]
    derivation: NetworkDerivation
    point: NetworkPoint


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
        derivation = _derived(self._text(name, batched))
        flat = y.reshape(*y.shape[:2], -1)  # a squared error is the same of a matrix and of its entries in a row

        T, N, n = flat.shape

        def point(targets: Array) -> NetworkPoint:
            held = {name: flat, "targets": targets.reshape(flat.shape)}
            return NetworkPoint(derivation.network, {"n": n}, T, N, {}, held)

        of_one = _gradients(derivation, point(y - 1.0))["x", name]
        targets = y - g / of_one.reshape(y.shape)
        return Targets(targets, "", (), upstream, {}, derivation, point(targets))

    def _text(self, name: str, batched: bool) -> str:
        loss = f"mean(({name} - targets)**2)" if "n" in _sizes(self.mean, "T N n") else f"sum(({name} - targets)**2)"
        loss = (f"squared_error({name}, targets)" if loss.startswith("sum") else f"{loss} / 2") if self.half else loss
        return _text(f"{name}: (n,), targets: (n,)", loss, self.mean, batched)


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
        params = {self.weight: generator.standard_normal((self.classes, n))}
        c = generator.standard_normal(self.classes)
        if self.bias:
            params[self.bias] = c
        drawn = generator.integers(self.classes, size=(T, N))
        derivation = _derived(self._text(name, batched))
        dims = {"n": n, "k": self.classes}
        point = NetworkPoint(derivation.network, dims, T, N, params, {name: y, "targets": drawn})
        found = _gradients(derivation, point)
        gradients = {key: array for key, array in found.items() if key[0] == "params"}
        sent = Upstream(upstream.label, {name: found["x", name]}, upstream.final)
        hot = "k" in self.targets.split()
        targets, features = (np.eye(self.classes)[drawn], (Size.of("k"),)) if hot else (drawn, ())
        return Targets(targets, self.targets, features, sent, gradients, derivation, point)

    def _text(self, name: str, batched: bool) -> str:
        _sizes(self.mean, "T N")
        logits = f"{self.weight} @ {name}" + (f" + {self.bias}" if self.bias else "")
        return _text(f"{name}: (n,), targets: integer(k)", f"cross_entropy({logits}, targets)", self.mean, batched)


Loss = SquaredError | CrossEntropy


def _single(outputs: Mapping[str, Array]) -> tuple[str, Array]:
    if len(outputs) != 1:
        raise OptionError(f"a loss inside the code is for cells with one output, and there are {', '.join(outputs)}")
    return next(iter(outputs.items()))


def _sizes(mean: str, known: str) -> list[str]:
    for word in mean.split():
        if word not in known.split():
            raise OptionError(f"mean of a loss names sizes, {', '.join(known.split())}, not {word!r}: mean='T N'")
    return mean.split()


def _text(arguments: str, loss: str, mean: str, batched: bool) -> str:
    # Code without a batch sees one sequence at a time.
    axes = [axis for axis in ("T", "N") if axis in mean.split() and (batched or axis == "T")]
    returns = f" -> mean({', '.join(axes)})" if axes else ""
    return f"@network\ndef readout({arguments}){returns}:\n    return {loss}\n"


@cache
def _derived(text: str) -> NetworkDerivation:
    return derive(network(text))


def _gradients(derivation: NetworkDerivation, point: NetworkPoint) -> dict[Key, Array]:
    kernel = derivation.numpy()
    _, tape = kernel.forward(point.params, point.x)
    return {key: np.array(array) for key, array in gradients_of(kernel.backward(tape, 1.0)).items()}
