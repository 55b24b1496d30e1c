"""A derivation as a document, before any format: symbols, legend, and sections of numbered lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import sympy

from ..derivation import Derivation
from ..equations import Equation
from ..operations import BY_HEAD
from ..sizes import Shape, Size
from . import tree as t
from .display import Display, build_display, set_in
from .joined import derive_joined
from .languages import ENGLISH, Language
from .names import GREEK, Name, Naming
from .notation import STANDARD, Notation
from .prose import Prose, fill, listed, symbols
from .say import general_formulas
from .steps import Step, explain_equation, set_step
from .view import Shown


@dataclass(frozen=True, slots=True)
class Row:
    """One line: an equation, or (with `right` left out) a condition said in words, of `left` if there is one.

    `label` is a word for references that stays the same from version to version."""

    number: int | None
    left: t.Tree | None
    right: t.Tree | None
    words: Prose = ()
    steps: tuple[Step, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """`key` is the phrase of its title: `forward`, `backward` or `gradients`."""

    key: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Symbols:
    """Names of one shape and one kind (`input`, `state`, `output`, `parameter`, `value`); `code` is how the program
    calls them, `also` those of them that are outputs too."""

    kind: str
    names: tuple[Name, ...]
    shape: Shape
    code: tuple[str, ...]
    also: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Legend:
    """What a sign means; `key` is the phrase."""

    key: str
    sign: Prose
    meaning: Prose


@dataclass(frozen=True, slots=True)
class Document:
    derivation: Derivation
    language: Language
    notation: Notation
    naming: Naming
    symbols: tuple[Symbols, ...]
    legend: tuple[Legend, ...]
    kinks: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def name(self) -> str:
        return self.derivation.cell.name

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """What the cell's docstring says: its first line, then paragraph by paragraph, each on one line."""
        first, *rest = self.derivation.cell.doc.strip().split("\n\n")
        return (first.split("\n")[0], *(" ".join(part.split()) for part in rest))

    @property
    def summary(self) -> str:
        return self.paragraphs[0]


def build_document(
    derivation: Derivation, *, steps: bool = False, notation: Notation = STANDARD, language: Language = ENGLISH
) -> Document:
    """Everything that a page says about a derivation, in the order in which it says it."""
    if notation.weights == "joined":
        derivation = derive_joined(derivation)
    display, view = build_display(derivation, notation)

    def setting(tree: t.Tree) -> t.Tree:
        return set_in(notation, tree)

    def row(shown: Shown) -> Row:
        equation = shown.equation
        rank = len(equation.shape) if equation.kind == "gradient" else 0
        notes = tuple(
            set_step(note, setting)
            for origin in shown.origins
            for note in (explain_equation(origin, derivation, display) if steps else ())
        )
        right = set_in(notation, display.right(equation), rank)
        return Row(equation.number, display.left(equation), right, steps=notes, label=_label(derivation, equation))

    sections = (
        Section("forward", tuple(row(Shown(equation, (equation,))) for equation in derivation.forward)),
        Section("backward", (*_conditions(derivation, display, notation, language), *map(row, view.backward))),
        Section("gradients", tuple(map(row, view.gradients))),
    )
    return Document(
        derivation,
        language,
        notation,
        display.naming,
        tuple(_symbols(derivation, display.naming, notation)),
        tuple(_legend(derivation, display.naming, sections, notation, language)),
        tuple(_kinks(derivation)),
        tuple(section for section in sections if section.rows),
    )


_SPELT = {letter: word for word, letter in GREEK.items()}


def _label(derivation: Derivation, equation: Equation) -> str:
    """`lstm-delta-c`; a Greek letter is spelt out, with the number of the line so that no two labels are equal."""
    plain = f"{derivation.cell.name}_{equation.name}"
    spelt = "".join(_SPELT.get(letter, letter) for letter in plain)
    return (spelt if spelt == plain else f"{spelt}_{equation.number}").replace("_", "-")


def _conditions(derivation: Derivation, display: Display, notation: Notation, language: Language) -> Iterator[Row]:
    """What holds after the last step."""
    states = derivation.cell.program.states
    final = [t.Symbol(display.naming(state.new).at("T")) for state in states]
    if notation.carries == "inline":
        if states:
            yield Row(None, None, None, fill(language.phrases["final_inline"], states=listed(final, language)))
        return
    for state, last in zip(states, final, strict=True):
        carry = display.naming(derivation.carries[state.name]).at("T+1")
        yield Row(None, t.Symbol(carry), None, fill(language.phrases["final"], state=last))


