"""What a torch module is written from: local names, what is kept of each step, what waits until all steps are done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ...derivation import Derivation
from ...equations import Cell, Equation
from ...equations.shapes import names_in
from ...language.nodes import Name, walk
from ...operations.entry import SizeSymbol
from ...sizes import dimension_names
from ..names import KEYWORDS, Names
from ..parts import terms_of
from ..statement import heads_in
from .forms import FORMS
from .printer import TorchPrinter

_WORDS = """
torch math once_differentiable ctx self cls state params steps deltas kept outputs final final_state d_outputs T N t
start range reversed zip len dict map bound parameter forward backward reset_parameters extra_repr dtype device
requires_grad training dump_patches call_super_init register_buffer register_parameter add_module register_module
get_submodule set_submodule get_parameter get_extra_state set_extra_state get_buffer apply cuda ipu xpu mtia cpu
type float double half bfloat16 to_empty to state_dict load_state_dict parameters named_parameters buffers
named_buffers children named_children modules named_modules train eval requires_grad_ zero_grad share_memory compile
super T_destination
"""


_HELPERS = {form.helper.split("(")[0].removeprefix("def ") for form in FORMS.values() if form.helper}


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A derivation with names for the module's own values.

    `names` are those of a step's values, `dims` those of sizes beside them and `layer_dims` those of the layer's
    arguments; `sequences` are the names of whole inputs, `initial` those of initial states and `upstreams` those of
    the gradients that come in on whole outputs.

    `adjoints` are those that a gradient rests on. `kept` is what the backward pass reads of each step, `late` the
    gradients that are computed for all steps at once after the loop: every factor of theirs has an axis of samples, and
    one long axis does as well as many short ones.
    """

    derivation: Derivation
    names: Mapping[str, str]
    dims: Mapping[str, str]
    layer_dims: Mapping[str, str]
    sequences: Mapping[str, str]
    initial: Mapping[str, str]
    upstreams: Mapping[str, str]
    batched: Mapping[str, bool]
    plain: TorchPrinter
    adjoints: tuple[Equation, ...]
    kept: tuple[str, ...]
    late: tuple[Equation, ...]
    early: tuple[Equation, ...]

    @property
    def cell(self) -> Cell:
        return self.derivation.cell

    def printer(self, like: str) -> TorchPrinter:
        return replace(self.plain, like=like)

    @property
    def heads(self) -> frozenset[type]:
        """The operations that the module calls."""
        printed = (*self.derivation.forward, *self.adjoints, *self.derivation.gradients)
        return frozenset[type]().union(*(heads_in(term) for equation in printed for term in terms_of(equation)))

    def role_of_written(self, equation: Equation) -> str:
        """The role of what a derived equation is the adjoint or the gradient of."""
        variables = self.derivation.variables
        return variables[variables[equation.name].written].role

    def spread(self, equation: Equation) -> str | None:
        """The shape to spread a value to, where its expression alone does not have it."""
        variables = self.derivation.variables
        of = equation.name if equation.kind == "forward" else variables[equation.name].written
        if variables[of].role == "parameter":
            return None  # gradients of parameters are added into tensors that have the shape
        printer = self.plain
        whole = printer.rank(equation.expr) == len(equation.shape) and bool(equation.expr.free_symbols)
        if whole and not (self.batched[of] and equation.kind == "forward" and not printer.is_batched(equation.expr)):
            return None
        sizes = [*(["N"] if self.batched[of] else []), *(printer.size(size) for size in equation.shape)]
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"

    def spreads(self, equations: Iterable[Equation]) -> bool:
        """Whether the code of some equations speaks of how many samples there are."""
        variables = self.derivation.variables
        owners = ((e, e.name if e.kind == "forward" else variables[e.name].written) for e in equations)
        return any(self.batched[of] and self.spread(equation) is not None for equation, of in owners)

    def sizes_in(self, equations: Iterable[Equation]) -> list[str]:
        """The dimensions that the code of some equations speaks of."""
        found: dict[str, None] = {}
        for equation in equations:
            for dimension in sorted(equation.expr.atoms(SizeSymbol), key=lambda d: d.name):
                found.setdefault(dimension.name)
            if self.spread(equation) is not None:
                for name in dimension_names(equation.shape):
                    found.setdefault(name)
        return list(found)

    def read_backwards(self) -> set[str]:
        return names_read((*self.adjoints, *self.derivation.gradients))

    def statement(self, target: str, equation: Equation, like: str, indent: int, sign: str = "=") -> list[str]:
        """One assignment under its number, broken at its sums where it is long; parameters sum over the samples."""
        comment, margin = f"  # ({equation.number})", " " * indent
        spread, printer = self.spread(equation), self.printer(like)
        of_parameter = equation.kind != "forward" and self.role_of_written(equation) == "parameter"
        unbatched = equation.kind != "forward" and not self.batched[self.derivation.variables[equation.name].written]
        if not equation.expr.free_symbols and spread is not None:
            value = printer.text(equation.expr).code
            return [f"{margin}{target} {sign} {like}.new_full({spread}, {value}){comment}"]
        if equation.written is not None:
            places: dict[str, int] = {}
            for leaf in walk(equation.written):
                if isinstance(leaf, Name):
                    places.setdefault(leaf.id, len(places))
            printer = replace(printer, order=places, as_written=True)
        pieces = printer.sum_of(terms_of(equation), len(equation.shape), reduce=of_parameter or unbatched)
        if spread is not None:
            pieces = [f"torch.broadcast_to({' '.join(pieces)}, {spread})"]
        line = f"{margin}{target} {sign} {' '.join(pieces)}{comment}"
        if len(line) <= 100 or len(pieces) == 1:
            return [line]
        return [f"{margin}{target} {sign} ({comment}", *(f"{margin}    {piece}" for piece in pieces), f"{margin})"]

    def is_view(self, name: str) -> bool:
        """Whether a value may share its memory with another: torch wants each result to be a tensor of its own."""
        equation = next(e for e in self.derivation.forward if e.name == name)
        form = FORMS.get(type(equation.expr))
        moves = equation.expr.is_Symbol or (form is not None and type(equation.expr).__name__ in _VIEWS)
        return bool(moves) or self.spread(equation) is not None


