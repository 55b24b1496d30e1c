"""From equations to C statements: loops over entries, calls of helpers, and loops that share a header.

An equation is a sum. Its elementwise terms become one assignment in a loop over the entries; products of matrices,
concatenations and the adjoints of slices are then added, each by a call or a loop of its own.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field

import sympy

from ...equations import Equation
from ...equations.shapes import operands_of, shape_of
from ...operations import structured as s
from ...sizes import Shape, Size
from ..parts import terms_of
from .printer import ATOM, PRODUCT, CPrinter, Index, Text, number, shifted, tight

WIDTH = 110
_GAP = "\0"  # a space at which no line is broken


@dataclass(frozen=True, slots=True)
class Line:
    """A statement on its own."""

    code: str


@dataclass(frozen=True, slots=True)
class Loop:
    """A statement for every entry: `extents` are the sizes, `target` is written at the loop's own entry."""

    extents: tuple[str, ...]
    index: Index
    code: str
    target: str
    moved: frozenset[str]


@dataclass(slots=True)
class Statements:
    """Writes the equations of one function; `temporaries` are arrays that had to be computed beforehand."""

    printer: CPrinter
    indices: Index
    fresh: Callable[[str], str]
    pieces: list[Line | Loop] = field(default_factory=list["Line | Loop"])
    temporaries: dict[str, Shape] = field(default_factory=dict[str, Shape])
    _note: str = ""
    _count: int = 0

    def __post_init__(self) -> None:
        self.printer.lift = self.lift

    # Equations ----------------------------------------------------------------------------------------------

    def equation(self, equation: Equation, *, add: bool = False) -> None:
        """The statements of an equation; with `add` its value is added to what is there."""
        self._note = f"{_GAP}{_GAP}/*{_GAP}({equation.number}){_GAP}*/"
        self.assign(equation.name, equation.shape, [term for term in terms_of(equation) if term != 0], add)

    def assign(self, target: str, shape: Shape, terms: list[sympy.Expr], add: bool) -> None:
        index = self.indices[: len(shape)]
        smooth: list[sympy.Expr] = []
        direct: list[tuple[sympy.Expr, sympy.Expr]] = []
        for term in terms:
            coefficient, rest = term.as_coeff_Mul()
            if isinstance(rest, s.transpose) and isinstance(rest.args[0], s.matmul):
                rest = s.matmul(*(s.transpose(factor) for factor in reversed(rest.args[0].args)))
            own = shape_of(rest, self.printer.shapes)
            if isinstance(rest, s.matmul | s.embed | s.stack | s.diag):
                apart = len(own) == len(shape) > 0
            else:
                apart = add and coefficient == 1 and isinstance(rest, s.outer) and all(a.is_Symbol for a in rest.args)
            if apart:
                direct.append((coefficient, rest))
            else:
                smooth.append(term)
        if not add and len(terms) == 1 and isinstance(terms[0], s.softmax):
            self._softmax(target, terms[0])
            return
        covered = len(terms) == 1 and bool(direct) and isinstance(direct[0][1], s.stack)
        if smooth or not (add or covered):
            self._smooth(target, shape, index, smooth, add)
        for coefficient, rest in direct:
            self._direct(target, coefficient, rest, set_it=covered and not add)

    def _smooth(self, target: str, shape: Shape, index: Index, terms: list[sympy.Expr], add: bool) -> None:
        printer = self.printer
        printer.at, printer.moved = index, set()
        if add and len(terms) == 1 and terms[0].could_extract_minus_sign():
            sign, terms = "-=", [-terms[0]]
        else:
            sign = "+=" if add else "="
        value = " ".join(printer.signed(terms, index)) or "0"
        place = printer.element(target, index)
        if not shape and target in printer.locals and not add:
            place = f"const real {place}"
        code = f"{place} {sign} {value};{self._note}"
        if not shape:
            self.pieces.append(Line(code))
            return
        extents = tuple(printer.sizes.size(size) for size in shape)
        self.pieces.append(Loop(extents, index, code, target, frozenset(printer.moved)))

    def _softmax(self, target: str, expr: sympy.Expr) -> None:
        operand = self.array(expr.args[0])
        shape, sizes = self.printer.shapes[operand], self.printer.sizes
        out, a = self._name(target), self._name(operand)
        if len(shape) == 1:
            self._line(f"softmax({out}, {a}, {sizes.entries(shape)});")
            return
        (i, *_), (rows, columns) = self.indices, map(sizes.size, shape)
        start = f"{i} * {tight(columns)}"
        self._line(nested((rows,), (i,), f"softmax({out} + {start}, {a} + {start}, {columns});"))

    # Terms that are added on their own ----------------------------------------------------------------------

    def _direct(self, target: str, coefficient: sympy.Expr, rest: sympy.Expr, *, set_it: bool) -> None:
        match rest:
            case s.matmul():
                self._matmul(target, coefficient, rest)
            case s.outer():
                names = ", ".join(self._name(operand.name) for operand in rest.args)
                extents = ", ".join(self._extent(operand, 0) for operand in rest.args)
                self._line(f"add_outer({self._name(target)}, {names}, {extents});")
            case s.diag():
                (i, *_) = self.indices
                self._nest((self._extent(rest.args[0], 0),), (i,), target, (i, i), coefficient, rest.args[0], (i,))
            case s.embed():
                piece, *axes, whole = rest.args
                index = self.indices[: self.printer.rank(piece)]
                place = self.printer.within(tuple(axes), len(whole.args), index)
                extents = tuple(self._extent(piece, axis) for axis in range(len(index)))
                self._nest(extents, index, target, place, coefficient, piece, index)
            case _:
                start = Size.number(0)
                (i, *_) = self.indices
                for piece in rest.args:
                    (size,) = shape_of(piece, self.printer.shapes)
                    place = (shifted(i, self.printer.sizes.size(start)),)
                    extents = (self.printer.sizes.size(size),)
                    self._nest(extents, (i,), target, place, coefficient, piece, (i,), set_it=set_it)
                    start = start + size

    def _nest(
        self,
        extents: tuple[str, ...],
        index: Index,
        target: str,
        place: Index,
        coefficient: sympy.Expr,
        expr: sympy.Expr,
        at: Index,
        *,
        set_it: bool = False,
    ) -> None:
        """`target[place] += coefficient * expr[at]` in a loop over the index."""
        self.printer.at = at
        sign = "=" if set_it else "+="
        if coefficient.is_negative and not set_it:
            sign, coefficient = "-=", -coefficient
        value = self.printer.entry(coefficient * expr, at).code
        code = f"{self.printer.element(target, place)} {sign} {value};{self._note}"
        self.pieces.append(Line(nested(extents, index, code)))

    def _matmul(self, target: str, coefficient: sympy.Expr, product: sympy.Expr) -> None:
        left, right = product.args
        (a, a_turned), (b, b_turned) = self._factor(left), self._factor(right)
        ranks = self.printer.rank(left), self.printer.rank(right)
        if ranks == (1, 2):  # v A is A' v
            (a, a_turned), (b, b_turned) = (b, not b_turned), (a, False)
        matrix = self._extent(sympy.Symbol(a), 0), self._extent(sympy.Symbol(a), 1)
        out, A, B = self._name(target), self._name(a), self._name(b)
        plain = coefficient == 1
        if ranks != (2, 2):
            if plain:
                name = "add_matvec_t" if a_turned else "add_matvec"
                self._line(f"{name}({out}, {A}, {B}, {matrix[0]}, {matrix[1]});")
                return
            i, k, _ = self.indices
            index, extents = ((k, i), (matrix[0], matrix[1])) if a_turned else ((i, k), matrix)
            code = self._accumulated(target, (i,), coefficient, (a, index), (b, (k,)))
            self.pieces.append(Line(nested(extents, index, code)))
            return
        rows, inner = matrix[::-1] if a_turned else matrix
        columns = self._extent(sympy.Symbol(b), 0 if b_turned else 1)
        suffix = ("_t" if a_turned else "_n") + ("t" if b_turned else "n")
        if plain and suffix != "_tt":
            name = "add_matmul" + ("" if suffix == "_nn" else suffix)
            self._line(f"{name}({out}, {A}, {B}, {rows}, {inner}, {columns});")
            return
        i, j, k = self.indices
        at_a, at_b = (k, i) if a_turned else (i, k), (j, k) if b_turned else (k, j)
        code = self._accumulated(target, (i, j), coefficient, (a, at_a), (b, at_b))
        self.pieces.append(Line(nested((rows, inner, columns), (i, k, j), code)))

    def _accumulated(
        self, target: str, place: Index, coefficient: sympy.Expr, a: tuple[str, Index], b: tuple[str, Index]
    ) -> str:
        size = abs(coefficient)
        scale = f"{number(size).code} * " if size != 1 else ""
        sign = "-=" if coefficient.is_negative else "+="
        element = self.printer.element
        return f"{element(target, place)} {sign} {scale}{element(*a)} * {element(*b)};{self._note}"

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
        self.printer.shapes[name] = shape
        self.temporaries[name] = shape
        at, moved = self.printer.at, self.printer.moved
        self.assign(name, shape, list(sympy.Add.make_args(expr)), False)
        self.printer.at, self.printer.moved = at, moved
        return name

    def lift(self, expr: sympy.Expr, index: Index) -> Text:
        """What sums over entries: a call within a scalar equation, else a number computed before the loop."""
        if self.printer.rank(expr):
            return self.printer.entry(sympy.Symbol(self.array(expr)), index)
        value = self._reduced(expr)
        if not self.printer.at or value.isidentifier():
            return Text(value, PRODUCT if " / " in value else ATOM)
        name = self._new({s.matmul: "dot", s.total: "sum"}.get(type(expr), type(expr).__name__))
        self._line(f"const real {name} = {value};")
        return Text(name)

    def _reduced(self, expr: sympy.Expr) -> str:
        operands, _ = operands_of(expr)
        sizes, shapes = self.printer.sizes, self.printer.shapes
        count = sizes.entries(shape_of(operands[0], shapes))
        named = all(isinstance(operand, sympy.Symbol) for operand in operands)
        match expr:
            case s.logsumexp():
                return f"logsumexp({self._name(self.array(operands[0]))}, {count})"
            case s.dot() | s.matmul():
                names = ", ".join(self._name(operand.name) for operand in operands) if named else ""
                return f"dot({names}, {count})" if named else self._summed(sympy.Mul(*operands), operands[0])
            case s.norm():
                name = self._name(operands[0].name) if named else ""
                total = f"dot({name}, {name}, {count})" if named else self._summed(operands[0] ** 2, operands[0])
                return f"SQRT({total})"
            case s.total() | s.mean():
                call = f"total({self._name(operands[0].name)}, {count})" if named else ""
                call = call or self._summed(operands[0], operands[0])
                return f"{call} / (real){tight(count)}" if isinstance(expr, s.mean) else call
            case _:
                raise AssertionError(f"{type(expr).__name__} has no C form")

    def _summed(self, expr: sympy.Expr, like: sympy.Expr) -> str:
        """A local number with the sum of all entries of an expression that has no name."""
        shape = shape_of(like, self.printer.shapes)
        index = self.indices[: len(shape)]
        name = self._new("sum")
        at, moved, self.printer.at = self.printer.at, self.printer.moved, index
        value = self.printer.entry(expr, index).code
        self.printer.at, self.printer.moved = at, moved
        extents = tuple(self.printer.sizes.size(size) for size in shape)
        self.pieces.append(Line(f"real {name} = 0;"))
        self.pieces.append(Line(nested(extents, index, f"{name} += {value};{self._note}")))
        return name

    # Small things -------------------------------------------------------------------------------------------

    def _line(self, code: str) -> None:
        self.pieces.append(Line(code + self._note))

    def _name(self, name: str) -> str:
        return self.printer.names.get(name, name)

    def _new(self, wish: str) -> str:
        self._count += 1
        return self.fresh(f"{wish}_{self._count}")

    def _extent(self, expr: sympy.Expr, axis: int) -> str:
        return self.printer.sizes.size(shape_of(expr, self.printer.shapes)[axis])

    def lines(self) -> list[str]:
        """The text: neighbouring loops over the same entries share one header where none reads what another moves."""
        result: list[str] = []
        for group in grouped(self.pieces):
            first = group[0]
            if isinstance(first, Line):
                result += first.code.split("\n")
                continue
            codes = [loop.code for loop in group if isinstance(loop, Loop)]
            result += nested(first.extents, first.index, *codes).split("\n")
        return [line for text in result for line in wrapped(text)]


