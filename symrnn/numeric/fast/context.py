"""What the forward and the backward pass of a fast module share: names, printers, sizes, work arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sympy

from ...derivation import Derivation
from ...equations.shapes import names_in
from ...operations.entry import SizeSymbol
from ...operations.functions import sigmoid
from ...operations.structured import matmul
from ...sizes import Shape, Size
from ..names import HELPERS, PYTHON, Names
from ..printer import NumpyPrinter
from ..statement import ATOM, Statement, Text, joined, let, local, piece
from .plan import Plan, Product, as_product, fresh, make_plan
from .terms import BackwardTerms, backward_terms, halved_params
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
        return isinstance(expr, matmul) and self._product_of(expr) is not None

    def _product_of(self, expr: sympy.Expr) -> Product | None:
        return as_product("", expr, self.params, self.shapes, {n for n in names_in(expr) if self.batched[n]})

    def names_of(self, expr: sympy.Basic) -> frozenset[str]:
        names = NumpyPrinter.names_of(self, expr)
        return names | {"product"} if expr.args and any(map(self.by_rows, expr.atoms(matmul))) else names

    def _applied(self, expr: sympy.Expr) -> Text:
        found = self._product_of(expr) if isinstance(expr, matmul) else None
        if found is None:
            return NumpyPrinter._applied(self, expr)
        return Text(f"product({self.names[found.vector]}, {self.text(found.weight).code})", ATOM)


@dataclass(frozen=True, slots=True)
class Context:
    """A derivation, its plan, and how every quantity is called in the loop (`step_names`) and over the whole sequence
    (`whole_names`, which may be parts of the variables `behind` them)."""

    derivation: Derivation
    plan: Plan
    terms: BackwardTerms
    names: Names
    step_names: Mapping[str, str]
    whole_names: Mapping[str, str]
    behind: Mapping[str, str]
    dims: Mapping[str, str]
    # Stacked weights by their vector, and those of them whose rows are halved for gates that tanh(a/2) makes.
    weights: Mapping[str, str]
    half_weights: Mapping[str, str]
    # Parameters of which `pack` makes a half as well, and the symbol and variable of that.
    halves: Mapping[str, str]
    # What parameters alone add to each net input, and whether it is packed in one vector.
    biases: Mapping[str, tuple[sympy.Expr, ...]]
    has_net_bias: bool
    step: NumpyPrinter
    whole: WholePrinter
    _numbers: Mapping[str, int]

    def in_step(self, name: str) -> Text:
        """A quantity in one step."""
        return local(self.step_names[name])

    def in_all(self, name: str) -> Text:
        """A quantity over the whole sequence."""
        whole = self.whole_names[name]
        return Text(whole, ATOM, frozenset((self.behind.get(name, whole),)))

    def store(self, name: str) -> Text:
        """The variable that a quantity over the whole sequence is, or is a part of."""
        return local(self.behind.get(name, self.whole_names[name]))

    def size(self, size: Size) -> Text:
        return self.step.spoken_size(size)

    def shape(self, lead: Iterable[Text], shape: Shape) -> Text:
        """A shape as source, with leading axes."""
        items = [*lead, *(self.size(size) for size in shape)]
        return piece("({},)", items[0]) if len(items) == 1 else piece("({})", joined(", ", items))

    def columns(self, start: Size, stop: Size) -> Text:
        """A stretch of columns as a subscript."""
        return piece("[..., {}]", self.stretch(start, stop))

    def stretch(self, start: Size, stop: Size) -> Text:
        return piece("{}:{}", "" if start == Size() else self.size(start), self.size(stop))

    @property
    def width(self) -> Size:
        """How many columns the block has."""
        return self.plan.slots[-1].stop

    def numbers(self, names: Iterable[str]) -> str:
        """The equations' numbers as a comment."""
        found = sorted(self._numbers[name] for name in names if name in self._numbers)
        return "  # " + " ".join(f"({number})" for number in found) if found else ""


@dataclass(frozen=True, slots=True)
class Body:
    """A function under way: the work arrays that its lines ask for."""

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


def make_context(derivation: Derivation) -> Context:
    """The plan, and names that keep clear of each other and of the module's own words."""
    plan = make_plan(derivation)
    terms = backward_terms(plan, derivation)
    cell, variables = derivation.cell, derivation.variables
    taken = Names(_WORDS, HELPERS, PYTHON)
    step_names: dict[str, str] = {}
    whole_names: dict[str, str] = {}
    behind: dict[str, str] = {}
    roles = {name: variables[name].role if name in variables else "value" for name in plan.shapes}
    for name, role in roles.items():
        step_names[name] = taken.take(f"{name}_t" if role == "input" else name)
        match role:
            case "parameter":
                whole_names[name] = step_names[name]
            case "input":
                whole_names[name], behind[name] = (f'x["{name}"]' if len(cell.inputs) > 1 else "x"), "x"
            case "upstream":
                several = len(cell.outputs) > 1
                whole_names[name] = f'd_outputs["{variables[name].written}"]' if several else "d_outputs"
                behind[name] = "d_outputs"
            case _:
                whole_names[name] = taken.take(f"{name}_all") if name in plan.batched else step_names[name]
    for state in cell.program.states:
        behind[state.previous] = behind[state.new] = store = taken.take(f"{state.new}_states")
        whole_names[state.previous], whole_names[state.new] = f"{store}[:-1]", f"{store}[1:]"
    dims = {dim: taken.take(dim, "dim_") for dim in cell.dims}
    weights = {vector: taken.take(f"weight_{step_names[vector]}") for vector in plan.groups}
    half_weights = {
        vector: taken.take(f"{weights[vector]}_half")
        for vector, products in plan.groups.items()
        if any(_by_half(plan, product) for product in products)
    }
    shapes, batched = dict(plan.shapes), {name: name in plan.batched for name in plan.shapes}
    for factor in terms.factors:
        step_names[factor.name], whole_names[factor.name] = taken.take_pair(factor.name, "_all")
        shapes[factor.name], roles[factor.name], batched[factor.name] = factor.shape, "value", True
    halves: dict[str, str] = {}
    for param in halved_params(plan, derivation):
        half = halves[param] = fresh(f"{step_names[param]}_half", shapes)
        step_names[half] = whole_names[half] = taken.take(half)
        shapes[half], roles[half], batched[half] = shapes[param], "parameter", False
    order = {name: index for index, name in enumerate(variables)}
    biases = {
        slot.line: tuple(t for t in plan.loop_lines[slot.line].terms if not names_in(t) & plan.batched)
        for slot in plan.slots
    }
    step = NumpyPrinter(roles, shapes, batched, step_names, dims, order)
    whole = WholePrinter(roles, shapes, batched, whole_names, dims, order, False, behind, frozenset(cell.params))
    # `pack` has the parameters alone, so what speaks of a size waits for the forward pass.
    packable = not any(term.has(SizeSymbol) for found in biases.values() for term in found)
    vectors = bool(biases) and all(any(step.rank(term) == 1 for term in found) for found in biases.values())
    has_net_bias = packable and vectors
    numbers = {equation.name: equation.number for equation in derivation.equations}
    return Context(
        derivation, plan, terms, taken, step_names, whole_names, behind, dims, weights, half_weights, halves, biases,
        has_net_bias, step, whole, numbers,
    )  # fmt: skip


def _by_half(plan: Plan, product: Product) -> bool:
    slot = plan.slot_of(product.line)
    return slot is not None and slot.activation is sigmoid
