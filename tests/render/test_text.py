"""The text page: the formulas of the zoo as a person would write them, and the page around them."""

import pytest

import symrnn
from symrnn.operations import OPERATIONS
from symrnn.render.document import show_shape
from symrnn.render.languages import ENGLISH
from symrnn.render.printer import show_number
from symrnn.render.printers.text import show_size
from symrnn.sizes import Size


def formulas(page: str) -> dict[str, str]:
    """Left side -> right side of every one-line formula of a page."""
    body = page[page.index("Forward,") :].splitlines()
    pairs = [line.split(" = ", 1) for line in body if " = " in line and "·  " not in line and " · " not in line[:12]]
    return {
        left.split(")", 1)[-1].strip() if left.strip().startswith("(") else left.strip(): right for left, right in pairs
    }


RNN = {
    "a_h": "W x_t + R h_{t−1} + b",
    "h_t": "tanh(a_h)",
    "δ_h": "ε_{h,t} + κ_{h,t+1}",
    "δ_a_h": "δ_h ⊙ (1 − h_t²)",
    "κ_{h,t}": "Rᵀ δ_a_h",
    "∂L/∂W": "Σ_t δ_a_h x_tᵀ",
    "∂L/∂R": "Σ_t δ_a_h h_{t−1}ᵀ",
    "∂L/∂b": "Σ_t δ_a_h",
    "∂L/∂x_t": "Wᵀ δ_a_h",
    "∂L/∂h_0": "κ_{h,1}",
}
LSTM = {
    "a_f": "W_f x_t + R_f h_{t−1} + b_f",
    "c_t": "f ⊙ c_{t−1} + i ⊙ g",
    "h_t": "o ⊙ tanh(c_t)",
    "δ_o": "δ_h ⊙ tanh(c_t)",
    "δ_a_o": "δ_o ⊙ o ⊙ (1 − o)",
    "δ_f": "δ_c ⊙ c_{t−1}",
    "δ_a_f": "δ_f ⊙ f ⊙ (1 − f)",
    "δ_i": "δ_c ⊙ g",
    "δ_g": "δ_c ⊙ i",
    "δ_a_g": "δ_g ⊙ (1 − g²)",
    "κ_{c,t}": "δ_c ⊙ f",
    "∂L/∂W_f": "Σ_t δ_a_f x_tᵀ",
    "∂L/∂R_f": "Σ_t δ_a_f h_{t−1}ᵀ",
    "∂L/∂b_f": "Σ_t δ_a_f",
    "∂L/∂h_0": "κ_{h,1}",
    "∂L/∂c_0": "κ_{c,1}",
}
PEEPHOLE = {
    "a_o": "W_o x_t + R_o h_{t−1} + p_o ⊙ c_t + b_o",
    "∂L/∂p_i": "Σ_t δ_a_i ⊙ c_{t−1}",
    "∂L/∂p_f": "Σ_t δ_a_f ⊙ c_{t−1}",
    "∂L/∂p_o": "Σ_t δ_a_o ⊙ c_t",
}
GRU = {
    "u_n": "r ⊙ h_{t−1}",
    "h_t": "z ⊙ h_{t−1} + (1 − z) ⊙ n",
    "δ_n": "δ_h ⊙ (1 − z)",
    "δ_a_n": "δ_n ⊙ (1 − n²)",
    "δ_z": "δ_h ⊙ (h_{t−1} − n)",
    "δ_u_n": "R_nᵀ δ_a_n",
    "δ_r": "δ_u_n ⊙ h_{t−1}",
    "∂L/∂R_n": "Σ_t δ_a_n u_nᵀ",
}
# Sums over several paths: which terms there are is mathematics, their order is the derivation's choice.
SUMS = [
    ("lstm", "δ_c", {"δ_h ⊙ o ⊙ (1 − tanh²(c_t))", "κ_{c,t+1}"}),
    ("lstm", "κ_{h,t}", {"R_iᵀ δ_a_i", "R_fᵀ δ_a_f", "R_gᵀ δ_a_g", "R_oᵀ δ_a_o"}),
    ("peephole_lstm", "δ_c", {"δ_h ⊙ o ⊙ (1 − tanh²(c_t))", "p_o ⊙ δ_a_o", "κ_{c,t+1}"}),
    ("peephole_lstm", "κ_{c,t}", {"δ_c ⊙ f", "p_i ⊙ δ_a_i", "p_f ⊙ δ_a_f"}),
    ("gru", "κ_{h,t}", {"δ_h ⊙ z", "δ_u_n ⊙ r", "R_zᵀ δ_a_z", "R_rᵀ δ_a_r"}),
]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("rnn", RNN), ("lstm", LSTM), ("peephole_lstm", LSTM | PEEPHOLE), ("gru", GRU)],
    ids=["rnn", "lstm", "peephole_lstm", "gru"],
)
def test_lines_of_the_zoo(cell: str, expected: dict[str, str]) -> None:
    found = formulas(symrnn.derive(cell).text())
    if cell == "peephole_lstm":  # its gates see the cell, so these two differ from the plain LSTM's
        expected = {k: v for k, v in expected.items() if k not in {"a_f", "κ_{c,t}"}}
    assert {left: found.get(left) for left in expected} == expected


