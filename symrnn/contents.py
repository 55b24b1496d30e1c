"""Tables of contents: a package whose `__init__` lists its names once, and imports each when it is first asked for.

    from ..contents import TYPE_CHECKING, contents

    if TYPE_CHECKING:
        from .kernel import Kernel as Kernel
    else:
        __getattr__, __dir__ = contents()

Checkers of types and editors read the lines below `if TYPE_CHECKING` as the imports that they are. Python passes over
them, and `contents` reads in the compiled `__init__` which name they take from which module.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing itself takes as long to import as `symrnn list` to read the zoo
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any

# What may be missing: its name, and the extra that brings it.
_MISSING = {"numpy": ("NumPy", None), "hypothesis": ("Hypothesis", "test")}


def contents() -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of the package whose `__init__` calls this."""
    caller = sys._getframe(1)
    package, names, code = caller.f_globals["__name__"], caller.f_globals, caller.f_code
    table: dict[str, str] = {}  # name -> the module that has it

    def look_up() -> dict[str, str]:
        if not table:
            table.update(_read(code))
        return table

    def get(name: str) -> Any:
        from importlib import import_module

        if name == "__all__":
            return sorted(look_up())
        if name not in look_up():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            value = getattr(import_module(table[name], package), name)
        except ModuleNotFoundError as error:
            if error.name not in _MISSING:
                raise
            from .errors import MissingExtraError

            raise MissingExtraError(f"{package}.{name}", *_MISSING[error.name]) from None
        names[name] = value
        return value

    return get, lambda: sorted({*names, *look_up()})


def _read(code: CodeType) -> dict[str, str]:
    """The names that an `__init__` takes from its package's modules, each with its module: `from .module import names`
    is compiled to a dot, the names and the module, one after the other."""
    from dis import get_instructions

    steps = list(get_instructions(code))
    found: dict[str, str] = {}
    for dots, names, step in zip(steps, steps[1:], steps[2:], strict=False):
        if step.opname == "IMPORT_NAME" and dots.argval == 1 and step.argval != "contents":
            found.update(dict.fromkeys(names.argval, f".{step.argval}"))
    return found
