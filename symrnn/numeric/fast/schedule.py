"""From a derivation to its plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import groupby

import sympy

from ...derivation import Derivation
from ...derivation.analysis import live, names_read, reached
from ...equations.shapes import names_in, shape_of
from ...operations.entry import SizeSymbol
from ...operations.structured import matmul, transpose
from ...sizes import Shape
from .formula import Formula
from .plan import (
    Activate,
    Collect,
    Compute,
    Multiply,
    Plan,
    Prepare,
    Scale,
    Slot,
    Stack,
    Step,
    are_neighbours,
    formulas_of,
)
from .precision import exact_sigmoids
from .rewrite import Rewritten, fresh, rewrite, source_and_factor
from .slots import find_slots, stack_weights


@dataclass(frozen=True, slots=True)
class _Places:
    """The formulas by where they are computed, and the names that a place is decided by."""

    constants: tuple[Formula, ...]
    before: tuple[Formula, ...]
    loop: tuple[Formula, ...]
    after: tuple[Formula, ...]
    back_loop: tuple[Formula, ...]
    back_after: tuple[Formula, ...]
    gradients: tuple[Formula, ...]
    read_after: frozenset[str]
    waiting: frozenset[str]


def make_plan(derivation: Derivation) -> Plan:
    """Place every equation of a derivation."""
    program = derivation.cell.program
    lines = rewrite(derivation)
    places = _place(derivation, lines)
    exact = exact_sigmoids(
        (*lines.forward, *lines.backward, *lines.gradients), {state.previous: state.new for state in program.states}
    )
    read_backwards = names_read((*lines.backward, *lines.gradients))
    leaving = read_backwards | names_read(places.after) | set(program.outputs)
    slots = find_slots(derivation, lines, places.loop, places.back_loop, leaving, exact)
    stacks = stack_weights(places.loop, slots)
    before, biases = _fill(places, lines, slots, stacks)
    loop, halves = _forward_loop(derivation, lines, places, slots, stacks)
    back_before, back_loop, factors = _backward_loop(derivation, lines, places, slots, stacks)
    placed, fleeting = _homes(derivation, places, slots, leaving)
    return Plan(
        derivation=derivation,
        constants=places.constants,
        stacks=stacks,
        slots=slots,
        biases=biases,
        halves=halves,
        before=before,
        loop=loop,
        after=tuple(Compute(line, line.terms) for line in places.after),
        back_before=back_before,
        back_loop=back_loop,
        back_after=tuple(Compute(line, line.terms) for line in places.back_after),
        gradients=tuple(_gradient(derivation, line, stacks) for line in places.gradients),
        stacked_gradients=tuple(filter(_is_one_gradient, stacks.values())),
        summed=_summed(slots, places.gradients),
        shapes=lines.shapes,
        factors=factors,
        batched=lines.batched,
        exact=exact,
        kept=_kept(derivation, lines, read_backwards),
        placed=placed,
        fleeting=fleeting,
    )


def _kept(derivation: Derivation, lines: Rewritten, read_backwards: Set[str]) -> tuple[str, ...]:
    """The values of the forward pass that the backward pass reads."""
    roles = {name: variable.role for name, variable in derivation.variables.items()}
    return tuple(
        name
        for name in lines.shapes
        if name in read_backwards & lines.batched and roles.get(name, "value") in ("previous", "value")
    )


def _homes(
    derivation: Derivation, places: _Places, slots: Sequence[Slot], leaving: Set[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """What has a place of its own for all steps, and what lives for one step alone."""
    new, carries = {state.new for state in derivation.cell.program.states}, set(derivation.carries.values())
    columns = {slot.adjoint for slot in slots if slot.adjoint}
    whole = leaving | new | {slot.name for slot in slots}
    back_whole = places.read_after | columns
    fleeting = {line.name for line in places.loop if line.name not in whole} | carries
    fleeting |= {line.name for line in places.back_loop if line.name not in back_whole}
    placed = new | carries | columns | {name for slot in slots for name in (slot.net.name, slot.name)}
    return frozenset(placed), frozenset(fleeting)


def _place(derivation: Derivation, lines: Rewritten) -> _Places:
    """Which formulas need a loop, and which side of it the others are on."""
    states = derivation.cell.program.states
    previous, carries = {state.previous for state in states}, set(derivation.carries.values())
    recurrent = reached(previous, lines.forward)
    looped = {line.name for line in live(lines.forward, {state.new for state in states})} & recurrent
    # A carry is read by the step before it, not by its own: what it is made of, and what reads it, is the loop.
    carried = carries | {line.name for line in lines.backward if line.reads & carries}
    back_loop = live(lines.backward, carried)
    back_after = tuple(line for line in lines.backward if line not in back_loop)
    return _Places(
        constants=tuple(line for line in lines.forward if line.name not in lines.batched),
        before=tuple(line for line in lines.forward if line.name in lines.batched - recurrent),
        loop=tuple(line for line in lines.forward if line.name in looped),
        after=tuple(line for line in lines.forward if line.name in recurrent - looped),
        back_loop=back_loop,
        back_after=back_after,
        gradients=lines.gradients,
        read_after=names_read((*back_after, *lines.gradients)),
        waiting=frozenset(looped | previous),
    )


# Forwards ----------------------------------------------------------------------------------------------------


def _fill(
    places: _Places, lines: Rewritten, slots: tuple[Slot, ...], stacks: Mapping[str, Stack]
) -> tuple[tuple[Step, ...], dict[str, tuple[sympy.Expr, ...]]]:
    """What is known of all steps before the loop: values, and in the block the products of one input with its stack,
    then the other terms; and what parameters alone add, if they can be packed in one vector."""
    steps: list[Step] = [Compute(line, line.terms) for line in places.before]
    biases = {
        slot.net.name: tuple(term for term in slot.net.terms if not names_in(term) & lines.batched) for slot in slots
    }
    # `pack` has the parameters alone, so what speaks of a size waits for the forward pass.
    packable = not any(term.has(SizeSymbol) for terms in biases.values() for term in terms)
    if not packable or not all(any(len(shape_of(t, lines.shapes)) == 1 for t in terms) for terms in biases.values()):
        biases = {}
    inputs = [stack for vector, stack in stacks.items() if vector not in places.waiting]
    widest = max(inputs, key=lambda stack: len(stack.slots), default=None)
    if widest is not None:
        steps.append(Multiply(widest))
    for slot in slots:
        filled = widest is not None and widest.vector in slot.weights
        elsewhere = [*biases.get(slot.net.name, ())]
        elsewhere += [term for term, p in slot.products.items() if widest is not None and p.vector == widest.vector]
        known = [t for t in slot.net.terms if t not in elsewhere and places.waiting.isdisjoint(names_in(t))]
        steps.append(Collect(slot, tuple(t / 2 if slot.halved else t for t in known), filled))
    return tuple(steps), biases


def _forward_loop(
    derivation: Derivation, lines: Rewritten, places: _Places, slots: tuple[Slot, ...], stacks: Mapping[str, Stack]
) -> tuple[tuple[Step, ...], dict[str, str]]:
    """The steps of the loop, and the parameters of which a half is used under a name of its own: gates that are ready
    come first, all in one; each other line has its turn, a stack when the first of its lines has."""
    halves: dict[str, str] = {}

    def collect(slot: Slot) -> Collect:
        terms = [t for t in slot.net.terms if t not in slot.products and not places.waiting.isdisjoint(names_in(t))]
        halved = [term / 2 if slot.halved else term for term in terms]
        return Collect(slot, tuple(_with_half(t, derivation.cell.params, halves, lines.shapes) for t in halved))

    ready = [slot for slot in slots if slot.ready]
    gated = [slot for slot in ready if slot.gate is not None]
    now = {vector for slot in ready for vector in slot.weights if vector in places.waiting}
    steps: list[Step] = [Multiply(stack) for vector, stack in stacks.items() if vector in now]
    steps += [collect(slot) for slot in ready]
    steps += [Activate(tuple(gated))] if gated else []
    done = {name for slot in ready for name in (slot.net.name, slot.name)}
    homes = {name: slot for slot in slots for name in (slot.net.name, slot.name)}
    for line in (line for line in places.loop if line.name not in done):
        slot = homes.get(line.name)
        if slot is None:
            steps.append(Compute(line, line.terms))
        elif slot.net is line:
            vectors = [vector for vector in slot.weights if vector in places.waiting - now]
            now.update(vectors)
            steps += [*(Multiply(stacks[vector]) for vector in vectors), collect(slot)]
        else:
            steps.append(Activate((slot,)))
    return tuple(steps), halves


def _with_half(
    term: sympy.Expr, params: Mapping[str, Shape], halves: dict[str, str], shapes: Mapping[str, Shape]
) -> sympy.Expr:
    """A term p ⊙ c / 2 of a parameter p with p / 2 under its own name: it is made once, so that no step halves it."""
    coefficient, rest = term.as_coeff_Mul()
    factors = sympy.Mul.make_args(rest)
    param = next((f for f in factors if f.is_Symbol and f.name in params), None)
    if abs(coefficient) != sympy.S.Half or param is None:
        return term
    half = halves.setdefault(param.name, fresh(f"{param.name}_half", shapes))
    factors = list(sympy.Mul.make_args(2 * term))
    factors[factors.index(param)] = sympy.Symbol(half)
    return sympy.Mul(*factors)


# Backwards ---------------------------------------------------------------------------------------------------


def _backward_loop(
    derivation: Derivation, lines: Rewritten, places: _Places, slots: tuple[Slot, ...], stacks: Mapping[str, Stack]
) -> tuple[tuple[Prepare, ...], tuple[Step, ...], dict[str, Shape]]:
    """Everything elementwise that no carry reaches leaves the loop: a factor that is a name is used as it is; the
    factor of an adjoint that is kept waits in that adjoint's own array; others have names, and these their shapes."""
    deltas = {line.name for line in places.back_loop}
    deltas |= {*derivation.upstream.values(), *derivation.carries.values()}
    columns = {slot.adjoint: slot for slot in slots if slot.adjoint}
    prepared: list[Prepare] = []
    named: dict[sympy.Expr, Prepare] = {}
    steps: list[Step] = []
    for line in places.back_loop:
        terms: list[sympy.Expr] = []
        for term in line.terms:
            source, factor = source_and_factor(term, deltas) or (None, term)
            if source is None or factor.is_Symbol or not names_in(factor) & lines.batched:
                terms.append(term)
                continue
            shape = shape_of(factor, lines.shapes)
            alone = len(line.terms) == 1 and (line.name in places.read_after or line.name in columns)
            if alone and len(shape) == len(line.shape):
                prepared.append(Prepare(line, line.name, factor, line.shape))
                steps.append(Scale((line,), source))
                break
            if factor not in named:
                named[factor] = Prepare(line, fresh(f"factor_{len(named) + 1}", lines.shapes), factor, shape)
                prepared.append(named[factor])
            terms.append(source * sympy.Symbol(named[factor].name))
        else:
            steps.append(_passed_back(derivation, lines, line, terms, columns, stacks))
    return tuple(prepared), tuple(_scaled_together(steps, columns)), {p.name: p.shape for p in named.values()}


