"""The backward pass of a fast module: local derivatives of all steps first, a loop that keeps only what is carried,
and the parameters' gradients in one product per vector after it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import sympy

from ...equations.shapes import names_in, shape_of
from ...operations.structured import matmul, outer, transpose
from ...sizes import Shape, Size
from ..parts import loop_header, mentions
from .context import Body, Context, allocate
from .pack import weight_name
from .plan import Line, Product, Slot, source_and_factor
from .ufuncs import numbered


@dataclass(frozen=True, slots=True)
class Term:
    """A term of an adjoint in the loop: an adjoint times a factor that is known before the loop."""

    source: sympy.Symbol | None
    expr: sympy.Expr
    in_place: bool = False


class BackwardPass:
    """Writes `backward`."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.plan = context.plan
        self.derivation = context.derivation
        self.program = context.derivation.cell.program
        several = len(self.program.outputs) > 1
        self.like = f'd_outputs["{self.program.outputs[0]}"]' if several else "d_outputs"
        self.carries = set(self.derivation.carries.values())
        self.loop_names = {line.name for line in self.plan.back_loop}
        later = [*self.plan.back_after, *self.plan.gradients]
        self.read_after = {name for line in later for name in line.reads}
        # Adjoint of a slot's net input -> the slot: it has the slot's columns of `delta_block`.
        self.columns: dict[str, Slot] = {}
        for slot in self.plan.slots:
            adjoint = self.derivation.adjoint_of.get(slot.line)
            if adjoint in {line.name for line in (*self.plan.back_loop, *self.plan.back_after)}:
                self.columns[adjoint] = slot
        self.extra_arrays: list[str] = []
        self.factors: dict[str, str] = {}
        # Views of several neighbouring columns of `delta_block`, one for each run of lines that wait together.
        self.gate_views: list[str] = []

    def lines(self) -> list[str]:
        whole = Body(self.context, ("T", "N"), self.like)
        loop = Body(self.context, ("N",), self.like)
        factors, terms = self._factors(whole)
        steps = self._loop(loop, terms)
        after = self._after()
        carries = [
            f'    {self.context.step_names[self.derivation.carries[s.name]]} = np.array(d_final_state["{s.name}"])'
            for s in self.program.states
        ]
        arrays = [*self._arrays(), *self.extra_arrays, *whole.allocations(), *loop.allocations()]
        return [*arrays, *factors, *carries, *steps, *after, *self._gradients()]

    # Before the loop ----------------------------------------------------------------------------------------

    def _is_stored(self, name: str) -> bool:
        return name in self.read_after or name in self.columns

    def _arrays(self) -> list[str]:
        context, lines = self.context, []
        if self.columns:
            lines.append(allocate("delta_block", context.shape(("T", "N"), (context.width,)), self.like))
            for name, slot in self.columns.items():
                lines.append(f"    {context.whole_names[name]} = delta_block{context.columns(slot.start, slot.stop)}")
            for slot in self.plan.slots:
                if slot not in self.columns.values():
                    lines.append(f"    delta_block{context.columns(slot.start, slot.stop)} = 0")
        for line in self.plan.back_loop:
            if line.name in self.carries or line.name in self.columns:
                continue
            if self._is_stored(line.name):
                shape = context.shape(("T", "N"), line.shape)
                lines.append(allocate(context.whole_names[line.name], shape, self.like))
            else:
                lines.append(allocate(context.step_names[line.name], context.shape(("N",), line.shape), self.like))
        return lines

    def _factors(self, body: Body) -> tuple[list[str], dict[str, list[Term]]]:
        """Everything elementwise that no carry reaches, for all steps at once: a factor that is a name is used as it
        is; the factor of an adjoint that is kept waits in that adjoint's own array."""
        lines: list[str] = []
        terms: dict[str, list[Term]] = {}
        deltas = self.loop_names | set(self.derivation.upstream.values())
        for line in self.plan.back_loop:
            found: list[Term] = []
            for term in line.terms:
                source, factor = source_and_factor(term, deltas | self.carries)
                plain = source is None or not names_in(factor) & self.plan.batched or (factor.is_Symbol)
                if plain:
                    found.append(Term(source, term))
                    continue
                assert source is not None
                alone = len(line.terms) == 1 and self._is_stored(line.name)
                rank = self.context.whole.rank(factor)
                if alone and rank == len(line.shape):
                    writer = body.ufuncs(self.context.whole, line.shape)
                    name = self.context.whole_names[line.name]
                    lines += numbered(writer.compute(factor, name), self.context.numbers([line.name]))
                    found.append(Term(source, term, in_place=True))
                else:
                    symbol, made = self._factor(body, factor, line)
                    lines += made
                    found.append(Term(source, source * symbol))
            terms[line.name] = found
        return [f"    {line}" for line in lines], terms

    def _factor(self, body: Body, factor: sympy.Expr, line: Line) -> tuple[sympy.Symbol, list[str]]:
        """A factor under a name of its own."""
        context = self.context
        key = str(factor)
        if key in self.factors:
            return sympy.Symbol(self.factors[key]), []
        shape: Shape = shape_of(factor, context.plan.shapes)
        name = f"factor_{len(self.factors) + 1}"
        self.factors[key] = name
        context.register(name, shape, f"{name}_all", "value", batched=True)
        self.extra_arrays.append(allocate(f"{name}_all", context.shape(("T", "N"), shape), self.like))
        writer = body.ufuncs(context.whole, shape)
        return sympy.Symbol(name), numbered(writer.compute(factor, f"{name}_all"), context.numbers([line.name]))

    # The loop -----------------------------------------------------------------------------------------------

    def _loop(self, body: Body, terms: dict[str, list[Term]]) -> list[str]:
        steps: list[str] = []
        lines = list(self.plan.back_loop)
        while lines:
            run = self._run(lines, terms)
            if len(run) > 1:
                steps += self._run_together(run, terms)
                lines = lines[len(run) :]
            else:
                steps += self._line(body, lines.pop(0), terms)
        if not steps:
            return []
        return [*self._header(steps), *(f"        {step}" for step in steps)]

    def _run(self, lines: list[Line], terms: dict[str, list[Term]]) -> list[Line]:
        """The next lines whose adjoints are neighbours in the block, waiting for the same source."""
        run: list[Line] = []
        source = None
        for line in lines:
            (first, *more) = terms[line.name] or [Term(None, sympy.S.Zero)]
            if more or not first.in_place or line.name not in self.columns:
                break
            if source is not None and first.source != source:
                break
            source = first.source
            run.append(line)
        slots = sorted((self.columns[line.name] for line in run), key=lambda slot: str(slot.start))
        places = [slot for slot in self.plan.slots if slot in slots]
        joined = all(a.stop == b.start and a.size == b.size for a, b in pairwise(places))
        return run if joined and len({slot.size for slot in places}) == 1 else run[:1]

    def _run_together(self, run: list[Line], terms: dict[str, list[Term]]) -> list[str]:
        context = self.context
        places = [slot for slot in self.plan.slots if slot in [self.columns[line.name] for line in run]]
        first, last = places[0], places[-1]
        whole = len(places) == len(self.plan.slots)
        name = self._gate_view()
        columns = "" if whole else context.columns(first.start, last.stop)
        size = context.size(first.size)
        self.extra_arrays.append(f"    {name}_all = delta_block{columns}.reshape(T, N, {len(places)}, {size})")
        source = terms[run[0].name][0].source
        assert source is not None
        numbers = context.numbers([line.name for line in run])
        return [f"{name} *= {context.step_names[source.name]}[:, None]{numbers}"]

    def _gate_view(self) -> str:
        """A name of its own for every run: a step may have several, one after the other."""
        context = self.context
        name = f"delta_gates_{len(self.gate_views) + 1}" if self.gate_views else "delta_gates"
        taken = {*context.step_names.values(), *context.whole_names.values(), *context.dims.values()}
        while name in taken or f"{name}_all" in taken:
            name += "_"
        self.gate_views.append(name)
        return name

    def _line(self, body: Body, line: Line, terms: dict[str, list[Term]]) -> list[str]:
        context = self.context
        name = context.step_names[line.name]
        numbers = context.numbers([line.name])
        found = terms[line.name]
        if len(found) == 1 and found[0].in_place and found[0].source is not None:
            return [f"{name} *= {context.step.at_rank(found[0].source, len(line.shape)).code}{numbers}"]
        exprs = [term.expr for term in found]
        steps, exprs, started = self._stacked(body, line, exprs)
        writer = body.ufuncs(context.step, line.shape)
        if not exprs and not started:
            return [f"{name}[...] = 0{numbers}"]
        if not started:
            writer_lines = writer.sum_of(tuple(exprs), name)
            exprs = []
            steps += writer_lines
        for expr in exprs:
            steps += writer.add_to(name, expr)
        return numbered(steps, numbers)

    def _stacked(self, body: Body, line: Line, exprs: list[sympy.Expr]) -> tuple[list[str], list[sympy.Expr], bool]:
        """Σ Rᵀ δ over the block as one product with the stacked weights, where a line has all of them."""
        for vector, products in self.plan.groups.items():
            wanted = self._transposed(products)
            if wanted and all(term in exprs for term in wanted) and line.shape == self.plan.shapes[vector]:
                rest = [expr for expr in exprs if expr not in wanted]
                stretch = self._stretch(products, "delta_net")
                if stretch is None:
                    continue
                name = self.context.step_names[line.name]
                return [f"np.matmul({stretch}, {weight_name(self.context, vector)}, out={name})"], rest, True
        single = next((e for e in exprs if isinstance(e, matmul) and self._is_weight_product(e)), None)
        if single is None:
            return [], exprs, False
        weight, delta = single.args
        turned = self.context.step.text(transpose(weight)).within(3)
        step = f"np.matmul({self.context.step_names[delta.name]}, {turned}, out={self.context.step_names[line.name]})"
        return [step], [expr for expr in exprs if expr is not single], True

    def _is_weight_product(self, expr: sympy.Expr) -> bool:
        weight, delta = expr.args
        inner = weight.args[0] if isinstance(weight, transpose) else weight
        ranks = self.context.step.rank(weight), self.context.step.rank(delta)
        return ranks == (2, 1) and inner.is_Symbol and inner.name in self.context.whole.params and delta.is_Symbol

    def _transposed(self, products: tuple[Product, ...]) -> list[sympy.Expr]:
        adjoint_of = self.derivation.adjoint_of
        if not all(adjoint_of.get(product.line) in self.columns for product in products):
            return []
        return [matmul(transpose(p.weight), sympy.Symbol(adjoint_of[p.line])) for p in products]

    def _stretch(self, products: tuple[Product, ...], block: str) -> str | None:
        """The columns of the block that belong to a stack, if they are neighbours in its order."""
        slots = [slot for p in products for slot in self.plan.slots if slot.line == p.line]
        if any(a.stop != b.start for a, b in pairwise(slots)):
            return None
        if len(slots) == len(self.plan.slots):
            return block
        return f"{block}{self.context.columns(slots[0].start, slots[-1].stop)}"

    def _header(self, steps: list[str]) -> list[str]:
        context = self.context
        text = "\n".join(steps)
        pairs: list[tuple[str, str]] = []
        if mentions(text, "delta_net"):
            pairs.append(("delta_net", "delta_block"))
        pairs += [(name, f"{name}_all") for name in self.gate_views]
        for name in self.context.step.names:
            if name in self.carries or not context.step.batched.get(name, False):
                continue
            if name in self.loop_names and not self._is_stored(name):
                continue
            step, whole = context.step.names[name], context.whole.names[name]
            if mentions(text, step) and step != whole:
                pairs.append((step, whole))
        if not pairs:
            return ["    for _ in range(T):"]
        return loop_header([(name, f"{array}[::-1]") for name, array in pairs])

    # After the loop -----------------------------------------------------------------------------------------

    def _after(self) -> list[str]:
        lines: list[str] = []
        for line in self.plan.back_after:
            value = self._value(line.terms, line.shape, line.name in self.plan.batched)
            lines.append(self._assign_after(line, value))
        return lines

    def _assign_after(self, line: Line, value: str) -> str:
        name = self.context.whole_names[line.name]
        place = f"{name}[...]" if line.name in self.columns else name
        return f"    {place} = {value}{self.context.numbers([line.name])}"

    def _value(self, terms: tuple[sympy.Expr, ...], shape: Shape, batched: bool) -> str:
        """A sum over all steps at once, spread to its shape; for what has no axis of sequences, summed over them."""
        context = self.context
        if not batched:
            text = " + ".join(self._summed(term, shape) for term in terms) or "0.0"
            small = max((context.whole.rank(term) for term in terms), default=0) < len(shape)
            return f"np.broadcast_to({text}, {context.shape((), shape)})" if small else text
        text = " ".join(context.whole.sum_of(terms, len(shape)))
        full = context.shape(("T", "N"), shape)
        if not terms:
            return f"np.zeros({full}, dtype={self.like}.dtype)"
        if context.whole.rank(sympy.Add(*terms)) < len(shape):
            return f"np.broadcast_to({text}, {full})"
        return text

    def _summed(self, term: sympy.Expr, shape: Shape) -> str:
        """One term of a gradient by something that has no axis of sequences."""
        printer = self.context.whole
        if not printer.is_batched(term):
            return printer.text(term).within(1)
        coefficient, rest = term.as_coeff_Mul()
        scale = "" if coefficient == 1 else f"{printer.text(coefficient).within(1)} * "
        if isinstance(rest, outer) and all(printer.is_batched(a) and a.is_Symbol for a in rest.args):
            a, b = (printer.text(operand).code for operand in rest.args)
            return f"{scale}(rows({a}).T @ rows({b}))" if scale else f"rows({a}).T @ rows({b})"
        factors = sympy.Mul.make_args(rest)
        pair = len(factors) == 2 and all(f.is_Symbol and printer.is_batched(f) for f in factors)
        if pair and all(printer.rank(f) == len(shape) == 1 for f in factors):
            a, b = (printer.text(f).code for f in sorted(factors, key=printer.factor_key))
            return f'{scale}np.einsum("tni,tni->i", {a}, {b})'
        return f"{printer.text(term).within(3)}.sum(axis=(0, 1))"

    def _gradients(self) -> list[str]:
        context = self.context
        lines: list[str] = []
        stacked = self._stacked_gradients(lines)
        grads: list[str] = []
        inputs: dict[str, str] = {}
        for line in self.plan.gradients:
            of = self.derivation.variables[line.name].written
            if self.derivation.variables[of].role == "input":
                inputs[of] = self._input_gradient(line)
                continue
            parts = [stacked.get(term) or self._summed(term, line.shape) for term in line.terms]
            value = " + ".join(parts) or f"np.zeros_like({context.step_names[of]})"
            if line.terms and max(context.whole.rank(term) for term in line.terms) < len(line.shape):
                value = f"np.array(np.broadcast_to({value}, {context.shape((), line.shape)}))"
            grads.append(f'        "{of}": {value},{context.numbers([line.name])}')
        several = len(inputs) > 1
        items = [f'        "{of}": {value},' for of, value in inputs.items()]
        d_x = ["    d_x = {", *items, "    }"] if several else [f"    d_x = {next(iter(inputs.values()))}"]
        states = ", ".join(
            f'"{s.name}": {context.step_names[self.derivation.carries[s.name]]}' for s in self.program.states
        )
        return [*lines, "    grads = {", *grads, "    }", *d_x, f"    return grads, d_x, {{{states}}}"]

    def _stacked_gradients(self, lines: list[str]) -> dict[sympy.Expr, str]:
        """Gradients of stacked weights in one product, of what is added to net inputs in one sum: term -> rows."""
        context = self.context
        adjoint_of = self.derivation.adjoint_of
        stacked: dict[sympy.Expr, str] = {}
        for vector, products in self.plan.groups.items():
            if len(products) < 2 or not self._transposed(products):
                continue
            stretch = self._stretch(products, "delta_block")
            if stretch is None or any(isinstance(product.weight, transpose) for product in products):
                continue
            name = f"grad_{weight_name(context, vector)}"
            whole = context.whole_names[vector]
            lines.append(f"    {name} = rows({stretch}).T @ rows({whole})")
            start = Size()
            for product in products:
                slot = next(slot for slot in self.plan.slots if slot.line == product.line)
                term = outer(sympy.Symbol(adjoint_of[product.line]), sympy.Symbol(vector))
                stacked[term] = f"{name}[{self._range(start, start + slot.size)}]"
                start = start + slot.size
        plain = [name for name in self.columns if any(sympy.Symbol(name) in line.terms for line in self.plan.gradients)]
        if len(plain) > 1:
            lines.append("    grad_net = rows(delta_block).sum(axis=0)")
            for name in plain:
                slot = self.columns[name]
                stacked[sympy.Symbol(name)] = f"grad_net[{self._range(slot.start, slot.stop)}]"
        return stacked

    def _range(self, start: Size, stop: Size) -> str:
        return f"{'' if start == Size() else self.context.size(start)}:{self.context.size(stop)}"

    def _input_gradient(self, line: Line) -> str:
        context = self.context
        of = self.derivation.variables[line.name].written
        products = self.plan.groups.get(of, ())
        wanted = self._transposed(products)
        terms = list(line.terms)
        if wanted and all(term in terms for term in wanted):
            stretch = self._stretch(products, "delta_block")
            if stretch is not None:
                rest = tuple(term for term in terms if term not in wanted)
                text = f"product({stretch}, {weight_name(context, of)}.T)"
                more = " ".join(context.whole.sum_of(rest, len(line.shape)))
                return f"{text} + {more}" if rest else text
        return self._copied(self._value(line.terms, line.shape, True))

    def _copied(self, text: str) -> str:
        """Gradients are the caller's to keep, so none of them is a view of somebody's array."""
        return f"np.array({text})"
