"""The kernel against oracles that know nothing of it: its forward pass against the meaning, its gradients against
complex step and five-point differences, its float32 against its float64."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..derivation import Derivation, derive
from ..equations import Cell
from ..equations.sample import complete_dims, default_dims
from ..errors import InputError
from ..library import as_cell
from ..numeric import Gradients, Kernel, build_kernel
from .meaning import Array
from .oracles import Base, Estimate, Key, Point, Upstream, complex_step, five_point, run_base
from .report import ArrayCheck, CheckReport, Deviation, Verdict

EXACT = 1e-12
"""What rounding may do to float64, of an array's scale (see `Deviation`)."""
SINGLE = 1e-4
"""What rounding may do to float32."""
FLOOR = 1e-2
"""The least scale of an array, as a part of the largest entry of the whole gradient."""
# Formulas such as 1 − h² at a saturated h magnify rounding, in both types alike: allow this many times what one type
# shows for the other, but never more than _LOOSEST in float64.
_GROWTH = 16.0
_RATIO = 2.0**-29
_LOOSEST = 1e-9
_BLUNT = 1e-3
_CLEAR_OF_KINKS = 1e-3
_ATTEMPTS = 24

# (T, N) with sizes for the dimensions: all different, m below n and above it, one step and one sequence.
_CASES = ((4, 2, (3, 4, 2, 5, 6, 7)), (1, 1, (4, 6, 3, 5, 7, 2)), (3, 3, (5, 2, 4, 3, 7, 6)))

Build = Callable[[Derivation, str], Kernel]
Difference = tuple[str, Deviation, int]


def check(
    source: Cell | str | Callable[..., Any],
    *,
    seed: int = 0,
    dims: Mapping[str, int] | None = None,
    build: Build = build_kernel,
) -> CheckReport:
    """Run a cell's kernel on whole sequences of several lengths, batches and sizes, from non-zero initial states, with
    gradients entering on all outputs and final states, on the last output alone, and on the final states alone; and
    compare every entry with every oracle. Sizes that `dims` gives are used in every case."""
    start = time.perf_counter()
    cell = as_cell(source)
    derivation = derive(cell)
    double, single = build(derivation, "float64"), build(derivation, "float32")
    found: list[Difference] = []
    cases: list[str] = []
    notes: list[str] = []
    for number, (T, N, sizes) in enumerate(_CASES):
        point, base, moved = settle(cell, T, N, _case_dims(cell, dims, sizes), seed + 1_000 * number)
        label = ", ".join(f"{name} = {value}" for name, value in {"T": T, "N": N, **point.dims}.items())
        cases.append(label)
        notes += [f"{label}: {moved}"] if moved else []
        found += _check_case(point, base, double, single, label, seed)
    seconds = time.perf_counter() - start
    return CheckReport(cell.name, seed, _worst(found), tuple(cases), tuple(notes), seconds)


def _case_dims(cell: Cell, dims: Mapping[str, int] | None, sizes: tuple[int, ...]) -> dict[str, int]:
    return default_dims(cell, sizes) if dims is None else complete_dims(cell, dims)


# The point at which a case is checked ------------------------------------------------------------------------


def settle(cell: Cell, T: int, N: int, dims: Mapping[str, int], seed: int) -> tuple[Point, Base, str]:
    """A sample at which the cell is finite and clear of kinks: the first such, or the one that keeps farthest away."""
    best: tuple[tuple[bool, float], Point, Base] | None = None
    for attempt in range(_ATTEMPTS):
        point = draw_point(cell, T, N, dims, seed + 1_000_003 * attempt)
        base = run_base(point)
        if _not_finite(point, base):
            continue
        clearance = (not base.kinks.exact(), base.kinks.margin())
        if best is None or clearance > best[0]:
            best = (clearance, point, base)
        if clearance > (True, _CLEAR_OF_KINKS):
            break
    if best is None:
        point = draw_point(cell, T, N, dims, seed)
        problem = _not_finite(point, run_base(point))
        raise InputError(f"{cell.name} is not finite at any of {_ATTEMPTS} samples: {problem}")
    (_, margin), point, base = best
    return point, base, f"the nearest kink is {margin:.0e} away" if margin <= _CLEAR_OF_KINKS else ""


def draw_point(cell: Cell, T: int, N: int, dims: Mapping[str, int], seed: int) -> Point:
    """A sample of a cell as a point for the oracles."""
    sample = cell.sample(T=T, N=N, seed=seed, dims=dims)
    x = sample.x if isinstance(sample.x, dict) else dict.fromkeys(cell.inputs, sample.x)
    return Point(cell, dims, T, N, sample.params, x, sample.state)


