"""What is known of a network's values while it is read: names, shapes, axes, and how they are told of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ...errors import Span
from ...sizes import Shape
from ..infer import Inference
from ..nodes import Assignment, Name, Node, walk
from ..program import Program, Variable
from ..read import Definition, Line
from .items import EACH, FIXED, Item, Scan, Wire, Wiring, has_steps
from .plan import Computed, Scanned, Step

FindCell = Callable[[str, Span], Program]
"""The cell that a scan names; raises at the place where it is named."""


class Known(Inference):
    """The lines of a network are read as those of a cell are, by one inference over one set of sizes."""

    def __init__(self, wiring: Wiring, find_cell: FindCell) -> None:
        names = tuple(argument.name for argument in wiring.arguments)
        declared = tuple((a.name, a.declared) for a in wiring.arguments if a.declared is not None) + wiring.declared
        lines = tuple(item for item in wiring.items if isinstance(item, Line))
        spans = tuple(argument.span for argument in wiring.arguments)
        super().__init__(
            Definition(
                wiring.name, wiring.doc, names, (), spans, declared, lines, wiring.returned, (),
                wiring.source, wiring.span, wiring.text,
            )
        )  # fmt: skip
        self.wiring = wiring
        self.given = {argument.name: argument for argument in wiring.arguments}
        self.find_cell = find_cell
        self.axes: dict[str, str] = {}
        self.steps: list[Step] = []
        self.scans: dict[str, Scanned] = {}
        self.heads: dict[str, int] = {}
        self.classes = {a.name: a.classes or self.solver.fresh() for a in wiring.arguments if a.given == "integer"}

    def _name_versions(self) -> None:
        """The last value of a name keeps it, earlier ones are numbered; of scans all are, as layers are."""
        wiring = self.wiring
        self.taken = {leaf.id for item in wiring.items for leaf in leaves_of(item)}
        self.taken |= {target for item in wiring.items for target in targets_of(item)}
        self.taken |= set(self.given)
        written = [(target, isinstance(item, Scan)) for item in wiring.items for target in targets_of(item)]
        times, scans = Counter(target for target, _ in written), Counter(target for target, scan in written if scan)
        seen, scanned = Counter[str](), Counter[str]()
        for target, scan in written:
            seen[target] += 1
            scanned[target] += scan
            last = seen[target] == times[target] and target not in self.given
            if scan and (scans[target] > 1 or not last):
                name = self._fresh_name(f"{target}{scanned[target]}")
            else:
                name = target if last else self._fresh_name(f"{target}_{seen[target] - scanned[target]}")
            self.versions.setdefault(target, []).append(name)

    def _value(self, written: str, shape: Shape, axis: str, span: Span) -> str:
        """A new value of a name, computed in the line of `span`."""
        name = self.versions[written].pop(0) if self.versions.get(written) else self._fresh_name(written)
        self._check_said(written, shape, span)
        self.variables[name] = Variable(name, written, "value", shape)
        self.origins[name] = f"computed in line {span.line}"
        self.current[written] = name
        self.axes[name] = axis
        return name

    def _check_said(self, written: str, shape: Shape, span: Span) -> None:
        """Refuse a wire or a scan that is not as it was annotated: `h: (n,) = scan(lstm, x)`."""
        said = self.declared.get(written)
        if said is None or written in self.given:
            return
        wanted = said.shape or tuple(self.solver.fresh() for _ in range(said.rank))
        if not self.solver.unify_shapes(wanted, shape):
            raise self.source.error(
                f"`{written}` is annotated as {self._show(wanted)} and its value is {self._show(shape)}",
                span,
                mend=f"change the annotation in line {said.span.line}",
            )

    def _line(self, wish: str, node: Node, span: Span) -> Name:
        """A line that nobody wrote."""
        shape = self._shape(node)
        name = self._value(wish, shape, self._axis(node, span), span)
        self.steps.append(Computed(Assignment(name, node, span), self.axes[name]))
        return Name(name, span)

    def _axis(self, node: Node, span: Span) -> str:
        """The axis on which an expression lives: the one time axis of what it mentions, if any."""
        leaves = [leaf.id for leaf in walk(node) if isinstance(leaf, Name)]
        axes = dict.fromkeys(self.axes.get(leaf, FIXED) for leaf in leaves)
        over = [axis for axis in axes if has_steps(axis)]
        if len(over) > 1:
            facts = tuple(
                f"{self.variables[leaf].written}: over {self.axes[leaf]}, {self.origins[leaf]}"
                for leaf in dict.fromkeys(leaves)
                if self.axes.get(leaf) in over
            )
            raise self.source.error(
                f"the steps of {over[0]} and of {over[1]} do not correspond",
                span,
                facts=facts,
                mend="bring one of them to one value a sequence: last(h), sum(h, over=time), mean(h, over=time), or "
                "rows(h) for all its steps as a matrix",
            )
        return over[0] if over else EACH if EACH in axes else FIXED

    def _kind(self, axis: str) -> str:
        return {EACH: "one value a sequence", FIXED: "one value for all"}.get(axis, f"over {axis}")


def targets_of(item: Item) -> tuple[str, ...]:
    return (*item.targets, *item.finals) if isinstance(item, Scan) else (item.target,)


def leaves_of(item: Item) -> list[Name]:
    match item:
        case Line():
            return [leaf for leaf in walk(item.node) if isinstance(leaf, Name)]
        case Wire():
            return [item.of, *([item.table] if item.table else [])]
        case Scan():
            return [*item.inputs, *item.init]
