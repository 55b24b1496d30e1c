"""The benchmark of kernels: everybody computes the same, the table has its shape, a wrong rival stops it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import symrnn
from benchmarks import goals, kernels, measure, rivals
from benchmarks.main import main
from benchmarks.problem import CUSTOM, PACKING, SIZES, pose
from benchmarks.rival import Absent, Rival
from benchmarks.rival_numpy import textbook
from benchmarks.rival_products import bare_products, list_products
from benchmarks.rival_symrnn import symrnn_in_c, symrnn_kernel
from benchmarks.table import ORDER, lines
from benchmarks.tape import held_bytes
from benchmarks.timing import in_turns, ratio
from symrnn.errors import OptionError

TESTS = Path(__file__).parents[1]
SMALL = (3, 5, 2, 4)
CASE = measure.Case(("lstm",), (SMALL,), ("float64",), 0, 2, turn=0.0)


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory):
    """Compiled code goes where it is nobody's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def test_without_a_compiler_our_other_backend_is_left_out(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    found = symrnn_in_c(pose("lstm", SMALL, "float64"))
    assert found == Absent("$CC says 'no-such-compiler', which is not on the PATH")


def agreement(name, dtype, prepare):
    problem = pose(name, SMALL, dtype)
    mine = symrnn_kernel(problem)
    rival = prepare(problem)
    if isinstance(rival, Absent):
        pytest.skip(rival.reason)
    rivals.compare(problem, mine.results(mine.run()), rival.results(rival.run()), "a rival")
    again = rival.results(rival.run())
    rivals.compare(problem, mine.results(mine.run()), again, "a rival that ran before")


@pytest.mark.parametrize("name", PACKING)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("who", [who for who in ORDER if who not in (measure.PRODUCTS, "jax.jit of scan")])
def test_everybody_computes_the_same(name, dtype, who):
    agreement(name, dtype, rivals.rivals()[who])


def test_jax_computes_the_same_in_a_process_of_its_own():
    """JAX is started with float64 for good, so not in this process."""
    pytest.importorskip("jax", reason="not installed")
    program = (
        "from benchmarks import rivals; from benchmarks.problem import PACKING, pose\n"
        "from benchmarks.rival_jax import jax_scan; from benchmarks.rival_symrnn import symrnn_kernel\n"
        "for name in PACKING:\n"
        "    for dtype in ('float64', 'float32'):\n"
        f"        problem = pose(name, {SMALL}, dtype); mine, rival = symrnn_kernel(problem), jax_scan(problem)\n"
        "        found = rival.results(rival.run())\n"
        "        assert {str(v.dtype) for v in found.values()} == {dtype}\n"
        "        rivals.compare(problem, mine.results(mine.run()), found, 'jax')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=TESTS)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", PACKING)
def test_every_parameter_is_packed_once(name):
    cell = symrnn.cell(CUSTOM[name]) if name in CUSTOM else symrnn.load(name)
    packed = [param for names in PACKING[name].values() for param in names]
    assert sorted(packed) == sorted(cell.params)


def test_a_rival_that_computes_something_else_stops_the_benchmark():
    def wrong(problem):
        rival = textbook(problem)

        def results(found):
            arrays = rival.results(found)
            arrays["params", "R_f"] = arrays["params", "R_f"] * (1 + 1e-8)
            return arrays

        return replace(rival, results=results)

    message = (
        r"lstm at \(m, n, N, T\) = \(3, 5, 2, 4\), float64: the gradient by R_f of somebody and of symrnn differ by"
    )
    with pytest.raises(rivals.Disagreement, match=message):
        list(measure.measure(CASE, {"somebody": wrong}))


def test_a_missing_package_is_a_row(monkeypatch):
    from benchmarks import rival_jax, rival_torch

    for module in (rival_jax, rival_torch):
        monkeypatch.setattr(module, "find_spec", lambda name: None)
    (record,) = measure.measure(CASE)
    assert {who for who, why in record.absent.items() if why == "not installed"} == {
        "torch.nn",
        "PyTorch eager",
        "jax.jit of scan",
    }
    text = list(lines([record], {}))
    assert ["torch.nn", "not", "inst."] in [line.split() for line in text]
    assert "  torch.nn: not installed" in text


def test_the_products_of_an_lstm_and_of_a_custom_cell():
    dims = {"m": 3, "n": 5}
    found = {p.value: (p.inner, p.outer, p.rows, p.recurrent) for p in list_products(symrnn.derive("lstm"), dims)}
    assert found == {"x": (3, 20, 1, False), "h_prev": (5, 20, 1, True)}
    derivation = symrnn.derive(CUSTOM["mgu"])
    assert sorted((p.inner, p.outer, p.recurrent) for p in list_products(derivation, dims)) == [
        (3, 10, False),
        (5, 5, True),
        (5, 5, True),
    ]
    turned = symrnn.derive("def f(x, h):\n    h = tanh(W @ x + h @ R + R.T @ h + x @ W.T)\n    return h")
    assert sorted((p.inner, p.outer, p.recurrent) for p in list_products(turned, dims)) == [
        (3, 10, False),
        (5, 10, True),
    ]
    assert isinstance(bare_products(pose("lstm", SMALL, "float32")), Rival)


