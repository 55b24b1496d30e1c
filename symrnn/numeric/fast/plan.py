"""What is computed where: before the loop over the steps, in it, or after it; which products become one.

Found by rules on the equations. A value that no previous state reaches leaves the loop; so does one that no state
needs, and, backwards, every adjoint that no carry needs. Affine net inputs that share a vector share one product over
stacked weights, and they lie side by side in one block, so that one call of tanh serves them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

import sympy

from ...derivation import Derivation
from ...equations import Equation
from ...equations.shapes import names_in, shape_of
from ...operations.entry import SizeSymbol
from ...operations.functions import Elementwise, sigmoid, tanh
from ...operations.structured import Structured, matmul, transpose
from ...sizes import Shape, Size
from .line import Line, line_of, replaced
from .precision import exact_sigmoids


@dataclass(frozen=True, slots=True)
class Product:
    """`weight @ vector`, one term of an affine line; `weight` is a parameter or its transpose."""

    line: str
    weight: sympy.Expr
    vector: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of columns of the block: the net input of `line`, and the activation that takes its place."""

    line: str
    size: Size
    start: Size
    gate: str | None = None
    activation: type | None = None
    ready: bool = False

    @property
    def stop(self) -> Size:
        return self.start + self.size


@dataclass(frozen=True, slots=True)
class Plan:
    """The lines of a cell's two passes by place, the block's columns, and the stacked products by their vector."""

    constants: tuple[Line, ...]
    before: tuple[Line, ...]
    loop: tuple[Line, ...]
    after: tuple[Line, ...]
    slots: tuple[Slot, ...]
    groups: Mapping[str, tuple[Product, ...]]
    back_loop: tuple[Line, ...]
    back_after: tuple[Line, ...]
    gradients: tuple[Line, ...]
    shapes: Mapping[str, Shape]
    batched: frozenset[str]
    exact: frozenset[sympy.Expr]
    homes: Mapping[str, Slot]
    stacked: frozenset[Product]
    loop_lines: Mapping[str, Line]

    def slot_of(self, name: str) -> Slot | None:
        """The slot that a net input or its activation lives in."""
        return self.homes.get(name)


def make_plan(derivation: Derivation) -> Plan:
    """Place every equation of a derivation."""
    shapes = {variable.name: variable.shape for variable in derivation.variables.values()}
    forward = [_line(equation) for equation in derivation.forward]
    backward = [_line(equation) for equation in derivation.adjoints]
    gradients = [_line(equation) for equation in derivation.gradients if equation.why != "initial"]
    # An output that depends on parameters alone is spread over steps and sequences; what it is a function of is not.
    inner = {v.name for v in derivation.variables.values() if v.role in ("input", "previous")}
    program = derivation.cell.program
    spread = {*program.outputs, *(state.new for state in program.states)} - _reached_from(inner, forward)
    forward, backward, gradients = _share_functions(forward, backward, gradients, shapes, spread)
    batched = _batched(derivation, forward, shapes)
    carries = set(derivation.carries.values())
    backward, gradients = _eliminate(backward, gradients, shapes, carries)
    goals = carries | {name for line in gradients for name in line.reads}
    live = _needed_for(goals, backward)
    backward = [line for line in backward if line.name in live]
    forward = _needed_lines(derivation, forward, [*backward, *gradients])
    constants = [line for line in forward if line.name not in batched]
    recurrent = _reached_from({s.previous for s in derivation.cell.program.states}, forward)
    needed = _needed_for({state.new for state in derivation.cell.program.states}, forward) & recurrent
    before = [line for line in forward if line.name in batched and line.name not in recurrent]
    loop = [line for line in forward if line.name in needed]
    after = [line for line in forward if line.name in recurrent - needed]
    # A carry is read by the step before it, not by its own: what it is made of, and what reads it, is the loop.
    carried = _needed_for(carries | {line.name for line in backward if line.reads & carries}, backward)
    back_loop = [line for line in backward if line.name in carried]
    back_after = [line for line in backward if line.name not in carried]
    exact = exact_sigmoids([*forward, *backward, *gradients], {s.previous: s.new for s in program.states})
    # A net input that is read after the loop, or leaves the cell, keeps its place.
    kept = {name for line in (*backward, *gradients, *after) for name in line.reads} | set(program.outputs)
    slots = _slots(loop, kept, batched, exact, shapes, back_loop, derivation)
    order = {slot.line: place for place, slot in enumerate(slots)}
    groups: dict[str, list[Product]] = {}
    for line in (line for line in loop if line.name in order):
        for product in products_of(line, derivation.cell.params, shapes, batched):
            groups.setdefault(product.vector, []).append(product)
    ordered = {v: tuple(sorted(ps, key=lambda p: order[p.line])) for v, ps in groups.items()}
    return Plan(
        tuple(constants), tuple(before), tuple(loop), tuple(after), slots, ordered, tuple(back_loop),
        tuple(back_after), tuple(gradients), shapes, frozenset(batched), exact,
        {name: slot for slot in slots for name in (slot.line, slot.gate) if name is not None},
        frozenset(product for products in ordered.values() for product in products), {line.name: line for line in loop},
    )  # fmt: skip


