"""LaTeX formulas that KaTeX, MathJax and amsmath accept."""

from __future__ import annotations

import re
from fractions import Fraction
from types import MappingProxyType

from ...sizes import Size
from .. import tree as t
from ..names import Name, split_name
from ..printer import Printer, Token, join
from .text import show_number, show_size

_COMMANDS = (
    "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon varphi chi "
    "psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega varsigma vartheta phi epsilon"
)
GREEK_COMMANDS = {
    letter: rf"\{word}"
    for letter, word in zip("αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩςϑϕϵ", _COMMANDS.split(), strict=True)
}
# Greek capitals that look like Latin ones have no command of their own.
_LOOKALIKE = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABEZHIKMNOPTXo", strict=True))
_FENCES = {
    "round": ("(", ")"),
    "square": ("[", "]"),
    "length": (r"\lVert ", r" \rVert"),
    "abs": (r"\lvert ", r" \rvert"),
    "angle": (r"\langle ", r" \rangle"),
}
_WIDE = {"bar": "overline", "tilde": "widetilde", "hat": "widehat"}


class LatexPrinter(Printer):
    """Formulas in LaTeX, fractions stacked."""

    stacked = True
    dimension = r"\dim"
    plus, minus, times, beside = "+", "-", r"\cdot", r"\, "
    products = MappingProxyType({"odot": r"\odot", "circ": r"\circ", "asterisk": r"\ast"})

    def __init__(self, product: str = "odot", macros: bool = False) -> None:
        super().__init__(product)
        self.top, self.loss = r"\top", "L"
        if macros:
            self.elementwise, self.top, self.loss = r"\symrnnproduct", r"\symrnntranspose", r"\symrnnloss"

    def name(self, name: Name) -> str:
        if name.gradient:
            loss = rf"\partial {self.loss}"
            return rf"\frac{{{loss}}}{{\partial {self.name(name.of)}}}" if name.of else loss
        if name.prefixed and name.of is not None:
            return rf"{_letters(name.base)} {self.name(name.of)}" if name.base != "d" else rf"d{self.name(name.of)}"
        head = rf"\mathrm{{{_escaped(name.base)}}}" if name.verbatim else _letters(name.base)
        for accent in name.accents:
            head = rf"\{_WIDE.get(accent, accent) if len(name.base) > 1 else accent}{{{head}}}"
        subscripts = [",".join(_index(part) for part in name.subscripts)] if name.subscripts else []
        if name.of is not None:
            subscripts.append(self.name(name.of))
        if name.time and not name.raised:
            subscripts.append(name.time)
        primed = head + "'" * name.primes
        below = f"_{{{','.join(subscripts)}}}" if subscripts else ""
        return primed + below + (f"^{{{name.time}}}" if name.time and name.raised else "")

    def number(self, value: Fraction, decimal: bool) -> str:
        shown = show_number(value, decimal)
        if "/" in shown:
            return rf"\tfrac{{{value.numerator}}}{{{value.denominator}}}"
        digits, _, power = shown.partition("e")
        return rf"{digits} \cdot 10^{{{power.replace('−', '-')}}}" if power else digits

    def constant(self, kind: str) -> str:
        return {"pi": r"\pi", "ones": r"\mathbf{1}", "identity": "I"}[kind]

    def size(self, size: Size) -> str:
        return _SIZE_WORD.sub(lambda word: _size_name(word[0]), show_size(size).replace("−", "-"))

    def zeros(self, size: str) -> str:
        return rf"\mathbf{{0}}_{{{size}}}"

    def power(self, base: str, exponent: Fraction, marked: bool) -> str:
        mark = f"{self.elementwise} " if marked else ""
        raised = f"{{{base}}}" if "'" in base else base
        return f"{raised}^{{{mark}{show_number(exponent, False)}}}"

    def transpose(self, base: str) -> str:
        return (f"{{{base}}}" if "'" in base else base) + f"^{{{self.top}}}"

    def quotient(self, numerator: list[Token], denominator: list[Token], depth: int) -> list[Token]:
        return [rf"\frac{{{_grown(join(numerator))}}}{{{_grown(join(denominator))}}}"]

    def function(self, call: t.Call) -> str:
        return call.latex + "'" * call.primes + (f"^{{{call.power}}}" if call.power != 1 else "")

    def fence(self, kind: str, inside: list[Token]) -> list[Token]:
        left, right = _FENCES[kind]
        if r"\frac" in join(inside):  # of a fixed size, so that a line may break between them
            return [rf"\Bigl{left}", *inside, rf"\Bigr{right.lstrip()}"]
        return [left, *inside, right]

    def root(self, base: t.Tree, inside: list[Token]) -> list[Token]:
        return [rf"\sqrt{{{_grown(join(inside))}}}"]

    def subscript(self, base: str, index: str) -> str:
        return f"{base}_{{{index}}}"

    def part(self, base: str, axes: str) -> str:
        return f"{base}[{axes}]"

    def axis(self, bounds: tuple[str, ...]) -> str:
        return "{:}".join(bounds)

    def place(self, axes: str, inside: str) -> str:
        return rf"\mathbf{{0}}[{axes} \leftarrow {inside}]"

    def relation(self, relation: tuple[str, str]) -> str:
        return relation[1]

    def time_sum(self) -> str:
        return r"\sum_{t=1}^{T} "

    def partial(self, of: str, by: str) -> str:
        return rf"\frac{{\partial {of}}}{{\partial {by}}}"


