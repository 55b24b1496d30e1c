"""What a cell computes going forward, from its meaning: outputs at every step and final states."""

from __future__ import annotations

import numpy as np

from ..checking.oracles import Base, Key, Point, run_base
from .layout import Array


def meant_forward(point: Point, base: Base | None = None) -> dict[Key, Array]:
    """Outputs (T, N, …) and final states (N, …) in the canonical layout."""
    base = base or run_base(point)
    meant: dict[Key, Array] = {}
    for name, shape in point.cell.outputs.items():
        sizes = (point.N, *(size.value(point.dims) for size in shape))
        meant["output", name] = np.stack([np.broadcast_to(values[name], (1, *sizes))[0] for values in base.run.steps])
    for name, start in point.state.items():
        meant["final state", name] = np.broadcast_to(base.run.final[name], (1, *start.shape))[0]
    return meant
