"""A network at a point, as a check asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from ...derivation import NetworkDerivation
from ...language.wiring import has_steps
from ...numeric import Gradients, NetworkKernel
from ...sizes import show_dims
from ..kit import Array
from ..oracles import Key, Problem, Upstream
from ..oracles.cells import in_float32
from ..places import place
from ..reference import Reference, references_of
from ..subject import kept
from .passes import NetworkPasses, gradients_of, keyed
from .points import LOSS, NetworkBase, NetworkPoint, draw_network_upstreams, network_meaning_of, network_problem


@dataclass(frozen=True, slots=True, eq=False)
class NetworkAt:
    """A network at a point."""

    derivation: NetworkDerivation
    point: NetworkPoint
    base: NetworkBase

    @property
    def case(self) -> str:
        point = self.point
        return show_dims({"T": point.T, "N": point.N, **point.dims})

    def upstreams(self, seed: int) -> tuple[Upstream, ...]:
        return draw_network_upstreams(self.point, seed)

    def rounded(self, upstreams: Sequence[Upstream]) -> tuple[NetworkAt, tuple[Upstream, ...]]:
        point = replace(self.point, params=in_float32(self.point.params), x=in_float32(self.point.x))
        return NetworkAt(self.derivation, point, self.base), tuple(upstream.rounded() for upstream in upstreams)

    def references(self, upstreams: Sequence[Upstream], seed: int) -> tuple[Reference, ...]:
        passes, point = NetworkPasses(self.derivation, self.point), self.point
        steps = max(
            size for axis, size in point.sizes.items() if has_steps(axis) and axis in point.network.axes.values()
        )
        return references_of(passes, passes.given(), upstreams, steps * point.N, seed)

    def meaning(self) -> dict[Key, Array]:
        return network_meaning_of(self.point, self.base)

    def problem(self, upstreams: Sequence[Upstream]) -> Problem:
        return network_problem(self.point, upstreams, self.base)

    def computed(self, kernel: NetworkKernel, upstreams: Sequence[Upstream]) -> list[dict[Key, Array]]:
        return self._run(kernel, upstreams, kernel.dtype)

    def emitted(self, upstreams: Sequence[Upstream]) -> list[list[dict[Key, Array]]]:
        space: dict[str, Any] = {"__name__": f"symrnn_{self.point.network.name}"}
        exec(compile(self.derivation.code(), f"<{self.point.network.name}>", "exec"), space)

        def backward(tape: Any, above: Any) -> Gradients:
            params, x = space["backward"](tape, above)
            return Gradients(params, x, {})

        return [self._run(SimpleNamespace(forward=space["forward"], backward=backward), upstreams, "float64")]

    def _run(self, passes: Any, upstreams: Sequence[Upstream], dtype: str) -> list[dict[Key, Array]]:
        def cast(arrays: Mapping[str, Array]) -> dict[str, Array]:
            return {name: array.astype(dtype) if array.dtype.kind == "f" else array for name, array in arrays.items()}

        params, x = cast(self.point.params), cast(self.point.x)
        alone = [*self.point.network.outputs] == [] and self.point.network.loss is not None
        found = [kept(keyed(passes.forward(params, x)[0]))]
        for upstream in upstreams:
            _, tape = passes.forward(params, x)  # a tape serves one backward pass
            above = upstream.outputs[LOSS] if alone else upstream.outputs
            found.append(kept(gradients_of(passes.backward(tape, above))))
        return found

    def place(self, key: Key, index: tuple[int, ...]) -> str:
        """Of a parameter, what its block says of it; of other arrays the step and the sequence."""
        group, name = key
        net = self.point.network
        if group == "params":
            for block in net.blocks:
                for own, param in block.params.items():
                    if param == name:
                        return place(block.cell, block.dims_at(self.point.sizes), ("params", own), index)
            return f"entry {', '.join(str(k + 1) for k in index)}" if index else ""
        axis = net.axes[net.outputs.get(name, name) if group == "output" else name]
        words = (
            [f"sequence {index[0] + 1}"]
            if not has_steps(axis)
            else [f"step {index[0] + 1}", f"sequence {index[1] + 1}"]
        )
        rest = index[len(words) :]
        return ", ".join([*words, *([f"entry {', '.join(str(k + 1) for k in rest)}"] if rest else [])])
