"""The symbolic side of a flow: the local Jacobian, the path on which the error is constant, and the bound, each with
what it comes to along the trajectory."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from ..derivation import Derivation
from ..equations import Equation
from ..operations import BY_HEAD
from ..render.display import Display
from ..render.document import build_document
from ..render.jacobian import Diagonal, Jacobian, Matrix, jacobian_tree, local_jacobians, path_tree
from ..render.languages import read_language
from ..render.notation import STANDARD
from ..render.printers.text import TextPrinter
from .passes import Passes

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """(‖R‖ sup|φ′|)^(T−t), where the local Jacobian is diag(φ′) R: the matrix, its largest singular value and spectral
    radius, the function and the largest slope that it can have, and the mean slope along the trajectory."""

    matrix: str
    norm: float
    radius: float
    function: str
    slope: float
    mean_slope: float

    @property
    def rate(self) -> float:
        """What the bound is multiplied by in every step."""
        return self.norm * self.slope

    def over(self, lags: Array) -> Array:
        with np.errstate(over="ignore"):
            return self.rate ** lags.astype(float)


@dataclass(frozen=True, slots=True, eq=False)
class ConstantPath:
    """The path from a state to itself that meets no weight matrix: its factor as text, and the product of the factors
    of the steps after t, unit by unit, over the lag T − t = 0 … T."""

    factor: str
    products: Array


@dataclass(frozen=True, slots=True)
class Writing:
    """What formulas of a derivation look like as text."""

    display: Display
    printer: TextPrinter

    def term(self, equation: Equation, place: int) -> str:
        """One summand of an equation."""
        return self.printer.flat(self.display.term(equation.terms[place], len(equation.shape)))

    def jacobian(self, jacobian: Jacobian) -> str:
        left, right = jacobian_tree(jacobian, self.display)
        return f"{self.printer.flat(left)} = {self.printer.flat(right)}"


def writing_of(derivation: Derivation) -> Writing:
    """Formulas in the standard notation."""
    document = build_document(derivation, steps=False, notation=STANDARD, language=read_language("en"))
    return Writing(document.display, TextPrinter(STANDARD.product))


def closed_forms(jacobians: tuple[Jacobian, ...], writing: Writing) -> tuple[str, ...]:
    """The local Jacobians that have a closed form, a line each."""
    return tuple(writing.jacobian(jacobian) for jacobian in jacobians if jacobian.paths)


def local_bound(passes: Passes, jacobians: tuple[Jacobian, ...]) -> Bound | None:
    """The bound of a cell with one state and the local Jacobian diag(φ′) R, or R alone."""
    if len(jacobians) != 1 or jacobians[0].paths is None or len(jacobians[0].paths) != 1:
        return None
    match jacobians[0].paths[0]:
        case (Matrix(name, _, None),):
            expr: Any = sympy.S.One
        case (Diagonal(expr), Matrix(name, _, None)):
            pass
        case _:
            return None
    known = _slope(passes, jacobians[0].state, expr)
    matrix = passes.params[name][0, 0]
    if known is None or matrix.shape[0] != matrix.shape[1]:
        return None
    first = passes.of_first()
    slopes = first.evaluator(first.values)(expr)
    radius = float(np.abs(np.linalg.eigvals(matrix)).max())
    return Bound(name, float(np.linalg.norm(matrix, 2)), radius, *known, float(np.mean(np.abs(slopes))))


def _slope(passes: Passes, state: str, expr: Any) -> tuple[str, float] | None:
    """The function whose derivative a diagonal factor is, and the largest slope that it has anywhere."""
    if expr.is_Rational:
        return "linear", abs(float(Fraction(int(expr.p), int(expr.q))))
    equation = next(e for e in passes.derivation.forward if e.name == state)
    root = BY_HEAD.get(type(equation.expr))
    if root is None or not root.slope or not equation.expr.args[0].is_Symbol:
        return None
    return root.name, float(Fraction(root.slope))


def constant_paths(passes: Passes, jacobians: tuple[Jacobian, ...], writing: Writing) -> dict[str, ConstantPath]:
    """For each state that has one, the path along which its own gradient goes back entry by entry."""
    found: dict[str, ConstantPath] = {}
    first = passes.of_first()
    evaluate = first.evaluator(first.values)
    for state in passes.derivation.cell.program.states:
        own = next(j for j in jacobians if j.state == state.new and j.previous == state.previous)
        direct = [path for path in own.paths or () if not any(isinstance(item, Matrix) for item in path)]
        if not direct:
            continue
        factors: list[Any] = [sympy.Mul(*(item.expr for item in path if isinstance(item, Diagonal))) for path in direct]
        shape = passes.derivation.variables[state.previous].shape
        values = evaluate.spread(sympy.Add(*factors), shape)[:, 0]
        size = values.shape[1:]
        steps = np.broadcast_to(values, (passes.T, *size))
        with np.errstate(all="ignore"):
            products = np.concatenate([np.ones((1, *size)), np.cumprod(steps[::-1], axis=0)])
        if not products[1].any():  # the held copy of a state where every step counts
            continue
        shown = " + ".join(writing.printer.flat(path_tree(path, writing.display)) for path in direct)
        found[state.name] = ConstantPath(shown, products)
    return found


def jacobians_of(derivation: Derivation) -> tuple[Jacobian, ...]:
    """The local Jacobians, in closed form where there is one."""
    return local_jacobians(derivation)
