"""Tools for tests that concern gradients.

`gradients`     `assert_gradients`: any NumPy function with a hand-written gradient, against oracles
`backward`      `assert_backward`: a hand-written backward pass of a cell, and which formula in it is wrong
`strategies`    Hypothesis strategies: `shapes`, `samples` of a cell, gradients from above (`upstream`)
`random_cells`  a Hypothesis strategy: texts of random cells of the language

Names are imported when they are first used: `assert_gradients` needs no Hypothesis, and the plugin for pytest nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backward import assert_backward
    from .gradients import assert_gradients
    from .random_cells import cells
    from .strategies import DrawnSample, Sizes, UpstreamGradients, samples, shapes, upstream

# name -> the module that it lives in
_CONTENTS = {
    "assert_backward": "backward",
    "assert_gradients": "gradients",
    "cells": "random_cells",
    "DrawnSample": "strategies",
    "samples": "strategies",
    "shapes": "strategies",
    "Sizes": "strategies",
    "upstream": "strategies",
    "UpstreamGradients": "strategies",
}

__all__ = [
    "DrawnSample",
    "Sizes",
    "UpstreamGradients",
    "assert_backward",
    "assert_gradients",
    "cells",
    "samples",
    "shapes",
    "upstream",
]


def __getattr__(name: str) -> Any:
    module = _CONTENTS.get(name)
    if module is None:
        raise AttributeError(f"module 'symrnn.testing' has no attribute {name!r}")
    from importlib import import_module

    try:
        value = getattr(import_module(f".{module}", __name__), name)
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        from ..errors import MissingExtraError

        raise MissingExtraError(f"symrnn.testing.{name}", "Hypothesis", "test") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_CONTENTS})
