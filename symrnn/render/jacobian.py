"""The local Jacobian ∂h_t/∂h_{t−1} in closed form: a sum over paths, each a product of diagonal and weight matrices.

Forward over one step: what a value owes to a state is a sum of products; an elementwise line y = f(u) puts diag(∂f/∂u)
before each of them, a line y = W u puts W, and stacked operands pick the columns of the matrix that meets them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sympy

from ..derivation import Derivation
from ..derivation.differentiate import differentiate
from ..equations import Equation
from ..equations.shapes import names_in
from ..operations import BY_HEAD
from ..sizes import Size
from . import tree as t
from .display import Display
from .languages import Language
from .prose import Prose, fill, listed

LONGEST = 24
"""More summands than this are no closed form that anybody reads."""


@dataclass(frozen=True, slots=True)
class Diagonal:
    """diag(expr); the expression 1 is the identity."""

    expr: Any


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix, or its transpose, or the columns from `lower` to `upper` of it."""

    name: str
    transposed: bool = False
    stretch: tuple[Size, Size] | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """The place of a part in stacked vectors, waiting for the matrix that meets it."""

    lower: Size
    upper: Size


Path = tuple[Diagonal | Matrix | Stretch, ...]


class NoClosedForm(Exception):
    """The step has a piece that is neither diagonal nor a weight matrix."""


@dataclass(frozen=True, slots=True)
class Jacobian:
    """∂state/∂previous as a sum of paths (zero if there are none); None where there is no closed form."""

    state: str
    previous: str
    paths: tuple[Path, ...] | None


def local_jacobians(derivation: Derivation) -> tuple[Jacobian, ...]:
    """Each new state with respect to each previous one."""
    states = derivation.cell.program.states
    needed = _needed(derivation)
    found: list[Jacobian] = []
    for source in states:
        try:
            paths = _forward(derivation, source.previous, (), needed)
        except NoClosedForm:
            found += [Jacobian(state.new, source.previous, None) for state in states]
            continue
        for state in states:
            own = paths.get(state.new, ())
            # A state that is itself stacked, h = [a, x], has a stretch that no matrix meets.
            closed = len(own) <= LONGEST and not any(path and isinstance(path[0], Stretch) for path in own)
            found.append(Jacobian(state.new, source.previous, own if closed else None))
    return tuple(sorted(found, key=lambda jacobian: [state.new for state in states].index(jacobian.state)))


def paths_from(derivation: Derivation, value: str, factor: Any = 1) -> dict[str, tuple[Path, ...]]:
    """What every value after it owes to one that the step computes, times a factor of each entry."""
    start: Path = () if factor == 1 else (Diagonal(factor),)
    return _forward(derivation, value, start, _needed(derivation))


def _needed(derivation: Derivation) -> list[tuple[Equation, frozenset[str]]]:
    """The forward equations that a state asks for, each with the names that it reads; a read-out may have no closed
    form."""
    asked = {state.new for state in derivation.cell.program.states}
    found: list[tuple[Equation, frozenset[str]]] = []
    for equation in reversed(derivation.forward):
        if equation.name in asked:
            read = names_in(equation.expr)
            asked |= read
            found.append((equation, read))
    return found[::-1]


def _forward(
    derivation: Derivation, source: str, start: Path, needed: list[tuple[Equation, frozenset[str]]]
) -> dict[str, tuple[Path, ...]]:
    """What each value owes to a source, a previous state say; the paths begin with `start`."""
    variables = derivation.variables
    if len(variables[source].shape) != 1:
        raise NoClosedForm
    owed: dict[str, tuple[Path, ...]] = {source: (start,)}
    for equation, read in needed:
        if owed.keys().isdisjoint(read):
            continue
        if len(equation.shape) != 1:
            raise NoClosedForm
        paths = [path for piece in _pieces(equation, owed, derivation) for path in piece]
        if len(paths) > 4 * LONGEST:
            raise NoClosedForm
        owed[equation.name] = tuple(paths)
    return owed


def _pieces(equation: Equation, owed: dict[str, tuple[Path, ...]], derivation: Derivation) -> Iterator[list[Path]]:
    shapes = derivation.variables
    smooth: list[Any] = []
    for term in sympy.Add.make_args(equation.expr):
        coefficient, rest = term.as_coeff_Mul()
        operation = BY_HEAD.get(type(rest))
        if operation is not None and operation.adjoint is not None:
            if any(name in owed for name in names_in(rest)):
                yield [_times(Diagonal(coefficient), path) for path in _structured(rest, operation.name, owed, shapes)]
        else:
            smooth.append(term)
    expr = sympy.Add(*smooth)
    root = BY_HEAD.get(type(expr)) if expr == equation.expr else None
    for name in sorted(names_in(expr)):
        if name not in owed:
            continue
        factor = differentiate(expr, sympy.Symbol(name))
        if root is not None:
            factor = factor.xreplace({expr: equation.symbol})
        if factor != 0:
            if len(shapes[name].shape) != 1:
                raise NoClosedForm
            yield [_times(Diagonal(factor), path) for path in owed[name]]


