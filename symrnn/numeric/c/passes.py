"""The bodies of the forward and the backward pass: one sequence at a time, one step at a time."""

from __future__ import annotations

import re
from dataclasses import dataclass

import sympy

from ...language import State
from ...sizes import Shape
from .scope import Scope
from .statements import Statements
from .storage import placed


@dataclass(frozen=True, slots=True)
class Pass:
    """The lines of a function's body, and how many numbers of work memory it takes."""

    body: list[str]
    work: sympy.Expr


def forward_pass(scope: Scope) -> Pass:
    """Outputs, final states and the tape."""
    storage, names, variables = scope.storage, scope.names, scope.variables
    news = {state.new for state in scope.program.states}
    spare = [e for e in storage.forward if e.name not in storage.block and e.name not in storage.direct | news]
    statements = Statements(
        scope.printer({e.name for e in spare if not e.shape}), scope.indices, scope.unique.inner().take
    )
    for equation in storage.forward:
        statements.equation(equation)
    work: dict[str, Shape] = {}
    for state in storage.moving:
        work |= {state.previous: variables[state.previous].shape, state.new: variables[state.new].shape}
    work |= {e.name: e.shape for e in spare if e.shape} | statements.temporaries
    step = statements.lines()
    for name, argument in scope.outputs.items():
        if name not in storage.direct:
            shape = variables[name].shape
            step.append(f"copy({scope.offset(argument, scope.at, shape)}, {names[name]}, {_count(scope, shape)});")
    for state in storage.moving:
        step.append(f"copy({names[state.previous]}, {names[state.new]}, {_count(scope, variables[state.new].shape)});")
    arrays = _inputs(scope)
    for name in scope.outputs:
        if name in storage.direct:
            place = scope.offset(scope.outputs[name], scope.at, variables[name].shape)
            arrays.append((f"real *{names[name]}", place))
    written = {equation.name for equation in storage.forward}
    for name, offset in storage.block.items():
        const = "" if name in written else "const "
        arrays.append((f"{const}real *{names[name]}", _plus(scope, scope.step, offset)))
    for state in storage.taped:
        offset = storage.block[state.previous]
        arrays.append((f"real *{names[state.new]}", _plus(scope, f"{scope.step} + {scope.stride}", offset)))
    step = [*_used([(f"const size_t {scope.at}", f"t * N + {scope.sequence}"), *arrays], step), *step]
    if storage.stride != 0:
        step.append(f"{scope.step} += {scope.stride};")
    before = [_start(scope, _before(scope, state), "initial", state) for state in scope.program.states]
    after: list[str] = []
    for state in scope.program.states:
        shape = variables[state.new].shape
        target = scope.offset(f"final->{scope.fields[state.name]}", scope.sequence, shape)
        after.append(f"copy({target}, {_before(scope, state)}, {_count(scope, shape)});")
    loop = ["for (size_t t = 0; t < T; t++) {", *_indented(step), "}"]
    tape = [(f"real *{scope.step}", f"tape + {_sequence_block(scope)}")]
    body = [*before, *loop, *after]
    return _whole(scope, [*_used(tape, body), *body], work, [])


def backward_pass(scope: Scope) -> Pass:
    """Gradients, from the last step to the first."""
    derivation, storage, names, variables = scope.derivation, scope.storage, scope.names, scope.variables
    carries = derivation.carries
    spare = [e for e in storage.adjoints if e.name not in set(carries.values())]
    statements = Statements(
        scope.printer({e.name for e in spare if not e.shape}), scope.indices, scope.unique.inner().take
    )
    for equation in storage.adjoints:
        statements.equation(equation)
    arrays = _inputs(scope)
    for name, offset in storage.block.items():
        arrays.append((f"const real *{names[name]}", _plus(scope, scope.step, offset)))
    for state in storage.taped:
        offset = storage.block[state.previous]
        arrays.append((f"const real *{names[state.new]}", _plus(scope, f"{scope.step} + {scope.stride}", offset)))
    for output, upstream in derivation.upstream.items():
        place = scope.offset(scope.d_outputs[output], scope.at, variables[upstream].shape)
        arrays.append((f"const real *{names[upstream]}", place))
    sums: list[tuple[str, str]] = []
    # Those of one shape share a loop; no gradient reads another.
    shapes = [equation.shape for equation in derivation.gradients]
    for equation in sorted(derivation.gradients, key=lambda equation: shapes.index(equation.shape)):
        of = variables[variables[equation.name].written]
        if of.role == "input":
            place = scope.offset(scope.d_inputs[of.name], scope.at, equation.shape)
            arrays.append((f"real *{names[equation.name]}", place))
            statements.equation(equation)
        elif of.role == "parameter":
            sums.append((f"real *{names[equation.name]}", f"d_params->{names[of.name]}"))
            if equation.expr != 0:
                statements.equation(equation, add=True)
    step = statements.lines()
    block = _sequence_block(scope) + (f" + t * {scope.stride}" if storage.stride != 0 else "")
    arrays.insert(0, (f"const size_t {scope.at}", f"t * N + {scope.sequence}"))
    step = [*_used(arrays, step), *step]
    step = [*_used([(f"const real *{scope.step}", f"tape + {block}")], step), *step]
    before: list[str] = []
    for state in scope.program.states:
        carry = names[carries[state.name]]
        target = scope.offset(f"d_initial->{scope.fields[state.name]}", scope.sequence, variables[state.new].shape)
        before.append(f"real *{carry} = {target};")
    before += [_start(scope, names[carries[state.name]], "d_final", state) for state in scope.program.states]
    body = [*before, "for (size_t t = T; t-- > 0;) {", *_indented(step), "}"]
    work = {e.name: e.shape for e in spare if e.shape} | statements.temporaries
    clear = [
        f"clear(d_params->{names[name]}, {_count(scope, shape)});" for name, shape in scope.cell.params.items()
    ]  # fmt: skip
    return _whole(scope, body, work, clear, sums)


