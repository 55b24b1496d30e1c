"""What a person may call the arguments and results of functions: every name, and what it then is.

A function gets what it asks for by name. `params`, `x`, `state`, `d_outputs`, `d_final_state`, `cache` and `targets`
are the canonical names; besides, a parameter may be asked for by its own name, a state as `h`, `h0` or `h_prev`, the
gradient from above as `dh`, `d_h` or `dout`, and the one into the last state as `dh_T` or `dh_next`. Results are told
apart by such names as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..equations import Cell
from ..layouts.layout import Bound
from .styles import Code

Slot = tuple[str, str]
"""What an argument or a result is: ("params", "Wx"), ("state", "h"); the whole of a group has the name ""."""

Names = Mapping[str, Slot]

_WHOLE = ("params", "x", "state", "d_outputs", "d_final_state", "cache", "outputs", "targets")
_INITIAL = "{} {}0 {}_0 {}_prev {}prev prev_{} {}_init init_{} initial_{}"
_ENDINGS = ("_T", "T", "_final", "_last", "_next", "next", "_n", "n", "")
_INTO_FINAL = " ".join(f"d{{}}{ending} d_{{}}{ending}" for ending in _ENDINGS) + " dnext_{} d_next_{} dnext{}"
_FROM_ABOVE = "d{} d_{} d{}s d_{}s grad_{}"
_FROM_ABOVE_ALONE = "dout d_out dy upstream grad_output grad_outputs"
_FINAL = "{}_T {}T {}_final {}_last {}_next next_{} {}_n {}n"
_GRADIENT = "d{} d_{} grad_{} {}_grad g_{}"
_ALONE = ("",)


@dataclass(frozen=True, slots=True)
class Words:
    """The person's names of a cell's arrays, and what arguments, results of a forward pass and gradients may be called.

    `gradients` are names that say so, `dWx`, `d_Wx`, `grad_Wx`, `dx`, `dh0`, `dh_prev`; in a dict (`bare`) a gradient
    may also have the array's own name. Of an object, `Wx` is the parameter itself. `returns` and `forward_returns` are
    names that were given for the parts of a tuple.
    """

    params: tuple[str, ...]
    inputs: tuple[str, ...]
    states: tuple[str, ...]
    outputs: tuple[str, ...]
    arguments: Names
    results: Names
    gradients: Names
    bare: Names
    returns: tuple[str, ...]
    forward_returns: tuple[str, ...]


def build_words(cell: Cell, bound: Bound, code: Code) -> Words:
    """All names for a cell's arrays in a layout."""
    params = tuple(bound.blocks)
    inputs, states, outputs = (
        tuple(bound.called[name] for name in names) for names in (cell.inputs, cell.states, cell.outputs)
    )
    returns, forward_returns = _split(code.returns), _split(code.forward_returns)
    results = _results(states, outputs)
    passed = [name for name in forward_returns if name not in results]
    arguments = _named(
        {name: (name, "") for name in _WHOLE},
        [
            ("params", params, "{}"),
            ("x", inputs, "{} {}s"),
            ("state", states, _INITIAL),
            ("d_outputs", outputs, _FROM_ABOVE),
            ("d_outputs", outputs if len(outputs) == 1 else (), _FROM_ABOVE_ALONE),
            ("d_final_state", states, _INTO_FINAL),
            ("size", (*cell.dims, "T", "N"), "{}"),
            ("passed", passed, "{}"),
        ],
    )
    gradients, bare = (_gradients(params, inputs, states, around) for around in (_GRADIENT, _GRADIENT + " {}"))
    return Words(params, inputs, states, outputs, arguments, results, gradients, bare, returns, forward_returns)


def _results(states: Sequence[str], outputs: Sequence[str]) -> Names:
    whole = [("outputs", _ALONE, "outputs out"), ("cache", _ALONE, "cache"), ("final", _ALONE, "final_state")]
    single = [("outputs", outputs, "{}s {}_all all_{} {}_seq"), ("final", states, _FINAL)]
    return _named({}, [*whole, ("", _ALONE, "_"), *single, ("outputs", outputs, "{}"), ("final", states, "{}")])


def _gradients(params: Sequence[str], inputs: Sequence[str], states: Sequence[str], around: str) -> Names:
    single = [("params", params, "{}"), ("x", inputs, "{} {}s"), ("state", states, f"{_INITIAL} {{}}_next {{}}next")]
    whole = [("params", _ALONE, "params"), ("x", _ALONE, "x"), ("state", _ALONE, "state states")]
    return _named(_named({}, [*single, *whole], around), [("params", _ALONE, "grads gradients")])


def _named(
    names: dict[str, Slot], rows: Iterable[tuple[str, Sequence[str], str]], around: str = "{}"
) -> dict[str, Slot]:
    """Names for the members of groups by patterns, added to those that there are: the first meaning of a name holds."""
    for group, members, patterns in rows:
        for member in members:
            for pattern in patterns.split():
                for outer in around.split():
                    names.setdefault(outer.format(pattern.format(member)), (group, member))
    return names


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").replace("(", " ").replace(")", " ").split())