@pytest.mark.parametrize(("cell", "left", "terms"), SUMS)
def test_sums_over_paths(cell: str, left: str, terms: set[str]) -> None:
    assert set(formulas(symrnn.derive(cell).text())[left].split(" + ")) == terms


def test_the_page_around_the_formulas() -> None:
    page = symrnn.derive("lstm").text()
    lines = page.splitlines()
    assert lines[0] == "lstm: LSTM with a forget gate (Gers, Schmidhuber & Cummins 2000)."
    assert "  R_i, R_f, R_g, R_o              (n × n)  parameters" in lines
    assert "  h_t, c_t                        (n)      states; h_t is also the output" in lines
    assert "Forward, t = 1 … T" in lines
    assert "Backward, t = T … 1" in lines
    assert "        κ_{c,T+1} = the gradient of the final state c_T from outside, 0 if there is none" in lines
    assert "  (13)  δ_a_o     = δ_o ⊙ o ⊙ (1 − o)" in lines
    assert page.endswith("κ_{c,1}\n")


def test_delta_rule(odd_cells: dict[str, str]) -> None:
    found = formulas(symrnn.derive(odd_cells["delta"]).text())
    assert found["k_1"] == "k_t / u_k_1"
    assert found["u_S_2"] == "u_S k_1ᵀ"
    assert found["S_t"] == "S_{t−1} + σ(β) u_S_2"
    assert found["δ_u_k_1"] == "−δ_k_1ᵀ k_t / u_k_1²"
    assert found["∂L/∂β"] == "Σ_t ⟨δ_S, u_S_2⟩ σ(β) · (1 − σ(β))"
    assert found["∂L/∂q_t"] == "S_tᵀ δ_y"


def test_slices_side_by_side_become_one_stack(odd_cells: dict[str, str]) -> None:
    found = formulas(symrnn.derive(odd_cells["packed_lstm"]).text())
    assert found["u_z"] == "[h_{t−1}; x_t]"
    assert found["a_f"] == "z[n:2n]"
    assert found["δ_z"] == "[δ_a_i; δ_a_f; δ_a_o; δ_a_g]"
    assert found["κ_{h,t}"] == "δ_u_z[:n]"
    assert found["∂L/∂x_t"] == "δ_u_z[n:]"


def test_a_scalar_that_fills_an_array_is_multiplied_by_ones(odd_cells: dict[str, str]) -> None:
    found = formulas(symrnn.derive(odd_cells["layer_norm"]).text())
    assert found["δ_u_s"] == "δ_u_s_2 𝟏 / n"
    assert found["δ_s"] == "−δ_a_hᵀ (gain ⊙ d) / s²"
    assert found["δ_u_s_2"] == "δ_s / (2 s)"


def test_a_dimension_that_shares_its_name_with_a_variable_says_so() -> None:
    text = "def centred(x, h):\n    n = W @ x + R @ h\n    h = tanh(n - mean(n))\n    return h\n"
    assert "𝟏 / (dim n)" in symrnn.derive(text).text()
    assert r"\dim n" in symrnn.derive(text).latex()


def test_softmax_puts_the_bracket_last(odd_cells: dict[str, str]) -> None:
    assert formulas(symrnn.derive(odd_cells["attention"]).text())["δ_a_s"] == "s ⊙ (δ_s − δ_sᵀ s)"


def test_letters_that_a_cell_uses_give_way(odd_cells: dict[str, str]) -> None:
    found = formulas(symrnn.derive(odd_cells["names"]).text())
    assert found["η_a_κ"] == "η_κ ⊙ (1 − κ²)"
    assert found["δ_{h,t}"] == "δ_{h,t−1} − √(h_{1,t} − u_δ_h)"
    assert found["∂L/∂W1"] == "Σ_t η_a_κ x′_tᵀ"  # W_1 is another parameter


