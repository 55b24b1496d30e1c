"""Networks in NumPy and PyTorch, kernels and emitted modules, against PyTorch that a person wrote."""

import numpy as np
import pytest
from networks import Found, Reference, assert_same, by_hand, layer, programs, run, upstream

import symrnn
from symrnn.equations.sample import Sample

torch = pytest.importorskip("torch", reason="the references are written in PyTorch")


def rnn(p, name, x, h):
    """A person's simple recurrent network over (T, N, m)."""
    rows = []
    for x_t in x:
        h = torch.tanh(x_t @ p[f"{name}.W"].T + h @ p[f"{name}.R"].T + p[f"{name}.b"])
        rows.append(h)
    return torch.stack(rows)


def zeros(x, n):
    return torch.zeros(x.shape[1], n, dtype=x.dtype)


def compare(text: str, reference: Reference, **sizes: object) -> tuple[symrnn.Network, Sample, dict[str, Found]]:
    network = symrnn.network(text)
    sample = network.sample(**{"T": 5, "N": 4, "seed": 1, **sizes})
    above = upstream(network, sample)
    theirs = by_hand(network, reference, sample, above)
    found = {way: program(sample.params, sample.x, above) for way, program in programs(network).items()}
    for ours in found.values():
        assert_same(ours, theirs)
    return network, sample, found


# Layers ---------------------------------------------------------------------------------------------------------

STACKED = """
def stacked(x, h10: context, c10: context, h20: context, c20: context):
    h1, (h1T, c1T) = scan(lstm, x, init=(h10, c10))
    h2, (h2T, c2T) = scan(lstm, h1, init=(h20, c20))
    return h2, h1T, c1T, h2T, c2T
"""


def _functional(module, weights, inputs):
    return torch.func.functional_call(module, weights, inputs)


def test_two_layers_against_torch_lstm() -> None:
    def reference(p, x):
        n, m = p["h1.W_i"].shape
        lstm = torch.nn.LSTM(m, n, num_layers=2, dtype=torch.float64)
        weights = {}
        for k, name in enumerate(("h1", "h2")):
            for theirs, ours in (("weight_ih", "W"), ("weight_hh", "R"), ("bias_ih", "b")):
                weights[f"{theirs}_l{k}"] = torch.cat([p[f"{name}.{ours}_{gate}"] for gate in "ifgo"])
            weights[f"bias_hh_l{k}"] = torch.zeros(4 * n, dtype=torch.float64)
        state = torch.stack([x["h10"], x["h20"]]), torch.stack([x["c10"], x["c20"]])
        h2, (hT, cT) = _functional(lstm, weights, (x["x"], state))
        return {"h2": h2, "h1T": hT[0], "c1T": cT[0], "h2T": hT[1], "c2T": cT[1]}

    compare(STACKED, reference, dims={"n": 6, "m": 3})


BOTH = """
def both(x, n: lengths):
    f, fT = scan(gru_reset_after, x)
    b, bT = scan(gru_reset_after, x, reverse=True)
    y = [f, b]
    return y, fT, bT
"""


def test_both_ends_with_lengths_against_packed_torch_gru() -> None:
    network = symrnn.network(BOTH)
    sample = network.sample(T=6, N=4, dims={"f.n": 3, "b.n": 3, "m": 2}, seed=2)
    above = upstream(network, sample)
    above["y"][np.arange(6)[:, None] >= sample.x["n"]] = 0  # nobody asks for what comes behind the ends

    def reference(p, x):
        n, m = p["f.W_z"].shape
        gru = torch.nn.GRU(m, n, bidirectional=True, dtype=torch.float64)
        weights = {}
        for end, name in (("", "f"), ("_reverse", "b")):
            weights["weight_ih_l0" + end] = torch.cat([p[f"{name}.W_{gate}"] for gate in "rzn"])
            weights["weight_hh_l0" + end] = torch.cat([p[f"{name}.R_{gate}"] for gate in "rzn"])
            weights["bias_ih_l0" + end] = torch.cat([p[f"{name}.b_r"], p[f"{name}.b_z"], p[f"{name}.b_Wn"]])
            zero = torch.zeros(2 * n, dtype=torch.float64)
            weights["bias_hh_l0" + end] = torch.cat([zero, p[f"{name}.b_Rn"]])
        packed = torch.nn.utils.rnn.pack_padded_sequence(x["x"], x["n"], enforce_sorted=False)
        out, hT = _functional(gru, weights, (packed,))
        return {"y": torch.nn.utils.rnn.pad_packed_sequence(out)[0], "fT": hT[0], "bT": hT[1]}

    theirs = by_hand(network, reference, sample, above)
    counts = np.arange(6)[:, None] < sample.x["n"]
    for program in programs(network).values():
        ours = program(sample.params, sample.x, above)
        ours.outputs["y"] = np.where(counts[..., None], ours.outputs["y"], 0)
        assert_same(ours, theirs)


