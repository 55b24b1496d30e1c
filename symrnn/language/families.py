"""Families of parameters: `W[k]` in a loop over k is the parameter `W.0` in the first round, `W.1` in the second."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .loops import whole_number
from .source import Source


def settle_families(source: Source, statements: list[ast.stmt], known: set[str]) -> list[ast.stmt]:
    """The statements with a name for each member of a family. What is `known`, because it is given, computed, or
    annotated as a whole, has rows and entries in place of members."""
    whole = known | {
        node.id
        for statement in statements
        for target in _targets(statement)
        for node in ast.walk(target)
        if isinstance(node, ast.Name) and isinstance(target, ast.Name)
    }
    counted = [node for statement in statements for node in ast.walk(statement) if getattr(node, "counted", False)]
    bases = {n.value.id for n in counted if isinstance(n, ast.Subscript) and isinstance(n.value, ast.Name)} - whole
    if not bases:
        return statements
    members = _Members(source, bases)
    for statement in statements:
        for name, value in ast.iter_fields(statement):
            if isinstance(value, ast.expr) and name in ("value", "target"):
                setattr(statement, name, members.visit(value))
    return statements


def _targets(statement: ast.stmt) -> Iterator[ast.expr]:
    match statement:
        case ast.Assign(targets=targets):
            yield from targets
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            yield target
        case _:
            pass


class _Members(ast.NodeTransformer):
    def __init__(self, source: Source, bases: set[str]) -> None:
        self.source, self.bases = source, bases

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        if not isinstance(node.value, ast.Name) or node.value.id not in self.bases:
            node.value = self.visit(node.value)
            return node
        places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        numbers = [whole_number(place) for place in places]
        if any(number is None or number < 0 for number in numbers):
            raise self.source.error(
                f"`{node.value.id}` is a family, one parameter a round, and this is none of them",
                self.source.span(node),
                mend=f"members are counted from 0, {node.value.id}[k]; for rows and entries of one array annotate its "
                f"whole shape: `{node.value.id}: (3, n)`",
            )
        name = ast.Name(".".join([node.value.id, *map(str, numbers)]), node.ctx)
        name.place = self.source.span(node)  # type: ignore[attr-defined]
        return name

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.bases:
            raise self.source.error(
                f"`{node.id}` is a family, one parameter a round, and stands here without a number",
                self.source.span(node),
                mend=f"write {node.id}[k], or annotate its whole shape if it is one array: `{node.id}: (3, n)`",
            )
        return node
