"""What all printers share: the walk over the display tree, where parentheses stand and where lines may break.

A printer says how the parts look (a name, a fraction, a transpose); this says in which order they come.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import ClassVar

from ..sizes import Size
from . import tree as t
from .names import Name, name_size


@dataclass(frozen=True, slots=True)
class Break:
    """A space where a line may end; the smaller the depth, the better the place."""

    depth: int


Token = str | Break


@dataclass(frozen=True)
class Printer(ABC):
    """Turns display trees into tokens; each format is a subclass that knows its own marks. `product` is the notation's
    choice of a sign for the elementwise product."""

    product: str = "odot"

    # Marks, as they stand in a line of Unicode. `stacked` says whether fractions stand one part above the other, and so
    # need no parentheses; `negative` is the sign of a negative number, where it is closer than that of a difference.
    stacked = True
    plus, minus, negative, times, beside = "+", "−", "", "·", " "
    comma, semicolon, equals, prime, curly = ", ", "; ", "=", "′", "∂"
    dimension, top, loss, frobenius, zero, becomes = "dim", "T", "L", "F", "𝟎", " ← "
    colon, brackets = ":", ("[", "]")
    fences: ClassVar[Mapping[str, str | tuple[str, str]]] = MappingProxyType(
        {"round": "()", "square": "[]", "length": "‖‖", "abs": "||", "angle": "⟨⟩"}
    )
    products: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"odot": "⊙", "circ": "∘", "asterisk": "∗", "kronecker": "⊗"}
    )
    constants: ClassVar[Mapping[str, str]] = MappingProxyType({"pi": "π", "ones": "𝟏", "identity": "I", "dots": "…"})

    @property
    def elementwise(self) -> str:
        return self.products[self.product]

    # What each format says in its own way --------------------------------------------------------------------

    @abstractmethod
    def head(self, name: Name) -> str:
        """The base of a name with its accents and primes."""

    @abstractmethod
    def index(self, part: str) -> str: ...

    @abstractmethod
    def before(self, base: str, of: str) -> str:
        """What is written before a name: δv, dv."""

    @abstractmethod
    def scripts(self, head: str, indices: list[str], time: str, raised: bool, layer: str, top: str) -> str:
        """A head with what stands below and above it: indices and time, layer and the sign `top` of a transpose."""

    @abstractmethod
    def total(self, step: str, last: str) -> str:
        """The sign of a sum over steps."""

    @abstractmethod
    def ratio(self, value: Fraction) -> str: ...

    @abstractmethod
    def superscript(self, base: str, sign: str) -> str: ...

    @abstractmethod
    def subscript(self, base: str, sign: str) -> str: ...

    @abstractmethod
    def quotient(self, numerator: list[Token], denominator: list[Token], depth: int) -> list[Token]: ...

    @abstractmethod
    def word(self, call: t.Call) -> str:
        """The name of a function."""

    @abstractmethod
    def root(self, base: t.Tree, inside: list[Token]) -> list[Token]: ...

    @abstractmethod
    def measure(self, formula: str) -> int:
        """About how many letters wide a formula appears."""

    # What most say in the same way, with marks of their own --------------------------------------------------

    def name(self, name: Name, top: str = "") -> str:
        if name.prefixed and name.of is not None:
            of = self.name(name.of)
            return self.partial(self.loss, of) if name.base == "∂" else self.before(name.base, of)
        indices = [self.index(part) for part in name.subscripts]
        indices += [self.name(name.of)] if name.of is not None else []
        return self.scripts(self.head(name), indices, name.time, name.raised, name.layer, top)

    def number(self, value: Fraction, decimal: bool) -> str:
        shown = show_number(value, decimal)
        if "/" in shown:
            return self.ratio(value)
        digits, _, power = shown.partition("e")
        return f"{digits} {self.times} {self.superscript('10', power.replace('−', '-'))}" if power else digits

    def size(self, size: Size) -> str:
        return "".join(map(self.size_piece, size_pieces(size))).strip()

    def size_piece(self, piece: str) -> str:
        return self.name(name_size(piece)) if is_size(piece) else piece.replace("−", "-")

    def zeros(self, size: str) -> str:
        return self.subscript(self.zero, size)

    def power(self, base: str, exponent: Fraction, marked: bool) -> str:
        return self.superscript(base, (f"{self.elementwise} " if marked else "") + show_number(exponent, False))

    def function(self, call: t.Call) -> str:
        word = self.word(call) + self.prime * call.primes
        return self.superscript(word, str(call.power)) if call.power != 1 else word

    def fence(self, kind: str, inside: list[Token]) -> list[Token]:
        """Brackets of a kind: `round`, `square`, `length` ‖·‖, `abs` |·|, `angle` ⟨·⟩."""
        left, right = self.fences[kind]
        return [left, *inside, right]

    def relation(self, text: str, latex: str) -> str:
        return text

    def partial(self, of: str, by: str) -> str:
        return join(self.quotient([self.curly + of], [self.curly + by], 0))

    def axis(self, bounds: Sequence[str]) -> str:
        return self.colon.join(bounds).strip()

    # The walk ------------------------------------------------------------------------------------------------

    def flat(self, node: t.Tree) -> str:
        """A tree on one line."""
        return join(self.write(node))

    def lines(self, node: t.Tree, width: int) -> list[FilledLine]:
        """A tree on as many lines as a width asks for."""
        return fill_lines(self.write(node), width, self.measure)

    def write(self, node: t.Tree, depth: int = 0) -> list[Token]:
        match node:
            case t.Sum(terms=terms):
                return self._sum(terms, depth)
            case t.Product(factors=factors, joins=joins):
                return self._product(factors, joins, depth)
            case t.MatrixProduct(left=left, right=right):
                return self._beside(left, right, depth, chained=t.MatrixProduct)
            case t.Outer(left=left, right=right):
                return self._beside(left, t.Transpose(right), depth)
            case t.Dot(left=left, right=right, matrix=False):
                return self._beside(t.Transpose(left), right, depth)
            case t.Transpose(base=t.Symbol(name=name)) if name.takes_transpose:
                return [self.name(name, self.top)]
            case t.Transpose(base=base):
                return [self.superscript(self.tight(base, t.ATOM), self.top)]
            case t.Power(base=base, exponent=exponent, marked=marked):
                return [self.power(self.tight(base, t.ATOM), exponent, marked)]
            case t.Quotient(left=above, right=below):
                # a / b / c is read from the left; parentheses spare the reader the thought
                loose = t.BESIDE if isinstance(above, t.Quotient) else t.ELEMENTWISE
                least = (0, 0) if self.stacked else (loose, t.POSTFIX)
                return self.quotient(self.fit(above, least[0], depth + 1), self.fit(below, least[1], depth + 1), depth)
            case t.Equal(left=left, right=right):
                return [*self.write(left), f" {self.equals} ", *self.write(right)]
            case t.TimeSum(base=body, step=step, last=last):
                loosest = t.SUM if isinstance(body, t.TimeSum) else t.ELEMENTWISE
                return [self.total(step, last), *self.fit(body, loosest, depth + 1)]
            case t.Dot() | t.Call() | t.Norm() | t.Absolute() | t.Root() | t.Stack() | t.Indicator():
                return self._bracketed(node, depth)
            case _:
                return [self._atom(node)]

    def _atom(self, node: t.Tree) -> str:
        match node:
            case t.Symbol(name=name):
                return self.name(name)
            case t.Number(value=value, decimal=decimal):
                return self.number(value, decimal)
            case t.Constant(kind=kind):
                return self.constants[kind]
            case t.Extent(size=size, zeros=zeros, marked=marked):
                shown = self.size(size)
                return self.zeros(shown) if zeros else f"{self.dimension} {shown}" if marked else shown
            case t.Partial(left=of, right=by):
                return self.partial(self.tight(of, t.POSTFIX), self.tight(by, t.POSTFIX))
            case t.Part(base=base, axes=axes):
                return self.tight(base, t.ATOM) + self._in_brackets(self._axes(axes))
            case t.Place(base=base, axes=axes):
                return self.zero + self._in_brackets(f"{self._axes(axes)}{self.becomes}{self.flat(base)}")
            case _:
                raise AssertionError(f"no printer knows {type(node).__name__}")

    def _bracketed(self, node: t.Tree, depth: int) -> list[Token]:
        match node:
            case t.Call(arguments=arguments, options=options):
                inside = self._listed(arguments, self.comma, depth)
                if options:
                    inside += [self.semicolon, *self._listed(options, self.comma, depth)]
                return [self.function(node), *(self.fence("round", inside) if arguments else ())]
            case t.Dot(left=left, right=right):
                return self.fence("angle", [*self.write(left, depth + 1), self.comma, *self.write(right, depth + 1)])
            case t.Norm(base=base, matrix=matrix):
                fenced = self.fence("length", self.write(base, depth + 2))
                return [self.subscript(join(fenced), self.frobenius)] if matrix else fenced
            case t.Absolute(base=base):
                return self.fence("abs", self.write(base, depth + 2))
            case t.Root(base=base):
                return self.root(base, self.write(base, depth + 2))
            case t.Stack(parts=parts, flat=flat):
                return self.fence("square", self._listed(parts, self.comma if flat else self.semicolon, depth))
            case t.Indicator(operands=operands, relations=relations, bare=bare):
                inside = self.write(operands[0], depth + 2)
                for relation, operand in zip(relations, operands[1:], strict=True):
                    inside += [f" {self.relation(*relation)} ", *self.write(operand, depth + 2)]
                return inside if bare else self.fence("square", inside)
            case _:
                raise AssertionError(f"no printer knows {type(node).__name__}")

    def fit(self, node: t.Tree, minimum: int, depth: int) -> list[Token]:
        """A part of a formula, in parentheses where it binds more loosely than its place asks for."""
        if t.binding(node, self.stacked) < minimum:
            return self.fence("round", self.write(node, depth + 2))
        return self.write(node, depth)

    def tight(self, node: t.Tree, minimum: int) -> str:
        return join(self.fit(node, minimum, 0))

    def _sum(self, terms: Sequence[t.Signed], depth: int) -> list[Token]:
        tokens: list[Token] = []
        for place, term in enumerate(terms):
            if place:
                tokens += [Break(depth), f"{self.minus if term.negative else self.plus} "]
            elif term.negative:
                tokens.append(self.negative or self.minus)
            tokens += self.fit(term.node, t.ELEMENTWISE, depth + 1)
        return tokens

    def _product(self, factors: Sequence[t.Tree], joins: Sequence[t.Join], depth: int) -> list[Token]:
        tokens: list[Token] = []
        for factor, before, after in zip(factors, ("", *joins), (*joins, ""), strict=True):
            if before == "beside":
                tokens.append(self.beside)
            elif before:
                signs = {"elementwise": self.elementwise, "times": self.times, "kronecker": self.products["kronecker"]}
                tokens += [Break(depth), f"{signs[before]} "]
            # (aᵀ b) c, but c aᵀ b: what stands beside may open at its right end only
            tokens += self.fit(factor, t.STACKED if after == "beside" else t.BESIDE, depth + 1)
        return tokens

    def _beside(self, left: t.Tree, right: t.Tree, depth: int, chained: type | tuple[()] = ()) -> list[Token]:
        """A product without a sign; one of the `chained` kind needs no parentheses in it."""
        sides = [
            self.fit(side, t.BESIDE if isinstance(side, chained) else t.STACKED, depth + 1) for side in (left, right)
        ]
        return [*sides[0], self.beside, *sides[1]]

    def _listed(self, parts: Sequence[t.Tree], separator: str, depth: int) -> list[Token]:
        tokens: list[Token] = []
        for place, part in enumerate(parts):
            if place:
                tokens += [separator.rstrip(), Break(depth + 1)]
            tokens += self.write(part, depth + 2)
        return tokens

    def _in_brackets(self, inside: str) -> str:
        opening, closing = self.brackets
        return f"{opening}{inside}{closing}"

    def _axes(self, axes: tuple[t.Axis, ...]) -> str:
        return self.comma.join(
            self.axis(["" if bound is None else self.size(bound) for bound in axis]) for axis in axes
        )


def show_number(value: Fraction, decimal: bool) -> str:
    """An exact number: whole, as a decimal that ends, or as p/q."""
    if value.denominator == 1:
        digits = str(value.numerator)
        return digits if len(digits) <= 16 else _exponential(value)
    if decimal and t.is_decimal(value):
        return _decimal(value)
    return f"{value.numerator}/{value.denominator}"


def _decimal(value: Fraction) -> str:
    places = 0
    scaled = value
    while scaled.denominator != 1:
        scaled *= 10
        places += 1
    digits = str(scaled.numerator)
    if places > 7 and places - len(digits) >= 4:
        return _exponential(value)
    digits = digits.rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}"


def _exponential(value: Fraction) -> str:
    """1e-8 and the like, exact as long as the digits are."""
    power = 0
    while value >= 10:
        value, power = value / 10, power + 1
    while 0 < value < 1:
        value, power = value * 10, power - 1
    return f"{_decimal(value) if value.denominator != 1 else value.numerator}e{power}".replace("-", "−")


def is_size(piece: str) -> bool:
    """Whether a piece of a size is a name: `n`, or `1.n`, that of a layer."""
    return piece.rpartition(".")[2].isidentifier()


def size_pieces(size: Size) -> Iterator[str]:
    """n + m, 4n, 2n − 1 in pieces: names, numbers and signs."""
    terms = [*size.coefficients, *([("", size.constant)] if size.constant or not size.coefficients else [])]
    # What is added comes before what is taken away.
    for place, (name, k) in enumerate(sorted(terms, key=lambda term: term[1] < 0)):
        if place or k < 0:
            yield (" − " if k < 0 else " + ") if place else "−"
        yield from (piece for piece in ("" if name and abs(k) == 1 else str(abs(k)), name) if piece)


def join(tokens: Sequence[Token]) -> str:
    """Tokens on one line."""
    return "".join(" " if isinstance(token, Break) else token for token in tokens)


@dataclass(frozen=True, slots=True)
class FilledLine:
    """One line of a broken formula; `inner` lines continue something in brackets."""

    text: str
    inner: bool = False


def fill_lines(
    tokens: Sequence[Token], width: int, measure: Callable[[str], int], room: int | None = None
) -> list[FilledLine]:
    """Tokens on as many lines as the width asks for, broken at the best places first.

    `room` is what is left of the first line, where that is less than the width.
    """
    room = width if room is None else room
    depths = [token.depth for token in tokens if isinstance(token, Break)]
    if not depths or measure(join(tokens)) <= room:
        return [FilledLine(join(tokens))]
    best = min(depths)
    segments: list[list[Token]] = [[]]
    for token in tokens:
        if isinstance(token, Break) and token.depth == best:
            segments.append([])
        else:
            segments[-1].append(token)
    lines: list[FilledLine] = []
    for segment in segments:
        whole = join(segment)
        size = measure(whole)
        if lines and size < room:
            lines[-1] = FilledLine(f"{lines[-1].text} {whole}", lines[-1].inner)
            room -= size + 1
        elif lines and size <= width:
            lines.append(FilledLine(whole, best > _INNER))
            room = width - size
        else:  # too long for any line: it begins where it stands if it can, and goes on in lines of its own
            pieces = fill_lines(segment, width - _STEP, measure, room - 1)
            if lines and measure(pieces[0].text) < room:
                lines[-1] = FilledLine(f"{lines[-1].text} {pieces[0].text}", lines[-1].inner)
            else:
                lines.append(FilledLine(pieces[0].text, best > _INNER))
            lines += [FilledLine(piece.text, True) for piece in pieces[1:]]
            room = width - measure(lines[-1].text) - _STEP
    return lines


# Below this depth a break stands within brackets; what continues there is set in a little.
_INNER = 1
_STEP = 4
