"""Somebody's backward pass against the derivation: is it right, and if not, which formula does it compute instead?

    report = symrnn.verify("lstm", backward, forward, layout=symrnn.Layout(…))

The forward comes first: a backward pass is right or wrong for a forward pass. Then every gradient is compared, entry by
entry, under conditions that bring mistakes to light (`probes`), with tolerances from measured rounding. Where something
differs, the derivation is bent until it gives the same numbers (`explain`); what had to be bent is the finding.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from ..arguments import instance, real, whole, wrong
from ..checking.floats import FLOATS
from ..checking.interpreter import run_forward
from ..checking.oracles import Key
from ..checking.places import label, place
from ..derivation import Derivation, derive
from ..equations import Cell, Network
from ..errors import OptionError
from ..layouts.layout import Layout
from ..library import as_model
from ..mistakes import mistakes_in_formulas
from .behaviour import Behaviour, watch
from .explain import Evidence, Search
from .findings import Finding, findings_of, findings_of_behaviour
from .fold import fold
from .formulas import write_formulas
from .forward import open_subject
from .heat import draw_heat
from .lines import guess_lines
from .networks import verify_network
from .probes import Comparison, draw_probes, observe
from .readouts import search_readout
from .report import ArrayVerdict, VerifyReport
from .smallest import smallest_cases
from .styles import Code, functions
from .subject import Subject
from .surroundings import surroundings


def verify(
    cell: Cell | Network | str | Callable[..., Any],
    backward: Callable[..., Any] | Code,
    forward: Callable[..., Any] | None = None,
    layout: Layout | None = None,
    seed: int = 0,
    *,
    dims: Mapping[str, int] | None = None,
    seconds: float = 30.0,
) -> VerifyReport:
    """Say what is wrong in a hand-written backward pass, and why.

    `backward` and `forward` are functions of canonical arrays, or `backward` is a `Code` that says how to call them;
    `layout` says how they hold their arrays. Against a network `backward` is the whole training loop,
    `loss_and_grads(params, …) -> loss, grads`, its inputs and gradients by the network's names. `dims` fixes sizes that
    the code cannot vary; `seconds` is how long one call may take. The code runs in this process, by turns with ours
    (`surroundings`): nothing that it does to NumPy, to streams or to limits reaches the verdict or stays behind, and
    whatever it raises but Ctrl-C is a `SubjectError`.
    """
    seed, seconds = whole("seed", seed), real("seconds", seconds)
    if layout is not None:
        instance("layout", layout, Layout, "a symrnn.Layout")
    with surroundings() as around:
        known, code = as_model(cell), _code(backward, forward)
        if isinstance(known, Network):
            _refuse_layout(known, layout)
            report = verify_network(known, code, seed, dims, seconds)
        else:
            report = _judge(known, code, layout, seed, dims, seconds)
    return replace(report, notes=(*report.notes, *around.note()))


def _judge(
    known: Cell, code: Code, layout: Layout | None, seed: int, dims: Mapping[str, int] | None, seconds: float
) -> VerifyReport:
    start = time.perf_counter()
    subject, verdict = open_subject(known, code, layout, seed=seed, dims=dims, seconds=seconds)
    if not verdict:
        return VerifyReport(known.name, seed, verdict, (), (), (), verdict.notes, time.perf_counter() - start)
    derivation = derive(known)
    comparisons, findings, notes = _examine(subject, derivation, seed, dims)
    return VerifyReport(
        known.name,
        seed,
        verdict,
        _arrays(known, comparisons),
        tuple(findings),
        tuple(comparison.probe.case for comparison in comparisons),
        tuple(dict.fromkeys((*verdict.notes, *notes))),
        time.perf_counter() - start,
        draw_heat(comparisons),
    )


def _refuse_layout(network: Network, layout: Layout | None) -> None:
    if layout is not None and layout != Layout():
        raise OptionError(
            f"a layout says how arrays hold those of a cell, and {network.name} is a network\n"
            "  mend: take the arrays by the network's names, h1.W, and turn them in the loop"
        )


def _code(backward: Callable[..., Any] | Code, forward: Callable[..., Any] | None) -> Code:
    if not isinstance(backward, Code):
        if not callable(backward):
            raise wrong("backward", "a function, or a Code such as symrnn.verifying.objects(…)", backward)
        return functions(backward, forward)
    return backward if forward is None else replace(backward, forward=forward)


def _examine(
    subject: Subject, derivation: Derivation, seed: int, dims: Mapping[str, int] | None
) -> tuple[list[Comparison], list[Finding], list[str]]:
    """Compare under every condition, and explain what differs."""
    comparisons: list[Comparison] = []
    behaviour: Behaviour | None = None
    for probe in draw_probes(subject, seed, dims):
        comparison = observe(subject, derivation, probe)
        comparisons.append(comparison)
        if behaviour is None:
            behaviour = watch(subject, comparison)
            if behaviour.clipped or behaviour.leaks:
                break
    assert behaviour is not None
    if behaviour.clipped:  # small gradients from above stay below the bound, and show the formulas
        comparisons = [observe(subject, derivation, probe) for probe in draw_probes(subject, seed, dims, 2.0**-14)]
    observations = [comparison.observation for comparison in comparisons]
    mutated = {name: "backward" for observation in observations for name in observation.mutated}
    findings = findings_of_behaviour(behaviour, mutated)
    if any(comparison.wrong for comparison in comparisons):
        findings = [*_diagnose(subject, derivation, comparisons), *findings]
    notes = [note for observation in observations for note in observation.notes]
    missing = dict.fromkeys(label(key) for observation in observations for key in observation.missing)
    if missing:
        notes.append(f"not checked, as the code does not return it: {', '.join(missing)}")
    return comparisons, findings, notes


def _diagnose(subject: Subject, derivation: Derivation, comparisons: Sequence[Comparison]) -> list[Finding]:
    folded = fold(derivation)
    evidence: list[Evidence] = []
    for c in comparisons:
        with np.errstate(all="ignore"):
            tape = run_forward(folded, FLOATS, c.observation.point, c.observation.upstream)
        evidence.append(Evidence(tape, c.seen, c.unit, c.probe.case))
    read, evidence = search_readout(comparisons, evidence)
    explanation = Search(evidence, cache(lambda: mistakes_in_formulas(folded))).run()
    found = [*read, *findings_of(explanation, evidence, write_formulas(folded))]
    cases, lines = smallest_cases(subject, derivation, found), guess_lines(subject.code, found)
    return [replace(f, smallest=case, line=line) for f, case, line in zip(found, cases, lines, strict=True)]


def _arrays(cell: Cell, comparisons: Sequence[Comparison]) -> tuple[ArrayVerdict, ...]:
    """One verdict for each array over all conditions."""
    entries: dict[Key, int] = {}
    wrong: dict[Key, int] = {}
    worst: dict[Key, ArrayVerdict] = {}
    for comparison in comparisons:
        for agreement in comparison.agreements:
            key = agreement.key
            bad = int(agreement.wrong.sum()) if key in comparison.wrong else 0
            entries[key] = entries.get(key, 0) + agreement.entries
            wrong[key] = wrong.get(key, 0) + bad
            held = worst.get(key)
            if held is None or agreement.ratio > held.ratio:
                known = agreement.index and key in comparison.seen  # a read-out's parameters are none of the cell's
                words = place(cell, comparison.probe.point.dims, key, agreement.index) if known else ""
                worst[key] = ArrayVerdict(
                    label(key),
                    0,
                    0,
                    agreement.index,
                    words,
                    agreement.computed,
                    agreement.expected,
                    agreement.ratio,
                    comparison.probe.case,
                )
    return tuple(replace(verdict, entries=entries[key], wrong=wrong[key]) for key, verdict in worst.items())
