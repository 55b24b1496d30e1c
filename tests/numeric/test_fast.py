"""Fast kernels against plain ones, and what only they have: packing, checkpoints, work arrays."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symrnn
from symrnn.testing import cells


def as_dict(value, name="it"):
    return value if isinstance(value, dict) else {name: value}


def flat(outputs, final, grads):
    """Every array of a training step under one name each."""
    groups = {"output": as_dict(outputs), "final": final, "params": grads.params, "x": as_dict(grads.x)}
    groups["state"] = grads.state
    return {(group, name): value for group, arrays in groups.items() for name, value in arrays.items()}


def step(kernel, sample, seed=0, tape="full", params=None):
    outputs, final, kept = kernel.forward(
        sample.params if params is None else params, sample.x, sample.state, tape=tape
    )
    generator = np.random.default_rng(seed)

    def like(array):
        return generator.standard_normal(array.shape).astype(array.dtype)

    d_outputs = {name: like(value) for name, value in outputs.items()} if isinstance(outputs, dict) else like(outputs)
    grads = kernel.backward(kept, d_outputs, {name: like(value) for name, value in final.items()})
    return flat(outputs, final, grads)


def assert_same(mine, theirs, tolerance):
    assert mine.keys() == theirs.keys()
    overall = max(np.abs(value).max() for value in theirs.values())
    for key, value in theirs.items():
        assert mine[key].shape == value.shape, key
        assert mine[key].dtype == value.dtype, key
        assert np.abs(mine[key] - value).max() <= tolerance * max(np.abs(value).max(), 1e-2 * overall), key


SIZES = ((1, 1), (1, 4), (6, 1), (5, 3))
# Every cell of the zoo at one size in each type, the best known ones at all.
CASES = [
    (name, *size, dtype)
    for name in symrnn.zoo
    for size in SIZES
    for dtype in ("float64", "float32")
    if name in ("gru", "gru_reset_after", "lstm", "peephole_lstm", "rnn") or size == SIZES[-1]
]


@pytest.mark.parametrize(("name", "T", "N", "dtype"), CASES)
def test_fast_agrees_with_plain(name, T, N, dtype, backend):
    derivation = symrnn.derive(name)
    # At other draws a normaliser of the sLSTM, drawn with any sign, comes so close to zero that rounding shows.
    sample = derivation.cell.sample(T=T, N=N, seed=2, dtype=dtype)
    assert_same(
        step(derivation.numpy(dtype, backend=backend), sample),
        step(derivation.numpy(dtype, plain=True), sample),
        1e-13 if dtype == "float64" else 2e-5,
    )


@given(cells(), st.integers(1, 4), st.integers(0, 2**16))
def test_fast_agrees_with_plain_on_random_cells(text, T, seed):
    derivation = symrnn.derive(text)
    sample = derivation.cell.sample(T=T, N=2, seed=seed)
    assert_same(step(derivation.numpy(), sample), step(derivation.numpy(plain=True), sample), 1e-10)


def test_an_output_of_parameters_alone_does_not_stand_for_its_own_function():
    """tanh(p) is one array, y = tanh(p) one for every step and sequence: found by random cells."""
    text = (
        'def f(x: "(m,)", /, S: "(n, n)"):\n    p: (n,)\n    v = -(tanh(p))\n    S = tanh(diag(v))\n'
        "    y = tanh(p)\n    return y, (S,)"
    )
    derivation = symrnn.derive(text)
    sample = derivation.cell.sample(T=2, N=3, seed=0)
    assert_same(step(derivation.numpy(), sample), step(derivation.numpy(plain=True), sample), 1e-12)


def test_two_groups_of_gates_in_one_step_keep_apart(backend):
    """Two layers in a step, as in a highway: each pair of gates has columns of its own and waits for its own adjoint."""
    text = (
        "def f(x, h):\n    i = sigmoid(W @ x + R @ h)\n    n = tanh(V @ x + S @ h)\n    s = i * n\n"
        "    o = sigmoid(P @ s)\n    u = tanh(Q @ s)\n    h = o * u\n    return h"
    )
    derivation = symrnn.derive(text)
    sample = derivation.cell.sample(T=3, N=2)
    kernel = derivation.numpy(backend=backend)
    assert_same(step(kernel, sample), step(derivation.numpy(plain=True), sample), 1e-13)


def test_gates_that_no_state_reaches_leave_the_loop():
    """minGRU: its gates see the input alone."""
    text = "def min_gru(x, h):\n    z = sigmoid(W_z @ x + b_z)\n    n = W_n @ x + b_n\n    h = (1 - z) * h + z * n\n    return h"
    source = symrnn.derive(text).numpy().source
    forward = source[source.index("def forward") : source.index("def backward")]
    loop = forward[forward.index("    for ") :]
    assert "tanh" not in loop
    assert "matmul" not in loop
    backward = source[source.index("def backward") :]
    assert "matmul" not in backward[backward.index("    for ") : backward.index("grads = {")]


def test_one_product_and_one_tanh_a_step():
    source = symrnn.derive("lstm").numpy().source
    forward = source[source.index("def forward") : source.index("def backward")]
    loop = forward[forward.index("    for ") :]
    assert loop.count("np.matmul") == 1
    assert loop.count("np.tanh") == 2  # all gates, and the cell's
    backward = source[source.index("def backward") :]
    assert backward[backward.index("    for ") : backward.index("grads = {")].count("np.matmul") == 1


@pytest.mark.parametrize("T", [1, 2, 7, 16, 50])
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_checkpoints_give_the_same_and_keep_less(name, T, backend):
    derivation = symrnn.derive(name)
    kernel = derivation.numpy(backend=backend)
    sample = derivation.cell.sample(T=T, N=2)
    assert_same(step(kernel, sample, tape="checkpoint"), step(kernel, sample), 1e-13)
    _, _, kept = kernel.forward(sample.params, sample.x, sample.state, tape="checkpoint")
    if T > 1:
        assert len(kept.values.starts) <= T**0.5 + 1


def test_a_misspelt_tape_raises():
    sample = symrnn.load("rnn").sample()
    with pytest.raises(symrnn.OptionError, match=r"tape is 'full' or 'checkpoint', not 'checkpoints'. did you mean"):
        symrnn.derive("rnn").numpy().forward(sample.params, sample.x, tape="checkpoints")


def test_packed_parameters_give_the_same(backend):
    derivation = symrnn.derive("peephole_lstm")
    kernel = derivation.numpy(backend=backend)
    sample = derivation.cell.sample()
    packed = kernel.pack(sample.params)
    assert_same(step(kernel, sample, params=packed), step(kernel, sample), 0.0)
    with pytest.raises(symrnn.InputError, match="params lacks"):
        kernel.pack({})


def test_what_another_kernel_made_is_refused(backend):
    """C would read past the end of narrower numbers."""
    derivation = symrnn.derive("rnn")
    sample = derivation.cell.sample(T=2, N=2)
    narrow = derivation.cell.sample(T=2, N=2, dtype="float32")
    kernel, other = derivation.numpy(backend=backend), derivation.numpy("float32", backend=backend)
    with pytest.raises(symrnn.InputError) as caught:
        kernel.forward(other.pack(narrow.params), sample.x)
    assert str(caught.value) == (
        "what was packed comes from a kernel of rnn in float32, and this is one of rnn in float64: "
        "pack the parameters with this one"
    )
    outputs, _, tape = kernel.forward(sample.params, sample.x)
    with pytest.raises(
        symrnn.InputError, match="the tape comes from a kernel of rnn in float64, and this is one of oth"
    ):
        derivation.numpy(plain=True).backward(tape, outputs)
    with pytest.raises(symrnn.InputError, match="tape must be what forward returned last, not dict"):
        kernel.backward({}, outputs)
    same = derivation.numpy(backend=backend)
    assert np.array_equal(same.backward(tape, outputs).x, kernel.backward(tape, outputs).x)


def test_work_arrays_of_a_tape_are_nobody_elses_while_it_lives(backend):
    derivation = symrnn.derive("lstm")
    kernel = derivation.numpy(backend=backend)
    first, second = (derivation.cell.sample(T=3, N=2, seed=seed) for seed in (1, 2))
    expected = step(derivation.numpy(backend=backend), first)
    outputs, final, tape = kernel.forward(first.params, first.x, first.state)
    kept = outputs.copy()
    for _ in range(6):
        step(kernel, second)
    assert np.array_equal(outputs, kept)
    generator = np.random.default_rng(0)
    d_outputs = generator.standard_normal(outputs.shape)
    d_final = {name: generator.standard_normal(value.shape) for name, value in final.items()}
    assert_same(flat(outputs, final, kernel.backward(tape, d_outputs, d_final)), expected, 0.0)
    assert_same(flat(outputs, final, kernel.backward(tape, d_outputs, d_final)), expected, 0.0)


def test_what_is_returned_is_the_callers(backend):
    """Nothing that a call returns shares memory with what it was given or with a later call."""
    derivation = symrnn.derive("def f(x, h):\n    h = x + h\n    return h")
    kernel = derivation.numpy(backend=backend)
    sample = derivation.cell.sample(T=2, N=2)
    one, two = step(kernel, sample), step(kernel, sample)
    given = [sample.x, *sample.params.values(), *sample.state.values()]
    for value in one.values():
        assert not any(np.shares_memory(value, other) for other in (*given, *two.values()))


def test_one_kernel_serves_two_threads(backend):
    derivation = symrnn.derive("gru")
    kernel = derivation.numpy(backend=backend)
    samples = [derivation.cell.sample(T=4, N=3, seed=seed) for seed in range(4)]
    expected = [step(derivation.numpy(backend=backend), sample) for sample in samples]
    wrong = []

    def work(place):
        for _ in range(20):
            try:
                assert_same(step(kernel, samples[place]), expected[place], 0.0)
            except AssertionError as error:
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


SMALL_GATES = {
    "log": (
        "def f(x, h):\n    i = sigmoid(50 * x)\n    h = h + log(i)\n    return h",
        lambda x, h: h - np.logaddexp(0, -50 * x),
    ),
    "quotient": (
        "def f(x, h):\n    i = sigmoid(50 * x)\n    j = sigmoid(49 * x)\n    u = 2 * i\n    h = h + j / u\n    return h",
        lambda x, h: h + np.exp(np.logaddexp(0, -50 * x) - np.logaddexp(0, -49 * x)) / 2,
    ),
    "root": (
        "def f(x, h):\n    i = sigmoid(50 * x)\n    h = h * sqrt(i)\n    return h",
        lambda x, h: h * np.exp(-np.logaddexp(0, -50 * x) / 2),
    ),
    "by_matrix": (
        'def f(x: "(1,)", /, h: "(1,)"):\n    R: (1, 1)\n    i = sigmoid(50 * x + R @ h)\n    h = h + log(i)\n    return h',
        lambda x, h: h - np.logaddexp(0, -50 * x),
    ),
}


@pytest.mark.parametrize("name", SMALL_GATES)
def test_a_gate_tells_its_small_values_from_zero_where_they_matter(name):
    text, expected = SMALL_GATES[name]
    derivation = symrnn.derive(text)
    x, h = np.array([[[-1.5]]]), np.array([[0.7]])
    params = {name: np.zeros((1, 1)) for name in derivation.cell.params}
    kernel = derivation.numpy()
    _, final, tape = kernel.forward(params, x, {"h": h})
    np.testing.assert_allclose(final["h"], expected(x[0], h), rtol=1e-14)
    grads = kernel.backward(tape, np.zeros_like(x), {"h": np.ones_like(h)})
    step = 1e-4
    slope = (expected(x[0] + step, h) - expected(x[0] - step, h)) / (2 * step)
    np.testing.assert_allclose(grads.x[0], slope, rtol=1e-4)


def test_a_gate_stays_in_the_block_where_its_small_values_do_not_matter():
    cell = "def f(x, h):\n    i = sigmoid(W @ x + R @ h)\n    h = i * tanh(h) / (1 + i) + log(2 + i)\n    return h"
    assert "sigmoid(" not in symrnn.derive(cell).numpy().source


def test_a_row_of_a_matrix_as_a_bias_waits_for_the_sizes():
    """`pack` has the parameters alone, and p is known where arrays are."""
    cell = symrnn.cell(
        "def f(x: (m,), /, h: (n,)):\n    B: (p, n)\n    h = tanh(W @ x + R @ h + B[-1])\n    return h\n"
    )
    sample = cell.sample(T=1, N=1, dims={"m": 2, "n": 3, "p": 4})
    params = sample.params
    outputs, _, _ = symrnn.derive(cell).numpy().forward(params, sample.x, sample.state)
    expected = np.tanh(params["W"] @ sample.x[0, 0] + params["R"] @ sample.state["h"][0] + params["B"][3])
    np.testing.assert_allclose(outputs[0, 0], expected, rtol=1e-14)
