"""Definitions within a definition, written out: every call of a helper or a part becomes its lines, every loop its
rounds, so that whoever reads the lines later sees a cell as if written by hand; nothing is executed.

A value of a helper gets a name that nothing else has; what a part speaks of bears the name of the call's first target,
`h1.W_i`. Every node keeps the place where it was written, and knows by which call it came here.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from ..errors import Called, CellError, Span
from ..operations.table import FUNCTIONS
from .binding import bind, check_definition
from .definitions import Callee, called_in, find_callee
from .expressions import DEEPEST
from .families import settle_families
from .loops import check_counters, read_rounds
from .source import Source

N = TypeVar("N", bound=ast.AST)

_MOST_LINES = 1000
_MOST_NODES = 100_000
_DEPTH_OF_A_CALL = 8  # one costs more of Python's stack than a sign does
# Sizes of a call that nobody has named yet; the solver's own count from 1.
_FIRST_SIZE = 1_000_000


@dataclass(slots=True)
class _Frame:
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
    above: _Frame | None = None
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


def expand(source: Source, function: ast.FunctionDef, functions: Mapping[str, ast.FunctionDef]) -> list[ast.stmt]:
    """The statements of a definition with all calls and loops written out; those of one that has none as they are."""
    body = function.body
    within = (node for statement in body for node in ast.walk(statement))
    calls = (name.id for name in called_in(function))
    if not any(isinstance(node, ast.For) for node in within) and not any(
        find_callee(name, source, functions, False) for name in calls
    ):
        return body
    return _Expander(source, function, functions).run()


class _Expander:
    """The lines that were written out so far."""

    def __init__(self, source: Source, function: ast.FunctionDef, functions: Mapping[str, ast.FunctionDef]) -> None:
        self.source, self.function = source, function
        self.out: list[ast.stmt] = []
        self.annotations: dict[str, ast.stmt] = {}
        self.bearers: dict[str, str] = {}
        self.lines = self.nodes = self.depth = self.marks = self.sizes = 0
        callee = Callee(function, source, functions, True, False)
        names = frozenset(argument.arg for argument in callee.arguments) | _assigned(function)
        self.root = _Frame(callee, values=names)
        self.said = {argument.arg for argument in callee.arguments if argument.annotation is not None}
        self.said |= {
            node.target.id
            for node in ast.walk(function)
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }

    def run(self) -> list[ast.stmt]:
        check_counters(self.source, self.function)
        for statement in self.function.body:
            self._statement(statement, self.root)
        statements = [*self.annotations.values(), *self.out]
        arguments = [argument.arg for argument in self.root.callee.arguments]
        _number(statements, arguments)
        return settle_families(self.source, statements, {*arguments, *self.said})

    # Statements ---------------------------------------------------------------------------------------------

    def _statement(self, statement: ast.stmt, frame: _Frame) -> None:
        self._count(statement, frame)
        match statement:
            case ast.For(target=ast.Name(id=counter)):
                loop = _moved(ast.For(statement.target, self._expression(statement.iter, frame), statement.body, statement.orelse), frame.span(statement))
                assert isinstance(loop, ast.For)
                for k in read_rounds(self.source, loop, "cell"):
                    frame.counters[counter] = k
                    for inner in statement.body:
                        self._statement(inner, frame)
                frame.counters.pop(counter, None)
            case ast.For():
                read_rounds(self.source, _moved(statement, frame.span(statement)), "cell")  # type: ignore[arg-type]
            case ast.Assign(targets=[target], value=ast.Call(func=ast.Name(id=name)) as call) if callee := self._find(
                name, frame
            ):
                self._assign_call(target, call, callee, frame)
            case ast.Assign(targets=[ast.Name() as target], value=value):
                self._emit(self._target(target, frame), self._expression(value, frame), frame.span(statement))
                self._set(target.id, frame)
            case ast.AugAssign(target=ast.Name() as target, op=op, value=value) if frame is not self.root:
                read = self._expression(ast.copy_location(ast.Name(target.id, ast.Load()), target), frame)
                whole = _moved(ast.BinOp(read, op, self._expression(value, frame)), frame.span(statement))
                self._emit(self._target(target, frame), whole, frame.span(statement))
                self._set(target.id, frame)
            case ast.AugAssign(target=ast.Name() as target, op=op, value=value):
                given = ast.AugAssign(target, op, self._expression(value, frame))
                self.out.append(_moved(given, frame.span(statement)))
            case ast.AnnAssign():
                self._annotated(statement, frame)
            case ast.Return(value=ast.expr() as value) if frame is self.root:
                self.out.append(_moved(ast.Return(self._returned(value, frame)), frame.span(statement)))
            case ast.Expr(value=ast.Constant(value=str())):
                pass
            case _:
                self.out.append(_moved(statement, frame.span(statement)))

    def _annotated(self, statement: ast.AnnAssign, frame: _Frame) -> None:
        said, span = self._annotation(statement.annotation, frame), frame.span(statement)
        match statement.target:
            case ast.Name(id=name) as target:
                known = name in frame.values
                place = self._target(target, frame) if known else _named(frame.bearer + name, frame.span(target))
            case ast.Subscript() as target:  # one member of a family
                place = self._expression(target, frame)
            case _:
                self.out.append(statement)
                return
        value = None if statement.value is None else self._expression(statement.value, frame)
        given = _moved(ast.AnnAssign(place, said, value, int(isinstance(place, ast.Name))), span)
        if value is None and frame is not self.root:
            self.annotations.setdefault(ast.dump(place), given)
            return
        self.out.append(given)
        if value is not None and isinstance(statement.target, ast.Name):
            self._set(statement.target.id, frame)

    def _emit(self, target: ast.expr, value: ast.expr, span: Span) -> None:
        self.out.append(_moved(ast.Assign([target], value), span))

    def _target(self, target: ast.Name, frame: _Frame) -> ast.expr:
        return _named(frame.local(target.id), frame.span(target), ast.Store())

    def _set(self, name: str, frame: _Frame) -> None:
        """From here on the name of an argument is the value that it was given."""
        frame.names[name] = _named(frame.local(name), frame.span(frame.callee.function))

    # Calls --------------------------------------------------------------------------------------------------

    def _find(self, name: str, frame: _Frame) -> Callee | None:
        callee = find_callee(name, frame.callee.source, frame.callee.functions, frame.callee.foreign)
        if callee is not None and name in FUNCTIONS:
            mend = f"rename the definition in line {self.source.span(callee.function).line}, say `{name}_1`"
            place = callee.source.span(callee.function)
            raise self.source.error(f"`{name}` is a function of the language and is defined here again", place, mend=mend)
        return callee

    def _assign_call(self, target: ast.expr, call: ast.Call, callee: Callee, frame: _Frame) -> None:
        first, count = _first_name(target), len(self.out)
        if first is None:
            raise self._refused("what a call gives gets names", target, frame, "write h1, c1 = lstm(x, h1, c1)")
        inner, value = self._open(call, callee, frame, first)
        pairs = list(self._pairs(target, self._returned(value, inner), callee, frame))
        names = [name.id for name, _ in pairs]
        for place, (name, _) in enumerate(pairs):
            if name.id in names[:place]:
                raise self._refused(f"`{name.id}` is there twice", name, frame, "give each value a name of its own")
        self._give([(self._target(name, frame), given) for name, given in pairs], count, inner)
        for name in names:
            if frame is not self.root:
                self._set(name, frame)

    def _open(
        self, call: ast.Call, callee: Callee, frame: _Frame, target: ast.Name | None
    ) -> tuple[_Frame, ast.expr]:
        """Write the lines of a call out; its frame, and what it returns."""
        self._count(call, frame)
        self._check_chain(call, callee, frame)
        body, value = check_definition(self.source, callee)
        shares, given = bind(self.source, call, callee, frame.span(call))
        self.marks += 1
        inner = _Frame(
            callee,
            called=(callee.name, frame.span(call)),
            values=frozenset(argument.arg for argument in callee.arguments) | _assigned(callee.function),
            above=frame,
            mark=f"?{self.marks}?{callee.name}",
        )
        if callee.part:
            self._bear(call, callee, frame, inner, target, shares)
        else:
            inner.prefix, inner.bearer = frame.prefix, frame.bearer
            inner.hidden = {**frame.hidden, **dict.fromkeys(frame.values, frame.callee.name)}
            named = {n.id for a in callee.arguments if a.annotation for n in _size_names(a.annotation)}
            inner.sizes = {name: self._fresh_size() for name in sorted(named)}
        self.depth += _DEPTH_OF_A_CALL
        self._arguments(given, inner, frame)
        check_counters(self.source, callee.function)
        for statement in body:
            self._statement(statement, inner)
        self.depth -= _DEPTH_OF_A_CALL
        return inner, value

    def _check_chain(self, call: ast.Call, callee: Callee, frame: _Frame) -> None:
        if callee.name in frame.chain:
            others = [f"`{name}`" for name in frame.chain[frame.chain.index(callee.name) :]]
            problem = f"{others[0]} calls itself" if len(others) == 1 else f"{' and '.join(others)} call each other"
            raise self._refused(problem, call, frame, "a cell has no recursion: write the steps as lines, or as a loop")
        if self.depth > DEEPEST:
            raise self._refused("definitions call each other too deeply", call, frame, "write some of them out")

    def _bear(
        self, call: ast.Call, callee: Callee, frame: _Frame, inner: _Frame, target: ast.Name | None, shares: str | None
    ) -> None:
        """Whose name the parameters of a part have."""
        if target is None:
            form = f"h1 = {callee.name}({', '.join(a.arg for a in callee.arguments)})"
            raise self._refused(
                f"`{callee.name}` is a cell, and its parameters bear the name of what it gives",
                call, frame, f"give it a line of its own, such as {form}; a helper returns one value",
            )  # fmt: skip
        prefix = f"{frame.prefix}{target.id}{frame.mark}."
        bearer = f"{frame.bearer}{shares or target.id}."
        known = self.bearers.get(bearer)
        if shares is None and known is not None:
            raise self._refused(
                f"`{target.id}` has the parameters of another call already",
                call, frame,
                f"give it a name of its own, or say that they are shared: {callee.name}(…, params={target.id})",
            )  # fmt: skip
        if shares not in (None, target.id) and known is None:
            mend = f"name one: h1 = {callee.name}(…), then h2 = {callee.name}(…, params=h1)"
            raise self._refused(f"`{shares}` is not the result of a cell before this line", call, frame, mend)
        if known not in (None, callee.name):
            mend = f"leave params= out, or call {known}"
            raise self._refused(
                f"`{shares}` runs {known} and this call {callee.name}; parameters are of one cell", call, frame, mend
            )
        self.bearers[bearer] = callee.name
        inner.prefix, inner.bearer, inner.mark, inner.sizes = prefix, bearer, "", {}

    def _arguments(self, given: Mapping[str, ast.expr], inner: _Frame, frame: _Frame) -> None:
        """A name and a number stand where the argument does, and so does what is read once; else it gets a line."""
        function = inner.callee.function
        assigned = _assigned(function)
        inner.names = {name: _named(inner.local(name), inner.span(function)) for name in assigned}
        for argument in inner.callee.arguments:
            name, value = argument.arg, self._expression(given[argument.arg], frame)
            said = argument.annotation and self._annotation(argument.annotation, inner)
            constant = isinstance(value, ast.Constant | ast.UnaryOp) and not _names_in(value)
            if constant or isinstance(value, ast.Name) or (said is None and _reads(function, name) == 1):
                inner.names[name] = value
                root = isinstance(value, ast.Name) and value.id in {a.arg for a in self.root.callee.arguments}
                if said is not None and root and isinstance(value, ast.Name) and value.id not in self.said | _assigned(self.function):
                    self.said.add(value.id)
                    self.annotations[value.id] = _moved(ast.AnnAssign(value, said, None, 1), inner.span(argument))
                continue
            target = _named(inner.local(name), inner.span(argument))
            line = ast.Assign([target], value) if said is None else ast.AnnAssign(target, said, value, 1)
            self.out.append(_moved(line, frame.span(given[name])))
            inner.names[name] = target

    def _returned(self, value: ast.expr, frame: _Frame) -> ast.expr:
        """What is returned, tuples within tuples."""
        if isinstance(value, ast.Tuple):
            return _moved(ast.Tuple([self._returned(item, frame) for item in value.elts], value.ctx), frame.span(value))
        return self._expression(value, frame, several=True)

    def _pairs(
        self, target: ast.expr, value: ast.expr, callee: Callee, frame: _Frame
    ) -> Iterator[tuple[ast.Name, ast.expr]]:
        """Each name on the left with what it gets."""
        match target, value:
            case ast.Name(), given if not isinstance(given, ast.Tuple):
                yield target, given
            case ast.Tuple(elts=names), ast.Tuple(elts=values) if len(names) == len(values):
                for name, given in zip(names, values, strict=True):
                    yield from self._pairs(name, given, callee, frame)
            case _:
                form = ast.unparse(callee.function.body[-1]).removeprefix("return ").strip("()")
                raise self._refused(
                    f"`{callee.name}` does not give what stands on the left",
                    target, frame, f"it returns {form}: write as many names, {form} = {callee.name}(…)",
                )  # fmt: skip

    def _give(self, pairs: list[tuple[ast.expr, ast.expr]], start: int, inner: _Frame) -> None:
        """Give the targets their values: where nothing reads the target's former value later, the line that makes a
        value bears the target's name at once."""
        named: list[tuple[ast.expr, str]] = []
        for target, value in pairs:
            made = {t for line in self.out[start:] for t in _targets(line)} - {name for _, name in named}
            if not (isinstance(value, ast.Name) and value.id in made):
                span = self.source.span(value)
                self.marks += 1
                name = f"{inner.prefix}{_id(target)}?{self.marks}"
                self._emit(_named(name, span, ast.Store()), value, span)
                value = _named(name, span)
            assert isinstance(value, ast.Name)
            named.append((target, value.id))
        for target, name in named:
            place = max(k for k, line in enumerate(self.out) if name in _targets(line))
            later = self.out[place + 1 :]
            new = _id(target)
            taken = any(new in _names_in(line) for line in later)
            if taken or isinstance(self.out[place], ast.AnnAssign):
                self._emit(target, _named(name, self.source.span(target)), self.source.span(target))
                continue
            for node in ast.walk(self.out[place].targets[0]):  # type: ignore[attr-defined]
                node.id = new
            for line in later:
                for node in ast.walk(line):
                    if isinstance(node, ast.Name) and node.id == name:
                        node.id = new

    # Expressions --------------------------------------------------------------------------------------------

    def _expression(self, node: ast.expr, frame: _Frame, several: bool = False) -> ast.expr:
        """The tree with every name as it is called in the end, and every call replaced by what it gives."""
        self.depth += 1
        self._measure(node, frame)
        match node:
            case ast.Name(id=name):
                made = self._name(name, node, frame)
            case ast.Call(func=ast.Name(id=name)) if callee := self._find(name, frame):
                inner, value = self._open(node, callee, frame, None)
                made = self._returned(value, inner)
                if isinstance(made, ast.Tuple) and not several:
                    what = f"`{callee.name}` gives {len(made.elts)} values, and one is wanted here"
                    raise self._refused(what, node, frame, f"give them names: a, b = {callee.name}(…)")
            case ast.Subscript(value=value, slice=bounds):
                made = ast.Subscript(self._expression(value, frame), self._bounds(bounds, frame), node.ctx)
                made.counted = any(n.id in frame.counters for n in _leaves(bounds))  # type: ignore[attr-defined]
                made = _moved(made, frame.span(node))
            case ast.Call(func=ast.Name() as function):
                made = self._copied(ast.Call(ast.Constant(0), node.args, node.keywords), frame, frame.span(node))
                assert isinstance(made, ast.Call)
                made.func = _moved(ast.Name(function.id, ast.Load()), frame.span(function))
            case _:
                made = self._copied(node, frame, frame.span(node))
        self.depth -= 1
        return made

    def _copied(self, node: ast.expr, frame: _Frame, span: Span) -> ast.expr:
        fields: dict[str, object] = {}
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                value = [self._child(item, frame) for item in value]  # pyright: ignore[reportUnknownVariableType]
            elif isinstance(value, ast.expr):
                value = self._expression(value, frame)
            fields[name] = value
        return _moved(type(node)(**fields), span)

    def _child(self, item: ast.AST, frame: _Frame) -> ast.AST:
        match item:
            case ast.keyword(value=value):
                return _moved(ast.keyword(item.arg, self._expression(value, frame)), frame.span(item))
            case ast.expr():
                return self._expression(item, frame)
            case _:
                return item

    def _name(self, name: str, node: ast.Name, frame: _Frame) -> ast.expr:
        span = frame.span(node)
        if name in frame.counters:
            return _moved(ast.Constant(frame.counters[name]), span)
        if name in frame.names:
            given = frame.names[name]
            return _named(given.id, span) if isinstance(given, ast.Name) else given
        if name in frame.hidden and not frame.callee.part:
            own = ", ".join(argument.arg for argument in frame.callee.arguments)
            raise self.source.error(
                f"`{name}` is a value of `{frame.hidden[name]}`, and `{frame.callee.name}` sees its arguments alone",
                span,
                mend=f"pass it: def {frame.callee.name}({own}, {name}), and {frame.callee.name}(…, {name})",
            )
        return _named(name if frame is self.root else frame.bearer + name, span)

    def _bounds(self, node: ast.expr, frame: _Frame) -> ast.expr:
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
                return _named(self._size(name, frame), span)
            case ast.Slice(lower=lower, upper=upper, step=step):
                parts = [part and self._bounds(part, frame) for part in (lower, upper, step)]
                return _moved(ast.Slice(*parts), span)
            case ast.Tuple(elts=elements):
                return _moved(ast.Tuple([self._bounds(item, frame) for item in elements], node.ctx), span)
            case ast.UnaryOp(op=op, operand=operand):
                return _moved(ast.UnaryOp(op, self._bounds(operand, frame)), span)
            case ast.BinOp(left=left, op=op, right=right):
                return _moved(ast.BinOp(self._bounds(left, frame), op, self._bounds(right, frame)), span)
            case _:
                return node

    # Sizes --------------------------------------------------------------------------------------------------

    def _annotation(self, node: ast.expr, frame: _Frame) -> ast.expr:
        """An annotation in which the sizes of a part are its own at every call, as they are for a helper's arguments."""
        if frame is self.root:
            return node
        said = copy.deepcopy(node)
        for part in ast.walk(said):
            _moved(part, frame.span(part))
        for name in _size_names(said):
            name.id = self._size(name.id, frame)
        return said

    def _size(self, name: str, frame: _Frame) -> str:
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

    def _count(self, node: ast.AST, frame: _Frame) -> None:
        self.lines += 1
        if self.lines > _MOST_LINES:
            mend = "make the loops shorter, or call less"
            problem = f"a cell has at most {_MOST_LINES:,} lines, those of calls and loops counted every time"
            raise self._refused(problem, node, frame, mend)

    def _measure(self, node: ast.expr, frame: _Frame) -> None:
        self.nodes += 1
        if self.depth > DEEPEST:
            mend = "give its parts names, one line each"
            raise self._refused(f"this expression is nested more than {DEEPEST} deep", node, frame, mend)
        if self.nodes > _MOST_NODES:
            raise self._refused(
                f"a cell has at most {_MOST_NODES:,} names and signs, those of calls and loops counted every time",
                node, frame, "make the loops shorter, or call less",
            )  # fmt: skip

    def _refused(self, problem: str, node: ast.AST, frame: _Frame, mend: str) -> CellError:
        return self.source.error(problem, frame.span(node), mend=mend)


