"""What a call gives to the arguments of a definition, and what a definition must be to be called."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from ..errors import Span, nearest
from .definitions import Callee
from .expressions import check_name
from .source import Source


def check_definition(source: Source, callee: Callee) -> tuple[list[ast.stmt], ast.expr]:
    """The lines of a definition that is called, and what it returns; whatever is no such definition is refused."""
    function = callee.function
    where = Span(*_place(callee))
    for decorator in function.decorator_list:
        match decorator:
            case ast.Name(id="cell") | ast.Attribute(value=ast.Name(id="symrnn"), attr="cell"):
                pass
            case _:
                mend = "remove the decorator"
                problem = "a definition takes no decorator but @symrnn.cell: its text is read, never run"
                raise source.error(problem, callee.source.span(decorator), mend=mend)
    arguments = function.args
    for odd in (*arguments.defaults, *(default for default in arguments.kw_defaults if default)):
        problem = f"an argument of `{callee.name}` has a default, and nothing is passed unseen"
        raise source.error(problem, callee.source.span(odd), mend="leave it out, and pass the value in every call")
    for odd in (arguments.vararg, arguments.kwarg, *arguments.kwonlyargs):
        if odd is not None:
            mend = "name its arguments one by one: def gate(W, x, b): …"
            raise source.error(f"`{callee.name}` takes plain arguments", callee.source.span(odd), mend=mend)
    for argument in callee.arguments:
        check_name(callee.source, argument.arg, callee.source.span(argument))
    match function.body:
        case [*body, ast.Return(value=ast.expr() as value)] if not any(isinstance(s, ast.Return) for s in body):
            return body, value
        case [*body, _] if any(isinstance(statement, ast.Return) for statement in body):
            place = next(k for k, statement in enumerate(body) if isinstance(statement, ast.Return))
            after = callee.source.span(function.body[place + 1])
            raise source.error("nothing may follow the return", after, mend="remove it or move it up")
        case _:
            mend = "end with `return` and what a call gives"
            raise source.error(f"`{callee.name}` returns nothing", where, mend=mend)


def _place(callee: Callee) -> tuple[int, int, int, int]:
    whole = callee.source.span(callee.function)
    return whole.line, whole.column, whole.line, whole.column + len("def ") + len(callee.name)


def bind(source: Source, call: ast.Call, callee: Callee, span: Span) -> tuple[str | None, Mapping[str, ast.expr]]:
    """Whose parameters a part uses, if it is said, and what each argument is given."""
    names = [argument.arg for argument in callee.arguments]
    form = f"{callee.name}({', '.join(names)})"
    given: dict[str, ast.expr] = {}
    shares: str | None = None
    for argument in call.args:
        if isinstance(argument, ast.Starred):
            raise source.error("`*` is not part of the language of cells", span, mend="write the arguments out")
    if len(call.args) > len(names):
        raise source.error(
            f"`{callee.name}` is called as {form}; {_counted(len(call.args))} given",
            span,
            mend=f"give {_counted(len(names))}",
        )
    given |= zip(names, call.args, strict=False)
    for keyword in call.keywords:
        word = keyword.arg or "**"
        if word == "params" and callee.part and word not in names:
            if not isinstance(keyword.value, ast.Name):
                mend = f"name a call before: h1 = {form}, then h2 = {callee.name}(…, params=h1)"
                raise source.error("`params` is the name of what another call gives", span, mend=mend)
            shares = keyword.value.id
            continue
        if word not in names:
            mend = nearest(word, names) or f"it is called as {form}"
            if word == "params":
                mend = "a helper's parameters are one for all calls; pass those that are not"
            raise source.error(f"`{callee.name}` has no argument `{word}`", span, mend=mend)
        if word in given:
            raise source.error(f"`{word}` is given twice", span, mend="keep one of the two")
        given[word] = keyword.value
    missing = [name for name in names if name not in given]
    if missing:
        what = " and ".join(f"`{name}`" for name in missing)
        verb = "is" if len(missing) == 1 else "are"
        mend = f"give {'it' if len(missing) == 1 else 'them'}: {form}"
        raise source.error(f"{what} of `{callee.name}` {verb} not given", span, mend=mend)
    return shares, given


def _counted(number: int) -> str:
    return f"{number} argument{'s' * (number != 1)}"
