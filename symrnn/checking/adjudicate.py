"""Gradients beside the oracles: the one way to a judgement, for cells and for functions.

Whoever calls brings arrays in the problem's own layout and says what each entry may be off. What costs runs is asked
for where what costs less leaves a doubt: dearer tolerances, the error bars of complex step, and a last witness for the
entries about which the others complain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .kit import Array
from .oracles import (
    Entry,
    Estimate,
    Judgement,
    Key,
    Problem,
    by_complex_step,
    by_differences,
    by_extrapolation,
    by_high_precision,
    by_slopes,
    judge,
    judge_values,
    resolutions,
)
from .oracles.complex_step import NAME as COMPLEX_STEP
from .oracles.slopes import NAME as SLOPES

# Entries of an array, and of one gradient from above, about which a last witness is asked: 50 digits cost tens of
# milliseconds for each.
_ASKED, _ASKED_DIGITS = 32, 2

Tolerances = Callable[[], Mapping[Key, Array]]


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """What somebody says the gradient is under one gradient from above, and what its entries may be off: the cheapest
    way to know that first, and last the one that counts."""

    arrays: Mapping[Key, Array]
    tolerances: tuple[Tolerances, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Dispute:
    """An oracle whose word on an array was taken back, and the one that overruled it."""

    key: Key
    overruled: str
    by: str


@dataclass(frozen=True, slots=True, eq=False)
class Adjudication:
    """Judgements, each with the number of its claim; of so many `entries` so many were `moved` one by one; why complex
    step does not apply, if it does not; and the entries about which a kink keeps it silent."""

    judgements: tuple[tuple[int, Judgement], ...]
    entries: int
    moved: int
    disputes: tuple[Dispute, ...]
    refusal: str
    kinked: tuple[Entry, ...]


def adjudicate(
    problem: Problem,
    claims: Sequence[Claim],
    unit: float,
    *,
    limit: int,
    seed: int,
    entries: Sequence[Entry] | None = None,
) -> Adjudication:
    """Judge every claim, one for each upstream of the problem, computed in a type of the unit roundoff `unit`. Of more
    entries than `limit` so many are moved one by one, and all of them together along random directions."""
    chosen = problem.entries() if entries is None else list(entries)
    count = len(chosen)
    found: list[tuple[int, Judgement]] = []
    if count > limit:
        chosen = _choose(problem, limit, seed)
        found += _by_slopes(problem, claims, unit, seed)
    answers, refusal = _ask(problem, chosen, seed)
    losses, disputes, refuted = problem.at().values, list[Dispute](), set[Key]()
    for k, claim in enumerate(claims):
        estimates = [answer[k] for answer in answers]
        widest = resolutions(problem.arrays, estimates[0].values, unit, float(np.abs(losses[k]).max()))
        for key, computed in claim.arrays.items():
            judgements = [_judged(key, computed, claim.tolerances, e, widest[key]) for e in estimates]
            # An array that a last witness has refuted once need not be put to it again.
            if key not in refuted and (entries_in_doubt := _disputed(problem, computed, judgements)):
                last = _last_witness(problem, judgements[0], entries_in_doubt, seed)[k]
                resolution = widest[key] if problem.precise is None else np.inf
                final = judge(key, computed, last, claim.tolerances[-1]()[key], resolution)
                for number, judgement in enumerate(judgements):
                    if _contradicts(final, judgement, certain=problem.precise is not None):
                        judgements[number] = _without(judgement, final)
                        disputes.append(Dispute(key, judgement.oracle, final.oracle))
                judgements.append(final)
                refuted |= {key} if final.wrong.any() else set()
            found += [(k, j) for j in judgements if j.asked.any() or j.wrong.any()]
    kinked = tuple(entry for entry in chosen if answers[0][0].kinked[entry.key][problem.place(entry)].any())
    return Adjudication(tuple(found), count, min(count, limit), tuple(disputes), refusal, kinked)


def _ask(problem: Problem, entries: Sequence[Entry], seed: int) -> tuple[list[tuple[Estimate, ...]], str]:
    """Complex step, and differences beside it where they cost little, or in its place where it does not apply."""
    first = by_complex_step(problem, entries, seed=seed)
    if refusal := first[0].refusal:
        return [by_differences(problem, entries, points=7, seed=seed)], refusal
    return [first, by_differences(problem, entries, seed=seed)] if problem.sure else [first], ""


def _judged(
    key: Key, computed: Array, tolerances: Sequence[Tolerances], estimate: Estimate, widest: float
) -> Judgement:
    """An array beside an oracle: with one tolerance after the other until nothing is wrong, and at last with the error
    bars of complex step, which are no wider, and which cost as many runs again."""
    values, kinked = estimate.values[key], estimate.kinked[key]
    cheap = estimate.oracle == COMPLEX_STEP
    for tolerance in tolerances:
        bars = np.where(kinked, np.inf, 0.0) if cheap else estimate.errors[key]
        found = judge_values(estimate.oracle, key, computed, values, tolerance()[key], bars, widest, kinked)
        if not found.wrong.any():
            return found
    return judge(key, computed, estimate, tolerances[-1]()[key], widest)


def _disputed(problem: Problem, computed: Array, judgements: Sequence[Judgement]) -> list[Entry]:
    """The entries about which an oracle complains, the worst first; of what is no number nobody need be asked."""
    disputing = [j for j in judgements if j.wrong.any() and np.isfinite(computed[j.index])]
    if not disputing:
        return []
    others = np.argwhere(np.any([j.wrong for j in disputing], axis=0) & np.isfinite(computed))
    places = dict.fromkeys([*(j.index for j in disputing), *(tuple(int(i) for i in index) for index in others)])
    key, most = disputing[0].key, _ASKED if problem.precise is None else _ASKED_DIGITS
    axis = problem.lane_axes.get(key)
    return [
        Entry(key, index)
        for index in sorted({p if axis is None else (*p[:axis], *p[axis + 1 :]) for p in list(places)[:most]})
    ]


def _last_witness(problem: Problem, first: Judgement, entries: Sequence[Entry], seed: int) -> tuple[Estimate, ...]:
    """Many digits where they can be had; or another oracle than the one that complains."""
    if problem.precise is not None:
        return by_high_precision(problem, entries)
    if first.oracle == COMPLEX_STEP:
        return by_differences(problem, entries, points=7, seed=seed)
    return by_extrapolation(problem, entries, seed=seed)


def _contradicts(final: Judgement, judgement: Judgement, *, certain: bool) -> bool:
    """Whether a last witness takes an oracle's word back: many digits, where they find nothing wrong of all that the
    oracle complains of; another oracle, where the two are farther apart than their error bars."""
    contradicted = _contradicted(final, judgement)
    if certain:
        return bool(contradicted.any()) and not final.wrong.any() and not (judgement.wrong & ~contradicted).any()
    apart = abs(final.expected - judgement.expected) > judgement.bar + final.bar
    return bool(contradicted.any()) and apart


def _contradicted(final: Judgement, judgement: Judgement) -> Array:
    return judgement.wrong & final.asked & ~final.blind & ~final.wrong


def _without(judgement: Judgement, final: Judgement) -> Judgement:
    """The judgement without what was contradicted: of that it cannot speak."""
    contradicted = _contradicted(final, judgement)
    return replace(judgement, wrong=judgement.wrong & ~contradicted, blind=judgement.blind | contradicted)


def _by_slopes(problem: Problem, claims: Sequence[Claim], unit: float, seed: int) -> list[tuple[int, Judgement]]:
    found: list[tuple[int, Judgement]] = []
    gradients = tuple({key: claim.arrays[key].astype("float64") for key in problem.arrays} for claim in claims)
    for slope in by_slopes(problem, gradients, seed=seed):
        tolerance = slope.tolerance(claims[slope.upstream].tolerances[0]()[slope.key])
        widest = unit**0.5 * slope.magnitude
        j = judge_values(SLOPES, slope.key, slope.computed, slope.expected, tolerance, slope.bar, widest)
        # One number speaks of all entries of the array.
        everywhere = np.ones(slope.direction.shape, dtype=bool)
        found.append((slope.upstream, replace(j, asked=everywhere & j.asked)))
    return found


def _choose(problem: Problem, count: int, seed: int) -> list[Entry]:
    """So many entries at random, of every array as many as its share, and some of the smallest too."""
    generator = np.random.default_rng(seed)
    everything = problem.entries()
    by_array: dict[Key, list[Entry]] = {}
    for entry in everything:
        by_array.setdefault(entry.key, []).append(entry)
    chosen: list[Entry] = []
    for entries in by_array.values():
        share = min(len(entries), max(count // (4 * len(by_array)), count * len(entries) // len(everything)))
        chosen += [entries[k] for k in sorted(generator.choice(len(entries), share, replace=False))]
    return chosen