def _needed_lines(derivation: Derivation, forward: list[Line], backward: list[Line]) -> list[Line]:
    """The forward lines that an output, a state or the backward pass rests on."""
    program = derivation.cell.program
    goals = {state.new for state in program.states} | set(program.outputs)
    needed = _needed_for(goals | {name for line in backward for name in line.reads}, forward)
    return [line for line in forward if line.name in needed]


def _line(equation: Equation) -> Line:
    return line_of(equation.name, tuple(term.expr for term in equation.terms), equation.shape, equation.number)


def products_of(
    line: Line, params: Container[str], shapes: Mapping[str, Shape], batched: Container[str]
) -> list[Product]:
    """The terms of a line that are a parameter matrix times a vector; two of the same vector are one too many."""
    found: dict[str, Product] = {}
    for term in line.terms:
        product = as_product(line.name, term, params, shapes, batched)
        if product is not None:
            if product.vector in found:
                return []
            found[product.vector] = product
    return list(found.values())


def as_product(
    line: str, term: sympy.Expr, params: Container[str], shapes: Mapping[str, Shape], batched: Container[str]
) -> Product | None:
    """A term as a product of a parameter matrix and a vector of every step, where it is one."""
    if not isinstance(term, matmul):
        return None
    left, right = term.args
    ranks = len(shape_of(left, shapes)), len(shape_of(right, shapes))
    weight, vector = (left, right) if ranks == (2, 1) else (transpose(right), left)
    inner = weight.args[0] if isinstance(weight, transpose) else weight
    if ranks not in ((2, 1), (1, 2)) or not inner.is_Symbol or inner.name not in params or not vector.is_Symbol:
        return None
    return Product(line, weight, vector.name) if vector.name in batched else None


# Which values depend on which --------------------------------------------------------------------------------


def _batched(derivation: Derivation, forward: list[Line], shapes: Mapping[str, Shape]) -> set[str]:
    """Names with an axis of sequences: what depends on inputs or states, what leaves the step, and constants that
    need a size, which parameters alone may not show."""
    roles = {variable.name: variable.role for variable in derivation.variables.values()}
    batched = {name for name, role in roles.items() if role in ("input", "previous", "upstream", "carry")}
    program = derivation.cell.program
    leaving = {state.new for state in program.states} | set(program.outputs)
    for line in forward:
        sized = len(shape_of(line.expr, shapes)) < len(line.shape) or not line.reads or line.expr.atoms(SizeSymbol)
        if line.name in leaving or line.reads & batched or sized:
            batched.add(line.name)
    batched |= {name for value, name in derivation.adjoint_of.items() if value in batched}
    return batched


def _reached_from(start: set[str], lines: list[Line]) -> set[str]:
    reached = set(start)
    for line in lines:
        if line.reads & reached:
            reached.add(line.name)
    return reached - start


