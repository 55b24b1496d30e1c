"""From equations to display trees: forward ones in the order of the person who wrote them, derived ones in the
order in which a person would write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import sympy

from ..derivation import Derivation
from ..equations import Equation, Term
from ..equations.shapes import names_in, shape_of
from ..language.nodes import Apply, Name, Node, Number
from ..operations import BY_HEAD, OPERATIONS, Operation
from ..operations.entry import SizeSymbol, size_from_expr
from ..sizes import Shape, Size, Slice
from . import tree as t
from .arranging import arrange, arrange_axes, raised, tile
from .names import Naming, name_variables
from .notation import STANDARD, Notation
from .view import MOVED, Slope, View

# Denominators that people read as fractions; others are decimals where these end.
_FRACTIONS = (1, 2, 3, 4, 6, 7, 8, 9)


@dataclass(frozen=True, slots=True)
class Display:
    """What turning equations into trees needs to know: names, shapes, and the order of definition."""

    naming: Naming
    order: Mapping[str, int]
    shapes: Mapping[str, Shape]
    params: frozenset[str]
    adjoints: frozenset[str] = field(repr=False)

    # Equations -----------------------------------------------------------------------------------------------

    def left(self, equation: Equation) -> t.Tree:
        """The left side; a carry is written where it goes out."""
        carries = equation.kind == "carry"
        return t.Symbol(self.naming(equation.name, "t" if carries else None))

    def right(self, equation: Equation) -> t.Tree:
        """The right side, term by term."""
        if equation.written is not None:
            return self.node(equation.written)
        rank, first = len(equation.shape), "1" if equation.why == "initial" else None
        trees = [self.term(term, rank, first) for term in equation.terms]
        if not trees:
            return t.Number(Fraction(0))
        body = add(tile(trees, equation.shape[0]) if rank == 1 else trees)
        if not equation.over_time:
            return body
        lone = t.signed(body)
        return t.negated(t.TimeSum(lone.node)) if lone.negative else t.TimeSum(body)

    def term(self, term: Term, rank: int, carry_time: str | None = None) -> t.Tree:
        """One summand; a scalar that stands for an array of equal entries is multiplied by ones."""
        expr: Any = term.expr
        if carry_time and expr.is_Symbol:
            return t.Symbol(self.naming(expr.name, carry_time))
        if isinstance(expr, sympy.Add):
            return self.expression(expr)
        return self._product(expr, ones=rank > 0 and self.rank(expr) == 0 and expr != 0)

    # Forward equations, as they were written ----------------------------------------------------------------

    def node(self, node: Node) -> t.Tree:
        match node:
            case Name(id=name):
                return t.Symbol(self.naming(name))
            case Number(value=value):
                return _number(value)
            case Apply(operation=name, operands=operands, options=options):
                trees = [(self.node(operand), len(operand.shape)) for operand in operands]
                return self._applied(OPERATIONS[name], node, trees, options)

    def _applied(
        self,
        operation: Operation,
        node: Apply,
        operands: list[tuple[t.Tree, int]],
        options: tuple[Fraction | Slice, ...],
    ) -> t.Tree:
        trees = [tree for tree, _ in operands]
        match operation.name:
            case "add":
                return t.Sum((*_terms(trees[0]), *_terms(trees[1])))
            case "sub":
                return t.Sum((*_terms(trees[0]), t.Signed(True, trees[1])))
            case "neg":
                return t.negated(trees[0])
            case "mul":
                return self._times(operands)
            case "div":
                first = t.signed(trees[0])
                quotient = t.Quotient(first.node, trees[1])
                return t.negated(quotient) if first.negative else quotient
            case "pow":
                assert isinstance(options[0], Fraction)
                return self._power(operands[0], options[0])
            case "square":
                return raised(operands[0], 2)
        if any(isinstance(option, Slice) for option in options):
            axes = [_written_axis(option) for option in options if isinstance(option, Slice)]
            return arrange_axes(trees[0], operands[0][1], axes, [])
        return arrange(operation, operands, [_number(option) for option in options if isinstance(option, Fraction)])

    def _times(self, operands: list[tuple[t.Tree, int]]) -> t.Tree:
        """a * b, a product on the left being continued."""
        (left, left_rank), (right, right_rank) = operands
        first = t.signed(left)
        flat: list[tuple[t.Tree, int]] = [(first.node, left_rank)]
        product = t.join_factors([*flat, (right, right_rank)])
        if isinstance(first.node, t.Product) and isinstance(product, t.Product):
            product = t.Product((*first.node.factors, right), (*first.node.joins, *product.joins))
        return t.negated(product) if first.negative else product

    def _power(self, base: tuple[t.Tree, int], exponent: Fraction) -> t.Tree:
        if exponent == 0:
            return t.Number(Fraction(1))
        if exponent < 0:
            return t.Quotient(t.Number(Fraction(1)), self._power(base, -exponent))
        if exponent == 1:
            return base[0]
        if exponent == Fraction(1, 2):
            return t.Root(base[0])
        if exponent.denominator == 1:
            return raised(base, exponent.numerator)
        return t.Power(base[0], exponent, marked=base[1] == 2)

    # Derived equations, in a person's order -----------------------------------------------------------------

    def expression(self, expr: Any) -> t.Tree:
        """A SymPy expression as a person would write it."""
        if isinstance(expr, SizeSymbol):
            return t.Extent(Size.of(expr.name), marked=expr.name in self.naming.dimensions)
        if expr.is_Symbol:
            return t.Symbol(self.naming(expr.name))
        if expr is sympy.pi:
            return t.Constant("pi")
        if isinstance(expr, sympy.Add):
            return self._sum(expr)
        if isinstance(expr, Slope):
            call = self.expression(expr.args[0])
            assert isinstance(call, t.Call), f"{expr} is the derivative of a function"
            return replace(call, primes=1)
        operation = BY_HEAD.get(type(expr))
        return self._applied_head(operation, expr) if operation else self._product(expr)

    def _applied_head(self, operation: Operation, expr: Any) -> t.Tree:
        count = len(expr.args) if operation.variadic else len(operation.operands)
        operands = [(self.expression(arg), self.rank(arg)) for arg in expr.args[:count]]
        options = expr.args[count:]
        tuples = [option for option in options if isinstance(option, sympy.Tuple)]
        if not tuples:
            return arrange(operation, operands, [self.expression(option) for option in options])
        # A slice has one tuple an axis; its adjoint has the shape of the whole after these.
        embeds = not _is_slice(operation)
        inner = shape_of(expr.args[0], self.shapes)
        whole = [size_from_expr(size) for size in tuples.pop().args] if embeds else list(inner)
        axes = [_explicit_axis(axis, size) for axis, size in zip(tuples, whole, strict=False)]
        return arrange_axes(operands[0][0], operands[0][1], axes, whole if embeds else [])

    def _sum(self, expr: Any) -> t.Tree:
        """Positive terms first, numbers before the rest, then by order of definition."""
        keyed = []
        for arg in expr.args:
            coefficient, rest = arg.as_coeff_Mul()
            key = (bool(coefficient < 0), rest is not sympy.S.One, self._position(rest), len(_leaves(rest)))
            keyed.append((key, arg))
        keyed.sort(key=lambda pair: pair[0])
        return t.Sum(tuple(t.signed(self.expression(arg)) for _, arg in keyed))

    def _product(self, expr: Any, ones: bool = False) -> t.Tree:
        """Coefficient, scalars, arrays; what is divided by is gathered under one fraction."""
        coefficient, rest = expr.as_coeff_Mul()
        value = Fraction(int(coefficient.p), int(coefficient.q))
        negative, value = value < 0, abs(value)
        keyed: dict[bool, list[tuple[tuple, t.Tree, int]]] = {True: [], False: []}
        for base, tree, power in self._factors(rest):
            if isinstance(tree, t.Sum) and all(term.negative for term in tree.terms) and power.denominator == 1:
                negative ^= power.numerator % 2 == 1
                turned = tuple(t.Signed(False, term.node) for term in tree.terms)
                tree = turned[0].node if len(turned) == 1 else t.Sum(turned)
            tree = self._power((tree, self.rank(base)), abs(power))
            keyed[power > 0].append((self._key(base, tree), tree, self.rank(base)))
        above, below = ([item[1:] for item in sorted(keyed[side], key=lambda item: item[0])] for side in (True, False))
        if not above and not below and not ones:
            result: t.Tree = t.Number(value, decimal=value.denominator not in _FRACTIONS)
            return t.negated(result) if negative else result
        if value.denominator in _FRACTIONS or not t.is_decimal(value):
            below = [(t.Number(Fraction(value.denominator)), 0), *below] if value.denominator != 1 else below
            value = Fraction(value.numerator)
        above += [(t.Constant("ones"), 1)] if ones else []
        if value != 1 or not above:
            above.insert(0, (t.Number(value), 0))
        result = t.join_factors(above)
        result = t.Quotient(result, t.join_factors(below)) if below else result
        return t.Sum((t.Signed(True, result),)) if negative else result

    def _factors(self, expr: Any) -> Iterator[tuple[Any, t.Tree, Fraction]]:
        """The factors of a product, each with its tree and its power; one that is set as a fraction gives two."""
        for factor in sympy.Mul.make_args(expr) if expr is not sympy.S.One else ():
            base, exponent = factor.as_base_exp() if factor.is_Pow else (factor, sympy.S.One)
            power = Fraction(int(exponent.p), int(exponent.q))
            tree = self.expression(base)
            if isinstance(tree, t.Quotient) and power == 1:  # k / norm(k) joins the fraction
                yield from (
                    pair
                    for pair in ((base.args[0], tree.left, power), (base.args[1], tree.right, -power))
                    if pair[0] is not sympy.S.One
                )
            else:
                yield base, tree, power

    def _key(self, factor: Any, tree: t.Tree) -> tuple:
        """Where a factor stands: scalars, a lone parameter, adjoints, names in the order of definition, the rest."""
        symbols = {symbol.name for symbol in factor.free_symbols if not isinstance(symbol, SizeSymbol)}
        array = self.rank(factor) > 0
        if factor.is_Symbol and factor.name in self.params:
            group = 0
        elif symbols & self.adjoints and not isinstance(tree, t.Sum):
            group = 1
        else:
            group = 2
        kind = (t.Symbol, t.Power, t.Call).index(type(tree)) if isinstance(tree, t.Symbol | t.Power | t.Call) else 3
        # A fraction of names (a norm's gradient) stands with the arrays it belongs to; a sum comes last.
        return (array, bool(symbols), group, kind if not isinstance(tree, t.Sum) else 9, self._position(factor))

    def _position(self, expr: Any) -> int:
        """The first place of what it mentions; σ′(a) stands where a does, and σ′ of more than a name last."""
        leaves = _leaves(expr)
        places = [self.order.get(str(leaf.args[0].args[0]), len(self.order)) for leaf in leaves if leaf.args]
        places += [self.order[leaf.name] for leaf in leaves if not leaf.args and leaf.name in self.order]
        return min(places, default=-1)

    # Shapes --------------------------------------------------------------------------------------------------

    def rank(self, expr: Any) -> int:
        """0 for a scalar, 1 for a vector, 2 for a matrix."""
        return len(shape_of(expr, self.shapes))


def build_display(derivation: Derivation, notation: Notation = STANDARD, view: View | None = None) -> Display:
    """How a notation writes a derivation's equations, those of a view among them."""
    program = derivation.cell.program
    names = [*program.inputs, *(state.previous for state in program.states), *program.params]
    names += [equation.name for equation in derivation.equations]
    names += [*derivation.upstream.values(), *derivation.carries.values()]
    derived = ("adjoint", "upstream", "carry")
    order = {name: place for place, name in enumerate(dict.fromkeys(names))}
    shapes = {name: variable.shape for name, variable in derivation.variables.items()}
    adjoints = {name for name, variable in derivation.variables.items() if variable.role in derived}
    naming = name_variables(derivation, notation)
    known = dict(naming.names)
    for shown in (*view.backward, *view.gradients) if view is not None else ():
        for name in names_in(sympy.Tuple(*(term.expr for term in shown.equation.terms))):
            still, moved, time = name.partition(MOVED)
            if moved:
                known[name], shapes[name], order[name] = naming(still, time), shapes[still], order[still]
                adjoints |= {name} if still in adjoints else set()
    return Display(replace(naming, names=known), order, shapes, frozenset(program.params), frozenset(adjoints))


