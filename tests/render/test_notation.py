"""Notation as a value: every option says something, a wrong one raises with the nearest, names never meet."""

import copy
import pickle
import re
from dataclasses import fields, replace

import pytest

import symrnn
from symrnn.errors import OptionError
from symrnn.render import LANGUAGES, PRESETS, Notation, read_notation
from symrnn.render.document import build_document
from symrnn.render.names import Name, split_name
from symrnn.render.notation import CHOICES, STANDARD, rename
from symrnn.render.printers import LatexPrinter, MathMLPrinter, TextPrinter, TypstPrinter


def test_every_choice_is_an_option_and_the_usual_one_comes_first():
    options = {part.name: getattr(STANDARD, part.name) for part in fields(Notation)}
    assert all(options[option] == known[0] for option, known in CHOICES.items())


@pytest.mark.parametrize(
    ("option", "choice"), [(option, choice) for option, known in CHOICES.items() for choice in known[1:]]
)
def test_every_choice_changes_the_page(option, choice):
    plain = symrnn.derive("peephole_lstm").text()
    assert symrnn.derive("peephole_lstm").text(notation=replace(STANDARD, **{option: choice})) != plain


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("gref", "'gref' is not a notation; did you mean `greff`?"),
        ("adjiont=bar", "a notation has no option 'adjiont'; did you mean `adjoint`?"),
        ("adjoint=baar", "'baar' is no choice for the notation's `adjoint`; did you mean `bar`?"),
        ("vectors", "'vectors' takes a value: vectors=column or row"),
        ("vectors=row,greff", "'greff' is not a notation"),
        ("net=bar,adjoint=bar", "a bar cannot mark both"),
        ("net=gate,adjoint=d", "net='gate' tells adjoints apart by their letters"),
    ],
)
def test_misspelt_options_raise(words, message):
    with pytest.raises(OptionError) as raised:
        read_notation(words)
    assert message in str(raised.value)


def test_a_misspelt_option_raises_in_python_too():
    with pytest.raises(OptionError, match="no option 'adjiont'; did you mean `adjoint`"):
        Notation(adjiont="bar")  # type: ignore[call-arg]
    with pytest.raises(OptionError, match="no option 'tim'; did you mean `time`"):
        replace(STANDARD, tim="superscript")
    with pytest.raises(OptionError, match="the options are: adjoint, vectors"):
        Notation(xyz=1)  # type: ignore[call-arg]
    chosen = Notation("bar", time="superscript")
    assert (chosen.adjoint, chosen.time) == ("bar", "superscript")
    assert pickle.loads(pickle.dumps(chosen)) == copy.deepcopy(chosen) == chosen


def test_net_inputs_of_net_inputs_have_names():
    """y = σ(u), u = tanh(a): u is the net input of y and has one itself."""
    text = "def chain(x, h):\n    y = sigmoid(tanh(W @ x + R @ h))\n    h = y * h\n    return h\n"
    lines = symrnn.derive(text).latex(notation="greff").splitlines()
    left = [line.split(" &= ")[0] for line in lines if " &= " in line]
    assert left[:3] == [r"\bar{\bar{y}}^{t}", r"\bar{y}^{t}", "y^{t}"]


def test_a_wrong_value_raises_in_python_too():
    with pytest.raises(OptionError, match="did you mean `row`"):
        Notation(vectors="rows")
    with pytest.raises(OptionError, match="at least one letter"):
        Notation(letters_adjoint=())
    with pytest.raises(OptionError, match="there is no language 'de'"):
        symrnn.derive("rnn").text(lang="de")


def test_words_for_a_notation():
    assert read_notation("standard") == STANDARD
    assert read_notation("greff,vectors=row") == replace(PRESETS["greff"], vectors="row")
    assert read_notation(" vectors = row ") == Notation(vectors="row")


def test_a_state_that_is_called_like_a_weight_keeps_its_name():
    page = symrnn.derive("def f(x, W: (n, n)):\n    W = W + outer(U @ x, U @ x)\n    return W\n").text(
        notation="pytorch"
    )
    assert re.search(r"W_t += W_{t−1} [+] ", page)
    assert "W_ih" not in page


def test_rename():
    pairs = (("g", "z"), ("W_*", "W_i*"), ("*_h", "*_y"))
    assert rename("g", pairs) == "z"
    assert rename("W_f", pairs) == "W_if"
    assert rename("b_h", pairs) == "b_y"
    assert rename("gg", pairs) is None
    assert rename("W_", pairs) is None


def test_accents_only_where_they_are_asked_for():
    assert split_name("C_tilde", accented=True) == Name("C", accents=("tilde",))
    assert split_name("C_tilde") == Name("C", ("tilde",))


PRINTERS = (TextPrinter, LatexPrinter, MathMLPrinter, TypstPrinter)


@pytest.mark.parametrize("notation", [*PRESETS, "adjoint=bar", "net=bar,time=superscript", "weights=joined"])
def test_no_two_quantities_have_one_name(any_cell, notation):
    document = build_document(symrnn.derive(any_cell), notation=read_notation(notation))
    for kind in PRINTERS:
        # a name with a step of its own (`c_prev@t+1`) may be another's usual one: c_t is what step t+1 calls c_{t−1}
        shown = [kind().name(name) for key, name in document.naming.names.items() if "@" not in key]
        assert len(shown) == len(set(shown)), kind.__name__


def test_a_renaming_that_would_clash_is_not_made():
    text = "def pair(x, h):\n    g = tanh(W @ x)\n    z = tanh(R @ h)\n    h = g * z\n    return h\n"
    page = symrnn.derive(text).text(notation=Notation(names=(("g", "z"),)))
    assert "h_t = " in page
    assert page.count(" = tanh(") == 2


def test_joined_weights_compute_the_same():
    import numpy as np

    from symrnn.render.joined import join_weights

    for name in ("lstm", "peephole_lstm", "rnn", "gru_reset_after", "gru"):
        cell = symrnn.zoo[name]
        joined = join_weights(cell)
        plain, other = symrnn.derive(cell).numpy(), symrnn.derive(joined).numpy()
        sizes = {"m": 3, "n": 4}
        sample = cell.sample(T=5, N=2, seed=1, dims=sizes)
        params = {}
        for key, shape in joined.params.items():
            own = sample.params[key]
            wanted = tuple(size.value(sizes) for size in shape)
            partner = sample.params.get(key.replace("W", "R"))
            params[key] = own if own.shape == wanted else np.concatenate([partner, own], axis=1)
        outputs, _, tape = plain.forward(sample.params, sample.x, sample.state)
        same, _, other_tape = other.forward(params, sample.x, sample.state)
        np.testing.assert_allclose(same, outputs, rtol=1e-12)
        first = plain.backward(tape, np.ones_like(outputs))
        second = other.backward(other_tape, np.ones_like(outputs))
        np.testing.assert_allclose(second.x, first.x, rtol=1e-10, atol=1e-13)
        assert len(joined.params) < len(cell.params)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_legend_says_what_is_unusual(lang):
    phrases = LANGUAGES[lang].phrases
    page = symrnn.derive("lstm").html(notation="vectors=row,weights=joined,layout=numerator,lines=merged", lang=lang)
    for key in ("rows", "joined", "numerator", "merged"):
        assert phrases[f"{key}_sign"] in page
        assert phrases[key] in page
