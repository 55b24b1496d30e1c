"""What a caller sees of the file: its documentation, types and prototypes, and the two functions for sizes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import NamedTuple

import sympy

from ...language import Variable
from ...sizes import Shape
from ..statement import Statement, indented, joined, local, piece, say, unmade
from .passes import READ, WRITTEN
from .printer import GAP
from .scope import Scope
from .statements import define

_WIDTH = 110


class Argument(NamedTuple):
    """An argument of a function: `const real *` and a name."""

    kind: str
    name: str


class Interface:
    """Writes the header comment, the types and the prototypes of one file."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.cell = scope.cell
        self.prefix = scope.prefix
        states = bool(self.cell.states)

        def arrays(names: Iterable[str], kind: str = READ) -> list[Argument]:
            return [Argument(kind, name) for name in names]

        def struct(kind: str, name: str, there: bool) -> list[Argument]:
            return [Argument(f"const {self.prefix}_{kind} *", name)] if there else []

        dims = arrays(scope.dims.values(), "size_t ")
        lengths = [*arrays("TN", "size_t "), *dims]
        given = [*lengths, *struct("params", "params", bool(self.cell.params)), *arrays(scope.inputs.values())]
        self.arguments: dict[str, list[Argument]] = {
            "tape_size": lengths,
            "work_size": dims or [Argument("void", "")],
            "forward": [
                *given, *struct("states_in", "initial", states), *arrays(scope.outputs.values(), WRITTEN),
                *struct("states_out", "final", states), *arrays(("tape", "work"), WRITTEN),
            ],
            "backward": [
                *given, *arrays(("tape", *scope.d_outputs.values())), *struct("states_in", "d_final", states),
                *struct("grads", "d_params", bool(self.cell.params)), *arrays(scope.d_inputs.values(), WRITTEN),
                *struct("states_out", "d_initial", states), Argument(WRITTEN, "work"),
            ],
        }  # fmt: skip

    # Documentation ------------------------------------------------------------------------------------------

    def header(self) -> list[str]:
        """The comment at the top of the file."""
        cell, scope, p = self.cell, self.scope, self.prefix
        lines = [f"{_plain(cell.name)}: forward and backward pass in C99, derived by symrnn.", ""]
        lines += [_plain(cell.doc.split("\n")[0]), ""] if cell.doc else []
        lines += ["Arrays are row-major, and their last axis is contiguous:", ""]
        rows = [("params", _grouped({scope.names[name]: shape for name, shape in cell.params.items()}, (), scope))]
        rows.append(("inputs", _grouped({scope.inputs[n]: s for n, s in cell.inputs.items()}, ("T", "N"), scope)))
        rows.append(("states", _grouped({scope.fields[n]: s for n, s in cell.states.items()}, ("N",), scope)))
        rows.append(("outputs", _grouped({scope.outputs[n]: s for n, s in cell.outputs.items()}, ("T", "N"), scope)))
        for title, text in rows:
            lines += textwrap.wrap(f"  {title:<9}{text}", _WIDTH - 10, subsequent_indent=" " * 11)
        renamed = [
            (name, variable.name)
            for variable in scope.variables.values()
            if variable.role in ("parameter", "input", "previous", "value")
            and (name := _called(scope, variable)) != variable.name
        ]
        if renamed:
            lines += ["", "Names that C does not take are spelt otherwise: "
                      + ", ".join(f"{new} for {_plain(old)}" for new, old in renamed) + "."]  # fmt: skip
        lines += ["", "T is the number of steps and N that of sequences, at least 1 each."]
        provided = "how many numbers the caller provides for `tape` and `work`; nothing is allocated here, and what "
        provided += "these held before does not matter."
        forward = "the outputs of every step, and the tape, which the backward pass reads."
        backward = (
            "the gradients of a loss L (set, not added to what is there), given those by the outputs of every step"
        )
        overlap = "No array that is written may overlap another"
        if cell.states:
            forward = forward.replace("step,", "step and the final states,") + " With `initial` NULL the states start "
            forward += "at zero. Without gradients it can be called for one step at a time, with the same arrays as "
            forward += "`initial` and `final`."
            backward += " and by the final states (`d_final`, NULL for zero)"
            overlap += ", except that `final` may be `initial` and `d_initial` may be `d_final`"
        backward += ". The sizes, the parameters, the inputs and the tape are those of the forward pass."
        lines += ["", *self._about(f"{p}_tape_size, {p}_work_size", provided)]
        lines += [*self._about(f"{p}_forward", forward), *self._about(f"{p}_backward", backward), ""]
        lines += [f"{overlap}.", "Compile with -DREAL_FLOAT for float; the type is double otherwise."]
        wrapped = [part for line in lines for part in (_wrap(line) if line else [""])]
        return ["/* " + wrapped[0], *(f" * {line}".rstrip() for line in wrapped[1:]), " */"]

    def _about(self, names: str, text: str) -> list[str]:
        return textwrap.wrap(f"{names}: {text}", _WIDTH - 10, subsequent_indent="    ")

    # Types and prototypes -----------------------------------------------------------------------------------

    def types(self) -> list[str]:
        scope = self.scope
        params = {scope.names[name]: shape for name, shape in self.cell.params.items()}
        states = {scope.fields[name]: shape for name, shape in self.cell.states.items()}
        lines: list[str] = []
        if params:
            lines += ["", *self._struct("params", params, (), "const real *")]
            lines += ["", *self._struct("grads", params, (), "real *", "gradients by the parameters")]
        if states:
            lines += ["", *self._struct("states_in", states, ("N",), "const real *", "states that are read")]
            lines += ["", *self._struct("states_out", states, ("N",), "real *", "states that are written")]
        return lines

    def _struct(
        self, name: str, members: dict[str, Shape], lead: tuple[str, ...], kind: str, about: str = ""
    ) -> list[str]:
        lines = [f"/* {about[0].upper()}{about[1:]}. */"] if about else []
        width = max(map(len, members)) + 1
        rows = [
            f"    {kind}{member + ';':<{width}}  /* {_axes(lead, shape, self.scope)} */"
            for member, shape in members.items()
        ]
        return [*lines, "typedef struct {", *rows, f"}} {self.prefix}_{name};"]

    def prototypes(self) -> list[str]:
        lines: list[str] = [""]
        for name in ("tape_size", "work_size", "forward", "backward"):
            lines += self._signature(name, ";")
        return lines

    def function(self, name: str, body: list[Statement]) -> list[str]:
        """A definition; arguments that its body has no use for are named there all the same."""
        spoken = unmade(body)
        idle = [argument.name for argument in self.arguments[name] if argument.name not in spoken]
        lines = [*(f"    (void){word};" for word in idle if word), *indented(body)]
        return [*self._signature(name, ""), "{", *lines, "}"]

    def _signature(self, name: str, end: str) -> list[str]:
        kind = "size_t" if name.endswith("_size") else "void"
        opening = f"{kind} {self.prefix}_{name}("
        # The arguments' own spaces are no places to break a line at.
        arguments = [f"{argument.kind}{argument.name}".replace(" ", GAP) for argument in self.arguments[name]]
        text = (opening + ", ".join(arguments) + f"){end}").replace(f"{kind} ", f"{kind}{GAP}", 1)
        pieces = textwrap.wrap(text, _WIDTH, subsequent_indent="    ", break_long_words=False)
        return [piece.replace(GAP, " ") for piece in pieces]

    # Sizes --------------------------------------------------------------------------------------------------

    def sizes(self, forward: sympy.Expr, backward: sympy.Expr) -> list[str]:
        scope = self.scope
        stride, final = scope.sizes.count(scope.storage.stride), scope.sizes.count(scope.storage.final)
        room = [piece("{} * ({})", local("T"), stride)] if scope.storage.stride != 0 else []
        room += [final] if room and scope.storage.final != 0 else []
        tape = say("return {} * ({});", local("N"), joined(" + ", room)) if room else say("return 0;")
        first, second = scope.counts
        counts = [scope.sizes.count(size) for size in (forward, backward)]
        if counts[0] == counts[1]:
            body = [say("return {};", counts[0])]
        else:
            body = [
                *(define("const size_t ", name, count) for name, count in zip(scope.counts, counts, strict=True)),
                say(f"return {first} > {second} ? {first} : {second};"),
            ]
        return [*self.function("tape_size", [tape]), "", *self.function("work_size", body)]


def _called(scope: Scope, variable: Variable) -> str:
    return scope.inputs[variable.name] if variable.role == "input" else scope.names[variable.name]


def _axes(lead: tuple[str, ...], shape: Shape, scope: Scope) -> str:
    sizes = [*lead, *(scope.sizes.size(size).code for size in shape)]
    return f"({', '.join(sizes)})" if sizes else "one number"


def _grouped(arrays: dict[str, Shape], lead: tuple[str, ...], scope: Scope) -> str:
    groups: dict[str, list[str]] = {}
    for name, shape in arrays.items():
        groups.setdefault(_axes(lead, shape, scope), []).append(name)
    return "; ".join(f"{', '.join(names)} {axes}" for axes, names in groups.items()) or "none"


def _wrap(line: str) -> list[str]:
    return [line] if line.startswith(" ") else textwrap.wrap(line, _WIDTH - 10)


def _plain(text: str) -> str:
    """A text that cannot end a comment, nor hide anything in it."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return shown.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")