def _not_finite(point: Point, base: Base) -> str:
    """Which equation first leaves the finite numbers, and what it yields; empty when none does."""
    for t, values in enumerate(base.run.steps):
        for line in point.cell.program.assignments:
            value = np.broadcast_to(values[line.name], (1, point.N, *values[line.name].shape[2:]))[0]
            bad = np.argwhere(~np.isfinite(value))
            if bad.size:
                sequence, *index = (int(k) for k in bad[0])
                place = f"[{', '.join(map(str, index))}]" if index else ""
                text = point.cell.program.source.excerpt(line.node.span)
                return (
                    f"`{point.cell.variables[line.name].written} = {text}` in line {line.span.line} gives "
                    f"{line.name}{place} = {value[tuple(bad[0])]} at step {t + 1} of sequence {sequence + 1}"
                )
    return ""


def draw_upstreams(point: Point, base: Base, seed: int) -> tuple[Upstream, ...]:
    """Random gradients from above: on everything, on the last output alone, on the final states alone."""
    generator = np.random.default_rng([seed, point.T, point.N])
    cell = point.cell
    shapes = {name: tuple(size.value(point.dims) for size in shape) for name, shape in cell.outputs.items()}
    outputs = {name: generator.standard_normal((point.T, point.N, *shape)) for name, shape in shapes.items()}
    final = {name: generator.standard_normal(array.shape) for name, array in point.state.items()}
    last = {
        name: np.where(np.arange(point.T).reshape(-1, *(1,) * (g.ndim - 1)) == point.T - 1, g, 0)
        for name, g in outputs.items()
    }
    nothing = {name: np.zeros_like(g) for name, g in outputs.items()}
    rest = {name: np.zeros_like(g) for name, g in final.items()}
    upstreams = (Upstream("on everything", outputs, final), Upstream("on the last output", last, rest))
    return (*upstreams, Upstream("on the final states", nothing, final)) if final else upstreams


# One case ----------------------------------------------------------------------------------------------------


def _check_case(
    point: Point, base: Base, double: Kernel, single: Kernel, label: str, seed: int
) -> Iterator[Difference]:
    upstreams = draw_upstreams(point, base, seed)
    cases = [label, *(f"{label}; gradient {upstream.label}" for upstream in upstreams)]
    computed = _run_kernel(double, point, upstreams)
    exact = [_meant(point, base), *(estimate.values for estimate in complex_step(point, upstreams, base))]
    rounded = _rounded(point)
    wide, narrow = _run_kernel(double, rounded, upstreams), _run_kernel(single, rounded, upstreams)
    for k, case in enumerate(cases):
        # Each type's rounding shows how much the formulas magnify rounding, and so bounds what to expect of the other.
        in_single, in_double = _distances(narrow[k], wide[k]), _distances(computed[k], exact[k])
        moved = _distances(wide[k], computed[k])
        oracle = "complex step" if k else "meaning"
        tolerances = {key: min(EXACT + _GROWTH * d * _RATIO, _LOOSEST) for key, d in in_single.items()}
        yield from _compare(oracle, computed[k], Estimate(exact[k], _filled(exact[k], tolerances)), case)
        tolerances = {key: SINGLE + _GROWTH * (moved[key] + d / _RATIO) for key, d in in_double.items()}
        yield from _compare("float32", narrow[k], Estimate(wide[k], _filled(wide[k], tolerances)), case)
    for gradients, approximate, case in zip(computed[1:], five_point(point, upstreams, base), cases[1:], strict=True):
        yield from _compare("five-point", gradients, _as_parts(approximate), case)


def _run_kernel(kernel: Kernel, point: Point, upstreams: tuple[Upstream, ...]) -> list[dict[Key, Array]]:
    """Outputs and final states, and then for every upstream the gradients, by array."""
    cell, dtype = point.cell, kernel.dtype

    def cast(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: array.astype(dtype) for name, array in arrays.items()}

    def passed(arrays: dict[str, Array]) -> Any:
        return arrays if len(arrays) != 1 else next(iter(arrays.values()))

    def named(value: Any, names: Mapping[str, Any]) -> dict[str, Any]:
        return dict(value) if isinstance(value, dict) else dict.fromkeys(names, value)

    with np.errstate(all="ignore"):
        outputs, final, _ = kernel.forward(cast(point.params), passed(cast(point.x)), cast(point.state))
        forward = {("output", name): value for name, value in named(outputs, cell.outputs).items()}
        forward |= {("final state", name): value for name, value in final.items()}
        forward = {key: np.array(value) for key, value in forward.items()}
        gradients: list[dict[Key, Array]] = []
        for upstream in upstreams:
            # A tape serves one backward pass; a kernel may reuse its arrays.
            _, _, tape = kernel.forward(cast(point.params), passed(cast(point.x)), cast(point.state))
            grads: Gradients = kernel.backward(tape, passed(cast(upstream.outputs)), cast(upstream.final))
            groups = {"params": grads.params, "x": named(grads.x, cell.inputs), "state": grads.state}
            gradients.append(
                {(group, name): np.array(a) for group, arrays in groups.items() for name, a in arrays.items()}
            )
    return [forward, *gradients]


