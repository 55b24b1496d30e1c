"""From SymPy expressions to NumPy source: batched, with as few parentheses as a person would write.

A formula speaks of one sequence; here every value that depends on the input or a state has an axis of sequences in
front. A scalar beside a vector then needs a new axis (`s[..., None] * v`), which is decided from shapes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy

from ..equations.shapes import names_in, operands_of, symbols_in
from ..operations.entry import Code, SizeSymbol, size_from_expr
from ..operations.structured import matmul, outer
from ..operations.table import BY_HEAD
from ..sizes import Shape, Size
from .expression import Printer, is_decimal
from .statement import ATOM, POWER, PRODUCT, SUM, Call, Text, heads_in

_PLACE = re.compile(r"\{(\d)\}")


@dataclass(frozen=True, slots=True)
class NumpyPrinter(Printer[int]):
    """Prints expressions over named variables; `batched` tells which names have an axis of sequences. A name may be
    printed as a part of a variable (`h_states[1:]`): `behind` tells which.
    """

    roles: Mapping[str, str]
    shapes: Mapping[str, Shape]
    batched: Mapping[str, bool]
    names: Mapping[str, str]
    dims: Mapping[str, str]
    order: Mapping[str, int]
    as_written: bool = False
    behind: Mapping[str, str] = field(default_factory=dict[str, str])

    # What is asked of it ------------------------------------------------------------------------------------

    def spoken(self, expr: sympy.Expr, rank: int | None = None) -> Text:
        """An expression, to be used beside arrays of a rank where one is given, with all that it speaks of."""
        text = self.text(expr) if rank is None else self.at_rank(expr, rank)
        return Text(text.code, text.binding, self.names_of(expr), self.heads_of(expr))

    def spoken_sum(self, terms: tuple[sympy.Expr, ...], rank: int, *, reduce: bool = False) -> Text:
        """A sum of terms in their own order, with all that it speaks of."""
        pieces = self.sum_of(terms, rank, reduce=reduce)
        names = frozenset[str]().union(*map(self.names_of, terms))
        return Text(" ".join(pieces), SUM, names, frozenset[Call]().union(*map(self.heads_of, terms)))

    def names_of(self, expr: sympy.Basic) -> frozenset[str]:
        """The variables that the text of an expression speaks of."""
        names, sizes = symbols_in(expr)
        return frozenset([*(self.behind.get(n) or self.names[n] for n in names), *(self.dims[n] for n in sizes)])

    def heads_of(self, expr: sympy.Expr) -> frozenset[Call]:
        """The operations that the text of an expression calls."""
        return heads_in(expr)

    def is_batched(self, expr: sympy.Basic) -> bool:
        return any(self.batched[name] for name in names_in(expr))

    def by_rows(self, expr: sympy.Expr) -> bool:
        """Whether an expression is a product that a function of the module runs over all rows at once."""
        return False

    def sum_of(self, terms: tuple[sympy.Expr, ...], rank: int, *, reduce: bool = False) -> list[str]:
        """The source of each term with its sign in front (none before a leading plus); with `reduce`, terms that
        have an axis of sequences are summed over it."""

        def entry(term: sympy.Expr) -> Text:
            return self._over_batch(term) if reduce and self.is_batched(term) else self.at_rank(term, rank)

        if len(terms) == 1 and not terms[0].could_extract_minus_sign():
            return [entry(terms[0]).code]
        return [text.code for text in self.signed(terms, entry)]

    def at_rank(self, expr: sympy.Expr, rank: int) -> Text:
        """An expression to be used beside arrays of a rank."""
        own = self.rank(expr)
        if own == rank or not self.is_batched(expr):
            return self.text(expr)
        axes = ", ".join(["...", *["None"] * (rank - own)])
        return Text(f"{self.text(expr).within(ATOM)}[{axes}]", ATOM)

    def spoken_size(self, size: Size) -> Text:
        """A size with the dimensions that it speaks of."""
        return Text(self.size(size), ATOM, frozenset(self.dims[name] for name in size.names))

    def size(self, expr: sympy.Basic | Size) -> str:
        """A size as source over the dimensions' local names."""
        size = expr if isinstance(expr, Size) else size_from_expr(expr)
        parts = [(k, self.dims[name]) for name, k in size.coefficients]
        words = [f"{'-' if k < 0 else '+'} {name if abs(k) == 1 else f'{abs(k)} * {name}'}" for k, name in parts]
        if size.constant or not words:
            words.append(f"{'-' if size.constant < 0 else '+'} {abs(size.constant)}")
        text = " ".join(words)
        return text[2:] if text.startswith("+ ") else "-" + text[2:]

    # The walk -----------------------------------------------------------------------------------------------

    def text(self, expr: sympy.Expr) -> Text:
        return self._walk(expr, self.rank(expr))

    def entry(self, expr: sympy.Expr, place: int) -> Text:
        return self.at_rank(expr, place)

    def _name(self, symbol: sympy.Symbol, place: int) -> Text:
        return Text(self.names[symbol.name], ATOM)

    def _size(self, symbol: SizeSymbol) -> Text:
        return Text(self.dims[symbol.name], ATOM)

    def _number(self, value: sympy.Basic, *, real: bool = False) -> Text:
        return _number(value)

    def _raised(self, base: sympy.Expr, exponent: sympy.Expr, place: int) -> Text:
        operator = "**" if base.is_Symbol else " ** "  # as formatters have it
        return Text(f"{self.text(base).within(ATOM)}{operator}{_number(exponent).within(ATOM)}", POWER)

    def _applied(self, expr: sympy.Expr, place: int) -> Text:
        operation = BY_HEAD[type(expr)]
        operands, options = operands_of(expr)
        if callable(operation.numpy):
            codes = tuple(self._code(operand) for operand in operands)
            source = operation.numpy(codes, options, self.size)
            return Text(source, PRODUCT if isinstance(expr, matmul) and _is_operator(*codes) else ATOM)
        rank = self.rank(expr) if operation.elementwise else None
        texts = [self.at_rank(o, rank) if rank is not None else self.text(o) for o in operands]
        texts += [_number(option) for option in options]
        template = operation.numpy
        if not names_in(expr):  # a constant must stay a Python number, which takes the type of what it meets
            return Text(f"float({template.format(*(f'np.float64({text.code})' for text in texts))})", ATOM)
        if template == "{0}":
            return texts[0]
        return Text(_filled(template, texts), ATOM if _is_closed(template) else SUM)

    def _code(self, expr: sympy.Expr) -> Code:
        text = self.text(expr)
        return Code(text.code, self.rank(expr), self.is_batched(expr), text.binding < ATOM)

    def _over_batch(self, expr: sympy.Expr) -> Text:
        """The sum over the sequences: what a parameter's gradient is made of."""
        coefficient, rest = expr.as_coeff_Mul()
        if isinstance(rest, outer):
            a, b = (self._code(operand) for operand in rest.args)
            if a.batched and b.batched:
                product = f"{a.tight}.T @ {b.tight}"
                return Text(product if coefficient == 1 else f"{_number(coefficient).code} * ({product})", PRODUCT)
        return Text(f"{self.text(expr).within(ATOM)}.sum(axis=0)", ATOM)


