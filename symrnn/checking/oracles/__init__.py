"""Gradients without any derivation: each oracle gives values, an error bar for every entry, and says where it cannot.

`problem`       what an oracle is asked about, and what it answers
`jolt`          random rounding of a program's operations
`noise`         how noisy a loss is, from its values
`differences`   five- and seven-point differences with measured steps, Richardson extrapolation
`complex_step`  complex step
`precise`       mpmath, the last word
`slopes`        directional slopes, for problems too large for anything else
`cells`         cells over whole sequences as problems
`functions`     Python functions of NumPy arrays as problems
`verdict`       agree, disagree or unresolved
"""

from .cells import Base, Kinks, Point, Upstream, cell_problem, complex_step, five_point, run_base
from .complex_step import by_complex_step
from .differences import by_differences, by_extrapolation
from .functions import function_problem
from .precise import by_high_precision
from .problem import Entry, Estimate, Key, Losses, Problem
from .slopes import Slope, by_slopes
from .verdict import Judgement, Verdict, judge, judge_values, resolutions

__all__ = [
    "Base",
    "Entry",
    "Estimate",
    "Judgement",
    "Key",
    "Kinks",
    "Losses",
    "Point",
    "Problem",
    "Slope",
    "Upstream",
    "Verdict",
    "by_complex_step",
    "by_differences",
    "by_extrapolation",
    "by_high_precision",
    "by_slopes",
    "cell_problem",
    "complex_step",
    "five_point",
    "function_problem",
    "judge",
    "judge_values",
    "resolutions",
    "run_base",
]