def _grown(formula: str) -> str:
    """A formula that no line break can reach: its brackets take their size from what they hold."""
    return formula.replace(r"\Bigl", r"\left").replace(r"\Bigr", r"\right")


def _letters(base: str) -> str:
    """A base: one letter is set in italics, a word upright."""
    if base in GREEK_COMMANDS:
        return GREEK_COMMANDS[base]
    if base in _LOOKALIKE:
        return rf"\mathrm{{{_LOOKALIKE[base]}}}"
    return base if len(base) == 1 else rf"\mathrm{{{_escaped(base)}}}"


def _index(part: str) -> str:
    """A subscript: up to two letters are indices, more are a word."""
    if part in GREEK_COMMANDS or part in _LOOKALIKE:
        return _letters(part)
    plain = part.isascii() and (len(part) <= 2 or part.isdigit())
    return part if plain else rf"\mathrm{{{_escaped(part)}}}"


def _escaped(word: str) -> str:
    """The inside of an upright word; a Greek letter leaves it for a moment."""
    pieces: list[str] = []
    for letter in word:
        if letter in GREEK_COMMANDS:
            pieces.append(GREEK_COMMANDS[letter] + " ")
        else:
            pieces.append(_LOOKALIKE.get(letter, r"\_" if letter == "_" else letter))
    return "".join(pieces).rstrip()


_SIZE_WORD = re.compile(r"[^\W\d]\w*")


def _size_name(word: str) -> str:
    return PRINTER.name(split_name(word))


def macro_file(product: str = "odot") -> str:
    """What the commands of formulas with macros mean, for an author to change: an \\input before the formulas."""
    printer = LatexPrinter(product)
    meanings = {"symrnnproduct": printer.elementwise, "symrnntranspose": printer.top, "symrnnloss": printer.loss}
    return "".join(f"\\newcommand{{\\{name}}}{{{meaning}}}\n" for name, meaning in meanings.items())


PRINTER = LatexPrinter()
_COMMAND = re.compile(r"\\([a-zA-Z]+) ?|\\.|[{}^_&]")
_SILENT = {
    "bar",
    "tilde",
    "hat",
    "overline",
    "widetilde",
    "widehat",
    "frac",
    "tfrac",
    "mathrm",
    "mathbf",
    "operatorname",
    "left",
    "right",
    "Bigl",
    "Bigr",
}


def measure(latex: str) -> int:
    """About how many letters wide a formula appears: a command counts as one, what only sets type as none."""
    return len(_COMMAND.sub(lambda found: "o" if found[1] and found[1] not in _SILENT else "", latex))
