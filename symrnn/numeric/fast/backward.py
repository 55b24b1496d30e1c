"""The backward pass of a fast module: local derivatives of all steps first, a loop that keeps only what is carried,
and the parameters' gradients in one product per vector after it."""

from __future__ import annotations

from itertools import pairwise

import sympy

from ...equations.shapes import shape_of
from ...operations.structured import matmul, outer, transpose
from ...sizes import Shape, Size
from ..parts import loop_over
from ..statement import ATOM, PRODUCT, Statement, Text, block, joined, let, local, piece, say, unmade
from .context import STEP, WHOLE, Body, Context, allocate
from .forward import rows
from .line import Line
from .plan import Product, Slot
from .terms import Term
from .ufuncs import numbered

DELTAS, DELTA_NET, GRAD_NET = local("delta_block"), local("delta_net"), local("grad_net")


class BackwardPass:
    """Writes `backward`."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.plan = context.plan
        self.derivation = context.derivation
        self.program = context.derivation.cell.program
        self.like = context.in_all(self.derivation.upstream[self.program.outputs[0]])
        self.carries = set(self.derivation.carries.values())
        self.loop_names = {line.name for line in self.plan.back_loop}
        self.columns = context.terms.columns
        self.stored = context.terms.stored
        self.names = context.names.inner()
        self.in_loop = Body(context, self.names, STEP, self.like, "spare")
        self.before_loop = Body(context, self.names, WHOLE, self.like, "spare_all")
        self.order = {slot.line: place for place, slot in enumerate(self.plan.slots)}
        # Views of several neighbouring columns of `delta_block`, one for each run of lines that wait together.
        self.gate_views: dict[str, Statement] = {}

    def lines(self) -> list[Statement]:
        factors = self._factors()
        steps = self._loop()
        after = [self._assign_after(line) for line in self.plan.back_after]
        carries = [
            let(self._carry(state.name).code, 'np.array(d_final_state["{}"])', state.name)
            for state in self.program.states
        ]
        context = self.context
        made = [
            allocate(context.whole_names[factor.name], context.shape(WHOLE, factor.shape), self.like)
            for factor in context.terms.factors
        ]
        arrays = [*self._arrays(), *made, *self.gate_views.values()]
        spare = [*self.before_loop.allocations(), *self.in_loop.allocations()]
        return [*arrays, *spare, *factors, *carries, *steps, *after, *self._gradients()]

    def _carry(self, state: str) -> Text:
        return self.context.in_step(self.derivation.carries[state])

    # Before the loop ----------------------------------------------------------------------------------------

    def _arrays(self) -> list[Statement]:
        context, lines = self.context, list[Statement]()
        if self.columns:
            lines.append(allocate("delta_block", context.shape(WHOLE, (context.width,)), self.like))
            for name, slot in self.columns.items():
                columns = context.columns(slot.start, slot.stop)
                lines.append(let(context.whole_names[name], "{}{}", DELTAS, columns))
            used = {slot.line for slot in self.columns.values()}
            for slot in self.plan.slots:
                if slot.line not in used:
                    lines.append(say("{}{} = 0", DELTAS, context.columns(slot.start, slot.stop)))
        for line in self.plan.back_loop:
            if line.name in self.carries or line.name in self.columns:
                continue
            if line.name in self.stored:
                lines.append(allocate(context.whole_names[line.name], context.shape(WHOLE, line.shape), self.like))
            else:
                lines.append(allocate(context.step_names[line.name], context.shape(STEP, line.shape), self.like))
        return lines

    def _factors(self) -> list[Statement]:
        """What no carry reaches, for all steps at once."""
        context, lines = self.context, list[Statement]()
        for line in self.plan.back_loop:
            for term in context.terms.of[line.name]:
                if term.waiting is not None:
                    name, shape, expr = line.name, line.shape, term.waiting
                elif term.made is not None:
                    name, shape, expr = term.made.name, term.made.shape, term.made.expr
                else:
                    continue
                writer = self.before_loop.ufuncs(context.whole, shape)
                lines += numbered(writer.compute(expr, context.in_all(name)), context.numbers([line.name]))
        return lines

    # The loop -----------------------------------------------------------------------------------------------

    def _loop(self) -> list[Statement]:
        steps: list[Statement] = []
        lines = list(self.plan.back_loop)
        place = 0
        while place < len(lines):
            run = self._run(lines, place)
            steps += self._run_together(run) if len(run) > 1 else self._line(lines[place])
            place += max(1, len(run))
        return [loop_over(self._steps_of(steps), steps)] if steps else []

    def _terms(self, line: Line) -> tuple[Term, ...]:
        return self.context.terms.of[line.name]

    def _run(self, lines: list[Line], place: int) -> list[Line]:
        """The next lines whose adjoints are neighbours in the block, waiting for the same source."""
        run: list[Line] = []
        source = None
        for line in lines[place:]:
            (first, *more) = self._terms(line) or (Term(None, sympy.S.Zero),)
            if more or first.waiting is None or line.name not in self.columns:
                break
            if source is not None and first.source != source:
                break
            source = first.source
            run.append(line)
        places = self._slots_of(run)
        joined_up = all(a.stop == b.start and a.size == b.size for a, b in pairwise(places))
        return run if joined_up else run[:1]

    def _slots_of(self, run: list[Line]) -> list[Slot]:
        """The slots of adjoints, in the order of the block."""
        return sorted((self.columns[line.name] for line in run), key=lambda slot: self.order[slot.line])

    def _run_together(self, run: list[Line]) -> list[Statement]:
        context = self.context
        places = self._slots_of(run)
        first, last = places[0], places[-1]
        wish = f"delta_gates_{len(self.gate_views) + 1}" if self.gate_views else "delta_gates"
        name, whole = self.names.take_pair(wish, "_all")
        every = len(places) == len(self.plan.slots)
        columns = "" if every else context.columns(first.start, last.stop)
        shape = joined(", ", [*WHOLE, str(len(places)), context.size(first.size)])
        self.gate_views[name] = let(whole, "{}{}.reshape({})", DELTAS, columns, shape)
        source = self._terms(run[0])[0].source
        assert source is not None
        step = say("{} *= {}[:, None]", local(name), context.in_step(source.name))
        return [step.with_note(context.numbers([line.name for line in run]))]

    def _line(self, line: Line) -> list[Statement]:
        context = self.context
        name = context.in_step(line.name)
        numbers = context.numbers([line.name])
        found = self._terms(line)
        if len(found) == 1 and found[0].waiting is not None and found[0].source is not None:
            factor = context.step.spoken(found[0].source, len(line.shape))
            return [say("{} *= {}", name, factor).with_note(numbers)]
        steps, exprs = self._stacked(line, [term.expr for term in found])
        writer = self.in_loop.ufuncs(context.step, line.shape)
        if not exprs and not steps:
            return [say("{}[...] = 0", name).with_note(numbers)]
        if not steps:
            return numbered(writer.sum_of(tuple(exprs), name), numbers)
        for expr in exprs:
            steps += writer.add_to(name, expr)
        return numbered(steps, numbers)

    def _stacked(self, line: Line, exprs: list[sympy.Expr]) -> tuple[list[Statement], list[sympy.Expr]]:
        """Σ Rᵀ δ over the block as one product with the stacked weights, where a line has all of them; the rest."""
        context, name = self.context, self.context.in_step(line.name)
        for vector in self._vectors(exprs):
            products = self.plan.groups[vector]
            rest = without(exprs, self._transposed(products))
            stretch = self._stretch(products, DELTA_NET)
            if rest is not None and stretch is not None and line.shape == self.plan.shapes[vector]:
                return [say("np.matmul({}, {}, out={})", stretch, local(context.weights[vector]), name)], rest
        for place, expr in enumerate(exprs):
            if isinstance(expr, matmul) and self._is_weight_product(expr):
                weight, delta = expr.args
                turned = context.step.spoken(transpose(weight)).within(ATOM)
                step = say("np.matmul({}, {}, out={})", context.in_step(delta.name), turned, name)
                return [step], [*exprs[:place], *exprs[place + 1 :]]
        return [], exprs

    def _vectors(self, exprs: list[sympy.Expr]) -> list[str]:
        """The vectors of stacked products whose adjoints some terms hold, in the order of the groups."""
        lines = {self.columns[e.args[1].name].line for e in exprs if isinstance(e, matmul) and self._is_column(e)}
        if not lines:
            return []
        return [vector for vector, products in self.plan.groups.items() if products[0].line in lines]

    def _is_column(self, expr: sympy.Expr) -> bool:
        return expr.args[1].is_Symbol and expr.args[1].name in self.columns

    def _is_weight_product(self, expr: sympy.Expr) -> bool:
        weight, delta = expr.args
        inner = weight.args[0] if isinstance(weight, transpose) else weight
        ranks = self.context.step.rank(weight), self.context.step.rank(delta)
        return ranks == (2, 1) and inner.is_Symbol and inner.name in self.context.whole.params and delta.is_Symbol

    def _transposed(self, products: tuple[Product, ...]) -> list[sympy.Expr]:
        """What stacked products pass back to their vector; nothing where a line of theirs has no adjoint."""
        adjoints = [self.derivation.adjoint_of.get(product.line) for product in products]
        if not all(adjoint in self.columns for adjoint in adjoints):
            return []
        return [matmul(transpose(p.weight), sympy.Symbol(a)) for p, a in zip(products, adjoints, strict=True)]

    def _stretch(self, products: tuple[Product, ...], block: Text) -> Text | None:
        """The columns of the block that belong to a stack, if they are neighbours in its order."""
        slots = [self.plan.homes[product.line] for product in products]
        if any(a.stop != b.start for a, b in pairwise(slots)):
            return None
        if len(slots) == len(self.plan.slots):
            return block
        return piece("{}{}", block, self.context.columns(slots[0].start, slots[-1].stop))

    def _steps_of(self, steps: list[Statement]) -> list[tuple[str, Text]]:
        """What the loop runs over, from the last step to the first."""
        context, spoken = self.context, unmade(steps)
        pairs = [("delta_net", DELTAS)] if "delta_net" in spoken else []
        pairs += [(name, local(next(iter(view.makes)))) for name, view in self.gate_views.items()]
        for name, step in context.step_names.items():
            if name in self.carries or not context.step.batched[name]:
                continue
            if step in spoken and (name not in self.loop_names or name in self.stored):
                pairs.append((step, context.in_all(name)))
        return [(name, piece("{}[::-1]", array)) for name, array in pairs]

    # After the loop -----------------------------------------------------------------------------------------

    def _assign_after(self, line: Line) -> Statement:
        context = self.context
        value = self._value(line.terms, line.shape, line.name in self.plan.batched)
        name = context.in_all(line.name)
        step = say("{}[...] = {}", name, value) if line.name in self.columns else let(name.code, "{}", value)
        return step.with_note(context.numbers([line.name]))

    def _value(self, terms: tuple[sympy.Expr, ...], shape: Shape, batched: bool) -> Text:
        """A sum over all steps at once, spread to its shape; for what has no axis of sequences, summed over them."""
        context = self.context
        if not batched:
            text = joined(" + ", [self._summed(term, shape) for term in terms]) if terms else Text("0.0")
            small = max((context.whole.rank(term) for term in terms), default=0) < len(shape)
            return piece("np.broadcast_to({}, {})", text, context.shape((), shape)) if small else text
        text = context.whole.spoken_sum(terms, len(shape))
        full = context.shape(WHOLE, shape)
        if not terms:
            return piece("np.zeros({}, dtype={}.dtype)", full, self.like)
        if len(shape_of(sympy.Add(*terms), context.whole.shapes)) < len(shape):
            return piece("np.broadcast_to({}, {})", text, full)
        return text

    def _summed(self, term: sympy.Expr, shape: Shape) -> Text:
        """One term of a gradient by something that has no axis of sequences."""
        printer = self.context.whole
        if not printer.is_batched(term):
            return printer.spoken(term).within(PRODUCT)
        coefficient, rest = term.as_coeff_Mul()
        scale = "" if coefficient == 1 else f"{printer.text(coefficient).within(PRODUCT)} * "
        if isinstance(rest, outer) and all(printer.is_batched(a) and a.is_Symbol for a in rest.args):
            a, b = (rows(printer.spoken(operand)) for operand in rest.args)
            return piece("{}({}.T @ {})" if scale else "{}{}.T @ {}", scale, a, b)
        factors = sympy.Mul.make_args(rest)
        pair = len(factors) == 2 and all(f.is_Symbol and printer.is_batched(f) for f in factors)
        if pair and all(printer.rank(f) == len(shape) == 1 for f in factors):
            a, b = (printer.spoken(f) for f in sorted(factors, key=printer.factor_key))
            return piece('{}np.einsum("tni,tni->i", {}, {})', scale, a, b)
        return piece("{}.sum(axis=(0, 1))", printer.spoken(term).within(ATOM))

    def _gradients(self) -> list[Statement]:
        context = self.context
        lines, stacked = self._stacked_gradients()
        grads: list[Statement] = []
        inputs: list[tuple[str, Text]] = []
        for line in self.plan.gradients:
            of = self.derivation.variables[line.name].written
            if self.derivation.variables[of].role == "input":
                inputs.append((of, self._input_gradient(line, of)))
                continue
            parts = [stacked.get(term) or self._summed(term, line.shape) for term in line.terms]
            value = joined(" + ", parts) if parts else piece("np.zeros_like({})", context.in_step(of))
            if line.terms and max(context.whole.rank(term) for term in line.terms) < len(line.shape):
                value = piece("np.array(np.broadcast_to({}, {}))", value, context.shape((), line.shape))
            grads.append(say('"{}": {},', of, value).with_note(context.numbers([line.name])))
        end = say("}}")
        if len(inputs) > 1:
            d_x = [block("d_x = {", (), ["d_x"], [say('"{}": {},', of, value) for of, value in inputs]), end]
        else:
            d_x = [let("d_x", "{}", inputs[0][1])]
        states = joined(", ", [piece('"{}": {}', state.name, self._carry(state.name)) for state in self.program.states])
        found = say("return {}, {}, {{{}}}", local("grads"), local("d_x"), states)
        return [*lines, block("grads = {", (), ["grads"], grads), end, *d_x, found]

    def _stacked_gradients(self) -> tuple[list[Statement], dict[sympy.Expr, Text]]:
        """Gradients of stacked weights in one product, of what is added to net inputs in one sum: term -> rows."""
        context = self.context
        lines: list[Statement] = []
        stacked: dict[sympy.Expr, Text] = {}
        for vector, products in self.plan.groups.items():
            if len(products) < 2 or not self._transposed(products):
                continue
            stretch = self._stretch(products, DELTAS)
            if stretch is None or any(isinstance(product.weight, transpose) for product in products):
                continue
            name = self.names.take(f"grad_{context.weights[vector]}")
            lines.append(let(name, "{}.T @ {}", rows(stretch), rows(context.in_all(vector))))
            start = Size()
            for product in products:
                stop = start + self.plan.homes[product.line].size
                term = outer(sympy.Symbol(self.derivation.adjoint_of[product.line]), sympy.Symbol(vector))
                stacked[term] = piece("{}[{}]", local(name), context.stretch(start, stop))
                start = stop
        alone = {term.name for line in self.plan.gradients for term in line.terms if term.is_Symbol}
        plain = [name for name in self.columns if name in alone]
        if len(plain) > 1:
            lines.append(let("grad_net", "{}.sum(axis=0)", rows(DELTAS)))
            for name in plain:
                slot = self.columns[name]
                stacked[sympy.Symbol(name)] = piece("{}[{}]", GRAD_NET, context.stretch(slot.start, slot.stop))
        return lines, stacked

    def _input_gradient(self, line: Line, of: str) -> Text:
        context = self.context
        products = self.plan.groups.get(of, ())
        rest = without(list(line.terms), self._transposed(products))
        stretch = self._stretch(products, DELTAS) if rest is not None else None
        if rest is None or stretch is None:
            # Gradients are the caller's to keep, so none of them is a view of somebody's array.
            return piece("np.array({})", self._value(line.terms, line.shape, True))
        text = piece("{}({}, {}.T)", local("product"), stretch, local(context.weights[of]))
        more = context.whole.spoken_sum(tuple(rest), len(line.shape))
        return piece("{} + {}", text, more) if rest else text


def without(terms: list[sympy.Expr], wanted: list[sympy.Expr]) -> list[sympy.Expr] | None:
    """The terms that are left when some are taken out, each once; None where there is nothing to take or one is not
    there."""
    rest = list(terms)
    for term in wanted:
        if term not in rest:
            return None
        rest.remove(term)
    return rest if wanted else None
