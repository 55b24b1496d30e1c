"""Programs with their loss inside: for `verify` they are networks, called sequence by sequence where they have no batch."""

import numpy as np

from symrnn.verifying import CrossEntropy, Layout, functions, updates

from .program import classes, fill, pick

CHARS = """
def chars(x: integer(K), y: integer(K), h0: context(n)):
    h = scan(rnn, one_hot(x), init=h0)
    return cross_entropy(V @ h + c, y)
"""
WORDS = """
def step(x, h):
    h = tanh(W @ x + R @ h)
    return h

def words(x: integer(K), y: integer(K)):
    h = scan(step, one_hot(x))
    return cross_entropy(V @ h, y)
"""
CLASSIFIER = """
def classifier(x, y: context(integer(K))){}:
    h = scan(rnn, x)
    return cross_entropy(V @ last(h) + c, y)
"""
ADDING = """
def adding(x, y: context(1)) -> mean(N):
    h = scan(lstm, x)
    return squared_error(V @ last(h) + c, y)
"""


def summed(one):
    """A network's loop from one of a single sequence: `one(params, n)` gives loss and gradients of sequence n."""

    def loop(params, x, y, **others):
        results = [one(params, *(a[:, n] if a.ndim > 1 else a[n] for a in (x, y)), **{k: v[n] for k, v in others.items()}) for n in range(x.shape[1])]  # fmt: skip
        grads = {k: sum(g[k] for _, g in results) for k in results[0][1] if k != "h0"}
        return sum(loss for loss, _ in results), grads

    return loop


# char_script -------------------------------------------------------------------------------------------------


def run_chars(m, a, T):
    fill(m, pick(a, "U W V b c"))
    loss, grads, _ = m.forward_backward(list(classes(T)), list(classes(T, 1)[:, 0]), a["h_prev"].copy())
    return loss, dict(zip("UWVbc", grads, strict=True))


def verify_chars(m):
    def one(p, x, y, h0):
        m.vocab_size, m.hidden_size = p["V"].shape
        fill(m, {"U": p["h.W"], "W": p["h.R"], "V": p["V"], "b": p["h.b"][:, None], "c": p["c"][:, None]})
        loss, (dU, dW, dV, db, dc), _ = m.forward_backward(x, y, h0[:, None])
        return loss, {"h.W": dU, "h.R": dW, "V": dV, "h.b": db[:, 0], "c": dc[:, 0]}

    looped = summed(one)

    def loss_and_grads(params, x, y, h0):
        return looped(params, x, y, h0=h0)

    return {"cell": CHARS, "backward": functions(loss_and_grads)}


# word_model --------------------------------------------------------------------------------------------------


def run_words(m, a, T):
    net = m.WordRNN()
    fill(net, pick(a, "U V W"))
    words, labels = classes(T), classes(T, 1)[:, 0]
    return net.loss(words, labels), dict(zip("UVW", net.bptt(words, labels), strict=True))


def verify_words(m):
    def one(p, x, y):
        net = m.WordRNN(*p["V"].shape)
        fill(net, {"U": p["h.W"], "V": p["V"], "W": p["h.R"]})
        return net.loss(x, y), dict(zip(("h.W", "V", "h.R"), net.bptt(x, y), strict=True))

    looped = summed(one)
    return {"cell": WORDS, "backward": functions(lambda params, x, y: looped(params, x, y))}


# classify_batch ----------------------------------------------------------------------------------------------


def run_classifier(m, a, T):
    labels = classes(a["x"].shape[0])
    return m.loss_and_gradients(a["x"], labels, {k: v for k, v in a.items() if k != "x"})


def verify_classifier(m):
    """As a cell with its loss, on the last output alone."""
    layout = Layout("Wx = W.T\nWh = R.T\nbh = b\nWy = V.T\nby = c", x="N T m", outputs="N n")

    def backward(params, x, targets):
        return m.loss_and_gradients(x, targets, params)

    code = functions(backward, returns="_ params", loss=CrossEntropy(mean="N", targets="N"))
    return {"cell": "rnn", "backward": code, "layout": layout}


