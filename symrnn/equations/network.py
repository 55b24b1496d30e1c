"""A network: cells and the wires between them, cut from its text so that every stretch of equations is a cell too."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..errors import CellWarning
from ..language import Source
from ..language.wiring import Argument, Computed, FindCell, Plan, Scanned, find_network, infer_network, read_wiring
from ..sizes import Shape, Size, dimension_names
from .blocks import Block, Wire, cut
from .cell import outside

if TYPE_CHECKING:
    from .sample import Sample


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Blocks and wires in the order in which they are computed.

    `inputs` and `params` map names to shapes, in the order of the text; `arguments` say of each input what it is and on
    which axis it lies. `loss` is the value that is summed over steps and sequences, or averaged over the axes in
    `mean`, where `counted` (zeros and ones), if there is one, says which steps count; `outputs` go from names as they
    were written to values. Inputs that are `cleared` are taken as zero where lengths or a mask (by input) say that they
    do not count. `axes` and `shapes` are those of all values.
    """

    name: str
    doc: str
    inputs: Mapping[str, Shape]
    params: Mapping[str, Shape]
    dims: tuple[str, ...]
    steps: tuple[Block | Wire, ...]
    arguments: Mapping[str, Argument]
    loss: str | None
    mean: tuple[str, ...]
    counted: str | None
    cleared: Mapping[str, str]
    outputs: Mapping[str, str]
    axes: Mapping[str, str] = field(repr=False)
    shapes: Mapping[str, Shape] = field(repr=False)
    plan: Plan = field(repr=False)

    @property
    def text(self) -> str:
        """The network as it was written."""
        return self.plan.wiring.text

    @property
    def classes(self) -> Mapping[str, Size]:
        """How many classes an input of whole numbers counts in, by input; of one that nothing reads nobody knows."""
        sizes = self.plan.classes.items()
        return MappingProxyType({name: size for name, size in sizes if set(size.names) <= {*self.dims}})

    def is_differentiable(self, value: str) -> bool:
        """Whether a value has a gradient: masks, lengths, whole numbers, their unit vectors and constants have none."""
        argument = self.arguments.get(value)
        return argument.given == "value" if argument else value not in self._discrete

    @property
    def _discrete(self) -> frozenset[str]:
        return frozenset(s.name for s in self.steps if isinstance(s, Wire) and s.way in ("steps", "places", "one_hot"))

    @property
    def constraints(self) -> tuple[Size, ...]:
        """Sizes that must not be negative."""
        known = {*self.dims, *self.axes.values()}
        return tuple(need for need in self.plan.constraints if known.issuperset(need.names))

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(step for step in self.steps if isinstance(step, Block))

    @property
    def lengths(self) -> Mapping[str, str]:
        """The input that holds the lengths of an axis, by axis."""
        return {a.axis: name for name, a in self.arguments.items() if a.given == "lengths"}

    def sample(
        self,
        T: int = 5,
        N: int = 3,
        seed: int = 0,
        dims: Mapping[str, int] | None = None,
        dtype: str = "float64",
        scale: float = 1.0,
    ) -> Sample:
        """Random parameters and inputs of given sizes. `dims` names sizes of one scan, `{"h1.n": 128}`, of all scans,
        `{"n": 128}`, or other axes than T, `{"S": 7}`; the same seed gives the same."""
        from .network_sample import draw_network_sample

        return draw_network_sample(self, T=T, N=N, seed=seed, dims=dims, dtype=dtype, scale=scale)

    def __repr__(self) -> str:
        return f"<Network {self.name}: {len(self.blocks)} blocks, {len(self.params)} parameters>"


def network_of_source(
    source: Source, find_cell: FindCell, name: str | None = None, *, asked: bool = True
) -> Network | None:
    """The network in a text, or None where it has cells alone and no network was `asked` for."""
    function = find_network(source, name, asked=asked)
    if function is None:
        if asked:
            raise source.error(
                "there is no network in this text",
                mend="a network is a function that scans: def net(x): … h = scan(lstm, x) …, or stands under @network",
            )
        return None
    network = build_network(infer_network(read_wiring(source, function), find_cell))
    for doubt in unread(network):
        warnings.warn(doubt, stacklevel=outside())
    return network


def build_network(plan: Plan) -> Network:
    """Cut a plan into blocks and wires."""
    wiring = plan.wiring
    steps, extra = cut(plan)
    inputs = {argument.name: plan.variables[argument.name].shape for argument in wiring.arguments}
    arguments = {argument.name: argument for argument in wiring.arguments}
    blocks = [step for step in steps if isinstance(step, Block)]
    read = {name for block in blocks for name in (*block.params.values(), *block.init.values())}
    read |= {step.table for step in steps if isinstance(step, Wire) and step.table}
    params = {name: plan.variables[name].shape for name in plan.params if name in read}
    shapes = {**{name: variable.shape for name, variable in plan.variables.items()}, **extra.shapes}
    had = {*dimension_names(size for shape in (*inputs.values(), *params.values()) for size in shape)}
    had |= {*dimension_names(size for block in blocks for size in block.dims.values())}
    return Network(
        wiring.name, wiring.doc, MappingProxyType(inputs), MappingProxyType(params),
        tuple(dim for dim in plan.dims if dim in had), steps,
        MappingProxyType(arguments), plan.loss, wiring.mean, extra.counted, extra.cleared, plan.outputs,
        MappingProxyType({**plan.axes, **extra.axes}), MappingProxyType(shapes), plan,
    )  # fmt: skip


def _lines(network: Network) -> frozenset[str]:
    """The lines that stand in a block."""
    return frozenset(
        equation.name for block in network.blocks if not block.scanned for equation in block.cell.program.assignments
    )


def unread(network: Network) -> Iterator[CellWarning]:
    """A scan or a line whose result nothing reads, and an argument that nothing reads: hardly what was meant."""
    given = {step.name for step in network.steps} | {v for b in network.blocks for v in b.outputs.values()}
    read = {v for b in network.blocks for v in (*b.inputs.values(), *b.init.values(), *b.params.values())}
    read |= {v for s in network.steps if isinstance(s, Wire) for v in (s.of, s.table)} | {network.counted}
    source = network.plan.wiring.source
    for step in network.plan.steps:
        if isinstance(step, Scanned) and step.name not in given:
            mend = "read it, return it, or remove the line: it is left out"
            yield source.warning(f"nothing reads what `{step.name}` scans", step.span, mend=mend)
        elif isinstance(step, Computed) and step.line.name not in _lines(network):
            mend = "use it, return it, or remove the line: it is left out"
            yield source.warning(f"nothing reads `{step.line.name}`", step.line.span, mend=mend)
    for name, argument in network.arguments.items():
        if name not in read:
            mend = "use it, or take it out of the arguments"
            yield source.warning(f"nothing reads `{name}`", argument.span, mend=mend)
