"""Blocks and wires: a network's plan cut so that every stretch of equations over one axis is a cell.

Consecutive lines over one axis become a cell without states; what it reads and gives are values of the network. Lines
of parameters alone belong to whoever reads them. With lengths, a scanned cell holds its states where a sequence has
ended: `h_held = where(keep > 0, h, h_prev)`, which is differentiated like any other line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal

from ..language import Program, Variable
from ..language.nodes import Apply, Assignment, Name, Node, walk
from ..language.wiring import EACH, FIXED, Computed, Plan, Scanned, Step, Way, Wired, has_steps
from ..sizes import Shape, Size, dimension_names
from .cell import Cell, build_program
from .masks import fresh, hidden, hide, hold, is_softmax


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A cell that runs over an axis (`N` for once a sequence), forwards or from the end.

    The mappings go from the cell's names to those of the network: `inputs` and `init` to the values that it reads (a
    state without an entry begins at zero), `outputs` and `finals` to those that it gives, `params` to parameters (or
    constants), `dims` to sizes. A block that was `scanned` has states; the others are stretches of equations.
    """

    name: str
    cell: Cell
    axis: str
    reverse: bool
    scanned: bool
    inputs: Mapping[str, str]
    init: Mapping[str, str]
    outputs: Mapping[str, str]
    finals: Mapping[str, str]
    params: Mapping[str, str]
    dims: Mapping[str, Size]

    @property
    def bearer(self) -> str:
        """The scan whose name the parameters have."""
        own, param = next(iter(self.params.items()), ("", ""))
        return param.removesuffix(f".{own}") if self.scanned and param else self.name

    def dims_at(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """The cell's sizes, where the network has these."""
        return {dim: size.value(sizes) for dim, size in self.dims.items()}


@dataclass(frozen=True, slots=True)
class Wire:
    """The value `name` is the value `of`, led along, onto or off the time axis `axis`: its last or first step, its
    steps turned round or moved on by one, their sum or mean, or all of them as the rows of a matrix. Of lengths,
    `steps` are 1 where a step counts and 0 behind, on the axis, and `places` the same as a vector. Of whole numbers,
    `embed` are the rows of the parameter `table`, `one_hot` unit vectors."""

    name: str
    way: Way | Literal["steps", "places"]
    of: str
    axis: str
    table: str | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """What cutting adds to the values of a plan: the masks that lengths make, the one among them that says which steps
    of a loss count, and the inputs that are zero where lengths or a mask (by input) say that they do not count."""

    axes: Mapping[str, str]
    shapes: Mapping[str, Shape]
    counted: str | None
    cleared: Mapping[str, str]


def cut(plan: Plan) -> tuple[tuple[Block | Wire, ...], Cut]:
    """The blocks and wires of a plan, in the order in which they are computed."""
    return _Cutting(plan).run()


Masks = dict[str, tuple[str, Literal["steps", "places"]]]
"""The axis and the kind of a mask, by the input of a cell that it is."""


class _Cutting:
    """The steps that were made so far, and the lines that wait to become a block."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.made: list[Block | Wire] = []
        self.waiting: list[Computed] = []
        self.fixed = {s.line.name: s.line for s in plan.steps if isinstance(s, Computed) and s.axis == FIXED}
        self.lengths = {a.axis: a.name for a in plan.wiring.arguments if a.given == "lengths"}
        self.cells: dict[tuple[Any, ...], tuple[Cell, Masks]] = {}
        self.masks: dict[tuple[str, str], str] = {}
        self.axes: dict[str, str] = {}
        self.shapes: dict[str, Shape] = {}
        self.constants = {a.name for a in plan.wiring.arguments if a.given == "constant"}
        self.returned = {*plan.outputs.values(), *([plan.loss] if plan.loss else [])}

    def run(self) -> tuple[tuple[Block | Wire, ...], Cut]:
        for step in self.plan.steps:
            if isinstance(step, Computed):
                if step.axis == FIXED:
                    continue
                if self.waiting and self.waiting[0].axis != step.axis:
                    self._close()
                self.waiting.append(step)
                continue
            if self._reads(step) & {waiting.line.name for waiting in self.waiting}:
                self._close()
            self.made.append(self._wire(step) if isinstance(step, Wired) else self._scan(step))
        self._close()
        counted = self._counted()
        steps = self._live()
        return steps, Cut(self.axes, self.shapes, counted, self._cleared(steps, counted))

    def _reads(self, step: Step) -> set[str]:
        match step:
            case Wired():
                return {step.of}
            case Scanned():
                return {*step.inputs.values(), *step.init.values()}
            case Computed():
                return {leaf.id for leaf in self._leaves(step.line.node)}

    def _leaves(self, node: Node) -> Iterator[Name]:
        """The names in a tree, and in the lines of parameters that it speaks of."""
        for leaf in walk(node):
            if isinstance(leaf, Name):
                yield leaf
                if leaf.id in self.fixed:
                    yield from self._leaves(self.fixed[leaf.id].node)

    # Wires --------------------------------------------------------------------------------------------------

    def _wire(self, wired: Wired) -> Wire:
        return Wire(wired.name, wired.way, wired.of, wired.axis, wired.table)

    def _mask(self, axis: str, way: Literal["steps", "places"]) -> str:
        """The value that says which steps of an axis count."""
        if (axis, way) not in self.masks:
            taken = {*self.plan.variables, *self.axes}
            name = fresh(f"{'keep' if way == 'steps' else 'valid'}_{axis}", taken)
            self.masks[axis, way] = name
            self.axes[name] = axis if way == "steps" else EACH
            self.shapes[name] = () if way == "steps" else (Size.of(axis),)
            self.made.append(Wire(name, way, self.lengths[axis], axis))
        return self.masks[axis, way]

    def _counted(self) -> str | None:
        plan = self.plan
        if plan.loss is None or not has_steps(plan.axes[plan.loss]):
            return None
        axis = plan.axes[plan.loss]
        masks = [a.name for a in plan.wiring.arguments if a.given == "mask" and a.axis == axis]
        if axis in self.lengths:
            masks.append(self._mask(axis, "steps"))
        if len(masks) > 1:
            said = [a for a in plan.wiring.arguments if a.given in ("mask", "lengths") and a.axis == axis]
            facts = tuple(f"{a.name}: {'lengths' if a.given == 'lengths' else 'a mask'} over {axis}" for a in said)
            raise plan.wiring.source.error(
                "two arguments say which steps of the loss count", said[1].span, facts=facts, mend="keep one of the two"
            )
        return masks[0] if masks else None

    def _cleared(self, steps: tuple[Block | Wire, ...], counted: str | None) -> Mapping[str, str]:
        """What is never seen may be anything, even not a number, of which a zero gradient makes no zero: inputs behind
        the ends of sequences, and where a mask leaves steps of the loss out those that nothing but the loss reads."""
        given = [a for a in self.plan.wiring.arguments if a.given == "value"]
        cleared = {a.name: self.lengths[a.axis] for a in given if a.axis in self.lengths}
        loss = self.plan.loss
        if loss is None or counted not in {a.name for a in self.plan.wiring.arguments}:
            return MappingProxyType(cleared)
        elsewhere: set[str] = set()
        for step in steps:
            if isinstance(step, Wire):
                elsewhere.add(step.of)
            elif loss in step.outputs.values():
                others = [own for own, value in step.outputs.items() if value != loss]
                elsewhere |= {
                    leaf.id
                    for line in _needed(list(step.cell.program.assignments), others)
                    for leaf in walk(line.node)
                    if isinstance(leaf, Name)
                }
            else:
                elsewhere |= {*step.inputs.values()}
        unread = {a.name for a in given if a.axis == self.plan.axes[loss] and a.name not in elsewhere}
        return MappingProxyType(cleared | {name: counted for name in unread if counted})

    # Scans --------------------------------------------------------------------------------------------------

    def _scan(self, scanned: Scanned) -> Block:
        attended = {
            dim: axis for dim, size in scanned.dims.items() for axis in self.lengths if size == Size.of(axis)
        }  # fmt: skip
        cell, masks = self._cell_of(scanned, attended)
        inputs = dict(scanned.inputs)
        for name, (axis, way) in masks.items():
            inputs[name] = self._mask(axis, way)
        names = self._final_names(scanned)
        return Block(
            scanned.name, cell, scanned.axis, scanned.reverse, True, MappingProxyType(inputs),
            scanned.init, MappingProxyType(dict(scanned.outputs)),
            names, MappingProxyType({name: scanned.parameter(name) for name in cell.params}), scanned.dims,
        )  # fmt: skip

    def _cell_of(self, scanned: Scanned, attended: Mapping[str, str]) -> tuple[Cell, Masks]:
        """The cell of a scan, once for all scans of it, and its inputs that are masks: which steps count along the axis
        that it runs over, and which places along one that it attends to (the axis, by the cell's own size)."""
        program, held = scanned.cell, scanned.axis in self.lengths
        key = (id(program), scanned.axis if held else "", *sorted(attended.items()))
        if key not in self.cells:
            masks: Masks = {}
            for dim, axis in attended.items():
                program, valid = hide(program, dim)
                masks |= {valid: (axis, "places")} if valid else {}
            if held:
                program, keep = hold(program)
                masks[keep] = scanned.axis, "steps"
            self.cells[key] = build_program(program), masks
        return self.cells[key]

    def _final_names(self, scanned: Scanned) -> Mapping[str, str]:
        for value in scanned.init.values():
            if value in self.fixed:
                raise self.plan.wiring.source.error(
                    f"the initial state `{value}` is made of parameters alone",
                    scanned.span,
                    mend="make the initial state itself a parameter: a name that is never assigned",
                )
        return scanned.finals

    # Stretches ----------------------------------------------------------------------------------------------

    def _close(self) -> None:
        """Make a cell of the lines that wait."""
        waiting, self.waiting = self.waiting, []
        own = {step.line.name for step in waiting}
        elsewhere = {name for step in self.plan.steps if not _among(step, waiting) for name in self._reads(step)}
        outputs = [step.line.name for step in waiting if step.line.name in elsewhere | self.returned]
        if not outputs:
            return
        lines = _needed([step.line for step in waiting], outputs)
        lines = [replace(line, node=self._masked(line.node)) for line in lines]
        read = dict.fromkeys(leaf.id for line in lines for leaf in self._leaves(line.node))
        fixed = [line for name, line in self.fixed.items() if name in read]
        made = own | {line.name for line in fixed}
        known = {**self.plan.variables, **{n: Variable(n, n, "input", shape) for n, shape in self.shapes.items()}}
        params = [n for n in read if known[n].role == "parameter" or n in self.constants]
        inputs = [n for n in read if n not in made and n not in params]
        cell, dims = self._cell([*fixed, *lines], inputs, outputs, params, known)
        self.made.append(
            Block(
                outputs[-1], cell, waiting[0].axis, False, False, _same(inputs), _same(()), _same(outputs), _same(()),
                _same(params), dims,
            )
        )  # fmt: skip

    def _masked(self, node: Node) -> Node:
        """The tree with scores hidden, before a softmax, at places behind a sequence's end."""
        over = {Size.of(axis): axis for axis in self.lengths}
        mentioned = [
            over[leaf.shape[-1]] for leaf in walk(node) if leaf.shape and leaf.shape[-1] in over and is_softmax(leaf)
        ]
        masks = {Size.of(axis): self._mask(axis, "places") for axis in mentioned}
        return hidden(node, masks, self.plan.wiring.source) if masks else node

    def _cell(
        self, lines: list[Assignment], inputs: list[str], outputs: list[str], params: list[str],
        known: Mapping[str, Variable],
    ) -> tuple[Cell, Mapping[str, Size]]:  # fmt: skip
        """The cell of a stretch; its sizes are named so that programs can name them too."""
        plan = self.plan
        names = [*inputs, *params, *(line.name for line in lines)]
        sizes = dimension_names(size for name in names for size in known[name].shape)
        own = {name: fresh(name.replace(".", "_"), {*known}) for name in sizes}
        dims = {new: Size.of(old) for old, new in own.items()}
        named = {old: Size.of(new) for old, new in own.items()}
        for size, name in _sums([known[name].shape for name in (*inputs, *params)]):
            whole = fresh("w", {*known, *dims})
            dims[whole] = size
            rest = size.substituted({name: Size.number(0)}).substituted(named)
            named = {old: new.substituted({own[name]: Size.of(whole) - rest}) for old, new in named.items()}

        def renamed(shape: Shape) -> Shape:
            return tuple(size.substituted(named) for size in shape)

        roles = dict.fromkeys(inputs, "input") | dict.fromkeys(params, "parameter")
        variables = {n: replace(known[n], role=roles.get(n, "value"), shape=renamed(known[n].shape)) for n in names}
        constraints = [need for need in plan.constraints if set(need.names) <= set(sizes)]
        kept = dimension_names(size for variable in variables.values() for size in variable.shape)
        program = Program(
            outputs[-1], "", tuple(inputs), (), tuple(outputs), tuple(params), MappingProxyType(variables),
            tuple(replace(line, node=_resized(line.node, renamed)) for line in lines),
            tuple(dim for dim in dims if dim in kept),
            renamed(tuple(constraints)), plan.wiring.source, plan.wiring.text,
        )  # fmt: skip
        return build_program(program), MappingProxyType({dim: size for dim, size in dims.items() if dim in kept})

    def _live(self) -> tuple[Block | Wire, ...]:
        """What the loss and the outputs rest on."""
        wanted = {*self.returned, *self.masks.values()}
        kept: list[Block | Wire] = []
        for step in reversed(self.made):
            gives = {step.name} if isinstance(step, Wire) else {*step.outputs.values(), *step.finals.values()}
            if gives & wanted:
                kept.append(step)
                wanted |= {step.of} if isinstance(step, Wire) else {*step.inputs.values(), *step.init.values()}
        return tuple(reversed(kept))


def _resized(node: Node, renamed: Callable[[Shape], Shape]) -> Node:
    """The tree with every size, of shapes and of options, as `renamed` says."""
    node = replace(node, shape=renamed(node.shape))
    if isinstance(node, Apply):
        options = tuple(
            replace(o, lower=o.lower and renamed((o.lower,))[0], upper=o.upper and renamed((o.upper,))[0],
                    index=o.index and renamed((o.index,))[0]) if not isinstance(o, Fraction) else o
            for o in node.options
        )  # fmt: skip
        operands = tuple(_resized(operand, renamed) for operand in node.operands)
        node = replace(node, operands=operands, options=options)
    return node


def _among(step: Step, lines: Iterable[Computed]) -> bool:
    return any(step is line for line in lines)


def _needed(lines: list[Assignment], outputs: Iterable[str]) -> list[Assignment]:
    """The lines that outputs rest on."""
    wanted = set(outputs)
    kept: list[Assignment] = []
    for line in reversed(lines):
        if line.name in wanted:
            kept.append(line)
            wanted |= {leaf.id for leaf in walk(line.node) if isinstance(leaf, Name)}
    return kept[::-1]


def _same(names: Iterable[str]) -> Mapping[str, str]:
    return MappingProxyType({name: name for name in names})


def _sums(shapes: Iterable[Shape]) -> Iterator[tuple[Size, str]]:
    """Sizes that arrays show as a sum alone, as after `last([f, b])`, each with a name in it: the sum is to have a name
    of its own, and that name is the sum less the rest."""
    shown = dict.fromkeys(size for shape in shapes for size in shape)
    known: set[str] = set()
    while True:
        before = len(known)
        for size in shown:
            left = [name for name in size.names if name not in known]
            known |= {*left} if len(left) == 1 else set()
        stuck = [
            (size, name) for size in shown for name, k in size.coefficients if k == 1 and name not in known
        ]  # fmt: skip
        if len(known) > before:
            continue
        if not stuck:
            return
        size, name = stuck[0]
        yield size, name
        known.add(name)
