"""A program written back as the text of a cell, so that a person can look at it and symrnn can read it again."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from ..language import Program
from ..language.nodes import Apply, Name, Node, Number, walk
from ..sizes import Slice

_SIGNS = {"add": ("+", 1), "sub": ("-", 1), "mul": ("*", 2), "div": ("/", 2), "matmul": ("@", 2)}
_COMPARED = {"greater": ">", "greater_equal": ">="}
_UNARY, _POWER, _WHOLE = 3, 4, 5


def write_node(node: Node) -> str:
    """An expression in the language of cells."""
    return _write(node)[0]


def _write(node: Node) -> tuple[str, int]:
    """The text, and how tightly its outermost operator binds."""
    match node:
        case Name(id=name):
            return name, _WHOLE
        case Number(value=value):
            text = _number(value)
            return text, _WHOLE if text.isdigit() else 0
        case Apply(operation=operation, operands=operands, options=options):
            return _write_operation(operation, operands, options)


def _write_operation(
    operation: str, operands: tuple[Node, ...], options: tuple[Fraction | Slice, ...]
) -> tuple[str, int]:
    if operation in _SIGNS:
        sign, binding = _SIGNS[operation]
        left, right = (_write(operand) for operand in operands)
        a = left[0] if left[1] >= binding else f"({left[0]})"
        b = right[0] if right[1] > binding else f"({right[0]})"
        # Of equal operators the right one keeps its parentheses; a + (b + c) would be another order of rounding.
        return f"{a} {sign} {b}", binding
    if operation in _COMPARED:
        left, right = (write_node(operand) for operand in operands)
        return f"{left} {_COMPARED[operation]} {right}", 0
    match operation:
        case "neg":
            text, binding = _write(operands[0])
            return f"-{text if binding >= _UNARY else f'({text})'}", _UNARY
        case "pow":
            text, binding = _write(operands[0])
            exponent = _number(options[0]) if isinstance(options[0], Fraction) else "1"
            base = text if binding >= _WHOLE else f"({text})"
            return f"{base} ** {exponent if exponent.isdigit() else f'({exponent})'}", _POWER
        case "transpose":
            text, binding = _write(operands[0])
            return f"{text if binding >= _WHOLE else f'({text})'}.T", _WHOLE
        case "concatenate":
            return f"[{', '.join(map(write_node, operands))}]", _WHOLE
        case "slice":
            text, binding = _write(operands[0])
            axes = ", ".join(_slice(axis) for axis in options if isinstance(axis, Slice))
            return f"{text if binding >= _WHOLE else f'({text})'}[{axes}]", _WHOLE
        case _:
            words = [*map(write_node, operands), *(_number(o) for o in options if isinstance(o, Fraction))]
            return f"{operation}({', '.join(words)})", _WHOLE


def _number(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    decimal = repr(float(value))
    return decimal if Fraction(decimal) == value else f"{value.numerator} / {value.denominator}"


def _slice(axis: Slice) -> str:
    if axis.index is not None:
        return str(axis.index)
    return f"{'' if axis.lower is None else axis.lower}:{'' if axis.upper is None else axis.upper}"


def write_cell(program: Program) -> str:
    """The whole cell. A state's value before the step goes by the state's name while that has no new one."""
    program = _undotted(program)
    kept, names = _kept_states(program)

    def renamed(node: Node) -> Node:
        if isinstance(node, Name):
            return replace(node, id=names.get(node.id, node.id))
        if isinstance(node, Apply):
            return replace(node, operands=tuple(map(renamed, node.operands)))
        return node

    # A variant may have lost a parameter, and an annotation of what is not there is an error.
    used = {leaf.id for line in program.assignments for leaf in walk(line.node) if isinstance(leaf, Name)}
    states = [state.name for state in program.states]
    inputs = ", ".join(program.inputs) + (", /" if len(program.inputs) > 1 else "")
    ranks = [
        f"    {name}: {('scalar', 'vector', 'matrix')[len(program.variables[name].shape)]}"
        for name in (*program.inputs, *states, *(name for name in program.params if name in used))
        if _needs_annotation(name, len(program.variables[_previous(program, name)].shape))
    ]
    lines = [f"    {line.name} = {write_node(renamed(line.node))}" for line in program.assignments]
    head = f"def {program.name}({', '.join([inputs, *states])}):"
    return "\n".join([head, *ranks, *kept, *lines, f"    return {_returned(program)}", ""])


def _undotted(program: Program) -> Program:
    """The program with names that a text can have for what belongs to parts and families: h1_W for `h1.W`."""
    flat: dict[str, str] = {}
    for name in program.variables:
        if "." in name:
            wish = name.replace(".", "_")
            while wish in program.variables or wish in flat.values():
                wish += "_"
            flat[name] = wish
    if not flat:
        return program

    def renamed(node: Node) -> Node:
        if isinstance(node, Name):
            return replace(node, id=flat.get(node.id, node.id))
        if isinstance(node, Apply):
            return replace(node, operands=tuple(map(renamed, node.operands)))
        return node

    return replace(
        program,
        params=tuple(flat.get(name, name) for name in program.params),
        variables={flat.get(name, name): variable for name, variable in program.variables.items()},
        assignments=tuple(
            replace(line, name=flat.get(line.name, line.name), node=renamed(line.node)) for line in program.assignments
        ),
    )


def _kept_states(program: Program) -> tuple[list[str], dict[str, str]]:
    """The lines that keep states for later which get a new value too early, and how each value before the step is
    called."""
    kept: list[str] = []
    names: dict[str, str] = {}
    for state in program.states:
        # From here on the state's name means something else: its new value, or what a variant makes that from.
        news = [k for k, line in enumerate(program.assignments) if line.name in (state.new, state.name)]
        after = program.assignments[(news[0] + 1 if news else 0) :]
        late = any(isinstance(leaf, Name) and leaf.id == state.previous for line in after for leaf in walk(line.node))
        names[state.previous] = state.name
        if late and news:
            old = f"{state.name}_old"
            while old in program.variables:
                old += "_"
            kept.append(f"    {old} = {state.name}")
            names[state.previous] = old
    return kept, names


def _returned(program: Program) -> str:
    news = [state.new for state in program.states]
    outputs = ", ".join(program.outputs)
    if not news or list(program.outputs) == news[:1]:
        return ", ".join(news) or outputs
    several = outputs if len(program.outputs) == 1 else f"({outputs})"
    return f"{several}, ({''.join(f'{n}, ' for n in news).strip()})"


def _previous(program: Program, name: str) -> str:
    return next((state.previous for state in program.states if state.name == name), name)


def _needs_annotation(name: str, rank: int) -> bool:
    letter = next((letter for letter in name if letter != "_"), "")
    return rank != (2 if letter.isupper() else 1)
