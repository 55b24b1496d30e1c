"""The emitted sources of a few cells, letter for letter: what a change of an emitter does is seen in its diff.

`python tests/numeric/test_goldens.py` writes them anew; then read what `git diff` says.
"""

from pathlib import Path

import pytest

import symrnn
from symrnn.numeric import emit
from symrnn.numeric.c import emit_c
from symrnn.numeric.torch_source import emit_torch

GOLDENS = Path(__file__).parent / "goldens"
EMITTERS = {"plain.txt": emit, "torch.txt": emit_torch, "c.txt": emit_c}
TEXTS = {
    "attention": """
def attention(x, k, /, h, M):
    q = Q @ x + R @ h
    w = softmax(M @ q)
    h = tanh(A @ (w @ M) + U @ k)
    M = 0.9 * M + outer(w, B @ h)
    return (h, w), (h, M)
""",
    "sliced": """
def sliced(x, h, c):
    a = W @ [h, x] + b
    i = sigmoid(a[:n])
    f = sigmoid(a[n:2*n])
    c = f * c + i * tanh(a[2*n:]) / 3
    h = [c[1:], h[:1]] - mean(c)
    return h, c
""",
    "cancelled": """
def cancelled(x, h):
    u = h - h + W @ x - x[0] + x[0]
    h = tanh(mean(h - h) + u) + abs(h - h)
    return h
""",
}
CELLS = ["rnn", "lstm", "peephole_lstm", "gru", "mlstm_stabilised", "hmm_forward", *TEXTS]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("end", EMITTERS)
def test_sources_are_as_they_were(name, end):
    source = EMITTERS[end](symrnn.derive(TEXTS.get(name, name)))
    assert source == (GOLDENS / f"{name}.{end}").read_text(encoding="utf-8")


def test_no_golden_is_left_over():
    assert {path.name for path in GOLDENS.iterdir()} == {f"{name}.{end}" for name in CELLS for end in EMITTERS}


if __name__ == "__main__":
    for name in CELLS:
        for end, emitter in EMITTERS.items():
            source = emitter(symrnn.derive(TEXTS.get(name, name)))
            (GOLDENS / f"{name}.{end}").write_text(source, encoding="utf-8")
