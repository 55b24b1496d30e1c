"""What can be wrong with a backward pass: the mistakes that people make, as other right sides of its equations.

One equation, by rules on its expression; every such mistake is a mutant:
`mistake`    what a mistake is, and a mutant
`normal`     a normal form, in which mutants that are the same are equal
`changes`    one change somewhere in an expression
`names`      what stands where a name stands: its shape, its part, what may be taken for it
`products`   rules on sums, products and powers
`arrays`     rules on functions, matrix products and parts of vectors
`terms`      rules on whole terms and equations
`timing`     rules on steps: sums over time, boundaries, values of another step
`mutate`     all of them, in order

And more that only an explanation of somebody's code has use for:
`slips`      what reaches further than one place, or needs the run as a whole
`repeated`   one mistake in many equations
`fits`       formulas read off numbers
`catalogue`  all there are
"""

from .catalogue import Formulas, all_mistakes, mistakes_in_formulas
from .fits import Seen, fitted_mistakes
from .mistake import KINDS, Kind, Mistake, Mutant
from .mutate import mutate

__all__ = [
    "KINDS",
    "Formulas",
    "Kind",
    "Mistake",
    "Mutant",
    "Seen",
    "all_mistakes",
    "fitted_mistakes",
    "mistakes_in_formulas",
    "mutate",
]
