"""Training loops as people write them, loss inside, judged against a network: right ones, and ones with one mistake."""

import re
from pathlib import Path

import numpy as np
import pytest

import symrnn
from symrnn.verifying import functions

TEXT = """
def chars(ids: integer(K), targets: integer(K)) -> mean(N):
    e = embed(E, ids)
    h1 = scan(rnn, e)
    h2 = scan(rnn, h1)
    return cross_entropy(V @ h2 + c, targets)
"""
LSTM = TEXT.replace("rnn", "lstm")


def train(params, ids, targets, slip=""):
    """Two layers of tanh, after min-char-rnn, for a batch; `slip` is the mistake that is made."""
    E, V, c = params["E"], params["V"], params["c"]
    W1, R1, b1 = params["h1.W"], params["h1.R"], params["h1.b"]
    W2, R2, b2 = params["h2.W"], params["h2.R"], params["h2.b"]
    T, N = ids.shape
    xs, h1, h2, ps = {}, {-1: np.zeros((N, len(b1)))}, {-1: np.zeros((N, len(b2)))}, {}
    loss = 0
    for t in range(T):
        xs[t] = E[ids[t]]
        h1[t] = np.tanh(xs[t] @ W1.T + h1[t - 1] @ R1.T + b1)
        h2[t] = np.tanh(h1[t] @ W2.T + h2[t - 1] @ R2.T + b2)
        y = h2[t] @ V.T + c
        ps[t] = np.exp(y) / np.exp(y).sum(1, keepdims=True)
        loss += -np.log(ps[t][np.arange(N), targets[t]]).sum()
    loss = loss if slip == "loss is a sum" else loss / N
    g = {name: np.zeros_like(array) for name, array in params.items()}
    dh1_next, dh2_next = np.zeros_like(h1[-1]), np.zeros_like(h2[-1])
    for t in reversed(range(T)):
        dy = ps[t].copy()
        dy[np.arange(N), targets[t]] -= 1
        if slip == "p − y":
            dy = -dy
        if slip != "1/N":
            dy /= N
        if slip != "a step of dV" or t > 0:
            g["V"] += dy.T @ h2[t - 1 if slip == "dV one step late" else t]
        g["c"] += dy.sum(0)
        dh2 = dy @ V + dh2_next
        da2 = dh2 if slip == "tanh′ of layer 2" else dh2 * (1 - h2[t] ** 2)
        g["h2.W"] += da2.T @ h1[t]
        g["h2.R"] += da2.T @ h2[t - 1]
        g["h2.b"] += da2.sum(0)
        dh2_next = da2 @ R2
        from_above = (dh2 if slip == "ε without tanh′" else da2) @ W2
        dh1 = dh1_next + (0 if slip == "no ε into layer 1" else from_above)
        da1 = dh1 * (1 - h1[t]) if slip == "tanh′ of layer 1" else dh1 * (1 - h1[t] ** 2)
        g["h1.W"] += da1.T @ xs[t]
        g["h1.R"] += da1.T @ h1[t - 1]
        g["h1.b"] += da1.sum(0)
        dh1_next = da1 @ R1
        dx = da1 @ W1
        if slip == "ids in a step":
            g["E"][ids[t]] += dx
        elif slip == "ids in all steps":
            g["E"][ids[t]] = dx
        else:
            np.add.at(g["E"], ids[t], dx)
    return loss, g


