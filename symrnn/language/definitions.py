"""The definitions of a text: which one is the cell, which ones it calls, and whether these are helpers or cells.

A helper is a formula with a name: it sees its arguments alone, and its other names are parameters of the cell, one for
all calls. A cell that is called, a part, has parameters of its own at every call.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..catalogue import read_catalogue
from ..errors import CellError, Span, nearest
from ..operations.table import FUNCTIONS
from .source import Source, parse_module


@dataclass(frozen=True, slots=True)
class Callee:
    """A definition that can be called: its text, the other definitions there, and whether it is a cell, whose calls
    have parameters of their own. One of the zoo is `foreign`."""

    function: ast.FunctionDef
    source: Source
    functions: Mapping[str, ast.FunctionDef]
    part: bool
    foreign: bool

    @property
    def name(self) -> str:
        return self.function.name

    @property
    def arguments(self) -> tuple[ast.arg, ...]:
        return arguments_of(self.function)


def arguments_of(function: ast.FunctionDef) -> tuple[ast.arg, ...]:
    return (*function.args.posonlyargs, *function.args.args)


def functions_of(source: Source) -> dict[str, ast.FunctionDef]:
    """The definitions of a text by name; of two of one name the last one counts, as in Python."""
    return {node.name: node for node in parse_module(source).body if isinstance(node, ast.FunctionDef)}


def find_callee(name: str, source: Source, functions: Mapping[str, ast.FunctionDef], foreign: bool) -> Callee | None:
    """What a name stands for where it is called: a definition of the text, a cell of the zoo, or neither."""
    if name in functions:
        part = foreign or _is_part(functions[name], functions)
        return Callee(functions[name], source, functions, part, foreign)
    if name in FUNCTIONS:
        return None
    zoo = read_catalogue()
    name = zoo.aliases.get(name, name)
    if name not in zoo.entries:
        return None
    page = Source(zoo.entries[name].page, f"zoo:{name}")
    own = functions_of(page)
    return Callee(own[name], page, own, True, True)


def _is_part(function: ast.FunctionDef, functions: Mapping[str, ast.FunctionDef]) -> bool:
    """Whether a definition is a cell: it is marked so, gives its states back under their names, or is called as a
    step somewhere, `h1, c1 = cell(x, h1, c1)`."""
    if function.decorator_list:
        return True
    states = states_of(function)
    if states and _finals(_returned(function)) == states:
        return True
    return bool(states) and any(_steps(node, function, states) for f in functions.values() for node in ast.walk(f))


def states_of(function: ast.FunctionDef) -> list[str]:
    """The arguments behind the inputs."""
    names = [argument.arg for argument in arguments_of(function)]
    return names[len(function.args.posonlyargs) or 1 :]


def _returned(function: ast.FunctionDef) -> ast.expr | None:
    return function.body[-1].value if isinstance(function.body[-1], ast.Return) else None


def _finals(node: ast.expr | None) -> list[str]:
    """The names of the states in `h, c` or `y, (h, c)`; no names for what is more than a name."""
    if isinstance(node, ast.Tuple) and len(node.elts) == 2 and isinstance(node.elts[1], ast.Tuple):
        node = node.elts[1]
    elements = node.elts if isinstance(node, ast.Tuple) else [node]
    return [element.id if isinstance(element, ast.Name) else "" for element in elements]


def _steps(node: ast.AST, function: ast.FunctionDef, states: list[str]) -> bool:
    """Whether a statement calls a definition as a step: the states that it takes are the names that it gives."""
    match node:
        case ast.Assign(targets=[target], value=ast.Call(func=ast.Name(id=name)) as call) if name == function.name:
            words = [argument.arg for argument in arguments_of(function)]
            given = dict(zip(words, call.args, strict=False)) | {k.arg: k.value for k in call.keywords if k.arg}
            return _finals(target) == [value.id if isinstance(value := given.get(s), ast.Name) else "-" for s in states]
        case _:
            return False


def called_in(function: ast.FunctionDef) -> Iterator[ast.Name]:
    """Whatever a definition calls by name."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func


def find_roots(functions: Mapping[str, ast.FunctionDef]) -> list[ast.FunctionDef]:
    """The definitions that no other one calls; where one alone of them is marked as a cell, that one."""
    called = {
        name.id for function in functions.values() for name in called_in(function) if name.id != function.name
    }  # fmt: skip
    roots = [function for name, function in functions.items() if name not in called]
    marked = [function for function in roots if function.decorator_list]
    return marked if len(marked) == 1 else roots


def reach(function: ast.FunctionDef, functions: Mapping[str, ast.FunctionDef]) -> list[ast.FunctionDef]:
    """A definition and those of its text that it calls, in the order of the text."""
    found, waiting = {function.name}, [function]
    while waiting:
        for name in called_in(waiting.pop()):
            if name.id in functions and name.id not in found:
                found.add(name.id)
                waiting.append(functions[name.id])
    return [other for name, other in functions.items() if name in found]


def unknown_function(source: Source, name: str, span: Span, known: list[str], mend: str) -> CellError:
    """What is called and is neither a function of the language, nor of the text, nor a cell."""
    return source.error(f"`{name}` is not a function of the language", span, mend=nearest(name, known) or mend)
