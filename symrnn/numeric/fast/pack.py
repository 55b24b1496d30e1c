"""What a fast module computes once for many calls: stacked weights, halves for gates that tanh(a/2) makes."""

from __future__ import annotations

import sympy

from ...equations.shapes import names_in
from ...operations.functions import sigmoid
from ..parts import mentions
from .context import Context
from .plan import Product


def bias_terms(context: Context) -> dict[str, list[sympy.Expr]]:
    """For every slot the terms that are parameters alone."""
    lines = {line.name: line for line in context.plan.loop}
    return {
        slot.line: [term for term in lines[slot.line].terms if not names_in(term) & context.plan.batched]
        for slot in context.plan.slots
    }


def emit_pack(context: Context) -> list[str]:
    """`pack`: stacked weights, halved rows for gates that tanh(a/2) makes, and what parameters alone decide."""
    plan, names = context.plan, context.step_names
    lines: list[str] = []
    for line in plan.constants:
        lines.append(f"    {names[line.name]} = {context.step.text(line.expr).code}{context.numbers([line.name])}")
    entries = ['        "params": params,']
    entries += [f'        "{names[line.name]}": {names[line.name]},' for line in plan.constants]
    for vector, products in plan.groups.items():
        weights = [context.step.text(product.weight).code for product in products]
        stacked = weights[0] if len(weights) == 1 else f"np.concatenate([{', '.join(weights)}])"
        entries.append(f'        "{weight_name(context, vector)}": {stacked},')
        if needs_halves(context, products):
            parts = ", ".join(_half(context, product.line, context.step.text(product.weight)) for product in products)
            entries.append(f'        "{weight_name(context, vector)}_half": np.concatenate([{parts}]),')
    if has_net_bias(context):
        parts = []
        for slot in plan.slots:
            terms = bias_terms(context)[slot.line]
            parts.append(_half(context, slot.line, context.step.text(sympy.Add(*terms))))
        entries.append(f'        "net_bias": np.concatenate([{", ".join(parts)}]),')
    entries += [f'        "{half}": 0.5 * {names[param]},' for param, half in context.halves.items()]
    text = "\n".join([*lines, *entries])
    return [
        "def pack(params):",
        '    """Weights that meet the same vector side by side; done once for many calls."""',
        *parameter_lines(context, text),
        *lines,
        "    return {",
        *entries,
        "    }",
    ]


def parameter_lines(context: Context, text: str) -> list[str]:
    """The parameters that a source uses by themselves."""
    names = {name: context.step_names[name] for name in context.derivation.cell.params}
    return [f'    {local} = params["{name}"]' for name, local in names.items() if mentions(text, local)]


def _half(context: Context, line: str, text) -> str:
    slot = context.plan.slot_of(line)
    return f"0.5 * {text.within(2)}" if slot is not None and slot.activation is sigmoid else text.code


def needs_halves(context: Context, products: tuple[Product, ...]) -> bool:
    slots = [context.plan.slot_of(product.line) for product in products]
    return any(slot is not None and slot.activation is sigmoid for slot in slots)


def has_net_bias(context: Context) -> bool:
    terms = bias_terms(context)
    return bool(terms) and all(
        found and any(context.step.rank(term) == 1 for term in found) for found in terms.values()
    )


def weight_name(context: Context, vector: str) -> str:
    return f"weight_{context.step_names[vector]}"


def packed_names(context: Context) -> list[str]:
    """What `pack` makes, by name."""
    names = [context.step_names[line.name] for line in context.plan.constants]
    for vector, products in context.plan.groups.items():
        names.append(weight_name(context, vector))
        names += [f"{names[-1]}_half"] if needs_halves(context, products) else []
    return [*names, *(["net_bias"] if has_net_bias(context) else []), *context.halves.values()]
