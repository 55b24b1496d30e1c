"""Cells that ask more of a printer than the zoo does."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from symrnn.catalogue import read_catalogue
from symrnn.render import PRESETS

# What the presets do not try: every choice that is not the usual one, in few combinations.
NOTATIONS = (
    *PRESETS,
    "vectors=row,layout=numerator,weights=joined",
    "adjoint=bar,time=superscript,times=every,derivative=net",
    "adjoint=prefix,lines=merged,carries=inline,product=circ",
)

ODD_CELLS = {
    "delta": """
def delta(q, k, v, /, S):
    beta: scalar
    k = k / norm(k)
    S = S + sigmoid(beta) * outer(v - S @ k, k)
    return S @ q, (S,)
""",
    "packed_lstm": '''
def packed_lstm(x, h: (n,), c):
    """LSTM over one matrix."""
    z = W @ [h, x] + b
    i = sigmoid(z[:n])
    f = sigmoid(z[n:2*n])
    o = sigmoid(z[2*n:3*n])
    g = tanh(z[3*n:])
    c = f * c + i * g
    h = o * tanh(c)
    return h, c
''',
    "layer_norm": """
def layer_norm(x, h):
    a = W @ x + R @ h
    d = a - mean(a)
    s = sqrt(mean(square(d)) + 0.00001)
    h = tanh(gain * d / s + bias)
    return h
""",
    "attention": """
def attention(x, S):
    s = softmax(S.T @ (W_query @ x) / 2)
    r = S @ s
    S = 0.9 * S + outer(r, s) * exp(-S)
    return r, (S,)
""",
    "kinky": """
def kinky(x, h, alpha_long_name: scalar):
    a = W @ x + R @ h
    u = leaky_relu(a) + elu(a) + clip(a, -1, 1) + hard_sigmoid(a) + gelu_tanh(a) + gelu(a) + silu(a) + softplus(a)
    v = where(a > 0, u, alpha_long_name * u) + maximum(u, h) * minimum(u, 0.3)
    w = abs(v) + sign(v) + sqrt(exp(v)) + sin(v) * cos(v) + log(1 + v ** 2) + v ** 3 / 7 + (1 + exp(v)) ** -2
    h = stop_gradient(w) + w / (1 + norm(w)) + logsumexp(w)
    alpha_long_name = 0.5 * alpha_long_name + dot(w, h)
    return h, alpha_long_name
""",
    "names": """
def names(x_, h1: (n,), delta_h, Δ: scalar):
    W_1: (n, n)
    b_1x: vector
    kappa = tanh(W_1 @ h1 + W1 @ x_ + gate_bias)
    h1 = Δ * kappa * lam_max * (1 - b_1x) / 3
    delta_h = delta_h - (h1 - x_[0:n]) ** 0.5
    Δ = x_[3] * Δ + sum(diag(h1) @ delta_h)
    return h1, delta_h, Δ
""",
    "rows": """
def rows(x, S):
    v = x @ W + S[0, :]
    S = diag(v) @ S @ S.T ** 2 - outer(S[:, 1] @ S, v) * S
    return v @ v * S, (S,)
""",
    "stateless": """
def stateless(x):
    y = relu(W @ x) ** -1
    return y
""",
}


CLASSICS = ("gru", "gru_reset_after", "lstm", "peephole_lstm", "rnn")


@pytest.fixture(params=[*CLASSICS, *ODD_CELLS])
def any_cell(request: pytest.FixtureRequest) -> str:
    """The cells that everyone knows by name, and every odd cell as text."""
    return ODD_CELLS.get(request.param, request.param)


@pytest.fixture(scope="session")
def classics() -> tuple[str, ...]:
    """Cells that meet every notation; those of the zoo all meet the standard one."""
    return CLASSICS


@pytest.fixture(scope="session")
def families() -> list[str]:
    """One cell of each family, for readers that take their time."""
    catalogue = read_catalogue()
    return [*CLASSICS, *(catalogue.of_family(family)[-1].name for family in catalogue.families)]


@pytest.fixture(scope="session")
def odd() -> list[str]:
    return list(ODD_CELLS.values())


@pytest.fixture
def odd_cells() -> dict[str, str]:
    return ODD_CELLS


@pytest.fixture(scope="session")
def evaluator():
    """The module that computes formulas as they are printed."""
    spec = importlib.util.spec_from_file_location("symrnn_tests_evaluator", Path(__file__).parent / "evaluator.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def notations():
    """Every preset, and more."""
    return NOTATIONS


@pytest.fixture(scope="session")
def formulas_of():
    """What stands between dollars in Markdown, the program aside: blocks, and formulas within lines."""

    def formulas(markdown):
        prose = re.sub(r"```.*?```", "", markdown, flags=re.S)
        blocks = re.findall(r"\$\$\n(.*?)\$\$", prose, flags=re.S)
        inline = re.findall(r"(?<!\\)\$([^$\n]+)\$", re.sub(r"\$\$\n.*?\$\$", "", prose, flags=re.S))
        return blocks, inline

    return formulas


@pytest.fixture(scope="session")
def katex():
    """Ask the real KaTeX, in strict mode, for its verdict on many formulas at once; KATEX_DIR is where
    `npm install katex` was run."""
    folder = os.environ.get("KATEX_DIR", "")
    node = shutil.which("node")
    if not folder or node is None:
        pytest.skip("set KATEX_DIR to a folder in which `npm install katex` was run")
    assert (Path(folder) / "node_modules" / "katex").is_dir(), f"KATEX_DIR={folder} holds no node_modules/katex"
    script = """
        const katex = require(process.argv[1] + "/node_modules/katex");
        const {formulas, output} = JSON.parse(require("fs").readFileSync(0, "utf8"));
        const failures = [];
        for (const formula of formulas) {
          try { katex.renderToString(formula, {displayMode: true, strict: "error", throwOnError: true, output}); }
          catch (error) { failures.push([formula.slice(0, 200), String(error.message)]); }
        }
        console.log(JSON.stringify([formulas.length, failures]));
    """

    def ask(formulas, output="htmlAndMathml"):
        answer = subprocess.run(
            [node, "-e", script, str(Path(folder).resolve())],
            input=json.dumps({"formulas": formulas, "output": output}),
            capture_output=True,
            text=True,
            check=True,
        )
        count, failures = json.loads(answer.stdout)
        assert count == len(formulas)
        return failures

    return ask


@pytest.fixture(scope="session")
def typst():
    """Compile many Typst pages at once, each in a scope of its own, or else the rules that every page sets for its
    text would pile up. Those of `read` are parsed and evaluated, those of `laid` are also set on paper."""
    compiler = pytest.importorskip("typst", reason="python -m pip install typst")

    def compile_pages(laid, read=()):
        parts = [f"#let _ = [\n{page}\n]" for page in read]
        parts += [f"#[\n{page}\n]" for page in laid]
        made = compiler.compile("\n".join(parts).encode())
        assert made.startswith(b"%PDF")

    compile_pages.refusal = compiler.TypstError
    return compile_pages