# Trees --------------------------------------------------------------------------------------------------------


def _moved(node: N, span: Span) -> N:
    """The node with its place."""
    node.place = span  # type: ignore[attr-defined]
    return node


def _named(name: str, span: Span, context: ast.expr_context | None = None) -> ast.Name:
    return _moved(ast.Name(name, context or ast.Load()), span)


def _id(target: ast.expr) -> str:
    assert isinstance(target, ast.Name)
    return target.id


def _leaves(node: ast.AST) -> Iterator[ast.Name]:
    return (leaf for leaf in ast.walk(node) if isinstance(leaf, ast.Name))


def _names_in(node: ast.AST) -> set[str]:
    """The names that a line or an expression reads."""
    return {leaf.id for leaf in _leaves(node) if isinstance(leaf.ctx, ast.Load)}


def _targets(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return [name]
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()) | ast.AugAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def _assigned(function: ast.FunctionDef) -> frozenset[str]:
    """The names that a definition gives values."""
    counters = {id(loop.target) for loop in ast.walk(function) if isinstance(loop, ast.For)}
    bare = {id(n.target) for n in ast.walk(function) if isinstance(n, ast.AnnAssign) and n.value is None}
    return frozenset(
        leaf.id for leaf in _leaves(function) if isinstance(leaf.ctx, ast.Store) and id(leaf) not in counters | bare
    )


