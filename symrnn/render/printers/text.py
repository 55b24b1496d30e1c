"""Readable Unicode: formulas on lines of text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from functools import cache

from ...sizes import Size
from .. import tree as t
from ..names import Name
from ..printer import Break, Printer, Token, show_number, size_pieces

_RAISED = str.maketrans("0123456789-T", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ")
ACCENTS = {"bar": "\u0304", "tilde": "\u0303", "hat": "\u0302", "dot": "\u0307"}


class TextPrinter(Printer):
    """Formulas in Unicode, fractions on one line."""

    stacked = False

    def head(self, name: Name) -> str:
        """A base with combining accents, on every letter of a word."""
        marks = "".join(ACCENTS[accent] for accent in name.accents)
        base = "".join(letter + marks for letter in name.base)
        return (unicodedata.normalize("NFC", base) if marks else base) + "′" * name.primes

    def index(self, part: str) -> str:
        return part

    def before(self, base: str, of: str) -> str:
        return base + of

    def scripts(self, head: str, indices: list[str], time: str, raised: bool, layer: str, top: str) -> str:
        time = time.replace("-", "−")
        index = "_".join(indices)
        above = raise_layer(layer) + (self.superscript("", top) if top else "")
        if not time or raised:
            moment = time if len(time) <= 1 else f"{{{time}}}"
            return "_".join([head, *indices]) + above + (f"^{moment}" if time else "")
        return self.subscript(head, f"{index},{time}" if index else time) + above

    def total(self, step: str, last: str) -> str:
        return f"Σ_{step} " if last.isupper() else f"Σ_{{{step}≤{last}}} "  # over the steps of a sequence

    def number(self, value: Fraction, decimal: bool) -> str:
        return show_number(value, decimal)

    def ratio(self, value: Fraction) -> str:
        return show_number(value, False)

    def size(self, size: Size) -> str:
        return show_size(size)

    def power(self, base: str, exponent: Fraction, marked: bool) -> str:
        whole = exponent.denominator == 1
        if whole and not marked:
            return self.superscript(base, str(exponent))
        shown = show_number(exponent, False)
        return f"{base}^{self.elementwise if marked else ''}{shown if whole else f'({shown})'}"

    def superscript(self, base: str, sign: str) -> str:
        return base + sign.translate(_RAISED)

    def subscript(self, base: str, sign: str) -> str:
        return f"{base}_{sign}" if len(sign) == 1 else f"{base}_{{{sign}}}"

    def quotient(self, numerator: list[Token], denominator: list[Token], depth: int) -> list[Token]:
        return [*numerator, Break(depth + 1), "/ ", *denominator]

    def word(self, call: t.Call) -> str:
        return call.text

    def root(self, base: t.Tree, inside: list[Token]) -> list[Token]:
        return ["√", *inside] if isinstance(base, t.Symbol | t.Number | t.Constant) else ["√(", *inside, ")"]

    def axis(self, bounds: Sequence[str]) -> str:
        return ":".join(bound.replace(" ", "") for bound in bounds)

    def partial(self, of: str, by: str) -> str:
        return f"∂{of}/∂{by}"

    def measure(self, formula: str) -> int:
        return columns(formula)


def show_size(size: Size) -> str:
    """n + m, 4n, 2n − 1; n⁽¹⁾ of a layer"""
    pieces = (piece.rpartition(".") for piece in size_pieces(size))
    return "".join(name + raise_layer(layer) for layer, _, name in pieces)


_HIGH = str.maketrans("0123456789abcdefghijklmnoprstuvwxyz,", "⁰¹²³⁴⁵⁶⁷⁸⁹ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ⸴")


def raise_layer(layer: str) -> str:
    """⁽¹⁾, or ^(Q) where a letter has no small form."""
    if not layer:
        return ""
    high = layer.translate(_HIGH)
    return f"⁽{high}⁾" if not set(high) & set(layer) else f"^({layer})"


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: combining accents none, Chinese letters two."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


@cache
def _columns_of(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
