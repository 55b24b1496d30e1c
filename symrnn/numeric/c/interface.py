"""What a caller sees of the file: its documentation, types and prototypes, and the two functions for sizes."""

from __future__ import annotations

import re
import textwrap

import sympy

from ...language import Variable
from ...sizes import Shape
from .passes import words
from .scope import Scope

_WIDTH = 110


class Interface:
    """Writes the header comment, the types and the prototypes of one file."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.cell = scope.cell
        self.prefix = scope.prefix
        self.dims = [f"size_t {name}" for name in scope.dims.values()]
        stateful, s = bool(self.cell.states), scope
        params = [f"const {self.prefix}_params *params"] if self.cell.params else []
        inputs = [f"const real *{name}" for name in s.inputs.values()]
        self.arguments: dict[str, list[str]] = {
            "tape_size": ["size_t T", "size_t N", *self.dims],
            "work_size": list(self.dims) or ["void"],
            "forward": [
                "size_t T", "size_t N", *self.dims, *params, *inputs,
                *([f"const {self.prefix}_states_in *initial"] if stateful else []),
                *(f"real *{name}" for name in s.outputs.values()),
                *([f"const {self.prefix}_states_out *final"] if stateful else []),
                "real *tape", "real *work",
            ],
            "backward": [
                "size_t T", "size_t N", *self.dims, *params, *inputs, "const real *tape",
                *(f"const real *{name}" for name in s.d_outputs.values()),
                *([f"const {self.prefix}_states_in *d_final"] if stateful else []),
                *([f"const {self.prefix}_grads *d_params"] if self.cell.params else []),
                *(f"real *{name}" for name in s.d_inputs.values()),
                *([f"const {self.prefix}_states_out *d_initial"] if stateful else []),
                "real *work",
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

    def function(self, name: str, body: list[str]) -> list[str]:
        """A definition; arguments that its body has no use for are named there all the same."""
        spoken = words("\n".join(body))
        idle = [
            word
            for argument in self.arguments[name]
            if (word := re.split(r"[ *]", argument)[-1]) != "void" and word not in spoken
        ]
        lines = [f"    (void){word};" for word in idle]
        lines += [f"    {line}" if line else "" for line in body]
        return [*self._signature(name, ""), "{", *lines, "}"]

    def _signature(self, name: str, end: str) -> list[str]:
        kind = "size_t" if name.endswith("_size") else "void"
        opening = f"{kind} {self.prefix}_{name}("
        # The arguments' own spaces are no places to break a line at.
        arguments = [argument.replace(" ", "\0") for argument in self.arguments[name]]
        text = opening + ", ".join(arguments) + f"){end}"
        pieces = textwrap.wrap(
            text.replace(f"{kind} ", f"{kind}\0", 1), _WIDTH, subsequent_indent="    ", break_long_words=False
        )
        return [piece.replace("\0", " ") for piece in pieces]

    # Sizes --------------------------------------------------------------------------------------------------

    def sizes(self, forward: sympy.Expr, backward: sympy.Expr) -> list[str]:
        scope = self.scope
        stride, final = scope.sizes.count(scope.storage.stride), scope.sizes.count(scope.storage.final)
        room = f"T * ({stride})" if stride != "0" else ""
        room += f" + {final}" if final != "0" else ""
        lines = self.function("tape_size", [f"return N * ({room});" if room else "return 0;"])
        counts = [scope.sizes.count(size) for size in (forward, backward)]
        if counts[0] == counts[1]:
            body = [f"return {counts[0]};"]
        else:
            first, second = scope.counts
            body = [
                f"const size_t {first} = {counts[0]};",
                f"const size_t {second} = {counts[1]};",
                f"return {first} > {second} ? {first} : {second};",
            ]
        return [*lines, "", *self.function("work_size", body)]


def _called(scope: Scope, variable: Variable) -> str:
    return scope.inputs[variable.name] if variable.role == "input" else scope.names[variable.name]


def _axes(lead: tuple[str, ...], shape: Shape, scope: Scope) -> str:
    sizes = [*lead, *(scope.sizes.size(size) for size in shape)]
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
