"""What the functions of a fast module share: what every quantity is called, printers, work arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sympy

from ...equations.shapes import names_in
from ...operations.structured import matmul
from ...sizes import Shape, Size
from ..names import HELPERS, PYTHON, Names
from ..parts import loop_over
from ..printer import NumpyPrinter
from ..statement import ATOM, Statement, Text, joined, let, local, piece, unmade
from .formula import Formula
from .plan import Compute, Plan, Product, Scale, Slot, Step, formulas_of
from .slots import as_product
from .ufuncs import Ufuncs

_WORDS = {
    "np", "math", "T", "N", "t", "params", "packed", "x", "state", "work", "tape", "outputs", "final_state", "block",
    "gates", "sums", "d_outputs", "d_final_state", "grads", "d_x", "d_state", "forward", "backward", "pack", "array",
    "rows", "product", "like", "kept", "net_bias", "delta_block", "net", "delta_net", "grad_net", "input_sums",
}  # fmt: skip
"""The functions of the module, their arguments, and variables of which there is one at most."""

T, N = local("T"), local("N")
STEP, WHOLE = (N,), (T, N)


@dataclass(frozen=True, slots=True)
class WholePrinter(NumpyPrinter):
    """Prints an expression over all steps at once: products with parameters run over all rows in one."""

    params: frozenset[str] = frozenset()

    def by_rows(self, expr: sympy.Expr) -> bool:
        return self._product_of(expr) is not None

    def _product_of(self, expr: sympy.Expr) -> Product | None:
        return as_product(expr, self.params, self.shapes, {n for n in names_in(expr) if self.batched[n]})

    def names_of(self, expr: sympy.Basic) -> frozenset[str]:
        names = NumpyPrinter.names_of(self, expr)
        return names | {"product"} if expr.args and any(map(self.by_rows, expr.atoms(matmul))) else names

    def _applied(self, expr: sympy.Expr, place: int) -> Text:
        found = self._product_of(expr)
        if found is None:
            return NumpyPrinter._applied(self, expr, place)
        return Text(f"product({self.names[found.vector]}, {self.text(found.weight).code})", ATOM)


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a value is called: in one step, and over the whole sequence, where it is `store` or a part of it."""

    step: str
    whole: str
    store: str


@dataclass(frozen=True, slots=True)
class Context:
    """A plan, and what all that it speaks of is called: quantities, dimensions, stacked weights by their vector, those
    of them whose rows for gates that tanh(a/2) makes are halved."""

    plan: Plan
    names: Names
    quantities: Mapping[str, Quantity]
    weights: Mapping[str, str]
    half_weights: Mapping[str, str]
    step: NumpyPrinter
    whole: WholePrinter

    def in_step(self, name: str) -> Text:
        """A quantity in one step."""
        return local(self.quantities[name].step)

    def in_all(self, name: str) -> Text:
        """A quantity over the whole sequence."""
        return Text(self.quantities[name].whole, ATOM, frozenset((self.quantities[name].store,)))

    def store(self, name: str) -> Text:
        """The variable that a quantity over the whole sequence is, or is a part of."""
        return local(self.quantities[name].store)

    def shape(self, lead: Iterable[Text | str], shape: Shape) -> Text:
        """A shape as source, with leading axes."""
        items = [*lead, *map(self.step.spoken_size, shape)]
        return piece("({},)", items[0]) if len(items) == 1 else piece("({})", joined(", ", items))

    def stretch(self, start: Size, stop: Size) -> Text:
        """Rows or columns as a subscript has them."""
        return piece("{}:{}", "" if start == Size() else self.step.spoken_size(start), self.step.spoken_size(stop))

    def columns(self, block: Text, start: Size, stop: Size) -> Text:
        return piece("{}[..., {}]", block, self.stretch(start, stop))

    def part(self, block: Text, slots: tuple[Slot, ...]) -> Text:
        """The columns of neighbouring slots; the block itself, if they are all of them."""
        whole = len(slots) == len(self.plan.slots)
        return block if whole else self.columns(block, slots[0].start, slots[-1].stop)


def numbered(step: Step, statements: list[Statement]) -> list[Statement]:
    """Statements with the numbers of the step's equations as a comment behind the first."""
    return [statements[0].with_note(note_of(formulas_of(step))), *statements[1:]]


def note_of(formulas: Iterable[Formula]) -> str:
    """The equations' numbers as a comment."""
    found = sorted(formula.number for formula in formulas if formula.number is not None)
    return "  # " + " ".join(f"({number})" for number in found) if found else ""


