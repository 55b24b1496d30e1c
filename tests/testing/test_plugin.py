"""The plugin as a person meets it: what passes, what fails and with which words, what is refused, what is imported."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import symrnn
from symrnn.testing import assert_gradients

# pytester forgets what is imported while it runs, and NumPy cannot be imported twice: so all of it is imported here.
assert symrnn.check
assert assert_gradients

pytest_plugins = ["pytester"]

MGU = """\
def mgu(x, h):
    f = sigmoid(W_f @ x + R_f @ h + b_f)
    n = tanh(W_n @ x + R_n @ (f * h) + b_n)
    h = (1 - f) * h + f * n
    return h
"""
FUNCTIONS = """\
import numpy as np

def energy(a, b):
    return float(np.sum(np.sin(a) * b))

def right(a, b):
    return np.cos(a) * b, np.sin(a)

def wrong(a, b):
    return np.cos(a) * b, np.cos(a)

A, B = np.linspace(0.3, 1.2, 4), np.linspace(-1.0, 2.0, 4)
"""
# A kernel with one thing wrong, behind `symrnn.check`: what a bug in symrnn would look like.
BENT = """\
import functools
from dataclasses import replace
import symrnn
from symrnn.numeric import build_kernel

class Bent:
    def __init__(self, kernel):
        self.kernel, self.dtype, self.forward = kernel, kernel.dtype, kernel.forward

    def backward(self, tape, d_outputs, d_final):
        grads = self.kernel.backward(tape, d_outputs, d_final)
        return replace(grads, params={**grads.params, "R": -grads.params["R"]})

right = symrnn.check
symrnn.check = functools.partial(right, build=lambda d, dtype: Bent(build_kernel(d, dtype)))
"""


@pytest.fixture
def folder(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(functions=FUNCTIONS)
    pytester.path.joinpath("my_cell.py").write_text(MGU, encoding="utf-8")
    pytester.path.joinpath("pytest.ini").write_text("[pytest]\naddopts = --strict-markers -p no:cacheprovider\n")
    return pytester


def bent(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the wrong kernel behind `symrnn.check`, and take it back after the test."""
    monkeypatch.setattr(symrnn, "check", symrnn.check)
    pytester.makeconftest(BENT)


# The fixture -------------------------------------------------------------------------------------------------


def test_gradcheck_holds_for_right_cells_and_functions(folder: pytest.Pytester) -> None:
    folder.makepyfile(
        """
        from functions import A, B, energy, right

        def test_zoo(gradcheck):
            report = gradcheck("rnn", dims={"n": 3})
            assert report.cell == "rnn"
            assert all("n = 3" in case for case in report.cases)

        def test_file(gradcheck):
            assert gradcheck("my_cell.py").cell == "mgu"

        def test_function(gradcheck):
            gradcheck(energy, right, A, B)
        """
    )
    folder.runpytest().assert_outcomes(passed=3)


def test_a_wrong_gradient_fails_with_the_report_and_how_to_see_it_again(folder: pytest.Pytester) -> None:
    folder.makepyfile(
        test_it="""
        from functions import A, B, energy, wrong

        def test_wrong(gradcheck):
            gradcheck(energy, wrong, A, B)
        """
    )
    result = folder.runpytest("--symrnn-seed", "5")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       gradcheck(energy, wrong, A, B)",
            "E *energy: 1 of 2 arrays agree*seed 5*",
            "E *b[[]*",
            "E *to see it again: pytest 'test_it.py::test_wrong' --symrnn-seed 5",
        ]
    )
    shown = result.stdout.str()
    assert str(Path(symrnn.__file__).parent) not in shown
    assert "plugin.py" not in shown


