"""Forward first: orders found by trial, forwards that are another cell's or a variant's named, the rest located."""

import numpy as np
import pytest

import symrnn
from symrnn.checking.oracles import Point
from symrnn.checking.points import meaning_of
from symrnn.equations import build_cell
from symrnn.equations.sample import default_dims
from symrnn.language.source import Source
from symrnn.layouts.layout import Layout
from symrnn.verifying.cell_text import write_cell
from symrnn.verifying.forward import open_subject
from symrnn.verifying.search import _fillings as fillings
from symrnn.verifying.search import _orders as orders_of
from symrnn.verifying.styles import functions
from symrnn.verifying.variants import build_variants

LSTM = """
def forward(Wx, Wh, b, x, h0, c0):
    h, c, hs, H = h0, c0, [], h0.shape[1]
    for t in range(x.shape[1]):
        a = x[:, t] @ Wx + h @ Wh + b
        i, f, o, g = s(a[:, :H]), s(a[:, H:2*H]), s(a[:, 2*H:3*H]), np.tanh(a[:, 3*H:])
        c = f * c + i * g
        h = o * np.tanh(c)
        hs.append(h)
    return np.stack(hs, axis=1), {"h": h, "c": c}
"""
GRU = """
def forward(params, x, state):
    p, h, hs = params, state["h"], []
    for x_t in x:
        z = s(x_t @ p["W_z"].T + h @ p["R_z"].T + p["b_z"])
        r = s(x_t @ p["W_r"].T + h @ p["R_r"].T + p["b_r"])
        n = np.tanh(x_t @ p["W_n"].T + (r * h) @ p["R_n"].T + p["b_n"])
        h = z * h + (1 - z) * n
        hs.append(h)
    return np.array(hs)
"""
PEEPHOLE = """
def forward(params, x, state):
    p, h, c, hs = params, state["h"], state["c"], []
    for x_t in x:
        net = {k: x_t @ p["W_" + k].T + h @ p["R_" + k].T + p["b_" + k] for k in "ifgo"}
        i, f, g = s(net["i"] + p["p_i"] * c), s(net["f"] + p["p_f"] * c), np.tanh(net["g"])
        c_old = c
        c = f * c + i * g
        o = s(net["o"] + p["p_o"] * c)
        h = o * np.tanh(c)
        hs.append(h)
    return np.array(hs)
"""
LAYOUT = Layout.preset("cs231n", "lstm")


def run(source, *edits):
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    space = {"np": np, "s": lambda a: 1 / (1 + np.exp(-a))}
    exec(source, space)
    return functions(None, space["forward"])


def verdict(cell, code, layout=None):
    return open_subject(symrnn.load(cell), code, layout)[1]


@pytest.mark.parametrize(
    ("cell", "source", "layout"), [("lstm", LSTM, LAYOUT), ("gru", GRU, None), ("peephole_lstm", PEEPHOLE, None)]
)
def test_right_forwards_agree(cell, source, layout):
    found = verdict(cell, run(source), layout)
    assert found
    assert found.text() == f"forward   agrees with {cell}"
    assert found.found is None


def test_float32_forwards_agree():
    to_single = (
        "h, c, hs, H = h0, c0, [], h0.shape[1]",
        "Wx, Wh, b, x = (a.astype('f') for a in (Wx, Wh, b, x)); h, c, hs, H = h0.astype('f'), c0.astype('f'), [], h0.shape[1]",
    )
    found = verdict("lstm", run(LSTM, to_single), LAYOUT)
    assert found
    assert found.notes == ("the code computes in float32, also when it is given float64",)


