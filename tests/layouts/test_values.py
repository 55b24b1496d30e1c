"""Weights moved as whole arrays: shares, and entries that hold no parameter."""

import numpy as np

import symrnn
from symrnn.layouts.layout import Layout

DIMS = {"m": 3, "n": 4}
CELL = symrnn.cell("""
def gates(x, h):
    alpha: scalar
    a = tanh(W_a @ x + R_a @ h + b_a)
    d = tanh(W_d @ x + R_a @ h + p_d * h + b_d) * alpha
    h = a * d
    return h
""")


def params_of():
    return dict(CELL.sample(seed=0, dims=DIMS).params)


def test_weights_of_shares_are_whole_in_the_first_and_any_shares_add_up():
    text = (
        "one = [share(b_a - 1), share(-2 * b_d), p_d[1:]]\ntwo = share([b_d[2:], b_a, b_d[:2]])[:, None]\n"
        "three = share(3 * b_a + 1).reshape(1, n)\nfour = p_d[:1]\n..."
    )
    bound, params = Layout(text).bind(CELL), params_of()
    b_a, b_d = params["b_a"], params["b_d"]
    values = bound.values(DIMS)
    packed = values.lay_out(params)
    assert np.array_equal(packed["one"], np.concatenate([b_a - 1, -2 * b_d, params["p_d"][1:]]))
    assert not packed["two"].any()
    assert not packed["three"].any()
    # Any other shares of the same sums; a summand's own constant counts once, where it stands first.
    packed["two"][:] = np.arange(8.0)[:, None]
    packed["three"][:] = 6
    read = values.read(packed)
    assert np.allclose(read["b_a"], b_a + np.arange(2.0, 6.0) + 2, rtol=0, atol=1e-14)
    assert np.allclose(read["b_d"], b_d + np.array([6.0, 7.0, 0.0, 1.0]), rtol=0, atol=1e-14)
    assert np.array_equal(read["p_d"], params["p_d"])
    assert values.contradiction(packed, read) is None


def test_entries_without_a_parameter_have_no_gradient():
    bound = Layout("one = [R_a, unused(n, n), zeros(n, 1)]\ntwo = 2 * alpha\nthree = 1\n...").bind(CELL)
    plan, values = bound.plan(DIMS), bound.values(DIMS)
    arrays = plan.lay_out(params_of())
    assert arrays["one"].shape == (4, 9)
    assert arrays["three"] == 1
    (back,) = plan.read_gradients({name: np.full(array.shape, 3.0) for name, array in arrays.items()})
    assert np.array_equal(back["R_a"], np.full((4, 4), 3.0))
    assert back["alpha"] == 6
    arrays["one"][:, 4:8] = 7
    assert values.contradiction(arrays, values.read(arrays)) is None
    arrays["one"][2, 8] = 1e-3
    found = values.contradiction(arrays, values.read(arrays))
    assert (found.array, found.index, found.wanted, found.holds_none) == ("one", (2, 8), 0, True)
