"""Whole programs with layers, tokens and losses inside, as networks where there is one for them."""

import numpy as np

from symrnn.verifying import functions

from .program import classes, fill

TAGGER = """
def tagger(x, y: integer(K)) -> mean({}):
    h = scan(rnn, x)
    return cross_entropy(V @ h + c, y)
"""
STACKED = """
def stacked(x, y):
    h1 = scan(rnn, x)
    h2 = scan(rnn, h1)
    return squared_error(V @ h2 + c, y)
"""
WORDS = """
def words(x: integer(K), y: integer(K)) -> mean(N):
    h1 = scan(rnn, embed(E, x))
    h2 = scan(rnn, h1)
    return cross_entropy(V @ h2 + c, y)
"""


# softmax_tagger ----------------------------------------------------------------------------------------------


def _tag(m, params, x, y):
    net = m.Tagger(1, 1, 1)
    net.params = params
    net.forward(x)
    return net.loss(y), net.backward(y)


def run_tagger(m, a, T):
    return _tag(m, {k: v for k, v in a.items() if k != "x"}, a["x"], classes(T, a["x"].shape[1]))


def verify_tagger(m):
    def loss_and_grads(params, x, y):
        theirs = {"Wxh": params["h.W"].T, "Whh": params["h.R"].T, "bh": params["h.b"]}
        theirs |= {"Who": params["V"].T, "bo": params["c"]}
        loss, g = _tag(m, theirs, x, y)
        return loss, {"h.W": g["Wxh"].T, "h.R": g["Whh"].T, "h.b": g["bh"], "V": g["Who"].T, "c": g["bo"]}

    return {"cell": TAGGER.format("T, N"), "backward": functions(loss_and_grads)}


# safe_softmax ------------------------------------------------------------------------------------------------

_SAFE = "U W V bh by"


def run_safe_softmax(m, a, T):
    N, T, _ = a["X"].shape
    Y = np.eye(len(a["by"]))[classes(N, T)]
    loss, grads = m.step(a["X"], Y, *(a[k] for k in _SAFE.split()))
    return loss, dict(zip(_SAFE.split(), grads, strict=True))


def verify_safe_softmax(m):
    def loss_and_grads(params, x, y):
        p = [params["h.W"].T, params["h.R"].T, params["V"].T, params["h.b"], params["c"]]
        loss, (dU, dW, dV, dbh, dby) = m.step(x.swapaxes(0, 1), np.eye(len(p[-1]))[y.T], *p)
        return loss, {"h.W": dU.T, "h.R": dW.T, "V": dV.T, "h.b": dbh, "c": dby}

    return {"cell": TAGGER.format("N"), "backward": functions(loss_and_grads)}


# stacked -----------------------------------------------------------------------------------------------------


def _stack(m, p, x, y):
    net = m.Stacked([1, 1, 1], 1)
    fill(net, {"V": p["V"], "c": p["c"]})
    for name in "WRb":
        setattr(net, name, [p[f"h1.{name}"], p[f"h2.{name}"]])
    loss = net.loss(x, y)
    dW, dR, db, dV, dc = net.gradients(x, y)
    grads = {f"h{k + 1}.{name}": d[k] for name, d in zip("WRb", (dW, dR, db), strict=True) for k in (0, 1)}
    return loss, {**grads, "V": dV, "c": dc}


def run_stacked(m, a, T):
    y = np.random.default_rng(2).standard_normal((*a["x"].shape[:2], len(a["c"])))
    return _stack(m, {k: v for k, v in a.items() if k != "x"}, a["x"], y)


def verify_stacked(m):
    return {"cell": STACKED, "backward": functions(lambda params, x, y: _stack(m, params, x, y))}


# two_layer_words ---------------------------------------------------------------------------------------------


def run_two_layers(m, a, T):
    layers = [{k: a[f"{k}{n}"] for k in "WRb"} for n in "12"]
    loss, dE, grads, dV, dc = m.loss_and_grads(classes(2, T), classes(2, T + 1)[:, 1:], a["E"], layers, a["V"], a["c"])
    return loss, {**{f"{k}{n + 1}": grads[n][k] for k in "WRb" for n in (0, 1)}, "E": dE, "V": dV, "c": dc}


def verify_two_layers(m):
    def loss_and_grads(params, x, y):
        layers = [{"W": params[f"h{k}.W"].T, "R": params[f"h{k}.R"].T, "b": params[f"h{k}.b"]} for k in (1, 2)]
        loss, dE, grads, dV, dc = m.loss_and_grads(x.T, y.T, params["E"], layers, params["V"].T, params["c"])
        named = {"E": dE, "V": dV.T, "c": dc}
        for k, g in zip((1, 2), grads, strict=True):
            named |= {f"h{k}.W": g["W"].T, f"h{k}.R": g["R"].T, f"h{k}.b": g["b"]}
        return loss, named

    return {"cell": WORDS, "backward": functions(loss_and_grads)}


# next_value, binary_sum --------------------------------------------------------------------------------------


def run_next_value(m, a, T):
    loss, *grads = m.fit(a["series"], a["Wx"], a["Wh"], a["b"], a["Wo"])
    return loss, dict(zip(("Wx", "Wh", "b", "Wo"), grads, strict=True))


def verify_next_value(m):
    return "outputs one fewer than inputs, and the targets are the inputs of the step after"


def run_binary(m, a, T):
    m.HIDDEN = len(a["Wh"])
    moved = {k: v.copy() for k, v in a.items()}
    bits = np.random.default_rng(5).integers(2, size=(3, m.BITS))
    loss = m.train(*bits, moved["W0"], moved["Wh"], moved["W1"])
    return loss, {k: a[k] - moved[k] for k in a}


def verify_binary(m):
    return "T = 8 is fixed by the code, the outputs are logistic units, and Wh is unchanged at T = 1"
