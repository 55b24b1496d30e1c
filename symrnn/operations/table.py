"""The table of operations: every operation of the language and of backward formulas, one row each.

Adding an operation is adding a row (and a line to the independent meanings in `checking/`, which the conformance
test will ask for). No other file names an operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

import sympy

from . import functions as f
from . import structured as s
from .entry import Layout, Operation, Option, elementwise_shape


def _arithmetic() -> list[Operation]:
    def row(name: str, about: str, operands: tuple[str, ...], build, options: tuple[Option, ...] = ()) -> Operation:
        return Operation(name, about, operands, elementwise_shape, build, options=options)

    return [
        row("add", "a + b", ("a", "b"), lambda a, b: a + b),
        row("sub", "a - b", ("a", "b"), lambda a, b: a - b),
        row("mul", "a * b, elementwise", ("a", "b"), lambda a, b: a * b),
        row("div", "a / b, elementwise", ("a", "b"), lambda a, b: a / b),
        row("neg", "-a", ("a",), lambda a: -a),
        row("pow", "a ** k with a constant k", ("a",), lambda a, k: a**k, (Option("exponent"),)),
        row("square", "a squared", ("a",), lambda a: a**2),
    ]


_SIGMOID = '''\
def sigmoid(a):
    """1 / (1 + exp(-a)) without overflow."""
    decay = np.exp(np.where(a >= 0, -a, a))
    return np.where(a >= 0, 1, decay) / (1 + decay)
'''
_ELU = """\
def elu(a, alpha):
    return np.where(a > 0, a, alpha * np.expm1(np.minimum(a, 0)))
