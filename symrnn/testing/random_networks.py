"""A Hypothesis strategy that writes random networks: cells, of the zoo and their own, and the wires between them.

Layers are stacked, run from the end, share parameters, stand side by side on slices; they begin at zero, at a learned
state, or at one that is given or another layer ends in. There are tokens, contexts, an axis of its own that is attended
to, masks, lengths, losses and outputs. What a line computes goes through a parameter of its own wherever two sizes
might clash, so that every text can be read. Simple forms come first in every choice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

CELLS = {
    "plain": """\
def plain(x, h):
    h = tanh(W @ x + R @ h + b)
    return h
""",
    "pair": """\
def pair(x, z, /, h):
    h = sigmoid(A @ z) * h + tanh(W @ x + b)
    y = tanh(U @ h)
    return y, (h,)
""",
    "attend": """\
def attend(x, H: matrix, /, h):
    a = softmax(H @ tanh(Q @ h))
    h = tanh(W @ x + R @ h + C @ (a @ H))
    return h
""",
}
_STATES = {"plain": 1, "pair": 1, "attend": 1, "gru": 1, "lstm": 2}


@dataclass
class _Writer:
    """The text so far. `steps` are values over T, `wholes` one value a sequence, `matrices` all steps of S as rows."""

    draw: st.DrawFn
    arguments: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    wholes: list[str] = field(default_factory=list)
    matrices: list[str] = field(default_factory=list)
    cells: dict[str, None] = field(default_factory=dict)
    scans: list[tuple[str, str, str]] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    made: int = 0

    def fresh(self, letter: str) -> str:
        self.made += 1
        return f"{letter}{self.made}"

    def chance(self, *choices: str) -> str:
        return self.draw(st.sampled_from(choices))

    def one(self, names: list[str]) -> str:
        """A value, one that nothing has read yet rather than others."""
        unread = [name for name in names if name not in self.read]
        name = self.draw(st.sampled_from((unread or names)[::-1]))
        self.read.add(name)
        return name

    def sequence(self) -> str:
        """A value over T, as it is or led."""
        name = self.one(self.steps)
        form = self.chance("{}", "{}[t-1]", "reverse({})", "{}[t-2]")
        return form.format(name)

    def whole(self) -> str:
        """One value a sequence: given, or made of a sequence."""
        if self.wholes and self.draw(st.booleans()):
            return self.one(self.wholes)
        way = self.chance("last({})", "mean({}, over=time)", "first({})", "sum({}, over=time)")
        return way.format(self.one(self.steps))

    def projected(self, value: str) -> str:
        return f"{self.fresh('P')} @ {value}"

    # Lines --------------------------------------------------------------------------------------------------

    def scan(self) -> None:
        kinds = ["plain", "gru", "lstm", "pair", *(["attend"] if self.matrices else [])]
        cell = self.draw(st.sampled_from(kinds))
        if cell in CELLS:
            self.cells[cell] = None
        name, given = self.fresh("h"), self.sequence()
        shared = [(other, x) for other, of, x in self.scans if of == cell]
        options = ""
        inputs = given
        if shared and self.draw(st.booleans()):
            other, x = self.draw(st.sampled_from(shared))
            inputs = self.draw(st.sampled_from((x, f"reverse({x})"))) if x.isidentifier() else x
            options += f", params={other}"
        elif cell not in ("pair", "attend"):
            self.scans.append((name, cell, inputs))
        if cell == "pair":
            inputs += f", {self.draw(st.sampled_from((self.whole(), self.sequence())))}"
        if cell == "attend":
            inputs += f", {self.draw(st.sampled_from(self.matrices))}"
        if self.draw(st.booleans()):
            options += ", reverse=True"
        if "params" not in options:
            options += self.init(cell)
        targets = name
        if self.draw(st.booleans()):
            finals = [self.fresh("f") for _ in range(_STATES[cell])]
            targets += f", ({', '.join(finals)}{',' * (len(finals) == 1)})"
            self.wholes += finals
        self.lines.append(f"{targets} = scan({cell}, {inputs}{options})")
        self.steps.append(name)

    def init(self, cell: str) -> str:
        """How a scan begins: at zero, at a learned state, at a given one, at what others end in."""
        kind = self.chance("zero", "learned", "context", "other")
        starts: list[str] = []
        for _ in range(_STATES[cell]):
            if kind == "learned":
                starts.append(self.fresh("s"))
            elif kind == "context":
                starts.append(self.fresh("z"))
                self.arguments.append(f"{starts[-1]}: context")
            elif kind == "other":
                starts.append(self.projected(self.whole()))
        if not starts:
            return ""
        several = ", ".join(starts)
        return f", init=({several})" if len(starts) > 1 else f", init={several}"

    def heads(self) -> None:
        name = self.fresh("h")
        self.lines.append(f"{name} = scan(heads(gru, 2), {self.projected(self.sequence())})")
        self.steps.append(name)

    def stack(self) -> None:
        """Layers of one cell in a loop."""
        self.cells["plain"] = None
        name = self.fresh("h")
        self.lines += [
            f"{name} = tanh({self.projected(self.sequence())})",
            "for k in range(2):",
            f"    {name} = scan(plain, {name})",
        ]
        self.steps.append(name)

    def compute(self) -> None:
        name = self.fresh("v")
        form = self.chance("tanh({0})", "[{1}, {2}]", "sigmoid({0}) * tanh({3})", "{0} + {3}", "softmax({0})")
        parts = self.projected(self.sequence()), self.sequence(), self.sequence(), self.projected(self.whole())
        self.lines.append(f"{name} = {form.format(*parts)}")
        self.steps.append(name)

    def attention(self) -> None:
        """All places of S weighed at every step of T."""
        name, weights = self.fresh("v"), self.fresh("a")
        matrix = self.draw(st.sampled_from(self.matrices))
        self.lines += [
            f"{weights} = softmax({matrix} @ tanh({self.projected(self.sequence())}))",
            f"{name} = {weights} @ {matrix}",
        ]
        self.steps.append(name)

    # The ends -----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """What is given: a sequence or tokens, a context, an axis of its own."""
        if self.chance("vectors", "tokens") == "vectors":
            self.arguments.append("x")
            self.steps.append("x")
        else:
            form = self.chance("embed(E, ids)", "one_hot(ids)")
            # Unit vectors are as long as there are classes, which no array need tell.
            self.arguments.append("ids: integer" if "E" in form else "ids: integer(4)")
            self.lines.append(f"e = {form}")
            self.steps.append("e")
        if self.draw(st.booleans()):
            self.arguments.append("u: context(r)")
            self.wholes.append("u")
        if self.draw(st.booleans()):
            self.cells["plain"] = None
            self.arguments.append("source: over(S)")
            self.lines += ["d, (dS,) = scan(plain, source)", "D = rows(d)"]
            self.wholes.append("dS")
            self.matrices.append("D")
            if self.draw(st.booleans()):
                self.arguments.append("until: lengths(S)")

    def loss(self) -> tuple[str, bool]:
        """A loss, and whether it has one value a step."""
        if every := self.chance("step", "sequence") == "step":
            scores, axis = self.projected(self.sequence()), ""
        else:
            scores, axis = self.projected(self.whole()), "context"
        form = self.chance(
            "squared_error({0}, y)", "cross_entropy({0}, targets)", "binary_cross_entropy({0}, y)",
            "sum(({0} - y)**2) * w0", "logsumexp({0}) + norm(y)",
        )  # fmt: skip
        if "w0" in form:
            self.lines.append("w0: scalar")
        if "targets" in form:
            self.arguments.append("targets: context(integer)" if axis else "targets: integer")
        else:
            self.arguments.append("y: context" if axis else "y")
        return form.format(scores), every


@st.composite
def networks(draw: st.DrawFn, max_lines: int = 4) -> str:
    """The text of a random network, with the cells of its own that it scans."""
    writer = _Writer(draw)
    writer.begin()
    writer.scan()
    for _ in range(draw(st.integers(0, max_lines - 1))):
        kinds: list[Callable[[], None]] = [writer.scan, writer.compute, writer.stack, writer.heads]
        kinds += [writer.attention] if writer.matrices else []
        line = draw(st.sampled_from(kinds))
        line()
    mean, counting = "", ""
    loss, every = "", True
    if draw(st.sampled_from(("loss", "loss and outputs", "outputs"))) != "outputs":
        loss, every = writer.loss()
        axes = ("", "T, N", "T", "N") if every else ("", "N")
        mean = draw(st.sampled_from(axes))
    counting = draw(st.sampled_from(("", "lengths", *(["mask"] if loss and every else []))))
    if counting:
        writer.arguments.append(f"count: {counting}")
    outputs = list(dict.fromkeys(writer.one(writer.steps + writer.wholes) for _ in range(draw(st.integers(0, 2)))))
    outputs = [name for name in outputs if name not in ("x", "u")]
    if not loss and not outputs:
        outputs = [next(name for name in reversed(writer.steps) if name != "x")]
    beside = f"({', '.join(outputs)}{',' * (len(outputs) == 1)})"
    returned = f"{loss}, {beside}" if loss and outputs else loss or ", ".join(outputs)
    head = f"def net({', '.join(writer.arguments)}){f' -> mean({mean})' if mean else ''}:"
    body = "\n".join(f"    {line}" for line in [*writer.lines, f"return {returned}"])
    return "\n\n".join([*(CELLS[cell] for cell in writer.cells), f"{head}\n{body}\n"])
