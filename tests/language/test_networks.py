"""The language of networks, what it says yes to: each construct with the shapes that follow from it."""

import warnings

import numpy as np
import pytest

import symrnn

STEP = "def step(x, h):\n    h = tanh(W @ x + R @ h)\n    return h\n\n"
PAIR = "def step(x, z, /, h):\n    h = tanh(W @ x + U @ z + R @ h)\n    return h\n\n"
TWO = "def step(x, h):\n    h = tanh(W @ x + R @ h)\n    y = V @ h\n    g = sigmoid(y)\n    return (y, g), (h,)\n\n"
RNN = {"h.W": "h.n m", "h.R": "h.n h.n", "h.b": "h.n"}
# A text; the shapes of inputs and parameters (of scanned zoo cells some); the arrays that come out for T = 5, N = 3, S = 7.
YES: dict[str, tuple[str, dict[str, str], dict[str, tuple[int, ...]]]] = {
    "a cell of the zoo": ("def net(x):\n    h = scan(rnn, x)\n    return h\n", {"x": "m", **RNN}, {"h": (5, 3, 4)}),
    "an alias": ("def net(x):\n    h = scan(elman, x)\n    return h\n", {"x": "m", **RNN}, {"h": (5, 3, 4)}),
    "a cell of the same text": (
        STEP + "def net(x):\n    h = scan(step, x)\n    return h\n",
        {"x": "m", "h.W": "h.n m", "h.R": "h.n h.n"},
        {"h": (5, 3, 4)},
    ),
    "its own cell goes before that of the zoo": (
        STEP.replace("step", "lstm") + "def net(x):\n    h = scan(lstm, x)\n    return h\n",
        {"x": "m", "h.W": "h.n m", "h.R": "h.n h.n"},
        {"h": (5, 3, 4)},
    ),
    "from the end": ("def net(x):\n    h = scan(rnn, x, reverse=True)\n    return h\n", RNN, {"h": (5, 3, 4)}),
    "a carried state": (
        "def net(x, h0: context, c0: context):\n    h, (hT, cT) = scan(lstm, x, init=(h0, c0))\n    return h, hT, cT\n",
        {"x": "m", "h0": "h.n", "c0": "h.n", "h.R_i": "h.n h.n"},
        {"h": (5, 3, 4), "hT": (3, 4), "cT": (3, 4)},
    ),
    "learned initial states": (
        "def net(x):\n    h = scan(lstm, x, init=(h0, c0))\n    return h\n",
        {"h0": "h.n", "c0": "h.n"},
        {"h": (5, 3, 4)},
    ),
    "an initial state that is computed": (
        "def net(x, z: context):\n    h, hT = scan(gru, x, init=tanh(A @ z))\n    return h, hT\n",
        {"z": "p", "A": "h.n p"},
        {"h": (5, 3, 4), "hT": (3, 4)},
    ),
    "layers": (
        "def net(x):\n    h1 = scan(lstm, x)\n    h2 = scan(gru, h1)\n    return h2\n",
        {"h1.W_i": "h1.n m", "h2.W_z": "h2.n h1.n"},
        {"h2": (5, 3, 4)},
    ),
    "a loop of layers": (
        "def net(x):\n    h = x\n    for k in range(3):\n        h = scan(rnn, h)\n    return h\n",
        {"h1.W": "h1.n m", "h2.W": "h2.n h1.n", "h3.W": "h3.n h2.n"},
        {"h": (5, 3, 4)},
    ),
    "loops within loops": (
        "def net(x):\n    h = x\n    for k in range(2):\n        for j in range(2):\n            h = scan(rnn, h) \n"
        "        h = tanh(h)\n    return h\n",
        {"h1.W": "h1.n m", "h4.R": "h4.n h4.n"},
        {"h": (5, 3, 4)},
    ),
    "layers of one size by annotation": (
        "def net(x):\n    h1: (n,) = scan(rnn, x)\n    h2: (n,) = scan(rnn, h1)\n    return h2\n",
        {"h1.W": "n m", "h2.W": "n n"},
        {"h2": (5, 3, 4)},
    ),
    "layers of one size by what joins them": (
        "def net(x):\n    h1 = scan(rnn, x)\n    h2 = scan(rnn, h1)\n    return h1 + h2\n",
        {"h1.W": "h1.n m", "h2.W": "h1.n h1.n"},
        {"y": (5, 3, 4)},
    ),
    "shared parameters": (
        "def net(x):\n    h1 = scan(rnn, x)\n    h2 = scan(rnn, h1, params=h1)\n    h3 = scan(rnn, h2, params=h2)\n"
        "    return h3\n",
        {"x": "h1.n", "h1.W": "h1.n h1.n", "h1.R": "h1.n h1.n", "h1.b": "h1.n"},
        {"h3": (5, 3, 4)},
    ),
    "both ends with one set of parameters": (
        "def net(x):\n    f = scan(rnn, x)\n    b = scan(rnn, x, reverse=True, params=f)\n    return [f, b]\n",
        {"x": "m", "f.W": "f.n m", "f.R": "f.n f.n", "f.b": "f.n"},
        {"y": (5, 3, 8)},
    ),
    "equations of a step": (
        "def net(x, m: scalar):\n    f = scan(rnn, x)\n    b = scan(rnn, x, reverse=True)\n    z = tanh(V @ [f, m * b] + c)\n"
        "    return z\n",
        {"m": "", "V": "p b.n + f.n", "c": "p"},
        {"z": (5, 3, 4)},
    ),
    "off the time axis": (
        "def net(x):\n    h = scan(rnn, x)\n    y = [last(h), first(h), mean(h, over=time), sum(h, over=time)]\n    return y\n",
        RNN,
        {"y": (3, 16)},
    ),
    "over features, as in cells": (
        "def net(x):\n    h = scan(rnn, x)\n    a = h - mean(h)\n    s = sum(h) * a\n    return a, s\n",
        RNN,
        {"a": (5, 3, 4), "s": (5, 3, 4)},
    ),
    "steps before": (
        "def net(x):\n    h = scan(rnn, [x, x[t-1]])\n    y = h - h[t-2]\n    return y\n",
        {"h.W": "h.n 2*m"},
        {"y": (5, 3, 4)},
    ),
    "turned round": ("def net(x):\n    h = scan(rnn, reverse(x))\n    y = reverse(h)\n    return y\n", RNN, {"y": (5, 3, 4)}),
    "lengths": (
        "def net(x, n: lengths):\n    h, hT = scan(rnn, x)\n    y = last(h) + mean(reverse(h), over=time)\n    return h, hT, y\n",
        {"n": "", **RNN},
        {"h": (5, 3, 4), "hT": (3, 4), "y": (3, 4)},
    ),
    "lengths of the loss": (
        "def net(x, n: lengths, y: scalar) -> mean(T, N):\n    h = scan(rnn, x)\n    return square(w @ h - y)\n",
        {"w": "h.n", **RNN},
        {"loss": ()},
    ),
    "a mask": (
        "def net(x, seen: mask, y: scalar) -> mean(T, N):\n    h = scan(rnn, x)\n    return square(w @ h - y)\n",
        {"seen": "", "w": "h.n"},
        {"loss": ()},
    ),
    "attention": (
        "def net(source: over(S), lengths_s: lengths(S), x):\n    hs, hS = scan(gru, source)\n    H = rows(hs)\n"
        "    d = scan(gru, x, init=hS)\n    a = softmax(H @ (A @ d))\n    y = tanh(C @ [H.T @ a, d])\n    return y, a\n",
        {"source": "m", "x": "p", "A": "hs.n hs.n", "C": "q 2*hs.n", "d.R_z": "hs.n hs.n"},
        {"y": (5, 3, 4), "a": (5, 3, 7)},
    ),
    "heads": (
        "def net(x):\n    h = scan(heads(gru, 2), x)\n    return h\n",
        {"x": "2*m", "h_1.W_z": "h_1.n m", "h_2.W_z": "h_2.n m"},
        {"h": (5, 3, 8)},
    ),
    "heads that share": (
        "def net(x):\n    g = scan(heads(rnn, 2), x)\n    h = scan(heads(rnn, 2), x, reverse=True, params=g)\n    return g, h\n",
        {"g_1.W": "g_1.n m", "g_2.W": "g_2.n m"},
        {"g": (5, 3, 8), "h": (5, 3, 8)},
    ),
    "constants": (
        "def net(x, L: constant(k, k), w: constant(k)):\n    h = scan(rnn, x)\n    y = L @ h + w\n    return y\n",
        {"L": "k k", "w": "k", "h.W": "k m"},
        {"y": (5, 3, 4)},
    ),
    "a context beside a sequence": (
        "def net(x, z: context(n)):\n    h = scan(rnn, [x, z])\n    return h\n",
        {"z": "n", "h.W": "h.n m + n"},
        {"h": (5, 3, 4)},
    ),
    "a context as an input of its own": (
        PAIR + "def net(x, z: context):\n    h = scan(step, x, z)\n    return h\n",
        {"h.W": "h.n m", "h.U": "h.n p"},
        {"h": (5, 3, 4)},
    ),
    "an axis of its own": (
        "def net(x: over(S, m), y: over(S, scalar)) -> mean(S, N):\n    h = scan(rnn, x)\n    return square(w @ h - y)\n",
        {"x": "m", "y": "", "w": "h.n"},
        {"loss": ()},
    ),
    "annotations in quotes": (
        "def net(x: '(k,)', z: 'context(n)') -> 'mean(N)':\n    h, hT = scan(rnn, x, init=z)\n    return sum(square(hT))\n",
        {"x": "k", "z": "n", "h.W": "n k"},
        {"loss": ()},
    ),
    "several outputs and final states of a cell": (
        TWO + "def net(x):\n    (y, g), (hT,) = scan(step, x)\n    return y, g, hT\n",
        {"y.W": "y.n m", "y.V": "y.p y.n"},
        {"y": (5, 3, 4), "g": (5, 3, 4), "hT": (3, 4)},
    ),
    "a loss and outputs": (
        "def net(x, y):\n    h, hT = scan(rnn, x)\n    return sum(square(V @ h - y)), (h, hT)\n",
        {"y": "p", "V": "p h.n"},
        {"loss": (), "h": (5, 3, 4), "hT": (3, 4)},
    ),
    "under a decorator": (
        "@symrnn.network\ndef net(x: context, y: context) -> mean(N):\n    return sum(square(tanh(V @ x + c) - y))\n",
        {"x": "m", "y": "p", "V": "p m", "c": "p"},
        {"loss": ()},
    ),
    "products of parameters": (
        "def net(x):\n    P = A @ B\n    h = scan(rnn, P @ x)\n    return P.T @ h\n",
        {"A": "h.n p", "B": "p m", "h.W": "h.n h.n"},
        {"y": (5, 3, 4)},
    ),
    "names of arguments assigned again": (
        "def net(x):\n    x = tanh(x)\n    x = scan(rnn, x)\n    x = scan(rnn, x)\n    return x\n",
        {"x1.W": "x1.n m", "x2.W": "x2.n x1.n"},
        {"x": (5, 3, 4)},
    ),
}  # fmt: skip


