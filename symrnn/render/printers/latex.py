"""LaTeX formulas that KaTeX, MathJax and amsmath accept."""

from __future__ import annotations

import re
from fractions import Fraction
from types import MappingProxyType

from .. import tree as t
from ..names import Name
from ..printer import Printer, Token, join

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
_WIDE = {"bar": "overline", "tilde": "widetilde", "hat": "widehat"}
_COMMAND = re.compile(r"\\([a-zA-Z]+) ?|\\.|[{}^_&]")
_SILENT = {
    "bar", "tilde", "hat", "dot", "overline", "widetilde", "widehat", "frac", "tfrac", "mathrm", "mathbf",
    "operatorname", "left", "right", "Bigl", "Bigr",
}  # fmt: skip


_LONG = re.compile("[a-z]{2,}")


class LatexPrinter(Printer):
    """Formulas in LaTeX, fractions stacked."""

    minus, times, beside, prime, curly, top = "-", r"\cdot", r"\, ", "'", r"\partial ", r"\top"
    dimension, zero, becomes, colon = r"\dim", r"\mathbf{0}", r" \leftarrow ", "{:}"
    fences = MappingProxyType(
        {
            "round": ("(", ")"),
            "square": ("[", "]"),
            "length": (r"\lVert ", r" \rVert"),
            "abs": (r"\lvert ", r" \rvert"),
            "angle": (r"\langle ", r" \rangle"),
        }
    )
    products = MappingProxyType({"odot": r"\odot", "circ": r"\circ", "asterisk": r"\ast", "kronecker": r"\otimes"})
    constants = MappingProxyType({"pi": r"\pi", "ones": r"\mathbf{1}", "identity": "I", "dots": r"\dots"})

    def head(self, name: Name) -> str:
        head = rf"\mathrm{{{_escaped(name.base)}}}" if name.verbatim else _letters(name.base)
        for accent in name.accents:
            head = rf"\{_WIDE.get(accent, accent) if len(name.base) > 1 else accent}{{{head}}}"
        return head + "'" * name.primes

    def index(self, part: str) -> str:
        """A subscript: up to two letters are indices, more are a word."""
        if part in GREEK_COMMANDS or part in _LOOKALIKE:
            return _letters(part)
        plain = part.isascii() and (len(part) <= 2 or part.isdigit())
        return part if plain else rf"\mathrm{{{_escaped(part)}}}"

    def before(self, base: str, of: str) -> str:
        return rf"{_letters(base)} {of}" if base != "d" else rf"d{of}"

    def scripts(self, head: str, indices: list[str], time: str, raised: bool, layer: str, top: str) -> str:
        time = _LONG.sub(lambda word: rf"\mathrm{{{word[0]}}}", time)
        low = ",".join([*indices, time] if time and not raised else indices)
        word = rf"\mathrm{{{_escaped(layer)}}}" if len(layer) > 1 and layer.isalpha() else layer
        high = ",".join([*([f"({word}){top}"] if layer else []), *([time] if time and raised else [])])
        head = f"{{{head}}}" if high and "'" in head else head
        return head + (f"_{{{low}}}" if low else "") + (f"^{{{high}}}" if high else "")

    def total(self, step: str, last: str) -> str:
        return rf"\sum_{{{step}=1}}^{{{last}}} "

    def ratio(self, value: Fraction) -> str:
        return rf"\tfrac{{{value.numerator}}}{{{value.denominator}}}"

    def superscript(self, base: str, sign: str) -> str:
        return (f"{{{base}}}" if "'" in base else base) + f"^{{{sign}}}"

    def subscript(self, base: str, sign: str) -> str:
        return f"{base}_{{{sign}}}"

    def quotient(self, numerator: list[Token], denominator: list[Token], depth: int) -> list[Token]:
        return [rf"\frac{{{_grown(join(numerator))}}}{{{_grown(join(denominator))}}}"]

    def word(self, call: t.Call) -> str:
        return call.latex

    def fence(self, kind: str, inside: list[Token]) -> list[Token]:
        left, right = self.fences[kind]
        if r"\frac" in join(inside):  # of a fixed size, so that a line may break between them
            return [rf"\Bigl{left}", *inside, rf"\Bigr{right.lstrip()}"]
        return [left, *inside, right]

    def root(self, base: t.Tree, inside: list[Token]) -> list[Token]:
        return [rf"\sqrt{{{_grown(join(inside))}}}"]

    def relation(self, text: str, latex: str) -> str:
        return latex

    def measure(self, formula: str) -> int:
        """A command counts as one letter, what only sets type as none."""
        return len(_COMMAND.sub(lambda found: "o" if found[1] and found[1] not in _SILENT else "", formula))


class MacroPrinter(LatexPrinter):
    """LaTeX with commands for some signs, which `macro_file` defines and an author may change."""

    top, loss = r"\symrnntranspose", r"\symrnnloss"
    products = MappingProxyType(
        {**dict.fromkeys(LatexPrinter.products, r"\symrnnproduct"), "kronecker": LatexPrinter.products["kronecker"]}
    )


def macro_file(product: str = "odot") -> str:
    """What the commands of formulas with macros mean, for an author to change: an \\input before the formulas."""
    command, meaning = MacroPrinter(product), LatexPrinter(product)
    return "".join(
        f"\\newcommand{{{getattr(command, sign)}}}{{{getattr(meaning, sign)}}}\n"
        for sign in ("elementwise", "top", "loss")
    )


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


def _escaped(word: str) -> str:
    """The inside of an upright word; a Greek letter leaves it for a moment."""
    pieces: list[str] = []
    for letter in word:
        if letter in GREEK_COMMANDS:
            pieces.append(GREEK_COMMANDS[letter] + " ")
        else:
            pieces.append(_LOOKALIKE.get(letter, r"\_" if letter == "_" else letter))
    return "".join(pieces).rstrip()
