"""What runs forward in time, on paper and on the command line."""

import pytest

import symrnn
from symrnn.cli import main
from symrnn.render import FORMATS, render

DERIVE = {
    "forward": symrnn.tangent,
    "rtrl": symrnn.rtrl,
    "traces": symrnn.traces,
    "hessian": symrnn.hessian_product,
}
CELLS = ("rnn", "single_unit", "gru", "sru", "lru", "layer_norm_lstm", "mass_conserving_lstm", "feedforward", "s6")


def lines(text):
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.parametrize("mode", DERIVE)
@pytest.mark.parametrize("name", CELLS)
def test_all_formats_and_languages_and_notations(name, mode):
    value = DERIVE[mode](name)
    for form in FORMATS:
        assert render(value, form)
    chinese = value.text(lang="zh")
    assert "前向" in chinese
    for notation in ("cs231n", "greff", "graves", "colah", "vectors=row,layout=numerator"):
        assert value.text(notation=notation)


@pytest.mark.parametrize(
    ("mode", "formula"),
    [
        ("forward", "(3) ȧ_h = Ẇ x_t + W ẋ_t + Ṙ h_{t−1} + R ḣ_{t−1} + ḃ"),
        ("forward", "(4) ḣ_t = ȧ_h ⊙ (1 − h_t²)"),
        ("rtrl", "∂h_t/∂h_{t−1} = diag(1 − h_t²) R"),
        ("rtrl", "∂h_t/∂R = diag(1 − h_t²) ⊗ h_{t−1}ᵀ"),
        ("rtrl", "(3) dh_t / dW = (∂h_t/∂h_{t−1}) (dh_{t−1} / dW) + ∂h_t/∂W"),
        ("traces", "(3) E_{W,t} = (1 − h_t²) x_tᵀ"),
        ("traces", "(6) ∂L/∂W = Σ_t diag(λ_{h,t}) E_{W,t}"),
        ("traces", "Not exact, this is e-prop: no trace follows what goes through R h_{t−1} (1), from one unit to"),
        ("hessian", "(13) δ̇_h = ε̇_{h,t} + κ̇_{h,t+1}"),
        ("hessian", "(14) δ̇_a_h = δ̇_h ⊙ (1 − h_t²) − 2 δ_h ⊙ h_t ⊙ ḣ_t"),
        ("hessian", "(15) κ̇_{h,t} = Ṙᵀ δ_a_h + Rᵀ δ̇_a_h"),
    ],
)
def test_an_elman_network(mode, formula):
    found = lines(DERIVE[mode]("rnn").text())
    assert formula in found, "\n".join(found)


def test_an_exact_trace_says_so_and_keeps_what_its_weights_are():
    text = " ".join(symrnn.traces("indrnn").text().split())
    assert "E_{W,t} = diag(u ⊙ [a_h > 0]) E_{W,t−1} + [a_h > 0] x_tᵀ" in text
    assert "Exact: the recurrence is elementwise" in text
    assert "Traces keep n · (2 + m) numbers" in text
    assert "RTRL keeps n² · (2 + m) numbers" in text


def test_the_command(capsys):
    assert main(["show", "indrnn", "--mode", "traces"]) == 0
    assert capsys.readouterr().out == symrnn.traces("indrnn").text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lstm", "--mode", "foward"], "'foward' is not a mode; did you mean `forward`?"),
        (["lstm", "--mode", "rtrl", "--steps"], "--mode rtrl goes forward; it does not go with --steps"),
        (["char_rnn", "--mode", "forward"], "char_rnn is a network, and a cell is asked for here"),
        (["mlstm", "--mode", "traces"], "mlstm has no traces"),
    ],
)
def test_wrong_calls(words, message, capsys):
    assert main(["show", *words]) == 2
    assert message in capsys.readouterr().err
