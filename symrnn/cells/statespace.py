"""State spaces: a linear recurrence that remembers, with nonlinear maps around it."""


def lmu(x, h, m: (d,)):
    """Legendre memory unit (Voelker, Kajić & Eliasmith 2019).

    The memory m holds the last θ steps of one signal s as coefficients of Legendre polynomials, and an Elman layer
    reads it. The paper computes A and b once and keeps them fixed: with F_ij = (2i+1) (−1 if i < j, else
    (−1)^(i−j+1)) and g_i = (2i+1) (−1)^i, i and j from 0, they are [A b; 0 1] = exp([F g; 0 0] / θ), a zero-order
    hold; Euler's rule has A = 1 + F/θ and b = g/θ. Here they are parameters like the others, and their gradients are
    what training them, or θ through them, would take: whoever keeps them fixed leaves these two out. In keras-lmu a
    cell may have several memories, e_h, e_m and W are left out unless asked for, and any cell can take the place of
    the Elman layer, which has no bias in the paper.

    Also called: legendre_memory_unit.

    Tested against: the paper in PyTorch.
    """
    s = dot(e_x, x) + dot(e_h, h) + dot(e_m, m)
    m = A @ m + b * s
    h = tanh(W @ x + R @ h + W_m @ m)
    return h, m


def lru(x, u, v):
    """Linear recurrent unit, written as a real pair (Orvieto et al. 2023).

    The state u + i v is complex, and each unit has a factor of its own, λ = α + i β = ρ (cos φ + i sin φ), whose
    modulus ρ stays below one whatever the parameters are. B = B_u + i B_v, C = C_u + i C_v, and the output is the
    real part of C (u + i v). γ starts at √(1 − ρ²), which keeps the state as large as the input. The paper's D is
    a vector d here, as in published code.

    Also called: linear_recurrent_unit.

    Tested against: the paper in PyTorch.
    """
    rho = exp(-exp(nu_log))
    phi = exp(theta_log)
    alpha = rho * cos(phi)
    beta = rho * sin(phi)
    gamma = exp(gamma_log)
    p = B_u @ x
    q = B_v @ x
    r = alpha * u - beta * v + gamma * p
    s = beta * u + alpha * v + gamma * q
    y = C_u @ r - C_v @ s + d * x
    return y, (r, s)


def rg_lru(x, h):
    """Real-gated linear recurrent unit (De et al. 2024).

    The recurrence of Griffin and Hawk: a diagonal one whose decay the input sets. The gate r says how much of the
    decay σ(Λ) a step applies, as a power from 0 to 8, the gate i lets the input in, and √(1 − a²) keeps the state as
    large as the input. The matrices are block-diagonal in the models. RecurrentGemma's `a_param` is −Λ; it takes 1 in
    place of the root at a sequence's first position and bounds the root's gradient at 1000.

    Also called: rglru, real_gated_lru.

    Tested against: transformers' RecurrentGemmaRglru, the paper in PyTorch.
    """
    Lambda: vector
    r = sigmoid(W_r @ x + b_r)
    i = sigmoid(W_i @ x + b_i)
    a = exp(-8 * r * softplus(-Lambda))
    h = a * h + sqrt(1 - a**2) * (i * x)
    return h


def s6(u: scalar, delta: scalar, B: (k,), C: (k,), z: scalar, /, h: (k,)):
    """Selective state space, one channel of Mamba (Gu & Dao 2023).

    The input chooses, step by step, how long the step is (Δ), where it is written (B) and what is read (C): the model
    computes delta, B and C from x by linear maps, and all channels share B and C. The decay a is exp(Δ A) with
    A = −exp(a_log), so that it is always below one. The paper states a zero-order hold for B too; its code has
    Euler's Δ B, as here. z is the gate of the block around it.

    Also called: mamba, selective_scan, selective_ssm.

    Tested against: mambapy's selective_scan_seq, the paper in PyTorch.
    """
    b_delta: scalar
    d: scalar
    Δ = softplus(delta + b_delta)
    a = exp(-Δ * exp(a_log))
    h = a * h + Δ * u * B
    y = dot(C, h) + d * u
    o = y * silu(z)
    return o, (h,)
