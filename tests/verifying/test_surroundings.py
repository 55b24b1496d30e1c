"""Code that changes what is around it, raises anything, or gives back anything: a verdict all the same, and the caller's
world as it was."""

import builtins
import math
import os
import random
import signal
import sys
import threading
import time
import warnings

import numpy as np
import pytest

import symrnn
from symrnn.verifying import find_cell, functions, read_code, updates

MARK = "a word that stays"


def forward(params, x, state):
    h, hs = state["h"], []
    for x_t in x:
        h = np.tanh(x_t @ params["W"].T + h @ params["R"].T + params["b"])
        hs.append(h)
    return np.stack(hs), {"h": h}


def backward(params, x, state, d_outputs, d_final_state):
    hs, _ = forward(params, x, state)
    before = [state["h"], *hs[:-1]]
    dh = d_final_state["h"]
    d = {name: np.zeros_like(array) for name, array in params.items()}
    dx = np.zeros_like(x)
    for t in reversed(range(len(x))):
        da = (dh + d_outputs[t]) * (1 - hs[t] ** 2)
        d["W"] += da.T @ x[t]
        d["R"] += da.T @ before[t]
        d["b"] += da.sum(0)
        dx[t], dh = da @ params["W"], da @ params["R"]
    return d, dx, {"h": dh}


def after(change):
    """The right backward pass, and then something done to its result or to the world."""

    def changed(params, x, state, d_outputs, d_final_state):
        result = backward(params, x, state, d_outputs, d_final_state)
        return change(result, params, x)

    return changed


def doubled(result, params, x):
    return result[0], 2 * result[1], result[2]


def verify(code):
    return symrnn.verify("rnn", code, forward)


# What is replaced bends no verdict -----------------------------------------------------------------------------------


def nothing(*args, **options):
    return np.zeros(())


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (np, "abs", nothing),
        (np, "allclose", lambda *_, **__: True),
        (np, "sum", nothing),
        (np, "asarray", lambda a, *_: np.zeros(np.shape(a))),
        (np.linalg, "norm", nothing),
        (builtins, "all", lambda *_: True),
        (builtins, "map", lambda *_: []),
        (builtins, "isinstance", lambda *_: False),
        (math, "sqrt", abs),
    ],
)
def test_a_replaced_function_bends_no_verdict(module, name, value):
    own = getattr(module, name)

    def wrong(result, params, x):
        setattr(module, name, value)
        return doubled(result, params, x)

    report = verify(after(wrong))
    assert [array.array for array in report.arrays if not array] == ["∂L/∂x"]
    assert report.notes == (
        f"the code replaces {module.__name__}.{name}: it ran with its own, and was judged with the right ones",
    )
    assert getattr(module, name) is own


def test_what_the_caller_has_replaced_stays_and_is_the_codes_alone(monkeypatch):
    own = []

    def counted(a):
        own.append(a)
        return np.positive(np.sqrt(a * a))

    monkeypatch.setattr(np, "abs", counted)
    report = verify(after(lambda result, params, x: (np.abs(x), doubled(result, params, x))[1]))
    assert [finding.kind for finding in report.findings] == ["scale"]
    assert len(own) > 1
    assert np.abs is counted


def test_what_notebooks_put_in_place_of_input_is_nobodys_business(monkeypatch):
    monkeypatch.setattr(builtins, "input", lambda prompt="": "")
    assert verify(backward).notes == ()


def test_a_thread_that_replaces_a_function_while_it_is_judged_is_found_out():
    real, ended = np.sqrt, []

    def work():
        for _ in range(200):
            np.sqrt = nothing
            time.sleep(0.001)
        np.sqrt = real
        ended.append(True)

    def start(result, params, x):
        thread = threading.Thread(target=work)
        thread.start()
        threads.append(thread)
        return result

    threads = []
    try:
        with pytest.raises(
            symrnn.SymrnnError, match=r"^numpy\.sqrt was replaced while symrnn compared, by another thread"
        ):
            verify(after(start))
    finally:
        for thread in threads:
            thread.join()
        np.sqrt = real


