"""Whatever a person hands to a kernel as an array: right numbers or a clear error, and nothing of theirs is changed."""

from fractions import Fraction

import numpy as np
import pytest

import symrnn

CELL = symrnn.load("rnn")
X = np.array([[[0.5, -1.25, 2.0]], [[1.0, 0.25, -0.75]]])
PARAMS = {"W": np.array([[1.0, -0.5, 2.0], [0.25, 1.5, -1.0]]), "R": np.array([[0.5, 1.0], [-1.0, 2.0]]), "b": np.zeros(2)}  # fmt: skip
WHERE = {"x": "x", "params": "params['W']", "d_outputs": "d_outputs"}


def _masked(a):
    return np.ma.masked_array(a, a > 0)


def _locked(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def _unaligned(a):
    room = np.zeros(a.nbytes + 1, np.uint8)
    view = np.frombuffer(room.data, a.dtype, a.size, 1)
    view[...] = a.ravel()
    return view.reshape(a.shape)


class _Tensor:
    """An array of another library."""

    def __init__(self, a):
        self.a = a

    def __array__(self, dtype=None, copy=None):
        return np.array(self.a, dtype)


TAKEN = {
    "a list": lambda a: a.tolist(),
    "a list of fractions": lambda a: np.vectorize(Fraction, otypes=[object])(a).tolist(),
    "read-only": _locked,
    "with gaps": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "backwards": lambda a: np.ascontiguousarray(a[..., ::-1])[..., ::-1],
    "column-major": np.asfortranarray,
    "not aligned": _unaligned,
    "another library's": _Tensor,
    "a view of memory": lambda a: memoryview(a.copy()),
    "a subclass": lambda a: a.view(type("Own", (np.ndarray,), {})),
}
ASTYPE = " and this kernel computes in float64: convert it with .astype('float64')"
REFUSED = {
    "integers": (lambda a: a.astype(int), " is int64" + ASTYPE),
    "truth": (lambda a: a > 0, " is bool" + ASTYPE),
    "half": (lambda a: a.astype("float16"), " is float16" + ASTYPE),
    "single": (lambda a: a.astype("float32"), " is float32" + ASTYPE + ", or derive(…).numpy(dtype='float32')"),
    "big-endian": (lambda a: a.astype(">f8"), " is >f8" + ASTYPE),
    "objects": (lambda a: a.astype(object), " is object" + ASTYPE),
    "complex": (lambda a: a.astype(complex), " is complex128 and this kernel computes in float64: take .real where the imaginary parts are zero"),
    "a complex list": (lambda a: a.astype(complex).tolist(), " is complex128 and this kernel computes in float64: take .real where the imaginary parts are zero"),
    "masked": (_masked, " is a masked array, and kernels know no masks: fill it with .filled(…)"),
    "a string": (lambda a: "1.5", " is not an array of numbers: it is '1.5'"),
    "strings": (lambda a: a.astype("U8").tolist(), " is not an array of numbers: it is "),
    "None": (lambda a: None, " is not an array of numbers: it is None"),
    "a list with None": (lambda a: [None, 1.0], " is not an array of numbers: it is [None, 1.0]"),
    "dates": (lambda a: a.astype("datetime64[s]"), " is not an array of numbers: it is datetime64[s]"),
    "records": (lambda a: a.astype([("a", "f8")]), " is not an array of numbers: it is [('a', '<f8')]"),
    "a huge number": (lambda a: 10**400, " is not an array of numbers: int too large to convert to float"),
    "ragged": (lambda a: [[1.0], [2.0, 3.0]], " is not an array of numbers: setting an array element with a sequence"),
    "a generator": (lambda a: (v for v in a), " is not an array of numbers: float() argument must be "),
}  # fmt: skip


def run(kernel, where="", change=None):
    """Both passes, with one array changed; it stays as it was."""
    given = {"x": X, "params": PARAMS["W"], "d_outputs": np.ones((2, 1, 2))}
    if change is not None:
        given[where] = change(given[where])
    kept = np.array(given[where]) if where and isinstance(given[where], np.ndarray) else None
    outputs, final, tape = kernel.forward({**PARAMS, "W": given["params"]}, given["x"])
    grads = kernel.backward(tape, given["d_outputs"], final)
    if kept is not None:
        assert np.array_equal(np.array(given[where]), kept)
    return [outputs, final["h"], grads.x, *grads.params.values(), grads.state["h"]]


@pytest.fixture(scope="module")
def kernel(backend):
    return symrnn.derive(CELL).numpy(backend=backend)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("kind", TAKEN)
def test_taken(kind, where, kernel):
    for expected, found in zip(run(kernel), run(kernel, where, TAKEN[kind]), strict=True):
        assert type(found) is np.ndarray
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("kind", REFUSED)
def test_refused(kind, where, kernel):
    change, message = REFUSED[kind]
    with pytest.raises(symrnn.InputError) as caught:
        run(kernel, where, change)
    assert str(caught.value).startswith(WHERE[where] + message)


def test_what_the_message_recommends_is_taken(kernel):
    integers = X.astype(int)
    run(kernel, "x", lambda a: integers.astype("float64"))
    assert kernel.pack({**PARAMS, "W": PARAMS["W"].astype(">f8").astype("float64")})
    assert symrnn.derive(CELL).numpy("float32").pack({k: v.astype("float32") for k, v in PARAMS.items()})


@pytest.mark.parametrize("tape", ["full", "checkpoint"])
@pytest.mark.parametrize(
    ("T", "N", "m", "n", "message"),
    [
        (0, 2, 3, 4, "x has the shape (0, 2, 3), so T = 0; T and N are at least 1"),
        (2, 0, 3, 4, "x has the shape (2, 0, 3), so N = 0; T and N are at least 1"),
        (2, 2, 0, 4, "x has the shape (2, 2, 0), so m = 0; sizes are at least 1"),
        (2, 2, 3, 0, "params W has the shape (0, 3), so n = 0; sizes are at least 1"),
    ],
)
def test_sizes_of_zero(T, N, m, n, message, tape, kernel):
    params = {"W": np.zeros((n, m)), "R": np.zeros((n, n)), "b": np.zeros(n)}
    with pytest.raises(symrnn.InputError) as caught:
        kernel.forward(params, np.zeros((T, N, m)), tape=tape)
    assert str(caught.value) == message


def test_sizes_keep_their_names_whether_a_state_is_given_or_not():
    """Without a state p and q are read off the parameters, in another order."""
    cell = symrnn.cell(
        "def f(x: (m,), /, s: (p,), h: (q,)):\n    s = s + V @ x\n    h = tanh(U @ h + W @ s)\n    return h, (s, h)\n"
    )
    kernel = symrnn.derive(cell).numpy(plain=True)
    for dims, given in (({"m": 1, "p": 2, "q": 3}, False), ({"m": 1, "p": 3, "q": 2}, True)):
        sample = cell.sample(T=2, N=1, dims=dims)
        outputs, _, _ = kernel.forward(sample.params, sample.x, sample.state if given else None)
        assert outputs.shape == (2, 1, dims["q"])
