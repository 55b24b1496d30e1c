"""A cell: named forward equations with shapes, the value that everything else is derived from."""

from __future__ import annotations

import sys
import textwrap
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..arguments import wrong
from ..language import Program, Source, Variable, doubts, infer, read_definition, source_of_function
from ..language.wiring import refuse_network
from ..sizes import Shape
from .equation import Equation, Term
from .lower import Unfit, lower, to_expr, written_terms

if TYPE_CHECKING:
    import numpy as np

    from ..layouts import Layout
    from .sample import Kind, Sample

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One step of a recurrent network.

    `inputs`, `states`, `outputs` and `params` map names to shapes, in the order of the text; `equations` are the
    forward equations, with net inputs named.
    """

    name: str
    doc: str
    inputs: Mapping[str, Shape]
    states: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    params: Mapping[str, Shape]
    dims: tuple[str, ...]
    equations: tuple[Equation, ...]
    program: Program = field(repr=False)
    variables: Mapping[str, Variable] = field(repr=False)

    @property
    def text(self) -> str:
        """The cell as it was written."""
        return self.program.text

    def sample(
        self,
        T: int = 5,
        N: int = 3,
        seed: int = 0,
        dims: Mapping[str, int] | None = None,
        dtype: str = "float64",
        scale: float = 1.0,
        kind: Kind = "ordinary",
    ) -> Sample:
        """Random parameters, inputs and non-zero initial states of given sizes; the same seed gives the same. Other
        kinds are "zeros", "tiny", "saturated" and "huge"."""
        from .sample import draw_sample

        return draw_sample(self, T=T, N=N, seed=seed, dims=dims, dtype=dtype, scale=scale, kind=kind)

    def pack(self, params: Mapping[str, Any], target: str | Layout) -> dict[str, Array]:
        """The parameters as a framework holds them: `cell.pack(params, "pytorch")`, or as a `Layout` says. What a
        framework adds up from two biases goes whole to the first one."""
        from ..layouts import pack

        return pack(self, params, target)

    def unpack(self, arrays: Mapping[str, Any], source: str | Layout) -> dict[str, Array]:
        """The parameters in a framework's arrays, the way back from `pack`: `cell.unpack(module.state_dict(),
        "pytorch")`. Nested dicts may come as they are."""
        from ..layouts import unpack

        return unpack(self, arrays, source)

    def __repr__(self) -> str:
        return f"<Cell {self.name}: {len(self.equations)} equations, {len(self.params)} parameters>"


def cell(source: str | Callable[..., Any] | Cell) -> Cell:
    """A cell from text that holds one `def`, or from a function (also as a decorator). The function is read from
    its source and never called."""
    if isinstance(source, Cell):
        return source
    if isinstance(source, str):
        return cell_of_source(Source(textwrap.dedent(source)))
    if not callable(source):
        raise wrong("cell", "a Cell, text with a def, a function, or a name of the zoo where one is asked for", source)
    return cell_of_source(source_of_function(source))


def cell_of_source(source: Source, name: str | None = None) -> Cell:
    """The cell that a person wrote: what is doubtful in it is warned of, where they asked for it."""
    refuse_network(source, name)
    definition = read_definition(source, name)
    program = infer(definition)
    for doubt in doubts(definition, program):
        warnings.warn(doubt, stacklevel=outside())
    return build_program(program)


def outside() -> int:
    """How far above its caller is the first line that is not symrnn's."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("symrnn."):
        level, frame = level + 1, frame.f_back
    return level


def build_cell(source: Source, name: str | None = None) -> Cell:
    """The cell in a source, or the one called `name`; without warnings, for texts that symrnn has or makes."""
    return build_program(infer(read_definition(source, name)))


def build_program(program: Program) -> Cell:
    """The cell whose step a program is."""
    source = program.source
    lines, variables = lower(program)
    equations: list[Equation] = []
    for index, line in enumerate(lines):
        try:
            expr = to_expr(line.node)
        except Unfit as unfit:
            raise source.error(unfit.problem, unfit.node.span, mend=unfit.mend) from None
        terms = tuple(Term(sign * to_expr(node), "definition", (line.name,)) for sign, node in written_terms(line.node))
        shape = variables[line.name].shape
        equations.append(Equation(index + 1, line.name, expr, shape, terms, "definition", "forward", written=line.node))
    return Cell(
        program.name,
        program.doc,
        _shapes(variables, {name: name for name in program.inputs}),
        _shapes(variables, {state.name: state.previous for state in program.states}),
        _shapes(variables, {name: name for name in program.outputs}),
        _shapes(variables, {name: name for name in program.params}),
        program.dims,
        tuple(equations),
        program,
        MappingProxyType(variables),
    )


def _shapes(variables: Mapping[str, Variable], names: dict[str, str]) -> Mapping[str, Shape]:
    return MappingProxyType({name: variables[variable].shape for name, variable in names.items()})
