"""What backpropagation through time, RTRL and traces keep and take, in numbers that sizes stand for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sympy

from ...derivation import Derivation, Traces
from ...derivation.analysis import Analysis
from ...operations.entry import SizeSymbol, size_expr
from ...sizes import Shape
from ..prose import Prose, fill
from .leaf import Leaf

_T = SizeSymbol("T")


def costs_words(derivation: Derivation, leaf: Leaf, traces: Traces | None = None) -> Iterator[Prose]:
    """For each way what it keeps for one sequence, and about how many multiplications a sequence takes."""
    shapes = {name: variable.shape for name, variable in derivation.variables.items()}
    cell, analysis = derivation.cell, Analysis(derivation)
    roles = ("previous", "value", "input")
    kept = [
        name for name in analysis.kept((*analysis.adjoints, *analysis.gradients), roles) if name in analysis.batched
    ]
    weights = _count(shape for shape in cell.params.values())
    states = _count(cell.states.values())
    ways: list[tuple[str, Any, Any]] = [
        ("costs_bptt", _T * _count(shapes[name] for name in kept), 2 * _T * weights),
        ("costs_rtrl", states * weights, _T * states**2 * weights),
    ]
    if traces is not None:
        names = {state.new: state.name for state in cell.program.states}
        read = {(state, trace.param) for trace in traces.traces for state in trace.decays}
        sizes = [(trace, _numbers(shapes[trace.param] or shapes[trace.value])) for trace in traces.traces]
        held = sympy.Add(*(size for trace, size in sizes if (names.get(trace.value), trace.param) in read))
        work = sympy.Add(*((len(trace.decays) + len(trace.seeds)) * size for trace, size in sizes))
        ways.append(("costs_traces", held, _T * work))
    for phrase, memory, time in ways:
        shown = [leaf.display.expression(sympy.factor(count)) for count in (memory, time)]
        yield fill(leaf.language.phrases[phrase], memory=shown[0], time=shown[1])


def _count(shapes: Iterable[Shape]) -> Any:
    return sympy.Add(*map(_numbers, shapes))


def _numbers(shape: Shape) -> Any:
    return sympy.Mul(*(size_expr(size) for size in shape))
