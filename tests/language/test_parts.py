"""Helpers, parts and loops: a cell that has them is the cell that one writes out by hand."""

from pathlib import Path

import numpy as np
import pytest

import symrnn

GATES = """
def gate(W, R, b, x, h):
    '''A gate looks at the input and at the state.'''
    return sigmoid(W @ x + R @ h + b)

def cell(x, h):
    z = gate(W_z, R_z, b_z, x, h)
    r = gate(W_r, R_r, b_r, h=h, x=x)
    n = tanh(W_n @ x + R_n @ (r * h) + b_n)
    h = (1 - z) * h + z * n
    return h
"""
GATES_BY_HAND = """
def cell(x, h):
    z = sigmoid(W_z @ x + R_z @ h + b_z)
    r = sigmoid(W_r @ x + R_r @ h + b_r)
    n = tanh(W_n @ x + R_n @ (r * h) + b_n)
    h = (1 - z) * h + z * n
    return h
"""
NORMED = """
def ln(u):
    m = mean(u)
    v = u - m
    return gain * v / sqrt(mean(v * v) + 0.01)

def cell(x, h):
    m = tanh(h)
    h = tanh(ln(W @ x) + ln(R @ m))
    return h
"""
NORMED_BY_HAND = """
def cell(x, h):
    a = W @ x
    p = a - mean(a)
    b = R @ tanh(h)
    q = b - mean(b)
    h = tanh(gain * p / sqrt(mean(p * p) + 0.01) + gain * q / sqrt(mean(q * q) + 0.01))
    return h
"""
STACK = """
def stack(x, h1, c1, h2):
    h1, c1 = lstm(x, h1, c1)
    h2 = step(h1, h2)
    return h2, (h1, c1, h2)

def step(x, h):
    return tanh(W @ x + R @ h)
"""
STACK_BY_HAND = """
def stack(x, h1, c1, h2):
    i = sigmoid(W_i_h1 @ x + R_i_h1 @ h1 + b_i_h1)
    f = sigmoid(W_f_h1 @ x + R_f_h1 @ h1 + b_f_h1)
    g = tanh(W_g_h1 @ x + R_g_h1 @ h1 + b_g_h1)
    o = sigmoid(W_o_h1 @ x + R_o_h1 @ h1 + b_o_h1)
    c1 = f * c1 + i * g
    h1 = o * tanh(c1)
    h2 = tanh(W_h2 @ h1 + R_h2 @ h2)
    return h2, (h1, c1, h2)
"""
DELTA = """
def pair(K, V, x):
    '''A key and a value.'''
    return K @ x, sigmoid(B @ x) * (V @ x)

def cell(x, S):
    for j in range(2):
        k, v = pair(K[j], V[j], x)
        S = S + 0.1 * outer(v - S @ k, k) / (j + 1)
    y = S @ (Q @ x)
    return y, (S,)
"""
DELTA_BY_HAND = """
def cell(x, S):
    k = K_0 @ x
    S = S + 0.1 * outer(sigmoid(B @ x) * (V_0 @ x) - S @ k, k)
    l = K_1 @ x
    S = S + 0.05 * outer(sigmoid(B @ x) * (V_1 @ x) - S @ l, l)
    y = S @ (Q @ x)
    return y, (S,)
"""
SHARED = """
def step(x, h):
    W: (n, n)
    return tanh(W @ x + R @ h)

def cell(x, h):
    for k in range(2):
        h = step(x, h, params=h)
    h = tanh(h + b)
    return h
"""
SHARED_BY_HAND = """
def cell(x, h):
    W_h: (n, n)
    u = tanh(W_h @ x + R_h @ h)
    h = tanh(tanh(W_h @ x + R_h @ u) + b)
    return h
"""
SWAP = """
def turn(a, b):
    return c * a - s * b, s * a + c * b

def cell(x, h, g):
    c: scalar
    s: scalar
    h, g = turn(h, g)
    h = tanh(h + W @ x)
    return h, g
"""
SWAP_BY_HAND = """
def cell(x, h, g):
    c: scalar
    s: scalar
    u = c * h - s * g
    g = s * h + c * g
    h = tanh(u + W @ x)
    return h, g
"""
WITHIN = """
def ln(u):
    v = u - mean(u)
    return gain * v / sqrt(mean(v * v) + 0.01)

def block(x, h):
    a: scalar
    for k in range(1, 3):
        x = tanh(ln(W[k] @ x)) * a
    h = tanh(x + R @ h)
    return h

def cell(x, h1, h2):
    h1 = block(x, h1)
    h2 = block(h1, h2)
    y = h1 + h2
    return y, (h1, h2)
"""
WITHIN_BY_HAND = """
def cell(x, h1, h2):
    a_h1: scalar
    a_h2: scalar
    p = W_1_h1 @ x
    p = p - mean(p)
    p = tanh(gain_h1 * p / sqrt(mean(p * p) + 0.01)) * a_h1
    p = W_2_h1 @ p
    p = p - mean(p)
    p = tanh(gain_h1 * p / sqrt(mean(p * p) + 0.01)) * a_h1
    h1 = tanh(p + R_h1 @ h1)
    q = W_1_h2 @ h1
    q = q - mean(q)
    q = tanh(gain_h2 * q / sqrt(mean(q * q) + 0.01)) * a_h2
    q = W_2_h2 @ q
    q = q - mean(q)
    q = tanh(gain_h2 * q / sqrt(mean(q * q) + 0.01)) * a_h2
    h2 = tanh(q + R_h2 @ h2)
    y = h1 + h2
    return y, (h1, h2)
"""
PAIRS = {
    "gates": (GATES, GATES_BY_HAND),
    "normed": (NORMED, NORMED_BY_HAND),
    "stack": (STACK, STACK_BY_HAND),
    "delta": (DELTA, DELTA_BY_HAND),
    "shared": (SHARED, SHARED_BY_HAND),
    "swap": (SWAP, SWAP_BY_HAND),
    "within": (WITHIN, WITHIN_BY_HAND),
}


