"""Whole cells, drawn from a seed: signature, annotations, lines and a `return`.

Written from the README's account of the language, and from nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from . import words
from .chance import Chance, Names
from .formulas import Formulas, Shape, Size, Text, call, join, number, plural

_GATES = [
    "sigmoid",
    "tanh",
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "relu",
    "softplus",
    "silu",
    "sin",
    "exp(tanh",
    "gelu",
    "",
]

_CONSTANTS = """
sigmoid(0); where(0.5 >= 0.2, 1, 2); exp(1); 1/3; sqrt(2); 0.5 > 1/3; relu(0); gelu(2); maximum(1, 2); tanh(0.5);
cos(0); floor(2.5); mod(7, 3); sign(0); abs(-2); log(2); 2 ** 0.5; softplus(0); clip(3, 0, 1); elu(-1); 3;
leaky_relu(-2); 0.1 + 0.2; hard_sigmoid(1); gelu_tanh(1); silu(1); minimum(1, 0.5); square(2); sin(1);
stop_gradient(1.5); erf(0.5)
""".replace("\n", " ").strip().split("; ")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drawn:
    """A cell's text, and the shape that each of its names was drawn with."""

    text: str
    shapes: dict[str, Shape]

    @property
    def sizes(self) -> list[str]:
        """The names of sizes in the shapes, first seen first."""
        return list(dict.fromkeys(name for shape in self.shapes.values() for size in shape for name in size))


def draw(seed: int) -> Drawn:
    """The cell of a seed, the same on every Python."""
    return _Maker(Chance(seed)).cell()


