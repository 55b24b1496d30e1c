"""One matrix over [h, x]: a cell in which the matrices that meet in a sum are one matrix over stacked operands.

The cell is written anew and derived anew, so its formulas are as proved as any others.
"""

from __future__ import annotations

import ast
from collections import Counter

from ..derivation import Derivation, derive
from ..equations import Cell, build_cell
from ..errors import CellError
from ..language import Source
from ..sizes import Shape


def derive_joined(derivation: Derivation) -> Derivation:
    """The derivation of the same cell with joined weights, or the same one where nothing can be joined."""
    joined = join_weights(derivation.cell)
    return derivation if joined is derivation.cell else derive(joined)


def join_weights(source: Cell) -> Cell:
    """A cell in which W @ x + R @ h is one product W @ [h, x], with W = [R, W]; wherever several parameters that are
    used once multiply names in one sum. The states come before the inputs."""
    tree = ast.parse(source.text)
    if len(tree.body) > 1 or any("." in name for name in source.params) or any(map(_repeats, ast.walk(tree))):
        return source  # what is written once stands for many lines
    definition = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    joining = _Joining(source, Counter(node.id for node in ast.walk(definition) if isinstance(node, ast.Name)))
    joining.visit(definition)
    if not joining.gone:
        return source
    definition.body = [line for line in definition.body if not _annotates(line, joining.changed)]
    states = dict(source.states)
    for argument in [*definition.args.posonlyargs, *definition.args.args]:
        shape = states.get(argument.arg, source.inputs.get(argument.arg))
        if argument.annotation is None and shape:
            argument.annotation = ast.parse(_written(shape), mode="eval").body
    try:
        return build_cell(Source(ast.unparse(ast.fix_missing_locations(tree)) + "\n"))
    except CellError:  # a size that the joined weights no longer tell: the separate ones stay
        return source


def _repeats(node: ast.AST) -> bool:
    return isinstance(node, ast.For)


def _annotates(line: ast.stmt, names: set[str]) -> bool:
    return isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.target.id in names


def _written(shape: Shape) -> str:
    return f"({', '.join(str(size) for size in shape)},)"


class _Joining(ast.NodeTransformer):
    def __init__(self, source: Cell, uses: Counter[str]) -> None:
        self.source = source
        self.uses = uses
        self.gone: set[str] = set()
        self.changed: set[str] = set()

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if not isinstance(node.op, ast.Add):
            return self.generic_visit(node)
        terms = _summands(node)
        products = {id(term): pair for term in terms if (pair := self._joinable(term)) is not None}
        if len(products) < 2:
            return self.generic_visit(node)
        inputs = [pair for pair in products.values() if pair[1] in self.source.inputs]
        others = [pair for pair in products.values() if pair not in inputs]
        kept = (inputs or others)[0][0]
        names = {matrix for matrix, _ in products.values()}
        self.changed |= names
        self.gone |= names - {kept}
        stack = ast.List([ast.Name(vector, ast.Load()) for _, vector in (*others, *inputs)], ast.Load())
        joined = ast.BinOp(ast.Name(kept, ast.Load()), ast.MatMult(), stack)
        rest = [self.visit(term) for term in terms if id(term) not in products]
        result: ast.expr = joined
        for term in rest:
            result = ast.BinOp(result, ast.Add(), term)
        return result

    def _joinable(self, term: ast.expr) -> tuple[str, str] | None:
        """The matrix and the vector of a product that can be joined: of a parameter that has no other use."""
        match term:
            case ast.BinOp(left=ast.Name(id=matrix), op=ast.MatMult(), right=ast.Name(id=vector)):
                used_once = len(self.source.params.get(matrix, ())) == 2 and self.uses[matrix] == 1
                return (matrix, vector) if used_once and self._is_vector(vector) else None
            case _:
                return None

    def _is_vector(self, written: str) -> bool:
        shapes = [v.shape for v in self.source.variables.values() if v.written == written and v.role != "parameter"]
        return bool(shapes) and all(len(shape) == 1 for shape in shapes)


def _summands(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _summands(node.left) + _summands(node.right)
    return [node]
