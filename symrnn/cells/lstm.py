"""Long short-term memory: a cell that adds to its memory, and gates that decide what enters, stays and leaves."""


def lstm_1997(x, h, c):
    """LSTM of 1997, without a forget gate (Hochreiter & Schmidhuber 1997).

    The memory c passes its gradient back unchanged, the "constant error carousel". i lets the block input g in, o lets
    the memory out. The squashing functions are the paper's: 4σ − 2 lies between −2 and 2, 2σ − 1 between −1 and 1. As
    2σ(a) − 1 = tanh(a/2), today's form with two tanh (torchrecurrent) is the same cell with W_g, R_g, b_g and c halved.
    The paper cuts the gradient wherever it would leave the memory through a gate's or g's net input; that is this
    cell with `stop_gradient(h)` in the place of h in i, g and o.

    Also called: lstm_original.

    Tested against: torchrecurrent.OriginalLSTMCell, the paper in PyTorch.
    """
    i = sigmoid(W_i @ x + R_i @ h + b_i)
    g = 4 * sigmoid(W_g @ x + R_g @ h + b_g) - 2
    c = c + i * g
    o = sigmoid(W_o @ x + R_o @ h + b_o)
    h = o * (2 * sigmoid(c) - 1)
    return h, c


def lstm(x, h, c):
    """LSTM with a forget gate (Gers, Schmidhuber & Cummins 2000).

    Hochreiter & Schmidhuber's cell of 1997 with a gate that lets it forget. What PyTorch's `nn.LSTM`, Keras, ONNX
    and cuDNN compute (PyTorch and ONNX with two biases that are added); some add 1 to the forget gate's net input when
    they run (TensorFlow 1, Haiku), others start b_f at 1 (Keras, Sonnet). Greff et al. 2015 call it NP, for no
    peepholes; their "vanilla" LSTM is `peephole_lstm`.

    Also called: vanilla_lstm, lstm_greff_np, lstm_np.

    Tested against: torch.nn.LSTM, keras.layers.LSTM, ONNX Runtime's LSTM, equinox.nn.LSTMCell,
    flax.linen.LSTMCell, flax.linen.OptimizedLSTMCell, flax.nnx.LSTMCell, haiku.LSTM.
    """
    i = sigmoid(W_i @ x + R_i @ h + b_i)
    f = sigmoid(W_f @ x + R_f @ h + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = f * c + i * g
    o = sigmoid(W_o @ x + R_o @ h + b_o)
    h = o * tanh(c)
    return h, c


def lstm_concatenated(x, h, c):
    """LSTM with one matrix a gate, over the concatenation [h, x] (Gers, Schmidhuber & Cummins 2000).

    The same cell as `lstm` in the notation of lecture notes and blog posts, W · [h_{t−1}, x_t]: each W_* is [R_* W_*]
    of `lstm`, the columns for h first.

    Tested against: torch.nn.LSTM, haiku.LSTM.
    """
    z = [h, x]
    f = sigmoid(W_f @ z + b_f)
    i = sigmoid(W_i @ z + b_i)
    g = tanh(W_g @ z + b_g)
    c = f * c + i * g
    o = sigmoid(W_o @ z + b_o)
    h = o * tanh(c)
    return h, c


def lstm_stacked(x, h, c):
    """LSTM with a single matrix for all gates, over [h, x] (Gers, Schmidhuber & Cummins 2000).

    The same cell as `lstm`, as fast code has it: one product gives all net inputs, and slices of it are the gates, in
    the order i, f, g, o (PyTorch, Keras, cuDNN). Haiku and TensorFlow 1 have [x, h] and i, g, f, o.

    Tested against: torch.nn.LSTM, haiku.LSTM.
    """
    z = [h, x]
    a = W @ z + b
    i = sigmoid(a[:n])
    f = sigmoid(a[n:2*n])
    g = tanh(a[2*n:3*n])
    o = sigmoid(a[3*n:])
    c = f * c + i * g
    h = o * tanh(c)
    return h, c


def peephole_lstm(x, h, c):
    """LSTM with diagonal peepholes (Gers, Schraudolph & Schmidhuber 2002; Graves 2013).

    The gates see the cell: input and forget gate the one before the step, the output gate the new one. The paper of
    2002 has no tanh on the output; Graves 2013 and Greff et al. 2015 have, and so does this cell. Greff et al. call it
    the vanilla LSTM, V, from which their eight variants (family odyssey) differ in one thing each.

    Also called: lstm_greff_v, lstm_v, lstm_peephole.

    Tested against: torchrecurrent.PeepholeLSTMCell, ONNX Runtime's LSTM.
    """
    i = sigmoid(W_i @ x + R_i @ h + p_i * c + b_i)
    f = sigmoid(W_f @ x + R_f @ h + p_f * c + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = f * c + i * g
    o = sigmoid(W_o @ x + R_o @ h + p_o * c + b_o)
    h = o * tanh(c)
    return h, c


def full_peephole_lstm(x, h, c):
    """LSTM with peepholes that are full matrices (after Gers & Schmidhuber 2000).

    Every gate sees every cell, where `peephole_lstm` has a weight for its own cell alone (its p is the diagonal of P).
    The form of lecture notes that write W · [c_{t−1}, h_{t−1}, x_t]; no library ships it.

    Tested against: the paper in PyTorch.
    """
    i = sigmoid(W_i @ x + R_i @ h + P_i @ c + b_i)
    f = sigmoid(W_f @ x + R_f @ h + P_f @ c + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = f * c + i * g
    o = sigmoid(W_o @ x + R_o @ h + P_o @ c + b_o)
    h = o * tanh(c)
    return h, c


def coupled_lstm(x, h, c):
    """LSTM with coupled input and forget gates, f = 1 − i (Greff et al. 2015).

    It forgets as much as it takes in. Without peepholes; with them it is `lstm_cifg`, the paper's own variant. ONNX'
    `input_forget=1`. TensorFlow keeps the forget gate instead: `coupled_lstm_forget`.

    Also called: cifg, cifg_lstm.

    Tested against: torch.nn.LSTM, ONNX Runtime's LSTM.
    """
    i = sigmoid(W_i @ x + R_i @ h + b_i)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = (1 - i) * c + i * g
    o = sigmoid(W_o @ x + R_o @ h + b_o)
    h = o * tanh(c)
    return h, c


def coupled_lstm_forget(x, h, c):
    """LSTM with coupled gates where the forget gate is kept, i = 1 − f (Greff et al. 2015, as TensorFlow has it).

    The same cell as `coupled_lstm` with W_f = −W_i, R_f = −R_i, b_f = −b_i. What TensorFlow's
    `CoupledInputForgetGateLSTMCell` computes without its peepholes and its forget bias of 1.

    Tested against: torch.nn.LSTM.
    """
    f = sigmoid(W_f @ x + R_f @ h + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = f * c + (1 - f) * g
    o = sigmoid(W_o @ x + R_o @ h + b_o)
    h = o * tanh(c)
    return h, c


def projected_lstm(x, h, c):
    """LSTM with a recurrent projection (Sak, Senior & Beaufays 2014, without their peepholes).

    A small h goes round and out, a large c remembers: W_h projects the gated memory, without a bias and without a
    nonlinearity. PyTorch's `proj_size` (its `weight_hr` is W_h), Sonnet's `projection_size`.

    Also called: lstmp.

    Tested against: torch.nn.LSTM.
    """
    h: (p,)
    c: (n,)
    i = sigmoid(W_i @ x + R_i @ h + b_i)
    f = sigmoid(W_f @ x + R_f @ h + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = f * c + i * g
    o = sigmoid(W_o @ x + R_o @ h + b_o)
    q = o * tanh(c)
    h = W_h @ q
    return h, c


def projected_peephole_lstm(x, h, c):
    """LSTM with a recurrent projection and peepholes (Sak, Senior & Beaufays 2014).

    The paper's LSTMP, and TensorFlow 1's `LSTMCell` with `use_peepholes` and `num_proj`, which also adds a forget bias
    of 1 and can clip c and h. The paper's second, non-recurrent projection is read by the output layer alone.

    Tested against: torchrecurrent.PeepholeLSTMCell, the paper in PyTorch.
    """
    h: (p,)
    c: (n,)
    i = sigmoid(W_i @ x + R_i @ h + p_i * c + b_i)
    f = sigmoid(W_f @ x + R_f @ h + p_f * c + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = f * c + i * g
    o = sigmoid(W_o @ x + R_o @ h + p_o * c + b_o)
    q = o * tanh(c)
    h = W_h @ q
    return h, c


def residual_lstm(x, h, c):
    """Residual LSTM: a shortcut from the layer below, inside the output gate (Kim, El-Khamy & Lee 2017).

    W_h projects the squashed memory and W_s the input x, the output of the layer below, past the memory; where both
    have the same size the paper lets W_s be the identity.

    Also called: reslstm.

    Tested against: torchrecurrent.ResLSTMCell.
    """
    i = sigmoid(W_i @ x + R_i @ h + p_i * c + b_i)
    f = sigmoid(W_f @ x + R_f @ h + p_f * c + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = f * c + i * g
    o = sigmoid(W_o @ x + R_o @ h + p_o * c + b_o)
    h = o * (W_h @ tanh(c) + W_s @ x)
    return h, c


def working_memory_lstm(x, h, c):
    """LSTM with working memory connections (Landi, Baraldi, Cornia & Cucchiara 2021).

    Full peepholes that are squashed before they reach a gate, so that a large memory cannot saturate it. torchrecurrent
    has biases inside the tanh as well, which the paper has not.

    Also called: wmc_lstm, wmclstm.

    Tested against: torchrecurrent.WMCLSTMCell.
    """
    s_i = tanh(P_i @ c)
    i = sigmoid(W_i @ x + R_i @ h + s_i + b_i)
    s_f = tanh(P_f @ c)
    f = sigmoid(W_f @ x + R_f @ h + s_f + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    c = f * c + i * g
    s_o = tanh(P_o @ c)
    o = sigmoid(W_o @ x + R_o @ h + s_o + b_o)
    h = o * tanh(c)
    return h, c


def memory_controller_lstm(x, v, c):
    """LSTM with a memory controller: what goes round is not what is shown (NIPS workshop of 2017).

    A fifth gate k makes the control vector v, which the gates read in the place of h; so the output h is free to be a
    prediction. The equations are those of torchrecurrent, which calls it MC-LSTM, a name that `mass_conserving_lstm`
    has too.

    Tested against: torchrecurrent.MCLSTMCell.
    """
    i = sigmoid(W_i @ x + R_i @ v + b_i)
    f = sigmoid(W_f @ x + R_f @ v + b_f)
    g = tanh(W_g @ x + R_g @ v + b_g)
    c = f * c + i * g
    o = sigmoid(W_o @ x + R_o @ v + b_o)
    k = sigmoid(W_k @ x + R_k @ v + b_k)
    u = tanh(c)
    h = o * u
    v = k * u
    return h, (v, c)


def layer_norm_lstm(x, h, c):
    """LSTM with layer normalisation (Ba, Kiros & Hinton 2016).

    W x and R h are normalised each by itself, over the net inputs of all four gates together, then scaled and shifted
    by γ and β; c is normalised on its way out, and the raw c is carried on (haste does the same). TensorFlow Addons
    carries the normalised c; TensorFlow's contrib cell does too, and normalises every gate's W x + R h by itself. The
    order of the gates is i, f, g, o. The 10⁻⁵ under the roots is PyTorch's and haste's, TensorFlow Addons has 10⁻³.

    Tested against: the paper in PyTorch.
    """
    q = W @ x
    mu_q = mean(q)
    u = q - mu_q
    var_q = mean(u**2)
    r = R @ h
    mu_r = mean(r)
    v = r - mu_r
    var_r = mean(v**2)
    a = gamma_x * u / sqrt(var_q + 1e-5) + beta_x + gamma_h * v / sqrt(var_r + 1e-5) + beta_h + b
    i = sigmoid(a[:n])
    f = sigmoid(a[n:2*n])
    g = tanh(a[2*n:3*n])
    o = sigmoid(a[3*n:])
    c = f * c + i * g
    mu_c = mean(c)
    w = c - mu_c
    var_c = mean(w**2)
    a_h = gamma_c * w / sqrt(var_c + 1e-5) + beta_c
    h = o * tanh(a_h)
    return h, c


def mass_conserving_lstm(x: scalar, a, /, c):
    """Mass-conserving LSTM: what comes in is stored or given out, and nothing else (Hoedt et al. 2021).

    x is a mass, such as the rain of a day, and a are auxiliary inputs. The input gate i spreads x over the units (its
    entries add up to 1), the rows of S say where the mass of each unit goes, and the output gate o takes a share of it
    out: Σ h_t + Σ c_t = Σ c_{t−1} + x_t. The gates see the memory as shares of the whole; 10⁻⁵ keeps an empty memory
    from dividing by zero. The paper's redistribution R acts as R c with columns that add up to 1, which is Sᵀ here; it
    may also depend on the step. torchrecurrent's MC-LSTM is another cell (`memory_controller_lstm`).

    Also called: mclstm.

    Tested against: the paper in PyTorch.
    """
    s = c / (sum(abs(c)) + 1e-5)
    i = softmax(W_i @ a + R_i @ s + b_i)
    o = sigmoid(W_o @ a + R_o @ s + b_o)
    S = softmax(B)
    m = S.T @ c + i * x
    h = o * m
    c = (1 - o) * m
    return h, (c,)


def multiplicative_lstm(x, h, c):
    """Multiplicative LSTM, often mLSTM (Krause, Lu, Murray & Renals 2016).

    q takes the place of h in all gates: the input chooses, unit by unit, how the state is seen. It has no biases in the
    paper and in OpenAI's sentiment network; torchrecurrent has one in each factor. Krause's own code puts the output
    gate inside, tanh(o ⊙ c). xLSTM's mLSTM is another cell, with a matrix for a memory.

    Tested against: torchrecurrent.MultiplicativeLSTMCell, the paper in PyTorch.
    """
    u = W_q @ x
    v = R_q @ h
    q = u * v
    i = sigmoid(W_i @ x + R_i @ q + b_i)
    f = sigmoid(W_f @ x + R_f @ q + b_f)
    g = tanh(W_g @ x + R_g @ q + b_g)
    c = f * c + i * g
    o = sigmoid(W_o @ x + R_o @ q + b_o)
    h = o * tanh(c)
    return h, c


def phased_lstm(x, tau: scalar, /, h, c):
    """Phased LSTM, for events at irregular times (Neil, Pfeiffer & Liu 2016).

    tau is the time of the event x. Every unit has a clock: it is open during the fraction `ratio` of its `period`, k
    rising from 0 to 1 and falling again; otherwise it holds h and c, but for a `leak`, so that gradients pass
    (0.001 in training, 0 in use). The paper draws the logarithm of `period` uniformly, starts `ratio` at 0.05 and
    `shift` anywhere in the period. The authors' code adds the shift and takes |period|. The gates have peepholes; o
    sees the proposed c.

    Tested against: the paper in PyTorch.
    """
    leak: scalar
    phase = mod(tau - shift, period) / period
    rise = 2 * phase / ratio
    k = where(phase < ratio / 2, rise, where(phase < ratio, 2 - rise, leak * phase))
    i = sigmoid(W_i @ x + R_i @ h + p_i * c + b_i)
    f = sigmoid(W_f @ x + R_f @ h + p_f * c + b_f)
    g = tanh(W_g @ x + R_g @ h + b_g)
    u = f * c + i * g
    o = sigmoid(W_o @ x + R_o @ h + p_o * u + b_o)
    v = o * tanh(u)
    c = k * u + (1 - k) * c
    h = k * v + (1 - k) * h
    return h, c


def janet(x, h):
    """JANET, just another network: an LSTM with a forget gate alone (van der Westhuizen & Lasenby 2018).

    The one gate keeps what it keeps and lets in the rest; beta = 1 makes it let in a little more than that, beta = 0 is
    the plain coupling. A constant in the paper, a trained parameter in torchrecurrent. The paper starts b_f so that
    memories last up to a chosen number of steps (chrono initialisation).

    Tested against: torchrecurrent.JANETCell.
    """
    beta: scalar
    s = W_f @ x + R_f @ h + b_f
    g = tanh(W_g @ x + R_g @ h + b_g)
    f = sigmoid(s)
    u = sigmoid(s - beta)
    h = f * h + (1 - u) * g
    return h


def strongly_typed_lstm(x, c, y):
    """Strongly typed LSTM, T-LSTM: gates that see inputs alone (Balduzzi & Ghifary 2016).

    y is the former input, x_{t−1}, which the gates read instead of the state, so that c is nothing but a running
    average of features of the input and all products with matrices can be computed before the loop. The output h does
    not go round. The candidate z has no nonlinearity.

    Also called: t_lstm, tlstm.

    Tested against: torchrecurrent.TLSTMCell.
    """
    z = W_z @ x + V_z @ y + b_z
    f = sigmoid(W_f @ x + V_f @ y + b_f)
    o = tanh(W_o @ x + V_o @ y + b_o)
    c = f * c + (1 - f) * z
    h = o * c
    return h, (c, x)
