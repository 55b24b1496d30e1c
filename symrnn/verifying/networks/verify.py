"""A training loop against a network: its loss first, then every gradient, then which equations it computes instead."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...checking.places import label
from ...derivation import NetworkDerivation, derive
from ...equations import Network
from ...layouts.layout import Layout
from ..findings import Finding, findings_of_behaviour
from ..forward import Difference, ForwardVerdict
from ..lines import guess_lines
from ..report import ArrayVerdict, VerifyReport
from ..styles import Code
from .catalogue import in_words, other_means
from .comparing import LOSS_KEY, Draw, draw, smallest_draws, watch_loop
from .explain import search_network
from .loops import build_loop
from .model import build_model, fold_blocks, loss_at


def verify_network(
    network: Network, code: Code, seed: int, dims: Mapping[str, int] | None, seconds: float
) -> VerifyReport:
    """Say whether a loop's loss and gradients are a network's, and if not, which equation is wrong and what it
    computes."""
    start = time.perf_counter()
    loop = build_loop(network, code, seconds)
    derivation = derive(network)
    draws = list(draw(loop, derivation, seed, dims))
    verdict = _forward(derivation, draws)
    findings: list[Finding] = []
    arrays: tuple[ArrayVerdict, ...] = ()
    if verdict:
        arrays = _arrays(draws)
        behaviour = watch_loop(loop, draws[0])
        mutated = {name: "loop" for one in draws for name in one.answer.mutated}
        findings = findings_of_behaviour(behaviour, mutated)
        if any(one.wrong for one in draws) and not behaviour.leaks:
            found = search_network(derivation, draws)
            cases, lines = smallest_draws(loop, derivation, found, dims), guess_lines(code, found)
            found = [replace(f, smallest=case, line=line) for f, case, line in zip(found, cases, lines, strict=True)]
            findings = [*found, *findings]
    cases = tuple(one.at.case for one in draws)
    return VerifyReport(
        network.name, seed, verdict, arrays, tuple(findings), cases, verdict.notes, time.perf_counter() - start
    )


def _forward(derivation: NetworkDerivation, draws: Sequence[Draw]) -> ForwardVerdict:
    """Whether the loss is the network's at every draw; if not, where it differs first, and by which factor."""
    name = derivation.network.name
    wrong = [one for one in draws if not one.loss]
    if not wrong:
        return ForwardVerdict(name, True, True, Layout())
    differences = tuple(
        Difference(f"loss ({one.at.case})", None, (), one.loss.computed, one.loss.expected, 1, 1) for one in wrong[:3]
    )
    return ForwardVerdict(name, False, True, Layout(), differences=differences, notes=_explained(derivation, draws))


def _explained(derivation: NetworkDerivation, draws: Sequence[Draw]) -> tuple[str, ...]:
    """The other mean that the loss is, or the number that it is too large by."""
    network = derivation.network
    folded = fold_blocks(derivation)
    models = [build_model(derivation, one.point, folded) for one in draws]
    for other in other_means(network):
        found = [loss_at(other, model) for model in models]
        if np.allclose([one.loss.computed for one in draws], found, rtol=draws[0].unit ** 0.5):
            is_one, meant = in_words(other), in_words(network)
            return (f"the loss is the network's but for what it is divided by: it is {is_one}, and {meant} is right",)
    ratios = [one.loss.computed / one.loss.expected for one in draws if one.loss.expected]
    if ratios and np.allclose(ratios, ratios[0], rtol=1e-6):
        return (f"the loss is {ratios[0]:.6g} times the network's",)
    return ()


def _arrays(draws: Sequence[Draw]) -> tuple[ArrayVerdict, ...]:
    """One verdict for each gradient over all draws, with its worst entry."""
    found: dict[str, ArrayVerdict] = {}
    for one in draws:
        for agreement in one.gradients:
            if agreement.key == LOSS_KEY:
                continue
            name = label(agreement.key)
            bad = int(agreement.wrong.sum())
            held = found.get(name)
            if held is None or agreement.ratio > held.ratio:
                words = one.at.place(agreement.key, agreement.index) if agreement.index else ""
                worst = ArrayVerdict(
                    name, 0, 0, agreement.index, words, agreement.computed, agreement.expected, agreement.ratio,
                    one.at.case,
                )  # fmt: skip
            else:
                worst = held
            entries, wrong = (held.entries, held.wrong) if held is not None else (0, 0)
            found[name] = replace(worst, entries=entries + agreement.entries, wrong=wrong + bad)
    return tuple(found.values())
