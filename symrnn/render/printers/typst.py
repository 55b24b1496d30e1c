"""Typst formulas, for pages and for PDF without a TeX installation."""

from __future__ import annotations

import re
from fractions import Fraction
from types import MappingProxyType

from ...sizes import Size
from .. import tree as t
from ..names import Name, split_name
from ..printer import Printer, Token, join
from .text import show_number, show_size

# Brackets stand as private characters until a line is complete: in a broken formula they have no partner on their line.
_FENCES = {
    "round": ("\ue000", "\ue001"),
    "square": ("\ue002", "\ue003"),
    "length": ("\ue004", "\ue005"),
    "abs": ("\ue006", "\ue007"),
    "angle": ("\ue008", "\ue009"),
}
_PAIRED = dict(zip("\ue000\ue001\ue002\ue003\ue004\ue005\ue006\ue007\ue008\ue009", "()[]‖‖||⟨⟩", strict=True))
_ESCAPED = {letter: rf"\{sign}" for letter, sign in _PAIRED.items()}
_FUNCTIONS = {"tanh", "exp", "log", "sin", "cos", "max", "min"}
_ACCENTS = {"bar": "macron", "tilde": "tilde", "hat": "hat"}


class TypstPrinter(Printer):
    """Formulas in Typst's mathematics, fractions stacked."""

    stacked = True
    dimension = 'op("dim")'
    plus, minus, times, beside = "+", "-", "dot.op", " thin "
    comma, semicolon = r"\, ", r"\; "
    products = MappingProxyType({"odot": "⊙", "circ": "∘", "asterisk": "∗"})

    def name(self, name: Name) -> str:
        if name.gradient:
            return f"frac(∂ L, ∂ {self.name(name.of)})" if name.of else "∂ L"
        if name.prefixed and name.of is not None:
            return f"{name.base} {self.name(name.of)}"
        head = _word(name.base) if name.verbatim else _letters(name.base)
        for accent in name.accents:
            head = f"overline({head})" if accent == "bar" and len(name.base) > 1 else f"{_ACCENTS[accent]}({head})"
        head += "'" * name.primes
        subscripts = [r"\,".join(_index(part) for part in name.subscripts)] if name.subscripts else []
        if name.of is not None:
            subscripts.append(self.name(name.of))
        if name.time and not name.raised:
            subscripts.append(name.time)
        index = r"\,".join(subscripts)
        below = f"_({index})" if subscripts else ""
        return head + below + (f"^({name.time})" if name.time and name.raised else "")

    def number(self, value: Fraction, decimal: bool) -> str:
        shown = show_number(value, decimal)
        if "/" in shown:
            return f"{value.numerator}/{value.denominator}"
        digits, _, power = shown.partition("e")
        return f"{digits} dot.op 10^({power.replace('−', '-')})" if power else digits

    def constant(self, kind: str) -> str:
        return {"pi": "π", "ones": "upright(bold(1))", "identity": "I"}[kind]

    def size(self, size: Size) -> str:
        return _SIZE_WORD.sub(
            lambda word: f" {self.name(split_name(word[0]))}", show_size(size).replace("−", "-")
        ).strip()

    def zeros(self, size: str) -> str:
        return f"upright(bold(0))_({size})"

    def power(self, base: str, exponent: Fraction, marked: bool) -> str:
        mark = f"{self.elementwise} " if marked else ""
        return f"{base}^({mark}{show_number(exponent, False)})"

    def transpose(self, base: str) -> str:
        return f"{base}^top"

    def quotient(self, numerator: list[Token], denominator: list[Token], depth: int) -> list[Token]:
        return [f"frac({join(numerator)}, {join(denominator)})"]

    def function(self, call: t.Call) -> str:
        word = call.text if call.text in _FUNCTIONS or len(call.text) == 1 else f'op("{call.text}")'
        return word + "'" * call.primes + (f"^({call.power})" if call.power != 1 else "")

    def fence(self, kind: str, inside: list[Token]) -> list[Token]:
        left, right = _FENCES[kind]
        return [left, *inside, right]

    def root(self, base: t.Tree, inside: list[Token]) -> list[Token]:
        return [f"sqrt({join(inside)})"]

    def subscript(self, base: str, index: str) -> str:
        return f"{base}_({index})"

    def part(self, base: str, axes: str) -> str:
        return f"{base} \ue002{axes}\ue003"

    def axis(self, bounds: tuple[str, ...]) -> str:
        return " : ".join(bounds).strip() if len(bounds) == 1 or any(bounds) else ":"

    def place(self, axes: str, inside: str) -> str:
        return f"upright(bold(0)) \ue002{axes} ← {inside}\ue003"

    def relation(self, relation: tuple[str, str]) -> str:
        return relation[0]

    def time_sum(self) -> str:
        return "sum_(t=1)^T "

    def partial(self, of: str, by: str) -> str:
        return f"frac(∂ {of}, ∂ {by})"

    def flat(self, node: t.Tree) -> str:
        return finish(super().flat(node))


def finish(line: str) -> str:
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


def _index(part: str) -> str:
    if len(part) == 1 or part.isdigit():
        return part
    return " ".join(part) if len(part) == 2 and part.isascii() and part.isalpha() else _word(part)


def _word(word: str) -> str:
    return f'upright("{word}")'


_SIZE_WORD = re.compile(r"[^\W\d]\w*")
_CODE = re.compile(r'frac|upright|bold|overline|macron|tilde|hat|sqrt|dot\.op|thin|top|op\(|[_^()"\\]')


def measure(typst: str) -> int:
    """About how many letters wide a formula appears."""
    return len(_CODE.sub("", typst).replace("  ", " "))


PRINTER = TypstPrinter()
