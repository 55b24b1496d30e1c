"""Readable Unicode: formulas on lines of text."""

from __future__ import annotations

import unicodedata
from fractions import Fraction
from functools import cache
from types import MappingProxyType

from ...sizes import Size
from .. import tree as t
from ..names import Name
from ..printer import Break, Printer, Token

_RAISED = str.maketrans("0123456789-/", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᐟ")
_FENCES = {"round": "()", "square": "[]", "length": "‖‖", "abs": "||", "angle": "⟨⟩"}
_ACCENTS = {"bar": "\u0304", "tilde": "\u0303", "hat": "\u0302"}


class TextPrinter(Printer):
    """Formulas in Unicode, fractions on one line."""

    stacked = False
    dimension = "dim"
    plus, minus, times, beside = "+", "−", "·", " "
    products = MappingProxyType({"odot": "⊙", "circ": "∘", "asterisk": "∗"})

    def name(self, name: Name) -> str:
        if name.gradient:
            return f"∂L/∂{self.name(name.of)}" if name.of else "∂L"
        if name.prefixed and name.of is not None:
            return name.base + self.name(name.of)
        subscripts = list(name.subscripts)
        if name.of is not None:
            subscripts.append(self.name(name.of))
        head = _accented(name.base, name.accents) + "′" * name.primes
        if not name.time:
            return "_".join([head, *subscripts])
        time = name.time.replace("-", "−")
        if name.raised:
            return "_".join([head, *subscripts]) + (f"^{time}" if len(time) == 1 else f"^{{{time}}}")
        if subscripts:
            return f"{head}_{{{'_'.join(subscripts)},{time}}}"
        return f"{head}_{time}" if len(time) == 1 else f"{head}_{{{time}}}"

    def number(self, value: Fraction, decimal: bool) -> str:
        return show_number(value, decimal)

    def constant(self, kind: str) -> str:
        return {"pi": "π", "ones": "𝟏", "identity": "I"}[kind]

    def size(self, size: Size) -> str:
        return show_size(size)

    def zeros(self, size: str) -> str:
        return f"𝟎_{size}" if len(size) == 1 else f"𝟎_{{{size}}}"

    def power(self, base: str, exponent: Fraction, marked: bool) -> str:
        whole = exponent.denominator == 1
        if whole and not marked:
            return base + str(exponent.numerator).translate(_RAISED)
        shown = show_number(exponent, False)
        return f"{base}^{self.elementwise if marked else ''}{shown if whole else f'({shown})'}"

    def transpose(self, base: str) -> str:
        return base + "ᵀ"

    def quotient(self, numerator: list[Token], denominator: list[Token], depth: int) -> list[Token]:
        return [*numerator, Break(depth + 1), "/ ", *denominator]

    def function(self, call: t.Call) -> str:
        return call.text + "′" * call.primes + (str(call.power).translate(_RAISED) if call.power != 1 else "")

    def fence(self, kind: str, inside: list[Token]) -> list[Token]:
        left, right = _FENCES[kind]
        return [left, *inside, right]

    def root(self, base: t.Tree, inside: list[Token]) -> list[Token]:
        return ["√", *inside] if isinstance(base, t.Symbol | t.Number | t.Constant) else ["√(", *inside, ")"]

    def subscript(self, base: str, index: str) -> str:
        return f"{base}_{index}"

    def part(self, base: str, axes: str) -> str:
        return f"{base}[{axes}]"

    def axis(self, bounds: tuple[str, ...]) -> str:
        return ":".join(bound.replace(" ", "") for bound in bounds)

    def place(self, axes: str, inside: str) -> str:
        return f"𝟎[{axes} ← {inside}]"

    def relation(self, relation: tuple[str, str]) -> str:
        return relation[0]

    def time_sum(self) -> str:
        return "Σ_t "

    def partial(self, of: str, by: str) -> str:
        return f"∂{of}/∂{by}"


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


def show_size(size: Size) -> str:
    """n + m, 4n, 2n − 1"""
    parts = [(k, f"{'' if abs(k) == 1 else abs(k)}{name}") for name, k in size.coefficients]
    if size.constant or not parts:
        parts.append((size.constant, str(abs(size.constant))))
    # What is added comes before what is taken away.
    parts.sort(key=lambda pair: pair[0] < 0)
    first = ("−" if parts[0][0] < 0 else "") + parts[0][1]
    return first + "".join(f" {'−' if k < 0 else '+'} {text}" for k, text in parts[1:])


def _accented(base: str, accents: tuple[str, ...]) -> str:
    """A base with combining accents, on every letter of a word."""
    marks = "".join(_ACCENTS[accent] for accent in accents)
    return unicodedata.normalize("NFC", "".join(letter + marks for letter in base)) if marks else base


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: combining accents none, Chinese letters two."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


@cache
def _columns_of(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
