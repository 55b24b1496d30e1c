"""Operations on constants, in every target and both types, against Python's own mathematics."""

import math
import shutil

import numpy as np
import pytest

import symrnn
from symrnn.operations.table import ALL

NUMBERS = {
    "sigmoid": lambda a: 1 / (1 + math.exp(-a)),
    "tanh": math.tanh,
    "relu": lambda a: max(a, 0),
    "leaky_relu": lambda a: a if a > 0 else a / 100,
    "elu": lambda a: a if a > 0 else math.exp(a) - 1,
    "softplus": lambda a: math.log(1 + math.exp(a)),
    "silu": lambda a: a / (1 + math.exp(-a)),
    "gelu": lambda a: a * (1 + math.erf(a / math.sqrt(2))) / 2,
    "gelu_tanh": lambda a: a * (1 + math.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3))) / 2,
    "hard_sigmoid": lambda a: min(max(a / 6 + 0.5, 0), 1),
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "erf": math.erf,
    "abs": abs,
    "sign": lambda a: math.copysign(1, a) if a else 0,
    "floor": math.floor,
    "mod": lambda a, b: a - b * math.floor(a / b),
    "maximum": max,
    "minimum": min,
    "clip": lambda a, lower, upper: min(max(a, lower), upper),
    "where": lambda condition, a, b: a if condition else b,
    "stop_gradient": lambda a: a,
    "square": lambda a: a * a,
}  # fmt: skip
_POSITIVE, _ANY, _PAIRS = (
    ["2", "3", "1/3", "0.25"],
    ["2", "-3", "0", "1/3"],
    ["2, 3", "3, 2", "1/3, 2/3", "3, 0.5"],
)
EXPRESSIONS = {
    **{name: [f"{name}({a})" for a in _ANY] for name in NUMBERS},
    **{name: [f"{name}({a})" for a in _POSITIVE] for name in ("log", "sqrt")},
    **{name: [f"{name}({pair})" for pair in _PAIRS] for name in ("mod", "maximum", "minimum")},
    "clip": ["clip(2, -1, 1)", "clip(1/3, 0.5, 2)", "clip(0, -1, 1)"],
    "where": ["where(0.5 >= 0.2, 1, 2)", "where(0.2 >= 0.5, 1, 2)", "where(2 > 3, gelu(2), 1/3)"],
    "greater": ["(2 > 1)", "(1/3 > 2)", "(0 > 0)"],
    "greater_equal": ["(2 >= 1)", "(1/3 >= 2)", "(0 >= 0)"],
    "nested": ["gelu(gelu(2))", "tanh(2) ** 0.5", "softplus(floor(3/2))", "1 / tanh(2)", "2 * sigmoid(0) - 1"],
}
# Only one operand is a constant, or the operands cancel: the value at h.
MIXED = {
    "where(2 > 1, h, 1)": lambda h: h,
    "where(0.2 >= 0.5, h, 3)": lambda h: 3 + 0 * h,
    "where(h > gelu(2), 1, 2)": lambda h: np.where(h > 1.9544997361036416, 1, 2),
    "maximum(tanh(1), h)": lambda h: np.maximum(math.tanh(1), h),
    "mod(7, 1 + square(h))": lambda h: np.mod(7, 1 + h * h),
    "sigmoid(0 * h)": lambda h: 0.5 + 0 * h,
    "softmax(0 * h)": lambda h: np.full_like(h, 1 / h.shape[-1]),
    "exp(0) * h": lambda h: h,
    "0 * h": lambda h: 0 * h,
    "h - h": lambda h: 0 * h,
    "sum(0 * h) + h": lambda h: h,
    "logsumexp(0 * h) * h": lambda h: math.log(h.shape[-1]) * h,
    "norm(1 + 0 * h) * h": lambda h: math.sqrt(h.shape[-1]) * h,
    "gelu(2 + 0 * h)": lambda h: 1.9544997361036416 + 0 * h,
    "[0 * h, h][1:n + 1]": lambda h: np.concatenate([0 * h[..., 1:], h[..., :1]], axis=-1),
}
CONSTANTS = [expression for row in EXPRESSIONS.values() for expression in row]
VALUES = np.array([float(eval(expression, {}, NUMBERS)) for expression in CONSTANTS])
H = np.array([[0.3, -1.7, 2.5], [-0.2, 0.8, 1.1]])
TARGETS = ["plain", "fast", pytest.param("c", marks=pytest.mark.skipif(not shutil.which("cc"), reason="no cc"))]


