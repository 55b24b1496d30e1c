"""Every row of the table of operations is complete and true, and what is left out of one is missed."""

from dataclasses import replace

import numpy as np
import pytest
from operations.conformance import complaints

from symrnn.operations.entry import C
from symrnn.operations.functions import Elementwise
from symrnn.operations.table import ALL, OPERATIONS

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.name)
def test_a_row_is_complete_and_true(row):
    assert complaints(row) == []


def without(operation, **changes):
    """A row with something left out, past what rows complete by themselves."""
    row = replace(OPERATIONS[operation])
    for field, value in changes.items():
        object.__setattr__(row, field, value)
    return row


class _flat(Elementwise):
    def derivative(self, a):
        return (np.int64(0) + 0 * a,)


INCOMPLETE = {
    "no name that has a meaning": without("tanh", name="tangent"),
    "nothing is said of it": without("tanh", about=""),
    "no look": without("tanh", look=None),
    "no name in LaTeX": without("tanh", look=replace(OPERATIONS["tanh"].look, latex="")),
    "no derivative": without("tanh", head=_flat),
    "no NumPy form": without("tanh", numpy=""),
    "another NumPy form": without("tanh", numpy="np.sinh({0})", ufunc="np.sinh"),
    "no helper": without("greater", helper="def above(a, b):\n    return a > b\n"),
    "no ufunc": without("tanh", ufunc=""),
    "no torch form": without("tanh", torch=None),
    "another torch form": without("tanh", torch=replace(OPERATIONS["tanh"].torch, code="torch.sinh({0.text})")),
    "no parentheses in torch": without("normal_pdf", torch=replace(OPERATIONS["normal_pdf"].torch, product=False)),
    "a view in torch": without("stop_gradient", torch=replace(OPERATIONS["stop_gradient"].torch, view=False)),
    "no C form": without("tanh", c=None),
    "an empty C form": without("tanh", c=C()),
    "a macro that math.h has not": without("tanh", c=C("TANGENT")),
    "calls in C that are not said": without("sigmoid", c=replace(OPERATIONS["sigmoid"].c, calls=())),
    "not said to be exact": without("floor", exact=False),
    "said to be exact": without("tanh", exact=True),
    "not said to be of real numbers alone": without("abs", real_only=False),
    "rounding that a helper hides": without("normal_cdf", rounds=None),
    "another largest slope": without("sigmoid", slope="1/2"),
    "a kink that is not said": without("relu", kink=""),
    "a kink that is none": without("tanh", kink="tanh′(0) = 1"),
    "no samples": without("tanh", samples=()),
    "a structured operation without a NumPy form": without("matmul", numpy=""),
    "a structured operation without a torch form": without("matmul", torch=None),
    "a structured operation without a shape rule": without("norm", shape=OPERATIONS["tanh"].shape),
    "a linear operation that is not said to be one": without("mean", linear=False),
    "rows that are not said to be apart": without("softmax", by_rows=False),
}


@pytest.mark.parametrize("what", INCOMPLETE)
def test_what_is_left_out_of_a_row_is_missed(what):
    assert complaints(INCOMPLETE[what])
