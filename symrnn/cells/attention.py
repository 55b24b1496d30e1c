"""Linear attention: a matrix that stores values under keys, written and read at every step."""


def rwkv4(x: (m,), s, a: (n,), b):
    """Time mixing of RWKV-4, as its formula reads before it is stabilised (Peng et al. 2023).

    A weighted mean of all values so far: a token's weight exp(k) decays by exp(−exp(w)) at every step, and the
    present token gets exp(u) in place of a decay. r, k and v see a mixture of the token and the one before it, which
    s holds (the token shift). No product with a state, so a and b can be computed in parallel.

    Also called: rwkv, wkv.

    Tested against: transformers' rwkv_linear_attention_cpu, the paper in PyTorch.
    """
    W_o: (m, n)
    r = sigmoid(W_r @ (mu_r * x + (1 - mu_r) * s))
    k = W_k @ (mu_k * x + (1 - mu_k) * s)
    v = W_v @ (mu_v * x + (1 - mu_v) * s)
    e = exp(u + k)
    num = a + e * v
    den = b + e
    o = W_o @ (r * (num / den))
    f = exp(-exp(w))
    i = exp(k)
    a = f * a + i * v
    b = f * b + i
    return o, (x, a, b)


def rwkv4_stabilised(x: (m,), s, a: (n,), b, p):
    """Time mixing of RWKV-4, stabilised, as it is run (Peng et al. 2023).

    a and b are kept divided by exp(p), and the largest exponent is taken out of the mean that is read (q) and of the
    one that is kept (p), so that no exponential exceeds one. p starts at −∞, in code at −1e38.

    Also called: rwkv4_stabilized.

    Tested against: transformers' rwkv_linear_attention_cpu, the paper in PyTorch.
    """
    W_o: (m, n)
    r = sigmoid(W_r @ (mu_r * x + (1 - mu_r) * s))
    k = W_k @ (mu_k * x + (1 - mu_k) * s)
    v = W_v @ (mu_v * x + (1 - mu_v) * s)
    q = maximum(p, u + k)
    d = exp(p - q)
    e = exp(u + k - q)
    num = d * a + e * v
    den = d * b + e
    o = W_o @ (r * (num / den))
    g = p - exp(w)
    p = maximum(g, k)
    f = exp(g - p)
    i = exp(k - p)
    a = f * a + i * v
    b = f * b + i
    return o, (x, a, b, p)


def linear_attention(x, S: (n, d), z: (d,)):
    """Linear attention as a recurrent network (Katharopoulos et al. 2020).

    Softmax attention with exp(qᵀ k) replaced by φ(q)ᵀ φ(k), φ = elu + 1, so that the sums over the past are two
    states: S of values under keys, and z, which normalises. Later work (retention and the cells after it) leaves z
    out.

    Also called: linear_transformer.

    Tested against: fla's naive_recurrent_linear_attn, the paper in PyTorch.
    """
    q = elu(W_q @ x) + 1
    k = elu(W_k @ x) + 1
    v = W_v @ x
    S = S + outer(v, k)
    z = z + k
    y = S @ q / dot(z, q)
    return y, (S, z)


def retention(x, S: (n, d)):
    """Retention, the recurrent form of one head (Sun et al. 2023).

    Linear attention without a normaliser, whose memory decays by γ, a constant: 1 − 2^(−5−j) for head j = 0, 1, …
    The paper divides q by the root of its size, which W_q holds here, rotates q and k by their position
    (xPos) and has a group norm and a swish gate after it.

    Also called: retnet.

    Tested against: fla's naive_chunk_simple_gla, the paper in PyTorch.
    """
    gamma: scalar
    q = W_q @ x
    k = W_k @ x
    v = W_v @ x
    S = gamma * S + outer(v, k)
    y = S @ q
    return y, (S,)


def gated_linear_attention(x, S: (n, d)):
    """Gated linear attention, one head (Yang et al. 2023).

    Retention whose decay the input sets, one α for each entry of the key. The root of order 16 keeps α close to one.
    The paper makes W_alpha of two thin matrices and divides q by the root of its size, which W_q holds here; a norm
    and a swish gate come after it.

    Also called: gla.

    Tested against: fla's naive_recurrent_gla, the paper in PyTorch.
    """
    q = W_q @ x
    k = W_k @ x
    v = W_v @ x
    alpha = sigmoid(W_alpha @ x + b_alpha) ** (1 / 16)
    S = S @ diag(alpha) + outer(v, k)
    y = S @ q
    return y, (S,)


def deltanet(x, S: (n, d)):
    """DeltaNet, one head (Schlag, Irie & Schmidhuber 2021; Yang et al. 2024).

    The delta rule: what S holds under the key k is moved towards v by the share β, where linear attention would only
    add. q and k have length one, as in Yang et al. 2024; Schlag et al. 2021 divide positive features by their sum.
    Zero has no direction, so code adds 1e-6 or so under the root.

    Also called: delta_rule, delta_net.

    Tested against: fla's delta_rule_recurrence, the paper in PyTorch.
    """
    r = silu(W_q @ x)
    s = silu(W_k @ x)
    q = r / norm(r)
    k = s / norm(s)
    v = W_v @ x
    beta = sigmoid(dot(w_beta, x))
    S = S + beta * outer(v - S @ k, k)
    y = S @ q
    return y, (S,)


def gated_deltanet(x, S: (n, d)):
    """Gated DeltaNet, one head (Yang, Kautz & Hatamizadeh 2024).

    DeltaNet whose memory first decays by α, a number that the input sets as in Mamba 2, and is then corrected: α
    clears the whole memory fast, β one key of it. A norm and a swish gate come after it.

    Also called: gated_delta_rule, gdn.

    Tested against: fla's naive_recurrent_gated_delta_rule, the paper in PyTorch.
    """
    a_log: scalar
    b_alpha: scalar
    r = silu(W_q @ x)
    s = silu(W_k @ x)
    q = r / norm(r)
    k = s / norm(s)
    v = W_v @ x
    beta = sigmoid(dot(w_beta, x))
    alpha = exp(-exp(a_log) * softplus(dot(w_alpha, x) + b_alpha))
    M = alpha * S
    S = M + beta * outer(v - M @ k, k)
    y = S @ q
    return y, (S,)


def ttt_linear(x, W: (n, n), b):
    """TTT-Linear, one head, one token a step (Sun et al. 2024).

    The state is a model, k ↦ k + LN(W k + b), and a step is one step of gradient descent, of length η, on its
    loss ½ ‖k + LN(W k + b) − v‖²: δ is the gradient of that loss at z = W k + b, through the layer norm with its gain
    g and shift s. Then the new model is asked for q. The backward pass is therefore of second order. The paper takes
    16 tokens a step, all with the gradients at the state before them; its code adds a bias to the net input of η and
    divides η by the size of the head; flash-linear-attention returns W q + b + LN(W q + b).

    Also called: ttt.

    Tested against: fla's ttt_linear, the paper in PyTorch.
    """
    q = W_q @ x
    k = W_k @ x
    v = W_v @ x
    eta = sigmoid(dot(w_eta, x))
    z = W @ k + b
    c = z - mean(z)
    sd = sqrt(mean(c**2) + 1e-6)
    u = c / sd
    e = (g * u + s - (v - k)) * g
    delta = (e - mean(e) - mean(e * u) * u) / sd
    W = W - eta * outer(delta, k)
    b = b - eta * delta
    z_q = W @ q + b
    c_q = z_q - mean(z_q)
    sd_q = sqrt(mean(c_q**2) + 1e-6)
    y = q + g * c_q / sd_q + s
    return y, (W, b)
