"""The commands, their options and their help; nothing heavy is imported to show it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import OptionError, nearest
from ..version import __version__
from .texts import ABOUT, EXAMPLES, FLOW_FORMATS, FORMATS_HELP, MODES, MODES_HELP, NOTATION_HELP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal, NoReturn

    Command = Literal["list", "show", "check", "verify", "code", "export", "demo", "flow", "help"]


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it was understood. For `help`, `cell` is the text to print; `training` are those options of a demo that
    were given, by the names of `training.Order`, which knows the others, and `flow` those of a flow, likewise by the
    names of the function's arguments."""

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
    plan: bool = False
    output: str | None = None
    folder: str | None = None
    notation: str = "standard"
    lang: str = "en"
    force: bool = False
    quick: bool = False
    charts: bool = False
    check: bool = False
    diff: bool = False
    family: str | None = None
    truncate: tuple[int, int] | None = None
    mode: str = "reverse"
    demo: str = ""
    training: Mapping[str, Any] = field(default_factory=lambda: {})
    minutes: float | None = None
    checkpoint: str | None = None
    flow: Mapping[str, Any] = field(default_factory=lambda: {})


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
    if word == "code" and options["plan"] and options["target"] != "numpy":
        commands[word].error(f"--plan shows the fast NumPy kernel; it does not go with --target {options['target']}")
    if word == "show":
        _require_sensible_show(options, commands[word])
    if word == "demo":
        own = ("command", "demo", "file", "minutes", "checkpoint")
        options["training"] = {name: options.pop(name) for name in [*options] if name not in own}
    if word == "flow":
        own = ("command", "cells", "format", "lang", "output")
        options["flow"] = {name: options.pop(name) for name in [*options] if name not in own}
        _require_sensible_flow(options, commands[word])
    return Call(**options)


