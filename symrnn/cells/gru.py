def gru(x, h):
    """GRU with the reset gate before the product (Cho et al. 2014, as published at EMNLP).

    z keeps the old state, as in Cho et al., Keras and ONNX; Chung et al. 2014 let 1 − z keep it, which is the same
    cell with W_z, R_z and b_z negated. Keras' `reset_after=False`, ONNX' `linear_before_reset=0`.
    """
    z = sigmoid(W_z @ x + R_z @ h + b_z)
    r = sigmoid(W_r @ x + R_r @ h + b_r)
    n = tanh(W_n @ x + R_n @ (r * h) + b_n)
    h = z * h + (1 - z) * n
    return h


def gru_reset_after(x, h):
    """GRU with the reset gate after the product (cuDNN's form, which PyTorch's `nn.GRU` computes).

    The candidate has two biases, and the inner one cannot be merged because the reset gate multiplies it. Keras'
    default, Flax, Equinox, MXNet, ONNX' `linear_before_reset=1`.
    """
    z = sigmoid(W_z @ x + R_z @ h + b_z)
    r = sigmoid(W_r @ x + R_r @ h + b_r)
    q = R_n @ h + b_Rn
    n = tanh(W_n @ x + b_Wn + r * q)
    h = (1 - z) * n + z * h
    return h