# What people change, and what is found. The edits are of the person's text, the answers of the cell's.
CHANGES = [
    ("lstm", LSTM, LAYOUT, [("o * np.tanh(c)", "o * c")], "lstm; h = o * c: without the tanh"),
    ("lstm", LSTM, LAYOUT, [("np.tanh(a[:, 3*H:])", "s(a[:, 3*H:])")], "sigmoid in place of tanh"),
    ("lstm", LSTM, LAYOUT, [("np.tanh(a[:, 3*H:])", "np.maximum(a[:, 3*H:], 0)")], "relu in place of tanh"),
    ("lstm", LSTM, LAYOUT, [("s(a[:, H:2*H])", "s(a[:, H:2*H] + 1)")], "1 added to the net input of f"),
    ("lstm", LSTM, LAYOUT, [("c = f * c + i * g", "c = (1 - i) * c + i * g")], "f = 1 - i: f tied to i"),
    (
        "lstm",
        LSTM,
        LAYOUT,
        [("h = o * np.tanh(c)", "c = np.tanh(c); h = o * c")],
        "tanh(c) is handed on to the next step",
    ),
    ("lstm", LSTM, LAYOUT, [(" + b\n", "\n")], "lstm; without b_i, b_f, b_g, b_o"),
    ("lstm", LSTM, LAYOUT, [("i, f, o, g = s", "i, o, f, g = s")], "lstm; its gates o for f, f for o"),
    (
        "lstm",
        LSTM,
        LAYOUT,
        [("i, f, o, g = s", "i, o, f, g = s"), ("o * np.tanh(c)", "o * c")],
        "h = o * c: without the tanh; its gates o for f, f for o",
    ),
    (
        "lstm",
        LSTM,
        LAYOUT,
        [("np.tanh(a[:, 3*H:])", "s(a[:, 3*H:])"), ("o * np.tanh(c)", "o * c")],
        "sigmoid in place of tanh; h = o * c",
    ),
    ("gru", GRU, None, [("z * h + (1 - z) * n", "(1 - z) * h + z * n")], "1 − z in place of z"),
    ("gru", GRU, None, [('(r * h) @ p["R_n"].T', 'r * (h @ p["R_n"].T)')], "r multiplies after the product with R_n"),
    ("gru", GRU, None, [("(r * h)", "h")], "without the factor r"),
    ("gru", GRU, None, [(' + p["b_r"]', "")], "without b_r"),
    ("gru", GRU, None, [('h @ p["R_r"].T', 'h @ p["R_r"]')], "R_r transposed"),
    (
        "peephole_lstm",
        PEEPHOLE,
        None,
        [('p["p_o"] * c)', 'p["p_o"] * c_old)')],
        "the c before the step in place of the new one",
    ),
    (
        "peephole_lstm",
        PEEPHOLE,
        None,
        [(' + p["p_i"] * c)', ")"), (' + p["p_f"] * c)', ")"), (' + p["p_o"] * c)', ")")],
        "lstm",
    ),
    ("peephole_lstm", PEEPHOLE, None, [('net["i"] + p["p_i"] * c', 'net["i"]')], "without p_i * c_prev"),
]


@pytest.mark.parametrize(("cell", "source", "layout", "edits", "words"), CHANGES, ids=[change[4] for change in CHANGES])
def test_another_forward_is_named(cell, source, layout, edits, words):
    found = verdict(cell, run(source, *edits), layout)
    assert not found
    assert found.found is not None
    said = found.found.words()
    assert words in said, said
    assert found.differences
    assert f"it agrees with {said}" in found.text()


def test_the_text_of_a_variant_is_a_cell_that_agrees():
    code = run(LSTM, ("o * np.tanh(c)", "o * c"))
    found = verdict("lstm", code, LAYOUT).found
    cell = symrnn.cell(found.text)
    assert open_subject(cell, code, LAYOUT)[1]


def test_a_constant_of_the_layout_that_the_code_does_not_add():
    layout = Layout(LAYOUT.params | {"b": "[b_i, b_f - 1, b_o, b_g]"}, x="N T m", outputs="N T n")
    assert "1 subtracted from the net input of f" in verdict("lstm", run(LSTM), layout).text()


def test_what_is_no_variant_is_located():
    found = verdict("lstm", run(LSTM, ("hs.append(h)", "hs.append(h * 1.1 if t == 1 else h)")), LAYOUT)
    assert found.found is None
    (difference,) = found.differences
    assert (difference.array, difference.step) == ("output h", 1)
    assert difference.wrong == 12
    assert difference.computed == pytest.approx(1.1 * difference.expected)
    assert found.text().startswith(
        "forward   is not lstm's\n  output h: 12 of 36 entries differ, the first at step 2, "
    )


def test_a_small_error_is_an_error():
    assert not verdict("lstm", run(LSTM, ("hs.append(h)", "hs.append(h * (1 + 1e-12))")), LAYOUT)
    assert verdict("lstm", run(LSTM, ("hs.append(h)", "hs.append(h * (1 + 2e-16))")), LAYOUT)


def test_a_forward_that_returns_final_states_alone_is_judged_by_them():
    def edited(*edits):
        return run(GRU, ("return np.array(hs)", "return None, {'h': h}"), *edits)

    assert verdict("gru", edited())
    found = verdict("gru", edited(("z * h + (1 - z) * n", "(1 - z) * h + z * n")))
    assert "1 − z in place of z" in found.text()
    assert [difference.array for difference in found.differences] == ["final state h"]
    assert found.differences[0].step is None


