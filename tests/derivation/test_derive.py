"""Backward equations against the published ones, and the properties that every derivation has."""

import sympy
from sympy import symbols

import symrnn
from symrnn.operations.functions import tanh
from symrnn.operations.structured import dot, matmul, outer, total, transpose


def expressions(source):
    return {equation.name: equation.expr for equation in symrnn.derive(source).equations}


def adjoint_product(matrix, delta):
    return matmul(transpose(sympy.Symbol(matrix)), sympy.Symbol(delta))


def test_peephole_lstm_is_the_backward_pass_of_greff_et_al():
    found = expressions("peephole_lstm")
    c, c_prev, i, f, g, o, h_prev, x = symbols("c c_prev i f g o h_prev x")
    p_i, p_f, p_o = symbols("p_i p_f p_o")
    delta = {name: sympy.Symbol(f"delta_{name}") for name in ("h", "c", "i", "f", "g", "o", "a_i", "a_f", "a_g", "a_o")}
    expected = {
        "delta_h": sympy.Symbol("upstream_h") + sympy.Symbol("carry_h"),
        "delta_o": delta["h"] * tanh(c),
        "delta_a_o": delta["o"] * o * (1 - o),
        "delta_c": delta["h"] * o * (1 - tanh(c) ** 2) + p_o * delta["a_o"] + sympy.Symbol("carry_c"),
        "delta_f": delta["c"] * c_prev,
        "delta_a_f": delta["f"] * f * (1 - f),
        "delta_i": delta["c"] * g,
        "delta_a_i": delta["i"] * i * (1 - i),
        "delta_g": delta["c"] * i,
        "delta_a_g": delta["g"] * (1 - g**2),
        "carry_h": sum(adjoint_product(f"R_{k}", f"delta_a_{k}") for k in "ifgo"),
        "carry_c": delta["c"] * f + p_i * delta["a_i"] + p_f * delta["a_f"],
        "grad_x": sum(adjoint_product(f"W_{k}", f"delta_a_{k}") for k in "ifgo"),
        "grad_p_i": delta["a_i"] * c_prev,
        "grad_p_f": delta["a_f"] * c_prev,
        "grad_p_o": delta["a_o"] * c,
        "grad_h_0": sympy.Symbol("carry_h"),
        "grad_c_0": sympy.Symbol("carry_c"),
    }
    for k in "ifgo":
        expected[f"grad_W_{k}"] = outer(delta[f"a_{k}"], x)
        expected[f"grad_R_{k}"] = outer(delta[f"a_{k}"], h_prev)
        expected[f"grad_b_{k}"] = delta[f"a_{k}"]
    forward = {equation.name for equation in symrnn.load("peephole_lstm").equations}
    assert {name: found[name] for name in found if name not in forward} == expected


def test_gru_with_the_reset_before_the_product():
    found = expressions("gru")
    z, n, r, h_prev, u_n = symbols("z n r h_prev u_n")
    delta_h, delta_u_n = symbols("delta_h delta_u_n")
    assert found["delta_n"] == delta_h * (1 - z)
    assert found["delta_z"] == delta_h * (h_prev - n)
    assert found["delta_u_n"] == adjoint_product("R_n", "delta_a_n")
    assert found["delta_r"] == delta_u_n * h_prev
    assert found["carry_h"] == delta_h * z + delta_u_n * r + sum(
        adjoint_product(f"R_{k}", f"delta_a_{k}") for k in "zr"
    )
    assert found["grad_R_n"] == outer(sympy.Symbol("delta_a_n"), u_n)


def test_gru_with_the_reset_after_the_product():
    found = expressions("gru_reset_after")
    assert found["delta_r"] == sympy.Symbol("delta_a_n") * sympy.Symbol("q")
    assert found["delta_q"] == sympy.Symbol("delta_a_n") * sympy.Symbol("r")
    assert found["grad_b_Rn"] == sympy.Symbol("delta_q")
    assert found["grad_b_Wn"] == sympy.Symbol("delta_a_n")


def test_numbers_run_through_forward_adjoints_and_gradients():
    derivation = symrnn.derive("lstm")
    assert [equation.number for equation in derivation.equations] == list(range(1, len(derivation.equations) + 1))
    assert len(derivation.equations) == 37