def _symbols(derivation: Derivation, naming: Naming, notation: Notation) -> Iterator[Symbols]:
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
        by_shape: dict[Shape, list[str]] = {}
        for name in members:
            by_shape.setdefault(derivation.variables[name].shape, []).append(name)
        # matrices before vectors before scalars, else in the order of definition
        for shape in sorted(by_shape, key=len, reverse=True) if kind == "parameter" else by_shape:
            names = by_shape[shape]
            also = tuple(naming(name) for name in names if name in program.outputs) if kind == "state" else ()
            turned = shape[::-1] if notation.vectors == "row" else shape
            yield Symbols(kind, tuple(naming(name) for name in names), turned, tuple(names), also)


_A, _B, _V = (t.Symbol(Name(letter)) for letter in "abv")
_S, _M = (t.Symbol(Name(letter)) for letter in "SM")
_GRADIENT = t.Partial(t.Symbol(Name("L")), _V)
_I, _J, _K = (Size.of(letter) for letter in "ijk")
_SIGNS: dict[str, t.Tree] = {
    "elementwise": t.Product((_A, _B), ("elementwise",)),
    "marked_power": t.Power(_S, Fraction(2), marked=True),
    "transposed": t.Transpose(_M),
    "angle": t.Dot(_S, _M, matrix=True),
    "ones": t.Constant("ones"),
    "stacked": t.Stack((_A, _B)),
    "stacked_rows": t.Stack((_A, _B), flat=True),
    "zeros": t.Extent(_K, zeros=True),
    "part": t.Part(_V, ((_I, _J),)),
    "placed": t.Place(_V, ((_I,),)),
    "indicator": t.Indicator((_A, _B), ((">", ">"),)),
    "slope": t.Call("φ", r"\varphi", (_A,), primes=1),
}


def _legend(
    derivation: Derivation, naming: Naming, sections: tuple[Section, ...], notation: Notation, language: Language
) -> Iterator[Legend]:
    program = derivation.cell.program
    nodes = [node for section in sections for row in section.rows for node in t.walk((row.left, row.right))]
    kinds = {type(node) for node in nodes}
    details = {detail for node in nodes for detail in _details(node)}

    def entry(key: str, sign: Prose, **formulas: Prose | t.Tree) -> Legend:
        return Legend(key, sign, fill(language.phrases[key], **formulas))

    def over(names: tuple[Name, ...]) -> Prose:
        return listed(symbols(names), language)

    if len(naming.general) == 1:
        yield entry("adjoint", over(naming.general), v=_V, gradient=_GRADIENT)
    else:
        yield entry("adjoint", over(naming.general[:1]), v=_V, gradient=_GRADIENT)
        yield entry("adjoint_net", over(naming.general[1:]), v=_V)
    outputs = tuple(dict.fromkeys(program.outputs))
    upstream = tuple(naming(derivation.upstream[name]) for name in outputs)
    key = "upstream" if len(outputs) == 1 else "upstreams"
    yield entry(key, over(upstream), outputs=over(tuple(naming(name) for name in outputs)))
    if program.states and notation.carries == "named":
        carries = tuple(naming(derivation.carries[state.name]).at("t") for state in program.states)
        previous = over(tuple(naming(state.previous) for state in program.states))
        yield entry("carry" if len(carries) == 1 else "carries", over(carries), previous=previous)
    marks = [
        ("elementwise", "elementwise" in details),
        ("marked_power", "marked" in details),
        ("transposed", bool(kinds & {t.Transpose, t.Outer, t.Dot})),
        ("angle", "angle" in details),
        ("ones", "ones" in details),
        ("stacked", "stacked" in details),
        ("stacked_rows", "stacked_rows" in details),
        ("zeros", "zeros" in details),
        ("part", t.Part in kinds),
        ("placed", t.Place in kinds),
        ("indicator", t.Indicator in kinds),
        ("slope", "slope" in details),
    ]
    for key, present in marks:
        if present:
            yield entry(key, (_SIGNS[key],), **general_formulas(notation))
    for key, present in (
        ("rows", notation.vectors == "row"),
        ("joined", notation.weights == "joined"),
        ("numerator", notation.layout == "numerator"),
        ("merged", notation.lines == "merged" or notation.carries == "inline"),
    ):
        if present:
            yield entry(key, (language.phrases[f"{key}_sign"],))


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
        case t.Stack(flat=flat):
            yield "stacked_rows" if flat else "stacked"
        case t.Call(primes=1):
            yield "slope"


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
