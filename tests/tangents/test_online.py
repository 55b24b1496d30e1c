"""RTRL and eligibility traces against backpropagation through time, and e-prop against its own formulas by hand."""

from functools import cache

import numpy as np
import pytest

import symrnn

EXACT = {
    "single_unit", "indrnn", "strongly_typed_lstm", "brc", "mingru", "mingru_log", "minlstm", "minlstm_log", "sru",
    "sru_v1", "qrnn", "qrnn_ifo", "trnn", "tgru", "unicornn", "lru", "rg_lru", "feedforward",
}  # fmt: skip
MATRICES = {
    "linear_attention", "retention", "gated_linear_attention", "deltanet", "gated_deltanet", "ttt_linear", "mlstm",
    "mlstm_stabilised",
}  # fmt: skip


@cache
def setting(name, T=4):
    """Arrays of a cell at small sizes, gradients from above, and the gradients that its kernel gives."""
    cell = symrnn.load(name)
    dims = None if cell.program.constraints else {dim: 2 + place for place, dim in enumerate(cell.dims)}
    sample, rng = cell.sample(T=T, N=2, seed=1, dims=dims), np.random.default_rng(3)
    kernel = symrnn.derive(cell).numpy(plain=True)
    outputs, final, tape = kernel.forward(sample.params, sample.x, sample.state)
    many = isinstance(outputs, dict)
    above = {k: rng.normal(size=v.shape) for k, v in outputs.items()} if many else rng.normal(size=outputs.shape)
    ends = {k: rng.normal(size=v.shape) for k, v in final.items()}
    return sample, above, ends, kernel.backward(tape, above, ends).params


def error(found, wanted):
    return max((abs(found[k] - wanted[k]).max() / max(1, abs(wanted[k]).max()) for k in found), default=0.0)


@pytest.mark.parametrize("name", symrnn.zoo)
def test_rtrl_of_every_cell(name):
    sample, above, ends, wanted = setting(name)
    found = symrnn.rtrl(name).numpy().run(sample.params, sample.x, sample.state, above, ends)
    assert found.params.keys() == wanted.keys()
    assert error(found.params, wanted) <= 1e-12


@pytest.mark.parametrize("name", sorted({*symrnn.zoo} - MATRICES))
def test_traces_of_every_cell(name):
    """Exact where the recurrence is elementwise, and else it is said what was dropped."""
    traces = symrnn.traces(name)
    assert traces.exact == (name in EXACT)
    assert bool(traces.dropped or traces.refused) == (not traces.exact)
    sample, above, ends, wanted = setting(name)
    found = symrnn.traces(name).numpy().run(sample.params, sample.x, sample.state, above, ends)
    assert found.params.keys() == wanted.keys() - traces.refused.keys()
    if traces.exact:
        assert error(found.params, wanted) <= 1e-12


@pytest.mark.parametrize("name", sorted(MATRICES))
def test_a_matrix_as_a_state_has_no_traces(name):
    with pytest.raises(symrnn.OptionError, match=f"{name} has no traces: a weight moves a whole row of its state"):
        symrnn.traces(name)


def test_the_influence_of_a_weight_by_differences():
    """dh_T/dR of an Elman network, one weight at a time moved a little."""
    sample, above, ends, _ = setting("rnn")
    found = symrnn.rtrl("rnn").numpy().run(sample.params, sample.x, sample.state, above, ends).carried["h", "R"]

    def last(R):
        h = sample.state["h"]
        for x in sample.x:
            h = np.tanh(x @ sample.params["W"].T + h @ R.T + sample.params["b"])
        return h

    for place in np.ndindex(sample.params["R"].shape):
        moved = sample.params["R"].astype(complex)
        moved[place] += 1e-30j
        np.testing.assert_allclose(found[(..., *place)], last(moved).imag / 1e-30, rtol=0, atol=1e-13)


def test_e_prop_of_an_lstm_by_hand():
    """Bellec et al. 2020: ε_t = f ε_{t−1} + ∂c_t/∂θ, e_t = ∂h_t/∂c_t ε_t, the gradient Σ_t L_t e_t."""
    sample, above, ends, wanted = setting("lstm")
    p = sample.params
    h, c = sample.state["h"], sample.state["c"]
    trace = dict.fromkeys("ifg", 0.0)
    total = dict.fromkeys("ifgo", 0.0)
    for t, x in enumerate(sample.x):
        net = {g: x @ p[f"W_{g}"].T + h @ p[f"R_{g}"].T + p[f"b_{g}"] for g in "ifgo"}
        i, f, o = (1 / (1 + np.exp(-net[g])) for g in "ifo")
        g = np.tanh(net["g"])
        local = {"i": g * i * (1 - i), "f": c * f * (1 - f), "g": i * (1 - g**2)}
        c = f * c + i * g
        signal = above[t] + (ends["h"] if t == len(sample.x) - 1 else 0)
        for gate in "ifg":
            trace[gate] = f[:, :, None] * trace[gate] + local[gate][:, :, None] * x[:, None, :]
            share = (signal * o * (1 - np.tanh(c) ** 2))[:, :, None] * trace[gate]
            total[gate] = total[gate] + share.sum(0)
            if t == len(sample.x) - 1:
                total[gate] = total[gate] + (ends["c"][:, :, None] * trace[gate]).sum(0)
        total["o"] = total["o"] + np.einsum("bi,bj->ij", signal * np.tanh(c) * o * (1 - o), x)
        h = o * np.tanh(c)
    found = symrnn.traces("lstm").numpy().run(sample.params, sample.x, sample.state, above, ends).params
    for gate in "ifgo":
        np.testing.assert_allclose(found[f"W_{gate}"], total[gate], rtol=0, atol=1e-13)
    assert error(found, wanted) > 0.01  # something is dropped, and matters


def test_what_an_lstm_drops_are_its_recurrent_products():
    dropped = symrnn.traces("lstm").dropped
    assert [(d.number, str(d.expr)) for d in dropped] == [
        (number, f"matmul(R_{gate}, h_prev)") for number, gate in ((1, "i"), (3, "f"), (5, "g"), (8, "o"))
    ]