def test_every_term_says_where_it_came_from():
    derivation = symrnn.derive("peephole_lstm")
    forward = {equation.number: equation for equation in derivation.forward}
    (delta_c,) = [equation for equation in derivation.adjoints if equation.name == "delta_c"]
    assert [(term.rule, term.path) for term in delta_c.terms] == [
        ("product", ("h", "c")),
        ("product", ("a_o", "c")),
        ("carry", ("c",)),
    ]
    assert [forward[term.through].name for term in delta_c.terms if term.through] == ["h", "a_o"]
    assert delta_c.terms[1].factor == sympy.Symbol("p_o")
    for equation in derivation.adjoints + derivation.gradients:
        assert sympy.Add(*(term.expr for term in equation.terms)) == equation.expr
        for term in equation.terms:
            if term.through is not None:
                assert forward[term.through].name == term.path[0]


def test_the_length_does_not_depend_on_sizes():
    small = symrnn.derive("def f(x: (2,), h: (3,)):\n    h = tanh(W @ x + R @ h)\n    return h")
    large = symrnn.derive("def f(x: (2000,), h: (3000,)):\n    h = tanh(W @ x + R @ h)\n    return h")
    assert [e.expr for e in small.equations] == [e.expr for e in large.equations]


def test_an_activation_beside_other_summands_is_not_the_whole_value():
    found = expressions("def f(x, h):\n    h = tanh(sigmoid(h) + W @ x)\n    return h")
    (text,) = [str(found["carry_h"])]
    assert text == "delta_a_h*(1 - sigmoid(h_prev))*sigmoid(h_prev)"


def test_scalars_beside_vectors_sum_their_adjoint_back():
    found = expressions("def f(x, h):\n    s: scalar\n    b: scalar\n    h = tanh(s * h + W @ x + b)\n    return h")
    delta, h_prev = symbols("delta_a_h h_prev")
    assert found["grad_s"] == dot(delta, h_prev)
    assert found["grad_b"] == total(delta)


def test_a_matrix_used_twice_and_once_transposed():
    found = expressions("def f(x, h):\n    u = W @ x\n    h = tanh(R @ h + R.T @ u)\n    return h")
    delta, h_prev, u = symbols("delta_a_h h_prev u")
    assert found["grad_R"] == outer(delta, h_prev) + outer(u, delta)
    assert found["delta_u"] == matmul(sympy.Symbol("R"), delta)


def test_what_does_not_reach_the_loss_has_no_adjoint_and_a_zero_gradient():
    derivation = symrnn.derive(
        "def f(x, h):\n    unused: vector = V @ x\n    h = tanh(stop_gradient(W @ x) + R @ h)\n    return h"
    )
    assert "delta_unused" not in {equation.name for equation in derivation.adjoints}
    zero = {equation.name for equation in derivation.gradients if equation.expr == 0}
    assert zero == {"grad_V", "grad_W", "grad_x"}


def test_derived_names_keep_clear_of_the_cells_own():
    derivation = symrnn.derive(
        "def f(x, h):\n    delta_h = W @ x\n    h = tanh(delta_h + R @ h + upstream_h + carry_h + h_prev + grad_R)\n    return h"
    )
    names = [equation.name for equation in derivation.equations]
    assert len(set(names)) == len(names)
    assert {"delta_h", "delta_h_", "delta_delta_h", "carry_h_", "grad_R_", "grad_grad_R"} <= set(names)


def test_an_output_apart_from_the_states():
    derivation = symrnn.derive("def f(x, h):\n    h = tanh(W @ x + R @ h)\n    y = U @ h\n    return y, (h,)")
    found = {equation.name: equation.expr for equation in derivation.equations}
    assert found["delta_y"] == sympy.Symbol("upstream_y")
    assert found["delta_h"] == adjoint_product("U", "delta_y") + sympy.Symbol("carry_h")


def test_two_thousand_equations():
    lines = [f"    v_{k + 1} = tanh(v_{k} * b_{k} + x)" for k in range(1000)]
    text = "\n".join(["def chain(x, h):", "    v_0 = h", *lines, "    return v_1000"])
    derivation = symrnn.derive(text)
    assert len(derivation.forward) == 2001
    assert len(derivation.adjoints) == 2002
    assert str(derivation.adjoints[-1].expr) == "delta_v_0"
