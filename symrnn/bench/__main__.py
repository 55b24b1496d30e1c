"""`python -m symrnn.bench NAME`: run a benchmark and print its table."""

import argparse
import sys
from collections.abc import Sequence

from ..errors import SymrnnError
from . import derive, kernels


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m symrnn.bench", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="name", required=True)
    commands.add_parser("derive", help="how long deriving takes and how long its results are")
    kernels.add_options(commands.add_parser("kernels", help="how fast the kernels are", allow_abbrev=False))
    options = parser.parse_args(arguments)
    try:
        for line in derive.report() if options.name == "derive" else kernels.report(options):
            print(line, flush=True)
    except SymrnnError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
