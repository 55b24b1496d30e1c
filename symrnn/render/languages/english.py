"""The words of explanations, as data: one `Language` value holds all; another language is another such file.

A rule has a short `label` in plain ASCII (it stands inside formulas) and a `sentence`; the places in braces are
filled with formulas: {y} the value that passes its adjoint on, {x} the one that receives it, {local} the local
derivative ∂y/∂x, {factor} what it is, {slope} both as an equation, {identity} the derivative of a function, {term}
the summand itself; {wx}, {to_x} and their like are formulas of a rule in general.
"""

from __future__ import annotations

from types import MappingProxyType

from .language import Language, Rule, all_rules

_DERIVATIVE = "{label}, {identity}, so {slope}"

_SCALAR = (
    "{x} is a scalar and acts on every entry, so its adjoint is the sum of δ ⊙ {local} over all entries, with {slope}"
)
_FLAT = "a comparison is constant almost everywhere, its derivative is 0"
_FUNCTION = Rule("chain rule for {}", _DERIVATIVE)

_RULES: dict[str, Rule] = {
    # Where terms come from
    "definition": Rule("definition", "as the cell defines it"),
    "upstream": Rule("from above", "{term}: comes from above, from what the loss makes of {x}"),
    "carry": Rule("carried back", "{term}: carried back from step t+1"),
    "initial": Rule("carry of the first step", "{term}: handed back by the first step, to the initial state"),
    # Rules of differentiation
    "addition": Rule("sum rule", "sum rule, {x} enters with the factor {factor}"),
    "product": Rule("product rule", "product rule, {slope}"),
    "chain": Rule("chain rule", "chain rule, {slope}, by {identity}"),
    "broadcast": Rule("sum over entries", _SCALAR),
    "broadcast_chain": Rule("sum over entries", _SCALAR + ", by {identity}"),
    # Elementwise functions of which there is more to say than the chain rule with their derivative
    "gelu_tanh": Rule("chain rule for gelu (tanh form)", _DERIVATIVE),
    "sqrt": Rule("chain rule for the square root", _DERIVATIVE),
    "abs": Rule("chain rule for the absolute value", _DERIVATIVE),
    "sign": Rule("sign is flat", "the sign is constant almost everywhere, its derivative is 0"),
    "floor": Rule("floor is flat", "floor is constant almost everywhere, its derivative is 0"),
    "maximum": Rule("the larger one receives", _DERIVATIVE),
    "minimum": Rule("the smaller one receives", _DERIVATIVE),
    "where": Rule("the chosen branch receives", "only the branch that was chosen receives δ, {slope}"),
    "stop_gradient": Rule("gradient stopped", "the gradient stops here"),
    "greater": Rule("comparison is flat", _FLAT),
    "greater_equal": Rule("comparison is flat", _FLAT),
    "prefers": Rule("comparison is flat", _FLAT),
    "inside": Rule("comparison is flat", _FLAT),
    "strictly_inside": Rule("comparison is flat", _FLAT),
    "normal_cdf": Rule("chain rule for the normal distribution", _DERIVATIVE),
    "normal_pdf": Rule("chain rule for the normal density", _DERIVATIVE),
    "safe_ratio": Rule("quotient rule", _DERIVATIVE),
    # Structured operations: each passes its adjoint on by its own rule
    "matmul": Rule("matrix product", "matrix product, the adjoint of x in {wx} is {to_x}"),
    "matmul_left": Rule("matrix product", "matrix product, the gradient of W in {wx} is {to_w}"),
    "matmul_matrices": Rule("matrix product", "matrix product, in {ab} the adjoint of A is {to_a} and that of B is {to_b}"),
    "matmul_vectors": Rule("dot product", "dot product, in {inner} the adjoint of a is δ b and that of b is δ a"),
    "transpose": Rule("transpose", "transpose, the adjoint of A in Aᵀ is δᵀ"),
    "outer": Rule("outer product", "outer product, in {outer} the adjoint of a is {outer_a} and that of b is {outer_b}"),
    "dot": Rule("dot product", "dot product, in {inner} the adjoint of a is δ b and that of b is δ a"),
    "sum": Rule("sum of the entries", "sum of the entries, each of them receives δ"),
    "mean": Rule("mean of the entries", "mean of the entries, each of them receives δ divided by their number"),
    "softmax": Rule("softmax", "softmax, the adjoint of a in s = softmax(a) is s ⊙ (δ − δᵀ s)"),
    "softmax_rows": Rule("softmax by rows", "softmax of each row, the adjoint of A in S = softmax(A) is S ⊙ δ, less each row of S times its sum of S ⊙ δ"),
    "logsumexp": Rule("log-sum-exp", "log-sum-exp, the adjoint of a in y = log Σ exp(a) is δ exp(a − y)"),
    "cross_entropy": Rule("cross-entropy", "cross-entropy of scores z and targets y, the adjoint of z is δ (softmax(z) − y), that of y is −δ z"),
    "binary_cross_entropy": Rule("binary cross-entropy", "binary cross-entropy of scores z and targets y, the adjoint of z is δ (σ(z) − y), that of y is −δ z"),
    "squared_error": Rule("squared error", "squared error ½ ‖z − y‖², the adjoint of z is δ (z − y), that of y is δ (y − z)"),
    "norm": Rule("norm", "norm, the adjoint of a in y = ‖a‖ is δ a / y, and 0 where y = 0"),
    "diag": Rule("diagonal matrix", "diagonal matrix, the adjoint of a in diag(a) is the diagonal of δ"),
    "diagonal": Rule("diagonal", "diagonal, the adjoint of A in diagonal(A) is diag(δ)"),
    "concatenate": Rule("concatenation", "concatenation, each part receives its own stretch of δ"),
    "slice": Rule("slice", "slice, δ goes back to the place that was read, zeros elsewhere"),
    "embed": Rule("placing among zeros", "placing among zeros, what was placed receives that part of δ"),
}  # fmt: skip

