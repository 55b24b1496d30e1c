"""The harness and the cells of these tests, and what is needed to run them."""

import importlib.util
import pathlib
import sys

import pytest

import symrnn

HERE = pathlib.Path(__file__).parent


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def harness():
    """What compiles and runs; a test that asks for it is skipped where there is no C compiler with sanitizers."""
    module = load("symrnn_tests_c_harness", HERE / "harness.py")
    reason = module.unable()
    if reason:
        pytest.skip(reason)
    return module


@pytest.fixture(scope="session")
def odd_cells():
    return load("symrnn_tests_c_cells", HERE / "odd_cells.py").CELLS


@pytest.fixture(scope="session")
def conformance():
    """A cell for every operation of the language: its expressions in the conformance test are the outputs."""
    module = load("symrnn_tests_c_conformance", HERE.parents[1] / "operations" / "test_conformance.py")
    return {name: cell_of([expression for expression, _ in rows]) for name, rows in module.EXPRESSIONS.items()}


def cell_of(expressions):
    lines = [f"    y_{k} = {expression}\n" for k, expression in enumerate(expressions)]
    names = ", ".join(f"y_{k}" for k in range(len(lines)))
    return symrnn.cell(
        'def f(x: "(m,)", /, h: "(n,)", S: "(n, n)"):\n'
        "    s: scalar\n"
        "    C: (n, n + m)\n" + "".join(lines) + "    h = tanh(W @ x + R @ h * s + C @ [h, x])\n"
        "    S = 0.5 * S + outer(h, h)\n"
        f"    return {f'({names})' if len(lines) > 1 else names}, (h, S)\n"
    )