# Orders --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "settled"),
    [
        (
            ("?[W_i.T, W_f.T, W_g.T, W_o.T]", "?[R_i.T, R_f.T, R_g.T, R_o.T]", "?[b_i, b_f, b_g, b_o]"),
            "order i, f, o, g, found by trial",
        ),
        (
            ("?[W_i.T, W_f.T, W_g.T, W_o.T]", "?[R_g.T, R_o.T, R_f.T, R_i.T]", "?[b_o, b_f, b_g, b_i]"),
            "order i, f, o, g, found by trial",
        ),
        (
            ("[W_i.T, W_f.T, ?W_g.T, ?W_o.T]", "[R_i.T, R_f.T, ?R_g.T, ?R_o.T]", "[b_i, b_f, ?b_g, ?b_o]"),
            "order o, g, found by trial",
        ),
    ],
)
def test_orders_are_found_by_trial(texts, settled):
    layout = Layout(
        "\n".join(f"{name} = {text}" for name, text in zip(("Wx", "Wh", "b"), texts, strict=True)),
        x="N T m",
        outputs="N T n",
    )
    subject, found = open_subject(symrnn.load("lstm"), run(LSTM), layout)
    assert found
    assert found.order == settled
    assert subject.bound.layout.params.splitlines() == [
        "Wx = [W_i.T, W_f.T, W_o.T, W_g.T]",
        "Wh = [R_i.T, R_f.T, R_o.T, R_g.T]",
        "b = [b_i, b_f, b_o, b_g]",
    ]


def test_an_order_that_cannot_be_found_is_said_and_the_variant_looked_for():
    layout = Layout(
        "Wx = ?[W_i.T, W_f.T, W_g.T, W_o.T]\nWh = ?[R_i.T, R_f.T, R_g.T, R_o.T]\nb = ?[b_i, b_f, b_g, b_o]",
        x="N T m",
        outputs="N T n",
    )
    found = verdict("lstm", run(LSTM, ("o * np.tanh(c)", "o * c")), layout)
    assert not found
    assert found.order == "no order of the marked blocks agrees"
    assert "h = o * c: without the tanh; its gates o for g, g for o" in found.text()


def test_an_order_needs_a_forward():
    with pytest.raises(
        symrnn.OptionError, match="an order is found by trial against the forward, and there is no forward"
    ):
        open_subject(symrnn.load("lstm"), functions(lambda params: None), Layout("W = ?[W_i, W_f]\n..."))


# Variants ------------------------------------------------------------------------------------------------------------


def unbatched(states):
    return {name: array[0] for name, array in states.items()}


def sizes_of(cell, arrays):
    """The sizes of a cell's dimensions, read off arrays; None where they do not fit, or do not say them all."""
    shapes = {**cell.params, **cell.inputs, **cell.states}
    pairs = [pair for name in shapes for pair in zip(shapes[name], arrays[name].shape, strict=True)]
    sizes = {str(size): value for size, value in pairs if str(size) in cell.dims}
    fits = set(sizes) == set(cell.dims) and all(size.value(sizes) == value for size, value in pairs)
    return sizes if fits else None


def test_cells_of_many_arrays_are_tried_without_counting_them_all():
    """Thirteen recurrent matrices have 6 billion orders, and 3 to the power of 13 ways to be filled by three."""
    many = symrnn.load("lstm_fgr").params
    orders = orders_of(many)
    assert len(orders) == 720
    assert orders[0] == {name: name for name in many}
    few = {"U_a": many["R_i"], "U_b": many["R_i"], "b_a": many["b_i"]}
    assert fillings(many, few) == []
    pair = {"R_i": many["R_i"], "R_f": many["R_i"], "b_i": many["b_i"]}
    assert fillings(pair, few) == [
        {"R_i": "U_a", "R_f": "U_b", "b_i": "b_a"},
        {"R_i": "U_a", "R_f": "U_b", "b_i": ""},
        {"R_i": "U_b", "R_f": "U_a", "b_i": "b_a"},
        {"R_i": "U_b", "R_f": "U_a", "b_i": ""},
    ]


@pytest.mark.parametrize("name", list(symrnn.zoo))
def test_every_variant_is_a_cell_whose_text_means_the_same(name):
    """What is shown as text is what was run: the text is read again and computes the same numbers."""
    from dataclasses import replace

    cell = symrnn.load(name)
    dims = default_dims(cell, (2, 3))
    sample = cell.sample(T=2, N=1, dims=dims)
    inputs = sample.x if isinstance(sample.x, dict) else dict.fromkeys(cell.inputs, sample.x)
    variants = build_variants(cell.program)
    assert len(variants) > 5
    compared = 0
    for variant in variants[:: max(1, len(variants) // 25)]:
        again = build_cell(Source(write_cell(variant.program)))  # with a thing left out, and no word about it
        params = {p: sample.params[p] for p in again.params}
        sizes = sizes_of(again, {**params, **{k: v[0, 0] for k, v in inputs.items()}, **unbatched(sample.state)})
        if sizes is None:
            continue  # with a product left out, a size may no longer be said by anything
        point = Point(again, sizes, 2, 1, params, inputs, sample.state)
        meant = replace(cell, program=variant.program)
        direct = meaning_of(replace(point, cell=meant, dims=dims, params=sample.params))
        for key, array in meaning_of(point).items():
            assert np.allclose(array, direct[key], rtol=0, atol=1e-12, equal_nan=True), variant.words
        compared += 1
    assert compared > 5
