"""The table of torch forms: how each operation of the table of operations is written in PyTorch, one row each.

A form is a template over its operands and options (`{0.text}` as it is, `{0.tight}` in parentheses where it needs
them beside an operator), or a function that writes it. Every head of the table of operations has a row here; the
conformance test sees to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import sympy

from ...operations import functions as f
from ...operations import structured as s
from ...operations.entry import Code, size_from_expr
from ...sizes import Size
from ..printer import ATOM, PRODUCT

SizePrinter = Callable[[sympy.Basic | Size], str]
Writer = Callable[[tuple["Operand", ...], tuple[sympy.Basic, ...], SizePrinter], str]


@dataclass(frozen=True, slots=True)
class Operand(Code):
    """A piece of source that knows whether it is a Python number: some functions of torch take tensors alone."""

    number: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """How one operation is written: the text, how tightly it binds, a helper that the module then defines, and the
    operands that must be tensors (a number there is made one)."""

    code: str | Writer
    binding: int = ATOM
    helper: str = ""
    tensors: tuple[int, ...] = (0,)


_ABOVE = '''\
def above(a, b):
    """1 where a > b, 0 elsewhere, in the type of a."""
    return (a > b).to(a.dtype)
'''
_AT_LEAST = '''\
def at_least(a, b):
    """1 where a >= b, 0 elsewhere, in the type of a."""
    return (a >= b).to(a.dtype)
'''
_PREFERS = '''\
def prefers(a, b):
    """1 where a > b, 1/2 at a tie, 0 elsewhere."""
    return 0.5 * (torch.sign(a - b) + 1)
'''
_INSIDE = '''\
def inside(a, lower, upper):
    """1 within the bounds, 0 outside."""
    return ((lower <= a) & (a <= upper)).to(a.dtype)
'''
_STRICTLY_INSIDE = '''\
def strictly_inside(a, lower, upper):
    """1 strictly within the bounds, 0 elsewhere."""
    return ((lower < a) & (a < upper)).to(a.dtype)
'''
_WHERE = '''\
def where(condition, a, b):
    """a where the condition is 1, b elsewhere; either may be a number."""
    a, b = (torch.as_tensor(v, dtype=condition.dtype, device=condition.device) for v in (a, b))
    return torch.where(condition > 0, a, b)
'''
_SOFTPLUS = '''\
def softplus(a):
    """log(1 + exp(a)); torch's own is the identity from 20 on, which costs digits in float64."""
    return torch.logaddexp(a, torch.zeros_like(a))
'''
_SAFE_RATIO = '''\
def safe_ratio(a, b):
    """a / b, and 0 where b = 0."""
    return torch.where(b == 0, torch.zeros_like(b), a / torch.where(b == 0, torch.ones_like(b), b))
