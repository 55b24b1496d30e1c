"""A network's derivation as a document: symbols, legend, and the sections of its blocks in one numbering."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ...derivation import Derivation, NetworkDerivation, derive
from ...equations import Block, Network, Wire
from ...equations.blocks import hold
from ...equations.cell import build_program
from ...sizes import Shape
from .. import tree as t
from ..document import Document, Legend, Symbols, Writer, choices_of, kinks_of, signs_of
from ..joined import derive_joined
from ..languages import ENGLISH, Language
from ..names import Name, first_free, own_names
from ..notation import STANDARD, Notation
from ..prose import Code, Prose, fill, listed
from .moments import NOW
from .names import NetworkNames, name_block, name_network
from .sections import write_sections


@dataclass(frozen=True, slots=True)
class NetworkDocument(Document):
    derivation: NetworkDerivation
    names: NetworkNames


def build_network_document(
    derivation: NetworkDerivation, *, steps: bool = False, notation: Notation = STANDARD, language: Language = ENGLISH
) -> NetworkDocument:
    """Everything that a page says about a network's derivation, in the order in which it says it."""
    network = derivation.network
    if notation.weights == "joined":
        made = {id(own): _joined(own) if block.scanned else own
                for block in network.blocks for own in (derivation.derivations[block.name],)}  # fmt: skip
        derivation = replace(
            derivation, derivations={name: made[id(own)] for name, own in derivation.derivations.items()}
        )
    cells = {id(own): own for own in derivation.derivations.values()}
    alike = common_letters(notation, list(cells.values()))
    written = {key: Writer.of(own, alike, language) for key, own in cells.items()}
    writers = {name: written[id(own)] for name, own in derivation.derivations.items()}
    names = name_network(derivation, writers, alike)
    sections = write_sections(derivation, writers, names, alike, language, steps=steps)
    legend = (
        *_letters(derivation, writers, names, language),
        *signs_of(sections, notation, language),
        *choices_of(replace(notation, lines="each", carries="named"), language),
        *kinks_of(cells.values(), language),
    )
    symbols = tuple(_symbols(derivation, writers, names, notation, language))
    return NetworkDocument(
        network.name, network.doc, language, notation, symbols, legend, sections, derivation, names
    )  # fmt: skip


def _joined(derivation: Derivation) -> Derivation:
    """With joined weights, and with its states held at the ends of sequences where they were."""
    joined = derive_joined(derivation)
    if set(joined.cell.inputs) == set(derivation.cell.inputs):
        return joined
    return derive(build_program(hold(joined.cell.program)[0]))


def common_letters(notation: Notation, derivations: list[Derivation]) -> Notation:
    """The notation with letters that no block uses, so that each means the same throughout the network."""
    names = [name for derivation in derivations for name in own_names(derivation, notation).values()]
    taken = {name.base for name in names}
    adjoint = first_free(notation.letters_adjoint, taken)
    value = first_free(notation.letters_value, taken | {adjoint})
    carry = first_free(notation.letters_carry, taken | {adjoint, value})
    above = {adjoint, carry} | ({value} if notation.net == "gate" else set())
    upstream = first_free(notation.letters_upstream, taken | above)
    return replace(
        notation, letters_adjoint=(adjoint,), letters_value=(value,), letters_carry=(carry,),
        letters_upstream=(upstream, *(letter for letter in notation.letters_upstream if letter != upstream)),
    )  # fmt: skip


# Symbols ---------------------------------------------------------------------------------------------------------


def _symbols(
    derivation: NetworkDerivation, writers: Mapping[str, Writer], names: NetworkNames, notation: Notation,
    language: Language,
) -> Iterator[Symbols]:  # fmt: skip
    network, phrases = derivation.network, language.phrases
    for name, argument in network.arguments.items():
        meaning = phrases["network_integer"] if argument.given == "integer" else ""
        yield _group("input", [(name, names.at(name))], network.inputs[name], names, notation, language, meaning)
    for block in network.blocks:
        yield from _of_block(block, writers[block.name], names, notation, language)
    read = {param for block in network.blocks for param in block.params.values()}
    for name in network.params:
        if name not in read:  # a table, an initial state that is learned
            yield _group("parameter", [(name, names.params[name])], network.params[name], names, notation, language)
    for name, unit in names.units.items():
        yield Symbols(
            "value", (names.reached(unit),), _show_shape((network.classes[name],), names, language),
            fill(phrases["network_unit"], number=t.Symbol(names.at(name))), (f"one_hot({name})",),
        )  # fmt: skip
    for step in network.steps:
        if isinstance(step, Wire) and step.name not in names.inner:
            shape = network.shapes[step.name]
            yield _group("value", [(step.name, names.at(step.name))], shape, names, notation, language,
                         phrases[f"wire_{step.way}"])  # fmt: skip
    if network.loss is not None:
        yield Symbols("output", (Name("L"),), (phrases["scalar"],), (phrases["network_loss_meaning"],), ("loss",))