def _reads(function: ast.FunctionDef, name: str) -> int:
    """How often a definition reads a name, that is at most once or more; a loop may read it again and again."""
    looped = any(name in _names_in(loop) for loop in ast.walk(function) if isinstance(loop, ast.For))
    return 2 if looped else sum(leaf.id == name and isinstance(leaf.ctx, ast.Load) for leaf in _leaves(function))


def _size_names(annotation: ast.expr) -> list[ast.Name]:
    """The sizes that an annotation speaks of."""
    if isinstance(annotation, ast.Name):
        return []
    functions = {id(node.func) for node in ast.walk(annotation) if isinstance(node, ast.Call)}
    return [leaf for leaf in _leaves(annotation) if id(leaf) not in functions]


def _first_name(target: ast.expr) -> ast.Name | None:
    """The first of the names on the left of a call; None where there is anything else."""
    match target:
        case ast.Name():
            return target
        case ast.Tuple(elts=[first, *others]) if all(_first_name(other) for other in others):
            return _first_name(first)
        case _:
            return None


def _number(statements: list[ast.stmt], arguments: Iterable[str]) -> None:
    """Give what bears a mark, `u?3?ln`, a name that nothing else has: u, else u_ln, else one of these with a number."""
    names = [leaf for statement in statements for leaf in _leaves(statement)]
    written = frozenset({leaf.id for leaf in names if "?" not in leaf.id[1:]} | {*arguments})
    taken, final = set(written), dict[str, str]()

    def settled(marked: str) -> str:
        before, dot, last = marked.rpartition(".")
        own, *marks = last.split("?")
        wish = (settled(before) if "?" in before else before) + dot + own
        if not marks:
            return wish
        if marked not in final:
            wish = f"{wish}_{marks[1]}" if wish in written and marks[1:] else wish
            name, k = wish, 1
            while name in taken:
                k += 1
                name = f"{wish}_{k}"
            taken.add(name)
            final[marked] = name
        return final[marked]

    for leaf in names:
        if "?" in leaf.id[1:]:
            leaf.id = settled(leaf.id)
