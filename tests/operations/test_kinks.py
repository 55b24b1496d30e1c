"""At a kink the subgradient is PyTorch's."""

import numpy as np
import pytest

import symrnn

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")
F = torch.nn.functional

KINKS = {
    "relu(x)": (F.relu, [-1.0, 0.0, 1.0]),
    "leaky_relu(x)": (F.leaky_relu, [-1.0, 0.0, 1.0]),
    "leaky_relu(x, slope=0.3)": (lambda a: F.leaky_relu(a, 0.3), [-1.0, 0.0, 1.0]),
    "elu(x)": (F.elu, [-1.0, 0.0, 1.0]),
    "elu(x, 0.5)": (lambda a: F.elu(a, 0.5), [-1.0, 0.0, 1.0]),
    "hard_sigmoid(x)": (F.hardsigmoid, [-3.0, 0.5, 3.0]),
    "abs(x)": (torch.abs, [-1.0, 0.0, 1.0]),
    "sign(x)": (torch.sign, [-1.0, 0.0, 1.0]),
    "floor(x)": (torch.floor, [-1.5, -1.0, 0.0, 0.5, 2.0]),
    "mod(x, 2)": (lambda a: torch.remainder(a, 2), [-3.0, -2.0, 0.0, 1.5, 2.0]),
    "mod(7, x)": (lambda a: torch.remainder(torch.tensor(7.0, dtype=a.dtype), a), [-3.0, 2.0, 3.5]),
    "clip(x, -1, 1)": (lambda a: torch.clamp(a, -1, 1), [-1.0, 0.0, 1.0, 2.0]),
    "maximum(x, 2 - x)": (lambda a: torch.maximum(a, 2 - a), [0.0, 1.0, 2.0]),
    "minimum(x, 2 - x)": (lambda a: torch.minimum(a, 2 - a), [0.0, 1.0, 2.0]),
    "where(x > 0, 2 * x, 3 * x)": (lambda a: torch.where(a > 0, 2 * a, 3 * a), [-1.0, 0.0, 1.0]),
    "where(x >= 0, 2 * x, 3 * x)": (lambda a: torch.where(a >= 0, 2 * a, 3 * a), [-1.0, 0.0, 1.0]),
    "x * norm(x)": (lambda a: a * torch.linalg.vector_norm(a), [0.0, 0.0, 0.0]),
    "norm(x) + 0 * x": (lambda a: torch.linalg.vector_norm(a) + 0 * a, [0.0, 0.0, 0.0]),
    "softplus(x)": (F.softplus, [-30.0, 0.0, 10.0]),
    "silu(x)": (F.silu, [-30.0, 0.0, 30.0]),
    "gelu(x)": (F.gelu, [-6.0, -1.0, 0.0, 2.0]),
    "gelu_tanh(x)": (lambda a: F.gelu(a, approximate="tanh"), [-6.0, -1.0, 0.0, 2.0]),
}


@pytest.mark.parametrize("expression", KINKS)
def test_subgradients_are_those_of_pytorch(expression):
    function, points = KINKS[expression]
    x = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    y = function(x)
    y.sum().backward()
    kernel = symrnn.derive(f"def f(x):\n    y = {expression}\n    return y").numpy()
    outputs, _, tape = kernel.forward({}, np.array(points)[None, None], {})
    grads = kernel.backward(tape, np.ones_like(outputs))
    np.testing.assert_allclose(outputs[0, 0], y.detach().numpy(), rtol=1e-12, atol=1e-15)
    # PyTorch holds the 1/6 of its hard sigmoid in single precision.
    rtol = 1e-7 if expression.startswith("hard_sigmoid") else 1e-12
    np.testing.assert_allclose(grads.x[0, 0], x.grad.numpy(), rtol=rtol, atol=1e-15)


LSTM_NAMES = {"i": 0, "f": 1, "g": 2, "o": 3}


def test_lstm_agrees_with_pytorch():
    cell = symrnn.load("lstm")
    s = cell.sample(T=5, N=3, dims={"m": 4, "n": 6})
    layer = torch.nn.LSTM(4, 6, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.tensor(np.concatenate([s.params[f"W_{k}"] for k in LSTM_NAMES])))
        layer.weight_hh_l0.copy_(torch.tensor(np.concatenate([s.params[f"R_{k}"] for k in LSTM_NAMES])))
        layer.bias_ih_l0.copy_(torch.tensor(np.concatenate([s.params[f"b_{k}"] for k in LSTM_NAMES])))
        layer.bias_hh_l0.zero_()
    x = torch.tensor(s.x, requires_grad=True)
    h0, c0 = (torch.tensor(s.state[k], requires_grad=True) for k in "hc")
    y, (hT, cT) = layer(x, (h0[None], c0[None]))
    g = np.random.default_rng(0).standard_normal(y.shape)
    gc = np.random.default_rng(1).standard_normal(c0.shape)
    ((y * torch.tensor(g)).sum() + (cT[0] * torch.tensor(gc)).sum()).backward()
    kernel = symrnn.derive(cell).numpy()
    outputs, _, tape = kernel.forward(s.params, s.x, s.state)
    grads = kernel.backward(tape, g, {"c": gc})
    np.testing.assert_allclose(outputs, y.detach().numpy(), atol=1e-14)
    for k, place in LSTM_NAMES.items():
        block = slice(6 * place, 6 * place + 6)
        np.testing.assert_allclose(grads.params[f"W_{k}"], layer.weight_ih_l0.grad[block].numpy(), atol=1e-12)
        np.testing.assert_allclose(grads.params[f"R_{k}"], layer.weight_hh_l0.grad[block].numpy(), atol=1e-12)
        np.testing.assert_allclose(grads.params[f"b_{k}"], layer.bias_ih_l0.grad[block].numpy(), atol=1e-12)
    np.testing.assert_allclose(grads.x, x.grad.numpy(), atol=1e-12)
    np.testing.assert_allclose(grads.state["h"], h0.grad.numpy(), atol=1e-12)
    np.testing.assert_allclose(grads.state["c"], c0.grad.numpy(), atol=1e-12)
