"""The languages that a derivation can be written in, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ..arguments import instance
from ..derivation import Derivation, NetworkDerivation
from ..errors import CompilerError, OptionError, nearest
from .c import emit_c
from .compiled import find_compiler
from .emit import emit
from .fast import emit_fast
from .network_source import emit_network
from .torch_source import emit_torch, emit_torch_network


def _numpy(derivation: Derivation) -> str:
    """Text that was tried, where there is NumPy to try it with."""
    try:
        from .trial import trusted
    except ModuleNotFoundError:
        return emit_fast(derivation)
    return trusted(derivation, "float64", "numpy")[0]


def _c(derivation: Derivation) -> str:
    """Text that was tried, where there are a compiler and NumPy to try it with."""
    try:
        find_compiler()
        from .trial import try_out
    except (CompilerError, ModuleNotFoundError):
        return emit_c(derivation)
    candidate, objection = try_out(derivation, "float64", "c")
    if candidate is None or objection:
        raise CompilerError(f"{objection}\n  until then: --target numpy")
    return candidate.source


TARGETS: Mapping[str, Callable[[Derivation], str]] = MappingProxyType({"numpy": _numpy, "torch": emit_torch, "c": _c})


def emit_source(derivation: Derivation | NetworkDerivation, target: str = "numpy", *, plain: bool = False) -> str:
    """A derivation as a program of its own: a NumPy module, a PyTorch module, or (of a cell) C99; `plain` as
    `Derivation.code` has it."""
    instance("target", target, str, "the name of a language, such as 'numpy'")
    known = list(TARGETS)
    if isinstance(derivation, NetworkDerivation):
        known.remove("c")
    if target not in known:
        raise OptionError(
            f"there is no target {target!r}; there are: {', '.join(known)}. {nearest(target, known)}".rstrip()
        )
    if plain and target != "numpy":
        raise OptionError(f"plain=True asks for plain NumPy; leave it out, or target={target!r}")
    if isinstance(derivation, NetworkDerivation):
        return emit_network(derivation, plain=plain) if target == "numpy" else emit_torch_network(derivation)
    return emit(derivation) if plain else TARGETS[target](derivation)
