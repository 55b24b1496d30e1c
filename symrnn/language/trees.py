"""Python's syntax trees, as calls and loops are written out with them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import TypeVar

from ..errors import Span

N = TypeVar("N", bound=ast.AST)


def placed(node: N, span: Span) -> N:
    """The node with its place."""
    node.place = span  # type: ignore[attr-defined]
    return node


def name_at(name: str, span: Span, context: ast.expr_context | None = None) -> ast.Name:
    return placed(ast.Name(name, context or ast.Load()), span)


def id_of(target: ast.expr) -> str:
    assert isinstance(target, ast.Name)
    return target.id


def leaves(node: ast.AST) -> Iterator[ast.Name]:
    return (leaf for leaf in ast.walk(node) if isinstance(leaf, ast.Name))


def names_in(node: ast.AST) -> set[str]:
    """The names that a line or an expression reads."""
    return {leaf.id for leaf in leaves(node) if isinstance(leaf.ctx, ast.Load)}


def targets_of(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return [name]
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()) | ast.AugAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def assigned_in(function: ast.FunctionDef) -> frozenset[str]:
    """The names that a definition gives values."""
    counters = {id(loop.target) for loop in ast.walk(function) if isinstance(loop, ast.For)}
    bare = {id(n.target) for n in ast.walk(function) if isinstance(n, ast.AnnAssign) and n.value is None}
    return frozenset(
        leaf.id for leaf in leaves(function) if isinstance(leaf.ctx, ast.Store) and id(leaf) not in counters | bare
    )


def count_reads(function: ast.FunctionDef, name: str) -> int:
    """How often a definition reads a name, that is at most once or more; a loop may read it again and again."""
    looped = any(name in names_in(loop) for loop in ast.walk(function) if isinstance(loop, ast.For))
    return 2 if looped else sum(leaf.id == name and isinstance(leaf.ctx, ast.Load) for leaf in leaves(function))


def size_names(annotation: ast.expr) -> list[ast.Name]:
    """The sizes that an annotation speaks of."""
    if isinstance(annotation, ast.Name):
        return []
    functions = {id(node.func) for node in ast.walk(annotation) if isinstance(node, ast.Call)}
    return [leaf for leaf in leaves(annotation) if id(leaf) not in functions]


def first_name(target: ast.expr) -> ast.Name | None:
    """The first of the names on the left of a call; None where there is anything else."""
    match target:
        case ast.Name():
            return target
        case ast.Tuple(elts=[first, *others]) if all(first_name(other) for other in others):
            return first_name(first)
        case _:
            return None


def settle_names(statements: list[ast.stmt], arguments: Iterable[str]) -> None:
    """Give what bears a mark, `u?3?ln`, a name that nothing else has: u, else u_ln, else one of these with a number."""
    names = [leaf for statement in statements for leaf in leaves(statement)]
    written = frozenset({leaf.id for leaf in names if "?" not in leaf.id[1:]} | {*arguments})
    taken, final = set(written), dict[str, str]()

    def settled(marked: str) -> str:
        before, dot, last = marked.rpartition(".")
        own, *marks = last.split("?")
        wish = (settled(before) if "?" in before else before) + dot + own
        if not marks:
            return wish
        if marked not in final:
            wish = f"{wish}_{marks[1]}" if wish in written and marks[1:] else wish
            name, k = wish, 1
            while name in taken:
                k += 1
                name = f"{wish}_{k}"
            taken.add(name)
            final[marked] = name
        return final[marked]

    for leaf in names:
        if "?" in leaf.id[1:]:
            leaf.id = settled(leaf.id)
