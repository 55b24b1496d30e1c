"""The block of net inputs: which values have columns of it, in which order, and which weights are stacked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import replace

import sympy

from ...derivation import Derivation
from ...equations.shapes import shape_of
from ...operations.functions import sigmoid, tanh
from ...operations.structured import matmul, transpose
from ...sizes import Shape, Size
from .formula import Formula
from .plan import Product, Slot, Stack
from .rewrite import Rewritten, source_and_factor


def as_product(
    term: sympy.Expr, params: Container[str], shapes: Mapping[str, Shape], batched: Container[str]
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
    return Product(weight, vector.name) if vector.name in batched else None


def find_slots(
    derivation: Derivation,
    lines: Rewritten,
    loop: tuple[Formula, ...],
    back_loop: tuple[Formula, ...],
    kept: frozenset[str],
    exact: frozenset[sympy.Expr],
) -> tuple[Slot, ...]:
    """Columns for every affine net input of the loop: gates that σ makes, then those that tanh makes, then the rest;
    among the first, those whose adjoints share a source with the others come last, so that they are neighbours. A net
    input that is `kept`, because it is read after the loop, leaves its place to no gate."""
    states = derivation.cell.program.states
    previous, new, names = {s.previous for s in states}, {s.new for s in states}, {line.name for line in loop}
    sources = _sources(back_loop)
    shares = Counter(sources.values())
    readers: dict[str, list[Formula]] = {}
    for line in loop:
        for name in line.reads:
            readers.setdefault(name, []).append(line)
    adjoints = {line.name for line in lines.backward}
    found: list[tuple[tuple[int, int, int], Slot]] = []
    for place, line in enumerate(loop):
        products = _products(line, derivation.cell.params, lines)
        if len(line.shape) != 1 or line.name in new or not products:
            continue
        gate = None if line.name in kept else _gate(readers.get(line.name, []), new, exact)
        ready = line.reads.isdisjoint(names) and not line.reads.isdisjoint(previous)
        adjoint = derivation.adjoint_of.get(line.name, "")
        slot = Slot(line, products, gate, ready, adjoint if adjoint in adjoints else None, Size())
        kind = 2 if gate is None or not ready else 0 if slot.halved else 1
        found.append(((kind, shares[sources.get(adjoint, "")], place), slot))
    slots: list[Slot] = []
    for _, slot in sorted(found, key=lambda item: item[0]):
        slots.append(replace(slot, start=slots[-1].stop) if slots else slot)
    return tuple(slots)


def _products(line: Formula, params: Container[str], lines: Rewritten) -> dict[sympy.Expr, Product]:
    """The terms of a line that are products; two with the same vector are one too many."""
    pairs = [(term, as_product(term, params, lines.shapes, lines.batched)) for term in line.terms]
    found = [(term, product) for term, product in pairs if product is not None]
    return dict(found) if len({product.vector for _, product in found}) == len(found) else {}


def _sources(back_loop: tuple[Formula, ...]) -> dict[str, str]:
    """For every adjoint that is another one times a factor, which one."""
    deltas = {line.name for line in back_loop}
    pairs = {line.name: source_and_factor(line.terms[0], deltas) for line in back_loop if len(line.terms) == 1}
    return {name: pair[0].name for name, pair in pairs.items() if pair is not None}


def _gate(readers: list[Formula], new: set[str], exact: frozenset[sympy.Expr]) -> Formula | None:
    """The activation that may take its net input's place: nobody else reads the net input, and the activation is
    not a state, which has a place of its own."""
    if len(readers) != 1 or readers[0].name in new or len(readers[0].terms) != 1:
        return None
    (value,) = readers[0].terms
    fits = type(value) in (sigmoid, tanh) and value.args[0].is_Symbol and value not in exact
    return readers[0] if fits else None


def stack_weights(loop: tuple[Formula, ...], slots: tuple[Slot, ...]) -> dict[str, Stack]:
    """The stacks by their vector, in the order in which the loop meets the vectors."""
    order = {slot.net.name: place for place, slot in enumerate(slots)}
    groups: dict[str, list[int]] = {}
    for place in (order[line.name] for line in loop if line.name in order):
        for vector in slots[place].weights:
            groups.setdefault(vector, []).append(place)
    return {vector: Stack(vector, tuple(slots[k] for k in sorted(places))) for vector, places in groups.items()}
