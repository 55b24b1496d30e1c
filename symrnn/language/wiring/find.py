"""Which definition of a text is its network."""

from __future__ import annotations

import ast

from ...errors import CellError
from ..read import header_span, no_function
from ..source import Source, parse_module


def is_network(function: ast.FunctionDef) -> bool:
    """Whether a definition scans, or stands under `@network`."""
    return any(marks_a_network(decorator) for decorator in function.decorator_list) or any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "scan"
        for node in ast.walk(function)
    )


def marks_a_network(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Name(id="network") | ast.Attribute(value=ast.Name(id="symrnn"), attr="network"):
            return True
        case _:
            return False


def find_network(source: Source, name: str | None = None, *, asked: bool = False) -> ast.FunctionDef | None:
    """The network of a text: the one called `name`, or the one that no other definition calls; None where the text has
    cells alone. If `asked` for a network, a lone definition is one whatever it holds."""
    found = [node for node in parse_module(source).body if isinstance(node, ast.FunctionDef)]
    if name is not None:
        chosen = [node for node in found if node.name == name]
        return chosen[-1] if chosen and (asked or is_network(chosen[-1])) else None
    every = [function for function in found if is_network(function)]
    names = {function.name for function in every}
    for function in found:
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load):
                itself = node.id == function.name
                raise source.error(
                    f"`{node.id}` is a network, and {'it names itself' if itself else 'a network holds cells alone'}",
                    source.span(node),
                    mend="scan the cells that it is made of: a definition without scan is a cell",
                )
    if not every and asked:
        if len(found) == 1:
            return found[0]
        raise _no_network(source, found)
    if len(every) > 1:
        where = source.where if source.where.endswith(".py") else "my_networks.py"
        raise source.error(
            f"there are {len(every)} networks here: {', '.join(function.name for function in every)}",
            header_span(source, every[1]),
            mend=f"say which one: {where}:{every[0].name}",
        )
    return every[0] if every else None


def refuse_network(source: Source, name: str | None = None) -> None:
    """Say so where a cell is asked for and a text holds a network."""
    function = find_network(source, name)
    if function is not None:
        raise source.error(
            f"`{function.name}` is a network, and a cell is asked for here",
            header_span(source, function),
            mend="symrnn.network(…) reads it; symrnn.derive, the commands and the like take either",
        )


def _no_network(source: Source, found: list[ast.FunctionDef]) -> CellError:
    """What a text has in place of a network."""
    if not found:
        return no_function(source, "a network is a function that scans: def net(x): h = scan(lstm, x); return h")
    names = {function.name for function in found}
    calls = [node for function in found for node in ast.walk(function) if isinstance(node, ast.Call)]
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id in names:
            mend = f"a cell is run over time by h = scan({call.func.id}, x)"
            return source.error(f"`{call.func.id}` is a cell, and is called", source.span(call.func), mend=mend)
    return source.error(
        f"there is no network among {', '.join(function.name for function in found)}",
        header_span(source, found[-1]),
        mend="a network is a function that scans, h = scan(lstm, x), or stands under @network",
    )
