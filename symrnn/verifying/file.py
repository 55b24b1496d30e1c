"""A person's file for the command line: what in it is to be verified, and against which cell or network.

    cell = "lstm"                        # a name of the zoo, a text, or a cell; without it the zoo is searched
    layout = symrnn.Layout(…)            # if the arrays are not the canonical ones
    def forward(params, x, state): …
    def backward(params, x, state, d_outputs, d_final_state): …
    code = symrnn.verifying.objects(…)   # instead of the two functions, where calls need more words

or, of a network, the whole training loop:

    network = "char_rnn"                 # or its text, or a network; `cell` will do
    def loss_and_grads(params, ids, targets): …

The file is run, as Python would run it: it is the code that is to be verified. `judge` is the process in which the
command line has that done.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from ..equations import Cell, Network
from ..errors import OptionError, Span, SubjectError, SymrnnError, quote
from ..layouts.axes import kind
from ..layouts.layout import Layout
from ..library import as_model, read_bytes, zoo
from .forward import open_subject
from .running import GUARD, StoppedError, TimeIsUp, described, ended, quote_place, run_theirs
from .styles import Code, functions


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What a file gives to be verified; without a `cell` the zoo is searched for one whose forward agrees."""

    cell: Any
    code: Code
    layout: Layout


def read_code(path: str, cell: str | None = None, *, seconds: float = 30.0) -> Given:
    """Run a file and take from it what is to be verified; `cell` is taken instead of the file's own."""
    module = _run(Path(path), seconds)
    names = vars(module)
    code = names.get("code")
    named = cell if cell is not None else names.get("network", names.get("cell"))
    if not isinstance(code, Code):
        loop = names.get("loss_and_grads")
        if callable(loop):
            code = functions(loop)
        elif "network" in names:
            code = functions(_function(names, "loss_and_grads", path))
        else:
            code = functions(_function(names, "backward", path), names.get("forward"))
    layout = names.get("layout", Layout())
    if not isinstance(layout, Layout):
        raise OptionError(f"{path}: `layout` is {kind(layout)}; a symrnn.Layout is needed")
    return Given(named, code, layout)


def find_cell(given: Given, seed: int = 0, *, seconds: float = 30.0) -> Cell | Network:
    """The cell or network that a file names, or the cell of the zoo that its forward computes."""
    if given.cell is not None:
        if not (isinstance(given.cell, Cell | Network | str) or callable(given.cell)):
            raise OptionError(
                f"`cell` is {kind(given.cell)}; it says which cell the code is\n"
                '  mend: cell = "lstm", the text of a cell, or a symrnn.Cell'
            )
        return as_model(given.cell)
    tried: list[str] = []
    for name, cell in zoo.items():
        try:
            subject, verdict = open_subject(cell, given.code, given.layout, seed=seed, seconds=seconds)
        except StoppedError:
            raise  # another cell's arrays will not help
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


def _function(names: Mapping[str, Any], which: str, path: str) -> Any:
    found = names.get(which)
    if callable(found):
        return found
    others = [name for name, value in names.items() if which in name.lower() and callable(value)]
    asks = "params, x, state, d_outputs, d_final_state" if which == "backward" else "params, …"
    there = f"there is {', '.join(others)}" if others else "there is nothing called so"
    raise OptionError(
        f"{path} has no function `{which}`; {there}\n  mend: {which} = {others[0]}"
        if others
        else f"{path} has no function `{which}`, and {there}\n"
        f"  mend: define {which}({asks}), or code = symrnn.verifying.functions(…)"
    )


def _run(path: Path, seconds: float) -> ModuleType:
    data = read_bytes(path)
    name = f"verified_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise OptionError(f"{path} is not a Python file\n  mend: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    program = _compile(path, data)
    sys.modules[name] = module  # dataclasses and pickling look a module up by its name
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)  # so that the file may import its neighbours, as it may when it is run
    try:
        run_theirs(path.name, seconds, lambda: exec(program, vars(module)))
    except SymrnnError:
        raise
    except TimeIsUp as stopped:
        raise StoppedError(
            f"{path} has not been read within {seconds:g} seconds\n{quote_place(stopped)}{GUARD}"
        ) from None
    except SystemExit as error:
        raise StoppedError(ended(str(path), error)) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        place = quote_place(error)
        raise SubjectError(f"{path} cannot be run: {described(error)}\n{place}{_mend(error, place)}".rstrip()) from None
    finally:
        sys.path[:] = [entry for entry in sys.path if entry is not folder]
    return module


def _mend(error: BaseException, place: str) -> str:
    """What to do about the errors that come of a file being run by symrnn rather than by its author."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        return f"  mend: {sys.executable} -m pip install {package}, or the folder that it is in in PYTHONPATH"
    if isinstance(error, EOFError):
        return f"  there is nothing to read on standard input\n{GUARD}"
    if "argv" in place:
        return f"  there are no arguments: sys.argv is the file alone\n{GUARD}"
    return ""


def _compile(path: Path, data: bytes) -> CodeType:
    """The program in a file, always from its text: what Python keeps beside it may be that of a moment ago."""
    try:
        return compile(data, str(path.resolve()), "exec", dont_inherit=True)
    except SyntaxError as error:
        line, column = error.lineno or 1, max(0, (error.offset or 1) - 1)
        text = error.text or ""
        end = max(column + 1, (error.end_offset or 0) - 1) if error.end_lineno == error.lineno else len(text)
        shown = quote(text.rstrip(), Span(line, column, line, end)) if text.strip() else []
        raise SubjectError("\n".join([f"{path}:{line}: this is not Python: {error.msg}", *shown])) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise SubjectError(f"{path} cannot be read by Python: {described(error)}") from None
