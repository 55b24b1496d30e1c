"""The harness and the cells of these tests, and what is needed to run them."""

import importlib.util
import pathlib
import sys

import pytest
from operations.conformance import cell_texts

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
    return {name: symrnn.cell(text) for name, text in cell_texts().items()}
