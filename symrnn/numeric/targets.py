"""The languages that a derivation can be written in, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ..arguments import instance
from ..derivation import Derivation
from ..errors import CompilerError, OptionError, nearest
from .c import emit_c
from .compiled import find_compiler
from .torch_source import emit_torch
from .trial import trusted, try_out


def _numpy(derivation: Derivation) -> str:
    return trusted(derivation, "float64", "numpy")[0]


def _c(derivation: Derivation) -> str:
    """Text that was tried, where there is a compiler to try it with."""
    try:
        find_compiler()
    except CompilerError:
        return emit_c(derivation)
    candidate, objection = try_out(derivation, "float64", "c")
    if candidate is None or objection:
        raise CompilerError(f"{objection}\n  until then: --target numpy")
    return candidate.source


TARGETS: Mapping[str, Callable[[Derivation], str]] = MappingProxyType({"numpy": _numpy, "torch": emit_torch, "c": _c})


def emit_source(derivation: Derivation, target: str = "numpy") -> str:
    """A derivation as a program of its own: a NumPy module, a PyTorch module, or C99."""
    instance("target", target, str, "the name of a language, such as 'numpy'")
    if target not in TARGETS:
        known = list(TARGETS)
        raise OptionError(
            f"there is no target {target!r}; there are: {', '.join(known)}. {nearest(target, known)}".rstrip()
        )
    return TARGETS[target](derivation)
