"""What the forward and the backward pass of a fast module share: names, printers, sizes, work arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import sympy

from ...derivation import Derivation
from ...operations.functions import sigmoid
from ...operations.structured import matmul
from ...operations.table import BY_HEAD
from ...sizes import Shape, Size
from ..parts import BUILTINS
from ..printer import ATOM, NumpyPrinter, Text
from .plan import Line, Plan, as_product, make_plan
from .ufuncs import Ufuncs

RESERVED = {
    "np", "math", "T", "N", "t", "params", "packed", "x", "state", "work", "tape", "outputs", "final_state", "block",
    "gates", "sums", "d_outputs", "d_final_state", "grads", "d_x", "d_state", "forward", "backward", "pack", "array",
    "rows", "product", "like", "kept", "net_bias", "delta_block",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class WholePrinter(NumpyPrinter):
    """Prints an expression over all steps at once: products with parameters run over all rows in one."""

    params: frozenset[str] = frozenset()

    def _applied(self, expr: sympy.Expr) -> Text:
        if isinstance(expr, matmul):
            found = as_product("", expr, self.params, self.shapes)
            if found is not None and self.batched[found.vector]:
                return Text(f"product({self.names[found.vector]}, {self.text(found.weight).code})", ATOM)
        return NumpyPrinter._applied(self, expr)


@dataclass(slots=True)
class Context:
    """A derivation, its plan, and how every quantity is called in the loop and over the whole sequence."""

    derivation: Derivation
    plan: Plan
    step_names: Mapping[str, str]
    whole_names: dict[str, str]
    dims: Mapping[str, str]
    step: NumpyPrinter
    whole: WholePrinter
    # Parameters of which `pack` makes a half as well, and what it is called.
    halves: dict[str, str] = field(default_factory=dict)

    def size(self, size: Size) -> str:
        return self.step.size(size)

    def shape(self, lead: Iterable[str], shape: Shape) -> str:
        """A shape as source, with leading axes."""
        items = [*lead, *(self.size(size) for size in shape)]
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"

    def columns(self, start: Size, stop: Size) -> str:
        """A stretch of columns as a subscript."""
        lower = "" if start == Size() else self.size(start)
        return f"[..., {lower}:{self.size(stop)}]"

    @property
    def width(self) -> Size:
        """How many columns the block has."""
        return self.plan.slots[-1].stop

    def register(self, name: str, shape: Shape, whole: str, role: str, *, batched: bool) -> None:
        """Make a name that the emitter gives known to the printers."""
        for printer, called in ((self.step, name), (self.whole, whole)):
            printer.shapes[name] = shape  # type: ignore[index]
            printer.roles[name] = role  # type: ignore[index]
            printer.batched[name] = batched  # type: ignore[index]
            printer.names[name] = called  # type: ignore[index]

    def half_of(self, param: str) -> str:
        """The name of half a parameter."""
        if param not in self.halves:
            taken = {*self.step_names.values(), *self.whole_names.values(), *self.dims.values()}
            name = f"{self.step_names[param]}_half"
            while name in taken:
                name += "_"
            self.halves[param] = name
            self.register(name, self.plan.shapes[param], name, "parameter", batched=False)
        return self.halves[param]

    def numbers(self, names: Iterable[str]) -> str:
        """The equations' numbers as a comment."""
        known = {equation.name: equation.number for equation in self.derivation.equations}
        found = sorted(known[name] for name in names if name in known)
        return "  # " + " ".join(f"({number})" for number in found) if found else ""


@dataclass(slots=True)
class Body:
    """A function under way: the work arrays that its lines ask for."""

    context: Context
    lead: tuple[str, ...]
    like: str
    scratch: dict[str, str] = field(default_factory=dict)

    def ufuncs(self, printer: NumpyPrinter, shape: Shape) -> Ufuncs:
        """A writer whose work arrays have this shape."""
        full = self.context.shape(self.lead, shape)

        def spare(depth: int) -> str:
            key = f"{full}#{depth}"
            if key not in self.scratch:
                self.scratch[key] = f"{'spare' if 'T' not in self.lead else 'spare_all'}_{len(self.scratch) + 1}"
            return self.scratch[key]

        return Ufuncs(printer, len(shape), spare)

    def allocations(self) -> list[str]:
        """Lines that make the work arrays."""
        return [allocate(name, key.split("#")[0], self.like) for key, name in self.scratch.items()]


def allocate(name: str, shape: str, like: str) -> str:
    return f'    {name} = array(work, "{name}", {shape}, {like})'


def make_context(derivation: Derivation) -> Context:
    """Names that keep clear of each other and of the module's own words."""
    plan = make_plan(derivation)
    variables = derivation.variables
    helpers = {row.head.__name__ for row in BY_HEAD.values() if row.head is not None}
    taken = RESERVED | helpers | BUILTINS
    step_names: dict[str, str] = {}
    whole_names: dict[str, str] = {}
    several_in, several_out = len(derivation.cell.inputs) > 1, len(derivation.cell.outputs) > 1
    new = {state.new: state.previous for state in derivation.cell.program.states}

    def claim(wish: str) -> str:
        while wish in taken:
            wish += "_"
        taken.add(wish)
        return wish

    for name in plan.shapes:
        variable = variables.get(name)
        role = variable.role if variable is not None else "value"
        step_names[name] = claim(f"{name}_t" if role == "input" else name)
        match role:
            case "parameter":
                whole_names[name] = step_names[name]
            case "input":
                whole_names[name] = f'x["{name}"]' if several_in else "x"
            case "upstream":
                of = variable.written if variable is not None else ""
                whole_names[name] = f'd_outputs["{of}"]' if several_out else "d_outputs"
            case _:
                whole_names[name] = claim(f"{name}_all") if name in plan.batched else step_names[name]
    stores = {previous: claim(f"{name}_states") for name, previous in new.items()}
    for name, previous in new.items():
        whole_names[previous], whole_names[name] = f"{stores[previous]}[:-1]", f"{stores[previous]}[1:]"
    dims = {}
    for dim in derivation.cell.dims:
        wish = dim
        while wish in taken:
            wish = f"dim_{wish}"
        taken.add(wish)
        dims[dim] = wish
    order = {name: index for index, name in enumerate(variables)}
    roles = {name: variables[name].role if name in variables else "value" for name in plan.shapes}
    batched = {name: name in plan.batched for name in plan.shapes}
    step = NumpyPrinter(roles, plan.shapes, batched, step_names, dims, order)
    params = frozenset(derivation.cell.params)
    whole = WholePrinter(roles, plan.shapes, batched, whole_names, dims, order, False, params)
    return Context(derivation, plan, step_names, whole_names, dims, step, whole)


def store_of(whole_name: str) -> str:
    """The array behind a state's views: `h_states` of `h_states[1:]`."""
    return whole_name.split("[")[0]


def halved(context: Context, line: Line) -> Line:
    """A net input whose gate is made by tanh(a/2): all its terms halved."""
    slot = context.plan.slot_of(line.name)
    if slot is None or slot.activation is not sigmoid or slot.line != line.name:
        return line
    return replace(line, terms=tuple(term / 2 for term in line.terms))