def test_the_callers_world_is_as_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYMRNN_TEST", MARK)

    def vandal(result, params, x):
        np.seterr(all="raise")
        np.set_printoptions(precision=2)
        np.random.seed(3)
        random.seed(3)
        sys.setrecursionlimit(sys.getrecursionlimit() + 500)
        sys.stdout = sys.stderr = None
        warnings.simplefilter("ignore")
        os.chdir("/")
        os.environ.pop("SYMRNN_TEST", None)
        os.environ["SYMRNN_OTHER"] = MARK
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return result

    def world():
        return (
            np.geterr(), np.get_printoptions(), sys.getrecursionlimit(), list(warnings.filters), os.getcwd(),
            dict(os.environ), signal.getsignal(signal.SIGINT), random.getstate(), list(np.random.get_state(legacy=True)[1]),  # pyright: ignore
        )  # fmt: skip

    before, streams = world(), (sys.stdout, sys.stderr)
    assert verify(after(vandal))
    assert world() == before
    assert (sys.stdout, sys.stderr) == streams


@pytest.mark.parametrize("limit", [60, 100, 10**5])
def test_a_limit_of_recursion_is_the_codes_own(limit):
    def lower(result, params, x):
        sys.setrecursionlimit(limit)
        return doubled(result, params, x)

    before = sys.getrecursionlimit()
    try:
        assert not verify(after(lower))
    except symrnn.SymrnnError as error:  # where the tests themselves are deeper than that already
        assert "raised RecursionError" in str(error)
    assert sys.getrecursionlimit() == before


# Whatever is raised is a verdict ------------------------------------------------------------------------------------


class Silent(BaseException):
    def __str__(self):
        raise ValueError


class Wordless(Exception):
    def __str__(self):
        return 5  # pyright: ignore[reportReturnType]


class Own(BaseException):
    pass


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (SystemExit(0), "changed ended the program (exit code 0)\n  test_surroundings.py:"),
        (SystemExit(), "changed ended the program (exit code 0)\n"),
        (SystemExit("words"), "changed ended the program (exit code str)\n"),
        (GeneratorExit(), "changed raised GeneratorExit: no message\n  test_surroundings.py:"),
        (Own("a\n\x1b[31mb"), "changed raised Own: a �[31mb\n"),
        (Silent(), "changed raised Silent, whose message cannot be had: its __str__ raises ValueError\n"),
        (Wordless(), "changed raised Wordless, whose message cannot be had: its __str__ raises TypeError\n"),
        (MemoryError(), "changed raised MemoryError: no message\n"),
        (StopIteration(), "changed raised StopIteration: no message\n"),
        (ValueError("x" * 10**6), "changed raised ValueError: xxx"),
        (type("N" * 10**6, (Exception,), {})(), "changed raised NNN"),
    ],
)
def test_whatever_is_raised_is_a_verdict(error, start):
    def fail(result, params, x):
        raise error

    with pytest.raises(symrnn.SymrnnError) as caught:
        verify(after(fail))
    assert str(caught.value).startswith(start)
    assert len(str(caught.value)) < 1200


