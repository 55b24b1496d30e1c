"""A mutant as a kernel: the plain source of its derivation, fed with the cues."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...equations.sample import Arrays
from ...numeric.arrays import Checker
from ...numeric.emit import emit
from ...numeric.kernel import Kernel
from ..floats import FLOATS
from ..kit import Array
from ..meaning import Meaning, Values, run_sequence
from .mutant import Mutant, cue_at


def build_mutant(mutant: Mutant, dtype: str = "float64") -> Kernel:
    """The kernel of the cell that the mutant was made from, with the mutant's backward pass. What `check` takes as
    `build=lambda derivation, dtype: build_mutant(mutant, dtype)`."""
    source = emit(mutant.derivation)
    namespace: dict[str, Any] = {"__name__": f"symrnn_mutant_{mutant.derivation.cell.name}"}
    exec(compile(source, f"<mutant of {mutant.derivation.cell.name}>", "exec"), namespace)
    cell = mutant.right.cell
    checker = Checker.of(cell, dtype)
    if mutant.cues:
        fed = _Fed(mutant, checker, namespace)
        namespace = {"forward": fed.forward, "backward": fed.backward}
    return Kernel(cell, dtype, source, checker, namespace)


@dataclass(frozen=True, slots=True, eq=False)
class _Fed:
    """The two passes of a cell with cues under the signature of the cell without them. The gradient that enters from
    above may be a cue, so the forward pass is run again when it is known."""

    mutant: Mutant
    checker: Checker
    namespace: Mapping[str, Any]

    def forward(self, params: Arrays, x: Any, state: Arrays, work: Any) -> tuple[Any, Arrays, Any]:
        outputs, final, _ = self._run(params, x, state, None)
        return outputs, final, (params, x, state)

    def backward(self, tape: Any, d_outputs: Any, d_final_state: Arrays, work: Any) -> tuple[Arrays, Any, Arrays]:
        params, x, state = tape
        _, _, inner = self._run(params, x, state, d_outputs)
        grads, d_x, d_state = self.namespace["backward"](inner, d_outputs, d_final_state)
        wanted = {name: d_x[name] for name in self.checker.cell.inputs}
        return grads, wanted if len(wanted) > 1 else next(iter(wanted.values())), d_state

    def _run(self, params: Arrays, x: Any, state: Arrays, d_outputs: Any) -> Any:
        cell = self.checker.cell
        inputs: Arrays = dict(x) if isinstance(x, dict) else {next(iter(cell.inputs)): x}
        T, N = next(iter(inputs.values())).shape[:2]
        read = self._reader(params, inputs, state, d_outputs)
        dtype = self.checker.dtype
        for cue in self.mutant.cues:
            steps = [np.asarray(cue_at(cue, t, T, N, read), dtype=dtype) for t in range(T)]
            inputs[cue.name] = np.stack([np.broadcast_to(step, (N, *step.shape[1:])) for step in steps])
        return self.namespace["forward"](params, inputs, state)

    def _reader(self, params: Arrays, inputs: Arrays, state: Arrays, d_outputs: Any) -> Callable[[str, int], Array]:
        """What gives the value of a name at a step: gradients from above as they were given (zero, as long as they are
        not known), all others as the cell's text means them."""
        cell = self.checker.cell
        upstream = {name: output for output, name in self.mutant.right.upstream.items()}
        above = d_outputs if isinstance(d_outputs, dict) else {next(iter(cell.outputs)): d_outputs}
        dims = self.checker.dimensions(inputs, state, params)
        steps: list[Values] = []

        def read(name: str, t: int) -> Array:
            if name in upstream:
                if d_outputs is not None:
                    return above[upstream[name]][t]
                sizes = (size.value(dims) for size in cell.outputs[upstream[name]])
                return np.zeros((next(iter(inputs.values())).shape[1], *sizes))
            if not steps:
                given = [{n: inputs[n][t] for n in cell.inputs} for t in range(len(next(iter(inputs.values()))))]
                steps.extend(run_sequence(Meaning(cell.program, dims, FLOATS), params, tuple(given), state).steps)
            return steps[t][name]

        return read
