"""Net inputs and operands get names; the names never collide; the written order is kept."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import symrnn
from symrnn.equations.lower import written_terms
from symrnn.operations.table import BY_HEAD


def equations(body: str, header: str = "x: vector, h: vector") -> list[tuple[str, str]]:
    cell = symrnn.cell(f"def f({header}):\n    {body}\n    return h\n")
    return [(equation.name, str(equation.expr)) for equation in cell.equations]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # the net input of a gate
        ("h = tanh(W @ x + b)", [("a_h", "b + matmul(W, x)"), ("h", "tanh(a_h)")]),
        # of a name, or of a negated name, there is nothing to name
        ("h = tanh(h)", [("h", "tanh(h_prev)")]),
        ("h = tanh(-h)", [("h", "tanh(-h_prev)")]),
        # an activation of a product inside an expression
        ("h = z * tanh(W @ x)", [("a_h", "matmul(W, x)"), ("h", "z*tanh(a_h)")]),
        # operands of products
        ("h = R @ (z * h)", [("u_h", "h_prev*z"), ("h", "matmul(R, u_h)")]),
        ("h = A @ B @ h", [("u_h", "matmul(A, B)"), ("h", "matmul(u_h, h_prev)")]),
        ("h = (W + V).T @ x", [("u_h", "V + W"), ("h", "matmul(transpose(u_h), x)")]),
        # a product beside others keeps its place, one in a quotient gets a name
        ("h = W @ x + 2 * (R @ h)", [("h", "2*matmul(R, h_prev) + matmul(W, x)")]),
        ("h = z * (W @ x)", [("u_h", "matmul(W, x)"), ("h", "u_h*z")]),
        ("h = 1 / (W @ x)", [("u_h", "matmul(W, x)"), ("h", "1/u_h")]),
        # reductions are not of the equation's shape and are named
        ("h = h / norm(h)", [("u_h", "norm(h_prev)"), ("h", "h_prev/u_h")]),
        ("h = softmax(W @ x) * h", [("a_h", "matmul(W, x)"), ("u_h", "softmax(a_h)"), ("h", "h_prev*u_h")]),
        ("h = W @ [h, x]", [("u_h", "stack(h_prev, x)"), ("h", "matmul(W, u_h)")]),
    ],
)
def test_what_gets_a_name(body: str, expected: list[tuple[str, str]]) -> None:
    assert equations(body) == expected


def test_equal_values_share_a_name() -> None:
    found = equations("z = sigmoid(W @ x + b)\n    h = z * tanh(W @ x + b) + (W @ x + b) / 2")
    assert [name for name, _ in found] == ["a_z", "z", "h"]


def test_names_never_collide_with_those_of_the_user() -> None:
    found = equations("a_h = W @ x\n    u_h = V @ x\n    h = tanh(R @ (h * u_h) + a_h)")
    assert [name for name, _ in found] == ["a_h", "u_h", "u_h_2", "a_h_2", "h"]


NAMES = st.sampled_from(["a_h", "u_h", "h_prev", "h_1", "a_h_2", "u_h_2", "h_prev_", "delta_h", "g_h", "carry_h", "y"])


@pytest.mark.filterwarnings("ignore:.*nothing reads:symrnn.errors.CellWarning")
@given(st.lists(NAMES, min_size=1, max_size=6), NAMES)
def test_every_name_is_given_once_whatever_the_user_calls_things(targets: list[str], parameter: str) -> None:
    lines = [f"    {target} = tanh(R @ (h * {parameter})) + V @ x" for target in targets]
    used = " + ".join(dict.fromkeys(targets))
    text = "\n".join(["def f(x, h):", *lines, f"    h = tanh(W @ (h * ({used})))", "    return h", ""])
    try:
        derivation = symrnn.derive(text)
    except symrnn.CellError as error:
        assert "used before it gets a value" in str(error)
        return
    given_names = [equation.name for equation in derivation.equations]
    assert len(set(given_names)) == len(given_names)
    assert not set(given_names) & {*derivation.cell.params, *derivation.cell.inputs}


def test_every_operand_of_a_structured_operation_is_a_name() -> None:
    cell = symrnn.cell(
        "def f(x, h):\n    h = tanh(W @ (x + V @ [h, x])) * dot(h - x[:n], U @ (h * h)) + sum(outer(h, x + x))\n"
        "    return h\n"
    )
    structured = [
        node for equation in cell.equations for node in _walk(equation.expr)
        if type(node) in BY_HEAD and not BY_HEAD[type(node)].elementwise
    ]  # fmt: skip
    assert len(structured) >= 7
    for node in structured:
        operands = node.args[: len(BY_HEAD[type(node)].operands)]
        assert all(not operand.args for operand in operands), node


def _walk(expr):
    yield expr
    for argument in expr.args:
        yield from _walk(argument)


def test_the_written_order_is_kept_where_sympy_sorts() -> None:
    cell = symrnn.cell("def f(x, h):\n    h = z - W @ x + b - (a - R @ h)\n    return h\n")
    (equation,) = cell.equations
    assert [str(term.expr) for term in equation.terms] == ["z", "-matmul(W, x)", "b", "-a", "matmul(R, h_prev)"]
    assert equation.written is not None
    assert [sign for sign, _ in written_terms(equation.written)] == [1, -1, 1, -1, 1]


def test_terms_sum_to_the_equation() -> None:
    for name in symrnn.zoo:
        for equation in symrnn.zoo[name].equations:
            assert sum(term.expr for term in equation.terms) == equation.expr


def test_deep_expressions_are_cut_before_their_derivatives_grow() -> None:
    found = equations("h = h + x * (" + "square(1 + " * 90 + "x" + ")" * 90 + ")")
    assert len(found) == 14
    assert found[-1][0] == "h"
    twice = "h"
    for _ in range(8):  # 2⁸ leaves, 8 different values
        twice = f"maximum({twice}, tanh({twice}))"
    derivation = symrnn.derive(f"def f(x, h: (n,)):\n    h = {twice} + W @ x\n    return h\n")
    assert len(derivation.text()) < 8000


def test_long_sums_and_products_are_not_cut() -> None:
    assert len(equations("h = " + " + ".join(f"p_{k} * h" for k in range(150)))) == 1
    assert len(equations("h = h * " + " * ".join(f"p_{k}" for k in range(150)))) == 1


def test_equations_are_numbered_from_one() -> None:
    numbers = [equation.number for equation in symrnn.load("lstm").equations]
    assert numbers[0] == 1
    assert all(b == a + 1 for a, b in pairwise(numbers))
