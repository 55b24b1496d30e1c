"""Random parameters and inputs for a network, reproducible from a seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..arguments import choice, real, whole
from ..arguments import sizes as sizes_of
from ..errors import MissingExtraError, OptionError, nearest
from ..language.wiring import EACH, FIXED, STEPS, has_steps
from ..sizes import Size, shape_at
from .sample import Arrays, Sample, fill_dims, fitting_dims

if TYPE_CHECKING:
    from .network import Network

_DEFAULT_STEPS = 4
"""Of an axis other than T."""


def default_network_dims(network: Network, sizes: tuple[int, ...]) -> dict[str, int]:
    """Sizes for a network's dimensions, in the order given and then from the start again, and for its axes but T."""
    axes = sorted({axis for axis in network.axes.values() if has_steps(axis) and axis != STEPS})
    longer = tuple(sizes[k % len(sizes)] for k in range(len(network.dims)))
    fitting = fitting_dims(network.name, network.dims, network.constraints, longer)
    return {axis: 1 + sizes[-1 - k % len(sizes)] % 4 for k, axis in enumerate(axes)} | fitting


def complete_network_dims(network: Network, dims: Mapping[str, int] | None) -> dict[str, int]:
    """Given sizes with defaults for the rest. `h1.n` is a size of the scan h1, whatever it is called elsewhere; `n` is
    that of every scan; other axes than T have sizes too."""
    given = sizes_of("dims", dims)
    axes = {axis for axis in network.axes.values() if has_steps(axis) and axis != STEPS}
    complete: dict[str, int] = {axis: given.pop(axis, _DEFAULT_STEPS) for axis in axes}
    known: dict[str, Size] = {name: Size.of(name) for name in network.dims}
    shared: dict[str, list[Size]] = {}
    for block in network.blocks:
        if block.scanned:
            for dim, size in block.dims.items():
                known.setdefault(f"{block.name}.{dim}", size)
                shared.setdefault(dim, []).append(size)
    chosen: dict[str, int] = {}
    for name, value in sorted(given.items(), key=lambda item: "." in item[0]):  # those of one scan have the last word
        sizes = [known[name]] if name in known else [s for s in shared.get(name, []) if len(s.names) == 1]
        if not sizes:
            names = ", ".join([*network.dims, *axes]) or "none"
            meant = nearest(name, [*known, *shared])
            raise OptionError(f"{network.name} has no dimension {name!r}; it has: {names}. {meant}".rstrip())
        for size in sizes:
            if size.coefficients == ((str(size), 1),):
                chosen[str(size)] = value
            elif not size.is_number or size.constant != value:
                raise OptionError(f"{name} is {size} in {network.name}, so give {', '.join(size.names)} in its place")
    return complete | fill_dims(network.name, network.dims, network.constraints, chosen)


def draw_network_sample(
    network: Network, *, T: int, N: int, seed: int, dims: Mapping[str, int] | None, dtype: str, scale: float
) -> Sample:
    """Standard normal entries; matrices divided by the root of their columns. Lengths are between 1 and the number of
    steps, the first being all of them; a mask has no step that never counts at its first place."""
    try:
        import numpy as np
    except ModuleNotFoundError:
        raise MissingExtraError("a sample", "NumPy", None) from None
    T, N, seed = whole("T", T, 1), whole("N", N, 1), whole("seed", seed)
    choice("dtype", dtype, ("float32", "float64"))
    scale = real("scale", scale)
    sizes = complete_network_dims(network, dims) | {STEPS: T, EACH: N}
    generator = np.random.default_rng(seed)
    params: Arrays = {}
    for name, shape in network.params.items():
        values = shape_at(shape, sizes)
        spread = scale / (values[1] ** 0.5 if len(values) == 2 else 1.0)
        params[name] = np.asarray(generator.standard_normal(values) * spread, dtype=dtype)
    x: Arrays = {}
    for name, argument in network.arguments.items():
        own = shape_at(network.inputs[name], sizes)
        lead = {EACH: (N,), FIXED: ()}.get(argument.axis) if argument.given != "lengths" else (N,)
        full = ((sizes[argument.axis], N) if lead is None else lead) + own
        match argument.given:
            case "lengths":
                x[name] = generator.integers(1, sizes[argument.axis], N, endpoint=True)
                x[name][0] = sizes[argument.axis]
            case "mask":
                x[name] = np.asarray(generator.random(full) < 0.75, dtype=dtype)
                x[name][0] = 1
            case "integer":
                classes = network.classes[name].value(sizes) if name in network.classes else 1
                x[name] = generator.integers(0, classes, full)
            case _:
                x[name] = np.asarray(generator.standard_normal(full), dtype=dtype)
    return Sample(params, x, {})
