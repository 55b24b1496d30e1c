"""The ready networks against PyTorch that a person wrote: the loss and every gradient; and what their pages say."""

import itertools
import re

import numpy as np
import pytest
from networks import assert_same, by_hand, programs, upstream

import symrnn
from symrnn.catalogue import read_catalogue, references_of

torch = pytest.importorskip("torch", reason="the references are written in PyTorch")
F = torch.nn.functional
CATALOGUE = read_catalogue("networks")


def lstm(p, name, x, lengths=None, state=None):
    """torch.nn.LSTM with the weights of one scan, over packed sequences where there are lengths."""
    n, m = p[f"{name}.W_i"].shape
    layer = torch.nn.LSTM(m, n, dtype=torch.float64)
    stacked = {ours: torch.cat([p[f"{name}.{ours}_{gate}"] for gate in "ifgo"]) for ours in "WRb"}
    weights = {
        "weight_ih_l0": stacked["W"],
        "weight_hh_l0": stacked["R"],
        "bias_ih_l0": stacked["b"],
        "bias_hh_l0": torch.zeros_like(stacked["b"]),
    }
    if lengths is not None:
        x = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    given = (x,) if state is None else (x, tuple(part[None] for part in state))
    out, (h, c) = torch.func.functional_call(layer, weights, given)
    if lengths is not None:
        out = torch.nn.utils.rnn.pad_packed_sequence(out, total_length=int(lengths.max()))[0]
    return out, (h[0], c[0])


def rnn(p, name, x):
    n, m = p[f"{name}.W"].shape
    weights = {"weight_ih_l0": p[f"{name}.W"], "weight_hh_l0": p[f"{name}.R"], "bias_ih_l0": p[f"{name}.b"]}
    weights["bias_hh_l0"] = torch.zeros_like(p[f"{name}.b"])
    return torch.func.functional_call(torch.nn.RNN(m, n, dtype=torch.float64), weights, (x,))[0]


def scores(p, h):
    return h @ p["V"].T + p["c"]


def cross_entropy(z, y):
    return F.cross_entropy(z.flatten(0, -2), y.flatten())


def counted(lengths):
    return torch.arange(int(lengths.max()))[:, None] < lengths


def late(x):
    """Every step has the one before it."""
    return torch.cat([torch.zeros_like(x[:1]), x[:-1]])


def elman_tanh(p, x):
    return ((torch.tanh(scores(p, rnn(p, "h", x["x"]))) - x["y"]) ** 2).sum(-1).mean() / 2


def elman_softmax(p, x):
    return cross_entropy(scores(p, rnn(p, "h", x["x"])), x["targets"])


def jordan_softmax(p, x):
    y, loss = torch.zeros(x["x"].shape[1], p["z.c"].shape[0], dtype=torch.float64), 0
    for x_t, target in zip(x["x"], x["targets"], strict=True):
        h = torch.tanh(x_t @ p["z.W"].T + y @ p["z.R"].T + p["z.b"])
        z = h @ p["z.V"].T + p["z.c"]
        y = torch.softmax(z, -1)
        loss = loss + F.cross_entropy(z, target)
    return loss / len(x["x"])


def many_to_many(p, x):
    h, _ = lstm(p, "h", x["x"], x["n"])
    return ((scores(p, h) - x["y"])[counted(x["n"])] ** 2).sum(-1).mean() / 2


def feedforward_softmax(p, x):
    h = torch.tanh(x["x"] @ p["z.W_1"].T + p["z.b_1"])
    h = torch.tanh(h @ p["z.W_2"].T + p["z.b_2"])
    return cross_entropy(h @ p["z.W_3"].T + p["z.b_3"], x["targets"])


def many_to_one(p, x):
    _, (h, _) = lstm(p, "h", p["E"][x["words"]], x["n"])
    return F.cross_entropy(scores(p, h), x["label"])


def tagger(p, x):
    h, _ = lstm(p, "h", p["E"][x["words"]], x["n"])
    keep = counted(x["n"])
    return F.cross_entropy(scores(p, h)[keep], x["tags"][keep])


def multi_label_tagger(p, x):
    h, _ = lstm(p, "h", p["E"][x["words"]], x["n"])
    keep = counted(x["n"])
    losses = F.binary_cross_entropy_with_logits(scores(p, h)[keep], x["tags"][keep], reduction="none")
    return losses.sum(-1).mean()


