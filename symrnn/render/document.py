"""A derivation as a document, before any format: symbols, legend, and sections of numbered lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import sympy

from ..derivation import Derivation, NetworkDerivation
from ..equations import Equation
from ..operations import BY_HEAD
from ..sizes import Shape, Size
from . import tree as t
from .display import Display, build_display
from .joined import derive_joined
from .languages import ENGLISH, Language
from .names import GREEK, Name, Naming
from .notation import STANDARD, Notation
from .printers.text import show_size
from .prose import Prose, fill, listed
from .rows import set_in
from .steps import Step, explain_equation, general_formulas
from .view import Shown, View, build_view


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
    """Equations under a title. `key` says which part of a derivation they belong to: `forward`, `backward` or
    `gradients`; `course` is the letter of the steps, the first and the last of them, where they run over steps. A
    section of a network opens with `words`, and stands under the `part` that it is in."""

    key: str
    rows: tuple[Row, ...]
    title: str
    heading: str
    course: tuple[str, str, str] | None = None
    words: tuple[Prose, ...] = ()
    part: str = ""


@dataclass(frozen=True, slots=True)
class Symbols:
    """Names of one shape and one kind (`input`, `state`, `output`, `parameter`, `value`): the shape and the kind in
    words, and how the program calls them."""

    kind: str
    names: tuple[Name, ...]
    shape: Prose
    meaning: Prose
    code: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Legend:
    """What a sign means."""

    sign: Prose
    meaning: Prose


@dataclass(frozen=True, slots=True)
class Document:
    """What every format writes, in this order: of a cell or of a network, whose docstring is `doc`."""

    name: str
    doc: str
    language: Language
    notation: Notation
    symbols: tuple[Symbols, ...]
    legend: tuple[Legend, ...]
    sections: tuple[Section, ...]
    derivation: Derivation | NetworkDerivation

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """What the docstring says: its first line, then paragraph by paragraph, each on one line."""
        first, *rest = self.doc.strip().split("\n\n")
        return (first.split("\n")[0], *(" ".join(part.split()) for part in rest))

    @property
    def summary(self) -> str:
        return self.paragraphs[0]


@dataclass(frozen=True, slots=True)
class CellDocument(Document):
    derivation: Derivation
    display: Display

    @property
    def naming(self) -> Naming:
        return self.display.naming


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the equations of a derivation as rows: what everything is called, and formulas as trees."""

    derivation: Derivation
    notation: Notation
    language: Language
    view: View
    display: Display

    @staticmethod
    def of(derivation: Derivation, notation: Notation, language: Language) -> Writer:
        view = build_view(derivation, notation)  # the derived equations, as the notation shows them
        return Writer(derivation, notation, language, view, build_display(derivation, notation, view))

    @property
    def forward(self) -> tuple[Shown, ...]:
        return tuple(Shown(equation, (equation,)) for equation in self.derivation.forward)

    def row(self, shown: Shown, *, steps: bool, turned: bool = True) -> Row:
        """An equation, and with `steps` why each of its terms is there; a gradient is `turned` as the layout of the
        notation says."""
        equation = shown.equation
        rank = len(equation.shape) if turned and equation.kind == "gradient" else 0
        right = set_in(self.notation, self.display.right(equation), rank)
        why = (
            step
            for origin in (shown.origins if steps else ())
            for step in explain_equation(origin, self.derivation, self.display, self.notation, self.language)
        )
        label = _label(self.derivation, equation)
        return Row(equation.number, self.display.left(equation), right, steps=tuple(why), label=label)


