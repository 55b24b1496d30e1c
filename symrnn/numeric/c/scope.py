"""What the parts of one file share: the names of everything in C, its shape, its place."""

from __future__ import annotations

from ...derivation import Derivation
from ...sizes import Shape
from ..statement import ATOM, Text, local, piece
from .forms import HELPERS, MATH
from .names import c_names, identifier
from .printer import CPrinter, Sizes
from .storage import plan

_ARGUMENTS = ("T", "N", "t", "params", "initial", "final", "tape", "work", "d_params", "d_initial", "d_final")
_INDICES = (("i", "j", "k"), ("j", "k", "l"), ("k", "l", "p"), ("p", "q", "r"), ("row", "column", "inner"))


class Scope:
    """The names of one file. Values are called as in the formulas; a step of an input has `_t`."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.cell = derivation.cell
        self.program = derivation.cell.program
        self.variables = derivation.variables
        self.storage = plan(derivation)
        self.prefix = identifier(self.cell.name)
        functions = {f"{self.prefix}_{word}" for word in ("params", "grads", "states_in", "states_out")}
        functions |= {f"{self.prefix}_{word}" for word in ("forward", "backward", "tape_size", "work_size")}
        self.unique = c_names({*_ARGUMENTS, *HELPERS, *MATH, *functions, "REAL", "REAL_FLOAT", "real"})
        self.inputs = {name: self.unique.take(name) for name in self.cell.inputs}
        self.names = {
            variable.name: self.unique.take(f"{variable.name}_t" if variable.role == "input" else variable.name)
            for variable in self.variables.values()
        }
        self.dims = {name: self.unique.take(name, "dim_") for name in self.cell.dims}
        self.outputs = {name: self.unique.take(f"out_{name}") for name in self.cell.outputs}
        self.d_outputs = {name: self.unique.take(f"d_out_{name}") for name in self.cell.outputs}
        self.d_inputs = {name: self.unique.take(f"d_{name}") for name in self.cell.inputs}
        fields = c_names({*MATH, "REAL", "real"})
        self.fields = {name: fields.take(name) for name in self.cell.states}
        self.indices = tuple(map(local, self.unique.first_free(_INDICES)))
        (self.sequence,) = map(local, self.unique.first_free((("s",), ("b",), ("sequence",))))
        self.step, self.stride, self.at = (local(self.unique.take(name)) for name in ("step", "stride", "at"))
        self.counts = [self.unique.take(word) for word in ("forward", "backward")]
        self.sizes = Sizes(self.dims)

    def printer(self, locals: frozenset[str]) -> CPrinter:
        """A printer of entries; `locals` are the scalars that are variables rather than arrays of one entry."""
        variables = self.variables.values()
        return CPrinter(
            self.names,
            {variable.name: variable.shape for variable in variables},
            {variable.name: variable.role for variable in variables},
            {name: place for place, name in enumerate(self.variables)},
            self.sizes,
            locals,
        )

    def variable(self, name: str) -> Text:
        """A value's own name in C, or a temporary's."""
        return local(self.names.get(name, name))

    def offset(self, base: Text, which: Text, shape: Shape) -> Text:
        """The address of one array in an array of such: `x + at * m`."""
        count = self.sizes.entries(shape)
        one = count.code == "1"
        return piece("{} + {}", base, which) if one else piece("{} + {} * {}", base, which, count.within(ATOM))