def brnn_tagger(p, x):
    e, (n, m) = p["E"][x["words"]], p["f.W"].shape
    layer = torch.nn.RNN(m, n, bidirectional=True, dtype=torch.float64)
    weights = {}
    for end, name in (("", "f"), ("_reverse", "b")):
        weights[f"weight_ih_l0{end}"], weights[f"weight_hh_l0{end}"] = p[f"{name}.W"], p[f"{name}.R"]
        weights[f"bias_ih_l0{end}"], weights[f"bias_hh_l0{end}"] = p[f"{name}.b"], torch.zeros_like(p[f"{name}.b"])
    packed = torch.nn.utils.rnn.pack_padded_sequence(e, x["n"], enforce_sorted=False)
    out, _ = torch.func.functional_call(layer, weights, (packed,))
    keep = counted(x["n"])
    h = torch.nn.utils.rnn.pad_packed_sequence(out)[0]
    return F.cross_entropy(scores(p, h)[keep], x["tags"][keep])


def char_rnn(p, x, layers=2):
    h = p["E"][x["ids"]]
    for k in range(layers):
        h, _ = lstm(p, f"h{k + 1}" if layers > 1 else "h", h)
    return cross_entropy(scores(p, h), x["targets"])


def each(x, name, lengths):
    """Sequence by sequence, without what is behind its end."""
    return [x[name][: int(length), k : k + 1] for k, length in enumerate(lengths)]


def language_model(p, x):
    nll = []
    for words in each(x, "words", x["n"]):
        h, _ = lstm(p, "h", late(p["E"][words]))
        nll.append(F.cross_entropy(scores(p, h)[:, 0], words[:, 0], reduction="sum"))
    return {"loss": sum(nll) / x["n"].sum(), "nll": torch.stack(nll)}


def bigram(p, x):
    return cross_entropy(p["B"][x["ids"]], x["targets"])


def hidden_markov(p, x):
    A, E = torch.softmax(p["y.A"], 1), torch.softmax(p["E"], 1)
    q, loss = torch.softmax(p["alpha0"], 0).expand(x["ids"].shape[1], -1), 0
    for now, target in zip(x["ids"], x["targets"], strict=True):
        joint = (q @ A) * E[:, now].T
        q = joint / joint.sum(-1, keepdim=True)
        loss = loss - torch.log(((q @ A) * E[:, target].T).sum(-1)).mean()
    return loss / len(x["ids"])


def seq2seq(p, x, attend=False):
    loss = 0
    for source, words in zip(each(x, "source", x["n"]), each(x, "words", x["m"]), strict=True):
        read = p["E"][source]
        h, state = lstm(p, "h", read if attend else read.flip(0))
        d, _ = lstm(p, "d", late(p["F"][words]), state=state)
        d = d[:, 0]
        if attend:
            H = h[:, 0]
            a = torch.softmax(d @ p["A"].T @ H.T, -1)
            d = torch.tanh(torch.cat([a @ H, d], -1) @ p["U"].T)
        loss = loss + F.cross_entropy(scores(p, d), words[:, 0], reduction="sum")
    return loss / x["m"].sum()


def seq2seq_attention(p, x):
    return seq2seq(p, x, attend=True)


def autoencoder(p, x):
    loss = 0
    for row in each(x, "x", x["n"]):
        _, state = lstm(p, "h", row)
        y = row.flip(0)
        d, _ = lstm(p, "d", late(y), state=state)
        loss = loss + ((scores(p, d) - y) ** 2).sum() / 2
    return loss / x["n"].sum()


REFERENCES = (
    elman_tanh, elman_softmax, jordan_softmax, many_to_many, feedforward_softmax, many_to_one, tagger, multi_label_tagger,
    brnn_tagger, char_rnn, language_model, bigram, hidden_markov, seq2seq, seq2seq_attention, autoencoder,
)  # fmt: skip


def compare(network, reference, **sizes):
    sample = network.sample(**{"T": 6, "N": 4, "seed": 2, **sizes})
    above = upstream(network, sample)

    def named(p, x):
        found = reference(p, x)
        return found if isinstance(found, dict) else {"loss": found}

    theirs = by_hand(network, named, sample, above)
    for program in programs(network, ("fast", "torch")).values():
        assert_same(program(sample.params, sample.x, above), theirs)


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda reference: reference.__name__)
def test_loss_and_gradients(reference) -> None:
    network = symrnn.networks[reference.__name__]
    sizes = {"n": 4} if reference is brnn_tagger else None  # PyTorch has one size for both ends
    compare(network, reference, T=1 if reference is feedforward_softmax else 6, dims=sizes)


def test_every_ready_network_has_a_reference() -> None:
    assert {reference.__name__ for reference in REFERENCES} == set(symrnn.networks)


