"""Gated recurrent units: one state, gates that mix old and new."""


def gru(x, h):
    """GRU with the reset gate before the product (Cho et al. 2014, as published at EMNLP).

    z keeps the old state, r says how much of it the candidate n sees. Keras' `reset_after=False`, ONNX'
    `linear_before_reset=0`, TensorFlow 1, oneDNN. Chung et al. 2014, Haiku and Sonnet let 1 − z keep the state
    (`gru_update`), which is the same cell with W_z, R_z and b_z negated. The first version of Cho's paper on arXiv
    resets after the product (`gru_reset_after`).

    Also called: gru_reset_before, gru_v3.

    Tested against: keras.layers.GRU, ONNX Runtime GRU, the paper in PyTorch.
    """
    z = sigmoid(W_z @ x + R_z @ h + b_z)
    r = sigmoid(W_r @ x + R_r @ h + b_r)
    n = tanh(W_n @ x + R_n @ (r * h) + b_n)
    h = z * h + (1 - z) * n
    return h


def gru_reset_after(x, h):
    """GRU with the reset gate after the product (Cho et al. 2014, as in the first version on arXiv).

    cuDNN's form, which PyTorch's `nn.GRU` computes; also Keras' default, Flax, Equinox, MXNet, ONNX'
    `linear_before_reset=1`. The candidate has two biases, and the inner one (b_Rn) cannot be merged because the reset
    gate multiplies it; Flax' newer `nnx.GRUCell` leaves it out. All of them let z keep the old state.

    Also called: gru_cudnn, gru_v1, gru_linear_before_reset.

    Tested against: torch.nn.GRU, keras.layers.GRU, ONNX Runtime GRU, equinox.nn.GRUCell, flax.linen.GRUCell.
    """
    z = sigmoid(W_z @ x + R_z @ h + b_z)
    r = sigmoid(W_r @ x + R_r @ h + b_r)
    q = R_n @ h + b_Rn
    n = tanh(W_n @ x + b_Wn + r * q)
    h = (1 - z) * n + z * h
    return h


def gru_update(x, h):
    """GRU in which z lets the new in (Chung et al. 2014), with the reset gate before the product.

    z is an update gate in the word's sense: 1 − z keeps the old state. Haiku, Sonnet and char-rnn; the same cell as
    `gru` with W_z, R_z and b_z negated, so that weights move between the two by a change of sign.

    Also called: gru_chung.

    Tested against: haiku.GRU.
    """
    z = sigmoid(W_z @ x + R_z @ h + b_z)
    r = sigmoid(W_r @ x + R_r @ h + b_r)
    n = tanh(W_n @ x + R_n @ (r * h) + b_n)
    h = (1 - z) * h + z * n
    return h


def gru_reset_after_update(x, h):
    """GRU with the reset gate after the product in which z lets the new in (Cho et al. 2014; Chung et al. 2014).

    The fourth of the four GRUs: the form of cuDNN with the z of Chung et al. It is `gru_reset_after` with W_z, R_z and
    b_z negated, which is how it is compared with PyTorch.

    Tested against: torch.nn.GRU.
    """
    z = sigmoid(W_z @ x + R_z @ h + b_z)
    r = sigmoid(W_r @ x + R_r @ h + b_r)
    q = R_n @ h + b_Rn
    n = tanh(W_n @ x + b_Wn + r * q)
    h = (1 - z) * h + z * n
    return h


def mgu(x, h):
    """Minimal gated unit (Zhou, Wu, Zhang & Zhou 2016).

    One gate does the work of both gates of a GRU: f resets the state that the candidate sees, and lets the candidate
    in. It is called a forget gate, yet 1 − f keeps the old state. Flax' `MGUCell` differs twice (`mgu_reset_after`).

    Also called: minimal_gated_unit.

    Tested against: torchrecurrent.MGUCell.
    """
    f = sigmoid(W_f @ x + R_f @ h + b_f)
    n = tanh(W_n @ x + R_n @ (f * h) + b_n)
    h = (1 - f) * h + f * n
    return h


def mgu_reset_after(x, h):
    """Minimal gated unit as Flax computes it (Zhou, Wu, Zhang & Zhou 2016, reset after the product).

    Against the paper (`mgu`), f multiplies after the product with R_n, over an inner bias b_Rn, and f keeps the old
    state where the paper's 1 − f does.

    Also called: mgu_flax.

    Tested against: flax.linen.MGUCell.
    """
    f = sigmoid(W_f @ x + R_f @ h + b_f)
    q = R_n @ h + b_Rn
    n = tanh(W_n @ x + b_Wn + f * q)
    h = (1 - f) * n + f * h
    return h