# Attention ------------------------------------------------------------------------------------------------------

ATTENTION = """
def attend(source: over(S), n: lengths(S), x, y) -> mean(T, N):
    hs, hS = scan(rnn, source)
    H = rows(hs)
    d = scan(rnn, x, init=hS)
    a = softmax(H @ (A @ d))
    z = V @ tanh(C @ [H.T @ a, d]) + c
    return sum(square(z - y)), (a,)
"""


def _attention(p, x):
    S, N, _ = x["source"].shape
    h = zeros(x["source"], p["hs.b"].shape[0])
    states = []
    for s in range(S):
        new = torch.tanh(x["source"][s] @ p["hs.W"].T + h @ p["hs.R"].T + p["hs.b"])
        h = torch.where((s < x["n"])[:, None], new, h)
        states.append(h)
    H = torch.stack(states, 1)  # (N, S, n)
    weights, loss = [], 0
    for x_t, y_t in zip(x["x"], x["y"], strict=True):
        h = torch.tanh(x_t @ p["d.W"].T + h @ p["d.R"].T + p["d.b"])
        rows = []
        for k in range(N):  # one sequence at a time, over the places that it has
            length = int(x["n"][k])
            a = torch.softmax(H[k, :length] @ (p["A"] @ h[k]), 0)
            z = p["V"] @ torch.tanh(p["C"] @ torch.cat([a @ H[k, :length], h[k]])) + p["c"]
            loss = loss + ((z - y_t[k]) ** 2).sum()
            rows.append(torch.nn.functional.pad(a, (0, S - length)))
        weights.append(torch.stack(rows))
    return {"loss": loss / x["x"].shape[0] / N, "a": torch.stack(weights)}


def test_encoder_and_decoder_with_attention() -> None:
    network, sample, found = compare(ATTENTION, _attention, dims={"S": 7, "m": 2, "p": 3, "hs.n": 4}, seed=4)
    behind = np.arange(7) >= sample.x["n"][:, None]
    assert behind.any()
    for ours in found.values():
        assert (ours.outputs["a"][:, behind] == 0).all()
        np.testing.assert_allclose(ours.outputs["a"].sum(-1), 1, rtol=1e-12)
        assert (ours.x["source"][np.arange(7)[:, None] >= sample.x["n"]] == 0).all()


# Padding --------------------------------------------------------------------------------------------------------

PADDED = {
    "a loss a step": "def net(x, n: lengths, y) -> mean(T, N):\n    h1 = scan(gru, x)\n    h2 = scan(lstm, h1, reverse=True)\n"
    "    return sum(square(V @ h2 + x[t-1] - y))\n",
    "a loss a sequence": "def net(x, n: lengths, y: context) -> mean(N):\n    h, hT = scan(rnn, x)\n"
    "    z = [last(h), mean(h, over=time), sum(tanh(h * h), over=time), hT, first(x), last(reverse(h))]\n"
    "    return sum(square(V @ z - y))\n",
    "attention": ATTENTION.replace("over(S)", "over(S)", 1).replace(
        "return sum(square(z - y)), (a,)", "return sum(square(z - y))"
    ),
    "a mask": "def net(x, seen: mask, y) -> mean(T, N):\n    h = scan(rnn, x)\n    return sum(square(V @ h - y))\n",
}
PADS = {"a loss a step": ("x", "y"), "a loss a sequence": ("x",), "attention": ("source",), "a mask": ("y",)}


@pytest.mark.parametrize("name", PADDED)
def test_padding_changes_no_bit(name: str) -> None:
    network = symrnn.network(PADDED[name])
    sample = network.sample(T=6, N=4, seed=3, dims={"S": 6} if "over(S)" in PADDED[name] else None)
    counts = sample.x["seen"] != 0 if "seen" in sample.x else np.arange(6)[:, None] < sample.x["n"]
    assert not counts.all()
    for way, program in programs(network).items():
        clean = program(sample.params, sample.x, {"loss": 1.0})
        for pad in (1e30, np.nan, np.inf):
            padded = {g: np.where(counts[..., None], sample.x[g], pad) for g in PADS[name]}
            found = program(sample.params, dict(sample.x) | padded, {"loss": 1.0})
            for part in ("outputs", "params", "x"):
                for key, value in getattr(clean, part).items():
                    assert np.array_equal(getattr(found, part)[key], value), (way, part, key)
            for given in PADS[name]:
                assert (found.x[given][~counts] == 0).all(), (way, given)


