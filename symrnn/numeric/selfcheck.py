"""The end of an emitted module: run as a program, it checks its own gradients by complex step or by differences."""

from __future__ import annotations

from ..equations import Cell
from ..equations.sample import default_dims
from ..operations.functions import stop_gradient
from ..sizes import Shape

# NumPy calls that are not the analytic function beside the real line, or do not take complex numbers.
_REAL_ONLY = ("np.abs(", "np.sign(", "math.erfc", "np.logaddexp(", "np.mod(", "np.floor(", "prefers(")

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


def self_check(cell: Cell, body: str) -> str:
    """`loss`, `slope`, `check` and a `__main__` for a module whose other text is `body`."""
    if any(equation.expr.has(stop_gradient) for equation in cell.equations):
        return (
            "# This cell stops gradients on purpose, which no difference of losses can see: there is no self-check.\n"
        )
    real = any(call in body for call in _REAL_ONLY)
    dims = default_dims(cell)
    sizes = "".join(f", {dim}={value}" for dim, value in dims.items())
    params = _entries(cell.params, (), fan=True)
    inputs, states, outputs = _entries(cell.inputs, ("T", "N")), _entries(cell.states, ("N",)), cell.outputs
    x = inputs[0].split(": ", 1)[1] if len(inputs) == 1 else f"{{{', '.join(inputs)}}}"
    above = _entries(outputs, ("T", "N"))
    d_outputs = above[0].split(": ", 1)[1] if len(above) == 1 else f"{{{', '.join(above)}}}"
    one_x, one_y = len(inputs) == 1, len(above) == 1
    lines = [
        "def loss(arrays, d_outputs, d_final_state):",
        '    """A number that depends on everything: outputs and final state, weighted."""',
        "    params, x, state = arrays",
        "    outputs, final_state, _ = forward(pack(params), x, state)",
        "    total = (d_outputs * outputs).sum()"
        if one_y
        else "    total = sum((d_outputs[name] * outputs[name]).sum() for name in outputs)",
        "    return total + sum((d_final_state[name] * final_state[name]).sum() for name in final_state)",
        "",
        "",
        *(_DIFFERENCES if real else _COMPLEX_STEP).splitlines(),
        "",
        "",
        f"def check(T=3, N=2{sizes}):",
        '    """The largest error of a gradient entry, in parts of the largest entry of its array."""',
        "    draw = np.random.default_rng(0).standard_normal",
        "    params = {",
        *(f"        {entry}," for entry in params),
        "    }",
        f"    x = {x}",
        f"    state = {{{', '.join(states)}}}",
        f"    d_outputs = {d_outputs}",
        f"    d_final_state = {{{', '.join(states)}}}",
        "    _, _, tape = forward(pack(params), x, state)",
        "    grads, d_x, d_state = backward(tape, d_outputs, d_final_state)",
        *_complexified(real, one_x),
        "    pairs = [(params[name], grads[name]) for name in params]",
        f"    pairs += {'[(x, d_x)]' if one_x else '[(x[name], d_x[name]) for name in x]'}",
        "    pairs += [(state[name], d_state[name]) for name in state]",
        "    worst = 0.0",
        "    for array, gradient in pairs:",
        "        scale = max(1e-3, float(np.abs(gradient).max()))",
        "        for index in np.ndindex(*array.shape):",
        "            expected = slope((params, x, state), array, index, d_outputs, d_final_state)",
        "            worst = max(worst, float(abs(gradient[index] - expected)) / scale)",
        "    return worst",
        "",
        "",
        'if __name__ == "__main__":',
        "    error = check()",
        f'    print(f"largest relative error against {"differences" if real else "complex step"}: {{error:.1e}}")',
        f"    raise SystemExit(error > {'1e-6' if real else '1e-10'})",
    ]
    return "\n".join(lines) + "\n"


def _entries(shapes, lead: tuple[str, ...], *, fan: bool = False) -> list[str]:
    """`"W": draw((n, m)) / m**0.5` for every array."""
    return [f'"{name}": {_drawn(shape, lead, fan=fan)}' for name, shape in shapes.items()]


def _drawn(shape: Shape, lead: tuple[str, ...], *, fan: bool) -> str:
    sizes = [*lead, *map(str, shape)]
    if not sizes:
        return "np.array(draw())"
    tuple_text = f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"
    return f"draw({tuple_text})" + (f" / ({shape[1]}) ** 0.5" if fan and len(shape) == 2 else "")


def _complexified(real: bool, one_x: bool) -> list[str]:
    if real:
        return []
    return [
        "    params = {name: value.astype(complex) for name, value in params.items()}",
        "    x = x.astype(complex)" if one_x else "    x = {name: value.astype(complex) for name, value in x.items()}",
        "    state = {name: value.astype(complex) for name, value in state.items()}",
    ]
