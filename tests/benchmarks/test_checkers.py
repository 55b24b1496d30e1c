"""Gradient checkers side by side: what is planted, who sees it, who is missing."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.checkers import frameworks
from benchmarks.checkers.checker import Checker
from benchmarks.checkers.own import derived_checker
from benchmarks.checkers.report import measure, pose_trials, table
from benchmarks.checkers.trials import FORGET_BLOCK, ONE_ENTRY, RIGHT, SORTS, plant, right_trial
from benchmarks.main import main
from benchmarks.rival import Absent
from symrnn.errors import InputError

TESTS = Path(__file__).parents[1]
NAMES = ("W", "R", "b", "x", "h", "c")


def test_the_right_trial_s_gradient_is_the_loss_s():
    """Central differences of the loss that all checkers are given."""
    trial = right_trial(4)
    for name in NAMES:
        flat = trial.arguments[name].reshape(-1)
        for place in range(0, flat.size, 7):
            step = np.zeros(flat.size)
            step[place] = 1e-5
            step = step.reshape(trial.arguments[name].shape)
            up, down = (
                trial.loss({**trial.arguments, name: trial.arguments[name] + sign * step}) for sign in (1.0, -1.0)
            )
            assert (up - down) / 2e-5 == pytest.approx(trial.claimed[name].reshape(-1)[place], rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("size", ONE_ENTRY)
def test_one_entry_is_wrong_by_what_is_said(size):
    right = right_trial(0)
    wrong = plant(right, f"one entry wrong by {size:.0e}")
    errors = np.concatenate([(wrong.claimed[name] / right.claimed[name] - 1).ravel() for name in NAMES])
    (found,) = errors[errors != 0]
    assert abs(found) == pytest.approx(size, rel=1e-3)


def test_the_forget_block_is_zero_and_nothing_else_changes():
    right = right_trial(0)
    wrong = plant(right, FORGET_BLOCK)
    n = right.problem.sizes[1]
    assert not wrong.claimed["R"][n : 2 * n].any()
    assert right.claimed["R"][n : 2 * n].all()
    np.testing.assert_array_equal(wrong.claimed["R"][:n], right.claimed["R"][:n])
    np.testing.assert_array_equal(wrong.claimed["W"], right.claimed["W"])


def test_an_error_of_another_name_is_refused():
    with pytest.raises(InputError, match="no error is called 'typo'; there are: right code, one entry wrong by 1e-04"):
        plant(right_trial(0), "typo")


def test_symrnn_sees_everything_but_right_code():
    record = measure("symrnn", derived_checker(), pose_trials(3, 10))
    assert record.shares[RIGHT] == 0
    for sort in SORTS[1:]:
        assert record.shares[sort] == 1 or sort == "one entry wrong by 1e-12", sort


@pytest.mark.parametrize("who", ["torch", "torch, fast", "autograd", "scipy"])
def test_the_others_accept_right_code_and_see_a_block_of_zeros(who):
    checker = {
        "torch": lambda: frameworks.torch_checker(fast=False),
        "torch, fast": lambda: frameworks.torch_checker(fast=True),
        "autograd": frameworks.autograd_checker,
        "scipy": frameworks.scipy_checker,
    }[who]()
    if isinstance(checker, Absent):
        pytest.skip(f"{who} is {checker.reason}")
    trials = pose_trials(1, 0)
    before = {name: array.copy() for name, array in trials[RIGHT][0].arguments.items()}
    record = measure(who, checker, trials)
    assert record.shares[RIGHT] == 0
    assert record.shares[FORGET_BLOCK] == 1
    for name, array in before.items():
        np.testing.assert_array_equal(trials[RIGHT][0].arguments[name], array)


def test_jax_in_a_process_of_its_own():
    """JAX is started with float64 for good, so not in this process."""
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    program = (
        "from benchmarks.checkers.frameworks import jax_checker\n"
        "from benchmarks.checkers.report import measure, pose_trials\n"
        "from benchmarks.checkers.trials import FORGET_BLOCK, RIGHT\n"
        "record = measure('jax', jax_checker(), pose_trials(2, 0))\n"
        "assert record.shares[RIGHT] == 0 and record.shares[FORGET_BLOCK] == 1, record\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=TESTS)
    assert done.returncode == 0, done.stderr


def test_a_distance_is_granted_the_best_limit():
    """One that shows right code at 3 at most objects to what is clearly farther, and to nothing else."""
    distances = iter([9.0, 3.0, 1.0, 3.02, 3.04, 1.0, 1.0, 4.0, 1.0, 9.0, 9.0])
    record = measure("a distance", Checker(lambda trial: next(distances), limit=None), pose_trials(2, 0))
    assert list(record.shares.values()) == [0.0, 0.5, 0.0, 0.5, 1.0]


def test_the_table_names_who_is_missing():
    lines = list(table(1, 0, {"nobody": Absent("not installed"), "yes": Checker(lambda trial: 1.0)}))
    assert lines[-2] == "nobody: not installed"
    assert lines[-1].split()[:11] == ["yes", *["100", "%"] * 5]
    assert lines[0].startswith("called wrong, of 1 trials each")


def test_missing_packages_are_told(monkeypatch):
    monkeypatch.setattr(frameworks, "find_spec", lambda name: None)
    for checker in (
        frameworks.torch_checker(fast=True),
        frameworks.jax_checker(),
        frameworks.autograd_checker(),
        frameworks.scipy_checker(),
    ):
        assert checker == Absent("not installed")


def test_a_wrong_option_is_named(capsys):
    assert main(["checkers", "--trials", "0"]) == 2
    assert "--trials is at least 1, not 0" in capsys.readouterr().err
