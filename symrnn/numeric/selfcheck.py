"""The end of an emitted module: run as a program, it checks its own gradients by complex step or by differences."""

from __future__ import annotations

from collections.abc import Mapping

from ..equations import Cell
from ..equations.sample import default_dims
from ..operations.functions import stop_gradient
from ..operations.table import BY_HEAD
from ..sizes import Shape
from .names import PYTHON, Names

_WORDS = {
    "T", "N", "np", "params", "x", "state", "d_outputs", "d_final_state", "tape", "grads", "d_x", "d_state", "pairs",
    "worst", "array", "gradient", "scale", "index", "expected", "draw", "name", "value", "forward", "backward", "pack",
    "slope",
}  # fmt: skip

_COMPLEX_STEP = '''\
def slope(arrays, array, index, d_outputs, d_final_state):
    """The derivative of the loss by one entry: its imaginary part after a tiny imaginary step."""
    kept = array[index]
    array[index] = kept + 1e-30j
    result = loss(arrays, d_outputs, d_final_state).imag / 1e-30
    array[index] = kept
    return result
'''
_DIFFERENCES = '''\
def slope(arrays, array, index, d_outputs, d_final_state):
    """The derivative of the loss by one entry: five-point differences."""
    kept, losses = array[index], []
    for step in (-2, -1, 1, 2):
        array[index] = kept + 1e-4 * step
        losses.append(loss(arrays, d_outputs, d_final_state))
    array[index] = kept
    return (losses[0] - 8 * losses[1] + 8 * losses[2] - losses[3]) / 12e-4
'''

_BLANK = ("", "")


def self_check(cell: Cell, heads: frozenset[type | str]) -> str:
    """`loss`, `slope`, `check` and a `__main__` for a module whose forward pass calls some operations."""
    if any(equation.expr.has(stop_gradient) for equation in cell.equations):
        return (
            "# This cell stops gradients on purpose, which no difference of losses can see: there is no self-check.\n"
        )
    real = any(row.real_only for head in heads if isinstance(head, type) and (row := BY_HEAD.get(head)))
    taken = Names(_WORDS, PYTHON)
    dims = {dim: taken.take(dim, "dim_") for dim in cell.dims}
    sizes = "".join(f", {dims[dim]}={value}" for dim, value in default_dims(cell).items())
    params = _entries(cell.params, (), dims, fan=True)
    inputs, states = _entries(cell.inputs, ("T", "N"), dims), _entries(cell.states, ("N",), dims)
    above = _entries(cell.outputs, ("T", "N"), dims)
    one_x = len(inputs) == 1
    lines = [
        *_loss(one_output=len(above) == 1),
        *_BLANK,
        *(_DIFFERENCES if real else _COMPLEX_STEP).splitlines(),
        *_BLANK,
        f"def check(T=3, N=2{sizes}):",
        '    """The largest error of a gradient entry, in parts of the largest entry of its array."""',
        "    draw = np.random.default_rng(0).standard_normal",
        "    params = {",
        *(f'        "{name}": {array},' for name, array in params.items()),
        "    }",
        f"    x = {_one_or_named(inputs)}",
        f"    state = {_named(states)}",
        f"    d_outputs = {_one_or_named(above)}",
        f"    d_final_state = {_named(states)}",
        "    _, _, tape = forward(pack(params), x, state)",
        "    grads, d_x, d_state = backward(tape, d_outputs, d_final_state)",
        *_complexified(real, one_x),
        *_compared(one_x),
        *_BLANK,
        'if __name__ == "__main__":',
        "    error = check()",
        f'    print(f"largest relative error against {"differences" if real else "complex step"}: {{error:.1e}}")',
        f"    raise SystemExit(error > {'1e-6' if real else '1e-10'})",
    ]
    return "\n".join(lines) + "\n"


def _loss(*, one_output: bool) -> list[str]:
    total = "(d_outputs * outputs).sum()"
    if not one_output:
        total = "sum((d_outputs[name] * outputs[name]).sum() for name in outputs)"
    return [
        "def loss(arrays, d_outputs, d_final_state):",
        '    """A number that depends on everything: outputs and final state, weighted."""',
        "    params, x, state = arrays",
        "    outputs, final_state, _ = forward(pack(params), x, state)",
        f"    total = {total}",
        "    return total + sum((d_final_state[name] * final_state[name]).sum() for name in final_state)",
    ]


def _compared(one_input: bool) -> list[str]:
    """Every entry of every gradient beside its slope."""
    return [
        "    pairs = [(params[name], grads[name]) for name in params]",
        f"    pairs += {'[(x, d_x)]' if one_input else '[(x[name], d_x[name]) for name in x]'}",
        "    pairs += [(state[name], d_state[name]) for name in state]",
        "    worst = 0.0",
        "    for array, gradient in pairs:",
        "        scale = max(1e-3, float(np.abs(gradient).max()))",
        "        for index in np.ndindex(*array.shape):",
        "            expected = slope((params, x, state), array, index, d_outputs, d_final_state)",
        "            worst = max(worst, float(abs(gradient[index] - expected)) / scale)",
        "    return worst",
    ]


def _entries(
    shapes: Mapping[str, Shape], lead: tuple[str, ...], dims: Mapping[str, str], *, fan: bool = False
) -> dict[str, str]:
    """Random numbers in the shape of every array, as source: `draw((n, m)) / m**0.5`."""
    return {name: _drawn(shape, lead, dims, fan=fan) for name, shape in shapes.items()}


def _drawn(shape: Shape, lead: tuple[str, ...], dims: Mapping[str, str], *, fan: bool) -> str:
    sizes = [*lead, *(str(size.renamed(dims)) for size in shape)]
    if not sizes:
        return "np.array(draw())"
    drawn = f"draw(({sizes[0]},))" if len(sizes) == 1 else f"draw(({', '.join(sizes)}))"
    return drawn + (f" / ({sizes[1]}) ** 0.5" if fan and len(shape) == 2 else "")


def _named(entries: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": {array}' for name, array in entries.items()) + "}"


def _one_or_named(entries: Mapping[str, str]) -> str:
    return next(iter(entries.values())) if len(entries) == 1 else _named(entries)


def _complexified(real: bool, one_x: bool) -> list[str]:
    if real:
        return []
    return [
        "    params = {name: value.astype(complex) for name, value in params.items()}",
        "    x = x.astype(complex)" if one_x else "    x = {name: value.astype(complex) for name, value in x.items()}",
        "    state = {name: value.astype(complex) for name, value in state.items()}",
    ]
