"""Not recurrent networks, and the same story: a hidden Markov model, and layers without time."""


def hmm_forward(x, alpha):
    """Forward recursion of a hidden Markov model, in logarithms (Baum et al. 1970; Rabiner 1989).

    The input x_t holds the log-likelihoods of the observation t, one for each hidden state, and A the logarithms of the
    transition probabilities, from row to column. The state alpha holds the log-probabilities of the hidden states,
    given all observations so far, and the output the logarithm of the step's normaliser: how likely the observation
    was, given the former ones. The outputs add up to the log-likelihood L of the sequence.

    Backpropagation is the backward recursion of Baum and Welch. With L for the loss, ∂L/∂x_t is the posterior, the
    probability of each hidden state at t given the whole sequence; ∂L/∂A counts the transitions to be expected, and
    ∂L/∂α_0 is the posterior of the hidden state before the first observation. Nothing asks the rows of exp(A) to add up
    to 1: with any weights this is the partition function of a linear-chain conditional random field, and its marginals.

    Time starts one transition before the first observation. Where π is the distribution at the first observation,
    give log π + x_1 as the initial state (it need not be normalised) and begin with the second one. For a transition
    that cannot happen write a large negative number, not −∞.

    Also called: hmm, forward_algorithm, linear_chain_crf.

    Tested against: the forward recursion in PyTorch, hmmlearn.
    """
    P = exp(A)
    q = exp(alpha)
    r = P.T @ q
    p = x + log(r)
    z = logsumexp(p)
    alpha = p - z
    return z, (alpha,)


def feedforward(x):
    """Three layers without states (Rumelhart, Hinton & Williams 1986).

    Plain backpropagation is backpropagation through time with T = 1 and nothing to carry: each δ comes from the layer
    above. Steps are independent examples here, and the sums over t are sums over these.

    Also called: mlp, multilayer_perceptron.

    Tested against: torch.nn.Sequential.
    """
    h_1 = tanh(W_1 @ x + b_1)
    h_2 = tanh(W_2 @ h_1 + b_2)
    y = W_3 @ h_2 + b_3
    return y
