"""Other forwards that a person may have written: a cell's equations with one thing changed, by rules on operations.

No rule knows a cell. Most change one place of one equation: another activation or none, 1 − g for a gate g, a state's
old value for its new one, a summand or a factor left out, 1 more or less in a gate's net input, one gate tied to
another, a matrix transposed, a factor moved in or out of a product, a function on what is carried to the next step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType

from ..language import Program, Variable
from ..language.nodes import Apply, Assignment, Name, Node, Number, walk
from ..operations import OPERATIONS
from .cell_text import write_node


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """A program that differs from the cell's in one thing, and that thing in words. `rank` is 0 for what people often
    do, and 1 for the rest."""

    words: str
    program: Program
    rank: int = 0


Change = tuple[str, Node, int]
"""Words, the tree that takes a node's place, and the rank."""


def build_variants(program: Program) -> list[Variant]:
    """All variants, each once; what people do most often comes first."""
    rules: tuple[Callable[[Program], Iterator[Variant]], ...] = (
        _without_a_family,
        _changed_places,
        _complemented_gates,
        _tied_gates,
        _biased_gates,
        _carried,
        _other_function,
    )
    found: dict[object, Variant] = {}
    for rule in rules:
        for variant in filter(is_possible, rule(program)):
            lines = tuple((line.name, line.node) for line in variant.program.assignments)
            found.setdefault((lines, variant.program.states), variant)
    return sorted(found.values(), key=lambda variant: variant.rank)


# One place of one equation ---------------------------------------------------------------------------------------


def _changed_places(program: Program) -> Iterator[Variant]:
    for index, line in enumerate(program.assignments):
        places = list(_places(line.node))
        for path, node in places:
            for words, new, rank in _changes(program, index, node):
                if new != node:
                    yield _variant(program, index, _put(line.node, path, new), words, rank)


def _changes(program: Program, index: int, node: Node) -> Iterator[Change]:
    """What may stand in place of a node of the line with this index."""
    if isinstance(node, Name):
        yield from _other_time(program, index, node)
        yield from _transposed(program, node)
        return
    if not isinstance(node, Apply):
        return
    yield from _activations(node)
    yield from _left_out(node)
    yield from _moved(program, index, node)


_OFTEN = ("sigmoid", "relu", "elu")
_SIBLINGS = ("tanh", "sigmoid", "relu", "elu", "hard_sigmoid", "leaky_relu", "softplus", "silu", "gelu")


def _activations(node: Apply) -> Iterator[Change]:
    if node.operation not in _SIBLINGS:
        return
    yield f"without the {node.operation}", node.operands[0], 0
    for name in _SIBLINGS:
        if name != node.operation:
            rank = 0 if node.operation == "tanh" and name in _OFTEN else 1
            other = replace(node, operation=name, options=OPERATIONS[name].defaults)
            yield f"{name} in place of {node.operation}", other, rank


def _left_out(node: Apply) -> Iterator[Change]:
    """A summand or a factor dropped; what stays must have the shape of the whole."""
    if node.operation in ("add", "mul"):
        left, right = node.operands
        for gone, stays in ((right, left), (left, right)):
            if stays.shape == node.shape:
                what = "without" if node.operation == "add" else "without the factor"
                yield f"{what} {write_node(gone)}", stays, 0 if isinstance(gone, Name) else 1
    if node.operation == "sub" and node.operands[0].shape == node.shape:
        yield f"without {write_node(node.operands[1])}", node.operands[0], 1


def _other_time(program: Program, index: int, node: Name) -> Iterator[Change]:
    assigned = {line.name for line in program.assignments[:index]}
    for state in program.states:
        if node.id == state.previous and state.new in assigned:
            yield f"the new {state.name} in place of the one before the step", replace(node, id=state.new), 0
        if node.id == state.new:
            yield f"the {state.name} before the step in place of the new one", replace(node, id=state.previous), 0


def _transposed(program: Program, node: Name) -> Iterator[Change]:
    square = len(node.shape) == 2 and node.shape[0] == node.shape[1]
    if square and node.id in program.params:
        yield f"{node.id} transposed", Apply("transpose", (node,), (), node.span, node.shape), 1


