"""The definitions of a text: which one is the cell, which ones it calls, and whether these are helpers or cells.

A helper is a formula with a name: it sees its arguments alone, and its other names are parameters of the cell, one for
all calls. A cell that is called, a part, has parameters of its own at every call.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..catalogue import read_catalogue
from ..errors import nearest
from ..operations.table import FUNCTIONS
from .idioms import FUNCTIONS_OF_OTHERS
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
    """The definitions that no other one calls. Where one alone of them is marked as a cell, or one alone takes states
    and gives as many, it is that one."""
    called = {name.id for function in functions.values() for name in called_in(function) if name.id != function.name}
    roots = [function for name, function in functions.items() if name not in called]
    for likely in (
        [function for function in roots if function.decorator_list],
        [f for f in roots if states_of(f) and len(_finals(_returned(f))) == len(states_of(f))],
    ):
        if len(likely) == 1:
            return likely
    return roots


def unused(function: ast.FunctionDef, functions: Mapping[str, ast.FunctionDef]) -> Iterator[tuple[ast.AST, str, str]]:
    """What was hardly meant: an argument of a definition that it does not read; each with its place and a mend."""
    for helper in reach(function, functions):
        if helper is not function:
            read = {node.id for node in ast.walk(helper) if isinstance(node, ast.Name)}
            for argument in arguments_of(helper):
                if argument.arg not in read:
                    mend = "use it, or take it out of the arguments and of the calls"
                    yield argument, f"nothing reads `{argument.arg}` of `{helper.name}`", mend


def uncalled(
    function: ast.FunctionDef, functions: Mapping[str, ast.FunctionDef]
) -> Iterator[tuple[ast.FunctionDef, str, str]]:
    """The definitions beside a cell that nothing calls, in a text that is the cell's alone."""
    reached = {other.name for other in reach(function, functions)}
    for name, other in functions.items():
        if name not in reached and other.args.args:
            yield other, f"nothing calls `{name}`", f"call it in `{function.name}`, or remove it: it is left out"


def reach(function: ast.FunctionDef, functions: Mapping[str, ast.FunctionDef]) -> list[ast.FunctionDef]:
    """A definition and those of its text that it calls, in the order of the text."""
    found, waiting = {function.name}, [function]
    while waiting:
        for name in called_in(waiting.pop()):
            if name.id in functions and name.id not in found:
                found.add(name.id)
                waiting.append(functions[name.id])
    return [other for name, other in functions.items() if name in found]


def check_calls(source: Source, function: ast.FunctionDef, functions: Mapping[str, ast.FunctionDef]) -> None:
    """Refuse a call of what is nearly the name of another definition, or of a cell."""
    for called in called_in(function):
        name = called.id
        if name in FUNCTIONS or name in FUNCTIONS_OF_OTHERS or name in functions or nearest(name, list(FUNCTIONS)):
            continue
        zoo = read_catalogue()
        others = [other for other in functions if other != function.name]
        if name in zoo.entries or name in zoo.aliases:
            continue
        if mend := nearest(name, others) or nearest(name, [*zoo.entries, *zoo.aliases]):
            raise source.error(f"`{name}` is not a function of the language", source.span(called), mend=mend)