class _Maker:
    """A cell in the making."""

    def __init__(self, chance: Chance) -> None:
        self.chance, self.names = chance, Names(chance)
        self.lines: list[str] = []
        self.notes: list[str] = []  # annotations on lines of their own
        self.annotated = chance.maybe(0.45)
        count = chance.count(0.4, 0.4, 0.2) if self.annotated else 2
        usual = ["n", "m", "p", "q", "d", "k"]
        sizes: list[Size] = [(self.names.new(usual),) for _ in range(count)] if self.annotated else [("n",), ("m",)]
        if not self.annotated:
            self.names.take("n", "m")
        named = sizes if self.annotated else sizes[:1]
        if self.annotated and chance.maybe(0.25):  # what a concatenation has
            sizes = named = [*sizes, tuple(sorted(chance.pick(sizes) + chance.pick(sizes)))]
        self.formulas = Formulas(chance, self.names, sizes, named)
        self.inputs = self._arguments(chance.count(0.65, 0.22, 0.13), ["x", "x", "u", "k", "z"], sizes[-1])
        self.states = self._arguments(chance.count(0.45, 0.3, 0.15, 0.1), ["h", "c", "S", "s", "m_1"], sizes[0])
        self.formulas.values = {**self.inputs, **self.states}
        self.computed: dict[str, Shape] = {}
        self.spelled = False
        self.assigned: set[str] = set()

    def _arguments(self, count: int, usual: list[str], size: Size) -> dict[str, Shape]:
        shapes: dict[str, Shape] = {}
        for _ in range(count):
            rank = self.chance.pick([1, 1, 1, 1, 0, 2])
            if self.annotated:
                shape = tuple(self.chance.pick(self.formulas.sizes) for _ in range(rank))
            else:
                shape = (size,) * rank
            shapes[self.names.new(usual)] = shape
        return shapes

    def cell(self) -> Drawn:
        """Draw the lines, the return, and put the text together."""
        chance = self.chance
        blocks = chance.count(0.25, 0.3, 0.2, 0.15, 0.1)
        for _ in range(blocks):
            self._block()
            for state, shape in self.states.items():
                if state not in self.assigned and chance.maybe(0.35):
                    self._assign_state(state, shape)
        if chance.maybe(0.15):
            self._block()
        ending = self._ending()
        read = re.findall(r"(?<![.\w])\w+", " ".join([*self.lines, ending]))  # a transpose reads no `T`
        told = [self.inputs, self.states] if self.annotated else []
        told = [name for shapes in told for shape in shapes.values() for size in shape for name in size]
        if any(name in read and name not in told for size in self.formulas.named for name in size):
            self.annotated = self.spelled = True  # a size that is written has to be that of something
            self.formulas.named = self.formulas.sizes
        params = {name: shape for name, shape in self.formulas.params.items() if name in read}
        shapes = {**self.inputs, **self.states, **params}
        sizes = {size for shape in shapes.values() for size in shape}
        for name in dict.fromkeys(name for size in sorted(sizes) for name in size if self.annotated):
            if (name,) not in sizes:  # an array that says how large it is
                shapes[extra := self.names.new(["x", "u"])] = self.inputs[extra] = ((name,),)
        name = self.names.new(["cell", "unit", "f"])
        parts = ([*self.inputs, "/"] if len(self.inputs) > 1 or chance.maybe(0.1) else [*self.inputs]) + [*self.states]
        head = ", ".join(part if part == "/" else self._annotated(part, shapes[part]) for part in parts)
        for param, shape in params.items():
            self._note(param, shape)
        document = [f'"""{chance.pick(words.DOCSTRINGS)}"""'] if chance.maybe(0.2) else []
        body = [*document, *self.notes, *self.lines, ending]
        return Drawn(f"def {name}({head}):\n" + "".join(f"    {line}\n" for line in body), self.computed | shapes)

    # Annotations

    def _annotated(self, name: str, shape: Shape) -> str:
        note = self._shape_note(name, shape, wanted=self.annotated)
        if note and self.chance.maybe(0.15):
            self.notes.append(f"{name}: {note}")
            return name
        return f"{name}: {note}" if note else name

    def _note(self, name: str, shape: Shape) -> None:
        wanted = self.chance.maybe(0.12) and all(size in self.formulas.named for size in shape)
        wanted = wanted or self.spelled
        if any(len(size) > 1 for size in shape):  # a matrix that is cut says how large it is, where it can
            wanted = all((name,) in self.formulas.named for size in shape for name in size)
        if note := self._shape_note(name, shape, wanted):
            self.notes.append(f"{name}: {note}")

    def _shape_note(self, name: str, shape: Shape, wanted: bool) -> str:
        """What must be said of a name's shape, or may be."""
        if not shape:
            return "scalar"
        if wanted:
            inner = ", ".join(plural(size) for size in shape)
            return f"({inner},)" if len(shape) == 1 else f"({inner})"
        if name[0].isupper() != (len(shape) == 2):
            return "matrix" if len(shape) == 2 else "vector"
        return ""

    # Lines

    def _set(self, name: str, value: Text, shape: Shape) -> None:
        self.lines.append(f"{name} = {value.source}")
        self.formulas.values.pop(name, None)
        self.formulas.values[name] = self.computed[name] = shape

    def _block(self) -> None:
        chance, formulas = self.chance, self.formulas
        kind = chance.below(20)
        if kind < 9:
            self._gates()
        elif kind < 14:
            shape = self._shape()
            self._set(self.names.new(), formulas.draw(shape, chance.count(0.2, 0.5, 0.3)), shape)
        elif kind == 14:  # of parameters alone
            shape = self._shape()
            alone = replace(formulas, values={})
            self._set(self.names.new(), alone.draw(shape, 2), shape)
        elif kind == 15:
            self._constant()
        elif kind == 16:  # what nothing reads
            shape = self._shape()
            name = self.names.new()
            self._set(name, formulas.draw(shape, 2), shape)
            del formulas.values[name]
        elif kind == 17:  # a value or an input that changes its meaning
            own = [name for name in formulas.values if name not in self.states]
            name = chance.pick(own)
            shape = formulas.values[name]
            change = [
                call("tanh", Text(name)),
                join("*", number("0.5"), Text(name)),
                join("+", Text(name), formulas.draw(shape, 1)),
            ]
            self._set(name, chance.pick(change), shape)
        elif kind == 18:  # another name for what a state was or is
            state = chance.pick(list(self.states))
            self._set(self.names.new(["prev", "old", "h_old"]), Text(state), self.states[state])
        else:
            self._gates()
            self._gates()

    def _constant(self) -> None:
        self._set(self.names.new(), Text(self.chance.pick(_CONSTANTS), 0), ())

    def _shape(self) -> Shape:
        rank = self.chance.pick([0, 1, 1, 1, 1, 1, 2])
        return tuple(self.chance.pick(self.formulas.sizes) for _ in range(rank))

    def _gates(self) -> None:
        """Some gates of one size, then what they make together."""
        chance, formulas = self.chance, self.formulas
        size = formulas.sizes[0] if chance.maybe(0.7) else chance.pick(formulas.sizes)
        made: list[str] = []
        for _ in range(chance.count(0.3, 0.3, 0.25, 0.15)):
            net, name, function = formulas.net(size), self.names.new(), chance.pick(_GATES)
            if chance.maybe(0.25):
                inner = self.names.new(["a", "net", "z", "a_f", "u"])
                self._set(inner, net, (size,))
                net = Text(inner)
            value = net if not function else call(function, net)
            self._set(name, Text(value.source + ")") if "(" in function else value, (size,))
            made.append(name)
        if len(made) > 1 and chance.maybe(0.5):
            f, *others = (Text(name) for name in made)
            g = chance.pick(others)
            total = join("+", join("*", f, formulas.leaf((size,))), join("*", join("-", number("1"), f), g))
            self._set(self.names.new(), total, (size,))

    # States and the end

    def _assign_state(self, state: str, shape: Shape) -> None:
        self._set(state, self._new_value(state, shape), shape)
        self.assigned.add(state)

    def _new_value(self, state: str, shape: Shape) -> Text:
        """Mostly something that stays in bounds over many steps."""
        chance, formulas = self.chance, self.formulas
        inner = formulas.draw(shape, chance.count(0.35, 0.45, 0.2))
        kind = chance.below(8)
        if len(shape) == 1 and kind < 3:
            inner = formulas.net(shape[0])
        if kind in (0, 3):
            return call("tanh", inner)
        if kind in (1, 4):
            share = chance.pick(["0.5", "0.9", "0.1", "1/3"])
            return join(
                "+", join("*", number(share), Text(state)), call(chance.pick(["tanh", "sin", "sigmoid"]), inner)
            )
        if kind == 5:
            f = call("sigmoid", formulas.draw(shape, 1))
            return join("+", join("*", f, Text(state)), join("*", join("-", number("1"), f), call("tanh", inner)))
        if kind == 6:
            return call("tanh", inner) if chance.maybe(0.7) else inner
        return join("*", number("0.5"), call("tanh", inner))

    def _ending(self) -> str:
        """One of the forms of `return`."""
        chance, states = self.chance, list(self.states)
        slots = {state: self._slot(state) for state in states}
        if chance.maybe(0.08) and len(states) > 1 and self.states[states[0]] == self.states[states[1]]:
            slots[states[0]], slots[states[1]] = states[1], f"0.9 * {states[0]}"  # swapped
        plain = ", ".join(slots.values())
        if chance.maybe(0.4):
            return f"return {plain}"
        outputs = [self._output() for _ in range(chance.count(0.6, 0.25, 0.15))]
        shown = (
            outputs[0]
            if len(outputs) == 1 and chance.maybe(0.8)
            else "(" + ", ".join(outputs) + ("," if len(outputs) == 1 else "") + ")"
        )
        return f"return {shown}, ({plain}{',' if len(states) == 1 else ''})"

    def _slot(self, state: str) -> str:
        if state in self.assigned and self.chance.maybe(0.85):
            return state
        return self._new_value(state, self.states[state]).source

    def _output(self) -> str:
        chance, formulas = self.chance, self.formulas
        made = [name for name in formulas.values if name not in self.states or name in self.assigned]
        if made and chance.maybe(0.6):
            return chance.pick(made)
        shape = self._shape()
        if not formulas.values or chance.maybe(0.05):
            return replace(formulas, values={}).draw(shape, 1).source
        return formulas.draw(shape, chance.count(0.6, 0.4)).source
