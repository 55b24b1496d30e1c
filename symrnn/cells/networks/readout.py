"""A read-out behind a cell: what a network answers at every step."""


def elman_tanh(x, y) -> mean(T, N):
    """Elman network with a tanh read-out, y = tanh(V h + c), and squared error (Elman 1990).

    The hidden layer remembers, the read-out squashes: answers lie between −1 and 1.

    Tested against: the network in PyTorch.
    """
    h = scan(rnn, x)
    return squared_error(tanh(V @ h + c), y)


def elman_softmax(x, targets: integer(K)) -> mean(T, N):
    """Elman network with a softmax read-out (Elman 1990; the loss as Bridle 1990 has it).

    One of K classes at every step. The gradient of the scores z = V h + c is softmax(z) less the unit vector of the
    target, p − y.

    Tested against: the network in PyTorch.
    """
    h = scan(rnn, x)
    return cross_entropy(V @ h + c, targets)


def jordan_step(x, y):
    h = tanh(W @ x + R @ y + b)
    z = V @ h + c
    y = softmax(z)
    return z, (y,)


def jordan_softmax(x, targets: integer(K)) -> mean(T, N):
    """Jordan network with a softmax read-out, whose answer is fed back (Jordan 1986).

    What goes round is not the hidden layer but the answer, the probabilities of the K classes: the read-out is within
    the recurrence. (Jordan's units also have traces of former answers: the cell `jordan` has them.)

    Tested against: the network in PyTorch.
    """
    z = scan(jordan_step, x)
    return cross_entropy(z, targets)


def many_to_many(x, n: lengths, y) -> mean(T, N):
    """An answer at every step of an LSTM, with squared error (Karpathy 2015's picture of it, the one in step).

    Sequences of several lengths stand side by side. What comes behind their ends does not count: neither for the
    states, nor for the loss, whose mean is over the steps that there are.

    Tested against: torch.nn.LSTM over packed sequences.
    """
    h = scan(lstm, x)
    return squared_error(V @ h + c, y)


def feedforward_softmax(x, targets: integer(K)) -> mean(T, N):
    """Three layers without states, and softmax (Rumelhart, Hinton & Williams 1986).

    Plain backpropagation is backpropagation through time with T = 1 and nothing to carry. With more steps they are
    examples that know nothing of each other.

    Tested against: torch.nn.Sequential.
    """
    z = scan(feedforward, x)
    return cross_entropy(z, targets)
