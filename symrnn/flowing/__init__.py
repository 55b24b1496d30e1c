"""Where the gradient goes: cells run along sequences, and what becomes of ∂L/∂h_t on the way back.

`settings`    what a call sets, and samples so set
`passes`      both passes of a trajectory, and what is asked of all steps at once
`jacobians`   products of Jacobians: singular values, Lyapunov exponents, connectivity
`closed`      the local Jacobian in closed form, the constant error path, the bound
`paths`       shares of what is handed back, contributions by step, truncation, clipping
`trajectory`  all of this for one cell at one setting
`result`      trajectories side by side; `text` says them in words, `charts` draws them
`flow`        the call
`unit`        one unit with one weight; `single` how long it feels an input, `surface` its error and the cliff
"""

from ..contents import TYPE_CHECKING, contents

if TYPE_CHECKING:
    from .flow import flow as flow
    from .jacobians import connectivity as connectivity
    from .jacobians import long_term as long_term
    from .jacobians import lyapunov as lyapunov
    from .result import Flow as Flow
    from .single import SingleUnit as SingleUnit
    from .single import single_unit as single_unit
    from .surface import ErrorSurface as ErrorSurface
    from .surface import bifurcation_edges as bifurcation_edges
    from .surface import cliff as cliff
    from .surface import error_surface as error_surface
    from .trajectory import Trajectory as Trajectory
else:
    __getattr__, __dir__ = contents()
