"""The expressions of one `return` see what was assigned before it: beside a step in NumPy that a person wrote."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symrnn

Step = Callable[[Any, Any, Any, Any], tuple[Any, ...]]
T, N, n = 3, 2, 3


def net(p: Any, x: Any, h: Any) -> Any:
    return np.tanh(x @ p["W"].T + h @ p["R"].T)


def both(p: Any, x: Any, h: Any, c: Any) -> tuple[Any, ...]:
    return np.tanh(c), (np.tanh(c), np.tanh(h) + x @ p["W"].T)


def used_before(p: Any, x: Any, h: Any, c: Any) -> tuple[Any, ...]:
    new = net(p, x, h)
    return new + h @ p["R"].T, (new, np.tanh(c) * new)


# text -> output and new states from the parameters, one input and the old states h, c
RETURNS: dict[str, tuple[str, Step]] = {
    "the output alone is old": ("return h + c, (tanh(W @ x + R @ h), 0.5 * c)", lambda p, x, h, c: (h + c, (net(p, x, h), c / 2))),
    "the old state itself": ("return h, (tanh(W @ x + R @ h), h * c)", lambda p, x, h, c: (h, (net(p, x, h), h * c))),
    "a name for the new one": ("u = tanh(W @ x + R @ h)\n return h, (u, h * c)", lambda p, x, h, c: (h, (net(p, x, h), h * c))),
    "states alone": ("return tanh(c), tanh(h) + W @ x", both),
    "the same in both": ("return tanh(c), (tanh(c), tanh(h) + W @ x)", both),
    "places changed": ("u = c\n v = h\n return W @ x, (u, v)", lambda p, x, h, c: (x @ p["W"].T, (c, h))),
    "places changed in the return": ("return W @ x, (1 * c, h)", lambda p, x, h, c: (x @ p["W"].T, (c, h))),
    "assigned before": ("k = R @ h\n h = tanh(W @ x + k)\n return h + k, (h, tanh(c) * h)", used_before),
    "a reading of each": ("return h - c, (R @ c, W @ x + h)", lambda p, x, h, c: (h - c, (c @ p["R"].T, x @ p["W"].T + h))),
    "one value for both": ("h = tanh(W @ x + R @ h) * c\n return h, h", lambda p, x, h, c: (net(p, x, h) * c, (net(p, x, h) * c,) * 2)),
}  # fmt: skip


def cell_of(text: str) -> symrnn.Cell:
    return symrnn.cell(f"def cell(x: (n,), h: (n,), c: (n,)):\n {text}\n")


def run(step: Step, p: Any, x: Any, state: Any) -> tuple[Any, Any]:
    """Outputs and final states of all steps."""
    h, c, outputs = state["h"], state["c"], []
    for t in range(T):
        y, (h, c) = step(p, x[t], h, c)
        outputs.append(y)
    return np.stack(outputs), {"h": h, "c": c}


def truth(step: Step, sample: Any, d_y: Any, d_final: Any) -> dict[str, Any]:
    """The gradient of ⟨d_y, outputs⟩ + ⟨d_final, final states⟩ by complex step, entry by entry."""
    arrays = {**sample.params, "x": sample.x, **{f"{name}_0": value for name, value in sample.state.items()}}

    def loss(moved: dict[str, Any]) -> Any:
        y, final = run(step, moved, moved["x"], {"h": moved["h_0"], "c": moved["c_0"]})
        return (y * d_y).sum() + sum((final[name] * d_final[name]).sum() for name in final)

    gradient: dict[str, Any] = {}
    for name, array in arrays.items():
        gradient[name] = np.zeros_like(array)
        for index in np.ndindex(array.shape):
            moved = array.astype(complex)
            moved[index] += 1e-30j
            gradient[name][index] = np.imag(loss({**arrays, name: moved})) / 1e-30
    return gradient


@pytest.mark.parametrize("name", RETURNS)
@pytest.mark.parametrize("form", ["plain", "fast", "c"])
def test_values_and_gradients_of_every_kernel(name: str, form: str) -> None:
    text, step = RETURNS[name]
    cell = cell_of(text)
    sample = cell.sample(T=T, N=N, dims={"n": n})
    derivation = symrnn.derive(cell)
    try:
        kernel = derivation.numpy(backend="c") if form == "c" else derivation.numpy(plain=form == "plain")
    except symrnn.CompilerError as error:
        pytest.skip(str(error))
    outputs, final, tape = kernel.forward(sample.params, sample.x, sample.state)
    expected, expected_final = run(step, sample.params, sample.x, sample.state)
    np.testing.assert_allclose(outputs, expected, rtol=1e-13, atol=1e-15)
    for state, value in expected_final.items():
        np.testing.assert_allclose(final[state], value, rtol=1e-13, atol=1e-15)
    d_y, d_final = np.cos(expected), {state: np.sin(1 + value) for state, value in expected_final.items()}
    grads = kernel.backward(tape, d_y, d_final)
    mine = {**grads.params, "x": grads.x, **{f"{state}_0": value for state, value in grads.state.items()}}
    for key, value in truth(step, sample, d_y, d_final).items():
        np.testing.assert_allclose(mine[key], value, rtol=1e-12, atol=1e-14, err_msg=key)


@pytest.mark.parametrize("name", RETURNS)
def test_values_and_gradients_of_the_torch_module(name: str) -> None:
    torch = pytest.importorskip("torch", reason="the emitted module needs torch")
    text, step = RETURNS[name]
    cell = cell_of(text)
    sample = cell.sample(T=T, N=N, dims={"n": n})
    module: dict[str, Any] = {"__name__": "emitted"}
    exec(symrnn.derive(cell).code("torch"), module)
    arrays = {"x": sample.x, **{f"{state}_0": value for state, value in sample.state.items()}, **sample.params}
    given = {key: torch.tensor(value, requires_grad=True) for key, value in arrays.items()}
    results = module["CellFunction"].apply(*given.values())
    expected, expected_final = run(step, sample.params, sample.x, sample.state)
    for mine, value in zip(results, (expected, *expected_final.values()), strict=True):
        np.testing.assert_allclose(mine.detach().numpy(), value, rtol=1e-13, atol=1e-15)
    above = [np.cos(expected), *(np.sin(1 + value) for value in expected_final.values())]
    grads = torch.autograd.grad(results, list(given.values()), [torch.tensor(value) for value in above])
    right = truth(step, sample, above[0], dict(zip(expected_final, above[1:], strict=True)))
    for key, grad in zip(given, grads, strict=True):
        np.testing.assert_allclose(grad.numpy(), right[key], rtol=1e-12, atol=1e-14, err_msg=key)


def test_proof_and_check_hold() -> None:
    cell = cell_of(RETURNS["the old state itself"][0])
    assert symrnn.prove(cell, steps=(1,))
    assert symrnn.check(cell)


def test_a_state_that_is_returned_as_itself_under_another_assignment_is_still_never_assigned() -> None:
    with pytest.raises(symrnn.CellError, match="the state `c` is never assigned"):
        cell_of("return tanh(W @ x + h), c")
