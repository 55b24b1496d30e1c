"""Typst formulas, for pages and for PDF without a TeX installation."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType

from .. import tree as t
from ..names import Name
from ..printer import FilledLine, Printer, Token, is_size, join

# Brackets stand as private characters until a line is complete: in a broken formula they have no partner on their line.
_PAIRED = dict(zip("\ue000\ue001\ue002\ue003\ue004\ue005\ue006\ue007\ue008\ue009", "()[]‖‖||⟨⟩", strict=True))
_ESCAPED = {letter: rf"\{sign}" for letter, sign in _PAIRED.items()}
_FUNCTIONS = {"tanh", "exp", "log", "sin", "cos", "max", "min"}
_ACCENTS = {"bar": "macron", "tilde": "tilde", "hat": "hat", "dot": "dot"}
_CODE = re.compile(r'frac|upright|bold|overline|macron|tilde|hat|sqrt|dot\.op|thin|top|op\(|[_^()"\\]')


_LONG = re.compile("[a-z]{2,}")


class TypstPrinter(Printer):
    """Formulas in Typst's mathematics, fractions stacked."""

    minus, times, beside, prime, curly, becomes = "-", "dot.op", " thin ", "'", "∂ ", " ← "
    comma, semicolon, colon, brackets = r"\, ", r"\; ", " : ", (" \ue002", "\ue003")
    dimension, zero, top = 'op("dim")', "upright(bold(0))", "top"
    fences = MappingProxyType(
        {
            "round": "\ue000\ue001",
            "square": "\ue002\ue003",
            "length": "\ue004\ue005",
            "abs": "\ue006\ue007",
            "angle": "\ue008\ue009",
        }
    )
    constants = MappingProxyType({"pi": "π", "ones": "upright(bold(1))", "identity": "I", "dots": "dots"})

    def head(self, name: Name) -> str:
        head = _letters(name.base) if not name.verbatim else _word(name.base)
        for accent in name.accents:
            head = f"overline({head})" if accent == "bar" and len(name.base) > 1 else f"{_ACCENTS[accent]}({head})"
        return head + "'" * name.primes

    def index(self, part: str) -> str:
        if len(part) == 1 or part.isdigit():
            return part
        return " ".join(part) if len(part) == 2 and part.isascii() and part.isalpha() else _word(part)

    def before(self, base: str, of: str) -> str:
        return f"{base} {of}"

    def scripts(self, head: str, indices: list[str], time: str, raised: bool, layer: str, top: str) -> str:
        time = _LONG.sub(lambda word: _word(word[0]), time)
        low = r"\,".join([*indices, time] if time and not raised else indices)
        word = f"\ue000{self.index(layer)}\ue001 {top}".rstrip() if layer else ""
        high = r"\,".join(part for part in (word, time if raised else "") if part)
        return head + (f"_({low})" if low else "") + (f"^({high})" if high else "")

    def total(self, step: str, last: str) -> str:
        return f"sum_({step}=1)^{_letters(last)} "

    def ratio(self, value: Fraction) -> str:
        return f"{value.numerator}/{value.denominator}"

    def size_piece(self, piece: str) -> str:
        return f" {super().size_piece(piece)}" if is_size(piece) else super().size_piece(piece)

    def superscript(self, base: str, sign: str) -> str:
        return f"{base}^{sign}" if sign == self.top else f"{base}^({sign})"

    def subscript(self, base: str, sign: str) -> str:
        return f"{base}_({sign})"

    def quotient(self, numerator: list[Token], denominator: list[Token], depth: int) -> list[Token]:
        return [f"frac({join(numerator)}, {join(denominator)})"]

    def word(self, call: t.Call) -> str:
        return call.text if call.text in _FUNCTIONS or len(call.text) == 1 else f'op("{call.text}")'

    def root(self, base: t.Tree, inside: list[Token]) -> list[Token]:
        return [f"sqrt({join(inside)})"]

    def measure(self, formula: str) -> int:
        return len(_CODE.sub("", formula).replace("  ", " "))

    def flat(self, node: t.Tree) -> str:
        return _finished(super().flat(node))

    def lines(self, node: t.Tree, width: int) -> list[FilledLine]:
        return [replace(line, text=_finished(line.text)) for line in super().lines(node, width)]


def _finished(line: str) -> str:
    """A line with its brackets: pairs that grow with what they hold, or plain ones where a partner is elsewhere."""
    opened = 0
    balanced = True
    for letter in line:
        if letter in _PAIRED:
            opened += 1 if ord(letter) % 2 == 0 else -1
            balanced &= opened >= 0
    signs = _PAIRED if balanced and opened == 0 else _ESCAPED
    return "".join(signs.get(letter, letter) for letter in line)


def _letters(base: str) -> str:
    return base if len(base) == 1 else _word(base)


def _word(word: str) -> str:
    return f'upright("{word}")'
