"""The forward pass of a fast module: what needs no loop before it and after it, one product per vector, one tanh."""

from __future__ import annotations

from collections.abc import Iterable

import sympy

from ...equations.shapes import names_in
from ...operations.functions import sigmoid
from ...sizes import Size
from ..parts import loop_over
from ..statement import Statement, Text, joined, let, local, piece, say, unmade
from .context import STEP, WHOLE, Body, Context, T, allocate
from .line import Line
from .plan import Product, Slot
from .terms import extra_terms, half_in, halved, is_stacked, with_half
from .ufuncs import Ufuncs, halve, numbered

NET, BLOCK, GATES, SUMS = local("net"), local("block"), local("gates"), local("input_sums")


def first_input(context: Context) -> Text:
    return context.in_all(next(iter(context.derivation.cell.inputs)))


def rows(array: Text) -> Text:
    """All steps and sequences of an array as the rows of one matrix."""
    return piece("{}({})", local("rows"), array)


class ForwardPass:
    """Writes `forward`."""

    def __init__(self, context: Context, saved: list[str]) -> None:
        self.context = context
        self.plan = context.plan
        self.program = context.derivation.cell.program
        self.saved = saved
        self.like = first_input(context)
        self.previous = {state.previous for state in self.program.states}
        self.new = {state.new for state in self.program.states}
        self.stored = set(saved) | self.new | set(self.program.outputs)
        self.stored |= {name for line in self.plan.after for name in line.reads}
        self.in_block = {slot.gate or slot.line for slot in self.plan.slots}
        names = context.names.inner()
        self.in_loop = Body(context, names, STEP, self.like, "spare")
        self.before_loop = Body(context, names, WHOLE, self.like, "spare_all")

    def lines(self) -> list[Statement]:
        before = self._before()
        steps = self._loop()
        after = [self._whole_line(line) for line in self.plan.after]
        allocated = [*self._arrays(), *self.before_loop.allocations(), *self.in_loop.allocations()]
        return [*allocated, *before, *steps, *after]

    # Before the loop ----------------------------------------------------------------------------------------

    def _arrays(self) -> list[Statement]:
        context, lines = self.context, list[Statement]()
        for state in self.program.states:
            shape = context.shape((piece("{} + 1", T), WHOLE[1]), self.plan.shapes[state.previous])
            lines.append(allocate(context.store(state.previous).code, shape, self.like))
        if self.plan.slots:
            lines.append(allocate("block", context.shape(WHOLE, (context.width,)), self.like))
            lines += [
                let(self._whole(s).code, "{}{}", BLOCK, context.columns(s.start, s.stop)) for s in self.plan.slots
            ]
        for line in self.plan.loop:
            name = line.name
            if name in self.in_block or name in self.new or self._gated(name):
                continue
            if name in self.stored:
                lines.append(allocate(context.whole_names[name], context.shape(WHOLE, line.shape), self.like))
            else:
                lines.append(allocate(context.step_names[name], context.shape(STEP, line.shape), self.like))
        return lines

    def _whole(self, slot: Slot) -> Text:
        return self.context.in_all(slot.gate or slot.line)

    def _gated(self, name: str) -> bool:
        """A net input whose gate takes its place."""
        slot = self.plan.slot_of(name)
        return slot is not None and slot.line == name and slot.gate is not None

    def _before(self) -> list[Statement]:
        context = self.context
        lines = [say('{}[0] = state["{}"]', context.store(s.previous), s.name) for s in self.program.states]
        for line in self.plan.before:
            if line.name in self.new:
                steps = say("{}[...] = {}", context.in_all(line.name), self._spread(line))
                lines.append(steps.with_note(context.numbers([line.name])))
            else:
                lines.append(self._whole_line(line))
        return lines + self._fill_block()

    def _whole_line(self, line: Line) -> Statement:
        name = self.context.whole_names[line.name]
        return let(name, "{}", self._spread(line)).with_note(self.context.numbers([line.name]))

    def _spread(self, line: Line) -> Text:
        """A right side over all steps, spread to its full shape where it is smaller."""
        printer = self.context.whole
        text = printer.spoken_sum(line.terms, len(line.shape)) if line.terms else Text("0.0")
        if printer.rank(line.expr) < len(line.shape) or not printer.is_batched(line.expr):
            shape = self.context.shape(WHOLE, line.shape)
            if not line.reads:
                return piece("np.full({}, {}, dtype={}.dtype)", shape, text, self.like)
            return piece("np.broadcast_to({}, {})", text, shape)
        return text

    def _fill_block(self) -> list[Statement]:
        """All that is known of the net inputs before the loop: the input products of all steps in one, and biases."""
        context, plan = self.context, self.plan
        if not plan.slots:
            return []
        lines: list[Statement] = []
        waiting = plan.loop_lines.keys() | self.previous
        inputs = {vector: products for vector, products in plan.groups.items() if vector not in waiting}
        filled: set[str] = set()
        primary = max(inputs, key=lambda vector: len(inputs[vector]), default=None)
        if primary is not None:
            products = inputs[primary]
            weight, vector = self._weight(primary), context.in_all(primary)
            filled = {product.line for product in products}
            if len(products) == len(plan.slots):
                product = say("np.matmul({}, {}.T, out={})", rows(vector), weight, rows(BLOCK))
                lines.append(product.with_note(context.numbers(filled)))
            else:
                lines.append(let("input_sums", "{}({}, {})", local("product"), vector, weight))
                for slot, start in self._placed(products):
                    columns = context.columns(start, start + slot.size)
                    lines.append(say("{}[...] = {}{}", self._whole(slot), SUMS, columns))
        for slot in plan.slots:
            lines += self._fill_slot(slot, primary, slot.line in filled)
        if context.has_net_bias:
            lines.append(say("{} += {}", BLOCK, local("net_bias")))
        return lines

    def _weight(self, vector: str) -> Text:
        """The stacked weights of a vector, as the forward pass uses them."""
        return local(self.context.half_weights.get(vector) or self.context.weights[vector])

    def _placed(self, products: Iterable[Product]) -> list[tuple[Slot, Size]]:
        """The slots of stacked products, and where each begins in their sum."""
        found: list[tuple[Slot, Size]] = []
        start = Size()
        for product in products:
            slot = self.plan.homes[product.line]
            found.append((slot, start))
            start = start + slot.size
        return found

    def _fill_slot(self, slot: Slot, primary: str | None, filled: bool) -> list[Statement]:
        line, batched = self.plan.loop_lines[slot.line], self.plan.batched
        waiting = self.plan.loop_lines.keys() | self.previous
        name = self._whole(slot)
        lines: list[Statement] = []
        for original, term in zip(line.terms, halved(self.plan, line), strict=True):
            names = names_in(original)
            if not waiting.isdisjoint(names) or (self.context.has_net_bias and not names & batched):
                continue
            if primary in names and self._is_stacked(line, original):
                continue
            text = self.context.whole.spoken_sum((term,), 1)
            lines.append(say("{} += {}" if filled else "{}[...] = {}", name, text))
            filled = True
        return lines if filled else [*lines, say("{}[...] = 0", name)]

    def _is_stacked(self, line: Line, term: sympy.Expr) -> bool:
        return is_stacked(self.plan, self.context.derivation.cell.params, line, term)

    # The loop -----------------------------------------------------------------------------------------------

    def _loop(self) -> list[Statement]:
        if not self.plan.loop:
            return []
        steps: list[Statement] = []
        done: set[str] = set()
        multiplied: set[str] = set()
        ready = [slot for slot in self.plan.slots if slot.ready]
        if ready:
            steps += self._multiply_all({s.line for s in ready}, multiplied)
            for slot in ready:
                steps += self._extra_terms(slot)
            steps += self._activate_ready(ready, done)
        waiting = self._waiting()
        for line in self.plan.loop:
            if line.name not in done:
                steps += self._line(line, waiting.get(line.name, []), multiplied)
        return [loop_over(self._steps_of(steps), steps)]

    def _steps_of(self, steps: list[Statement]) -> list[tuple[str, Text]]:
        """What the loop runs over: every array that the body speaks of, one step of it under its plain name."""
        context, spoken = self.context, unmade(steps)
        pairs = [("net", BLOCK)] if "net" in spoken else []
        for name in self.plan.shapes:
            step = context.step_names[name]
            stored = name in self.stored or name in self.in_block or name not in self.plan.loop_lines
            if step in spoken and stored and name in self.plan.batched:
                pairs.append((step, context.in_all(name)))
        return pairs

    def _multiply_all(self, lines: set[str], multiplied: set[str]) -> list[Statement]:
        """The products of the previous states with their stacked weights, added to the block."""
        steps: list[Statement] = []
        for vector, products in self.plan.groups.items():
            if vector in self.previous and any(product.line in lines for product in products):
                steps += self._multiply(vector, products)
                multiplied.add(vector)
        return steps

    def _multiply(self, vector: str, products: tuple[Product, ...]) -> list[Statement]:
        context = self.context
        placed = self._placed(products)
        (first, _), (last, last_start) = placed[0], placed[-1]
        width = last_start + last.size
        sums = self.in_loop.array(vector, f"sums_{context.step_names[vector]}", context.shape(STEP, (width,)))
        product = say("np.matmul({}, {}.T, out={})", context.in_step(vector), self._weight(vector), sums)
        steps = [product.with_note(context.numbers([product.line for product in products]))]
        if width == last.stop - first.start:
            whole = len(placed) == len(self.plan.slots)
            target = NET if whole else piece("{}{}", NET, context.columns(first.start, last.stop))
            return [*steps, say("np.add({}, {}, out={})", target, sums, target)]
        for slot, start in placed:
            columns = context.columns(start, start + slot.size)
            steps.append(say("{} += {}{}", context.in_step(slot.gate or slot.line), sums, columns))
        return steps

    def _extra_terms(self, slot: Slot) -> list[Statement]:
        """What a step adds to a net input besides its stacked products."""
        context = self.context
        writer = self.in_loop.ufuncs(context.step, self.plan.loop_lines[slot.line].shape)
        steps: list[Statement] = []
        for term in extra_terms(self.plan, context.derivation, slot):
            param = half_in(term, context.derivation.cell.params)
            term = term if param is None else with_half(term, param, context.halves[param])
            steps += writer.add_to(context.in_step(slot.gate or slot.line), term)
        return steps

    def _activate_ready(self, ready: list[Slot], done: set[str]) -> list[Statement]:
        """One tanh over the gates that are ready at the start of the step."""
        context = self.context
        gated = [slot for slot in ready if slot.gate is not None]
        done |= {slot.line for slot in ready} | {slot.gate for slot in gated if slot.gate}
        if not gated:
            return []
        gates = self._first_columns(gated)
        numbers = context.numbers([slot.gate for slot in gated if slot.gate])
        steps = [say("np.tanh({}, out={})", gates, gates).with_note(numbers)]
        halves = [slot for slot in gated if slot.activation is sigmoid]
        if halves:
            steps += [let("gates", "{}", self._first_columns(halves)), *halve(GATES)]
        return steps

    def _first_columns(self, slots: list[Slot]) -> Text:
        """A step of the block's first slots."""
        whole = len(slots) == len(self.plan.slots)
        return NET if whole else piece("{}{}", NET, self.context.columns(Size(), slots[-1].stop))

    def _waiting(self) -> dict[str, list[str]]:
        """The vectors of the loop by the first line that has a product with them, in the order of the groups."""
        waiting: dict[str, list[str]] = {}
        here = self.plan.loop_lines.keys() | self.previous
        for vector, products in self.plan.groups.items():
            for name in {product.line for product in products} if vector in here else ():
                waiting.setdefault(name, []).append(vector)
        return waiting

    def _line(self, line: Line, vectors: list[str], multiplied: set[str]) -> list[Statement]:
        context = self.context
        writer = self.in_loop.ufuncs(context.step, line.shape)
        numbers = context.numbers([line.name])
        slot = self.plan.slot_of(line.name)
        name = context.in_step(line.name)
        if slot is not None and slot.line == line.name:
            steps: list[Statement] = []
            for vector in vectors:
                if vector not in multiplied:
                    steps += self._multiply(vector, self.plan.groups[vector])
                    multiplied.add(vector)
            return steps + self._extra_terms(slot)
        if slot is not None:
            activate = say("np.tanh({}, out={})", name, name).with_note(numbers)
            return [activate, *(halve(name) if slot.activation is sigmoid else [])]
        return numbered(self._compute(writer, line), numbers)

    def _compute(self, writer: Ufuncs, line: Line) -> list[Statement]:
        name = self.context.in_step(line.name)
        return writer.sum_of(line.terms, name) if line.terms else [say("{}[...] = 0", name)]

    # What is returned ---------------------------------------------------------------------------------------

    def returned(self, kept: list[str]) -> list[Statement]:
        """The last lines; of what was packed the tape keeps only what the backward pass reads."""
        context, program = self.context, self.program
        values = [piece("np.array({})", context.in_all(name)) for name in program.outputs]
        named = [piece('"{}": {}', name, value) for name, value in zip(program.outputs, values, strict=True)]
        shown = piece("{{{}}}", joined(", ", named)) if len(values) > 1 else values[0]
        finals = joined(", ", [piece('"{}": {}[-1].copy()', s.name, context.store(s.previous)) for s in program.states])
        names = ", ".join(f'"{name}"' for name in kept) + ("," if len(kept) == 1 else "")
        tape = joined(", ", [local("kept"), local("x"), *tape_arrays(context, self.saved)])
        return [
            let("outputs", "{}", shown),
            let("kept", "{{name: {0}[name] for name in ({1})}}", local("packed"), names),
            say("return {}, {{{}}}, ({})", local("outputs"), finals, tape),
        ]


def tape_arrays(context: Context, saved: list[str]) -> list[Text]:
    """The arrays that hold what the backward pass reads: the block once, each state's store once."""
    in_block = {slot.gate or slot.line for slot in context.plan.slots}
    return list(dict.fromkeys(BLOCK if name in in_block else context.store(name) for name in saved))