def test_a_cell_without_states() -> None:
    page = symrnn.derive("def dense(x):\n    y = relu(W @ x + b)\n    return y\n").text()
    assert "κ" not in page
    assert "relu′(0) = 0" in page


@pytest.mark.parametrize("steps", [False, True])
def test_every_page_is_sane(any_cell: str, steps: bool) -> None:
    derivation = symrnn.derive(any_cell)
    page = derivation.text(steps=steps)
    assert page == symrnn.derive(any_cell).text(steps=steps)
    for left, right in ("()", "[]", "{}", "⟨⟩"):
        assert page.count(left) == page.count(right)
    assert not any(
        word in page for word in ("  = \n", "None", "Symbol(", "matmul(", "transpose(", "{label}", "**", "_prev")
    )
    for equation in derivation.equations:
        assert f"({equation.number})" in page
    wide = [line for line in page.splitlines()[1:] if len(line) > 100 and "final state" not in line]
    assert not wide


def test_long_sums_break_at_operators_under_the_equals_sign() -> None:
    body = "".join(f"    part_{k} = tanh(U_{k} @ h)\n" for k in range(12))
    text = f"def wide(x, h):\n{body}    h = {' + '.join(f'part_{k} * x' for k in range(12))}\n    return h\n"
    lines = symrnn.derive(text).text().splitlines()
    start = next(k for k, line in enumerate(lines) if " h_t " in line[:20] and " = " in line)
    column = lines[start].index("= ") + 2
    assert lines[start + 1][:column].strip() == ""
    assert lines[start + 1][column:].startswith("+ part_")


def test_long_chains_take_no_recursion() -> None:
    body = "".join(f"    a{k + 1} = tanh(a{k}) + a{k}\n" for k in range(300))
    derivation = symrnn.derive(f"def chain(x, h):\n    a0 = W @ x + h\n{body}    return a300\n")
    assert "δ_a_299" in derivation.text(steps=True)
    deep = "def deep(x, h):\n    h = " + "exp(" * 150 + "h" + ")" * 150 + " * x\n    return h\n"
    assert "exp(exp(" in symrnn.derive(deep).text()


def test_numbers_sizes_and_shapes() -> None:
    from fractions import Fraction

    assert show_number(Fraction("0.044715"), True) == "0.044715"
    assert show_number(Fraction(1, 3), True) == "1/3"
    assert show_number(Fraction("1e-12"), True) == "1e−12"
    assert show_number(Fraction(10) ** 20, True) == "1e20"
    size = Size.of("n").scaled(2) + Size.number(-1)
    assert show_size(size) == "2n − 1"
    assert show_size(Size.of("m") - Size.of("a")) == "m − a"
    assert show_shape((Size.of("n"), Size.of("m")), ENGLISH) == "(n × m)"
    assert show_shape((), ENGLISH) == "scalar"