_VIEWS = {"transpose", "part", "diagonal", "stop_gradient", "embed"}


def _spelt(name: str) -> str:
    """Names with an underscore in front are the attributes of every torch module (`_parameters`, `__init__`), and with
    two of them a class changes what they are called."""
    return name.lstrip("_") or "v"


def plan(derivation: Derivation) -> Plan:
    """Decide on names and on the order of work."""
    variables = derivation.variables
    batched = {v.name: v.role in ("input", "previous", "upstream", "carry") for v in variables.values()}
    leaving = {state.new for state in derivation.cell.program.states} | set(derivation.cell.program.outputs)
    for equation in derivation.forward:
        batched[equation.name] = equation.name in leaving or any(batched[n] for n in names_in(equation.expr))
    for value, name in derivation.adjoint_of.items():
        batched[name] = batched[value]
    cell, local = derivation.cell, Names(_WORDS.split(), _HELPERS, KEYWORDS, spell=_spelt)
    sequences = {name: local.take(name) for name in cell.inputs}
    initial = {name: local.take(f"{name}_0") for name in cell.states}
    single = len(cell.outputs) == 1
    upstreams = {name: "d_outputs" if single else local.take(f"d_{name}") for name in cell.outputs}
    names = {v.name: local.take(f"{v.name}_t" if v.role == "input" else v.name) for v in variables.values()}
    dims = {name: local.take(name, "dim_") for name in cell.dims}
    layer = Names(_WORDS.split(), _HELPERS, KEYWORDS, (names[param] for param in cell.params), spell=_spelt)
    layer_dims = {name: layer.take(name, "dim_") for name in cell.dims}
    plain = TorchPrinter(
        {v.name: v.role for v in variables.values()},
        {v.name: v.shape for v in variables.values()},
        batched,
        names,
        dims,
        {name: index for index, name in enumerate(variables)},
        like="x",
    )
    draft = Plan(
        derivation, names, dims, layer_dims, sequences, initial, upstreams, batched, plain, _live(derivation),
        (), (), (),
    )  # fmt: skip
    read = draft.read_backwards()
    kept = tuple(v.name for v in variables.values() if v.name in read and v.role in ("previous", "value"))
    steps = [e for e in derivation.gradients if draft.role_of_written(e) in ("parameter", "input")]
    late = tuple(e for e in steps if _can_wait(draft, e))
    return replace(draft, kept=kept, late=late, early=tuple(e for e in steps if e not in late))


def _live(derivation: Derivation) -> tuple[Equation, ...]:
    """The carries, and the adjoints that they or a gradient read in the end (a constant has an adjoint too)."""
    read = names_read(derivation.gradients)
    live: list[Equation] = []
    for equation in reversed(derivation.adjoints):
        if equation.kind == "carry" or equation.name in read:
            live.append(equation)
            read |= names_read([equation])
    return tuple(reversed(live))


def names_read(equations: Iterable[Equation]) -> set[str]:
    return {name for equation in equations for term in terms_of(equation) for name in names_in(term)}


def _can_wait(plan: Plan, equation: Equation) -> bool:
    """Whether every term has an axis of samples, and what has none is the same at every step; a gradient that its terms
    alone do not give the shape of is added into zeros that have it."""
    if equation.expr == 0 or plan.spread(equation) is not None:
        return False
    if plan.printer("x").rank(equation.expr) < len(equation.shape):
        return False
    variables = plan.derivation.variables
    for term in terms_of(equation):
        names = names_in(term)
        if not any(plan.batched[name] for name in names):
            return False
        for name in names:
            if variables[name].role not in ("parameter", "input", "previous", "value", "adjoint"):
                return False
            if variables[name].role == "adjoint" and not plan.batched[name]:
                return False
    return True
