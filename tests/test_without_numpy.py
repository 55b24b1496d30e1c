"""Deriving, printing, emitting and proving need no NumPy; what does need it says so."""

from __future__ import annotations

import subprocess
import sys

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("numpy", "scipy", "torch"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
import symrnn
from symrnn.cli import main
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BLOCKED + program], capture_output=True, text=True, timeout=240)


def test_derivations_are_printed_emitted_and_compared() -> None:
    done = run(
        """
d = symrnn.derive("lstm")
for form in (d.text, d.latex, d.markdown, d.html, d.typst, d.tex):
    assert form(), form
for target in ("numpy", "torch", "c"):
    assert "derived by symrnn" in d.code(target), target
assert symrnn.compare("lstm", "gru").text()
d = symrnn.derive("def net(x):\\n    h = scan(lstm, x, reverse=True)\\n    return last(h)\\n")
for target in ("numpy", "torch"):
    assert "derived by symrnn" in d.code(target), target
for call in (["show", "lstm"], ["code", "lstm"], ["list"]):
    assert main(call) == 0, call
"""
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_cells_are_proved() -> None:
    """Over arrays of objects that are not NumPy's: products, parts, softmax, matrices as states."""
    done = run(
        """
texts = [
    "rnn",
    "def f(x, h):\\n    h = softmax(W @ [h, x])\\n    return h\\n",
    "def f(k, v, /, S):\\n    S = 0.5 * S + outer(v, k)\\n    return S @ k, (S,)\\n",
    "def net(x: integer, z: over(S), n: lengths(S)):\\n    h = scan(elman, embed(E, x), init=mean(z, over=time))\\n"
    "    a = softmax(rows(z) @ h)\\n    return cross_entropy(V @ reverse(h)[t-1], x) + sum(a * a)\\n",
]
for text in texts:
    proof = symrnn.prove(text, limit=None, steps=(1,))
    assert proof, proof.text()
print(symrnn.prove("rnn", limit=None).headline.partition(" (")[0])
"""
    )
    assert done.stderr == ""
    assert done.stdout.startswith("rnn: all ")


def test_what_needs_numpy_says_what_to_install() -> None:
    done = run(
        """
cell = symrnn.load("rnn")
works = (
    symrnn.derive(cell).numpy,
    lambda: symrnn.check(cell),
    cell.sample,
    lambda: cell.pack({}, "pytorch"),
    lambda: cell.unpack({}, "pytorch"),
    lambda: symrnn.Layout,
    lambda: symrnn.verify,
)
for work in works:
    try:
        work()
    except symrnn.SymrnnError as error:
        print(error)
assert main(["check", "rnn"]) == 2
assert main(["check", "rnn", "--seeds", "1"]) == 2
"""
    )
    mend = "mend: python -m pip install numpy"
    assert done.stdout.count(mend) == 7
    assert "a sample needs NumPy\n" in done.stdout
    assert "moving weights needs NumPy\n" in done.stdout
    assert done.stderr.count(mend) == 2
    assert "symrnn: this command needs NumPy\n" in done.stderr