def build_parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser, and those of the commands by name."""
    parser = _complete(_Parser("symrnn", add_help=False, allow_abbrev=False), ABOUT, EXAMPLES[""])
    parser.add_argument("--version", action=_Show, text=lambda: f"symrnn {__version__}", help="show the version")
    group = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    commands: dict[str, argparse.ArgumentParser] = {}

    def command(name: str, about: str) -> argparse.ArgumentParser:
        commands[name] = group.add_parser(name, help=about, add_help=False, allow_abbrev=False)
        return _complete(commands[name], f"{about[0].upper()}{about[1:]}.", EXAMPLES[name])

    names = command("list", "name the cells of the zoo")
    names.add_argument(
        "--family",
        nargs="?",
        const="",
        metavar="NAME",
        help="the cells or networks of one family; without a name, the families",
    )
    show = command("show", "print the forward and backward equations of a cell or a network")
    check = command("check", "derive a cell's gradients, check them numerically and prove them")
    verify = command("verify", "say what is wrong in a hand-written backward pass, and why")
    code = command("code", "print a cell's forward and backward pass as a program")
    show.add_argument("cells", metavar="CELL", nargs="+", help="zoo name, file.py, file.py:name, or -")
    show.add_argument("--diff", action="store_true", help="which equations of two cells differ")
    code.add_argument("cell", metavar="CELL", help="zoo name, file.py, file.py:name, or -")
    check.add_argument("cells", metavar="CELL", nargs="*", help="zoo name, file.py, file.py:name, or -")
    check.add_argument("--all", action="store_true", help="all cells of the zoo")
    export = command("export", "write derivations as pages to publish, of all cells and networks or of some")
    export.add_argument("cells", metavar="CELL", nargs="*", help="zoo name, file.py, file.py:name, or -")
    export.add_argument("--format", default="md,tex,py", metavar="LIST", help="what to write (md,tex,py)")
    export.add_argument("-o", "--output", dest="folder", metavar="DIR", help="the folder to write to")
    export.add_argument("--force", action="store_true", help="write over files that symrnn did not write")
    export.add_argument("--flow", dest="charts", action="store_true", help="charts of where the gradient goes")
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
    show.add_argument("--format", type=_format, metavar="FORMAT", help=FORMATS_HELP)
    for made in (show, export):
        made.add_argument("--notation", default="standard", metavar="NAME", help=NOTATION_HELP)
        made.add_argument("--lang", default="en", metavar="en|zh", help="language of the explanations (en)")
    show.add_argument(
        "--truncate",
        type=_windows,
        metavar="K1,K2",
        help="of a network: backpropagation through K2 steps after every K1, and what is dropped",
    )
    show.add_argument("--mode", type=_mode, default="reverse", metavar="MODE", help=f"{', '.join(MODES)}: {MODES_HELP}")
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
    verify.add_argument("file", metavar="FILE.py", help="your forward and backward pass, or your training loop")
    verify.add_argument("--cell", dest="against", metavar="CELL", help="the cell or network that it is (the file's)")
    verify.add_argument("--seed", type=read_seed, default=0, metavar="N", help="seed of the random arrays (0)")
    verify.add_argument(
        "--seconds", type=_seconds, default=30.0, metavar="N", help="how long the file, or one call, may take (30)"
    )
    verify.add_argument("--json", action="store_true", help="print one JSON object")
    check.add_argument("--json", action="store_true", help="print one JSON object")
    demo = command("demo", "train a network whose gradients are derived here")
    demo.argument_default = argparse.SUPPRESS  # whoever trains knows what is usual
    demo.add_argument("demo", metavar="char-rnn", choices=["char-rnn"], help="a model of characters")
    demo.add_argument("file", metavar="FILE", help="a text, in UTF-8")
    demo.add_argument("--cell", metavar="CELL", help="the cell of its layers, a name of the zoo (lstm)")
    demo.add_argument("--layers", type=_count, metavar="N", help="how many layers (2)")
    demo.add_argument("--size", type=_count, metavar="N", help="the size of their states (128)")
    demo.add_argument("--streams", type=_count, metavar="N", help="pieces of the text side by side (32)")
    demo.add_argument("--window", type=_count, metavar="K1", help="an update after so many steps (50)")
    demo.add_argument("--back", type=_count, metavar="K2", help="steps that its gradient goes back (as many)")
    demo.add_argument("--rule", metavar="RULE", help="sgd, momentum, rmsprop or adam (adam)")
    demo.add_argument("--rate", type=_positive, metavar="ETA", help="its step size")
    demo.add_argument("--clip", type=_positive, metavar="C", help="the norm that no gradient exceeds (5)")
    demo.add_argument("--decay", type=_positive, metavar="LAMBDA", help="weight decay (none)")
    demo.add_argument("--backend", metavar="numpy|c", help="what runs the kernels (numpy)")
    demo.add_argument("--seed", type=read_seed, metavar="N", help="seed of the parameters and samples (0)")
    demo.add_argument("--steps", type=_count, metavar="N", help="end after so many updates")
    demo.add_argument("--minutes", type=_positive, metavar="M", help="end after so long (3, unless --steps says when)")
    demo.add_argument("--checkpoint", metavar="FILE", help="where what is learnt is kept (NAME.char-rnn.npz)")
    _add_flow(command("flow", "see where the gradient of one cell or several goes, step by step"))
    code.add_argument("--plan", action="store_true", help="what the fast NumPy kernel computes where, as a table")
    code.add_argument("--target", default="numpy", metavar="numpy|torch|c", help="the language to print (numpy)")
    for made in (show, code):
        made.add_argument("-o", "--output", metavar="FILE", help="write to a file instead of standard output")
    return parser, commands


def _add_flow(made: argparse.ArgumentParser) -> None:
    made.argument_default = argparse.SUPPRESS  # the function has the defaults
    made.add_argument("cells", metavar="CELL", nargs="+", help="zoo name, file.py, file.py:name, or -")
    made.add_argument("--T", type=_count, metavar="N", help="steps (100)")
    made.add_argument("--N", type=_count, metavar="N", help="sequences (8)")
    made.add_argument("--dims", type=_dims, metavar="n=32,m=8", help="sizes by name (n=32,m=8)")
    made.add_argument(
        "--set",
        type=_setting,
        action="append",
        metavar="NAME=V,V",
        help="a number, or for a matrix orthogonal, identity, 'radius 1.5', 'norm 1.5'; several are compared",
    )
    made.add_argument("--seed", type=read_seed, metavar="N", help="seed of the random arrays (0)")
    made.add_argument("--loss", choices=["last", "all"], metavar="last|all", help="at the last step, or all (last)")
    made.add_argument("--transient", type=_whole, metavar="N", help="steps before Lyapunov exponents count (T/4)")
    made.add_argument("--clip", type=_positive, metavar="C", help="the threshold of clipping (1)")
    made.add_argument("--format", choices=FLOW_FORMATS, default="text", metavar="FORMAT", help=", ".join(FLOW_FORMATS))
    made.add_argument("--lang", default="en", metavar="en|zh", help="language of what stands on charts (en)")
    made.add_argument("-o", "--output", metavar="FILE", default=None, help="write to a file")


def _complete(parser: argparse.ArgumentParser, about: str, examples: str) -> argparse.ArgumentParser:
    parser.description, parser.epilog = about, examples
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("-h", "--help", action=_Show, text=parser.format_help, help="show this help")
    return parser


def _format(word: str) -> str:
    from ..render import FORMATS

    if word not in FORMATS:
        meant = nearest(word, list(FORMATS)) or f"the formats are: {', '.join(FORMATS)}"
        raise argparse.ArgumentTypeError(f"{word!r} is not a format; {meant}")
    return word


def _mode(word: str) -> str:
    if word not in MODES:
        meant = nearest(word, list(MODES)) or f"the modes are: {', '.join(MODES)}"
        raise argparse.ArgumentTypeError(f"{word!r} is not a mode; {meant}")
    return word


def read_seed(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 20):
        raise argparse.ArgumentTypeError(f"a seed is a whole number from 0 on, not {word!r}")
    return int(word)


def _count(word: str) -> int:
    if not (word.isascii() and word.isdigit() and 0 < len(word.lstrip("0")) < 10):
        raise argparse.ArgumentTypeError(f"this is a whole number from 1 on, not {word!r}")
    return int(word)


def _whole(word: str) -> int:
    return 0 if word == "0" else _count(word)


def _dims(word: str) -> dict[str, int]:
    pairs = [pair.partition("=") for pair in word.split(",")]
    if not all(name.strip().isidentifier() and equals for name, equals, _ in pairs):
        raise argparse.ArgumentTypeError(f"sizes are NAME=SIZE,NAME=SIZE such as n=32,m=8, not {word!r}")
    return {name.strip(): _count(size) for name, _, size in pairs}


def _setting(word: str) -> tuple[str, tuple[str, ...]]:
    name, equals, values = word.partition("=")
    if not (name.strip() and equals and values.strip()):
        raise argparse.ArgumentTypeError(f"a setting is NAME=VALUE or NAME=VALUE,VALUE such as b_f=0,5, not {word!r}")
    return name.strip(), tuple(value.strip() for value in values.split(","))


def _seconds(word: str) -> float:
    return _above_zero(word, 1e6, "a number of seconds above zero")


def _windows(word: str) -> tuple[int, int]:
    k1, comma, k2 = word.partition(",")
    return _count(k1), _count(k2 if comma else k1)


def _positive(word: str) -> float:
    return _above_zero(word, 1e9, "a number above zero")


def _above_zero(word: str, most: float, wanted: str) -> float:
    try:
        value = float(word) if word.isascii() else 0.0
    except ValueError:
        value = 0.0
    if not 0 < value < most:
        raise argparse.ArgumentTypeError(f"this is {wanted}, not {word!r}")
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
    if options["mode"] != "reverse":
        given = [f"--{name}" for name in ("diff", "steps", "truncate") if options[name]]
        if given:
            parser.error(f"--mode {options['mode']} goes forward; it does not go with {given[0]}")
    options["format"] = options["format"] or "text"
    options["cell"] = cells[0]


def _require_sensible_flow(options: dict[str, Any], parser: argparse.ArgumentParser) -> None:
    if options["cells"].count("-") > 1:
        parser.error("standard input (-) can be read once")
    if options["format"] == "png" and options["output"] in (None, "-"):
        parser.error("a PNG is not text: say where to, -o FILE.png")
    given = options["flow"]
    if "set" in given:
        names = [name for name, _ in given["set"]]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            parser.error(f"--set gives {twice} twice; list its values: --set {twice}=0,5")
        given["set"] = dict(given["set"])


def _refuse(rest: list[str], parser: argparse.ArgumentParser) -> NoReturn:
    word = rest[0]
    if word.startswith("-"):
        options = ["--help", *re.findall(r"--[a-z]+", parser.format_usage())]
        meant = nearest(word.partition("=")[0], options) or f"it has: {', '.join(options)}"
        parser.error(f"{parser.prog} has no option {word!r}; {meant}")
    parser.error(f"{parser.prog} takes no further argument {word!r}")
