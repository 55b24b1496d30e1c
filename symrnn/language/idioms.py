"""What people write by habit of NumPy, PyTorch or Python, and what a cell has in its place."""

from __future__ import annotations

_PRODUCT = "write the product: W @ x, outer(a, b), dot(a, b), or sum(a * b)"
_JOIN = "[a, b] concatenates"
_PARTS = "a part is a[lower:upper]: a[:n], a[n:2*n]"
_SHAPE = "shapes follow from the products; parts are a[lower:upper], and [a, b] joins them"
_FILLED = "a number stands beside any shape: 0 * h, 1 - z"
_BIGGER = "maximum(a, b) takes the larger of two, entry by entry"
_INVERSE = "there is no inverse: make it a parameter, R_inv @ h, or write the steps of a solver as lines"
_NORMED = "write it out: u = a - mean(a), then g * u / sqrt(mean(square(u)) + 1e-5) + b"
_RANDOM = "a cell is the same at every call: make the random numbers an input, def cell(x, mask, /, h)"

# A function of NumPy or PyTorch -> what to write. Those that the language has under their own name are not here.
FUNCTIONS_OF_OTHERS: dict[str, str] = {
    **dict.fromkeys(("einsum", "tensordot", "matmul", "mm", "mv", "bmm", "matvec", "addmm"), _PRODUCT),
    **dict.fromkeys(("inner", "vdot"), "write dot(a, b)"),
    **dict.fromkeys(("multiply", "mul"), "write a * b"),
    **dict.fromkeys(("divide", "div", "true_divide"), "write a / b"),
    **dict.fromkeys(("subtract",), "write a - b"),
    **dict.fromkeys(("add",), "write a + b"),
    **dict.fromkeys(("negative", "neg"), "write -a"),
    **dict.fromkeys(("pow", "power", "float_power"), "write a ** 2, or exp(k * log(a)) for an exponent that varies"),
    **dict.fromkeys(("transpose", "t", "permute", "swapaxes", "moveaxis", "mT", "H", "adjoint"), "write W.T"),
    **dict.fromkeys(("concatenate", "cat", "concat", "hstack", "vstack", "stack", "append", "r_", "c_"), _JOIN),
    **dict.fromkeys(("chunk", "split", "array_split", "hsplit", "vsplit", "tensor_split", "unbind", "narrow"), _PARTS),
    **dict.fromkeys(("reshape", "view", "flatten", "ravel", "squeeze", "unsqueeze", "expand_dims"), _SHAPE),
    **dict.fromkeys(("expand", "broadcast_to", "repeat", "tile", "contiguous", "atleast_2d"), _SHAPE),
    **dict.fromkeys(("zeros", "zeros_like", "ones", "ones_like", "full", "full_like", "empty", "empty_like"), _FILLED),
    **dict.fromkeys(("eye", "identity"), "diag(v) makes a diagonal matrix; h - a * h needs no identity"),
    **dict.fromkeys(("inv", "inverse", "pinv", "solve", "lstsq", "cholesky", "det"), _INVERSE),
    **dict.fromkeys(("max", "amax", "fmax"), _BIGGER),
    **dict.fromkeys(("min", "amin", "fmin"), "minimum(a, b) takes the smaller of two, entry by entry"),
    **dict.fromkeys(("clamp", "clip_", "clamp_"), "write clip(a, lower, upper)"),
    **dict.fromkeys(("logistic", "expit", "σ", "sigma", "recurrent_activation"), "write sigmoid(a)"),
    **dict.fromkeys(("swish", "SiLU"), "write silu(a)"),
    **dict.fromkeys(("absolute", "fabs"), "write abs(a)"),
    **dict.fromkeys(("remainder", "fmod"), "write mod(a, b)"),
    **dict.fromkeys(("detach", "no_grad", "stop_grad"), "write stop_gradient(a)"),
    **dict.fromkeys(("prod", "cumsum", "cumprod", "sort", "argmax", "topk"), "write it out, a line for each step"),
    **dict.fromkeys(("std", "var"), "write it out: sqrt(mean(square(a - mean(a))))"),
    **dict.fromkeys(("layer_norm", "LayerNorm", "batch_norm", "BatchNorm1d", "rms_norm", "RMSNorm"), _NORMED),
    **dict.fromkeys(("linear", "Linear", "Dense", "dense", "affine"), "write W @ x + b"),
    **dict.fromkeys(("dropout", "Dropout", "rand", "randn", "normal", "bernoulli", "random"), _RANDOM),
    **dict.fromkeys(("len", "shape", "size", "range", "float", "int", "array", "asarray", "tensor"),
                    "sizes are names of their own, such as n; numbers and names stand as they are"),
    **dict.fromkeys(("print", "isinstance", "super", "getattr", "item", "to", "cuda", "clone", "copy"), "remove it"),
    "relu6": "write clip(a, 0, 6)",
    "hardtanh": "write clip(a, -1, 1)",
    "softsign": "write a / (1 + abs(a))",
    "log1p": "write log(1 + a)",
    "expm1": "write exp(a) - 1",
    "log_softmax": "write a - logsumexp(a)",
    "logsigmoid": "write -softplus(-a)",
    "rsqrt": "write 1 / sqrt(a)",
    "reciprocal": "write 1 / a",
    "tan": "write sin(a) / cos(a)",
    "sinh": "write (exp(a) - exp(-a)) / 2",
    "cosh": "write (exp(a) + exp(-a)) / 2",
    "heaviside": "write a > 0, which is 1 or 0",
    "round": "write floor(a + 0.5)",
    "ceil": "write -floor(-a)",
}  # fmt: skip