def _leaves(expr: Any) -> set[Any]:
    """The symbols of an expression, each σ′(a) counting as one."""
    slopes = {slope: sympy.Dummy() for slope in expr.atoms(Slope)}
    return (expr.xreplace(slopes).free_symbols - set(slopes.values())) | slopes.keys() if slopes else expr.free_symbols


def _terms(tree: t.Tree) -> tuple[t.Signed, ...]:
    return tree.terms if isinstance(tree, t.Sum) else (t.Signed(False, tree),)


def _number(value: Fraction) -> t.Tree:
    number = t.Number(abs(value))
    return t.negated(number) if value < 0 else number


def _written_axis(bounds: Slice) -> t.Axis:
    return (bounds.index,) if bounds.index is not None else (bounds.lower, bounds.upper)


def _is_slice(operation: Operation) -> bool:
    return operation.look is not None and operation.look.kind == "part"


def _explicit_axis(axis: Any, whole: Size) -> t.Axis:
    bounds = [size_from_expr(bound) for bound in axis.args]
    if len(bounds) == 1:
        return (bounds[0],)
    return (bounds[0] if bounds[0] != Size() else None, bounds[1] if bounds[1] != whole else None)


def add(trees: Sequence[t.Tree]) -> t.Tree:
    """A sum of trees, sums among them continued."""
    terms = [term for tree in trees for term in _terms(tree)]
    # A formula does not open with a minus where a positive term could open it.
    first = next((place for place, term in enumerate(terms) if not term.negative), 0)
    terms = [terms[first], *terms[:first], *terms[first + 1 :]]
    return terms[0].node if len(terms) == 1 and not terms[0].negative else t.Sum(tuple(terms))