def test_the_tape_counts_each_buffer_once_and_nothing_of_the_caller_s():
    x, kept = np.zeros((4, 3)), np.zeros((10, 2))
    tape = ((x, x[1:]), [kept, kept[2:], {"a": kept.T}], {"b": (np.zeros(5),)})
    assert held_bytes(tape) == 8 * (12 + 20 + 5)
    assert held_bytes(tape, [{"x": x}]) == 8 * (20 + 5)


def test_turns_alternate():
    order = []
    times = in_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3, turn=0.0)
    assert order == ["a", "a", "b", "b", *["a", "a", "b", "b"] * 3]
    assert {name: len(values) for name, values in times.items()} == {"a": 3, "b": 3}
    assert ratio([2.0, 9.0, 1.0], [1.0, 3.0, 1.0]) == 2.0


def record(**changes):
    ratios = {"bare products": 1.4, "torch.nn": 1.2, "jax.jit of scan": 0.5}
    return replace(
        measure.Record("lstm", SIZES[3], "float64", 1, ratios, {"PyTorch eager": "not installed"}, 9.0), **changes
    )


def test_the_table_and_the_goals():
    records = [record(), record(dtype="float32", threads=1), record(cell="gru", ratios={"bare products": 1.6})]
    text = list(lines(records, {"lstm": 12.0, "gru": 60.0}))
    rows = [line.split() for line in text]
    assert ["1", "thread", "256,512,64,50"] in rows
    assert ["torch.nn", "1.20!", "1.20!"] in rows
    assert ["bare", "products", "1.40", "1.40"] in rows
    assert ["bare", "products", "1.60!"] in rows
    assert ["tape,", "in", "sizes", "of", "x", "9.0", "9.0"] in rows
    assert "lstm   compiled in 12 ms" in text
    assert "  PyTorch eager: not installed" in text
    verdicts = {line[2:74].strip(): line[75:] for line in text[text.index("goals") + 1 :] if len(line) > 75}
    assert verdicts["1.0 against torch.nn: lstm, gru_reset_after, float64"] == (
        "missed in 1 of 1 cases, at worst 1.20, 20 % above the goal (lstm, float64, n = 512, 1 thread)"
    )
    text = list(lines([record(ratios={"bare products": 1.1, "torch.nn": 1.32})], {}))
    assert any(line.endswith("(lstm, float64, n = 512, 1 thread); the products alone take 1.20") for line in text)
    both = [record(ratios={"symrnn in C": c, "jax.jit of scan": 1.5}) for c in (2.0, 1.2)]
    assert any("missed in 2 of 2 cases (1 with the faster backend), at worst 1.50" in line for line in lines(both, {}))
    assert verdicts["1.3 against torch.nn: lstm, gru_reset_after, float32, n = 8, 128"] == "not measured"
    assert verdicts["1.0 against jax.jit of scan: every cell"] == "met in all 2 cases (0.50 at most)"
    assert verdicts["compile in 50 ms"] == "missed: 60 ms for gru"


def test_records_survive_json():
    assert measure.Record.from_json(json.loads(json.dumps(record().to_json()))) == record()


def test_every_figure_has_one_goal_at_most():
    for case in (record(), record(sizes=SIZES[0], dtype="float32"), record(cell="mgu", ratios={"PyTorch eager": 1.0})):
        for who in case.ratios:
            assert sum(goal.concerns(case) and goal.who == who for goal in goals.GOALS) <= 1


def test_the_command_in_quick_mode(capsys):
    """One process a number of threads, quickly: the structure of what is printed, no figure."""
    arguments = ["kernels", "--sizes", "small", "--threads", "1", "--dtype", "float64", "--runs", "1", "--cells", "mgu"]
    assert main(arguments) == 0
    out = capsys.readouterr().out.splitlines()
    start = next(k for k, line in enumerate(out) if line.startswith("1 thread"))
    assert out[start].split()[-1] == "8,8,4,5"
    assert out[start + 1].split() == ["(m,", "n,", "N,", "T)", "float64"]
    assert out[start + 2].startswith("mgu   compiled in ")
    assert [line[2:20].strip() for line in out[start + 3 : start + 10]] == [*ORDER, "tape, in sizes of"]
    assert "goals" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "tiny"], "--sizes takes numbers with commas between, not 'tiny'"),
        (["--sizes", "8,8,4"], "--sizes is all, small, or m,n,N,T such as 64,128,16,20, not '8,8,4'"),
        (["--threads", "0"], "--threads takes numbers from 1 on, not '0'"),
        (["--dtype", "float16"], "--dtype is float32 or float64 or both, not 'float16'"),
        (["--runs", "0"], "--runs is at least 1, not 0"),
        (["--json", "--cells", "lstn"], "lstn"),
    ],
)
def test_a_wrong_option_is_named(arguments, message, capsys):
    assert main(["kernels", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_sizes_are_read():
    assert kernels.read_sizes("all") == SIZES
    assert kernels.read_sizes("small") == SIZES[:1]
    assert kernels.read_sizes("1,2,3,4:5,6,7,8") == ((1, 2, 3, 4), (5, 6, 7, 8))
    with pytest.raises(OptionError):
        kernels.read_numbers("1,x", "--threads")
