"""The variants of "LSTM: A Search Space Odyssey": the LSTM with peepholes, one thing changed at a time."""


def lstm_nig(x, h, c):
    """LSTM with peepholes and no input gate (Greff et al. 2015, NIG).

    i = 1: everything that the block input offers is added.

    Also called: lstm_greff_nig.

    Tested against: torchrecurrent.PeepholeLSTMCell.
    """
    f = sigmoid(W_f @ x + R_f @ h + p_f * c + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = f * c + g
    o = sigmoid(W_o @ x + R_o @ h + p_o * c + b_o)
    h = o * tanh(c)
    return h, c


def lstm_nfg(x, h, c):
    """LSTM with peepholes and no forget gate (Greff et al. 2015, NFG).

    f = 1, as in 1997; that cell (`lstm_1997`) has no peepholes and squashes otherwise.

    Also called: lstm_greff_nfg.

    Tested against: torchrecurrent.PeepholeLSTMCell.
    """
    i = sigmoid(W_i @ x + R_i @ h + p_i * c + b_i)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = c + i * g
    o = sigmoid(W_o @ x + R_o @ h + p_o * c + b_o)
    h = o * tanh(c)
    return h, c


def lstm_nog(x, h, c):
    """LSTM with peepholes and no output gate (Greff et al. 2015, NOG).

    o = 1: all of the squashed memory is shown.

    Also called: lstm_greff_nog.

    Tested against: torchrecurrent.PeepholeLSTMCell.
    """
    i = sigmoid(W_i @ x + R_i @ h + p_i * c + b_i)
    f = sigmoid(W_f @ x + R_f @ h + p_f * c + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = f * c + i * g
    h = tanh(c)
    return h, c


def lstm_niaf(x, h, c):
    """LSTM with peepholes and no input activation function (Greff et al. 2015, NIAF).

    The block input g is linear.

    Also called: lstm_greff_niaf.

    Tested against: the paper in PyTorch.
    """
    i = sigmoid(W_i @ x + R_i @ h + p_i * c + b_i)
    f = sigmoid(W_f @ x + R_f @ h + p_f * c + b_f)
    g = W_g @ x + R_g @ h + b_g
    c = f * c + i * g
    o = sigmoid(W_o @ x + R_o @ h + p_o * c + b_o)
    h = o * tanh(c)
    return h, c


def lstm_noaf(x, h, c):
    """LSTM with peepholes and no output activation function (Greff et al. 2015, NOAF).

    The memory is shown as it is; so it was in the peephole paper, Gers, Schraudolph & Schmidhuber 2002.

    Also called: lstm_greff_noaf.

    Tested against: the paper in PyTorch.
    """
    i = sigmoid(W_i @ x + R_i @ h + p_i * c + b_i)
    f = sigmoid(W_f @ x + R_f @ h + p_f * c + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = f * c + i * g
    o = sigmoid(W_o @ x + R_o @ h + p_o * c + b_o)
    h = o * c
    return h, c


def lstm_cifg(x, h, c):
    """LSTM with peepholes and coupled input and forget gates, f = 1 − i (Greff et al. 2015, CIFG).

    What is taken in replaces as much of what was there. Without peepholes: `coupled_lstm`.

    Also called: lstm_greff_cifg, coupled_peephole_lstm.

    Tested against: torchrecurrent.PeepholeLSTMCell, ONNX Runtime's LSTM.
    """
    i = sigmoid(W_i @ x + R_i @ h + p_i * c + b_i)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = (1 - i) * c + i * g
    o = sigmoid(W_o @ x + R_o @ h + p_o * c + b_o)
    h = o * tanh(c)
    return h, c


def lstm_fgr(x, h, c, i, f, o):
    """LSTM with peepholes and full gate recurrence (Greff et al. 2015, FGR).

    Every gate also sees the three gates of the step before, which makes them states; R_if leads from i to f. The LSTM
    of 1997 had connections of this kind, and the paper finds that they do not help.

    Also called: lstm_greff_fgr.

    Tested against: the paper in PyTorch.
    """
    i_new = sigmoid(W_i @ x + R_i @ h + R_ii @ i + R_fi @ f + R_oi @ o + p_i * c + b_i)
    f_new = sigmoid(W_f @ x + R_f @ h + R_if @ i + R_ff @ f + R_of @ o + p_f * c + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = f_new * c + i_new * g
    o_new = sigmoid(W_o @ x + R_o @ h + R_io @ i + R_fo @ f + R_oo @ o + p_o * c + b_o)
    h = o_new * tanh(c)
    return h, c, i_new, f_new, o_new
