"""Names, shapes and axes of a network: from a `Wiring` to a `Plan` of computed lines, scans and wires."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from types import MappingProxyType

from ...errors import CellError, Span
from ...sizes import Shape, Size, dimension_names
from ..infer import POOL
from ..nodes import Name
from ..program import Variable
from ..read import Line, Returned
from ..settled import free_names
from .items import EACH, FIXED, Scan, Wire, Wiring, has_steps
from .known import FindCell, leaves_of, targets_of
from .plan import Computed, Plan, Scanned, Step, Wired
from .scans import Scanning


def infer_network(wiring: Wiring, find_cell: FindCell) -> Plan:
    """The plan of a network; a clash is an error with both sides and where they came from."""
    return _Networks(wiring, find_cell).plan()


class _Networks(Scanning):
    """One pass over the items; holds what is known so far."""

    def plan(self) -> Plan:
        wiring = self.wiring
        self._check_sizes_said()
        self._name_versions()
        for argument in wiring.arguments:
            given = argument.given in ("constant",)
            self._declare(argument.name, argument.name, "input", "a constant" if given else "an input", argument.span)
            self.axes[argument.name] = EACH if argument.given == "lengths" else argument.axis
        written = {target for item in wiring.items for target in targets_of(item)}
        for item in wiring.items:
            for leaf in leaves_of(item):
                self._check_leaf(leaf, written)
                if leaf.id in self.classes and not (isinstance(item, Wire) and item.way in ("embed", "one_hot")):
                    raise self._no_number(leaf)
            match item:
                case Line():
                    self._compute(item)
                case Wire():
                    self._wire(item)
                case Scan(copies=None):
                    self._scan(item, [self._rename(name) for name in item.inputs])
                case Scan():
                    self._scan_heads(item)
        loss, outputs = self._return()
        self._check_annotations()
        return self._finish(loss, outputs)

    def _check_sizes_said(self) -> None:
        for name, said in self.definition.declared:
            if said.shape is not None and EACH in dimension_names(said.shape):
                raise self.source.error(
                    f"`{name}`: {EACH} is the number of sequences, and a size is the same for every one of them",
                    said.span,
                    mend="call the size otherwise; the sequences of a batch are no part of a network's text",
                )

    def _check_leaf(self, leaf: Name, written: set[str]) -> None:
        """Refuse what has no value yet, and lengths, which are led and not computed with."""
        if leaf.id not in self.current and leaf.id in written:
            raise self.source.error(
                f"`{leaf.id}` is used before it gets a value",
                leaf.span,
                mend="move its line up; what is remembered from the step before is a state of a cell: "
                "def step(x, h): …, and h = scan(step, x)",
            )
        if leaf.id in self.given and self.given[leaf.id].given == "lengths" and self.current[leaf.id] == leaf.id:
            raise self.source.error(
                f"`{leaf.id}` are lengths, and no numbers to compute with",
                leaf.span,
                mend="last(h), sum(h, over=time), mean(h, over=time) and scans take account of them by themselves",
            )

    def _no_number(self, leaf: Name) -> CellError:
        return self.source.error(
            f"`{leaf.id}` holds whole numbers that name classes, and is used as a value",
            leaf.span,
            facts=(f"{leaf.id}: {self.origins[leaf.id]}",),
            mend=f"write embed(E, {leaf.id}), one_hot({leaf.id}) or cross_entropy(z, {leaf.id}); "
            f"numbers to compute with are `{leaf.id}: scalar`",
        )

    # Lines and wires ----------------------------------------------------------------------------------------

    def _compute(self, line: Line) -> None:
        node = self._rename(line.node)
        self._shape(node)
        name = self.versions[line.target].pop(0)
        self._assign(line.target, name, node, line.span)
        self.axes[name] = self._axis(node, line.span)
        self.steps.append(Computed(self.assignments[-1], self.axes[name]))

    def _pick(self, wire: Wire) -> None:
        """What whole numbers pick: rows of a table, or unit vectors."""
        of = wire.of.id
        if of not in self.classes or self.current.get(of) != of:
            raise self.source.error(
                f"`{of}` does not hold whole numbers",
                wire.of.span,
                facts=self._leaf_facts([self._rename(wire.of)]),
                mend=f"make it an argument of the network, `{of}: integer` or `{of}: context(integer)`",
            )
        shape: Shape = (self.classes[of],)
        if wire.table is not None:
            table = self._rename(wire.table)
            assert isinstance(table, Name)
            if self.axes.get(table.id, FIXED) != FIXED or self.variables[table.id].role == "value":
                raise self.source.error(
                    f"the table `{wire.table.id}` is {self.origins[table.id]}",
                    wire.table.span,
                    mend="a table is a parameter, a name that is never assigned, or a constant",
                )
            row = self.solver.fresh()
            if not self.solver.unify_shapes(self.variables[table.id].shape, (*shape, row)):
                raise self.source.error(
                    f"the table `{wire.table.id}` is {self._show(self.variables[table.id].shape)}, "
                    f"and `{of}` counts in {self.solver.resolve(shape[0])} classes",
                    wire.span,
                    facts=self._leaf_facts([table]),
                    mend="a table has a row for each class: a matrix, such as `E: (K, n)`",
                )
            shape = (row,)
        axis = self.axes[of]
        name = self._value(wire.target, shape, axis, wire.span)
        self.steps.append(Wired(name, wire.way, of, axis, wire.span, wire.table and wire.table.id))

    def _wire(self, wire: Wire) -> None:
        if wire.way in ("embed", "one_hot"):
            return self._pick(wire)
        of = self._rename(wire.of)
        assert isinstance(of, Name)
        axis, shape = self.axes.get(of.id, FIXED), self.variables[of.id].shape
        if not has_steps(axis):
            raise self.source.error(
                f"`{wire.of.id}` has no steps",
                wire.span,
                facts=(f"{wire.of.id}: {self._kind(axis)}, {self.origins[of.id]}",),
                mend="use it as it is",
            )
        if wire.way == "rows":
            if len(shape) != 1:
                mend = "rows makes the vectors of all steps the rows of one matrix"
                raise self.source.error(f"`{wire.of.id}` is {self._show(shape)}", wire.span, mend=mend)
            shape = (Size.of(axis), *shape)
        onto = axis if wire.way in ("reverse", "shift") else EACH
        name = self._value(wire.target, shape, onto, wire.span)
        self.steps.append(Wired(name, wire.way, of.id, axis, wire.span))

    # The end of a network -----------------------------------------------------------------------------------

    def _return(self) -> tuple[str | None, dict[str, str]]:
        wiring = self.wiring
        first, *more = [self._check_rests(self._returned_value(item, wish="y"), item.span) for item in wiring.returned]
        scalar = not self.variables[first].shape
        if wiring.beside and not scalar:
            item = wiring.returned[0]
            raise self.source.error(
                f"a loss is one number, and this is {self._show(self.variables[first].shape)}",
                item.span,
                facts=self._leaf_facts([self._rename(item.node)]),
                mend="end it in one number a step, such as cross_entropy(z, y), squared_error(y, target) or sum(…); "
                "outputs alone are `return y, z`",
            )
        if not wiring.single or not scalar:
            if wiring.mean:
                facts = (f"what is returned is {self._show(self.variables[first].shape)}; a loss is one number a step",)
                mend = "leave `-> mean(…)` out, or return a loss, such as sum(square(…))"
                if not wiring.single and scalar:
                    facts = ("several values side by side are outputs",)
                    mend = "put the outputs that stand beside a loss in brackets: return loss, (y, z)"
                span = wiring.returned[0].span
                raise self.source.error("there is no loss to take the mean of", span, facts=facts, mend=mend)
            values = [first, *more]
            return None, {self._written(item, v): v for item, v in zip(wiring.returned, values, strict=True)}
        self._check_mean(first)
        beside = [self._check_rests(self._returned_value(item, wish="y"), item.span) for item in wiring.beside]
        return first, {self._written(item, v): v for item, v in zip(wiring.beside, beside, strict=True)}

    def _written(self, item: Returned, value: str) -> str:
        return item.node.id if isinstance(item.node, Name) else value

    def _returned_value(self, item: Returned, wish: str) -> str:
        self._check_returned(item)
        node = self._rename(item.node)
        if isinstance(node, Name) and self.variables[node.id].role == "value":
            return node.id
        if isinstance(node, Name):
            raise self.source.error(
                f"`{node.id}` is given to the network and returned as it is", item.span, mend="return what is computed"
            )
        shape = self._shape(node)
        return self._line("loss" if not shape else wish, node, item.span).id

    def _check_rests(self, value: str, span: Span) -> str:
        """Refuse to return what no input changes."""
        if self.axes[value] == FIXED:
            raise self.source.error(
                "this is made of parameters alone: it is the same at every step of every sequence",
                span,
                mend="add it to what is computed of the inputs, or leave it out",
            )
        return value

    def _check_mean(self, loss: str) -> None:
        known = [axis for axis in (self.axes[loss], EACH) if axis != FIXED]
        for axis in self.wiring.mean:
            if axis not in known:
                raise self.source.error(
                    f"the loss has no axis {axis} to take the mean over; it has {' and '.join(dict.fromkeys(known))}",
                    self.wiring.returned[0].span,
                    mend="name its axes behind ->: T for the steps, N for the sequences",
                )

    def _names(self, *, final: bool) -> dict[str, Size]:
        """A name for every size that is still unknown: a scan's own names for its sizes, m for the first input."""
        names: dict[str, Size] = {}
        resolved = {name: self.solver.resolve_shape(v.shape) for name, v in self.variables.items()}
        taken = {name for shape in resolved.values() for size in shape for name in size.names}

        def give(sizes: Iterable[Size], wishes: list[str]) -> None:
            free = free_names(wishes, taken)
            for size in sizes:
                for unknown in self.solver.resolve(size).names:
                    if unknown.startswith("?") and unknown not in names:
                        name = next(free)
                        taken.add(name)
                        names[unknown] = Size.of(name)

        def give_scans(dims: Callable[[Scanned], Iterable[str]]) -> None:
            for scanned in self.scans.values():
                for dim in dims(scanned):
                    give((scanned.dims[dim],), [f"{scanned.name}.{dim}"])

        give(self.classes.values(), ["K", *POOL])
        give_scans(lambda scanned: scanned.state_dims)
        inputs = [size for v in self.variables.values() if v.role == "input" for size in resolved[v.name]]
        give(inputs, ["m", *POOL])
        give_scans(lambda scanned: scanned.dims)
        if final:
            give((size for shape in resolved.values() for size in shape), [*POOL])
        return names

    def _finish(self, loss: str | None, outputs: dict[str, str]) -> Plan:
        settle = self._settled()
        variables = {name: replace(v, shape=settle.shape(v.shape)) for name, v in self.variables.items()}
        steps: list[Step] = []
        params: dict[str, Variable] = {}
        for step in self.steps:
            match step:
                case Computed():
                    steps.append(replace(step, line=replace(step.line, node=settle.node(step.line.node))))
                case Scanned():
                    dims = {dim: settle.size(size) for dim, size in step.dims.items()}
                    steps.append(replace(step, dims=MappingProxyType(dims)))
                    for param in step.cell.params:
                        name, shape = step.parameter(param), step.cell.variables[param].shape
                        own = tuple(size.substituted(dims) for size in shape)
                        params[name] = Variable(name, name, "parameter", own)
                case Wired():
                    steps.append(step)
        params |= {name: variables[name] for name in self.params}
        variables |= params
        constraints = self._constraints(settle, variables.values())
        axes = {argument.axis for argument in self.wiring.arguments}
        ordered = [size for name in (*self.definition.inputs, *params, *variables) for size in variables[name].shape]
        dims = dict.fromkeys(name for size in (*ordered, *constraints) for name in size.names if name not in axes)
        return Plan(
            self.wiring, MappingProxyType(variables), MappingProxyType(self.axes), tuple(steps), tuple(params),
            tuple(dims), constraints, loss, MappingProxyType(outputs),
            MappingProxyType({name: settle.size(size) for name, size in self.classes.items()}),
        )  # fmt: skip
