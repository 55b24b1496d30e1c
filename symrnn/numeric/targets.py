"""The languages that a derivation can be written in, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ..arguments import instance
from ..derivation import Derivation
from ..errors import OptionError, nearest
from .c import emit_c
from .fast import emit_fast
from .torch_source import emit_torch

TARGETS: Mapping[str, Callable[[Derivation], str]] = MappingProxyType(
    {"numpy": emit_fast, "torch": emit_torch, "c": emit_c}
)


def emit_source(derivation: Derivation, target: str = "numpy") -> str:
    """A derivation as a program of its own: a NumPy module, a PyTorch module, or C99."""
    instance("target", target, str, "the name of a language, such as 'numpy'")
    if target not in TARGETS:
        known = list(TARGETS)
        raise OptionError(
            f"there is no target {target!r}; there are: {', '.join(known)}. {nearest(target, known)}".rstrip()
        )
    return TARGETS[target](derivation)
