"""Every gradient of random networks against complex step and PyTorch's autograd, both through an interpreter of the text
that knows nothing of plans, blocks, kernels or emitters, and in which padding does not exist."""

import importlib.util
import inspect
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, note, settings
from network_text import Trial

import symrnn
from symrnn.equations.network_sample import default_network_dims
from symrnn.testing import networks
from symrnn.testing.outside.numpy_numbers import NumpyNumbers

ZOO = {name: symrnn.zoo[name].text for name in ("gru", "lstm")}
# An array that is this small beside the whole gradient is a difference of large terms.
SMALL = 1e-2

PLAIN = "def plain(x, h):\n    h = tanh(W @ x + R @ h + b)\n    return h\n\n\n"
ATTEND = "def attend(x, H: matrix, /, h):\n    a = softmax(H @ tanh(Q @ h))\n    h = tanh(W @ x + R @ h + C @ (a @ H))\n    return h\n\n\n"

REGRESSIONS = {
    # A softmax within a scanned cell gave weight to places behind the end of a sequence.
    "attention_within_a_cell": PLAIN
    + ATTEND
    + """\
def net(x, source: over(S), until: lengths(S), y) -> mean(T, N):
    d = scan(plain, source)
    h = scan(attend, x, rows(d))
    return squared_error(P @ h, y)
""",
    # The slices of heads had sizes without a name.
    "heads_behind_a_projection": "def net(x, y):\n    h = scan(heads(gru, 2), P @ x)\n    return squared_error(Q @ h, y)\n",
    # A block that sees two sizes as their sum alone could not read them off its arrays.
    "a_sum_of_sizes_alone": PLAIN
    + """\
def net(x, y: context):
    f = scan(plain, x)
    b = scan(plain, x, reverse=True)
    v = [f, b]
    return squared_error(P @ last(v), y)
""",
    # The sizes of what nothing reads were asked of arrays that are not there.
    # In PyTorch the loss was not divided by the number of sequences.
    "mean_over_sequences_with_lengths": PLAIN
    + """\
def net(x, y, count: lengths) -> mean(N):
    h = scan(plain, x)
    return squared_error(P @ h, y)
""",
    # The layer that bears the parameters was left out of the PyTorch module where only the one that shares them is read.
    "parameters_of_a_scan_that_nobody_reads": PLAIN
    + """\
def net(x, y):
    h = scan(plain, x)
    g = scan(plain, x, params=h, reverse=True)
    return squared_error(P @ g, y)
""",
    "tokens_that_nobody_reads": PLAIN
    + "def net(x, ids: integer, y):\n    e = embed(E, ids)\n    h = scan(plain, x)\n    return squared_error(P @ h, y)\n",
    "a_scan_that_nobody_reads": PLAIN
    + """\
def net(x, y):
    d = scan(plain, x)
    h = scan(gru, x)
    return squared_error(P @ h, y)
""",
}


