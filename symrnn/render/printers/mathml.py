"""MathML Core: formulas for browsers, which need no script to show them."""

from __future__ import annotations

import re
from fractions import Fraction
from html import escape
from types import MappingProxyType

from ...sizes import Size
from .. import tree as t
from ..names import Name, split_name
from ..printer import Printer, Token, join
from .text import show_number, show_size

_FENCES = {"round": "()", "square": "[]", "length": "‖‖", "abs": "||", "angle": "⟨⟩"}
_ACCENTS = {"bar": "¯", "tilde": "˜", "hat": "^"}


class MathMLPrinter(Printer):
    """Formulas as elements of MathML, fractions stacked. Every token is a piece of well-formed XML."""

    stacked = True
    dimension = "<mi>dim</mi>"
    # A line may begin with any of these signs: that they stand between two operands has to be said.
    plus, minus, times = '<mo form="infix">+</mo>', '<mo form="infix">−</mo>', '<mo form="infix">⋅</mo>'
    negative = '<mo form="prefix">−</mo>'
    beside = '<mspace width="0.17em"/>'
    comma, semicolon = '<mo separator="true">,</mo> ', '<mo separator="true">;</mo> '
    equals = "<mo>=</mo>"
    products = MappingProxyType(
        {word: f'<mo form="infix">{sign}</mo>' for word, sign in (("odot", "⊙"), ("circ", "∘"), ("asterisk", "∗"))}
    )

    def name(self, name: Name) -> str:
        if name.gradient:
            by = f"<mi>∂</mi>{self.name(name.of)}" if name.of else ""
            return f"<mfrac><mrow><mi>∂</mi><mi>L</mi></mrow><mrow>{by}</mrow></mfrac>"
        if name.prefixed and name.of is not None:
            return f"<mrow><mi>{escape(name.base)}</mi>{self.name(name.of)}</mrow>"
        head = _word(name.base)
        for accent in name.accents:
            head = f'<mover accent="true">{head}<mo stretchy="false">{_ACCENTS[accent]}</mo></mover>'
        if name.primes:
            head = f"<msup>{head}<mo>{'′' * name.primes}</mo></msup>"
        subscripts = [_word(part) for part in name.subscripts]
        if name.of is not None:
            subscripts.append(self.name(name.of))
        if name.time and not name.raised:
            subscripts.append(_time(name.time))
        below = "<mrow>" + '<mo separator="true" lspace="0" rspace="0">,</mo>'.join(subscripts) + "</mrow>"
        if name.time and name.raised:
            above = f"<mrow>{_time(name.time)}</mrow>"
            return f"<msubsup>{head}{below}{above}</msubsup>" if subscripts else f"<msup>{head}{above}</msup>"
        return f"<msub>{head}{below}</msub>" if subscripts else head

    def number(self, value: Fraction, decimal: bool) -> str:
        shown = show_number(value, decimal)
        if "/" in shown:
            return f"<mfrac><mn>{value.numerator}</mn><mn>{value.denominator}</mn></mfrac>"
        digits, _, power = shown.partition("e")
        scaled = f"<mo>⋅</mo><msup><mn>10</mn><mn>{power}</mn></msup>" if power else ""
        return f"<mn>{digits}</mn>{scaled}"

    def constant(self, kind: str) -> str:
        return {"pi": "<mi>π</mi>", "ones": "<mn>𝟏</mn>", "identity": "<mi>I</mi>"}[kind]

    def size(self, size: Size) -> str:
        return "".join(_size_piece(piece) for piece in _SIZE_PIECE.findall(show_size(size)))

    def zeros(self, size: str) -> str:
        return f"<msub><mn>𝟎</mn><mrow>{size}</mrow></msub>"

    def power(self, base: str, exponent: Fraction, marked: bool) -> str:
        mark = self.elementwise if marked else ""
        shown = self.number(exponent, False)
        return _raised(base, f"<mrow>{mark}{shown}</mrow>")

    def transpose(self, base: str) -> str:
        return _raised(base, "<mo>⊤</mo>")

    def quotient(self, numerator: list[Token], denominator: list[Token], depth: int) -> list[Token]:
        return [f"<mfrac><mrow>{join(numerator)}</mrow><mrow>{join(denominator)}</mrow></mfrac>"]

    def function(self, call: t.Call) -> str:
        head = f"<mi>{escape(call.text)}</mi>"
        if call.primes:
            head = f"<msup>{head}<mo>{'′' * call.primes}</mo></msup>"
        return f"<msup>{head}<mn>{call.power}</mn></msup>" if call.power != 1 else head

    def fence(self, kind: str, inside: list[Token]) -> list[Token]:
        left, right = _FENCES[kind]
        grows = "" if "<mfrac>" in join(inside) else ' stretchy="false"'
        opening, closing = ('form="prefix"', 'form="postfix"')
        return [f"<mo {opening}{grows}>{left}</mo>", *inside, f"<mo {closing}{grows}>{right}</mo>"]

    def root(self, base: t.Tree, inside: list[Token]) -> list[Token]:
        return [f"<msqrt>{join(inside)}</msqrt>"]

    def subscript(self, base: str, index: str) -> str:
        return f"<msub><mrow>{base}</mrow><mi>{index}</mi></msub>"

    def part(self, base: str, axes: str) -> str:
        return f'{base}<mo form="prefix" stretchy="false">[</mo>{axes}<mo form="postfix" stretchy="false">]</mo>'

    def axis(self, bounds: tuple[str, ...]) -> str:
        return '<mo lspace="0" rspace="0">:</mo>'.join(bounds)

    def place(self, axes: str, inside: str) -> str:
        return (
            f'<mn>𝟎</mn><mo form="prefix" stretchy="false">[</mo>{axes}<mo>←</mo>{inside}'
            '<mo form="postfix" stretchy="false">]</mo>'
        )

    def relation(self, relation: tuple[str, str]) -> str:
        return f"<mo>{escape(relation[0])}</mo>"

    def time_sum(self) -> str:
        limits = "<mrow><mi>t</mi><mo>=</mo><mn>1</mn></mrow><mi>T</mi>"
        return f'<munderover><mo movablelimits="false">∑</mo>{limits}</munderover>'

    def partial(self, of: str, by: str) -> str:
        return f"<mfrac><mrow><mi>∂</mi>{of}</mrow><mrow><mi>∂</mi>{by}</mrow></mfrac>"


