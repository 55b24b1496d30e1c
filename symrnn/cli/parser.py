"""The commands, their options and their help; nothing heavy is imported to show it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import OptionError, nearest
from ..version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal, NoReturn

    Command = Literal["list", "show", "check", "verify", "code", "export", "help"]


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it was understood. For `help`, `cell` is the text to print."""

    command: Command
    cell: str = ""
    cells: tuple[str, ...] = ()
    file: str = ""
    against: str | None = None
    seconds: float = 30.0
    all: bool = False
    seeds: int | None = None
    random: int | None = None
    jobs: int | None = None
    journal: str | None = None
    dask: str | None = None
    format: str = ""
    steps: bool = False
    seed: int = 0
    json: bool = False
    proof_limit: float | None = None
    no_proof: bool = False
    target: str = "numpy"
    output: str | None = None
    folder: str | None = None
    notation: str = "standard"
    lang: str = "en"
    force: bool = False
    quick: bool = False
    check: bool = False
    diff: bool = False
    family: str | None = None


_ABOUT = "Backward equations of recurrent cells: derived symbolically, printed, computed and proved."

_CELLS = """\
CELL is a name that `symrnn list` shows, a file with one cell in it (my_cell.py), one of several cells in a file
(my_cells.py:mgu), or - for text on standard input."""

_EXIT_CODES = """\
exit codes:
  0  done, and everything that was checked held
  1  a check or a verdict failed
  2  the call or the input was wrong, or the answer cannot be written; standard error says why
  128 and the number of a signal, such as 130 after Ctrl-C
A reader that has seen enough, as in `symrnn list | head`, changes none of these."""

_EXAMPLES: dict[str, str] = {
    "": f"""\
examples:
  symrnn list
  symrnn show lstm
  symrnn check lstm
  symrnn verify my_lstm.py
  symrnn code gru -o gru_numpy.py

{_EXIT_CODES}

{_CELLS}""",
    "list": """\
examples:
  symrnn list
  symrnn list --family
  symrnn list --family lstm""",
    "show": f"""\
examples:
  symrnn show peephole_lstm
  symrnn show peephole_lstm --steps
  symrnn show my_cell.py --format latex -o my_cell.tex
  symrnn show lstm --format html --notation greff --lang zh -o lstm.html
  symrnn show lstm --notation vectors=row,time=superscript
  symrnn show my_cells.py:mgu
  symrnn show --diff lstm peephole_lstm
  cat my_cell.py | symrnn show -

{_CELLS}""",
    "check": f"""\
examples:
  symrnn check lstm
  symrnn check my_cell.py --seed 7
  symrnn check my_cell.py --json
  symrnn check my_cell.py --proof-limit 600
  symrnn check my_cell.py --no-proof
  symrnn check --all
  symrnn check lstm gru --seeds 20
  symrnn check --all --seeds 1000 --jobs 2 --journal night.jsonl
  symrnn check --random 10000 --jobs 2 --journal cells.jsonl

Numbers come first, then the proof in a process of its own, within 60 seconds and 2 GB. A proof that gives up says what
was proved until then, and is no failure.

With --seeds it is a campaign: every cell at many samples (sizes, seeds, zeros, tiny, saturating and huge weights, both
types), on several processors. The same call with the same journal goes on where an earlier one ended, however it
ended. With --random it is one over symrnn itself: cells that nobody wrote, run by every backend and held against an
interpreter of their text; each disagreement is shown by the smallest text that has it.

{_EXIT_CODES}

{_CELLS}""",
    "export": f"""\
examples:
  symrnn export -o derivations
  symrnn export lstm gru -o notes --format md,html,pdf
  symrnn export my_cell.py -o notes --format tex --notation colah
  symrnn export -o derivations --check

Formats: md, tex, html, typ, pdf, py (the NumPy module), svg (the figure). Files that symrnn did not write, or that
were changed since, are left alone unless --force is given.

{_CELLS}""",
    "verify": f"""\
examples:
  symrnn verify my_lstm.py
  symrnn verify my_lstm.py --cell peephole_lstm
  symrnn verify my_lstm.py --json

FILE.py has forward(params, x, state) -> (outputs, final_state) and backward(params, x, state, d_outputs, d_final_state)
-> (d_params, d_x, d_state), and says which cell they are, cell = "lstm"; without that the zoo is searched. A `layout`
says how your arrays hold the cell's, and a `code` how your functions are called. The file is run, as it is your own,
in a process of its own; what it prints is shown on standard error.

{_EXIT_CODES}""",
    "code": f"""\
examples:
  symrnn code lstm
  symrnn code my_cell.py -o my_cell_numpy.py
  symrnn code my_cell.py --target torch -o my_cell_torch.py
  symrnn code my_cell.py --target c -o my_cell.c

{_CELLS}""",
}


_FORMATS_HELP = """text, latex (aligned), align (with labels), macros (to restyle), or a whole page: markdown, html,
typst, tex (text)"""
_NOTATION_HELP = "standard, greff, graves, colah, cs231n, pytorch; options as in greff,vectors=row (standard)"


