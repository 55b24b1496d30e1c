"""Styles: how a person's code is called, and where its gradients are found.

What `verify` takes is a `Code`: a forward and a backward function, each called with what its signature asks for by name
(see `calling`), their results read by name (see `returns`). Arrays are laid out as the `Layout` says, so a style is
about calls alone. Most code needs no more than a name or two:

    functions(backward)                                  (d_params, d_x, d_state), or a dict by name
    functions(backward, forward, returns="dx dh0 dWx")   h, cache = forward(…); … = backward(dh, cache)
    objects(make)                                        net = make(…); net.forward(x); net.backward(dh); net.dWx
    steps(step, step_back, returns="dx dh_prev dWx")     one step; symrnn runs over time, there and back
    updates(train, rate=0.5)                             changes the parameters in place; (before − after)/rate
    functions(backward, loss=CrossEntropy(mean="T"))     takes targets; the loss says what gradient enters
    torch_functions(forward)                             torch's autograd, or a torch.autograd.Function, is the backward

An argument that a function does not have is not passed: a backward without `state` starts from zero states, one
without `d_final_state` has no gradient enter there, and the reference is asked for the same. Upstream on the last step
alone is the layout's business (`outputs="N n"`), since the array has no other steps. What does not come back is not
checked, and said so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import MissingExtraError, OptionError
from .losses import CrossEntropy, Loss, SquaredError

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Code:
    """A person's code and how it is called.

    `returns` and `forward_returns` name the parts of a tuple. With `make` the two functions are names of methods of
    what it makes. `stepwise` functions do one step. `rate` is what an update multiplies the gradient by. `tensors`
    says that the functions take and return torch's; then the backward may be left to autograd.
    """

    forward: Function | str | None = None
    backward: Function | str | None = None
    make: Function | None = None
    returns: str = ""
    forward_returns: str = ""
    stepwise: bool = False
    rate: float | None = None
    tensors: bool = False
    loss: Loss | None = None

    def label(self, which: str) -> str:
        """What messages call a function: the name that its author gave it."""
        function = getattr(self, which)
        if isinstance(function, str):
            return f"{getattr(self.make, '__name__', 'object')}().{function}"
        name = getattr(function, "__name__", which)
        return which if name == "<lambda>" else name


def functions(
    backward: Function | None,
    forward: Function | None = None,
    *,
    returns: str = "",
    forward_returns: str = "",
    loss: Loss | None = None,
) -> Code:
    """Functions of whole sequences. A backward that asks for `cache` gets what the forward returned beside the outputs;
    other things that `forward_returns` names are passed on by their names."""
    return Code(forward, backward, returns=returns, forward_returns=forward_returns, loss=loss)


def objects(
    make: Function,
    forward: str = "forward",
    backward: str = "backward",
    *,
    returns: str = "",
    forward_returns: str = "",
    rate: float | None = None,
    loss: Loss | None = None,
) -> Code:
    """Objects with methods. `make` gets what its signature asks for: `params`, single parameters, sizes such as `m` and
    `n`; parameters that it does not ask for are set as attributes. Results are read from what the methods return and
    then from attributes: `h` or `hs`, and `dWx`, `d_Wx`, `dx`, `dh0`."""
    return Code(
        forward, backward, make=make, returns=returns, forward_returns=forward_returns, rate=_positive(rate), loss=loss
    )


def steps(step: Function, step_backward: Function, *, returns: str = "", forward_returns: str = "") -> Code:
    """Functions of one step. The forward gets x at the step and the states before it, and returns the new states and
    then, if it likes, a cache; the backward gets the gradient of the new states and returns those of x, of the states
    before it and of the parameters, which are summed over the steps. Where the backward asks for `dh` alone, what comes
    from above and from the step after are added; where it asks for `dh` and `dh_next`, it gets them apart."""
    return Code(step, step_backward, returns=returns, forward_returns=forward_returns, stepwise=True)


def updates(update: Function, forward: Function | None = None, *, rate: float, loss: Loss | None = None) -> Code:
    """A function that changes the parameters in place by −rate · gradient, or returns the new ones as a dict. Choose a
    rate near 1: what is smaller loses digits of the gradient."""
    return Code(forward, update, rate=_positive(rate), loss=loss)


def torch_functions(
    forward: Function,
    backward: Function | None = None,
    *,
    returns: str = "",
    forward_returns: str = "",
    loss: Loss | None = None,
) -> Code:
    """Functions of torch tensors. Without a backward, torch differentiates the forward, so that a
    `torch.autograd.Function` within it is what is verified."""
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise MissingExtraError("verifying torch functions", "torch", "torch")
    return Code(forward, backward, returns=returns, forward_returns=forward_returns, tensors=True, loss=loss)


def _positive(rate: float | None) -> float | None:
    if rate is not None and not 0 < rate < float("inf"):
        raise OptionError(f"rate is what the update multiplies the gradient by, a number above zero, not {rate!r}")
    return rate


__all__ = [
    "Code",
    "CrossEntropy",
    "SquaredError",
    "functions",
    "objects",
    "steps",
    "torch_functions",
    "updates",
]