def test_states_of_finished_sequences_are_held() -> None:
    network = symrnn.network(
        "def net(x, n: lengths):\n    h, (hT, cT) = scan(lstm, x)\n    y = last(h)\n    return h, hT, cT, y\n"
    )
    sample = network.sample(T=7, N=5, seed=5)
    found, _ = symrnn.derive(network).numpy().forward(sample.params, sample.x)
    ends = found["h"][sample.x["n"] - 1, np.arange(5)]
    assert np.array_equal(found["hT"], ends)
    assert np.array_equal(found["y"], ends)
    alone = {"x": sample.x["x"][: sample.x["n"][1], 1:2], "n": sample.x["n"][1:2]}
    np.testing.assert_allclose(
        symrnn.derive(network).numpy().forward(sample.params, alone)[0]["cT"][0], found["cT"][1], rtol=0, atol=1e-14
    )


# Losses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("over", ["", "T", "N", "T, N"])
@pytest.mark.parametrize("which", ["", ", n: lengths", ", seen: mask"])
def test_what_a_loss_is_divided_by(over: str, which: str) -> None:
    behind = f" -> mean({over})" if over else ""

    def reference(p, x):
        T, N = x["y"].shape
        h = rnn(p, "h", x["x"], zeros(x["x"], p["h.b"].shape[0]))
        counts = torch.ones(T, N, dtype=torch.float64)
        if "n" in x:
            counts = (torch.arange(T)[:, None] < x["n"]).double()
        if "seen" in x:
            counts = x["seen"]
        losses = torch.where(counts > 0, (h @ p["w"] - x["y"]) ** 2, 0)
        match over:
            case "":
                loss = losses.sum()
            case "T":
                loss = (losses.sum(0) / counts.sum(0)).sum()
            case "N":
                loss = losses.sum() / N
            case _:
                loss = losses.sum() / counts.sum()
        return {"loss": loss}

    text = f"def net(x{which}, y: scalar){behind}:\n    h = scan(rnn, x)\n    return square(w @ h - y)\n"
    compare(text, reference)


def test_a_loss_beside_outputs_with_gradients_from_above() -> None:
    def reference(p, x):
        h = rnn(p, "h", x["x"], zeros(x["x"], p["h.b"].shape[0]))
        return {"loss": ((h @ p["V"].T - x["y"]) ** 2).sum() / x["x"].shape[1], "h": h, "hT": h[-1]}

    compare(
        "def net(x, y) -> mean(N):\n    h, hT = scan(rnn, x)\n    return sum(square(V @ h - y)), (h, hT)\n", reference
    )


# Wires ----------------------------------------------------------------------------------------------------------


def test_wires_sharing_contexts_and_constants() -> None:
    text = """
def net(x, z: context, L: constant(k, k)):
    h: (k,) = scan(rnn, [x, z], init=h0)
    g: (k,) = scan(rnn, h - h[t-2])
    f = scan(rnn, reverse(g), params=g, init=tanh(B @ z))
    y = L @ (g + reverse(f)) + mean(h)
    s = [last(h), first(g), sum(y, over=time), mean(f, over=time)]
    return y, s
"""

    def reference(p, x):
        T, N, _ = x["x"].shape
        z = x["z"].expand(T, *x["z"].shape)
        h = rnn(p, "h", torch.cat([x["x"], z], -1), p["h0"].expand(N, -1))
        before = torch.cat([torch.zeros_like(h[:2]), h[:-2]])
        g = rnn(p, "g", h - before, zeros(x["x"], h.shape[-1]))
        f = rnn(p, "g", g.flip(0), torch.tanh(x["z"] @ p["B"].T))
        y = (g + f.flip(0)) @ x["L"].T + h.mean(-1, keepdim=True)
        return {"y": y, "s": torch.cat([h[-1], g[0], y.sum(0), f.mean(0)], -1)}

    compare(text, reference)


def test_heads() -> None:
    def reference(p, x):
        left, right = x["x"].chunk(2, -1)
        n = p["h_1.b"].shape[0], p["h_2.b"].shape[0]
        return {"h": torch.cat([rnn(p, "h_1", left, zeros(left, n[0])), rnn(p, "h_2", right, zeros(right, n[1]))], -1)}

    compare("def net(x):\n    h = scan(heads(rnn, 2), x)\n    return h\n", reference)


