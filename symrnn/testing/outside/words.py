"""Names to give to parts of a cell: words that emitted programs use for themselves, and words of every language.

A cell may call its values what it likes; a program that is made of it must not confuse them with its own.
The first list was gathered from `symrnn code` of a dozen cells in all targets.
"""

from __future__ import annotations


def _list(words: str) -> list[str]:
    return words.split()


EMITTED = _list("""
 add_matvec add_matvec_t add_outer above array axis backward base block bound carry carry_h channel check clear
columns copy count ctx d_final d_final_state d_initial d_out_h d_outputs d_params d_state d_x delta delta_a
delta_a_all delta_block delta_gates delta_gates_all delta_h delta_net delta_u deltas draw error expected factor_1
factor_1_all factor_2 final final_state forward gates grad grad_W grad_net grad_weight_h_prev grad_weight_x_t grad_x
gradient grads held h_prev h_states i index initial input_sums j k keepdims kept lane like loss m n net net_bias out
out_h outputs pack packed pairs params product real result results row rows scale shape slope spare_1 spare_2 square_1
start state states step steps stride sum_1 sums sums_h_prev t tape tape_size total u_h u_h_2 upstream_h value weight
weight_h_prev weight_h_prev_half weight_x_t weight_x_t_half work work_size worst x_t REAL TANH EXP FABS LOG POW N T
Function lead tail flat reset_parameters safe_ratio y_all z_all one_minus_h gates_all cell_forward cell_backward
cell_params spare_all_1
""")

PYTHON = _list("""
 self cls list dict tuple set int float complex bool str len zip range print reversed enumerate super type object id
iter next map filter all any open eval exec vars dir hash input property slice bytes repr round pow divmod match case
_a __name__ __file__ __init__ __doc__ args kwargs Ellipsis NotImplemented ValueError Exception SystemExit scalar
vector matrix cell
""")

NUMPY = _list("""
 np numpy add subtract multiply divide matmul negative reciprocal power sqrt_ dot_ einsum ndarray zeros ones empty
full eye copyto concatenate stack reshape transpose ravel dtype astype float64 float32 newaxis pi e linalg expand_dims
ones_like zeros_like empty_like heaviside logaddexp default_rng random standard_normal ndindex imag
""")

TORCH = _list("""
 torch Tensor nn Module Parameter autograd apply save_for_backward saved_tensors once_differentiable device cat
unflatten flatten unsqueeze squeeze detach requires_grad grad_fn new_zeros register_buffer register_parameter
parameters buffers training named_parameters state_dict to train zero_grad half double cuda cpu bias weights hidden
children modules
""")

C = _list("""
 auto char const do double_ enum extern goto inline int long register restrict short signed sizeof static struct
switch typedef union unsigned void volatile main NULL size_t INFINITY NAN M_PI I errno near far y0 y1 yn j0 j1 jn
gamma lgamma tgamma erf erfc fmax fmin fabs fma hypot cbrt expm1 log1p powf tanhf memcpy memset malloc free printf
exit signbit isnan ptrdiff_t EOF bool_ true false asm linux unix default
""")

TEX = _list("""
 alpha beta gamma_1 delta_1 epsilon zeta eta theta kappa lambda_1 mu nu xi rho sigma tau phi chi psi omega Gamma Delta
Theta Lambda Xi Sigma Phi Psi Omega begin end left right over atop bf it rm cal hat bar tilde vec mathrm text par
label ref frac item cite relax csname endcsname undefined
""")

GREEK = ["α", "β", "γ", "δ", "ε", "κ", "λ", "μ", "σ", "φ", "ω", "Δ", "Σ", "Ω", "δ_h", "ε_h", "κ_h", "Γ_1", "σ_1", "φ_2"]
ORDINARY = _list("a b c d f g h i k o p q r s u v w y z A B C M R S U V W a_f b_i R_z W_x h_2 x1 x_2 q_k")

WORDS = list(dict.fromkeys([*EMITTED, *PYTHON, *NUMPY, *TORCH, *C, *TEX, *GREEK, *ORDINARY]))

# What emitted programs put before and after the names of a cell.
PREFIXES = [
    "delta_",
    "grad_",
    "d_",
    "carry_",
    "upstream_",
    "weight_",
    "sums_",
    "sum_",
    "out_",
    "u_",
    "delta_u_",
    "factor_",
]
SUFFIXES = ["_all", "_prev", "_t", "_0", "_1", "_2", "_half", "_states", "_out", "_in", "_bias", "_1_all", "_T", "_new"]

# The functions of the language, by the README's table: they cannot name a value.
FUNCTIONS = _list("""
square sigmoid tanh relu leaky_relu elu softplus silu gelu gelu_tanh hard_sigmoid exp log sqrt sin cos erf abs sign
floor mod maximum minimum clip where stop_gradient outer dot sum mean softmax logsumexp cross_entropy
binary_cross_entropy squared_error norm diag
""")

# Whatever a docstring may hold that ends or opens something in a language that it is copied into.
DOCSTRINGS = [
    "A cell.",
    "Ends a comment */ and begins one /* here, // and # too.",
    r"\\end{verbatim}\\input{none} \\% $x_1$ {0} %s %(a)s \\N \\u0041",
    "```\\n# heading\\n``` <b>&amp;</b> <script>1</script> | a | b |",
    "Quotes ''' and ' and \\\" and a backslash \\\\",
    "ü 中文 … and ??/ a trigraph",
    "Two\\n\\n    lines",
]