def _of_block(
    block: Block, writer: Writer, names: NetworkNames, notation: Notation, language: Language
) -> Iterator[Symbols]:
    derivation, program = writer.derivation, writer.derivation.cell.program
    naming = name_block(block, writer, names).display.naming
    states = [state.new for state in program.states]
    values = [equation.name for equation in derivation.forward]
    groups = [
        ("state", states),
        ("output", [name for name in dict.fromkeys(program.outputs) if name not in states]),
        ("parameter", [name for name in program.params if not _given_before(block, name, names)]),
        ("value", [name for name in values if name not in states and name not in program.outputs]),
    ]
    for kind, members in groups:
        by_shape: dict[Shape, list[str]] = {}
        for name in members:
            by_shape.setdefault(derivation.variables[name].shape, []).append(name)
        for shape in sorted(by_shape, key=len, reverse=True):
            own = tuple(size.substituted(block.dims) for size in shape)
            named = [(_in_code(block, name), naming(name)) for name in by_shape[shape]]
            yield _group(kind, named, own, names, notation, language)


def _given_before(block: Block, name: str, names: NetworkNames) -> bool:
    """Whether a parameter of a block is another one's too, and stands with that."""
    return name in block.params and block.bearer != block.name


def _in_code(block: Block, name: str) -> str:
    return block.params.get(name) or block.outputs.get(name) or (f"{block.name}.{name}" if block.scanned else name)


def _group(
    kind: str, named: list[tuple[str, Name]], shape: Shape, names: NetworkNames, notation: Notation,
    language: Language, meaning: str = "",
) -> Symbols:  # fmt: skip
    word = meaning or language.phrases[kind if len(named) == 1 else f"{kind}s"]
    turned = shape[::-1] if notation.vectors == "row" else shape
    return Symbols(
        kind, tuple(name for _, name in named), _show_shape(turned, names, language), (word,),
        tuple(code for code, _ in named),
    )  # fmt: skip


def _show_shape(shape: Shape, names: NetworkNames, language: Language) -> Prose:
    """(n), (n⁽¹⁾ × m) or `scalar`"""
    if not shape:
        return (language.phrases["scalar"],)
    pieces: list[str | t.Tree] = ["("]
    for place, size in enumerate(map(names.size, shape)):
        many = len(shape) > 1 and len(size.names) + bool(size.constant) > 1
        pieces += [" × "] if place else []
        pieces += ["(", t.Extent(size), ")"] if many else [t.Extent(size)]
    return _as_prose([*pieces, ")"])


def _as_prose(pieces: list[str | t.Tree]) -> Prose:
    """Words beside each other as one."""
    found: list[str | t.Tree] = []
    for piece in pieces:
        last = found[-1] if found else None
        if isinstance(piece, str) and isinstance(last, str):
            found[-1] = last + piece
        else:
            found.append(piece)
    return tuple(found)


# The legend ------------------------------------------------------------------------------------------------------

_V = t.Symbol(Name("v"))


def _letters(
    derivation: NetworkDerivation, writers: Mapping[str, Writer], names: NetworkNames, language: Language
) -> Iterator[Legend]:
    """The letters that the derivation adds, the layers and the steps."""
    network, phrases = derivation.network, language.phrases
    naming = writers[network.blocks[0].name].display.naming
    value, *net = naming.general
    yield Legend(
        listed([value], language),
        fill(phrases["adjoint"], v=_V, gradient=t.Partial(t.Symbol(Name("L")), _V)),
    )
    if net:
        yield Legend(listed(net, language), fill(phrases["adjoint_net"], v=_V))
    yield Legend((t.Symbol(Name(names.upstream, of=Name("v"))),), fill(phrases["network_upstream"], v=_V))
    if network.outputs:
        yield Legend((t.Symbol(Name(names.outside, of=Name("v"))),), fill(phrases["network_outside"], v=_V))
    scans = [block for block in network.blocks if block.scanned and block.cell.program.states]
    if scans and writers[scans[0].name].notation.carries == "named":
        shown = name_block(scans[0], writers[scans[0].name], names)
        state = scans[0].cell.program.states[0]
        carry = shown.display.naming(shown.derivation.carries[state.name], "t")
        previous = t.Symbol(shown.display.naming(state.previous))
        yield Legend(listed([carry], language), fill(phrases["network_carry"], previous=previous))
    yield from _layers(network, names, language)
    yield from _steps(network, names, language)


def _layers(network: Network, names: NetworkNames, language: Language) -> Iterator[Legend]:
    """The layers: which cell runs in which direction, with whose parameters."""
    phrases = language.phrases
    for block in network.blocks:
        layer = names.layers[block.name]
        if layer:
            run = "network_reversed" if block.reverse else "network_layer"
            said = fill(phrases[run], name=Code(block.name), cell=Code(block.cell.name))
            if block.bearer != block.name:
                said = fill(phrases["network_shared"], layer=said, bearer=Code(block.bearer))
            yield Legend((t.Symbol(Name("v", layer=layer)),), said)


def _steps(network: Network, names: NetworkNames, language: Language) -> Iterator[Legend]:
    """The letters of the steps of each axis, and the rows of a matrix that are its steps."""
    phrases = language.phrases
    for axis, (step, last) in names.steps.items():
        if axis in {block.axis for block in network.blocks} and (axis, last) != ("T", "T"):
            signs = listed([t.Symbol(Name(step)), t.Symbol(Name(last))], language)
            yield Legend(signs, fill(phrases["network_axis"], axis=Code(axis)))
    for step in network.steps:
        if isinstance(step, Wire) and step.way == "rows":
            row = t.Symbol(replace(names.adjoint(step.name), time=NOW.written(*names.steps[step.axis])))
            whole = t.Symbol(names.adjoint(step.name))
            yield Legend((row,), fill(phrases["network_row"], whole=whole))
