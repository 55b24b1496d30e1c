"""Cells that stress one thing of the C emitter each."""

CELLS = {
    "delta": """
def delta(q, k, v, /, S):
    beta: scalar
    k = k / norm(k)
    S = S + sigmoid(beta) * outer(v - S @ k, k)
    return S @ q, (S,)
""",
    "layer_norm": """
def layer_norm(x, h):
    a = W @ x + R @ h
    u = a - mean(a)
    h = tanh(g * u / sqrt(mean(square(u)) + 0.00001) + b)
    return h
""",
    "sliced_lstm": """
def sliced_lstm(x, h, c):
    a = W @ [h, x] + b
    i = sigmoid(a[:n])
    f = sigmoid(a[n:2*n])
    g = tanh(a[2*n:3*n])
    o = sigmoid(a[3*n:])
    c = f * c + i * g
    h = o * tanh(c)
    return h, c
""",
    "attention": """
def attention(x, h, M):
    q = Q @ x + R @ h
    w = softmax(M @ q)
    h = tanh(A @ (w @ M) + U @ x)
    M = M + outer(w, B @ h)
    return h, M
""",
    "lse": "def lse(x, h):\n    a = W @ x + R @ h\n    h = a - logsumexp(a)\n    return h",
    "kinked": """
def kinked(x, h):
    a = W @ x + b
    u = relu(a) + leaky_relu(R @ h, 0.1) + elu(a * h)
    s = where(a > u, a * u, sin(u)) + maximum(a, 2 * u) - 0.5 * minimum(u, p)
    v = hard_sigmoid(4 * a) * clip(u, -0.5, 0.75) + abs(a) * sign(h)
    h = tanh(s + v)
    return h
""",
    "smooth": """
def smooth(x, h):
    a = W @ x + R @ h + b
    u = gelu(a) + gelu_tanh(a) * silu(h)
    v = softplus(u) + log(1 + exp(a)) / cos(sin(h))
    h = tanh(v - sqrt(1 + square(a)) + u ** 3 + (2 + sin(a)) ** -1.5)
    return h
""",
    "matrix": """
def matrix(x, M):
    alpha: scalar
    G = sigmoid(alpha * M + V)
    y = diag(x) @ (M @ x) + dot(x, M @ x) * x
    M = G * M + (1 - G) * (M @ M.T @ K) + sum(y) * outer(x, y)
    M = M / (1 + norm(M))
    return y, (M,)
""",
    "two_inputs": """
def two_inputs(x, k, /, h, c):
    s = sigmoid(dot(w, x) + d)
    d: scalar
    c = s * c + (1 - s) * (W @ k)
    h = tanh(c + mean(h) * p)
    y = C @ h + x[1:] * x[0]
    return (y, h), (h, c)
""",
    "picking": """
def picking(x, h):
    a = W[1:, :] @ x + W[0] @ x
    h = tanh(a * h[-1] + [h[1:], x[:1]])
    return h
""",
    "scalar_state": """
def scalar_state(x, h: "(n,)", z: "scalar"):
    z = 0.9 * z + sigmoid(dot(w, x))
    h = tanh(h * z + W @ x)
    return z, (h, z)
""",
    "stateless": "def stateless(x):\n    y = W @ x\n    return y, x",
    "no_parameters": "def no_parameters(x, h):\n    h = tanh(h * sum(x))\n    return h",
    "nothing_but_parameters": "def nothing_but_parameters(x: vector):\n    p: scalar\n    return sqrt(1 + p * p), ()",
    "same_state_twice": "def same_state_twice(x, h, c: vector):\n    h = tanh(W @ x + h)\n    return h, (h, h)",
    "state_beside_the_tape": 'def state_beside_the_tape(x: "(n,)", h: "(n,)"):\n    h = 0.5 * h + x\n    return h',
    "constant": 'def constant(x, h: "(n,)"):\n    h = 0.5 * h\n    y = exp(2) + 0 * sum(x)\n    return y, (h,)',
    "dead_lines": """
def dead_lines(x, h):
    a = W @ x
    unread: vector = norm(a) * sum(h) + p
    h = tanh(a + stop_gradient(R @ h))
    return h
""",
    "scaled_products": """
def scaled_products(x: "(m,)", /, S: "(n, n)"):
    V: (n, m)
    R: (n, n)
    S = 0.3 * tanh(S) - S @ S.T / 7 + 2 * (S.T @ S.T) * 0.01 - 0.1 * (R.T @ R) + R.T @ S.T
    y = -(S @ (V @ x)) + 0.25 * (V @ x) @ S - 3 * ((V @ x) @ S.T)
    return y, (S,)
""",
    "transposes": """
def transposes(x: "(n,)", /, S: "(n, n)"):
    S = tanh(S.T) + S * 0.1 + outer(x, x).T
    S = S + diag(x) - 2 * diag(x) * S.T
    return S[:, 0] - S[1, :] * 2, (S,)
""",
    "numbers": """
def numbers(x, h):
    u = W @ x / 3 + 1e-9 * h + 123456789.5 * h / 1e9
    h = tanh(u) / (2 + 1 / (3 * (1 + square(h)))) + (2 + sin(h)) ** (1/3) - (1 + h * h) ** 4 / 700
    h = h + 2 / 3 / (2 + cos(u)) - where(u > 0, 2, 3) / 4
    return h
""",
    "sizes_and_values": """
def sizes_and_values(x, h):
    n = tanh(W @ x + R @ h)
    m = n * mean(n)
    h = m - 2 * mean(h * x[0]) + norm(h + n) - sum(h * h)
    return h
""",
    "slices_of_parameters": """
def slices_of_parameters(x, h):
    W: (n, n + m)
    a = W[:, n:] @ x + W[:, :n] @ h
    h = tanh(a) + [h[1:], h[:1]] * 0.5 - 2 * [x, h][1:n+1]
    return h
""",
    "names": """
def double(α, y0, register):
    \"\"\"Ends */ here /* and \\ there ??/ and → on.\"\"\"
    gamma: scalar
    REAL: (n, n)
    T: (n, m)
    TANH: (n,)
    int: vector
    i: vector
    at: vector
    step: vector
    double_params: vector
    s: vector
    work = tanh(T @ α + gamma * (REAL @ y0) + int * i + j + at * step)
    y0 = work * θ + f + 0.5 * register + TANH
    register = register * sigmoid(λ * work) + double_params * s
    return y0, register
""",
    "cancelled": "def cancelled(x, h):\n    h = tanh((h - h) - mean(h - h) + W @ x) + abs(h - h)\n    return h",
}
