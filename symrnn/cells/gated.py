"""Other gated cells: twin gates, bistable units, candidates that see only the input, searched and deep cells."""


def atr(x, h):
    """Addition–subtraction twin-gated recurrent network (Zhang, Xiong, Su, Lin & Zhang 2018).

    Two matrices make both gates: the sum of p and q opens the input gate, their difference the forget gate, so that
    what the state says for one it says against the other. No squashing of p, and no biases, as in the paper;
    torchrecurrent adds one to p and one to q.

    Also called: twin_gated_rnn.

    Tested against: torchrecurrent.ATRCell.
    """
    p = W @ x
    q = R @ h
    i = sigmoid(p + q)
    f = sigmoid(p - q)
    h = i * p + f * h
    return h


def brc(x, h):
    """Bistable recurrent cell (Vecoven, Ernst & Drion 2021).

    A unit sees no other unit: r_a and r_c are vectors, and the candidate's own recurrence is a, between 0 and 2.
    Above 1 the unit has two stable states, so that it can hold a bit for ever. The gate c keeps the old state. The
    equations of the paper have no biases; its code has b_a and b_c, and so does this cell.

    Also called: bistable_recurrent_cell.

    Tested against: torchrecurrent.BRCell.
    """
    a = 1 + tanh(W_a @ x + r_a * h + b_a)
    c = sigmoid(W_c @ x + r_c * h + b_c)
    h = c * h + (1 - c) * tanh(W @ x + a * h)
    return h


def nbrc(x, h):
    """Neuromodulated bistable recurrent cell (Vecoven, Ernst & Drion 2021).

    As `brc`, but both gates see all units: R_a and R_c are matrices. Only the candidate's own recurrence stays within
    the unit.

    Also called: neuromodulated_brc.

    Tested against: torchrecurrent.NBRCell.
    """
    a = 1 + tanh(W_a @ x + R_a @ h + b_a)
    c = sigmoid(W_c @ x + R_c @ h + b_c)
    h = c * h + (1 - c) * tanh(W @ x + a * h)
    return h


def cfn(x, h):
    """Chaos-free network (Laurent & von Brecht 2016).

    Without input every state decays to zero, which an LSTM's or a GRU's need not. The gates f and i (the paper's θ and
    η) weigh the squashed old state and the squashed input, independently of each other; no matrix acts on the state
    outside the gates.

    Also called: chaos_free_network.

    Tested against: torchrecurrent.CFNCell.
    """
    f = sigmoid(W_f @ x + R_f @ h + b_f)
    i = sigmoid(W_i @ x + R_i @ h + b_i)
    h = f * tanh(h) + i * tanh(W @ x)
    return h


def ran(x, h, c):
    """Recurrent additive network (Lee, Levy & Zettlemoyer 2017).

    An LSTM whose content is a linear function of the input alone and that has no output gate, so that the memory is a
    weighted sum of the inputs so far. The paper also uses h = c without the tanh.

    Also called: recurrent_additive_network.

    Tested against: torchrecurrent.RANCell.
    """
    i = sigmoid(W_i @ x + R_i @ h + b_i)
    f = sigmoid(W_f @ x + R_f @ h + b_f)
    c = i * (W @ x) + f * c
    h = tanh(c)
    return h, c


def sgu(x, h):
    """Simple gated unit (Gao & Glowacka 2016).

    Three-way products in place of a reset gate: the input multiplies the state on its way into p, and p multiplies it
    again. z lets the new in. hard_sigmoid is clip(a/6 + 1/2, 0, 1), as PyTorch has it today; in libraries of the
    paper's time its slope was 1/5.

    Also called: simple_gated_unit.

    Tested against: torchrecurrent.SGUCell, the paper in PyTorch.
    """
    q = W_q @ x + b_q
    p = tanh(R_p @ (q * h))
    n = softplus(p * h)
    z = hard_sigmoid(W_z @ x + R_z @ h + b_z)
    h = (1 - z) * h + z * n
    return h


def dsgu(x, h):
    """Deep simple gated unit (Gao & Glowacka 2016).

    As `sgu`, with one more matrix R_n before the candidate's activation, which is then a sigmoid.

    Also called: deep_simple_gated_unit.

    Tested against: torchrecurrent.DSGUCell, the paper in PyTorch.
    """
    q = W_q @ x + b_q
    p = tanh(R_p @ (q * h))
    n = sigmoid(R_n @ (p * h))
    z = hard_sigmoid(W_z @ x + R_z @ h + b_z)
    h = (1 - z) * h + z * n
    return h


