"""Names and shapes: from a `Definition` to a `Program` by static single assignment and unification of sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType

from ..errors import CellError, Span
from ..operations.entry import ShapeClash
from ..operations.structured import slice_bounds, slice_index
from ..operations.table import OPERATIONS
from ..sizes import Shape, Size, Slice, Solver, dimension_names, rank_word, show_shape
from .nodes import Apply, Assignment, Name, Node, Number, own_name, walk
from .program import Program, State, Variable
from .read import Declared, Definition, Returned
from .settled import Settled, free_names

POOL = ("p", "q", "d", "k", "r", "s", "l", "u", "v", "w")


def infer(definition: Definition) -> Program:
    """The program of a definition; a clash is an error with the line, both shapes and where each came from."""
    return Inference(definition).run()


class Inference:
    """One pass over the lines; holds what is known so far."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.source = definition.source
        self.declared: dict[str, Declared] = dict(definition.declared)
        self.solver = Solver()
        self.variables: dict[str, Variable] = {}
        self.origins: dict[str, str] = {}
        self.params: list[str] = []
        self.assignments: list[Assignment] = []
        self.current: dict[str, str] = {}
        self.shapes: dict[int, Shape] = {}
        self.constraints: list[tuple[Size, Apply]] = []
        self.versions: dict[str, list[str]] = {}
        self.taken: set[str] = set()
        self.returned: dict[int, Node] = {}

    # Names --------------------------------------------------------------------------------------------------

    def run(self) -> Program:
        definition = self.definition
        self._plan_names()
        for name, span in zip(definition.inputs, definition.argument_spans, strict=False):
            self._declare(name, name, "input", "the input", span)
        previous: dict[str, str] = {}
        for name, span in zip(definition.states, definition.argument_spans[len(definition.inputs) :], strict=True):
            previous[name] = self._fresh_name(f"{name}_prev")
            self._declare(name, previous[name], "previous", "a state", span)
        written = {line.target for line in definition.lines}
        for line in definition.lines:
            self._check_order(line.node, written)
            node = self._rename(line.node)
            self._shape(node)
            self._assign(line.target, self.versions[line.target].pop(0), node, line.span)
        self._read_returned()
        states = self._finish_states(previous)
        outputs = self._finish_outputs(states)
        self._check_annotations()
        return self._build(states, outputs)

    def _plan_names(self) -> None:
        """Decide what each assignment is called: the last value of a name keeps it, earlier ones are numbered."""
        definition = self.definition
        self.taken = {node.id for line in definition.lines for node in walk(line.node) if isinstance(node, Name)}
        self.taken |= {line.target for line in definition.lines} | {*definition.inputs, *definition.states}
        for item in (*definition.outputs, *definition.finals):
            self.taken |= {node.id for node in walk(item.node) if isinstance(node, Name)}
        targets = [line.target for line in definition.lines]
        becomes: dict[str, str] = {}
        assigned = set(targets)
        for state, item in zip(definition.states, definition.finals, strict=True):
            new = item.node.id if isinstance(item.node, Name) else ""
            if new in assigned and state not in assigned and new not in becomes and new not in definition.states:
                becomes[new] = state
        for target, times in Counter(targets).items():
            earlier = [self._fresh_name(f"{target}_{k + 1}") for k in range(times - 1)]
            last = becomes.get(target, target)
            if target in definition.inputs:
                last = self._fresh_name(f"{target}_1")
            self.versions[target] = [*earlier, last]

    def _fresh_name(self, wish: str) -> str:
        while wish in self.taken:
            wish += "_"
        self.taken.add(wish)
        return wish

    def _declare(self, written: str, name: str, role: str, origin: str, span: Span) -> None:
        """A name that is given from outside: its rank comes from an annotation or from its first letter."""
        declaration = self.declared.get(written)
        if declaration is not None:
            shape = declaration.shape
            if shape is None:
                shape = tuple(self.solver.fresh() for _ in range(declaration.rank))
            origin = f"{origin}, annotated in {declaration.span}"
        else:
            upper = next((letter for letter in own_name(written) if letter != "_"), "").isupper()
            shape = tuple(self.solver.fresh() for _ in range(2 if upper else 1))
            origin = f"{origin}; {'upper case starts a matrix' if upper else 'lower case starts a vector'}"
        self.variables[name] = Variable(name, written, role, shape)  # type: ignore[arg-type]
        self.origins[name] = origin
        self.current[written] = name
        if role == "parameter":
            self.params.append(name)

    def _check_order(self, node: Node, written: set[str]) -> None:
        for leaf in walk(node):
            if isinstance(leaf, Name) and leaf.id not in self.current and leaf.id in written:
                raise self.source.error(
                    f"`{leaf.id}` is used before it gets a value",
                    leaf.span,
                    mend=f"move its line up; if it is remembered from the step before, make it a state: "
                    f"def {self.definition.name}(…, {leaf.id})",
                )

    def _rename(self, node: Node) -> Node:
        """The tree with every name replaced by the one value it stands for here; new names become parameters."""
        if isinstance(node, Name):
            if node.id not in self.current:
                origin = f"a parameter, first used in {node.span}"
                self._declare(node.id, node.id, "parameter", origin, node.span)
            return replace(node, id=self.current[node.id])
        if isinstance(node, Apply):
            return replace(node, operands=tuple(self._rename(operand) for operand in node.operands))
        return node

    def _assign(self, written: str, name: str, node: Node, span: Span) -> None:
        shape = self.shapes[id(node)]
        declaration = self.declared.get(written)
        if declaration is not None and written not in self.definition.inputs + self.definition.states:
            wanted = declaration.shape
            ranks_fit = declaration.rank == len(shape)
            if not ranks_fit or (wanted is not None and not self.solver.unify_shapes(wanted, shape)):
                words = self._show(wanted) if wanted is not None else rank_word(declaration.rank)
                raise self.source.error(
                    f"`{written}` is annotated as {words} and its value is {self._show(shape)}",
                    node.span,
                    facts=self._leaf_facts([node]),
                    mend=f"change the annotation in {declaration.span} or the expression",
                )
        self.variables[name] = Variable(name, written, "value", shape)
        self.origins[name] = f"computed in {span}"
        self.current[written] = name
        self.assignments.append(Assignment(name, node, span))

    # Shapes -------------------------------------------------------------------------------------------------

    def _shape(self, node: Node) -> Shape:
        match node:
            case Name(id=name):
                shape = self.variables[name].shape
            case Number():
                shape = ()
            case Apply():
                shapes = tuple(self._shape(operand) for operand in node.operands)
                try:
                    shape = OPERATIONS[node.operation].shape(self.solver, shapes, node.options)
                except ShapeClash as clash:
                    raise self._clash(node, shapes, clash) from None
                if node.operation == "slice":
                    self._note_bounds(node, shapes[0])
        self.shapes[id(node)] = shape
        return shape

    def _note_bounds(self, node: Apply, whole: Shape) -> None:
        """What must hold for a slice to lie inside; NumPy would cut it short in silence."""
        for bounds, size in zip(node.options, whole, strict=False):
            assert isinstance(bounds, Slice)
            self._check_sizes(node, bounds)
            if bounds.index is not None:
                index = slice_index(bounds.index, size)
                needs = [index, size - index - Size.number(1)]
            else:
                lower, upper = slice_bounds(bounds, size)
                needs = [lower, size - upper, upper - lower - Size.number(1)]
            self.constraints += [(need, node) for need in needs]

    def _check_sizes(self, node: Apply, bounds: Slice) -> None:
        named = {name for size in (bounds.lower, bounds.upper, bounds.index) if size for name in size.names}
        for name in (*self.definition.inputs, *self.definition.states):
            if name in named:
                raise self.source.error(
                    f"`{name}` is {self._show(self.variables[self.current[name]].shape)}, and a subscript is a size",
                    node.span,
                    mend="subscripts are made of integers and dimensions, such as x[0:k] or x[2*n:]",
                )

    def _beyond(self, node: Apply) -> CellError:
        return self.source.error(
            f"the slice reaches beyond the end in `{self.source.excerpt(node.span)}`",
            node.span,
            facts=self._leaf_facts([node]),
            mend="both bounds lie within the size; -1 is the last entry",
        )

    def _clash(self, node: Apply, shapes: tuple[Shape, ...], clash: ShapeClash) -> CellError:
        where = self.source.excerpt(node.span)
        sides = tuple(
            f"`{self.source.excerpt(operand.span)}` is {self._show(shape)}"
            for operand, shape in zip(node.operands, shapes, strict=True)
            if not isinstance(operand, Name)
        )
        return self.source.error(
            f"{clash.reason} in `{where}`",
            node.span,
            facts=sides + self._leaf_facts(node.operands),
            mend=clash.mend,
        )

    def _show(self, shape: Shape) -> str:
        named = tuple(size.substituted(self._names(final=False)) for size in self.solver.resolve_shape(shape))
        return rank_word(len(shape)) + (f" {show_shape(named)}" if shape else "")

    def _leaf_facts(self, nodes: list[Node] | tuple[Node, ...]) -> tuple[str, ...]:
        """Where the shapes came from: every name in the operands, its shape and its origin."""
        seen: dict[str, str] = {}
        for node in nodes:
            for leaf in walk(node):
                if isinstance(leaf, Name) and leaf.id not in seen and len(seen) < 6:
                    variable = self.variables[leaf.id]
                    seen[leaf.id] = f"{variable.written}: {self._show(variable.shape)}, {self.origins[leaf.id]}"
        return tuple(seen.values())

    # The end of a cell --------------------------------------------------------------------------------------

    def _read_returned(self) -> None:
        """Every returned expression with its names as they stand before the return: none sees what another assigns."""
        for item in (*self.definition.finals, *self.definition.outputs):
            if id(item) not in self.returned:
                self._check_returned(item)
                self.returned[id(item)] = self._rename(item.node)

    def _check_returned(self, item: Returned) -> None:
        if not isinstance(item.node, Name):
            return
        name = item.node.id
        known = self.current.get(name)
        if known is None or self.variables[known].role == "parameter":
            which = ": it is a parameter" if known else ""
            made = list(dict.fromkeys(self.variables[line.name].written for line in self.assignments))
            others = f", or return one of: {', '.join(made)}" if made and not known else ""
            raise self.source.error(
                f"`{name}` is returned and never given a value{which}",
                item.span,
                mend=f"add a line `{name} = …`{others}",
            )

    def _finish_states(self, previous: dict[str, str]) -> tuple[State, ...]:
        definition = self.definition
        states: list[State] = []
        used: set[str] = set()
        for state, item in zip(definition.states, definition.finals, strict=True):
            if self.returned[id(item)] == Name(previous[state], item.span):
                raise self.source.error(
                    f"the state `{state}` is never assigned: it would keep its first value for ever",
                    item.span,
                    mend=f"give it a new value, `{state} = …`, or take it out of the arguments and make it a parameter",
                )
            new = self._returned(item, state, used)
            used.add(new)
            self._unify_state(state, previous[state], new, item.span)
            states.append(State(state, previous[state], new))
        return tuple(states)

    def _unify_state(self, state: str, previous: str, new: str, span: Span) -> None:
        before, after = self.variables[previous].shape, self.variables[new].shape
        if self.solver.unify_shapes(before, after):
            return
        assigned = [line for line in self.assignments if line.name == new]
        annotate = (f"{state}: scalar", f"{state}: vector", f"{state}: matrix")[len(after)]
        mend = f"; if the new value is right, annotate the argument: `{annotate}`" if len(before) != len(after) else ""
        raise self.source.error(
            f"the state `{state}` is {self._show(before)} before the step and {self._show(after)} after it",
            assigned[0].span if assigned else span,
            facts=(f"before: {self.origins[previous]}", *self._leaf_facts([line.node for line in assigned])),
            mend=f"a state keeps its shape{mend}",
        )

    def _finish_outputs(self, states: tuple[State, ...]) -> tuple[str, ...]:
        definition = self.definition
        new = {id(item): state.new for item, state in zip(definition.finals, states, strict=True)}
        outputs: list[str] = []
        for item in definition.outputs:
            outputs.append(new[id(item)] if id(item) in new else self._returned(item, "y", set(outputs)))
        return tuple(outputs)

    def _returned(self, item: Returned, wish: str, used: set[str]) -> str:
        """The name of a returned value; an expression, or a name that stands for something else, gets a line."""
        node = self.returned[id(item)]
        if isinstance(node, Name) and self.variables[node.id].role == "value" and node.id not in used:
            return node.id
        self._shape(node)
        free = wish not in self.variables and wish not in (self.taken - set(self.definition.states))
        name = wish if free else self._fresh_name(f"{wish}_out")
        self.taken.add(name)
        self._assign(name, name, node, item.span)
        return name

    def _check_annotations(self) -> None:
        written = {variable.written for variable in self.variables.values()}
        for name, declaration in self.declared.items():
            if name not in written:
                raise self.source.error(
                    f"`{name}` is annotated and never used", declaration.span, mend="remove it or use it"
                )

    # Naming of sizes ----------------------------------------------------------------------------------------

    def _names(self, *, final: bool) -> dict[str, Size]:
        """A name for every size that is still unknown: `n` for the first state, `m` for the first input."""
        inputs = [v.shape for v in self.variables.values() if v.role == "input"]
        states = [v.shape for v in self.variables.values() if v.role == "previous"]
        rest = [v.shape for v in self.variables.values() if v.role not in ("input", "previous")] if final else []
        first = [shape[:1] for shape in states if shape][:1]
        taken = {name for v in self.variables.values() for s in self.solver.resolve_shape(v.shape) for name in s.names}
        names: dict[str, Size] = {}
        for wish, shapes in (("n", first), ("m", inputs), ("n", states), ("", rest)):
            wishes = [wish, *POOL] if wish else [*POOL]
            free = free_names(wishes, taken)
            unknowns = (name for shape in shapes for size in self.solver.resolve_shape(shape) for name in size.names)
            for unknown in unknowns:
                if unknown.startswith("?") and unknown not in names:
                    name = next(free)
                    taken.add(name)
                    names[unknown] = Size.of(name)
        return names

    def _build(self, states: tuple[State, ...], outputs: tuple[str, ...]) -> Program:
        settle = self._settled()
        variables = {name: replace(v, shape=settle.shape(v.shape)) for name, v in self.variables.items()}
        constraints = self._constraints(settle, variables.values())
        definition = self.definition
        ordered = [*definition.inputs, *(state.previous for state in states), *self.params]
        shapes = [variables[name].shape for name in (*ordered, *variables)]
        dims = dimension_names([*(size for shape in shapes for size in shape), *constraints])
        return Program(
            definition.name,
            definition.doc,
            definition.inputs,
            states,
            outputs,
            tuple(self.params),
            MappingProxyType(variables),
            tuple(replace(line, node=settle.node(line.node)) for line in self.assignments),
            dims,
            constraints,
            self.source,
            definition.text,
        )

    def _settled(self) -> Settled:
        """Every size by its final name; sizes that nothing decides are an error."""
        if self.solver.pending:
            left, right = (self.solver.resolve(size) for size in self.solver.pending[0])
            raise self.source.error(
                f"the sizes cannot be worked out: {left} = {right}".replace("?", "size_"),
                self.definition.span,
                mend="annotate the parameters' shapes",
            )
        return Settled(self.solver, self.shapes, self._names(final=True))

    def _constraints(self, settle: Settled, variables: Iterable[Variable]) -> tuple[Size, ...]:
        """What must not be negative, for slices to lie inside and sizes to be at least one."""
        constraints: dict[Size, None] = {}
        for need, node in self.constraints:
            size = settle.size(need)
            if size.is_number and size.constant < 0:
                raise self._beyond(node)
            if any(k < 0 for _, k in size.coefficients) or size.constant < 0:
                constraints.setdefault(size)
        for variable in variables:
            for size in variable.shape:
                if any(k < 0 for _, k in size.coefficients):
                    constraints.setdefault(size - Size.number(1))
        return tuple(constraints)