def ugrnn(x, h):
    """Update-gate recurrent network (Collins, Sohl-Dickstein & Sussillo 2016).

    An Elman network with one gate that mixes its new state with the old one; g keeps the old state. Some
    implementations add 1 to the gate's net input, which is a bias that starts at 1.

    Also called: update_gate_rnn.

    Tested against: torchrecurrent.UGRNNCell.
    """
    g = sigmoid(W_g @ x + R_g @ h + b_g)
    n = tanh(W_n @ x + R_n @ h + b_n)
    h = g * h + (1 - g) * n
    return h


def mut1(x, h):
    """MUT1, the first of three cells found by evolution (Jozefowicz, Zaremba & Sutskever 2015).

    A GRU whose update gate sees only the input, and whose candidate squashes its input a second time. As printed, the
    candidate adds tanh(x) itself, which needs an input of the state's size; libraries put W_n in between, and so does
    this cell. z lets the new in.

    Also called: mutant_1.

    Tested against: torchrecurrent.MUT1Cell.
    """
    z = sigmoid(W_z @ x + b_z)
    r = sigmoid(W_r @ x + R_r @ h + b_r)
    n = tanh(R_n @ (r * h) + tanh(W_n @ x) + b_n)
    h = z * n + (1 - z) * h
    return h


def mut2(x, h):
    """MUT2, the second of three cells found by evolution (Jozefowicz, Zaremba & Sutskever 2015).

    As printed, the reset gate adds x itself; libraries put W_r in between, and so does this cell, which makes it the
    GRU of Chung et al. (`gru_update`). To have it as printed, let W_r be the identity.

    Also called: mutant_2.

    Tested against: torchrecurrent.MUT2Cell.
    """
    z = sigmoid(W_z @ x + R_z @ h + b_z)
    r = sigmoid(W_r @ x + R_r @ h + b_r)
    n = tanh(R_n @ (r * h) + W_n @ x + b_n)
    h = z * n + (1 - z) * h
    return h


def mut3(x, h):
    """MUT3, the third of three cells found by evolution (Jozefowicz, Zaremba & Sutskever 2015).

    A GRU whose update gate sees tanh(h) instead of h. z lets the new in.

    Also called: mutant_3.

    Tested against: torchrecurrent.MUT3Cell.
    """
    z = sigmoid(W_z @ x + R_z @ tanh(h) + b_z)
    r = sigmoid(W_r @ x + R_r @ h + b_r)
    n = tanh(R_n @ (r * h) + W_n @ x + b_n)
    h = z * n + (1 - z) * h
    return h


def ligru(x, h):
    """Light GRU for speech recognition (Ravanelli, Brakel, Omologo & Bengio 2018).

    No reset gate, and a candidate with relu in place of tanh. The paper keeps the state bounded by batch normalisation
    of W_z x and W_n x over the batch and all steps; that is left out here, as in torchrecurrent, and biases stand in
    its place. z keeps the old state.

    Also called: li_gru, light_gru.

    Tested against: torchrecurrent.LiGRUCell.
    """
    z = sigmoid(W_z @ x + R_z @ h + b_z)
    n = relu(W_n @ x + R_n @ h + b_n)
    h = z * h + (1 - z) * n
    return h


def tau_gru(x, h, d):
    """GRU with a delayed state (Erichson, Lim & Mahoney 2022).

    d is the state one step earlier than h: a second candidate p looks back at it, and the gate a says how much of p is
    added. This is the delay of one step; a delay of k steps takes k such states, each handed on to the next. The gate
    g lets the new in. No biases, as in the paper; torchrecurrent adds them.

    Also called: taugru, delay_gru.

    Tested against: torchrecurrent.tauGRUCell.
    """
    n = tanh(W_n @ x + R_n @ h)
    p = tanh(W_p @ x + R_p @ d)
    g = sigmoid(W_g @ x + R_g @ h)
    a = sigmoid(W_a @ x + R_a @ h)
    d = h
    h = (1 - g) * h + g * (n + a * p)
    return h, d


def miru(x, h):
    """Minion recurrent unit, a GRU with two numbers for gates (Zyarah & Kudithipudi 2025).

    The paper's MiRU-2: the reset gate is the constant β, the update gate the constant λ, which keeps the old state.
    Both are hyper-parameters between 0 and 1 (torchrecurrent: 0.5).

    Also called: miru2, minion_recurrent_unit.

    Tested against: torchrecurrent.MiRU2Cell.
    """
    beta: scalar
    lam: scalar
    n = tanh(W @ x + R @ (beta * h) + b)
    h = lam * h + (1 - lam) * n
    return h
