"""The meaning of the language: every operation has one, and it is what NumPy and the textbooks say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pytest
import sympy

from symrnn.checking.digits import numbers_of
from symrnn.checking.floats import FLOATS, complementary_error
from symrnn.checking.kit import watched
from symrnn.checking.meaning import Meaning
from symrnn.checking.meanings import SCALARS, STRUCTURED
from symrnn.checking.symbols import LEMMAS, SYMBOLS, Floor, Step
from symrnn.equations import cell
from symrnn.operations import OPERATIONS

WRITTEN = {name for name, row in OPERATIONS.items() if row.written}
MANY = numbers_of(50)


def test_every_operation_has_a_meaning():
    """A slice and its adjoint are bounds at given sizes, which are read by who walks an expression."""
    assert {*SCALARS, *STRUCTURED} == set(OPERATIONS) - {"slice", "embed"}


def test_what_decides_is_watched_and_nothing_else():
    """`clip` and `where` are told apart from other functions by what their condition is made of."""
    kinked = set()
    for name in set(SCALARS) & WRITTEN:
        seen = []
        kit = watched(FLOATS, lambda distance, rank, seen=seen: seen.append(distance), 0)
        SCALARS[name](kit, *np.linspace(0.3, 0.8, OPERANDS.get(name, 1))[:, None], *OPTIONS.get(name, ()))
        kinked |= {name} if seen else set()
    assert kinked == {name for name in WRITTEN if OPERATIONS[name].kink} - {"norm"} | {"greater", "greater_equal"}


@pytest.mark.parametrize(("a", "distance"), [(1.75, 0.25), (2.0, 0.0), (-0.125, 0.125)])
def test_floor_reports_how_far_the_nearest_whole_number_is(a, distance):
    seen = []
    SCALARS["floor"](watched(FLOATS, lambda d, rank: seen.append(abs(d)), 0), np.asarray(a))
    assert seen == [distance]


# One table of meanings on two kinds of number, whose primitives are written apart: NumPy's under a complex step, and
# SymPy's own derivative. What the meanings say is held against the standard library and PyTorch below.

OPERANDS = {"where": 3, "maximum": 2, "minimum": 2, "greater": 2, "greater_equal": 2, "mod": 2}
OPERANDS |= {"add": 2, "sub": 2, "mul": 2, "div": 2, "prefers": 2, "safe_ratio": 2}
OPTIONS = {
    "leaky_relu": (0.25,),
    "elu": (1.5,),
    "clip": (-0.5, 1.25),
    "inside": (-0.5, 1.25),
    "strictly_inside": (-0.5, 1.25),
    "pow": (Fraction(-3),),
}
POSITIVE = {"log", "sqrt"}


def _elementary(expr: sympy.Expr) -> sympy.Expr:
    """The expression in functions that SymPy can evaluate."""
    for function, lemma in LEMMAS.items():
        if lemma.definition is not None:
            expr = expr.replace(function, lemma.definition)
    expr = expr.replace(Floor, sympy.floor)
    return expr.replace(Step, lambda u: sympy.Integer(1) if u > 0 else sympy.Integer(0))


@pytest.mark.parametrize("name", sorted(set(SCALARS) & WRITTEN - {"stop_gradient"}))
def test_complex_step_agrees_with_symbolic_derivative(name):
    generator = np.random.default_rng(len(name))
    count = OPERANDS.get(name, 1)
    options = OPTIONS.get(name, ())
    symbols = sympy.symbols("a b c")[:count]
    exact_options = options if name == "pow" else tuple(sympy.Rational(option) for option in options)
    arrays = [np.asarray(symbol, dtype=object) for symbol in symbols]
    expr = sympy.sympify(np.asarray(SCALARS[name](SYMBOLS, *arrays, *exact_options))[()])
    for _ in range(25):
        point = generator.uniform(-4, 4, count)
        if name in POSITIVE:
            point = np.abs(point)
        if name == "where":
            point[0] = float(point[0] > 0)
        values = {symbol: sympy.Rational(float(p)) for symbol, p in zip(symbols, point, strict=True)}
        exact = float(_elementary(expr.subs(values)).evalf(30))
        computed = complex(np.asarray(SCALARS[name](FLOATS, *(np.asarray(p + 0j) for p in point), *options))[()])
        real = float(np.asarray(SCALARS[name](FLOATS, *map(np.asarray, point), *options))[()])
        assert computed.real == pytest.approx(exact, rel=3e-14, abs=1e-15)
        assert real == pytest.approx(exact, rel=3e-14, abs=1e-15)
        arrays = [np.array(MANY.constant(Fraction(float(p))), dtype=object) for p in point]
        constants = [o if name == "pow" else MANY.constant(Fraction(o)) for o in options]
        assert float(np.asarray(SCALARS[name](MANY, *arrays, *constants))[()]) == pytest.approx(exact, rel=1e-15)
        for k, symbol in enumerate(symbols):
            if name == "where" and k == 0:
                continue
            slope = float(_elementary(sympy.diff(expr, symbol).subs(values)).evalf(30))
            moved = [np.asarray(p + (1e-30j if i == k else 0)) for i, p in enumerate(point)]
            step = np.asarray(SCALARS[name](FLOATS, *moved, *options))[()].imag / 1e-30
            assert step == pytest.approx(slope, rel=3e-14, abs=1e-15)


@pytest.mark.parametrize("x", [-30.0, -7.0, -1.6, -1.4, -0.3, 0.0, 1e-9, 0.8, 1.49, 1.51, 2.5, 6.5, 20.0])
def test_complementary_error_function(x):
    value = complex(complementary_error(np.asarray(x + 1e-30j)))
    assert value.real == pytest.approx(math.erfc(x), rel=1e-13)
    assert value.imag / 1e-30 == pytest.approx(-2 / math.sqrt(math.pi) * math.exp(-x * x), rel=1e-13)


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "silu", "gelu", "gelu_tanh", "elu", "tanh"])
def test_far_arguments_stay_finite(name):
    far = np.array([-800.0, -50.0, 50.0, 800.0]) + 1e-30j
    with np.errstate(all="ignore"):
        value = SCALARS[name](FLOATS, far, *OPTIONS.get(name, ()))
    assert np.isfinite(value).all()


@pytest.mark.parametrize("name", ["log", "sqrt"])
def test_outside_the_domain_is_nan_for_complex_numbers_too(name):
    assert np.isnan(SCALARS[name](FLOATS, np.asarray(-2.0 + 0j)))
    assert np.isnan(SCALARS["pow"](FLOATS, np.asarray(-2.0), Fraction(1, 2)))


# Definitions as a textbook has them, in the standard library's functions of one number.
TEXTBOOK = {
    "sigmoid": lambda a: 1 / (1 + math.exp(-a)),
    "relu": lambda a: max(a, 0.0),
    "leaky_relu": lambda a, slope: a if a > 0 else slope * a,
    "elu": lambda a, alpha: a if a > 0 else alpha * math.expm1(a),
    "softplus": lambda a: math.log1p(math.exp(a)),
    "silu": lambda a: a / (1 + math.exp(-a)),
    "gelu": lambda a: a * (1 + math.erf(a / math.sqrt(2))) / 2,
    "gelu_tanh": lambda a: a / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3))),
    "hard_sigmoid": lambda a: min(max(a / 6 + 0.5, 0.0), 1.0),
    "exp": math.exp, "log": math.log, "sqrt": math.sqrt, "sin": math.sin, "cos": math.cos, "tanh": math.tanh,
    "erf": math.erf,
    "abs": abs, "sign": lambda a: (a > 0) - (a < 0), "floor": math.floor, "mod": lambda a, b: a % b,
    "maximum": max, "minimum": min, "clip": lambda a, lower, upper: min(max(a, lower), upper),
    "where": lambda condition, a, b: a if condition else b, "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b, "prefers": lambda a, b: 0.5 if a == b else a > b,
    "inside": lambda a, lower, upper: lower <= a <= upper, "strictly_inside": lambda a, lower, upper: lower < a < upper,
    "normal_cdf": lambda a: math.erfc(-a / math.sqrt(2)) / 2, "pow": lambda a, k: a ** float(k),
    "normal_pdf": lambda a: math.exp(-a * a / 2) / math.sqrt(2 * math.pi), "safe_ratio": lambda a, b: a / b if b else 0,
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b,
    "neg": lambda a: -a, "square": lambda a: a**2, "stop_gradient": lambda a: a,
}  # fmt: skip
ENDS = (0.0, -0.5, 1.25, 3.0, -3.0)  # where functions decide


@pytest.mark.parametrize("name", sorted(SCALARS))
@pytest.mark.parametrize("kit", [FLOATS, MANY], ids=["floats", "digits"])
def test_meanings_are_the_textbook_s(name, kit):
    generator = np.random.default_rng(5)
    count, options = OPERANDS.get(name, 1), OPTIONS.get(name, ())
    points = [
        *generator.uniform(-4, 4, (20, count)),
        *([end] * count for end in ENDS),
        *generator.choice(ENDS, (9, count)),
    ]
    for point in points:
        point = [float(p) for p in point]
        point = [abs(p) for p in point] if name in POSITIVE else point
        point = [float(point[0] > 0), *point[1:]] if name == "where" else point
        zero = point[-1] == 0
        if zero and name in ("div", "log", "mod", "pow"):
            continue
        wide = [np.asarray(p) if kit is FLOATS else np.array(kit.constant(Fraction(p)), dtype=object) for p in point]
        constants = [o if name == "pow" else kit.constant(Fraction(o)) for o in options]
        found = float(np.asarray(SCALARS[name](kit, *wide, *constants))[()])
        assert found == pytest.approx(float(TEXTBOOK[name](*point, *options)), rel=2e-14, abs=1e-15), point


# Structure ---------------------------------------------------------------------------------------------------


def test_a_peephole_lstm_step_in_plain_numpy():
    import symrnn

    lstm = symrnn.load("peephole_lstm")
    sample = lstm.sample(T=1, N=1, seed=3)
    p, x, h, c = sample.params, sample.x[0, 0], sample.state["h"][0], sample.state["c"][0]

    def sigma(a):
        return 1 / (1 + np.exp(-a))

    i = sigma(p["W_i"] @ x + p["R_i"] @ h + p["p_i"] * c + p["b_i"])
    f = sigma(p["W_f"] @ x + p["R_f"] @ h + p["p_f"] * c + p["b_f"])
    c_new = f * c + i * np.tanh(p["W_g"] @ x + p["R_g"] @ h + p["b_g"])
    o = sigma(p["W_o"] @ x + p["R_o"] @ h + p["p_o"] * c_new + p["b_o"])
    values = Meaning(lstm.program, {"m": 4, "n": 6}, FLOATS).step({**p, "x": x, "h_prev": h, "c_prev": c})
    np.testing.assert_allclose(values["c"], c_new, rtol=1e-15, atol=1e-16)
    np.testing.assert_allclose(values["h"], o * np.tanh(c_new), rtol=1e-15, atol=1e-16)


RULES: Mapping[str, tuple[str, object]] = {
    "matmul": ("W @ x", lambda x, h, W, V: W @ x),
    "vector_matrix": (
        "(h @ W @ x) * h",
        lambda x, h, W, V: sum(h[i] * W[i, j] * x[j] for i in range(3) for j in range(4)) * h,
    ),
    "matrix_matrix": ("sum(W @ W.T) * h", lambda x, h, W, V: (W @ W.T).sum() * h),
    "inner": ("(h @ h) * h", lambda x, h, W, V: sum(v * v for v in h) * h),
    "outer": ("outer(h, x) @ x", lambda x, h, W, V: h * (x @ x)),
    "dot": ("dot(x, x) * h", lambda x, h, W, V: (x**2).sum() * h),
    "matrix_dot": ("dot(W, W) * h", lambda x, h, W, V: (W**2).sum() * h),
    "mean": ("mean(W) * h + mean(x)", lambda x, h, W, V: W.sum() / 12 * h + x.sum() / 4),
    "norm": ("norm(W) + h / norm(x)", lambda x, h, W, V: np.linalg.norm(W) + h / np.linalg.norm(x)),
    "softmax": ("softmax(h)", lambda x, h, W, V: np.exp(h) / np.exp(h).sum()),
    "logsumexp": ("h - logsumexp(x)", lambda x, h, W, V: h - np.log(np.exp(x).sum())),
    "cross_entropy": (
        "h * cross_entropy(h, softmax(W @ x))",
        lambda x, h, W, V: -h * (np.exp(W @ x) / np.exp(W @ x).sum() @ np.log(np.exp(h) / np.exp(h).sum())),
    ),
    "binary_cross_entropy": (
        "h * binary_cross_entropy(h, W @ x)",
        lambda x, h, W, V: -h * (W @ x @ np.log(1 / (1 + np.exp(-h))) + (1 - W @ x) @ np.log(1 / (1 + np.exp(h)))),
    ),
    "squared_error": ("squared_error(W, 2 * W) * h", lambda x, h, W, V: (W**2).sum() / 2 * h),
    "diag": ("diag(h) @ W @ x", lambda x, h, W, V: h * (W @ x)),
    "concatenate": ("V @ [h, x]", lambda x, h, W, V: V[:, :3] @ h + V[:, 3:] @ x),
    "slice": ("x[:n] * V[:, m:][0] + V[0, -n:]", lambda x, h, W, V: x[0:3] * V[0, 4:7] + V[0, 4:7]),
    "index": ("h * x[-1] + W[0, 2] + W[:, 1]", lambda x, h, W, V: h * x[3] + W[0, 2] + W[:, 1]),
}


@pytest.mark.parametrize("rule", sorted(RULES))
def test_structured_operations(rule):
    text, expected = RULES[rule]
    made = cell(
        f"def f(x, h):\n    x: (m,)\n    h: (n,)\n    h = {text} + 0 * (W @ x) + 0 * (V @ [h, x])\n    return h\n"
    )
    generator = np.random.default_rng(7)
    dims = {"m": 4, "n": 3}
    x, h, W, V = (generator.standard_normal(shape) for shape in ((4,), (3,), (3, 4), (3, 7)))
    given = {"x": x, "h_prev": h, "W": W, "V": V}
    values = Meaning(made.program, dims, FLOATS).step(given)
    np.testing.assert_allclose(values["h"], expected(x, h, W, V), rtol=1e-14, atol=1e-15)
    # Leading axes are copies; symbols and complex numbers have the same structure.
    many = Meaning(made.program, dims, FLOATS).step({name: np.stack([a, 2 * a])[:, None] for name, a in given.items()})
    np.testing.assert_allclose(many["h"][1, 0], expected(2 * x, 2 * h, 2 * W, 2 * V), rtol=1e-14, atol=1e-15)
    exact = {name: np.vectorize(sympy.Rational, otypes=[object])(a) for name, a in given.items()}
    symbolic = Meaning(made.program, dims, SYMBOLS).step(exact)["h"]
    numeric = [float(_elementary(sympy.sympify(e)).evalf(20)) for e in symbolic]
    np.testing.assert_allclose(numeric, expected(x, h, W, V), rtol=1e-14, atol=1e-15)


def test_rules_cover_every_structured_operation():
    used = {name for text, _ in RULES.values() for name in STRUCTURED if f"{name}(" in text}
    assert set(STRUCTURED) & WRITTEN - used == {"matmul", "transpose", "sum", "concatenate"} - used


def test_a_slice_that_python_would_cut_short_is_an_error():
    made = cell("def f(x, h):\n    h = h + x[:n]\n    return h\n")
    with pytest.raises(IndexError, match=r"has the shape \(2,\), and \(3,\) is needed"):
        Meaning(made.program, {"m": 2, "n": 3}, FLOATS).step({"x": np.ones(2), "h_prev": np.ones(3)})
