"""Update rules: how parameters move by a gradient, once a training step."""


def sgd(g, /, w):
    """Stochastic gradient descent (Robbins and Monro 1951): a step against the gradient."""
    eta: scalar
    w = w - eta * g
    return w


def momentum(g, /, w, m):
    """Gradient descent with momentum (Polyak 1964): gradients add up in m and fade at the rate mu."""
    eta: scalar
    mu: scalar
    m = mu * m + g
    w = w - eta * m
    return w, (w, m)


def rmsprop(g, /, w, v):
    """RMSProp (Tieleman and Hinton 2012): each entry's step is divided by the root of its mean squared gradient."""
    eta: scalar
    rho: scalar
    epsilon: scalar
    v = rho * v + (1 - rho) * square(g)
    w = w - eta * g / (sqrt(v) + epsilon)
    return w, (w, v)


def adam(g, /, w, m, v, k: scalar):
    """Adam (Kingma and Ba 2015): momentum over RMSProp, each mean divided by the weight that it has after k steps."""
    eta: scalar
    beta_1: scalar
    beta_2: scalar
    epsilon: scalar
    k = k + 1
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * square(g)
    m_hat = m / (1 - exp(k * log(beta_1)))
    v_hat = v / (1 - exp(k * log(beta_2)))
    w = w - eta * m_hat / (sqrt(v_hat) + epsilon)
    return w, (w, m, v, k)
