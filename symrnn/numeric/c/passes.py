"""The bodies of the forward and the backward pass: one sequence at a time, one step at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from ...equations import Equation
from ...language import State
from ...sizes import Shape
from ..statement import Statement, Text, block, local, needed, piece, say
from .printer import call
from .scope import Scope
from .statements import Statements, define
from .storage import placed

T, N, STEP, WORK = local("T"), local("N"), local("t"), local("work")
READ, WRITTEN = "const real *", "real *"


@dataclass(frozen=True, slots=True)
class Pass:
    """The statements of a function's body, and how many numbers of work memory it takes."""

    body: list[Statement]
    work: sympy.Expr


def forward_pass(scope: Scope) -> Pass:
    """Outputs, final states and the tape."""
    storage, variables = scope.storage, scope.variables
    news = {state.new for state in scope.program.states}
    spare = [e for e in storage.forward if e.name not in storage.block and e.name not in storage.direct | news]
    statements = _statements(scope, spare)
    for equation in storage.forward:
        statements.equation(equation)
    step = statements.all()
    for name, argument in scope.outputs.items():
        if name not in storage.direct:
            step.append(_copy(scope, _at_step(scope, argument, name), scope.variable(name), variables[name].shape))
    for state in storage.moving:
        old, new = scope.variable(state.previous), scope.variable(state.new)
        step.append(_copy(scope, old, new, variables[state.new].shape))
    arrays = [
        *_inputs(scope),
        *(
            _array(scope, WRITTEN, n, _at_step(scope, scope.outputs[n], n))
            for n in scope.outputs
            if n in storage.direct
        ),
        *_tape(scope, {equation.name for equation in storage.forward}),
    ]
    step = needed([_sample(scope), *arrays], step) + step
    if storage.stride != 0:
        step.append(say("{} += {};", scope.step, scope.stride))
    body = [_start(scope, _before(scope, state), "initial", state) for state in scope.program.states]
    body.append(block("for (size_t t = 0; t < T; t++) {", [T], ["t"], step, "}"))
    for state in scope.program.states:
        target = _state(scope, "final", state)
        body.append(_copy(scope, target, _before(scope, state), variables[state.new].shape))
    tape = define(WRITTEN, scope.step.code, _sequence_block(scope))
    moving = {name: variables[name].shape for state in storage.moving for name in (state.previous, state.new)}
    return _whole(scope, needed([tape], body) + body, moving | _arrays_of(spare) | statements.temporaries)


def backward_pass(scope: Scope) -> Pass:
    """Gradients, from the last step to the first."""
    derivation, storage, variables = scope.derivation, scope.storage, scope.variables
    carries = derivation.carries
    spare = [e for e in storage.adjoints if e.kind != "carry"]
    statements = _statements(scope, spare)
    for equation in storage.adjoints:
        statements.equation(equation)
    arrays = [_sample(scope), *_inputs(scope), *_tape(scope, set())]
    for output, upstream in derivation.upstream.items():
        arrays.append(_array(scope, READ, upstream, _at_step(scope, scope.d_outputs[output], upstream)))
    sums: list[Statement] = []
    # Those of one shape share a loop; no gradient reads another.
    shapes = [equation.shape for equation in derivation.gradients]
    for equation in sorted(storage.gradients, key=lambda equation: shapes.index(equation.shape)):
        of = variables[variables[equation.name].written]
        if of.role == "input":
            arrays.append(_array(scope, WRITTEN, equation.name, _at_step(scope, scope.d_inputs[of.name], of.name)))
            statements.equation(equation)
        else:
            sums.append(_array(scope, WRITTEN, equation.name, _member("d_params", scope.names[of.name])))
            if equation.expr != 0:
                statements.equation(equation, add=True)
    step = statements.all()
    step = needed(arrays, step) + step
    place = _sequence_block(scope)
    if storage.stride != 0:
        place = piece("{} + {} * {}", place, STEP, scope.stride)
    step = needed([define(READ, scope.step.code, place)], step) + step
    states = scope.program.states
    body = [_array(scope, WRITTEN, carries[state.name], _state(scope, "d_initial", state)) for state in states]
    body += [_start(scope, scope.variable(carries[state.name]), "d_final", state) for state in states]
    body.append(block("for (size_t t = T; t-- > 0;) {", [T], ["t"], step, "}"))
    clear = [
        say("{};", call("clear", _member("d_params", scope.names[name]), scope.sizes.entries(shape)))
        for name, shape in scope.cell.params.items()
    ]
    return _whole(scope, body, _arrays_of(spare) | statements.temporaries, clear, sums)


