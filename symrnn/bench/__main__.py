"""`python -m symrnn.bench NAME`: run a benchmark and print its table."""

import argparse

from . import derive

BENCHMARKS = {"derive": derive.report}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m symrnn.bench", description=__doc__)
    parser.add_argument("name", choices=sorted(BENCHMARKS))
    for line in BENCHMARKS[parser.parse_args().name]():
        print(line, flush=True)


if __name__ == "__main__":
    main()
