"""What stands where a name stands in a backward equation: its shape, its part in the cell, what it may be taken for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from ..derivation import Derivation
from ..equations import Equation
from ..equations.shapes import names_in, shape_of
from ..operations.entry import SizeSymbol
from ..operations.table import BY_HEAD
from ..sizes import Shape
from .mistake import Kind

_FORWARD = ("input", "previous", "value")
_BACKWARD = ("adjoint", "upstream", "carry")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a derivation. `batched` are those that differ from sequence to sequence, `activated` the values
    that are a function of a net input, with that function's right side, `net` the net inputs, `told` the inputs, states
    and lines of the cell's text; `adjoints` in the order in which a step computes them."""

    derivation: Derivation
    shapes: Mapping[str, Shape]
    batched: frozenset[str]
    activated: Mapping[str, sympy.Expr]
    net: frozenset[str]
    told: frozenset[str]
    adjoints: tuple[str, ...]

    def shape(self, expr: sympy.Basic) -> Shape:
        return shape_of(expr, self.shapes)

    def is_batched(self, expr: sympy.Basic) -> bool:
        return any(name in self.batched for name in names_in(expr))

    def role(self, name: str) -> str:
        return self.derivation.variables[name].role

    def is_name(self, expr: sympy.Basic) -> bool:
        """Whether an expression is a name of the derivation; a size may be called like one."""
        return expr.is_Symbol and not isinstance(expr, SizeSymbol) and expr.name in self.shapes

    def is_told(self, expr: sympy.Basic) -> bool:
        """Whether an expression is the name of something that the cell's text tells for every step and sequence."""
        return self.is_name(expr) and expr.name in self.told and expr.name in self.batched

    def candidates(self, name: str, equation: Equation) -> list[str]:
        """What may be taken for a name in an equation: of the same role, shape and batch kind, and at hand there."""
        role = self.role(name)
        if role in _BACKWARD:
            pool = self._known(equation)
        else:
            wanted = _FORWARD if role in _FORWARD else (role,)
            pool = [v.name for v in self.derivation.variables.values() if v.role in wanted]
        shape, batched = self.shapes[name], name in self.batched
        return [n for n in pool if n != name and self.shapes[n] == shape and (n in self.batched) == batched]

    def _known(self, equation: Equation) -> list[str]:
        """The adjoints that are computed when an equation is; a carry's name means the next step's only until the
        carry itself is computed, so equations from there on do not get it."""
        if equation.kind != "adjoint":
            return list(self.adjoints)
        earlier = self.adjoints[: self.adjoints.index(equation.name)]
        return [*self.derivation.upstream.values(), *self.derivation.carries.values(), *earlier]

    def confusion(self, name: str, other: str) -> Kind:
        """The kind of mistake that takes one name for another."""
        states = {(s.previous, s.new) for s in self.derivation.cell.program.states}
        if (name, other) in states or (other, name) in states:
            return "wrong time index"
        if "carry" in (self.role(name), self.role(other)):
            return "missing carry"
        part = self._part(name)
        return "swapped gates" if part and part == self._part(other) else "wrong factor"

    def _part(self, name: str) -> str:
        role = self.role(name)
        if role == "adjoint":
            part = self._part(self.derivation.variables[name].written)
            return part and f"adjoint of a {part}"
        if role == "parameter":
            return role
        return "gate" if name in self.activated else "net input" if name in self.net else ""


def know_names(derivation: Derivation) -> Names:
    """Read the names off a derivation."""
    variables, program = derivation.variables, derivation.cell.program
    activated: dict[str, sympy.Expr] = {}
    net: set[str] = set()
    for equation in derivation.forward:
        operation = BY_HEAD.get(type(equation.expr))
        if operation is not None and operation.activation and equation.expr.args[0].is_Symbol:
            activated[equation.name] = equation.expr
            net.add(equation.expr.args[0].name)
    return Names(
        derivation,
        {v.name: v.shape for v in variables.values()},
        derivation.batched,
        activated,
        frozenset(net),
        frozenset(
            {*program.inputs, *(s.previous for s in program.states), *(line.name for line in program.assignments)}
        ),
        tuple(equation.name for equation in derivation.adjoints if equation.kind == "adjoint"),
    )
