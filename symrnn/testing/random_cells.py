"""A Hypothesis strategy that writes random cells of the whole language, of the samples in the table of operations.

The cells are tame: divisors and arguments of logarithms and roots are bounded away from zero and states are
squashed, so that a gradient's rounding error says something about formulas and not about conditioning. Simple forms
come first in every choice, so that failures shrink to a cell that a person can read.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import strategies as st

from ..operations.table import ALL

_SAMPLES = [sample for row in ALL for sample in row.samples]
_ELEMENTWISE = [sample for sample in _SAMPLES if not sample.result]
_FORMS = {shape: [sample for sample in _SAMPLES if sample.result == shape] for shape in "nsSVm"}
_ANNOTATION = {"s": "scalar", "n": "(n,)", "m": "(m,)", "S": "(n, n)", "V": "(n, m)"}
_PARAMETERS = {"W": "(n, m)", "R": "(n, n)", "C": "(n, n + m)", "b": "(n,)", "w": "(m,)"}


@dataclass
class _Writer:
    """The text so far: names by shape, and the parameters' annotations."""

    draw: st.DrawFn
    names: dict[str, list[str]] = field(default_factory=lambda: {shape: [] for shape in _ANNOTATION})
    parameters: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def parameter(self, letter: str) -> str:
        """An old parameter (weights are sometimes shared) or a new one."""
        old = [name for name in self.parameters if name[0] == letter]
        if old and self.draw(st.booleans()):
            return self.draw(st.sampled_from(old))
        name = f"{letter}_{len(self.parameters)}"
        self.parameters[name] = _PARAMETERS[letter]
        return name

    def leaf(self, shape: str) -> str:
        if self.names[shape]:
            return self.draw(st.sampled_from(self.names[shape]))
        name = f"{'p' if shape in 'snm' else 'P'}_{len(self.parameters)}"
        self.parameters[name] = _ANNOTATION[shape]
        self.names[shape].append(name)
        return name

    def expression(self, shape: str, depth: int) -> str:
        kind = self.draw(st.sampled_from(("leaf", "elementwise", "form"))) if depth > 0 else "leaf"
        if kind == "leaf":
            return self.leaf(shape)
        if kind == "elementwise":
            sample = self.draw(st.sampled_from(_ELEMENTWISE))
            return sample.text.format(*(self.operand(shape, depth - 1) for _ in range(sample.places)))
        sample = self.draw(st.sampled_from(_FORMS[shape]))
        operands = [self.operand(letter, depth - 1) for letter in sample.operands]
        parameters = {letter: self.parameter(letter) for letter in _PARAMETERS if f"{{{letter}}}" in sample.text}
        return sample.text.format(*operands, **parameters)

    def operand(self, shape: str, depth: int) -> str:
        text = self.expression(shape, depth)
        return text if text.isidentifier() else f"({text})"

    def assign(self, name: str, shape: str, expression: str) -> None:
        self.lines.append(f"{name} = {expression}")
        if name not in self.names[shape]:
            self.names[shape].append(name)


_UPDATES = (
    "tanh({0})",
    "sigmoid({0}) * {h} + 0.5 * tanh({1})",
    "0.5 * {h} + tanh({0})",
    "(1 - sigmoid({0})) * {h} + sigmoid({0}) * tanh({1})",
)


@st.composite
def cells(draw: st.DrawFn, max_lines: int = 9) -> str:
    """The text of a random cell: vector, matrix and scalar states, one or two inputs, up to a dozen equations."""
    writer = _Writer(draw)
    inputs = draw(st.sampled_from((("m",), ("m", "n"), ("m", "s"))))
    states = draw(st.sampled_from((("n",), ("n", "n"), ("n", "S"), ("S",), ("n", "s"), ("n", "V"), ("n", "S", "s"))))
    input_names = [f"x_{k}" for k in range(len(inputs))]
    state_names = [f"h_{k}" if shape in "ns" else f"S_{k}" for k, shape in enumerate(states)]
    for name, shape in [*zip(input_names, inputs, strict=True), *zip(state_names, states, strict=True)]:
        writer.names[shape].append(name)
    for k in range(draw(st.integers(0, max_lines))):
        shape = draw(st.sampled_from("nnnsSmV"))
        writer.assign(f"{'v' if shape in 'snm' else 'V'}_{k}", shape, writer.expression(shape, 2))
    for name, shape in zip(state_names, states, strict=True):
        template = draw(st.sampled_from(_UPDATES))
        update = template.format(writer.operand(shape, 2), writer.operand(shape, 2), h=name)
        writer.assign(name, shape, update)
    finals = ", ".join(state_names)
    if draw(st.booleans()):
        writer.lines.append(f"return {finals}")
    else:
        shape = draw(st.sampled_from("nsS"))
        writer.assign("y", shape, writer.expression(shape, 2))
        writer.lines.append(f"return y, ({finals}{',' * (len(states) == 1)})")
    arguments = [
        f'{name}: "{_ANNOTATION[shape]}"'
        for name, shape in [*zip(input_names, inputs, strict=True), *zip(state_names, states, strict=True)]
    ]
    arguments.insert(len(inputs), "/")
    declared = [f"{name}: {annotation}" for name, annotation in writer.parameters.items()]
    used = " ".join(writer.lines)
    # A line that nothing reads is meant: an annotation says so.
    read = Counter(re.findall(r"\w+", used))
    shapes = {name: shape for shape, names in writer.names.items() for name in names}
    for k, line in enumerate(writer.lines):
        name, equals, value = line.partition(" = ")
        if equals and read[name] == 1:
            writer.lines[k] = f"{name}: {_ANNOTATION[shapes[name]]} = {value}"
    declared = [line for line in declared if line.split(":")[0] in used.replace("(", " ").replace(")", " ")]
    body = "\n    ".join([*declared, *writer.lines])
    return f"def random_cell({', '.join(arguments)}):\n    {body}\n"
