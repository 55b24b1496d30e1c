"""Layouts of parameters against NumPy, both ways; what they refuse, word for word."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symrnn
from symrnn.layouts.layout import Layout, joint_orders

DIMS = {"m": 3, "n": 4}
CELL = symrnn.cell("""
def gates(x, h):
    a = tanh(W_a @ x + R_a @ h + b_a)
    d = tanh(W_d @ x + R_d @ h + p_d * h + b_d) * alpha
    h = a * d
    return h
    alpha: scalar
""".replace("    return h\n    alpha: scalar\n", "    alpha: scalar\n    return h\n"))  # fmt: skip
SHAPES = {name: tuple(size.value(DIMS) for size in shape) for name, shape in CELL.params.items()}


def params_of(seed=0):
    return dict(CELL.sample(seed=seed, dims=DIMS).params)


# Random layouts: the text and, beside it, the same thing done by NumPy's own functions.


@st.composite
def blocks(draw, leaves):
    """A text and a function of the parameters that computes what it should mean."""
    name = draw(st.sampled_from(leaves))
    text, value = name, lambda p: p[name]
    scale = draw(st.sampled_from([1.0, 1.0, -1.0, 2.0, 0.5]))
    if scale == -1.0:
        text, inner = f"-{text}", value
        value = lambda p: -inner(p)  # noqa: E731
    elif scale != 1.0:
        text, inner = f"{scale} * {text}", value
        value = lambda p: scale * inner(p)  # noqa: E731
    return text, value


def shape_under(text_and_value):
    probe = {name: np.zeros(shape) for name, shape in SHAPES.items()}
    return text_and_value[1](probe).shape


@st.composite
def arrays(draw):
    kind = draw(
        st.sampled_from(
            ["side", "below", "vector", "turned", "reshaped", "augmented", "corner", "widened", "filled", "cut"]
        )
    )
    if kind == "vector":
        parts = draw(st.lists(blocks(["b_a", "b_d", "p_d"]), min_size=1, max_size=4))
        return f"[{', '.join(t for t, _ in parts)}]", lambda p: np.concatenate([v(p) for _, v in parts])
    if kind == "side":
        parts = draw(st.lists(blocks(["W_a", "R_a", "W_d", "R_d"]), min_size=1, max_size=4))
        return f"[{', '.join(t for t, _ in parts)}]", lambda p: np.hstack([v(p) for _, v in parts])
    if kind == "below":
        parts = draw(st.lists(blocks(["W_a", "W_d"]), min_size=2, max_size=3))
        return f"[{', '.join(f'[{t}]' for t, _ in parts)}]", lambda p: np.vstack([v(p) for _, v in parts])
    if kind == "augmented":
        gate = draw(st.sampled_from("ad"))
        return (
            f"[[W_{gate}.T], [R_{gate}.T], [b_{gate}]]",
            lambda p: np.vstack([p[f"W_{gate}"].T, p[f"R_{gate}"].T, p[f"b_{gate}"][None]]),
        )
    if kind == "corner":
        return (
            "[[W_a, R_a, b_a], [W_d, R_d, b_d]]",
            lambda p: np.block([[p["W_a"], p["R_a"], p["b_a"][:, None]], [p["W_d"], p["R_d"], p["b_d"][:, None]]]),
        )
    if kind == "turned":
        text, value = draw(arrays())
        return f"{text}.T" if text.startswith("[") else f"({text}).T", lambda p: value(p).T
    if kind == "filled":
        word = draw(st.sampled_from(["zeros", "unused"]))
        return f"[R_a, {word}(n, 2*m), b_d]", lambda p: np.hstack([p["R_a"], np.zeros((4, 6)), p["b_d"][:, None]])
    if kind == "cut":
        # Both pieces, the second one first, and a corner of another matrix beside them.
        return "[R_a[:, 1:], R_a[:, :1], R_d[:, n-2:], R_d[:, :n-2]]", lambda p: np.hstack(
            [p["R_a"][:, 1:], p["R_a"][:, :1], p["R_d"][:, 2:], p["R_d"][:, :2]]
        )
    if kind == "widened":
        return "(b_d - 1)[:, None]", lambda p: p["b_d"][:, None] - 1
    return (
        "[W_a.T, W_d.T].reshape(1, m, 2, n).transpose(2, 0, 3, 1)",
        lambda p: np.hstack([p["W_a"].T, p["W_d"].T]).reshape(1, 3, 2, 4).transpose(2, 0, 3, 1),
    )


@given(st.lists(arrays(), min_size=1, max_size=4), st.integers(0, 5))
def test_random_layouts_hold_what_numpy_makes(drawn, seed):
    text = "\n".join(f"u_{k} = {block}" for k, (block, _) in enumerate(drawn)) + "\n..."
    plan = Layout(text).bind(CELL).plan(DIMS)
    params = params_of(seed)
    laid_out = plan.lay_out(params)
    for k, (_, value) in enumerate(drawn):
        assert np.array_equal(laid_out[f"u_{k}"], value(params))


@given(st.lists(arrays(), min_size=1, max_size=4), st.integers(0, 5))
def test_gradients_come_back_by_the_adjoint(drawn, seed):
    """⟨A w, g⟩ = ⟨w, Aᵀ g⟩ for every w and g, and so by the chain rule Aᵀ is the map of gradients."""
    text = "\n".join(f"u_{k} = {block}" for k, (block, _) in enumerate(drawn)) + "\n..."
    plan = Layout(text).bind(CELL).plan(DIMS)
    params, zero = params_of(seed), {name: np.zeros(shape) for name, shape in SHAPES.items()}
    there, shift = plan.lay_out(params), plan.lay_out(zero)
    generator = np.random.default_rng(seed)
    gradients = {name: generator.standard_normal(array.shape) for name, array in there.items()}
    (back,) = plan.read_gradients(gradients)
    left = sum(float(((there[name] - shift[name]) * g).sum()) for name, g in gradients.items())
    right = sum(float((params[name] * g).sum()) for name, g in back.items())
    assert abs(left - right) <= 1e-12 * max(1.0, abs(left))


@given(st.lists(arrays(), min_size=1, max_size=4), st.integers(0, 5))
def test_parameters_are_read_back(drawn, seed):
    text = "\n".join(f"u_{k} = {block}" for k, (block, _) in enumerate(drawn)) + "\n..."
    bound, params = Layout(text).bind(CELL), params_of(seed)
    for name, array in bound.values(DIMS).read(bound.plan(DIMS).lay_out(params)).items():
        assert np.allclose(array, params[name], rtol=0, atol=1e-14)


@given(st.lists(arrays(), min_size=1, max_size=4), st.integers(0, 5))
def test_weights_are_laid_out_and_read_as_numpy_does(drawn, seed):
    text = "\n".join(f"u_{k} = {block}" for k, (block, _) in enumerate(drawn)) + "\n..."
    values, params = Layout(text).bind(CELL).values(DIMS), params_of(seed)
    laid_out = values.lay_out(params)
    for k, (_, value) in enumerate(drawn):
        assert np.array_equal(laid_out[f"u_{k}"], value(params))
    read = values.read(laid_out)
    for name, array in read.items():
        assert np.allclose(array, params[name], rtol=0, atol=1e-14)
    assert values.contradiction(laid_out, read) is None


@given(st.lists(arrays(), min_size=1, max_size=4))
def test_a_layout_written_out_reads_the_same(drawn):
    text = "\n".join(f"u_{k} = {block}" for k, (block, _) in enumerate(drawn)) + "\n..."
    layout = Layout(text)
    again = Layout(str(layout.rules))
    params = params_of()
    one, two = (each.bind(CELL).plan(DIMS).lay_out(params) for each in (layout, again))
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_a_name_may_be_the_persons_and_the_cells():
    plan = Layout("W_a = [R_a, W_a]\n...").bind(CELL).plan(DIMS)
    params = params_of()
    laid_out = plan.lay_out(params)
    assert np.array_equal(laid_out["W_a"], np.hstack([params["R_a"], params["W_a"]]))
    (back,) = plan.read_gradients({name: np.arange(a.size).reshape(a.shape) * 1.0 for name, a in laid_out.items()})
    assert np.array_equal(back["R_a"], np.arange(28).reshape(4, 7)[:, :4])


def test_a_parameter_that_stands_twice_gets_the_sum_of_both_gradients():
    plan = Layout("one = [W_a, W_a]\n...").bind(CELL).plan(DIMS)
    laid_out = plan.lay_out(params_of())
    gradients = {name: np.ones(array.shape) for name, array in laid_out.items()}
    gradients["one"][:, 3:] = 10
    (back,) = plan.read_gradients(gradients)
    assert np.array_equal(back["W_a"], np.full((4, 3), 11.0))


def test_shares_add_up_and_are_unequal_and_each_is_read():
    text = "one = [share(b_a), b_d]\ntwo = [share(b_a), p_d]\nthree = share(b_a)\n..."
    bound = Layout(text).bind(CELL)
    plan, params = bound.plan(DIMS), params_of()
    laid_out = plan.lay_out(params)
    shares = [laid_out["one"][:4], laid_out["two"][:4], laid_out["three"]]
    assert np.allclose(sum(shares), params["b_a"], rtol=0, atol=1e-15)
    assert all(abs(a - b).max() > 1e-3 for k, a in enumerate(shares) for b in shares[:k])
    assert np.allclose(bound.values(DIMS).read(laid_out)["b_a"], params["b_a"], rtol=0, atol=1e-15)
    gradients = {name: np.zeros(array.shape) for name, array in laid_out.items()}
    gradients["one"][:], gradients["two"][:], gradients["three"][:] = 1, 2, 3
    readings = plan.read_gradients(gradients)
    assert [reading["b_a"].tolist() for reading in readings] == [[1.0] * 4, [2.0] * 4, [3.0] * 4]
    # What is not shared is the same in all of them.
    assert all(np.array_equal(reading["b_d"], np.ones(4)) for reading in readings)
    assert all(np.array_equal(reading["p_d"], np.full(4, 2.0)) for reading in readings)


def test_float32_stays_float32_and_arrays_are_copies():
    params = {name: array.astype("float32") for name, array in params_of().items()}
    laid_out = Layout("b_f = b_a - 1\n...").bind(CELL).plan(DIMS).lay_out(params)
    assert {array.dtype.name for array in laid_out.values()} == {"float32"}
    laid_out["W_a"][:] = 0
    assert params["W_a"].all()


def test_a_missing_gradient_leaves_out_what_it_holds():
    plan = Layout("one = [W_a, R_a]\n...").bind(CELL).plan(DIMS)
    gradients = {name: np.zeros(array.shape) for name, array in plan.lay_out(params_of()).items()}
    (back,) = plan.read_gradients({**gradients, "one": None})
    assert set(SHAPES) - set(back) == {"W_a", "R_a"}


def test_places_say_where_the_person_has_an_entry():
    plan = Layout("one = [[W_a.T], [R_a.T]]\ntwo = share(b_a)\nthree = [b_d, share(b_a)]\n...").bind(CELL).plan(DIMS)
    assert plan.places("R_a", (1, 2)) == (("one", (5, 1)),)
    assert plan.places("b_a", (3,)) == (("two", (3,)), ("three", (7,)))
    assert plan.places("alpha", ()) == (("alpha", ()),)


def test_orders():
    layout = Layout("one = ?[W_a, W_d]\ntwo = [b_a, ?b_d, ?(p_d - 1)]\nthree = ?[[R_a], [R_d]]\n...")
    assert [len(block.free) for block in layout.free] == [2, 2, 2]
    assert len(joint_orders(layout.free)) == 2
    turned = layout.ordered(((1, 0),) * 3)
    assert turned.params.splitlines() == [
        "one = [W_d, W_a]",
        "two = [b_a, (p_d - 1), b_d]",
        "three = [[R_d], [R_a]]",
        "...",
    ]
    assert turned.free == ()


REFUSED = {
    "Wx = [W_a, W_d": """layout:1: this is not Python syntax: '[' was never closed
    1 | Wx = [W_a, W_d
      |      ^
  mend: a layout has lines such as Wx = [W_i.T, W_f.T]""",
    "Wx = [W_a, V]\n...": """layout:1: the cell has no parameter `V`
    1 | Wx = [W_a, V]
      |            ^
  its parameters: W_a, R_a, b_a, W_d, R_d, p_d, b_d, alpha""",
    "Wx = [[W_a], [R_a]]\n...": """layout:1: blocks that stand one below the other are equally wide
    1 | Wx = [[W_a], [R_a]]
      |              ^^^^^
  `[W_a]` is (n × m)
  `[R_a]` is (n × n)
  mend: [W_a, R_a, …] sets them side by side""",
    "Wx = [W_a.T, R_a]\n...": """layout:1: blocks that stand side by side are equally high
    1 | Wx = [W_a.T, R_a]
      |              ^^^
  `W_a.T` is (m × n)
  `R_a` is (n × n)
  mend: [[A], [B]] sets them one below the other""",
    "Wx = W_a + R_a": """layout:1: an array holds blocks of parameters, not sums of them
    1 | Wx = W_a + R_a
      |      ^^^^^^^^^
  mend: where a parameter is the sum of two arrays, write b_ih = share(b) and b_hh = share(b)""",
    "b = share(b_a)\n...": """layout:1: the shares of `b_a` do not add up: there is only one
    1 | b = share(b_a)
      |     ^^^^^^^^^^
  mend: write share(b_a) in every array that is added up to b_a, or b_a in the one that holds it""",
    "b = share(b_a)\nc = [share(b_a), b_d]\nd = b_a\n...": """layout:1: the shares of `b_a` do not add up: in `d` it stands whole
    1 | b = share(b_a)
      |     ^^^^^^^^^^
  mend: write share(b_a) in every array that is added up to b_a, or b_a in the one that holds it""",
    "Wx = [W_a, W_d]": """layout:1: the layout says nothing of R_a, b_a, R_d, p_d, b_d, alpha, which gates has
    1 | Wx = [W_a, W_d]
      | ^^^^^^^^^^^^^^^
  mend: add a line for each array that holds them, or the line `...` if they are what they are in the cell; if the code has no such parameter, it is another cell: write its text without it""",
    "b_a = b_d\n...": """layout:1: `b_a` is an array of the layout and a parameter that stands in none
    1 | b_a = b_d
      | ^^^^^^^^^
  mend: say which array holds the cell's b_a""",
    "W = [W_a, [W_d]]": """layout:1: a list holds blocks side by side, or rows of blocks, not both
    1 | W = [W_a, [W_d]]
      |           ^^^^^
  mend: [[A, B], [C]] has two rows; [A, B, C] has one""",
    "W = W_a.reshpe(3)": """layout:1: this is not part of the language of layouts
    1 | W = W_a.reshpe(3)
      |     ^^^^^^^^^^^^^
  mend: did you mean `reshape`?""",
    "W = W_a.reshape(3, m)\n...": """layout:1: the two shapes hold different numbers of entries
    1 | W = W_a.reshape(3, m)
      |     ^^^^^^^^^^^^^^^^^
  `W_a` is (n × m), and (3 × m) is asked for""",
    "W = W_a.reshape(k, m)\n...": """layout:1: `k` is not a size of the cell
    1 | W = W_a.reshape(k, m)
      |     ^^^^^^^^^^^^^^^^^
  its sizes: m, n""",
    "W = R_a[:, 1:]\n...": """layout:1: some entries of `R_a` stand nowhere
    1 | W = R_a[:, 1:]
      |     ^^^^^^^^^^
  `R_a` is (n × n)
  mend: each piece that is cut off has to be in some array""",
    "W = R_a[:, :m]\n...": """layout:1: a piece lies within what it is cut from
    1 | W = R_a[:, :m]
      |     ^^^^^^^^^^
  `R_a` is (n × n), and 0:m is asked for""",
    "W = R_a[:n]\n...": """layout:1: `R_a` is (n × n) and the subscript has 1 `:`
    1 | W = R_a[:n]
      |     ^^^^^^^
  mend: one `:` for each axis that there is, None for each new one""",
    "W = R_a[0, :]\n...": """layout:1: a subscript cuts or adds axes: W[:n, n:], b[:, None]
    1 | W = R_a[0, :]
      |         ^""",
    "W = [R_a, zeros(k, n)]\n...": """layout:1: `k` is not a size of the cell
    1 | W = [R_a, zeros(k, n)]
      |           ^^^^^^^^^^^
  its sizes: m, n""",
    "W = [R_a, unusd(n, n)]\n...": """layout:1: this is not part of the language of layouts
    1 | W = [R_a, unusd(n, n)]
      |           ^^^^^^^^^^^
  mend: did you mean `unused`?""",
    "W = ?W_a": """layout:1: `?` marks the blocks of a list that may change places
    1 | W = ?W_a
      |     ^^^^
  mend: write ?[A, B, C], or [?A, B, ?C] for some of them, with parentheses around a sum: ?(b_f - 1)""",
    "W = [?W_a, W_d]": """layout:1: one block alone has no order
    1 | W = [?W_a, W_d]
      |     ^^^^^^^^^^^
  mend: mark all blocks that may change places""",
    "W = ~W_a": """layout: `~` is not part of the language of layouts
  mend: write ? in line 1""",
    "W = W_a.transpose(0, 0)\n...": """layout:1: transpose names every axis once
    1 | W = W_a.transpose(0, 0)
      |     ^^^^^^^^^^^^^^^^^^^
  `W_a` has the axes 0 … 1: (n × m)""",
    "b = b_a[:, :, None]\n...": """layout:1: `b_a` is (n) and the subscript has 2 `:`
    1 | b = b_a[:, :, None]
      |     ^^^^^^^^^^^^^^^
  mend: one `:` for each axis that there is, None for each new one""",
    "W = W_a[:, None, :]\nV = [W, W_d]": """layout:2: the cell has no parameter `W`
    2 | V = [W, W_d]
      |      ^
  its parameters: W_a, R_a, b_a, W_d, R_d, p_d, b_d, alpha""",
    "V = [W_a[:, None, :], W_d]\n...": """layout:1: `W_a[:, None, :]` has 3 axes, and blocks have two at most
    1 | V = [W_a[:, None, :], W_d]
      |      ^^^^^^^^^^^^^^^
  it is (n × 1 × m)
  mend: stack first, reshape after that: [A, B].reshape(…)""",
    "V = 0 * W_a": """layout:1: zero times a parameter holds nothing of it
    1 | V = 0 * W_a
      |     ^""",
    "V = W_a\nV = W_d": """layout:2: `V` is described twice
    2 | V = W_d
      | ^^^^^^^
  mend: one line describes an array whole""",
    "import os": """layout:1: a layout is a list of lines `array = blocks`
    1 | import os
      | ^^^^^^^^^
  mend: such as Wx = [W_i.T, W_f.T], or ... for all that is as in the cell""",
    "V = []": """layout:1: an empty list holds nothing
    1 | V = []
      |     ^^""",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_understood_is_refused(text):
    with pytest.raises(symrnn.SymrnnError) as caught:
        Layout(text).bind(CELL)
    assert str(caught.value) == REFUSED[text]
    assert type(caught.value).__name__ == "LayoutError"


@pytest.mark.parametrize(
    "text", ["V = __import__('os').getcwd()", "V = (lambda: W_a)()", "V = [W_a for k in x]", "V = W_a if 1 else W_d"]
)
def test_nothing_is_executed(text):
    with pytest.raises(symrnn.SymrnnError):
        Layout(text)


def test_misspelt_names_raise_with_the_nearest():
    with pytest.raises(symrnn.OptionError, match="has no input, state or output 'hh'; it has: x, h"):
        Layout(names={"hh": "a"}).bind(CELL)
    with pytest.raises(symrnn.OptionError, match="state of the layout has 'c'; the cell has: h"):
        Layout(state={"c": "N n"}).bind(CELL)
