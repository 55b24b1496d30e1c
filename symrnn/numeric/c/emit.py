"""From a derivation to a C file: documentation, types, helpers, sizes, and the two passes."""

from __future__ import annotations

from ...derivation import Derivation
from ..statement import heads_of
from .forms import HELPERS, MATH, called_by
from .interface import Interface
from .passes import backward_pass, forward_pass
from .scope import Scope


def emit_c(derivation: Derivation) -> str:
    """The source of a C99 file with a forward and a backward pass; `-DREAL_FLOAT` compiles it for float."""
    scope = Scope(derivation)
    interface = Interface(scope)
    forward, backward = forward_pass(scope), backward_pass(scope)
    passes = [
        "/* The passes. Numbers in comments are those of the equations; what nothing reads is left out. */",
        "",
        *interface.sizes(forward.work, backward.work),
        "",
        *interface.function("forward", forward.body),
        "",
        *interface.function("backward", backward.body),
    ]
    called = called_by(heads_of([*forward.body, *backward.body]))
    helpers = [HELPERS[name] for name in called if name in HELPERS]
    math = [name for name in MATH if name in called]
    parts = [
        *interface.header(),
        "",
        *(["#include <math.h>"] if math else []),
        "#include <stddef.h>",
        "",
        *_types_of_numbers(math, "REAL" in called),
        *interface.types(),
        *interface.prototypes(),
        "",
    ]
    return "\n".join([*parts, *helpers, *passes]) + "\n"


def _types_of_numbers(math: list[str], constants: bool) -> list[str]:
    """`real`, with what depends on it: constants and functions of math.h, so that float stays float throughout."""

    def branch(kind: str, suffix: str) -> list[str]:
        lines = [f"typedef {kind} real;"]
        lines += [f"#define REAL(constant) constant{suffix and '##' + suffix}"] if constants else []
        return lines + [f"#define {name} {name.lower()}{suffix}" for name in math]

    return ["#ifdef REAL_FLOAT", *branch("float", "f"), "#else", *branch("double", ""), "#endif"]
