"""The formula that somebody's code computes beside the one that it should, in the notation of the derivation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy

from ..derivation import Derivation
from ..equations import Equation, Term
from ..render.display import Display, build_display
from ..render.names import Name
from ..render.printers.text import TextPrinter
from .model import BAR, base_of

PRINTER = TextPrinter()

_LETTERS = {"T": "T", "N": "N", "first": "[t = 1]", "final": "[t = T]"}
_LETTERS |= {"late1": "[t = T]", "late2": "[t ≥ T − 1]", "late3": "[t ≥ T − 2]"}
_TIMES = {"end": "T+1", "own": "1", "ahead": "t", "-1": "t-1", "+1": "t+1", "T": "T", "start": "0", "back": "t-2"}


@dataclass(frozen=True, slots=True, eq=False)
class Formulas:
    """Writes equations, those of a bent model as well."""

    derivation: Derivation
    display: Display

    def left(self, equation: Equation) -> str:
        return PRINTER.flat(self.display.left(equation))

    def right(self, equation: Equation, expr: sympy.Expr | None = None, terms: tuple[Term, ...] = ()) -> str:
        """The right side, or another one in its place."""
        if expr is None:
            return PRINTER.flat(self.display.right(equation))
        summands = terms or tuple(Term(term, "addition") for term in sympy.Add.make_args(expr))
        summands = tuple(term for term in summands if term.expr != 0)
        shown = replace(equation, expr=expr, terms=summands, written=None)
        return PRINTER.flat(self._knowing(expr).right(shown))

    def _knowing(self, expr: sympy.Expr) -> Display:
        """A display that has names for values of other steps, too."""
        extra = [str(symbol) for symbol in expr.free_symbols if BAR in str(symbol)]
        if not extra:
            return self.display
        names, shapes, order = (
            dict(table) for table in (self.display.naming.names, self.display.shapes, self.display.order)
        )
        for name in extra:
            base = base_of(name)
            names[name] = _name(names[base] if base else None, name)  # type: ignore[arg-type]
            shapes[name] = shapes[base] if base else ()  # type: ignore[assignment]
            order[name] = order[base] if base else -1  # type: ignore[assignment]
        return replace(self.display, naming=replace(self.display.naming, names=names), shapes=shapes, order=order)


def write_formulas(derivation: Derivation) -> Formulas:
    display, _ = build_display(derivation)
    return Formulas(derivation, display)


def _name(base: Name | None, name: str) -> Name:
    tag = name.partition(BAR)[2]
    if base is None:
        return Name(_LETTERS[tag], verbatim=True)
    time = _TIMES.get(tag)
    if time is None:
        return base
    if base.time == "t-1" and tag in ("-1", "+1"):
        time = {"-1": "t-2", "+1": "t"}[tag]
    return base.at(time)
