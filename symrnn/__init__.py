"""symrnn: the gradient of a recurrent cell, derived, printed, computed and proved.

    import symrnn

    cell = symrnn.cell(text)          a cell from text or from a function (also as a decorator)
    cell = symrnn.load("lstm")        a cell of the zoo, or from a file
    d = symrnn.derive(cell)           its backward equations: d.text(), d.latex(), d.numpy()
    symrnn.prove(cell)                exact proof in scalar components
    symrnn.check(cell)                numeric check against independent oracles
    symrnn.compare("lstm", "gru")     which equations of two cells differ
    symrnn.verify(cell, backward)     hand-written backprop: what is wrong, and why

Names are imported when they are first used, so that `symrnn --help` needs neither SymPy nor NumPy.
"""

from __future__ import annotations

from .version import __version__

TYPE_CHECKING = False  # typing itself takes as long to import as `symrnn list` to read the zoo
if TYPE_CHECKING:
    from typing import Any

    from .checking import CheckReport, Proof, check, prove
    from .derivation import Derivation, derive
    from .equations import Cell, Equation, Term, cell
    from .equations.sample import Sample
    from .errors import (
        CellError,
        CellWarning,
        CompilerError,
        InputError,
        KernelWarning,
        OptionError,
        SymrnnError,
    )
    from .layouts import Layout
    from .library import load, zoo
    from .numeric import Gradients, Kernel
    from .render import Difference, compare
    from .verifying import Finding, VerifyReport, verify

# name -> the room that it lives in
_CONTENTS = {
    "cell": "equations",
    "Cell": "equations",
    "Equation": "equations",
    "Term": "equations",
    "Sample": "equations.sample",
    "load": "library",
    "zoo": "library",
    "derive": "derivation",
    "Derivation": "derivation",
    "Kernel": "numeric",
    "Gradients": "numeric",
    "compare": "render",
    "Difference": "render",
    "prove": "checking",
    "Proof": "checking",
    "check": "checking",
    "verify": "verifying",
    "VerifyReport": "verifying",
    "Finding": "verifying",
    "Layout": "layouts",
    "CheckReport": "checking",
    "SymrnnError": "errors",
    "CellError": "errors",
    "CellWarning": "errors",
    "CompilerError": "errors",
    "InputError": "errors",
    "KernelWarning": "errors",
    "OptionError": "errors",
}

__all__ = [
    "Cell",
    "CellError",
    "CellWarning",
    "CheckReport",
    "CompilerError",
    "Derivation",
    "Difference",
    "Equation",
    "Finding",
    "Gradients",
    "InputError",
    "Kernel",
    "KernelWarning",
    "Layout",
    "OptionError",
    "Proof",
    "Sample",
    "SymrnnError",
    "Term",
    "VerifyReport",
    "__version__",
    "cell",
    "check",
    "compare",
    "derive",
    "load",
    "prove",
    "verify",
    "zoo",
]


def __getattr__(name: str) -> Any:
    room = _CONTENTS.get(name)
    if room is None:
        raise AttributeError(f"module 'symrnn' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{room}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_CONTENTS})
