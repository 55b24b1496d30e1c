def lstm(x, h, c):
    """LSTM with a forget gate (Gers, Schmidhuber & Cummins 2000).

    Hochreiter & Schmidhuber's cell of 1997 with a gate that lets it forget. What PyTorch's `nn.LSTM`, Keras, ONNX
    and cuDNN compute; some add 1 to the forget gate's net input when they run (TensorFlow 1, Haiku), others start
    b_f at 1 (Keras, Sonnet).
    """
    i = sigmoid(W_i @ x + R_i @ h + b_i)
    f = sigmoid(W_f @ x + R_f @ h + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = f * c + i * g
    o = sigmoid(W_o @ x + R_o @ h + b_o)
    h = o * tanh(c)
    return h, c


def peephole_lstm(x, h, c):
    """LSTM with diagonal peepholes (Gers, Schraudolph & Schmidhuber 2002; Graves 2013).

    The gates see the cell: input and forget gate the one before the step, the output gate the new one. The paper of
    2002 has no tanh on the output; Graves 2013 and Greff et al. 2015 have, and so does this cell.
    """
    i = sigmoid(W_i @ x + R_i @ h + p_i * c + b_i)
    f = sigmoid(W_f @ x + R_f @ h + p_f * c + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = f * c + i * g
    o = sigmoid(W_o @ x + R_o @ h + p_o * c + b_o)
    h = o * tanh(c)
    return h, c
