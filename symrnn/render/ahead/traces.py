"""Eligibility traces on paper: their recurrences, the learning signals, and what no trace follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...derivation import Traces
from ...derivation.eligibility import Trace
from .. import tree as t
from ..document import Legend, Section
from ..names import Name
from ..prose import Prose, fill, listed
from .costs import costs_words
from .leaf import Leaf, added


def sections_of_traces(traces: Traces, leaf: Leaf) -> tuple[Section, ...]:
    phrases, first = leaf.language.phrases, len(traces.derivation.forward) + 1
    shown = [trace for trace in traces.traces if leaf.derivation.variables[trace.value].role != "previous"]
    recurrences = [leaf.formula(*_recurrence(traces, trace, leaf), place) for place, trace in enumerate(shown, first)]
    number = first + len(recurrences)
    beyond = [leaf.formula(leaf.display.left(e), leaf.display.right(e)) for e in traces.beyond]
    signals = [
        leaf.formula(_signal(leaf, name), leaf.display.expression(expr))
        for name, expr in traces.signals.items()
        if expr != 0 and any(trace.value == name for trace in traces.traces)
    ]
    params = [p for p in traces.derivation.cell.params if p not in traces.refused]
    gradients = [leaf.formula(*_gradient(traces, p, leaf), place) for place, p in enumerate(params, number)]
    parts = (
        leaf.forward,
        leaf.section("traces", tuple(recurrences), (phrases["traces_words"],)),
        leaf.section("signals", (*beyond, *signals), (phrases["signals_words"],)),
        leaf.section("gradients", tuple(gradients), *_verdict(traces, leaf)),
        leaf.section("costs", (), *costs_words(traces.derivation, leaf, traces)),
    )
    return tuple(section for section in parts if section.rows or section.key == "costs")


def legend_of_traces(traces: Traces, leaf: Leaf) -> Iterator[Legend]:
    phrases = leaf.language.phrases
    several = len({trace.value for trace in traces.traces}) > 1
    sign = Name("E", of=Name("θ"), time="t", layer="s" if several else "")
    yield Legend(listed([sign], leaf.language), fill(phrases["trace"], theta=t.Symbol(Name("θ"))))
    yield Legend(listed([Name("λ", of=Name("s"), time="t")], leaf.language), (phrases["signal"],))
    outputs = dict.fromkeys(traces.derivation.cell.program.outputs)
    upstream = [leaf.display.naming(traces.derivation.upstream[name]) for name in outputs]
    shown = listed([leaf.display.naming(name) for name in outputs], leaf.language)
    yield Legend(
        listed(upstream, leaf.language), fill(phrases["upstreams" if len(upstream) > 1 else "upstream"], outputs=shown)
    )


def _verdict(traces: Traces, leaf: Leaf) -> Iterator[Prose]:
    """Whether this is the whole gradient, and what is left out of it where it is not."""
    phrases = leaf.language.phrases
    if traces.exact:
        yield (phrases["traces_exact"],)
        return
    if traces.dropped:
        pieces: list[Any] = []
        for dropped in traces.dropped:
            pieces += [phrases["comma"]] if pieces else []
            pieces += [leaf.display.expression(dropped.expr), f" ({dropped.number})"]
        yield fill(phrases["traces_dropped"], paths=tuple(pieces))
    for param, reason in traces.refused.items():
        yield fill(phrases["traces_refused"], param=leaf.symbol(param), number=str(reason))


def _name(traces: Traces, leaf: Leaf, value: str, param: str, before: bool = False) -> t.Tree:
    """E with the parameter below, and above it the value that it is the trace at, where there are several."""
    of, by = leaf.display.naming(value), leaf.display.naming(param)
    several = len({trace.value for trace in traces.traces}) > 1
    previous = leaf.derivation.variables[value].role == "previous"
    above = "_".join((of.base, *of.subscripts)) if several else ""
    return t.Symbol(Name("E", of=by.at(""), time="t-1" if before or previous else "t", layer=above))


def _recurrence(traces: Traces, trace: Trace, leaf: Leaf) -> tuple[t.Tree, t.Tree]:
    rank = len(leaf.derivation.variables[trace.param].shape) or len(leaf.derivation.variables[trace.value].shape)
    held = {other.value for other in traces.traces if other.param == trace.param}
    terms: list[t.Signed] = []
    for state in leaf.derivation.cell.program.states:
        if state.name in trace.decays and state.new in held:
            earlier = _name(traces, leaf, state.new, trace.param, before=True)
            terms.append(leaf.scaled(trace.decays[state.name], earlier, rank))
    for seed in trace.seeds:
        inner = t.signed(leaf.display.expression(seed.factor) if leaf.display.rank(seed.factor) else t.Constant("ones"))
        if seed.row is not None and not leaf.display.rank(seed.factor):
            terms.append(leaf.scaled(seed.factor, t.Outer(inner.node, leaf.symbol(seed.row.name)), 2))
        elif seed.row is not None:
            terms.append(t.Signed(inner.negative, t.Outer(inner.node, leaf.symbol(seed.row.name))))
        elif leaf.display.rank(seed.factor) or not rank:
            whole = t.signed(leaf.display.expression(seed.factor))
            terms.append(whole)
        else:
            terms.append(leaf.scaled(seed.factor, inner.node, 1))
    return _name(traces, leaf, trace.value, trace.param), added(terms)


def _signal(leaf: Leaf, value: str) -> t.Tree:
    return t.Symbol(Name("λ", of=leaf.display.naming(value, ""), time=leaf.display.naming(value).time or "t"))


def _gradient(traces: Traces, param: str, leaf: Leaf) -> tuple[t.Tree, t.Tree]:
    shape = leaf.derivation.variables[param].shape
    terms: list[t.Signed] = []
    for trace in traces.traces:
        if trace.param != param or (traces.signals[trace.value] == 0):
            continue
        signal, tree = _signal(leaf, trace.value), _name(traces, leaf, trace.value, param)
        rank = len(leaf.derivation.variables[trace.value].shape)
        if len(shape) == 2:
            product: t.Tree = t.MatrixProduct(t.Call("diag", r"\operatorname{diag}", (signal,)), tree)
        elif shape or not rank:
            product = t.join_factors([(signal, rank), (tree, rank)])
        else:
            product = t.Dot(signal, tree)
        terms.append(t.Signed(False, product))
    direct = traces.direct[param]
    if direct != 0:
        terms.append(t.signed(leaf.display.expression(direct)))
    left = t.Partial(t.Symbol(Name("L")), leaf.symbol(param))
    if not terms:
        return left, added(terms)
    lone = t.signed(added(terms))
    return left, t.negated(t.TimeSum(lone.node)) if lone.negative else t.TimeSum(lone.node)
