def rnn(x, h):
    """Elman network with tanh (Elman 1990).

    The simple recurrent network: PyTorch's `nn.RNN` (which adds two biases, b = b_ih + b_hh), Keras' `SimpleRNN`.
    Elman's own units were logistic.
    """
    h = tanh(W @ x + R @ h + b)
    return h