def read(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a drawn line may be read by nobody
        return symrnn.network(text)


def trial_of(text, seed=0, T=3, N=2):
    """A network with arrays, and random gradients from above; behind the end of a sequence these are zero."""
    network = read(text)
    dims = default_network_dims(network, (2, 3, 2, 4, 3))
    sample: Any = network.sample(T=T, N=N, seed=seed, dims=dims)
    sizes = {**dims, "T": T, "N": N}
    draw = np.random.default_rng(seed)
    above: dict[str, Any] = {} if network.loss is None else {"loss": 1.5}
    for name, value in network.outputs.items():
        own = tuple(size.value(sizes) for size in network.shapes[value])
        axis = network.axes[value]
        above[name] = draw.standard_normal((N, *own) if axis == "N" else (sizes[axis], N, *own))
        if axis in network.lengths:
            for n, length in enumerate(sample.x[network.lengths[axis]]):
                above[name][length:, n] = 0
    return Trial(network, text, ZOO, sample.params, sample.x, above, sizes)


def computed_by(derivation, trial, **options):
    kernel = derivation.numpy(**options)
    _, tape = kernel.forward(trial.params, trial.x)
    alone = trial.above["loss"] if [*trial.above] == ["loss"] else trial.above
    grads = kernel.backward(tape, alone)
    return {("params", k): v for k, v in grads.params.items()} | {("x", k): v for k, v in grads.x.items()}


def by_module(derivation, trial, **options):
    """The gradients of the emitted NumPy program."""
    space: dict[str, Any] = {"__name__": "net"}
    exec(compile(derivation.code(**options), "<net>", "exec"), space)
    _, tape = space["forward"](trial.params, trial.x)
    alone = trial.above["loss"] if [*trial.above] == ["loss"] else trial.above
    params, x = space["backward"](tape, alone)
    return {("params", k): v for k, v in params.items()} | {("x", k): v for k, v in x.items()}


def by_torch_module(derivation, trial):
    """The gradients of the emitted PyTorch module, whose parameters are under the network's own names."""
    torch = pytest.importorskip("torch")
    space: dict[str, Any] = {"__name__": "net"}
    exec(compile(derivation.code("torch"), "<net>", "exec"), space)
    shapes = [size for shape in trial.network.params.values() for size in shape]
    needed = dict.fromkeys(name for size in shapes for name in size.names)
    asked = [p for p in inspect.signature(space["Net"].__init__).parameters if p not in ("self", "device", "dtype")]
    sizes = dict(zip(asked, (trial.sizes[name] for name in needed), strict=True))
    module = space["Net"](**sizes, dtype=torch.float64)
    module.load_state_dict({name: torch.tensor(array) for name, array in trial.params.items()})
    moved = [name for name, argument in trial.network.arguments.items() if argument.given == "value"]
    x = {name: torch.tensor(array, requires_grad=name in moved) for name, array in trial.x.items()}
    found = module(x)
    found = found if isinstance(found, dict) else {"loss": found}
    torch.stack([(found[name] * torch.as_tensor(g)).sum() for name, g in trial.above.items()]).sum().backward()

    def slope(leaf):
        return np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()

    leaves = dict(module.named_parameters())
    return {("params", k): slope(leaves[k]) for k in trial.params} | {("x", k): slope(x[k]) for k in moved}


def worst(computed, truth):
    """The largest error of any entry, in parts of what its array is measured by."""
    assert computed.keys() == truth.keys()
    overall = max(np.abs(value).max() for value in truth.values())
    found = 0.0
    for key, expected in truth.items():
        assert computed[key].shape == expected.shape, key
        scale = max(np.abs(expected).max(), SMALL * overall) or 1.0
        found = max(found, float(np.abs(computed[key] - expected).max()) / scale)
    return found


def examine(text, seed=0):
    """The errors beside complex step and beside PyTorch, if that is here."""
    trial = trial_of(text, seed)
    computed = computed_by(symrnn.derive(trial.network), trial)
    by_step = worst(computed, trial.complex_step(NumpyNumbers()))
    try:
        from symrnn.testing.outside.torch_numbers import TorchNumbers
    except ModuleNotFoundError:
        return by_step, 0.0
    return by_step, worst(computed, trial.autograd(TorchNumbers()))


@settings(max_examples=100)
@given(networks())
def test_every_gradient_of_random_networks(text):
    note(text)
    by_step, by_torch = examine(text)
    assert by_step < 1e-12
    assert by_torch < 1e-10


@pytest.mark.parametrize("text", REGRESSIONS.values(), ids=REGRESSIONS.keys())
def test_networks_that_were_wrong_once(text):
    by_step, by_torch = examine(text)
    assert by_step < 1e-12
    assert by_torch < 1e-10
    programs_agree(text)


def programs_agree(text):
    """All programs compute what the kernel does, in which nothing but the blocks' order of sums differs."""
    trial = trial_of(text)
    derivation = symrnn.derive(trial.network)
    kernel = computed_by(derivation, trial)
    assert worst(by_module(derivation, trial), kernel) < 1e-11
    assert worst(by_module(derivation, trial, plain=True), kernel) < 1e-11
    if importlib.util.find_spec("torch"):
        assert worst(by_torch_module(derivation, trial), kernel) < 1e-11


@settings(max_examples=15)
@given(networks())
def test_programs_of_random_networks(text):
    note(text)
    programs_agree(text)
