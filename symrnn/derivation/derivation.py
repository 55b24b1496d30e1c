"""The result of deriving: forward equations, adjoints in order of computation, gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..equations import Cell, Equation
from ..equations.shapes import names_in
from ..language import Variable
from .paged import Paged

if TYPE_CHECKING:
    from ..numeric import Kernel


@dataclass(frozen=True, slots=True, eq=False)
class Derivation(Paged):
    """A cell and its backward pass.

    `adjoints` run in the order in which a step is computed backwards, the carries to the step before last;
    `gradients` hold the parameters (to be summed over t), the inputs, and the initial states. `upstream` names the
    incoming gradient of each output, `carries` what is handed from step to step for each state, and `adjoint_of` the
    adjoint of each value that reaches the loss.
    """

    cell: Cell
    adjoints: tuple[Equation, ...]
    gradients: tuple[Equation, ...]
    variables: Mapping[str, Variable] = field(repr=False)
    upstream: Mapping[str, str] = field(repr=False)
    carries: Mapping[str, str] = field(repr=False)
    adjoint_of: Mapping[str, str] = field(repr=False)

    @property
    def forward(self) -> tuple[Equation, ...]:
        """The forward equations of one step."""
        return self.cell.equations

    @property
    def equations(self) -> tuple[Equation, ...]:
        """Everything, in the order of the numbers."""
        return self.forward + self.backward

    @property
    def backward(self) -> tuple[Equation, ...]:
        """The backward equations of a step, the gradients last."""
        return self.adjoints + self.gradients

    @property
    def batched(self) -> frozenset[str]:
        """The names whose values differ from sequence to sequence: what rests on inputs and states, and what leaves the
        cell; a parameter, and what is made of parameters alone, is one array for all."""
        program = self.cell.program
        found = {v.name for v in self.variables.values() if v.role in ("input", "previous", "upstream", "carry")}
        found |= {state.new for state in program.states} | set(program.outputs)
        for equation in self.forward:
            if names_in(equation.expr) & found:
                found.add(equation.name)
        return frozenset(found | {name for value, name in self.adjoint_of.items() if value in found})

    # numeric/ is imported only when it is asked for: what follows are doors, not dependencies; those to pages are in
    # `Paged`.

    def numpy(self, dtype: str = "float64", *, plain: bool = False, backend: str = "numpy") -> Kernel:
        """The forward and backward pass over whole batches of sequences, as NumPy source that runs; `plain` has one
        equation a line, for reading and for comparing. `backend="c"` compiles C, which is faster at small sizes."""
        from ..numeric import build_kernel

        return build_kernel(self, dtype, plain=plain, backend=backend)

    def code(self, target: str = "numpy", *, plain: bool = False) -> str:
        """A program of its own that computes both passes: `numpy`, `torch` or `c`; `plain` is the NumPy module with one
        equation a line."""
        from ..numeric import emit_source

        return emit_source(self, target, plain=plain)

    def __repr__(self) -> str:
        return f"<Derivation of {self.cell.name}: {len(self.equations)} equations>"
