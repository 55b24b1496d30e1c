"""The compiled backend: its options, its compiler, its cache, and arrays that C cannot read as they are."""

import os
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import symrnn
from symrnn.numeric import cache as caching
from symrnn.numeric.compiled import compiler as loading
from symrnn.numeric.compiled.compiler import find_compiler


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
    assert len(list(cache.glob("rnn-*.so"))) == 1
    monkeypatch.setenv("CFLAGS", "-O1")
    symrnn.derive("rnn").numpy(backend="c")
    symrnn.derive("rnn").numpy("float32", backend="c")
    assert log.read_text() == "x\nx\nx\n"


ANSWER = "int answer(void) { return ANSWER; }"


def answer_in_a_process(number):
    program = (
        "from symrnn.numeric.compiled.compiler import load_library\n"
        f"print(load_library({ANSWER!r}, 'answer', ['answer'], ['-DANSWER={number}']).answer())"
    )
    root = Path(symrnn.__file__).parents[1]
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root
    )


def _cut_short(library, elsewhere):
    library.write_bytes(library.read_bytes()[:5000])


def _empty(library, elsewhere):
    library.write_bytes(b"")


def _other_bytes(library, elsewhere):
    data = bytearray(library.read_bytes())
    data[len(data) // 2] ^= 1
    library.write_bytes(data)


def _behind_a_link(library, elsewhere):
    moved = elsewhere / "library.so"
    library.rename(moved)
    library.symlink_to(moved)


def _anybody_may_write(library, elsewhere):
    library.chmod(0o777)


def _a_pipe(library, elsewhere):
    library.unlink()
    os.mkfifo(library)


def _without_symbols(library, elsewhere):
    """Another program's library under a name that fits its bytes."""
    source = elsewhere / "other.c"
    source.write_text("int something(void) { return 1; }")
    subprocess.run([*find_compiler(), "-shared", "-fPIC", str(source), "-o", str(elsewhere / "other.so")], check=True)
    data = (elsewhere / "other.so").read_bytes()
    stem = library.name.rsplit("-", 1)[0]
    library.unlink()
    caching.write_file(library.with_name(f"{stem}-{caching.hash_of(data)}.so"), data)


DAMAGE = [_cut_short, _empty, _other_bytes, _behind_a_link, _anybody_may_write, _a_pipe, _without_symbols]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_library_that_is_not_what_was_written_is_compiled_anew(damage, compiler, cache, tmp_path, monkeypatch):
    number = DAMAGE.index(damage)
    given = (ANSWER, "answer", ["answer"], [f"-DANSWER={number}"])
    with monkeypatch.context() as patch:  # written and not loaded: who has loaded a library keeps it
        patch.setattr(loading, "_load", lambda path, functions: path)
        library = loading.load_library(*given)
    whole = library.read_bytes()
    damage(library, tmp_path)
    assert loading.load_library(*given).answer() == number
    assert caching.read_file(library) == whole


def test_a_library_cut_short_does_not_end_the_process(compiler, cache):
    for _ in range(2):
        done = answer_in_a_process(77)
        assert done.communicate() == ("77\n", "")
        (library,) = cache.glob("answer-*.so")
        library.write_bytes(library.read_bytes()[:5000])


def test_what_lies_in_the_cache_is_its_users_alone(compiler, cache):
    symrnn.derive("rnn").numpy(backend="c")
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in cache.rglob("*") if path.is_file()} == {0}


def test_a_file_of_another_user_is_not_read(cache, monkeypatch):
    folder = caching.kept_folder()
    assert folder == cache
    caching.write_file(folder / "mine", b"what I wrote")
    assert caching.read_file(folder / "mine") == b"what I wrote"
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_000)
    assert caching.read_file(folder / "mine") is None
    assert caching.kept_folder() is None


def _open_to_all(folder, elsewhere):
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)


def _a_link(folder, elsewhere):
    folder.parent.mkdir(exist_ok=True)
    folder.symlink_to(elsewhere)


def _a_file(folder, elsewhere):
    folder.write_text("")


@pytest.mark.parametrize(("make", "private"), [(_open_to_all, True), (_a_link, False), (_a_file, False)])
def test_a_folder_that_is_not_private(make, private, compiler, cache, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    make(cache, elsewhere)
    sample = symrnn.load("rnn").sample()
    kernel = symrnn.derive("rnn").numpy(backend="c")
    plain = symrnn.derive("rnn").numpy(plain=True)
    assert np.allclose(kernel.forward(sample.params, sample.x)[0], plain.forward(sample.params, sample.x)[0])
    assert caching.kept_folder() == (cache if private else None)
    if private:
        assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    else:
        temporary = caching.working_folder()
        assert temporary != cache
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o700
        assert list(temporary.glob("rnn-*.so"))
        assert list(elsewhere.iterdir()) == []


def test_two_processes_may_compile_at_once(compiler, cache):
    both = [answer_in_a_process(78) for _ in range(2)]
    assert [process.communicate() for process in both] == [("78\n", "")] * 2
    assert not list(cache.glob(".*"))


def test_a_write_that_fails_leaves_nothing(cache, monkeypatch):
    folder = caching.kept_folder()
    monkeypatch.setattr(os, "replace", lambda a, b: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        caching.write_file(folder / "name", b"data")
    assert list(folder.iterdir()) == []


def test_many_may_compile_at_once(compiler, cache):
    derivation, sample = symrnn.derive("rnn"), symrnn.load("rnn").sample()
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: gradients(derivation.numpy(backend="c"), sample), range(8)))
    assert all(np.array_equal(result["W"], results[0]["W"]) for result in results)
    assert [path.suffix for path in cache.glob("*") if not path.name.startswith("verdict-")] == [".so"]


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
    assert len(next(cache.glob("f*.so")).name) < 130


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
        assert caching.kept_folder() == tmp_path / ".cache" / "symrnn"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert caching.kept_folder() == tmp_path / "elsewhere" / "symrnn"


def test_where_nothing_can_be_written(compiler, cache, monkeypatch):
    monkeypatch.setattr(caching, "kept_folder", lambda: None)
    monkeypatch.setattr(tempfile, "mkdtemp", lambda prefix: (_ for _ in ()).throw(OSError("no space")))
    caching._temporary_folder.cache_clear()
    with pytest.raises(
        symrnn.CompilerError, match=r"compiled code cannot be kept: no space\n  mend: set XDG_CACHE_HOME"
    ):
        symrnn.derive("rnn").numpy(backend="c")