def _passed_back(
    derivation: Derivation,
    lines: Rewritten,
    line: Formula,
    terms: list[sympy.Expr],
    columns: Mapping[str, Slot],
    stacks: Mapping[str, Stack],
) -> Compute:
    """Σ Rᵀ δ over the block as one product with the stacked weights, where a line has all of them; else the first
    product with a weight; and the rest."""
    products = [term for term in terms if isinstance(term, matmul) and term.args[1].is_Symbol]
    nets = {columns[p.args[1].name].net.name for p in products if p.args[1].name in columns}
    for vector, stack in stacks.items() if nets else ():
        if stack.slots[0].net.name in nets and line.shape == lines.shapes[vector]:
            rest = _without(terms, stack.adjoints)
            if rest is not None and are_neighbours(stack.slots):
                return Compute(line, rest, stack)
    for place, term in enumerate(terms):
        if (
            term in products
            and _is_weight(term.args[0], derivation, lines)
            and len(shape_of(term.args[1], lines.shapes)) == 1
        ):
            return Compute(line, (*terms[:place], *terms[place + 1 :]), product=term)
    return Compute(line, tuple(terms))


def _is_weight(expr: sympy.Expr, derivation: Derivation, lines: Rewritten) -> bool:
    inner = expr.args[0] if isinstance(expr, transpose) else expr
    return inner.is_Symbol and inner.name in derivation.cell.params and len(shape_of(expr, lines.shapes)) == 2


