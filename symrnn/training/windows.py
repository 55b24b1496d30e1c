"""Truncated backpropagation through time: after every k1 steps the gradient of their loss goes back through k2 steps.

A window [begin, end) runs from states that the window before has left. They count as constants: what a loss at step t
owes to steps before `begin`, κ at `begin` times ∂h/∂θ of all steps before it, is dropped. With k2 = k1 windows lie side
by side, with larger k2 they overlap and only their last k1 steps have a loss; with k2 = T nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..derivation import derive
from ..equations import Network
from ..equations.carry import carry, read_truncation
from ..equations.sample import Arrays
from ..language.wiring import EACH, STEPS
from ..numeric import NetworkKernel, build_network_kernel
from ..numeric.dimensions import Axis, readings_of
from ..sizes import dimension_names, shape_at


@dataclass(frozen=True, slots=True)
class Window:
    """The steps [begin, end), of which those from `new` on have a loss; the next window begins at `after`."""

    begin: int
    new: int
    end: int
    after: int


def plan_windows(T: int, k1: int, k2: int) -> Iterator[Window]:
    """The windows over T steps, the last of which may be shorter."""
    for new in range(0, T, k1):
        end = min(new + k1, T)
        following = max(0, min(end + k1, T) - k2) if end < T else T
        yield Window(max(0, end - k2), new, end, min(following, end))


@dataclass(frozen=True, slots=True)
class Gone:
    """What one window gave: the loss of its new steps, gradients by the parameters, states for the next window."""

    loss: float
    gradients: Arrays
    carried: Arrays


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Truncated backpropagation of a network: `kernel` runs it with its states as contexts."""

    network: Network
    kernel: NetworkKernel
    k1: int
    k2: int
    onwards: Mapping[str, str]
    """Which output of a window is which context of the next; the output `loss` is that of each step and sequence."""

    @staticmethod
    def of(
        network: Network, k1: int, k2: int | None = None, *, dtype: str = "float64", backend: str = "numpy"
    ) -> Windows:
        """After every `k1` steps back through `k2`, which are as many unless said otherwise."""
        k1, k2 = read_truncation(network, (k1, k1 if k2 is None else k2))
        over, onwards = carry(network)
        kernel = build_network_kernel(derive(over), dtype, plain=False, backend=backend)
        return Windows(network, kernel, k1, k2, onwards)

    def first(self, params: Arrays, N: int) -> Arrays:
        """States at the very beginning: zero."""
        shapes = {name: self.kernel.network.inputs[name] for name in self.onwards.values()}
        wanted = dimension_names(size for shape in (*self.network.params.values(), *shapes.values()) for size in shape)
        axes: list[Axis] = [("params", name, place, size) for name, shape in self.network.params.items()
                            for place, size in enumerate(shape)]  # fmt: skip
        sizes: dict[str, int] = {}
        for reading in readings_of(self.network.name, wanted, axes, "train it on whole sequences"):
            sizes[reading.dim] = reading.solve(params[reading.array].shape[reading.axis], sizes)
        return {name: np.zeros((N, *shape_at(shape, sizes)), self.kernel.dtype) for name, shape in shapes.items()}

    def cut(self, x: Mapping[str, Any], begin: int, end: int) -> Arrays:
        """The inputs of some steps."""
        arguments = self.network.arguments
        return {name: array[begin:end] if arguments[name].axis == STEPS else array for name, array in x.items()}

    def run(self, params: Arrays, x: Arrays, carried: Arrays, window: Window) -> Gone:
        """One window of the sequences `x`, from the states `carried`."""
        outputs, tape = self.kernel.forward(params, {**self.cut(x, window.begin, window.end), **carried})
        loss = outputs["loss"]
        weights = np.zeros_like(loss)
        weights[window.new - window.begin :] = 1 / self._count(window.end - window.new, loss.shape[1])
        gradients = self.kernel.backward(tape, {"loss": weights}).params
        if window.after == window.end:
            following = {first: outputs[last] for last, first in self.onwards.items()}
        elif window.after == window.begin:
            following = carried
        else:
            following = self.go_on(params, self.cut(x, window.begin, window.after), carried)[1]
        return Gone(float((loss * weights).sum()), gradients, following)

    def go_on(self, params: Arrays, x: Arrays, carried: Arrays) -> tuple[Arrays, Arrays]:
        """A forward pass: outputs, the loss of each step among them, and the states behind."""
        outputs, _ = self.kernel.forward(params, {**x, **carried})
        return outputs, {first: outputs[last] for last, first in self.onwards.items()}

    def _count(self, steps: int, N: int) -> int:
        return (steps if STEPS in self.network.mean else 1) * (N if EACH in self.network.mean else 1)

    def gradients(self, params: Arrays, x: Arrays) -> Gone:
        """The truncated gradient of whole sequences: the sum over their windows, the parameters staying as they are."""
        name = next(name for name, argument in self.network.arguments.items() if argument.axis == STEPS)
        T, N = x[name].shape[:2]
        carried, loss = self.first(params, N), 0.0
        total = {name: np.zeros_like(value) for name, value in params.items()}
        for window in plan_windows(T, self.k1, self.k2):
            gone = self.run(params, x, carried, window)
            share = self._count(window.end - window.new, N) / self._count(T, N)
            carried, loss = gone.carried, loss + gone.loss * share
            total = {name: total[name] + value * share for name, value in gone.gradients.items()}
        return Gone(loss, total, carried)
