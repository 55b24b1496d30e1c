"""Loops of a network: `for k in range(2):` stands for its lines so many times; nothing is counted later."""

from __future__ import annotations

import ast

from ..source import Source

_MOST_ROUNDS = 64


def read_rounds(source: Source, loop: ast.For) -> int:
    """How often the lines of a loop are there."""
    match loop:
        case ast.For(
            target=ast.Name(),
            iter=ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=int() as rounds)], keywords=[]),
            orelse=[],
        ) if rounds is not True and 1 <= rounds <= _MOST_ROUNDS:
            return rounds
        case _:
            raise source.error(
                "a loop in a network is over range(…) of a number",
                source.span(loop),
                mend=f"write `for k in range(2):`, at most {_MOST_ROUNDS}: it stands for its lines so many times; "
                "time itself is in scan(cell, x)",
            )


def check_counters(source: Source, function: ast.FunctionDef) -> None:
    """Refuse a loop's counter where it has no value, or gets another one."""
    counters = {
        loop.target.id: loop
        for loop in ast.walk(function)
        if isinstance(loop, ast.For) and isinstance(loop.target, ast.Name)
    }
    within = {
        id(node)
        for loop in counters.values()
        for statement in loop.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    targets = {id(loop.target) for loop in ast.walk(function) if isinstance(loop, ast.For)}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id in counters and id(node) not in within | targets:
            line = source.span(counters[node.id]).line
            raise source.error(
                f"`{node.id}` counts the rounds of the loop in line {line}, and nothing else",
                source.span(node),
                mend="give one of the two another name",
            )


class Counted(ast.NodeTransformer):
    """Puts a number in the place of a loop's counter."""

    def __init__(self, counter: str, value: int) -> None:
        self.counter, self.value = counter, value

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.copy_location(ast.Constant(self.value), node) if node.id == self.counter else node
