"""Wrong arguments of the Python surface: an error of ours that names the argument, what it is, and what was given."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symrnn
from symrnn import arguments
from symrnn.errors import OptionError

RNN = symrnn.load("rnn")
D = symrnn.derive(RNN)
NOT_WHOLE: tuple[Any, ...] = (
    "a",
    1.5,
    None,
    True,
    np.bool_(True),
    float("nan"),
    float("inf"),
    [1],
    np.array([1, 2]),
    2 + 0j,
)
NOT_REAL: tuple[Any, ...] = ("a", None, True, float("nan"), float("inf"), -1.0, 0, 1j, [1.0], 10**400)

CALLS: dict[str, tuple[Callable[[Any], Any], tuple[Any, ...], str]] = {
    "sample T": (lambda v: RNN.sample(T=v), (*NOT_WHOLE, 0, -1, 10**400), "`T` is a whole number of at "),
    "sample N": (lambda v: RNN.sample(N=v), (*NOT_WHOLE, 0, -1, 10**400), "`N` is a whole number of at "),
    "sample seed": (lambda v: RNN.sample(seed=v), (*NOT_WHOLE, -1, 10**400), "`seed` is a whole number of at "),
    "sample scale": (lambda v: RNN.sample(scale=v), NOT_REAL, "`scale` is a finite number above 0, not "),
    "sample dims": (lambda v: RNN.sample(dims=v), (5, "n", [4], 1.5), "`dims` is a dict of sizes such as {'n': 4}, not "),
    "sample a dim": (lambda v: RNN.sample(dims={"n": v}), (*NOT_WHOLE, 0, -3), "`dims['n']` is a whole number of at "),
    "sample dtype": (lambda v: RNN.sample(dtype=v), (5, None, "float16", ["float32"]), "`dtype` is one of 'float32', 'float64', not "),
    "sample kind": (lambda v: RNN.sample(kind=v), (5, None, "zero", {}), "`kind` is one of 'ordinary', "),
    "too large": (lambda v: RNN.sample(T=v, N=v), (10**6, 2**40), "an array of the shape "),
    "cell": (symrnn.cell, (5, None, 1.5, [], {}, b"def f(x): return x"), "`cell` is a Cell, text with a def, a function, "),
    "derive": (symrnn.derive, (5, None, 1.5, [], D), "`cell` is a Cell, text with a def, a function, "),
    "prove": (symrnn.prove, (5, None), "`cell` is a Cell, text with a def, a function, "),
    "check": (symrnn.check, (5, None), "`cell` is a Cell, text with a def, a function, "),
    "compare": (lambda v: symrnn.compare("rnn", v), (5, None), "`cell` is a Cell, text with a def, a function, "),
    "verify a cell": (lambda v: symrnn.verify(v, print), (5, None), "`cell` is a Cell, text with a def, a function, "),
    "verify": (lambda v: symrnn.verify("rnn", v), (5, None, "rnn"), "`backward` is a function, or a Code "),
    "verify seed": (lambda v: symrnn.verify("rnn", print, seed=v), (*NOT_WHOLE, -1), "`seed` is a whole number of at "),
    "verify seconds": (lambda v: symrnn.verify("rnn", print, seconds=v), NOT_REAL, "`seconds` is a finite number above 0"),
    "verify layout": (lambda v: symrnn.verify("rnn", print, layout=v), (5, "pytorch"), "`layout` is a symrnn.Layout, not "),
    "load": (symrnn.load, (5, None, b"lstm", ["lstm"]), "`load(…)` is the name of a cell or a path to a file, not "),
    "check seed": (lambda v: symrnn.check("rnn", seed=v), (*NOT_WHOLE, -1), "`seed` is a whole number of at "),
    "check dims": (lambda v: symrnn.check("rnn", dims=v), (5, "n"), "`dims` is a dict of sizes"),
    "prove steps": (lambda v: symrnn.prove("rnn", steps=(v,)), (*NOT_WHOLE, 0), "`steps` is a whole number of at "),
    "prove no steps": (lambda v: symrnn.prove("rnn", steps=v), (5, "12", None), "`steps` is the numbers of steps, such as (1, 2), not "),
    "prove budget": (lambda v: symrnn.prove("rnn", budget=v), (*NOT_WHOLE, 0), "`budget` is a whole number of at "),
    "prove dims": (lambda v: symrnn.prove("rnn", dims=v), (5, "n"), "`dims` is a dict of sizes"),
    "layout": (symrnn.Layout, (5, None, 1.5, []), "`Layout.params` is text with a line for each array, "),
    "layout x": (lambda v: symrnn.Layout(x=v), (5, None), "`Layout.x` is a text of axes"),
    "layout names": (lambda v: symrnn.Layout(names=v), (5, None, "h"), "`Layout.names` is a dict"),
    "preset": (lambda v: symrnn.Layout.preset(v, "lstm"), (5, None, []), "`framework` is the name of a framework"),
    "preset of a cell": (lambda v: symrnn.Layout.preset("pytorch", v), (5, None, []), "`cell` is the name of a cell"),
    "notation": (lambda v: D.text(notation=v), (5, None, ["greff"]), "`notation` is a Notation, or words such as "),
    "lang": (lambda v: D.latex(lang=v), (5, None, ["en"]), "`lang` is the code of a language, such as 'en', not "),
    "target": (D.code, (5, None, ["c"]), "`target` is the name of a language, such as 'numpy', not "),
    "dtype": (lambda v: D.numpy(v), (5, None, ["float32"], "float16"), "dtype is 'float32' or 'float64', not "),
    "backend": (lambda v: D.numpy(backend=v), (5, None, ["c"]), "backend is 'numpy' or 'c', not "),
    "pack": (lambda v: RNN.pack(RNN.sample().params, v), (5, None, []), "weights go to a framework's name or a Layout, not to "),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_what_is_wrong_is_said_by_name(name: str) -> None:
    call, values, message = CALLS[name]
    for value in values:
        with pytest.raises(symrnn.SymrnnError) as caught:
            call(value)
        text = str(caught.value)
        assert text.startswith(message), (value, text)
        assert len(text) < 500


@pytest.mark.parametrize("one", [1, np.int64(1), np.uint8(1), np.array(1)])
def test_whole_numbers_of_numpy_are_whole_numbers(one: Any) -> None:
    sample = RNN.sample(T=one + 1, N=one, seed=one, dims={"n": one + 2, "m": np.int32(2)}, scale=np.float32(0.5))
    expected = RNN.sample(T=2, N=1, seed=1, dims={"n": 3, "m": 2}, scale=0.5)
    np.testing.assert_array_equal(sample.x, expected.x)
    assert sample.params["W"].shape == (3, 2)
    assert RNN.sample(scale=Fraction(1, 2)).x.shape == (5, 3, 4)
    assert symrnn.check("rnn", seed=one)


def test_paths_are_loaded(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("def one(x, h):\n    return x + h\n")
    assert symrnn.load(tmp_path / "one.py").name == "one"


def test_values_that_cannot_be_shown_do_no_harm() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    for value in (Odd(), 10**10_000, "x" * 10**6, "\x1b[2J"):
        with pytest.raises(OptionError) as caught:
            arguments.whole("T", value, most=9)
        assert len(str(caught.value)) < 150
        assert str(caught.value).isprintable()