def _without(terms: Iterable[sympy.Expr], wanted: list[sympy.Expr]) -> tuple[sympy.Expr, ...] | None:
    """The terms that are left when some are taken out, each once; None where there is nothing to take or one is not
    there."""
    rest = list(terms)
    for term in wanted:
        if term not in rest:
            return None
        rest.remove(term)
    return tuple(rest) if wanted else None


def _scaled_together(steps: list[Step], columns: Mapping[str, Slot]) -> Iterator[Step]:
    """The steps, with adjoints that wait for the same source and are neighbours in the block scaled in one."""
    order = {name: place for place, name in enumerate(columns)}

    def waits_for(step: Step) -> sympy.Symbol | None:
        return step.source if isinstance(step, Scale) and step.formulas[0].name in columns else None

    for source, group in groupby(steps, waits_for):
        run = list(group)
        while source is not None and len(run) > 1:
            lines = tuple(line for step in run for line in formulas_of(step))
            slots = tuple(columns[name] for name in sorted((line.name for line in lines), key=order.__getitem__))
            if are_neighbours(slots) and len({slot.net.shape for slot in slots}) == 1:
                run = [Scale(lines, source, slots)]
            else:
                yield run.pop(0)
        yield from run


# After the loop ----------------------------------------------------------------------------------------------


def _gradient(derivation: Derivation, line: Formula, stacks: Mapping[str, Stack]) -> Compute:
    """A gradient; that by an input is one product with the input's stacked weights, where it has all of them."""
    stack = stacks.get(derivation.variables[line.name].written)
    rest = _without(line.terms, stack.adjoints) if stack is not None else None
    if rest is None or stack is None or not are_neighbours(stack.slots):
        return Compute(line, line.terms)
    return Compute(line, rest, stack)


def _is_one_gradient(stack: Stack) -> bool:
    """Whether the gradients by a stack's weights are made as one."""
    turned = any(isinstance(weight, transpose) for weight in stack.weights)
    return len(stack.slots) > 1 and bool(stack.adjoints) and are_neighbours(stack.slots) and not turned


def _summed(slots: tuple[Slot, ...], gradients: tuple[Formula, ...]) -> tuple[Slot, ...]:
    """The slots whose adjoints are themselves terms of gradients, and so are summed over steps and sequences in one."""
    alone = {term.name for line in gradients for term in line.terms if term.is_Symbol}
    found = tuple(slot for slot in slots if slot.adjoint in alone)
    return found if len(found) > 1 else ()
