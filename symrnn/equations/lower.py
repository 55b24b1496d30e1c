"""From assignments to equations that a derivative can be read off: net inputs and operands get names of their own.

After lowering a structured operation (a product, a reduction) stands alone or as a summand, its operands are names,
and every activation of something compound acts on a named net input `a_…`, because people speak of δ at the net
input. Whatever else must be named is called `u_…`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

import sympy

from ..language.expressions import DOUBLE, LARGEST_EXPONENT, fits_double
from ..language.nodes import Apply, Assignment, Name, Node, Number, walk
from ..language.program import Program, Variable
from ..operations.entry import number
from ..operations.structured import build_part
from ..operations.table import OPERATIONS
from ..sizes import Shape, Slice

_LINEAR = {"add", "sub", "neg"}
_FLAT = {"add": "sum", "sub": "sum", "mul": "product", "div": "product"}
# Operations within an operand. A derivative repeats them, once for each level, so what is larger gets a name.
_LARGEST = 12


@dataclass(slots=True)
class _Lowering:
    variables: dict[str, Variable]
    taken: set[str]
    lines: list[Assignment] = field(default_factory=list)
    named: dict[Node, str] = field(default_factory=dict)

    def assign(self, line: Assignment, owner: str) -> None:
        """Add a line, after the lines for those of its parts that need names; `owner` is whom these serve."""
        node, _ = self.split(line.node, owner)
        if isinstance(node, Apply):
            operation = OPERATIONS[node.operation]
            if operation.activation:
                (first, *_) = node.operands
                # A structured operation, softmax, acts on names alone; σ(−a) may stay as it is.
                operand = self.net_input(first, owner) if operation.elementwise else self.as_name(first, "a", owner)
                node = replace(node, operands=(operand, *node.operands[1:]))
            elif operation.adjoint is not None and not operation.linear:
                node = replace(node, operands=tuple(self.as_name(o, "u", owner) for o in node.operands))
            else:
                node = self.settle(node, owner, node.shape)
        self.lines.append(replace(line, node=node))

    def split(self, node: Node, owner: str) -> tuple[Node, int]:
        """The tree with names for operands that hold many operations, and how many it holds itself. Sums and products
        may be as long as they like; the condition of a `where` stays a comparison."""
        if not isinstance(node, Apply):
            return node, 0
        family = _FLAT.get(node.operation)
        count, parts = 1, list[Node]()
        for operand in node.operands:
            part, inner = self.split(operand, owner)
            continues = family is not None and isinstance(part, Apply) and _FLAT.get(part.operation) == family
            if inner > _LARGEST and not continues and not _compares(part):
                part, inner = self.as_name(part, "u", owner), 0
            parts.append(part)
            count += inner
        return replace(node, operands=tuple(parts)), count

    def settle(self, node: Node, owner: str, linear: Shape | None) -> Node:
        """The tree with its structured parts named; `linear` is the equation's shape while only sums and constant
        multiples surround the node, where a structured operation of that shape may stay."""
        if not isinstance(node, Apply):
            return node
        operation = OPERATIONS[node.operation]
        if operation.adjoint is not None:
            operands = tuple(self.operand(node, operand, owner) for operand in node.operands)
            settled = replace(node, operands=operands)
            if linear is not None and operation.linear and node.shape == linear:
                return settled
            return self.as_name(settled, "u", owner)
        if operation.activation and any(_is_structured(inner) for inner in walk(node.operands[0])):
            return replace(node, operands=(self.net_input(node.operands[0], owner), *node.operands[1:]))
        keeps = node.operation in _LINEAR or _scales(node)
        inner = linear if keeps else None
        return replace(node, operands=tuple(self.settle(operand, owner, inner) for operand in node.operands))

    def operand(self, parent: Apply, node: Node, owner: str) -> Node:
        """A name, or a transposed name within a product."""
        turned = isinstance(node, Apply) and node.operation == "transpose" and parent.operation == "matmul"
        if turned and isinstance(node, Apply):
            return replace(node, operands=(self.as_name(node.operands[0], "u", owner),))
        return self.as_name(node, "a" if OPERATIONS[parent.operation].activation else "u", owner)

    def net_input(self, node: Node, owner: str) -> Node:
        simple = node.operands[0] if isinstance(node, Apply) and node.operation == "neg" else node
        return node if isinstance(simple, Name | Number) else self.as_name(node, "a", owner)

    def as_name(self, node: Node, letter: str, owner: str) -> Node:
        """The name of a value, newly given where there is none; equal values share one."""
        if isinstance(node, Name):
            return node
        name = self.named.get(node)
        if name is None:
            part, dot, own = owner.rpartition(".")
            name = self.fresh(f"{part}{dot}{letter}_{own}")
            self.variables[name] = Variable(name, name, "value", node.shape)
            self.assign(Assignment(name, node, node.span), owner)
            self.named[node] = name
        return Name(name, node.span, node.shape)

    def fresh(self, wish: str) -> str:
        name, k = wish, 1
        while name in self.taken:
            k += 1
            name = f"{wish}_{k}"
        self.taken.add(name)
        return name


def _compares(node: Node) -> bool:
    return isinstance(node, Apply) and node.operation.startswith("greater")


def _is_structured(node: Node) -> bool:
    return isinstance(node, Apply) and OPERATIONS[node.operation].adjoint is not None


def _scales(node: Apply) -> bool:
    """Whether a product or quotient only multiplies by a constant number."""
    match node.operation, node.operands:
        case "mul", (left, right):
            return isinstance(left, Number) or isinstance(right, Number)
        case "div", (_, right):
            return isinstance(right, Number)
        case _:
            return False


def lower(program: Program) -> tuple[tuple[Assignment, ...], dict[str, Variable]]:
    """The lines of a program, each fit to be differentiated, and all variables with the new ones."""
    lowering = _Lowering(dict(program.variables), set(program.variables))
    for line in program.assignments:
        lowering.assign(line, line.name)
    return tuple(lowering.lines), lowering.variables


class Unfit(Exception):
    """A constant in an expression came out as something that no double is; carries the node and the problem."""

    def __init__(self, node: Node, problem: str, mend: str) -> None:
        self.node = node
        self.problem = problem
        self.mend = mend
        super().__init__(problem)


def to_expr(node: Node) -> sympy.Expr:
    """A node as a scalar SymPy expression over symbols and opaque heads; constants that combine to something no
    double could hold raise `Unfit` before they can grow."""
    expr = _build(node)
    factors = sympy.Mul.make_args(expr)
    if any((factor.is_Number and not factor.is_finite) or factor is sympy.zoo for factor in factors):
        raise Unfit(node, "this divides by zero, whatever the values are", "change the divisor")
    for factor in factors:
        base, exponent = factor.as_base_exp()
        if exponent.is_Rational and abs(exponent) > LARGEST_EXPONENT:
            raise Unfit(node, f"the exponents combine to more than {LARGEST_EXPONENT}", "write exp(k * log(a))")
        # Only numbers are asked for their sign: for anything else SymPy would think long.
        if base.is_Number and base.is_negative and exponent.is_Rational and not exponent.is_Integer:
            raise Unfit(node, "this is the root of a negative number", "a power k of a number below 0 has a whole k")
        if factor.is_Rational and not fits_double(Fraction(int(factor.p), int(factor.q))):
            raise Unfit(node, "this number is beyond what double precision can hold", DOUBLE)
    return expr


def _build(node: Node) -> sympy.Expr:
    match node:
        case Name(id=name):
            return sympy.Symbol(name)
        case Number(value=value):
            return number(value)
        case Apply(operation=name, operands=operands, options=options):
            built, build = [to_expr(operand) for operand in operands], OPERATIONS[name].build
            assert build is not None  # the head itself, where the row names nothing else
            if any(isinstance(option, Slice) for option in options):
                return build(*built, *build_part(operands[0].shape, options))
            constants = [number(option) for option in options if isinstance(option, Fraction)]
            return build(*built, *constants)


def written_terms(node: Node, sign: int = 1) -> list[tuple[int, Node]]:
    """The summands of a tree in the order in which they were written, with their signs."""
    if isinstance(node, Apply) and node.operation in ("add", "sub"):
        left, right = node.operands
        return written_terms(left, sign) + written_terms(right, sign if node.operation == "add" else -sign)
    if isinstance(node, Apply) and node.operation == "neg":
        return written_terms(node.operands[0], -sign)
    return [(sign, node)]
