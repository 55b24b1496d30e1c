"""Cells whose gates do not wait for the state, or hardly: trained in parallel over time."""


def mingru(x, h):
    """minGRU (Feng et al. 2024).

    A GRU whose gate and candidate see only the input, and without tanh: the state is a weighted sum of the candidates
    so far, which a scan computes for all steps at once. z lets the new in. Without the candidate's bias and with 1 − z
    for z it is the T-RNN of 2016 (`trnn`), which is how it is compared with torchrecurrent.

    Also called: min_gru.

    Tested against: torchrecurrent.TRNNCell.
    """
    z = sigmoid(W_z @ x + b_z)
    n = W_n @ x + b_n
    h = (1 - z) * h + z * n
    return h


def mingru_log(x, h):
    """minGRU whose state stays positive (Feng et al. 2024, the log-space form).

    The candidate is a positive function of its net input a, a + 1/2 from 0 on and σ(a) below, so that the scan over
    time can run on logarithms. The function is continuous, its slope jumps from 1/4 to 1 at 0 (where 1 is taken). No
    biases, as in minGRU-pytorch, whose parallel form this cell is tested against, from positive states.

    Also called: min_gru_log.

    Tested against: minGRU_pytorch.minGRU.
    """
    z = sigmoid(W_z @ x)
    a = W_n @ x
    n = where(a >= 0, a + 0.5, sigmoid(a))
    h = (1 - z) * h + z * n
    return h


def minlstm(x, h):
    """minLSTM (Feng et al. 2024).

    An LSTM whose gates see only the input, without tanh, output gate and separate memory. Dividing by f + i makes the
    two gates weights that sum to 1, so that the state does not grow with the length of the sequence.

    Also called: min_lstm.

    Tested against: the paper in PyTorch.
    """
    f = sigmoid(W_f @ x + b_f)
    i = sigmoid(W_i @ x + b_i)
    n = W_n @ x + b_n
    s = f + i
    h = (f * h + i * n) / s
    return h


def minlstm_log(x, h):
    """minLSTM whose state stays positive (Feng et al. 2024, the log-space form).

    As `minlstm` with the positive candidate of `mingru_log`, and with the normalised gate f/(f + i) worked out from
    logarithms: log f − log i = softplus(−q) − softplus(−p), where nothing can be divided by zero. No biases, as in
    minGRU-pytorch; its parallel form passes a given initial state through the candidate's function, its form for one
    step does not, and nor does this cell.

    Also called: min_lstm_log.

    Tested against: minGRU_pytorch.minLSTM.
    """
    p = W_f @ x
    q = W_i @ x
    f = sigmoid(softplus(-q) - softplus(-p))
    a = W_n @ x
    n = where(a >= 0, a + 0.5, sigmoid(a))
    h = f * h + (1 - f) * n
    return h


def sru(x, c):
    """Simple recurrent unit (Lei, Zhang, Wang, Dai & Artzi 2018).

    The version of EMNLP 2018: the gates see the state, but only each unit its own (v_f, v_r), so that all matrix
    products are done beforehand. f keeps the old memory; r is a highway gate between the memory and the input, which
    must have its size (where it has not, libraries take a fourth matrix times x). α scales the input's part, a
    constant (√(1 + 2 exp(b_r)) at the start of training). The library's `use_tanh` squashes the c that r multiplies.

    Also called: sru_v2, simple_recurrent_unit.

    Tested against: SRU's elementwise_recurrence_naive transcribed.
    """
    alpha: scalar
    u = W @ x
    f = sigmoid(W_f @ x + v_f * c + b_f)
    r = sigmoid(W_r @ x + v_r * c + b_r)
    c = f * c + (1 - f) * u
    h = r * c + (1 - r) * (alpha * x)
    return h, (c,)


def sru_v1(x, c):
    """Simple recurrent unit of the first preprint (Lei, Zhang & Artzi 2017).

    The gates see only the input, the memory is squashed on its way out, and the input is not scaled. The input must
    have the state's size.

    Tested against: SRU's elementwise_recurrence_naive transcribed.
    """
    u = W @ x
    f = sigmoid(W_f @ x + b_f)
    r = sigmoid(W_r @ x + b_r)
    c = f * c + (1 - f) * u
    h = r * tanh(c) + (1 - r) * x
    return h, (c,)


def qrnn(x, c, p):
    """Quasi-recurrent network with fo-pooling (Bradbury, Merity, Xiong & Socher 2017).

    Gates and candidate are convolutions over time, here of window 2, so that they see the input and the one before
    it; p holds the former input. Only the pooling is recurrent. f keeps the old memory; Salesforce's code has f and
    1 − f the other way round, and biases. Without o it is f-pooling; `qrnn_ifo` has an input gate.

    Also called: qrnn_fo, quasi_rnn.

    Tested against: the paper in PyTorch.
    """
    z = tanh(V_z @ p + W_z @ x)
    f = sigmoid(V_f @ p + W_f @ x)
    o = sigmoid(V_o @ p + W_o @ x)
    c = f * c + (1 - f) * z
    h = o * c
    return h, (c, x)


def qrnn_ifo(x, c, p):
    """Quasi-recurrent network with ifo-pooling (Bradbury, Merity, Xiong & Socher 2017).

    As `qrnn`, with an input gate of its own in place of 1 − f.

    Tested against: the paper in PyTorch.
    """
    z = tanh(V_z @ p + W_z @ x)
    i = sigmoid(V_i @ p + W_i @ x)
    f = sigmoid(V_f @ p + W_f @ x)
    o = sigmoid(V_o @ p + W_o @ x)
    c = f * c + i * z
    h = o * c
    return h, (c, x)


def trnn(x, h):
    """Strongly typed recurrent network, T-RNN (Balduzzi & Ghifary 2016).

    No matrix acts on the state: like a physical quantity, it is only ever added to quantities of its own kind. The
    gate sees the input alone and f keeps the old state. torchrecurrent adds a bias to z. The paper's T-GRU is
    `tgru`, its T-LSTM `strongly_typed_lstm`.

    Also called: t_rnn.

    Tested against: torchrecurrent.TRNNCell.
    """
    z = W_z @ x
    f = sigmoid(W_f @ x + b_f)
    h = f * h + (1 - f) * z
    return h


def tgru(x, h, p):
    """Strongly typed gated recurrent unit, T-GRU (Balduzzi & Ghifary 2016).

    As in `trnn` no matrix acts on the state; the gates see the former input p beside the present one. What is added is
    the product of z, which is linear, and o, which is squashed; f keeps the old state without 1 − f at its side.

    Also called: t_gru.

    Tested against: torchrecurrent.TGRUCell.
    """
    z = V_z @ p + W_z @ x + b_z
    f = sigmoid(V_f @ p + W_f @ x + b_f)
    o = tanh(V_o @ p + W_o @ x + b_o)
    h = f * h + z * o
    return h, x
