"""The language of layouts, read: each of a person's arrays as blocks of the cell's parameters.

    Wx = [W_i.T, W_f.T, W_o.T, W_g.T]      side by side, as np.block sets them
    weight_ih = [[W_i], [W_f], [W_g]]      a list of lists: rows of blocks, one below the other
    W = [[W_i.T], [R_i.T], [b_i]]          a vector below matrices is a row
    W = [W_i, R_i, b_i]                    … and beside matrices a column
    b = [b_i, b_f - 1, b_o, b_g]           the code adds 1 when it runs
    b_ih = share(b)                        b is the sum of what several arrays hold
    Wx = ?[W_i.T, W_f.T, W_o.T, W_g.T]     in an order to be found by trial; [?A, B, ?C] for some of the blocks
    w = [W_i, W_f].T.reshape(1, m, 2, n)   .T, .reshape, .transpose and b[:, None] are NumPy's
    Wx = W[:, n:].T                        a piece of a matrix over [h, x]; every piece has to be somewhere
    B = [[b_i, unused(n), b_g]]            nobody reads the unused block: it is filled with zeros
    beta = 1                               the code has an array for what is a number in the cell; zeros(n) for a block
    W_1 = h1.W_i.T                         a parameter of the part h1; M[0] is the first of the family M
    ...                                    all other parameters are what they are in the cell

Left of `=` stand the person's names, right of it the cell's, so that `W_f = [R_f, W_f]` is no puzzle. The text is read
through `ast` and never executed. `?` is not Python, and is read as the operator `~`, which is as wide.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..errors import CellError, LayoutError, Span, nearest
from ..language.expressions import read_number, read_size
from ..language.source import Source, parse_module
from ..sizes import Size
from .nodes import Affine, Block, Blocks, Cut, Fill, Parameter, Reshaped, Share, Turned, Widened

_DEEPEST = 40
_METHODS = ("T", "reshape", "transpose")


@dataclass(frozen=True, slots=True)
class Rule:
    """`name = block`: what one of the person's arrays holds."""

    name: str
    block: Block
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.name} = {self.block}"


@dataclass(frozen=True, slots=True)
class Rules:
    """A layout's text after reading; `rest` says that it ends with `...`."""

    rules: tuple[Rule, ...]
    rest: bool
    source: Source = field(compare=False, repr=False)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.rules), *(["..."] if self.rest else [])])

    def error(self, problem: str, span: Span, *, facts: tuple[str, ...] = (), mend: str = "") -> LayoutError:
        return _error(self.source, problem, span, facts=facts, mend=mend)


def _error(source: Source, problem: str, span: Span, *, facts: tuple[str, ...] = (), mend: str = "") -> LayoutError:
    shown = source.error(problem, span, facts=facts, mend=mend)
    line = shown.line_text.replace("~", "?")
    return LayoutError(problem, where=shown.where, span=shown.span, line_text=line, facts=facts, mend=mend)


def read_layout(text: str | Mapping[str, str]) -> Rules:
    """The rules of a layout's text, or of a dict of blocks by the arrays' names, which may then be any strings."""
    if isinstance(text, str):
        return _read_text(textwrap.dedent(text).strip("\n"))
    rules: dict[str, Rule] = {}
    for name, block in text.items():
        one = _read_text(f"{re.sub(r'[^0-9A-Za-z_]', '_', name)}_ = {block}")
        if len(one.rules) != 1:
            raise LayoutError(f"{name!r} is described by {block!r}, which is not one block", where="layout")
        rules[name] = replace(one.rules[0], name=name)
    source = Source("\n".join(f"{name} = {block}" for name, block in text.items()), "layout")
    return Rules(tuple(rules.values()), False, source)


def _read_text(text: str) -> Rules:
    source = Source(text.replace("?", "~"), "layout")
    if "~" in text:
        line = next(k for k, line in enumerate(text.split("\n")) if "~" in line)
        raise LayoutError(
            "`~` is not part of the language of layouts", where="layout", mend=f"write ? in line {line + 1}"
        )
    try:
        return _Reader(source).rules(parse_module(source))
    except LayoutError:
        raise
    except CellError as error:
        line = error.line_text.replace("~", "?")
        mend = error.mend if "`" in error.problem else "a layout has lines such as Wx = [W_i.T, W_f.T]"
        raise LayoutError(
            error.problem, where="layout", span=error.span, line_text=line, facts=error.facts, mend=mend
        ) from None