def test_a_cell_with_two_inputs_and_two_outputs() -> None:
    text = """
def step(x, z, /, h):
    h = tanh(W @ x + U @ z + R @ h)
    g = V @ h
    return (h, g), (h,)

def net(x, z: context):
    (h, g), (hT,) = scan(step, x, z, reverse=True)
    y = g * last(g)
    return y, h, hT
"""

    def reference(p, x):
        h = zeros(x["x"], p["h.R"].shape[0])
        rows = []
        for x_t in x["x"].flip(0):
            h = torch.tanh(x_t @ p["h.W"].T + x["z"] @ p["h.U"].T + h @ p["h.R"].T)
            rows.insert(0, h)
        out = torch.stack(rows)
        g = out @ p["h.V"].T
        return {"y": g * g[-1], "h": out, "hT": h}

    compare(text, reference)


def test_tokens_that_come_again_add_up() -> None:
    def reference(p, x):
        h = rnn(p, "h", p["E"][x["ids"]], zeros(p["E"][x["ids"]], p["h.b"].shape[0]))
        return {"loss": torch.nn.functional.cross_entropy((h @ p["V"].T).flatten(0, 1), x["targets"].flatten())}

    text = """
def net(ids: integer, targets: integer) -> mean(T, N):
    h = scan(rnn, embed(E, ids))
    return cross_entropy(V @ h, targets)
"""
    network, sample, _ = compare(text, reference, T=9)
    assert len(np.unique(sample.x["ids"])) < sample.x["ids"].size


# Programs -------------------------------------------------------------------------------------------------------


def test_the_keys_of_the_state_dict_are_the_names_of_the_network() -> None:
    network = symrnn.network(ATTENTION)
    sample = network.sample(dims={"S": 4})
    names = run(symrnn.derive(network).code("torch"))
    module = layer(names["Attend"], network, sample.params, sample.x)
    assert sorted(module.state_dict()) == sorted(network.params)


def test_checkpoints_give_the_same() -> None:
    network = symrnn.network(STACKED)
    sample = network.sample(T=20)
    kernel = symrnn.derive(network).numpy()
    above = upstream(network, sample)
    full, tape = kernel.forward(sample.params, sample.x)
    fewer, short = kernel.forward(sample.params, sample.x, tape="checkpoint")
    mine, theirs = kernel.backward(tape, above), kernel.backward(short, above)
    assert all(np.array_equal(full[name], fewer[name]) for name in full)
    assert_same(Found(full, mine.params, mine.x), Found(fewer, theirs.params, theirs.x), 1e-13)


REFUSED = {
    "ids beyond the classes": ({"ids": np.array([[0, 9]])}, r"x\['ids'\] has 9 at \(0, 1\); K = 4, so whole numbers from 0 to 3"),
    "ids below zero": ({"ids": np.array([[0, -1]])}, r"x\['ids'\] has -1 at \(0, 1\)"),
    "ids that are no whole numbers": ({"ids": np.array([[0.0, 1.0]])}, r"x\['ids'\] holds whole numbers, and this is float64"),
    "lengths beyond T": ({"n": np.array([1, 2])}, r"x\['n'\] has 2 at \(1,\); lengths along T are at least 1 and at most 1"),
    "a length of zero": ({"n": np.array([0, 1])}, r"x\['n'\] has 0 at \(0,\)"),
    "another number of sequences": ({"n": np.array([1])}, r"x\['n'\] has the shape \(1,\), and net needs \(N\)"),
    "another number of steps": ({"y": np.zeros((2, 2))}, r"x\['y'\] has the shape \(2, 2\), and net needs \(T, N\)"),
    "an axis too many": ({"y": np.zeros((1, 2, 1))}, r"x\['y'\] has the shape \(1, 2, 1\), and net needs \(T, N\)"),
    "another type": ({"y": np.zeros((1, 2), "float32")}, r"x\['y'\] is float32 and this kernel computes in float64"),
    "a misspelt name": ({"idz": np.zeros((1, 2), int)}, r"x has 'idz', which net does not; it has: ids, n, y.* did you mean `ids`"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_inputs_that_do_not_fit_are_refused(name: str) -> None:
    changed, told = REFUSED[name]
    text = "def net(ids: integer, n: lengths, y: scalar):\n    h = scan(rnn, embed(E, ids))\n    return square(w @ h - y)\n"
    network = symrnn.network(text)
    sample = network.sample(T=1, N=2, dims={"K": 4})
    kernel = symrnn.derive(network).numpy(plain=True)
    with pytest.raises(symrnn.InputError, match=told):
        kernel.forward(sample.params, dict(sample.x) | changed)