def build_document(
    derivation: Derivation, *, steps: bool = False, notation: Notation = STANDARD, language: Language = ENGLISH
) -> CellDocument:
    """Everything that a page says about a derivation, in the order in which it says it."""
    if notation.weights == "joined":
        derivation = derive_joined(derivation)
    writer = Writer.of(derivation, notation, language)
    naming, phrases = writer.display.naming, language.phrases

    def rows(shown: Iterable[Shown]) -> Iterator[Row]:
        return (writer.row(line, steps=steps) for line in shown)

    after_last = _conditions(derivation, naming, notation, language)
    gradients = tuple(rows(writer.view.gradients))
    sections = (
        Section("forward", tuple(rows(writer.forward)), phrases["forward"], phrases["forward"], ("t", "1", "T")),
        Section(
            "backward", (*after_last, *rows(writer.view.backward)), phrases["backward"], phrases["backward"],
            ("t", "T", "1"),
        ),
        Section("gradients", gradients, phrases["gradients"], phrases["gradients_title"]),
    )  # fmt: skip
    symbols = tuple(symbols_of(derivation, naming, notation, language))
    legend = (
        *letters_of(derivation, naming, notation, language),
        *signs_of(sections, notation, language),
        *choices_of(notation, language),
        *kinks_of((derivation,), language),
    )
    shown = tuple(section for section in sections if section.rows)
    cell = derivation.cell
    return CellDocument(cell.name, cell.doc, language, notation, symbols, legend, shown, derivation, writer.display)


_SPELT = {letter: word for word, letter in GREEK.items()}


def _label(derivation: Derivation, equation: Equation) -> str:
    """`lstm-delta-c`; a Greek letter is spelt out, with the number of the line so that no two labels are equal."""
    plain = f"{derivation.cell.name}_{equation.name}"
    spelt = "".join(_SPELT.get(letter, letter) for letter in plain)
    return (spelt if spelt == plain else f"{spelt}_{equation.number}").replace("_", "-")


def _conditions(derivation: Derivation, naming: Naming, notation: Notation, language: Language) -> Iterator[Row]:
    """What holds after the last step."""
    states = derivation.cell.program.states
    final = [t.Symbol(naming(state.new, "T")) for state in states]
    if notation.carries == "inline":
        if states:
            yield Row(None, None, None, fill(language.phrases["final_inline"], states=listed(final, language)))
        return
    for state, last in zip(states, final, strict=True):
        carry = naming(derivation.carries[state.name], "T+1")
        yield Row(None, t.Symbol(carry), None, fill(language.phrases["final"], state=last))


# Symbols ---------------------------------------------------------------------------------------------------------


def symbols_of(derivation: Derivation, naming: Naming, notation: Notation, language: Language) -> Iterator[Symbols]:
    program, phrases = derivation.cell.program, language.phrases
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
            word = phrases[kind if len(names) == 1 else f"{kind}s"]
            also = [naming(name) for name in names if name in program.outputs] if kind == "state" else []
            key = "also_output" if len(also) == 1 else "also_outputs"
            meaning = fill(phrases[key], kind=word, names=listed(also, language)) if also else (word,)
            turned = shape[::-1] if notation.vectors == "row" else shape
            words = (show_shape(turned, language),)
            yield Symbols(kind, tuple(map(naming, names)), words, meaning, tuple(names))


def show_shape(shape: Shape, language: Language) -> str:
    """(n), (n × m) or `scalar`"""
    sizes = [show_size(size) for size in shape]
    if len(sizes) > 1:
        sizes = [f"({size})" if " " in size else size for size in sizes]
    return f"({' × '.join(sizes)})" if shape else language.phrases["scalar"]


# The legend ------------------------------------------------------------------------------------------------------

