"""What a network is given: sequences, contexts, tokens, constants, lengths, as the annotations of its arguments say."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from ...errors import CellError, Span, nearest
from ...sizes import Size
from ..expressions import check_name
from ..read import Declared, header_span, read_annotation
from ..source import Source, parse_module
from .items import EACH, FIXED, STEPS, WORDS, Argument, Given, has_steps

_WORDS = ("scalar", "vector", "matrix", "integer", "context", "over", "constant", "lengths", "mask")
_MEND = (
    "a sequence is (m,), vector, scalar, integer or integer(K); another axis is over(S), over(S, m) or "
    "over(S, integer); one value a sequence is context(n) or context(integer); fixed values are constant(n, n); "
    "further there are lengths, lengths(S), mask and mask(S)"
)


def read_arguments(source: Source, function: ast.FunctionDef) -> tuple[Argument, ...]:
    """The arguments in their order; one without an annotation is a sequence over t."""
    arguments = function.args
    for odd in (arguments.vararg, arguments.kwarg, *arguments.kwonlyargs, *arguments.defaults):
        if odd is not None:
            raise source.error("a network takes plain arguments", source.span(odd), mend="def network(ids, targets): …")
    every = [*arguments.posonlyargs, *arguments.args]
    if not every:
        raise source.error(
            f"`{function.name}` takes no argument", header_span(source, function), mend="def network(x, targets): …"
        )
    found: dict[str, Argument] = {}
    for argument in every:
        name, span = argument.arg, source.span(argument)
        check_name(source, name, span)
        check_word(source, name, span)
        if name in found:
            raise source.error(f"the argument `{name}` is there twice", span, mend="rename one")
        said = _read(source, argument.annotation)
        found[name] = Argument(name, said.given, said.axis, said.declared, span, said.classes)
    _check_lengths(source, list(found.values()))
    return tuple(found.values())


def check_word(source: Source, name: str, span: Span) -> None:
    """Refuse a value that is called as what networks are made of."""
    if name in WORDS:
        mend = f"rename it, say `{name}_1`"
        raise source.error(f"`{name}` is a word of networks and cannot name a value", span, mend=mend)


def _check_lengths(source: Source, arguments: list[Argument]) -> None:
    """Lengths are of an axis that something lies on, and once."""
    axes = list(dict.fromkeys(a.axis for a in arguments if a.given not in ("lengths", "mask") and has_steps(a.axis)))
    measured: set[str] = set()
    for argument in arguments:
        if argument.given not in ("lengths", "mask"):
            continue
        lies = [a.axis for a in arguments if a.given not in ("lengths", "mask")]
        if argument.axis not in lies:
            given = "lengths" if argument.given == "lengths" else "a mask"
            raise source.error(
                f"`{argument.name}` is {given} over {argument.axis}, and no argument has steps over {argument.axis}",
                argument.span,
                facts=(f"there are steps over {', '.join(axes) or 'nothing'}",),
                mend=f"say of which axis: {argument.given}({(axes or ['S'])[0]})",
            )
        if argument.given == "lengths" and argument.axis in measured:
            raise source.error(
                f"`{argument.name}`: there are lengths over {argument.axis} already",
                argument.span,
                mend="keep one of the two",
            )
        if argument.given == "lengths":
            measured.add(argument.axis)


def unquoted(source: Source, node: ast.expr | None) -> ast.expr | None:
    """What an annotation in quotes says."""
    match node:
        case ast.Constant(value=str() as text):
            module = parse_module(Source(text, source.where, source.span(node).line))
            match module.body:
                case [ast.Expr(value=value)] if not isinstance(value, ast.Constant):
                    for part in ast.walk(value):  # its places are those of the whole
                        ast.copy_location(part, node)
                    return value
                case _:
                    return node
        case _:
            return node


def whole_numbers(source: Source, arguments: tuple[Argument, ...], function: ast.FunctionDef) -> tuple[Argument, ...]:
    """The arguments, among them as whole numbers those that say nothing of themselves and are read as classes alone:
    the ids in embed(E, ids), the targets in cross_entropy(z, targets)."""
    read: dict[str, int] = {}
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Name(id="embed" | "cross_entropy"), args=[_, ast.Name(id=name)]):
                read[name] = read.get(name, 0) + 1
            case ast.Call(func=ast.Name(id="one_hot"), args=[ast.Name(id=name)]):
                read[name] = read.get(name, 0) + 1
            case _:
                pass
    every = [node.id for node in ast.walk(function) if isinstance(node, ast.Name)]
    silent = {
        argument.arg for argument in ast.walk(function) if isinstance(argument, ast.arg) and not argument.annotation
    }
    return tuple(
        replace(argument, given="integer", declared=Declared(0, (), argument.span))
        if argument.name in silent and every.count(argument.name) == read.get(argument.name, 0) > 0
        else argument
        for argument in arguments
    )


@dataclass(frozen=True, slots=True)
class _Said:
    given: Given = "value"
    axis: str = STEPS
    declared: Declared | None = None
    classes: Size | None = None


def _read(source: Source, node: ast.expr | None) -> _Said:
    node = unquoted(source, node)
    match node:
        case None:
            return _Said()
        case ast.Name(id="integer") | ast.Call(func=ast.Name(id="integer"), args=[_], keywords=[]):
            return _whole(source, node, STEPS)
        case ast.Name(id="lengths" | "mask" as given):
            return _Said(given, STEPS, _number(source, node))
        case ast.Call(func=ast.Name(id="lengths" | "mask" as given), args=[ast.Name(id=axis)], keywords=[]):
            return _Said(given, axis, _number(source, node))
        case ast.Name(id="context"):
            return _Said("value", EACH)
        case ast.Call(func=ast.Name(id="context"), args=sizes, keywords=[]):
            return _shaped(source, node, EACH, sizes)
        case ast.Call(func=ast.Name(id="over"), args=[ast.Name(id=axis), *sizes], keywords=[]) if axis != EACH:
            return _shaped(source, node, axis, sizes)
        case ast.Call(func=ast.Name(id="constant"), args=sizes, keywords=[]) if not _is_integer(sizes):
            said = _shaped(source, node, FIXED, sizes)
            return _Said("constant", FIXED, said.declared)
        case ast.Name(id="scalar" | "vector" | "matrix") | ast.Tuple():
            return _Said("value", STEPS, read_annotation(source, node))
        case ast.Name(id=word) | ast.Call(func=ast.Name(id=word)) if word not in _WORDS:
            mend = {"int": "did you mean `integer`?"}.get(word) or nearest(word, list(_WORDS)) or _MEND
            raise source.error(f"`{word}` says nothing of an argument", source.span(node), mend=mend)
        case _:
            raise _refused(source, node)


def _shaped(source: Source, call: ast.Call, axis: str, sizes: list[ast.expr]) -> _Said:
    """The shape within `context(n)`, `over(S, n, m)`, `context(integer)`."""
    match sizes:
        case []:
            return _Said("value", axis)
        case [ast.Name(id="integer") | ast.Call(func=ast.Name(id="integer"), args=[_], keywords=[]) as whole]:
            return _whole(source, whole, axis)
        case [ast.Name(id="scalar" | "vector" | "matrix") as kind]:
            return _Said("value", axis, read_annotation(source, kind))
        case _:
            shape = ast.copy_location(ast.Tuple(sizes, ast.Load()), call)
            return _Said("value", axis, read_annotation(source, shape))


def _is_integer(sizes: list[ast.expr]) -> bool:
    return any(isinstance(size, ast.Name) and size.id == "integer" for size in sizes)


def _whole(source: Source, node: ast.expr, axis: str) -> _Said:
    """`integer`, or `integer(K)` for one of K classes."""
    classes = None
    if isinstance(node, ast.Call):
        shape = read_annotation(source, ast.copy_location(ast.Tuple(node.args, ast.Load()), node)).shape
        classes = shape[0] if shape else None
    return _Said("integer", axis, _number(source, node), classes)


def _number(source: Source, node: ast.expr) -> Declared:
    return Declared(0, (), source.span(node))


def _refused(source: Source, node: ast.expr) -> CellError:
    return source.error("an annotation says what an argument is", source.span(node), mend=_MEND)
