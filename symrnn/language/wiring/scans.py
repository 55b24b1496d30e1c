"""Scans: a cell of its own sizes and parameters, run over the axis of its input.

The n of the scan `h1` is `h1.n`, as its parameter W_i is `h1.W_i`.
"""

from __future__ import annotations

from dataclasses import replace

from ...sizes import Shape, Slice
from ..nodes import Apply, Assignment, Name, Node
from ..program import Program, Variable
from .items import EACH, FIXED, Scan, has_steps
from .known import Known
from .plan import Computed, Scanned


class Scanning(Known):
    """Reads the lines that scan."""

    def _scan(self, scan: Scan, inputs: list[Node]) -> str:
        if scan.cell in self.current:
            raise self.source.error(
                f"`{scan.cell}` is a value here, and a scan begins with its cell",
                scan.cell_span,
                mend="write the cell first, then what it reads: scan(lstm, x)",
            )
        cell = self.find_cell(scan.cell, scan.cell_span)
        self._count(scan, cell, len(inputs))
        axis = self._scan_axis(scan, inputs)
        dims = {dim: self.solver.fresh() for dim in cell.dims}
        if bearer := scan.shares and self._shared(scan, cell):
            dims = dict(bearer.dims)

        def shape(variable: str) -> Shape:
            return tuple(size.substituted(dims) for size in cell.variables[variable].shape)

        for wanted, node in zip(cell.inputs, inputs, strict=True):
            assert isinstance(node, Name)
            self._fit(scan, node, shape(wanted), f"the input `{wanted}` of {cell.name}")
        init = {
            state.name: self._first(scan, given, state.name, shape(state.previous), cell)
            for state, given in zip(cell.states, scan.init, strict=False)
        }
        outputs = {
            output: self._value(target, shape(output), axis, scan.span)
            for target, output in zip(scan.targets, cell.outputs, strict=True)
        }
        name = next(iter(outputs.values()))
        finals = {
            state.name: self._value(target, shape(state.new), EACH, scan.span)
            for target, state in zip(scan.finals, cell.states, strict=False)
        }
        read = {wanted: node.id for wanted, node in zip(cell.inputs, inputs, strict=True) if isinstance(node, Name)}
        self.scans[name] = scanned = Scanned(
            name, bearer.bearer if bearer else name, cell, axis, scan.reverse, read, init, outputs, finals,
            dims, scan.span,
        )  # fmt: skip
        self.steps.append(scanned)
        self.constraints += [
            (need.substituted(dims), Apply("slice", tuple(inputs), span=scan.span)) for need in cell.constraints
        ]
        return name

    def _first(self, scan: Scan, given: Name, state: str, shape: Shape, cell: Program) -> str:
        """The value that a state begins with; a name that nothing has yet is a parameter."""
        if given.id not in self.current:
            self.declared.pop(given.id, None)
            self.variables[given.id] = Variable(given.id, given.id, "parameter", shape)
            self.origins[given.id] = f"a parameter, the first {state} of the scan in line {scan.span.line}"
            self.current[given.id] = given.id
            self.params.append(given.id)
        node = self._rename(given)
        assert isinstance(node, Name)
        if has_steps(self.axes.get(node.id, FIXED)):
            raise self.source.error(
                f"`{given.id}` has steps, and an initial state is one value a sequence",
                given.span,
                mend=f"write last({given.id}), or annotate it: `{given.id}: context`",
            )
        self._fit(scan, node, shape, f"the first {state} of {cell.name}")
        return node.id

    def _count(self, scan: Scan, cell: Program, inputs: int) -> None:
        """Refuse a scan that does not give or take what its cell has."""
        outputs, states = dict.fromkeys(cell.outputs), [state.name for state in cell.states]
        started, ended = ([f"{state}{mark}" for state in states] for mark in "0T")
        y = next(iter(outputs))
        for what, names, found, form in (
            ("input", list(cell.inputs), inputs, "scan({cell}, {list})"),
            ("output", list(outputs), len(scan.targets), "{tuple}, (…) = scan(…)" if states else "{tuple} = scan(…)"),
            ("initial state", started, len(scan.init) or len(states), "init={tuple}"),
            ("final state", ended, len(scan.finals) or len(states), "{y}, {tuple} = scan(…)"),
        ):
            if found != len(names):
                raise self.source.error(
                    f"{cell.name} has {len(names)} {what}{'s' * (len(names) != 1)}, "
                    f"and {found} {'is' if found == 1 else 'are'} here",
                    scan.span,
                    facts=(f"{what}s: {', '.join(names) or 'none'}",),
                    mend=f"leave the {what}s out"
                    if not names
                    else "give one for each: "
                    + form.format(cell=cell.name, y=y, list=", ".join(names), tuple=f"({', '.join(names)})"),
                )

    def _scan_axis(self, scan: Scan, inputs: list[Node]) -> str:
        whole = Apply("add", tuple(inputs), span=scan.span)
        axis = self._axis(whole, scan.span)
        if not has_steps(axis):
            raise self.source.error(
                "a scan runs over the steps of its input, and this input has none",
                scan.span,
                facts=tuple(
                    f"{self.variables[leaf.id].written}: {self._kind(self.axes.get(leaf.id, FIXED))}, "
                    f"{self.origins[leaf.id]}"
                    for leaf in inputs
                    if isinstance(leaf, Name)
                ),
                mend="scan a sequence; what is the same at every step may stand beside it as another input",
            )
        return axis

    def _shared(self, scan: Scan, cell: Program) -> Scanned:
        """The scan whose parameters this one uses."""
        known = self.scans.get(self.current.get(scan.shares or "", ""))
        if known is None:
            raise self.source.error(
                f"`{scan.shares}` is not the result of a scan before this line",
                scan.span,
                mend="name a scan: h1 = scan(lstm, x), then h2 = scan(lstm, y, params=h1)",
            )
        if known.cell.text != cell.text:
            raise self.source.error(
                f"`{scan.shares}` runs {known.cell.name} and this scan {cell.name}; parameters are of one cell",
                scan.span,
                mend=f"write scan({known.cell.name}, …, params={scan.shares}), or leave params= out",
            )
        return known

    def _fit(self, scan: Scan, node: Name, wanted: Shape, what: str) -> None:
        shape = self.variables[node.id].shape
        if not self.solver.unify_shapes(shape, wanted):
            raise self.source.error(
                f"{what} is {self._show(wanted)}, and `{self.variables[node.id].written}` is {self._show(shape)}",
                node.span,
                facts=self._leaf_facts([node]),
                mend=self._fitting(node, shape, wanted, what),
            )

    def _fitting(self, node: Name, shape: Shape, wanted: Shape, what: str) -> str:
        """How to make one thing fit where another is wanted."""
        argument = self.given.get(node.id)
        match len(shape), len(wanted):
            case 0, 1 if argument and argument.given == "integer":
                return f"look the whole numbers up: embed(E, {node.id})"
            case 0, _ if what.startswith("the first"):
                return "leave init= out: states begin at zero; a first state of one's own has the state's shape"
            case have, want if have != want and argument:
                return f"annotate it, `{node.id}: {('scalar', 'vector', 'matrix')[want]}`, or compute such a one of it"
            case _:
                return "make the sizes agree: a product such as W @ x changes a size"

    def _scan_heads(self, scan: Scan) -> None:
        """k copies, each over its slice of every input's features; their outputs side by side."""
        assert scan.copies is not None
        if scan.finals or scan.init or len(scan.targets) > 1:
            mend = f"write h = scan(heads({scan.cell}, {scan.copies}), x) without states"
            raise self.source.error("heads give one output", scan.span, mend=mend)
        if scan.shares and self.heads.get(scan.shares) != scan.copies:
            raise self.source.error(
                f"`{scan.shares}` is not the result of {scan.copies} heads before this line",
                scan.span,
                mend=f"share between as many heads: {scan.shares} = scan(heads({scan.cell}, {scan.copies}), x)",
            )
        parts: list[list[Node]] = [[] for _ in range(scan.copies)]
        for given in scan.inputs:
            node = self._rename(given)
            assert isinstance(node, Name)
            width = self.solver.fresh()
            whole = self.solver.resolve_shape(self.variables[node.id].shape)
            uneven = any(size.is_number and size.constant % scan.copies for size in whole)
            if uneven or not self.solver.unify_shapes(self.variables[node.id].shape, (width.scaled(scan.copies),)):
                raise self.source.error(
                    f"`{given.id}` is {self._show(self.variables[node.id].shape)}: no {scan.copies} equal parts",
                    given.span,
                    mend="heads take vectors whose size is a multiple of their number",
                )
            for k in range(scan.copies):
                part = Slice(width.scaled(k), width.scaled(k + 1))
                piece = Apply("slice", (node,), (part,), given.span)
                parts[k].append(self._line(f"{given.id}_head{k + 1}", piece, scan.span))
        heads: list[Node] = []
        for k, pieces in enumerate(parts):
            names = tuple(f"{target}_{k + 1}" for target in scan.targets)
            shares = f"{scan.shares}_{k + 1}" if scan.shares else None
            head = self._scan(replace(scan, targets=names, copies=None, shares=shares), pieces)
            heads.append(Name(head, scan.span))
        whole = Apply("concatenate", tuple(heads), span=scan.span)
        self._shape(whole)
        self.heads[scan.target] = scan.copies
        name = self._value(scan.target, self.shapes[id(whole)], self._axis(whole, scan.span), scan.span)
        self.steps.append(Computed(Assignment(name, whole, scan.span), self.axes[name]))
