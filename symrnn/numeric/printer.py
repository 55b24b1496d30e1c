"""From SymPy expressions to NumPy source: batched, with as few parentheses as a person would write.

A formula speaks of one sequence; here every value that depends on the input or a state has an axis of sequences in
front. A scalar beside a vector then needs a new axis (`s[..., None] * v`), which is decided from shapes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import sympy

from ..equations.shapes import names_in, operands_of, shape_of, symbols_in
from ..operations.entry import Code, SizeSymbol, size_from_expr
from ..operations.structured import matmul, outer
from ..operations.table import BY_HEAD
from ..sizes import Shape, Size
from .statement import ATOM, POWER, PRODUCT, SUM, Text, heads_in

_PLACE = re.compile(r"\{(\d)\}")


@dataclass(frozen=True, slots=True)
class NumpyPrinter:
    """Prints expressions over named variables; `batched` tells which names have an axis of sequences.

    `order` places the names: by definition, or (`as_written`) by where a forward equation mentions them. A name may be
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
        return Text(" ".join(pieces), SUM, names, frozenset[type]().union(*map(self.heads_of, terms)))

    def names_of(self, expr: sympy.Basic) -> frozenset[str]:
        """The variables that the text of an expression speaks of."""
        names, sizes = symbols_in(expr)
        return frozenset([*(self.behind.get(n) or self.names[n] for n in names), *(self.dims[n] for n in sizes)])

    def heads_of(self, expr: sympy.Expr) -> frozenset[type]:
        """The operations that the text of an expression calls."""
        return heads_in(expr)

    def is_batched(self, expr: sympy.Basic) -> bool:
        return any(self.batched[name] for name in names_in(expr))

    def by_rows(self, expr: sympy.Expr) -> bool:
        """Whether an expression is a product that a function of the module runs over all rows at once."""
        return False

    def rank(self, expr: sympy.Basic) -> int:
        return len(shape_of(expr, self.shapes))

    def sum_of(self, terms: tuple[sympy.Expr, ...], rank: int, *, reduce: bool = False) -> list[str]:
        """The source of each term with its sign in front (none before a leading plus); with `reduce`, terms that
        have an axis of sequences are summed over it."""
        pieces: list[str] = []
        for term in terms:
            negative = term.could_extract_minus_sign()
            body = -term if negative else term
            text = self._over_batch(body) if reduce and self.is_batched(body) else self.at_rank(body, rank)
            sign = ("- " if pieces else "-") if negative else ("+ " if pieces else "")
            alone = len(terms) == 1 and not negative
            pieces.append(text.code if alone else f"{sign}{text.within(PRODUCT)}")
        return pieces

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
        if isinstance(expr, SizeSymbol):
            return Text(self.dims[expr.name], ATOM)
        if isinstance(expr, sympy.Symbol):
            return Text(self.names[expr.name], ATOM)
        if expr.is_number and not expr.atoms(sympy.Function):
            return _number(expr)
        if isinstance(expr, sympy.Add):
            terms = sorted(expr.args, key=self._term_key)
            return Text(" ".join(self.sum_of(tuple(terms), self.rank(expr))), SUM)
        if isinstance(expr, sympy.Mul):
            return self._product(expr)
        if isinstance(expr, sympy.Pow):
            return self._power(expr)
        return self._applied(expr)

    def _product(self, expr: sympy.Mul) -> Text:
        rank = self.rank(expr)
        coefficient, rest = expr.as_coeff_Mul()
        if coefficient.could_extract_minus_sign():
            return Text(f"-{self.text(-expr).within(PRODUCT)}", PRODUCT)
        above: list[str] = []
        below: list[str] = []
        if coefficient != 1:
            numerator, denominator = coefficient.as_numer_denom()
            if denominator == 1 or _is_decimal(coefficient):
                above.append(_number(coefficient).within(PRODUCT).code)
            else:
                above += [_number(numerator).code] if numerator != 1 else []
                below.append(_number(denominator).code)
        for factor in sorted(sympy.Mul.make_args(rest), key=self.factor_key):
            base, exponent = factor.as_base_exp()
            if exponent.is_Rational and exponent < 0:
                below.append(self.at_rank(base**-exponent, rank).within(POWER).code)
            else:
                above.append(self.at_rank(factor, rank).within(POWER).code)
        # `@` binds like `*`, so a product with it in a later place needs its parentheses: `within(POWER)` gives them.
        text = " * ".join(above) or "1"
        for divisor in below:
            text += f" / {divisor}"
        return Text(text, PRODUCT)

    def _power(self, expr: sympy.Pow) -> Text:
        base, exponent = expr.args
        if exponent.is_Rational and exponent < 0:
            return Text(f"1 / {self.text(base**-exponent).within(POWER)}", PRODUCT)
        operator = "**" if base.is_Symbol else " ** "  # as formatters have it
        return Text(f"{self.text(base).within(ATOM)}{operator}{_number(exponent).within(ATOM)}", POWER)

    def _applied(self, expr: sympy.Expr) -> Text:
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

    # The order in which a person would write ----------------------------------------------------------------

    def factor_key(self, factor: sympy.Expr) -> tuple[int, int, str]:
        """Parameters, then adjoints, then names in order of definition, then what is compound."""
        if self.as_written:
            return 0, self._first(factor), spelt(factor)
        roles = {self.roles[name] for name in names_in(factor)}
        if factor.is_Symbol and "parameter" in roles:
            place = 0
        elif roles & {"adjoint", "upstream", "carry"}:
            place = 1
        else:
            place = 2 if factor.is_Symbol else 3
        return place, self._first(factor), spelt(factor)

    def _term_key(self, term: sympy.Expr) -> tuple[int, int, int, str]:
        negative = term.could_extract_minus_sign()
        return int(negative), int(not term.is_number), self._first(term), spelt(term)

    def _first(self, expr: sympy.Expr) -> int:
        return min((self.order.get(name, 0) for name in names_in(expr)), default=-1)


@lru_cache(maxsize=2**12)
def spelt(expr: sympy.Basic) -> str:
    """What tells apart expressions that nothing else puts in an order."""
    return expr.name if isinstance(expr, sympy.Symbol) else str(expr)


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


def _is_decimal(value: sympy.Expr) -> bool:
    """Whether a rational is exact as a short decimal."""
    if not value.is_Rational:
        return False
    denominator = int(value.q)
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    return denominator == 1 and len(repr(float(value))) <= 10


def _number(value: sympy.Basic) -> Text:
    """A constant; fractions such as 1/3 stay fractions, decimals are printed as such."""
    if isinstance(value, SizeSymbol):
        raise AssertionError("sizes are printed by `size`")
    expr = sympy.sympify(value)
    if expr.is_Integer:
        text = str(int(expr)) if abs(int(expr)) < 10**15 else repr(float(expr))
        return Text(text, ATOM if expr >= 0 else PRODUCT)
    if expr.is_Rational and not _is_decimal(expr) and abs(expr.q) < 10**9 and abs(expr.p) < 10**9:
        return Text(f"{expr.p} / {expr.q}", PRODUCT)
    number = float(expr)
    return Text(repr(number), ATOM if number >= 0 else PRODUCT)
