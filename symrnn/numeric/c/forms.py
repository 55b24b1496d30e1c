"""The C form of every elementwise operation: a new operation is one new entry here.

`REAL(0.5)` is a constant of the type that the file is compiled for, `TANH` its function of math.h.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import sympy

from ...operations import functions as f

FORMS: Mapping[type[sympy.Function], str] = MappingProxyType(
    {
        f.sigmoid: "sigmoid({0})",
        f.tanh: "TANH({0})",
        f.relu: "relu({0})",
        f.leaky_relu: "leaky_relu({0}, {1})",
        f.elu: "elu({0}, {1})",
        f.softplus: "softplus({0})",
        f.silu: "silu({0})",
        f.gelu: "gelu({0})",
        f.gelu_tanh: "gelu_tanh({0})",
        f.hard_sigmoid: "hard_sigmoid({0})",
        f.exp: "EXP({0})",
        f.log: "LOG({0})",
        f.sqrt: "SQRT({0})",
        f.sin: "SIN({0})",
        f.cos: "COS({0})",
        f.absolute: "FABS({0})",
        f.sign: "sign({0})",
        f.floor: "FLOOR({0})",
        f.mod: "mod({0}, {1})",
        f.maximum: "maximum({0}, {1})",
        f.minimum: "minimum({0}, {1})",
        f.clip: "clip({0}, {1}, {2})",
        f.where: "where({0}, {1}, {2})",
        f.stop_gradient: "{0}",
        f.above: "above({0}, {1})",
        f.at_least: "at_least({0}, {1})",
        f.prefers: "prefers({0}, {1})",
        f.inside: "inside({0}, {1}, {2})",
        f.strictly_inside: "strictly_inside({0}, {1}, {2})",
        f.normal_cdf: "normal_cdf({0})",
        f.normal_pdf: "normal_pdf({0})",
        f.safe_ratio: "safe_ratio({0}, {1})",
    }
)
"""For each elementwise head, the C expression over its operands and options; every form is one call."""

_ONE_LINERS = {
    "square": ("real a", "a * a"),
    "cube": ("real a", "a * a * a"),
    "relu": ("real a", "a < 0 ? 0 : a"),
    "leaky_relu": ("real a, real slope", "a > 0 ? a : slope * a"),
    "elu": ("real a, real alpha", "a > 0 ? a : alpha * EXPM1(a)"),
    "softplus": ("real a", "LOG1P(EXP(-FABS(a))) + (a < 0 ? 0 : a)"),
    "silu": ("real a", "a * sigmoid(a)"),
    "gelu": ("real a", "a * normal_cdf(a)"),
    "hard_sigmoid": ("real a", "clip(a / 6 + REAL(0.5), 0, 1)"),
    "sign": ("real a", "a > 0 ? 1 : a < 0 ? -1 : a"),
    "mod": ("real a, real b", "a - b * FLOOR(a / b)"),
    "maximum": ("real a, real b", "a > b || a != a ? a : b"),
    "minimum": ("real a, real b", "a < b || a != a ? a : b"),
    "clip": ("real a, real lower, real upper", "a < lower ? lower : a > upper ? upper : a"),
    "where": ("real condition, real a, real b", "condition > 0 ? a : b"),
    "above": ("real a, real b", "a > b ? 1 : 0"),
    "at_least": ("real a, real b", "a >= b ? 1 : 0"),
    "prefers": ("real a, real b", "a > b ? 1 : a < b ? 0 : REAL(0.5)"),
    "inside": ("real a, real lower, real upper", "lower <= a && a <= upper ? 1 : 0"),
    "strictly_inside": ("real a, real lower, real upper", "lower < a && a < upper ? 1 : 0"),
    "normal_cdf": ("real a", "REAL(0.5) * ERFC(-a * REAL(0.7071067811865476))"),
    "normal_pdf": ("real a", "EXP(-a * a / 2) * REAL(0.3989422804014327)"),
    "safe_ratio": ("real a, real b", "b < 0 || b > 0 ? a / b : 0"),
}
_REMARKS = {
    "prefers": "1 where a > b, 1/2 at a tie, 0 elsewhere.",
    "normal_cdf": "The distribution function of the standard normal.",
    "normal_pdf": "The density of the standard normal.",
    "safe_ratio": "a / b, and 0 where b = 0.",
    "maximum": "The larger of two; not a number where either is not.",
    "minimum": "The smaller of two; not a number where either is not.",
}
_LONGER = {
    "sigmoid": """\
/* 1 / (1 + exp(-a)) without overflow. */
static real sigmoid(real a)
{
    const real decay = EXP(-FABS(a));
    return (a < 0 ? decay : 1) / (1 + decay);
}
""",
    "gelu_tanh": """\
static real gelu_tanh(real a)
{
    const real inner = REAL(0.7978845608028654) * (a + REAL(0.044715) * a * a * a);
    return REAL(0.5) * a * (1 + TANH(inner));
}
""",
    "copy": """\
static void copy(real *to, const real *from, size_t count)
{
    for (size_t i = 0; i < count; i++) to[i] = from[i];
}
""",
    "clear": """\
static void clear(real *to, size_t count)
{
    for (size_t i = 0; i < count; i++) to[i] = 0;
}
""",
    "total": """\