def by_hand(name: str) -> str:
    """What the texts written by hand call a parameter: W_i_h1 for h1.W_i, K_0 for K.0."""
    first, *rest = name.split(".")
    return "_".join([*rest, first] if first in ("h", "h1", "h2") else [first, *rest])


def gradients(cell, sample, names):
    kernel = symrnn.derive(cell).numpy()
    params = {names[name]: array for name, array in sample.params.items()}
    outputs, final, tape = kernel.forward(params, sample.x, sample.state)
    rng = np.random.default_rng(3)
    back = kernel.backward(
        tape, rng.normal(size=outputs.shape), {k: rng.normal(size=v.shape) for k, v in final.items()}
    )
    return outputs, {name: back.params[names[name]] for name in sample.params}, back.x, back.state


@pytest.mark.parametrize("name", PAIRS)
def test_it_is_the_cell_written_out_by_hand(name: str) -> None:
    short, long = map(symrnn.cell, PAIRS[name])
    assert {*map(by_hand, short.params)} == set(long.params)
    sample = short.sample(dims=dict.fromkeys(short.dims, 4))
    mine = gradients(short, sample, {param: param for param in short.params})
    theirs = gradients(long, sample, {param: by_hand(param) for param in short.params})
    for a, b in zip(mine, theirs, strict=True):
        for key in a if isinstance(a, dict) else [...]:
            np.testing.assert_allclose(a[key], b[key], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", PAIRS)
def test_the_oracles_agree(name: str) -> None:
    report = symrnn.check(symrnn.cell(PAIRS[name][0]))
    assert report, report.text()


def test_its_text_holds_what_it_calls_and_reads_as_itself() -> None:
    cell = symrnn.cell(STACK)
    assert cell.text.startswith("def stack")
    assert "def step" in cell.text
    assert "lstm(x, h, c)" not in cell.text
    assert list(symrnn.cell(cell.text).params) == list(cell.params)


def test_a_stack_prints_its_layers_under_their_names() -> None:
    derivation = symrnn.derive("def stack(x, h1, c1, h2, c2):\n    h1, c1 = lstm(x, h1, c1)\n"
                               "    h2, c2 = lstm(h1, h2, c2)\n    return h2, (h1, c1, h2, c2)\n")  # fmt: skip
    text = derivation.text()
    assert "a_i⁽¹⁾  = W_i⁽¹⁾ x_t + R_i⁽¹⁾ h_{1,t−1} + b_i⁽¹⁾" in text
    assert "a_i⁽²⁾  = W_i⁽²⁾ h_{1,t} + R_i⁽²⁾ h_{2,t−1} + b_i⁽²⁾" in text
    assert "∂L/∂W_o⁽²⁾  = Σ_t δ_a_o⁽²⁾ h_{1,t}ᵀ" in text
    assert "W_{i}^{(2)}" in derivation.latex()
    assert "h1." not in text


def test_members_of_a_family_are_numbered() -> None:
    cell = symrnn.cell(DELTA)
    assert list(cell.params) == ["K.0", "B", "V.0", "K.1", "V.1", "Q"]
    assert "K_0" in symrnn.derive(cell).text()


def test_a_whole_shape_makes_rows_of_members() -> None:
    cell = symrnn.cell(
        "def cell(x, h):\n    b: (3,)\n    for k in range(3):\n        h = tanh(R @ h + x + b[k])\n    return h\n"
    )
    assert [str(size) for size in cell.params["b"]] == ["3"]


def test_a_member_may_be_annotated() -> None:
    text = (
        "def cell(x, h):\n    for k in range(2):\n        a[k]: scalar\n        h = tanh(a[k] * h + x)\n    return h\n"
    )
    assert dict(symrnn.cell(text).params) == {"a.0": (), "a.1": ()}


def test_a_cell_of_the_zoo_is_a_part_under_another_name_too() -> None:
    text = "def two(x, h, g):\n    h = elman(x, h)\n    g = rnn(h, g, params=h)\n    return g, (h, g)\n"
    with pytest.raises(symrnn.CellError, match="is not the result of a cell"):
        symrnn.cell(text.replace("params=h", "params=x"))
    cell = symrnn.cell(text)
    assert all(name.startswith("h.") for name in cell.params)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("def gate(W, x, u):\n    return W @ x\n\ndef cell(x, h):\n    return gate(V, x, h) + h\n", "nothing reads `u` of `gate`"),
        ("def gate(u):\n    return sigmoid(u)\n\ndef cell(x, h):\n    return tanh(x + h)\n", "nothing calls `gate`"),
    ],
)  # fmt: skip
def test_what_is_not_used_is_doubted(text: str, problem: str) -> None:
    with pytest.warns(symrnn.CellWarning, match=problem):
        symrnn.cell(text)