'''


def _extreme(name: str, bound: str) -> Writer:
    """`torch.maximum` of two tensors; a clamp beside a number."""

    def write(codes: tuple[Operand, ...], options: tuple[sympy.Basic, ...], sizes: SizePrinter) -> str:
        a, b = codes
        if b.number:
            return f"torch.clamp({a.text}, {bound}={b.text})"
        return f"torch.clamp({b.text}, {bound}={a.text})" if a.number else f"torch.{name}({a.text}, {b.text})"

    return write


def _einsum(subscripts: str, codes: tuple[Operand, ...]) -> str:
    inputs, output = subscripts.split("->")
    letters = ["..." * code.batched + letter for code, letter in zip(codes, inputs.split(","), strict=True)]
    result = "..." * any(code.batched for code in codes) + output
    return f'torch.einsum("{",".join(letters)}->{result}", {", ".join(code.text for code in codes)})'


def _turned(code: Operand) -> str:
    return code.tight[:-2] if code.text.endswith(".T") and not code.loose else f"{code.tight}.T"


def _matmul(codes: tuple[Operand, ...], options: tuple[sympy.Basic, ...], sizes: SizePrinter) -> str:
    a, b = codes
    match a.rank, b.rank:
        case 2, 2:
            return f"{a.tight} @ {b.tight}"
        case 2, 1 if not a.batched:
            return f"{b.tight} @ {_turned(a)}" if b.batched else f"{a.tight} @ {b.tight}"
        case 1, 2 if not b.batched:
            return f"{a.tight} @ {b.tight}"
        case 2, 1:
            return _einsum("ij,j->i", codes)
        case 1, 2:
            return _einsum("i,ij->j", codes)
        case _:
            return _einsum("i,i->", codes)


def _transpose(codes: tuple[Operand, ...], options: tuple[sympy.Basic, ...], sizes: SizePrinter) -> str:
    return f"{codes[0].tight}.{'mT' if codes[0].batched else 'T'}"


def _outer(codes: tuple[Operand, ...], options: tuple[sympy.Basic, ...], sizes: SizePrinter) -> str:
    return _einsum("i,j->ij", codes)


def _dot(codes: tuple[Operand, ...], options: tuple[sympy.Basic, ...], sizes: SizePrinter) -> str:
    return _einsum("i,i->" if codes[0].rank == 1 else "ij,ij->", codes)


def _axes(code: Operand) -> str:
    return "dim=-1" if code.rank == 1 else "dim=(-2, -1)"


def _reduction(name: str) -> Writer:
    return lambda codes, options, sizes: f"{codes[0].tight}.{name}({_axes(codes[0])})"


def _norm(codes: tuple[Operand, ...], options: tuple[sympy.Basic, ...], sizes: SizePrinter) -> str:
    return f"torch.linalg.vector_norm({codes[0].text}, {_axes(codes[0])})"


def _stack(codes: tuple[Operand, ...], options: tuple[sympy.Basic, ...], sizes: SizePrinter) -> str:
    lead = next((code.tight for code in codes if code.batched), "")
    pieces = [
        f"{code.tight}.expand(*{lead}.shape[:-1], -1)" if lead and not code.batched else code.text for code in codes
    ]
    return f"torch.cat([{', '.join(pieces)}], dim=-1)"


def _part(codes: tuple[Operand, ...], options: tuple[sympy.Basic, ...], sizes: SizePrinter) -> str:
    pieces: list[str] = []
    for axis in options:
        bounds = [sizes(bound) for bound in axis.args]
        pieces.append(bounds[0] if len(bounds) == 1 else f"{'' if bounds[0] == '0' else bounds[0]}:{bounds[1]}")
    pieces += [":"] * (codes[0].rank - len(pieces))
    return f"{codes[0].tight}[..., {', '.join(pieces)}]"


def _embed(codes: tuple[Operand, ...], options: tuple[sympy.Basic, ...], sizes: SizePrinter) -> str:
    """Zeros around the piece; an axis that the slice dropped comes back first."""
    *axes, full = options
    subscript: list[str] = []
    padding: list[str] = []
    for k, size in enumerate(full.args):
        whole = size_from_expr(size)
        lower, upper = Size(), whole
        if k < len(axes):
            bounds = [size_from_expr(bound) for bound in axes[k].args]
            lower, upper = bounds if len(bounds) == 2 else (bounds[0], bounds[0] + Size.number(1))
        subscript.append("None" if k < len(axes) and len(axes[k].args) == 1 else ":")
        padding = [sizes(lower), sizes(whole - upper), *padding]  # the last axis is named first
    (piece,) = codes
    while padding[-2:] == ["0", "0"]:
        padding = padding[:-2]
    text = f"{piece.tight}[..., {', '.join(subscript)}]" if "None" in subscript else piece.text
    return f"torch.nn.functional.pad({text}, ({', '.join(padding)}))" if padding else text


def _call(name: str) -> Form:
    return Form(name + "({0.text})")


FORMS: Mapping[type, Form] = MappingProxyType(
    {
        f.sigmoid: _call("torch.sigmoid"),
        f.tanh: _call("torch.tanh"),
        f.relu: _call("torch.relu"),
        f.leaky_relu: Form("torch.nn.functional.leaky_relu({0.text}, {1.text})"),
        f.elu: Form("torch.nn.functional.elu({0.text}, {1.text})"),
        f.softplus: Form("softplus({0.text})", helper=_SOFTPLUS),
        f.silu: _call("torch.nn.functional.silu"),
        f.gelu: _call("torch.nn.functional.gelu"),
        f.gelu_tanh: Form('torch.nn.functional.gelu({0.text}, approximate="tanh")'),
        f.hard_sigmoid: _call("torch.nn.functional.hardsigmoid"),
        f.exp: _call("torch.exp"),
        f.log: _call("torch.log"),
        f.sqrt: _call("torch.sqrt"),
        f.sin: _call("torch.sin"),
        f.cos: _call("torch.cos"),
        f.absolute: _call("torch.abs"),
        f.sign: _call("torch.sign"),
        f.floor: _call("torch.floor"),
        f.mod: Form("torch.remainder({0.text}, {1.text})", tensors=(0,)),
        f.maximum: Form(_extreme("maximum", "min"), tensors=()),
        f.minimum: Form(_extreme("minimum", "max"), tensors=()),
        f.clip: Form("torch.clamp({0.text}, {1.text}, {2.text})"),
        f.where: Form("where({0.text}, {1.text}, {2.text})", helper=_WHERE),
        f.stop_gradient: Form("{0.tight}"),
        f.above: Form("above({0.text}, {1.text})", helper=_ABOVE),
        f.at_least: Form("at_least({0.text}, {1.text})", helper=_AT_LEAST),
        f.prefers: Form("prefers({0.text}, {1.text})", helper=_PREFERS, tensors=()),
        f.inside: Form("inside({0.text}, {1.text}, {2.text})", helper=_INSIDE),
        f.strictly_inside: Form("strictly_inside({0.text}, {1.text}, {2.text})", helper=_STRICTLY_INSIDE),
        f.normal_cdf: _call("torch.special.ndtr"),
        f.normal_pdf: Form("torch.exp(-0.5 * {0.tight} ** 2) / math.sqrt(2 * math.pi)", PRODUCT),
        f.safe_ratio: Form("safe_ratio({0.text}, {1.text})", helper=_SAFE_RATIO, tensors=(1,)),
        s.matmul: Form(_matmul, PRODUCT),
        s.transpose: Form(_transpose),
        s.outer: Form(_outer),
        s.dot: Form(_dot),
        s.total: Form(_reduction("sum")),
        s.mean: Form(_reduction("mean")),
        s.softmax: Form("torch.softmax({0.text}, dim=-1)"),
        s.logsumexp: Form("torch.logsumexp({0.text}, dim=-1)"),
        s.norm: Form(_norm),
        s.diag: _call("torch.diag_embed"),
        s.diagonal: Form("torch.diagonal({0.text}, dim1=-2, dim2=-1)"),
        s.stack: Form(_stack),
        s.part: Form(_part),
        s.embed: Form(_embed),
    }
)