class _Parser(argparse.ArgumentParser):
    """argparse with two changes: a wrong call is a `SymrnnError`, and help is a text to be printed like any other."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message}\n  try: {self.prog} --help")


class _Shown(Exception):
    """`--help` or `--version` was asked for; carries the text."""


class _Show(argparse.Action):
    """An option that ends the reading of arguments with a text, made when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, text: Callable[[], str], help: str) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help)
        self.text = text

    def __call__(self, *_: Any) -> NoReturn:
        raise _Shown(self.text())


def parse(arguments: Sequence[str]) -> Call:
    """Understand a call, or raise an `OptionError` that says what is wrong and what was likely meant."""
    parser, commands = build_parser()
    word = next((argument for argument in arguments if not argument.startswith("-")), None)
    if word is not None and word not in commands:
        meant = nearest(word, list(commands)) or f"the commands are: {', '.join(commands)}"
        raise OptionError(f"there is no command {word!r}; {meant}\n  try: symrnn --help")
    try:
        found, rest = parser.parse_known_args(arguments)
    except _Shown as shown:
        return Call("help", str(shown))
    if rest:
        _refuse(rest, commands.get(word or "", parser))
    if word is None:
        raise OptionError(f"a command is missing: {', '.join(commands)}\n  try: symrnn --help")
    options = vars(found)
    if "cells" in options:
        options["cells"] = tuple(options["cells"])
    if word == "check":
        _require_sensible_check(options, commands[word])
    if word == "show":
        _require_sensible_show(options, commands[word])
    return Call(**options)


