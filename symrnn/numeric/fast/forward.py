"""The forward pass of a fast module, written down from its plan."""

from __future__ import annotations

from ..statement import Statement, Text, joined, let, local, piece, say
from .context import STEP, WHOLE, Body, Context, T, allocate, loop, numbered, own_arrays, whole_value
from .plan import Activate, Collect, Compute, Multiply, Slot, Stack, Step, are_neighbours
from .ufuncs import halve

NET, BLOCK, GATES, SUMS = local("net"), local("block"), local("gates"), local("input_sums")


def first_input(context: Context) -> Text:
    return context.in_all(next(iter(context.plan.derivation.cell.inputs)))


def rows(array: Text) -> Text:
    """All steps and sequences of an array as the rows of one matrix."""
    return piece("{}({})", local("rows"), array)


def forward_body(context: Context) -> list[Statement]:
    """The function up to what it returns."""
    plan, like = context.plan, first_input(context)
    body = Body(context, context.names.inner(), STEP, like, "spare")
    before = [statement for step in plan.before for statement in _before(context, step)]
    if plan.biases:
        before.append(say("{} += {}", BLOCK, local("net_bias")))
    steps = [statement for step in plan.loop for statement in _in_loop(body, step)]
    after = [whole_line(context, step, like) for step in plan.after]
    first = [say('{}[0] = state["{}"]', context.store(s.previous), s.name) for s in plan.derivation.cell.program.states]
    over_time = loop(context, steps, [("net", BLOCK)])
    return [*_arrays(context, like), *body.allocations(), *first, *before, *over_time, *after]


def _arrays(context: Context, like: Text) -> list[Statement]:
    """States, the block and its columns, values of the loop."""
    plan, lines = context.plan, list[Statement]()
    for state in plan.derivation.cell.program.states:
        shape = context.shape((piece("{} + 1", T), WHOLE[1]), plan.shapes[state.previous])
        lines.append(allocate(context.store(state.previous).code, shape, like))
    if plan.slots:
        lines.append(allocate("block", context.shape(WHOLE, (plan.slots[-1].stop,)), like))
    lines += [block_columns(context, slot) for slot in plan.slots]
    return [*lines, *own_arrays(context, plan.loop, like)]


def block_columns(context: Context, slot: Slot) -> Statement:
    """What lies in a slot, by its name."""
    return let(context.quantities[slot.name].whole, "{}", context.columns(BLOCK, slot.start, slot.stop))


def whole_line(context: Context, step: Compute, like: Text) -> Statement:
    """A value of all steps at once, in its place where it has one."""
    name = context.in_all(step.formula.name)
    value = whole_value(context, step, like)
    placed = step.formula.name in context.plan.placed
    return numbered(step, [say("{}[...] = {}", name, value) if placed else let(name.code, "{}", value)])[0]


def _before(context: Context, step: Step) -> list[Statement]:
    match step:
        case Compute():
            return [whole_line(context, step, first_input(context))]
        case Multiply(stack):
            weight, vector = _weight(context, stack), context.in_all(stack.vector)
            if len(stack.slots) == len(context.plan.slots):
                return numbered(step, [say("np.matmul({}, {}.T, out={})", rows(vector), weight, rows(BLOCK))])
            sums = let("input_sums", "{}({}, {})", local("product"), vector, weight)
            parts = [(context.in_all(slot.name), context.columns(SUMS, *ends)) for slot, *ends in stack.rows]
            return [sums, *(say("{}[...] = {}", *part) for part in parts)]
        case Collect(slot, terms, filled):
            texts = [context.whole.spoken_sum((term,), 1) for term in terms] or ["0"] * (not filled)
            signs = ["{} += {}" if filled or place else "{}[...] = {}" for place in range(len(texts))]
            return [say(sign, context.in_all(slot.name), text) for sign, text in zip(signs, texts, strict=True)]
    raise AssertionError(step)


def _weight(context: Context, stack: Stack) -> Text:
    """The stacked weights as the forward pass uses them."""
    return local(context.half_weights.get(stack.vector) or context.weights[stack.vector])


def _in_loop(body: Body, step: Step) -> list[Statement]:
    context = body.context
    match step:
        case Multiply(stack):
            return _multiply(body, step, stack)
        case Collect(slot, terms):
            writer = body.ufuncs(context.step, slot.net.shape)
            name = context.in_step(slot.name)
            return [statement for term in terms for statement in writer.add_to(name, term)]
        case Activate(slots):
            return _activate(context, step, slots)
        case Compute(formula, terms):
            name = context.in_step(formula.name)
            return numbered(step, body.ufuncs(context.step, formula.shape).sum_of(terms, name))
    raise AssertionError(step)


def _multiply(body: Body, step: Multiply, stack: Stack) -> list[Statement]:
    """The product of a step's vector with its stacked weights, added to the block."""
    context, vector = body.context, stack.vector
    height = stack.rows[-1][2]
    sums = body.array(vector, f"sums_{context.quantities[vector].step}", context.shape(STEP, (height,)))
    product = say("np.matmul({}, {}.T, out={})", context.in_step(vector), _weight(context, stack), sums)
    if are_neighbours(stack.slots):
        target = context.part(NET, stack.slots)
        added = [say("np.add({}, {}, out={})", target, sums, target)]
    else:
        parts = [(context.in_step(slot.name), context.columns(sums, *ends)) for slot, *ends in stack.rows]
        added = [say("{} += {}", *part) for part in parts]
    return numbered(step, [product, *added])


def _activate(context: Context, step: Activate, slots: tuple[Slot, ...]) -> list[Statement]:
    """One tanh over the gates that are ready at the start of the step, or over one that has its turn."""
    halved = tuple(slot for slot in slots if slot.halved)
    if not slots[0].ready:
        name = context.in_step(slots[0].name)
        return numbered(step, [say("np.tanh({}, out={})", name, name), *(halve(name) if halved else [])])
    gates = context.part(NET, slots)
    halves = [let("gates", "{}", context.part(NET, halved)), *halve(GATES)] if halved else []
    return numbered(step, [say("np.tanh({}, out={})", gates, gates), *halves])


# What is returned -------------------------------------------------------------------------------------------


def returned(context: Context, kept: list[str]) -> list[Statement]:
    """The last lines; of what was packed the tape keeps only what the backward pass reads."""
    program = context.plan.derivation.cell.program
    values = [piece("np.array({})", context.in_all(name)) for name in program.outputs]
    named = [piece('"{}": {}', name, value) for name, value in zip(program.outputs, values, strict=True)]
    shown = piece("{{{}}}", joined(", ", named)) if len(values) > 1 else values[0]
    finals = joined(", ", [piece('"{}": {}[-1].copy()', s.name, context.store(s.previous)) for s in program.states])
    names = ", ".join(f'"{name}"' for name in kept) + ("," if len(kept) == 1 else "")
    tape = joined(", ", [local("kept"), local("x"), *tape_arrays(context)])
    return [
        let("outputs", "{}", shown),
        let("kept", "{{name: {0}[name] for name in ({1})}}", local("packed"), names),
        say("return {}, {{{}}}, ({})", local("outputs"), finals, tape),
    ]


def tape_arrays(context: Context) -> list[Text]:
    """The arrays that hold what the backward pass reads: the block once, each state's store once."""
    in_block = {slot.name for slot in context.plan.slots}
    return list(dict.fromkeys(BLOCK if name in in_block else context.store(name) for name in context.plan.kept))
