"""A fast kernel proves itself before its first use: mistakes are planted in the emitters, and the plain one serves."""

import os
import re
import runpy
import warnings
from pathlib import Path

import numpy as np
import pytest

import symrnn
from symrnn.numeric import cache as caching
from symrnn.numeric import trial
from symrnn.numeric.compiled import passes as compiled

from .conftest import needs_compiler

GRU = symrnn.derive("gru")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CFLAGS", "-O0")
    return tmp_path / "symrnn"


def planted(monkeypatch, old, new, count=1):
    """A mistake in the emitter of fast NumPy, as an edit of what it writes."""
    emit = trial.emit_fast

    def wrong(derivation):
        source = emit(derivation)
        assert re.search(old, source), source
        return re.sub(old, new, source, count=count)

    monkeypatch.setattr(trial, "emit_fast", wrong)


def gradients(kernel, cell, dtype="float64"):
    sample = cell.sample(T=4, N=3, seed=5, dtype=dtype)
    outputs, final, tape = kernel.forward(sample.params, sample.x, sample.state)
    grads = kernel.backward(tape, np.ones_like(outputs), final)
    return {"y": outputs, "x": grads.x, **grads.params, **grads.state}


MISTAKES = {
    "a wrong sign": (r"np\.subtract\((\w+), (\w+), out=(\w+)\)", r"np.add(\1, \2, out=\3)"),
    "a factor of a half": (r"( +)return grads", r'\1grads = {name: g * 0.5 for name, g in grads.items()}\n\1return grads'),
    "a name that is not there": (r"np\.tanh\((\w+)", r"np.tanh(\1_all_there"),
    "no Python at all": (r"def backward\(", "def backward(("),
    "work that is read before it is written": (r"( +)return grads, d_x", r'\1d_x = d_x + array(work, "odd", d_x.shape, d_x)\n\1return grads, d_x'),
    "an input that is written": (r"( +)return grads, d_x", r"\1d_outputs *= 1\n\1return grads, d_x"),
    "an output that is work": (r"outputs = np\.array\((\w+)\)", r"outputs = \1"),
    "another type": (r"( +)return grads, d_x", r"\1d_x = d_x.astype(np.float16)\n\1return grads, d_x"),
    "another shape": (r"( +)return grads, d_x", r"\1d_x = d_x[None]\n\1return grads, d_x"),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_seen_and_the_plain_kernel_serves(mistake, dtype, monkeypatch):
    right = gradients(GRU.numpy(dtype, plain=True), GRU.cell, dtype)
    planted(monkeypatch, *MISTAKES[mistake])
    with pytest.warns(symrnn.KernelWarning, match=f"the fast NumPy of gru in {dtype} is not what its equations say"):
        kernel = GRU.numpy(dtype)
    assert kernel.source == GRU.numpy(dtype, plain=True).source
    served = gradients(kernel, GRU.cell, dtype)
    assert all(np.array_equal(served[name], right[name]) for name in right)


def test_the_warning_shows_the_smallest_case(monkeypatch):
    planted(monkeypatch, r"( +)return grads, d_x", r"\1d_x = 2 * d_x\n\1return grads, d_x")
    cell = symrnn.cell("def small(x, h):\n    h = tanh(W @ x + R @ h)\n    return h")
    with pytest.warns(symrnn.KernelWarning) as told:
        symrnn.derive(cell).numpy()
    (warning,) = told
    assert warning.filename == __file__
    first, second, *rest = str(warning.message).splitlines()
    assert first == "the fast NumPy of small in float64 is not what its equations say"
    found = re.fullmatch(r"  ∂L/∂x\[0, 0, 0\] is (\S+), and (\S+) by plain NumPy", second)
    assert found
    assert float(found[1]) == pytest.approx(2 * float(found[2]))
    assert rest[:4] == ["  at T = 1, N = 1, m = 1, n = 1, sample 0", "    def small(x, h):", "        h = tanh(W @ x + R @ h)", "        return h"]  # fmt: skip
    assert re.fullmatch(r"  mend: the mistake is symrnn's; please report it with this message \(symrnn .*\)", rest[4])
    assert rest[5:] == ["  plain NumPy serves in its place"]


def test_code_prints_only_what_passed(monkeypatch):
    assert GRU.code() == trial.emit_fast(GRU)
    planted(monkeypatch, *MISTAKES["a wrong sign"])
    with pytest.warns(symrnn.KernelWarning):
        assert GRU.code() == GRU.numpy(plain=True).source


@needs_compiler
def test_a_mistake_in_c(monkeypatch):
    emit = compiled.emit_c
    monkeypatch.setattr(
        compiled, "emit_c", lambda derivation: re.sub(r"return \(a < 0", "return (a > 0", emit(derivation))
    )
    with pytest.warns(symrnn.KernelWarning, match="the C of gru in float64 is not what its equations say"):
        kernel = GRU.numpy(backend="c")
    assert kernel.source == GRU.numpy(plain=True).source
    right = gradients(GRU.numpy(plain=True), GRU.cell)
    served = gradients(kernel, GRU.cell)
    assert all(np.array_equal(served[name], right[name]) for name in right)
    with pytest.raises(
        symrnn.CompilerError, match=r"the C of gru in float64 is not what(.|\n)*until then: --target numpy"
    ):
        GRU.code("c")


@needs_compiler
def test_right_c_is_served():
    kernel = GRU.numpy(backend="c")
    assert kernel.source == GRU.code("c")
    right, served = gradients(GRU.numpy(plain=True), GRU.cell), gradients(kernel, GRU.cell)
    assert all(np.allclose(served[name], right[name], rtol=1e-12) for name in right)


# Remembering ---------------------------------------------------------------------------------------------------


def trials(monkeypatch):
    """The trials that are really made."""
    made = []
    objection = trial._objection
    monkeypatch.setattr(trial, "_objection", lambda *given: made.append(given) or objection(*given))
    return made


def test_a_verdict_is_remembered(monkeypatch, cache):
    made = trials(monkeypatch)
    for _ in range(3):
        GRU.numpy()
    assert len(made) == 1
    (kept,) = cache.glob("verdict-*")
    assert kept.read_text().endswith("\nagrees")
    GRU.numpy("float32")
    assert len(made) == 2
    monkeypatch.setattr(trial, "__version__", "0.0.0")
    GRU.numpy()
    assert len(made) == 3


def test_a_disagreement_is_remembered_too(monkeypatch):
    planted(monkeypatch, *MISTAKES["a wrong sign"])
    made, told = trials(monkeypatch), []
    for _ in range(2):
        with pytest.warns(symrnn.KernelWarning) as caught:
            GRU.numpy()
        told.append(str(caught[0].message))
    assert len(made) == 1
    assert told[0] == told[1]


@pytest.mark.parametrize("damage", [b"", b"agrees", None])
def test_a_damaged_verdict_is_none(damage, monkeypatch, cache):
    made = trials(monkeypatch)
    GRU.numpy()
    (kept,) = cache.glob("verdict-*")
    whole = kept.read_bytes()
    kept.write_bytes(whole.replace(b"agrees", b"agreed") if damage is None else damage)
    GRU.numpy()
    assert len(made) == 2
    assert kept.read_bytes() == whole


def test_a_cache_that_cannot_be_used_is_no_error(monkeypatch, tmp_path):
    made = trials(monkeypatch)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    GRU.numpy()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "replace", lambda a, b: (_ for _ in ()).throw(OSError("disk full")))
    GRU.numpy()
    monkeypatch.setattr(caching, "read_file", lambda path: None)
    GRU.numpy()
    assert len(made) == 3