def build_parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser, and those of the commands by name."""
    parser = _complete(_Parser("symrnn", add_help=False, allow_abbrev=False), _ABOUT, _EXAMPLES[""])
    parser.add_argument("--version", action=_Show, text=lambda: f"symrnn {__version__}", help="show the version")
    group = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    commands: dict[str, argparse.ArgumentParser] = {}

    def command(name: str, about: str) -> argparse.ArgumentParser:
        commands[name] = group.add_parser(name, help=about, add_help=False, allow_abbrev=False)
        return _complete(commands[name], f"{about[0].upper()}{about[1:]}.", _EXAMPLES[name])

    names = command("list", "name the cells of the zoo")
    names.add_argument(
        "--family", nargs="?", const="", metavar="NAME", help="the cells of one family; without a name, the families"
    )
    show = command("show", "print a cell's forward and backward equations")
    check = command("check", "derive a cell's gradients, check them numerically and prove them")
    verify = command("verify", "say what is wrong in a hand-written backward pass, and why")
    code = command("code", "print a cell's forward and backward pass as a program")
    show.add_argument("cells", metavar="CELL", nargs="+", help="zoo name, file.py, file.py:name, or -")
    show.add_argument("--diff", action="store_true", help="which equations of two cells differ")
    code.add_argument("cell", metavar="CELL", help="zoo name, file.py, file.py:name, or -")
    check.add_argument("cells", metavar="CELL", nargs="*", help="zoo name, file.py, file.py:name, or -")
    check.add_argument("--all", action="store_true", help="all cells of the zoo")
    export = command("export", "write derivations as pages to publish, of the whole zoo or of cells")
    export.add_argument("cells", metavar="CELL", nargs="*", help="zoo name, file.py, file.py:name, or -")
    export.add_argument("--format", default="md,tex,py", metavar="LIST", help="what to write (md,tex,py)")
    export.add_argument("-o", "--output", dest="folder", metavar="DIR", help="the folder to write to")
    export.add_argument("--force", action="store_true", help="write over files that symrnn did not write")
    export.add_argument("--quick", action="store_true", help="leave out proof and check")
    for made in (check, export):
        made.add_argument(
            "--proof-limit",
            type=_seconds,
            metavar="SECONDS",
            help="the time of a cell's proof, which then gives up (60)",
        )
    export.add_argument("--jobs", type=_count, metavar="N", help="worker processes (one for each processor)")
    export.add_argument("--check", action="store_true", help="write nothing; exit 1 where files are out of date")
    show.add_argument("--format", type=_format, metavar="FORMAT", help=_FORMATS_HELP)
    for made in (show, export):
        made.add_argument("--notation", default="standard", metavar="NAME", help=_NOTATION_HELP)
        made.add_argument("--lang", default="en", metavar="en|zh", help="language of the explanations (en)")
    show.add_argument("--steps", action="store_true", help="explain each line by the rule that it came from")
    check.add_argument(
        "--seed", type=read_seed, default=0, metavar="N", help="seed of the random arrays, or the first (0)"
    )
    check.add_argument("--no-proof", action="store_true", help="numbers alone")
    check.add_argument("--seeds", type=_count, metavar="N", help="a campaign over so many seeds")
    check.add_argument(
        "--random", type=_count, metavar="N", help="a campaign over so many cells, drawn from the seed on"
    )
    check.add_argument("--jobs", type=_count, metavar="N", help="its worker processes (one for each processor)")
    check.add_argument("--journal", metavar="FILE", help="keep what is done in a file, and go on from it")
    check.add_argument("--dask", metavar="ADDRESS", help="send the work to the Dask scheduler there (tcp://…)")
    verify.add_argument("file", metavar="FILE.py", help="your forward and backward pass")
    verify.add_argument("--cell", dest="against", metavar="CELL", help="the cell that they are (the file's own `cell`)")
    verify.add_argument("--seed", type=read_seed, default=0, metavar="N", help="seed of the random arrays (0)")
    verify.add_argument(
        "--seconds", type=_seconds, default=30.0, metavar="N", help="how long the file, or one call, may take (30)"
    )
    verify.add_argument("--json", action="store_true", help="print one JSON object")
    check.add_argument("--json", action="store_true", help="print one JSON object")
    code.add_argument("--target", default="numpy", metavar="numpy|torch|c", help="the language to print (numpy)")
    for made in (show, code):
        made.add_argument("-o", "--output", metavar="FILE", help="write to a file instead of standard output")
    return parser, commands


def _complete(parser: argparse.ArgumentParser, about: str, examples: str) -> argparse.ArgumentParser:
    parser.description, parser.epilog = about, examples
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("-h", "--help", action=_Show, text=parser.format_help, help="show this help")
    return parser


def _format(word: str) -> str:
    known = ["text", "latex", "align", "macros", "markdown", "html", "typst", "tex"]
    if word not in known:
        meant = nearest(word, known) or f"the formats are: {', '.join(known)}"
        raise argparse.ArgumentTypeError(f"{word!r} is not a format; {meant}")
    return word


def read_seed(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 20):
        raise argparse.ArgumentTypeError(f"a seed is a whole number from 0 on, not {word!r}")
    return int(word)


def _count(word: str) -> int:
    if not (word.isascii() and word.isdigit() and 0 < len(word.lstrip("0")) < 10):
        raise argparse.ArgumentTypeError(f"this is a whole number from 1 on, not {word!r}")
    return int(word)


def _seconds(word: str) -> float:
    try:
        value = float(word) if word.isascii() else 0.0
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"this is a number of seconds above zero, not {word!r}")
    return value


def _require_sensible_check(options: Mapping[str, Any], parser: argparse.ArgumentParser) -> None:
    cells = options["cells"]
    if options["random"] is not None:
        for name in ("all", "cells", "seeds"):
            if options[name]:
                parser.error(
                    f"--random draws its cells; it does not go with {cells[0] if name == 'cells' else '--' + name}"
                )
        return _require_one_crew(options, parser)
    if options["all"] and cells:
        parser.error(f"--all names all cells of the zoo; it does not go with {', '.join(cells)}")
    if not options["all"] and not cells:
        parser.error("a cell is missing: give CELL, or --all for all cells of the zoo")
    if cells.count("-") > 1:
        parser.error("standard input (-) can be read once")
    given = [f"--{name}" for name in ("jobs", "journal", "dask") if options[name] is not None]
    if given and options["seeds"] is None:
        parser.error(f"{given[0]} is for campaigns: say over how many seeds, --seeds N")
    if options["proof_limit"] is not None and (options["no_proof"] or options["seeds"] is not None):
        other = "--no-proof" if options["no_proof"] else "--seeds, as a campaign proves nothing"
        parser.error(f"--proof-limit is for a proof; it does not go with {other}")
    _require_one_crew(options, parser)


def _require_one_crew(options: Mapping[str, Any], parser: argparse.ArgumentParser) -> None:
    if options["jobs"] is not None and options["dask"] is not None:
        parser.error("--jobs is for processes of this machine, and --dask sends the work to others")


def _require_sensible_show(options: dict[str, Any], parser: argparse.ArgumentParser) -> None:
    """One cell, or two that are compared, as text."""
    cells = options["cells"]
    if options["diff"]:
        if len(cells) != 2:
            parser.error(f"--diff compares two cells, and {len(cells)} {'is' if len(cells) == 1 else 'are'} given")
        if cells == ("-", "-"):
            parser.error("standard input (-) can be read once")
        if options["format"] not in (None, "text") or options["steps"]:
            parser.error(f"--diff prints text; it does not go with {'--steps' if options['steps'] else '--format'}")
    elif len(cells) > 1:
        parser.error(f"one cell is shown at a time, and {len(cells)} are given; --diff compares two")
    options["format"] = options["format"] or "text"
    options["cell"] = cells[0]


def _refuse(rest: list[str], parser: argparse.ArgumentParser) -> NoReturn:
    word = rest[0]
    if word.startswith("-"):
        options = ["--help", *re.findall(r"--[a-z]+", parser.format_usage())]
        meant = nearest(word.partition("=")[0], options) or f"it has: {', '.join(options)}"
        parser.error(f"{parser.prog} has no option {word!r}; {meant}")
    parser.error(f"{parser.prog} takes no further argument {word!r}")
