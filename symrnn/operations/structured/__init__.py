"""Operations that move numbers between entries: products, sums over the features, concatenation, slices.

Each has a SymPy head that SymPy leaves alone, a shape rule, an adjoint rule, its forms, and a row. In the adjoint rules
`delta` is the adjoint of the output: for y = W x with δ = ∂L/∂y, ∂L/∂W = δ xᵀ and ∂L/∂x = Wᵀ δ.

`opaque`      what all heads are, and what their rules and writers share
`products`    the products of matrices and vectors
`reductions`  sums over the entries, softmax
`losses`      scores beside targets
`places`      diagonals, concatenation, slices
"""

from .losses import binary_cross_entropy, cross_entropy, squared_error
from .opaque import Structured
from .places import (
    build_part,
    diag,
    diagonal,
    embed,
    embed_shape,
    part,
    slice_bounds,
    slice_index,
    stack,
)
from .products import dot, matmul, outer, transpose
from .reductions import logsumexp, mean, norm, softmax, total

__all__ = [
    "Structured", "binary_cross_entropy", "build_part", "cross_entropy", "diag", "diagonal", "dot", "embed",
    "embed_shape", "logsumexp", "matmul", "mean", "norm", "outer", "part", "slice_bounds", "slice_index", "softmax",
    "squared_error", "stack", "total", "transpose",
]  # fmt: skip
