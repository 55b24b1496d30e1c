"""What a torch module is written from: local names, what is kept of each step, what waits until all steps are done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ...derivation import Derivation
from ...derivation.analysis import Analysis
from ...equations import Cell, Equation
from ...equations.shapes import names_in
from ...language.nodes import Name, walk
from ...operations.table import ALL, BY_HEAD
from ..names import KEYWORDS, Names, spelt
from ..statement import Call, heads_in
from .printer import TorchPrinter

WORDS = """
torch math ctx saved again self cls state params steps deltas kept outputs final final_state d_outputs T N t
start range reversed zip len dict map bound parameter forward backward reset_parameters extra_repr dtype device
requires_grad training dump_patches call_super_init register_buffer register_parameter add_module register_module
get_submodule set_submodule get_parameter get_extra_state set_extra_state get_buffer apply cuda ipu xpu mtia cpu
type float double half bfloat16 to_empty to state_dict load_state_dict parameters named_parameters buffers
named_buffers children named_children modules named_modules train eval requires_grad_ zero_grad share_memory compile
super T_destination
"""


_HELPERS = {row.head.__name__ for row in ALL if row.head is not None and row.torch is not None and row.torch.helper}


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A derivation with names for the module's own values.

    `names` are those of a step's values, `dims` those of sizes beside them and `layer_dims` those of the layer's
    arguments; `sequences` are the names of whole inputs, `initial` those of initial states and `upstreams` those of
    the gradients that come in on whole outputs.

    `kept` is what the backward pass reads of each step, `late` the
    gradients that are computed for all steps at once after the loop: every factor of theirs has an axis of samples, and
    one long axis does as well as many short ones.
    """

    analysis: Analysis
    names: Mapping[str, str]
    dims: Mapping[str, str]
    layer_dims: Mapping[str, str]
    sequences: Mapping[str, str]
    initial: Mapping[str, str]
    upstreams: Mapping[str, str]
    plain: TorchPrinter
    kept: tuple[str, ...]
    late: tuple[Equation, ...]
    early: tuple[Equation, ...]

    @property
    def derivation(self) -> Derivation:
        return self.analysis.derivation

    @property
    def cell(self) -> Cell:
        return self.derivation.cell

    def printer(self, like: str) -> TorchPrinter:
        return replace(self.plain, like=like)

    @property
    def heads(self) -> frozenset[Call]:
        """The operations that the module calls."""
        printed = (*self.derivation.forward, *self.analysis.adjoints, *self.derivation.gradients)
        return frozenset[Call]().union(*(heads_in(term.expr) for equation in printed for term in equation.terms))

    def spread(self, equation: Equation) -> str | None:
        """The shape to broadcast a value to, where its expression alone does not have it."""
        if not self.analysis.is_broadcast(equation):
            return None
        lead = ["N"] if self.analysis.owner(equation).name in self.analysis.batched else []
        sizes = [*lead, *(self.plain.size(size) for size in equation.shape)]
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"

    def statement(self, target: str, equation: Equation, like: str, indent: int, sign: str = "=") -> list[str]:
        """One assignment under its number, broken at its sums where it is long; parameters sum over the samples."""
        comment, margin = f"  # ({equation.number})", " " * indent
        spread, printer = self.spread(equation), self.printer(like)
        if not equation.expr.free_symbols and spread is not None:
            value = printer.text(equation.expr).code
            return [f"{margin}{target} {sign} {like}.new_full({spread}, {value}){comment}"]
        if equation.written is not None:
            places: dict[str, int] = {}
            for leaf in walk(equation.written):
                if isinstance(leaf, Name):
                    places.setdefault(leaf.id, len(places))
            printer = replace(printer, order=places, as_written=True)
        terms = tuple(term.expr for term in equation.terms)
        pieces = printer.sum_of(terms, len(equation.shape), reduce=self.analysis.is_summed(equation))
        if spread is not None:
            pieces = [f"torch.broadcast_to({' '.join(pieces)}, {spread})"]
        line = f"{margin}{target} {sign} {' '.join(pieces)}{comment}"
        if len(line) <= 100 or len(pieces) == 1:
            return [line]
        return [f"{margin}{target} {sign} ({comment}", *(f"{margin}    {piece}" for piece in pieces), f"{margin})"]

    def is_view(self, name: str) -> bool:
        """Whether a value may share its memory with another: torch wants each result to be a tensor of its own."""
        equation = next(e for e in self.derivation.forward if e.name == name)
        row = BY_HEAD.get(type(equation.expr))
        moves = equation.expr.is_Symbol or (row is not None and row.torch is not None and row.torch.view)
        return bool(moves) or self.spread(equation) is not None


def _spelt(name: str) -> str:
    """Names with an underscore in front are the attributes of every torch module (`_parameters`, `__init__`), and with
    two of them a class changes what they are called."""
    return spelt(name.lstrip("_")) or "v"


def plan(derivation: Derivation) -> Plan:
    """Decide on names and on the order of work."""
    variables, analysis = derivation.variables, Analysis(derivation)
    cell, local = derivation.cell, Names(WORDS.split(), _HELPERS, KEYWORDS, spell=_spelt)
    sequences = {name: local.take(name) for name in cell.inputs}
    initial = {name: local.take(f"{name}_0") for name in cell.states}
    single = len(cell.outputs) == 1
    upstreams = {name: "d_outputs" if single else local.take(f"d_{name}") for name in cell.outputs}
    names = {v.name: local.take(f"{v.name}_t" if v.role == "input" else v.name) for v in variables.values()}
    dims = {name: local.take(name, "dim_") for name in cell.dims}
    layer = Names(WORDS.split(), _HELPERS, KEYWORDS, (names[param] for param in cell.params), spell=_spelt)
    layer_dims = {name: layer.take(name, "dim_") for name in cell.dims}
    plain = TorchPrinter(
        {v.name: v.role for v in variables.values()},
        {v.name: v.shape for v in variables.values()},
        {name: name in analysis.batched for name in variables},
        names,
        dims,
        {name: index for index, name in enumerate(variables)},
        like="x",
    )
    draft = Plan(analysis, names, dims, layer_dims, sequences, initial, upstreams, plain, (), (), ())
    late = tuple(e for e in analysis.gradients if _can_wait(draft, e))
    kept = analysis.kept((*analysis.adjoints, *analysis.gradients))
    return replace(draft, kept=kept, late=late, early=tuple(e for e in analysis.gradients if e not in late))


def _can_wait(plan: Plan, equation: Equation) -> bool:
    """Whether every term has an axis of samples, and what has none is the same at every step; a gradient that its terms
    alone do not give the shape of is added into zeros that have it."""
    analysis, variables = plan.analysis, plan.derivation.variables
    if equation.expr == 0 or analysis.is_broadcast(equation):
        return False
    if plan.plain.rank(equation.expr) < len(equation.shape):
        return False
    for term in equation.terms:
        if not analysis.is_batched(term.expr):
            return False
        for name in names_in(term.expr):
            if variables[name].role not in ("parameter", "input", "previous", "value", "adjoint"):
                return False
            if variables[name].role == "adjoint" and name not in analysis.batched:
                return False
    return True
