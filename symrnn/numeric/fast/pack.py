"""What a fast module computes once for many calls: stacked weights, halves for gates that tanh(a/2) makes."""

from __future__ import annotations

import sympy

from ...operations.functions import sigmoid
from ..statement import POWER, Statement, Text, block, joined, let, local, piece, say
from .context import Context
from .plan import Product


def pack_body(context: Context) -> list[Statement]:
    """The lines of `pack`: what parameters alone decide, and a dict of it with the stacked weights."""
    plan, names, step = context.plan, context.step_names, context.step
    lines = [
        let(names[line.name], "{}", step.spoken(line.expr)).with_note(context.numbers([line.name]))
        for line in plan.constants
    ]
    entries: list[tuple[str, Text]] = [("params", local("params"))]
    entries += [(names[line.name], context.in_step(line.name)) for line in plan.constants]
    for vector, products in plan.groups.items():
        weights = [step.spoken(product.weight) for product in products]
        entries.append((context.weights[vector], weights[0] if len(weights) == 1 else _concatenated(weights)))
        if vector in context.half_weights:
            entries.append((context.half_weights[vector], _concatenated([_halved(context, p) for p in products])))
    if context.has_net_bias:
        sums = [(slot.line, step.spoken(sympy.Add(*context.biases[slot.line]))) for slot in plan.slots]
        entries.append(("net_bias", _concatenated([_half(context, line, text) for line, text in sums])))
    entries += [(names[half], piece("0.5 * {}", context.in_step(param))) for param, half in context.halves.items()]
    return [*lines, block("return {", (), (), [say('"{}": {},', name, value) for name, value in entries]), say("}}")]


def packed_names(context: Context) -> list[str]:
    """What `pack` makes, by name."""
    names = [context.step_names[line.name] for line in context.plan.constants]
    for vector, weight in context.weights.items():
        names.append(weight)
        names += [context.half_weights[vector]] if vector in context.half_weights else []
    halves = [context.step_names[half] for half in context.halves.values()]
    return [*names, *(["net_bias"] if context.has_net_bias else []), *halves]


def _concatenated(pieces: list[Text]) -> Text:
    return piece("np.concatenate([{}])", joined(", ", pieces))


def _halved(context: Context, product: Product) -> Text:
    return _half(context, product.line, context.step.spoken(product.weight))


def _half(context: Context, line: str, text: Text) -> Text:
    """What is added to a net input, halved where its gate is made by tanh(a/2)."""
    slot = context.plan.slot_of(line)
    halves = slot is not None and slot.activation is sigmoid
    return piece("0.5 * {}", text.within(POWER)) if halves else text
