"""Run a benchmark: `python tests/benchmark.py NAME`; `--help` lists them."""

import sys

from benchmarks.main import main

if __name__ == "__main__":
    sys.exit(main())
