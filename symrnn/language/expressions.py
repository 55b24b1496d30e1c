"""From Python expressions to nodes: the operators, the functions of the table, subscripts and concatenation."""

from __future__ import annotations

import ast
import re
from fractions import Fraction

from ..errors import Span, nearest
from ..operations.entry import Operation
from ..operations.table import FUNCTIONS, OPERATIONS
from ..sizes import Size, Slice
from .idioms import EXPRESSIONS, FUNCTIONS_OF_OTHERS, is_module
from .nodes import Apply, Name, Node, Number
from .source import Source

# Deeper than anyone writes, shallow enough for every later pass to recurse.
DEEPEST = 200
LARGEST_EXPONENT = 64
LONGEST_NAME = 100
_LARGEST_NUMBER = Fraction(10) ** 300
DOUBLE = "use a number between 1e-300 and 1e300, or 0"
_WORD = "[A-Za-z_Α-Ωα-ωϑϕϵ][A-Za-z0-9_Α-Ωα-ωϑϕϵ]*"
# The reader itself makes names of parts and of families, `h1.W.0`, and sizes that nobody named.
_NAME = re.compile(rf"{_WORD}(\.{_WORD})*(\.\d+)*|\?\d+")

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.MatMult: "matmul",
}
_COMPARISONS: dict[type[ast.cmpop], tuple[str, bool]] = {
    ast.Gt: ("greater", False),
    ast.Lt: ("greater", True),
    ast.GtE: ("greater_equal", False),
    ast.LtE: ("greater_equal", True),
}
_SIGNS: dict[type[ast.operator], str] = {
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
}


def check_name(source: Source, name: str, span: Span) -> None:
    """Refuse names that no formula could print, and names that are functions."""
    if len(name) > LONGEST_NAME:
        raise source.error(
            f"a name has at most {LONGEST_NAME} characters, this one has {len(name):,}", span, mend="take a shorter one"
        )
    if not source.text.isascii() and "ᵀ" in source.excerpt(span):
        raise source.error("a raised T would be a letter of the name", span, mend="write W.T for the transpose")
    if name in ("nan", "inf"):
        raise source.error(f"`{name}` is not a number of the language", span, mend="use integers and decimals")
    if name in FUNCTIONS:
        raise source.error(
            f"`{name}` is a function and cannot name a value",
            span,
            mend=f"rename it, say `{name}_1`, or call it: `{name}(…)`",
        )
    if not _NAME.fullmatch(name) or name.strip("_") == "":
        raise source.error(
            f"`{name}` is not a name that formulas can use", span, mend="use Latin or Greek letters, digits and _"
        )


