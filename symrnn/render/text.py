"""Readable Unicode: formulas on lines of text, and the whole derivation as a page."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from fractions import Fraction

from ..derivation import Derivation
from ..sizes import Shape, Size
from . import tree as t
from .document import Document, Section, build_document
from .explain import ENGLISH
from .names import Name
from .printer import Break, Printer, Token, fill_lines
from .steps import Step

WIDTH = 100
_RAISED = str.maketrans("0123456789-/", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᐟ")
_FENCES = {"round": "()", "square": "[]", "length": "‖‖", "abs": "||", "angle": "⟨⟩"}


class TextPrinter(Printer):
    """Formulas in Unicode, fractions on one line."""

    stacked = False
    dimension = "dim"
    plus, minus, elementwise, times, beside = "+", "−", "⊙", "·", " "

    def name(self, name: Name) -> str:
        if name.gradient:
            return f"∂L/∂{self.name(name.of)}" if name.of else "∂L"
        subscripts = list(name.subscripts)
        if name.of is not None:
            subscripts.append(self.name(name.of))
        head = name.base + "′" * name.primes
        if not name.time:
            return "_".join([head, *subscripts])
        time = name.time.replace("-", "−")
        if subscripts:
            return f"{head}_{{{'_'.join(subscripts)},{time}}}"
        return f"{head}_{time}" if len(time) == 1 else f"{head}_{{{time}}}"

    def number(self, value: Fraction, decimal: bool) -> str:
        return show_number(value, decimal)

    def constant(self, kind: str) -> str:
        return {"pi": "π", "ones": "𝟏"}[kind]

    def size(self, size: Size) -> str:
        return show_size(size)

    def zeros(self, size: str) -> str:
        return f"𝟎_{size}" if len(size) == 1 else f"𝟎_{{{size}}}"

    def power(self, base: str, exponent: Fraction, marked: bool) -> str:
        if marked:
            return f"{base}^⊙{show_number(exponent, False)}"
        if exponent.denominator == 1:
            return base + str(exponent.numerator).translate(_RAISED)
        return f"{base}^({show_number(exponent, False)})"

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


PRINTER = TextPrinter()
_WIDEST_LEFT = 16


def render_text(derivation: Derivation, *, steps: bool = False, width: int = WIDTH) -> str:
    """The derivation as a page of Unicode text; with `steps`, each line says by which rule its terms came."""
    document = build_document(derivation, steps=steps)
    lines = [f"{document.name}: {document.summary}" if document.summary else document.name]
    lines += ["", ENGLISH.phrases["symbols"], *_symbol_lines(document, width)]
    lines += ["", ENGLISH.phrases["notation"], *_legend_lines(document, width)]
    for section in document.sections:
        lines += ["", ENGLISH.phrases[section.key], *_section_lines(section, width)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _symbol_lines(document: Document, width: int) -> list[str]:
    entries: list[tuple[str, str, str]] = []
    for group in document.symbols:
        word = ENGLISH.phrases[group.kind if len(group.names) == 1 or group.kind == "value" else f"{group.kind}s"]
        if group.kind == "state":
            also = [PRINTER.name(name) for name in group.names if name in document.outputs]
            if also:
                key = "also_output" if len(also) == 1 else "also_outputs"
                word += "; " + ENGLISH.phrases[key].format(names=", ".join(also))
        entries.append((", ".join(PRINTER.name(name) for name in group.names), show_shape(group.shape), word))
    return _columns(entries, width)


def show_shape(shape: Shape) -> str:
    """(n), (n × m) or `scalar`"""
    return f"({' × '.join(show_size(size) for size in shape)})" if shape else ENGLISH.phrases["scalar"]


def _legend_lines(document: Document, width: int) -> list[str]:
    signs = {
        "elementwise": "⊙",
        "marked_power": "S^⊙k",
        "transposed": "ᵀ",
        "angle": "⟨A, B⟩",
        "ones": "𝟏",
        "stacked": "[a; b]",
        "zeros": "𝟎_k",
        "part": "v[i:j]",
        "placed": "𝟎[i ← v]",
        "indicator": "[a > b]",
    }
    entries: list[tuple[str, str]] = []
    for item in document.legend:
        sign = signs.get(item.key) or ", ".join(PRINTER.name(name) for name in item.names)
        about = ", ".join(PRINTER.name(name) for name in item.about)
        entries.append((sign, ENGLISH.phrases[item.key].format(output=about, outputs=about, previous=about)))
    if document.kinks:
        entries.append((ENGLISH.phrases["kink"], "; ".join(document.kinks)))
    return _columns(entries, width)


def _columns(entries: Sequence[tuple[str, ...]], width: int) -> list[str]:
    """Entries under each other; a first column that is too wide is wrapped, and so is a last one."""
    if not entries:
        return []
    widths = [min(max(len(entry[k]) for entry in entries), 36) for k in range(len(entries[0]) - 1)]
    lines: list[str] = []
    for entry in entries:
        first = textwrap.wrap(entry[0], widths[0], break_long_words=False) or [""]
        indent = 2 + sum(w + 2 for w in widths)
        last = textwrap.wrap(entry[-1], max(24, width - indent), break_long_words=False) or [""]
        middle = "".join(f"{cell:<{w}}  " for cell, w in zip(entry[1:-1], widths[1:], strict=True))
        for k in range(max(len(first), len(last))):
            head = first[k] if k < len(first) else ""
            between = middle if k == 0 else " " * len(middle)
            lines.append(f"  {head:<{widths[0]}}  {between}{last[k] if k < len(last) else ''}")
    return lines


def _section_lines(section: Section, width: int) -> list[str]:
    digits = max((len(str(row.number)) for row in section.rows if row.number), default=1)
    lefts = [PRINTER.flat(row.left) for row in section.rows]
    column = max((len(left) for left in lefts if len(left) <= _WIDEST_LEFT), default=0)
    lines: list[str] = []
    for row, left in zip(section.rows, lefts, strict=True):
        label = f"({row.number})" if row.number else ""
        head = f"  {label:<{digits + 2}}  {left:<{column}} = "
        if row.right is None:
            state = PRINTER.flat(row.state) if row.state else ""
            lines.append(head + ENGLISH.phrases["final"].format(state=state))
            continue
        filled = fill_lines(PRINTER.write(row.right), max(20, width - len(head)), len)
        lines.append(head + filled[0].text)
        lines += [" " * len(head) + ("    " if line.inner else "") + line.text for line in filled[1:]]
        for step in row.steps:
            lines += _step_lines(step, digits + 6, width)
    return lines


def _step_lines(step: Step, indent: int, width: int) -> list[str]:
    sentence = say_step(step)
    if step.through is not None:
        left, right = PRINTER.flat(step.through.left), PRINTER.flat(step.through.right)
        shown = _kept(f"{left} = {right}") if len(left) + len(right) < width // 2 else left
        sentence = f"{ENGLISH.phrases['through']} ({step.through.number}) {shown}: {sentence}"
    inner = " " * (indent + 2)
    wrapped = textwrap.wrap(
        sentence, width, initial_indent=" " * indent + "· ", subsequent_indent=inner, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    return [line.replace(_NO_BREAK, " ") for line in wrapped]


_NO_BREAK = "\u00a0"


def _kept(formula: str) -> str:
    """A formula that no line break shall cut, unless it is longer than half a line."""
    return formula.replace(" ", _NO_BREAK) if len(formula) < WIDTH // 2 else formula


def say_step(step: Step) -> str:
    """The rule's sentence with its formulas filled in."""

    def show(tree: t.Tree | None) -> str:
        return _kept(PRINTER.flat(tree)) if tree is not None else ""

    rule = ENGLISH.rules[step.rule]
    identity = ", ".join(_kept(f"{show(left)} = {show(right)}") for left, right in step.identities)
    return rule.sentence.format(
        label=rule.label, y=show(step.source), x=show(step.target), factor=show(step.factor), term=show(step.term),
        identity=identity,
    )  # fmt: skip