def read(text: str) -> symrnn.Network:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what is right is not doubted either
        return symrnn.network(text)


def run(network: symrnn.Network) -> dict[str, np.ndarray]:
    """What comes out, a size of 4 wherever there is one."""
    kernel = symrnn.derive(network).numpy(plain=True)
    axes = {axis: 7 for axis in network.axes.values() if axis == "S"}
    sample = network.sample(T=5, N=3, dims=dict.fromkeys(network.dims, 4) | axes)
    found, tape = kernel.forward(sample.params, sample.x)
    found = found if isinstance(found, dict) else {"loss": found}
    grads = kernel.backward(tape, None if network.loss else {name: np.ones_like(y) for name, y in found.items()})
    assert {name: value.shape for name, value in grads.params.items()} == {n: p.shape for n, p in sample.params.items()}
    return found


@pytest.mark.parametrize("name", YES)
def test_shapes(name: str) -> None:
    text, shapes, outputs = YES[name]
    network = read(text)
    every = {**network.inputs, **network.params}
    assert {known: " ".join(map(str, every[known])) for known in shapes} == shapes
    assert {output: np.shape(value) for output, value in run(network).items()} == outputs


def test_each_scan_has_sizes_of_its_own() -> None:
    network = read("def net(x):\n    h1 = scan(lstm, x)\n    h2 = scan(lstm, h1)\n    return h2\n")
    shapes = {name: value.shape for name, value in network.sample(dims={"h1.n": 8, "n": 5, "m": 2}).params.items()}
    assert shapes["h1.R_i"] == (8, 8)
    assert shapes["h2.W_i"] == (5, 8)
    assert {size for shape in _params(network, {"n": 6}) for size in shape} == {6, 3}
    with pytest.raises(symrnn.OptionError, match=r"net has no dimension 'h3.n'; it has: m, h1.n, h2.n"):
        network.sample(dims={"h3.n": 2})


