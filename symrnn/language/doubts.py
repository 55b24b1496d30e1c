"""What a cell's text allows and its writer hardly meant: a misspelt name, an input or a line that nothing reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import CellWarning, Span
from ..sizes import Shape
from .nodes import Apply, Name, Node, Number, walk
from .program import Program, Variable
from .read import Definition

# What a parameter goes through to stay in a range of its own, exp(−exp(a_log)), or to lie as it is needed, R.T.
# Anything else of parameters alone, `W @ k` or `tanh(d)`, is the same at every step and could be a parameter itself.
_OF_A_PARAMETER = {
    *("exp", "log", "sigmoid", "softplus", "softmax", "square", "sqrt", "abs"),
    *("neg", "pow", "transpose", "diag", "add", "sub"),
}

_GREEK = {
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"),
    *("nu", "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
}


def doubts(definition: Definition, program: Program) -> tuple[CellWarning, ...]:
    """Everything doubtful in a cell, in the order of the text; a name that is annotated is meant as it stands."""
    return _Doubts(definition, program).all()


@dataclass(frozen=True, slots=True)
class _Doubt:
    span: Span
    problem: str
    mend: str


class _Doubts:
    """Who reads what in a cell, and what that says."""

    def __init__(self, definition: Definition, program: Program) -> None:
        self.source = definition.source
        self.program = program
        self.doubtful = definition.doubtful
        self.meant = {name for name, _ in definition.declared}
        # A name's uses, each by the operations around it, the innermost first; the last is the name itself.
        self.uses: dict[str, list[tuple[Node, ...]]] = {name: [] for name in program.variables}
        for line in program.assignments:
            for leaf, around in _leaves(line.node, ()):
                self.uses[leaf.id].append((leaf, *around))
        spans = dict(zip((*definition.inputs, *definition.states), definition.argument_spans, strict=True))
        self.spans = {v.name: spans[v.written] for v in program.variables.values() if v.role in ("input", "previous")}
        self.spans |= {line.name: line.span for line in program.assignments}
        self.values = [v for v in program.variables.values() if v.role != "parameter"]
        self.lone = [name for name in program.params if name not in self.meant and len(self.uses[name]) == 1]

    def all(self) -> tuple[CellWarning, ...]:
        leaves = {*self.program.outputs, *(state.new for state in self.program.states)}
        idle = [
            v for v in self.values if not self.uses[v.name] and v.name not in leaves and v.written not in self.meant
        ]
        found: dict[Span, _Doubt] = {}
        for name in self.lone:
            meant = self._meant(name, idle) or self._partner(name)
            if meant is not None:
                idle = [v for v in idle if v is not meant]
                found[self.uses[name][0][0].span] = self._misspelt(name, meant)
            elif (node := self._alone(name)) is not None:
                found.setdefault(node.span, self._constant(name, node))
            elif (node := self._complement(name)) is not None:
                found[node.span] = self._half(name, node)
        found |= {self.spans[v.name]: self._unread(v) for v in idle}
        found |= {span: _Doubt(span, problem, mend) for span, problem, mend in self.doubtful}
        own = [doubt for doubt in found.values() if not doubt.span.foreign]
        doubts = sorted(own, key=lambda doubt: (doubt.span.line, doubt.span.column))
        return tuple(self.source.warning(doubt.problem, doubt.span, mend=doubt.mend) for doubt in doubts)

    # A misspelt name ------------------------------------------------------------------------------------------

    def _meant(self, name: str, idle: list[Variable]) -> Variable | None:
        """The value that a parameter's name looks like a slip for: one that nothing else reads comes first."""
        for value in (*idle, *self.values):
            word = value.written
            if {name.partition("_")[0], word.partition("_")[0]} <= _GREEK:
                continue  # beta beside eta is no slip
            if _doubled_or_swapped(name, word) or _one_letter_off(name, word):
                return value
            if name.lower() == word.lower() and (word != word.lower() or not self._is_matrix_of_a_product(name)):
                return value
        return None

    def _is_matrix_of_a_product(self, name: str) -> bool:
        """Whether `R` is used as matrices are, in `R @ h`: beside a value r it is a name of its own."""
        inner = [node.operation for node in self._around(name)]
        return "matmul" in inner[: 1 + (inner[:1] == ["transpose"])]

    def _alone(self, name: str) -> Apply | None:
        """The operation around a parameter that takes nothing but parameters; of these, one of the lowest rank is
        doubtful."""
        variables = self.program.variables
        for node in self._around(name):
            others = [variables[leaf.id] for leaf in walk(node) if isinstance(leaf, Name)]
            if any(v.role != "parameter" or len(v.shape) < len(variables[name].shape) for v in others):
                return None
            if node.operation == "matmul" and len(node.shape) == 2 and node is not self._around(name)[-1]:
                continue  # a matrix of low rank, A @ B @ h
            parts = [operand for operand in node.operands if not isinstance(operand, Number)]
            if node.operation not in _OF_A_PARAMETER and (len(parts) > 1 or len(node.operands) == 1):
                return node
        return None

    def _complement(self, name: str) -> Apply | None:
        """`1 - z` of a parameter z that is read nowhere else: half of `(1 - z) * h + z * n`."""
        first = next(iter(self._around(name)), None)
        return first if first is not None and _complements(first) == name else None

    def _partner(self, name: str) -> Variable | None:
        """The z of a neighbour `(1 - z) * h` where the parameter is the factor of a summand."""
        factor, *sums = self._around(name) or (None,)
        if factor is None or factor.operation != "mul":
            return None
        for node in sums:
            if node.operation not in ("add", "sub", "mul"):
                return None
            for inner in walk(node):
                other = _complements(inner)
                variable = self.program.variables[other] if other else None
                if node.operation != "mul" and variable is not None and variable.role != "parameter":
                    return variable if len(self.uses[other]) == 1 else None
        return None

    def _around(self, name: str) -> tuple[Apply, ...]:
        """The operations around the one use of a parameter, the innermost first."""
        return tuple(node for node in self.uses[name][0] if isinstance(node, Apply))

    # What is said ---------------------------------------------------------------------------------------------

    def _misspelt(self, name: str, meant: Variable) -> _Doubt:
        return _Doubt(
            self.uses[name][0][0].span,
            f"`{name}` gets no value, so it is a parameter; did you mean `{meant.written}`?",
            f"write `{meant.written}`; if a parameter is meant, say so on a line of its own: {self._annotated(name)}",
        )

    def _constant(self, name: str, node: Apply) -> _Doubt:
        known = ", ".join(dict.fromkeys(value.written for value in self.values))
        return _Doubt(
            node.span,
            f"`{self.source.excerpt(node.span)}` is made of parameters alone: `{name}` gets no value, so it is one",
            f"is one of these meant: {known}? If not, say so on a line of its own: {self._annotated(name)}",
        )

    def _half(self, name: str, node: Apply) -> _Doubt:
        return _Doubt(
            node.span,
            f"`{self.source.excerpt(node.span)}` has no counterpart: `{name}` gets no value and is read nowhere else",
            f"is another name meant? If it is a parameter, say so on a line of its own: {self._annotated(name)}",
        )

    def _unread(self, variable: Variable) -> _Doubt:
        what = {"input": "the input", "previous": "the old value of the state"}.get(variable.role, "the value of")
        return _Doubt(
            self.spans[variable.name],
            f"nothing reads {what} `{variable.written}`",
            f"use it or take it out; if it is meant, annotate it: {self._annotated(variable.name)}",
        )

    def _annotated(self, name: str) -> str:
        variable = self.program.variables[name]
        return f"`{variable.written}: {_kind(variable.shape)}`"