@dataclass(frozen=True, slots=True)
class _Reader:
    source: Source

    def fail(self, problem: str, node: ast.AST, mend: str = "") -> LayoutError:
        return _error(self.source, problem, self.source.span(node), mend=mend)

    def rules(self, module: ast.Module) -> Rules:
        rules: dict[str, Rule] = {}
        rest = False
        for statement in module.body:
            match statement:
                case ast.Expr(value=ast.Constant(value=value)) if value is ...:
                    rest = True
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    if name in rules:
                        raise self.fail(f"`{name}` is described twice", statement, "one line describes an array whole")
                    rules[name] = Rule(name, self.block(value), self.source.span(statement))
                case _:
                    raise self.fail(
                        "a layout is a list of lines `array = blocks`",
                        statement,
                        "such as Wx = [W_i.T, W_f.T], or ... for all that is as in the cell",
                    )
        return Rules(tuple(rules.values()), rest, self.source)

    def block(self, node: ast.expr, depth: int = 0) -> Block:
        if depth > _DEEPEST:
            raise self.fail(f"this is nested more than {_DEEPEST} deep", node)
        span = self.source.span(node)
        match node:
            case ast.Name(id=name):
                return Parameter(name, span)
            case ast.List():
                return self.blocks(node, depth)
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return Fill(float(read_number(self.source, value, span)), (), True, span)
            case ast.UnaryOp(op=ast.Invert(), operand=ast.List() as whole):
                return self.blocks(whole, depth, all_free=True)
            case ast.UnaryOp() | ast.BinOp():
                return self.arithmetic(node, span, depth)
            case ast.Attribute() | ast.Call() | ast.Subscript():
                return self.method(node, span, depth)
            case _:
                raise self.unknown(node)

    def arithmetic(self, node: ast.UnaryOp | ast.BinOp, span: Span, depth: int) -> Block:
        """Signs, multiples, and numbers added to a block."""
        match node:
            case ast.UnaryOp(op=ast.Invert()):
                raise self.fail(
                    "`?` marks the blocks of a list that may change places",
                    node,
                    "write ?[A, B, C], or [?A, B, ?C] for some of them, with parentheses around a sum: ?(b_f - 1)",
                )
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Affine(self.block(operand, depth + 1), -1.0, 0.0, span)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right) if _number(right) is not None:
                shift = float(read_number(self.source, _number(right), self.source.span(right)))
                return Affine(self.block(left, depth + 1), 1.0, shift if isinstance(op, ast.Add) else -shift, span)
            case ast.BinOp(left=left, op=ast.Mult(), right=right) if _number(left) is not None:
                return self.scaled(right, left, span, depth, invert=False)
            case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right) if _number(right) is not None:
                return self.scaled(left, right, span, depth, invert=isinstance(op, ast.Div))
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                raise self.fail(
                    "an array holds blocks of parameters, not sums of them",
                    node,
                    "where a parameter is the sum of two arrays, write b_ih = share(b) and b_hh = share(b)",
                )
            case _:
                raise self.unknown(node)

    def method(self, node: ast.Attribute | ast.Call | ast.Subscript, span: Span, depth: int) -> Block:
        """What is turned, shared, filled, reshaped, or a part."""
        match node:
            case ast.Attribute(value=value, attr="T"):
                return Turned(self.block(value, depth + 1), None, span)
            case _ if (name := _dotted(node)) is not None:
                return Parameter(name, span)
            case ast.Call(func=ast.Name(id="share"), args=[value], keywords=[]):
                return Share(self.block(value, depth + 1), span)
            case ast.Call(func=ast.Name(id="zeros" | "unused" as word), keywords=[]) if node.args:
                return Fill(0.0, tuple(map(self.size, _spread(node.args))), word == "zeros", span)
            case ast.Call(func=ast.Attribute(value=value, attr="reshape"), keywords=[]) if node.args:
                return Reshaped(self.block(value, depth + 1), tuple(map(self.size, _spread(node.args))), span)
            case ast.Call(func=ast.Attribute(value=value, attr="transpose"), keywords=[]):
                axes = tuple(self.axis(argument) for argument in _spread(node.args))
                return Turned(self.block(value, depth + 1), axes or None, span)
            case ast.Subscript(value=value, slice=subscript):
                parts = subscript.elts if isinstance(subscript, ast.Tuple) else [subscript]
                return self.subscripted(self.block(value, depth + 1), parts, span)
            case _:
                raise self.unknown(node)

    def unknown(self, node: ast.expr) -> Exception:
        return self.fail("this is not part of the language of layouts", node, self.hint(node))

    def hint(self, node: ast.expr) -> str:
        if isinstance(node, ast.Call):
            word = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            near = nearest(word, ["share", "zeros", "unused", "reshape", "transpose"])
            if near:
                return near
        return (
            "there are [A, B], [[A], [B]], A.T, -A, 2 * A, A - 1, share(A), A.reshape(…), A.transpose(…), a[:, None], "
            "W[:n], zeros(n), unused(n)"
        )

    def blocks(self, node: ast.List, depth: int, *, all_free: bool = False) -> Blocks:
        span = self.source.span(node)
        if not node.elts:
            raise self.fail("an empty list holds nothing", node)
        marked = [_unmarked(element) for element in node.elts]
        rows = [isinstance(element, ast.List) for element, _ in marked]
        if any(rows) and not all(rows):
            raise self.fail(
                "a list holds blocks side by side, or rows of blocks, not both",
                node.elts[rows.index(not rows[0])],
                "[[A, B], [C]] has two rows; [A, B, C] has one",
            )
        if any(rows):
            parts = tuple(self.blocks(element, depth + 1) for element, _ in marked if isinstance(element, ast.List))
        else:
            parts = tuple(self.block(element, depth + 1) for element, _ in marked)
        free = tuple(k for k, (_, mark) in enumerate(marked) if mark or all_free)
        if len(free) == 1:
            raise self.fail("one block alone has no order", node, "mark all blocks that may change places")
        return Blocks(parts, any(rows), free, span)

    def scaled(self, part: ast.expr, factor: ast.expr, span: Span, depth: int, *, invert: bool) -> Affine:
        value = float(read_number(self.source, _number(factor), self.source.span(factor)))
        if not value:
            raise self.fail("zero times a parameter holds nothing of it", factor)
        return Affine(self.block(part, depth + 1), 1 / value if invert else value, 0.0, span)

    def size(self, node: ast.expr) -> Size:
        return read_size(self.source, node)

    def axis(self, node: ast.expr) -> int:
        value = _number(node)
        if not isinstance(value, int):
            raise self.fail("an axis is a number: 0, 1, …", node)
        return value

    def subscripted(self, part: Block, parts: list[ast.expr], span: Span) -> Block:
        """`W[:n, n:]` cuts, `b[:, None]` adds an axis; one that does both cuts first."""
        pattern: list[bool] = []
        ranges: list[tuple[Size | None, Size | None]] = []
        for node in parts:
            match node:
                case ast.Constant(value=None):
                    pattern.append(True)
                case ast.Slice(lower=lower, upper=upper, step=None):
                    pattern.append(False)
                    ranges.append((lower and self.size(lower), upper and self.size(upper)))
                case _:
                    raise self.fail("a subscript cuts or adds axes: W[:n, n:], b[:, None]", node)
        if any(bound is not None for pair in ranges for bound in pair):
            part = Cut(part, tuple(ranges), span)
            return Widened(part, tuple(pattern), span) if any(pattern) else part
        return Widened(part, tuple(pattern), span)


def _dotted(node: ast.expr) -> str | None:
    """The parameter of a part, `h1.W`, or the member of a family, `W[0]`, which is called `W.0`."""
    match node:
        case ast.Attribute(value=ast.Name(id=part), attr=name) if name not in _METHODS:
            return f"{part}.{name}"
        case ast.Attribute(value=ast.Attribute() as value, attr=name) if name not in _METHODS:
            before = _dotted(value)
            return before and f"{before}.{name}"
        case ast.Subscript(value=ast.Name() | ast.Attribute() as value, slice=ast.Constant(value=int() as number)):
            before = value.id if isinstance(value, ast.Name) else _dotted(value)
            return before and f"{before}.{number}"
        case _:
            return None


def _number(node: ast.expr) -> int | float | None:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case _:
            return None


def _spread(nodes: list[ast.expr]) -> list[ast.expr]:
    """`reshape((a, b))` is `reshape(a, b)`."""
    if len(nodes) == 1 and isinstance(nodes[0], ast.Tuple | ast.List):
        return nodes[0].elts
    return nodes


def _unmarked(node: ast.expr) -> tuple[ast.expr, bool]:
    """An element of a list without its `?`; the mark in `?W.T` belongs to the whole."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
        return node.operand, True
    return node, False
