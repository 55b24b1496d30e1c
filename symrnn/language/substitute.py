"""What an expression comes to where its definition is called: names as they are called in the end, calls replaced by
what they give, counters by numbers."""

from __future__ import annotations

import ast
import copy

from ..errors import CellError, Span
from ..operations.table import FUNCTIONS
from .definitions import Callee, find_callee
from .expressions import DEEPEST
from .frames import Frame
from .source import Source
from .trees import leaves, name_at, placed, size_names

_MOST_LINES = 1000
_MOST_NODES = 100_000
# Sizes of a call that nobody has named yet; the solver's own count from 1.
_FIRST_SIZE = 1_000_000


class Substituting:
    """Writes expressions anew, and counts what is written."""

    def __init__(self, source: Source, root: Frame) -> None:
        self.source, self.root = source, root
        self.lines: int = 0
        self.nodes: int = 0
        self.depth: int = 0
        self.sizes: int = 0

    def _value(self, call: ast.Call, callee: Callee, frame: Frame) -> ast.expr:
        """What a call gives, after its lines."""
        raise NotImplementedError

    def _find(self, name: str, frame: Frame) -> Callee | None:
        callee = find_callee(name, frame.callee.source, frame.callee.functions, frame.callee.foreign)
        if callee is not None and name in FUNCTIONS:
            mend = f"rename the definition in line {self.source.span(callee.function).line}, say `{name}_1`"
            place = callee.source.span(callee.function)
            raise self.source.error(
                f"`{name}` is a function of the language and is defined here again", place, mend=mend
            )
        return callee

    def _returned(self, value: ast.expr, frame: Frame) -> ast.expr:
        """What is returned, tuples within tuples."""
        if isinstance(value, ast.Tuple):
            return placed(ast.Tuple([self._returned(item, frame) for item in value.elts], value.ctx), frame.span(value))
        return self._expression(value, frame, several=True)

    # Expressions --------------------------------------------------------------------------------------------

    def _expression(self, node: ast.expr, frame: Frame, several: bool = False) -> ast.expr:
        """The tree with every name as it is called in the end, and every call replaced by what it gives."""
        self.depth += 1
        self._measure(node, frame)
        match node:
            case ast.Name(id=name):
                made = self._name(name, node, frame)
            case ast.Call(func=ast.Name(id=name)) if callee := self._find(name, frame):
                made = self._value(node, callee, frame)
                if isinstance(made, ast.Tuple) and not several:
                    what = f"`{callee.name}` gives {len(made.elts)} values, and one is wanted here"
                    raise self._refused(what, node, frame, f"give them names: a, b = {callee.name}(…)")
            case ast.Subscript(value=value, slice=bounds):
                made = ast.Subscript(self._expression(value, frame), self._bounds(bounds, frame), node.ctx)
                made.counted = any(n.id in frame.counters for n in leaves(bounds))  # type: ignore[attr-defined]
                made = placed(made, frame.span(node))
            case ast.Call(func=ast.Name() as function):
                named = name_at(function.id, frame.span(function))
                words = [self._expression(argument, frame) for argument in node.args]
                options = [
                    placed(ast.keyword(k.arg, self._expression(k.value, frame)), frame.span(k)) for k in node.keywords
                ]
                made = placed(ast.Call(named, words, options), frame.span(node))
            case _:
                made = self._copied(node, frame, frame.span(node))
        self.depth -= 1
        return made

    def _copied(self, node: ast.expr, frame: Frame, span: Span) -> ast.expr:
        made = copy.copy(node)
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                items: list[ast.AST] = value  # pyright: ignore[reportUnknownVariableType]
                setattr(made, name, [self._child(item, frame) for item in items])
            elif isinstance(value, ast.expr):
                setattr(made, name, self._expression(value, frame))
        return placed(made, span)

    def _option(self, option: ast.keyword, frame: Frame) -> ast.keyword:
        return placed(ast.keyword(option.arg, self._expression(option.value, frame)), frame.span(option))

    def _child(self, item: ast.AST, frame: Frame) -> ast.AST:
        match item:
            case ast.keyword():
                return self._option(item, frame)
            case ast.expr():
                return self._expression(item, frame)
            case _:
                return item

    def _name(self, name: str, node: ast.Name, frame: Frame) -> ast.expr:
        span = frame.span(node)
        if name in frame.counters:
            return placed(ast.Constant(frame.counters[name]), span)
        if name in frame.names:
            given = frame.names[name]
            return name_at(given.id, span) if isinstance(given, ast.Name) else given
        if name in frame.hidden and not frame.callee.part:
            own = ", ".join(argument.arg for argument in frame.callee.arguments)
            raise self.source.error(
                f"`{name}` is a value of `{frame.hidden[name]}`, and `{frame.callee.name}` sees its arguments alone",
                span,
                mend=f"pass it: def {frame.callee.name}({own}, {name}), and {frame.callee.name}(…, {name})",
            )
        return name_at(name if frame is self.root else frame.bearer + name, span)

    def _bounds(self, node: ast.expr, frame: Frame) -> ast.expr:
        """A subscript: its names are sizes, counters, or arguments that are numbers."""
        span = frame.span(node)
        match node:
            case ast.Name(id=name) if name in frame.counters or (frame is not self.root and name in frame.values):
                made = self._name(name, node, frame)
                if isinstance(made, ast.Name):
                    mend = "subscripts are made of integers and dimensions, such as x[0:k] or x[2*n:]"
                    raise self.source.error(f"`{name}` is a value, and a subscript is a size", span, mend=mend)
                return made
            case ast.Name(id=name):
                return name_at(self._size(name, frame), span)
            case ast.Slice(lower=lower, upper=upper, step=step):
                parts = [part and self._bounds(part, frame) for part in (lower, upper, step)]
                return placed(ast.Slice(*parts), span)
            case ast.Tuple(elts=elements):
                return placed(ast.Tuple([self._bounds(item, frame) for item in elements], node.ctx), span)
            case ast.UnaryOp(op=op, operand=operand):
                return placed(ast.UnaryOp(op, self._bounds(operand, frame)), span)
            case ast.BinOp(left=left, op=op, right=right):
                return placed(ast.BinOp(self._bounds(left, frame), op, self._bounds(right, frame)), span)
            case _:
                return node

    # Sizes --------------------------------------------------------------------------------------------------

    def _annotation(self, node: ast.expr, frame: Frame) -> ast.expr:
        """An annotation in which the sizes of a part, and of a helper's arguments, are its own at every call."""
        if frame is self.root:
            return node
        said = copy.deepcopy(node)
        for part in ast.walk(said):
            placed(part, frame.span(part))
        for name in size_names(said):
            name.id = self._size(name.id, frame)
        return said

    def _size(self, name: str, frame: Frame) -> str:
        if frame.sizes is None:
            return name
        if name not in frame.sizes:
            if not frame.callee.part:
                assert frame.above is not None
                return self._size(name, frame.above)
            frame.sizes[name] = self._fresh_size()
        return frame.sizes[name]

    def _fresh_size(self) -> str:
        self.sizes += 1
        return f"?{_FIRST_SIZE + self.sizes}"

    # Bounds -------------------------------------------------------------------------------------------------

    def _count(self, node: ast.AST, frame: Frame) -> None:
        self.lines += 1
        if self.lines > _MOST_LINES:
            mend = "make the loops shorter, or call less"
            problem = f"a cell has at most {_MOST_LINES:,} lines, those of calls and loops counted every time"
            raise self._refused(problem, node, frame, mend)

    def _measure(self, node: ast.expr, frame: Frame) -> None:
        self.nodes += 1
        if self.depth > DEEPEST:
            mend = "give its parts names, one line each"
            raise self._refused(f"this expression is nested more than {DEEPEST} deep", node, frame, mend)
        if self.nodes > _MOST_NODES:
            raise self._refused(
                f"a cell has at most {_MOST_NODES:,} names and signs, those of calls and loops counted every time",
                node, frame, "make the loops shorter, or call less",
            )  # fmt: skip

    def _refused(self, problem: str, node: ast.AST, frame: Frame, mend: str) -> CellError:
        return self.source.error(problem, frame.span(node), mend=mend)
