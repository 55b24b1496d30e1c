"""The source of a fast module: helpers, `pack`, `forward`, `backward`."""

from __future__ import annotations

from dataclasses import dataclass

from ...derivation import Derivation
from ..parts import dimension_statements, docstring, helper_sources, imports
from ..selfcheck import self_check
from ..statement import Statement, indented, let, local, piece, unmade
from .backward import BackwardPass
from .context import Context, make_context
from .forward import BLOCK, ForwardPass, first_input, tape_arrays
from .pack import pack_body, packed_names

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
    context = make_context(derivation)
    saved = _saved(context)
    backward, kept = _backward(context, saved)
    forward = _forward(context, saved, kept)
    pack = _pack(context)
    functions = (pack, forward, backward)
    statements = [statement for function in functions for statement in function.body]
    called = {name for statement in statements for name in statement.names if name in _OWN}
    wanted = {source for name in called for source in _OWN[name]}
    own = [source for source in (_ARRAY, _ROWS, _PRODUCT) if source in wanted]
    heads = frozenset[type]().union(*(statement.heads for statement in statements))
    ahead = frozenset[type]().union(*(statement.heads for statement in (*pack.body, *forward.body)))
    helpers = helper_sources(heads)
    source = "\n\n\n".join(function.text for function in functions)
    text = "\n\n".join([*own, *([helpers] if helpers else []), source + "\n"])
    head = [docstring(derivation.cell), "", *imports(heads), "", ""]
    return "\n".join([*head, text, "", self_check(derivation.cell, ahead)])


def _pack(context: Context) -> Function:
    body = pack_body(context)
    return Function(
        "def pack(params):",
        "Weights that meet the same vector side by side; done once for many calls.",
        _closed([*_parameters(context, unmade(body)), *body], {"params"}),
    )


def _forward(context: Context, saved: list[str], kept: list[str]) -> Function:
    forward = ForwardPass(context, saved)
    body = [*forward.lines(), *forward.returned(kept)]
    return Function(
        "def forward(packed, x, state, work=None):",
        "Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call.",
        _closed([*_opening(context, unmade(body), "state")[0], *body], {"packed", "x", "state", "work"}),
    )


def _backward(context: Context, saved: list[str]) -> tuple[Function, list[str]]:
    """The function, and what it reads of what was packed."""
    body = BackwardPass(context).lines()
    spoken = unmade(body)
    views = [
        let(context.whole_names[name], "{}{}", BLOCK, context.columns(slot.start, slot.stop))
        for slot in context.plan.slots
        if (name := slot.gate or slot.line) in saved and context.whole_names[name] in spoken
    ]
    opening, kept = _opening(context, unmade([*views, *body]), "d_final_state")
    body = [*opening, *views, *body]
    spoken = unmade(body)
    arrays = ["packed", "x", *(text.code for text in tape_arrays(context, saved))]
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


def _saved(context: Context) -> list[str]:
    """The forward values that the backward pass reads."""
    plan = context.plan
    read = {name for line in (*plan.back_loop, *plan.back_after, *plan.gradients) for name in line.reads}
    roles = ("previous", "value")
    return [name for name in plan.shapes if name in read and name in plan.batched and context.step.roles[name] in roles]


def _opening(context: Context, spoken: frozenset[str], state: str) -> tuple[list[Statement], list[str]]:
    """What a pass unpacks before it starts, only what it speaks of; and the names of what was packed among it."""
    opening: list[Statement] = []
    if "work" in spoken:
        opening.append(let("work", "{} if {} is None else {}", "{}", local("work"), local("work")))
    parameters = _parameters(context, spoken)
    wanted = [dim for dim, name in context.dims.items() if name in spoken]
    sizes = dimension_statements(context.derivation.cell, context.step, wanted, state)
    packed = [name for name in packed_names(context) if name in spoken]
    params = [let("params", '{}["params"]', local("packed"))]
    opening += [*params, *parameters] if parameters else []
    opening += [let(name, '{}["{}"]', local("packed"), name) for name in packed]
    late = not parameters and "params" in unmade(sizes)
    opening += params if late else []
    first = first_input(context)
    match "T" in spoken, "N" in spoken:
        case True, True:
            shape = piece("{}.shape[:2]", first)
            opening.append(Statement(f"T, N = {shape}", shape.names, frozenset(("T", "N"))))
        case True, False:
            opening.append(let("T", "{}.shape[0]", first))
        case False, True:
            opening.append(let("N", "{}.shape[1]", first))
    kept = [*(["params"] if parameters else []), *packed, *(["params"] if late else [])]
    return [*opening, *sizes], kept


def _parameters(context: Context, spoken: frozenset[str]) -> list[Statement]:
    """The parameters that a pass uses by themselves."""
    names = {name: context.step_names[name] for name in context.derivation.cell.params}
    return [
        let(local_name, '{}["{}"]', local("params"), name) for name, local_name in names.items() if local_name in spoken
    ]
