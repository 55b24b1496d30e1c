"""The backward pass of each cell on a sheet of paper: formulas written by hand, in the notation of `symrnn show`.

A line of `forward` or `backward` is one equation in Python's own syntax, of one sequence and one step t = 1 … T. On a
right side `carry_h` is what comes from step t + 1; on a left side it is what goes to step t − 1. A line `grad_W` is
the summand of step t. Wrong formulas also use `t`, `T`, `N`, and `f_prev` or `f_last` for a value of step t − 1 or T.

The sheets take no part in what they test: `paper.py` evaluates them, and a test compares them with a complex step
through their own forward lines.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sheet:
    """`cell` is a name of the zoo or a text; `shapes` are those of parameters and states, in letters."""

    cell: str
    params: dict[str, str]
    states: dict[str, str]
    output: str
    forward: str
    backward: str

    @property
    def name(self) -> str:
        return self.cell.removeprefix("def ").split("(")[0]

    def equation(self, name: str) -> str:
        """The right side of one backward line."""
        return dict(line.split(" = ", 1) for line in self.backward.splitlines())[name]


def _gates(gates, **shapes):
    return {f"{letter}_{gate}": shape for gate in gates for letter, shape in shapes.items()}


def _lines(text):
    return "\n".join(line.strip() for line in text.strip().splitlines())


RNN = Sheet(
    "rnn",
    {"W": "nm", "R": "nn", "b": "n"},
    {"h": "n"},
    "h",
    _lines("""
        a_h = W @ x + R @ h_prev + b
        h = tanh(a_h)
    """),
    _lines("""
        delta_h = upstream_h + carry_h
        delta_a_h = delta_h * (1 - h**2)
        carry_h = R.T @ delta_a_h
        grad_W = outer(delta_a_h, x)
        grad_R = outer(delta_a_h, h_prev)
        grad_b = delta_a_h
        grad_x = W.T @ delta_a_h
        grad_h_0 = carry_h
    """),
)

_LSTM_GRADIENTS = "\n".join(
    f"grad_W_{k} = outer(delta_a_{k}, x)\ngrad_R_{k} = outer(delta_a_{k}, h_prev)\ngrad_b_{k} = delta_a_{k}"
    for k in "ifgo"
)

LSTM = Sheet(
    "lstm",
    _gates("ifgo", W="nm", R="nn", b="n"),
    {"h": "n", "c": "n"},
    "h",
    _lines("""
        i = sigmoid(W_i @ x + R_i @ h_prev + b_i)
        f = sigmoid(W_f @ x + R_f @ h_prev + b_f)
        g = tanh(W_g @ x + R_g @ h_prev + b_g)
        c = f * c_prev + i * g
        o = sigmoid(W_o @ x + R_o @ h_prev + b_o)
        h = o * tanh(c)
    """),
    _lines(f"""
        delta_h = upstream_h + carry_h
        delta_o = delta_h * tanh(c)
        delta_a_o = delta_o * o * (1 - o)
        delta_c = delta_h * o * (1 - tanh(c)**2) + carry_c
        delta_g = delta_c * i
        delta_a_g = delta_g * (1 - g**2)
        delta_f = delta_c * c_prev
        delta_a_f = delta_f * f * (1 - f)
        delta_i = delta_c * g
        delta_a_i = delta_i * i * (1 - i)
        carry_h = R_i.T @ delta_a_i + R_f.T @ delta_a_f + R_g.T @ delta_a_g + R_o.T @ delta_a_o
        carry_c = delta_c * f
        {_LSTM_GRADIENTS}
        grad_x = W_i.T @ delta_a_i + W_f.T @ delta_a_f + W_g.T @ delta_a_g + W_o.T @ delta_a_o
        grad_h_0 = carry_h
        grad_c_0 = carry_c
    """),
)

PEEPHOLE_LSTM = Sheet(
    "peephole_lstm",
    LSTM.params | {"p_i": "n", "p_f": "n", "p_o": "n"},
    LSTM.states,
    "h",
    _lines("""
        i = sigmoid(W_i @ x + R_i @ h_prev + p_i * c_prev + b_i)
        f = sigmoid(W_f @ x + R_f @ h_prev + p_f * c_prev + b_f)
        g = tanh(W_g @ x + R_g @ h_prev + b_g)
        c = f * c_prev + i * g
        o = sigmoid(W_o @ x + R_o @ h_prev + p_o * c + b_o)
        h = o * tanh(c)
    """),
    _lines(f"""
        delta_h = upstream_h + carry_h
        delta_o = delta_h * tanh(c)
        delta_a_o = delta_o * o * (1 - o)
        delta_c = delta_h * o * (1 - tanh(c)**2) + p_o * delta_a_o + carry_c
        delta_g = delta_c * i
        delta_a_g = delta_g * (1 - g**2)
        delta_f = delta_c * c_prev
        delta_a_f = delta_f * f * (1 - f)
        delta_i = delta_c * g
        delta_a_i = delta_i * i * (1 - i)
        carry_h = R_i.T @ delta_a_i + R_f.T @ delta_a_f + R_g.T @ delta_a_g + R_o.T @ delta_a_o
        carry_c = p_i * delta_a_i + p_f * delta_a_f + delta_c * f
        {_LSTM_GRADIENTS}
        grad_p_i = delta_a_i * c_prev
        grad_p_f = delta_a_f * c_prev
        grad_p_o = delta_a_o * c
        grad_x = W_i.T @ delta_a_i + W_f.T @ delta_a_f + W_g.T @ delta_a_g + W_o.T @ delta_a_o
        grad_h_0 = carry_h
        grad_c_0 = carry_c
    """),
)

GRU = Sheet(
    "gru",
    _gates("zrn", W="nm", R="nn", b="n"),
    {"h": "n"},
    "h",
    _lines("""
        z = sigmoid(W_z @ x + R_z @ h_prev + b_z)
        r = sigmoid(W_r @ x + R_r @ h_prev + b_r)
        u_n = r * h_prev
        n = tanh(W_n @ x + R_n @ u_n + b_n)
        h = z * h_prev + (1 - z) * n
    """),
    _lines("""
        delta_h = upstream_h + carry_h
        delta_n = delta_h * (1 - z)
        delta_a_n = delta_n * (1 - n**2)
        delta_u_n = R_n.T @ delta_a_n
        delta_r = delta_u_n * h_prev
        delta_a_r = delta_r * r * (1 - r)
        delta_z = delta_h * (h_prev - n)
        delta_a_z = delta_z * z * (1 - z)
        carry_h = R_z.T @ delta_a_z + R_r.T @ delta_a_r + delta_u_n * r + delta_h * z
        grad_W_z = outer(delta_a_z, x)
        grad_R_z = outer(delta_a_z, h_prev)
        grad_b_z = delta_a_z
        grad_W_r = outer(delta_a_r, x)
        grad_R_r = outer(delta_a_r, h_prev)
        grad_b_r = delta_a_r
        grad_W_n = outer(delta_a_n, x)
        grad_R_n = outer(delta_a_n, u_n)
        grad_b_n = delta_a_n
        grad_x = W_z.T @ delta_a_z + W_r.T @ delta_a_r + W_n.T @ delta_a_n
        grad_h_0 = carry_h
    """),
)

GRU_RESET_AFTER = Sheet(
    "gru_reset_after",
    _gates("zrn", W="nm", R="nn") | {"b_z": "n", "b_r": "n", "b_Wn": "n", "b_Rn": "n"},
    {"h": "n"},
    "h",
    _lines("""
        z = sigmoid(W_z @ x + R_z @ h_prev + b_z)
        r = sigmoid(W_r @ x + R_r @ h_prev + b_r)
        q = R_n @ h_prev + b_Rn
        n = tanh(W_n @ x + b_Wn + r * q)
        h = (1 - z) * n + z * h_prev
    """),
    _lines("""
        delta_h = upstream_h + carry_h
        delta_n = delta_h * (1 - z)
        delta_a_n = delta_n * (1 - n**2)
        delta_q = delta_a_n * r
        delta_r = delta_a_n * q
        delta_a_r = delta_r * r * (1 - r)
        delta_z = delta_h * (h_prev - n)
        delta_a_z = delta_z * z * (1 - z)
        carry_h = R_z.T @ delta_a_z + R_r.T @ delta_a_r + R_n.T @ delta_q + delta_h * z
        grad_W_z = outer(delta_a_z, x)
        grad_R_z = outer(delta_a_z, h_prev)
        grad_b_z = delta_a_z
        grad_W_r = outer(delta_a_r, x)
        grad_R_r = outer(delta_a_r, h_prev)
        grad_b_r = delta_a_r
        grad_W_n = outer(delta_a_n, x)
        grad_R_n = outer(delta_q, h_prev)
        grad_b_Rn = delta_q
        grad_b_Wn = delta_a_n
        grad_x = W_z.T @ delta_a_z + W_r.T @ delta_a_r + W_n.T @ delta_a_n
        grad_h_0 = carry_h
    """),
)

DELTA_RULE = Sheet(
    '''def delta_rule(x, S: "(n, d)"):
    """A fast weight memory that is written by the delta rule (after Schlag, Irie & Schmidhuber 2021)."""
    k = softmax(W_k @ x)
    v = W_v @ x + b_v
    q = tanh(W_q @ x)
    g = sigmoid(W_g @ x + b_g)
    e = v - S @ k
    S = S + outer(g * e, k)
    y = S @ q
    return y, (S,)
''',
    {"W_k": "dm", "W_v": "nm", "b_v": "n", "W_q": "dm", "W_g": "nm", "b_g": "n"},
    {"S": "nd"},
    "y",
    _lines("""
        k = softmax(W_k @ x)
        v = W_v @ x + b_v
        q = tanh(W_q @ x)
        g = sigmoid(W_g @ x + b_g)
        e = v - S_prev @ k
        u_S = g * e
        S = S_prev + outer(u_S, k)
        y = S @ q
    """),
    _lines("""
        delta_y = upstream_y
        delta_S = carry_S + outer(delta_y, q)
        delta_u_S = delta_S @ k
        delta_e = delta_u_S * g
        delta_g = delta_u_S * e
        delta_a_g = delta_g * g * (1 - g)
        delta_q = S.T @ delta_y
        delta_a_q = delta_q * (1 - q**2)
        delta_v = delta_e
        delta_k = delta_S.T @ u_S - S_prev.T @ delta_e
        delta_a_k = k * (delta_k - dot(delta_k, k))
        carry_S = delta_S - outer(delta_e, k)
        grad_W_k = outer(delta_a_k, x)
        grad_W_v = outer(delta_v, x)
        grad_b_v = delta_v
        grad_W_q = outer(delta_a_q, x)
        grad_W_g = outer(delta_a_g, x)
        grad_b_g = delta_a_g
        grad_x = W_k.T @ delta_a_k + W_v.T @ delta_v + W_q.T @ delta_a_q + W_g.T @ delta_a_g
        grad_S_0 = carry_S
    """),
)

TIED_MGU = Sheet(
    '''def tied_mgu(x, h):
    """A minimal gated unit (Zhou et al. 2016) whose gate and candidate share the recurrent matrix."""
    f = sigmoid(W_f @ x + R @ h + b_f)
    n = tanh(W_n @ x + R @ (f * h) + b_n)
    h = (1 - f) * h + f * n
    return h
''',
    {"W_f": "nm", "R": "nn", "b_f": "n", "W_n": "nm", "b_n": "n"},
    {"h": "n"},
    "h",
    _lines("""
        f = sigmoid(W_f @ x + R @ h_prev + b_f)
        u_n = f * h_prev
        n = tanh(W_n @ x + R @ u_n + b_n)
        h = (1 - f) * h_prev + f * n
    """),
    _lines("""
        delta_h = upstream_h + carry_h
        delta_n = delta_h * f
        delta_a_n = delta_n * (1 - n**2)
        delta_u_n = R.T @ delta_a_n
        delta_f = delta_h * (n - h_prev) + delta_u_n * h_prev
        delta_a_f = delta_f * f * (1 - f)
        carry_h = R.T @ delta_a_f + delta_u_n * f + delta_h * (1 - f)
        grad_W_f = outer(delta_a_f, x)
        grad_R = outer(delta_a_f, h_prev) + outer(delta_a_n, u_n)
        grad_b_f = delta_a_f
        grad_W_n = outer(delta_a_n, x)
        grad_b_n = delta_a_n
        grad_x = W_f.T @ delta_a_f + W_n.T @ delta_a_n
        grad_h_0 = carry_h
    """),
)
