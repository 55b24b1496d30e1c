"""`python tests/benchmark.py NAME`: run a benchmark and print its table."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from symrnn.errors import SymrnnError

from . import checkers, derive, kernels, mutation, networks, oracles
from .trust import alarms, cost, planted


@dataclass(frozen=True, slots=True)
class Command:
    """A benchmark: what it tells, its options, and the lines that it prints."""

    about: str
    add_options: Callable[[argparse.ArgumentParser], None]
    report: Callable[[argparse.Namespace], Iterator[str]]


COMMANDS = {
    "derive": Command(
        "how long deriving takes and how long its results are", lambda parser: None, lambda options: derive.report()
    ),
    "kernels": Command("how fast the kernels are", kernels.add_options, kernels.report),
    "networks": Command("a network's training step, its wires, its memory", networks.add_options, networks.report),
    "oracles": Command("how exact the oracles are, and how honest", oracles.add_options, oracles.report),
    "alarms": Command("false alarms on right code", alarms.add_options, alarms.report),
    "cost": Command("what a comparison of every entry costs", cost.add_options, cost.report),
    "planted": Command("planted errors that are found", planted.add_options, planted.report),
    "checkers": Command("gradient checkers side by side", checkers.add_options, checkers.report),
    "mutation": Command("which mistakes in a derivation a check finds", mutation.add_options, mutation.report),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python tests/benchmark.py", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="name", required=True)
    for name, command in COMMANDS.items():
        command.add_options(commands.add_parser(name, help=command.about, allow_abbrev=False))
    options = parser.parse_args(arguments)
    try:
        for line in COMMANDS[options.name].report(options):
            print(line, flush=True)
    except SymrnnError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
