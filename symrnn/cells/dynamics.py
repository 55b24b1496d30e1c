"""Cells from dynamical systems: a step of a differential equation, or of a recurrence with two rates."""


def fastrnn(x, h):
    """FastRNN, a residual connection with two scalar weights (Kusupati et al. 2018).

    The state moves by sigmoid(alpha) towards the candidate and keeps sigmoid(beta) of itself: two scalars for all
    units, learned, started at about −3 and 3 in the paper's code. They are not tied, so that the two shares need not
    add up to 1. torchrecurrent starts them at 3 and −3, the other way round.

    Tested against: torchrecurrent.FastRNNCell.
    """
    alpha: scalar
    beta: scalar
    n = tanh(W @ x + R @ h + b)
    h = sigmoid(alpha) * n + sigmoid(beta) * h
    return h


def fastgrnn(x, h):
    """FastGRNN, a gate and a candidate over the same two matrices (Kusupati et al. 2018).

    The gate z keeps the old state; zeta and nu are learned scalars. W and R serve twice, and their gradients are
    the sums of both ways. In the paper W and R are of low rank, sparse and quantised. torchrecurrent's cell gates with
    tanh where it is not told sigmoid.

    Tested against: torchrecurrent.FastGRNNCell.
    """
    zeta: scalar
    nu: scalar
    a = W @ x + R @ h
    z = sigmoid(a + b_z)
    n = tanh(a + b_n)
    h = (sigmoid(zeta) * (1 - z) + sigmoid(nu)) * n + z * h
    return h


def antisymmetric_rnn(x, h):
    """AntisymmetricRNN, an ordinary differential equation in Euler's steps (Chang et al. 2019).

    R − Rᵀ has imaginary eigenvalues alone, so that the equation neither explodes nor forgets; gamma, a small damping,
    makes up for what Euler's step of length epsilon adds. Both are small hyper-parameters. Only the antisymmetric part
    of R counts, and its gradient is antisymmetric; the paper stores no more than the entries above the diagonal.

    Tested against: torchrecurrent.AntisymmetricRNNCell.
    """
    epsilon: scalar
    gamma: scalar
    S = R - R.T
    n = tanh(S @ h - gamma * h + W @ x + b)
    h = h + epsilon * n
    return h


def gated_antisymmetric_rnn(x, h):
    """AntisymmetricRNN with an input gate (Chang et al. 2019).

    The gate z and the candidate share the antisymmetric matrix and the damping gamma; W_z and W_n are their own.
    torchrecurrent gives the candidate two biases and the gate one, which is b_z here; the candidate's add up to b_n.

    Tested against: torchrecurrent.GatedAntisymmetricRNNCell.
    """
    epsilon: scalar
    gamma: scalar
    S = R - R.T
    a = S @ h - gamma * h
    z = sigmoid(a + W_z @ x + b_z)
    n = tanh(a + W_n @ x + b_n)
    h = h + epsilon * z * n
    return h


def cornn(x, h, c):
    """coRNN, coupled oscillators driven and damped (Rusch & Mishra 2021).

    h is the position and c the velocity of n oscillators (y and z in the paper); gamma is their stiffness, epsilon
    their friction and dt the length of a step, all hyper-parameters. The velocity moves first and the position follows
    with the new one. The paper's friction acts on the new velocity or on the old one; the authors' code and
    torchrecurrent take the old one, and so does this cell.

    Tested against: torchrecurrent.coRNNCell.
    """
    dt: scalar
    gamma: scalar
    epsilon: scalar
    n = tanh(W @ x + R @ h + R_c @ c + b)
    c = c + dt * (n - gamma * h - epsilon * c)
    h = h + dt * c
    return h, c


def lem(x, h: (n,), c: (n,)):
    """LEM, a long expressive memory: two states with learned step lengths (Rusch, Mishra, Erichson & Mahoney 2022).

    Gates choose how far every unit moves in this step, at most dt (a hyper-parameter, usually 1): s for the memory c,
    r for the state h (z and y in the paper). The candidate n of h sees the new c. torchrecurrent's `LEMCell` shows it
    the old one, against the paper, the authors' code and its own documentation.

    Tested against: the paper in PyTorch, torchrecurrent.LEMCell called twice a step.
    """
    dt: scalar
    r = sigmoid(W_r @ x + R_r @ h + b_r)
    s = sigmoid(W_s @ x + R_s @ h + b_s)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = c + dt * s * (g - c)
    n = tanh(W_n @ x + R_n @ c + b_n)
    h = h + dt * r * (n - h)
    return h, c


def unicornn(x, h, z):
    """UnICORNN, undamped independent oscillators, one layer (Rusch & Mishra 2021).

    Every unit is an oscillator of its own, with position h (the paper's y) and velocity z, and units meet only in the
    next layer. dt · sigmoid(c) is a learned step length for each unit, alpha a stiffness; dt and alpha are
    hyper-parameters. The step (velocity first, then position with the new one) can be undone exactly, and the authors'
    backward pass recomputes the states from the last one instead of storing them.

    Tested against: torchrecurrent.UnICORNNCell.
    """
    dt: scalar
    alpha: scalar
    s = dt * sigmoid(c)
    n = tanh(W @ x + w * h + b)
    z = z - s * (n + alpha * h)
    h = h + s * z
    return h, z
