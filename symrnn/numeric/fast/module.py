"""The source of a fast module: helpers, `pack`, `forward`, `backward`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sympy

from ...derivation import Derivation
from ..parts import Core, dimension_statements, docstring, helper_sources, imports
from ..selfcheck import self_check
from ..statement import POWER, Statement, Text, block, indented, joined, let, local, piece, say, unmade
from .backward import backward_body
from .context import Context, make_context, note_of
from .forward import block_columns, first_input, forward_body, returned, tape_arrays
from .schedule import make_plan

_ARRAY = '''\
def array(work, name, shape, like):
    """A work array, the one of the call before where its shape and type still fit."""
    held = work.get(name)
    if held is None or held.shape != shape or held.dtype != like.dtype:
        held = work[name] = np.empty(shape, like.dtype)
    return held
'''
_ROWS = '''\
def rows(a):
    """All steps and sequences as the rows of one matrix."""
    return a.reshape(-1, a.shape[-1])
'''
_PRODUCT = '''\
def product(a, weight):
    """a @ weight.T for all steps and sequences in one product."""
    return (rows(a) @ weight.T).reshape(*a.shape[:-1], -1)
'''
_OWN = {"array": (_ARRAY,), "rows": (_ROWS,), "product": (_ROWS, _PRODUCT)}
"""What the functions of a module may call by these names."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the module: its first line, what it is for, its body."""

    header: str
    about: str
    body: tuple[Statement, ...]

    @property
    def text(self) -> str:
        return "\n".join([self.header, f'    """{self.about}"""', *indented(self.body)])


def emit_fast(derivation: Derivation) -> str:
    """A module with `pack(params)`, `forward(packed, x, state, work)` and `backward(tape, d_outputs, d_final_state,
    work)`; `work` is a dict in which work arrays live from call to call."""
    functions = _functions(derivation)
    core = _core(functions)
    head = [docstring(derivation.cell), "", *core.imports, "", ""]
    return "\n".join([*head, core.functions, "", self_check(derivation.cell, _heads(functions[:2]))])


def fast_core(derivation: Derivation) -> Core:
    """What the module computes with."""
    return _core(_functions(derivation))


def _functions(derivation: Derivation) -> tuple[Function, ...]:
    context = make_context(make_plan(derivation))
    packed = _packed(context)
    backward, kept = _backward(context, [name for name, _ in packed])
    return _pack(context, packed), _forward(context, [name for name, _ in packed], kept), backward


def _core(functions: tuple[Function, ...]) -> Core:
    statements = [statement for function in functions for statement in function.body]
    called = {name for statement in statements for name in statement.names if name in _OWN}
    wanted = {source for name in called for source in _OWN[name]}
    own = [source for source in (_ARRAY, _ROWS, _PRODUCT) if source in wanted]
    heads = _heads(functions)
    helpers = helper_sources(heads)
    source = "\n\n\n".join(function.text for function in functions)
    text = "\n\n".join([*own, *([helpers] if helpers else []), source + "\n"])
    return Core(tuple(imports(heads)), text, packs=True)


def _heads(functions: Iterable[Function]) -> frozenset[type | str]:
    """The operations that functions call."""
    return frozenset[type | str]().union(*(statement.heads for function in functions for statement in function.body))


# What parameters alone decide ----------------------------------------------------------------------------------


def _packed(context: Context) -> list[tuple[str, Text]]:
    """What is computed once for many calls, by name: constants, stacked weights, halves for what tanh(a/2) makes."""
    plan, step = context.plan, context.step
    found = [(context.quantities[line.name].step, context.in_step(line.name)) for line in plan.constants]
    for vector, stack in plan.stacks.items():
        weights = [step.spoken(weight) for weight in stack.weights]
        found.append((context.weights[vector], weights[0] if len(weights) == 1 else _concatenated(weights)))
        if vector in context.half_weights:
            pairs = zip(stack.slots, weights, strict=True)
            halves = [_halved(text) if slot.halved else text for slot, text in pairs]
            found.append((context.half_weights[vector], _concatenated(halves)))
    if plan.biases:
        sums = [(slot, step.spoken(sympy.Add(*plan.biases[slot.net.name]))) for slot in plan.slots]
        found.append(("net_bias", _concatenated([_halved(text) if slot.halved else text for slot, text in sums])))
    halves = [(context.quantities[half].step, context.in_step(param)) for param, half in plan.halves.items()]
    return found + [(name, _halved(param)) for name, param in halves]