def _moved(program: Program, index: int, node: Apply) -> Iterator[Change]:
    """A factor inside of a matrix product taken out of it, and one outside put in: reset before or after."""
    match node:
        case Apply(operation="matmul", operands=(matrix, Apply(operation="mul", operands=(a, b)))):
            for factor, rest in ((a, b), (b, a)):
                if factor.shape == node.shape and rest.shape == node.operands[1].shape:
                    inner = replace(node, operands=(matrix, rest))
                    words = f"{write_node(factor)} multiplies after the product with {write_node(matrix)}"
                    yield words, Apply("mul", (factor, inner), (), node.span, node.shape), 0
        case Apply(operation="mul", operands=(a, b)):
            for factor, rest in ((a, b), (b, a)):
                body = _definition(program, index, rest)
                if any(_is_product(summand) for summand in _summands(body)):
                    pushed = _pushed(body, factor, alone=False)
                    words = f"{write_node(factor)} multiplies before the product"
                    if pushed is not None:
                        yield words, pushed, 0
                    outside = _pushed(body, factor, alone=True)
                    if outside is not None:
                        yield f"{words}, and nothing else", outside, 0


def _definition(program: Program, index: int, node: Node) -> Node:
    """What a name of an earlier line stands for."""
    if isinstance(node, Name):
        for line in program.assignments[:index]:
            if line.name == node.id:
                return line.node
    return node


def _summands(node: Node) -> Iterator[Node]:
    if isinstance(node, Apply) and node.operation in ("add", "sub"):
        for operand in node.operands:
            yield from _summands(operand)
    else:
        yield node


def _is_product(node: Node) -> bool:
    return isinstance(node, Apply) and node.operation == "matmul"


def _pushed(node: Node, factor: Node, *, alone: bool) -> Node | None:
    """The sum with `factor` inside of its matrix products: on the vectors, and on the other summands unless `alone`."""
    match node:
        case Apply(operation="add" | "sub", operands=(left, right)):
            a, b = _pushed(left, factor, alone=alone), _pushed(right, factor, alone=alone)
            return None if a is None or b is None else replace(node, operands=(a, b))
        case Apply(operation="matmul", operands=(matrix, vector)) if vector.shape == factor.shape:
            return replace(node, operands=(matrix, Apply("mul", (factor, vector), (), node.span, vector.shape)))
        case Apply(operation="matmul"):
            return None
        case _:
            return node if alone else Apply("mul", (factor, node), (), node.span, factor.shape)


# Every equation at once ------------------------------------------------------------------------------------------


def _without_a_family(program: Program) -> Iterator[Variant]:
    """No biases, no peepholes: the summands of all gates that belong to parameters of one stem."""
    stems: dict[str, set[str]] = {}
    for name in program.params:
        stems.setdefault(name.rpartition("_")[0], set()).add(name)
    for members in stems.values():
        if len(members) > 1:
            lines = tuple(replace(line, node=_bare(line.node, members)) for line in program.assignments)
            if lines != program.assignments:
                names = ", ".join(name for name in program.params if name in members)
                yield Variant(f"without {names}", replace(program, assignments=lines))


def _bare(node: Node, members: set[str]) -> Node:
    """The tree without summands that are, or are multiplied by, one of the names."""
    match node:
        case Apply(operation="add", operands=(left, right)):
            for gone, stays in ((right, left), (left, right)):
                if _belongs(gone, members) and stays.shape == node.shape:
                    return _bare(stays, members)
    if isinstance(node, Apply):
        return replace(node, operands=tuple(_bare(operand, members) for operand in node.operands))
    return node


def _belongs(node: Node, members: set[str]) -> bool:
    if isinstance(node, Apply) and node.operation in ("mul", "matmul"):
        return any(_belongs(operand, members) for operand in node.operands)
    return isinstance(node, Name) and node.id in members


def _other_function(program: Program) -> Iterator[Variant]:
    """One activation for another wherever it stands, such as a hard sigmoid for all gates."""
    used = {n.operation for line in program.assignments for n in walk(line.node) if isinstance(n, Apply)}
    for old in _SIBLINGS:
        for new in _SIBLINGS:
            if old in used and new != old:
                lines = tuple(replace(line, node=_swapped(line.node, old, new)) for line in program.assignments)
                yield Variant(f"{new} in place of {old} everywhere", replace(program, assignments=lines), 1)


