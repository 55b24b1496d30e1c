"""Torch functions: its autograd, its own modules, and autograd.Functions with a backward by hand."""

import numpy as np
import pytest
from verifying.subjects import subject_of

import symrnn
from symrnn.checking.oracles import Point, Upstream, complex_step
from symrnn.layouts.layout import Layout
from symrnn.verifying.observing import run_code
from symrnn.verifying.styles import torch_functions

torch = pytest.importorskip("torch")


def errors_of(subject, T, N):
    """The largest error of every array, in every reading, against complex step; and what was seen."""
    dims = {"m": 3, "n": 4}
    sample = subject.cell.sample(T=T, N=N, seed=0, dims=dims)
    generator = np.random.default_rng(1)
    final = {name: generator.standard_normal(array.shape) for name, array in sample.state.items()}
    upstream = Upstream("on everything", {"h": generator.standard_normal((T, N, 4))}, final)
    point = Point(subject.cell, dims, T, N, sample.params, {"x": sample.x}, sample.state)
    seen = run_code(subject, point, upstream)
    truth = complex_step(seen.point, [seen.upstream])[0].values
    found = {
        key: max(float(abs(reading[key] - truth[key]).max()) for reading in seen.readings) for key in seen.gradients
    }
    return found, seen


def test_torch_differentiates_a_forward():
    def forward(weight_ih, weight_hh, bias_ih, bias_hh, x, h0, c0):
        h, c, outputs = h0, c0, []
        for x_t in x:
            gates = x_t @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh
            i, f, g, o = gates.chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs), {"h": h, "c": c}

    preset = Layout.preset("pytorch", "lstm").params
    layout = Layout({name.removesuffix("_l0"): block for name, block in preset.items()})
    subject = subject_of(symrnn.load("lstm"), torch_functions(forward), layout)
    errors, seen = errors_of(subject, 3, 2)
    assert seen.missing == ()
    assert np.any(seen.upstream.final["c"])
    assert max(errors.values()) < 1e-13


def test_torch_nn_lstm_through_its_preset():
    def forward(params, x, h, c):
        module = torch.nn.LSTM(x.shape[2], h.shape[2], dtype=x.dtype)
        outputs, (h_n, c_n) = torch.func.functional_call(module, params, (x, (h, c)))
        return outputs, {"h": h_n, "c": c_n}

    subject = subject_of(symrnn.load("lstm"), torch_functions(forward), Layout.preset("pytorch", "lstm"))
    errors, _ = errors_of(subject, 3, 2)
    assert len(errors) == 15
    assert max(errors.values()) < 1e-13


@pytest.mark.parametrize("right", [True, False])
def test_an_autograd_function_is_what_is_verified(right):
    class Tanh(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            y = torch.tanh(a)
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            return g * (1 - y * y if right else 1 - y)

    def forward(W, R, b, x, h):
        outputs = []
        for x_t in x:
            h = Tanh.apply(x_t @ W.T + h @ R.T + b)
            outputs.append(h)
        return torch.stack(outputs)

    errors, _ = errors_of(subject_of(symrnn.load("rnn"), torch_functions(forward)), 3, 2)
    assert (max(errors.values()) < 1e-13) == right
