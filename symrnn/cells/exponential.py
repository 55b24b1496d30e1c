"""The extended LSTM: exponential gates, with a normaliser that keeps what they write in proportion."""


def slstm(x, h, c, n):
    """sLSTM of xLSTM, as its formulas read before they are stabilised (Beck et al. 2024).

    The input gate i is an exponential and can overrule all that is stored; n adds up the weights that the gates gave,
    so that c / n is a weighted mean of the candidates z. The forget gate may also be an exponential. R_* are
    block-diagonal, one block a head, in the models. exp overflows where a net input is large: `slstm_stabilised`
    computes the same h.

    Also called: scalar_lstm.

    Tested against: xlstm's slstm_forward, the paper in PyTorch.
    """
    i = exp(W_i @ x + R_i @ h + b_i)
    f = sigmoid(W_f @ x + R_f @ h + b_f)
    z = tanh(W_z @ x + R_z @ h + b_z)
    o = sigmoid(W_o @ x + R_o @ h + b_o)
    c = f * c + i * z
    n = f * n + i
    h = o * (c / n)
    return h, c, n


def slstm_stabilised(x, h, c, n, m):
    """sLSTM of xLSTM, stabilised, as it is run (Beck et al. 2024).

    c and n are kept divided by exp(m), and m follows the larger of the two gates in the logarithm, so that i and f
    never exceed one. h does not depend on m, so an implementation may hold m constant in its backward pass and get
    the same gradients of h. The reference code starts with m = a_i where all of n is zero, as m = −∞ would.

    Also called: slstm_stabilized.

    Tested against: xlstm's slstm_forward, the paper in PyTorch.
    """
    a_i = W_i @ x + R_i @ h + b_i
    a_f = W_f @ x + R_f @ h + b_f
    s = m - softplus(-a_f)
    m = maximum(s, a_i)
    i = exp(a_i - m)
    f = exp(s - m)
    z = tanh(W_z @ x + R_z @ h + b_z)
    o = sigmoid(W_o @ x + R_o @ h + b_o)
    c = f * c + i * z
    n = f * n + i
    h = o * (c / n)
    return h, c, n, m


def mlstm(x, C: (n, d), n: (d,)):
    """mLSTM of xLSTM, as its formulas read before they are stabilised (Beck et al. 2024).

    A matrix C that stores values under keys, with one input gate and one forget gate for all of it. No gate sees the
    former output, so a sequence can be computed in parallel. The paper divides k by the root of its size, which W_k
    and b_k hold here. The denominator is at least one, because nᵀ q can be close to zero. The reference code stores
    Cᵀ and adds 1e-6 to the denominator. Not the multiplicative LSTM of Krause et al. 2016, which has the same short
    name.

    Also called: matrix_lstm.

    Tested against: xlstm's recurrent_step_stabilized_simple, the paper in PyTorch.
    """
    b_i: scalar
    b_f: scalar
    q = W_q @ x + b_q
    k = W_k @ x + b_k
    v = W_v @ x + b_v
    i = exp(dot(w_i, x) + b_i)
    f = sigmoid(dot(w_f, x) + b_f)
    o = sigmoid(W_o @ x + b_o)
    C = f * C + i * outer(v, k)
    n = f * n + i * k
    y = C @ q / maximum(abs(dot(n, q)), 1)
    h = o * y
    return h, (C, n)


def mlstm_stabilised(x, C: (n, d), n: (d,), m: scalar):
    """mLSTM of xLSTM, stabilised, as it is run (Beck et al. 2024).

    C and n are kept divided by exp(m), and m follows the larger of the two gates in the logarithm. The least
    denominator 1 becomes exp(−m); with a 1 there, as some write-ups have it, it is another function.

    Also called: mlstm_stabilized.

    Tested against: xlstm's recurrent_step_stabilized_simple, the paper in PyTorch.
    """
    b_i: scalar
    b_f: scalar
    q = W_q @ x + b_q
    k = W_k @ x + b_k
    v = W_v @ x + b_v
    a_i = dot(w_i, x) + b_i
    a_f = dot(w_f, x) + b_f
    s = m - softplus(-a_f)
    m = maximum(s, a_i)
    i = exp(a_i - m)
    f = exp(s - m)
    o = sigmoid(W_o @ x + b_o)
    C = f * C + i * outer(v, k)
    n = f * n + i * k
    y = C @ q / maximum(abs(dot(n, q)), exp(-m))
    h = o * y
    return h, (C, n, m)
