"""The operators of the language, which SymPy's own arithmetic is made of."""

from __future__ import annotations

from .entry import Operation, Option, Sample

_PAIR = ("a", "b")

ADD = Operation(
    None, "a + b", name="add", operands=_PAIR, build=lambda a, b: a + b,
    samples=(Sample("{0} + {1}"), Sample("{0} + {1}", "ns", "n")),
)  # fmt: skip
SUB = Operation(
    None, "a - b", name="sub", operands=_PAIR, build=lambda a, b: a - b,
    samples=(Sample("{0} - {1}"), Sample("1 - {0}"), Sample("{1} - {0}", "ns", "n")),
)  # fmt: skip
MUL = Operation(
    None, "a * b, elementwise", name="mul", operands=_PAIR, build=lambda a, b: a * b,
    samples=(
        Sample("{0} * {1}"), Sample("0.5 * {0}"), Sample("{0} * {1}", "sn", "n"), Sample("{0} * {1}", "sm", "m"),
        Sample("{0} * {1}", "sS", "S"), Sample("{0} * {1}", "sV", "V"), Sample("{b} * {0}", "n", "n"),
    ),
)  # fmt: skip
DIV = Operation(
    None, "a / b, elementwise", name="div", operands=_PAIR, build=lambda a, b: a / b,
    samples=(
        Sample("{0} / 3"), Sample("{0} / (1.5 + square({1}))"), Sample("{0} / (2 + sin({1}))"),
        Sample("{0} / (2 + square({1}))", "ns", "n"),
    ),
)  # fmt: skip
NEG = Operation(None, "-a", name="neg", build=lambda a: -a, samples=(Sample("-{0}"),))
POW = Operation(
    None, "a ** k with a constant k", name="pow", options=(Option("exponent"),), build=lambda a, k: a**k,
    samples=(
        Sample("{0} ** 2"), Sample("tanh({0}) ** 3"), Sample("(1 + square({0})) ** 0.5"),
        Sample("(2 + square({0})) ** -1.5"), Sample("(1 + square({0})) ** (1/3)"),
    ),
)  # fmt: skip
SQUARE = Operation(None, "a squared", name="square", build=lambda a: a**2)