def minimal_rnn(x, h):
    """Minimal RNN (Chen 2017).

    The input is first mapped into the space of the state, and the state is a moving average of these maps: it stays in
    the range of tanh without another squashing. One gate, which sees the old state and the map; u keeps the old state.

    Also called: minimalrnn.

    Tested against: torchrecurrent.MinimalRNNCell.
    """
    n = tanh(W @ x + b)
    u = sigmoid(R_u @ h + M_u @ n + b_u)
    h = u * h + (1 - u) * n
    return h


def lightru(x, h):
    """Light recurrent unit (Ye et al. 2024).

    A GRU without reset gate whose candidate sees only the input: three matrices. f is called a forget gate, yet 1 − f
    keeps the old state. The paper's own short name, LRU, also belongs to the linear recurrent unit.

    Also called: light_ru, light_recurrent_unit.

    Tested against: torchrecurrent.LightRUCell.
    """
    n = tanh(W_n @ x)
    f = sigmoid(W_f @ x + R_f @ h + b_f)
    h = (1 - f) * h + f * n
    return h


def star(x, h):
    """STAR, a cell made to be stacked (Turkoglu, D'Aronco, Wegner & Schindler 2021).

    `lightru` with a tanh around the new state. The gate k lets the new in; the paper chose the form because the size
    of gradients is then kept both through time and through many layers.

    Also called: stackable_recurrent_cell.

    Tested against: torchrecurrent.STARCell.
    """
    n = tanh(W_n @ x + b_n)
    k = sigmoid(W_k @ x + R_k @ h + b_k)
    h = tanh((1 - k) * h + k * n)
    return h


def intersection_rnn(x, h):
    """Intersection RNN, gated through time and through depth (Collins, Sohl-Dickstein & Sussillo 2016).

    The output y is not the state: a second gate mixes the input itself into it, as in a highway between layers, so
    that y has the input's size. g_y keeps the input, g_h the old state. The paper uses two layers or more, and one
    size for all; torchrecurrent asks for the same.

    Also called: plus_rnn, intersectionrnn.

    Tested against: torchrecurrent.IntersectionRNNCell.
    """
    u = relu(W_u @ x + R_u @ h + b_u)
    n = tanh(W_n @ x + R_n @ h + b_n)
    g_y = sigmoid(W_y @ x + R_y @ h + b_y)
    g_h = sigmoid(W_h @ x + R_h @ h + b_h)
    y = g_y * x + (1 - g_y) * u
    h = g_h * h + (1 - g_h) * n
    return y, (h,)


def recurrent_highway(x, h):
    """Recurrent highway network of depth 2 (Zilly, Srivastava, Koutník & Schmidhuber 2017).

    Two highway layers within one step of time; the input enters the first only. t lets the new in and 1 − t carries
    the old on (the coupled gates that the paper uses throughout). A deeper network repeats the second layer, each time
    with parameters of its own.

    Also called: rhn.

    Tested against: the paper in PyTorch.
    """
    n_1 = tanh(W_n @ x + R_n1 @ h + b_n1)
    t_1 = sigmoid(W_t @ x + R_t1 @ h + b_t1)
    s = n_1 * t_1 + h * (1 - t_1)
    n_2 = tanh(R_n2 @ s + b_n2)
    t_2 = sigmoid(R_t2 @ s + b_t2)
    h = n_2 * t_2 + s * (1 - t_2)
    return h


def nas(x, h, c):
    """The cell that architecture search found (Zoph & Le 2017).

    Eight net inputs, joined in pairs; the memory c enters late and leaves as one of the products. In g_4 the input's
    and the state's part are multiplied, as in the authors' code (TensorFlow's NASCell); torchrecurrent adds them there
    as everywhere. No biases, which is that code's default.

    Also called: nascell.

    Tested against: the paper in PyTorch.
    """
    g_1 = sigmoid(W_1 @ x + R_1 @ h)
    g_2 = relu(W_2 @ x + R_2 @ h)
    g_3 = sigmoid(W_3 @ x + R_3 @ h)
    g_4 = relu((W_4 @ x) * (R_4 @ h))
    g_5 = tanh(W_5 @ x + R_5 @ h)
    g_6 = sigmoid(W_6 @ x + R_6 @ h)
    g_7 = tanh(W_7 @ x + R_7 @ h)
    g_8 = sigmoid(W_8 @ x + R_8 @ h)
    u = tanh(tanh(g_1 * g_2) + c)
    v = tanh(g_3 + g_4)
    w = tanh(g_5 * g_6)
    s = sigmoid(g_7 + g_8)
    c = u * v
    h = tanh(c * tanh(w + s))
    return h, c
