"""A definition while it is written out: what its names stand for."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import Called, Span
from .definitions import Callee


@dataclass(slots=True)
class Frame:
    """A definition that is being written out: what its names stand for, and what is written before those of its values
    (`prefix`) and of its parameters (`bearer`). `hidden` are values of those who call, which it does not see."""

    callee: Callee
    prefix: str = ""
    bearer: str = ""
    called: tuple[str, Span] | None = None
    names: dict[str, ast.expr] = field(default_factory=dict[str, ast.expr])
    values: frozenset[str] = frozenset()
    hidden: Mapping[str, str] = field(default_factory=dict[str, str])
    sizes: dict[str, str] | None = None
    above: Frame | None = None
    counters: dict[str, int] = field(default_factory=dict[str, int])
    mark: str = ""

    @property
    def chain(self) -> tuple[str, ...]:
        return (*(self.above.chain if self.above else ()), self.callee.name)

    def local(self, name: str) -> str:
        """What a value of the definition is called; a mark stands for a number that is given in the end."""
        return f"{self.prefix}{name}{self.mark}"

    def span(self, node: ast.AST) -> Span:
        placed = self.callee.source.span(node)
        if self.called is None or placed.called is not None:
            return placed
        line = self.callee.source.line(placed.line) if self.callee.foreign else None
        return Span(placed.line, placed.column, placed.end_line, placed.end_column, Called(*self.called, line))
