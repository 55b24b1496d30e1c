"""From a function definition to a `Wiring`: who is given what, what is scanned, wired and computed; nothing runs."""

from __future__ import annotations

import ast
import copy
from dataclasses import replace

from ...errors import CellError, nearest
from ...operations.table import FUNCTIONS
from ..expressions import DEEPEST, check_name, read_expression
from ..idioms import FUNCTIONS_OF_OTHERS
from ..loops import Counted, check_counters, read_rounds
from ..nodes import Name, Node
from ..read import (
    Declared,
    Line,
    Returned,
    docstring_of,
    header_span,
    own_text,
    read_annotation,
    read_statement,
)
from ..source import Source
from .arguments import check_word, read_arguments, unquoted, whole_numbers
from .find import marks_a_network
from .items import WORDS, Item, Scan, Wire, Wiring

_WAYS = ("last", "first", "reverse", "rows", "one_hot")
_OVER_TIME = ("sum", "mean")
_MOST_STEPS_BACK = 64
_MOST_LINES = 1000
_MOST_HEADS = 64
_OPTIONS = {
    "reverse": "reverse=True or reverse=False",
    "params": "params=h1, the name of a scan before",
    "init": "init=(h0, c0), a value for each state",
}
_SCAN = "h = scan(lstm, x), h, (hT, cT) = scan(lstm, x, init=(h0, c0), reverse=True)"


def read_wiring(source: Source, function: ast.FunctionDef) -> Wiring:
    """The network that a definition describes."""
    for decorator in function.decorator_list:
        if not marks_a_network(decorator):
            raise source.error(
                "a network takes no decorator but @symrnn.network: its text is read, never run",
                source.span(decorator),
                mend="remove the decorator",
            )
    arguments = whole_numbers(source, read_arguments(source, function), function)
    reader = _Reader(source, function, {a.name: a.declared for a in arguments if a.declared is not None})
    reader.classes = {argument.name for argument in arguments if argument.given == "integer"}
    doc, body = docstring_of(function)
    for place, statement in enumerate(body):
        if isinstance(statement, ast.Return):
            if place + 1 < len(body):
                span = source.span(body[place + 1])
                raise source.error("nothing may follow the return", span, mend="remove it or move it up")
            returned, beside, single = reader.returned(statement)
            break
        reader.statement(statement)
    else:
        raise source.error(
            f"`{function.name}` returns nothing",
            header_span(source, function),
            mend="end with its loss, `return cross_entropy(V @ h, y)`, with outputs, `return h`, or with both, "
            "`return loss, (h,)`",
        )
    given = {argument.name for argument in arguments}
    return Wiring(
        function.name, doc, arguments,
        tuple((name, declared) for name, declared in reader.declared.items() if name not in given),
        tuple(reader.items), returned, beside, single, _read_mean(source, function.returns), source,
        header_span(source, function), own_text(source, function),
    )  # fmt: skip


def _read_mean(source: Source, node: ast.expr | None) -> tuple[str, ...]:
    """`-> mean(T, N)` behind the arguments: over what the loss is a mean."""
    match unquoted(source, node):
        case None:
            return ()
        case ast.Call(func=ast.Name(id="mean"), args=args, keywords=[]) if args and all(
            isinstance(arg, ast.Name) for arg in args
        ):
            names = tuple(arg.id for arg in args if isinstance(arg, ast.Name))
            for arg, name in zip(args, names, strict=True):
                if names.count(name) > 1:
                    raise source.error(f"the mean is over {name} twice", source.span(arg), mend="keep one of the two")
            return names
        case _:
            assert node is not None
            raise source.error(
                "behind -> stands over what the loss is a mean",
                source.span(node),
                mend="write -> mean(T, N), -> mean(T), -> mean(N), or nothing for a sum over steps and sequences",
            )


