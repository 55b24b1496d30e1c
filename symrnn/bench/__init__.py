"""Benchmarks as commands: `python -m symrnn.bench derive`.

`derive`  how long deriving takes and how long its results are
"""
