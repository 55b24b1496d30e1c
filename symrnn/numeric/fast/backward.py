"""The backward pass of a fast module, written down from its plan."""

from __future__ import annotations

from collections.abc import Mapping

import sympy

from ...operations.structured import outer, transpose
from ...sizes import Shape
from ..statement import ATOM, PRODUCT, Statement, Text, block, joined, let, local, piece, say
from .context import STEP, WHOLE, Body, Context, allocate, loop, numbered, own_arrays, whole_value
from .forward import rows, whole_line
from .plan import Compute, Scale, Slot, Step
from .ufuncs import Ufuncs

DELTAS, DELTA_NET, GRAD_NET = local("delta_block"), local("delta_net"), local("grad_net")


def backward_body(context: Context) -> list[Statement]:
    """The function from its work arrays on."""
    plan = context.plan
    derivation, names = plan.derivation, context.names.inner()
    like = context.in_all(next(iter(derivation.upstream.values())))
    over_steps = Body(context, names, WHOLE, like, "spare_all")
    body = Body(context, names, STEP, like, "spare")
    prepared: list[Statement] = []
    for step in plan.back_before:
        writer = over_steps.ufuncs(context.whole, step.shape)
        prepared += numbered(step, writer.compute(step.factor, context.in_all(step.name)))
    views: list[tuple[str, Statement]] = []
    steps = [statement for step in plan.back_loop for statement in _in_loop(body, step, views)]
    after = [_after(context, step, like) for step in plan.back_after]
    carries = [
        (state.name, context.in_step(derivation.carries[state.name])) for state in derivation.cell.program.states
    ]
    opened = [let(carry.code, 'np.array(d_final_state["{}"])', name) for name, carry in carries]
    blocks = [("delta_net", DELTAS), *((name, local(next(iter(view.makes)))) for name, view in views)]
    arrays = [*_arrays(context, like), *(view for _, view in views)]
    spare = [*over_steps.allocations(), *body.allocations()]
    over_time = loop(context, steps, blocks, back=True)
    return [*arrays, *spare, *prepared, *opened, *over_time, *after, *_gradients(context, body, like, carries)]


def _arrays(context: Context, like: Text) -> list[Statement]:
    """The adjoints' block and its columns, adjoints of the loop, factors."""
    plan, lines = context.plan, list[Statement]()
    columns = {slot.adjoint: context.columns(DELTAS, slot.start, slot.stop) for slot in plan.slots if slot.adjoint}
    if columns:
        lines.append(allocate("delta_block", context.shape(WHOLE, (plan.slots[-1].stop,)), like))
    lines += [let(context.quantities[name].whole, "{}", part) for name, part in columns.items()]
    for slot in plan.slots if columns else ():
        if not slot.adjoint:
            lines.append(say("{} = 0", context.columns(DELTAS, slot.start, slot.stop)))
    lines += own_arrays(context, plan.back_loop, like)
    factors = [(context.quantities[name].whole, shape) for name, shape in plan.factors.items()]
    return lines + [allocate(name, context.shape(WHOLE, shape), like) for name, shape in factors]


# The loop ----------------------------------------------------------------------------------------------------


def _in_loop(body: Body, step: Step, views: list[tuple[str, Statement]]) -> list[Statement]:
    context = body.context
    match step:
        case Scale(formulas, source, ()):
            factor = context.step.spoken(source, len(formulas[0].shape))
            return numbered(step, [say("{} *= {}", context.in_step(formulas[0].name), factor)])
        case Scale(_, source, slots):
            gates = _view(body, slots, views)
            return numbered(step, [say("{} *= {}[:, None]", gates, context.in_step(source.name))])
        case Compute(formula):
            return numbered(step, _computed(context, step, body.ufuncs(context.step, formula.shape)))
    raise AssertionError(step)


def _view(body: Body, slots: tuple[Slot, ...], views: list[tuple[str, Statement]]) -> Text:
    """Neighbouring columns of the adjoints' block with an axis of slots: a view, one for each run of them."""
    context = body.context
    name, whole = body.names.take_pair(f"delta_gates_{len(views) + 1}" if views else "delta_gates", "_all")
    shape = joined(", ", [*WHOLE, str(len(slots)), context.step.spoken_size(slots[0].net.shape[0])])
    views.append((name, let(whole, "{}.reshape({})", context.part(DELTAS, slots), shape)))
    return local(name)


def _computed(context: Context, step: Compute, writer: Ufuncs) -> list[Statement]:
    name = context.in_step(step.formula.name)
    if step.stack is not None:
        delta, weight = context.part(DELTA_NET, step.stack.slots), local(context.weights[step.stack.vector])
    elif step.product is not None:
        delta = context.in_step(step.product.args[1].name)
        weight = context.step.spoken(transpose(step.product.args[0])).within(ATOM)
    else:
        return writer.sum_of(step.terms, name)
    first = say("np.matmul({}, {}, out={})", delta, weight, name)
    return [first, *(statement for term in step.terms for statement in writer.add_to(name, term))]


# After the loop ----------------------------------------------------------------------------------------------


