"""What every row of the table of operations must hold: complaints about one row, found by running its forms against
what the operation means. `CASES` are expressions with each operation, for the tests of all consumers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from symrnn.checking.floats import FLOATS
from symrnn.checking.kit import watched
from symrnn.checking.meanings import SCALARS, STRUCTURED
from symrnn.checking.oracles.jolt import Jolt, wrap
from symrnn.checking.rounding.perturbed import Noise, perturb_helpers, perturbed
from symrnn.numeric.c.forms import HELPERS, MATH
from symrnn.operations.entry import Code, Operation, Sample
from symrnn.operations.table import ALL
from symrnn.render import LANGUAGES

# Names of a cell by shape: what stands for {0}, {1}, … in samples, and sizes in letters.
OPERANDS = {"n": ("h", "b", "k"), "m": ("x", "w"), "S": ("S", "R"), "s": ("s", "mean(x)"), "V": ("outer(b, x)", "W")}
SHAPES = {"n": "n", "m": "m", "S": "nn", "s": "", "V": "nm"}
# What the samples, which are for any sizes, cannot show: slices at numbers, vectors times vectors by `@`.
EXTRA = [
    ("pow", "(1 + square(s)) ** (1/3)", ""),
    ("matmul", "h @ h", ""),
    ("slice", "h[:2]", "2"),
    ("slice", "h[-2:]", "2"),
    ("slice", "S[0, 1:3]", "2"),
    ("slice", "S[:, 2]", "n"),
    ("slice", "S[1:3]", "2n"),
    ("where", "where(x[0] <= 0.3, h, -h)", "n"),
    ("norm", "S / norm(S)", "nn"),
]
POINT = np.array([-3.3, -1.7, -0.4, 0.3, 1.2, 2.6])
OPTIONS = {"slope": 0.3, "alpha": 1.5, "lower": -0.5, "upper": 1.25}


def cases_of(row: Operation) -> Iterator[tuple[str, str, str]]:
    """Expressions over x (m,), h (n,), S (n, n), a scalar s and parameters, with their shapes."""
    for k, sample in enumerate(row.samples):
        if sample.result:
            yield row.name, _filled(sample, sample.operands), SHAPES[sample.result]
            continue
        for shape in "nSs" if k == 0 else "n":
            yield row.name, _filled(sample, shape * sample.places), SHAPES[shape]
        if k == 0:
            first = sample.text.format("(s * h)", *OPERANDS["n"][1:])
            yield row.name, f"h * ({first})", "n"


def _filled(sample: Sample, letters: str) -> str:
    met: dict[str, int] = {}
    operands: list[str] = []
    for letter in letters:
        place = met[letter] = met.get(letter, -1) + 1
        names = OPERANDS[letter]
        name = names[place % len(names)]
        operands.append(name if name.isidentifier() else f"({name})")
    return sample.text.format(*operands, W="W", R="R", C="C", b="b", w="w")


CASES = [case for row in ALL if row.written for case in cases_of(row)] + EXTRA


def cell_text(*expressions: str) -> str:
    """A cell whose outputs are the expressions, with states that depend on them too where they are vectors."""
    names = [f"y_{k}" for k in range(len(expressions))] if expressions[1:] else ["y"]
    return (
        'def f(x: "(m,)", /, h: "(n,)", S: "(n, n)"):\n'
        "    s: scalar\n    b: (n,)\n    k: (n,)\n    w: (m,)\n    C: (n, n + m)\n"
        + "".join(f"    {name} = {expression}\n" for name, expression in zip(names, expressions, strict=True))
        + "    h = tanh(W @ x + R @ h * s + C @ [h, x]) + 0 * (b + k) + 0 * sum(w)\n"
        + "    S = 0.5 * S + outer(h, h)\n"
        + "    return "
        + (f"({', '.join(names)})" if names[1:] else names[0])
        + ", (h, S)\n"
    )


def step_text(expression: str) -> str:
    """A cell whose next state, a vector, is the expression."""
    annotated = {"s": "scalar", "S": "(n, n)", "b": "(n,)", "k": "(n,)", "w": "(m,)", "C": "(n, n + m)"}
    met = set(re.findall(r"\w+", expression))
    lines = [f"{name}: {shape}" for name, shape in annotated.items() if name in met]
    lines += [f"h = {expression}", "return h"]
    return "".join(f"    {line}\n" for line in ['def f(x: "(m,)", /, h: "(n,)"):', *lines])[4:]


def texts_of(count: int) -> list[str]:
    """Cells with all cases among their outputs, so many in each, for consumers that take their time."""
    expressions = [expression for _, expression, _ in CASES]
    return [cell_text(*expressions[k : k + count]) for k in range(0, len(expressions), count)]


def cell_texts() -> dict[str, str]:
    """A cell for every operation of the language: its cases are the outputs."""
    names = dict.fromkeys(name for name, _, _ in CASES)
    return {name: cell_text(*(expression for case, expression, _ in CASES if case == name)) for name in names}


def complaints(row: Operation) -> list[str]:
    """All that is missing from a row or is not true of its operation; empty where the row is complete."""
    found = [*_said(row), *_drawn(row)]
    if row.name not in {*SCALARS, *STRUCTURED, "slice", "embed"}:
        found.append("no meaning")
    if row.head is None:
        return found
    found += [f"no {form}" for form in ("numpy", "torch", "look") if not getattr(row, form)]
    if row.elementwise and row.c is None:
        found.append("no c")
    if not found and row.elementwise:
        found += [*_numpy(row), *_rounding(row), *_torch(row), *_c(row), *_analysis(row)]
    elif not found:
        found += _structured(row)
    return found


def _said(row: Operation) -> Iterator[str]:
    if not row.about or "\n" in row.about:
        yield "about"
    if row.build is None:
        yield "nothing builds it"
    if row.look is not None and row.look.kind == "call" and not (row.look.text and row.look.latex):
        yield "a call has a name on paper"
    if row.head is not None:
        yield from (f"no words in {one.code}" for one in LANGUAGES.values() if row.name not in one.rules)


def _drawn(row: Operation) -> Iterator[str]:
    if bool(row.samples) is not row.written:
        yield "samples"
    for sample in row.samples:
        if bool(sample.operands or "{b}" in sample.text) is not bool(sample.result):
            yield f"{sample.text}: letters for operands and result, or for neither"


# Elementwise rows ------------------------------------------------------------------------------------------------


def arguments(row: Operation, values: np.ndarray) -> list[np.ndarray]:
    """Operands at some points, within the operation's domain, none at a kink."""
    first = np.abs(values) if row.name in ("log", "sqrt") else values
    if row.operands[0] == "condition":
        first = np.array([0.0, 1.0] * (len(values) // 2), dtype=values.dtype)
    others = [0.75 + (values * (k + 2)) ** 2 / 7 - 1.5 * k for k in range(len(row.operands) - 1)]
    return [first, *(other.astype(values.dtype) for other in others)]


def options(row: Operation) -> list[float]:
    return [OPTIONS[option.name] for option in row.options]


def meaning(row: Operation, operands: list[np.ndarray]) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(SCALARS[row.name](FLOATS, *operands, *options(row)))


def run_numpy(row: Operation, operands: list[np.ndarray], bend: Callable[[Any], Any] = dict) -> np.ndarray:
    """The row's NumPy form at some operands, with the functions of its helper bent."""
    helpers: dict[str, Any] = {"np": np, "math": math}
    exec(row.helper, helpers)
    space = helpers | bend(helpers) | {f"v{k}": operand for k, operand in enumerate(operands)}
    texts = [*(f"v{k}" for k in range(len(operands))), *map(str, options(row))]
    return np.asarray(eval(row.numpy.format(*texts), space))


def _numpy(row: Operation) -> Iterator[str]:
    for dtype, tolerance in (("float64", 2e-14), ("float32", 2e-6)):
        operands = arguments(row, POINT.astype(dtype))
        found = run_numpy(row, operands)
        wide = [operand.astype("float64") for operand in operands]
        if not np.allclose(found, meaning(row, wide), rtol=tolerance, atol=tolerance):
            yield f"numpy: {found} is not {meaning(row, wide)}"
        if found.dtype != dtype and row.name != "leaky_relu":
            yield f"numpy: {dtype} becomes {found.dtype}"
    called = row.numpy.removesuffix(f"({', '.join(f'{{{k}}}' for k in range(len(row.operands)))})")
    if row.ufunc and called != row.ufunc:
        yield "ufunc: not the NumPy form"
    is_ufunc = isinstance(getattr(np, called.removeprefix("np."), None), np.ufunc)
    if is_ufunc and not row.ufunc and row.name != "mod":  # fast kernels copy the result of np.mod
        yield "ufunc: the NumPy form is one"
    if _is_exact(row) is not row.exact:
        yield f"exact: {not row.exact} is what single precision shows"
    if _takes_complex(row) is row.real_only:
        yield f"real_only: {not row.real_only} is what a complex step shows"
    vectorized = "np.vectorize" in row.helper and "def " + row.head.__name__ in row.helper
    if vectorized and row.rounds is None:
        yield "rounds: its helper hides its rounding from who asks for it"
    if row.rounds is not None and row.rounds[0] not in row.numpy + row.helper:
        yield "rounds: not in the NumPy form"


def _is_exact(row: Operation) -> bool:
    """Whether the result in single precision is that of the same numbers in double precision."""
    values = np.random.default_rng(3).uniform(-5, 5, 400).astype("float32")
    operands = arguments(row, values)
    narrow = run_numpy(row, operands)
    wide = run_numpy(row, [operand.astype("float64") for operand in operands])
    return bool((narrow.astype("float64") == wide).all())


def _takes_complex(row: Operation) -> bool:
    """Whether the NumPy form is the analytic function beside the real line, for each operand."""
    operands = arguments(row, POINT)
    for k in range(len(operands)):
        if row.operands[k] == "condition":
            continue
        moved = [a + (1e-30j if i == k else 0) for i, a in enumerate(operands)]
        try:
            found = run_numpy(row, moved)
        except TypeError:
            return False
        if np.isrealobj(found):
            found = found + 0j
        if not np.allclose(found.imag / 1e-30, meaning(row, moved).imag / 1e-30, rtol=1e-9, atol=1e-9):
            return False
    return True


def _rounding(row: Operation) -> Iterator[str]:
    """Arrays that round at random, those of the reference and those of the oracles, round where the operation does."""
    plain, size = run_numpy(row, arguments(row, POINT)), 2.0**-20
    noise = Noise(np.random.default_rng(0), size, 0.0)
    jolted = [wrap(operand, Jolt((0,), size)) for operand in arguments(row, POINT)]
    found = {
        "perturbed": (run_numpy(row, [perturbed(a, noise) for a in arguments(row, POINT)], perturb_helpers), plain),
        "jolted": (run_numpy(row, jolted), run_numpy(row, [np.array(operand) for operand in jolted])),
    }
    for kind, (rounded, exact) in found.items():
        gap = np.abs(np.subtract(rounded, exact, dtype=float))
        if (gap > 32 * size * (1 + np.abs(plain))).any():
            yield f"{kind}: {rounded} is not {exact}"
        # A helper may hand an array on as numbers, which nothing jolts.
        if row.exact is bool(gap.max() > 0.01 * size) and not (row.helper and kind == "jolted"):
            yield f"{kind}: its rounding is not that of an operation that is{'' if row.exact else ' not'} exact"


def _torch(row: Operation) -> Iterator[str]:
    import torch

    space: dict[str, object] = {"torch": torch, "math": math}
    exec(row.torch.helper, space)
    operands = arguments(row, POINT)
    tensors = {f"v{k}": torch.tensor(operand) for k, operand in enumerate(operands)}
    codes = [Code(name, 1, True) for name in tensors] + [Code(str(o), 0, False) for o in options(row)]
    code = row.torch.code
    text = code(tuple(codes), (), str) if callable(code) else code.format(*codes)
    found = eval(text, {**space, **tensors})
    if not np.allclose(found.numpy(), meaning(row, operands), rtol=1e-12, atol=1e-14):
        yield f"torch: {found} is not {meaning(row, operands)}"
    if any(found.data_ptr() == tensor.data_ptr() for tensor in tensors.values()) is not row.torch.view:
        yield "torch: view"
    while "(" in text:
        text = re.sub(r"\([^()]*\)", "", text)
    if (" / " in text) is not row.torch.product:
        yield "torch: product"


def _c(row: Operation) -> Iterator[str]:
    c = row.c
    if not (c.macro or c.value or c.source) and row.name != "stop_gradient":
        yield "c: only stop_gradient is its operand"
    text = re.sub(r"/\*.*?\*/", "", c.value or c.source, flags=re.DOTALL)
    called = set(re.findall(r"\b(\w+)\(", text)) - {row.head.__name__, "for"}
    if called != set(c.calls):
        yield f"c: it calls {sorted(called)}"
    known = {*HELPERS, *MATH, "REAL"}
    yield from (f"c: nothing is called {name}" for name in {*c.calls, *filter(None, [c.macro])} - known)


def _analysis(row: Operation) -> Iterator[str]:
    seen: list[object] = []
    operands = arguments(row, POINT)
    SCALARS[row.name](watched(FLOATS, lambda distance, rank: seen.append(distance), 0), *operands, *options(row))
    decides = bool(seen) and row.written and not row.name.startswith("greater")
    if decides is not bool(row.kink):
        yield "kink: the meaning decides" if decides else "kink: the meaning decides nothing"
    yield from _derivative(row)
    if row.slope:
        steepest = np.abs(_slope(row, np.linspace(-8, 8, 4001))).max()
        if not 0.99 * float(Fraction(row.slope)) < steepest < 1.001 * float(Fraction(row.slope)):
            yield f"slope: {steepest} is the largest"
    small = meaning(row, arguments(row, np.full(2, 1e-12)))
    if len(row.operands) == 1 and not row.options:
        lifted = bool(abs(small[0]) > 1e-3)
        if lifted is not (row.small == "lifted") and row.name not in ("log", "sign"):
            yield "small: the result is not what is said where the operand is"


def _slope(row: Operation, points: np.ndarray) -> np.ndarray:
    return meaning(row, [points + 1e-30j]).imag / 1e-30


def _derivative(row: Operation) -> Iterator[str]:
    """The head's derivative, evaluated by the meanings, against a complex step of the meaning."""
    symbols = sympy.symbols("a b c")[: len(row.operands)]
    numbers = [sympy.Rational(str(o)) for o in options(row)]
    operands = arguments(row, POINT)
    for k, symbol in enumerate(symbols):
        if row.operands[k] == "condition" or row.name == "stop_gradient":
            continue
        expr = row.head(*symbols, *numbers).diff(symbol)
        moved = [a + (1e-30j if i == k else 0) for i, a in enumerate(operands)]
        expected = meaning(row, moved).imag / 1e-30
        found = evaluate(expr, dict(zip(symbols, operands, strict=True)))
        if not np.allclose(found, expected, rtol=1e-11, atol=1e-12):
            yield f"derivative by {row.operands[k]}: {found} is not {expected}"


def evaluate(expr: sympy.Basic, values: dict[sympy.Symbol, np.ndarray]) -> np.ndarray:
    """An expression of heads by their meanings."""
    if isinstance(expr, sympy.Symbol):
        return values[expr]
    if expr.is_number and not expr.atoms(sympy.Function):
        return np.asarray(float(expr))
    inner = [evaluate(argument, values) for argument in expr.args]
    if isinstance(expr, sympy.Add):
        return sum(inner)
    if isinstance(expr, sympy.Mul):
        return math.prod(inner)
    if isinstance(expr, sympy.Pow):
        return inner[0] ** inner[1]
    (name,) = [row.name for row in ALL if row.head is type(expr)]
    return np.asarray(SCALARS[name](FLOATS, *inner))


# Structured rows ---------------------------------------------------------------------------------------------------


def _structured(row: Operation) -> Iterator[str]:
    """Their rules are held against complex steps by the tests of consumers; a sum of operands shows what is linear."""
    if row.name in ("slice", "embed"):
        return
    sizes = {"transpose": 2, "diagonal": 2}
    rank = sizes.get(row.name, 1)
    draw = np.random.default_rng(2).standard_normal
    a, b, other = (draw((3,) * rank) for _ in range(3))
    others = [other] if row.variadic or len(row.operands) == 2 else []
    more = [0 * other] if row.variadic else others
    ranks = (rank,) * (1 + len(others))
    if row.name == "matmul":
        ranks = (1, 1)

    def value(first, rest):
        return np.asarray(STRUCTURED[row.name](FLOATS, ranks, first, *rest))

    adds = np.allclose(value(a + b, others), value(a, others) + value(b, more))
    if adds is not row.linear:
        yield "linear"
    if row.shape is type(row).__dataclass_fields__["shape"].default:
        yield "shape: that of elementwise operations"
    if row.c is not None:
        yield from _c(row)
    try:
        rows = np.stack([a, b])
        apart = np.stack([value(a, ()), value(b, ())]) if not others else None
        by_rows = apart is not None and apart.ndim == 2 and rank == 1 and not row.linear
        if by_rows and np.allclose(np.asarray(STRUCTURED[row.name](FLOATS, (2,), rows)), apart) is not row.by_rows:
            yield "by_rows"
    except (ValueError, IndexError):
        pass
