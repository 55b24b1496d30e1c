"""A network's equations as its page has them: the number, the left side and the right side of each, by label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ...derivation import Derivation, NetworkDerivation
from ...equations import Block, Wire
from ...render.document import Writer
from ...render.languages import ENGLISH
from ...render.names import Naming
from ...render.networks.document import NetworkDocument, build_network_document, common_letters
from ...render.networks.names import name_block
from ...render.networks.sections import label_of
from ...render.notation import STANDARD
from ..formulas import PRINTER, Formulas


@dataclass(frozen=True, slots=True)
class Line:
    """An equation on a page."""

    number: int | None
    left: str
    right: str


@dataclass(frozen=True)
class Page:
    """The page of a derivation, and writers of other equations in its names."""

    derivation: NetworkDerivation

    @cached_property
    def document(self) -> NetworkDocument:
        return build_network_document(self.derivation)

    @cached_property
    def lines(self) -> Mapping[str, Line]:
        return {
            row.label: Line(row.number, PRINTER.flat(row.left), PRINTER.flat(row.right))
            for section in self.document.sections
            for row in section.rows
            if row.left is not None and row.right is not None
        }

    def line(self, *words: str) -> Line | None:
        """The line of an equation, by the first of some words for it that the page has."""
        labels = [label_of(self.derivation.network, word) for word in words]
        return next((self.lines[label] for label in labels if label in self.lines), None)

    def of_equation(self, block: Block, name: str) -> Line | None:
        """The line of a block's equation; a parameter that several read has one line of its own."""
        params = [param for own, param in block.params.items() if name == f"grad_{own}"]
        params += [param for state, param in block.init.items() if name == f"grad_{state}_0"]
        return self.line(f"{block.name}_{name}", *(f"grad_{param}" for param in params))

    def of_value(self, value: str) -> tuple[str, Line | None]:
        """What a value receives, ε or ∂L/∂x: the equation's name and its line. A wire without a name of its own hands
        it on."""
        names = [f"epsilon_{value}", f"grad_{value}"]
        for name in names:
            if line := self.line(name):
                return name, line
        wire = next((s for s in self.derivation.network.steps if isinstance(s, Wire) and s.name == value), None)
        return (names[0], None) if wire is None else self.of_value(wire.of)

    def with_block(self, block: str, own: Derivation) -> Page:
        """The page of the network in which one block has another derivation."""
        return Page(replace(self.derivation, derivations={**self.derivation.derivations, block: own}))

    def formulas(self, block: Block, folded: Derivation) -> Formulas:
        """Writes a block's equations, and bent ones, in the names that the network's page has for them."""
        alike = common_letters(STANDARD, list({id(d): d for d in self.derivation.derivations.values()}.values()))
        writer = name_block(block, Writer.of(folded, alike, ENGLISH), self.document.names)
        own, known = writer.display.naming, folded.variables
        # every name as the page has it, so that names of other moments can be put beside them
        names = {name: own(name) if name in known else base for name, base in own.names.items()}
        display = replace(writer.display, naming=Naming(names, own.general, own.dimensions))
        return Formulas(folded, display, block.reverse)
