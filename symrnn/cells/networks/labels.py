"""Labels of sequences: one for the whole, or one for each word."""


def many_to_one(words: integer(K), n: lengths, label: context(integer(C))) -> mean(N):
    """One label for a sequence, from the last state of an LSTM (Hochreiter & Schmidhuber 1997, as Dai & Le 2015 do it).

    `last` is each sequence's own last step. The loss is one number a sequence, and its gradient comes in at that step
    alone: all that the steps before it learn has gone through the states.

    Tested against: torch.nn.LSTM over packed sequences.
    """
    h = scan(lstm, embed(E, words))
    return cross_entropy(V @ last(h) + c, label)


def tagger(words: integer(K), n: lengths, tags: integer(C)) -> mean(T, N):
    """A tag for every word, from what came before it (Graves 2012, chapter 3).

    Tested against: torch.nn.LSTM over packed sequences.
    """
    h = scan(lstm, embed(E, words))
    return cross_entropy(V @ h + c, tags)


def multi_label_tagger(words: integer(K), n: lengths, tags) -> mean(T, N):
    """Any number of tags for every word: a yes or no for each, by logistic read-out (Graves 2012, chapter 3).

    `tags` are zeros and ones. Each score is judged for itself, so their probabilities need not add up to 1; the
    gradient of the scores is σ(z) − y, as it is p − y for one tag of many.

    Tested against: torch.nn.LSTM over packed sequences.
    """
    h = scan(lstm, embed(E, words))
    return binary_cross_entropy(V @ h + c, tags)


def brnn_tagger(words: integer(K), n: lengths, tags: integer(C)) -> mean(T, N):
    """Bidirectional tagger: what came before a word, and what comes after it (Schuster & Paliwal 1997).

    Two cells run over the words, one from each end, and know nothing of each other. In the backward pass the first runs
    from t = T to 1, the second from 1 to T.

    Tested against: torch.nn.RNN with bidirectional=True over packed sequences.
    """
    e = embed(E, words)
    f = scan(rnn, e)
    b = scan(rnn, e, reverse=True)
    return cross_entropy(V @ [f, b] + c, tags)