def _structured(atom: Any, name: str, owed: dict[str, tuple[Path, ...]], shapes: Any) -> list[Path]:
    if name == "matmul":
        left, right = atom.args
        turned = BY_HEAD.get(type(left)) is not None
        matrix = left.args[0] if turned else left
        if not right.is_Symbol or right.name not in owed or matrix.name in owed or len(shapes[matrix.name].shape) != 2:
            raise NoClosedForm
        return [_times(Matrix(matrix.name, turned), path) for path in owed[right.name]]
    if name == "concatenate":
        paths: list[Path] = []
        lower = Size()
        for part in atom.args:
            if len(shapes[part.name].shape) != 1:
                raise NoClosedForm
            upper = lower + shapes[part.name].shape[0]
            paths += [_within(lower, upper, path) for path in owed.get(part.name, ())]
            lower = upper
        return paths
    raise NoClosedForm


def _within(lower: Size, upper: Size, path: Path) -> Path:
    """A path into stacked vectors; what is stacked again keeps its place within the stretch."""
    if path and isinstance(path[0], Stretch):
        return (Stretch(lower + path[0].lower, lower + path[0].upper), *path[1:])
    return (Stretch(lower, upper), *path)


def _times(first: Diagonal | Matrix, path: Path) -> Path:
    """A factor before a path; diagonals meet in one, a matrix meets the stretch that it reads."""
    if isinstance(first, Diagonal) and first.expr == 1:
        return path
    if path and isinstance(first, Diagonal) and isinstance(path[0], Diagonal):
        return (Diagonal(first.expr * path[0].expr), *path[1:])
    if path and isinstance(path[0], Stretch):
        if not isinstance(first, Matrix) or first.transposed or first.stretch is not None:
            raise NoClosedForm
        return (Matrix(first.name, stretch=(path[0].lower, path[0].upper)), *path[1:])
    return (first, *path)


# On paper ------------------------------------------------------------------------------------------------------


def jacobian_tree(jacobian: Jacobian, display: Display) -> tuple[t.Tree, t.Tree]:
    """Left and right side."""
    left = t.Partial(t.Symbol(display.naming(jacobian.state)), t.Symbol(display.naming(jacobian.previous)))
    assert jacobian.paths is not None
    terms = [t.signed(path_tree(path, display)) for path in jacobian.paths]
    if not terms:
        return left, t.Extent(Size())
    return left, terms[0].node if len(terms) == 1 and not terms[0].negative else t.Sum(tuple(terms))


def path_tree(path: Path, display: Display) -> t.Tree:
    """A path as a product of matrices; no factor at all is the identity."""
    negative = False
    scalars: list[t.Tree] = []
    factors: list[t.Tree] = []
    for item in path:
        if isinstance(item, Diagonal):
            inner = t.signed(display.expression(item.expr))
            negative ^= inner.negative
            scalar = display.rank(item.expr) == 0
            if scalar and isinstance(inner.node, t.Number) and inner.node.value == 1:
                continue
            if scalar:
                scalars.append(inner.node)
            else:
                factors.append(t.Call("diag", r"\operatorname{diag}", (inner.node,)))
        elif isinstance(item, Matrix):
            base: t.Tree = t.Symbol(display.naming(item.name))
            if item.stretch is not None:
                base = t.Part(base, ((None, None), item.stretch), rank=2)
            factors.append(t.Transpose(base) if item.transposed else base)
        else:
            raise AssertionError("a stretch meets its matrix")
    if not factors:
        factors = [t.Constant("identity")]
    result = factors[-1]
    for factor in reversed(factors[:-1]):
        result = t.MatrixProduct(factor, result)
    if scalars:
        result = t.join_factors([*((scalar, 0) for scalar in scalars), (result, 2)])
    return t.Sum((t.Signed(True, result),)) if negative else result


def read_jacobians(
    jacobians: tuple[Jacobian, ...], derivation: Derivation, display: Display, language: Language
) -> Iterator[Prose]:
    """What the closed form says about vanishing and exploding gradients."""
    phrases = language.phrases
    through = 0
    for jacobian in jacobians:
        direct = [path for path in jacobian.paths or () if not any(isinstance(item, Matrix) for item in path)]
        through += len(jacobian.paths or ()) - len(direct)
        if direct and jacobian.previous == _previous_of(derivation, jacobian.state):
            ends = {
                "previous": t.Symbol(display.naming(jacobian.previous)),
                "state": t.Symbol(display.naming(jacobian.state)),
            }
            if () in direct:
                yield fill(phrases["jacobian_identity"], **ends)
            terms = listed([path_tree(path, display) for path in direct if path], language)
            if terms:
                yield fill(phrases["jacobian_direct"], terms=terms, **ends)
    if through:
        yield fill(phrases["jacobian_matrix"], count=str(through))
        used = {
            BY_HEAD[type(inner)]
            for equation in derivation.forward
            for inner in sympy.preorder_traversal(equation.expr)
            if type(inner) in BY_HEAD and BY_HEAD[type(inner)].slope
        }
        known = sorted(used, key=lambda operation: operation.name)
        if known:
            signs = [t.Call(op.look.text, op.look.latex) for op in known if op.look is not None]
            bounds = phrases["comma"].join(operation.slope for operation in known)
            names: Prose = listed(signs, language)
            yield fill(phrases["jacobian_bound"], functions=names, bounds=bounds)
    open_ones = dict.fromkeys(jacobian.previous for jacobian in jacobians if jacobian.paths is None)
    if open_ones:
        names = listed([t.Symbol(display.naming(name)) for name in open_ones], language)
        yield fill(phrases["jacobian_open"], states=names)


def _previous_of(derivation: Derivation, state: str) -> str:
    return next(known.previous for known in derivation.cell.program.states if known.new == state)
