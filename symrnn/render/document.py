"""A derivation as a document, before any format: symbols, legend, and sections of numbered lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sympy

from ..derivation import Derivation
from ..equations import Equation
from ..operations import BY_HEAD
from ..sizes import Shape
from . import tree as t
from .display import Display, build_display
from .names import Name, Naming
from .steps import Step, explain_equation


@dataclass(frozen=True, slots=True)
class Row:
    """One line: an equation, or (with `right` left out) a condition said in words."""

    number: int | None
    left: t.Tree
    right: t.Tree | None
    state: t.Tree | None = None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """`key` is the phrase of its title: `forward`, `backward` or `gradients`."""

    key: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Symbols:
    """Names of one shape and one kind (`input`, `state`, `output`, `parameter`, `value`)."""

    kind: str
    names: tuple[Name, ...]
    shape: Shape


@dataclass(frozen=True, slots=True)
class Legend:
    """What a sign means: the key of a phrase, with the names that it speaks of."""

    key: str
    names: tuple[Name, ...] = ()
    about: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    name: str
    summary: str
    symbols: tuple[Symbols, ...]
    legend: tuple[Legend, ...]
    kinks: tuple[str, ...]
    sections: tuple[Section, ...]
    outputs: tuple[Name, ...]
    naming: Naming


def build_document(derivation: Derivation, *, steps: bool = False) -> Document:
    """Everything that a page says about a derivation, in the order in which it says it."""
    display = build_display(derivation)

    def row(equation: Equation) -> Row:
        notes = explain_equation(equation, derivation, display) if steps else ()
        return Row(equation.number, display.left(equation), display.right(equation), steps=notes)

    start = tuple(_final_conditions(derivation, display))
    sections = (
        Section("forward", tuple(row(equation) for equation in derivation.forward)),
        Section("backward", (*start, *(row(equation) for equation in derivation.adjoints))),
        Section("gradients", tuple(row(equation) for equation in derivation.gradients)),
    )
    cell = derivation.cell
    naming = display.naming
    return Document(
        cell.name,
        cell.doc.strip().split("\n")[0],
        tuple(_symbols(derivation, naming)),
        tuple(_legend(derivation, naming, sections)),
        tuple(_kinks(derivation)),
        tuple(section for section in sections if section.rows),
        tuple(naming(name) for name in dict.fromkeys(cell.program.outputs)),
        naming,
    )


def _final_conditions(derivation: Derivation, display: Display) -> Iterator[Row]:
    for state in derivation.cell.program.states:
        carry = display.naming(derivation.carries[state.name], "T+1")
        yield Row(None, t.Symbol(carry), None, t.Symbol(display.naming(state.new, "T")))


def _symbols(derivation: Derivation, naming: Naming) -> Iterator[Symbols]:
    program = derivation.cell.program
    states = [state.new for state in program.states]
    outputs = [name for name in dict.fromkeys(program.outputs) if name not in states]
    values = [equation.name for equation in derivation.forward]
    inner = [name for name in values if name not in states and name not in outputs]
    groups = (
        ("input", program.inputs),
        ("state", states),
        ("output", outputs),
        ("parameter", program.params),
        ("value", inner),
    )
    for kind, members in groups:
        by_shape: dict[Shape, list[Name]] = {}
        for name in members:
            by_shape.setdefault(derivation.variables[name].shape, []).append(naming(name))
        # matrices before vectors before scalars, else in the order of definition
        for shape in sorted(by_shape, key=len, reverse=True) if kind == "parameter" else by_shape:
            yield Symbols(kind, tuple(by_shape[shape]), shape)


def _legend(derivation: Derivation, naming: Naming, sections: tuple[Section, ...]) -> Iterator[Legend]:
    program = derivation.cell.program
    nodes = {type(node) for section in sections for row in section.rows for node in t.walk((row.left, row.right))}
    details = {
        detail
        for section in sections
        for row in section.rows
        for node in t.walk(row.right)
        for detail in _details(node)
    }
    yield Legend("adjoint", (Name(naming.adjoint, of=Name("v")),))
    outputs = tuple(dict.fromkeys(program.outputs))
    upstream = tuple(naming(derivation.upstream[name]) for name in outputs)
    yield Legend("upstream" if len(outputs) == 1 else "upstreams", upstream, tuple(naming(name) for name in outputs))
    if program.states:
        carries = tuple(naming(derivation.carries[state.name], "t") for state in program.states)
        previous = tuple(naming(state.previous) for state in program.states)
        yield Legend("carry" if len(carries) == 1 else "carries", carries, previous)
    marks = [
        ("elementwise", "elementwise" in details),
        ("marked_power", "marked" in details),
        ("transposed", bool(nodes & {t.Transpose, t.Outer, t.Dot})),
        ("angle", "angle" in details),
        ("ones", "ones" in details),
        ("stacked", t.Stack in nodes),
        ("zeros", "zeros" in details),
        ("part", t.Part in nodes),
        ("placed", t.Place in nodes),
        ("indicator", t.Indicator in nodes),
    ]
    for key, present in marks:
        if present:
            yield Legend(key)


def _details(node: t.Tree) -> Iterator[str]:
    match node:
        case t.Product(joins=joins) if "elementwise" in joins:
            yield "elementwise"
        case t.Power(marked=True):
            yield "marked"
        case t.Dot(matrix=True):
            yield "angle"
        case t.Constant(kind="ones"):
            yield "ones"
        case t.Extent(zeros=True):
            yield "zeros"


def _kinks(derivation: Derivation) -> Iterator[str]:
    """The subgradients that were chosen, for the operations that the cell uses."""
    seen: dict[str, None] = {}
    for equation in derivation.forward:
        for inner in sympy.preorder_traversal(equation.expr):
            operation = BY_HEAD.get(type(inner))
            if operation is not None and operation.kink:
                kink = operation.kink
                seen.setdefault(kink if operation.name in kink else f"{operation.name}: {kink}")
    yield from seen