def test_a_wrong_kernel_fails_with_the_report(folder: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    bent(folder, monkeypatch)
    folder.makepyfile(test_it="def test_cell(gradcheck):\n    gradcheck('rnn')\n")
    result = folder.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [">       gradcheck('rnn')", "E *rnn: 6 of 7 arrays agree*", "E *to see it again: pytest *"]
    )
    assert "plugin.py" not in result.stdout.str()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("gradcheck('rnnn')", "E * there is no cell called 'rnnn'; did you mean `rnn`?"),
        ("gradcheck('rnn', dims={'k': 3})", "E * rnn has no dimension 'k'; it has: *"),
        ("gradcheck(energy, right, A, B, dims={'n': 3})", "E * dims are the sizes of a cell; *"),
        ("gradcheck('rnn', upstream=A)", "E * upstream is for functions; *"),
    ],
)
def test_a_wrong_call_fails_and_says_why(call: str, message: str, folder: pytest.Pytester) -> None:
    folder.makepyfile(test_it=f"from functions import *\n\ndef test_call(gradcheck):\n    {call}\n")
    result = folder.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f">       {call}", message])
    assert "plugin.py" not in result.stdout.str()


def test_the_seed_comes_from_the_option_or_from_the_call(folder: pytest.Pytester) -> None:
    folder.makepyfile(
        """
        def test_option(gradcheck):
            assert gradcheck("rnn").seed == 11
            assert gradcheck("rnn", seed=4).seed == 4
        """
    )
    folder.runpytest("--symrnn-seed=11").assert_outcomes(passed=1)


def test_a_wrong_seed_is_refused(folder: pytest.Pytester) -> None:
    result = folder.runpytest("--symrnn-seed=-1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--symrnn-seed: a seed is a whole number from 0 on, not '-1'"])


# The mark ----------------------------------------------------------------------------------------------------


def test_the_mark_makes_a_test_for_each_cell_size_and_seed(folder: pytest.Pytester) -> None:
    folder.makepyfile(
        test_it="""
        import pytest

        @pytest.mark.symrnn("rnn", "my_cell.py", dims=[{"n": 2}, {"n": 3}], seeds=2)
        def test_cells(): ...
        """
    )
    result = folder.runpytest("-v", "--symrnn-seed=7")
    result.assert_outcomes(passed=8)
    result.stdout.fnmatch_lines(
        [
            f"test_it.py::test_cells[[]{cell}-n{n}-seed{seed}[]] PASSED*"
            for cell in ("rnn", "my_cell")
            for n in (2, 3)
            for seed in (7, 8)
        ]
    )


def test_the_mark_takes_cells_and_text_and_goes_with_parameters_classes_and_reports(folder: pytest.Pytester) -> None:
    folder.makepyfile(
        """
        import pytest
        import symrnn

        @symrnn.cell
        def indrnn(x, h):
            h = tanh(W @ x + u * h + b)
            return h

        @pytest.mark.symrnn(indrnn, "def plain(x, h):\\n    h = tanh(W @ x + h)\\n    return h", seeds=[3])
        @pytest.mark.parametrize("number", [1, 2])
        def test_both(number, symrnn_report):
            assert symrnn_report.cell in ("indrnn", "plain")
            assert symrnn_report.seed == 3

        @pytest.mark.symrnn("rnn")
        class TestClass:
            def test_one(self): ...
            def test_two(self, symrnn_report):
                assert symrnn_report
        """
    )
    folder.runpytest().assert_outcomes(passed=6)


def test_a_check_that_fails_fails_the_test_before_its_body(
    folder: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    bent(folder, monkeypatch)
    folder.makepyfile(
        test_it="""
        import pytest

        @pytest.mark.symrnn("rnn")
        def test_cell():
            print("the body ran")
        """
    )
    result = folder.runpytest("-s")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["rnn: 6 of 7 arrays agree*", "to see it again: pytest 'test_it.py::test_cell[[]rnn-seed0[]]' --symrnn-seed 0"]
    )
    assert "the body ran" not in result.stdout.str()
    assert "plugin.py" not in result.stdout.str()


