"""A person's file for the command line: what in it is to be verified, and against which cell.

    cell = "lstm"                        # a name of the zoo, a text, or a cell; without it the zoo is searched
    layout = symrnn.Layout(…)            # if the arrays are not the canonical ones
    def forward(params, x, state): …
    def backward(params, x, state, d_outputs, d_final_state): …
    code = symrnn.verifying.objects(…)   # instead of the two functions, where calls need more words

The file is run, as Python would run it: it is the code that is to be verified.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ..equations import Cell
from ..errors import OptionError, SubjectError, SymrnnError
from ..layouts.layout import Layout
from ..library import as_cell, zoo
from .calling import quote_place
from .forward import open_subject
from .styles import Code, functions


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What a file gives to be verified; without a `cell` the zoo is searched for one whose forward agrees."""

    cell: Any
    code: Code
    layout: Layout


def read_code(path: str, cell: str | None = None) -> Given:
    """Run a file and take from it what is to be verified; `cell` is taken instead of the file's own."""
    module = _run(Path(path))
    names = vars(module)
    code = names.get("code")
    if not isinstance(code, Code):
        code = functions(_function(names, "backward", path), names.get("forward"))
    layout = names.get("layout", Layout())
    if not isinstance(layout, Layout):
        raise OptionError(f"{path}: `layout` is a {type(layout).__name__}; a symrnn.Layout is needed")
    return Given(cell if cell is not None else names.get("cell"), code, layout)


def find_cell(given: Given, seed: int = 0) -> Cell:
    """The cell that a file names, or the one of the zoo that its forward computes."""
    if given.cell is not None:
        return as_cell(given.cell)
    tried: list[str] = []
    for name, cell in _candidates():
        try:
            subject, verdict = open_subject(cell, given.code, given.layout, seed=seed)
        except SymrnnError:
            continue  # its arrays or its calls do not fit this cell
        if verdict and verdict.checked:
            return subject.cell
        tried.append(name)
    looked = f"it could be called as {', '.join(tried)}, and is none of them" if tried else "no cell's arrays fit it"
    raise OptionError(
        f"there is no `cell` in the file, and the zoo has none whose forward agrees: {looked}\n"
        '  mend: write cell = "lstm" in the file, or give --cell lstm'
    )


def _candidates() -> Iterator[tuple[str, Cell]]:
    for name in zoo:
        yield name, zoo[name]


def _function(names: Mapping[str, Any], which: str, path: str) -> Any:
    found = names.get(which)
    if callable(found):
        return found
    others = [name for name, value in names.items() if which in name.lower() and callable(value)]
    there = f"there is {', '.join(others)}" if others else "there is nothing called so"
    raise OptionError(
        f"{path} has no function `{which}`; {there}\n  mend: {which} = {others[0]}"
        if others
        else f"{path} has no function `{which}`, and {there}\n"
        f"  mend: define {which}(params, x, state, d_outputs, d_final_state), or code = symrnn.verifying.functions(…)"
    )


def _run(path: Path) -> ModuleType:
    if not path.is_file():
        raise OptionError(f"there is no file {path}")
    name = f"verified_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise OptionError(f"{path} is not a Python file\n  mend: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look a module up by its name
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)  # so that the file may import its neighbours, as it may when it is run
    try:
        spec.loader.exec_module(module)
    except SymrnnError:
        raise
    except Exception as error:
        raise SubjectError(f"{path} cannot be run: {type(error).__name__}: {error}\n{quote_place(error)}") from None
    finally:
        sys.path.remove(folder)
    return module