def sliding(slip):
    """The loop with a mistake."""
    return lambda params, ids, targets: train(params, ids, targets, slip)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def train_lstm(params, ids, targets, slip=""):
    """Two LSTM layers, each there and back in loops of their own."""
    T, N = ids.shape
    x = params["E"][ids]
    layers = []
    for name in ("h1", "h2"):
        p = {key.partition(".")[2]: array for key, array in params.items() if key.startswith(name)}
        n = len(p["b_f"])
        h, c, kept, out = np.zeros((N, n)), np.zeros((N, n)), [], []
        for t in range(T):
            a = {k: x[t] @ p[f"W_{k}"].T + h @ p[f"R_{k}"].T + p[f"b_{k}"] for k in gates(p)}
            f, i, o, g = (sigmoid(a["f"]), sigmoid(a["i"]), sigmoid(a["o"]), np.tanh(a[cell_gate(p)]))
            before, c_old = h, c
            c = f * c + i * g
            h = o * np.tanh(c)
            kept.append((x[t], before, c_old, f, i, o, g, c))
            out.append(h)
        layers.append((name, p, kept))
        x = np.array(out)
    logits = x @ params["V"].T + params["c"]
    prob = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    hot = np.eye(prob.shape[-1])[targets]
    loss = -(hot * np.log(prob)).sum() / N
    d = (prob - hot) / N
    grads = {"dV": np.einsum("tnk,tnj->kj", d, x), "dc": d.sum((0, 1))}
    above = d @ params["V"]
    for name, p, kept in reversed(layers):
        d_p = {key: np.zeros_like(array) for key, array in p.items()}
        dh_next, dc_next, below = 0, 0, []
        for t in reversed(range(T)):
            x_t, before, c_old, f, i, o, g, c = kept[t]
            dh = above[t] + dh_next
            dc = dh * o * (1 - np.tanh(c) ** 2) + dc_next
            input_part = dc * f if slip == "input gate" and name == "h1" else dc * g
            da = {"f": dc * c_old * f * (1 - f), "i": input_part * i * (1 - i), "o": dh * np.tanh(c) * o * (1 - o)}
            da[cell_gate(p)] = dc * i * (1 - g * g)
            for k, delta in da.items():
                d_p[f"W_{k}"] += delta.T @ x_t
                d_p[f"R_{k}"] += delta.T @ before
                d_p[f"b_{k}"] += delta.sum(0)
            dh_next = sum(delta @ p[f"R_{k}"] for k, delta in da.items())
            dc_next = dc * f
            below.append(sum(delta @ p[f"W_{k}"] for k, delta in da.items()))
        grads |= {f"d_{name}.{key}": array for key, array in d_p.items()}
        above = np.array(below[::-1])
    grads["dE"] = np.zeros_like(params["E"])
    np.add.at(grads["dE"], ids, above)
    return loss, grads


def gates(p):
    return [key[2:] for key in p if key.startswith("b_")]


def cell_gate(p):
    return next(k for k in gates(p) if k not in "fio")


# Right -----------------------------------------------------------------------------------------------------------


def test_right_loops_are_right():
    report = symrnn.verify(symrnn.network(TEXT), train)
    assert report
    assert report.text().startswith("forward   agrees with chars\nbackward  right: 9 arrays")


def test_a_right_lstm_is_right():
    report = symrnn.verify(symrnn.network(LSTM), train_lstm)
    assert report, report.text()


def test_gradients_may_come_as_a_tuple_with_names_and_arguments_by_name():
    def loop(ids, targets, params):
        loss, g = train(params, ids, targets)
        return loss, g["E"], g["h1.W"], g["h1.R"], g["h1.b"], g["h2.W"], g["h2.R"], g["h2.b"], g["V"], g["c"]

    returns = "loss, dE, dh1_W, dh1_R, dh1_b, dh2_W, dh2_R, dh2_b, dV, dc"
    assert symrnn.verify(TEXT, functions(loop, returns=returns))


# Wrong -----------------------------------------------------------------------------------------------------------

