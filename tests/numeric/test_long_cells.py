"""What emitting costs where a cell is long: in proportion, counted in calls, because a time says more of the machine."""

import cProfile
import pstats

import pytest

import symrnn
from symrnn.numeric import emit, emit_fast
from symrnn.numeric.c import emit_c
from symrnn.numeric.torch_source import emit_torch


def chain(count):
    lines = [f"    a_{k + 1} = tanh(w * a_{k} + b)" for k in range(count)]
    return "\n".join(["def f(x, h):", "    a_0 = W @ x + R @ h", *lines, f"    h = a_{count}", "    return h"])


def wide(count):
    """As many states, gates and parameters."""
    states = ", ".join(f"h_{k}" for k in range(count))
    lines = [f"    h_{k} = sigmoid(W_{k} @ x + R_{k} @ h_{k} + b_{k}) * tanh(h_{k - 1})" for k in range(1, count)]
    return "\n".join([f"def f(x, {states}):", "    h_0 = tanh(W_0 @ x + R_0 @ h_0)", *lines, f"    return {states}"])


@pytest.mark.parametrize("emitter", [emit, emit_fast, emit_c, emit_torch])
@pytest.mark.parametrize("form", [chain, wide])
def test_twice_as_long_takes_twice_the_work(emitter, form):
    counts = []
    for size in (24, 48):
        derivation = symrnn.derive(form(size))
        profile = cProfile.Profile()
        profile.runcall(emitter, derivation)
        counts.append((pstats.Stats(profile).total_calls, len(emitter(derivation))))
    (calls, length), (more_calls, more_length) = counts
    assert more_length < 2.4 * length
    assert more_calls < 2.4 * calls