# A kind of expression in Python -> what it is called, and what to write.
EXPRESSIONS: dict[str, tuple[str, str]] = {
    "Lambda": ("a lambda", "write its expression where it is used, or give it a line: name = expression"),
    **dict.fromkeys(
        ("ListComp", "SetComp", "DictComp", "GeneratorExp"),
        ("a comprehension", "write its terms out; a sum over the features is sum(a), dot(a, b) or a product W @ x"),
    ),
    **dict.fromkeys(("Set", "Dict"), ("a set or a dictionary", "give each value a line of its own: name = expression")),
    **dict.fromkeys(("Yield", "YieldFrom"), ("`yield`", "end with one return: return y, (h,)")),
    "Await": ("`await`", "remove it; a cell is mathematics, and nothing waits"),
    "JoinedStr": ("an f-string", "remove it; values have names, and names are no text"),
    "IfExp": ("`if … else`", "where(a > b, u, v) chooses between values; nest it for more than one condition"),
    "BoolOp": ("`and`, `or`", "where(a > b, u, v) chooses between values; nest it for more than one condition"),
    "NamedExpr": ("`:=`", "give it a line of its own: name = expression"),
    "Starred": ("`*`", "write the arguments out, one by one"),
    "Tuple": ("a tuple", "[a, b] concatenates; several values are returned as return y, (h, c)"),
    "Slice": ("a slice", _PARTS),
}  # fmt: skip

_STEP = "a cell is one step, and symrnn goes over t: write the body alone, with what is carried on as states"
_WHERE = "where(a > b, u, v) chooses between values: h = where(x > 0, u, v)"
_SUPPORT = "remove it; write name = expression lines and one return"

# A kind of statement in Python -> what to write.
STATEMENTS: dict[str, str] = {
    **dict.fromkeys(("For", "AsyncFor", "While", "Break", "Continue"), _STEP),
    **dict.fromkeys(("If", "Match"), _WHERE),
    **dict.fromkeys(("Import", "ImportFrom"), "remove it: functions need no module, tanh(a)"),
    **dict.fromkeys(("Global", "Nonlocal"), "remove it: a name that is never assigned is a parameter"),
    **dict.fromkeys(
        ("FunctionDef", "AsyncFunctionDef"), "write it above, beginning its line, and pass it what it needs"
    ),
    "ClassDef": "a cell is one function; parameters are the names that are never assigned, without `self`",
    **dict.fromkeys(("With", "AsyncWith", "Try", "TryStar"), "take its lines out, and write them one below the other"),
    **dict.fromkeys(("Assert", "Raise", "Pass", "Delete"), _SUPPORT),
}

_MODULES = {
    "np",
    "numpy",
    "torch",
    "F",
    "nn",
    "functional",
    "jnp",
    "jax",
    "lax",
    "math",
    "tf",
    "keras",
    "K",
    "mx",
    "sp",
}


def is_module(name: str) -> bool:
    """Whether a name is one that people give to modules."""
    return name in _MODULES