def _kind(shape: Shape) -> str:
    return ("scalar", "vector", "matrix")[len(shape)]


def _leaves(node: Node, around: tuple[Node, ...]) -> Iterator[tuple[Name, tuple[Node, ...]]]:
    if isinstance(node, Name):
        yield node, around
    elif isinstance(node, Apply):
        for operand in node.operands:
            yield from _leaves(operand, (node, *around))


def _complements(node: Node) -> str:
    """The name z of `1 - z`, or nothing."""
    match node:
        case Apply(operation="sub", operands=(Number() as one, Name() as name)) if one.value == 1:
            return name.id
        case _:
            return ""


# Spelling ----------------------------------------------------------------------------------------------------


def _doubled_or_swapped(name: str, word: str) -> bool:
    """Whether a name is a word with a letter twice, or once instead of twice, or with two letters swapped."""
    if len(name) == len(word):
        return any(word[:k] + word[k + 1] + word[k] + word[k + 2 :] == name for k in range(len(word) - 1))
    short, long = sorted((name, word), key=len)
    doubles = (k for k in range(1, len(long)) if long[k] == long[k - 1] and long[k].isalpha())
    return len(long) == len(short) + 1 and any(long[:k] + long[k + 1 :] == short for k in doubles)


def _one_letter_off(name: str, word: str) -> bool:
    """Whether one letter is lost, added or replaced within a part of a word that is longer than a letter (`p_i` and
    `a_i`, `b_f` and `b_g` are names of a family), or a part of one letter is lost and leaves its underscore."""
    if name.strip("_") != name:
        return any(word[:k] + word[k + 1 :] == name for k in range(len(word)) if word[k] != "_")
    parts, others = (re.findall(r"[^\W\d_]+|\d+", text) for text in (name, word))
    unlike = [(a, b) for a, b in zip(parts, others, strict=False) if a != b]
    if len(parts) != len(others) or len(unlike) != 1:
        return False
    short, long = sorted(unlike[0], key=len)
    if len(short) == len(long):
        return len(short) > 1 and sum(a != b for a, b in zip(short, long, strict=True)) == 1
    return len(short) > 1 and any(long[:k] + long[k + 1 :] == short for k in range(len(long)))
