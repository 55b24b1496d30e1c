"""Names by static single assignment, shapes by unification."""

import pytest

import symrnn


def shapes(text: str) -> dict[str, tuple[str, ...]]:
    """The shape of every input, state and parameter, as texts."""
    cell = symrnn.cell(text)
    every = {**cell.inputs, **cell.states, **cell.params}
    return {name: tuple(str(size) for size in shape) for name, shape in every.items()}


def names(text: str) -> list[str]:
    return [equation.name for equation in symrnn.cell(text).equations]


def test_default_dimensions_are_m_for_the_input_and_n_for_the_state() -> None:
    assert shapes("def f(x, h):\n    return tanh(W @ x + R @ h + b)\n") == {
        "x": ("m",),
        "h": ("n",),
        "W": ("n", "m"),
        "R": ("n", "n"),
        "b": ("n",),
    }


def test_concatenation_adds_sizes_and_slices_subtract_them() -> None:
    found = shapes("def f(x, h):\n    a = W @ [h, x, 1 * x[1:]]\n    h = tanh(a[:k] + R @ h)\n    return h\n")
    assert found["W"] == ("p", "k + 2*m - 1")
    assert found["R"] == ("k", "k")
    assert found["h"] == ("k",)


def test_a_fused_product_is_cut_into_gates() -> None:
    found = shapes(
        """
        def f(x, h: (n,), c):
            a: (4*n,) = W @ x + R @ h + b
            i = sigmoid(a[:n])
            f = sigmoid(a[n:2*n])
            g = tanh(a[2*n:3*n])
            o = sigmoid(a[3*n:])
            c = f * c + i * g
            h = o * tanh(c)
            return h, c
        """
    )
    assert found == {
        "x": ("m",), "h": ("n",), "c": ("n",), "W": ("4*n", "m"), "R": ("4*n", "n"), "b": ("4*n",),
    }  # fmt: skip


def test_a_projected_output_of_its_own_size() -> None:
    found = shapes("def f(x, h):\n    h = tanh(W @ x + R @ h)\n    y = V @ h\n    return y, (h,)\n")
    assert found["V"] == ("p", "n")


def test_two_states_of_different_sizes() -> None:
    found = shapes("def f(x, h, c):\n    c = tanh(W @ x + U @ c)\n    h = tanh(V @ c + R @ h)\n    return h, c\n")
    assert found["h"] != found["c"]
    assert found["V"] == (found["h"][0], found["c"][0])


def test_matrix_states_and_scalars() -> None:
    text = "def f(x, S: matrix, s: scalar):\n    S = s * S + outer(W @ x, x)\n    s = sigmoid(w @ x + s)\n    return S, s\n"
    found = shapes(text)
    assert found["s"] == ()
    assert found["S"] == (found["W"][0], "m")
    assert found["w"] == ("m",)


def test_the_first_letter_after_underscores_decides() -> None:
    assert len(shapes("def f(x, h):\n    return tanh(_W @ x + _b) + h\n")["_W"]) == 2


def test_an_annotation_overrules_the_first_letter() -> None:
    found = shapes("def f(x, h):\n    w: matrix\n    B: vector\n    return tanh(w @ x + B) + h\n")
    assert (len(found["w"]), len(found["B"])) == (2, 1)


def test_a_dimension_that_only_a_slice_names_is_a_dimension_of_the_cell() -> None:
    cell = symrnn.cell("def f(x, h):\n    return h + sum(x[k:])\n")
    assert cell.dims == ("m", "n", "k")
    assert cell.sample(dims={"m": 9, "n": 2, "k": 8}).x.shape == (5, 3, 9)


def test_the_last_value_of_a_name_keeps_it() -> None:
    text = "def f(x, h):\n    z = W @ x\n    z = z + b\n    h = h * z\n    h = h + x\n    return h\n"
    assert names(text) == ["z_1", "z", "h_1", "h"]


def test_a_state_stands_for_its_old_value_until_it_is_assigned() -> None:
    first = symrnn.cell("def f(x, h: vector, c):\n    h = o * tanh(c)\n    c = c + x\n    return h, c\n")
    then = symrnn.cell("def f(x, h: vector, c):\n    c = c + x\n    h = o * tanh(c)\n    return h, c\n")
    assert "c_prev" in {symbol.name for symbol in first.equations[0].expr.free_symbols}
    assert "c_prev" not in {symbol.name for symbol in then.equations[-1].expr.free_symbols}


def test_an_input_may_be_given_a_new_value() -> None:
    cell = symrnn.cell("def f(x, h):\n    x = W @ x\n    h = x + h\n    return h\n")
    assert [equation.name for equation in cell.equations] == ["x_1", "h"]
    assert list(cell.inputs) == ["x"]


def test_new_states_may_have_names_of_their_own() -> None:
    cell = symrnn.cell(
        "def f(x, h: vector, c):\n    c_new = c + W @ x\n    h_new = tanh(c_new)\n    return h_new, c_new\n"
    )
    assert [equation.name for equation in cell.equations] == ["c", "h"]


def test_states_may_be_swapped() -> None:
    cell = symrnn.cell("def f(x, h, c):\n    t = h\n    h = tanh(W @ x + c)\n    c = t\n    return h, c\n")
    c = cell.equations[-1]
    assert c.name == "c"
    assert str(c.expr) == "t"


@pytest.mark.parametrize("returned", ["tanh(W @ x + R @ h)", "-h", "[h[1:], h[:1]]"])
def test_a_returned_expression_gets_a_line(returned: str) -> None:
    assert symrnn.cell(f"def f(x: vector, h: vector):\n    return {returned}\n").equations[-1].name == "h"


def test_names_that_the_user_has_taken_are_left_alone() -> None:
    text = "def f(x, h):\n    h_prev = W @ x\n    h_1 = h * h_prev\n    h = h_1\n    h = h + h_prev\n    return h\n"
    cell = symrnn.cell(text)
    found = [equation.name for equation in cell.equations]
    assert len(set(found)) == len(found) == 4
    assert {"h_prev", "h_1", "h"} < set(found)
    assert cell.program.states[0].previous not in found


def test_parameters_come_in_order_of_first_use() -> None:
    assert list(symrnn.load("lstm").params) == [
        "W_i", "R_i", "b_i", "W_f", "R_f", "b_f", "W_g", "R_g", "b_g", "W_o", "R_o", "b_o",
    ]  # fmt: skip


def test_a_chain_of_two_thousand_lines_is_read() -> None:
    lines = "\n".join("    h = tanh(α * h + x)" for _ in range(2000))
    cell = symrnn.cell(f"def f(x, h):\n    α: scalar\n{lines}\n    return h\n")
    assert len(cell.equations) == 4000
    assert cell.equations[-1].name == "h"
