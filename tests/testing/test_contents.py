"""What `symrnn.testing` has is there, and comes only when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import symrnn.testing


def test_every_name_is_there() -> None:
    for name in symrnn.testing.__all__:
        assert callable(getattr(symrnn.testing, name)), name
    assert set(symrnn.testing.__all__) <= set(dir(symrnn.testing))


def test_a_misspelt_name_raises() -> None:
    with pytest.raises(AttributeError, match=r"module 'symrnn\.testing' has no attribute 'sampels'"):
        symrnn.testing.sampels  # noqa: B018


WITHOUT_HYPOTHESIS = """
import sys
sys.modules["hypothesis"] = None
import numpy as np
import symrnn
from symrnn.testing import assert_gradients
assert_gradients(lambda a: float(np.sum(a * a)), lambda a: 2 * a, np.arange(3.0))
for name in ("cells", "samples", "shapes", "upstream"):
    try:
        getattr(symrnn.testing, name)
    except symrnn.SymrnnError as error:
        assert isinstance(error, ImportError)
        print(error)
"""


def test_without_hypothesis_gradients_can_be_asserted_and_strategies_say_what_is_missing() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_HYPOTHESIS], capture_output=True, text=True, timeout=120
    )
    assert done.stderr == ""
    assert done.stdout == "".join(
        f"symrnn.testing.{name} needs Hypothesis\n  mend: python -m pip install 'symrnn[test]'\n"
        for name in ("cells", "samples", "shapes", "upstream")
    )
