"""What the heads of all elementwise functions are to SymPy."""

from __future__ import annotations

from typing import Any

import sympy


class Elementwise(sympy.Function):
    """A function of numbers, applied entry by entry."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return self.derivative(*self.args)[argindex - 1]

    def derivative(self, *args: Any) -> tuple[Any, ...]:
        """The partial derivative by each operand (options count as constants)."""
        raise AssertionError(type(self).__name__)