def _whole(
    scope: Scope,
    body: list[str],
    work: dict[str, Shape],
    first: list[str],
    outer: list[tuple[str, str]] | None = None,
) -> Pass:
    """A function's body: what it unpacks, and the loop over the sequences."""
    names = scope.names
    offsets, size = placed(work)
    loop = [f"for (size_t {scope.sequence} = 0; {scope.sequence} < N; {scope.sequence}++) {{", *_indented(body), "}"]
    arrays = [(f"const real *{names[name]}", f"params->{names[name]}") for name in scope.cell.params]
    arrays += outer or []
    arrays += [(f"real *{names.get(name, name)}", _plus(scope, "work", offset)) for name, offset in offsets.items()]
    arrays.append((f"const size_t {scope.stride}", scope.sizes.count(scope.storage.stride)))
    return Pass([*_used(arrays, loop), *first, "", *loop], size)


def _inputs(scope: Scope) -> list[tuple[str, str]]:
    return [
        (f"const real *{scope.names[name]}", scope.offset(scope.inputs[name], scope.at, shape))
        for name, shape in scope.cell.inputs.items()
    ]


def _before(scope: Scope, state: State) -> str:
    """Where a state is between two steps: in the tape's next block, or in the work memory."""
    if state in scope.storage.taped:
        return _plus(scope, scope.step, scope.storage.block[state.previous])
    return scope.names[state.previous]


def _start(scope: Scope, target: str, source: str, state: State) -> str:
    """A state's (or its gradient's) value at the end of time where a pass starts: what is given, or zero."""
    shape = scope.variables[state.new].shape
    count = _count(scope, shape)
    given = scope.offset(f"{source}->{scope.fields[state.name]}", scope.sequence, shape)
    return f"if ({source} != NULL) copy({target}, {given}, {count});\nelse clear({target}, {count});"


def _sequence_block(scope: Scope) -> str:
    """Where the tape of a sequence begins."""
    final = scope.sizes.count(scope.storage.final)
    room = f"T * {scope.stride}" + (f" + {final}" if final != "0" else "")
    return f"{scope.sequence} * ({room})"


def _plus(scope: Scope, base: str, offset: sympy.Expr) -> str:
    return base if offset == 0 else f"{base} + {_bracketed(scope.sizes.count(offset))}"


def _bracketed(count: str) -> str:
    """A pointer never moves below its array on the way, so what is subtracted is subtracted first."""
    return f"({count})" if " - " in count else count


def _count(scope: Scope, shape: Shape) -> str:
    return scope.sizes.entries(shape)


def _used(declared: list[tuple[str, str]], lines: list[str]) -> list[str]:
    """Declarations of what some lines, or a later declaration, speak of."""
    spoken = words("\n".join(lines))
    kept: list[str] = []
    for name, value in reversed(declared):
        if re.split(r"[ *]", name)[-1] in spoken:
            kept.append(f"{name} = {value};")
            spoken |= words(value)
    return kept[::-1]


def words(text: str) -> set[str]:
    """The identifiers in a text, but for members of structs."""
    return set(re.findall(r"(?<!->)\b[A-Za-z_]\w*", text))


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for text in lines for line in text.split("\n")]
