"""What a person's code can be given of a point and of a gradient from above: what it has no place for is zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..checking.oracles import Point, Upstream
from ..checking.points import meaning_of
from .losses import Targets
from .subject import Subject


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A point and a gradient from above that the code can be given, and the targets of a loss inside of it."""

    point: Point
    upstream: Upstream
    targets: Targets | None

    def sequences(self) -> Iterator[Task]:
        """One task for each sequence, for code that takes no batch."""
        for k in range(self.point.N):
            one = slice(k, k + 1)
            x = {name: array[:, one] for name, array in self.point.x.items()}
            state = {name: array[one] for name, array in self.point.state.items()}
            outputs = {name: g[:, one] for name, g in self.upstream.outputs.items()}
            final = {name: g[one] for name, g in self.upstream.final.items()}
            yield Task(
                replace(self.point, N=1, x=x, state=state),
                replace(self.upstream, outputs=outputs, final=final),
                self.targets and replace(self.targets, targets=self.targets.targets[:, one]),
            )


def set_task(subject: Subject, point: Point, upstream: Upstream) -> Task:
    """Initial states and gradients from above that the code does not ask for are zero, and a loss sends its own."""
    code, called = subject.code, subject.bound.called
    state = dict(point.state)
    outputs, final = dict(upstream.outputs), dict(upstream.final)
    if subject.bound.last_only:
        for name, g in outputs.items():
            outputs[name] = np.concatenate([np.zeros_like(g[:-1]), g[-1:]])
    if not code.stepwise:
        for name, array in state.items():
            if not subject.takes("state", called[name]):
                state[name] = np.zeros_like(array)
        for name, g in outputs.items():
            if code.loss is None and subject.backward_call and not subject.takes("d_outputs", called[name]):
                outputs[name] = np.zeros_like(g)
    for name, g in final.items():
        if not subject.takes_final(name):
            final[name] = np.zeros_like(g)
    point, upstream = replace(point, state=state), replace(upstream, outputs=outputs, final=final)
    if code.loss is None:
        return Task(point, upstream, None)
    meant = {name: array for (kind, name), array in meaning_of(point).items() if kind == "output"}
    targets = code.loss.set_targets(meant, upstream, batched=subject.bound.batched)
    return Task(point, targets.upstream, targets)
