"""Language models: what comes next."""


def char_rnn(ids: integer(K), targets: integer(K)) -> mean(T, N):
    """A character model of two LSTM layers (Karpathy 2015).

    The targets are the ids of the next step. For any other number of layers their lines are a loop:
    `for k in range(3):` and in it `h = scan(lstm, h)`, behind `h = embed(E, ids)`.

    Tested against: torch.nn.LSTM with num_layers=2.
    """
    e = embed(E, ids)
    h1 = scan(lstm, e)
    h2 = scan(lstm, h1)
    return cross_entropy(V @ h2 + c, targets)


def language_model(words: integer(K), n: lengths) -> mean(T, N):
    """How probable a sequence of words is, ∏ p(w_t | w_1 … w_(t−1)) (Mikolov et al. 2010; Sundermeyer et al. 2012).

    An LSTM reads each word one step late, so that it says of every word what it thought before it saw it; before the
    first there is nothing. The output `nll` is −log p(w_1 … w_n), one number a sequence. The loss is the mean over all
    words, and exp(loss) is the perplexity.

    Tested against: torch.nn.LSTM, sequence by sequence.
    """
    e = embed(E, words)
    h = scan(lstm, e[t-1])
    surprise = cross_entropy(V @ h + c, words)
    nll = sum(surprise, over=time)
    return surprise, (nll,)


@network
def bigram(ids: integer(K), targets: integer(K)) -> mean(T, N):
    """A Markov chain over the same classes, for contrast: the next depends on the last alone (Markov 1913).

    Row i of B has the scores of what follows i. At the minimum, softmax(B[i]) is how often each class followed i.

    Tested against: counts, and the network in PyTorch.
    """
    return cross_entropy(embed(B, ids), targets)


def hidden_markov_step(x, alpha):
    p = x + log(softmax(A).T @ softmax(alpha))
    alpha = p - logsumexp(p)
    y = log(softmax(A).T @ exp(alpha))
    return y, (alpha,)


def hidden_markov(ids: integer(K), targets: integer(K)) -> mean(T, N):
    """A hidden Markov model with the loss of the others, for contrast (Baum & Petrie 1966; Rabiner 1989).

    The forward algorithm is a scan: alpha are the log-probabilities of the hidden states given all ids so far, y those
    of the next hidden state. Rows of A are scores of transitions, rows of E scores of the classes that a hidden state
    shows. Backpropagation through this is Baum and Welch's backward recursion.

    Tested against: the sum over all paths, and the network in PyTorch.
    """
    L = log(softmax(E))
    y = scan(hidden_markov_step, L @ one_hot(ids), init=alpha0)
    return -logsumexp(y + L @ one_hot(targets))
