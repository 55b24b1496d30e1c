"""Loops: `for k in range(2):` stands for its lines so many times; nothing is counted later."""

from __future__ import annotations

import ast

from .source import Source

_MOST_ROUNDS = 64
_LARGEST_BOUND = 1000


def read_rounds(source: Source, loop: ast.For, what: str = "network") -> range:
    """The values that a loop's counter takes."""
    match loop:
        case ast.For(
            target=ast.Name(),
            iter=ast.Call(func=ast.Name(id="range"), args=[_] | [_, _] as given, keywords=[]),
            orelse=[],
        ):
            bounds = [whole_number(bound) for bound in given]
            if all(bound is not None and abs(bound) <= _LARGEST_BOUND for bound in bounds):
                rounds = range(*(bound or 0 for bound in bounds))
                if 1 <= len(rounds) <= _MOST_ROUNDS:
                    return rounds
        case _:
            pass
    time = "time itself is in scan(cell, x)" if what == "network" else "a cell is one step, and symrnn goes over t"
    raise source.error(
        f"a loop in a {what} is over range(…) of a number",
        source.span(loop),
        mend=f"write `for k in range(2):`, at most {_MOST_ROUNDS}: it stands for its lines so many times; {time}",
    )


def whole_number(node: ast.expr) -> int | None:
    """The value of a constant expression over whole numbers, such as `2 - 1`."""
    match node:
        case ast.Constant(value=int() as value) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = whole_number(operand)
            return None if value is None else -value
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() as op, right=right):
            a, b = whole_number(left), whole_number(right)
            if a is None or b is None or max(abs(a), abs(b)) > _LARGEST_BOUND:
                return None
            return a + b if isinstance(op, ast.Add) else a - b if isinstance(op, ast.Sub) else a * b
        case _:
            return None


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
