"""The forward pass of a fast module: what needs no loop before it and after it, one product per vector, one tanh."""

from __future__ import annotations

import sympy

from ...equations.shapes import names_in
from ...operations.functions import sigmoid
from ...sizes import Size
from ..parts import loop_header, mentions
from .context import Body, Context, allocate, halved, store_of
from .pack import has_net_bias, needs_halves, weight_name
from .plan import Line, Product, Slot, as_product
from .ufuncs import Ufuncs, halve, numbered


def input_products(context: Context) -> dict[str, tuple[Product, ...]]:
    """The stacked products of the block whose vectors are known before the loop."""
    loop = {line.name for line in context.plan.loop}
    previous = {state.previous for state in context.derivation.cell.program.states}
    return {v: ps for v, ps in context.plan.groups.items() if v not in loop | previous}


def first_input(context: Context) -> str:
    return "x" if len(context.derivation.cell.inputs) == 1 else f'x["{next(iter(context.derivation.cell.inputs))}"]'


class ForwardPass:
    """Writes `forward`."""

    def __init__(self, context: Context, saved: list[str]) -> None:
        self.context = context
        self.plan = context.plan
        self.program = context.derivation.cell.program
        self.saved = saved
        self.like = first_input(context)
        self.loop_names = {line.name for line in self.plan.loop}
        self.previous = {state.previous for state in self.program.states}
        self.stored = set(saved) | {state.new for state in self.program.states} | set(self.program.outputs)
        self.stored |= {name for line in self.plan.after for name in line.reads}
        self.in_block = {name for slot in self.plan.slots for name in (slot.gate or slot.line,)}

    def lines(self) -> list[str]:
        loop = Body(self.context, ("N",), self.like)
        whole = Body(self.context, ("T", "N"), self.like)
        before = self._before(whole)
        steps = self._loop(loop)
        after = [self._whole_line(line) for line in self.plan.after]
        allocated = [*self._arrays(), *whole.allocations(), *loop.allocations()]
        return [*allocated, *before, *steps, *after]

    # Before the loop ----------------------------------------------------------------------------------------

    def _arrays(self) -> list[str]:
        context, lines = self.context, []
        for state in self.program.states:
            store = store_of(context.whole_names[state.previous])
            lines.append(allocate(store, context.shape(("T + 1", "N"), self.plan.shapes[state.previous]), self.like))
        if self.plan.slots:
            lines.append(allocate("block", context.shape(("T", "N"), (context.width,)), self.like))
            lines += [f"    {self._whole(s)} = block{context.columns(s.start, s.stop)}" for s in self.plan.slots]
        new = {state.new for state in self.program.states}
        for line in self.plan.loop:
            name = line.name
            if name in self.in_block or name in new or self._gated(name):
                continue
            if name in self.stored:
                lines.append(allocate(context.whole_names[name], context.shape(("T", "N"), line.shape), self.like))
            else:
                lines.append(allocate(context.step_names[name], context.shape(("N",), line.shape), self.like))
        return lines

    def _whole(self, slot: Slot) -> str:
        return self.context.whole_names[slot.gate or slot.line]

    def _gated(self, name: str) -> bool:
        """A net input whose gate takes its place."""
        slot = self.plan.slot_of(name)
        return slot is not None and slot.line == name and slot.gate is not None

    def _before(self, body: Body) -> list[str]:
        context = self.context
        new = {state.new for state in self.program.states}
        lines = [f'    {store_of(context.whole_names[s.previous])}[0] = state["{s.name}"]' for s in self.program.states]
        for line in self.plan.before:
            if line.name in new:
                lines.append(
                    f"    {context.whole_names[line.name]}[...] = {self._spread(line)}{context.numbers([line.name])}"
                )
            else:
                lines.append(self._whole_line(line))
        return lines + self._fill_block(body)

    def _whole_line(self, line: Line) -> str:
        name = self.context.whole_names[line.name]
        return f"    {name} = {self._spread(line)}{self.context.numbers([line.name])}"

    def _spread(self, line: Line) -> str:
        """A right side over all steps, spread to its full shape where it is smaller."""
        printer = self.context.whole
        text = " ".join(printer.sum_of(line.terms, len(line.shape))) or "0.0"
        if printer.rank(line.expr) < len(line.shape) or not printer.is_batched(line.expr):
            shape = self.context.shape(("T", "N"), line.shape)
            if not names_in(line.expr):
                return f"np.full({shape}, {text}, dtype={self.like}.dtype)"
            return f"np.broadcast_to({text}, {shape})"
        return text

    def _fill_block(self, body: Body) -> list[str]:
        """All that is known of the net inputs before the loop: the input products of all steps in one, and biases."""
        context, plan = self.context, self.plan
        if not plan.slots:
            return []
        lines: list[str] = []
        inputs = input_products(context)
        filled: set[str] = set()
        primary = max(inputs, key=lambda vector: len(inputs[vector]), default=None)
        if primary is not None:
            products = inputs[primary]
            weight = weight_name(context, primary) + ("_half" if needs_halves(context, products) else "")
            filled = {product.line for product in products}
            vector = context.whole_names[primary]
            if len(products) == len(plan.slots):
                numbers = context.numbers(filled)
                lines.append(f"    np.matmul(rows({vector}), {weight}.T, out=rows(block)){numbers}")
            else:
                lines.append(f"    input_sums = product({vector}, {weight})")
                start = Size()
                for product in products:
                    slot = plan.slot_of(product.line)
                    assert slot is not None
                    columns = context.columns(start, start + slot.size)
                    lines.append(f"    {self._whole(slot)}[...] = input_sums{columns}")
                    start = start + slot.size
        for slot in plan.slots:
            line = next(line for line in plan.loop if line.name == slot.line)
            lines += self._fill_slot(slot, line, primary, slot.line in filled)
        if has_net_bias(context):
            lines.append("    block += net_bias")
        return lines

    def _fill_slot(self, slot: Slot, line: Line, primary: str | None, filled: bool) -> list[str]:
        known = [
            term
            for original, term in zip(line.terms, halved(self.context, line).terms, strict=True)
            if not names_in(original) & (self.loop_names | self.previous)
            and not self._is_product_of(line, original, primary)
            and not (has_net_bias(self.context) and not names_in(original) & self.plan.batched)
        ]
        name = self._whole(slot)
        lines: list[str] = []
        for term in known:
            text = " ".join(self.context.whole.sum_of((term,), 1))
            lines.append(f"    {name} += {text}" if filled else f"    {name}[...] = {text}")
            filled = True
        return lines if filled else [*lines, f"    {name}[...] = 0"]

    def _is_product_of(self, line: Line, term: sympy.Expr, vector: str | None) -> bool:
        """Whether a term is in the stacked product of a vector."""
        found = as_product(line.name, term, self.context.whole.params, self.plan.shapes)
        grouped = self.plan.groups.get(found.vector, ()) if found is not None else ()
        return found is not None and found.vector == vector and found in grouped

    # The loop -----------------------------------------------------------------------------------------------

    def _loop(self, body: Body) -> list[str]:
        if not self.plan.loop:
            return []
        steps: list[str] = []
        done: set[str] = set()
        multiplied: set[str] = set()
        ready = [slot for slot in self.plan.slots if slot.ready]
        if ready:
            steps += self._multiply_all(body, {s.line for s in ready}, multiplied)
            for slot in ready:
                steps += self._extra_terms(body, slot)
            steps += self._activate_ready(ready, done)
        for line in self.plan.loop:
            if line.name not in done:
                steps += self._line(body, line, multiplied, done)
        return [*self._header(steps), *(f"        {step}" for step in steps)]

    def _header(self, steps: list[str]) -> list[str]:
        """The loop over the steps: every array that the body speaks of, one step of it under its plain name."""
        context = self.context
        pairs: list[tuple[str, str]] = []
        text = "\n".join(steps)
        if self.plan.slots:
            pairs.append(("net", "block"))
        for name in self.plan.shapes:
            whole = context.whole_names[name]
            is_whole = name in self.plan.batched and (
                name in self.stored or name in self.in_block or name not in self.loop_names
            )
            if is_whole and mentions(text, context.step_names[name]) and whole != context.step_names[name]:
                pairs.append((context.step_names[name], whole))
        pairs = [pair for pair in pairs if mentions(text, pair[0])]
        return loop_header(pairs)

    def _multiply_all(self, body: Body, lines: set[str], multiplied: set[str]) -> list[str]:
        """The products of the previous states with their stacked weights, added to the block."""
        steps: list[str] = []
        for vector, products in self.plan.groups.items():
            if vector in self.previous and any(product.line in lines for product in products):
                steps += self._multiply(body, vector, products)
                multiplied.add(vector)
        return steps

    def _multiply(self, body: Body, vector: str, products: tuple[Product, ...]) -> list[str]:
        context = self.context
        weight = weight_name(context, vector) + ("_half" if needs_halves(context, products) else "")
        slots = [self.plan.slot_of(product.line) for product in products]
        assert all(slot is not None for slot in slots)
        sizes = [slot.size for slot in slots if slot is not None]
        width = sum(sizes[1:], sizes[0])
        sums = f"sums_{context.step_names[vector]}"
        body.scratch[f"{context.shape(('N',), (width,))}#{sums}"] = sums
        numbers = context.numbers([product.line for product in products])
        steps = [f"np.matmul({context.step_names[vector]}, {weight}.T, out={sums}){numbers}"]
        first, last = slots[0], slots[-1]
        assert first is not None
        assert last is not None
        if width == last.stop - first.start:
            whole = len(slots) == len(self.plan.slots)
            target = "net" if whole else f"net{context.columns(first.start, last.stop)}"
            return [*steps, f"np.add({target}, {sums}, out={target})"]
        start = Size()
        for slot in slots:
            assert slot is not None
            name = context.step_names[slot.gate or slot.line]
            steps.append(f"{name} += {sums}{context.columns(start, start + slot.size)}")
            start = start + slot.size
        return steps

    def _extra_terms(self, body: Body, slot: Slot) -> list[str]:
        """The terms of a net input that are neither known before the loop nor in a stacked product."""
        line = next(line for line in self.plan.loop if line.name == slot.line)
        writer = body.ufuncs(self.context.step, line.shape)
        name = self.context.step_names[slot.gate or slot.line]
        steps: list[str] = []
        for original, term in zip(line.terms, halved(self.context, line).terms, strict=True):
            in_loop = names_in(original) & (self.loop_names | self.previous)
            if in_loop and not any(self._is_product_of(line, original, v) for v in self.plan.groups):
                steps += writer.add_to(name, self._with_half(term))
        return steps

    def _with_half(self, term: sympy.Expr) -> sympy.Expr:
        """p ⊙ c / 2 with p / 2 from `pack`, so that no step halves it again."""
        coefficient, rest = term.as_coeff_Mul()
        factors = list(sympy.Mul.make_args(rest))
        params = self.context.derivation.cell.params
        place = next((k for k, f in enumerate(factors) if f.is_Symbol and f.name in params), None)
        if abs(coefficient) != sympy.S.Half or place is None:
            return term
        factors[place] = sympy.Symbol(self.context.half_of(factors[place].name))
        return sympy.Mul(2 * coefficient, *factors)

    def _activate_ready(self, ready: list[Slot], done: set[str]) -> list[str]:
        """One tanh over the gates that are ready at the start of the step."""
        context = self.context
        gated = [slot for slot in ready if slot.gate is not None]
        done |= {slot.line for slot in ready} | {slot.gate for slot in gated if slot.gate}
        if not gated:
            return []
        steps = []
        whole = len(gated) == len(self.plan.slots)
        gates = "net" if whole else f"net{context.columns(Size(), gated[-1].stop)}"
        numbers = context.numbers([slot.gate for slot in gated if slot.gate])
        steps.append(f"np.tanh({gates}, out={gates}){numbers}")
        halves = [slot for slot in gated if slot.activation is sigmoid]
        if halves:
            whole = len(halves) == len(self.plan.slots)
            steps.append("gates = net" if whole else f"gates = net{context.columns(Size(), halves[-1].stop)}")
            steps += halve("gates")
        return steps

    def _line(self, body: Body, line: Line, multiplied: set[str], done: set[str]) -> list[str]:
        context = self.context
        writer = body.ufuncs(context.step, line.shape)
        numbers = context.numbers([line.name])
        slot = self.plan.slot_of(line.name)
        if slot is not None and slot.line == line.name:
            steps: list[str] = []
            for vector, products in self.plan.groups.items():
                waits = vector in self.loop_names | self.previous and vector not in multiplied
                if waits and any(product.line == line.name for product in products):
                    steps += self._multiply(body, vector, products)
                    multiplied.add(vector)
            return steps + self._extra_terms(body, slot)
        if slot is not None:
            name = context.step_names[line.name]
            activate = [f"np.tanh({name}, out={name}){numbers}"]
            return activate + (halve(name) if slot.activation is sigmoid else [])
        return numbered(self._compute(writer, line), numbers)

    def _compute(self, writer: Ufuncs, line: Line) -> list[str]:
        name = self.context.step_names[line.name]
        return writer.sum_of(line.terms, name) if line.terms else [f"{name}[...] = 0"]

    # What is returned ---------------------------------------------------------------------------------------

    def returned(self, kept: list[str]) -> list[str]:
        """The last lines; of what was packed the tape keeps only what the backward pass reads."""
        context, program = self.context, self.program
        several = len(program.outputs) > 1
        values = {name: self._output(name) for name in program.outputs}
        shown = (
            "{" + ", ".join(f'"{k}": {v}' for k, v in values.items()) + "}" if several else next(iter(values.values()))
        )
        finals = ", ".join(
            f'"{s.name}": {store_of(context.whole_names[s.previous])}[-1].copy()' for s in program.states
        )
        names = ", ".join(f'"{name}"' for name in kept)
        comma = "," if len(kept) == 1 else ""
        return [
            f"    outputs = {shown}",
            f"    kept = {{name: packed[name] for name in ({names}{comma})}}",
            f"    return outputs, {{{finals}}}, ({', '.join(['kept', 'x', *tape_arrays(context, self.saved)])})",
        ]

    def _output(self, name: str) -> str:
        whole = self.context.whole_names[name]
        return f"np.array({whole})"


def tape_arrays(context: Context, saved: list[str]) -> list[str]:
    """The arrays that hold what the backward pass reads: the block once, each state's store once."""
    arrays: dict[str, None] = {}
    in_block = {slot.gate or slot.line for slot in context.plan.slots}
    for name in saved:
        whole = context.whole_names[name]
        arrays.setdefault("block" if name in in_block else store_of(whole))
    return list(arrays)