class _Reader(ast.NodeTransformer):
    """Reads statements one by one; wires within expressions become lines of their own before these."""

    def __init__(self, source: Source, function: ast.FunctionDef, declared: dict[str, Declared]) -> None:
        self.source = source
        self.declared = declared
        self.items: list[Item] = []
        self.hoisted: set[str] = set()
        self.classes: set[str] = set()
        self.taken = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        self.taken |= {argument.arg for argument in ast.walk(function) if isinstance(argument, ast.arg)}
        self.depth = 0
        check_counters(source, function)

    # Statements ---------------------------------------------------------------------------------------------

    def statement(self, statement: ast.stmt) -> None:
        if len(self.items) > _MOST_LINES:
            raise self._refused(
                f"a network has at most {_MOST_LINES:,} lines, those of loops counted in every round",
                statement,
                "make the loops shorter: time itself is in scan(cell, x)",
            )
        match statement:
            case ast.Assign(targets=[target], value=ast.Call(func=ast.Name(id="scan")) as call):
                self.items.append(self._scan(target, call))
            case ast.AnnAssign(
                target=ast.Name(id=name) as target, annotation=said, value=ast.Call(func=ast.Name(id="scan")) as call
            ):
                if name in self.declared:
                    raise self._refused(f"`{name}` is annotated twice", statement, "keep one of the two")
                self.declared[name] = read_annotation(self.source, said)
                self.items.append(self._scan(target, call))
            case ast.Expr(value=ast.Call(func=ast.Name(id="scan")) as call):
                raise self._refused("a scan gives a sequence, and nobody takes it", call, f"give it a name: {_SCAN}")
            case ast.For():
                for k in read_rounds(self.source, statement):
                    assert isinstance(statement.target, ast.Name)
                    for inner in statement.body:
                        self.statement(Counted(statement.target.id, k).visit(copy.deepcopy(inner)))
            case ast.Assign() | ast.AugAssign() | ast.AnnAssign():
                for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
                    if isinstance(target, ast.Name):
                        check_word(self.source, target.id, self.source.span(target))
                if statement.value is not None:
                    statement.value = self.visit(statement.value)
                if self._took_over(statement):
                    return
                line = read_statement(self.source, statement, self.declared)
                self.items += [line] if line else []
            case _:
                line = read_statement(self.source, statement, self.declared)
                assert line is None, "a statement that is no assignment is refused, or a comment"

    def _took_over(self, statement: ast.stmt) -> bool:
        """`y = last(h)`: a wire that is the whole of a line has the line's name."""
        match statement, self.items[-1:]:
            case (ast.Assign(targets=[ast.Name(id=target) as name], value=ast.Name(id=made)), [Wire() as wire]) if (
                made == wire.target and made in self.hoisted
            ):
                check_name(self.source, target, self.source.span(name))
                self.items[-1] = replace(wire, target=target)
                return True
            case _:
                return False

    def returned(self, statement: ast.Return) -> tuple[tuple[Returned, ...], tuple[Returned, ...], bool]:
        """`return loss`, `return y`, `return y, z`, `return loss, (y, z)`; whether one value stands alone."""

        def several(elements: list[ast.expr]) -> tuple[Returned, ...]:
            return tuple(Returned(self._expression(element), self.source.span(element)) for element in elements)

        match statement.value:
            case None:
                span = self.source.span(statement)
                raise self.source.error("this returns nothing", span, mend="return a loss, outputs, or both")
            case ast.Tuple(elts=[loss, ast.Tuple(elts=beside)]) if beside:
                return several([loss]), several(beside), True
            case ast.Tuple(elts=elements) if elements:
                return several(elements), (), False
            case value:
                return several([value]), (), True

    # Expressions --------------------------------------------------------------------------------------------

    def _expression(self, node: ast.expr) -> Node:
        return read_expression(self.source, self.visit(node))

    def _named(self, node: ast.expr, wish: str) -> Name:
        """The name of what an expression comes to; one that is more than a name gets a line."""
        self.depth += 3  # it stands within a wire, which costs more of Python's stack than a sign does
        tree = self._expression(node)
        self.depth -= 3
        if isinstance(tree, Name):
            return tree
        target = self._fresh(wish)
        self.items.append(Line(target, tree, self.source.span(node)))
        return Name(target, self.source.span(node))

    def _fresh(self, wish: str) -> str:
        name, number = wish, 1
        while name in self.taken:
            number += 1
            name = f"{wish}_{number}"
        self.taken.add(name)
        self.hoisted.add(name)
        return name

    def _wire(self, way: str, of: Name, node: ast.expr) -> ast.expr:
        target = self._fresh(f"{of.id}_{'prev' if way == 'shift' else way}")
        self.items.append(Wire(target, way, of, self.source.span(node)))  # type: ignore[arg-type]
        return ast.copy_location(ast.Name(target, ast.Load()), node)

    def visit(self, node: ast.AST) -> ast.expr:
        self.depth += 1
        if self.depth > DEEPEST + 3:  # a name is three nodes deep
            problem = f"this expression is nested more than {DEEPEST} deep"
            raise self._refused(problem, node, "give its parts names, one line each")
        found = super().visit(node)
        self.depth -= 1
        return found

    def visit_Call(self, node: ast.Call) -> ast.expr:
        match node:
            case ast.Call(func=ast.Name(id=way), args=[of], keywords=[]) if way in _WAYS:
                return self._wire(way, self._named(of, way + "_of"), node)
            case ast.Call(
                func=ast.Name(id=way), args=[of], keywords=[ast.keyword(arg="over", value=ast.Name(id="time"))]
            ) if way in _OVER_TIME:
                return self._wire(way, self._named(of, way + "_of"), node)
            case ast.Call(func=ast.Name(id="embed"), args=[ast.Name() as table, ast.Name() as ids], keywords=[]):
                table, of = (Name(name.id, self.source.span(name)) for name in (table, ids))
                target = self._fresh(f"{of.id}_embed")
                self.items.append(Wire(target, "embed", of, self.source.span(node), table))
                return ast.copy_location(ast.Name(target, ast.Load()), node)
            case ast.Call(func=ast.Name(id="embed")):
                raise self._refused(
                    "embed takes a table, which is a parameter, and whole numbers that are given to the network",
                    node,
                    "write embed(E, ids) with `ids: integer`; behind it stands what is made of it: embed(E, ids)[t-1]",
                )
            case ast.Call(
                func=ast.Name(id="cross_entropy"), args=[scores, ast.Name(id=name) as given], keywords=[]
            ) if name in self.classes:
                hot = self._wire("one_hot", Name(name, self.source.span(given)), given)
                return ast.copy_location(ast.Call(node.func, [self.visit(scores), hot], []), node)
            case ast.Call(func=ast.Name(id="scan")):
                raise self._refused("a scan stands alone on its line", node, f"give it a name: {_SCAN}")
            case ast.Call(func=ast.Name(id=way)) if way in _WAYS:
                raise self._refused(f"`{way}` takes one sequence", node, f"write {way}(h)")
            case ast.Call(func=ast.Name(id=name), keywords=[ast.keyword(arg="over" | "axis" | "dim" as option)]) if (
                name in FUNCTIONS
            ):
                mend = "sum(h, over=time) and mean(h, over=time) go over the steps, sum(h) and mean(h) over features"
                if name == "softmax":
                    mend = "rows(h) is a matrix of all steps: softmax(rows(h) @ q) weighs them"
                raise self._refused(f"`{name}` has no option `{option}` of this kind", node, mend)
            case ast.Call(func=ast.Name(id=name) as named) if name not in FUNCTIONS and name not in FUNCTIONS_OF_OTHERS:
                mend = nearest(name, [*WORDS, *FUNCTIONS])
                mend = mend or f"if it is a cell, scan runs it over time: h = scan({name}, x)"
                raise self._refused(f"`{name}` is not a function of the language", named, mend)
            case _:
                self.generic_visit(node)
                return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        match node.slice:
            case ast.BinOp(left=ast.Name(id="t"), op=ast.Sub(), right=ast.Constant(value=int() as steps)) if (
                0 < steps <= _MOST_STEPS_BACK
            ):
                of = self._named(node.value, "before")
                for _ in range(steps):
                    moved = self._wire("shift", of, node)
                    assert isinstance(moved, ast.Name)
                    of = Name(moved.id, self.source.span(node))
                return ast.copy_location(ast.Name(of.id, ast.Load()), node)
            case subscript if any(isinstance(part, ast.Name) and part.id == "t" for part in ast.walk(subscript)):
                raise self._refused(
                    "a step is t, or a number of steps before it",
                    node,
                    f"write x for x[t], x[t-1] for the step before, and so on until x[t-{_MOST_STEPS_BACK}]",
                )
            case _:
                self.generic_visit(node)
                return node

    # Scans --------------------------------------------------------------------------------------------------

    def _scan(self, target: ast.expr, call: ast.Call) -> Scan:
        targets, finals = self._targets(target)
        if not call.args:
            raise self._refused("a scan names its cell and its input", call, _SCAN)
        match call.args[0]:
            case ast.Name(id=cell) as named:
                copies = None
            case ast.Call(
                func=ast.Name(id="heads"), args=[ast.Name(id=cell) as named, ast.Constant(value=int() as copies)]
            ) if copies is not True and 1 <= copies <= _MOST_HEADS:
                pass
            case ast.Call(func=ast.Name(id="heads")) as other:
                mend = f"write scan(heads(gru, 4), x): a cell by its name, and a number from 1 to {_MOST_HEADS}"
                raise self._refused("heads are copies of a cell", other, mend)
            case other:
                raise self._refused(
                    "a scan runs a cell by its name", other, "write scan(lstm, x), or scan(heads(gru, 4), x)"
                )
        inputs = tuple(self._named(arg, f"{targets[0]}_in") for arg in call.args[1:])
        scan = Scan(
            targets, finals, cell, self.source.span(named), inputs, (), False, None, copies, self.source.span(call)
        )
        given = [keyword.arg for keyword in call.keywords]
        for place, keyword in enumerate(call.keywords):
            if keyword.arg in given[:place]:
                raise self._refused(f"`{keyword.arg}` is given twice", keyword.value, "keep one of the two")
            scan = self._with(scan, keyword)
        return scan

    def _with(self, scan: Scan, keyword: ast.keyword) -> Scan:
        match keyword:
            case ast.keyword(arg="reverse", value=ast.Constant(value=bool() as reverse)):
                return replace(scan, reverse=reverse)
            case ast.keyword(arg="params", value=ast.Name(id=other)):
                return replace(scan, shares=other)
            case ast.keyword(arg="init", value=value):
                elements = value.elts if isinstance(value, ast.Tuple) else [value]
                return replace(scan, init=tuple(self._named(item, f"{scan.target}_init") for item in elements))
            case _:
                problem = f"`{keyword.arg or '**'}` is not an option of scan"
                mend = nearest(keyword.arg or "**", list(_OPTIONS)) or f"the options are {', '.join(_OPTIONS.values())}"
                if keyword.arg == "bidirectional":
                    mend = "scan twice: hf = scan(lstm, x), hb = scan(lstm, x, reverse=True), then [hf, hb]"
                elif keyword.arg in _OPTIONS:
                    problem, mend = f"`{keyword.arg}` of scan is not this", f"write {_OPTIONS[keyword.arg]}"
                raise self._refused(problem, keyword.value, mend)

    def _targets(self, target: ast.expr) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """`h`, `h, (hT, cT)`, `h, hT`, `(y, z), (hT,)`."""
        match target:
            case ast.Tuple(elts=[outputs, finals]):
                first, second = self._names(outputs), self._names(finals)
                if again := sorted({*first} & {*second}):
                    mend = "give each value a name of its own: h, (hT, cT) = scan(lstm, x)"
                    raise self._refused(f"`{again[0]}` is an output and a final state at once", target, mend)
                return first, second
            case ast.Name():
                return self._names(target), ()
            case _:
                raise self._refused("a scan gives outputs, and behind a comma final states", target, _SCAN)

    def _names(self, node: ast.expr) -> tuple[str, ...]:
        elements = node.elts if isinstance(node, ast.Tuple) else [node]
        names: list[str] = []
        for element in elements:
            if not isinstance(element, ast.Name):
                raise self._refused("what a scan gives gets names", element, _SCAN)
            check_name(self.source, element.id, self.source.span(element))
            check_word(self.source, element.id, self.source.span(element))
            if element.id in names:
                raise self._refused(f"`{element.id}` is there twice", element, "give each value a name of its own")
            names.append(element.id)
        return tuple(names)

    def _refused(self, problem: str, node: ast.AST, mend: str) -> CellError:
        return self.source.error(problem, self.source.span(node), mend=mend)
