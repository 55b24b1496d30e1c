"""From sequence to sequence: an encoder reads, a decoder writes."""


def seq2seq(source: over(S, integer(K)), n: lengths(S), words: integer(C), m: lengths) -> mean(T, N):
    """Encoder and decoder with teacher forcing (Sutskever, Vinyals & Le 2014; Cho et al. 2014).

    The encoder reads the source from its end, as Sutskever et al. do. Its last states are the decoder's first ones:
    the gradient crosses there and nowhere else. Teacher forcing: the decoder reads the right word of the step before,
    not its own answer.

    Tested against: torch.nn.LSTM, sequence by sequence.
    """
    h, (hS, cS) = scan(lstm, embed(E, source), reverse=True)
    d = scan(lstm, embed(F, words)[t-1], init=(hS, cS))
    return cross_entropy(V @ d + c, words)


def seq2seq_attention(source: over(S, integer(K)), n: lengths(S), words: integer(C), m: lengths) -> mean(T, N):
    """Encoder and decoder with attention over the encoder's states (Luong, Pham & Manning 2015, their general score).

    H has the states of all steps of the source as rows. a says how much each of them matters for the word at t, and is
    exactly zero behind the source's end. (Bahdanau, Cho & Bengio 2015 were first, with a layer for the score.)

    Tested against: the network in PyTorch, sequence by sequence.
    """
    h, (hS, cS) = scan(lstm, embed(E, source))
    H = rows(h)
    d = scan(lstm, embed(F, words)[t-1], init=(hS, cS))
    a = softmax(H @ (A @ d))
    u = tanh(U @ [H.T @ a, d])
    return cross_entropy(V @ u + c, words)


def autoencoder(x, n: lengths) -> mean(T, N):
    """Encoder and decoder of one sequence: what was read is told again (Srivastava, Mansimov & Salakhutdinov 2015).

    The decoder tells the sequence from its end, as they do: the last step is the one that the states know best.

    Tested against: torch.nn.LSTM, sequence by sequence.
    """
    h, (hT, cT) = scan(lstm, x)
    y = reverse(x)
    d = scan(lstm, y[t-1], init=(hT, cT))
    return squared_error(V @ d + c, y)