def _params(network: symrnn.Network, dims: dict[str, int]) -> list[tuple[int, ...]]:
    return [value.shape for value in network.sample(dims=dims | {"m": 3}).params.values()]


def test_a_loop_is_its_lines_written_out() -> None:
    loop = read("def net(x):\n    for k in range(2):\n        x = scan(gru, x)\n    return x\n")
    line = read("def net(x):\n    x1 = scan(gru, x)\n    x2 = scan(gru, x1)\n    return x2\n")
    assert list(loop.params) == list(line.params)


def test_the_network_of_a_file_stands_beside_its_cells(tmp_path) -> None:
    file = tmp_path / "net.py"
    file.write_text(STEP + "def net(x):\n    h = scan(step, x)\n    return h\n")
    assert isinstance(symrnn.load(str(file)), symrnn.Network)
    assert isinstance(symrnn.load(f"{file}:net"), symrnn.Network)
    assert isinstance(symrnn.load(f"{file}:step"), symrnn.Cell)


@pytest.mark.parametrize(
    ("behind", "mean"),
    [("", ()), (" -> mean(T)", ("T",)), (" -> mean(N)", ("N",)), (" -> mean(N, T)", ("N", "T"))],
)
def test_what_the_loss_is_a_mean_over(behind: str, mean: tuple[str, ...]) -> None:
    network = read(f"def net(x, y: scalar){behind}:\n    h = scan(rnn, x)\n    return square(w @ h - y)\n")
    assert network.mean == mean


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("def net(x, y):\n    h = scan(rnn, x)\n    return h\n", "nothing reads `y`"),
        ("def net(x):\n    g = scan(gru, x)\n    h = scan(rnn, x)\n    return h\n", "nothing reads what `g` scans"),
        ("def net(x):\n    g = tanh(x)\n    h = scan(rnn, x)\n    return h\n", "nothing reads `g`"),
    ],
)
def test_what_nothing_reads_is_doubted_and_left_out(text: str, doubt: str) -> None:
    with pytest.warns(symrnn.CellWarning, match=doubt):
        network = symrnn.network(text)
    assert not [name for name in network.params if name.startswith("g")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(network)["h"].shape == (5, 3, 4)