def read_expression(source: Source, node: ast.expr, depth: int = 0) -> Node:
    """The tree of one expression; what the language does not have is refused with its place and a mend."""
    span = source.span(node)
    if depth > DEEPEST:
        raise source.error(
            f"this expression is nested more than {DEEPEST} deep", span, mend="give its parts names, one line each"
        )

    def inner(child: ast.expr) -> Node:
        return read_expression(source, child, depth + 1)

    match node:
        case ast.Name(id=name):
            check_name(source, name, span)
            return Name(name, span)
        case ast.Constant(value=value):
            return Number(read_number(source, value, span), span)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Apply("neg", (inner(operand),), span=span)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return inner(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            exponent = _constant(source, right, "an exponent", "for a variable exponent write exp(k * log(a))")
            if abs(exponent) > LARGEST_EXPONENT:
                raise source.error(
                    f"the exponent {exponent} is beyond ±{LARGEST_EXPONENT}",
                    source.span(right),
                    mend="write exp(k * log(a)) for a large exponent",
                )
            return Apply("pow", (inner(left),), (exponent,), span)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return Apply(_BINARY[type(op)], (inner(left), inner(right)), span=span)
        case ast.Attribute(value=value, attr="T"):
            return Apply("transpose", (inner(value),), span=span)
        case ast.List(elts=elements) if elements:
            return Apply("concatenate", tuple(inner(element) for element in elements), span=span)
        case ast.Subscript(value=value, slice=subscript):
            axes = subscript.elts if isinstance(subscript, ast.Tuple) else [subscript]
            return Apply("slice", (inner(value),), tuple(_read_slice(source, axis) for axis in axes), span)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            operation, swapped = _COMPARISONS[type(op)]
            pair = (inner(left), inner(right))
            return Apply(operation, pair[::-1] if swapped else pair, span=span)
        case ast.Call():
            return _read_call(source, node, depth)
        case _:
            raise source.error(_refusal(node), span, mend=_mend(node))


def _refusal(node: ast.expr) -> str:
    match node:
        case ast.Attribute(attr=attribute):
            return f"`.{attribute}` is not part of the language; the only attribute is `.T`"
        case ast.BinOp(op=op):
            return f"the operator {_SIGNS.get(type(op), type(op).__name__)} is not part of the language"
        case ast.UnaryOp(op=op):
            return f"the operator {'not' if isinstance(op, ast.Not) else '~'} is not part of the language"
        case ast.List():
            return "an empty list concatenates nothing"
        case ast.Compare():
            return "a comparison has one of > < >= <= between two values"
        case _:
            kind = type(node).__name__
            return f"{EXPRESSIONS[kind][0] if kind in EXPRESSIONS else kind} is not part of the language of cells"


def _mend(node: ast.expr) -> str:
    match node:
        case ast.Attribute(value=ast.Name(id="self"), attr=attribute):
            return f"write {attribute}: names that are never assigned are parameters"
        case ast.Attribute(attr=attribute) if attribute in FUNCTIONS_OF_OTHERS:
            return FUNCTIONS_OF_OTHERS[attribute]
        case ast.Attribute(attr=attribute):
            return f"a dot is no part of a name: write {attribute}, or W.T for the transpose"
        case ast.BinOp(op=ast.FloorDiv()):
            return "write / for elementwise division, floor(a / b) for the whole part"
        case ast.BinOp(op=ast.Mod()):
            return "write mod(a, b)"
        case ast.BinOp(op=ast.BitXor()):
            return "write ** for a power"
        case ast.BinOp() | ast.UnaryOp():
            return "conditions are 1 or 0: a > b times c > d, 1 - (a > b), or where(a > b, u, v)"
        case ast.List():
            return "name what it joins: [h, x]"
        case ast.Compare(ops=[ast.Eq() | ast.NotEq()]):
            return "two real numbers are hardly ever equal: write a >= b, or where(a > b, u, v)"
        case ast.Compare():
            return "nest where(…) for more than one condition"
        case _:
            usual = "a cell is made of + - * / ** @ .T [a, b] a[lo:hi] and functions such as tanh"
            return EXPRESSIONS.get(type(node).__name__, ("", usual))[1]


def read_number(source: Source, value: object, span: Span) -> Fraction:
    """An exact number; a decimal is the fraction that it spells."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        kinds: dict[type, str] = {str: "a string", bytes: "a string of bytes", complex: "a complex number"}
        what = kinds.get(type(value)) or f"`{'...' if value is ... else value}`"
        raise source.error(f"{what} is not a number of the language", span, mend="use integers and decimals")
    if value != value or value in (float("inf"), float("-inf")):
        raise source.error("this number is not finite", span, mend=DOUBLE)
    number = Fraction(value) if isinstance(value, int) else Fraction(repr(value))
    underflown = value == 0 and re.search("[1-9]", re.split("[eE]", source.excerpt(span))[0])
    if underflown or not fits_double(number):
        raise source.error("this number is beyond what double precision can hold", span, mend=DOUBLE)
    return number


def fits_double(number: Fraction) -> bool:
    """Whether a constant, its square root and its double are ordinary numbers in double precision."""
    return number == 0 or 1 / _LARGEST_NUMBER <= abs(number) <= _LARGEST_NUMBER


def _constant(source: Source, node: ast.expr, what: str, mend: str) -> Fraction:
    """A constant expression such as 2, -1, 0.5 or 1/3."""
    match node:
        case ast.Constant(value=value):
            return read_number(source, value, source.span(node))
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
            value = _constant(source, operand, what, mend)
            return -value if isinstance(op, ast.USub) else value
        case ast.BinOp(left=ast.Constant() as left, op=ast.Div(), right=ast.Constant() as right):
            divisor = _constant(source, right, what, mend)
            if divisor == 0:
                raise source.error(
                    "this divides by zero, whatever the values are", source.span(node), mend="change the divisor"
                )
            quotient = _constant(source, left, what, mend) / divisor
            if not fits_double(quotient):
                raise source.error(
                    "this number is beyond what double precision can hold", source.span(node), mend=DOUBLE
                )
            return quotient
        case _:
            raise source.error(f"{what} is a constant number", source.span(node), mend=mend)


def read_size(source: Source, node: ast.expr, depth: int = 0) -> Size:
    """A size: an integer, a dimension's name, or a sum of multiples of them."""
    span = source.span(node)

    def refuse() -> Exception:
        return source.error(
            "a size is an integer, a dimension's name, or a sum of such",
            span,
            mend="write n, 2*n, n + m - 1; a part that depends on values is where(a > b, u, v)",
        )

    if depth > DEEPEST:
        raise refuse()
    match node:
        case ast.Constant(value=int() as value) if not isinstance(value, bool) and abs(value) < 10**9:
            return Size.number(value)
        case ast.Name(id=name):
            check_name(source, name, span)
            return Size.of(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return read_size(source, operand, depth + 1).scaled(-1)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() as op, right=right):
            a, b = read_size(source, left, depth + 1), read_size(source, right, depth + 1)
            if isinstance(op, ast.Add):
                return a + b
            if isinstance(op, ast.Sub):
                return a - b
            if a.is_number or b.is_number:
                return b.scaled(a.constant) if a.is_number else a.scaled(b.constant)
            raise refuse()
        case _:
            raise refuse()


def _read_slice(source: Source, node: ast.expr) -> Slice:
    if isinstance(node, ast.Slice):
        if node.step is not None:
            raise source.error("a slice takes no step", source.span(node.step), mend="write a[lower:upper]")
        lower = read_size(source, node.lower) if node.lower else None
        upper = read_size(source, node.upper) if node.upper else None
        return Slice(lower, upper)
    return Slice(index=read_size(source, node))


def _read_call(source: Source, node: ast.Call, depth: int) -> Apply:
    span = source.span(node)
    if not isinstance(node.func, ast.Name):
        raise source.error(
            "only the functions of the language can be called",
            source.span(node.func),
            mend=_instead(node.func),
        )
    name = node.func.id
    if name not in FUNCTIONS:
        if len(name) > LONGEST_NAME:
            check_name(source, name, source.span(node.func))
        mend = FUNCTIONS_OF_OTHERS.get(name, "") or nearest(name, list(FUNCTIONS)) or _known_functions()
        raise source.error(f"`{name}` is not a function of the language", source.span(node.func), mend=mend)
    operation = OPERATIONS[name]
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            what, mend = EXPRESSIONS["Starred"]
            raise source.error(f"{what} is not part of the language of cells", source.span(argument), mend=mend)
    wanted = len(operation.operands)
    operands = node.args[:wanted]
    if len(operands) < wanted or len(node.args) > wanted + len(operation.options):
        given = f"{len(node.args)} argument{'s' * (len(node.args) != 1)} given"
        raise source.error(
            f"`{name}` is called as {signature(operation)}; {given}", span, mend=_arguments(operation, operands)
        )
    options = _read_options(source, node, operation, node.args[wanted:])
    children = tuple(read_expression(source, child, depth + 1) for child in operands)
    if name == "where" and not (isinstance(children[0], Apply) and children[0].operation.startswith("greater")):
        raise source.error("the condition of where is a comparison", children[0].span, mend="write where(a > b, u, v)")
    return Apply(name, children, options, span)


def _arguments(operation: Operation, given: list[ast.expr]) -> str:
    """How to call an operation that was given too much or too little; `[a, b]` is one array."""
    if len(given) < len(operation.operands):
        return f"give {' and '.join(operation.operands)}, with a sign or a comma between two"
    if operation.name in ("sum", "mean", "softmax"):
        return "leave the axis out: the batch is no axis of a cell, and a softmax of a matrix goes row by row"
    return f"give {' and '.join(operation.operands)} alone; a sign is missing where two names were one argument"


def signature(operation: Operation) -> str:
    """How an operation is called: `clip(a, lower, upper)`."""
    words = [*operation.operands]
    for option in operation.options:
        words.append(option.name if option.default is None else f"{option.name}={float(option.default):g}")
    return f"{operation.name}({', '.join(words)})"


def _read_options(source: Source, node: ast.Call, operation: Operation, given: list[ast.expr]) -> tuple[Fraction, ...]:
    names = [option.name for option in operation.options]
    values: dict[str, Fraction] = {}
    for name, argument in zip(names, given, strict=False):
        values[name] = _constant(source, argument, f"`{name}` of {operation.name}", "give a number")
    for keyword in node.keywords:
        if keyword.arg is not None and len(keyword.arg) > LONGEST_NAME:
            check_name(source, keyword.arg, source.span(keyword))
        if keyword.arg is None or keyword.arg not in names:
            raise source.error(
                f"`{operation.name}` has no option `{keyword.arg or '**'}`",
                source.span(keyword),
                mend=nearest(keyword.arg or "", names) or f"it is called as {signature(operation)}",
            )
        if keyword.arg in values:
            raise source.error(f"`{keyword.arg}` is given twice", source.span(keyword), mend="keep one of the two")
        values[keyword.arg] = _constant(source, keyword.value, f"`{keyword.arg}` of {operation.name}", "give a number")
    for option in operation.options:
        if option.name not in values:
            if option.default is None:
                raise source.error(
                    f"`{operation.name}` is called as {signature(operation)}; `{option.name}` is missing",
                    source.span(node),
                    mend=f"give it: {option.name}=1",
                )
            values[option.name] = option.default
    return tuple(values[name] for name in names)


def _instead(function: ast.expr) -> str:
    """What to write for a call of what is no function's name: `np.tanh(a)`, `h.tanh()`, `torch.cat([h, x])`."""
    match function:
        case ast.Attribute(value=value, attr=name) if name in FUNCTIONS:
            module = isinstance(value, ast.Attribute) or (isinstance(value, ast.Name) and is_module(value.id))
            where = "without a module before it" if module else "with the value in the parentheses"
            return f"write {name}(…) {where}"
        case ast.Attribute(value=ast.Name(id="self")):
            return "a cell has no `self`: write the product, W @ x + b, and the function, tanh(…), themselves"
        case ast.Attribute(attr=name):
            return FUNCTIONS_OF_OTHERS.get(name, "") or nearest(name, list(FUNCTIONS)) or _known_functions()
        case _:
            return "a product has a sign: f * (h + c), W @ (r * h)"


def _known_functions() -> str:
    return f"known: {', '.join(FUNCTIONS)}"
