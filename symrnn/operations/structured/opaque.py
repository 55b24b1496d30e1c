"""What the heads of all structured operations are to SymPy, and what their rules and writers share."""

from __future__ import annotations

from typing import Any

import sympy

from ...sizes import Shape, Size, Solver
from ..entry import Code, ShapeClash, SizePrinter, Writer


class Structured(sympy.Function):
    """A head that is opaque to scalar algebra, and an ordinary factor in it: SymPy would ask the operands whether they
    commute, and a tuple of bounds does not say."""

    is_commutative = True

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        raise AssertionError(f"{type(self).__name__} has an adjoint rule, not a derivative")


def need(shape: Shape, rank: int, what: str, mend: str = "") -> Shape:
    """The shape, which must have a rank."""
    if len(shape) != rank:
        kind = ("scalar", "vector", "matrix")[rank]
        raise ShapeClash(f"{what} takes a {kind}", mend or f"where it is a {kind}, annotate the name: `v: {kind}`")
    return shape


def same(solver: Solver, left: Size, right: Size, reason: str, mend: str = "") -> None:
    """Two sizes that must be one."""
    if not solver.unify(left, right):
        raise ShapeClash(reason, mend)


def einsum(library: str, subscripts: str, codes: tuple[Code, ...]) -> str:
    """A sum of products as NumPy and PyTorch write it, with an axis of samples where an operand has one."""
    inputs, output = subscripts.split("->")
    letters = ["..." * code.batched + letter for code, letter in zip(codes, inputs.split(","), strict=True)]
    result = "..." * any(code.batched for code in codes) + output
    return f'{library}.einsum("{",".join(letters)}->{result}", {", ".join(code.text for code in codes)})'


def einsum_writer(library: str, vectors: str, matrices: str = "") -> Writer:
    """Writes a sum of products by the subscripts for vectors, or for matrices."""

    def write(codes: tuple[Code, ...], options: Any, sizes: SizePrinter) -> str:
        return einsum(library, matrices if matrices and codes[0].rank == 2 else vectors, codes)

    return write