"""
_NORMAL_CDF = '''\
def normal_cdf(a):
    """Distribution function of the standard normal."""
    erfc = np.vectorize(math.erfc, otypes=[a.dtype])
    return 0.5 * erfc(-a / math.sqrt(2))
'''
_ABOVE = '''\
def above(a, b):
    """1 where a > b, 0 elsewhere, in the type of the operands."""
    return (a > b).astype(np.result_type(a, b))
'''
_AT_LEAST = '''\
def at_least(a, b):
    """1 where a >= b, 0 elsewhere, in the type of the operands."""
    return (a >= b).astype(np.result_type(a, b))
'''
_WHERE = '''\
def where(condition, a, b):
    """a where the condition is 1, b elsewhere, in the type of all three."""
    return np.where(condition > 0, a, b).astype(np.result_type(condition, a, b), copy=False)
'''
_INSIDE = '''\
def inside(a, lower, upper):
    """1 within the bounds, 0 outside."""
    return ((lower <= a) & (a <= upper)).astype(a.dtype)
'''
_STRICTLY_INSIDE = '''\
def strictly_inside(a, lower, upper):
    """1 strictly within the bounds, 0 elsewhere."""
    return ((lower < a) & (a < upper)).astype(a.dtype)
'''
_PREFERS = '''\
def prefers(a, b):
    """1 where a > b, 1/2 at a tie, 0 elsewhere."""
    return 0.5 * (np.sign(a - b) + 1)
'''
_SAFE_RATIO = '''\
def safe_ratio(a, b):
    """a / b, and 0 where b = 0."""
    return np.where(b == 0, 0, a / np.where(b == 0, 1, b))
'''
_SOFTMAX = """\
def softmax(a):
    e = np.exp(a - a.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
"""
_LOGSUMEXP = """\
def logsumexp(a):
    top = a.max(axis=-1, keepdims=True)
    return np.log(np.exp(a - top).sum(axis=-1)) + top[..., 0]
"""
_EMBED = '''\
def embed(piece, shape, place):
    """Zeros of the shape with the piece in its place: the adjoint of a slice."""
    full = np.zeros(shape, dtype=piece.dtype)
    full[place] = piece
    return full
'''


def _functions() -> list[Operation]:
    def row(
        head: type[sympy.Function],
        numpy: str,
        about: str,
        layout: Layout,
        *,
        name: str = "",
        operands: tuple[str, ...] = ("a",),
        helper: str = "",
        options: tuple[Option, ...] = (),
        activation: bool = False,
        kink: str = "",
        written: bool = True,
    ) -> Operation:
        return Operation(
            name or head.__name__, about, operands, elementwise_shape, head, head, layout, numpy, helper, options,
            activation=activation, kink=kink, written=written,
        )  # fmt: skip

    def call(text: str, latex: str = "") -> Layout:
        return Layout("call", text, latex or rf"\operatorname{{{text}}}")

    def indicator(text: str, latex: str) -> Layout:
        return Layout("indicator", text, latex)

    pair = ("a", "b")
    bounds = (Option("lower"), Option("upper"))
    return [
        row(f.sigmoid, "sigmoid({0})", "the logistic function", call("σ", r"\sigma"), helper=_SIGMOID, activation=True),
        row(f.tanh, "np.tanh({0})", "hyperbolic tangent", call("tanh", r"\tanh"), activation=True),
        row(f.relu, "np.maximum({0}, 0)", "max(a, 0)", call("relu"), activation=True, kink="relu′(0) = 0"),
        row(
            f.leaky_relu, "np.where({0} > 0, {0}, {1} * {0})", "a above zero, slope · a below", call("leaky_relu", r"\operatorname{leaky\_relu}"),
            options=(Option("slope", Fraction(1, 100)),), activation=True, kink="leaky_relu′(0) = slope",
        ),
        row(
            f.elu, "elu({0}, {1})", "a above zero, α (exp(a) − 1) below", call("elu"), helper=_ELU,
            options=(Option("alpha", Fraction(1)),), activation=True, kink="elu′(0) = α",
        ),
        row(f.softplus, "np.logaddexp({0}, 0)", "log(1 + exp(a))", call("softplus"), activation=True),
        row(f.silu, "{0} * sigmoid({0})", "a σ(a)", call("silu"), helper=_SIGMOID, activation=True),
        row(f.gelu, "{0} * normal_cdf({0})", "a Φ(a), the exact form", call("gelu"), helper=_NORMAL_CDF, activation=True),
        row(
            f.gelu_tanh, "0.5 * {0} * (1 + np.tanh(math.sqrt(2 / math.pi) * ({0} + 0.044715 * {0} ** 3)))",
            "the tanh approximation of gelu", call("gelu_tanh", r"\operatorname{gelu}_{\tanh}"), activation=True,
        ),
        row(
            f.hard_sigmoid, "np.clip({0} / 6 + 0.5, 0, 1)", "clip(a/6 + 1/2, 0, 1)", call("hard_sigmoid", r"\operatorname{hard\_sigmoid}"),
            activation=True, kink="hard_sigmoid′(±3) = 0",
        ),
        row(f.exp, "np.exp({0})", "exponential", call("exp", r"\exp")),
        row(f.log, "np.log({0})", "natural logarithm", call("log", r"\log")),
        row(f.sqrt, "np.sqrt({0})", "square root", Layout("sqrt")),
        row(f.sin, "np.sin({0})", "sine", call("sin", r"\sin")),
        row(f.cos, "np.cos({0})", "cosine", call("cos", r"\cos")),
        row(f.absolute, "np.abs({0})", "absolute value", Layout("abs"), name="abs", kink="abs′(0) = 0"),
        row(f.sign, "np.sign({0})", "−1, 0 or 1; its derivative is zero", call("sign"), kink="sign′ = 0"),
        row(f.floor, "np.floor({0})", "the largest whole number that is not above a", call("floor"), kink="floor′ = 0"),
        row(f.mod, "np.mod({0}, {1})", "a − b floor(a / b), the rest of a beyond whole multiples of b", call("mod"), operands=pair, kink="∂mod/∂a = 1, ∂mod/∂b = −floor(a / b)"),
        row(f.maximum, "np.maximum({0}, {1})", "the larger of two", call("max", r"\max"), operands=pair, kink="half to each side at a tie"),
        row(f.minimum, "np.minimum({0}, {1})", "the smaller of two", call("min", r"\min"), operands=pair, kink="half to each side at a tie"),
        row(f.clip, "np.clip({0}, {1}, {2})", "a held between two constants", call("clip"), options=bounds, kink="clip′ = 1 at the bounds"),
        row(f.where, "where({0}, {1}, {2})", "a where the condition holds, b elsewhere", call("where"), operands=("condition", "a", "b"), helper=_WHERE),
        row(f.stop_gradient, "{0}", "a, held constant by the gradient", call("sg")),
        row(f.above, "above({0}, {1})", "1 where a > b", indicator(">", ">"), name="greater", operands=pair, helper=_ABOVE),
        row(f.at_least, "at_least({0}, {1})", "1 where a ≥ b", indicator("≥", r"\ge"), name="greater_equal", operands=pair, helper=_AT_LEAST),
        row(f.prefers, "prefers({0}, {1})", "1 where a > b, 1/2 at a tie", indicator(">", ">"), operands=pair, helper=_PREFERS, written=False),
        row(f.inside, "inside({0}, {1}, {2})", "1 within the bounds", indicator("≤", r"\le"), options=bounds, helper=_INSIDE, written=False),
        row(f.strictly_inside, "strictly_inside({0}, {1}, {2})", "1 strictly within the bounds", indicator("<", "<"), options=bounds, helper=_STRICTLY_INSIDE, written=False),
        row(f.normal_cdf, "normal_cdf({0})", "Φ, the normal distribution function", call("Φ", r"\Phi"), helper=_NORMAL_CDF, written=False),
        row(f.normal_pdf, "np.exp(-0.5 * {0} ** 2) / math.sqrt(2 * math.pi)", "φ, the normal density", call("φ", r"\varphi"), written=False),
        row(f.safe_ratio, "safe_ratio({0}, {1})", "a / b, and 0 where b = 0", Layout("fraction"), operands=pair, helper=_SAFE_RATIO, written=False),
    ]  # fmt: skip


def _structured() -> list[Operation]:
    def call(text: str, latex: str = "") -> Layout:
        return Layout("call", text, latex or rf"\operatorname{{{text}}}")

    def row(name, head, operands, shape, adjoint, numpy, layout, about, **more) -> Operation:
        return Operation(name, about, operands, shape, head, head, layout, numpy, adjoint=adjoint, **more)

    one, two = ("a",), ("a", "b")
    return [
        row("matmul", s.matmul, two, s.matmul_shape, s.matmul_adjoint, s.matmul_numpy, Layout("product"), "matrix product", linear=True),
        row("transpose", s.transpose, one, s.transpose_shape, lambda p: (s.transpose(p.delta),), s.transpose_numpy, Layout("transpose"), "transpose", linear=True),
        row("outer", s.outer, two, s.outer_shape, s.outer_adjoint, s.outer_numpy, Layout("outer"), "a bᵀ", linear=True),
        row("dot", s.dot, two, s.dot_shape, s.dot_adjoint, s.dot_numpy, Layout("dot"), "aᵀ b, the sum of the products", linear=True),
        row("sum", s.total, one, s.reduction_shape, lambda p: (p.delta,), s.total_numpy, call("sum"), "sum of all entries", linear=True),
        row("mean", s.mean, one, s.reduction_shape, s.mean_adjoint, s.mean_numpy, call("mean"), "mean of all entries", linear=True),
        row("softmax", s.softmax, one, s.softmax_shape, s.softmax_adjoint, "softmax({0})", call("softmax"), "exp(a) / Σ exp(a), of a matrix row by row", helper=_SOFTMAX, activation=True, by_rows=True),
        row("logsumexp", s.logsumexp, one, s.vector_to_scalar, s.logsumexp_adjoint, "logsumexp({0})", call("logsumexp"), "log Σ exp(a)", helper=_LOGSUMEXP),
        row("norm", s.norm, one, s.reduction_shape, s.norm_adjoint, s.norm_numpy, Layout("norm"), "Euclidean length", kink="0 at the origin"),
        row("diag", s.diag, one, s.diag_shape, lambda p: (s.diagonal(p.delta),), "({0}[..., None] * np.eye({0}.shape[-1], dtype={0}.dtype))", call("diag"), "the diagonal matrix of a vector", linear=True),
        row("diagonal", s.diagonal, one, s.diagonal_shape, lambda p: (s.diag(p.delta),), "np.diagonal({0}, axis1=-2, axis2=-1)", call("diagonal"), "the diagonal of a matrix", linear=True, written=False),
        row("concatenate", s.stack, one, s.stack_shape, s.stack_adjoint, s.stack_numpy, Layout("stack"), "[a, b], one after the other", variadic=True, linear=True),
        row("slice", s.part, one, s.part_shape, s.part_adjoint, s.part_numpy, Layout("part"), "a[lower:upper]", linear=True),
        row("embed", s.embed, one, s.embed_shape, s.embed_adjoint, s.embed_numpy, call("embed"), "zeros with a in its place", helper=_EMBED, linear=True, written=False),
    ]  # fmt: skip


def _build() -> tuple[Operation, ...]:
    return (*_arithmetic(), *_functions(), *_structured())


ALL: tuple[Operation, ...] = _build()
OPERATIONS: Mapping[str, Operation] = MappingProxyType({row.name: row for row in ALL})
BY_HEAD: Mapping[type, Operation] = MappingProxyType({row.head: row for row in ALL if row.head is not None})
FUNCTIONS: tuple[str, ...] = tuple(
    row.name
    for row in ALL
    if row.written and row.name not in {"add", "sub", "mul", "div", "neg", "pow", "matmul", "transpose", "greater"}
    and row.name not in {"greater_equal", "concatenate", "slice"}
)  # fmt: skip
"""The names that a cell may call."""