static real total(const real *a, size_t count)
{
    real sum = 0;
    for (size_t i = 0; i < count; i++) sum += a[i];
    return sum;
}
""",
    "dot": """\
/* Eight sums side by side, which a compiler keeps in vector registers. */
static real dot(const real *restrict a, const real *restrict b, size_t count)
{
    real sums[8] = {0}, sum = 0;
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (size_t lane = 0; lane < 8; lane++) sums[lane] += a[i + lane] * b[i + lane];
    for (; i < count; i++) sum += a[i] * b[i];
    for (size_t lane = 0; lane < 8; lane++) sum += sums[lane];
    return sum;
}
""",
    "largest": """\
static real largest(const real *a, size_t count)
{
    real top = a[0];
    for (size_t i = 1; i < count; i++) top = a[i] > top ? a[i] : top;
    return top;
}
""",
    "softmax": """\
/* out = exp(a) / sum of exp(a), shifted by the largest entry so that nothing overflows. */
static void softmax(real *out, const real *a, size_t count)
{
    const real top = largest(a, count);
    real sum = 0;
    for (size_t i = 0; i < count; i++) {
        out[i] = EXP(a[i] - top);
        sum += out[i];
    }
    for (size_t i = 0; i < count; i++) out[i] /= sum;
}
""",
    "logsumexp": """\
static real logsumexp(const real *a, size_t count)
{
    const real top = largest(a, count);
    real sum = 0;
    for (size_t i = 0; i < count; i++) sum += EXP(a[i] - top);
    return LOG(sum) + top;
}
""",
    "add_matvec": """\
/* out += A v, for A with so many rows and columns. */
static void add_matvec(real *restrict out, const real *restrict A, const real *restrict v, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++) out[i] += dot(A + i * columns, v, columns);
}
""",
    "add_matvec_t": """\
/* out += A' v, for A with so many rows and columns before it is transposed; four rows at a time. */
static void add_matvec_t(real *restrict out, const real *restrict A, const real *restrict v,
    size_t rows, size_t columns)
{
    size_t k = 0;
    for (; k + 4 <= rows; k += 4) {
        const real *a = A + k * columns, *b = a + columns, *c = b + columns, *d = c + columns;
        for (size_t i = 0; i < columns; i++)
            out[i] += (a[i] * v[k] + b[i] * v[k + 1]) + (c[i] * v[k + 2] + d[i] * v[k + 3]);
    }
    for (; k < rows; k++)
        for (size_t i = 0; i < columns; i++) out[i] += A[k * columns + i] * v[k];
}
""",
    "add_outer": """\
/* out += a b', for out with so many rows and columns. */
static void add_outer(real *restrict out, const real *restrict a, const real *restrict b, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) out[i * columns + j] += a[i] * b[j];
}
""",
    "add_matmul": """\
/* out += A B, for out with so many rows and columns; `inner` is what A and B share. */
static void add_matmul(real *restrict out, const real *restrict A, const real *restrict B,
    size_t rows, size_t inner, size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < inner; k++)
            for (size_t j = 0; j < columns; j++) out[i * columns + j] += A[i * inner + k] * B[k * columns + j];
}
""",
    "add_matmul_nt": """\
/* out += A B', for out with so many rows and columns; `inner` is what A and B' share. */
static void add_matmul_nt(real *restrict out, const real *restrict A, const real *restrict B,
    size_t rows, size_t inner, size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) out[i * columns + j] += dot(A + i * inner, B + j * inner, inner);
}
""",
    "add_matmul_tn": """\
/* out += A' B, for out with so many rows and columns; `inner` is what A' and B share. */
static void add_matmul_tn(real *restrict out, const real *restrict A, const real *restrict B,
    size_t rows, size_t inner, size_t columns)
{
    for (size_t k = 0; k < inner; k++)
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < columns; j++) out[i * columns + j] += A[k * rows + i] * B[k * columns + j];
}
""",
}


def _one_liner(name: str, arguments: str, value: str) -> str:
    remark = f"/* {_REMARKS[name]} */\n" if name in _REMARKS else ""
    return f"{remark}static real {name}({arguments})\n{{\n    return {value};\n}}\n"


HELPERS: Mapping[str, str] = MappingProxyType(
    {name: _one_liner(name, *form) for name, form in _ONE_LINERS.items()} | _LONGER
)
"""Static functions by name; a file has those that it calls."""

MATH: Mapping[str, str] = MappingProxyType(
    {
        name.upper(): name
        for name in ("tanh", "exp", "expm1", "log", "log1p", "sqrt", "pow", "sin", "cos", "fabs", "floor", "erfc")
    }
)
"""Macros for functions of math.h, which carry an f where the file is compiled for float."""


def helpers_for(body: str) -> list[str]:
    """The sources of the helpers that a text calls, those that they call in front of them."""
    found: dict[str, None] = {}

    def visit(text: str, own: str) -> None:
        for name in HELPERS:
            if name != own and name not in found and calls(text, name):
                visit(HELPERS[name], name)
                found.setdefault(name)

    visit(body, "")
    return [HELPERS[name] for name in found]


def calls(text: str, name: str) -> bool:
    """Whether a text applies a function or a macro."""
    return re.search(rf"\b{name}\(", text) is not None