def _needed_for(goals: set[str], lines: list[Line]) -> set[str]:
    """The names of the lines that some goal rests on, goals included."""
    by_name = {line.name: line for line in lines}
    needed: set[str] = set()
    pending = [name for name in goals if name in by_name]
    while pending:
        name = pending.pop()
        if name not in needed:
            needed.add(name)
            pending += [read for read in by_name[name].reads if read in by_name]
    return needed


# Shared pieces -----------------------------------------------------------------------------------------------


def _share_functions(
    forward: list[Line], backward: list[Line], gradients: list[Line], shapes: dict[str, Shape], spread: set[str]
) -> tuple[list[Line], list[Line], list[Line]]:
    """A function of forward values that the backward pass uses again gets a name: tanh(c) in h = o ⊙ tanh(c)."""
    values = {line.name for line in forward} - spread
    roots = {line.terms[0] for line in forward if len(line.terms) == 1 and line.name not in spread}
    backwards = {atom for line in (*backward, *gradients) for atom in line.expr.atoms(Elementwise)}
    shared: dict[sympy.Expr, sympy.Symbol] = {}
    result: list[Line] = []
    for line in forward:
        again = [a for a in line.expr.atoms(Elementwise) if a in backwards and a not in shared and a not in roots]
        for atom in sorted(again, key=lambda a: (len(str(a)), str(a))) if again[1:] else again:
            name = fresh("_".join([type(atom).__name__, *sorted(names_in(atom))]), shapes)
            shapes[name] = shape_of(atom, shapes)
            result.append(line_of(name, (atom.xreplace(shared),), shapes[name], None))
            shared[atom] = sympy.Symbol(name)
        result.append(replaced(line, shared))
    # Where the function is the whole right side of a line, the line's name stands for it everywhere.
    shared |= {line.terms[0]: sympy.Symbol(line.name) for line in result if _is_function_line(line, values)}
    return result, [replaced(line, shared) for line in backward], [replaced(line, shared) for line in gradients]


def _is_function_line(line: Line, values: set[str]) -> bool:
    return line.name in values and len(line.terms) == 1 and isinstance(line.terms[0], Elementwise)


def fresh(wish: str, shapes: Container[str]) -> str:
    """A name that no value has."""
    while wish in shapes:
        wish += "_"
    return wish


# Adjoints that only pass a factor on -------------------------------------------------------------------------


def _eliminate(
    backward: list[Line], gradients: list[Line], shapes: Mapping[str, Shape], carries: set[str]
) -> tuple[list[Line], list[Line]]:
    """Drop adjoints that are another adjoint times a factor and are themselves only multiplied: δ_a_f = δ_f ⊙ f (1 − f)
    with δ_f = δ_c ⊙ c_{t−1} becomes δ_a_f = δ_c ⊙ (c_{t−1} ⊙ f ⊙ (1 − f)), whose factor no carry reaches."""
    deltas = {line.name for line in backward} - carries
    places = {line.name: place for place, line in enumerate((*backward, *gradients))}
    readers: dict[str, list[tuple[Line, sympy.Expr]]] = {}
    for other in (*backward, *gradients):
        for term in other.terms:
            for name in names_in(term) & deltas:
                readers.setdefault(name, []).append((other, term))
    values: dict[sympy.Expr, sympy.Expr] = {}
    gone: set[str] = set()
    kept: list[Line] = []
    for line in backward:
        line = line if gone.isdisjoint(line.reads) else replaced(line, values)
        later = [reader for reader in readers.get(line.name, ()) if places[reader[0].name] > places[line.name]]
        if later and _is_passed_on(line, deltas, shapes) and all(_only_multiplied(line, *reader) for reader in later):
            values[sympy.Symbol(line.name)] = line.terms[0]
            gone.add(line.name)
        else:
            kept.append(line)
    return kept, [replaced(line, values) for line in gradients]


# A product that grows from line to line would make a long cell's code grow as the square of its length.
_LONGEST = 6


