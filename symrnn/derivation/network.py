"""The backward pass of a network: its blocks' derivations in reverse, joined by the adjoints of its wires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..equations import Block, Network
from ..errors import OptionError
from .derivation import Derivation
from .paged import Paged

if TYPE_CHECKING:
    from ..numeric import NetworkKernel


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a value: a block by one of its inputs or initial states, or a wire. What the reader receives as the
    gradient of that (∂L/∂x, ∂L/∂h_0, or what the wire hands back) is a summand of the value's own ε."""

    step: str
    part: str


@dataclass(frozen=True, slots=True, eq=False)
class NetworkDerivation(Paged):
    """A network, the derivation of each of its blocks by name (blocks of one cell share it), and who reads each value,
    in the order of the backward pass: the sum over them is what comes from above, ε."""

    network: Network
    derivations: Mapping[str, Derivation]
    readers: Mapping[str, tuple[Reader, ...]] = field(repr=False)
    truncation: tuple[int, int] | None = None
    """(k1, k2): after every k1 steps their loss goes back through k2; what earlier steps would receive is dropped."""

    @property
    def backward_blocks(self) -> tuple[Block, ...]:
        """The blocks in the order of the backward pass."""
        return self.network.blocks[::-1]

    def numpy(self, dtype: str = "float64", *, plain: bool = False, backend: str = "numpy") -> NetworkKernel:
        """Loss, outputs and all gradients over whole batches of sequences, by the kernels of the blocks."""
        from ..numeric import build_network_kernel

        self._refuse_windows()
        return build_network_kernel(self, dtype, plain=plain, backend=backend)

    def code(self, target: str = "numpy", *, plain: bool = False) -> str:
        """A program of its own that computes loss, outputs and all gradients: `numpy` or `torch`."""
        from ..numeric import emit_source

        self._refuse_windows()
        return emit_source(self, target, plain=plain)

    def _refuse_windows(self) -> None:
        if self.truncation is not None:
            raise OptionError(
                f"a truncated derivation of {self.network.name} has no pass over whole sequences\n"
                "  mend: symrnn.training.Windows runs its windows; without truncate= it has"
            )

    def __repr__(self) -> str:
        count = sum(len(self.derivations[block.name].equations) for block in self.network.blocks)
        return f"<NetworkDerivation of {self.network.name}: {len(self.network.blocks)} blocks, {count} equations>"


def join(network: Network, derivations: Mapping[str, Derivation]) -> NetworkDerivation:
    """The derivation of a network from those of its blocks."""
    readers: dict[str, list[Reader]] = {}
    for step in reversed(network.steps):
        if isinstance(step, Block):
            for part, value in (*step.inputs.items(), *step.init.items()):
                readers.setdefault(value, []).append(Reader(step.name, part))
        else:
            readers.setdefault(step.of, []).append(Reader(step.name, step.way))
    return NetworkDerivation(
        network, MappingProxyType(dict(derivations)), MappingProxyType({v: tuple(r) for v, r in readers.items()})
    )