# No false alarms -----------------------------------------------------------------------------------------------

DELICATE = {
    "logarithm and root": "h = tanh(W @ x) + log(h) + sqrt(x[0]) * h",
    "never finite": "h = log(-1 - square(W @ x + h))",
    "kinks": "h = relu(W @ x) + maximum(h, 0 * h) + where(h > h, 1, 2) * abs(R @ h)",
    "jumps": "h = floor(3 * h / h) + sign(W @ x - W @ x) + mod(x[0] / x[0], 1) * h",
    "large": "h = exp(20 * (W @ x)) + exp(30 * h)",
    "a gate's small values": "h = log(sigmoid(9 * (W @ x + R @ h)))",
    "cancellation": "h = (1 - square(tanh(5 * (W @ x)))) / (1 - tanh(4 * h) + 0.001)",
    "chaos": "h = sin(1000 * sin(1000 * (W @ x + h)))",
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_delicate_cells_raise_no_alarm(dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for line in DELICATE.values():
            symrnn.derive(f"def f(x: '(m,)', /, h: '(n,)'):\n    {line}\n    return h").numpy(dtype)


def test_what_cancels_behind_a_normalisation_of_one_entry_is_no_mistake(tmp_path, monkeypatch):
    """With n = 1, k / norm(k) and u − mean(u) are constant: their gradients are zero, and what is left is rounding, made
    some hundred times as large by the division."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    hard = Path(__file__).parents[1] / "checking" / "hard_cells.py"
    cell = runpy.run_path(str(hard))["HARD"]["titans"].replace(":\n", ":\n    beta: vector\n", 1)
    derivation = symrnn.derive(cell)
    assert derivation.numpy().source != derivation.numpy(plain=True).source
    assert derivation.numpy("float32").source != derivation.numpy("float32", plain=True).source
