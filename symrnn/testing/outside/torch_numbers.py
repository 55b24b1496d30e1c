"""The language's functions in PyTorch: its own, whose conventions at kinks the language takes over.

A second opinion on the gradients, by an autograd that shares nothing with complex step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional


class TorchNumbers:
    """Tensors of float64."""

    def __init__(self) -> None:
        def tensor(a: Any) -> torch.Tensor:
            return torch.as_tensor(a, dtype=torch.float64)

        def unary(function: Callable[..., Any]) -> Callable[..., Any]:
            return lambda a, *options: function(tensor(a), *options)

        self.functions: dict[str, Callable[..., Any]] = {
            "square": unary(torch.square),
            "sigmoid": unary(torch.sigmoid),
            "tanh": unary(torch.tanh),
            "relu": unary(torch.relu),
            "leaky_relu": lambda a, slope=0.01: functional.leaky_relu(tensor(a), slope),
            "elu": lambda a, alpha=1.0: functional.elu(tensor(a), alpha),
            "softplus": lambda a: torch.logaddexp(tensor(a), torch.zeros((), dtype=torch.float64)),
            "silu": unary(functional.silu),
            "gelu": unary(functional.gelu),
            "gelu_tanh": lambda a: functional.gelu(tensor(a), approximate="tanh"),
            # PyTorch's own takes 1/6 from float32, 1e-9 off.
            "hard_sigmoid": lambda a: torch.clamp(tensor(a) / 6 + 0.5, 0, 1),
            "exp": unary(torch.exp),
            "log": unary(torch.log),
            "sqrt": unary(torch.sqrt),
            "sin": unary(torch.sin),
            "cos": unary(torch.cos),
            "erf": unary(torch.erf),
            "abs": unary(torch.abs),
            "sign": unary(torch.sign),
            "floor": unary(torch.floor),
            "mod": lambda a, b: torch.remainder(tensor(a), tensor(b)),
            "maximum": lambda a, b: torch.maximum(tensor(a), tensor(b)),
            "minimum": lambda a, b: torch.minimum(tensor(a), tensor(b)),
            "clip": lambda a, lower, upper: torch.clamp(tensor(a), lower, upper),
            "where": lambda condition, a, b: torch.where(tensor(condition) != 0, tensor(a), tensor(b)),
            "stop_gradient": lambda a: tensor(a).detach(),
            "outer": lambda a, b: torch.einsum("Bi,Bj->Bij", a, b),
            "dot": lambda a, b: torch.einsum("Bi,Bi->B", a, b),
            "sum": lambda a: a.flatten(1).sum(1),
            "mean": lambda a: a.flatten(1).mean(1),
            "softmax": lambda a: torch.softmax(a, -1),
            "logsumexp": lambda a: torch.logsumexp(a, -1),
            "cross_entropy": lambda z, y: torch.logsumexp(z, -1) - (y * z).sum(-1),
            "binary_cross_entropy": lambda z, y: (torch.nn.functional.softplus(z) - y * z).sum(-1),
            "squared_error": lambda z, y: torch.square(z - y).sum(-1) / 2,
            "norm": lambda a: torch.linalg.vector_norm(a.flatten(1), dim=1),
            "diag": torch.diag_embed,
        }

    def rank(self, a: Any) -> int:
        return max(a.ndim - 1, 0) if isinstance(a, torch.Tensor) else 0

    def lift(self, a: Any, rank: int) -> Any:
        return a.reshape((-1,) + (1,) * rank) if isinstance(a, torch.Tensor) and a.ndim == 1 and rank else a

    def einsum(self, letters: str, a: Any, b: Any) -> Any:
        return torch.einsum(letters, a, b)

    def join(self, parts: list[Any]) -> Any:
        return torch.cat(parts, 1)

    def transposed(self, a: Any) -> Any:
        return a.transpose(1, 2)

    def power(self, a: Any, exponent: float) -> Any:
        return a ** float(exponent)

    def compare(self, holds: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
        held = holds(a, b)
        return held.to(torch.float64) if isinstance(held, torch.Tensor) else math.ceil(held)

    def rounded(self, a: Any) -> Any:
        return a
