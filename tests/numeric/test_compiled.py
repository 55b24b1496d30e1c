"""The compiled backend: its options, its compiler, its cache, and arrays that C cannot read as they are."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import symrnn
from symrnn.numeric.compiled.compiler import cache_folder, find_compiler


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "symrnn"


@pytest.fixture
def compiler():
    try:
        return find_compiler()
    except symrnn.CompilerError as error:
        pytest.skip(str(error))


def program(folder, name, text):
    """An executable shell script."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def gradients(kernel, sample):
    outputs, final, tape = kernel.forward(sample.params, sample.x, sample.state)
    grads = kernel.backward(tape, np.ones_like(outputs), final)
    return {"y": outputs, **final, "x": grads.x, **grads.params, **{f"{k}_0": v for k, v in grads.state.items()}}


def test_a_misspelt_backend_raises():
    with pytest.raises(symrnn.OptionError) as caught:
        symrnn.derive("rnn").numpy(backend="C")
    assert str(caught.value) == "backend is 'numpy' or 'c', not 'C'. did you mean `c`?"
    with pytest.raises(symrnn.OptionError, match=r"not 'nunpy'. did you mean `numpy`"):
        symrnn.derive("rnn").numpy(backend="nunpy")
    with pytest.raises(symrnn.OptionError, match='plain=True asks for plain NumPy; leave it out, or backend="c"'):
        symrnn.derive("rnn").numpy(plain=True, backend="c")


def test_the_source_is_the_c_that_is_printed(compiler):
    derivation = symrnn.derive("rnn")
    assert derivation.numpy(backend="c").source == derivation.code("c")


def test_arrays_that_c_cannot_read_as_they_are(compiler):
    """Turned, with gaps, not aligned, or read-only: the same numbers, and nothing of the caller's changed."""
    kernel = symrnn.derive("lstm").numpy(backend="c")
    sample = symrnn.load("lstm").sample(T=3, N=2)
    expected = gradients(kernel, sample)

    def turned(array):
        return np.asfortranarray(array)

    def gapped(array):
        return np.repeat(array, 2, axis=-1)[..., ::2]

    def shifted(array):
        room = np.zeros(array.nbytes + 1, np.uint8)
        view = np.frombuffer(room.data, array.dtype, array.size, 1)
        view[...] = array.ravel()
        return view.reshape(array.shape)

    def locked(array):
        array = array.copy()
        array.flags.writeable = False
        return array

    for change in (turned, gapped, shifted, locked):
        changed = type(sample)(
            {name: change(value) for name, value in sample.params.items()},
            change(sample.x),
            {name: change(value) for name, value in sample.state.items()},
        )
        upstream = change(np.ones((3, 2, 6)))
        outputs, final, tape = kernel.forward(changed.params, changed.x, changed.state)
        grads = kernel.backward(tape, upstream, {name: change(value) for name, value in final.items()})
        found = {"y": outputs, **final, "x": grads.x, **grads.params, **{f"{k}_0": v for k, v in grads.state.items()}}
        for name, value in expected.items():
            assert np.array_equal(found[name], value), (change.__name__, name)
        assert np.array_equal(changed.x, sample.x)


def test_it_is_compiled_once(compiler, cache, tmp_path, monkeypatch):
    log = tmp_path / "log"
    wrapper = program(
        tmp_path, "counting", f'case "$1" in --version) ;; *) echo x >> {log};; esac\nexec {compiler[0]} "$@"'
    )
    monkeypatch.setenv("CC", str(wrapper))
    sample = symrnn.load("rnn").sample()
    first = gradients(symrnn.derive("rnn").numpy(backend="c"), sample)
    second = gradients(symrnn.derive("rnn").numpy(backend="c"), sample)
    assert log.read_text() == "x\n"
    assert all(np.array_equal(first[name], second[name]) for name in first)
    (library,) = cache.iterdir()
    assert library.name.startswith("rnn-")
    monkeypatch.setenv("CFLAGS", "-O1")
    symrnn.derive("rnn").numpy(backend="c")
    symrnn.derive("rnn").numpy("float32", backend="c")
    assert log.read_text() == "x\nx\nx\n"