def _raised(base: str, superscript: str) -> str:
    """A superscript, above the subscript where the base ends in one."""
    depth = 0
    single = base.startswith("<msub>")
    for mark in re.finditer(r"<(/?)msub>", base) if single else ():
        depth += -1 if mark[1] else 1
        single &= depth > 0 or mark.end() == len(base)
    if single:
        return f"<msubsup>{base.removeprefix('<msub>').removesuffix('</msub>')}{superscript}</msubsup>"
    return f"<msup><mrow>{base}</mrow>{superscript}</msup>"


def _word(word: str) -> str:
    return f"<mn>{word}</mn>" if word.isdigit() else f"<mi>{escape(word)}</mi>"


def _time(time: str) -> str:
    return "".join(_size_piece(piece) for piece in re.findall(r"[A-Za-z]|\d+|[-+]", time))


def _size_piece(piece: str) -> str:
    if piece in "+-−":
        return f"<mo>{piece.replace('-', '−')}</mo>"
    return f"<mn>{piece}</mn>" if piece.isdigit() else PRINTER.name(split_name(piece))


_SIZE_PIECE = re.compile(r"[^\W\d]\w*|\d+|[+−]")
_ELEMENT = re.compile(r"<[^>]*>")
PRINTER = MathMLPrinter()


def measure(mathml: str) -> int:
    """About how many letters wide a formula appears; what stands below a fraction bar counts too."""
    return len(_ELEMENT.sub("", mathml).replace("&gt;", ">").replace("&lt;", "<"))