# Written operations -> how a call of them looks; the others are met through the derivatives below.
EXAMPLES = {
    "add": ("y = x + h", "x_t + h_{t−1}"),
    "sub": ("y = x - (h - x)", "x_t − (h_{t−1} − x_t)"),
    "mul": ("y = x * h * x", "x_t ⊙ h_{t−1} ⊙ x_t"),
    "div": ("y = x / (h + 1)", "x_t / (h_{t−1} + 1)"),
    "neg": ("y = -x * h", "−x_t ⊙ h_{t−1}"),
    "pow": ("y = x ** 3 + x ** -2 + x ** 1.5", "x_t³ + 1 / x_t² + x_t^(3/2)"),
    "square": ("y = square(x + h)", "(x_t + h_{t−1})²"),
    "sigmoid": ("y = sigmoid(x)", "σ(x_t)"),
    "tanh": ("y = tanh(x) ** 2", "tanh²(x_t)"),
    "relu": ("y = relu(x)", "relu(x_t)"),
    "leaky_relu": ("y = leaky_relu(x, 0.2)", "leaky_relu(x_t; 0.2)"),
    "elu": ("y = elu(x)", "elu(x_t; 1)"),
    "softplus": ("y = softplus(x)", "softplus(x_t)"),
    "silu": ("y = silu(x)", "silu(x_t)"),
    "gelu": ("y = gelu(x)", "gelu(x_t)"),
    "gelu_tanh": ("y = gelu_tanh(x)", "gelu_tanh(x_t)"),
    "hard_sigmoid": ("y = hard_sigmoid(x)", "hard_sigmoid(x_t)"),
    "exp": ("y = exp(x + h)", "exp(x_t + h_{t−1})"),
    "log": ("y = log(x)", "log(x_t)"),
    "sqrt": ("y = sqrt(x) + sqrt(x + h)", "√x_t + √(x_t + h_{t−1})"),
    "sin": ("y = sin(x)", "sin(x_t)"),
    "cos": ("y = cos(x)", "cos(x_t)"),
    "erf": ("y = erf(x)", "erf(x_t)"),
    "abs": ("y = abs(x - h)", "|x_t − h_{t−1}|"),
    "sign": ("y = x * sign(x)", "x_t ⊙ sign(x_t)"),
    "floor": ("y = x * floor(x)", "x_t ⊙ floor(x_t)"),
    "mod": ("y = mod(x, 2)", "mod(x_t, 2)"),
    "maximum": ("y = maximum(x, h)", "max(x_t, h_{t−1})"),
    "minimum": ("y = minimum(x, 0.5)", "min(x_t, 0.5)"),
    "clip": ("y = clip(x, -1, 2)", "clip(x_t, −1, 2)"),
    "where": ("y = where(x > h, x, 0)", "where(x_t > h_{t−1}, x_t, 0)"),
    "stop_gradient": ("y = x + stop_gradient(x)", "x_t + sg(x_t)"),
    "greater": ("y = x * (x > h)", "x_t ⊙ [x_t > h_{t−1}]"),
    "greater_equal": ("y = x * (x <= h)", "x_t ⊙ [h_{t−1} ≥ x_t]"),
    "matmul": ("y = W @ x + 2 * (U @ h)", "W x_t + 2 U h_{t−1}"),
    "transpose": ("y = W.T @ x + h", "Wᵀ x_t + h_{t−1}"),
    "outer": ("y = outer(x, h)", "x_t h_{t−1}ᵀ"),
    "dot": ("y = dot(x, h)", "x_tᵀ h_{t−1}"),
    "sum": ("y = sum(x)", "sum(x_t)"),
    "mean": ("y = mean(x)", "mean(x_t)"),
    "softmax": ("y = softmax(x)", "softmax(x_t)"),
    "logsumexp": ("y = logsumexp(x)", "logsumexp(x_t)"),
    "cross_entropy": ("y = cross_entropy(x, h)", "cross_entropy(x_t, h_{t−1})"),
    "binary_cross_entropy": ("y = binary_cross_entropy(x, h)", "binary_cross_entropy(x_t, h_{t−1})"),
    "squared_error": ("y = squared_error(x, h)", "squared_error(x_t, h_{t−1})"),
    "norm": ("y = norm(x)", "‖x_t‖"),
    "diag": ("y = diag(x)", "diag(x_t)"),
    "concatenate": ("y = [x, h]", "[x_t; h_{t−1}]"),
    "slice": ("y = x[1:3]", "x_t[1:3]"),
}


def test_every_written_operation_has_an_example() -> None:
    assert set(EXAMPLES) == {name for name, operation in OPERATIONS.items() if operation.written}


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("y = x * (h < 1)", "x_t ⊙ [h_{t−1} < 1]"),
        ("y = x * (h <= 1)", "x_t ⊙ [h_{t−1} ≤ 1]"),
        ("y = x * (1 > h)", "x_t ⊙ [h_{t−1} < 1]"),
        ("y = x * (h > 1)", "x_t ⊙ [h_{t−1} > 1]"),
        ("y = where(h < 1, x, 0)", "where(h_{t−1} < 1, x_t, 0)"),
    ],
)
def test_a_number_stands_on_the_right_of_a_comparison(line: str, shown: str) -> None:
    derivation = symrnn.derive(f"def tiny(x, h):\n    {line}\n    h = 0.5 * h + tanh(V @ x)\n    return y, (h,)\n")
    assert formulas(derivation.text())["y_t"] == shown


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_operation_forward_and_backward(name: str) -> None:
    line, shown = EXAMPLES[name]
    text = f"def tiny(x, h):\n    {line}\n    h = 0.5 * h + tanh(V @ x)\n    return y, (h,)\n"
    derivation = symrnn.derive(text)
    page = derivation.text(steps=True)
    assert formulas(derivation.text())["y_t"] == shown
    assert page.count("(") == page.count(")")
    latex = derivation.latex(steps=True)
    assert latex.count("{") == latex.count("}")
