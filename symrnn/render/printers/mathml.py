"""MathML Core: formulas for browsers, which need no script to show them."""

from __future__ import annotations

import re
from fractions import Fraction
from html import escape
from types import MappingProxyType

from .. import tree as t
from ..names import Name, name_size
from ..printer import Printer, Token, is_size, join, show_number

_ACCENTS = {"bar": "¯", "tilde": "˜", "hat": "^", "dot": "˙"}
_ELEMENT = re.compile(r"<[^>]*>")


def _infix(sign: str) -> str:
    """A line may begin with any of these signs: that they stand between two operands has to be said."""
    return f'<mo form="infix">{sign}</mo>'


class MathMLPrinter(Printer):
    """Formulas as elements of MathML, fractions stacked. Every token is a piece of well-formed XML."""

    plus, minus, times, negative = _infix("+"), _infix("−"), _infix("⋅"), '<mo form="prefix">−</mo>'
    comma, semicolon, beside = (
        '<mo separator="true">,</mo> ',
        '<mo separator="true">;</mo> ',
        '<mspace width="0.17em"/>',
    )
    dimension, loss, equals, top, curly = "<mi>dim</mi>", "<mi>L</mi>", "<mo>=</mo>", "<mo>⊤</mo>", "<mi>∂</mi>"
    zero, becomes, colon = "<mn>𝟎</mn>", "<mo>←</mo>", '<mo lspace="0" rspace="0">:</mo>'
    brackets = '<mo form="prefix" stretchy="false">[</mo>', '<mo form="postfix" stretchy="false">]</mo>'
    products = MappingProxyType({word: _infix(sign) for word, sign in Printer.products.items()})
    constants = MappingProxyType(
        {"pi": "<mi>π</mi>", "ones": "<mn>𝟏</mn>", "identity": "<mi>I</mi>", "dots": "<mo>…</mo>"}
    )

    def head(self, name: Name) -> str:
        head = self.index(name.base)
        for accent in name.accents:
            head = f'<mover accent="true">{head}<mo stretchy="false">{_ACCENTS[accent]}</mo></mover>'
        return f"<msup>{head}<mo>{'′' * name.primes}</mo></msup>" if name.primes else head

    def index(self, part: str) -> str:
        return f"<mn>{part}</mn>" if part.isdigit() else f"<mi>{escape(part)}</mi>"

    def before(self, base: str, of: str) -> str:
        return f"<mrow><mi>{escape(base)}</mi>{of}</mrow>"

    def scripts(self, head: str, indices: list[str], time: str, raised: bool, layer: str, top: str) -> str:
        moment = "".join(self.size_piece(piece) for piece in re.findall(r"[A-Za-z]+|\d+|[-+]", time))
        low = [*indices, moment] if time and not raised else indices
        comma = '<mo separator="true" lspace="0" rspace="0">,</mo>'
        below = f"<mrow>{comma.join(low)}</mrow>"
        word = f'<mo stretchy="false">(</mo>{self.index(layer)}<mo stretchy="false">)</mo>{top}' if layer else ""
        high = [part for part in (word, moment if raised else "") if part]
        if high:
            above = f"<mrow>{comma.join(high)}</mrow>"
            return f"<msubsup>{head}{below}{above}</msubsup>" if low else f"<msup>{head}{above}</msup>"
        return f"<msub>{head}{below}</msub>" if low else head

    def total(self, step: str, last: str) -> str:
        return (
            f'<munderover><mo movablelimits="false">∑</mo><mrow><mi>{step}</mi><mo>=</mo><mn>1</mn></mrow>'
            f"<mi>{last}</mi></munderover>"
        )

    def number(self, value: Fraction, decimal: bool) -> str:
        shown = show_number(value, decimal)
        if "/" in shown:
            return self.ratio(value)
        digits, _, power = shown.partition("e")
        return f"<mn>{digits}</mn>" + (f"<mo>⋅</mo><msup><mn>10</mn><mn>{power}</mn></msup>" if power else "")

    def ratio(self, value: Fraction) -> str:
        return f"<mfrac><mn>{value.numerator}</mn><mn>{value.denominator}</mn></mfrac>"

    def size_piece(self, piece: str) -> str:
        if piece.isdigit():
            return f"<mn>{piece}</mn>"
        return self.name(name_size(piece)) if is_size(piece) else f"<mo>{piece.strip().replace('-', '−')}</mo>"

    def zeros(self, size: str) -> str:
        return f"<msub>{self.zero}<mrow>{size}</mrow></msub>"

    def power(self, base: str, exponent: Fraction, marked: bool) -> str:
        mark = self.elementwise if marked else ""
        return self.superscript(base, f"<mrow>{mark}{self.number(exponent, False)}</mrow>")

    def superscript(self, base: str, sign: str) -> str:
        """A sign above, and above the subscript where the base ends in one."""
        depth = 0
        single = base.startswith("<msub>")
        for mark in re.finditer(r"<(/?)msub>", base) if single else ():
            depth += -1 if mark[1] else 1
            single &= depth > 0 or mark.end() == len(base)
        if single:
            return f"<msubsup>{base.removeprefix('<msub>').removesuffix('</msub>')}{sign}</msubsup>"
        return f"<msup><mrow>{base}</mrow>{sign}</msup>"

    def subscript(self, base: str, sign: str) -> str:
        return f"<msub><mrow>{base}</mrow><mi>{sign}</mi></msub>"

    def quotient(self, numerator: list[Token], denominator: list[Token], depth: int) -> list[Token]:
        return [f"<mfrac><mrow>{join(numerator)}</mrow><mrow>{join(denominator)}</mrow></mfrac>"]

    def word(self, call: t.Call) -> str:
        return f"<mi>{escape(call.text)}</mi>"

    def function(self, call: t.Call) -> str:
        head = self.word(call)
        if call.primes:
            head = f"<msup>{head}<mo>{'′' * call.primes}</mo></msup>"
        return f"<msup>{head}<mn>{call.power}</mn></msup>" if call.power != 1 else head

    def fence(self, kind: str, inside: list[Token]) -> list[Token]:
        left, right = self.fences[kind]
        grows = "" if "<mfrac>" in join(inside) else ' stretchy="false"'
        return [f'<mo form="prefix"{grows}>{left}</mo>', *inside, f'<mo form="postfix"{grows}>{right}</mo>']

    def root(self, base: t.Tree, inside: list[Token]) -> list[Token]:
        return [f"<msqrt>{join(inside)}</msqrt>"]

    def relation(self, text: str, latex: str) -> str:
        return f"<mo>{escape(text)}</mo>"

    def measure(self, formula: str) -> int:
        """What stands below a fraction bar counts too."""
        return len(_ELEMENT.sub("", formula).replace("&gt;", ">").replace("&lt;", "<"))