def _is_passed_on(line: Line, deltas: set[str], shapes: Mapping[str, Shape]) -> bool:
    if len(line.terms) != 1 or line.terms[0].atoms(Structured):
        return False
    factors = sympy.Mul.make_args(line.terms[0])
    sources = [f for f in factors if f.is_Symbol and f.name in deltas]
    return len(factors) <= _LONGEST and len(sources) == 1 and shapes[sources[0].name] == line.shape


def _only_multiplied(line: Line, reader: Line, term: sympy.Expr) -> bool:
    return len(reader.shape) == len(line.shape) and sympy.Symbol(line.name) in sympy.Mul.make_args(term)


def source_and_factor(term: sympy.Expr, deltas: Container[str]) -> tuple[sympy.Symbol | None, sympy.Expr]:
    """A term δ ⊙ k as (δ, k); no δ where the term is something else."""
    source = _source(term, deltas)
    if source is None:
        return None, term
    return source, sympy.Mul(*(factor for factor in sympy.Mul.make_args(term) if factor is not source))


def _source(term: sympy.Expr, deltas: Container[str]) -> sympy.Symbol | None:
    factors = sympy.Mul.make_args(term)
    sources = [factor for factor in factors if factor.is_Symbol and factor.name in deltas]
    if len(sources) != 1:
        return None
    rest = (factor for factor in factors if factor is not sources[0])
    return None if any(name in deltas for factor in rest for name in names_in(factor)) else sources[0]


# The block ---------------------------------------------------------------------------------------------------


def _slots(
    loop: list[Line],
    kept: set[str],
    batched: set[str],
    exact: frozenset[sympy.Expr],
    shapes: Mapping[str, Shape],
    back_loop: list[Line],
    derivation: Derivation,
) -> tuple[Slot, ...]:
    """Columns for every affine net input of the loop: gates that σ makes, then those that tanh makes, then the rest;
    among the first, those whose adjoints share a source with the others come last, so that they are neighbours."""
    previous = {state.previous for state in derivation.cell.program.states}
    new = {state.new for state in derivation.cell.program.states}
    loop_names = {line.name for line in loop}
    found: list[tuple[tuple[int, int, int], Slot]] = []
    sources = _sources(back_loop)
    shares = Counter(sources.values())
    readers: dict[str, list[Line]] = {}
    for other in loop:
        for name in other.reads:
            readers.setdefault(name, []).append(other)
    params = derivation.cell.params
    for place, line in enumerate(loop):
        if len(line.shape) != 1 or line.name in new or not products_of(line, params, shapes, batched):
            continue
        gate, activation = _gate(line, readers.get(line.name, []), kept, new, exact)
        ready = not (line.reads & loop_names) and bool(line.reads & previous)
        kind = 2 if gate is None or not ready else 0 if activation is sigmoid else 1
        source = sources.get(derivation.adjoint_of.get(line.name, ""), "")
        shared = shares[source]
        found.append(((kind, shared, place), Slot(line.name, line.shape[0], Size(), gate, activation, ready)))
    found.sort(key=lambda item: item[0])
    slots: list[Slot] = []
    start = Size()
    for _, slot in found:
        slots.append(replace(slot, start=start))
        start = start + slot.size
    return tuple(slots)


def _sources(back_loop: list[Line]) -> dict[str, str]:
    """For every adjoint that is another one times a factor, which one."""
    deltas = {line.name for line in back_loop}
    sources: dict[str, str] = {}
    for line in back_loop:
        if len(line.terms) == 1:
            source = _source(line.terms[0], deltas)
            if source is not None:
                sources[line.name] = source.name
    return sources


def _gate(
    line: Line, readers: list[Line], kept: set[str], new: set[str], exact: frozenset[sympy.Expr]
) -> tuple[str | None, type | None]:
    """The activation that may take its net input's place: nobody else reads the net input, and the activation is
    not a state, which has a place of its own."""
    if len(readers) != 1 or line.name in kept or readers[0].name in new:
        return None, None
    (reader,) = readers
    if len(reader.terms) == 1 and type(reader.terms[0]) in (sigmoid, tanh) and reader.terms[0].args[0].is_Symbol:
        return (None, None) if reader.terms[0] in exact else (reader.name, type(reader.terms[0]))
    return None, None
