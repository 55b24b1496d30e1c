"""Benchmarks as commands: `python tests/benchmark.py derive`, `python tests/benchmark.py kernels`.

`derive`   how long deriving takes and how long its results are
`kernels`  the kernels beside everybody else's: options, processes
`oracles`  how exact and how honest the oracles are, beside 80-digit arithmetic
`mutation` which mistakes in a derivation a check finds: every mutant of every cell, judged
`checkers` other tools' gradient checkers beside ours, on the same planted errors

`problem`          the training step that is measured, and its arrays
`rival`            a training step ready to run, or why somebody is absent
`rivals`           who takes part, and that they agree
`rival_symrnn`     our own kernels
`rival_products`   the bare matrix products, read off the equations
`rival_numpy`      the textbook's implementation
`rival_torch`      PyTorch's layers, and eager autograd
`rival_jax`        JAX
`steps`            forward steps for the two of them
`timing`           turns and medians
`tape`             the memory that a tape holds
`measure`          one process' share
`goals`, `table`   what is printed
"""
