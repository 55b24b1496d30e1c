"""A network's training step beside PyTorch's, what the wires cost beside the blocks, and how its memory grows."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import symrnn
from symrnn.numeric import NetworkKernel

from .tape import held_bytes
from .timing import in_turns, ratio

SIZES = ((64, 128, 32, 50), (64, 256, 32, 50))
"""(V, n, N, T): characters, states, sequences, steps."""
GOALS = {"float64": 0.9, "float32": 1.0}
OVERHEAD = 1.05
_LENGTHS = (50, 200, 800)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=15, metavar="N", help="turns of each (15)")
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="threads of PyTorch; NumPy has OMP_NUM_THREADS (1)"
    )


def report(options: argparse.Namespace) -> Iterator[str]:
    yield "char_rnn, two layers: a training step (loss and all gradients)"
    for dtype in ("float64", "float32"):
        for V, n, N, T in SIZES:
            yield _step(dtype, V, n, N, T, options)
    yield ""
    yield "memory of a forward pass in MB: (V, n, N) = (64, 128, 32), float64"
    yield f"  {'T':>5} {'tape':<11} {'blocks':>8} {'wires':>8}"
    yield from _memory()


def _kernel(dtype: str) -> NetworkKernel:
    return symrnn.derive(symrnn.networks["char_rnn"]).numpy(dtype)


def _sample(dtype: str, V: int, n: int, N: int, T: int) -> Any:
    net = symrnn.networks["char_rnn"]
    return net.sample(T=T, N=N, dims={"K": V, "n": n, "h1.m": n}, dtype=dtype)


@dataclass(slots=True)
class _Timed:
    """A block's kernel with a watch; the time of all of them is in `watch`."""

    kernel: Any
    watch: list[float] = field(repr=False)

    def forward(self, *given: Any, **options: Any) -> Any:
        return self._timed(self.kernel.forward, *given, **options)

    def backward(self, *given: Any, **options: Any) -> Any:
        return self._timed(self.kernel.backward, *given, **options)

    def _timed(self, run: Callable[..., Any], *given: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return run(*given, **options)
        finally:
            self.watch[0] += time.perf_counter() - start


def _step(dtype: str, V: int, n: int, N: int, T: int, options: argparse.Namespace) -> str:
    import torch

    torch.set_num_threads(options.threads)
    kernel, sample = _kernel(dtype), _sample(dtype, V, n, N, T)
    net = _torch_network(torch, V, n, getattr(torch, dtype))
    ids, targets = (torch.tensor(sample.x[name]) for name in ("ids", "targets"))

    def ours() -> None:
        _, tape = kernel.forward(sample.params, sample.x)
        kernel.backward(tape)

    def theirs() -> None:
        net.zero_grad()
        net(ids, targets).backward()

    times = in_turns({"ours": ours, "theirs": theirs}, options.rounds)
    watch = [0.0]
    timed = replace(kernel, kernels={name: _Timed(own, watch) for name, own in kernel.kernels.items()})
    overheads: list[float] = []
    for _ in range(options.rounds):
        watch[0] = 0.0
        start = time.perf_counter()
        _, tape = timed.forward(sample.params, sample.x)
        timed.backward(tape)
        overheads.append((time.perf_counter() - start) / watch[0])
    found, wires = ratio(times["ours"], times["theirs"]), float(np.median(overheads))
    return (
        f"  {dtype}, (V, n, N, T) = {(V, n, N, T)}: {np.median(times['ours']) * 1e3:.1f} ms, {found:.2f} times "
        f"torch.nn.LSTM ({_met(found, GOALS[dtype])}); {wires:.3f} times its blocks ({_met(wires, OVERHEAD)})"
    )


def _met(found: float, goal: float) -> str:
    return f"goal {goal}: {'met' if found <= goal else f'missed by {found - goal:.2f}'}"


def _torch_network(torch: Any, V: int, n: int, dtype: Any) -> Any:
    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(V, n, dtype=dtype)
            self.layers = torch.nn.LSTM(n, n, num_layers=2, dtype=dtype)
            self.read_out = torch.nn.Linear(n, V, dtype=dtype)

        def forward(self, ids: Any, targets: Any) -> Any:
            h, _ = self.layers(self.embedding(ids))
            return torch.nn.functional.cross_entropy(self.read_out(h).flatten(0, 1), targets.flatten())

    return Network()


def _memory() -> Iterator[str]:
    kernel = _kernel("float64")
    for T in _LENGTHS:
        sample = _sample("float64", 64, 128, 32, T)
        for kind in ("full", "checkpoint"):
            _, tape = kernel.forward(sample.params, sample.x, tape=kind)
            mine: list[Mapping[str, Any]] = [sample.params, dict(sample.x)]
            wires = held_bytes(tape.values, mine)
            blocks = held_bytes([_parts(own.values) for own in tape.tapes.values()], [*mine, tape.values])
            yield f"  {T:>5} {kind:<11} {blocks / 1e6:>8.1f} {wires / 1e6:>8.1f}"


def _parts(values: Any) -> Any:
    """What a tape holds; of checkpoints the states at which segments start."""
    return getattr(values, "starts", values)
