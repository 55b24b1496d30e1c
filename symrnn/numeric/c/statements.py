"""From equations to C statements: loops over entries, calls of helpers, and loops that share a header.

An equation is a sum. Its elementwise terms become one assignment in a loop over the entries; products of matrices,
concatenations and the adjoints of slices are then added, each by a call or a loop of its own.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import sympy

from ...equations import Equation
from ...equations.shapes import operands_of, shape_of
from ...operations import structured as s
from ...sizes import Shape, Size
from ..statement import ATOM, PRODUCT, Statement, Text, heads_of, joined, local, piece, say, unmade
from .printer import GAP, CPrinter, Entry, Index, call, number, shifted

WIDTH = 110


@dataclass(frozen=True, slots=True)
class Loop:
    """A statement for every entry: `extents` are the sizes, `target` is written at the loop's own entry, and of the
    arrays `elsewhere` other entries are read."""

    extents: tuple[Text, ...]
    index: Index
    body: Statement
    target: str
    elsewhere: frozenset[str]


@dataclass(slots=True)
class Statements:
    """Writes the equations of one function; `temporaries` are arrays that had to be computed beforehand."""

    printer: CPrinter
    indices: Index
    fresh: Callable[[str], str]
    pieces: list[Statement | Loop] = field(default_factory=list["Statement | Loop"])
    temporaries: dict[str, Shape] = field(default_factory=dict[str, Shape])
    _note: str = ""
    _count: int = 0

    def __post_init__(self) -> None:
        self.printer = replace(self.printer, lift=self.lift)

    # Equations ----------------------------------------------------------------------------------------------

    def equation(self, equation: Equation, *, add: bool = False) -> None:
        """The statements of an equation; with `add` its value is added to what is there."""
        self._note = f"  /* ({equation.number}) */".replace(" ", GAP)
        self.assign(equation.name, equation.shape, [term.expr for term in equation.terms], add)

    def assign(self, target: str, shape: Shape, terms: list[sympy.Expr], add: bool) -> None:
        if not add and len(terms) == 1 and isinstance(terms[0], s.softmax):
            self._softmax(target, terms[0])
            return
        smooth: list[sympy.Expr] = []
        direct: list[tuple[sympy.Expr, sympy.Expr]] = []
        for term in terms:
            coefficient, rest = term.as_coeff_Mul()
            if isinstance(rest, s.transpose) and isinstance(rest.args[0], s.matmul):
                rest = s.matmul(*(s.transpose(factor) for factor in reversed(rest.args[0].args)))
            if self._is_apart(coefficient, rest, shape, add):
                direct.append((coefficient, rest))
            else:
                smooth.append(term)
        covered = len(terms) == 1 and bool(direct) and isinstance(direct[0][1], s.stack)
        if smooth or not (add or covered):
            self._smooth(target, shape, smooth, add)
        for coefficient, rest in direct:
            self._direct(target, coefficient, rest, set_it=covered and not add)

    def _is_apart(self, coefficient: sympy.Expr, rest: sympy.Expr, shape: Shape, add: bool) -> bool:
        """Whether a term is added on its own."""
        if isinstance(rest, s.matmul | s.embed | s.stack | s.diag):
            return self.printer.rank(rest) == len(shape) > 0
        return add and coefficient == 1 and isinstance(rest, s.outer) and all(a.is_Symbol for a in rest.args)

    def _smooth(self, target: str, shape: Shape, terms: list[sympy.Expr], add: bool) -> None:
        index = self.indices[: len(shape)]
        sign = "+=" if add else "="
        if add and len(terms) == 1 and terms[0].could_extract_minus_sign():
            sign, terms = "-=", [-terms[0]]
        value = self.printer.value(terms, index)
        if not shape and target in self.printer.locals and not add:
            self._define("const real", self.printer.names.get(target, target), value)
            return
        body = say("{} {} {};", self.printer.element(target, index), sign, value).with_note(self._note)
        extents = tuple(self.printer.sizes.size(size) for size in shape)
        self.pieces.append(Loop(extents, index, body, target, value.elsewhere) if shape else body)

    def _softmax(self, target: str, expr: sympy.Expr) -> None:
        operand = self.array(expr.args[0])
        shape, sizes = self.printer.shapes[operand], self.printer.sizes
        out, a = self.printer.variable(target), self.printer.variable(operand)
        if len(shape) == 1:
            self._call("softmax", out, a, sizes.entries(shape))
            return
        (i, *_), (rows, columns) = self.indices, map(sizes.size, shape)
        start = piece("{} * {}", i, columns.within(ATOM))
        row = call("softmax", piece("{} + {}", out, start), piece("{} + {}", a, start), columns)
        self._nest((rows,), (i,), "{};", row)

    # Terms that are added on their own ----------------------------------------------------------------------

    def _direct(self, target: str, coefficient: sympy.Expr, rest: sympy.Expr, *, set_it: bool) -> None:
        (i, *_) = self.indices
        match rest:
            case s.matmul():
                self._matmul(target, coefficient, rest)
            case s.outer():
                names = [self.printer.variable(name) for name in (target, *(operand.name for operand in rest.args))]
                extents = [self._extent(operand, 0) for operand in rest.args]
                self._call("add_outer", *names, *extents)
            case s.diag():
                self._add_entries(target, (i, i), coefficient, rest.args[0])
            case s.embed():
                part, *axes, whole = rest.args
                index = self.indices[: self.printer.rank(part)]
                place = self.printer.within(tuple(axes), len(whole.args), index)
                self._add_entries(target, place, coefficient, part)
            case _:
                start = Size.number(0)
                for part in rest.args:
                    place = (shifted(i, self.printer.sizes.size(start)),)
                    self._add_entries(target, place, coefficient, part, set_it=set_it)
                    start = start + shape_of(part, self.printer.shapes)[0]

    def _add_entries(
        self, target: str, place: Index, coefficient: sympy.Expr, expr: sympy.Expr, *, set_it: bool = False
    ) -> None:
        """`target[place] += coefficient * expr[index]` in a loop over all entries of the expression."""
        index = self.indices[: self.printer.rank(expr)]
        sign = "=" if set_it else "+="
        if coefficient.is_negative and not set_it:
            sign, coefficient = "-=", -coefficient
        value = self.printer.entry(coefficient * expr, Entry(index, index))
        extents = tuple(self._extent(expr, axis) for axis in range(len(index)))
        self._nest(extents, index, "{} {} {};", self.printer.element(target, place), sign, value)

    def _matmul(self, target: str, coefficient: sympy.Expr, product: sympy.Expr) -> None:
        left, right = product.args
        (a, a_turned), (b, b_turned) = self._factor(left), self._factor(right)
        ranks = self.printer.rank(left), self.printer.rank(right)
        if ranks == (1, 2):  # v A is A' v
            (a, a_turned), (b, b_turned) = (b, not b_turned), (a, False)
        matrix = self._extent(sympy.Symbol(a), 0), self._extent(sympy.Symbol(a), 1)
        arrays = [self.printer.variable(name) for name in (target, a, b)]
        i, j, k = self.indices
        if ranks != (2, 2):
            if coefficient == 1:
                self._call("add_matvec_t" if a_turned else "add_matvec", *arrays, *matrix)
                return
            index = (j, i) if a_turned else (i, j)
            extents, places = matrix, ((i,), index, (j,))
        else:
            rows, inner = matrix[::-1] if a_turned else matrix
            columns = self._extent(sympy.Symbol(b), 0 if b_turned else 1)
            suffix = ("_t" if a_turned else "_n") + ("t" if b_turned else "n")
            if coefficient == 1 and suffix != "_tt":
                name = "add_matmul" + ("" if suffix == "_nn" else suffix)
                self._call(name, *arrays, rows, inner, columns)
                return
            extents, index = (rows, inner, columns), (i, k, j)
            places = (i, j), (k, i) if a_turned else (i, k), (j, k) if b_turned else (k, j)
        out, *factors = (self.printer.element(name, at) for name, at in zip((target, a, b), places, strict=True))
        size = abs(coefficient)
        value = joined(" * ", [*([number(size)] if size != 1 else []), *factors])
        self._nest(extents, index, "{} {} {};", out, "-=" if coefficient < 0 else "+=", value)

    def _factor(self, expr: sympy.Expr) -> tuple[str, bool]:
        """The array behind a factor of a product, and whether it is transposed."""
        if isinstance(expr, s.transpose):
            return self.array(expr.args[0]), True
        return self.array(expr), False

    # What is computed beforehand ----------------------------------------------------------------------------

    def array(self, expr: sympy.Expr) -> str:
        """The name of an array with the value of an expression; a temporary one where it has none."""
        if isinstance(expr, sympy.Symbol):
            return expr.name
        shape = shape_of(expr, self.printer.shapes)
        name = self._new("temporary")
        self.temporaries[name] = shape
        self.printer = replace(self.printer, shapes={**self.printer.shapes, name: shape})
        self.assign(name, shape, list(sympy.Add.make_args(expr)), False)
        return name

    def lift(self, expr: sympy.Expr, place: Entry) -> Text:
        """What sums over entries: a call within a scalar equation, else a number computed before the loop."""
        if self.printer.rank(expr):
            name = self.array(expr)
            return self.printer.entry(sympy.Symbol(name), place)
        value = self._reduced(expr)
        if not place.at or value.code in value.names:
            return value
        name = self._new({s.matmul: "dot", s.total: "sum"}.get(type(expr), type(expr).__name__))
        return self._define("const real", name, value)

    def _reduced(self, expr: sympy.Expr) -> Text:
        (first, *rest), _ = operands_of(expr)
        count = self.printer.sizes.entries(shape_of(first, self.printer.shapes))
        match expr:
            case s.logsumexp() | s.cross_entropy() | s.binary_cross_entropy() | s.squared_error():
                arrays = [self.printer.variable(self.array(operand)) for operand in (first, *rest)]
                return call(type(expr).__name__, *arrays, count)
            case s.dot() | s.matmul():
                return self._dot(first, rest[0], count)
            case s.norm():
                return call("SQRT", self._dot(first, first, count))
            case s.total() | s.mean():
                named = isinstance(first, sympy.Symbol)
                text = call("total", self.printer.variable(first.name), count) if named else self._summed(first, first)
                mean = piece("{} / (real){}", text, count.within(ATOM), binding=PRODUCT)
                return mean if isinstance(expr, s.mean) else text
            case _:
                raise AssertionError(f"{type(expr).__name__} has no C form")

    def _dot(self, a: sympy.Expr, b: sympy.Expr, count: Text) -> Text:
        """The sum of a times b over all entries."""
        if isinstance(a, sympy.Symbol) and isinstance(b, sympy.Symbol):
            return call("dot", self.printer.variable(a.name), self.printer.variable(b.name), count)
        return self._summed(a * b, a)

    def _summed(self, expr: sympy.Expr, like: sympy.Expr) -> Text:
        """A local number with the sum of all entries of an expression that has no name."""
        shape = shape_of(like, self.printer.shapes)
        index = self.indices[: len(shape)]
        name = self._new("sum")
        value = self.printer.entry(expr, Entry(index, index))
        self._define("real", name, Text("0"), note="")
        self._nest(tuple(map(self.printer.sizes.size, shape)), index, "{} += {};", local(name), value)
        return local(name)

    # Small things -------------------------------------------------------------------------------------------

    def _nest(self, extents: tuple[Text, ...], index: Index, template: str, *parts: Text | str) -> None:
        """A statement in loops that share no header with others."""
        self.pieces.append(nested(extents, index, say(template, *parts).with_note(self._note)))

    def _call(self, name: str, *arguments: Text) -> None:
        self._nest((), (), "{};", call(name, *arguments))

    def _define(self, kind: str, name: str, value: Text, note: str | None = None) -> Text:
        statement = define(f"{kind} ", name, value).with_note(self._note if note is None else note)
        self.pieces.append(statement)
        return local(name)

    def _new(self, wish: str) -> str:
        self._count += 1
        return self.fresh(f"{wish}_{self._count}")

    def _extent(self, expr: sympy.Expr, axis: int) -> Text:
        return self.printer.sizes.size(shape_of(expr, self.printer.shapes)[axis])

    def all(self) -> list[Statement]:
        """The statements: neighbouring loops over the same entries share one header where none reads what another
        writes elsewhere."""
        whole: list[Statement] = []
        for group in grouped(self.pieces):
            bodies = [one.body for one in group if isinstance(one, Loop)]
            whole += [nested(group[0].extents, group[0].index, *bodies)] if isinstance(group[0], Loop) else [group[0]]
        return [wrapped(statement) for statement in whole]


def define(kind: str, name: str, value: Text) -> Statement:
    """`kind name = value;`"""
    return replace(say("{}{} = {};", kind, name, value), makes=frozenset((name,)))


def grouped(pieces: list[Statement | Loop]) -> list[list[Statement | Loop]]:
    """Loops that may run entry by entry in one, where one was written to run after the other."""
    groups: list[list[Statement | Loop]] = []
    extents: tuple[Text, ...] | None = None
    targets: set[str] = set()
    elsewhere: set[str] = set()
    for one in pieces:
        if not isinstance(one, Loop):
            groups.append([one])
            extents = None
            continue
        if one.extents == extents and targets.isdisjoint(one.elsewhere) and one.target not in elsewhere:
            groups[-1].append(one)
        else:
            groups.append([one])
            extents, targets, elsewhere = one.extents, set(), set()
        targets.add(one.target)
        elsewhere |= one.elsewhere
    return groups


def nested(extents: tuple[Text, ...], index: Index, *bodies: Statement) -> Statement:
    """Statements within loops over the extents, as a short one on the line of the innermost header."""
    if not extents:
        (body,) = bodies
        return body
    headers = [
        f"{'    ' * depth}for (size_t {letter} = 0; {letter} < {extent}; {letter}++)"
        for depth, (extent, letter) in enumerate(zip(extents, index, strict=True))
    ]
    lines = [*headers[:-1], f"{headers[-1]} {bodies[0].code}"]
    if len(bodies) > 1 or len(lines[-1]) >= WIDTH - 12:
        pad = "    " * len(headers)
        lines = [*headers[:-1], f"{headers[-1]} {{", *(pad + body.code for body in bodies), pad[4:] + "}"]
    names = (unmade(bodies) - {letter.code for letter in index}).union(*(extent.names for extent in extents))
    return Statement("\n".join(lines), names, heads=heads_of(bodies))


def wrapped(statement: Statement, width: int = WIDTH - 8) -> Statement:
    """A statement with its long lines broken, not within a subscript."""
    lines: list[str] = []
    for line in statement.code.split("\n"):
        pad = " " * (len(line) - len(line.lstrip()) + 4)
        lines += textwrap.wrap(line, width, subsequent_indent=pad, break_long_words=False, break_on_hyphens=False)
    return replace(statement, code="\n".join(lines).replace(GAP, " "))
