"""The plugin for pytest, a thin shell: the fixture `gradcheck`, the mark `symrnn`, the option `--symrnn-seed`.

    def test_my_cell(gradcheck):
        gradcheck("my_cells.py:mgu")                        # a cell: symrnn.check
        gradcheck(softplus, softplus_gradient, np.ones(3))  # a function and its gradient: assert_gradients
        gradcheck.backward("lstm", backward, forward)       # a hand-written backward pass: symrnn.verify

    @pytest.mark.symrnn("lstm", "my_cells.py:mgu", seeds=3)
    def test_cells(): ...                                   # six tests, each checked before its body runs

pytest loads this module in every run, so nothing heavy is imported before a check is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import pytest

from .errors import OptionError, SymrnnError, harmless, nearest

if TYPE_CHECKING:
    from .checking import CheckReport
    from .equations import Cell
    from .verifying import Layout, VerifyReport

_MARK = (
    "symrnn(*cells, dims=None, seeds=1): check the gradients of these cells (names of the zoo, files beside the test, "
    "text, Cells) before the test runs, once for each cell, each of dims (sizes by name, or several such) and each "
    "seed (how many, or which)"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("symrnn", "gradients that symrnn checks")
    group.addoption(
        "--symrnn-seed", type=_seed, default=0, metavar="N", help="seed of the random arrays of symrnn's checks (0)"
    )


def _seed(word: str) -> int:
    """The same seeds as `symrnn check --seed` takes."""
    from .cli.parser import read_seed

    return read_seed(word)


def _seed_of(config: pytest.Config) -> int:
    seed: Any = config.getoption("symrnn_seed")
    return seed


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARK)


# The fixture -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GradCheck:
    """Checks a cell, or a function with a hand-written gradient; a failure fails the test with the report, and says
    how to see it again."""

    seed: int
    folder: Path
    rerun: str

    def __repr__(self) -> str:
        return f"<gradcheck, seed {self.seed}>"

    def __call__(
        self,
        subject: Cell | str | Callable[..., Any],
        gradient: Callable[..., Any] | None = None,
        *arrays: Any,
        upstream: Any = None,
        dims: Mapping[str, int] | None = None,
        seed: int | None = None,
    ) -> CheckReport:
        """`gradcheck(cell, dims=…)` is `symrnn.check`, and `gradcheck(function, gradient, *arrays, upstream=…)` is
        `symrnn.testing.assert_gradients`; both return the report, if it holds."""
        __tracebackhide__ = True
        seed = self.seed if seed is None else seed
        try:
            if gradient is None:
                if upstream is not None:
                    raise OptionError("upstream is for functions; a cell is checked under several gradients from above")
                report = _check(_Case(subject, dims, seed), self.folder)
            else:
                report = _check_function(subject, gradient, arrays, upstream, seed, dims)
            if report:
                return report
            failure = report.text()
        except (AssertionError, SymrnnError) as error:
            failure = str(error)
        # Outside of the handler, so that pytest shows the line of the test and not the way through symrnn.
        pytest.fail(_story(failure, self.rerun))

    def backward(
        self,
        cell: Cell | str | Callable[..., Any],
        backward: Any,
        forward: Callable[..., Any] | None = None,
        layout: Layout | None = None,
        *,
        dims: Mapping[str, int] | None = None,
        seed: int | None = None,
    ) -> VerifyReport:
        """`symrnn.verify` on a hand-written backward pass of a cell; returns the report, if it is right."""
        __tracebackhide__ = True
        from .testing import assert_backward

        seed = self.seed if seed is None else seed
        try:
            return assert_backward(_beside(cell, self.folder), backward, forward, layout, seed, dims=dims)
        except (AssertionError, SymrnnError) as error:
            failure = str(error)
        pytest.fail(_story(failure, self.rerun))


@pytest.fixture
def gradcheck(request: pytest.FixtureRequest) -> GradCheck:
    """Check a cell's gradients, `gradcheck("lstm")`, or a function's, `gradcheck(function, gradient, *arrays)`."""
    seed = _seed_of(request.config)
    return GradCheck(seed, request.path.parent, _rerun(request.node.nodeid, seed))


def _check_function(
    function: Any,
    gradient: Callable[..., Any],
    arrays: Sequence[Any],
    upstream: Any,
    seed: int,
    dims: Mapping[str, int] | None,
) -> CheckReport:
    from .testing import assert_gradients

    if dims is not None:
        raise OptionError("dims are the sizes of a cell; a function's arrays have sizes of their own")
    return assert_gradients(function, gradient, *arrays, upstream=upstream, seed=seed)


# The mark ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Case:
    """One check that was asked for."""

    cell: Any
    dims: Mapping[str, int] | None
    seed: int

    @property
    def label(self) -> str:
        """`lstm`, `mgu-m3-n5-seed2`: what stands in brackets behind the test's name."""
        if isinstance(self.cell, str):
            defined = re.search(r"\bdef\s+(\w+)", self.cell)
            name = defined[1] if defined else Path(self.cell).name.removesuffix(".py").rpartition(":")[2]
        else:
            name = getattr(self.cell, "name", None) or getattr(self.cell, "__name__", "cell")
        sizes = [f"{dim}{value}" for dim, value in (self.dims or {}).items()]
        return "-".join([name, *sizes, f"seed{self.seed}"])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marks = list(metafunc.definition.iter_markers("symrnn"))
    if not marks:
        return
    first = _seed_of(metafunc.config)
    try:
        cases = [case for mark in marks for case in _cases(mark, first)]
    except SymrnnError as error:
        pytest.fail(f"{metafunc.definition.nodeid}: {error}", pytrace=False)
    if "symrnn_report" not in metafunc.fixturenames:
        metafunc.fixturenames.append("symrnn_report")  # else parametrize does not know the name
    metafunc.parametrize("symrnn_report", cases, indirect=True, ids=[case.label for case in cases])


