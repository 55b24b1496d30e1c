"""Expressions of the language of cells, drawn with a given shape and kept where functions are defined.

A size is a sum of names, sorted: ("m", "n") is m + n, ("n", "n") is 2*n. A shape is (), (rows,) or (rows, columns).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .chance import Chance, Names

Size = tuple[str, ...]
Shape = tuple[Size, ...]

# How tightly the parts of a text hold together, as Python has it.
_COMPARE, _SUM, _PRODUCT, _MINUS, _POWER, _ATOM = range(6)

_SMOOTH = ["sigmoid", "tanh", "softplus", "silu", "gelu", "gelu_tanh", "sin", "cos", "erf", "square"]
_KINKED = ["relu", "leaky_relu", "elu", "hard_sigmoid", "abs", "sign", "floor"]
_NUMBERS = ["0.5", "2", "0.1", "3", "1.5", "0.25", "1/3", "2/7", "1e-1", "0.3", "1", "-0.7", "1.0", "0"]
_NUMBERS += ["0.123456789", "22/7", "-1/3", ".5", "1e-3", "0.99"]
_SHARES = ["0.5", "0.9", "1/3", "0.25", "0.1"]


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of source and how tightly it holds together."""

    source: str
    level: int = _ATOM

    def at(self, level: int) -> str:
        """The source, in brackets where it would fall apart beside something of that level."""
        return self.source if self.level >= level else f"({self.source})"


def join(operator: str, left: Text, right: Text) -> Text:
    """Two pieces with an operator between them, with no more brackets than needed."""
    level = _SUM if operator in "+-" else _PRODUCT
    return Text(f"{left.at(level)} {operator} {right.at(level + 1)}", level)


def call(name: str, *arguments: Text | str) -> Text:
    """A function of the language."""
    return Text(f"{name}({', '.join(a if isinstance(a, str) else a.source for a in arguments)})")


def number(source: str) -> Text:
    """A constant, as it is written."""
    return Text(source, _PRODUCT if "/" in source else _MINUS if source.startswith("-") else _ATOM)


def plural(size: Size) -> str:
    """A size as it stands in an annotation: 2*n + 1."""
    counted = {name: size.count(name) for name in size}
    return " + ".join(name if count == 1 else f"{count}*{name}" for name, count in counted.items())


def _beside(part: Size, whole: Size) -> Size | None:
    """What is left of a size when a part of it is cut off."""
    left = list(whole)
    for name in part:
        if name not in left:
            return None
        left.remove(name)
    return tuple(left) or None


