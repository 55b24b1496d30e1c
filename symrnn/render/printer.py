"""What all printers share: the walk over the display tree, where parentheses stand and where lines may break.

A printer says how the parts look (a name, a fraction, a transpose); this says in which order they come.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..sizes import Size
from . import tree as t
from .names import Name


@dataclass(frozen=True, slots=True)
class Break:
    """A space where a line may end; the smaller the depth, the better the place."""

    depth: int


Token = str | Break


class Printer(ABC):
    """Turns display trees into tokens; each format is a subclass that knows its own marks."""

    stacked: bool
    """Whether fractions stand one part above the other, and so need no parentheses."""
    plus: str
    minus: str
    elementwise: str
    times: str
    beside: str
    dimension: str
    comma: str = ", "
    semicolon: str = "; "
    equals: str = "="
    negative: str = ""
    """The sign of a negative number, where it is set closer than that of a difference."""
    products: Mapping[str, str]
    """The sign of the elementwise product for each choice of the notation."""

    def __init__(self, product: str = "odot") -> None:
        self.elementwise = self.products[product]

    # What each format says in its own way --------------------------------------------------------------------

    @abstractmethod
    def name(self, name: Name) -> str: ...

    @abstractmethod
    def number(self, value: Fraction, decimal: bool) -> str: ...

    @abstractmethod
    def constant(self, kind: str) -> str: ...

    @abstractmethod
    def size(self, size: Size) -> str: ...

    @abstractmethod
    def zeros(self, size: str) -> str: ...

    @abstractmethod
    def power(self, base: str, exponent: Fraction, marked: bool) -> str: ...

    @abstractmethod
    def transpose(self, base: str) -> str: ...

    @abstractmethod
    def quotient(self, numerator: list[Token], denominator: list[Token], depth: int) -> list[Token]: ...

    @abstractmethod
    def function(self, call: t.Call) -> str: ...

    @abstractmethod
    def fence(self, kind: str, inside: list[Token]) -> list[Token]:
        """Brackets of a kind: `round`, `square`, `length` ‖·‖, `abs` |·|, `angle` ⟨·⟩."""

    @abstractmethod
    def root(self, base: t.Tree, inside: list[Token]) -> list[Token]: ...

    @abstractmethod
    def subscript(self, base: str, index: str) -> str: ...

    @abstractmethod
    def part(self, base: str, axes: str) -> str: ...

    @abstractmethod
    def axis(self, bounds: tuple[str, ...]) -> str: ...

    @abstractmethod
    def place(self, axes: str, inside: str) -> str: ...

    @abstractmethod
    def relation(self, relation: tuple[str, str]) -> str: ...

    @abstractmethod
    def time_sum(self) -> str: ...

    @abstractmethod
    def partial(self, of: str, by: str) -> str: ...

    # The walk ------------------------------------------------------------------------------------------------

    def flat(self, node: t.Tree) -> str:
        """A tree on one line."""
        return join(self.write(node))

    def write(self, node: t.Tree, depth: int = 0) -> list[Token]:
        match node:
            case t.Symbol(name=name):
                return [self.name(name)]
            case t.Number(value=value, decimal=decimal):
                return [self.number(value, decimal)]
            case t.Constant(kind=kind):
                return [self.constant(kind)]
            case t.Extent(size=size, zeros=zeros, marked=marked):
                shown = self.size(size)
                return [self.zeros(shown) if zeros else f"{self.dimension} {shown}" if marked else shown]
            case t.Sum(terms=terms):
                return self._sum(terms, depth)
            case t.Product(factors=factors, joins=joins):
                return self._product(factors, joins, depth)
            case t.MatrixProduct(left=left, right=right):
                chained = t.BESIDE if isinstance(left, t.MatrixProduct) else t.STACKED
                last = t.BESIDE if isinstance(right, t.MatrixProduct) else t.STACKED
                return [*self.fit(left, chained, depth + 1), self.beside, *self.fit(right, last, depth + 1)]
            case t.Outer(left=left, right=right):
                return [*self.fit(left, t.STACKED, depth + 1), self.beside, self.transpose(self.tight(right, t.ATOM))]
            case t.Dot(left=left, right=right, matrix=True):
                inside = [*self.write(left, depth + 1), self.comma, *self.write(right, depth + 1)]
                return self.fence("angle", inside)
            case t.Dot(left=left, right=right):
                return [self.transpose(self.tight(left, t.ATOM)), self.beside, *self.fit(right, t.STACKED, depth + 1)]
            case t.Transpose(base=base):
                return [self.transpose(self.tight(base, t.ATOM))]
            case t.Power(base=base, exponent=exponent, marked=marked):
                return [self.power(self.tight(base, t.ATOM), exponent, marked)]
            case t.Quotient(numerator=numerator, denominator=denominator):
                above = self.fit(numerator, 0 if self.stacked else t.ELEMENTWISE, depth + 1, inside_quotient=True)
                below = self.fit(denominator, 0 if self.stacked else t.POSTFIX, depth + 1)
                return self.quotient(above, below, depth)
            case t.Partial(of=of, by=by):
                return [self.partial(self.tight(of, t.POSTFIX), self.tight(by, t.POSTFIX))]
            case t.Function(text=text, latex=latex):
                return [self.function(t.Call(text, latex, ()))]
            case t.Equal(left=left, right=right):
                return [*self.write(left), f" {self.equals} ", *self.write(right)]
            case t.TimeSum(body=body):
                inner = self.fit(body, t.ELEMENTWISE, depth + 1)
                return [self.time_sum(), *inner]
            case _:
                return self._bracketed(node, depth)

    def _bracketed(self, node: t.Tree, depth: int) -> list[Token]:
        match node:
            case t.Call(arguments=arguments, options=options):
                inside = self._listed(arguments, self.comma, depth)
                if options:
                    inside += [self.semicolon, *self._listed(options, self.comma, depth)]
                return [self.function(node), *self.fence("round", inside)]
            case t.Norm(base=base, matrix=matrix):
                fenced = self.fence("length", self.write(base, depth + 2))
                return [self.subscript(join(fenced), "F")] if matrix else fenced
            case t.Absolute(base=base):
                return self.fence("abs", self.write(base, depth + 2))
            case t.Root(base=base):
                return self.root(base, self.write(base, depth + 2))
            case t.Stack(parts=parts, flat=flat):
                return self.fence("square", self._listed(parts, self.comma if flat else self.semicolon, depth))
            case t.Part(base=base, axes=axes):
                return [self.part(self.tight(base, t.ATOM), self._axes(axes))]
            case t.Place(base=base, axes=axes):
                return [self.place(self._axes(axes), self.flat(base))]
            case t.Indicator(operands=operands, relations=relations, bare=bare):
                inside = self.write(operands[0], depth + 2)
                for relation, operand in zip(relations, operands[1:], strict=True):
                    inside += [f" {self.relation(relation)} ", *self.write(operand, depth + 2)]
                return inside if bare else self.fence("square", inside)
            case _:
                raise AssertionError(f"no printer knows {type(node).__name__}")

    def fit(self, node: t.Tree, minimum: int, depth: int, inside_quotient: bool = False) -> list[Token]:
        """A part of a formula, in parentheses where it binds more loosely than its place asks for."""
        loose = t.binding(node, self.stacked) < minimum
        # a / b / c is read from the left; parentheses spare the reader the thought
        again = inside_quotient and not self.stacked and isinstance(node, t.Quotient)
        if loose or again:
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
        for place, factor in enumerate(factors):
            before = joins[place - 1] if place else None
            after = joins[place] if place < len(joins) else None
            if before == "beside":
                tokens.append(self.beside)
            elif before:
                tokens += [Break(depth), f"{self.elementwise if before == 'elementwise' else self.times} "]
            # (aᵀ b) c, but c aᵀ b: what stands beside may open at its right end only
            tokens += self.fit(factor, t.STACKED if after == "beside" else t.BESIDE, depth + 1)
        return tokens

    def _listed(self, parts: Sequence[t.Tree], separator: str, depth: int) -> list[Token]:
        tokens: list[Token] = []
        for place, part in enumerate(parts):
            if place:
                tokens += [separator.rstrip(), Break(depth + 1)]
            tokens += self.write(part, depth + 2)
        return tokens

    def _axes(self, axes: tuple[t.Axis, ...]) -> str:
        return self.comma.join(
            self.axis(tuple("" if bound is None else self.size(bound) for bound in axis)) for axis in axes
        )


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