def _swapped(node: Node, old: str, new: str) -> Node:
    if not isinstance(node, Apply):
        return node
    node = replace(node, operands=tuple(_swapped(operand, old, new) for operand in node.operands))
    return replace(node, operation=new, options=OPERATIONS[new].defaults) if node.operation == old else node


# Whole equations -------------------------------------------------------------------------------------------------


def _gates(program: Program) -> list[tuple[int, Assignment]]:
    """The lines that are a sigmoid of something."""
    return [
        (k, line)
        for k, line in enumerate(program.assignments)
        if isinstance(line.node, Apply) and line.node.operation in ("sigmoid", "hard_sigmoid")
    ]


def _one_minus(node: Node) -> Node:
    one = Number(Fraction(1), node.span, ())
    return Apply("sub", (one, node), (), node.span, node.shape)


def _complemented_gates(program: Program) -> Iterator[Variant]:
    for index, line in _gates(program):
        yield _variant(program, index, _one_minus(line.node), f"1 − {line.name} in place of {line.name}")


def _tied_gates(program: Program) -> Iterator[Variant]:
    gates = _gates(program)
    for index, line in gates:
        for earlier, other in gates:
            if earlier < index and other.node.shape == line.node.shape:
                name = Name(other.name, line.span, other.node.shape)
                yield _variant(program, index, _one_minus(name), f"{line.name} tied to {other.name}")
        for later, other in gates:
            if later > index and other.node.shape == line.node.shape:
                # The later gate's equation stands in place of this one.
                yield _variant(program, index, _one_minus(other.node), f"{line.name} tied to {other.name}")


def _biased_gates(program: Program) -> Iterator[Variant]:
    for index, line in _gates(program):
        assert isinstance(line.node, Apply)
        net = line.node.operands[0]
        one = Number(Fraction(1), net.span, ())
        for operation, words in (("add", "added to"), ("sub", "subtracted from")):
            moved = Apply(operation, (net, one), (), net.span, net.shape)
            node = replace(line.node, operands=(moved,))
            yield _variant(program, index, node, f"1 {words} the net input of {line.name}")


def _carried(program: Program) -> Iterator[Variant]:
    """A state that is handed on through a function; everything else sees it as it was."""
    for position, state in enumerate(program.states):
        shape = program.variables[state.new].shape
        for operation in ("tanh", "sigmoid", "relu"):
            name = f"{state.new}_carried"
            if name in program.variables:
                continue
            span = program.assignments[-1].span
            value = Apply(operation, (Name(state.new, span, shape),), (), span, shape)
            states = list(program.states)
            states[position] = replace(state, new=name)
            variables = {**program.variables, name: Variable(name, name, "value", shape)}
            yield Variant(
                f"{operation}({state.name}) is handed on to the next step",
                replace(
                    program,
                    assignments=(*program.assignments, Assignment(name, value, span)),
                    states=tuple(states),
                    variables=MappingProxyType(variables),
                ),
            )


# Trees -----------------------------------------------------------------------------------------------------------

_Path = tuple[int, ...]


def _places(node: Node, path: _Path = ()) -> Iterator[tuple[_Path, Node]]:
    yield path, node
    if isinstance(node, Apply):
        for k, operand in enumerate(node.operands):
            yield from _places(operand, (*path, k))


def _put(node: Node, path: _Path, new: Node) -> Node:
    if not path:
        return new
    assert isinstance(node, Apply)
    operands = list(node.operands)
    operands[path[0]] = _put(operands[path[0]], path[1:], new)
    return replace(node, operands=tuple(operands))


def _variant(program: Program, index: int, node: Node, words: str, rank: int = 0) -> Variant:
    line = program.assignments[index]
    lines = list(program.assignments)
    lines[index] = replace(line, node=node)
    written = write_node(node)
    return Variant(f"{line.name} = {written}: {words}", replace(program, assignments=tuple(lines)), rank)


def is_possible(variant: Variant) -> bool:
    """Whether every name has a value where it is used."""
    program = variant.program
    known = {*program.params, *program.inputs, *(state.previous for state in program.states)}
    for line in program.assignments:
        if any(isinstance(leaf, Name) and leaf.id not in known for leaf in walk(line.node)):
            return False
        known.add(line.name)
    return True