def test_ctrl_c_is_the_callers():
    def fail(result, params, x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify(after(fail))


# Whatever comes back is read or refused ----------------------------------------------------------------------------


class Unreadable:
    def __init__(self, error):
        self.error = error

    def __array__(self, *_, **__):
        raise self.error


class Endless:
    def __array__(self, *_, **__):
        while True:
            time.sleep(0.01)


class Uncounted(list):
    def __len__(self):
        raise ValueError("not to be counted")


class Closed(dict):
    def items(self):
        raise ValueError("not to be opened")


class Withdrawn:
    @property
    def dW(self):
        raise ValueError("not to be had")


class Liar(np.ndarray):
    """Everything that is asked of it is well."""

    shape = (1,)  # pyright: ignore

    def __eq__(self, other):
        return np.ones(3, bool)

    def __array_ufunc__(self, *_, **__):
        return np.zeros(3)

    def __array_function__(self, *_):
        return True

    def astype(self, *_, **__):
        return np.zeros(3)


def with_w(value):
    return after(lambda result, params, x: ({**result[0], "W": value}, *result[1:]))


@pytest.mark.parametrize(
    ("code", "start"),
    [
        (with_w(Unreadable(RuntimeError("no"))), "reading what changed gave back raised RuntimeError: no\n  test_surroundings.py:"),
        (with_w(Unreadable(SystemExit())), "reading what changed gave back raised SystemExit: no message\n"),
        (with_w(Uncounted()), "reading what changed gave back raised ValueError: not to be counted\n"),
        (after(lambda r, *_: (Closed(r[0]), *r[1:])), "reading what changed gave back raised ValueError: not to be opened\n"),
        (after(lambda *_: Withdrawn()), "reading what changed gave back raised ValueError: not to be had\n"),
        (after(lambda r, *_: (part for part in r)), "changed returned a generator; gradients come back as"),
        (after(lambda r, *_: ({"\x1b" * 10**5: 1},)), "changed returned a gradient called '�����"),
        (with_w(np.zeros((24, 23), int)), "changed returned the gradient of W as int64, which cuts off every fraction\n"),
        (with_w(np.zeros((24, 23), bool)), "changed returned the gradient of W as bool, which cuts off every fraction\n"),
        (with_w(np.zeros((24, 23), "float16")), "changed returned the gradient of W as float16, whose few digits hide mistakes\n"),
        (with_w(np.zeros((24, 23), object)), "changed returned the gradient of W, which holds object, not numbers; (24, 23) is right"),
        (after(lambda r, p, x: (r[0], x.astype(int), r[2])), "changed returned the gradient of x as int64, which cuts off every fraction\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(code, start):
    with pytest.raises(symrnn.SymrnnError) as caught:
        symrnn.verify("rnn", code, forward, dims={"m": 23, "n": 24})
    assert str(caught.value).startswith(start)
    assert len(str(caught.value)) < 1200


def test_integers_are_refused_with_a_mend():
    whole = functions(backward, lambda params, x, state: forward(params, x, state)[0].astype(int))
    with pytest.raises(symrnn.SymrnnError) as caught:
        symrnn.verify("rnn", whole)
    assert str(caught.value).startswith("forward returned h as int64, which cuts off every fraction\n")
    assert str(caught.value).endswith(
        "\n  mend: compute in float32 or float64 from the start: np.zeros(shape), np.zeros_like(x), without a dtype"
    )


def test_reading_that_never_ends_is_stopped():
    with pytest.raises(symrnn.SymrnnError, match=r"^reading what changed gave back did not end within 0\.2 seconds\n"):
        symrnn.verify("rnn", with_w(Endless()), forward, seconds=0.2)


@pytest.mark.parametrize("factor", [1, 2])
def test_arrays_that_lie_are_taken_for_what_they_hold(factor):
    def lie(result, params, x):
        return {name: (factor * array).view(Liar) for name, array in result[0].items()}, *result[1:]

    report = verify(after(lie))
    assert bool(report) is (factor == 1)
    assert {array.array for array in report.arrays if not array} == (
        {"∂L/∂W", "∂L/∂R", "∂L/∂b"} if factor == 2 else set()
    )


@pytest.mark.parametrize(
    "as_given", [lambda a: a.tolist(), memoryview, lambda a: a.astype("longdouble"), np.ma.asarray, np.asfortranarray]
)
def test_right_numbers_in_other_clothes_are_right(as_given):
    def dress(result, params, x):
        return {name: as_given(array) for name, array in result[0].items()}, as_given(result[1]), result[2]

    assert verify(after(dress))


# What is handed in --------------------------------------------------------------------------------------------------


def changes_dict(params):
    params.pop("b")
    params["extra"] = 1


def changes_shape(params):
    params["b"].shape = (1, -1)


def changes_values(params):
    params["b"] *= 2


def changes_entry(params):
    params["b"] = params["b"] * 2


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (changes_dict, ["b", "extra"]),
        (changes_shape, ["b"]),
        (changes_values, ["b"]),
        (changes_entry, ["b"]),
    ],
)
def test_what_is_handed_in_and_changed_is_named_and_bends_nothing_else(change, names):
    report = verify(after(lambda result, params, x: (change(params), result)[1]))
    assert [finding.kind for finding in report.findings] == ["mutation of the caller's arrays"] * len(names)
    assert [finding.note for finding in report.findings] == [
        f"the backward changes `{name}`, an array of its caller" for name in names
    ]
    assert all(report.arrays)


def test_a_forward_that_empties_the_dict_leaves_the_backward_what_it_needs():
    def empties(params, x, state):
        result = forward(params, x, state)
        params.clear()
        return result

    report = symrnn.verify("rnn", backward, empties)
    assert "the forward changes what it is given: W, R, b" in report.notes


def test_an_update_may_put_new_arrays_in_the_dict():
    def update(params, x, state, d_outputs, d_final_state):
        for name, gradient in backward(params, x, state, d_outputs, d_final_state)[0].items():
            params[name] = params[name] - 0.5 * gradient

    assert symrnn.verify("rnn", updates(update, forward, rate=0.5))


def test_results_that_are_changed_later_are_kept():
    kept = []

    def later(result, params, x):
        for one in kept:
            for array in one.values():
                array[...] = 7
        kept.append(result[0])
        return result

    assert verify(after(later))


def test_results_that_change_from_call_to_call_are_found():
    def noisy(result, params, x):
        kept.append(1)
        return {**result[0], "b": result[0]["b"] + 1e-3 * len(kept)}, *result[1:]

    kept = []
    assert "state leaking between calls" in [finding.kind for finding in verify(after(noisy)).findings]


def test_the_verdict_is_the_same_in_another_thread():
    reports = []
    thread = threading.Thread(target=lambda: reports.extend([verify(backward), verify(after(doubled))]))
    thread.start()
    thread.join()
    assert list(map(bool, reports)) == [True, False]


# Files --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "{path} has no function `backward`, and there is nothing called so\n  mend: define backward("),
        ("def my_backward(): pass\n", "{path} has no function `backward`; there is my_backward\n  mend: backward = my_backward"),
        ("backward = max\nlayout = 5\n", "{path}: `layout` is an int; a symrnn.Layout is needed"),
        ("a = 1\ndef f(:\n", "{path}:2: this is not Python: invalid syntax\n    2 | def f(:\n      |       ^"),
        ("a = 'é'\n".encode("latin-1"), "{path}:1: this is not Python: (unicode error) 'utf-8' codec can't decode byte 0xe9"),
        ("a = 1\0", "{path}"),
        ("import nowhere.to_be_found\n", "{path} cannot be run: ModuleNotFoundError: No module named 'nowhere'\n  mine.py:1, in <module>: import nowhere.to_be_found\n  mend: {python} -m pip install nowhere, or the folder that it is in in PYTHONPATH"),
        ("1 / 0\n", "{path} cannot be run: ZeroDivisionError: division by zero\n  mine.py:1, in <module>: 1 / 0"),
        ("def f(n):\n    f(n + 1)\nf(0)\n", "{path} cannot be run: RecursionError: maximum recursion depth exceeded\n  mine.py:2, in f: f(n + 1)"),
        ("import sys\nsys.exit(0)\n", "{path} ended the program (exit code 0)\n  mine.py:2, in <module>: sys.exit(0)\n  mend: guard what a script does with `if __name__ == '__main__':`"),
        ("while True: pass\n", "{path} has not been read within 0.3 seconds\n  mine.py:1, in <module>: while True: pass\n  mend: guard"),
        ("import sys\nn = sys.argv[999]\n", "{path} cannot be run: IndexError: list index out of range\n  mine.py:2, in <module>: n = sys.argv[999]\n  there are no arguments: sys.argv is the file alone\n  mend: guard"),
        ("raise EOFError('EOF when reading a line')\n", "{path} cannot be run: EOFError: EOF when reading a line\n  mine.py:1, in <module>: raise EOFError('EOF when reading a line')\n  there is nothing to read on standard input\n  mend: guard"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_or_run(text, message, tmp_path):
    path = tmp_path / "mine.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(symrnn.SymrnnError) as caught:
        read_code(str(path), seconds=0.3)
    assert str(caught.value).startswith(message.format(path=path, python=sys.executable)), caught.value
    assert str(tmp_path) not in sys.path


def test_a_file_that_is_none(tmp_path):
    for path, message in ((tmp_path, "it is a folder"), ("/dev/null", "it is a device or a pipe")):
        with pytest.raises(symrnn.OptionError, match=f"^cannot read {path}: {message}"):
            read_code(str(path))
    with pytest.raises(symrnn.OptionError, match=r"^cannot read nowhere\.py: No such file"):
        read_code("nowhere.py")


def test_a_cell_that_is_none(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def backward(params): return {}\ncell = 5\n")
    with pytest.raises(symrnn.OptionError, match=r"^`cell` is an int; it says which cell the code is\n  mend: cell = "):
        find_cell(read_code(str(path)))


def test_a_file_is_read_anew_however_soon_it_was_changed(tmp_path):
    """Python's own cache goes by second and size, and would bring back the text of a moment ago."""
    path = tmp_path / "mine.py"
    for digit in "12":
        path.write_text(f"def backward(): return {digit}\n")
        os.utime(path, (10**9, 10**9))
        found = read_code(str(path)).code.backward
        assert callable(found)
        assert found() == int(digit)


def test_a_search_ends_with_the_first_call_that_does_not_come_back(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def backward(params): return {}\ndef forward(x):\n    while True: pass\n")
    start = time.monotonic()
    with pytest.raises(symrnn.SymrnnError, match=r"^forward did not return within 0\.2 seconds"):
        find_cell(read_code(str(path)), seconds=0.2)
    assert time.monotonic() - start < 20