def test_a_damaged_library_is_compiled_anew(compiler, cache):
    sample = symrnn.load("rnn").sample()
    cache.mkdir()
    # In processes of their own: one that has loaded a library keeps it, whatever becomes of the file.
    line = "import symrnn; k = symrnn.derive('rnn').numpy(backend='c'); s = symrnn.load('rnn').sample(); print(k.forward(s.params, s.x)[0].sum())"

    def run():
        done = subprocess.run(
            [sys.executable, "-c", line], capture_output=True, text=True, cwd=Path(symrnn.__file__).parents[1]
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    first = run()
    (library,) = cache.iterdir()
    library.write_bytes(library.read_bytes()[:100])
    assert run() == first
    assert library.stat().st_size > 100
    assert float(first) == pytest.approx(symrnn.derive("rnn").numpy().forward(sample.params, sample.x)[0].sum())


def test_many_may_compile_at_once(compiler, cache):
    derivation, sample = symrnn.derive("rnn"), symrnn.load("rnn").sample()
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: gradients(derivation.numpy(backend="c"), sample), range(8)))
    assert all(np.array_equal(result["W"], results[0]["W"]) for result in results)
    assert [path.suffix for path in cache.iterdir()] == [".so"]


def test_without_a_compiler_it_says_so(tmp_path, monkeypatch, cache):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(symrnn.CompilerError) as caught:
        symrnn.derive("rnn").numpy(backend="c")
    assert str(caught.value) == (
        'backend="c" needs a C compiler, and none of cc, gcc, clang is on the PATH\n'
        '  mend: install one, or set CC to one; derive(…).numpy(), with backend="numpy", needs no compiler'
    )
    monkeypatch.setenv("CC", "no-such-compiler -O2")
    with pytest.raises(symrnn.CompilerError, match=r"\$CC says 'no-such-compiler', which is not on the PATH"):
        symrnn.derive("rnn").numpy(backend="c")


def test_variables_are_read_as_a_shell_reads_them(compiler, monkeypatch, cache):
    monkeypatch.setenv("CFLAGS", "-DNAME='a b")
    with pytest.raises(symrnn.CompilerError, match=r"""\$CFLAGS is "-DNAME='a b": No closing quotation\n  mend: """):
        symrnn.derive("rnn").numpy(backend="c")
    monkeypatch.setenv("CFLAGS", "-DNAME='a b' -O1")
    assert symrnn.derive("rnn").numpy(backend="c").dtype == "float64"


def test_a_long_name(compiler, cache):
    kernel = symrnn.derive(f"def {'f' * 300}(x, h):\n    h = tanh(x + h)\n    return h").numpy(backend="c")
    assert kernel.forward({}, np.zeros((1, 1, 2)))[0].shape == (1, 1, 2)
    assert len(next(cache.iterdir()).name) < 100


def test_a_compiler_that_fails_is_quoted(tmp_path, monkeypatch, cache):
    text = 'echo "in file" >&2; echo "rnn.c:3:1: error: it is Sunday" >&2; echo "rnn.c:4:1: error: more" >&2; exit 1'
    monkeypatch.setenv("CC", str(program(tmp_path, "failing", text)))
    with pytest.raises(symrnn.CompilerError, match=r"failed on rnn\.c: rnn\.c:3:1: error: it is Sunday\n  mend: check"):
        symrnn.derive("rnn").numpy(backend="c")
    monkeypatch.setenv("CC", str(program(tmp_path, "silent", "exit 3")))
    with pytest.raises(symrnn.CompilerError, match=r"failed on rnn\.c: exit code 3\n"):
        symrnn.derive("rnn").numpy(backend="c")
    assert list(cache.iterdir()) == []


def test_a_compiler_that_makes_something_else(tmp_path, monkeypatch, cache):
    script = 'while [ $# -gt 1 ]; do [ "$1" = -o ] && echo nonsense > "$2"; shift; done; exit 0'
    monkeypatch.setenv("CC", str(program(tmp_path, "pretending", script)))
    with pytest.raises(symrnn.CompilerError, match=r"was compiled and cannot be loaded: .*\n  mend: see that \$CC"):
        symrnn.derive("rnn").numpy(backend="c")


def test_where_the_cache_is(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert cache_folder() == tmp_path / ".cache" / "symrnn"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere" / "symrnn"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(
        symrnn.CompilerError, match=r"there is no folder to keep compiled code in: .*\n  mend: set XDG_"
    ):
        cache_folder()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_a_cache_that_cannot_be_written(compiler, cache):
    cache.mkdir(mode=0o500)
    with pytest.raises(symrnn.CompilerError, match=r"cannot compile to .*\n  mend: set XDG_CACHE_HOME"):
        symrnn.derive("rnn").numpy(backend="c")