@pytest.mark.parametrize("name", ["bigram", "feedforward_softmax", "brnn_tagger", "hidden_markov", "jordan_softmax"])
def test_gradients_beside_complex_step(name: str) -> None:
    """The quick ones; `symrnn check` does the same for all."""
    assert symrnn.check(name, seed=1)


@pytest.mark.parametrize("layers", [1, 3])
def test_a_character_model_of_any_number_of_layers(layers: int) -> None:
    text = f"""
def char_rnn(ids: integer(K), targets: integer(K)) -> mean(T, N):
    h = embed(E, ids)
    for k in range({layers}):
        h = scan(lstm, h)
    return cross_entropy(V @ h + c, targets)
"""
    network = symrnn.network(text)
    compare(
        network,
        lambda p, x: char_rnn(
            {name.replace("h1.", "h.") if layers == 1 else name: v for name, v in p.items()}, x, layers
        ),
    )


# What is known without any implementation -----------------------------------------------------------------------


def test_counts_are_the_minimum_of_the_bigram() -> None:
    network = symrnn.networks["bigram"]
    text = np.random.default_rng(0).integers(0, 4, 200)
    counts = np.zeros((4, 4))
    np.add.at(counts, (text[:-1], text[1:]), 1)
    p = counts / counts.sum(1, keepdims=True)
    x = {"ids": text[:-1, None], "targets": text[1:, None]}
    kernel = symrnn.derive(network).numpy()
    loss, tape = kernel.forward({"B": np.log(p)}, x)
    assert loss == pytest.approx(-(counts * np.log(p)).sum() / 199, abs=1e-13)
    assert np.abs(kernel.backward(tape).params["B"]).max() < 1e-15


def test_the_hidden_markov_model_is_the_sum_over_all_paths() -> None:
    """−log p(w_2 … w_5 | w_1), all sequences of hidden states one after the other."""
    network = symrnn.networks["hidden_markov"]
    sample = network.sample(T=4, N=1, dims={"y.n": 3, "K": 5}, seed=1)
    words = np.random.default_rng(3).integers(0, 5, 5)
    loss, _ = (
        symrnn.derive(network).numpy().forward(sample.params, {"ids": words[:-1, None], "targets": words[1:, None]})
    )

    def softmax(z):
        return np.exp(z) / np.exp(z).sum(-1, keepdims=True)

    start, A, E = (softmax(sample.params[name]) for name in ("alpha0", "y.A", "E"))
    first = start @ A

    def probability(seen):
        paths = itertools.product(range(3), repeat=len(seen))
        return sum(
            first[path[0]] * np.prod([A[i, j] for i, j in itertools.pairwise(path)])
            * np.prod([E[i, w] for i, w in zip(path, seen, strict=True)])
            for path in paths
        )  # fmt: skip

    assert 4 * loss == pytest.approx(-np.log(probability(words) / probability(words[:1])), abs=1e-12)


def test_probabilities_of_all_sequences_add_up_to_one() -> None:
    network = symrnn.networks["language_model"]
    sample = network.sample(T=3, N=27, dims={"K": 3}, seed=1)
    words = np.array(list(itertools.product(range(3), repeat=3))).T
    found, _ = symrnn.derive(network).numpy().forward(sample.params, {"words": words, "n": np.full(27, 3)})
    assert np.exp(-found["nll"]).sum() == pytest.approx(1, abs=1e-12)
    assert found["loss"] == pytest.approx(found["nll"].mean() / 3, abs=1e-12)


# Their pages ----------------------------------------------------------------------------------------------------


def test_cells_and_networks_share_one_name_space() -> None:
    cells = read_catalogue()
    assert not {*CATALOGUE.entries, *CATALOGUE.aliases} & {*cells.entries, *cells.aliases}
    assert not {*CATALOGUE.families} & {*cells.families}


@pytest.mark.parametrize("name", CATALOGUE.entries)
def test_a_page_says_what_its_network_is_and_where_it_comes_from(name: str) -> None:
    entry = CATALOGUE.entries[name]
    network = symrnn.networks[name]
    assert entry.about.endswith(".")
    assert len(entry.about) <= 120
    assert re.search(r"\b(19|20)\d\d\b", entry.about), "no year of a source"
    assert references_of(network.doc), "tested against nothing"
    assert network.loss
    assert CATALOGUE.families[entry.family].endswith(".")


def test_the_same_at_a_name_and_in_a_file(tmp_path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(symrnn.networks["bigram"].text)
    assert list(symrnn.load(str(file)).params) == list(symrnn.load("bigram").params)
