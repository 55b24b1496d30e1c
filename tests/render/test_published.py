"""With the matching preset the lines are those of printed derivations; where these leave terms out, the lines have them."""

import pytest

import symrnn


def lines(text):
    """The numbered lines of a page, broken ones put together: left -> right."""
    found = {}
    left = ""
    for line in text[text.index("Backward,") :].splitlines():
        if line.startswith("  ("):
            left, _, right = line.split(")", 1)[1].partition(" = ")
            left = left.strip()
            found[left] = right
        elif left and line.startswith("     ") and " = " not in line:
            found[left] += " " + line.strip()
    return found


# Greff et al. 2015, appendix: its lines, with the order of terms that it prints; Δ is the gradient from above.
# What is computed: left side -> terms. Lines over the block input come last there, first things first here.
GREFF = {
    "δy^t": {"Δ_y^t", "R_zᵀ δz̄^{t+1}", "R_iᵀ δī^{t+1}", "R_fᵀ δf̄^{t+1}", "R_oᵀ δō^{t+1}"},
    "δō^t": {"δy^t ⊙ tanh(c^t) ⊙ σ′(ō^t)"},
    "δc^t": {
        "δy^t ⊙ o^t ⊙ tanh′(c^t)",
        "p_o ⊙ δō^t",
        "p_i ⊙ δī^{t+1}",
        "p_f ⊙ δf̄^{t+1}",
        "δc^{t+1} ⊙ f^{t+1}",
    },
    "δf̄^t": {"δc^t ⊙ c^{t−1} ⊙ σ′(f̄^t)"},
    "δī^t": {"δc^t ⊙ z^t ⊙ σ′(ī^t)"},
    "δz̄^t": {"δc^t ⊙ i^t ⊙ tanh′(z̄^t)"},
    "∂L/∂x^t": {"W_zᵀ δz̄^t", "W_iᵀ δī^t", "W_fᵀ δf̄^t", "W_oᵀ δō^t"},
}
# The paper sums R and p over t = 0 … T−1 with the deltas of t+1, so the first step's terms are missing there
# (its initial states are zero). Summed over t = 1 … T with the values of t−1, they are in.
GREFF_SUMS = {
    "∂L/∂W_z": "Σ_t δz̄^t (x^t)ᵀ",
    "∂L/∂R_z": "Σ_t δz̄^t (y^{t−1})ᵀ",
    "∂L/∂b_z": "Σ_t δz̄^t",
    "∂L/∂p_i": "Σ_t δī^t ⊙ c^{t−1}",
    "∂L/∂p_f": "Σ_t δf̄^t ⊙ c^{t−1}",
    "∂L/∂p_o": "Σ_t δō^t ⊙ c^t",
    "∂L/∂y^0": "R_iᵀ δī^1 + R_fᵀ δf̄^1 + R_zᵀ δz̄^1 + R_oᵀ δō^1",
    "∂L/∂c^0": "p_i ⊙ δī^1 + p_f ⊙ δf̄^1 + δc^1 ⊙ f^1",
}


def test_greff():
    found = lines(symrnn.derive("peephole_lstm").text(notation="greff"))
    backward = {left for left in found if left.startswith("δ")}
    assert backward == {left for left in GREFF if left.startswith("δ")}  # one line for each of the paper's, no more
    for left, terms in GREFF.items():
        assert set(found[left].split(" + ")) == terms, left
    for left, right in GREFF_SUMS.items():
        assert found[left] == right


# Graves 2012, chapter 4, for one cell a block: ε is the gradient with respect to values, δ to net inputs.
GRAVES = {
    "ε_b_c^t": {"γ_b_c^t", "R_ιᵀ δ_ι^{t+1}", "R_φᵀ δ_φ^{t+1}", "R_cᵀ δ_c^{t+1}", "R_ωᵀ δ_ω^{t+1}"},
    "δ_ω^t": {"ε_b_c^t ⊙ tanh(s_c^t) ⊙ σ′(a_ω^t)"},
    "ε_s_c^t": {
        "ε_b_c^t ⊙ b_ω^t ⊙ tanh′(s_c^t)",
        "ε_s_c^{t+1} ⊙ b_φ^{t+1}",
        "p_ι ⊙ δ_ι^{t+1}",
        "p_φ ⊙ δ_φ^{t+1}",
        "p_ω ⊙ δ_ω^t",
    },
    "δ_c^t": {"ε_s_c^t ⊙ b_ι^t ⊙ tanh′(a_c^t)"},
    "δ_φ^t": {"ε_s_c^t ⊙ s_c^{t−1} ⊙ σ′(a_φ^t)"},
    "δ_ι^t": {"ε_s_c^t ⊙ g^t ⊙ σ′(a_ι^t)"},
}


def test_graves():
    found = lines(symrnn.derive("peephole_lstm").text(notation="graves"))
    assert {left for left in found if left[0] in "εδ"} == set(GRAVES)
    for left, terms in GRAVES.items():
        assert set(found[left].split(" + ")) == terms, left


def test_the_last_step_has_its_condition():
    page = " ".join(symrnn.derive("peephole_lstm").text(notation="greff").split())
    assert "At t = T the terms of step t+1 are the gradient of the final state (y^T, c^T) from outside" in page


@pytest.mark.parametrize(
    ("preset", "line"),
    [
        ("cs231n", "a_f = x_t W_x_f + h_{t−1} W_h_f + b_f"),
        ("cs231n", "dW_x_f = Σ_t x_tᵀ da_f"),
        ("colah", "a_{f,t} = W_f u_{i,t} + b_f"),
        ("colah", "C_t = f_t ∗ C_{t−1} + i_t ∗ C̃_t"),
        ("pytorch", "a_{f,t} = W_if x_t + W_hf h_{t−1} + b_f"),
        ("pytorch", "h_t = o_t ⊙ tanh(c_t)"),
    ],
)
def test_lines_of_the_presets(preset, line):
    page = symrnn.derive("lstm").text(notation=preset)
    assert line in [" ".join(row.split(") ", 1)[-1].split()) for row in page.splitlines()]