_PHRASES: dict[str, str] = {
    # Titles
    "symbols": "Symbols",
    "notation": "Notation",
    "forward": "Forward, t = 1 … T",
    "backward": "Backward, t = T … 1",
    "gradients": "Gradients, Σ_t runs over t = 1 … T",
    "gradients_title": "Gradients, sums over t = 1 … T",
    "figure": "The cell as a graph",
    "steps": "Step by step",
    "jacobian": "From one step to the next",
    "trust": "Is it right?",
    "code": "NumPy",
    "difference": "{first} and {second}: {changed} equations differ, {alone} are in one of them alone, {same} are the same",
    # The figure
    "figure_alt": "Graph of the equations of {name}, each arrow from a value to one that is computed from it. {lines}",
    "figure_line": "{name} from {sources}.",
    "figure_caption": "Each box is a numbered equation, each arrow says which value it reads; states of the step before "
    "and inputs are on the left, double frames are handed to the next step.",
    "figure_none": "No graph is drawn: it would have more than {count} boxes for equations.",
    # Networks
    "network_forward": "Forward",
    "network_backward": "Backward",
    "network_gradients": "Gradients",
    "network_loss": "Loss",
    "network_wires": "what is handed on",
    "network_title": "{part}: {heading}",
    "network_course": ", {} = {} … {}",
    "network_once": ", once a sequence",
    "network_zero": "The states begin at zero: {states}.",
    "network_sum": "{value} is what one sequence gives at a step. L adds up steps and sequences and is divided by nothing.",
    "network_sum_counted": "{value} is what one sequence gives at a step. L adds up the steps that count, where {count} "
    "is 1, and is divided by nothing.",
    "network_mean": "{value} is what one sequence gives at a step. L is their sum divided by {count}.",
    "network_mean_counted": "{value} is what one sequence gives at a step. L is a mean: the divisor {count} is the number "
    "of steps that count, in all sequences together.",
    "network_mean_each": "{value} is what one sequence gives at a step. L adds up the means of the sequences: the divisor "
    "{count} is the number of a sequence's steps that count.",
    "network_above": "From the last block to the first. What comes from above into a block, ε, is the sum of what the "
    "blocks that read its output have as ∂L/∂x, written out. What has a step outside 1 … T is zero.",
    "network_figure": "The network over three steps",
    "network_figure_alt": "{name}, unrolled over three steps, each arrow from a value to one that is computed from it. {lines}",
    "network_figure_caption": "Boxes are blocks at a step, arrows say what each reads. Double frames are cells that hand their "
    "states on to the next step.",
    "network_figure_none": "No figure is drawn: it would have more than {count} rows.",
    "network_steps": "Each cell once, under the names of the first layer that runs it; in other layers the same holds "
    "with the sign of the layer.",
    "network_cells": "The cells",
    "network_cell": "{cell}, run by {layers}; its own page: {page}.",
    "network_code": "The numbers in the comments are those of each block's own equations.",
    "network_made": "Made by symrnn from the network's text.",
    "network_loss_meaning": "the loss, one number",
    "network_upstream": "what comes from above: the gradient of L with respect to {v} through the blocks that read it",
    "network_outside": "the gradient with respect to the output {v} from outside the network, from what is computed of it "
    "there; 0 if there is none",
    "network_carry": "what a step hands back to the step before: the gradient with respect to {previous}, through this "
    "step and those after it",
    "network_layer": "in the layer {name}, which runs {cell}",
    "network_reversed": "in the layer {name}, which runs {cell} from the last step to the first: the step before t is t+1",
    "network_shared": "{layer}, with the parameters of {bearer}",
    "network_axis": "a step of the time axis {axis}, and how many there are",
    "network_row": "the row of {whole} that belongs to this step",
    "network_integer": "input, whole numbers",
    "network_unit": "1 in the place of the class {number}, 0 elsewhere",
    "wire_embed": "rows of the table",
    "wire_last": "the last step of a sequence",
    "wire_first": "the first step of a sequence",
    "wire_reverse": "the steps from the last to the first",
    "wire_shift": "the step before",
    "wire_sum": "the sum over the steps",
    "wire_mean": "the mean over the steps: the divisor is the number of steps of the sequence",
    "wire_rows": "all steps as the rows of a matrix",
    "wire_steps": "1 at the steps of a sequence, 0 behind its end",
    "wire_places": "the same as a vector",
    "network_truncated": "Truncated: at e = {first}, {second}, … the loss of the steps {new} … e goes back to step {begin} and no further. The states before it count as constants: {stopped}. What would be there is dropped, and with it the summands of the steps t ≤ {before} in the gradients of this layer.",
    "network_unread": "Nothing reads the final states: {carries}.",
    "network_inline": "Beyond the last step stands the gradient of the final state: {states}.",
    "network_sequences": "Sums run over all steps. The lines are for one sequence; over several sequences the "
    "gradients of parameters add up.",
    # Symbols
    "symbol": "Symbol",
    "shape": "Shape",
    "meaning": "Meaning",
    "in_code": "In the code",
    "sign": "Sign",
    "input": "input",
    "inputs": "inputs",
    "state": "state",
    "states": "states",
    "output": "output",
    "outputs": "outputs",
    "parameter": "parameter",
    "parameters": "parameters",
    "value": "computed in each step",
    "values": "computed in each step",
    "scalar": "scalar",
    "through": "through {line}: ",
    "also_output": "{kind}; {names} is also the output",
    "also_outputs": "{kind}; {names} are also the outputs",
    "comma": ", ",
    # Conditions and the legend
    "final": "the gradient of the final state {state} from outside, 0 if there is none",
    "final_inline": "At t = T the terms of step t+1 are the gradient of the final state ({states}) from outside, 0 if "
    "there is none.",
    "adjoint": "the adjoint of {v}: the gradient {gradient} of the loss, all later steps included",
    "adjoint_net": "the same where {v} names a gate or a cell: the gradient with respect to its net input",
    "upstream": "the gradient of the loss with respect to {outputs} that comes from above, from what is computed of it "
    "outside the cell",
    "upstreams": "the gradients of the loss with respect to {outputs} that come from above, from outside the cell",
    "carry": "what step t hands back to step t−1: the gradient with respect to {previous}, through step t and later",
    "carries": "what step t hands back to step t−1: the gradients with respect to {previous}, through step t and later",
    "elementwise": "elementwise product; functions, fractions and powers act entry by entry, a scalar on every entry",
    "marked_power": "elementwise power of a matrix",
    "transposed": "transposed; {outer} is the outer product",
    "kronecker": "Kronecker product: the row of v once for each entry of M, times that entry",
    "ones": "ones in every entry, of the shape of the left side",
    "zeros": "zeros, as many as the index says",
    "placed": "zeros with v in the place i",
    "stacked": "one vector after the other",
    "stacked_rows": "one row vector after the other",
    "part": "the entries from i (counted from 0) up to but not including j",
    "indicator": "1 where the condition holds, 0 elsewhere",
    "angle": "sum of the products of all entries",
    "slope": "derivative of a function, entry by entry",
    "kink": "at kinks",
    "rows_sign": "rows",
    "rows": "vectors are rows, and every matrix is the transpose of the one in the code: where the code multiplies W by "
    "x, a formula has x W",
    "joined_sign": "weights",
    "joined": "matrices that met in a sum are one matrix over the stacked vectors, its blocks in the same order; the "
    "numbers are those of this form",
    "numerator_sign": "layout",
    "numerator": "gradients with respect to parameters, inputs and initial states have the transposed shape",
    "merged_sign": "numbers",
    "merged": "lines that are used once, or that step t+1 hands back, are written out where they are used; the numbers "
    "are those of the code, so some are missing",
    # What runs forward in time
    "rates": "Rates, beside the forward pass",
    "rates_words": "Each line is the derivative of a forward equation along the rates of what it reads; its number is its "
    "own. Together they are the product of the Jacobian with the rates that come in.",
    "rate": "the rate of {v}, how fast it moves; {free} are free: what moves, and how",
    "backward_rates": "Rates of the backward pass",
    "backward_rates_words": "The rates of ε are zero for a loss that is linear in the outputs, and else its Hessian times "
    "the rates of the outputs.",
    "products": "Products of the Hessian with the rates that come in, sums over t = 1 … T",
    "product_with_hessian": "the rate of ∂L/∂{theta}: the row of {theta} of the Hessian of L, times the rates that come in",
    "influence_local": "Local Jacobians",
    "influence_local_words": "What a step makes of the states before it, in closed form; products act from right to left.",
    "influence_direct": "What a parameter does within the step",
    "influence_open": "No product of diagonal and weight matrices expresses {what}; their columns are the rates of the "
    "forward equations in the directions of single entries (symrnn show --mode forward).",
    "influence": "Influence, t = 1 … T, zero before the first step",
    "influence_words": "Everything a state owes to a parameter, carried forward: what it owed before, through the step, "
    "and what the step adds.",
    "influence_size": "the influence, {size}: a row for each entry of the state, a column for each of the parameter, "
    "row by row",
    "influence_gradient": "The gradient, at every step",
    "influence_gradient_words": "{formula}, for each parameter {theta}. {own} and {carries} are what the backward equations "
    "of step t alone give, when nothing comes back from later steps: nothing waits for the end of the sequence.",
    "traces": "Eligibility traces, t = 1 … T, zero before the first step",
    "traces_words": "One number for each weight: row i of a trace speaks of unit i alone.",
    "trace": "the eligibility trace of {theta}, of the shape of {theta}; above, where there are several, what it is the trace "
    "at",
    "signal": "the learning signal: the gradient that comes to s at step t from above, not through later steps",
    "signals": "Learning signals",
    "signals_words": "What is not listed has none. At t = T the gradient of a final state from outside is added to that of the state.",
    "traces_exact": "Exact: the recurrence is elementwise, so these are the gradients of backpropagation through time.",
    "traces_dropped": "Not exact, this is e-prop: no trace follows what goes through {paths}, from one unit to others.",
    "traces_refused": "{param} has no trace: in ({number}) its entries move more than a row.",
    "costs": "Memory and time",
    "costs_bptt": "Backpropagation through time keeps {memory} numbers of a sequence, and takes about {time} multiplications besides those of the forward pass.",
    "costs_rtrl": "RTRL keeps {memory} numbers, and takes about {time} multiplications.",
    "costs_traces": "Traces keep {memory} numbers, and take about {time} multiplications.",
    # The Jacobian
    "jacobian_intro": "One step changes a small difference in the state by the local Jacobian; each summand is a path "
    "through the equations, read from right to left.",
    "jacobian_rows": "Here vectors are columns and matrices those of the code, so that the matrices act from the left.",
    "jacobian_direct": "From {previous} to {state} the paths {terms} meet no weight matrix: every entry is multiplied by "
    "a factor of its own, the sum of these, step after step. Along them the gradient neither vanishes nor explodes while "
    "that factor stays near 1; it is forgotten where the factor is near 0.",
    "jacobian_identity": "From {previous} to {state} one path is the identity: along it the gradient is handed on "
    "unchanged, over any number of steps.",
    "jacobian_matrix": "Paths through a weight matrix: {count}. Going along such paths for k steps multiplies k such "
    "factors; the norm of the product is at most the product of the norms, so that part of the gradient vanishes "
    "geometrically where the norms stay below 1, and can explode only where they exceed 1.",
    "jacobian_bound": "The slopes of {functions} are at most {bounds}, respectively, which bounds the diagonal factors "
    "that they appear in.",
    "jacobian_open": "For the state {states} the step has pieces that no product of diagonal and weight matrices "
    "expresses; the equations of the backward pass above are its Jacobian, applied from the left.",
    # Charts of the gradient's flow
    "flow_caption": "A run with random parameters, inputs and states; symrnn flow makes others, and the numbers.",
    "flow_title": "Where the gradient goes: {}",
    "flow_norms": "The gradient at every step",
    "flow_norms_x": "step t",
    "flow_norms_y": "‖∂L/∂s_t‖, of a state s",
    "flow_norms_reading": "Read from right to left, as the gradient goes: a curve that falls vanishes, one that rises explodes; bands hold half of the batch.",
    "flow_singular": "What is left of the best direction",
    "flow_singular_x": "lag T − t, in steps",
    "flow_singular_y": "largest singular value",
    "flow_singular_reading": "Each curve stays below its bound (dashed); what a path without weight matrices hands on is dotted.",
    "flow_contributions": "What each step contributes to ∂L/∂W",
    "flow_contributions_x": "step k",
    "flow_contributions_y": "norm, over all parameters",
    "flow_contributions_reading": "The gradient is the sum of these steps: where a curve is low, nothing is learnt from that part of the sequence.",
    "flow_lyapunov": "Lyapunov exponents",
    "flow_lyapunov_x": "number, the largest first",
    "flow_lyapunov_y": "exponent, per step",
    "flow_lyapunov_reading": "Below zero a difference in the state dies out, above zero it grows; the first exponent decides.",
    "flow_truncation": "What truncation keeps",
    "flow_truncation_x": "window, in steps",
    "flow_truncation_y": "cosine to the whole gradient",
    "flow_truncation_reading": "At 1 the gradient of windows points where the whole one does; a curve that rises late needs long windows.",
    "flow_clipping": "Where clipping acts",
    "flow_clipping_x": "window, in steps",
    "flow_clipping_y": "norm of the gradient",
    "flow_clipping_reading": "Where a curve is above the line, the gradient is shortened to it.",
    "flow_shares": "By which path",
    "flow_shares_x": "step t",
    "flow_shares_y": "share of what is handed back",
    "flow_shares_reading": "At every step the parts add up to 1; a part below zero works against the others.",
    "flow_connectivity": "Which inputs are felt",
    "flow_connectivity_x": "input, step k",
    "flow_connectivity_y": "output, step t",
    "flow_connectivity_bar": "‖∂y_t/∂x_k‖",
    "flow_connectivity_reading": "A row is an output, a column an input: colour that reaches far to the left of the diagonal is memory.",
    # Trust
    "proved": "Proved: all {count} entries, exactly, in scalar components at small, different sizes.",
    "proved_part": "Proved: {count} of {whole} entries, exactly, in scalar components at small, different sizes.",
    "gave_up": "The proof gave up at {why}; that it did speaks neither for nor against the rest.",
    "gave_up_time": "its limit of {seconds} seconds",
    "gave_up_memory": "its limit of memory",
    "gave_up_depth": "formulas that are nested too deeply",
    "gave_up_process": "the end of its process, which the system stopped",
    "assumed": "Assumed, without a check: {lemmas}",
    "unproved": "Not proved: {count} entries could not be shown to be equal.",
    "checked": "Checked: {count} arrays agree with complex step and finite differences.",
    "unchecked": "The numeric check does not confirm {count} arrays.",
    "code_intro": "The numbers in the comments are those of the equations on this page.",
    "code_none": "There is no program: the sizes of this cell cannot be read off the arrays that it is given.",
    "made": "Made by symrnn from the cell's text.",
    "copy": "LaTeX of this section",
    # Charts of a single unit
    "unit_title": "How long a single unit feels an input",
    "unit_step": "step t",
    "unit_reading": "A straight line falls or grows by the same factor in each step; no curve is above its dotted bound.",
    "surface_title": "The error of one logistic unit, and its wall",
    "surface_levels": "equal errors",
    "surface_wall": "wall: where the error jumps",
    "surface_free": "descent as it is",
    "surface_clipped": "gradients clipped to {clip}",
    "surface_reading": "Descent that meets the wall takes a step as long as the wall is steep and is thrown out of the valley; clipped steps may cross it too, but are short and come back.",
    "index_title": "Derivations",
    "index_intro": "Every cell with its backward pass, derived, proved and checked. Parameters: how many arrays, and how "
    "many numbers they hold. Equations: forward / backward. Proof: entries shown to be equal, exactly. Checks: arrays that "
    "agree with independent oracles.",
    "index_cell": "cell",
    "index_states": "states",
    "index_parameters": "parameters",
    "index_operations": "operations",
    "index_equations": "equations",
    "index_proof": "proof",
    "index_checks": "checks",
    "index_tested": "tested against",
    "index_layouts": "layouts",
    "index_networks": "Networks",
    "index_network": "network",
    "index_blocks": "blocks",
    "index_of": "{part} of {whole}",
}

ENGLISH = Language("en", all_rules(_RULES, _FUNCTION), MappingProxyType(_PHRASES))
