"""Every head is an ordinary factor to SymPy: structured operations stand in products, quotients and sums as names do."""

import numpy as np
import pytest
import sympy

import symrnn
from symrnn.operations import structured
from symrnn.operations.table import OPERATIONS

# One expression for each structured operation, in a cell with a vector state and a square parameter.
STRUCTURED = {
    "matmul": "R @ h",
    "transpose": "h @ R.T",
    "outer": "outer(h, b) @ h",
    "dot": "dot(h, b) + b",
    "sum": "sum(h) + b",
    "mean": "mean(R) + b",
    "softmax": "softmax(h)",
    "logsumexp": "logsumexp(h) + b",
    "cross_entropy": "cross_entropy(h, b) + b",
    "binary_cross_entropy": "binary_cross_entropy(h, b) + b",
    "squared_error": "squared_error(h, b) + b",
    "norm": "norm(h) + b",
    "diag": "diag(h) @ b",
    "concatenate": "[h[1:], x[:1]]",
    "slice": "R[0]",
}


def test_every_structured_operation_that_can_be_written_is_here() -> None:
    written = {name for name, row in OPERATIONS.items() if row.adjoint is not None and row.written}
    assert written <= set(STRUCTURED)


def test_every_structured_head_commutes_whatever_its_operands() -> None:
    heads = structured.Structured.__subclasses__()
    assert len(heads) > 10
    for head in heads:
        assert head(sympy.Symbol("a", commutative=False)).is_commutative, head


@pytest.mark.parametrize("name", STRUCTURED)
@pytest.mark.parametrize(
    "form", ["0.1 * ({} - h)", "({} + h) * 0.5", "x * ({} - 2 * h) / 3", "-(h + {}) * x", "(h - {}) ** 2"]
)
def test_a_structured_operation_within_a_product_has_its_derivative(name: str, form: str) -> None:
    cell = symrnn.cell(
        f"def f(x: (n,), h: (n,)):\n    b: (n,)\n    h = {form.format(STRUCTURED[name])} + R @ b\n    return h\n"
    )
    sample = cell.sample(T=1, N=1, dims={"n": 3})
    kernel = symrnn.derive(cell).numpy(plain=True)
    outputs, _, tape = kernel.forward(sample.params, sample.x, sample.state)
    grads = kernel.backward(tape, np.ones_like(outputs))
    step = 1e-6
    for k in range(3):
        moved = [sample.state["h"] + s * step * np.eye(3)[k] for s in (1, -1)]
        up, down = (kernel.forward(sample.params, sample.x, {"h": h})[0].sum() for h in moved)
        assert grads.state["h"][0, k] == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-7)
