"""The C form of every elementwise operation, from its row, and the helpers of statements.

`REAL(0.5)` is a constant of the type that the file is compiled for, `TANH` its function of math.h.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from types import MappingProxyType

import sympy

from ...operations.entry import Operation
from ...operations.table import ALL
from ..statement import Call


def _form(row: Operation) -> str:
    """The C expression over operands and options: one call, or the operand itself."""
    arguments = ", ".join(f"{{{place}}}" for place in range(len(row.operands) + len(row.options)))
    assert row.c is not None
    assert row.head is not None
    name = row.c.macro or (row.head.__name__ if row.c.value or row.c.source else "")
    return f"{name}({arguments})" if name else arguments


FORMS: Mapping[type[sympy.Function], str] = MappingProxyType(
    {row.head: _form(row) for row in ALL if row.elementwise and row.head is not None and row.c is not None}
)
"""For each elementwise head, the C expression over its operands and options."""


def _static(name: str, arguments: tuple[str, ...], value: str, remark: str = "") -> str:
    """A function that returns one expression."""
    said = f"/* {remark} */\n" if remark else ""
    return f"{said}static real {name}({', '.join(f'real {a}' for a in arguments)})\n{{\n    return {value};\n}}\n"


def _own_helpers(*, elementwise: bool) -> Iterator[tuple[str, str]]:
    """The functions that rows bring: those of one expression, then those that are written out."""
    rows = [(r.head.__name__, r, r.c) for r in ALL if r.c and r.head is not None and r.elementwise is elementwise]
    for name, row, c in rows:
        if c.value:
            yield name, _static(name, (*row.operands, *(o.name for o in row.options)), c.value, c.remark)
    yield from ((name, c.source) for name, _, c in rows if c.source)


_POWERS = {name: _static(name, ("a",), value) for name, value in (("square", "a * a"), ("cube", "a * a * a"))}
_VECTORS = {
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
}
_PRODUCTS = {
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

HELPERS: Mapping[str, str] = MappingProxyType(
    _POWERS | dict(_own_helpers(elementwise=True)) | _VECTORS | dict(_own_helpers(elementwise=False)) | _PRODUCTS
)
"""Static functions by name; a file has those that it calls."""

_FIRST = (
    "TANH",
    "EXP",
    "EXPM1",
    "LOG",
    "LOG1P",
    "SQRT",
    "POW",
)  # in this order, what the printer itself calls among them
_CALLED = [name for row in ALL if row.c for name in (row.c.macro, *row.c.calls) if name.isupper() and name != "REAL"]
MATH: Mapping[str, str] = MappingProxyType({name: name.lower() for name in (*_FIRST, *_CALLED)})
"""Macros for functions of math.h, which carry an f where the file is compiled for float."""


_CALLS: Mapping[str, frozenset[Call]] = MappingProxyType(
    {row.head.__name__: frozenset[Call](row.c.calls) for row in ALL if row.c and row.head is not None}
    | dict.fromkeys(("add_matvec", "add_matmul_nt"), frozenset[Call](("dot",)))
)
"""What the helpers call in their turn."""


def called_by(heads: Set[Call]) -> list[str]:
    """The helpers and macros that are called, and those that these call, each behind what it calls."""
    found: dict[str, None] = {}

    def visit(names: Set[Call]) -> None:
        for name in (*HELPERS, *MATH, "REAL"):
            if name in names and name not in found:
                visit(_CALLS.get(name, frozenset()))
                found.setdefault(name)

    visit(heads)
    return list(found)