_A, _B, _V, _S, _M = (t.Symbol(Name(letter)) for letter in "abvSM")
_GRADIENT = t.Partial(t.Symbol(Name("L")), _V)
_I, _J, _K = (Size.of(letter) for letter in "ijk")
_SIGNS: dict[str, tuple[t.Tree, Callable[[t.Tree], bool]]] = {
    "elementwise": (
        t.Product((_A, _B), ("elementwise",)),
        lambda node: isinstance(node, t.Product) and "elementwise" in node.joins,
    ),
    "marked_power": (
        t.Power(_S, Fraction(2), marked=True),
        lambda node: isinstance(node, t.Power) and node.marked,
    ),
    "transposed": (t.Transpose(_M), lambda node: isinstance(node, t.Transpose | t.Outer | t.Dot)),
    "angle": (t.Dot(_S, _M, matrix=True), lambda node: isinstance(node, t.Dot) and node.matrix),
    "kronecker": (
        t.Product((_M, t.Transpose(_V)), ("kronecker",)),
        lambda node: isinstance(node, t.Product) and "kronecker" in node.joins,
    ),
    "ones": (t.Constant("ones"), lambda node: isinstance(node, t.Constant) and node.kind == "ones"),
    "stacked": (t.Stack((_A, _B)), lambda node: isinstance(node, t.Stack) and not node.flat),
    "stacked_rows": (t.Stack((_A, _B), flat=True), lambda node: isinstance(node, t.Stack) and node.flat),
    "zeros": (t.Extent(_K, zeros=True), lambda node: isinstance(node, t.Extent) and node.zeros),
    "part": (t.Part(_V, ((_I, _J),)), lambda node: isinstance(node, t.Part)),
    "placed": (t.Place(_V, ((_I,),)), lambda node: isinstance(node, t.Place)),
    "indicator": (t.Indicator((_A, _B), ((">", ">"),)), lambda node: isinstance(node, t.Indicator)),
    "slope": (
        t.Call("φ", r"\varphi", (_A,), primes=1),
        lambda node: isinstance(node, t.Call) and node.primes == 1,
    ),
}
"""Signs that need a word, each as the legend shows it, and which nodes have it."""


def letters_of(derivation: Derivation, naming: Naming, notation: Notation, language: Language) -> Iterator[Legend]:
    """The letters that a derivation adds to those of the cell."""
    program, phrases = derivation.cell.program, language.phrases
    value, *net = naming.general
    yield Legend(listed([value], language), fill(phrases["adjoint"], v=_V, gradient=_GRADIENT))
    if net:
        yield Legend(listed(net, language), fill(phrases["adjoint_net"], v=_V))
    outputs = list(dict.fromkeys(program.outputs))
    upstream = listed([naming(derivation.upstream[name]) for name in outputs], language)
    key = "upstream" if len(outputs) == 1 else "upstreams"
    yield Legend(upstream, fill(phrases[key], outputs=listed(list(map(naming, outputs)), language)))
    if program.states and notation.carries == "named":
        carries = listed([naming(derivation.carries[state.name], "t") for state in program.states], language)
        previous = listed([naming(state.previous) for state in program.states], language)
        key = "carry" if len(program.states) == 1 else "carries"
        yield Legend(carries, fill(phrases[key], previous=previous))


def signs_of(sections: tuple[Section, ...], notation: Notation, language: Language) -> Iterator[Legend]:
    """The signs that the formulas have."""
    nodes = [node for section in sections for row in section.rows for node in t.walk((row.left, row.right))]
    for key, (sign, has_it) in _SIGNS.items():
        if any(map(has_it, nodes)):
            yield Legend((sign,), fill(language.phrases[key], **general_formulas(notation)))


def choices_of(notation: Notation, language: Language) -> Iterator[Legend]:
    """What is unusual in the notation."""
    for key, chosen in (
        ("rows", notation.vectors == "row"),
        ("joined", notation.weights == "joined"),
        ("numerator", notation.layout == "numerator"),
        ("merged", notation.lines == "merged" or notation.carries == "inline"),
    ):
        if chosen:
            yield Legend((language.phrases[f"{key}_sign"],), (language.phrases[key],))


def kinks_of(derivations: Iterable[Derivation], language: Language) -> Iterator[Legend]:
    """The subgradients that were chosen, for the operations that cells use."""
    seen: dict[str, None] = {}
    for equation in (equation for derivation in derivations for equation in derivation.forward):
        for inner in sympy.preorder_traversal(equation.expr):
            operation = BY_HEAD.get(type(inner))
            if operation is not None and operation.kink:
                kink = operation.kink
                seen.setdefault(kink if operation.name in kink else f"{operation.name}: {kink}")
    if seen:
        yield Legend((language.phrases["kink"],), ("; ".join(seen),))
