"""A network's equations in one numbering: forward block by block, the loss, backward in reverse, all gradients.

What comes from above into a block is written out: ε of its output is the sum of ∂L/∂x of the blocks that read it. So
the gradients of inputs, which a cell's own page has, stand in the lines of those who receive them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import count

from ...derivation import NetworkDerivation
from ...equations import Block, Network, Wire
from ...language.wiring import EACH, Computed, Scanned, Wired
from .. import tree as t
from ..display import add
from ..document import Row, Section, Writer
from ..languages import Language
from ..names import Name, gradient_name
from ..notation import Notation
from ..printers import TextPrinter
from ..prose import Prose, equated, fill, listed, listed_code
from ..rows import set_in
from ..view import Shown
from .fitted import fit
from .loss import Loss, weigh
from .moments import NOW, Moment
from .names import NetworkNames, name_block
from .wires import Above, backward_table, backward_tree, forward_tree


def write_sections(
    derivation: NetworkDerivation, writers: Mapping[str, Writer], names: NetworkNames, notation: Notation,
    language: Language, *, steps: bool,
) -> tuple[Section, ...]:  # fmt: skip
    """All sections in the order of reading; with `steps` the first block of each cell is explained."""
    return _Sections(derivation, writers, names, notation, language, steps).run()


def label_of(network: Network, words: str) -> str:
    """What references call an equation of a network."""
    return f"{network.name}_{words}".replace("_", "-").replace(".", "-")


@dataclass(slots=True)
class _Sections:
    """The numbers that were given so far, and what each value has received."""

    derivation: NetworkDerivation
    writers: Mapping[str, Writer]
    names: NetworkNames
    notation: Notation
    language: Language
    steps: bool
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    labels: set[str] = field(default_factory=set[str])
    forward_numbers: dict[str, dict[int | None, int]] = field(default_factory=dict[str, dict[int | None, int]])
    received: dict[str, list[Above]] = field(default_factory=dict[str, list[Above]])

    def run(self) -> tuple[Section, ...]:
        forward = list(self._forward())
        loss = weigh(self.derivation.network, self.names)
        if loss is not None:
            forward.append(self._loss(loss))
        for value in self.derivation.network.outputs.values():
            self._receive(value, lambda now, value=value: t.Symbol(self.names.adjoint(value, now, outside=True)))
        backward = self._backward()
        gradients = self._gradients()
        return (*forward, *backward, gradients)

    # Rows ---------------------------------------------------------------------------------------------------

    def _row(self, left: t.Tree, right: t.Tree, label: str) -> Row:
        number = next(self.numbers)
        label = label_of(self.derivation.network, label)
        label = label if label.isascii() and label not in self.labels else f"{label}-{number}"
        self.labels.add(label)
        return Row(number, left, right, label=label)

    def _explained(self, block: Block) -> bool:
        """Whether the steps of a block are told: once for each cell."""
        own = self.derivation.derivations[block.name]
        first = next(b for b in self.derivation.network.blocks if self.derivation.derivations[b.name] is own)
        return self.steps and first is block

    def _cell_row(self, block: Block, writer: Writer, shown: Shown) -> Row:
        """An equation of a block's cell, with its number in the network."""
        made = writer.row(shown, steps=self._explained(block))
        assert made.left is not None
        assert made.right is not None
        row = self._row(made.left, self._fit(block, made.right), f"{block.name}_{shown.equation.name}")
        if shown.equation.kind == "forward":
            self.forward_numbers.setdefault(block.name, {})[shown.equation.number] = row.number or 0
        numbers = self.forward_numbers.get(block.name, {})
        steps = (
            replace(
                step,
                number=numbers.get(step.number),
                line=step.line and t.Equal(self._fit(block, step.line.left), self._fit(block, step.line.right)),
                sentence=tuple(p if isinstance(p, str) else self._fit(block, p) for p in step.sentence),
            )
            for step in made.steps
        )
        return replace(row, steps=tuple(steps))

    def _fit(self, block: Block, tree: t.Tree) -> t.Tree:
        steps = None if block.axis == EACH else self.names.steps[block.axis]
        return fit(tree, lambda size: self.names.size(size.substituted(block.dims)), steps)

    def _writer(self, block: Block, now: Moment = NOW) -> Writer:
        return name_block(block, self.writers[block.name], self.names, now)

    def _course(self, axis: str, *, turned: bool) -> tuple[str, str, str] | None:
        if axis == EACH:
            return None
        step, last = self.names.steps[axis]
        return (step, last, "1") if turned else (step, "1", last)

    def _section(self, key: str, block: Block, rows: list[Row], *words: Prose) -> Section:
        phrases = self.language.phrases
        part = phrases[f"network_{key}"]
        course = self._course(block.axis, turned=block.reverse != (key == "backward"))
        name = f"{block.name} ({block.cell.name})" if block.scanned else block.name
        heading = name + (phrases["network_course"].format(*course) if course else phrases["network_once"])
        title = phrases["network_title"].format(part=part, heading=heading)
        return Section(key, tuple(rows), title, heading, course, words, part)

    # Forward ------------------------------------------------------------------------------------------------

    def _forward(self) -> Iterator[Section]:
        network = self.derivation.network
        waiting: list[Row] = []
        lines: list[str] = []
        for step in network.steps:
            if isinstance(step, Wire):
                if step.name not in self.names.inner:
                    lines += self._lines(step)
                    right = self._turned(forward_tree(step, network, self.names))
                    waiting.append(self._row(t.Symbol(self.names.at(step.name)), right, step.name))
                continue
            writer = self._writer(step)
            rows = [*waiting, *self._beginning(step, writer)]
            rows += [self._cell_row(step, writer, shown) for shown in writer.forward]
            shown = dict.fromkeys([*lines, *self._lines(step)])
            yield self._section("forward", step, rows, listed_code(shown, self.language))
            waiting, lines = [], []
        if waiting:
            phrases = self.language.phrases
            heading, part = phrases["network_wires"], phrases["network_forward"]
            yield Section(
                "forward",
                tuple(waiting),
                phrases["network_title"].format(part=part, heading=heading),
                heading,
                part=part,
            )

    def _turned(self, tree: t.Tree) -> t.Tree:
        return set_in(self.notation, tree)

    def _lines(self, step: Block | Wire) -> Iterator[str]:
        """The lines of the text that a step stands for."""
        plan = self.derivation.network.plan
        made = {equation.name for equation in step.cell.equations} if isinstance(step, Block) else {step.name}
        scanned = isinstance(step, Block) and step.scanned
        for planned in plan.steps:
            match planned:
                case Scanned(name=name, span=span) if scanned and name == step.name:
                    yield plan.wiring.source.lines[span.line - 1].strip()
                case Wired(name=name, span=span) if name in made and isinstance(step, Wire):
                    yield plan.wiring.source.lines[span.line - 1].strip()
                case Computed(line=line) if line.name in made and not scanned:
                    yield plan.wiring.source.lines[line.span.line - 1].strip()
                case _:
                    pass

    def _beginning(self, block: Block, writer: Writer) -> Iterator[Row]:
        """Where the states of a block begin."""
        naming, zero = writer.display.naming, list[t.Tree]()
        for state in block.cell.program.states:
            first = t.Symbol(naming(state.previous, "0"))
            value = block.init.get(state.name)
            if value is None:
                zero.append(first)
            else:
                right = t.Symbol(self.names.params[value] if value in self.names.params else self.names.at(value))
                if _TEXT.flat(right) != _TEXT.flat(first):  # h_0 is h_0
                    yield self._row(first, right, f"{block.name}_{state.name}_0")
        if zero:
            yield Row(None, None, None, fill(self.language.phrases["network_zero"], states=equated(zero)))

    def _loss(self, loss: Loss) -> Section:
        network = self.derivation.network
        assert network.loss is not None
        self._receive(network.loss, lambda now: loss.share)
        row = self._row(t.Symbol(Name("L")), loss.total, "total")
        phrases = self.language.phrases
        words = fill(phrases[loss.words], value=t.Symbol(self.names.at(network.loss)), count=loss.count)
        title = phrases["network_loss"]
        return Section("forward", (row,), title, title, None, (words,), phrases["network_forward"])

    # Backward -----------------------------------------------------------------------------------------------

    def _receive(self, value: str, above: Above) -> None:
        self.received.setdefault(value, []).append(above)

    def _sum(self, value: str, now: Moment = NOW) -> t.Tree:
        """Everything that a value receives."""
        parts = [above(now) for above in self.received.get(value, [])]
        return add(parts) if parts else t.Number(_ZERO)

    def _backward(self) -> list[Section]:
        """Blocks in reverse. What a wire hands back stands with the block that reads it, which comes before."""
        network = self.derivation.network
        sections: list[Section] = []
        waiting: list[Row] = []
        for step in reversed(network.steps):
            if isinstance(step, Wire):
                rows = list(self._back(step))
                if sections:
                    sections[-1] = replace(sections[-1], rows=(*sections[-1].rows, *rows))
                else:
                    waiting += rows
                continue
            writer = self._writer(step)
            naming = writer.display.naming
            rows, waiting = waiting, []
            for name, value in step.outputs.items():
                upstream = t.Symbol(naming(writer.derivation.upstream[name]))
                rows.append(self._row(upstream, self._sum(value), f"epsilon_{value}"))
            rows += [*self._ending(step, writer), *self._truncated(step, writer)]
            rows += [self._cell_row(step, writer, shown) for shown in writer.view.backward]
            self._hand_down(step)
            opening: list[Prose] = [] if sections else [(self.language.phrases["network_above"],)]
            sections.append(self._section("backward", step, rows, *opening))
        return sections

    def _back(self, wire: Wire) -> Iterator[Row]:
        """What a wire hands back: under a name of its own, unless the wire has none or it is not differentiated."""
        network = self.derivation.network
        if wire.name not in self.received or not network.is_differentiable(wire.name):
            return
        if wire.table is not None:
            if wire.table in network.params:
                yield self._row(t.Symbol(self.names.adjoint(wire.name)), self._sum(wire.name), f"epsilon_{wire.name}")
                self._receive(wire.table, lambda now: self._turned(backward_table(wire, self.names)))
            return
        if not network.is_differentiable(wire.of):
            return
        above: Above
        if wire.name in self.names.inner:
            above = lambda now: self._sum(wire.name, now)  # noqa: E731
        else:
            yield self._row(t.Symbol(self.names.adjoint(wire.name)), self._sum(wire.name), f"epsilon_{wire.name}")
            above = lambda now: t.Symbol(self.names.adjoint(wire.name, now))  # noqa: E731
        rank = len(network.shapes[wire.of])
        self._receive(wire.of, lambda now: backward_tree(wire, network, self.names, above, rank, now))

    def _ending(self, block: Block, writer: Writer) -> Iterator[Row]:
        """What comes back into the last step: the gradients of final states that something reads."""
        naming, phrases = writer.display.naming, self.language.phrases
        zero, inline = list[t.Tree](), list[t.Tree]()
        for state in block.cell.program.states:
            value = block.finals.get(state.name)
            if self.notation.carries == "inline":
                last = t.Symbol(naming(state.new, "T"))
                inline.append(t.Equal(last, self._sum(value) if value in self.received else t.Number(_ZERO)))  # type: ignore[arg-type]
                continue
            carry = t.Symbol(naming(writer.derivation.carries[state.name], "T+1"))
            if value is not None and value in self.received:
                yield self._row(carry, self._sum(value), f"{block.name}_{state.name}_last")
            else:
                zero.append(carry)
        if inline:
            yield Row(None, None, None, fill(phrases["network_inline"], states=listed(inline, self.language)))
        if zero:
            yield Row(None, None, None, fill(phrases["network_unread"], carries=equated(zero)))

    def _truncated(self, block: Block, writer: Writer) -> Iterator[Row]:
        """Where windows of truncated backpropagation begin, and what is dropped there."""
        states = block.cell.program.states
        if self.derivation.truncation is None or not states:
            return
        naming, (k1, k2) = writer.display.naming, self.derivation.truncation
        begin, new = (f"e−{k - 1}" if k > 1 else "e" for k in (k2, k1))
        if self.notation.carries == "inline":
            states_before = [t.Symbol(naming(state.new).at(f"e-{k2}")) for state in states]
            stopped: list[t.Tree] = [t.Partial(t.Symbol(Name("L")), before) for before in states_before]
        else:
            stopped = [
                t.Symbol(naming(writer.derivation.carries[state.name]).at(begin.replace("−", "-"))) for state in states
            ]
        words = self.language.phrases["network_truncated"].format(
            first=k1, second=2 * k1, new=new, begin=begin, before=f"e−{k2}", stopped="{stopped}"
        )
        yield Row(None, None, None, fill(words, stopped=equated(stopped)))

    def _hand_down(self, block: Block) -> None:
        """What a block gives to those whose values it reads."""
        network = self.derivation.network
        writer = self.writers[block.name]
        for shown in writer.view.gradients:
            equation, written = shown.equation, writer.derivation.variables[shown.equation.name].written
            if equation.why == "input" and network.is_differentiable(block.inputs[written]):
                self._hand(block, block.inputs[written], shown)
            elif equation.why == "initial":
                state = next(s for s in block.cell.program.states if s.previous == written)
                value = block.init.get(state.name)
                if value is not None and (value in network.params or network.is_differentiable(value)):
                    self._receive(value, self._above(block, shown))

    def _hand(self, block: Block, value: str, shown: Shown) -> None:
        if not shown.equation.terms:
            return
        above = self._above(block, shown)
        if self.derivation.network.axes[value] == EACH and block.axis != EACH:
            # one value a sequence is read at every step
            self._receive(value, lambda now: t.TimeSum(above(NOW), *self.names.steps[block.axis]))
        else:
            self._receive(value, above)

    def _above(self, block: Block, shown: Shown) -> Above:
        def above(now: Moment) -> t.Tree:
            return self._fit(block, _right(self._writer(block, now).row(shown, steps=False, turned=False)))

        return above

    # Gradients ----------------------------------------------------------------------------------------------

    def _gradients(self) -> Section:
        network, phrases = self.derivation.network, self.language.phrases
        rows: list[Row] = []
        found: dict[str, list[tuple[Block, Writer, Shown]]] = {}
        for block in network.blocks:
            writer = self._writer(block)
            for shown in writer.view.gradients:
                if shown.equation.why == "parameter":
                    written = writer.derivation.variables[shown.equation.name].written
                    found.setdefault(block.params.get(written, f"{block.name}.{written}"), []).append(
                        (block, writer, shown)
                    )
        for name in network.params:
            uses = found.get(name, [])
            if len(uses) == 1 and name not in self.received:
                rows.append(self._cell_row(*uses[0]))
            elif uses or name in self.received:
                trees = [self._fit(block, _right(writer.row(shown, steps=False))) for block, writer, shown in uses]
                trees += [above(NOW) for above in self.received.get(name, [])]
                rows.append(self._row(self._gradient(name, self.names.params[name]), add(trees), f"grad_{name}"))
        for name, argument in network.arguments.items():
            if argument.given == "value":
                rows.append(self._row(self._gradient(name, self.names.at(name)), self._sum(name), f"grad_{name}"))
        title = phrases["network_gradients"]
        return Section("gradients", tuple(rows), title, title, None, ((phrases["network_sequences"],),), title)

    def _gradient(self, name: str, own: Name) -> t.Tree:
        return t.Symbol(gradient_name(own, self.notation))


_ZERO = Fraction(0)
_TEXT = TextPrinter()


def _right(row: Row) -> t.Tree:
    assert row.right is not None
    return row.right
