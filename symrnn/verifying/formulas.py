"""The formula that somebody's code computes beside the one that it should, in the notation of the derivation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import sympy

from ..derivation import Derivation
from ..derivation.moments import At, moments_in
from ..equations import Equation, Term
from ..render.display import Display, build_display
from ..render.names import Name
from ..render.networks.moments import Moment
from ..render.printers.text import TextPrinter

PRINTER = TextPrinter()

_LETTERS = {"steps": "T", "sequences": "N", "first": "[t = 1]"}
_LETTERS |= {"late1": "[t = T]", "late2": "[t ≥ T − 1]", "late3": "[t ≥ T − 2]"}
_TURNED = _LETTERS | {"first": "[t = T]", "late1": "[t = 1]", "late2": "[t ≤ 2]", "late3": "[t ≤ 3]"}
_TIMES = {"end": "T+1", "own": "1", "ahead": "t", "t-1": "t-1", "t+1": "t+1", "T": "T", "start": "0", "back": "t-2"}


@dataclass(frozen=True, slots=True, eq=False)
class Formulas:
    """Writes equations, those of a bent model as well; `turned` where they are a network's block that runs from the
    end, in whose names the step before is t + 1."""

    derivation: Derivation
    display: Display
    turned: bool = False

    def left(self, equation: Equation) -> str:
        return PRINTER.flat(self.display.left(equation))

    def right(self, equation: Equation, expr: sympy.Expr | None = None, terms: tuple[Term, ...] = ()) -> str:
        """The right side, or another one in its place."""
        if expr is None:
            return PRINTER.flat(self.display.right(equation))
        letters = {at: sympy.Symbol(str(at)) for at in moments_in(expr)}
        summands = terms or tuple(Term(term, "addition") for term in sympy.Add.make_args(expr))
        summands = tuple(replace(t, expr=t.expr.xreplace(letters)) for t in summands if t.expr != 0)
        shown = replace(equation, expr=expr.xreplace(letters), terms=summands, written=None)
        return PRINTER.flat(self._knowing(letters).right(shown))

    def _knowing(self, letters: Mapping[At, sympy.Symbol]) -> Display:
        """A display that has names for values of other moments, too."""
        if not letters:
            return self.display
        names, shapes, order = dict(self.display.naming.names), dict(self.display.shapes), dict(self.display.order)
        for at, symbol in letters.items():
            names[symbol.name] = _name(at, names.get(at.name), self.turned)
            shapes[symbol.name] = shapes.get(at.name, ())
            order[symbol.name] = order.get(at.name, -1)
        return replace(self.display, naming=replace(self.display.naming, names=names), shapes=shapes, order=order)


def write_formulas(derivation: Derivation) -> Formulas:
    return Formulas(derivation, build_display(derivation))


def _name(at: At, base: Name | None, turned: bool) -> Name:
    if base is None:
        return Name((_TURNED if turned else _LETTERS)[at.when], verbatim=True)
    time = _TIMES.get(at.when)
    if time is None:
        return base
    before = "t+1" if turned else "t-1"
    if base.time == before and at.when in ("t-1", "t+1"):
        time = {"t-1": "t-2", "t+1": "t"}[at.when]
    return base.at(Moment.of(time).from_the_end().written("t", "T") if turned else time)
