"""The source of a fast module: helpers, `pack`, `forward`, `backward`."""

from __future__ import annotations

import re

from ...derivation import Derivation
from ..parts import dimension_lines, docstring, helper_sources, imports, mentions
from ..selfcheck import self_check
from .backward import BackwardPass
from .context import Context, make_context
from .forward import ForwardPass, first_input, tape_arrays
from .pack import emit_pack, packed_names, parameter_lines

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


def emit_fast(derivation: Derivation) -> str:
    """A module with `pack(params)`, `forward(packed, x, state, work)` and `backward(tape, d_outputs, d_final_state,
    work)`; `work` is a dict in which work arrays live from call to call."""
    context = make_context(derivation)
    backward = BackwardPass(context)
    saved = _saved(context)
    forward = ForwardPass(context, saved)
    forward_lines = forward.lines()
    backward_lines = backward.lines()
    backward_lines = [*_views(context, saved, backward_lines), *backward_lines]
    opening = _opening(context, backward_lines, "d_final_state")
    spoken = "\n".join([*opening, *backward_lines])
    forward_lines += forward.returned(re.findall(r'packed\["(\w+)"\]', spoken))
    forward_text = "\n".join(
        [
            "def forward(packed, x, state, work=None):",
            '    """Outputs, final state, and the tape for `backward`; `work` keeps arrays for the next call."""',
            *_opening(context, forward_lines),
            *forward_lines,
        ]
    )
    kept = ["packed", "x", *tape_arrays(context, saved)]
    backward_text = "\n".join(
        [
            "def backward(tape, d_outputs, d_final_state, work=None):",
            '    """Gradients by the parameters, the inputs and the initial state."""',
            f"    {', '.join(name if mentions(spoken, name) else '_' for name in kept)} = tape",
            *opening,
            *backward_lines,
        ]
    )
    pack_text = "\n".join(emit_pack(context))
    source = "\n\n\n".join([pack_text, forward_text, backward_text])
    own = [text for text in (_ARRAY, _ROWS, _PRODUCT) if text.split("(")[0].removeprefix("def ") + "(" in source]
    if _PRODUCT in own and _ROWS not in own:
        own.insert(1, _ROWS)
    helpers = helper_sources(source)
    text = "\n\n".join([*own, *([helpers] if helpers else []), source + "\n"])
    head = [docstring(derivation.cell), "", *imports(text), "", ""]
    return "\n".join([*head, text, "", self_check(derivation.cell, _with_helpers(pack_text + forward_text))])


def _with_helpers(text: str) -> str:
    return text + helper_sources(text)


def _saved(context: Context) -> list[str]:
    """The forward values that the backward pass reads."""
    plan = context.plan
    read = {name for line in (*plan.back_loop, *plan.back_after, *plan.gradients) for name in line.reads}
    roles = ("previous", "value")
    return [name for name in plan.shapes if name in read and name in plan.batched and context.step.roles[name] in roles]


def _opening(context: Context, lines: list[str], state: str = "state") -> list[str]:
    """What a pass unpacks before it starts: only what it speaks of."""
    text = "\n".join(lines)
    opening = ["    work = {} if work is None else work"] if mentions(text, "work") else []
    parameters = parameter_lines(context, text)
    opening += ['    params = packed["params"]', *parameters] if parameters else []
    opening += [f'    {name} = packed["{name}"]' for name in packed_names(context) if mentions(text, name)]
    sizes = _sizes(context, lines, state)
    if any("params[" in line for line in sizes) and not parameters:
        opening.append('    params = packed["params"]')
    spoken = [name for name in "TN" if mentions(text, name)]
    if spoken:
        places = {"T": "[0]", "N": "[1]"}
        one = f"    {spoken[0]} = {first_input(context)}.shape{places[spoken[0]]}"
        opening.append(f"    T, N = {first_input(context)}.shape[:2]" if len(spoken) == 2 else one)
    return [*opening, *sizes]


def _views(context: Context, saved: list[str], lines: list[str]) -> list[str]:
    """The columns of the block under their names."""
    text = "\n".join(lines)
    views: list[str] = []
    for slot in context.plan.slots:
        name = slot.gate or slot.line
        whole = context.whole_names[name]
        if name in saved and mentions(text, whole):
            views.append(f"    {whole} = block{context.columns(slot.start, slot.stop)}")
    return views


def _sizes(context: Context, lines: list[str], state: str = "state") -> list[str]:
    """The sizes that a pass speaks of."""
    text = "\n".join(lines)
    wanted = [dim for dim, name in context.dims.items() if mentions(text, name)]
    return dimension_lines(context.derivation.cell, context.step, wanted, state)
