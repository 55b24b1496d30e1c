"""Findings: what is wrong, in which equation, what is computed and what should be, and where it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import sympy

from ..checking.interpreter import Changes, run_backward
from ..checking.oracles import Key
from ..checking.places import label
from ..equations import Equation
from ..mistakes import Mistake
from .behaviour import Behaviour
from .explain import Evidence, Explanation
from .formulas import Formulas


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake. `equation` is the derived equation's name and `number` its number ("" and None where it is no
    equation's), `likewise` others that are wrong in the same way. `arrays` are those in which it shows, `through` those
    that it reaches by way of others. `computed` and `expected` are right sides; `note` says what formulas do not.
    `smallest` is the smallest case in which it shows, `line` a guess at the line of source; `block` is that of a
    network whose equation it is."""

    kind: str
    equation: str
    number: int | None
    left: str
    computed: str
    expected: str
    note: str
    arrays: tuple[str, ...]
    through: tuple[str, ...]
    evidence: str
    smallest: str = ""
    likewise: tuple[str, ...] = ()
    line: str = ""
    names: tuple[str, ...] = field(default=(), repr=False)
    block: str = ""

    def text(self) -> str:
        """The finding as a paragraph."""
        number = f"block {self.block}, " if self.block else ""
        number += f"({self.number}) " if self.number is not None else ""
        head = f"  {number}{self.left or self.kind}"
        if self.computed:
            pad = " " * (len(head) + 2)
            lines = [f"{head}  computed  {self.computed}", f"{pad}should be {self.expected}"]
        else:
            pad = " " * (len(head) + 2)
            lines = [f"{head}  {self.note}"]
        inner = " " * (len(number) + 2)
        if self.computed and self.note:
            lines.append(f"{inner}{self.kind}: {self.note}")
        elif self.computed:
            lines.append(f"{inner}{self.kind}")
        if self.likewise:
            lines.append(f"{inner}and in the same way {', '.join(self.likewise)}")
        if self.arrays:
            reach = f" (and through them in {', '.join(self.through)})" if self.through else ""
            case = f"; smallest case {self.smallest}" if self.smallest else ""
            lines.append(f"{inner}seen in {', '.join(self.arrays)}{reach}{case}")
        if self.line:
            lines.append(f"{inner}{self.line}")
        return "\n".join(lines)


def findings_of(explanation: Explanation, evidence: Sequence[Evidence], formulas: Formulas) -> list[Finding]:
    """One finding for each mistake, and one for what they leave unexplained."""
    found: list[Finding] = []
    before: dict[str, sympy.Expr] = {}
    for mistake in explanation.mistakes:
        found.append(_finding(mistake, before, evidence, formulas))
        before |= mistake.changes
    if explanation.unexplained:
        found.append(_located(explanation, evidence, formulas))
    return found


def _finding(mistake: Mistake, before: Changes, evidence: Sequence[Evidence], formulas: Formulas) -> Finding:
    shown = mistake.about or mistake.changes
    changed = [e for e in formulas.derivation.backward if e.name in shown]
    first, *rest = changed
    direct, reached, case = _effects(mistake.changes, before, evidence)
    many = len(changed) > 1
    left = formulas.left(first)
    expected = formulas.right(first)
    computed = formulas.right(first, shown[first.name], () if many else mistake.terms)
    return Finding(
        mistake.kind,
        first.name,
        first.number,
        left,
        computed,
        expected,
        mistake.note,
        direct,
        reached,
        case,
        likewise=tuple(formulas.left(e) for e in rest),
        names=tuple(e.name for e in changed),
    )


def _effects(
    changes: Changes, before: Changes, evidence: Sequence[Evidence]
) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """The arrays in which a change shows at the simplest probe that shows it: parameters first, and then the others."""
    for each in evidence:
        with np.errstate(all="ignore"):
            base = run_backward(each.tape, before)
            old, new = base.gradients, run_backward(each.tape, {**before, **changes}, base).gradients
        moved = [key for key in each.gradients if not np.allclose(old[key], new[key], rtol=1e-9, atol=1e-12)]
        if moved:
            direct = [key for key in moved if key[0] == "params"] or moved
            rest = [key for key in moved if key not in direct]
            return tuple(map(label, direct)), tuple(map(label, rest)), each.case
    return (), (), ""


# What is not understood --------------------------------------------------------------------------------------


def _located(explanation: Explanation, evidence: Sequence[Evidence], formulas: Formulas) -> Finding:
    """The last equation of the backward pass through which all unexplained arrays go."""
    keys = list(explanation.unexplained)
    place = min(explanation.unexplained.values())
    first = {key for key, k in explanation.unexplained.items() if k == place}
    where = _narrowest(first, evidence[place], explanation.changes)
    params = [key for key in keys if key[0] == "params"] or keys
    rest = [key for key in keys if key not in params]
    note = "located, not explained: the formula that the code computes is none that could be found"
    return Finding(
        "located, not explained",
        where.name if where else "",
        where.number if where else None,
        formulas.left(where) if where else "",
        "",
        formulas.right(where) if where else "",
        note,
        tuple(map(label, params)),
        tuple(map(label, rest)),
        evidence[place].case,
        names=(where.name,) if where else (),
    )


def _narrowest(keys: set[Key], evidence: Evidence, changes: Changes) -> Equation | None:
    """The equation that moves all of some arrays and as few others as possible."""
    best: tuple[int, Equation] | None = None
    with np.errstate(all="ignore"):
        base = run_backward(evidence.tape, changes)
        for equation in base.derivation.backward:
            doubled = {**changes, equation.name: 2 * base.expr(equation)}
            moved = run_backward(evidence.tape, doubled, base).gradients
            reached = {key for key in evidence.gradients if not np.array_equal(moved[key], base.gradients[key])}
            if keys <= reached and (best is None or len(reached) < best[0]):
                best = len(reached), equation
    return best[1] if best else None


# Behaviour ---------------------------------------------------------------------------------------------------


def findings_of_behaviour(behaviour: Behaviour, mutated: Mapping[str, str]) -> list[Finding]:
    """Findings that no formula shows."""
    found: list[Finding] = []
    if behaviour.leaks:
        note = "the same call gives something else the second time"
        if behaviour.accumulates:
            note += ": its gradients are added to those of the first; a buffer is not reset"
        found.append(_plain("state leaking between calls", note, behaviour.leaks))
    if behaviour.clipped:
        how = "its norm is held" if behaviour.by_norm else "entries are held"
        note = f"the gradient does not grow with what comes from above: {how} below {behaviour.bound:.6g}"
        found.append(_plain("clipping", note, behaviour.clipped))
    if behaviour.bent:
        note = "the gradient is not linear in what comes from above"
        found.append(_plain("not linear", note, behaviour.bent))
    if behaviour.coarse:
        note = "computed in float32 though the forward pass is in float64; the formulas are right"
        found.append(_plain("precision only", note, behaviour.coarse))
    for name, which in mutated.items():
        note = f"the {which} changes `{name}`, an array of its caller"
        found.append(_plain("mutation of the caller's arrays", note, ()))
    return found


def _plain(kind: str, note: str, keys: Sequence[Key]) -> Finding:
    return Finding(kind, "", None, "", "", "", note, tuple(map(label, keys)), (), "")
