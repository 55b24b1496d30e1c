"""Update rules, truncated backpropagation and the model of characters, against PyTorch and by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import symrnn
from symrnn.cli import main
from symrnn.training import RULES, Order, Trainer, Windows, train, write_update
from symrnn.training.characters import Characters, streams
from symrnn.training.windows import plan_windows

NETWORK = """
def net(x, y) -> mean(T, N):
    h1 = scan(lstm, x)
    h2 = scan(gru, h1)
    return squared_error(V @ h2 + c, y)
"""


# Update rules ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "clip_value", "clip_norm", "decay"),
    [("sgd", None, None, 0.0), ("momentum", 0.4, None, 0.0), ("rmsprop", None, 0.7, 0.0), ("adam", 0.9, 1.1, 0.05)],
)
def test_an_update_rule_is_that_of_pytorch(
    rule: str, clip_value: float | None, clip_norm: float | None, decay: float
) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")
    draw = np.random.default_rng(5)
    params = {"W": draw.standard_normal((3, 4)), "b": draw.standard_normal(3)}
    theirs = [torch.nn.Parameter(torch.tensor(value)) for value in params.values()]
    scalars = dict(RULES[rule])
    optimizer = {
        "sgd": lambda: torch.optim.SGD(theirs, lr=scalars["eta"]),
        "momentum": lambda: torch.optim.SGD(theirs, lr=scalars["eta"], momentum=scalars["mu"]),
        "rmsprop": lambda: torch.optim.RMSprop(theirs, scalars["eta"], alpha=scalars["rho"], eps=scalars["epsilon"]),
        "adam": lambda: torch.optim.Adam(
            theirs,
            scalars["eta"],
            betas=(scalars["beta_1"], scalars["beta_2"]),
            eps=scalars["epsilon"],
            weight_decay=decay,
        ),
    }[rule]()
    trainer = Trainer(params, write_update(rule, clip_value=clip_value, clip_norm=clip_norm, decay=decay), scalars)
    for _ in range(4):
        gradients = {name: draw.standard_normal(value.shape) for name, value in params.items()}
        for parameter, gradient in zip(theirs, gradients.values(), strict=True):
            parameter.grad = torch.tensor(gradient)
        if clip_value is not None:
            torch.nn.utils.clip_grad_value_(theirs, clip_value)
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(theirs, clip_norm)
        optimizer.step()
        trainer.step(gradients)
        for mine, parameter in zip(trainer.params.values(), theirs, strict=True):
            # PyTorch divides by the norm plus 1e-6.
            np.testing.assert_allclose(mine, parameter.detach().numpy(), rtol=1e-5 if clip_norm else 1e-13)


def test_an_update_rule_is_a_cell_that_is_printed_and_differentiated() -> None:
    text = symrnn.derive("adam").text()
    assert "w_t   = w_{t−1} − η m_hat / (√v_hat + ε)" in text
    assert "∂L/∂η" in text
    clipped = write_update("sgd", clip_norm=2, decay=0.5)
    assert [line.strip() for line in clipped.text.splitlines()[2:4]] == [
        "g = g / maximum(1, norm(g) / 2.0)",
        "g = g + 0.5 * w",
    ]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: write_update("adm"), "there is no update rule 'adm'; did you mean `adam`?"),
        (lambda: write_update("sgd", clip_norm=0), "`clip_norm` is a finite number above 0"),
        (lambda: write_update("sgd", decay=-1), "`decay` is a finite number above 0"),
    ],
)
def test_an_update_rule_that_cannot_be_says_why(call: Callable[[], symrnn.Cell], said: str) -> None:
    with pytest.raises(symrnn.OptionError) as caught:
        call()
    assert said in str(caught.value)


# Truncated backpropagation -----------------------------------------------------------------------------------


def test_windows_cover_every_step_once_and_begin_where_states_are_known() -> None:
    for T in range(1, 14):
        for k1 in range(1, 6):
            for k2 in range(k1, 9):
                windows = list(plan_windows(T, k1, k2))
                assert [step for w in windows for step in range(w.new, w.end)] == list(range(T))
                assert all(w.begin == max(0, w.end - k2) for w in windows)
                assert [w.after for w in windows[:-1]] == [w.begin for w in windows[1:]]
                assert windows[-1].after == T


@pytest.mark.parametrize(("k1", "k2"), [(3, 3), (2, 5), (1, 4), (4, 7), (9, 9)])
def test_a_truncated_gradient_is_that_of_detached_states_in_pytorch(k1: int, k2: int) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")
    net = symrnn.network("def net(x, y) -> mean(T, N):\n    h = scan(rnn, x)\n    return squared_error(V @ h + c, y)\n")
    sample = net.sample(T=9, N=2, seed=3)
    found = Windows.of(net, k1, k2).gradients(sample.params, dict(sample.x))
    params = {name: torch.tensor(value, requires_grad=True) for name, value in sample.params.items()}
    x, y = torch.tensor(sample.x["x"]), torch.tensor(sample.x["y"])

    def step(h, t):
        return torch.tanh(x[t] @ params["h.W"].T + h @ params["h.R"].T + params["h.b"])

    states = [torch.zeros(2, sample.params["h.b"].size, dtype=torch.float64)]
    for t in range(9):
        states.append(step(states[-1], t).detach())
    total = torch.zeros((), dtype=torch.float64)
    for end in [min(new + k1, 9) for new in range(0, 9, k1)]:
        begin = max(0, end - k2)
        h = states[begin]
        for t in range(begin, end):
            h = step(h, t)
            if t >= (end - 1) // k1 * k1:
                z = h @ params["V"].T + params["c"]
                total = total + 0.5 * torch.square(z - y[t]).sum() / 18
    total.backward()
    assert found.loss == pytest.approx(float(total.detach()), rel=1e-13)
    for name, value in found.gradients.items():
        np.testing.assert_allclose(value, params[name].grad.numpy(), rtol=1e-11, atol=1e-13)


def test_nothing_is_dropped_by_a_window_of_all_steps() -> None:
    net = symrnn.network(NETWORK)
    sample = net.sample(T=7, N=3, seed=1)
    kernel = symrnn.derive(net).numpy()
    loss, tape = kernel.forward(sample.params, sample.x)
    whole = kernel.backward(tape).params
    for k1 in (1, 3, 7):
        found = Windows.of(net, k1, 7).gradients(sample.params, dict(sample.x))
        assert found.loss == pytest.approx(loss, rel=1e-13)
        for name, value in whole.items():
            np.testing.assert_allclose(found.gradients[name], value, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("h = scan(rnn, x, reverse=True)\n    return squared_error(h, y)", "h runs from the end"),
        ("h = scan(rnn, x)\n    return squared_error(h, x[t-1] + y)", "x_prev needs the step before of x"),
        ("h = scan(rnn, x)\n    return squared_error(last(h), last(y))", "net has a loss at the end alone"),
        ("h = scan(rnn, x)\n    return h + y", "net returns no loss"),
        ("h = scan(rnn, x, init=h0)\n    return squared_error(h, y)", "net learns the first h of h"),
    ],
)
def test_what_has_no_windows_is_refused(lines: str, said: str) -> None:
    with pytest.raises(symrnn.OptionError) as caught:
        Windows.of(symrnn.network(f"def net(x, y):\n    {lines}\n"), 5)
    assert said in str(caught.value)


def test_a_derivation_says_what_is_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "char_rnn", "--truncate", "50,100"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for layer in "¹²":
        assert f"count as constants: κ_{{h,e−99}}⁽{layer}⁾ = κ_{{c,e−99}}⁽{layer}⁾ = 0." in text
    assert text.count("goes back to step e−99 and no further") == 2
    assert "summands of the steps t ≤ e−100" in text
    derived = symrnn.derive("char_rnn", truncate=(5, 5))
    assert "截断" in derived.text(lang="zh")
    with pytest.raises(symrnn.OptionError, match=r"symrnn\.training\.Windows"):
        derived.numpy()
    with pytest.raises(symrnn.OptionError, match="lstm is a cell"):
        symrnn.derive("lstm", truncate=(5, 5))


# The model of characters -------------------------------------------------------------------------------------

TEXT = "the cat sat on the mat and the dog sat on the log; 猫坐在垫子上。 " * 60
SMALL = Order(TEXT, size=8, streams=4, window=10, steps=12, seconds=None, dtype="float64")


def curve(order: Order, checkpoint: Path | None = None) -> list[float]:
    return [progress.bits for progress in train(order, checkpoint)][-1:]


def test_characters_are_places_in_the_alphabet() -> None:
    characters = Characters.of(TEXT, 10)
    assert characters.text(characters.train) + characters.text(characters.held) == TEXT
    side = streams(characters.train, 3)
    assert characters.text(side[:, 1]) == TEXT[len(side) : 2 * len(side)]


def test_counted_pairs_are_a_model() -> None:
    characters = Characters.of("abab" * 50 + "abac" * 10, 10)
    table = np.exp(characters.bigram())
    assert table.sum(axis=1) == pytest.approx([1, 1, 1])
    said = [table[a, b] for a, b in zip(characters.held[:-1], characters.held[1:], strict=True)]
    assert characters.bigram_bits() == pytest.approx(-np.mean([math.log2(p) for p in said]))


def test_one_seed_has_one_curve_whatever_happens_on_the_way(tmp_path: Path) -> None:
    whole = list(train(SMALL))[-1]
    file = tmp_path / "c.npz"
    parts = [list(train(replace(SMALL, steps=steps), file))[-1] for steps in (5, 9, 12)]
    assert (parts[-1].bits, parts[-1].held, parts[-1].sample) == (whole.bits, whole.held, whole.sample)
    assert list(train(replace(SMALL, seed=1)))[-1].bits != whole.bits


def test_it_learns() -> None:
    order = replace(SMALL, size=24, steps=250, rate=0.01, layers=1, cell="gru")
    last = list(train(order))[-1]
    assert last.held is not None
    assert last.bigram is not None
    assert last.held < last.bigram - 0.5


def test_a_checkpoint_of_something_else_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "c.npz"
    list(train(SMALL, file))
    before = file.read_bytes()
    with pytest.raises(symrnn.OptionError, match=r"is of a training with layers = 2"):
        list(train(replace(SMALL, layers=1), file))
    assert file.read_bytes() == before
    file.write_text("notes")
    with pytest.raises(symrnn.OptionError, match=r"is no checkpoint of a training"):
        list(train(SMALL, file))
    assert file.read_text() == "notes"


def test_the_command_learns_and_goes_on(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT)
    call = ["demo", "char-rnn", "text.txt", "--size", "8", "--streams", "4", "--window", "10", "--steps"]
    assert main([*call, "3"]) == 0
    first = capsys.readouterr().out
    assert first.startswith("gradients: char_rnn: all 29 arrays agree ")
    assert "\n3 steps in " in first
    assert "kept in text.char-rnn.npz" in first
    assert main([*call, "5", "--rule", "adam"]) == 0
    assert "\n5 steps in " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["nosuch.txt"], "cannot read nosuch.txt: No such file or directory"),
        (["short.txt"], "the text has 30 characters, and 1,632 are needed to learn from"),
        (["text.txt", "--cell", "lstmm", "--steps", "1"], "there is no cell called `lstmm`"),
        (["text.txt", "--rule", "adamm", "--steps", "1"], "there is no update rule 'adamm'; did you mean `adam`?"),
        (["text.txt", "--window", "20", "--back", "10", "--steps", "1"], "give k2 ≥ k1"),
        (["text.txt", "--checkpoint", "text.txt"], "the checkpoint would be written over the text"),
        (["bytes.txt"], "bytes.txt is not UTF-8 text: invalid start byte at byte 0"),
    ],
)
def test_a_wrong_call_says_why(call: list[str], said: str, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT)
    Path("short.txt").write_text("a" * 30)
    Path("bytes.txt").write_bytes(b"\xff\xfe")
    assert main(["demo", "char-rnn", *call]) == 2
    assert said in capsys.readouterr().err
    assert Path("text.txt").read_text() == TEXT