@dataclass
class Formulas:
    """Draws expressions. `values` may be read, and parameters appear as they are wanted."""

    chance: Chance
    names: Names
    sizes: list[Size]
    named: list[Size]
    """Those of the sizes that the text may write in a slice."""
    values: dict[str, Shape] = field(default_factory=dict)
    params: dict[str, Shape] = field(default_factory=dict)

    # Leaves

    def leaf(self, shape: Shape) -> Text:
        """A value that is there, more likely a late one, or a parameter."""
        known = [name for name, its in self.values.items() if its == shape]
        if known and self.chance.maybe(0.8):
            late = known[-3:] if self.chance.maybe(0.6) else known
            return Text(self.chance.pick(late))
        if shape == () and self.chance.maybe(0.4):
            return number(self.chance.pick(_NUMBERS))
        return self.param(shape)

    def param(self, shape: Shape, again: float = 0.4) -> Text:
        """A parameter, one that is there already as often as `again` says."""
        known = [name for name, its in self.params.items() if its == shape]
        if known and self.chance.maybe(again):
            return Text(self.chance.pick(known))
        usual = {
            0: ["s", "eps", "tau", "gain"],
            1: ["b", "b_f", "b_i", "v", "w", "p_i"],
            2: ["W", "R", "U", "R_f", "W_i", "V"],
        }
        name = self.names.new(usual[len(shape)])
        self.params[name] = shape
        return Text(name)

    # Expressions by shape

    def draw(self, shape: Shape, depth: int) -> Text:
        """An expression of a shape."""
        if depth <= 0:
            return self.leaf(shape)
        if self.chance.maybe(0.55):
            return self._elementwise(shape, depth - 1)
        return (self._scalar, self._vector, self._matrix)[len(shape)](shape, depth - 1)

    def _elementwise(self, shape: Shape, depth: int) -> Text:
        chance = self.chance
        kind = chance.below(13)
        if kind < 3:
            return call(chance.pick(_SMOOTH), self.draw(shape, depth))
        if kind == 3:
            return self._kinked(shape, depth)
        if kind == 4:
            return self._domain(shape, depth)
        if kind == 5:
            return self._choice(shape, depth)
        if kind == 6:
            return Text(f"-{self.draw(shape, depth).at(_MINUS)}", _MINUS)
        if kind == 7:
            return Text(f"{self.draw(shape, depth).at(_ATOM)} ** {chance.pick(['2', '3', '1', '2.0'])}", _POWER)
        left, right = self.draw(shape, depth), self.draw(shape if chance.maybe(0.6) else (), depth)
        if kind == 8:
            return join("/", left, self.positive(shape if chance.maybe(0.6) else (), depth))
        if chance.maybe(0.3):
            left, right = right, left
            if left.source[:1].isdigit() and right.source[:1].isdigit():
                right = self.leaf(shape)
        if shape and left.source in _NUMBERS and right.source in _NUMBERS:
            right = self.leaf(shape)
        return join(chance.pick("+-*"), left, right)

    def _kinked(self, shape: Shape, depth: int) -> Text:
        name, inner = self.chance.pick(_KINKED), self.draw(shape, depth)
        if name == "leaky_relu":
            return call(name, inner, *self.chance.pick([(), ("slope=0.2",), ("0.3",), ("1/4",)]))
        if name == "elu":
            return call(name, inner, *self.chance.pick([(), ("alpha=0.5",), ("2",), ("alpha=3/2",)]))
        return call(name, inner)

    def _domain(self, shape: Shape, depth: int) -> Text:
        """Functions that are not defined, or not tame, everywhere."""
        kind = self.chance.below(6)
        if kind == 0:
            return call("log", self.positive(shape, depth))
        if kind == 1:
            return call("sqrt", self.positive(shape, depth))
        if kind == 2:
            power = self.chance.pick(["0.5", "-1", "-2", "(1/3)", "1.5", "-0.5", "0"])
            return Text(f"{self.positive(shape, depth).at(_ATOM)} ** {power}", _POWER)
        if kind == 3:
            return call("exp", Text(f"-square({self.draw(shape, depth).source})", _MINUS))
        if kind == 4:
            return call("exp", call("tanh", self.draw(shape, depth)))
        inner = self.draw(shape, depth)  # far out, the logistic function is not zero
        return call("log", call("sigmoid", join("*", number("40"), inner) if self.chance.maybe(0.3) else inner))

    def positive(self, shape: Shape, depth: int) -> Text:
        """An expression that stays well above zero."""
        inner = self.draw(shape, depth - 1)
        kind = self.chance.below(7)
        if kind == 0:
            return join("+", number("1"), call("square", inner))
        if kind == 1:
            return join("+", number("1"), join("*", inner, inner) if inner.level == _ATOM else call("abs", inner))
        if kind == 2:
            return join("+", number("1"), call("exp", inner))
        if kind == 3:
            return join("+", call("softplus", inner), number("0.2"))
        if kind == 4:
            return call("sqrt", join("+", number("1"), Text(f"{inner.at(_ATOM)} ** 2", _POWER)))
        if kind == 5 and not shape:
            return join("+", call("norm", self.draw((self.chance.pick(self.sizes),), 0)), number("0.5"))
        return call("exp", call("sin", inner))

    def _choice(self, shape: Shape, depth: int) -> Text:
        chance = self.chance
        a, b = self.draw(shape, depth), self.draw(shape if chance.maybe(0.7) else (), depth)
        kind = chance.below(7)
        if kind == 0:
            return call("maximum", a, b)
        if kind == 1:
            return call("minimum", a, b)
        if kind == 2:
            return call(
                "clip", a, *chance.pick([("-0.5", "0.5"), ("lower=-1", "upper=1/2"), ("0", "6"), ("-0.3", "upper=2")])
            )
        if kind == 3:
            return call(
                "mod", a, chance.pick(["2", "0.7", "3/2"]) if chance.maybe(0.6) else self.positive(shape, depth)
            )
        if kind == 4:
            return call("stop_gradient", a)
        if kind == 5:
            return self.comparison(a, b)
        return (
            call("where", self.comparison(a, self.draw((), 0)), b, self.draw(shape, depth))
            if chance.maybe(0.5)
            else call("where", self.comparison(a, b), self.draw(shape, depth), a)
        )

    def comparison(self, a: Text, b: Text) -> Text:
        """1 or 0."""
        return Text(f"{a.at(_SUM)} {self.chance.pick(['>', '<', '>=', '<='])} {b.at(_SUM)}", _COMPARE)

    def _scalar(self, shape: Shape, depth: int) -> Text:
        chance = self.chance
        size, other = chance.pick(self.sizes), chance.pick(self.sizes)
        kind = chance.below(10)
        if kind == 9:
            loss = chance.pick(["cross_entropy", "binary_cross_entropy", "squared_error"])
            return call(loss, self.draw((size,), depth), self.draw((size,), depth))
        if kind == 0:
            return call("dot", self.draw((size,), depth), self.draw((size,), depth))
        if kind == 1:
            return join("@", self.draw((size,), depth), self.draw((size,), depth))
        if kind == 2:
            matrix = self.draw((size, other), 0)
            return Text(
                f"{self.leaf((size,)).at(_ATOM)} @ {matrix.at(_ATOM)} @ {self.leaf((other,)).at(_ATOM)}", _PRODUCT
            )
        if kind == 3:
            return Text(f"{self.leaf((size,)).at(_ATOM)}[{chance.pick(['0', '-1'])}]")
        if kind == 4:
            return call("mean", self.draw((size, other) if chance.maybe(0.3) else (size,), depth))
        if kind == 5:
            return call("logsumexp", self.draw((size,), depth))
        if kind == 6:
            return call("norm", self.draw((size, other) if chance.maybe(0.2) else (size,), depth))
        return call("sum", self.draw((size, other) if chance.maybe(0.3) else (size,), depth))

    def _vector(self, shape: Shape, depth: int) -> Text:
        chance, (size,) = self.chance, shape
        kind = chance.below(10)
        if kind < 5:
            other = chance.pick(self.sizes)
            return self.product(size, self.draw((other,), depth), other)
        if kind == 5:
            return call("softmax", self.draw(shape, depth))
        if kind == 6:
            return Text(f"{self.leaf((chance.pick(self.sizes), size)).at(_ATOM)}[{chance.pick(['0', '-1'])}]")
        if kind == 7:
            return join("@", call("diag", self.draw(shape, depth)), self.draw(shape, depth))
        if kind == 8 and size in self.named:
            return self._slice(size, depth)
        if len(size) == 2 and chance.maybe(0.7):
            first, second = ((name,) for name in size)
            return Text(f"[{self.draw((first,), depth).source}, {self.draw((second,), depth).source}]")
        return join("*", self.draw((), depth), self.draw(shape, depth))

    def _slice(self, size: Size, depth: int) -> Text:
        """The first or the last stretch of a concatenation, or of what is as long as one."""
        longer = [
            name for name, shape in self.values.items() if len(shape) == 1 and _beside(size, shape[0]) is not None
        ]
        if longer and self.chance.maybe(0.5):
            name = self.chance.pick(longer)
            rest = _beside(size, self.values[name][0])
            if rest is not None and self.chance.maybe(0.5):
                return Text(f"{name}[{plural(rest)}:]")
            return Text(f"{name}[:{plural(size)}]")
        own, other = self.draw((size,), depth), self.draw((self.chance.pick(self.sizes),), 0)
        if self.chance.maybe(0.2):
            mark = plural(tuple(sorted(size + size)))
            return Text(f"[{self.draw((size,), 0).source}, {own.source}, {other.source}][{plural(size)}:{mark}]")
        if self.chance.maybe(0.5):
            return Text(f"[{own.source}, {other.source}][:{plural(size)}]")
        third = self.draw((size,), 0)
        return Text(f"[{third.source}, {own.source}][{plural(size)}:]")

    def _matrix(self, shape: Shape, depth: int) -> Text:
        chance, (rows, columns) = self.chance, shape
        kind = chance.below(7)
        if kind < 2:
            return call("outer", self.draw((rows,), depth), self.draw((columns,), depth))
        if kind == 2:
            inner = chance.pick(self.sizes)
            return join("@", self.draw((rows, inner), depth), self.draw((inner, columns), 0))
        if kind == 3:
            return Text(f"{self.draw((columns, rows), depth).at(_ATOM)}.T")
        if kind == 4:
            return call("softmax", self.draw(shape, depth))
        if kind == 5 and rows == columns:
            return call("diag", self.draw((rows,), depth))
        return join("*", self.draw((), depth), self.draw(shape, depth))

    # What nets are made of

    def product(self, rows: Size, vector: Text, size: Size) -> Text:
        """A matrix by a vector of a size, on either side and in any of the ways in which one writes it."""
        chance = self.chance
        kind = chance.below(12)
        if kind < 5:
            return join("@", self.matrix_leaf((rows, size)), vector)
        if kind == 5:
            return join("@", vector, self.matrix_leaf((size, rows)))
        if kind == 6:
            return join("@", Text(f"{self.matrix_leaf((size, rows)).at(_ATOM)}.T"), vector)
        if kind == 7:
            return join("@", vector, Text(f"{self.matrix_leaf((rows, size)).at(_ATOM)}.T"))
        if kind == 8 and rows == size:
            matrix = self.matrix_leaf((rows, rows))
            return join("@", join("@", matrix, matrix if chance.maybe(0.6) else Text(f"{matrix.at(_ATOM)}.T")), vector)
        if kind == 9:
            return join(
                "@", self.matrix_leaf((rows, size)), Text(f"({self.leaf((size,)).source} * {vector.at(_MINUS)})")
            )
        if kind == 10 and rows in self.named:
            return self._cut(rows, size, vector)
        return join(
            "*", number(chance.pick(_SHARES)), Text(join("@", self.matrix_leaf((rows, size)), vector).at(_ATOM))
        )

    def _cut(self, rows: Size, size: Size, vector: Text) -> Text:
        """A stretch of the rows, or of the columns, of a larger matrix."""
        mark = plural(rows)
        if self.chance.maybe(0.6):
            matrix = self.param((tuple(sorted(rows + rows)), size), again=0.8)
            return join("@", Text(f"{matrix.source}[{self.chance.pick([':' + mark, mark + ':'])}]"), vector)
        matrix = self.param((size, tuple(sorted(rows + rows))), again=0.8)
        return join("@", vector, Text(f"{matrix.source}[:, {self.chance.pick([':' + mark, mark + ':'])}]"))

    def matrix_leaf(self, shape: Shape) -> Text:
        """Mostly a parameter."""
        return self.param(shape, again=0.35) if self.chance.maybe(0.9) else self.leaf(shape)

    def net(self, size: Size) -> Text:
        """A sum of products and biases, as the nets of gates are."""
        terms: list[Text] = []
        vectors = [(name, shape[0]) for name, shape in self.values.items() if len(shape) == 1]
        for _ in range(self.chance.count(0.25, 0.6, 0.15)):
            if not vectors:
                break
            name, its = self.chance.pick(vectors)
            terms.append(self.product(size, Text(name), its))
        if not terms or self.chance.maybe(0.6):
            terms.append(self.param((size,), again=0.2))
        if self.chance.maybe(0.15):
            terms.append(self.draw((size,), 1))
        total = terms[0]
        for term in terms[1:]:
            total = join("+" if self.chance.maybe(0.85) else "-", total, term)
        return total
