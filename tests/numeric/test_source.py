"""What `symrnn code` prints: modules that stand alone, read well, and check themselves."""

import re
import shutil
import subprocess
import sys

import pytest

import symrnn

CELLS = {name: name for name in symrnn.zoo} | {
    "delta": "def delta(q, k, v, /, S):\n    beta: scalar\n    k = k / norm(k)\n    S = S + sigmoid(beta) * outer(v - S @ k, k)\n    return S @ q, (S,)",
    "layer_norm": "def ln(x, h):\n    a = W @ x + R @ h\n    u = a - mean(a)\n    h = tanh(g * u / sqrt(mean(square(u)) + 0.00001) + b)\n    return h",
    "min_gru": "def min_gru(x, h):\n    z = sigmoid(W_z @ x + b_z)\n    n = W_n @ x + b_n\n    h = (1 - z) * h + z * n\n    return h",
    "fused": "def fused(x, h, c):\n    a = W @ [h, x] + b\n    i = sigmoid(a[:n])\n    c = sigmoid(a[n:2 * n]) * c + i * tanh(a[2 * n:])\n    h = sigmoid(a[:n]) * tanh(c)\n    return h, c",
    "real_only": "def f(x, h):\n    h = tanh(gelu(W @ x) + softplus(abs(h)))\n    return h",
    "whole_numbers": "def f(x, h):\n    h = tanh(W @ x + h * mod(h, 2) + h * floor(h))\n    return h",
    "several": "def f(x, k, /, h):\n    h = tanh(W @ x + K @ k + h)\n    s = sum(h)\n    return (h, s), (h,)",
    "no_parameters": "def f(x, h):\n    h = 0.5 * x + 0.5 * h\n    return h",
    "no_state": "def f(x):\n    y = softmax(W @ x)\n    return y",
}


def run(path):
    return subprocess.run([sys.executable, "-I", "-W", "error", str(path)], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("name", CELLS)
def test_a_module_checks_itself(name, tmp_path):
    path = tmp_path / "module.py"
    path.write_text(symrnn.derive(CELLS[name]).code(), encoding="utf-8")
    done = run(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("largest relative error against ")


@pytest.mark.parametrize(
    ("right", "wrong"), [("delta_c += carry_c", "delta_c -= carry_c"), ("np.subtract(1, i", "np.subtract(2, i")]
)
def test_the_self_check_can_fail(right, wrong, tmp_path):
    source = symrnn.derive("lstm").code()
    assert right in source
    path = tmp_path / "module.py"
    path.write_text(source.replace(right, wrong), encoding="utf-8")
    done = run(path)
    assert done.returncode == 1
    assert "largest relative error against complex step" in done.stdout


@pytest.mark.parametrize("name", CELLS)
def test_a_module_needs_numpy_alone_and_numbers_its_equations(name):
    derivation = symrnn.derive(CELLS[name])
    source = derivation.code()
    assert set(re.findall(r"^import (\w+)", source, re.M)) <= {"numpy", "math"}
    assert not re.search(r"^from ", source, re.M)
    numbers = {int(number) for number in re.findall(r"\((\d+)\)", " ".join(re.findall(r"# ((?:\(\d+\) ?)+)", source)))}
    assert numbers <= {equation.number for equation in derivation.equations}
    assert len(numbers) >= len(derivation.gradients) - len(derivation.cell.states) - 1


def test_modules_pass_ruff(tmp_path):
    ruff = shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed (extra: dev)")
    for name, cell in CELLS.items():
        (tmp_path / f"{name}.py").write_text(symrnn.derive(cell).code(), encoding="utf-8")
    done = subprocess.run([ruff, "check", "--isolated", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_targets_have_names():
    derivation = symrnn.derive("rnn")
    assert "torch.autograd" in derivation.code("torch")
    assert "rnn_forward(" in derivation.code("c")
    with pytest.raises(symrnn.OptionError, match="there is no target 'pytorch'; there are: numpy, torch, c"):
        derivation.code("pytorch")


def test_a_cell_that_stops_gradients_says_that_it_is_not_checked():
    source = symrnn.derive("def f(x, h):\n    h = tanh(W @ x + stop_gradient(h))\n    return h").code()
    assert "there is no self-check" in source
    assert "__main__" not in source