def test_a_body_that_fails_is_pytests_own_failure(folder: pytest.Pytester) -> None:
    folder.makepyfile("import pytest\n\n@pytest.mark.symrnn('rnn')\ndef test_cell():\n    assert 1 == 2\n")
    result = folder.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([">       assert 1 == 2"])


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("()", "*the mark symrnn names no cell*"),
        ("('rnn', sedes=2)", "*the mark symrnn has no option 'sedes'; did you mean `seeds`?*"),
        ("('rnn', seeds=0)", "*seeds is how many seeds, at least 1, or which ones, not 0*"),
        ("('rnn', seeds='12')", "*seeds is how many seeds, at least 1, or which ones, not '12'*"),
    ],
)
def test_a_wrong_mark_is_an_error_when_tests_are_collected(mark: str, message: str, folder: pytest.Pytester) -> None:
    folder.makepyfile(f"import pytest\n\n@pytest.mark.symrnn{mark}\ndef test_cell(): ...\n")
    result = folder.runpytest()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([message])
    assert "plugin.py" not in result.stdout.str()


def test_a_cell_that_is_not_there_is_an_error_and_not_a_failure(folder: pytest.Pytester) -> None:
    folder.makepyfile("import pytest\n\n@pytest.mark.symrnn('ltsm')\ndef test_cell(): ...\n")
    result = folder.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["there is no cell called 'ltsm'; did you mean `lstm`?"])
    assert "plugin.py" not in result.stdout.str()


def test_a_mark_that_could_do_nothing_is_refused(folder: pytest.Pytester) -> None:
    folder.makepyfile(
        """
        import unittest
        import pytest

        class TestOld(unittest.TestCase):
            @pytest.mark.symrnn("rnn")
            def test_cell(self): ...
        """
    )
    result = folder.runpytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*the mark symrnn belongs on a test function; a method of unittest.TestCase*"])


def test_the_report_is_for_marked_tests(folder: pytest.Pytester) -> None:
    folder.makepyfile("def test_cell(symrnn_report): ...\n")
    result = folder.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["symrnn_report is for tests with the mark symrnn, as in @pytest.mark.symrnn('lstm')"])


def test_the_readme_shows_tests_that_pass(folder: pytest.Pytester) -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (tests,) = (block for block in blocks if "@pytest.mark.symrnn" in block)
    (functions,) = (block for block in blocks if "def loss_gradient(" in block)
    folder.makepyfile(f"import numpy as np\n{functions}\n{tests}")
    folder.runpytest().assert_outcomes(passed=5)


# Lightness ---------------------------------------------------------------------------------------------------

PROBE = (
    "import sys, pytest\ncode = pytest.main({arguments})\nprint('LOADED', *(m for m in {heavy} if m in sys.modules))"
)
HEAVY = ("sympy", "numpy", "mpmath", "symrnn.plugin")


def loaded(folder: Path, *arguments: str) -> list[str]:
    """What pytest with this plugin alone has imported at the end; others may be installed and import NumPy themselves."""
    program = PROBE.format(arguments=["-p", "symrnn.plugin", *arguments], heavy=HEAVY)
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder, capture_output=True, text=True, timeout=120, check=True, env=environment,
    )  # fmt: skip
    last = done.stdout.splitlines()[-1]
    assert last.startswith("LOADED")
    return last.split()[1:]


def test_collecting_nothing_imports_nothing_heavy(tmp_path: Path) -> None:
    assert loaded(tmp_path, "--collect-only") == ["symrnn.plugin"]


def test_collecting_marked_tests_imports_nothing_heavy_and_the_probe_sees_a_check(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("import pytest\n\n@pytest.mark.symrnn('rnn')\ndef test_cell(): ...\n")
    assert loaded(tmp_path, "--collect-only", "-p", "no:cacheprovider") == ["symrnn.plugin"]
    assert loaded(tmp_path, "-p", "no:cacheprovider") == ["sympy", "numpy", "mpmath", "symrnn.plugin"]