def grouped(pieces: list[Line | Loop]) -> list[list[Line | Loop]]:
    """Loops that may run entry by entry in one, where one was written to run after the other."""
    groups: list[list[Line | Loop]] = []
    extents: tuple[str, ...] | None = None
    targets: set[str] = set()
    moved: set[str] = set()
    for piece in pieces:
        if not isinstance(piece, Loop):
            groups.append([piece])
            extents = None
            continue
        if piece.extents == extents and targets.isdisjoint(piece.moved) and piece.target not in moved:
            groups[-1].append(piece)
        else:
            groups.append([piece])
            extents, targets, moved = piece.extents, set(), set()
        targets.add(piece.target)
        moved |= piece.moved
    return groups


def nested(extents: tuple[str, ...], index: Index, *codes: str) -> str:
    """Statements within loops over the extents."""
    lines: list[str] = []
    for depth, (extent, letter) in enumerate(zip(extents, index, strict=True)):
        lines.append(f"{'    ' * depth}for (size_t {letter} = 0; {letter} < {extent}; {letter}++)")
    pad = "    " * len(lines)
    if not lines:
        return "\n".join(codes)
    if len(codes) == 1:
        joined = f"{lines[-1]} {codes[0]}"
        if len(joined) < WIDTH - 12:
            return "\n".join([*lines[:-1], joined])
    lines[-1] += " {"
    return "\n".join([*lines, *(pad + code for code in codes), pad[4:] + "}"])


def wrapped(line: str, width: int = WIDTH - 8) -> list[str]:
    """A long statement over several lines."""
    pad = " " * (len(line) - len(line.lstrip()))
    whole = re.sub(r"\[[^]]*\]", lambda match: match[0].replace(" ", _GAP), line)
    pieces = textwrap.wrap(
        whole, width, subsequent_indent=pad + "    ", break_long_words=False, break_on_hyphens=False
    )  # fmt: skip
    return [piece.replace(_GAP, " ") for piece in pieces] or [""]
