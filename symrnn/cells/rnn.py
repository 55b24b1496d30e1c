"""Simple recurrent networks: one activation between a state and the next."""


def rnn(x, h):
    """Elman network with tanh (Elman 1990).

    The simple recurrent network, whose state is fed back whole. PyTorch's `nn.RNN` adds two biases, and b is their sum;
    Keras' `SimpleRNN` and Flax' `SimpleCell` have one; Haiku's `VanillaRNN` has relu. Elman's own units were logistic
    (`rnn_sigmoid`).

    Also called: elman, simple_rnn, vanilla_rnn.

    Tested against: torch.nn.RNN, keras.layers.SimpleRNN, flax.linen.SimpleCell, flax.nnx.SimpleCell, ONNX Runtime's
    RNN.
    """
    h = tanh(W @ x + R @ h + b)
    return h


def rnn_relu(x, h):
    """Elman network with rectified units (Le, Jaitly & Hinton 2015).

    Called IRNN when R starts as the identity and b as zero: then the state is kept until the input speaks, and
    gradients neither vanish nor explode at first. The derivative at the kink is taken to be 0, as PyTorch, JAX and
    TensorFlow take it. PyTorch's `nn.RNN(nonlinearity="relu")` and Haiku's `VanillaRNN` add two biases, and b is their
    sum.

    Also called: irnn, elman_relu.

    Tested against: torch.nn.RNN, haiku.VanillaRNN.
    """
    h = relu(W @ x + R @ h + b)
    return h


def rnn_sigmoid(x, h):
    """Elman network with logistic units (Elman 1990).

    Elman's own: context units hold a copy of the hidden units for the next step. He trained it by backpropagation
    through one step, the context being one more input; here the gradient goes through all steps.

    Also called: elman_sigmoid, elman_logistic.

    Tested against: flax.linen.SimpleCell, keras.layers.SimpleRNN, ONNX Runtime's RNN.
    """
    h = sigmoid(W @ x + R @ h + b)
    return h


def elman_concatenated(x, h):
    """Elman network over one concatenated matrix, with a linear read-out (Elman 1990, as textbooks write it).

    One matrix W acts on [h, x], the state above the input: its first n columns are what is called R elsewhere, its last
    m columns W. TensorFlow 1 puts the input first. Textbooks that write states as rows multiply from the right, state
    times weights; W and U are the transposes of theirs.

    Tested against: torch.nn.RNN and torch.nn.Linear.
    """
    h = tanh(W @ [h, x] + b)
    y = U @ h + b_y
    return y, (h,)


def jordan(x, y, s):
    """Jordan network, which feeds its output back (Jordan 1986).

    The context s is a fading sum of former outputs, with the decay mu between 0 and 1; textbooks take mu = 0, so that
    the context is the last output. The recurrence passes through the output's nonlinearity, and so does the gradient,
    unlike Elman's. With teacher forcing the target takes the place of y in the first line, and no gradient goes back in
    time by that way.

    Tested against: the paper in PyTorch.
    """
    mu: scalar
    s = mu * s + y
    h = sigmoid(W @ x + R @ s + b)
    y = sigmoid(U @ h + b_y)
    return y, s


def single_unit(x: scalar, h: scalar):
    """One recurrent unit with scalar weights (Lipton, Berkowitz & Elkan 2015).

    The smallest network that shows why gradients vanish or explode: ∂h_t/∂h_s is the product of r (1 − h_k²) over the
    steps k from s + 1 to t. That is at most |r| to the power of the number of steps, so that |r| < 1 vanishes; |r| > 1
    may explode as long as the unit does not saturate.

    Tested against: torch.nn.RNN.
    """
    w: scalar
    r: scalar
    b: scalar
    u: scalar
    b_y: scalar
    h = tanh(w * x + r * h + b)
    y = u * h + b_y
    return y, (h,)


def indrnn(x, h):
    """Independently recurrent network (Li et al. 2018).

    Every unit sees its own former value alone, through its weight u; units meet only in the next layer. Over T steps
    the gradient carries at most |u|^T, and the paper keeps |u| below a bound to the power 1/T. The authors' code leaves
    W and b to a layer before it; torchrecurrent takes tanh where it is not told relu.

    Tested against: torchrecurrent.IndRNNCell.
    """
    h = relu(W @ x + u * h + b)
    return h


def clockwork_rnn(x, h, k: scalar):
    """Clockwork network, whose units run at different clock rates (Koutník et al. 2014).

    A unit takes its new value in the steps k that its period divides, and keeps the former one in the others. `period`
    has one entry a unit and no gradient; the paper divides the units into modules with periods 1, 2, 4, 8 and so on.
    The initial state of k says where time starts: k = 0 lets all units move in the first step, as the authors' library
    Brainstorm does; with k = 1 the first step counts as t = 1. In the paper a module hears only itself and slower ones:
    R is block upper triangular when the fast modules come first, and the zeros in it (and in its gradient) are yours to
    keep; Brainstorm's R is full.

    Tested against: Brainstorm's clockwork layer transcribed.
    """
    r = mod(k, period)
    n = tanh(W @ x + R @ h + b)
    h = where(r < 1, n, h)
    k = k + 1
    return h, k


def scrn(x, h, s):
    """Structurally constrained recurrent network (Mikolov et al. 2015).

    The context s is a running mean of the embedded input that changes slowly, h an ordinary hidden layer that sees it,
    and the output reads both. alpha is 0.95 in the paper, or learned for each unit. No biases. torchrecurrent's
    `SCRNCell` is another cell: what it calls its state is the output layer (with tanh), and that is fed back; the
    authors' code sets the gradient of the slow projection to zero.

    Tested against: the paper in PyTorch, torchrecurrent.SCRNCell's inner layer.
    """
    alpha: scalar
    s = (1 - alpha) * (B @ x) + alpha * s
    h = sigmoid(P @ s + A @ x + R @ h)
    y = softmax(U @ h + V @ s)
    return y, (h, s)


def multiplicative_rnn(x, h):
    """Multiplicative network, whose recurrent matrix depends on the input (Sutskever, Martens & Hinton 2011).

    R_m h and W_m x meet in factors, so that every input letter has a transition matrix of its own,
    R diag(W_m x) R_m, at the price of two. The number of factors is free.

    Also called: mrnn.

    Tested against: the paper in PyTorch.
    """
    p = W_m @ x
    q = R_m @ h
    m = p * q
    h = tanh(W @ x + R @ m + b)
    return h