def cell_of(expressions, factor=""):
    lines = "".join(f"    y{k} = ({expression}){factor}\n" for k, expression in enumerate(expressions))
    outputs = ", ".join(f"y{k}" for k in range(len(expressions)))
    return symrnn.cell(f"def f(x, h: '(n,)'):\n{lines}    h = 0.5 * h + x\n    return ({outputs}), (h,)\n")


def run(derivation, target, dtype):
    """Outputs by number, and ∂L/∂h₀ for L the sum of all of them."""
    options = {"plain": {"plain": True}, "fast": {}, "c": {"backend": "c"}}[target]
    kernel = derivation.numpy(dtype, **options)
    h = H.astype(dtype)
    outputs, _, tape = kernel.forward({}, np.zeros((1, *h.shape), dtype), {"h": h})
    grads = kernel.backward(tape, {name: np.ones_like(value) for name, value in outputs.items()})
    return [outputs[name][0] for name in kernel.cell.outputs], grads.state["h"]


@pytest.fixture(scope="module")
def derivations(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("CFLAGS", "-O0")
        yield [symrnn.derive(c) for c in (cell_of(CONSTANTS), cell_of(CONSTANTS, " * h"), cell_of(MIXED))]


def test_every_operation_of_numbers_is_here():
    rows = {row.name for row in ALL if row.written and row.elementwise and row.head is not None}
    assert rows <= set(EXPRESSIONS)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("target", TARGETS)
def test_constants(target, dtype, derivations):
    alone, beside_h, mixed = derivations
    tolerance = 1e-13 if dtype == "float64" else 1e-6
    outputs, d_h = run(alone, target, dtype)
    for expression, expected, found in zip(CONSTANTS, VALUES, outputs, strict=True):
        assert found.shape == (2,), expression
        assert found.dtype == dtype, expression
        np.testing.assert_allclose(found, np.full(2, expected), rtol=tolerance, atol=tolerance, err_msg=expression)
    assert not d_h.any()
    outputs, d_h = run(beside_h, target, dtype)
    for expression, expected, found in zip(CONSTANTS, VALUES, outputs, strict=True):
        assert found.dtype == dtype, expression
        np.testing.assert_allclose(found, expected * H, rtol=tolerance, atol=tolerance, err_msg=expression)
    np.testing.assert_allclose(d_h, np.full_like(H, VALUES.sum()), rtol=50 * tolerance)
    outputs, _ = run(mixed, target, dtype)
    for (expression, value), found in zip(MIXED.items(), outputs, strict=True):
        assert found.dtype == dtype, expression
        np.testing.assert_allclose(found, value(H), rtol=tolerance, atol=tolerance, err_msg=expression)


def test_constants_in_torch(derivations):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")
    for derivation, expected in zip(
        derivations,
        ([v + 0 * H[:, 0] for v in VALUES], [v * H for v in VALUES], [v(H) for v in MIXED.values()]),
        strict=True,
    ):
        namespace = {"__name__": "emitted"}
        exec(derivation.code("torch"), namespace)
        for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 2e-6)):
            outputs, _ = namespace["F"](n=3)(torch.zeros(1, *H.shape, dtype=dtype), {"h": torch.tensor(H, dtype=dtype)})
            for name, value in zip(outputs, expected, strict=True):
                assert outputs[name].dtype == dtype
                np.testing.assert_allclose(outputs[name][0].numpy(), value, rtol=tolerance, atol=tolerance)


def test_constants_are_checked():
    few = ["gelu(2)", "sigmoid(0)", "where(0.5 >= 0.2, h, 1)", "sigmoid(0 * h)", "exp(0) * h"]
    assert symrnn.check(cell_of(few))
    assert symrnn.check("def f(x, h):\n    y = 0 * h\n    h = 0.5 * h + x\n    return y, (h,)")  # no warning of NumPy's