def _whole(
    scope: Scope,
    body: list[Statement],
    work: Mapping[str, Shape],
    first: list[Statement] | None = None,
    sums: list[Statement] | None = None,
) -> Pass:
    """A function's body: what it unpacks, what is done first, and the loop over the sequences."""
    s = scope.sequence.code
    loop = block(f"for (size_t {s} = 0; {s} < N; {s}++) {{", [N], [s], body, "}")
    offsets, size = placed(work)
    arrays = [
        *(_array(scope, READ, name, _member("params", scope.names[name])) for name in scope.cell.params),
        *(sums or []),
        *(_array(scope, WRITTEN, name, _plus(scope, WORK, offset)) for name, offset in offsets.items()),
        define("const size_t ", scope.stride.code, scope.sizes.count(scope.storage.stride)),
    ]
    return Pass([*needed(arrays, [loop]), *(first or []), Statement(""), loop], size)


def _statements(scope: Scope, spare: list[Equation]) -> Statements:
    """The builder for one function; a scalar that lives nowhere else is a local number."""
    locals = frozenset(equation.name for equation in spare if not equation.shape)
    return Statements(scope.printer(locals), scope.indices, scope.unique.inner().take)


# What is declared ----------------------------------------------------------------------------------------------


def _array(scope: Scope, kind: str, name: str, place: Text) -> Statement:
    return define(kind, scope.variable(name).code, place)


def _arrays_of(equations: list[Equation]) -> dict[str, Shape]:
    return {equation.name: equation.shape for equation in equations if equation.shape}


def _sample(scope: Scope) -> Statement:
    return define("const size_t ", scope.at.code, piece("{} * {} + {}", STEP, N, scope.sequence))


def _inputs(scope: Scope) -> list[Statement]:
    return [_array(scope, READ, name, _at_step(scope, scope.inputs[name], name)) for name in scope.cell.inputs]


def _tape(scope: Scope, written: set[str]) -> list[Statement]:
    """The values of a step's block, and the states in the block behind it."""
    storage = scope.storage
    arrays = [
        _array(scope, WRITTEN if name in written else READ, name, _plus(scope, scope.step, offset))
        for name, offset in storage.block.items()
    ]
    behind = piece("{} + {}", scope.step, scope.stride)
    for state in storage.taped:
        place = _plus(scope, behind, storage.block[state.previous])
        arrays.append(_array(scope, WRITTEN if written else READ, state.new, place))
    return arrays


# Places --------------------------------------------------------------------------------------------------------


def _member(struct: str, field: str) -> Text:
    return piece("{}->{}", local(struct), field)


def _at_step(scope: Scope, argument: str, name: str) -> Text:
    """The part of an input, an output or a gradient that belongs to a step of a sequence."""
    return scope.offset(local(argument), scope.at, scope.variables[name].shape)


def _state(scope: Scope, struct: str, state: State) -> Text:
    """A sequence's part of a state, or of its gradient, that the caller holds."""
    return scope.offset(_member(struct, scope.fields[state.name]), scope.sequence, scope.variables[state.new].shape)


def _before(scope: Scope, state: State) -> Text:
    """Where a state is between two steps: in the tape's next block, or in the work memory."""
    if state in scope.storage.taped:
        return _plus(scope, scope.step, scope.storage.block[state.previous])
    return scope.variable(state.previous)


def _sequence_block(scope: Scope) -> Text:
    """Where the tape of a sequence begins."""
    room = piece("{} * {}", T, scope.stride)
    room = room if scope.storage.final == 0 else piece("{} + {}", room, scope.sizes.count(scope.storage.final))
    return piece("{} + {} * ({})", local("tape"), scope.sequence, room)


def _plus(scope: Scope, base: Text, offset: sympy.Expr) -> Text:
    if offset == 0:
        return base
    # A pointer never moves below its array on the way, so what is subtracted is subtracted first.
    subtracts = any(k < 0 for k in sympy.expand(offset).as_coefficients_dict().values())
    return piece("{} + ({})" if subtracts else "{} + {}", base, scope.sizes.count(offset))


# Copies --------------------------------------------------------------------------------------------------------


def _copy(scope: Scope, target: Text, source: Text, shape: Shape) -> Statement:
    return say("{};", call("copy", target, source, scope.sizes.entries(shape)))


def _start(scope: Scope, target: Text, source: str, state: State) -> Statement:
    """A state's (or its gradient's) value at the end of time where a pass starts: what is given, or zero."""
    shape = scope.variables[state.new].shape
    copy = call("copy", target, _state(scope, source, state), scope.sizes.entries(shape))
    clear = call("clear", target, scope.sizes.entries(shape))
    return say("if ({} != NULL) {};\nelse {};", local(source), copy, clear)