def verify_classifier_network(m):
    def loss_and_grads(params, x, y):
        p = {"Wx": params["h.W"].T, "Wh": params["h.R"].T, "bh": params["h.b"], "Wy": params["V"].T, "by": params["c"]}
        loss, g = m.loss_and_gradients(x.swapaxes(0, 1), y, p)
        return loss, {"h.W": g["Wx"].T, "h.R": g["Wh"].T, "h.b": g["bh"], "V": g["Wy"].T, "c": g["by"]}

    return {"cell": CLASSIFIER.format(" -> mean(N)"), "backward": functions(loss_and_grads)}


# sentiment ---------------------------------------------------------------------------------------------------

_SENTIMENT = "Whh Wxh Why bh by"


def run_sentiment(m, a, T):
    net = m.SentimentRNN(a["Wxh"].shape[1], len(a["by"]), len(a["bh"]))
    fill(net, pick(a, _SENTIMENT))
    loss = net.train(list(a["x"]), 1)
    return loss, {k: a[k] - getattr(net, k) for k in _SENTIMENT.split()}


def verify_sentiment(m):
    """As a cell with its loss; the gradient is what the update takes off."""
    layout = Layout("Whh = R\nWxh = W\nWhy = V\nbh = b[:, None]\nby = c[:, None]", x="[T] m 1", outputs="n 1")

    def train(params, x, targets):
        net = m.SentimentRNN(params["Wxh"].shape[1], len(params["by"]), len(params["bh"]))
        fill(net, params)
        net.train(x, int(np.asarray(targets)))
        params.update({k: getattr(net, k) for k in params})

    return {"cell": "rnn", "backward": updates(train, rate=1.0, loss=CrossEntropy(targets="")), "layout": layout}


def verify_sentiment_network(m):
    def one(p, x, y):
        net = m.SentimentRNN(p["h.W"].shape[1], *p["V"].shape)
        theirs = {"Whh": p["h.R"], "Wxh": p["h.W"], "Why": p["V"], "bh": p["h.b"][:, None], "by": p["c"][:, None]}
        fill(net, theirs)
        loss = net.train(list(x[:, :, None]), y)
        g = {k: (v - getattr(net, k)) for k, v in theirs.items()}
        return loss, {"h.R": g["Whh"], "h.W": g["Wxh"], "V": g["Why"], "h.b": g["bh"][:, 0], "c": g["by"][:, 0]}

    looped = summed(one)
    return {"cell": CLASSIFIER.format(""), "backward": functions(lambda params, x, y: looped(params, x, y))}


# adding_lstm -------------------------------------------------------------------------------------------------


def run_adding(m, a, T):
    y = np.random.default_rng(4).standard_normal(a["X"].shape[1])
    return m.train_step(a["X"], y, a["W"], a["b"], a["w_out"], a["b_out"])


def verify_adding(m):
    def loss_and_grads(params, x, y):
        W = np.concatenate([np.hstack([params[f"h.{a}_{k}"] for a in "WR"]) for k in "ifog"]).T
        b = np.concatenate([params[f"h.b_{k}"] for k in "ifog"])
        loss, g = m.train_step(x, y[:, 0], W, b, params["V"][0], params["c"][0])
        grads, D = {"V": g["w_out"][None], "c": g["b_out"][None]}, x.shape[2]
        for k, dW, db in zip("ifog", np.split(g["W"].T, 4), np.split(g["b"], 4), strict=True):
            grads |= {f"h.W_{k}": dW[:, :D], f"h.R_{k}": dW[:, D:], f"h.b_{k}": db}
        return loss, grads

    return {"cell": ADDING, "backward": functions(loss_and_grads)}
