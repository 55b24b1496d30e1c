"""The plan of a fast kernel as a table to read: what is computed before, in and after the loops, and which products are
one. Names and numbers are those of the emitted source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import sympy

from ...derivation import Derivation
from ...sizes import Shape, Size
from .context import Context, make_context
from .formula import Formula
from .plan import Activate, Collect, Compute, Multiply, Prepare, Scale, Stack, Step, formulas_of
from .schedule import make_plan

_WIDTH = 100


class _Row(NamedTuple):
    """One value of a step; what a step computes as one has a bracket around its rows, and `how` beside the first."""

    number: int | None
    name: str
    shape: str
    bracket: str
    how: str


def plan_table(derivation: Derivation) -> str:
    """What the fast NumPy kernel of a derivation computes where."""
    context = make_context(make_plan(derivation))
    plan = context.plan
    regions = [
        ("PACKED, once for many calls", _packed(context)),
        ("FORWARD, before the loop: all steps at once", _rows(context, plan.before, whole=True)),
        ("FORWARD, in the loop over t", _rows(context, plan.loop)),
        ("FORWARD, after the loop: all steps at once", _rows(context, plan.after)),
        ("BACKWARD, before the loop: all steps at once", _rows(context, plan.back_before)),
        ("BACKWARD, in the loop, from the last step to the first", _rows(context, plan.back_loop)),
        ("BACKWARD, after the loop: all steps at once", _after(context)),
    ]
    rows = [row for _, found in regions for row in found]
    names = max((len(row.name) for row in rows), default=0)
    shapes = max((len(row.shape) for row in rows), default=0)
    lines = [f"{derivation.cell.name}: the plan of its fast NumPy kernel", "a * is kept for the backward pass"]
    for title, found in regions:
        lines += ["", title]
        for number, name, shape, bracket, how in found:
            label = f"({number})" if number is not None else ""
            left = f"  {label:>5}  {name:<{names}}  {shape:<{shapes}}  {bracket:<1} "
            room = max(_WIDTH - len(left), 20)
            lines.append(f"{left}{how if len(how) <= room else how[: room - 1] + '…'}".rstrip())
        if not found:
            lines.append("         nothing")
    shown = {row.number for row in rows}
    gone = [equation for equation in derivation.equations if equation.number not in shown]
    if gone:
        lines += [
            "",
            "NOT COMPUTED BY THEMSELVES: put into what reads them, handed back as they are, or read by nobody",
        ]
        lines += [f"  {f'({equation.number})':>5}  {equation.name}" for equation in gone]
    return "\n".join(lines) + "\n"


def _packed(context: Context) -> list[_Row]:
    plan = context.plan
    rows = [_row(context, line, _text(context, (line.expr,), line.shape)) for line in plan.constants]
    for vector, stack in plan.stacks.items():
        halved = [context.quantities[slot.name].step for slot in stack.slots if slot.halved]
        half = f"; a second time with half of the rows of {', '.join(halved)}, for tanh(a/2)" if halved else ""
        weights = ", ".join(context.step.spoken(weight).code for weight in stack.weights)
        how = f"{'stacked: ' if len(stack.slots) > 1 else ''}{weights}{half}"
        rows.append(_Row(None, context.weights[vector], _shape((stack.rows[-1][2], *plan.shapes[vector])), "", how))
    if plan.biases:
        sums = [_text(context, terms, ()) for terms in plan.biases.values()]
        rows.append(_Row(None, "net_bias", _shape((plan.slots[-1].stop,)), "", f"stacked: {', '.join(sums)}"))
    halves = [(context.quantities[half].step, param) for param, half in plan.halves.items()]
    return rows + [_Row(None, name, _shape(plan.shapes[param]), "", f"0.5 * {param}") for name, param in halves]


def _rows(context: Context, steps: Iterable[Step], *, whole: bool = False) -> list[_Row]:
    return [row for step in steps for row in _of_step(context, step, whole)]


def _of_step(context: Context, step: Step, whole: bool) -> list[_Row]:
    match step:
        case Multiply(stack):
            # The source numbers a product of all steps only where it fills the whole block.
            told = not whole or len(stack.slots) == len(context.plan.slots)
            rows = [_row(context, line, "", told=told) for line in formulas_of(step)]
            return _as_one(rows, _product(context, stack))
        case Collect(slot, terms):
            text = _text(context, terms, slot.net.shape)
            return [_row(context, slot.net, f"+ {text}, in place", told=False)] if terms else []
        case Activate(slots):
            rows = [_row(context, line, "") for line in formulas_of(step)]
            halved = [context.quantities[slot.name].step for slot in slots if slot.halved]
            sigmas = f"; {', '.join(halved)} by tanh(a/2)" if halved else ""
            return _as_one(rows, f"one tanh, in the place of the net inputs{sigmas}")
        case Scale(formulas, source):
            name = context.quantities[source.name].step
            return _as_one(
                [_row(context, line, "") for line in formulas], f"the factor that waits there *= {name}, in place"
            )
        case Prepare(formula, name, factor, shape):
            waits = "; waits in its place" if name == formula.name else ""
            value = f"{_text(context, (factor,), shape)}{waits}"
            return [_Row(formula.number, context.quantities[name].step, _shape(shape), "", value)]
        case Compute():
            return [_row(context, step.formula, _value(context, step))]


def _value(context: Context, step: Compute) -> str:
    first: list[str] = []
    if step.stack is not None:
        count = len(step.stack.slots)
        weight = f"{context.weights[step.stack.vector]}ᵀ"
        first.append(f"one product of {count} adjoints with {weight}" if count > 1 else f"product with {weight}")
    if step.product is not None:
        first.append(context.step.spoken(step.product).code)
    rest = _text(context, step.terms, step.formula.shape) if step.terms else ""
    return " + ".join([*first, *([rest] if rest else [])]) or "0"


def _product(context: Context, stack: Stack) -> str:
    count, weight = len(stack.slots), context.weights[stack.vector]
    vector = context.quantities[stack.vector].step
    return f"one product of {count} net inputs: {weight} with {vector}" if count > 1 else f"{weight} with {vector}"


def _after(context: Context) -> list[_Row]:
    """Adjoints that no carry needs, then the gradients, those that are rows of one product beside each other."""
    plan, rows = context.plan, _rows(context, context.plan.back_after)
    left = list(plan.gradients)
    variables = plan.derivation.variables

    def gradient(step: Compute, how: str) -> _Row:
        name, shape = f"∂L/∂{variables[step.formula.name].written}", _shape(step.formula.shape)
        return _Row(step.formula.number, name, shape, "", how)

    groups: list[tuple[list[sympy.Expr], str]] = [
        (
            stack.gradients,
            f"one product of {len(stack.slots)} gradients: adjoints with {context.quantities[stack.vector].step}",
        )
        for stack in plan.stacked_gradients
    ]
    sums: list[sympy.Expr] = [sympy.Symbol(slot.adjoint) for slot in plan.summed if slot.adjoint]
    groups += [(sums, f"one sum of {len(sums)} adjoints over steps and sequences")] if sums else []
    for terms, how in groups:
        found = [step for step in left if any(term in terms for term in step.terms)]
        left = [step for step in left if step not in found]
        rows += _as_one([gradient(step, "") for step in found], how)
    return rows + [gradient(step, _value(context, step)) for step in left]


def _as_one(rows: list[_Row], how: str) -> list[_Row]:
    """Rows that are computed in one, with a bracket around them."""
    brackets = ["┌", *"│" * (len(rows) - 2), "└"] if len(rows) > 1 else [""] * len(rows)
    told = [how, *[""] * (len(rows) - 1)]
    return [row._replace(bracket=b, how=text) for row, b, text in zip(rows, brackets, told[: len(rows)], strict=True)]


def _row(context: Context, line: Formula, how: str, *, told: bool = True) -> _Row:
    star = " *" if line.name in context.plan.kept else ""
    number = line.number if told else None
    return _Row(number, context.quantities[line.name].step + star, _shape(line.shape), "", how)


def _text(context: Context, terms: tuple[sympy.Expr, ...], shape: Shape) -> str:
    return context.step.spoken_sum(terms, len(shape)).code


def _shape(shape: tuple[Size, ...]) -> str:
    return " × ".join(map(str, shape)) or "1"
