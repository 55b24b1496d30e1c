"""Tools for tests that concern gradients.

`gradients`     `assert_gradients`: any NumPy function with a hand-written gradient, against oracles
`backward`      `assert_backward`: a hand-written backward pass of a cell, and which formula in it is wrong
`strategies`    Hypothesis strategies: `shapes`, `samples` of a cell, gradients from above (`upstream`)
`random_cells`, `random_networks`  Hypothesis strategies: texts of random cells and networks of the language

Names are imported when they are first used: `assert_gradients` needs no Hypothesis, and the plugin for pytest nothing.
"""

from __future__ import annotations

from ..contents import TYPE_CHECKING, contents

if TYPE_CHECKING:
    from .backward import assert_backward as assert_backward
    from .gradients import assert_gradients as assert_gradients
    from .random_cells import cells as cells
    from .random_networks import networks as networks
    from .strategies import DrawnSample as DrawnSample
    from .strategies import Sizes as Sizes
    from .strategies import UpstreamGradients as UpstreamGradients
    from .strategies import samples as samples
    from .strategies import shapes as shapes
    from .strategies import upstream as upstream
else:
    __getattr__, __dir__ = contents()