SLIPS = {
    # slip: block, name of the equation, parts of what is said
    "p − y": ("loss", "delta_u_loss", ("δ_u_loss", "softmax(u_loss) − targets_{hot,t}")),
    "1/N": ("loss", "epsilon_loss", ("ε_{loss,t}  computed  1", "should be 1 / N")),
    "tanh′ of layer 2": ("h2", "delta_a_h", ("δ_a_h⁽²⁾", "missing factor")),
    "tanh′ of layer 1": ("h1", "delta_a_h", ("δ_a_h⁽¹⁾", "1 − h_t⁽¹⁾")),
    "no ε into layer 1": ("h1", "epsilon_h1", ("ε_{h,t}⁽¹⁾  computed  0", "should be W⁽²⁾ᵀ δ_a_h⁽²⁾")),
    "ε without tanh′": ("h1", "epsilon_h1", ("computed  W⁽²⁾ᵀ δ_h⁽²⁾", "should be W⁽²⁾ᵀ δ_a_h⁽²⁾")),
    "ids in a step": ("", "grad_E", ("∂L/∂E", "lost accumulation")),
    "ids in all steps": ("", "grad_E", ("∂L/∂E", "lost accumulation")),
    "a step of dV": ("loss", "grad_V", ("∂L/∂V", "seen in ∂L/∂V")),
    "dV one step late": ("loss", "grad_V", ("∂L/∂V", "h_{t−1}⁽²⁾")),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_mistake_is_named_by_block_and_equation(slip):
    block, equation, words = SLIPS[slip]
    net = symrnn.network(TEXT)
    report = symrnn.verify(net, sliding(slip))
    assert not report
    (finding,) = report.findings
    assert (finding.block, finding.equation) == (block, equation), report.text()
    for word in words:
        assert word in report.text()
    # the number is the one that the page has
    left = finding.left if finding.left.startswith("∂") else re.escape(finding.left)
    assert re.search(rf"^ +\({finding.number}\) +{left} +=", symrnn.derive(net).text(), re.MULTILINE)


def test_a_mistake_in_the_first_of_two_lstm_layers():
    report = symrnn.verify(LSTM, lambda params, ids, targets: train_lstm(params, ids, targets, "input gate"))
    (finding,) = report.findings
    assert finding.block == "h1"
    assert finding.equation in ("delta_i", "delta_a_i")
    assert "f_t⁽¹⁾" in finding.computed or "f⁽¹⁾" in finding.computed


def test_two_mistakes_in_two_layers():
    def loop(params, ids, targets):
        loss, g = train(params, ids, targets, "tanh′ of layer 2")
        return loss, g | {"V": -g["V"]}

    report = symrnn.verify(TEXT, loop)
    assert {(f.block, f.equation) for f in report.findings} == {("loss", "grad_V"), ("h2", "delta_a_h")}


def test_what_no_mistake_explains_is_located():
    def loop(params, ids, targets):
        loss, g = train(params, ids, targets)
        return loss, g | {"h2.R": np.cos(g["h2.R"])}

    (finding,) = symrnn.verify(TEXT, loop).findings
    assert (finding.kind, finding.block) == ("located, not explained", "h2")
    assert finding.arrays == ("∂L/∂h2.R",)
    assert "should be Σ_t δ_a_h⁽²⁾ h_{t−1}⁽²⁾ᵀ" in finding.note


def train_backwards(params, x, y, slip):
    """One layer that runs from the end and begins at a learned state."""
    W, R, b, V = (params[name] for name in ("h.W", "h.R", "h.b", "V"))
    T, N = x.shape[:2]
    h = {T: np.broadcast_to(params["h0"], (N, len(b)))}
    g = {name: np.zeros_like(array) for name, array in params.items()}
    for t in reversed(range(T)):
        h[t] = np.tanh(x[t] @ W.T + h[t + 1] @ R.T + b)
    e = np.array([h[t] for t in range(T)]) @ V.T - y
    dh, dx = np.zeros_like(h[T]), np.zeros_like(x)
    for t in range(T):
        g["V"] += e[t].T @ h[t]
        da = (e[t] @ V + dh) * (1 - h[t] ** 2)
        g["h.W"] += da.T @ x[t]
        g["h.R"] += da.T @ h[t if slip == "R" else t + 1]
        g["h.b"] += da.sum(0)
        dx[t] = da @ W
        dh = da @ R
    g["h0"] = -dh.sum(0) if slip == "h0" else dh.sum(0)
    return (e**2).sum() / 2, {**g, "dx": -dx if slip == "dx" else dx}


BACKWARDS = """
def back(x, y):
    h = scan(rnn, x, init=h0, reverse=True)
    return squared_error(V @ h, y)
"""


@pytest.mark.parametrize(
    ("slip", "said", "array"),
    [
        ("h0", "block h, (17) ∂L/∂h_0  computed  −κ_{h,", "∂L/∂h0"),
        ("R", "block h, (15) ∂L/∂R  computed  Σ_t δ_a_h h_tᵀ", "∂L/∂h.R"),
        ("dx", "(19) ∂L/∂x_t  computed  −Wᵀ δ_a_h", "∂L/∂x"),
    ],
)
def test_a_layer_that_runs_from_the_end_and_begins_at_a_learned_state(slip, said, array):
    report = symrnn.verify(BACKWARDS, lambda params, x, y: train_backwards(params, x, y, slip))
    (finding,) = report.findings
    assert finding.arrays == (array,)
    assert said in report.text()
    assert symrnn.verify(BACKWARDS, lambda params, x, y: train_backwards(params, x, y, ""))


def test_gradients_that_are_added_to_those_of_the_call_before():
    held = {}

    def loop(params, ids, targets):
        loss, g = train(params, ids, targets)
        for name, array in g.items():
            old = held.get(name)
            held[name] = array + (old if old is not None and old.shape == array.shape else 0)
        params["c"][:] = 0
        return loss, held

    kinds = [finding.kind for finding in symrnn.verify(TEXT, loop).findings]
    assert kinds == ["state leaking between calls", "mutation of the caller's arrays"]


# The loss --------------------------------------------------------------------------------------------------------


def test_a_loss_that_is_a_sum_is_said_to_be_one():
    report = symrnn.verify(TEXT, sliding("loss is a sum"))
    assert not report.forward
    assert "): computed" in report.text()
    assert "it is a sum" in report.text()


def test_another_loss_is_shown_with_both_numbers():
    def loop(params, ids, targets):
        loss, g = train(params, ids, targets)
        return loss + 1, g

    text = symrnn.verify(TEXT, loop).text()
    assert "forward   is not chars's" in text
    assert re.search(r"loss \(.*\): computed \d\.\d+, expected \d\.\d+", text)


# Errors ----------------------------------------------------------------------------------------------------------


def changed(change):
    def loop(params, ids, targets):
        loss, g = train(params, ids, targets)
        change(g)
        return loss, g

    return loop


@pytest.mark.parametrize(
    ("loop", "words"),
    [
        (changed(lambda g: g.pop("c")), ["no gradient of c", "h1.W"]),
        (changed(lambda g: g.update(dWxh=g.pop("h1.W"))), ["dWxh", "h1.W"]),
        (changed(lambda g: g.update(V=g["V"].T)), ["V", "(5, 4)", "(4, 5)"]),
        (lambda params, ids, targets: train(params, ids, targets)[0], ["loss and gradients", "float"]),
        (lambda params, tokens: None, ["tokens", "ids"]),
        (lambda params, ids, targets: (np.zeros(2), {}), ["loss", "(2,)"]),
    ],
)
def test_errors_show_both_sides(loop, words):
    with pytest.raises(symrnn.SymrnnError) as caught:
        symrnn.verify(TEXT, loop, dims={"K": 5, "h2.n": 4})
    for word in words:
        assert word in str(caught.value)


def test_a_network_without_a_loss_is_refused():
    with pytest.raises(symrnn.SymrnnError, match="returns no loss"):
        symrnn.verify("def net(x):\n    h = scan(rnn, x)\n    return h", train)


@pytest.mark.parametrize("name", ["network", "cell"])
def test_a_file_names_its_network(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from symrnn.cli import main

    source = Path(__file__).read_text(encoding="utf-8")
    start, end = source.index("def train("), source.index("def sliding(")
    file = tmp_path / "mine.py"
    body = source[start:end].replace("def train(", "def loss_and_grads(").replace('slip=""', 'slip="p − y"')
    file.write_text(f'import numpy as np\n\n{name} = """{TEXT}"""\n\n\n{body}', encoding="utf-8")
    assert main(["verify", str(file)]) == 1
    assert "δ_u_loss" in capsys.readouterr().out