def _meant(point: Point, base: Base) -> dict[Key, Array]:
    """The cell's outputs and final states by its meaning, in the canonical layout."""
    meant: dict[Key, Array] = {}
    for name, shape in point.cell.outputs.items():
        sizes = (point.N, *(size.value(point.dims) for size in shape))
        meant["output", name] = np.stack([np.broadcast_to(values[name], (1, *sizes))[0] for values in base.run.steps])
    for name, start in point.state.items():
        meant["final state", name] = np.broadcast_to(base.run.final[name], (1, *start.shape))[0]
    return meant


def _rounded(point: Point) -> Point:
    """The point with every number rounded to float32, so that both types start from the same numbers."""

    def cast(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: array.astype("float32").astype("float64") for name, array in arrays.items()}

    return replace(point, params=cast(point.params), x=cast(point.x), state=cast(point.state))


# Comparison --------------------------------------------------------------------------------------------------


def scales(expected: Mapping[Key, Array]) -> dict[Key, float]:
    """What an array's errors are measured against: its largest entry, or FLOOR of the largest entry of all arrays."""
    largest = {key: float(np.abs(array).max(initial=0.0)) for key, array in expected.items()}
    overall = max((value for value in largest.values() if np.isfinite(value)), default=0.0)
    return {key: max(value, FLOOR * overall) for key, value in largest.items()}


def _filled(expected: Mapping[Key, Array], tolerances: Mapping[Key, float]) -> dict[Key, Array]:
    return {key: np.full(array.shape, tolerances[key]) for key, array in expected.items()}


def _distances(one: Mapping[Key, Array], other: Mapping[Key, Array]) -> dict[Key, float]:
    """The largest difference in each array, as a part of its scale; zero where that is not a number."""
    scale = scales(other)
    distances: dict[Key, float] = {}
    for key, array in other.items():
        distances[key] = 0.0
        if key in one and one[key].shape == array.shape:
            with np.errstate(all="ignore"):
                gap = np.abs(one[key] - array).max(initial=0.0) / (scale[key] or 1.0)
            distances[key] = float(gap) if np.isfinite(gap) else 0.0
    return distances


def _as_parts(estimate: Estimate) -> Estimate:
    """Error bars as parts of the arrays' scales."""
    scale = scales(estimate.values)
    parts = {key: EXACT + errors / (scale[key] or 1.0) for key, errors in estimate.errors.items()}
    return Estimate(estimate.values, parts)


def _compare(oracle: str, computed: Mapping[Key, Array], estimate: Estimate, case: str) -> Iterator[Difference]:
    """For every array the entry that deviates most in units of its tolerance."""
    scale = scales(estimate.values)
    for key, expected in estimate.values.items():
        if not expected.size:
            continue
        mine = computed.get(key)
        if mine is None or mine.shape != expected.shape:
            shape = None if mine is None else mine.shape
            raise InputError(f"the kernel's {_label(key)} has the shape {shape}, and {expected.shape} is right")
        with np.errstate(all="ignore"):
            relative = np.abs(mine - expected) / (scale[key] or 1.0)
            ratio = relative / estimate.errors[key]
        index = np.unravel_index(int(np.argmax(np.where(np.isnan(ratio), np.inf, ratio))), expected.shape)
        tolerance = float(estimate.errors[key][index])
        verdict = _verdict(oracle, mine, expected, scale[key] or 1.0, estimate.errors[key])
        place = tuple(int(k) for k in index)
        numbers = float(relative[index]), tolerance, float(mine[index]), float(expected[index])
        deviation = Deviation(oracle, *numbers, place, case, verdict)
        yield _label(key), deviation, expected.size


def _verdict(oracle: str, mine: Array, expected: Array, scale: float, tolerances: Array) -> Verdict:
    if not (np.isfinite(mine).all() and np.isfinite(expected).all()):
        # float32 overflows long before float64 does, and that is nobody's mistake.
        return "unresolved" if oracle == "float32" and np.isfinite(expected).all() else "not finite"
    blunt = _BLUNT if oracle == "five-point" else 1.0
    if bool((np.abs(mine - expected) / scale > tolerances)[tolerances <= blunt].any()):
        return "disagree"
    return "agree" if float(tolerances.min()) <= blunt else "unresolved"


def _label(key: Key) -> str:
    group, name = key
    match group:
        case "params" | "x":
            return f"∂L/∂{name}"
        case "state":
            return f"∂L/∂{name}_0"
        case _:
            return f"{group} {name}"


_ORDER: tuple[Verdict, ...] = ("agree", "unresolved", "disagree", "not finite")


def _worst(found: list[Difference]) -> tuple[ArrayCheck, ...]:
    """One row an array, in the order of appearance, with the worst deviation from each oracle."""
    rows: dict[str, dict[str, Deviation]] = {}
    entries: dict[str, int] = {}
    for label, deviation, count in found:
        row = rows.setdefault(label, {})
        held = row.get(deviation.oracle)
        entries[label] = entries.get(label, 0) + count
        if held is None or _badness(deviation) > _badness(held):
            row[deviation.oracle] = deviation
    return tuple(ArrayCheck(label, entries[label], tuple(row.values())) for label, row in rows.items())


def _badness(deviation: Deviation) -> tuple[int, float]:
    return _ORDER.index(deviation.verdict), deviation.severity
