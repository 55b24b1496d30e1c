"""What the text of a cell means, by walking through it with arrays; knows nothing of symrnn.

Every array has a first axis of samples that know nothing of each other: a scalar is (B,), a vector (B, n), a matrix
(B, n, m). Constants are plain numbers until they meet an array. What the functions do is said by the `Numbers` that
are given: those of NumPy, real or complex, or those of PyTorch.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Gt: operator.gt, ast.Lt: operator.lt, ast.GtE: operator.ge, ast.LtE: operator.le,
}  # fmt: skip


class Numbers(Protocol):
    """How numbers are computed with."""

    functions: dict[str, Callable[..., Any]]

    def rank(self, a: Any) -> int:
        """0 for a scalar or a constant, 1 for a vector, 2 for a matrix."""
        ...

    def lift(self, a: Any, rank: int) -> Any:
        """A scalar beside vectors or matrices: with axes of length 1 in the places of theirs."""
        ...

    def einsum(self, letters: str, a: Any, b: Any) -> Any: ...
    def join(self, parts: list[Any]) -> Any: ...
    def transposed(self, a: Any) -> Any: ...
    def power(self, a: Any, exponent: float) -> Any: ...
    def compare(self, holds: Callable[[Any, Any], Any], a: Any, b: Any) -> Any: ...
    def rounded(self, a: Any) -> Any:
        """The result of an operation; where rounding is measured, moved by its last bit."""
        ...


@dataclass(frozen=True)
class Meaning:
    """A cell's text, taken apart: which names are inputs and states, which lines there are, what is returned."""

    inputs: tuple[str, ...]
    states: tuple[str, ...]
    lines: tuple[ast.stmt, ...]
    outputs: tuple[ast.expr, ...]
    slots: tuple[ast.expr, ...]
    params: tuple[str, ...]

    def step(
        self, numbers: Numbers, values: Mapping[str, Any], sizes: Mapping[str, int]
    ) -> tuple[list[Any], list[Any]]:
        """Outputs and new states, given parameters, inputs and states by name."""
        walk = _Walk(numbers, dict(values), sizes)
        for line in self.lines:
            target, expression = _assignment(line)
            walk.values[target] = walk.value(expression)
        # All expressions of a return see what was assigned before it.
        return [walk.value(node) for node in self.outputs], [walk.value(node) for node in self.slots]


def meaning_of(text: str) -> Meaning:
    """Take a cell's text apart."""
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    before = [argument.arg for argument in function.args.posonlyargs]
    after = [argument.arg for argument in function.args.args]
    inputs, states = (before, after) if before else (after[:1], after[1:])
    *body, end = function.body
    assert isinstance(end, ast.Return)
    assert end.value is not None
    lines = [line for line in body if isinstance(line, ast.Assign | ast.AugAssign)]
    parts = end.value.elts if isinstance(end.value, ast.Tuple) else [end.value]
    if len(parts) == 2 and isinstance(parts[1], ast.Tuple):
        slots = parts[1].elts
        outputs = parts[0].elts if isinstance(parts[0], ast.Tuple) else [parts[0]]
    else:
        slots, outputs = parts, parts[:1]
    given = {*inputs, *states, *(_assignment(line)[0] for line in lines)}
    called = {id(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
    sliced = {id(n) for node in ast.walk(function) if isinstance(node, ast.Subscript) for n in ast.walk(node.slice)}
    read = [n for line in [*lines, end] for n in ast.walk(line) if isinstance(n, ast.Name)]
    free = [n.id for n in read if n.id not in given and id(n) not in called | sliced]
    return Meaning(tuple(inputs), tuple(states), tuple(lines), tuple(outputs), tuple(slots), tuple(dict.fromkeys(free)))


def _assignment(line: ast.stmt) -> tuple[str, ast.expr]:
    if isinstance(line, ast.AugAssign):
        assert isinstance(line.target, ast.Name)
        return line.target.id, ast.BinOp(ast.Name(line.target.id), line.op, line.value)
    assert isinstance(line, ast.Assign)
    (target,) = line.targets
    assert isinstance(target, ast.Name)
    return target.id, line.value


@dataclass
class _Walk:
    numbers: Numbers
    values: dict[str, Any]
    sizes: Mapping[str, int]

    def value(self, node: ast.expr) -> Any:
        """What an expression comes to."""
        numbers = self.numbers
        match node:
            case ast.Constant(int(value) | float(value)):
                return float(value)
            case ast.Name(name):
                return self.values[name]
            case ast.UnaryOp(op, operand):
                inner = self.value(operand)
                return -inner if isinstance(op, ast.USub) else inner
            case ast.BinOp(left, op, right):
                return numbers.rounded(self._binary(op, self.value(left), self.value(right)))
            case ast.Compare(left, [op], [right]):
                return numbers.compare(_COMPARISONS[type(op)], *self._alike(self.value(left), self.value(right)))
            case ast.Attribute(inner, "T"):
                return numbers.transposed(self.value(inner))
            case ast.List(parts):
                return numbers.join([self.value(part) for part in parts])
            case ast.Subscript(inner, index):
                return self.value(inner)[(slice(None), *self._places(index))]
            case ast.Call(ast.Name(name), arguments, keywords):
                given = [self.value(argument) for argument in arguments]
                if name in ("maximum", "minimum", "mod", "where"):
                    given = self._alike(*given)
                options = {keyword.arg or "": self.value(keyword.value) for keyword in keywords}
                return numbers.rounded(numbers.functions[name](*given, **options))
        raise NotImplementedError(ast.unparse(node))

    def _binary(self, op: ast.operator, a: Any, b: Any) -> Any:
        if isinstance(op, ast.MatMult):
            return self.numbers.einsum(self._letters(a, b), a, b)
        a, b = self._alike(a, b)
        match op:
            case ast.Add():
                return a + b
            case ast.Sub():
                return a - b
            case ast.Mult():
                return a * b
            case ast.Div():
                return a / b
            case ast.Pow():
                return self.numbers.power(a, b)
        raise NotImplementedError(op)

    def _letters(self, a: Any, b: Any) -> str:
        left, right = self.numbers.rank(a), self.numbers.rank(b)
        return {(2, 2): "Bij,Bjk->Bik", (2, 1): "Bij,Bj->Bi", (1, 2): "Bi,Bij->Bj", (1, 1): "Bi,Bi->B"}[left, right]

    def _alike(self, *arrays: Any) -> tuple[Any, ...]:
        rank = max(self.numbers.rank(a) for a in arrays)
        return tuple(self.numbers.lift(a, rank) for a in arrays)

    def _places(self, index: ast.expr) -> list[Any]:
        if isinstance(index, ast.Tuple):
            return [place for part in index.elts for place in self._places(part)]
        if isinstance(index, ast.Slice):
            lower, upper = (None if end is None else self._count(end) for end in (index.lower, index.upper))
            return [slice(lower, upper)]
        return [self._count(index)]

    def _count(self, node: ast.expr) -> int:
        """A number in brackets: 2*n, -1."""
        match node:
            case ast.Constant(int(value)):
                return value
            case ast.Name(name):
                return self.sizes[name]
            case ast.UnaryOp(ast.USub(), operand):
                return -self._count(operand)
            case ast.BinOp(left, ast.Mult(), right):
                return self._count(left) * self._count(right)
            case ast.BinOp(left, ast.Add(), right):
                return self._count(left) + self._count(right)
        raise NotImplementedError(ast.unparse(node))
