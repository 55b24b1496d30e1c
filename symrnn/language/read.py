"""From a function definition to a `Definition`: who is an input, a state, a line, an output; nothing is executed."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..errors import CellError, Span, nearest, visible
from ..operations.table import FUNCTIONS
from ..sizes import Shape, Size
from .definitions import find_roots, functions_of, reach, uncalled, unused
from .expand import expand
from .expressions import check_name, read_expression, read_size
from .idioms import EXPRESSIONS, FUNCTIONS_OF_OTHERS, STATEMENTS
from .nodes import Apply, Name, Node
from .source import Source, parse_module

_KINDS: dict[str, int] = {"scalar": 0, "vector": 1, "matrix": 2}
_AUGMENTED: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.MatMult: "matmul",
}


@dataclass(frozen=True, slots=True)
class Declared:
    """What an annotation says of a name: its rank and, where given, its sizes."""

    rank: int
    shape: Shape | None
    span: Span


@dataclass(frozen=True, slots=True)
class Line:
    """`target = node`, as written; the same target may be assigned again."""

    target: str
    node: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Returned:
    """One returned value: a name or an expression, and its place."""

    node: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Definition:
    """A cell as it was written, before shapes are known; `doubtful` is what the reader of it wonders about, each with a
    mend."""

    name: str
    doc: str
    inputs: tuple[str, ...]
    states: tuple[str, ...]
    argument_spans: tuple[Span, ...]
    declared: tuple[tuple[str, Declared], ...]
    lines: tuple[Line, ...]
    outputs: tuple[Returned, ...]
    finals: tuple[Returned, ...]
    source: Source
    span: Span
    text: str
    doubtful: tuple[tuple[Span, str, str], ...] = ()


def read_definition(source: Source, name: str | None = None) -> Definition:
    """The cell of a text, which is the one definition that no other one calls, or the one called `name`."""
    functions = functions_of(source)
    if name is not None:
        if name not in functions:
            names = list(functions)
            raise source.error(
                f"there is no function `{name}` here",
                facts=(f"found: {', '.join(names) or 'no function at all'}",),
                mend=nearest(name, names),
            )
        return _read_function(source, functions[name], functions)
    if not functions:
        raise no_function(source, "a cell is a function: def my_cell(x, h): … return h")
    found = find_roots(functions)
    if len(found) == 1:
        definition = _read_function(source, found[0], functions)
        idle = tuple((header_span(source, node), what, mend) for node, what, mend in uncalled(found[0], functions))
        return replace(definition, doubtful=definition.doubtful + idle)
    if not found:  # everybody is called: whoever begins comes back to himself
        return _read_function(source, next(iter(functions.values())), functions)
    in_file = source.where.endswith(".py")
    raise source.error(
        f"there are {len(found)} functions here: {', '.join(node.name for node in found)}",
        header_span(source, found[1]),
        mend=f"say which one: {source.where}:{found[0].name}"
        if in_file
        else f"give one, or put them into a file and say which one, such as my_cells.py:{found[0].name}",
    )


def defined_names(source: Source) -> tuple[str, ...]:
    """The functions of a text."""
    return tuple(node.name for node in parse_module(source).body if isinstance(node, ast.FunctionDef))


def no_function(source: Source, mend: str) -> CellError:
    """What a text has in place of a function, and what to make of it."""
    module = parse_module(source)
    first = module.body[0] if module.body else None
    match first:
        case ast.AsyncFunctionDef():
            mend = "write def without async: a cell is mathematics, and nothing waits"
        case ast.ClassDef():
            mend = STATEMENTS["ClassDef"] + ": def my_cell(x, h): … return h"
        case _:
            pass
    place = source.span(first) if first else None
    return source.error("there is no function definition in this text", place, mend=mend)


def _read_function(source: Source, function: ast.FunctionDef, functions: Mapping[str, ast.FunctionDef]) -> Definition:
    for decorator in function.decorator_list:
        if not _marks_a_cell(decorator):
            raise source.error(
                "a cell takes no decorator but @symrnn.cell: its text is read, never run",
                source.span(decorator),
                mend="remove the decorator",
            )
    span = header_span(source, function)
    declared: dict[str, Declared] = {}
    inputs, states, argument_spans = _read_arguments(source, function, declared)
    doc, _ = docstring_of(function)
    body = expand(source, function, functions)
    lines: list[Line] = []
    returned: ast.Return | None = None
    for statement in body:
        if returned is not None:
            raise source.error("nothing may follow the return", source.span(statement), mend="remove it or move it up")
        if isinstance(statement, ast.Return):
            returned = statement
        else:
            line = read_statement(source, statement, declared)
            lines += [line] if line else []
    if returned is None or returned.value is None:
        what = ", ".join(states) or "y"
        raise source.error(
            f"`{function.name}` returns nothing",
            source.span(returned) if returned else span,
            mend=f"end with `return {what}`: the new states in order, the first one being the output",
        )
    outputs, finals = _read_return(source, returned.value, states, inputs)
    return Definition(
        function.name,
        doc,
        inputs,
        states,
        argument_spans,
        tuple(declared.items()),
        tuple(lines),
        outputs,
        finals,
        source,
        span,
        "\n\n".join(own_text(source, other) for other in reach(function, functions)),
        tuple((source.span(node), what, mend) for node, what, mend in unused(function, functions)),
    )


def docstring_of(function: ast.FunctionDef) -> tuple[str, list[ast.stmt]]:
    """What a definition says of itself, and the statements behind that."""
    # Marks for what no page and no program can hold: controls, lone surrogates, what turns a text around.
    doc = "\n".join(map(visible, (ast.get_docstring(function) or "").split("\n")))
    match function.body:
        case [ast.Expr(value=ast.Constant()), *body]:
            return doc, body
        case body:
            return doc, body


def own_text(source: Source, function: ast.FunctionDef) -> str:
    first = min(node.lineno for node in (function, *function.decorator_list))
    return "\n".join(source.lines[first - 1 : function.end_lineno]) + "\n"


def _marks_a_cell(decorator: ast.expr) -> bool:
    """Whether a decorator is written `@cell` or `@symrnn.cell`."""
    match decorator:
        case ast.Name(id="cell") | ast.Attribute(value=ast.Name(id="symrnn"), attr="cell"):
            return True
        case _:
            return False


def header_span(source: Source, function: ast.FunctionDef) -> Span:
    whole = source.span(function)
    return Span(whole.line, whole.column, whole.line, whole.column + len("def ") + len(function.name))


def _read_arguments(
    source: Source, function: ast.FunctionDef, declared: dict[str, Declared]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Span, ...]]:
    """Arguments before a `/` are inputs and the rest are states; without one the first is the input."""
    arguments = function.args
    for odd in (arguments.vararg, arguments.kwarg, *arguments.kwonlyargs, *arguments.defaults):
        if odd is not None:
            raise source.error(
                "a cell takes plain arguments: inputs, then states",
                source.span(odd),
                mend="def cell(x, h, c): … or, with several inputs, def cell(x, k, /, h, c): …",
            )
    every = [*arguments.posonlyargs, *arguments.args]
    if not every:
        raise source.error(
            f"`{function.name}` takes no argument",
            header_span(source, function),
            mend="the first argument is the input, the others are states: def cell(x, h): …",
        )
    seen: set[str] = set()
    for argument in every:
        if argument.arg in seen:
            raise source.error(
                f"the argument `{argument.arg}` is there twice", source.span(argument), mend="rename one"
            )
        seen.add(argument.arg)
        check_name(source, argument.arg, source.span(argument))
        if argument.annotation is not None:
            declared[argument.arg] = read_annotation(source, argument.annotation)
    split = len(arguments.posonlyargs) or 1
    names = tuple(argument.arg for argument in every)
    return names[:split], names[split:], tuple(source.span(argument) for argument in every)


def read_annotation(source: Source, node: ast.expr) -> Declared:
    """`scalar`, `vector`, `matrix`, `(n,)` or `(p, n)`; quoted text means the same."""
    span = source.span(node)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        inner = Source(node.value, source.where, span.line)
        module = parse_module(inner)
        if len(module.body) == 1 and isinstance(module.body[0], ast.Expr):
            node = module.body[0].value
    if isinstance(node, ast.Name) and node.id in _KINDS:
        rank = _KINDS[node.id]
        return Declared(rank, () if rank == 0 else None, span)
    if isinstance(node, ast.Tuple) and len(node.elts) <= 2:
        return Declared(len(node.elts), tuple(_read_positive_size(source, element) for element in node.elts), span)
    if isinstance(node, ast.Tuple):
        raise source.error(
            f"an annotation has one size or two, this one has {len(node.elts)}",
            span,
            mend="a cell has scalars, vectors and matrices: write one matrix a head, (p, n) each; T and the "
            "batch are no part of a cell",
        )
    written = node.id if isinstance(node, ast.Name) else ""
    raise source.error(
        "an annotation says a shape",
        span,
        mend=nearest(written, list(_KINDS)) or "write scalar, vector, matrix, (n,) for a vector or (p, n) for a matrix",
    )


def _read_positive_size(source: Source, node: ast.expr) -> Size:
    size = read_size(source, node)
    if size.is_number and size.constant < 1:
        raise source.error("a size is at least one", source.span(node), mend="write (1,), (n,) or (n + 1,)")
    return size


def read_statement(source: Source, statement: ast.stmt, declared: dict[str, Declared]) -> Line | None:
    span = source.span(statement)
    match statement:
        case ast.Assign(targets=[ast.Name(id=target) as name], value=value):
            check_name(source, target, source.span(name))
            return Line(target, read_expression(source, value), span)
        case ast.AugAssign(target=ast.Name(id=target) as name, op=op, value=value) if type(op) in _AUGMENTED:
            check_name(source, target, source.span(name))
            node = Apply(
                _AUGMENTED[type(op)], (Name(target, source.span(name)), read_expression(source, value)), span=span
            )
            return Line(target, node, span)
        case ast.AnnAssign(target=ast.Name(id=target) as name, annotation=annotation, value=value):
            check_name(source, target, source.span(name))
            if target in declared:
                raise source.error(f"`{target}` is annotated twice", span, mend="keep one of the two")
            declared[target] = read_annotation(source, annotation)
            return Line(target, read_expression(source, value), span) if value is not None else None
        case ast.AugAssign(target=ast.Name(id=target), op=op):
            form = {"FloorDiv": "floor({} / …)", "Mod": "mod({}, …)", "Pow": "{} ** 2"}.get(type(op).__name__, "…")
            raise source.error(
                "of the short assignments there are += -= *= /= @=",
                span,
                mend=f"write {target} = {form.format(target)}",
            )
        case ast.Assign():
            raise source.error(
                "one line gives one name a value", span, mend="write one assignment a line: i = …, then f = …"
            )
        case ast.Expr(value=ast.Constant(value=str())):
            return None
        case _:
            raise source.error(
                f"a cell is a list of equations; {_statement_words(statement)} is not one",
                span,
                mend=_statement_mend(source, statement),
            )


def _statement_words(statement: ast.stmt) -> str:
    names = {"AsyncFor": "for", "AsyncWith": "with", "TryStar": "try", "ImportFrom": "import", "ClassDef": "class"}
    names |= {"FunctionDef": "def", "AsyncFunctionDef": "def", "Delete": "del"}
    kind = type(statement).__name__
    return "a bare expression" if kind == "Expr" else f"`{names.get(kind, kind.lower())}`"


def _statement_mend(source: Source, statement: ast.stmt) -> str:
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if name in FUNCTIONS_OF_OTHERS and name not in FUNCTIONS:
            return FUNCTIONS_OF_OTHERS[name]
        case ast.Expr(value=ast.Yield() | ast.YieldFrom() | ast.Await() as value):
            return EXPRESSIONS[type(value).__name__][1]
        case ast.Expr(value=ast.Compare(left=ast.Name(id=name), ops=[ast.Eq()])):
            return f"one = gives a name a value: {name} = …"
        case ast.Expr():
            return f"give it a name, `y = {source.excerpt(source.span(statement))}`, return it, or remove it"
        case _:
            usual = "write name = expression lines and one return"
            return STATEMENTS.get(type(statement).__name__, usual)


def _read_return(
    source: Source, value: ast.expr, states: tuple[str, ...], inputs: tuple[str, ...]
) -> tuple[tuple[Returned, ...], tuple[Returned, ...]]:
    """`return h, c`: the new states, the first being the output. `return y, (h, c)`: outputs apart from states."""

    def returned(node: ast.expr) -> Returned:
        if isinstance(node, ast.Tuple | ast.Starred):
            raise source.error(
                "this return is nested in a way that says nothing",
                source.span(node),
                mend="write `return h, c` (the states) or `return y, (h, c)` (outputs, then the states)",
            )
        return Returned(read_expression(source, node), source.span(node))

    def several(node: ast.expr) -> tuple[Returned, ...]:
        elements = node.elts if isinstance(node, ast.Tuple) else [node]
        return tuple(returned(element) for element in elements)

    if isinstance(value, ast.Tuple) and len(value.elts) == 2 and isinstance(value.elts[1], ast.Tuple):
        outputs, finals = several(value.elts[0]), several(value.elts[1])
        if not outputs:
            raise source.error("there is no output", source.span(value), mend="name at least one output")
    elif not states:
        outputs, finals = several(value), ()
    else:
        finals = several(value)
        outputs = finals[:1]
    _compare_states(source, value, finals, states, inputs)
    return outputs, finals


def _compare_states(
    source: Source, value: ast.expr, finals: tuple[Returned, ...], states: tuple[str, ...], inputs: tuple[str, ...]
) -> None:
    """Refuse states that are returned in another number or order than they were taken in."""
    if len(finals) != len(states):
        raise source.error(
            f"{len(finals)} new state{'s' * (len(finals) != 1)} returned, "
            f"{len(states)} taken ({', '.join(states) or 'none'})",
            source.span(value),
            mend="take `self` out of the arguments: names that are never assigned are parameters"
            if inputs[0] == "self"
            else f"return the new states in the order of the arguments: `return {', '.join(states) or 'y'}`; "
            f"for an output that is not a state, `return y, ({', '.join(states)}{',' * (len(states) == 1)})`",
        )
    given = tuple(item.node.id if isinstance(item.node, Name) else "" for item in finals)
    if given != states and sorted(given) == sorted(states):
        raise source.error(
            f"the states are taken as ({', '.join(states)}) and returned as ({', '.join(given)})",
            source.span(value),
            mend=f"return them in the same order; to make `{given[0]}` the output, "
            f"write `return {given[0]}, ({', '.join(states)})`",
        )