def _is_operator(a: Code, b: Code) -> bool:
    """Whether a product of such factors is written with `@`."""
    return (a.rank, b.rank) == (2, 2) or (a.rank == 2 and not a.batched) or (b.rank == 2 and not b.batched)


def _filled(template: str, texts: list[Text]) -> str:
    """A template with operands in its places; one that stands between a parenthesis and a comma needs none."""
    parts: list[str] = []
    end = 0
    for match in _PLACE.finditer(template):
        before, after = template[: match.start()], template[match.end() :]
        enclosed = before.endswith(("(", ", ")) and after.startswith((")", ","))
        text = texts[int(match.group(1))]
        parts += [template[end : match.start()], text.code if enclosed else text.within(ATOM).code]
        end = match.end()
    return "".join([*parts, template[end:]])


def _is_closed(template: str) -> bool:
    """Whether a template is one call or one pair of parentheses."""
    match = re.match(r"[\w.]*\(", template)
    if match is None:
        return False
    depth = 0
    for position, letter in enumerate(template):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0 and position >= match.end() - 1:
            return position == len(template) - 1
    return False


def _number(value: sympy.Basic) -> Text:
    """A constant; fractions such as 1/3 stay fractions, decimals are printed as such."""
    if isinstance(value, SizeSymbol):
        raise AssertionError("sizes are printed by `size`")
    expr = sympy.sympify(value)
    if expr.is_Integer:
        text = str(int(expr)) if abs(int(expr)) < 10**15 else repr(float(expr))
        return Text(text, ATOM if expr >= 0 else PRODUCT)
    if expr.is_Rational and not is_decimal(expr) and abs(expr.q) < 10**9 and abs(expr.p) < 10**9:
        return Text(f"{expr.p} / {expr.q}", PRODUCT)
    number = float(expr)
    return Text(repr(number), ATOM if number >= 0 else PRODUCT)