@pytest.mark.parametrize("depth", [4, 12, 40, 300])
def test_what_grows_without_bound_ends_at_once(depth: int) -> None:
    doubling = "def f0(u):\n    return tanh(u)\n" + "".join(
        f"def f{k}(u):\n    return f{k - 1}(u) + f{k - 1}(u)\n" for k in range(1, depth)
    )
    text = doubling + f"def cell(x, h):\n    return h + f{depth - 1}(x)\n"
    if depth < 6:
        symrnn.cell(text)
        return
    with pytest.raises(symrnn.CellError, match=r"a cell has at most|call each other too deeply|nested more than"):
        symrnn.cell(text)


def test_a_file_with_a_network_has_cells_with_helpers(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        WITHIN + "\ndef net(x, y):\n    h = scan(cell, x)\n    g = scan(cell, h)\n    return square(V @ g - y)\n"
    )
    net = symrnn.load(str(file))
    assert "g.h2.W.2" in net.params
    assert "h.h1.gain" in net.params
    assert symrnn.check(net)
    text = symrnn.derive(net).text()
    assert "W_1⁽" in text
    assert "h1." not in text


def test_packed_by_a_layout_that_speaks_of_parts_and_members() -> None:
    cell = symrnn.cell(WITHIN)
    params = cell.sample().params
    layout = symrnn.Layout("A = [h1.W[1].T]\nB = [[h2.W[2].T], [h2.gain]]\n...")
    packed = cell.pack(params, layout)
    np.testing.assert_array_equal(packed["A"], params["h1.W.1"].T)
    np.testing.assert_array_equal(packed["B"], np.vstack([params["h2.W.2"].T, params["h2.gain"]]))
    again = cell.unpack(packed, layout)
    assert all(np.array_equal(again[name], params[name]) for name in params)


def test_verify_names_the_parameter_of_a_part() -> None:
    cell = symrnn.cell(STACK)
    kernel = symrnn.derive(cell).numpy()

    def backward(params, x, state, d_outputs, d_final_state):
        _, _, tape = kernel.forward(params, x, state)
        back = kernel.backward(tape, d_outputs, d_final_state)
        return back.params | {"h1.b_f": 2 * back.params["h1.b_f"]}, back.x, back.state

    report = symrnn.verify(cell, backward)
    assert not report
    assert "∂L/∂b_f⁽¹⁾  computed  Σ_t 2 δ_a_f⁽¹⁾" in report.text()
