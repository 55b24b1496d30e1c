"""What the loss is of what a block gives at each step: a sum, or a mean over those steps and sequences that count."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ...equations import Network
from ...language.wiring import EACH, has_steps
from .. import tree as t
from ..names import Name
from .names import NetworkNames


@dataclass(frozen=True, slots=True)
class Loss:
    """`total` is L, `share` what a step's loss counts in it, ∂L/∂ℓ_t; `words` is the phrase for what it is divided by,
    `count` that divisor."""

    total: t.Tree
    share: t.Tree
    words: str
    count: t.Tree


def weigh(network: Network, names: NetworkNames) -> Loss | None:
    """The loss of a network, if it has one."""
    if network.loss is None:
        return None
    axis = network.axes[network.loss]
    each = t.Symbol(names.at(network.loss))
    running = has_steps(axis)
    counted = t.Symbol(names.at(network.counted)) if network.counted else None

    def over_steps(tree: t.Tree) -> t.Tree:
        return t.TimeSum(tree, *names.steps[axis]) if running else tree

    def over_sequences(tree: t.Tree) -> t.Tree:
        return t.TimeSum(tree, names.sequences, EACH)

    body = each if counted is None else t.Product((counted, each), ("beside",))
    if counted is not None and axis in network.mean:
        if EACH in network.mean:  # over all steps of all sequences that count
            count = over_sequences(over_steps(counted))
            total: t.Tree = t.Quotient(over_sequences(over_steps(body)), count)
            return Loss(total, t.Quotient(counted, count), "network_mean_counted", count)
        count = over_steps(counted)
        total = over_sequences(t.Quotient(over_steps(body), count))
        return Loss(total, t.Quotient(counted, count), "network_mean_each", count)
    sizes = [t.Symbol(Name(EACH if name == EACH else names.steps[name][1])) for name in network.mean]
    whole = over_sequences(over_steps(body))
    top: t.Tree = t.Number(Fraction(1)) if counted is None else counted
    if not sizes:
        return Loss(whole, top, "network_sum_counted" if counted is not None else "network_sum", top)
    count = sizes[0] if len(sizes) == 1 else t.Product(tuple(sizes), ("beside",) * (len(sizes) - 1))
    return Loss(t.Quotient(whole, count), t.Quotient(top, count), "network_mean", count)