def make_context(plan: Plan) -> Context:
    """Names that keep clear of each other and of the module's own words; a cell's own come first."""
    cell, variables, taken = plan.derivation.cell, plan.derivation.variables, Names(_WORDS, HELPERS, PYTHON)
    quantities = {name: _called(plan, name, taken) for name in plan.shapes}
    for state in cell.program.states:
        store = taken.take(f"{state.new}_states")
        for name, part in ((state.previous, "[:-1]"), (state.new, "[1:]")):
            quantities[name] = Quantity(quantities[name].step, store + part, store)
    dims = {dim: taken.take(dim, "dim_") for dim in cell.dims}
    weights = {vector: taken.take(f"weight_{quantities[vector].step}") for vector in plan.stacks}
    halved = [vector for vector, stack in plan.stacks.items() if any(slot.halved for slot in stack.slots)]
    half_weights = {vector: taken.take(f"{weights[vector]}_half") for vector in halved}
    for factor in plan.factors:
        step, whole = taken.take_pair(factor, "_all")
        quantities[factor] = Quantity(step, whole, whole)
    for param, half in plan.halves.items():
        name = taken.take(f"{quantities[param].step}_half")
        quantities[half] = Quantity(name, name, name)
    shapes = {**plan.shapes, **plan.factors, **{half: plan.shapes[param] for param, half in plan.halves.items()}}
    roles = {name: variables[name].role if name in variables else "value" for name in shapes}
    roles |= dict.fromkeys(plan.halves.values(), "parameter")
    batched = {name: name in plan.batched or name in plan.factors for name in shapes}
    order = {name: index for index, name in enumerate(variables)}
    step_names, whole_names, stores = (
        {name: getattr(quantity, part) for name, quantity in quantities.items()} for part in ("step", "whole", "store")
    )
    step = NumpyPrinter(roles, shapes, batched, step_names, dims, order)
    whole = WholePrinter(roles, shapes, batched, whole_names, dims, order, False, stores, frozenset(cell.params))
    return Context(plan, taken, quantities, weights, half_weights, step, whole)


def _called(plan: Plan, name: str, taken: Names) -> Quantity:
    """The names of a value; inputs and what comes from above are arguments, or entries of these."""
    cell, variable = plan.derivation.cell, plan.derivation.variables.get(name)
    role = variable.role if variable is not None else "value"
    step = taken.take(f"{name}_t" if role == "input" else name)
    if role == "input":
        return Quantity(step, f'x["{name}"]' if len(cell.inputs) > 1 else "x", "x")
    if variable is not None and role == "upstream":
        several = len(cell.outputs) > 1
        return Quantity(step, f'd_outputs["{variable.written}"]' if several else "d_outputs", "d_outputs")
    whole = taken.take(f"{name}_all") if role != "parameter" and name in plan.batched else step
    return Quantity(step, whole, whole)


# A function under way ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Body:
    """A function under way: the work arrays that its lines ask for, for one step or for all."""

    context: Context
    names: Names
    lead: tuple[Text, ...]
    like: Text
    spare: str
    scratch: dict[tuple[str, str], tuple[str, Text]] = field(default_factory=dict)

    def ufuncs(self, printer: NumpyPrinter, shape: Shape) -> Ufuncs:
        """A writer whose work arrays have this shape."""
        full = self.context.shape(self.lead, shape)

        def spare(depth: int) -> Text:
            return self.array(str(depth), f"{self.spare}_{len(self.scratch) + 1}", full)

        return Ufuncs(printer, len(shape), spare, self.context.plan.exact)

    def array(self, purpose: str, wish: str, shape: Text) -> Text:
        """The work array of a shape for a purpose."""
        key = (purpose, shape.code)
        if key not in self.scratch:
            self.scratch[key] = self.names.take(wish), shape
        return local(self.scratch[key][0])

    def allocations(self) -> list[Statement]:
        """Lines that make the work arrays."""
        return [allocate(name, shape, self.like) for name, shape in self.scratch.values()]


def allocate(name: str, shape: Text, like: Text) -> Statement:
    return let(name, '{}({}, "{}", {}, {})', local("array"), local("work"), name, shape, like)


def own_arrays(context: Context, steps: Iterable[Step], like: Text) -> list[Statement]:
    """Arrays for what the steps of a loop compute and nothing else has a place for."""
    plan, lines = context.plan, list[Statement]()
    for line in (line for step in steps if isinstance(step, Compute | Scale) for line in formulas_of(step)):
        if line.name not in plan.placed:
            quantity, fleeting = context.quantities[line.name], line.name in plan.fleeting
            name, lead = (quantity.step, STEP) if fleeting else (quantity.whole, WHOLE)
            lines.append(allocate(name, context.shape(lead, line.shape), like))
    return lines


def loop(
    context: Context, body: list[Statement], blocks: list[tuple[str, Text]], *, back: bool = False
) -> list[Statement]:
    """The loop over the steps, from the last to the first on the way `back`: it runs over some blocks, and over every
    array of which the body speaks, one step of it under its plain name."""
    if not body:
        return []
    spoken, batched = unmade(body), context.step.batched
    pairs = [(name, block) for name, block in blocks if name in spoken]
    for name, quantity in context.quantities.items():
        if quantity.step in spoken and batched[name] and name not in context.plan.fleeting:
            pairs.append((quantity.step, context.in_all(name)))
    return [loop_over([(name, piece("{}[::-1]", array)) for name, array in pairs] if back else pairs, body)]


def whole_value(context: Context, step: Compute, like: Text) -> Text:
    """What a step computes for all steps of the sequence at once, broadcast to its full shape where it is smaller."""
    printer, shape = context.whole, step.formula.shape
    expr = sympy.Add(*step.terms)
    full = context.shape(WHOLE, shape)
    if not step.terms:
        return piece("np.zeros({}, dtype={}.dtype)", full, like)
    text = printer.spoken_sum(step.terms, len(shape))
    if not names_in(expr):
        return piece("np.full({}, {}, dtype={}.dtype)", full, text, like)
    if printer.rank(expr) < len(shape) or not printer.is_batched(expr):
        return piece("np.broadcast_to({}, {})", text, full)
    return text
