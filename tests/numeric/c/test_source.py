"""The text of emitted C: what is in it, what it is called, and that every operation has a form."""

import re

import pytest
import sympy

import symrnn
from symrnn.numeric.c import emit_c
from symrnn.numeric.c.forms import FORMS, HELPERS, MATH, called_by
from symrnn.numeric.c.names import HEADERS, KEYWORDS, c_names, identifier
from symrnn.numeric.c.printer import CPrinter, Entry, Sizes
from symrnn.numeric.c.statements import Loop, grouped, wrapped
from symrnn.numeric.statement import Statement, local, say
from symrnn.operations.entry import size_expr
from symrnn.operations.functions import tanh
from symrnn.operations.structured import outer
from symrnn.operations.table import ALL
from symrnn.sizes import Size


def test_every_elementwise_operation_has_a_form():
    assert set(FORMS) == {row.head for row in ALL if row.head is not None and row.elementwise}


def calls_in(text):
    return set(re.findall(r"\b(\w+)\(", re.sub(r"/\*.*?\*/", "", text))) - {"for"}


def test_forms_call_what_there_is():
    assert set().union(*map(calls_in, FORMS.values())) <= {*HELPERS, *MATH, "REAL"}


def test_helpers_say_what_they_call():
    for name, source in HELPERS.items():
        assert set(called_by({name})) == {name}.union(*(called_by({other}) for other in calls_in(source) - {name}))


@pytest.mark.parametrize("name", symrnn.zoo)
def test_the_zoo_in_c(name):
    derivation = symrnn.derive(name)
    source = emit_c(derivation)
    assert source == emit_c(derivation)
    assert max(map(len, source.splitlines())) <= 120
    assert set(re.findall(r"#include <(.*)>", source)) <= {"math.h", "stddef.h"}
    assert not re.search(r"\b(malloc|calloc|free|alloca|printf)\(", source)
    for equation in (*derivation.forward, *derivation.adjoints):
        assert f"/* ({equation.number}) */" in source
    helpers = re.findall(r"^static \w+ (\w+)\(", source, re.MULTILINE)
    assert len(set(helpers)) == len(helpers)
    for helper in helpers:
        assert source.count(f"{helper}(") > 1, "a helper is there because it is called"


def test_the_header_says_what_is_where():
    source = emit_c(symrnn.derive("peephole_lstm"))
    header = source[: source.index("*/")]
    for words in ("W_i, W_f, W_g, W_o (n, m)", "x (T, N, m)", "h, c (N, n)", "out_h (T, N, n)", "-DREAL_FLOAT"):
        assert words in header
    for function in ("tape_size", "work_size", "forward", "backward"):
        assert f"peephole_lstm_{function}" in header


def test_the_tape_holds_each_value_once():
    """Of an LSTM: two states, four gates; neither net inputs nor a state both before and after the step."""
    assert "return N * (T * (6 * n) + 2 * n);" in emit_c(symrnn.derive("lstm"))


def test_comments_stay_closed(odd_cells):
    source = emit_c(symrnn.derive(symrnn.cell(odd_cells["names"])))
    without = re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)
    assert "*/" not in without
    assert "here" not in without


@pytest.mark.parametrize(
    ("name", "c_name"),
    [("W_i", "W_i"), ("α", "alpha"), ("Γ", "Gamma"), ("λ_1", "lambda_1"), ("é", "e"), ("_x", "v_x"), ("中", "u4e2d")],
)
def test_transliteration(name, c_name):
    assert identifier(name) == c_name


def test_names_are_kept_clear_of_each_other_and_of_c():
    names = c_names({"T"})
    assert [names.take(word) for word in ("T", "α", "alpha", "double", "y0", "h")] == [
        "T_", "alpha", "alpha_", "double_", "y0_", "h",
    ]  # fmt: skip
    assert {"double", "restrict", "register"} <= KEYWORDS
    assert {"gamma", "j0", "tanh", "tanhf", "INFINITY"} <= HEADERS


def test_sizes_subtract_last():
    sizes = Sizes({"n": "n", "m": "dim_m"})
    n, m = Size.of("n"), Size.of("m")
    assert sizes.size(m.scaled(-1) + n).code == "n - dim_m"
    assert sizes.count(size_expr(n) * (size_expr(n) + 2) - 2 * size_expr(m)).code == "2 * n + n * n - 2 * dim_m"
    assert sizes.count(size_expr(n) * 0).code == "0"


def test_loops_share_a_header_only_where_the_order_does_not_matter():
    def loop(target, moved=(), extents=("n", "n")):
        body = Statement(f"{target}[i * n + j] = …;")
        return Loop(tuple(map(local, extents)), (local("i"), local("j")), body, target, frozenset(moved))

    def together(*loops):
        return len(grouped(list(loops))) == 1

    assert together(loop("B"), loop("A"))
    assert not together(loop("B"), loop("A", moved={"B"})), "it reads entries of B that are not there yet"
    assert not together(loop("B", moved={"A"}), loop("A")), "it overwrites entries of A that B has still to read"
    assert not together(loop("B", extents=("n", "m")), loop("A"))
    assert not together(loop("C", moved={"A"}), loop("B"), loop("A")), "the same, further back"


def test_long_statements_are_not_broken_within_subscripts():
    n = Size.of("n")
    shapes = {f"a_{k}": (n, n.scaled(12)) for k in range(30)}
    printer = CPrinter({}, shapes, {}, {}, Sizes({"n": "n"}), frozenset())
    value = printer.value(sympy.symbols(list(shapes)), (local("i"), local("j")))
    code = wrapped(say("    {};", value)).code
    assert " ".join(code.split()) == " + ".join(f"a_{k}[i * (12 * n) + j]" for k in range(30)) + ";"
    pieces = code.split("\n")
    assert len(pieces) > 3
    assert max(map(len, pieces)) <= 110
    assert all(piece.count("[") == piece.count("]") for piece in pieces)


def test_source_knows_what_it_speaks_of_and_what_it_calls():
    n = Size.of("n")
    printer = CPrinter({"b": "beta"}, {"a": (n,), "b": (n,)}, {}, {}, Sizes({"n": "n"}), frozenset())
    a, b = sympy.symbols("a b")
    text = printer.value([tanh(a) ** 2 / 3, -b], (local("i"),))
    assert text.code == "square(TANH(a[i])) / 3 - beta[i]"
    assert text.names == {"a", "beta", "i"}
    assert text.heads == {"square", "TANH"}
    assert set(called_by({"softplus"})) == {"EXP", "FABS", "LOG1P", "softplus"}
    turned = printer.entry(outer(a, b), Entry((local("i"), local("j")), (local("i"),)))
    assert turned.elsewhere == {"b"}
