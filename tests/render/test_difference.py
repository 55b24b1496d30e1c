"""Two cells side by side: what differs, what one has alone, what stays unmentioned."""

import pytest

import symrnn
from symrnn.render import compare

PEEPHOLES = """\
lstm and peephole_lstm: 5 equations differ, 3 are in one of them alone, 32 are the same
- lstm
+ peephole_lstm

Symbols
+ p_i  (n)  parameter
+ p_f  (n)  parameter
+ p_o  (n)  parameter

Forward, t = 1 … T
  a_i
-     W_i x_t + R_i h_{t−1} + b_i
+     W_i x_t + R_i h_{t−1} + p_i ⊙ c_{t−1} + b_i
  a_f
-     W_f x_t + R_f h_{t−1} + b_f
+     W_f x_t + R_f h_{t−1} + p_f ⊙ c_{t−1} + b_f
  a_o
-     W_o x_t + R_o h_{t−1} + b_o
+     W_o x_t + R_o h_{t−1} + p_o ⊙ c_t + b_o

Backward, t = T … 1
  δ_c
-     δ_h ⊙ o ⊙ (1 − tanh²(c_t)) + κ_{c,t+1}
+     δ_h ⊙ o ⊙ (1 − tanh²(c_t)) + p_o ⊙ δ_a_o + κ_{c,t+1}
  κ_{c,t}
-     δ_c ⊙ f
+     p_i ⊙ δ_a_i + p_f ⊙ δ_a_f + δ_c ⊙ f

Gradients, Σ_t runs over t = 1 … T
+ ∂L/∂p_i = Σ_t δ_a_i ⊙ c_{t−1}
+ ∂L/∂p_f = Σ_t δ_a_f ⊙ c_{t−1}
+ ∂L/∂p_o = Σ_t δ_a_o ⊙ c_t
"""


def test_what_peepholes_change():
    assert symrnn.compare("lstm", "peephole_lstm").text() == PEEPHOLES


def test_the_other_way_round_is_the_mirror_image():
    there, back = symrnn.compare("gru", "gru_reset_after"), symrnn.compare("gru_reset_after", "gru")
    signed = [line for line in there.text().splitlines() if line[:2] in ("- ", "+ ")]
    mirrored = {("+" if line[0] == "-" else "-") + line[1:] for line in signed}
    assert mirrored == {line for line in back.text().splitlines() if line[:2] in ("- ", "+ ")}
    assert len(mirrored) > 10


@pytest.mark.parametrize("name", ["rnn", "lstm"])
def test_a_cell_and_itself(name):
    difference = symrnn.compare(name, symrnn.zoo[name])
    assert difference.different == ()
    assert len(difference.pairs) == (10 if name == "rnn" else 37)
    assert "0 equations differ" in difference.text()
    assert f"- {name} (1)\n+ {name} (2)\n" in difference.text()


def test_the_order_of_a_sum_is_no_difference_and_a_sign_is():
    cells = [
        f"def f(x, h):\n    h = tanh({a})\n    return h" for a in ("W @ x + R @ h", "R @ h + W @ x", "W @ x - R @ h")
    ]
    assert compare(cells[0], cells[1]).different == ()
    # a_h itself, what is handed back and the gradient of R have another sign.
    changed = {pair.left: (pair.first, pair.second) for pair in compare(cells[0], cells[2]).different}
    assert list(changed) == ["a_h", "κ_{h,t}", "∂L/∂R"]


def test_every_notation_and_both_languages():
    text = compare("lstm", "peephole_lstm", notation="greff", lang="zh").text()
    assert "lstm 与 peephole_lstm：" in text
    assert "p_o" in text
    for notation in ("graves", "colah", "cs231n", "pytorch"):
        assert compare("lstm", "peephole_lstm", notation=notation).different


def test_a_cell_without_states_beside_one_with():
    difference = compare("def f(x):\n    y = tanh(W @ x)\n    return y", "rnn")
    assert [pair.left for pair in difference.different if pair.first and pair.second] == ["∂L/∂W", "∂L/∂x_t"]
    assert "+ κ_{h,t} = Rᵀ δ_a_h" in difference.text()
