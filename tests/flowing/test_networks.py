"""The flow through networks: each scan's contributions add up to what the network's kernel says, norms to complex steps."""

import numpy as np
import pytest

import symrnn

SCANNING = [
    name
    for name, net in symrnn.networks.items()
    if net.loss is not None and any(block.scanned and block.cell.states for block in net.blocks)
]


@pytest.mark.parametrize("name", SCANNING)
def test_contributions_of_every_scan_are_the_gradient_of_the_loss(name: str) -> None:
    net = symrnn.networks[name]
    sample = net.sample(6, 2, 3)
    assert isinstance(sample.x, dict)
    lengths = {axis_input: axis for axis, axis_input in net.lengths.items()}
    x = {n: np.full_like(a, 6 if lengths[n] == "T" else 4) if n in lengths else a for n, a in sample.x.items()}
    flow = symrnn.flow(net, T=6, N=2, dims=dict(sizes(net)), seed=3)
    kernel = symrnn.derive(net).numpy(plain=True)
    _, tape = kernel.forward(sample.params, x)
    gradients = kernel.backward(tape)
    used = [block for block in net.blocks if block.scanned and block.cell.states]
    for block, found in zip(used, flow, strict=True):
        assert found.label == f"{name} {block.name}"
        alone = [p for p in block.params.values() if sum(p in b.params.values() for b in net.blocks) == 1]
        for own, param in block.params.items():
            if param in alone:
                np.testing.assert_allclose(
                    found.contributions[own].sum(axis=0), gradients.params[param], rtol=1e-9, atol=1e-13
                )
        for paths in found.shares.values():
            summed = sum(path.shares for path in paths)
            assert not paths or np.allclose(summed[np.isfinite(summed)], 1)


def sizes(net: symrnn.Network) -> dict[str, int]:
    from symrnn.equations.network_sample import complete_network_dims

    return complete_network_dims(net, None)


def test_norms_of_a_network_are_those_of_complex_steps() -> None:
    """A perceptron over time, by hand: a tanh network with squared error at every step, summed."""
    text = "def net(x, y):\n    h = scan(rnn, x)\n    return squared_error(V @ h, y)\n"
    net = symrnn.network(text)
    sample = net.sample(5, 2, 1)
    p, x = sample.params, sample.x
    assert isinstance(x, dict)
    flow = symrnn.flow(net, T=5, N=2, seed=1, dims=sizes(net))

    def loss(n: int, t: int, moved: np.ndarray) -> complex:
        h, total = np.zeros(p["h.b"].shape, complex), 0
        for step in range(1, 6):
            h = np.tanh(p["h.W"] @ x["x"][step - 1, n] + p["h.R"] @ h + p["h.b"]) + (moved if step == t else 0)
            total = total + ((p["V"] @ h - x["y"][step - 1, n]) ** 2).sum() / 2
        return total

    for n in range(2):
        for t in range(1, 6):
            slopes = [np.imag(loss(n, t, 1e-30j * unit)) / 1e-30 for unit in np.eye(len(p["h.b"]))]
            assert flow.norms["h"].values[t, n] == pytest.approx(np.linalg.norm(slopes), rel=1e-12)


def test_settings_reach_every_scan_or_one() -> None:
    flow = symrnn.flow("char_rnn", T=4, N=1, dims={"n": 3}, set={"b_f": [0, 5]})
    assert [t.label for t in flow] == [
        "char_rnn h1, b_f = 0", "char_rnn h2, b_f = 0", "char_rnn h1, b_f = 5", "char_rnn h2, b_f = 5",
    ]  # fmt: skip
    one = symrnn.flow("char_rnn", T=4, N=1, dims={"n": 3}, set={"h2.b_f": 5})
    assert [t.label for t in one] == ["char_rnn h1, h2.b_f = 5", "char_rnn h2, h2.b_f = 5"]
    np.testing.assert_array_equal(one[1].jacobians.shape, (4, 6, 6))