def _after(context: Context, step: Compute, like: Text) -> Statement:
    """An adjoint of all steps at once; what has no axis of sequences has one that is summed over them."""
    if step.formula.name in context.plan.batched:
        return whole_line(context, step, like)
    value = _to_shape(
        context, step, joined(" + ", [_summed(context, t, step.formula.shape) for t in step.terms] or ["0.0"])
    )
    return numbered(step, [let(context.quantities[step.formula.name].whole, "{}", value)])[0]


def _to_shape(context: Context, step: Compute, value: Text, template: str = "np.broadcast_to({}, {})") -> Text:
    """A value that is summed over the sequences, broadcast where its terms are smaller than its shape."""
    small = max((context.whole.rank(term) for term in step.terms), default=0) < len(step.formula.shape)
    return piece(template, value, context.shape((), step.formula.shape)) if small else value


def _summed(context: Context, term: sympy.Expr, shape: Shape) -> Text:
    """One term of a gradient by something that has no axis of sequences."""
    printer = context.whole
    if not printer.is_batched(term):
        return printer.spoken(term).within(PRODUCT)
    coefficient, rest = term.as_coeff_Mul()
    scale = "" if coefficient == 1 else f"{printer.text(coefficient).within(PRODUCT)} * "
    if isinstance(rest, outer) and all(printer.is_batched(a) and a.is_Symbol for a in rest.args):
        a, b = (rows(printer.spoken(operand)) for operand in rest.args)
        return piece("{}({}.T @ {})" if scale else "{}{}.T @ {}", scale, a, b)
    factors = sorted(sympy.Mul.make_args(rest), key=printer.factor_key)
    pair = len(factors) == 2 and all(f.is_Symbol and printer.is_batched(f) for f in factors)
    if pair and all(printer.rank(f) == len(shape) == 1 for f in factors):
        return piece('{}np.einsum("tni,tni->i", {}, {})', scale, *map(printer.spoken, factors))
    return piece("{}.sum(axis=(0, 1))", printer.spoken(term).within(ATOM))


def _gradients(context: Context, body: Body, like: Text, carries: list[tuple[str, Text]]) -> list[Statement]:
    """What is returned, and the lines that it needs."""
    variables = context.plan.derivation.variables
    lines, made = _made_at_once(context, body)
    grads: list[Statement] = []
    inputs: list[tuple[str, Text]] = []
    for step in context.plan.gradients:
        of = variables[step.formula.name].written
        if variables[of].role == "input":
            inputs.append((of, _input_gradient(context, step, like)))
            continue
        parts = [made.get(term) or _summed(context, term, step.formula.shape) for term in step.terms]
        value = joined(" + ", parts) if parts else piece("np.zeros_like({})", context.in_step(of))
        value = _to_shape(context, step, value, "np.array(np.broadcast_to({}, {}))") if parts else value
        grads += numbered(step, [say('"{}": {},', of, value)])
    end = say("}}")
    if len(inputs) > 1:
        d_x = [block("d_x = {", (), ["d_x"], [say('"{}": {},', of, value) for of, value in inputs]), end]
    else:
        d_x = [let("d_x", "{}", inputs[0][1])]
    states = joined(", ", [piece('"{}": {}', name, carry) for name, carry in carries])
    found = say("return {}, {}, {{{}}}", local("grads"), local("d_x"), states)
    return [*lines, block("grads = {", (), ["grads"], grads), end, *d_x, found]


def _made_at_once(context: Context, body: Body) -> tuple[list[Statement], Mapping[sympy.Expr, Text]]:
    """Gradients of stacked weights in one product, of what is added to net inputs in one sum: rows of it by term."""
    lines: list[Statement] = []
    made: dict[sympy.Expr, Text] = {}
    for stack in context.plan.stacked_gradients:
        name = body.names.take(f"grad_{context.weights[stack.vector]}")
        deltas = rows(context.part(DELTAS, stack.slots))
        lines.append(let(name, "{}.T @ {}", deltas, rows(context.in_all(stack.vector))))
        for term, (_, start, stop) in zip(stack.gradients, stack.rows, strict=True):
            made[term] = piece("{}[{}]", local(name), context.stretch(start, stop))
    if context.plan.summed:
        lines.append(let("grad_net", "{}.sum(axis=0)", rows(DELTAS)))
    for slot in context.plan.summed:
        made[sympy.Symbol(slot.adjoint)] = piece("{}[{}]", GRAD_NET, context.stretch(slot.start, slot.stop))
    return lines, made


def _input_gradient(context: Context, step: Compute, like: Text) -> Text:
    """A gradient by an input: the caller's to keep, so no view of somebody's array."""
    if step.stack is None:
        return piece("np.array({})", whole_value(context, step, like))
    deltas, weight = context.part(DELTAS, step.stack.slots), local(context.weights[step.stack.vector])
    text = piece("{}({}, {}.T)", local("product"), deltas, weight)
    more = context.whole.spoken_sum(step.terms, len(step.formula.shape))
    return piece("{} + {}", text, more) if step.terms else text
