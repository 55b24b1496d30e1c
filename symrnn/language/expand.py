"""Definitions within a definition, written out: every call of a helper or a part becomes its lines, every loop its
rounds, so that whoever reads the lines later sees a cell as if written by hand; nothing is executed.

A value of a helper gets a name that nothing else has; what a part speaks of bears the name of the call's first target,
`h1.W_i`. Every node keeps the place where it was written, and knows by which call it came here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from ..errors import Span
from .binding import bind, check_definition
from .definitions import Callee, called_in, check_calls, find_callee
from .expressions import DEEPEST
from .families import settle_families
from .frames import Frame
from .loops import check_counters, read_rounds
from .source import Source
from .substitute import Substituting
from .trees import (
    assigned_in,
    count_reads,
    first_name,
    id_of,
    leaves,
    name_at,
    names_in,
    placed,
    settle_names,
    size_names,
    targets_of,
)

_DEPTH_OF_A_CALL = 8  # one costs more of Python's stack than a sign does


def expand(source: Source, function: ast.FunctionDef, functions: Mapping[str, ast.FunctionDef]) -> list[ast.stmt]:
    """The statements of a definition with all calls and loops written out; those of one that has none as they are."""
    body = function.body
    check_calls(source, function, functions)
    within = (node for statement in body for node in ast.walk(statement))
    calls = (name.id for name in called_in(function))
    if not any(isinstance(node, ast.For) for node in within) and not any(
        find_callee(name, source, functions, False) for name in calls
    ):
        return body
    return _Expander(source, function, functions).run()


class _Expander(Substituting):
    """The lines that were written out so far."""

    def __init__(self, source: Source, function: ast.FunctionDef, functions: Mapping[str, ast.FunctionDef]) -> None:
        callee = Callee(function, source, functions, True, False)
        names = frozenset(argument.arg for argument in callee.arguments) | assigned_in(function)
        super().__init__(source, Frame(callee, values=names))
        self.function = function
        self.out: list[ast.stmt] = []
        self.annotations: dict[str, ast.stmt] = {}
        self.bearers: dict[str, str] = {}
        self.marks = 0
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
        settle_names(statements, arguments)
        return settle_families(self.source, statements, {*arguments, *self.said})

    # Statements ---------------------------------------------------------------------------------------------

    def _statement(self, statement: ast.stmt, frame: Frame) -> None:
        self._count(statement, frame)
        match statement:
            case ast.For(target=ast.Name(id=counter)):
                loop = placed(
                    ast.For(
                        statement.target, self._expression(statement.iter, frame), statement.body, statement.orelse
                    ),
                    frame.span(statement),
                )
                assert isinstance(loop, ast.For)
                for k in read_rounds(self.source, loop, "cell"):
                    frame.counters[counter] = k
                    for inner in statement.body:
                        self._statement(inner, frame)
                frame.counters.pop(counter, None)
            case ast.For():
                read_rounds(self.source, placed(statement, frame.span(statement)), "cell")  # type: ignore[arg-type]
            case ast.Assign(targets=[target], value=ast.Call(func=ast.Name(id=name)) as call) if callee := self._find(
                name, frame
            ):
                self._assign_call(target, call, callee, frame)
            case ast.Assign(targets=[ast.Name() as target], value=value):
                self._emit(self._target(target, frame), self._expression(value, frame), frame.span(statement))
                self._set(target.id, frame)
            case ast.AugAssign(target=ast.Name() as target, op=op, value=value) if frame is not self.root:
                read = self._expression(ast.copy_location(ast.Name(target.id, ast.Load()), target), frame)
                whole = placed(ast.BinOp(read, op, self._expression(value, frame)), frame.span(statement))
                self._emit(self._target(target, frame), whole, frame.span(statement))
                self._set(target.id, frame)
            case ast.AugAssign(target=ast.Name() as target, op=op, value=value):
                given = ast.AugAssign(target, op, self._expression(value, frame))
                self.out.append(placed(given, frame.span(statement)))
            case ast.AnnAssign():
                self._annotated(statement, frame)
            case ast.Return(value=ast.expr() as value) if frame is self.root:
                self.out.append(placed(ast.Return(self._returned(value, frame)), frame.span(statement)))
            case ast.Expr(value=ast.Constant(value=str())):
                pass
            case _:
                self.out.append(placed(statement, frame.span(statement)))

    def _annotated(self, statement: ast.AnnAssign, frame: Frame) -> None:
        said, span = self._annotation(statement.annotation, frame), frame.span(statement)
        place: ast.expr
        match statement.target:
            case ast.Name(id=name) as target:
                known = name in frame.values
                place = self._target(target, frame) if known else name_at(frame.bearer + name, frame.span(target))
            case ast.Subscript() as target:  # one member of a family
                place = self._expression(target, frame)
            case _:
                self.out.append(statement)
                return
        value = None if statement.value is None else self._expression(statement.value, frame)
        assert isinstance(place, ast.Name | ast.Subscript)
        given = placed(ast.AnnAssign(place, said, value, int(isinstance(place, ast.Name))), span)
        if value is None and frame is not self.root:
            self.annotations.setdefault(ast.dump(place), given)
            return
        self.out.append(given)
        if value is not None and isinstance(statement.target, ast.Name):
            self._set(statement.target.id, frame)

    def _emit(self, target: ast.expr, value: ast.expr, span: Span) -> None:
        self.out.append(placed(ast.Assign([target], value), span))

    def _target(self, target: ast.Name, frame: Frame) -> ast.expr:
        return name_at(frame.local(target.id), frame.span(target), ast.Store())

    def _set(self, name: str, frame: Frame) -> None:
        """From here on the name of an argument is the value that it was given."""
        frame.names[name] = name_at(frame.local(name), frame.span(frame.callee.function))

    # Calls --------------------------------------------------------------------------------------------------

    def _assign_call(self, target: ast.expr, call: ast.Call, callee: Callee, frame: Frame) -> None:
        first, count = first_name(target), len(self.out)
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

    def _value(self, call: ast.Call, callee: Callee, frame: Frame) -> ast.expr:
        inner, value = self._open(call, callee, frame, None)
        return self._returned(value, inner)

    def _open(self, call: ast.Call, callee: Callee, frame: Frame, target: ast.Name | None) -> tuple[Frame, ast.expr]:
        """Write the lines of a call out; its frame, and what it returns."""
        self._count(call, frame)
        self._check_chain(call, callee, frame)
        body, value = check_definition(self.source, callee)
        shares, given = bind(self.source, call, callee, frame.span(call))
        self.marks += 1
        inner = Frame(
            callee,
            called=(callee.name, frame.span(call)),
            values=frozenset(argument.arg for argument in callee.arguments) | assigned_in(callee.function),
            above=frame,
            mark=f"?{self.marks}?{callee.name}",
        )
        if callee.part:
            self._bear(call, callee, frame, inner, target, shares)
        else:
            inner.prefix, inner.bearer = frame.prefix, frame.bearer
            inner.hidden = {**frame.hidden, **dict.fromkeys(frame.values, frame.callee.name)}
            named = {n.id for a in callee.arguments if a.annotation for n in size_names(a.annotation)}
            inner.sizes = {name: self._fresh_size() for name in sorted(named)}
        self.depth += _DEPTH_OF_A_CALL
        self._arguments(given, inner, frame)
        if not callee.foreign:
            check_calls(self.source, callee.function, callee.functions)
            check_counters(self.source, callee.function)
        for statement in body:
            self._statement(statement, inner)
        self.depth -= _DEPTH_OF_A_CALL
        return inner, value

    def _check_chain(self, call: ast.Call, callee: Callee, frame: Frame) -> None:
        if callee.name in frame.chain:
            others = [f"`{name}`" for name in frame.chain[frame.chain.index(callee.name) :]]
            problem = f"{others[0]} calls itself" if len(others) == 1 else f"{' and '.join(others)} call each other"
            raise self._refused(problem, call, frame, "a cell has no recursion: write the steps as lines, or as a loop")
        if self.depth > DEEPEST:
            raise self._refused("definitions call each other too deeply", call, frame, "write some of them out")

    def _bear(
        self, call: ast.Call, callee: Callee, frame: Frame, inner: Frame, target: ast.Name | None, shares: str | None
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

    def _arguments(self, given: Mapping[str, ast.expr], inner: Frame, frame: Frame) -> None:
        """A name and a number stand where the argument does, and so does what is read once; else it gets a line."""
        function = inner.callee.function
        assigned = assigned_in(function)
        inner.names = {name: name_at(inner.local(name), inner.span(function)) for name in assigned}
        for argument in inner.callee.arguments:
            name, value = argument.arg, self._expression(given[argument.arg], frame)
            said = argument.annotation and self._annotation(argument.annotation, inner)
            constant = isinstance(value, ast.Constant | ast.UnaryOp) and not names_in(value)
            if constant or isinstance(value, ast.Name) or (said is None and count_reads(function, name) == 1):
                inner.names[name] = value
                root = isinstance(value, ast.Name) and value.id in {a.arg for a in self.root.callee.arguments}
                if (
                    said is not None
                    and root
                    and isinstance(value, ast.Name)
                    and value.id not in self.said | assigned_in(self.function)
                ):
                    self.said.add(value.id)
                    self.annotations[value.id] = placed(ast.AnnAssign(value, said, None, 1), inner.span(argument))
                continue
            target = name_at(inner.local(name), inner.span(argument))
            line = ast.Assign([target], value) if said is None else ast.AnnAssign(target, said, value, 1)
            self.out.append(placed(line, frame.span(given[name])))
            inner.names[name] = target

    def _pairs(
        self, target: ast.expr, value: ast.expr, callee: Callee, frame: Frame
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

    def _give(self, pairs: list[tuple[ast.expr, ast.expr]], start: int, inner: Frame) -> None:
        """Give the targets their values: where nothing reads the target's former value later, the line that makes a
        value bears the target's name at once."""
        named: list[tuple[ast.expr, str]] = []
        for target, value in pairs:
            made = {t for line in self.out[start:] for t in targets_of(line)} - {name for _, name in named}
            if not (isinstance(value, ast.Name) and value.id in made):
                span = self.source.span(value)
                self.marks += 1
                name = f"{inner.prefix}{id_of(target)}?{self.marks}"
                self._emit(name_at(name, span, ast.Store()), value, span)
                value = name_at(name, span)
            assert isinstance(value, ast.Name)
            named.append((target, value.id))
        for target, name in named:
            place = max(k for k, line in enumerate(self.out) if name in targets_of(line))
            later = self.out[place + 1 :]
            new = id_of(target)
            taken = any(new in names_in(line) for line in later)
            if taken or isinstance(self.out[place], ast.AnnAssign):
                self._emit(target, name_at(name, self.source.span(target)), self.source.span(target))
                continue
            made = self.out[place]
            assert isinstance(made, ast.Assign)
            for leaf in (*leaves(made.targets[0]), *(leaf for line in later for leaf in leaves(line))):
                leaf.id = new if leaf.id == name else leaf.id