def _cases(mark: pytest.Mark, first: int) -> Iterator[_Case]:
    known = ["dims", "seeds"]
    for word in mark.kwargs:
        if word not in known:
            meant = nearest(word, known) or f"it has: {', '.join(known)}"
            raise OptionError(f"the mark symrnn has no option {word!r}; {meant}")
    if not mark.args:
        raise OptionError("the mark symrnn names no cell\n  mend: @pytest.mark.symrnn('lstm')")
    seeds = mark.kwargs.get("seeds", 1)
    chosen = range(first, first + seeds) if isinstance(seeds, int) else tuple(seeds)
    if not chosen or isinstance(seeds, bool) or any(not isinstance(s, int) or s < 0 for s in chosen):
        raise OptionError(f"seeds is how many seeds, at least 1, or which ones, not {seeds!r}")
    dims = mark.kwargs.get("dims")
    several: Iterable[Any] = [dims] if dims is None or isinstance(dims, Mapping) else dims
    for cell in mark.args:
        for sizes in several:
            for seed in chosen:
                yield _Case(cell, sizes, seed)


def pytest_itemcollected(item: pytest.Item) -> None:
    """The check is a fixture that the test need not name."""
    if _is_checked(item) and "symrnn_report" not in item.fixturenames:
        item.fixturenames.append("symrnn_report")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("symrnn") and not _is_checked(item):
            raise pytest.UsageError(
                f"{item.nodeid}: the mark symrnn belongs on a test function; a method of unittest.TestCase cannot be "
                "given parameters"
            )


def _is_checked(item: pytest.Item) -> TypeGuard[pytest.Function]:
    call = getattr(item, "callspec", None)
    return call is not None and "symrnn_report" in call.params


@pytest.fixture
def symrnn_report(request: pytest.FixtureRequest) -> CheckReport:
    """In a test with the mark symrnn: the report of its check, which held."""
    case = getattr(request, "param", None)
    if case is None:
        pytest.fail("symrnn_report is for tests with the mark symrnn, as in @pytest.mark.symrnn('lstm')", pytrace=False)
    try:
        return _check(case, request.path.parent)
    except SymrnnError as error:
        message = str(error)
    pytest.fail(message, pytrace=False)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """The check of the mark fails the test as an assertion in its first line would."""
    __tracebackhide__ = True
    report = getattr(item, "funcargs", {}).get("symrnn_report")
    if report is not None and not report:
        rerun = _rerun(item.nodeid, _seed_of(item.config))
        pytest.fail(_story(report.text(), rerun), pytrace=False)


# What both do ------------------------------------------------------------------------------------------------


def _check(case: _Case, folder: Path) -> CheckReport:
    import symrnn

    return symrnn.check(_beside(case.cell, folder), seed=case.seed, dims=case.dims)


def _beside(cell: Any, folder: Path) -> Any:
    """A file is looked for beside the test, so that it does not matter where pytest was started."""
    if isinstance(cell, str) and "\n" not in cell and ".py" in cell:
        path = folder / cell[: cell.rindex(".py") + 3]
        if path.is_file():
            return str(folder / cell)
    return cell


def _rerun(nodeid: str, seed: int) -> str:
    return f"pytest '{nodeid}' --symrnn-seed {seed}"


def _story(failure: str, rerun: str) -> str:
    return f"{harmless(failure.rstrip())}\nto see it again: {rerun}"
