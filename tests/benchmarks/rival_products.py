"""The floor: the matrix products of a training step and nothing else, read off the cell's own equations.

A product of a parameter W with a value v of every step has two products in the backward pass: the adjoint of v is
the product of W with the adjoint, ∂L/∂W that of the adjoint with v. Products with the same v are one product over
stacked parameters. Where v does not depend on the state, all steps are one product; ∂L/∂W always is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import sympy

from symrnn.derivation import Derivation
from symrnn.equations.shapes import names_in, shape_of
from symrnn.operations.structured import matmul, transpose

from .problem import Problem
from .rival import Absent, Rival


@dataclass(frozen=True, slots=True)
class Products:
    """Stacked products with one value: `inner` numbers in, `outer` numbers out, for `rows` rows of each sequence."""

    value: str
    inner: int
    outer: int
    rows: int
    recurrent: bool


def list_products(derivation: Derivation, dims: dict[str, int]) -> list[Products]:
    """Every product of a parameter matrix with a value that depends on the input or a state, stacked by value."""
    after_state = _names_after_state(derivation)
    varying = after_state | _names_after(derivation, set(derivation.cell.inputs))
    shapes = {name: variable.shape for name, variable in derivation.variables.items()}
    found: dict[tuple[sympy.Expr, int, int], int] = {}
    for atom in _atoms(derivation):
        for parameter, value, turned in _sides(atom):
            if not _is_parameter(parameter, derivation) or not names_in(value) & varying:
                continue
            axes = [size.value(dims) for size in shape_of(parameter, shapes)]
            outer, inner = axes if not turned else axes[::-1]
            rest = [size.value(dims) for size in shape_of(value, shapes)]
            key = (value, inner, int(np.prod(rest)) // inner)
            found[key] = found.get(key, 0) + outer
    return [
        Products(str(value), inner, outer, rows, bool(names_in(value) & after_state))
        for (value, inner, rows), outer in found.items()
    ]


def bare_products(problem: Problem) -> Rival | Absent:
    """The products alone, into arrays that are there beforehand."""
    _, _, N, T = problem.sizes
    steps: list[Callable[[], object]] = []
    for products in list_products(problem.derivation, problem.dims):
        steps += _runs(products, N * products.rows, T, problem.dtype)
    if not steps:
        return Absent("no matrix products")

    def run() -> None:
        for step in steps:
            step()

    return Rival(run, None)


def _runs(products: Products, rows: int, T: int, dtype: str) -> Iterator[Callable[[], object]]:
    generator = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return generator.standard_normal(shape).astype(dtype)

    values, adjoints = draw(T, rows, products.inner), draw(T, rows, products.outer)
    weights = draw(products.inner, products.outer)
    turned = np.ascontiguousarray(weights.T)
    flat_values, flat_adjoints = values.reshape(T * rows, -1), adjoints.reshape(T * rows, -1)
    out, back, grad = np.empty_like(adjoints), np.empty_like(values), np.empty_like(weights)
    if products.recurrent:
        for source, factor, target in ((values, weights, out), (adjoints, turned, back)):
            yield lambda source=source, factor=factor, target=target: [
                np.matmul(source[t], factor, out=target[t]) for t in range(T)
            ]
    else:
        yield lambda: np.matmul(flat_values, weights, out=out.reshape(T * rows, -1))
        yield lambda: np.matmul(flat_adjoints, turned, out=back.reshape(T * rows, -1))
    yield lambda: np.matmul(flat_values.T, flat_adjoints, out=grad)


def _atoms(derivation: Derivation) -> Iterator[sympy.Expr]:
    for equation in derivation.forward:
        yield from sorted(equation.expr.atoms(matmul), key=str)


def _sides(atom: sympy.Expr) -> Iterator[tuple[sympy.Expr, sympy.Expr, bool]]:
    """Each operand as the possible parameter, the other one, and whether the parameter's rows are summed over."""
    a, b = atom.args
    yield a, b, False
    yield b, a, True


def _is_parameter(expr: sympy.Expr, derivation: Derivation) -> bool:
    base = expr.args[0] if isinstance(expr, transpose) else expr
    if not base.is_Symbol or base.name not in derivation.cell.params:
        return False
    return len(derivation.cell.params[base.name]) == 2


def _names_after_state(derivation: Derivation) -> set[str]:
    return _names_after(derivation, {state.previous for state in derivation.cell.program.states})


def _names_after(derivation: Derivation, start: set[str]) -> set[str]:
    """The names whose value follows from some names within a step."""
    found = set(start)
    for equation in derivation.forward:
        if names_in(equation.expr) & found:
            found.add(equation.name)
    return found
