"""From SymPy expressions to PyTorch source: arithmetic and its order as for NumPy, operations as their rows say."""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from ...equations.shapes import names_in, operands_of
from ...operations.entry import Code
from ...operations.table import BY_HEAD
from ..printer import ATOM, PRODUCT, NumpyPrinter, Text


@dataclass(frozen=True, slots=True)
class TorchPrinter(NumpyPrinter):
    """Prints expressions over named tensors. `like` is the source of a tensor at hand, whose type and device a number
    takes where torch asks for a tensor."""

    like: str = "x"

    def _applied(self, expr: sympy.Expr, place: int) -> Text:
        row = BY_HEAD[type(expr)]
        form = row.torch
        assert form is not None, f"{row.name} has no torch form"
        operands, options = operands_of(expr)
        rank = self.rank(expr) if row.elementwise else None
        plain = not any(names_in(operand) for operand in operands)
        binding = PRODUCT if form.product else ATOM
        codes: list[Code] = []
        for place, operand in enumerate(operands):
            text = self.text(operand) if rank is None else self.at_rank(operand, rank)
            own = self.rank(operand) if rank is None else rank
            number = bool(operand.is_number) and not operand.atoms(sympy.Function)
            code = Code(text.code, own, self.is_batched(operand), text.binding < ATOM, number)
            if number and (place in form.tensors or (plain and place == 0)):
                code = Code(f"{self.like}.new_tensor({text.code})", own, False)
            codes.append(code)
        if callable(form.code):
            return Text(form.code(tuple(codes), options, self.size), binding)
        constants = [Code(self.text(o).code, 0, False) for o in options if isinstance(o, sympy.Expr)]
        return Text(form.code.format(*codes, *constants), binding)