def _concatenated(pieces: list[Text]) -> Text:
    return piece("np.concatenate([{}])", joined(", ", pieces))


def _halved(text: Text) -> Text:
    return piece("0.5 * {}", text.within(POWER))


# The functions -------------------------------------------------------------------------------------------------


def _pack(context: Context, packed: list[tuple[str, Text]]) -> Function:
    names = context.quantities
    lines = [
        let(names[line.name].step, "{}", context.step.spoken(line.expr)).with_note(note_of([line]))
        for line in context.plan.constants
    ]
    entries = [say('"{}": {},', name, value) for name, value in [("params", local("params")), *packed]]
    body = [*lines, block("return {", (), (), entries), say("}}")]
    return Function(
        "def pack(params):",
        "Weights that meet the same vector side by side; done once for many calls.",
        _closed([*_parameters(context, unmade(body)), *body], {"params"}),
    )


def _forward(context: Context, packed: list[str], kept: list[str]) -> Function:
    body = [*forward_body(context), *returned(context, kept)]
    return Function(
        "def forward(packed, x, state, work=None):",
        "Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call.",
        _closed([*_opening(context, packed, unmade(body), "state")[0], *body], {"packed", "x", "state", "work"}),
    )


def _backward(context: Context, packed: list[str]) -> tuple[Function, list[str]]:
    """The function, and what it reads of what was packed."""
    body, plan = backward_body(context), context.plan
    spoken = unmade(body)
    saved = [slot for slot in plan.slots if slot.name in plan.kept]
    views = [block_columns(context, slot) for slot in saved if context.quantities[slot.name].whole in spoken]
    opening, kept = _opening(context, packed, unmade([*views, *body]), "d_final_state")
    body = [*opening, *views, *body]
    spoken = unmade(body)
    arrays = ["packed", "x", *(text.code for text in tape_arrays(context))]
    taken = [name if name in spoken else "_" for name in arrays]
    unpacked = Statement(f"{', '.join(taken)} = tape", frozenset(("tape",)), frozenset(taken))
    return Function(
        "def backward(tape, d_outputs, d_final_state, work=None):",
        "Gradients by the parameters, the inputs and the initial state.",
        _closed([unpacked, *body], {"tape", "d_outputs", "d_final_state", "work"}),
    ), kept


def _closed(body: list[Statement], arguments: set[str]) -> tuple[Statement, ...]:
    """A function's body, in which every variable is made before it is spoken of."""
    lost = unmade(body) - arguments - _OWN.keys()
    assert not lost, f"no line makes {', '.join(sorted(lost))}"
    return tuple(body)


def _opening(
    context: Context, packed: list[str], spoken: frozenset[str], state: str
) -> tuple[list[Statement], list[str]]:
    """What a pass unpacks before it starts, only what it speaks of; and the names of what was packed among it."""
    parameters = _parameters(context, spoken)
    cell, dims, first = context.plan.derivation.cell, context.step.dims, first_input(context)
    sizes = dimension_statements(cell, context.step, [dim for dim, name in dims.items() if name in spoken], state)
    kept = [*(["params"] if parameters else []), *(name for name in packed if name in spoken)]
    if not parameters and "params" in unmade(sizes):
        kept.append("params")
    lead = [name for name in ("T", "N") if name in spoken]
    opening = [let("work", "{{}} if {0} is None else {0}", local("work"))] if "work" in spoken else []
    for name in kept:
        opening += [let(name, '{}["{}"]', local("packed"), name), *(parameters if name == "params" else [])]
    if lead:
        axes = piece("{}.shape{}", first, {"T": "[0]", "N": "[1]", "TN": "[:2]"}["".join(lead)])
        opening.append(Statement(f"{', '.join(lead)} = {axes}", axes.names, frozenset(lead)))
    return [*opening, *sizes], kept


def _parameters(context: Context, spoken: frozenset[str]) -> list[Statement]:
    """The parameters that a pass uses by themselves."""
    names = {name: context.quantities[name].step for name in context.plan.derivation.cell.params}
    return [let(name, '{}["{}"]', local("params"), param) for param, name in names.items() if name in spoken]
